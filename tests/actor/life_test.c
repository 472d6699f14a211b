/*
 * Spawning, owning, ending; runtimes started and stopped.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/actor/actor_test.h"

TP_MESSAGE(begin, TP_FIELD(i64, n), TP_FIELD(str, text), TP_FIELD(pid, boss))

struct child {
    int64_t n;
    char state[100]; /* does not fit into the actor */
};
static void on_begin(tp_actor *self, struct child *child, const begin *msg) {
    child->n = msg->n;
    memcpy(child->state, msg->text.data, msg->text.size);
    tp_send(self, msg->boss, answer, .n = child->n + child->state[0]);
}
TP_BEHAVIOR(child_behavior, "child", struct child, TP_INIT_WITH(begin, on_begin));

static void spawn_body(tp_actor *self, void *arg) {
    (void)arg;
    answer got;
    tp_pid pid =
        tp_spawn(self, &child_behavior, begin, .n = 3, .text = TP_STR("A"), .boss = tp_self(self));
    TP_ASSERT(!tp_pid_is_null(pid));
    TP_ASSERT_EQ_INT(tp_receive(self, SOON, &got, answer), TP_OK);
    TP_ASSERT_EQ_INT(got.n, 3 + 'A');
    tp_ref ref;
    tp_spawn_options bad = {.priority = (tp_priority)9, .monitor = &ref};
    TP_ASSERT(tp_pid_is_null(tp_spawn_with(self, &child_behavior, &bad)));
    TP_ASSERT_EQ_INT(tp_error(self), TP_EINVAL);
    TP_ASSERT(tp_pid_is_null(tp_spawn_body(self, NULL, NULL, NULL)));
    tp_spawn_options watched = {.monitor = &ref};
    tp_down down; /* init without its arguments: the actor fails, nobody else */
    pid = tp_spawn_with(self, &child_behavior, &watched);
    TP_ASSERT_EQ_INT(tp_receive(self, SOON, &down, tp_down), TP_OK);
    TP_ASSERT_EQ_INT(down.code, TP_EXIT_FAILED);
}
TP_TEST(life, spawn_with_arguments) {
    run_everywhere(spawn_body, NULL);
}

static int deep(int n) {
    volatile char frame[4096];
    frame[0] = (char)n;
    return n == 0 ? frame[0] : deep(n - 1) + frame[0] * 0;
}
static void deep_body(tp_actor *self, void *arg) {
    tp_pid boss = *(tp_pid *)arg;
    (void)deep(400); /* 1.6 MiB of frames */
    tp_yield(self);
    tp_send(self, boss, answer, .n = 1);
}
static void where_body(tp_actor *self, void *arg) {
    tp_pid boss = *(tp_pid *)arg;
    for (int i = 0; i < 20; i++) tp_yield(self);
    tp_send(self, boss, answer, .n = 2);
}
static void options_body(tp_actor *self, void *arg) {
    (void)arg;
    answer got;
    tp_pid me = tp_self(self);
    tp_spawn_options big = {.stack_size = (size_t)8 << 20}, pinned = {.workers = 1},
                     own = {.dedicated_thread = true}, high = {.priority = TP_PRIORITY_HIGH},
                     low = {.priority = TP_PRIORITY_LOW};
    tp_spawn_options *all[] = {&big, &pinned, &own, &high, &low};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        tp_pid pid = tp_spawn_body(self, i == 0 ? deep_body : where_body, &me, all[i]);
        TP_ASSERT(!tp_pid_is_null(pid));
        TP_ASSERT_EQ_INT(tp_receive(self, SOON, &got, answer), TP_OK);
    }
}
TP_TEST(life, spawn_options_take_effect) {
    run_everywhere(options_body, NULL);
}

static char order[16];
static int order_count;
static void note(void *arg) {
    order[order_count++] = *(char *)arg;
}
static void owner(tp_actor *self, void *arg) {
    int *descriptor = arg;
    number msg;
    static char first[] = "a", second[] = "b";
    tp_on_exit(self, note, first);
    tp_on_exit(self, note, second);
    TP_ASSERT(tp_alloc(self, 1000) != NULL);
    void *mine = tp_alloc(self, 64);
    tp_free(self, mine);
    *descriptor = open("/dev/null", O_RDONLY | O_CLOEXEC);
    TP_ASSERT_EQ_INT(tp_own_descriptor(self, *descriptor), TP_OK);
    (void)tp_receive(self, TP_FOREVER, &msg, number);
}
static void owned_body(tp_actor *self, void *arg) {
    (void)arg;
    tp_down down;
    tp_ref ref;
    int descriptor = -1;
    order_count = 0;
    tp_spawn_options options = {.monitor = &ref};
    tp_pid pid = tp_spawn_body(self, owner, &descriptor, &options);
    tp_sleep(self, TP_MS(2));
    tp_kill(self, pid); /* while it is blocked: its stack is dropped, what it owns is not */
    TP_ASSERT_EQ_INT(tp_receive(self, SOON, &down, tp_down), TP_OK);
    if (descriptor >= 0) {
        TP_ASSERT_EQ_INT(fcntl(descriptor, F_GETFD), -1);
        TP_ASSERT_EQ_INT(order_count, 2);
        TP_ASSERT(order[0] == 'b' && order[1] == 'a'); /* newest first */
    }
}
TP_TEST(life, what_an_actor_owns_goes_with_it) {
    run_everywhere(owned_body, NULL);
}

static void status_body(tp_actor *self, void *arg) {
    int how = *(int *)arg;
    if (how == 0) return;
    tp_exit_status(self, 42);
    if (how == 1) return;
    if (how == 2) tp_exit(self, TP_EXIT_NORMAL);
    tp_fail(self, "badly");
}
TP_TEST(life, tp_run_returns_the_status) {
    static const int expected[] = {0, 42, 42, 1};
    for (int how = 0; how < 4; how++) {
        tp_options options = {.workers = 2, .log_hook = quiet};
        TP_ASSERT_EQ_INT(tp_run_with(&options, status_body, &how), expected[how]);
    }
    TP_ASSERT_EQ_INT(tp_run_with(NULL, NULL, NULL), 1);
}

static void sleepy(tp_actor *self, void *arg) {
    (void)arg;
    tp_sleep(self, TP_SECONDS(3600));
}
static void stubborn(tp_actor *self, void *arg) {
    tp_exited exited;
    (void)arg;
    tp_trap_exits(self, true);
    for (;;) (void)tp_receive(self, TP_FOREVER, &exited, tp_exited);
}
TP_TEST(life, stop_ends_blocked_and_stubborn_actors) {
    tp_options options = {.workers = 2, .shutdown_grace = TP_MS(100), .log_hook = quiet};
    tp_runtime *runtime;
    tp_pid pid;
    TP_ASSERT_EQ_INT(tp_runtime_start(&runtime, &options), TP_OK);
    for (int i = 0; i < 100; i++) {
        TP_ASSERT_EQ_INT(tp_runtime_spawn_body(runtime, &pid, sleepy, NULL, NULL), TP_OK);
        if (i % 10 == 0)
            TP_ASSERT_EQ_INT(tp_runtime_spawn_body(runtime, &pid, stubborn, NULL, NULL), TP_OK);
    }
    tp_runtime_stop(runtime);
}

static void *stop_from_here(void *runtime) {
    tp_runtime_stop(runtime);
    return NULL;
}
TP_TEST(life, several_runtimes_and_stop_from_any_thread) {
    tp_runtime *runtimes[4];
    pthread_t threads[4];
    tp_options options = {.workers = 2, .max_actors = 1u << 16, .log_hook = quiet};
    for (int i = 0; i < 4; i++) TP_ASSERT_EQ_INT(tp_runtime_start(&runtimes[i], &options), TP_OK);
    for (int i = 1; i < 4; i++)
        TP_ASSERT(tp_runtime_node(runtimes[i]) != tp_runtime_node(runtimes[i - 1]));
    for (int i = 0; i < 4; i++)
        TP_ASSERT_EQ_INT(pthread_create(&threads[i], NULL, stop_from_here, runtimes[i]), 0);
    for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);
}
TP_TEST(life, bad_options_are_refused) {
    tp_runtime *runtime;
    tp_options many = {.workers = 100000}, stack = {.stack_size = 1},
               limit = {.mailbox_limit = ~0u};
    TP_ASSERT_EQ_INT(tp_runtime_start(&runtime, &many), TP_EINVAL);
    TP_ASSERT_EQ_INT(tp_runtime_start(&runtime, &stack), TP_EINVAL);
    TP_ASSERT_EQ_INT(tp_runtime_start(&runtime, &limit), TP_EINVAL);
    TP_ASSERT_EQ_INT(tp_runtime_start(NULL, NULL), TP_EINVAL);
}

static void short_life(tp_actor *self, void *arg) {
    (void)self, (void)arg;
}
static void churn_body(tp_actor *self, void *arg) {
    (void)arg;
    tp_counters before, after;
    for (int round = 0; round < 3; round++) {
        tp_runtime_counters(tp_self_runtime(self), &before);
        for (int i = 0; i < 20000; i++) {
            tp_spawn_body(self, short_life, NULL, NULL);
            if (i % 100 == 0) tp_yield(self);
        }
        do {
            tp_yield(self);
            tp_runtime_counters(tp_self_runtime(self), &after);
        } while (after.exited - before.exited < 20000);
        if (round > 0) TP_ASSERT(after.memory <= before.memory + (4u << 20));
    }
}
TP_TEST(life, spawn_and_exit_without_growth) {
    run_everywhere(churn_body, NULL);
}

static _Atomic(uint64_t) events[TP_TRACE_KIND_COUNT];
static void on_event(void *context, const tp_trace_event *event) {
    (void)context;
    __atomic_fetch_add((uint64_t *)&events[event->kind], 1, __ATOMIC_RELAXED);
}
static void traced_body(tp_actor *self, void *arg) {
    (void)arg;
    answer got;
    tp_runtime_trace(tp_self_runtime(self), on_event, NULL);
    tp_yield(self); /* a slice begins with the hook seen */
    tp_pid pid =
        tp_spawn(self, &child_behavior, begin, .n = 1, .text = TP_STR("x"), .boss = tp_self(self));
    TP_ASSERT_EQ_INT(tp_receive(self, SOON, &got, answer), TP_OK);
    tp_kill(self, pid);
    while (tp_alive(tp_self_runtime(self), pid)) tp_yield(self);
    tp_runtime_trace(tp_self_runtime(self), NULL, NULL);
    TP_ASSERT(events[TP_TRACE_SPAWN] >= 1 && events[TP_TRACE_SEND] >= 1);
    TP_ASSERT(events[TP_TRACE_RUN] >= 1 && events[TP_TRACE_RECEIVE] >= 1);
    TP_ASSERT_EQ_STR(tp_trace_kind_name(TP_TRACE_SPAWN), "SPAWN");
}
TP_TEST(life, trace_shows_what_happens) {
    run_everywhere(traced_body, NULL);
}
