/*
 * How often: intensity and period to the second, backoff, and a shutdown in the middle of it all.
 */
#include "tests/unit/supervision/scene.h"

/* ---- intensity ---- */

/* Ends the kid this often, with so much time between; how many ends it took to end the supervisor,
 * or 0. */
static int ends_until_over(tp_actor *self, uint32_t intensity, tp_duration period,
                           tp_duration between, int most) {
    tp_supervisor_spec spec = {
        .intensity = intensity, .period = period, .children = TP_CHILDREN(KID(a))};
    tp_duration rest = TP_SECONDS(1) - tp_now(self) % TP_SECONDS(1);
    TP_ASSERT_EQ_INT(tp_sleep(self, rest), TP_OK); /* begin with a second */
    tp_pid supervisor = start(self, &spec);
    for (int i = 1; i <= most; i++) {
        tp_time before = tp_now(self);
        end_kid(self, 'a', ABNORMAL);
        if (!tp_alive(tp_self_runtime(self), supervisor)) {
            expect_end(self, supervisor, TP_EXIT_SHUTDOWN);
            return i;
        }
        if (between > 0) TP_ASSERT_EQ_INT(tp_sleep(self, between - (tp_now(self) - before)), TP_OK);
    }
    (void)tp_send_exit(self, supervisor, TP_EXIT_SHUTDOWN);
    expect_end(self, supervisor, TP_EXIT_SHUTDOWN);
    return 0;
}

SCENE(intensity, the_default_is_one_in_five_seconds) {
    TP_ASSERT_EQ_INT(ends_until_over(self, 0, 0, 0, 10), 2);
    TP_ASSERT_EQ_INT(ends_until_over(self, 0, 0, TP_SECONDS(5), 10), 2);
    TP_ASSERT_EQ_INT(ends_until_over(self, 0, 0, TP_SECONDS(6), 10), 0);
}
SCENE(intensity, none_means_the_first_end_is_the_last) {
    TP_ASSERT_EQ_INT(ends_until_over(self, TP_RESTARTS_NONE, 0, 0, 10), 1);
}
SCENE(intensity, one_more_than_allowed_ends_it) {
    TP_ASSERT_EQ_INT(ends_until_over(self, 7, TP_SECONDS(100), 0, 20), 8);
    TP_ASSERT_EQ_INT(ends_until_over(self, 7, TP_SECONDS(100), TP_SECONDS(10), 20), 8);
}
SCENE(intensity, the_window_is_closed_on_both_sides) {
    /* in whole seconds: a restart exactly `period` ago still counts */
    TP_ASSERT_EQ_INT(ends_until_over(self, 2, TP_SECONDS(10), TP_SECONDS(5), 20), 3);
    TP_ASSERT_EQ_INT(ends_until_over(self, 2, TP_SECONDS(9), TP_SECONDS(5), 20), 0);
    TP_ASSERT_EQ_INT(ends_until_over(self, 3, TP_SECONDS(3), TP_SECONDS(1), 40), 4);
    TP_ASSERT_EQ_INT(ends_until_over(self, 3, TP_SECONDS(2), TP_SECONDS(1), 40), 0);
}
SCENE(intensity, a_period_is_rounded_up_to_a_second) {
    TP_ASSERT_EQ_INT(ends_until_over(self, 1, TP_MS(1), TP_SECONDS(1), 10), 2);
    TP_ASSERT_EQ_INT(ends_until_over(self, 1, TP_MS(1), TP_SECONDS(2), 10), 0);
}
SCENE(intensity, an_even_load_below_the_limit_goes_on) {
    TP_ASSERT_EQ_INT(ends_until_over(self, 50, TP_SECONDS(10), TP_MS(250), 400), 0);
    TP_ASSERT_EQ_INT(ends_until_over(self, 40, TP_SECONDS(10), TP_MS(250), 400), 41);
}

SCENE(intensity, failed_restarts_count) {
    tp_supervisor_spec spec = {.intensity = 3, .children = TP_CHILDREN(KID(a), KID(b), KID(c))};
    tp_pid supervisor = start(self, &spec);
    scene.kids['b'].fails = 100;
    end_kid(self, 'b', ABNORMAL);
    expect_log("+a+b+c!b!b!b-c-a");
    expect_end(self, supervisor, TP_EXIT_SHUTDOWN);
}

SCENE(intensity, ends_that_restart_nothing_do_not_count) {
    tp_supervisor_spec spec = {
        .intensity = TP_RESTARTS_NONE,
        .children = TP_CHILDREN(KID(a, .restart = TP_TRANSIENT), KID(b, .restart = TP_TEMPORARY))};
    tp_pid supervisor = start(self, &spec);
    end_kid(self, 'a', TP_EXIT_NORMAL);
    end_kid(self, 'b', ABNORMAL);
    TP_ASSERT(tp_alive(tp_self_runtime(self), supervisor));
}

SCENE(intensity, a_long_history_costs_nothing) {
    tp_supervisor_spec spec = {.intensity = 1000000, .children = TP_CHILDREN(KID(a))};
    tp_counters before, after;
    (void)start(self, &spec);
    for (int i = 0; i < 100; i++) end_kid(self, 'a', ABNORMAL);
    tp_runtime_counters(tp_self_runtime(self), &before);
    for (int i = 0; i < 3000; i++) end_kid(self, 'a', i % 2 == 0 ? ABNORMAL : TP_EXIT_KILL);
    tp_runtime_counters(tp_self_runtime(self), &after);
    TP_ASSERT_EQ_INT(scene.kids['a'].starts, 3101);
    TP_ASSERT_MSG(after.memory <= before.memory + 4096, "memory grew by %llu",
                  (unsigned long long)(after.memory - before.memory));
}

/* ---- a shutdown in between ---- */

SCENE(retry, a_shutdown_ends_a_loop_of_failing_restarts) {
    tp_supervisor_spec inner = {.intensity = 1000000, .children = TP_CHILDREN(KID(a), KID(b))};
    tp_supervisor_spec outer = {.children = TP_CHILDREN({.id = "i", .supervisor = &inner})};
    tp_pid supervisor = start(self, &outer);
    scene.kids['a'].fails = 1000000;
    scene.kids['a'].starting = TP_MS(1);
    (void)tp_kill(self, scene.kids['a'].pid);
    TP_ASSERT_EQ_INT(tp_sleep(self, TP_MS(100)), TP_OK);
    TP_ASSERT(scene.kids['a'].starts > 10);
    int starts = scene.kids['a'].starts;
    (void)tp_send_exit(self, supervisor, TP_EXIT_SHUTDOWN);
    expect_end(self, supervisor, TP_EXIT_SHUTDOWN);
    TP_ASSERT(scene.kids['a'].starts <= starts + 1);
    TP_ASSERT(!is_alive(self, 'b'));
}

SCENE(retry, other_requests_are_served_in_between) {
    tp_supervisor_spec spec = {.intensity = 1000000, .children = TP_CHILDREN(KID(a), KID(b))};
    tp_pid supervisor = start(self, &spec);
    scene.kids['a'].fails = 1000000;
    scene.kids['a'].starting = TP_MS(1);
    (void)tp_kill(self, scene.kids['a'].pid);
    TP_ASSERT_EQ_INT(tp_sleep(self, TP_MS(20)), TP_OK);
    TP_ASSERT_EQ_INT(status_of(self, supervisor, "a"), TP_CHILD_IS_RESTARTING);
    TP_ASSERT_EQ_INT(tp_supervisor_delete_child(self, supervisor, "a"), TP_CHILD_RESTARTING);
    TP_ASSERT_EQ_INT(tp_supervisor_restart_child(self, supervisor, "a", NULL), TP_CHILD_RESTARTING);
    end_kid(self, 'b', ABNORMAL);
    settle(self);
    TP_ASSERT_EQ_INT(scene.kids['b'].starts, 2);
    TP_ASSERT_EQ_INT(tp_supervisor_terminate_child(self, supervisor, "a"), TP_CHILD_OK);
    int starts = scene.kids['a'].starts;
    TP_ASSERT_EQ_INT(tp_sleep(self, TP_MS(20)), TP_OK);
    TP_ASSERT_EQ_INT(scene.kids['a'].starts, starts);
    TP_ASSERT_EQ_INT(tp_supervisor_delete_child(self, supervisor, "a"), TP_CHILD_OK);
}

SCENE(retry, several_failing_children_take_turns) {
    tp_supervisor_spec spec = {.intensity = 100, .children = TP_CHILDREN(KID(a), KID(b))};
    (void)start(self, &spec);
    scene.kids['a'].fails = scene.kids['b'].fails = 3;
    (void)tp_kill(self, scene.kids['a'].pid);
    (void)tp_kill(self, scene.kids['b'].pid);
    settle(self);
    TP_ASSERT(is_alive(self, 'a') && is_alive(self, 'b'));
    TP_ASSERT_EQ_INT(scene.kids['a'].starts + scene.kids['b'].starts, 10);
}

/* ---- backoff ---- */

static const tp_backoff doubling = {.min = TP_MS(100), .max = TP_SECONDS(1)};

/* Lets the kid end and says how long it took to be there again. */
static tp_duration pause_after_end(tp_actor *self) {
    int starts = scene.kids['a'].starts;
    tp_time ended = tp_now(self);
    (void)tp_kill(self, scene.kids['a'].pid);
    while (scene.kids['a'].starts == starts) TP_ASSERT_EQ_INT(tp_sleep(self, TP_MS(1)), TP_OK);
    return (scene.kids['a'].started - ended) / TP_MS(1);
}

SCENE(backoff, waits_grow_to_the_greatest) {
    tp_supervisor_spec spec = {
        .intensity = 100, .backoff = doubling, .children = TP_CHILDREN(KID(a))};
    (void)start(self, &spec);
    static const int expected[] = {100, 200, 400, 800, 1000, 1000};
    for (size_t i = 0; i < 6; i++) TP_ASSERT_EQ_INT(pause_after_end(self), expected[i]);
}

SCENE(backoff, a_child_s_own_comes_before_the_supervisor_s) {
    tp_supervisor_spec spec = {.intensity = 100,
                               .backoff = doubling,
                               .children =
                                   TP_CHILDREN(KID(a, .backoff = {.min = TP_MS(10), .factor = 3}))};
    (void)start(self, &spec);
    static const int expected[] = {10, 30, 90, 270};
    for (size_t i = 0; i < 4; i++) TP_ASSERT_EQ_INT(pause_after_end(self), expected[i]);
}

SCENE(backoff, running_for_long_begins_again) {
    tp_supervisor_spec spec = {
        .intensity = 100,
        .children =
            TP_CHILDREN(KID(a, .backoff = {.min = TP_MS(100), .reset_after = TP_SECONDS(10)}))};
    (void)start(self, &spec);
    TP_ASSERT_EQ_INT(pause_after_end(self), 100);
    TP_ASSERT_EQ_INT(pause_after_end(self), 200);
    TP_ASSERT_EQ_INT(tp_sleep(self, TP_SECONDS(9)), TP_OK);
    TP_ASSERT_EQ_INT(pause_after_end(self), 400);
    TP_ASSERT_EQ_INT(tp_sleep(self, TP_SECONDS(10)), TP_OK);
    TP_ASSERT_EQ_INT(pause_after_end(self), 100);
}

SCENE(backoff, jitter_only_shortens) {
    tp_supervisor_spec spec = {
        .intensity = 1000,
        .children = TP_CHILDREN(
            KID(a, .backoff = {.min = TP_MS(100), .max = TP_MS(100), .factor = 1, .jitter = 0.5}))};
    (void)start(self, &spec);
    tp_duration least = 1000, most = 0;
    for (int i = 0; i < 50; i++) {
        tp_duration pause = pause_after_end(self);
        if (pause < least) least = pause;
        if (pause > most) most = pause;
    }
    TP_ASSERT(least >= 49 && least < 70 && most <= 100 && most > 80);
}

SCENE(backoff, a_waiting_child_is_restarting_and_failures_wait_longer) {
    tp_supervisor_spec spec = {
        .intensity = 100, .backoff = doubling, .children = TP_CHILDREN(KID(a), KID(b))};
    tp_pid supervisor = start(self, &spec);
    tp_child_counts counts;
    scene.kids['a'].fails = 2;
    (void)tp_kill(self, scene.kids['a'].pid);
    TP_ASSERT_EQ_INT(tp_sleep(self, TP_MS(99)), TP_OK);
    expect_log("+a+b");
    TP_ASSERT_EQ_INT(status_of(self, supervisor, "a"), TP_CHILD_IS_RESTARTING);
    TP_ASSERT_EQ_INT(tp_supervisor_count_children(self, supervisor, &counts), TP_OK);
    TP_ASSERT_EQ_INT(counts.active, 1);
    TP_ASSERT_EQ_INT(tp_sleep(self, TP_MS(100)), TP_OK);
    expect_log("!a");
    TP_ASSERT_EQ_INT(tp_sleep(self, TP_MS(600)), TP_OK);
    expect_log("!a+a");
}

SCENE(backoff, a_shutdown_cancels_the_wait) {
    tp_supervisor_spec spec = {.backoff = doubling, .children = TP_CHILDREN(KID(a), KID(b))};
    tp_pid supervisor = start(self, &spec);
    end_kid(self, 'a', ABNORMAL);
    (void)tp_send_exit(self, supervisor, TP_EXIT_SHUTDOWN);
    expect_end(self, supervisor, TP_EXIT_SHUTDOWN);
    TP_ASSERT_EQ_INT(tp_sleep(self, TP_SECONDS(10)), TP_OK);
    expect_log("+a+b-b");
}

SCENE(backoff, the_group_stops_at_once_and_starts_after_the_wait) {
    tp_supervisor_spec spec = {.strategy = TP_ONE_FOR_ALL,
                               .backoff = doubling,
                               .children = TP_CHILDREN(KID(a), KID(b), KID(c))};
    tp_pid supervisor = start(self, &spec);
    end_kid(self, 'b', ABNORMAL);
    expect_log("+a+b+c-c-a");
    TP_ASSERT_EQ_INT(status_of(self, supervisor, "b"), TP_CHILD_IS_RESTARTING);
    TP_ASSERT_EQ_INT(tp_sleep(self, TP_MS(100)), TP_OK);
    expect_log("+a+b+c");
}

SCENE(backoff, every_attempt_counts_against_the_intensity) {
    tp_supervisor_spec spec = {
        .intensity = 2, .backoff = doubling, .children = TP_CHILDREN(KID(a))};
    tp_pid supervisor = start(self, &spec);
    scene.kids['a'].fails = 100;
    end_kid(self, 'a', ABNORMAL);
    expect_end(self, supervisor, TP_EXIT_SHUTDOWN); /* at 100, 300, and not at 700 ms */
    expect_log("+a!a!a");
}

SCENE(backoff, terminating_a_waiting_child_ends_its_wait) {
    tp_supervisor_spec spec = {.backoff = doubling, .children = TP_CHILDREN(KID(a))};
    tp_pid supervisor = start(self, &spec);
    end_kid(self, 'a', ABNORMAL);
    TP_ASSERT_EQ_INT(tp_supervisor_terminate_child(self, supervisor, "a"), TP_CHILD_OK);
    TP_ASSERT_EQ_INT(tp_sleep(self, TP_SECONDS(1)), TP_OK);
    TP_ASSERT_EQ_INT(status_of(self, supervisor, "a"), TP_CHILD_IS_STOPPED);
    expect_log("+a");
}
