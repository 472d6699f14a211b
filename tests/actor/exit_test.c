/*
 * Ends: from every place an actor can be in, and what becomes of what it held.
 */
#include <fcntl.h>
#include <unistd.h>

#include "tests/actor/actor_test.h"

static int32_t down_code(tp_actor *self, tp_ref ref) {
    tp_down down;
    TP_ASSERT_EQ_INT(tp_receive(self, SOON, &down, tp_down), TP_OK);
    TP_ASSERT_EQ_INT(down.ref, ref);
    return down.code;
}
static void nothing_more(tp_actor *self) {
    tp_down down;
    tp_exited exited;
    TP_ASSERT_EQ_INT(tp_receive(self, 0, &down, tp_down), TP_ETIMEDOUT);
    TP_ASSERT_EQ_INT(tp_receive(self, 0, &exited, tp_exited), TP_ETIMEDOUT);
}

/* ---- killed while blocked ---- */

TP_MESSAGE(hold)

enum place { IN_RECEIVE, IN_CALL, IN_SLEEP, IN_AWAIT, IN_YIELD, IN_SEND, IN_FILTER, PLACES };
struct plan {
    enum place place;
    tp_pid mute; /* takes requests and never answers */
    tp_pid full; /* its mailbox is full */
    tp_pid boss;
};

static bool refuse_all(const tp_message *message, void *context) {
    (void)message, (void)context;
    return false;
}
static void block_somewhere(tp_actor *self, void *arg) {
    struct plan *plan = arg;
    const tp_message *any;
    number got;
    answer reply;
    /* all that it can own */
    TP_ASSERT(tp_alloc(self, 3000) != NULL);
    TP_ASSERT_EQ_INT(tp_own_descriptor(self, open("/dev/null", O_RDONLY | O_CLOEXEC)), TP_OK);
    TP_ASSERT(tp_send_after(self, TP_SECONDS(100), plan->boss, number, .n = 1) != 0);
    TP_ASSERT(tp_request(self, plan->mute, hold) != 0);
    TP_ASSERT(tp_monitor(self, plan->mute) != 0);
    TP_ASSERT(tp_alias_open(self, TP_ALIAS_EXPLICIT).ref != 0);
    tp_send(self, tp_self(self), word, .text = TP_STR("kept for ever"));
    word text;
    TP_ASSERT_EQ_INT(tp_receive(self, SOON, &text, word), TP_OK);
    TP_ASSERT(tp_keep(self) != NULL);
    tp_future futures[2] = {tp_request(self, plan->mute, hold), tp_request(self, plan->mute, hold)};
    tp_send(self, plan->boss, number, .n = plan->place);
    switch (plan->place) {
    case IN_RECEIVE: (void)tp_receive(self, TP_FOREVER, &got, number); break;
    case IN_CALL: (void)tp_call(self, plan->mute, TP_FOREVER, &reply, answer, hold); break;
    case IN_SLEEP: (void)tp_sleep(self, TP_SECONDS(1000)); break;
    case IN_AWAIT: (void)tp_await_all(self, futures, 2, TP_FOREVER); break;
    case IN_FILTER: (void)tp_receive_any(self, TP_SECONDS(1000), refuse_all, NULL, &any); break;
    case IN_YIELD:
        for (;;) tp_yield(self);
    case IN_SEND:
        for (;;) tp_send(self, plan->full, number, .n = 0);
    case PLACES: break;
    }
    TP_ASSERT(!"it went on after its end");
}

struct mute {
    tp_from from[64];
    int count;
};
static void mute_hold(tp_actor *self, struct mute *mute, const hold *msg) {
    (void)msg;
    mute->from[mute->count++] = tp_defer(self);
}
TP_BEHAVIOR(mute_behavior, "mute", struct mute, TP_ON(hold, mute_hold));

static void never_reads(tp_actor *self, void *arg) {
    (void)arg;
    (void)tp_sleep(self, TP_SECONDS(1000));
}

static void killed_body(tp_actor *self, void *arg) {
    struct plan plan = {.boss = tp_self(self)};
    bool kill = *(bool *)arg;
    tp_spawn_options small = {.mailbox_limit = 20};
    plan.full = tp_spawn_body(self, never_reads, NULL, &small);
    for (int place = 0; place < PLACES; place++) {
        number ready;
        tp_ref ref;
        tp_spawn_options options = {.monitor = &ref};
        plan.mute = tp_spawn(self, &mute_behavior);
        plan.place = (enum place)place;
        tp_pid pid = tp_spawn_body(self, block_somewhere, &plan, &options);
        TP_ASSERT_EQ_INT(tp_receive(self, SOON, &ready, number), TP_OK);
        TP_ASSERT_EQ_INT(ready.n, place);
        if (place % 2 == 0) tp_sleep(self, TP_US(200));
        if (kill) tp_kill(self, pid);
        else tp_send_exit(self, pid, 2345);
        TP_ASSERT_EQ_INT(down_code(self, ref), kill ? TP_EXIT_KILLED : 2345);
        TP_ASSERT(!tp_alive(tp_self_runtime(self), pid));
        tp_kill(self, plan.mute);
    }
    nothing_more(self);
}
TP_TEST(exit, killed_wherever_it_blocks) {
    bool kill = true;
    run_everywhere(killed_body, &kill);
}
TP_TEST(exit, ended_by_a_signal_wherever_it_blocks) {
    bool kill = false;
    run_everywhere(killed_body, &kill);
}

/* ---- failing from within ---- */

TP_MESSAGE(fail_nested)
TP_MESSAGE(fail_in_handler, TP_FIELD(i64, code))
TP_MESSAGE(fail_in_timeout)
TP_MESSAGE(fail_after_block)
TP_MESSAGE(exit_oneself, TP_FIELD(i64, code))

struct fragile {
    tp_pid boss;
    int64_t terminated;
    int64_t how; /* what terminate does */
};
TP_MESSAGE(fragile_start, TP_FIELD(pid, boss), TP_FIELD(i64, how))

static void fragile_init(tp_actor *self, struct fragile *fragile, const fragile_start *msg) {
    fragile->boss = msg->boss;
    fragile->how = msg->how;
    if (msg->how == 100) tp_fail(self, "in init");
}
static void case_number(tp_actor *self, struct fragile *fragile, const number *msg) {
    (void)fragile;
    tp_exit(self, (int32_t)msg->n);
}
TP_CASES(fragile_cases, struct fragile, TP_ON(number, case_number));
static void on_nested(tp_actor *self, struct fragile *fragile, const fail_nested *msg) {
    (void)msg;
    tp_send(self, tp_self(self), number, .n = 3001);
    (void)tp_receive_cases(self, SOON, fragile, fragile_cases);
    TP_ASSERT(!"a case that exits does not return");
}
static void on_handler(tp_actor *self, struct fragile *fragile, const fail_in_handler *msg) {
    (void)fragile;
    tp_exit(self, (int32_t)msg->code);
}
static void on_fail_timeout(tp_actor *self, struct fragile *fragile, const fail_in_timeout *msg) {
    (void)fragile, (void)msg;
    TP_ASSERT_EQ_INT(tp_set_timeout(self, TP_MS(1)), TP_OK);
}
static void on_timeout(tp_actor *self, struct fragile *fragile) {
    (void)fragile;
    tp_exit(self, 3002);
}
static void on_after_block(tp_actor *self, struct fragile *fragile, const fail_after_block *msg) {
    (void)fragile, (void)msg;
    for (int i = 0; i < 10; i++) tp_yield(self);
    tp_sleep(self, TP_US(100));
    tp_fail(self, "after it was resumed");
}
static void on_exit_oneself(tp_actor *self, struct fragile *fragile, const exit_oneself *msg) {
    (void)fragile;
    tp_send_exit(self, tp_self(self), (int32_t)msg->code);
}
static void on_otherwise(tp_actor *self, struct fragile *fragile, const tp_message *message) {
    (void)fragile;
    tp_fail(self, "no %.*s, please", (int)tp_message_name(message).size,
            tp_message_name(message).data);
}
static void on_terminate(tp_actor *self, struct fragile *fragile, const tp_reason *reason) {
    answer got;
    TP_ASSERT_EQ_INT(fragile->terminated++, 0);
    if (fragile->how == 1) (void)tp_call(self, fragile->boss, TP_MS(1), &got, answer, ask);
    if (fragile->how == 2) tp_exit(self, 9999); /* the first reason counts */
    if (fragile->how == 3) tp_fail(self, "in terminate");
    if (fragile->how == 4) tp_sleep(self, TP_SECONDS(1000));
    if (fragile->how == 5) tp_yield(self);
    tp_send(self, fragile->boss, answer, .n = reason->code);
}
TP_BEHAVIOR(fragile_behavior, "fragile", struct fragile, TP_INIT_WITH(fragile_start, fragile_init),
            TP_ON(fail_nested, on_nested), TP_ON(fail_in_handler, on_handler),
            TP_ON(fail_in_timeout, on_fail_timeout), TP_ON(fail_after_block, on_after_block),
            TP_ON(exit_oneself, on_exit_oneself), TP_OTHERWISE(on_otherwise),
            TP_TIMEOUT(on_timeout), TP_TERMINATE(on_terminate));

static tp_pid fragile_new(tp_actor *self, int64_t how, tp_ref *ref) {
    tp_spawn_options options = {.monitor = ref};
    return tp_spawn_with(self, &fragile_behavior, &options, fragile_start, .boss = tp_self(self),
                         .how = how);
}
static void terminated_with(tp_actor *self, int64_t code) {
    answer got;
    TP_ASSERT_EQ_INT(tp_receive(self, SOON, &got, answer), TP_OK);
    TP_ASSERT_EQ_INT(got.n, code);
}

static void within_body(tp_actor *self, void *arg) {
    tp_ref ref;
    (void)arg;
    tp_send(self, fragile_new(self, 0, &ref), fail_nested);
    terminated_with(self, 3001);
    TP_ASSERT_EQ_INT(down_code(self, ref), 3001);
    tp_send(self, fragile_new(self, 0, &ref), fail_in_handler, .code = 3003);
    terminated_with(self, 3003);
    TP_ASSERT_EQ_INT(down_code(self, ref), 3003);
    tp_send(self, fragile_new(self, 0, &ref), fail_in_timeout);
    terminated_with(self, 3002);
    TP_ASSERT_EQ_INT(down_code(self, ref), 3002);
    tp_send(self, fragile_new(self, 0, &ref), fail_after_block);
    terminated_with(self, TP_EXIT_FAILED);
    TP_ASSERT_EQ_INT(down_code(self, ref), TP_EXIT_FAILED);
    tp_send(self, fragile_new(self, 0, &ref), ask); /* otherwise */
    terminated_with(self, TP_EXIT_FAILED);
    TP_ASSERT_EQ_INT(down_code(self, ref), TP_EXIT_FAILED);
    fragile_new(self, 100, &ref); /* in init */
    TP_ASSERT_EQ_INT(down_code(self, ref), TP_EXIT_FAILED);
    answer
        got; /* whether terminate follows a failed init is not promised here: take it if it came */
    (void)tp_receive(self, TP_MS(1), &got, answer);
    tp_send(self, fragile_new(self, 0, &ref), exit_oneself, .code = TP_EXIT_KILL);
    TP_ASSERT_EQ_INT(down_code(self, ref), TP_EXIT_KILLED);
    tp_send(self, fragile_new(self, 0, &ref), exit_oneself, .code = TP_EXIT_NORMAL);
    TP_ASSERT_EQ_INT(down_code(self, ref), TP_EXIT_NORMAL);
    tp_send(self, fragile_new(self, 0, &ref), exit_oneself, .code = 3004);
    TP_ASSERT_EQ_INT(down_code(self, ref), 3004);
    nothing_more(self);
}
TP_TEST(exit, from_every_handler) {
    run_everywhere(within_body, NULL);
}

static void terminate_body(tp_actor *self, void *arg) {
    tp_ref ref;
    (void)arg;
    for (int64_t how = 0; how <= 5; how++) {
        tp_pid pid = fragile_new(self, how, &ref);
        tp_send(self, pid, fail_in_handler, .code = 3100 + how);
        if (how == 4) { /* a terminate that never ends can be killed; links then hear `killed` */
            tp_sleep(self, TP_MS(1));
            TP_ASSERT(tp_alive(tp_self_runtime(self), pid));
            tp_kill(self, pid);
        }
        int32_t code = down_code(self, ref);
        TP_ASSERT_EQ_INT(code, how == 4 ? TP_EXIT_KILLED : 3100 + how);
        if (how < 2 || how == 5) terminated_with(self, 3100 + how);
    }
    answer got;
    TP_ASSERT_EQ_INT(tp_receive(self, 0, &got, answer), TP_ETIMEDOUT);
    nothing_more(self);
}
TP_TEST(exit, terminate_may_block_and_fail) {
    run_everywhere(terminate_body, NULL);
}

/* ---- order ---- */

struct order {
    int descriptor;
    _Atomic(int) calls;
    char text[8];
    tp_runtime *runtime;
    tp_pid pid;
    bool named;
};
static void note_first(void *arg) {
    struct order *order = arg;
    order->text[__atomic_fetch_add((int *)&order->calls, 1, __ATOMIC_RELAXED)] = '1';
}
static void note_second(void *arg) {
    struct order *order = arg;
    order->text[__atomic_fetch_add((int *)&order->calls, 1, __ATOMIC_RELAXED)] = '2';
    order->named = !tp_pid_is_null(tp_whereis(order->runtime, "ordered"));
}
static void ordered(tp_actor *self, void *arg) {
    struct order *order = arg;
    number msg;
    order->descriptor = open("/dev/null", O_RDONLY | O_CLOEXEC);
    order->runtime = tp_self_runtime(self);
    TP_ASSERT_EQ_INT(tp_own_descriptor(self, order->descriptor), TP_OK);
    TP_ASSERT_EQ_INT(tp_on_exit(self, note_first, order), TP_OK);
    TP_ASSERT_EQ_INT(tp_on_exit(self, note_second, order), TP_OK);
    (void)tp_receive(self, TP_FOREVER, &msg, number);
}
static void order_body(tp_actor *self, void *arg) {
    (void)arg;
    tp_trap_exits(self, true);
    for (int i = 0; i < 50; i++) {
        struct order order = {.descriptor = -1};
        tp_exited exited;
        tp_spawn_options options = {.name = "ordered", .link = true};
        /* the name is free as soon as the exit signal is here */
        tp_pid pid = tp_spawn_body(self, ordered, &order, &options);
        TP_ASSERT_MSG(!tp_pid_is_null(pid), "round %d: %s", i, tp_err_name(tp_error(self)));
        tp_send(self, pid, number, .n = 0);
        TP_ASSERT_EQ_INT(tp_receive(self, SOON, &exited, tp_exited), TP_OK);
        TP_ASSERT_EQ_STR(order.text, "21");
        TP_ASSERT(order.named); /* what an exit function may still rely on */
        TP_ASSERT_EQ_INT(fcntl(order.descriptor, F_GETFD), -1);
        TP_ASSERT(!tp_alive(tp_self_runtime(self), pid));
        TP_ASSERT(tp_pid_is_null(tp_whereis(tp_self_runtime(self), "ordered")));
    }
}
TP_TEST(exit, all_is_released_before_anyone_hears) {
    run_everywhere(order_body, NULL);
}

static void owner_body(tp_actor *self, void *arg) {
    (void)arg;
    int descriptor = open("/dev/null", O_RDONLY | O_CLOEXEC);
    TP_ASSERT_EQ_INT(tp_own_descriptor(self, -1), TP_EINVAL);
    TP_ASSERT(!tp_disown_descriptor(self, descriptor));
    TP_ASSERT_EQ_INT(tp_own_descriptor(self, descriptor), TP_OK);
    TP_ASSERT(tp_disown_descriptor(self, descriptor));
    TP_ASSERT(!tp_disown_descriptor(self, descriptor));
    TP_ASSERT(fcntl(descriptor, F_GETFD) >= 0);
    close(descriptor);
    TP_ASSERT_EQ_INT(tp_on_exit(self, NULL, NULL), TP_EINVAL);
    tp_free(self, NULL);
    unsigned char *memory = tp_alloc(self, 1000);
    for (int i = 0; i < 1000; i++) TP_ASSERT_EQ_INT(memory[i], 0);
    TP_ASSERT_EQ_INT((uintptr_t)memory % 16, 0);
    tp_free(self, memory);
    TP_ASSERT(tp_alloc(self, SIZE_MAX) == NULL);
    TP_ASSERT(tp_alloc(self, SIZE_MAX - 16) == NULL);
    TP_ASSERT(tp_alloc(self, 0) != NULL);
}
TP_TEST(exit, ownership_ends_by_hand_too) {
    run_everywhere(owner_body, NULL);
}

/* ---- reasons ---- */

static char big_detail[200000];
static void with_detail(tp_actor *self, void *arg) {
    tp_exit_with(self, *(tp_reason *)arg);
}
static void detail_body(tp_actor *self, void *arg) {
    (void)arg;
    tp_trap_exits(self, true);
    for (size_t size = 0; size <= sizeof big_detail; size = size * 7 + 1) {
        tp_reason reason = {TP_EXIT_USER + 1, {big_detail, size}};
        tp_ref ref;
        tp_down down;
        tp_exited exited;
        tp_spawn_options options = {.monitor = &ref, .link = true};
        memset(big_detail, (int)size + 1, sizeof big_detail);
        tp_spawn_body(self, with_detail, &reason, &options);
        TP_ASSERT_EQ_INT(tp_receive(self, SOON, &down, tp_down), TP_OK);
        TP_ASSERT(tp_reason_equal(reason, (tp_reason){down.code, down.detail}));
        TP_ASSERT_EQ_INT(tp_receive(self, SOON, &exited, tp_exited), TP_OK);
        TP_ASSERT(tp_reason_equal(reason, (tp_reason){exited.code, exited.detail}));
        TP_ASSERT_EQ_INT(tp_send_exit_with(self, tp_self(self), reason), TP_OK); /* trapped */
        TP_ASSERT_EQ_INT(tp_receive(self, SOON, &exited, tp_exited), TP_OK);
        TP_ASSERT(tp_reason_equal(reason, (tp_reason){exited.code, exited.detail}));
        TP_ASSERT(tp_pid_equal(exited.from, tp_self(self)));
    }
}
TP_TEST(exit, details_arrive_whole) {
    run_everywhere(detail_body, NULL);
}

static void long_text(tp_actor *self, void *arg) {
    (void)arg;
    memset(big_detail, 'x', 1000);
    big_detail[1000] = 0;
    tp_fail(self, "%s", big_detail);
}
static void cut_body(tp_actor *self, void *arg) {
    tp_ref ref;
    tp_down down;
    (void)arg;
    tp_spawn_options options = {.monitor = &ref};
    tp_spawn_body(self, long_text, NULL, &options);
    TP_ASSERT_EQ_INT(tp_receive(self, SOON, &down, tp_down), TP_OK);
    TP_ASSERT_EQ_INT(down.detail.size, 512);
    TP_ASSERT_EQ_STR(tp_exit_code_name(TP_EXIT_NORMAL), "normal");
    TP_ASSERT_EQ_STR(tp_exit_code_name(TP_EXIT_NOMEM), "nomem");
    TP_ASSERT_EQ_STR(tp_exit_code_name(TP_EXIT_USER + 5), "user");
    TP_ASSERT(tp_exit_code_name(-1) != NULL);
}
TP_TEST(exit, text_is_cut) {
    run_everywhere(cut_body, NULL);
}

/* ---- counters ---- */

static void exits_with(tp_actor *self, void *arg) {
    tp_exit(self, *(int32_t *)arg);
}
static void failed_body(tp_actor *self, void *arg) {
    static int32_t codes[] = {TP_EXIT_NORMAL, TP_EXIT_SHUTDOWN, TP_EXIT_KILLED,
                              TP_EXIT_FAILED, TP_EXIT_OVERFLOW, TP_EXIT_USER};
    tp_counters before, after;
    (void)arg;
    tp_runtime_counters(tp_self_runtime(self), &before);
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        tp_ref ref;
        tp_spawn_options options = {.monitor = &ref};
        tp_spawn_body(self, exits_with, &codes[i], &options);
        TP_ASSERT_EQ_INT(down_code(self, ref), codes[i]);
    }
    do {
        tp_yield(self);
        tp_runtime_counters(tp_self_runtime(self), &after);
    } while (after.exited - before.exited < sizeof codes / sizeof codes[0]);
    TP_ASSERT_EQ_INT(after.failed - before.failed, 3);
    TP_ASSERT_EQ_INT(after.spawned - before.spawned, 6);
    TP_ASSERT_EQ_INT(after.actors_alive, before.actors_alive);
}
TP_TEST(exit, only_failures_are_counted_as_such) {
    run_everywhere(failed_body, NULL);
}
