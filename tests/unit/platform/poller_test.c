/* The poller on pipes. */
#include "core/platform/platform.h"

#include <unistd.h>

#include "tests/support/test.h"

struct fixture {
    struct tpi_poller *poller;
    int ends[2];
    struct tpi_poll_event events[8];
};

static void begin(struct fixture *f) {
    TP_ASSERT_EQ_INT(tpi_poller_new(&f->poller), TP_OK);
    TP_ASSERT_EQ_INT(pipe(f->ends), 0);
}

static void end(struct fixture *f) {
    tpi_poller_free(f->poller);
    tpi_descriptor_close(f->ends[0]);
    if (f->ends[1] >= 0) tpi_descriptor_close(f->ends[1]);
}

TP_TEST(poller, a_zero_timeout_does_not_wait) {
    struct fixture f;
    begin(&f);
    TP_ASSERT_EQ_INT(tpi_poller_wait(f.poller, f.events, 8, 0), 0);
    TP_ASSERT_EQ_INT(tpi_poller_arm(f.poller, f.ends[0], TPI_POLL_READ, 5), TP_OK);
    TP_ASSERT_EQ_INT(tpi_poller_wait(f.poller, f.events, 8, 0), 0);
    end(&f);
}

TP_TEST(poller, reports_readiness_once_until_armed_again) {
    struct fixture f;
    begin(&f);
    TP_ASSERT_EQ_INT(tpi_poller_arm(f.poller, f.ends[0], TPI_POLL_READ, 5), TP_OK);
    TP_ASSERT_EQ_INT(write(f.ends[1], "x", 1), 1);
    TP_ASSERT_EQ_INT(tpi_poller_wait(f.poller, f.events, 8, TP_FOREVER), 1);
    TP_ASSERT_EQ_INT(f.events[0].token, 5);
    TP_ASSERT_EQ_INT(f.events[0].ready, TPI_POLL_READ);
    TP_ASSERT_EQ_INT(tpi_poller_wait(f.poller, f.events, 8, 0), 0);
    TP_ASSERT_EQ_INT(tpi_poller_arm(f.poller, f.ends[0], TPI_POLL_READ, 6), TP_OK);
    TP_ASSERT_EQ_INT(tpi_poller_wait(f.poller, f.events, 8, TP_MS(1000)), 1);
    TP_ASSERT_EQ_INT(f.events[0].token, 6);
    end(&f);
}

TP_TEST(poller, a_second_arm_replaces_the_first) {
    struct fixture f;
    begin(&f);
    TP_ASSERT_EQ_INT(tpi_poller_arm(f.poller, f.ends[1], TPI_POLL_READ, 1), TP_OK);
    TP_ASSERT_EQ_INT(tpi_poller_arm(f.poller, f.ends[1], TPI_POLL_WRITE, 2), TP_OK);
    TP_ASSERT_EQ_INT(tpi_poller_wait(f.poller, f.events, 8, TP_FOREVER), 1);
    TP_ASSERT_EQ_INT(f.events[0].token, 2);
    TP_ASSERT_EQ_INT(f.events[0].ready, TPI_POLL_WRITE);
    end(&f);
}

TP_TEST(poller, a_hang_up_makes_everything_ready) {
    struct fixture f;
    begin(&f);
    TP_ASSERT_EQ_INT(tpi_poller_arm(f.poller, f.ends[0], TPI_POLL_READ, 5), TP_OK);
    tpi_descriptor_close(f.ends[1]);
    f.ends[1] = -1;
    TP_ASSERT_EQ_INT(tpi_poller_wait(f.poller, f.events, 8, TP_FOREVER), 1);
    TP_ASSERT_EQ_INT(f.events[0].ready, TPI_POLL_READ | TPI_POLL_WRITE | TPI_POLL_ERROR);
    end(&f);
}

TP_TEST(poller, removed_descriptors_are_silent) {
    struct fixture f;
    begin(&f);
    TP_ASSERT_EQ_INT(tpi_poller_arm(f.poller, f.ends[1], TPI_POLL_WRITE, 5), TP_OK);
    tpi_poller_remove(f.poller, f.ends[1]);
    tpi_poller_remove(f.poller, f.ends[1]);
    TP_ASSERT_EQ_INT(tpi_poller_wait(f.poller, f.events, 8, 0), 0);
    end(&f);
}

TP_TEST(poller, a_bad_descriptor_is_refused) {
    struct fixture f;
    begin(&f);
    TP_ASSERT_EQ_INT(tpi_poller_arm(f.poller, -1, TPI_POLL_READ, 5), TP_EINVAL);
    end(&f);
}

TP_TEST(poller, short_timeouts_are_kept) {
    struct fixture f;
    begin(&f);
    tp_time before = tpi_clock_monotonic();
    TP_ASSERT_EQ_INT(tpi_poller_wait(f.poller, f.events, 8, TP_US(300)), 0);
    TP_ASSERT(tpi_clock_monotonic() - before >= TP_US(250));
    end(&f);
}

static void wake(void *arg) {
    tpi_poller_wake(arg);
}

TP_TEST(poller, a_wake_ends_the_wait_of_another_thread) {
    struct fixture f;
    begin(&f);
    tpi_thread thread;
    TP_ASSERT_EQ_INT(tpi_thread_start(&thread, "wake", wake, f.poller), TP_OK);
    TP_ASSERT_EQ_INT(tpi_poller_wait(f.poller, f.events, 8, TP_FOREVER), 0);
    tpi_thread_join(thread);
    TP_ASSERT_EQ_INT(tpi_poller_wait(f.poller, f.events, 8, 0), 0);
    end(&f);
}

TP_TEST(poller, wakes_do_not_pile_up) {
    struct fixture f;
    begin(&f);
    for (int i = 0; i < 100; i++) tpi_poller_wake(f.poller);
    TP_ASSERT_EQ_INT(tpi_poller_wait(f.poller, f.events, 8, TP_FOREVER), 0);
    TP_ASSERT_EQ_INT(tpi_poller_wait(f.poller, f.events, 8, 0), 0);
    end(&f);
}

TP_TEST(poller, a_watch_tells_every_edge_and_no_more) {
    struct fixture f;
    char bytes[8];
    begin(&f);
    TP_ASSERT_EQ_INT(write(f.ends[1], "x", 1), 1);
    TP_ASSERT_EQ_INT(tpi_poller_watch(f.poller, f.ends[0], TPI_POLL_READ, 5), TP_OK);
    TP_ASSERT_EQ_INT(tpi_poller_wait(f.poller, f.events, 8, TP_FOREVER), 1); /* ready before */
    TP_ASSERT_EQ_INT(f.events[0].ready, TPI_POLL_READ);
    TP_ASSERT_EQ_INT(tpi_poller_wait(f.poller, f.events, 8, 0), 0); /* not read, not told again */
    TP_ASSERT_EQ_INT(write(f.ends[1], "y", 1), 1);
    TP_ASSERT_EQ_INT(tpi_poller_wait(f.poller, f.events, 8, TP_FOREVER), 1);
    TP_ASSERT_EQ_INT(read(f.ends[0], bytes, sizeof bytes), 2);
    TP_ASSERT_EQ_INT(tpi_poller_wait(f.poller, f.events, 8, 0), 0);
    TP_ASSERT_EQ_INT(write(f.ends[1], "z", 1), 1);
    TP_ASSERT_EQ_INT(tpi_poller_watch(f.poller, f.ends[0], TPI_POLL_READ, 6), TP_OK); /* anew */
    TP_ASSERT_EQ_INT(tpi_poller_wait(f.poller, f.events, 8, TP_FOREVER), 1);
    TP_ASSERT_EQ_INT(f.events[0].token, 6);
    end(&f);
}
