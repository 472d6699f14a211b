/*
 * Memory runs out at the n-th allocation of a scenario, once or for a while, for n = 1, 2, ...
 * until the scenario runs through. Whatever fails says so; who was promised an answer or a signal
 * gets one; and nothing leaks.
 */
#include <semaphore.h>
#include <stdlib.h>

#include "tests/actor/actor_test.h"

/* ---- an allocator that fails once, and counts ---- */

static struct {
    _Atomic(long) until; /* allocations until the first that fails */
    _Atomic(long) width; /* how many fail in a row; 0: none */
    _Atomic(long) live;
    _Atomic(bool) failed;
} heap;

static void *heap_alloc(void *context, size_t size) {
    (void)context;
    long width = __atomic_load_n((long *)&heap.width, __ATOMIC_RELAXED);
    if (width > 0) {
        long left = __atomic_sub_fetch((long *)&heap.until, 1, __ATOMIC_RELAXED);
        if (left <= 0 && left > -width) {
            __atomic_store_n((bool *)&heap.failed, true, __ATOMIC_RELAXED);
            return NULL;
        }
    }
    void *memory = malloc(size);
    if (memory != NULL) __atomic_fetch_add((long *)&heap.live, 1, __ATOMIC_RELAXED);
    return memory;
}
static void heap_free(void *context, void *pointer, size_t size) {
    (void)context, (void)size;
    if (pointer != NULL) __atomic_fetch_sub((long *)&heap.live, 1, __ATOMIC_RELAXED);
    free(pointer);
}
static const tp_allocator allocator = {heap_alloc, heap_free, NULL};

static void fail_at(long n, long width) {
    __atomic_store_n((bool *)&heap.failed, false, __ATOMIC_RELAXED);
    __atomic_store_n((long *)&heap.until, n, __ATOMIC_RELAXED);
    __atomic_store_n((long *)&heap.width, width, __ATOMIC_RELAXED);
}
static void never_fail(void) {
    __atomic_store_n((long *)&heap.width, 0, __ATOMIC_RELAXED);
}
static bool has_failed(void) {
    return __atomic_load_n((bool *)&heap.failed, __ATOMIC_RELAXED);
}
static long live(void) {
    return __atomic_load_n((long *)&heap.live, __ATOMIC_RELAXED);
}

#define NTH_MAX 2000

/* ---- a scenario, again and again ---- */

struct scene {
    tp_body prepare; /* may be NULL */
    tp_body play;
    void *arg;
    long n;
    long width;
    sem_t done;
};

static void scene_over(void *arg) {
    struct scene *scene = arg;
    never_fail();
    sem_post(&scene->done);
}

static bool nth_failed;
static void scene_body(tp_actor *self, void *arg) {
    struct scene *scene = arg;
    TP_ASSERT_EQ_INT(tp_on_exit(self, scene_over, scene), TP_OK);
    if (scene->prepare != NULL) scene->prepare(self, scene->arg);
    fail_at(scene->n, scene->width);
    scene->play(self, scene->arg);
    nth_failed = has_failed();
    never_fail();
}

static void play_each(tp_body prepare, tp_body play, void *arg, long width) {
    for (long n = 1; n < NTH_MAX; n++) {
        struct scene scene = {.prepare = prepare, .play = play, .arg = arg, .n = n, .width = width};
        tp_options options = {.workers = 1,
                              .stuck_after = TP_FOREVER,
                              .max_actors = 1u << 16,
                              .allocator = &allocator,
                              .shutdown_grace = TP_SECONDS(20),
                              .log_hook = quiet};
        tp_runtime *runtime;
        tp_pid pid;
        never_fail();
        nth_failed = true; /* a main actor that does not reach its end died of it */
        sem_init(&scene.done, 0, 0);
        TP_ASSERT_EQ_INT(tp_runtime_start(&runtime, &options), TP_OK);
        TP_ASSERT_EQ_INT(tp_runtime_spawn_body(runtime, &pid, scene_body, &scene, NULL), TP_OK);
        sem_wait(&scene.done);
        tp_runtime_stop(runtime);
        sem_destroy(&scene.done);
        TP_ASSERT_EQ_INT(live(), 0);
        if (!nth_failed) return;
    }
    TP_ASSERT(!"the scenario never ran through");
}
static void play_nth(tp_body prepare, tp_body play, void *arg) {
    play_each(prepare, play, arg, 1);
    play_each(prepare, play, arg, 4);
}

static void ok_or_nomem(tp_err err) {
    TP_ASSERT_MSG(err == TP_OK || err == TP_ENOMEM, "%s", tp_err_name(err));
}
/* Memory may fail the receive itself; then it is asked again. */
static tp_err receive_down(tp_actor *self, tp_duration timeout, tp_down *down) {
    tp_err err;
    do err = tp_receive(self, timeout, down, tp_down);
    while (err == TP_ENOMEM);
    return err;
}
static tp_err receive_exited(tp_actor *self, tp_duration timeout, tp_exited *exited) {
    tp_err err;
    do err = tp_receive(self, timeout, exited, tp_exited);
    while (err == TP_ENOMEM);
    return err;
}

/* ---- the runtime itself ---- */

TP_TEST(memory, a_start_that_fails_leaves_nothing) {
    for (long n = 1; n < NTH_MAX; n++) {
        tp_options options = {.workers = 3, .max_actors = 1024, .allocator = &allocator};
        tp_runtime *runtime;
        fail_at(n, 1);
        tp_err err = tp_runtime_start(&runtime, &options);
        never_fail();
        TP_ASSERT(err == TP_OK || err == TP_ENOMEM);
        if (err == TP_OK) tp_runtime_stop(runtime);
        TP_ASSERT_EQ_INT(live(), 0);
        if (err == TP_OK) return;
    }
    TP_ASSERT(!"the runtime never started");
}

/* ---- actors ---- */

TP_MESSAGE(start_with, TP_FIELD(str, text))
TP_MESSAGE(defer_it)
TP_MESSAGE(say_nothing)
TP_MESSAGE(pass_to, TP_FIELD(pid, to))
TP_MESSAGE(keep_it, TP_FIELD(str, text))
TP_MESSAGE(postpone_it)
TP_MESSAGE(numbers, TP_LIST(i64, list))

struct roomy {
    char space[500];
    tp_from from;
    int postponed;
};
static void roomy_start(tp_actor *self, struct roomy *roomy, const start_with *msg) {
    (void)self;
    memcpy(roomy->space, msg->text.data, msg->text.size);
}
static void roomy_ask(tp_actor *self, struct roomy *roomy, const ask *msg) {
    (void)msg;
    tp_err err = tp_reply(self, answer, .n = roomy->space[0]);
    if (err == TP_ENOMEM) tp_reply_error(self, err);
}
static void roomy_defer(tp_actor *self, struct roomy *roomy, const defer_it *msg) {
    (void)msg;
    roomy->from = tp_defer(self);
}
static void roomy_silent(tp_actor *self, struct roomy *roomy, const say_nothing *msg) {
    (void)self, (void)roomy, (void)msg;
}
static void roomy_pass(tp_actor *self, struct roomy *roomy, const pass_to *msg) {
    (void)roomy;
    if (tp_delegate(self, msg->to) == TP_ENOMEM) tp_reply_error(self, TP_ENOMEM);
}
static void roomy_keep(tp_actor *self, struct roomy *roomy, const keep_it *msg) {
    (void)roomy;
    tp_kept *kept = tp_keep(self);
    if (kept == NULL) tp_fail(self, "no memory to keep %d bytes", (int)msg->text.size);
    tp_err err = tp_reply(self, answer, .n = 1);
    if (err == TP_ENOMEM) tp_reply_error(self, err);
}
static void roomy_postpone(tp_actor *self, struct roomy *roomy, const postpone_it *msg) {
    (void)msg;
    if (roomy->postponed++ == 0) {
        tp_postpone(self);
        tp_retry_postponed(self);
    } else if (tp_reply(self, answer, .n = 2) == TP_ENOMEM) {
        tp_reply_error(self, TP_ENOMEM);
    }
}
static void roomy_numbers(tp_actor *self, struct roomy *roomy, const numbers *msg) {
    int64_t sum = 0;
    (void)roomy;
    for (size_t i = 0; i < msg->list.count; i++) sum += msg->list.items[i];
    if (tp_reply(self, answer, .n = sum) == TP_ENOMEM) tp_reply_error(self, TP_ENOMEM);
}
static void roomy_number(tp_actor *self, struct roomy *roomy, const number *msg) {
    (void)roomy;
    tp_exit(self, (int32_t)msg->n);
}
TP_BEHAVIOR(roomy_behavior, "roomy", struct roomy, TP_INIT_WITH(start_with, roomy_start),
            TP_ON(ask, roomy_ask), TP_ON(defer_it, roomy_defer), TP_ON(say_nothing, roomy_silent),
            TP_ON(pass_to, roomy_pass), TP_ON(keep_it, roomy_keep),
            TP_ON(postpone_it, roomy_postpone), TP_ON(numbers, roomy_numbers),
            TP_ON(number, roomy_number));

static tp_pid roomy_with(tp_actor *self, const tp_spawn_options *options) {
    return tp_spawn_with(self, &roomy_behavior, options, start_with, .text = TP_STR("A"));
}

static void nothing_came(tp_actor *self) {
    tp_down down;
    tp_exited exited;
    TP_ASSERT_EQ_INT(receive_down(self, 0, &down), TP_ETIMEDOUT);
    TP_ASSERT_EQ_INT(receive_exited(self, 0, &exited), TP_ETIMEDOUT);
}

static void play_spawn(tp_actor *self, void *arg) {
    tp_ref ref = 0;
    tp_down down;
    tp_exited exited;
    (void)arg;
    tp_spawn_options options = {
        .name = "roomy", .link = true, .monitor = &ref, .stack_size = 65536, .workers = 1};
    tp_trap_exits(self, true);
    tp_pid pid = roomy_with(self, &options);
    if (tp_pid_is_null(pid)) {
        TP_ASSERT_EQ_INT(tp_error(self), TP_ENOMEM);
        nothing_came(self);
        TP_ASSERT(tp_pid_is_null(tp_whereis(tp_self_runtime(self), "roomy")));
        return;
    }
    while (tp_send(self, pid, number, .n = 1111) == TP_ENOMEM) {
    }
    TP_ASSERT_EQ_INT(receive_down(self, SOON, &down), TP_OK);
    TP_ASSERT_EQ_INT(down.ref, ref);
    TP_ASSERT(down.code == 1111 || down.code == TP_EXIT_NOMEM);
    TP_ASSERT_EQ_INT(receive_exited(self, SOON, &exited), TP_OK);
    TP_ASSERT(tp_pid_equal(exited.from, pid));
    nothing_came(self);
}
TP_TEST(memory, spawn_is_all_or_nothing) {
    play_nth(NULL, play_spawn, NULL);
}

static void count_life(tp_actor *self, void *arg) {
    (void)arg;
    if (tp_alloc(self, 10) != NULL) tp_exit(self, TP_EXIT_USER);
}
static void play_many(tp_actor *self, void *arg) {
    (void)arg;
    for (int i = 0; i < TP_SCALED(800); i++) { /* past what a worker keeps of slots */
        tp_pid pid = tp_spawn_body(self, count_life, NULL, NULL);
        if (tp_pid_is_null(pid)) TP_ASSERT_EQ_INT(tp_error(self), TP_ENOMEM);
    }
    tp_counters counters;
    do {
        tp_yield(self);
        tp_runtime_counters(tp_self_runtime(self), &counters);
    } while (counters.actors_alive > 1);
}
TP_TEST(memory, a_thousand_lives) {
    play_nth(NULL, play_many, NULL);
}

static char large[100000];
static void play_send(tp_actor *self, void *arg) {
    tp_pid me[5];
    word got;
    (void)arg;
    for (size_t i = 0; i < 5; i++) me[i] = tp_self(self);
    int expected = 0, arrived = 0;
    for (size_t size = 1; size <= sizeof large; size *= 10) {
        tp_err err = tp_send(self, me[0], word, .text = {large, size});
        ok_or_nomem(err);
        expected += err == TP_OK;
        err = tp_broadcast(self, me, 5, word, .text = {large, size});
        ok_or_nomem(err);
        expected += err == TP_OK ? 5 : 0;
    }
    for (;;) {
        tp_err err = tp_receive(self, 0, &got, word);
        if (err == TP_ETIMEDOUT) break;
        ok_or_nomem(err);
        if (err == TP_OK && arrived++ == 0 && tp_forward(self, me[0]) == TP_OK) expected++;
    }
    TP_ASSERT_EQ_INT(arrived, expected);
}
TP_TEST(memory, what_was_sent_arrives) {
    play_nth(NULL, play_send, NULL);
}

/* ---- calls ---- */

struct servers {
    tp_pid a;
    tp_pid b;
};
static void make_servers(tp_actor *self, void *arg) {
    struct servers *servers = arg;
    servers->a = roomy_with(self, NULL);
    servers->b = roomy_with(self, NULL);
    answer got;
    TP_ASSERT_EQ_INT(tp_call(self, servers->a, SOON, &got, answer, ask), TP_OK);
    TP_ASSERT_EQ_INT(tp_call(self, servers->b, SOON, &got, answer, ask), TP_OK);
}

static void one_of(tp_err err, tp_err expected) {
    TP_ASSERT_MSG(err == expected || err == TP_ENOMEM || err == TP_ENOPROC, "%s, not %s",
                  tp_err_name(err), tp_err_name(expected));
}
static void play_calls(tp_actor *self, void *arg) {
    struct servers *servers = arg;
    answer got;
    one_of(tp_call(self, servers->a, SOON, &got, answer, ask), TP_OK);
    one_of(tp_call(self, servers->a, SOON, &got, answer, say_nothing), TP_ENOREPLY);
    one_of(tp_call(self, servers->a, SOON, &got, answer, pass_to, .to = tp_self(self)),
           TP_EDEADLOCK);
    one_of(tp_call(self, servers->a, SOON, &got, answer, keep_it, .text = {large, 3000}), TP_OK);
    one_of(tp_call(self, servers->a, SOON, &got, answer, postpone_it), TP_OK);
    int64_t list[100] = {1, 2, 3};
    one_of(tp_call(self, servers->b, SOON, &got, answer, numbers, .list = {list, 100}), TP_OK);
}
TP_TEST(memory, calls_end) {
    static struct servers servers;
    play_nth(make_servers, play_calls, &servers);
}

static void play_holder(tp_actor *self, void *arg) {
    struct servers *servers = arg;
    answer got;
    tp_future deferred = tp_request(self, servers->a, defer_it);
    if (deferred == 0) TP_ASSERT_EQ_INT(tp_error(self), TP_ENOMEM);
    tp_future second = tp_request(self, servers->a, defer_it);
    tp_err err;
    while (tp_kill(self, servers->a) == TP_ENOMEM) {
    }
    tp_future both[] = {deferred, second};
    do err = tp_await_all(self, both, 2, SOON);
    while (err == TP_ENOMEM);
    TP_ASSERT_EQ_INT(err, TP_OK);
    for (int i = 0; i < 2; i++)
        if (both[i] != 0) one_of(tp_await(self, both[i], SOON, &got, answer), TP_ENOPROC);
}
TP_TEST(memory, a_holders_death_is_heard) {
    static struct servers servers;
    play_nth(make_servers, play_holder, &servers);
}

/* ---- links and monitors ---- */

static void play_links(tp_actor *self, void *arg) {
    struct servers *servers = arg;
    tp_down down;
    tp_exited exited;
    tp_trap_exits(self, true);
    tp_err linked = tp_link(self, servers->a);
    ok_or_nomem(linked);
    tp_ref ref = tp_monitor(self, servers->a), second = tp_monitor(self, servers->a);
    tp_err linked_b = tp_link(self, servers->b);
    tp_err unlinked = tp_unlink(self, servers->b);
    ok_or_nomem(unlinked);
    if (second != 0) TP_ASSERT(tp_demonitor(self, second));
    while (tp_send(self, servers->a, number, .n = 2222) == TP_ENOMEM) {
    }
    while (tp_send(self, servers->b, number, .n = 3333) == TP_ENOMEM) {
    }
    if (linked == TP_OK) {
        TP_ASSERT_EQ_INT(receive_exited(self, SOON, &exited), TP_OK);
        TP_ASSERT(tp_pid_equal(exited.from, servers->a) ||
                  (linked_b == TP_OK && unlinked != TP_OK));
    }
    if (ref != 0) {
        TP_ASSERT_EQ_INT(receive_down(self, SOON, &down), TP_OK);
        TP_ASSERT_EQ_INT(down.ref, ref);
    }
    if (linked_b == TP_OK && unlinked != TP_OK)
        TP_ASSERT_EQ_INT(receive_exited(self, SOON, &exited), TP_OK);
    nothing_came(self);
}
TP_TEST(memory, no_signal_is_lost) {
    static struct servers servers;
    play_nth(make_servers, play_links, &servers);
}

static void play_alias(tp_actor *self, void *arg) {
    struct servers *servers = arg;
    number got;
    tp_alias open = tp_alias_open(self, TP_ALIAS_REPLY);
    tp_alias tied = tp_monitor_alias(self, servers->a, TP_ALIAS_REPLY_DEMONITOR);
    tp_alias aliases[] = {open, tied};
    for (int i = 0; i < 2; i++) {
        if (aliases[i].ref == 0) continue;
        tp_err err = tp_send_alias(self, aliases[i], number, .n = 1);
        ok_or_nomem(err);
        tp_err received;
        do received = tp_receive(self, 0, &got, number);
        while (received == TP_ENOMEM);
        TP_ASSERT_EQ_INT(received, err == TP_OK ? TP_OK : TP_ETIMEDOUT);
    }
}
TP_TEST(memory, aliases_admit_or_not) {
    static struct servers servers;
    play_nth(make_servers, play_alias, &servers);
}

/* ---- time, and what is owned ---- */

static void play_timers(tp_actor *self, void *arg) {
    number got;
    int armed = 0, came = 0;
    (void)arg;
    for (int i = 0; i < 100; i++) {
        tp_ref ref = tp_send_after(self, TP_US(10 * i), tp_self(self), number, .n = i);
        if (ref == 0) TP_ASSERT_EQ_INT(tp_error(self), TP_ENOMEM);
        else armed++;
        if (ref != 0 && i % 3 == 0 && tp_cancel_timer(self, ref)) armed--;
    }
    ok_or_nomem(tp_sleep(self, TP_US(50)));
    for (tp_err err; came < armed; came += err == TP_OK) {
        err = tp_receive(self, SOON, &got, number);
        ok_or_nomem(err);
    }
    TP_ASSERT_EQ_INT(came, armed);
    tp_err err = tp_receive(self, TP_MS(1), &got, number);
    TP_ASSERT(err == TP_ETIMEDOUT || err == TP_ENOMEM);
}
TP_TEST(memory, timers_fire_or_are_refused) {
    play_nth(NULL, play_timers, NULL);
}

static void count_call(void *arg) {
    ++*(int *)arg;
}
static int called, registered;
static void own_things(tp_actor *self, void *arg) {
    (void)arg;
    for (int i = 0; i < 20; i++) {
        void *memory = tp_alloc(self, (size_t)i * 100);
        if (i % 2 == 0) tp_free(self, memory);
        tp_err err = tp_on_exit(self, count_call, &called);
        ok_or_nomem(err);
        registered += err == TP_OK;
    }
    tp_exit_with(self, (tp_reason){TP_EXIT_USER, {large, 5000}});
}
static void play_owned(tp_actor *self, void *arg) {
    tp_ref ref;
    tp_down down;
    (void)arg;
    called = registered = 0;
    tp_spawn_options options = {.monitor = &ref};
    if (tp_pid_is_null(tp_spawn_body(self, own_things, NULL, &options))) return;
    TP_ASSERT_EQ_INT(receive_down(self, SOON, &down), TP_OK);
    TP_ASSERT_EQ_INT(down.code, TP_EXIT_USER);
    TP_ASSERT(down.detail.size == 5000 || down.detail.size == 0);
    TP_ASSERT_EQ_INT(called, registered);
}
TP_TEST(memory, owned_things_are_given_back) {
    play_nth(NULL, play_owned, NULL);
}

/* ---- from outside ---- */

TP_TEST(memory, an_inbox_fails_cleanly) {
    tp_options options = {.workers = 1,
                          .stuck_after = TP_FOREVER,
                          .max_actors = 1024,
                          .allocator = &allocator,
                          .log_hook = quiet};
    for (long n = 1; n < NTH_MAX; n++) {
        tp_runtime *runtime;
        tp_inbox *inbox;
        tp_pid pid = tp_pid_null();
        answer got;
        int code = -1;
        never_fail();
        TP_ASSERT_EQ_INT(tp_runtime_start(&runtime, &options), TP_OK);
        fail_at(n, 1);
        tp_err err =
            tp_runtime_spawn(runtime, &pid, &roomy_behavior, NULL, start_with, .text = TP_STR("A"));
        ok_or_nomem(err);
        if (err == TP_OK) {
            err = tp_inbox_open(runtime, &inbox);
            ok_or_nomem(err);
            if (err == TP_OK) {
                one_of(tp_inbox_call(inbox, pid, SOON, &got, answer, ask), TP_OK);
                tp_inbox_close(inbox);
            }
            while (tp_post(runtime, pid, number, .n = 1234) == TP_ENOMEM) {
            }
            err = tp_runtime_wait(runtime, pid, SOON, &code);
            ok_or_nomem(err);
            TP_ASSERT(err != TP_OK || code == 1234 || code == TP_EXIT_NOPROC ||
                      code == TP_EXIT_NOMEM);
        }
        bool failed = has_failed();
        never_fail();
        tp_runtime_stop(runtime);
        TP_ASSERT_EQ_INT(live(), 0);
        if (!failed) return;
    }
    TP_ASSERT(!"it never ran through");
}

/* ---- what an actor has put aside goes with it ---- */

TP_MESSAGE(bulk, TP_FIELD(bin, bytes))
struct hoarder {
    int postponed;
};
static void on_bulk(tp_actor *self, struct hoarder *hoarder, const bulk *msg) {
    (void)msg;
    hoarder->postponed++;
    TP_ASSERT(tp_alloc(self, 1000) != NULL);
    tp_postpone(self);
    if (hoarder->postponed == 3) tp_exit(self, 1234);
}
TP_BEHAVIOR(hoarder_behavior, "hoarder", struct hoarder, TP_ON(bulk, on_bulk));

static void hoard_body(tp_actor *self, void *arg) {
    static const uint8_t bytes[100000]; /* too large for the pools: from the heap, and counted */
    tp_down down;
    tp_ref ref;
    tp_spawn_options options = {.monitor = &ref};
    (void)arg;
    tp_pid hoarder = tp_spawn_value(self, &hoarder_behavior, &options, NULL, NULL);
    for (int i = 0; i < 3; i++)
        TP_ASSERT_EQ_INT(tp_send(self, hoarder, bulk, .bytes = {bytes, sizeof bytes}), TP_OK);
    TP_ASSERT_EQ_INT(tp_receive(self, SOON, &down, tp_down), TP_OK);
    TP_ASSERT_EQ_INT(down.code, 1234);
}
TP_TEST(memory, what_is_postponed_or_taken_goes_with_its_actor) {
    tp_options options = {.workers = 1,
                          .stuck_after = TP_FOREVER,
                          .max_actors = 1024,
                          .allocator = &allocator,
                          .log_hook = quiet};
    never_fail();
    TP_ASSERT_EQ_INT(tp_run_with(&options, hoard_body, NULL), 0);
    TP_ASSERT_EQ_INT(live(), 0);
}
