/*
 * System messages: suspend, resume, state and trace of running behaviours. Every scene runs in the
 * simulator under several seeds, and on threads.
 */
#include <troupe/sys.h>

#include "tests/actor/scene.h"

#define SEEDS TP_SCALED(200)

/* ---- everywhere: in the simulator and on threads ---- */

static void everywhere(tp_body body) {
    scene_everywhere(body, SEEDS, TP_SIM_PCT);
}

/* ---- a counter that shows its state ---- */

TP_MESSAGE(counter_state, TP_FIELD(i64, sum), TP_FIELD(u32, seen), TP_FIELD(str, label))
TP_MESSAGE(wait_for, TP_FIELD(i64, ns))
TP_MESSAGE(idle_after, TP_FIELD(i64, ns))
TP_MESSAGE(take_one)

struct counter {
    int64_t sum;
    uint32_t seen;
    char label[16];
    int64_t timeouts;
};

static void counter_init(tp_actor *self, struct counter *counter) {
    (void)self;
    snprintf(counter->label, sizeof counter->label, "first");
}
static void on_number(tp_actor *self, struct counter *counter, const number *msg) {
    (void)self;
    counter->sum = counter->sum * 3 + msg->n; /* the order shows */
    counter->seen++;
}
static void on_ask(tp_actor *self, struct counter *counter, const ask *msg) {
    (void)msg;
    tp_reply(self, answer, .n = counter->sum);
}
static void on_wait(tp_actor *self, struct counter *counter, const wait_for *msg) {
    (void)counter;
    tp_sleep(self, msg->ns);
}
static void on_idle(tp_actor *self, struct counter *counter, const idle_after *msg) {
    (void)counter;
    TP_ASSERT_EQ_INT(tp_set_timeout(self, msg->ns), TP_OK);
}
static void on_take(tp_actor *self, struct counter *counter, const take_one *msg) {
    const tp_message *any;
    (void)msg;
    TP_ASSERT_EQ_INT(tp_receive_any(self, SOON, NULL, NULL, &any), TP_OK);
    TP_ASSERT(tp_message_is(any, number)); /* never a system message */
    counter->seen += 100;
}
static void on_timeout(tp_actor *self, struct counter *counter) {
    (void)self;
    counter->timeouts++;
}
static void counter_show(tp_actor *self, const struct counter *counter, counter_state *out) {
    (void)self;
    out->sum = counter->sum;
    out->seen = counter->seen;
    out->label = tp_str_of(counter->label);
}
static tp_err counter_put(tp_actor *self, struct counter *counter, const counter_state *in) {
    (void)self;
    if (in->label.size >= sizeof counter->label) return TP_ETOOBIG;
    counter->sum = in->sum;
    counter->seen = in->seen;
    memcpy(counter->label, in->label.data, in->label.size);
    counter->label[in->label.size] = 0;
    return TP_OK;
}
TP_BEHAVIOR(counter_behavior, "counter", struct counter, TP_INIT(counter_init),
            TP_ON(number, on_number), TP_ON(ask, on_ask), TP_ON(wait_for, on_wait),
            TP_ON(idle_after, on_idle), TP_ON(take_one, on_take), TP_TIMEOUT(on_timeout),
            TP_GET_STATE(counter_state, counter_show), TP_SET_STATE(counter_state, counter_put));

struct plain {
    int64_t numbers[8];
};
static void on_plain(tp_actor *self, struct plain *plain, const number *msg) {
    (void)self;
    plain->numbers[0] += msg->n;
}
static int strangers;
static void on_stranger(tp_actor *self, struct plain *plain, const tp_message *message) {
    (void)self, (void)plain, (void)message;
    strangers++; /* OTHERWISE must not see system messages */
}
TP_BEHAVIOR(plain_behavior, "plain", struct plain, TP_ON(number, on_plain),
            TP_OTHERWISE(on_stranger));

/* ---- state ---- */

static void sees_state_in_order(tp_actor *self, void *arg) {
    counter_state state;
    tp_pid to = tp_spawn_link(self, &counter_behavior);
    (void)arg;
    for (int i = 1; i <= 3; i++) TP_ASSERT_EQ_INT(tp_send(self, to, number, .n = i), TP_OK);
    TP_ASSERT_EQ_INT(tp_sys_get_state(self, to, SOON, &state, counter_state), TP_OK);
    TP_ASSERT_EQ_INT(state.sum, (1 * 3 + 2) * 3 + 3); /* all that was sent before it */
    TP_ASSERT_EQ_INT(state.seen, 3);
    TP_ASSERT(tp_str_equal(state.label, TP_STR("first")));
    TP_ASSERT_EQ_INT(
        tp_sys_replace_state(self, to, SOON, counter_state, .sum = 7, .label = TP_STR("new")),
        TP_OK);
    TP_ASSERT_EQ_INT(tp_sys_get_state(self, to, SOON, &state, counter_state), TP_OK);
    TP_ASSERT(state.sum == 7 && state.seen == 0 && tp_str_equal(state.label, TP_STR("new")));
    TP_ASSERT_EQ_INT(tp_sys_replace_state(self, to, SOON, counter_state,
                                          .label = TP_STR("much too long a label")),
                     TP_ETOOBIG);
    TP_ASSERT_EQ_INT(tp_sys_replace_state(self, to, SOON, number, .n = 1), TP_ETYPE);
    number other;
    TP_ASSERT_EQ_INT(tp_sys_get_state(self, to, SOON, &other, number), TP_ETYPE);
    TP_ASSERT_EQ_INT(tp_sys_get_state(self, to, SOON, &state, counter_state), TP_OK);
    TP_ASSERT_EQ_INT(state.sum, 7); /* the refused ones changed nothing */
}
TP_TEST(sys, state_is_shown_and_replaced_between_messages) {
    everywhere(sees_state_in_order);
}

static void sees_bytes(tp_actor *self, void *arg) {
    struct plain plain = {{0}};
    counter_state state;
    tp_pid to = tp_spawn_link(self, &plain_behavior);
    (void)arg;
    strangers = 0;
    tp_send(self, to, number, .n = 5);
    TP_ASSERT_EQ_INT(tp_sys_get_state(self, to, SOON, &state, counter_state), TP_ENOTSUP);
    TP_ASSERT_EQ_INT(tp_sys_replace_state(self, to, SOON, counter_state, .sum = 1), TP_ENOTSUP);
    TP_ASSERT_EQ_INT(tp_sys_get_bytes(self, to, SOON, &plain, sizeof plain), TP_OK);
    TP_ASSERT_EQ_INT(plain.numbers[0], 5);
    TP_ASSERT_EQ_INT(tp_sys_get_bytes(self, to, SOON, &plain, sizeof plain - 1), TP_ETYPE);
    TP_ASSERT_EQ_INT(tp_sys_replace_bytes(self, to, SOON, &plain, 3), TP_ETYPE);
    plain.numbers[0] = 40;
    TP_ASSERT_EQ_INT(tp_sys_replace_bytes(self, to, SOON, &plain, sizeof plain), TP_OK);
    tp_send(self, to, number, .n = 2);
    TP_ASSERT_EQ_INT(tp_sys_get_bytes(self, to, SOON, &plain, sizeof plain), TP_OK);
    TP_ASSERT_EQ_INT(plain.numbers[0], 42);
    TP_ASSERT_EQ_INT(strangers, 0);
}
TP_TEST(sys, bytes_are_copied_by_exact_size) {
    everywhere(sees_bytes);
}

/* ---- suspend ---- */

static void waits_in_order(tp_actor *self, void *arg) {
    counter_state state;
    tp_sys_status status;
    tp_pid to = tp_spawn_link(self, &counter_behavior);
    (void)arg;
    tp_send(self, to, number, .n = 1);
    TP_ASSERT_EQ_INT(tp_sys_suspend(self, to, SOON), TP_OK);
    TP_ASSERT_EQ_INT(tp_sys_suspend(self, to, SOON), TP_OK);
    for (int i = 2; i <= 40; i++) TP_ASSERT_EQ_INT(tp_send(self, to, number, .n = i % 3), TP_OK);
    tp_future asked = tp_request(self, to, ask);
    TP_ASSERT(asked != 0);
    TP_ASSERT_EQ_INT(tp_sys_get_state(self, to, SOON, &state, counter_state), TP_OK);
    TP_ASSERT_EQ_INT(state.seen, 1);
    TP_ASSERT_EQ_INT(tp_sys_get_status(self, to, SOON, &status), TP_OK);
    TP_ASSERT(status.suspended && !status.traced);
    TP_ASSERT(tp_str_equal(status.behavior, TP_STR("counter")));
    TP_ASSERT_EQ_INT(status.state_size, sizeof(struct counter));
    answer reply;
    TP_ASSERT_EQ_INT(tp_await(self, asked, TP_MS(1), &reply, answer), TP_ETIMEDOUT);
    TP_ASSERT_EQ_INT(tp_sys_replace_state(self, to, SOON, counter_state, .sum = 1, .seen = 1),
                     TP_OK);
    TP_ASSERT_EQ_INT(tp_sys_resume(self, to, SOON), TP_OK);
    TP_ASSERT_EQ_INT(tp_await(self, asked, SOON, &reply, answer), TP_OK);
    int64_t sum = 1;
    for (int i = 2; i <= 40; i++) sum = (int64_t)((uint64_t)sum * 3 + (uint64_t)(i % 3));
    TP_ASSERT(reply.n == sum);
    TP_ASSERT_EQ_INT(tp_sys_get_state(self, to, SOON, &state, counter_state), TP_OK);
    TP_ASSERT_EQ_INT(state.seen, 40);
    TP_ASSERT_EQ_INT(tp_sys_resume(self, to, SOON), TP_OK);
}
TP_TEST(sys, suspended_actors_keep_messages_in_order) {
    everywhere(waits_in_order);
}

static void ends_suspended(tp_actor *self, void *arg) {
    tp_ref ref;
    tp_down down;
    (void)arg;
    for (int how = 0; how < 2; how++) {
        tp_pid to = tp_spawn_with(self, &counter_behavior, TP_OPTIONS(.monitor = &ref));
        TP_ASSERT_EQ_INT(tp_sys_suspend(self, to, SOON), TP_OK);
        tp_send(self, to, number, .n = 1);
        tp_future asked = tp_request(self, to, ask);
        if (how == 0) tp_kill(self, to);
        else tp_send_exit(self, to, TP_EXIT_SHUTDOWN);
        TP_ASSERT_EQ_INT(tp_receive(self, SOON, &down, tp_down), TP_OK);
        TP_ASSERT_EQ_INT(down.code, how == 0 ? TP_EXIT_KILLED : TP_EXIT_SHUTDOWN);
        answer reply;
        TP_ASSERT_EQ_INT(tp_await(self, asked, SOON, &reply, answer), TP_ENOPROC);
        TP_ASSERT_EQ_INT(tp_sys_suspend(self, to, SOON), TP_ENOPROC);
    }
}
TP_TEST(sys, suspended_actors_can_be_ended) {
    everywhere(ends_suspended);
}

static void timeout_waits(tp_actor *self, void *arg) {
    struct counter bytes;
    tp_pid to = tp_spawn_link(self, &counter_behavior);
    (void)arg;
    tp_send(self, to, idle_after, .ns = TP_MS(1));
    TP_ASSERT_EQ_INT(tp_sys_suspend(self, to, SOON), TP_OK);
    tp_sleep(self, TP_MS(20));
    TP_ASSERT_EQ_INT(tp_sys_get_bytes(self, to, SOON, &bytes, sizeof bytes), TP_OK);
    TP_ASSERT_EQ_INT(bytes.timeouts, 0);
    TP_ASSERT_EQ_INT(tp_sys_resume(self, to, SOON), TP_OK);
    for (int i = 0; i < 10000 && bytes.timeouts == 0; i++) {
        tp_sleep(self, TP_MS(10)); /* a look restarts the span, as any system message does */
        TP_ASSERT_EQ_INT(tp_sys_get_bytes(self, to, SOON, &bytes, sizeof bytes), TP_OK);
    }
    TP_ASSERT_EQ_INT(bytes.timeouts, 1);
}
TP_TEST(sys, a_timeout_waits_while_suspended) {
    everywhere(timeout_waits);
}

/* ---- who cannot ---- */

static void idle_body(tp_actor *self, void *arg) {
    number msg;
    (void)arg;
    (void)tp_receive(self, TP_FOREVER, &msg, number);
}
static void refuses(tp_actor *self, void *arg) {
    counter_state state;
    (void)arg;
    tp_pid body = tp_spawn_body(self, idle_body, NULL, &tp_spawn_linked);
    TP_ASSERT_EQ_INT(tp_sys_suspend(self, body, SOON), TP_ENOTSUP);
    TP_ASSERT_EQ_INT(tp_sys_get_state(self, body, SOON, &state, counter_state), TP_ENOTSUP);
    tp_send(self, body, number, .n = 1);
    TP_ASSERT_EQ_INT(tp_sys_suspend(self, tp_self(self), SOON), TP_EDEADLOCK);
    TP_ASSERT_EQ_INT(tp_sys_suspend(self, tp_pid_null(), SOON), TP_ENOPROC);
    tp_pid to = tp_spawn_link(self, &counter_behavior);
    tp_send(self, to, wait_for, .ns = TP_MS(200)); /* inside a handler: it can wait, not hang */
    TP_ASSERT_EQ_INT(tp_sys_suspend(self, to, TP_MS(1)), TP_ETIMEDOUT);
    TP_ASSERT_EQ_INT(tp_sys_resume(self, to, SOON), TP_OK);
    TP_ASSERT_EQ_INT(tp_sys_get_state(self, to, SOON, &state, counter_state), TP_OK);
}
TP_TEST(sys, bodies_refuse_and_busy_ones_time_out) {
    everywhere(refuses);
}

static void receives_inside(tp_actor *self, void *arg) {
    counter_state state;
    tp_pid to = tp_spawn_link(self, &counter_behavior);
    (void)arg;
    tp_send(self, to, take_one);
    TP_ASSERT_EQ_INT(tp_sys_get_state(self, to, TP_MS(1), &state, counter_state), TP_ETIMEDOUT);
    tp_send(self, to, number, .n = 1);
    TP_ASSERT_EQ_INT(tp_sys_get_state(self, to, SOON, &state, counter_state), TP_OK);
    TP_ASSERT_EQ_INT(state.seen, 100);
}
TP_TEST(sys, a_receive_in_a_handler_never_takes_system_messages) {
    everywhere(receives_inside);
}

/* ---- trace ---- */

TP_MESSAGE(poke, TP_FIELD(pid, whom))
static void on_poke(tp_actor *self, struct plain *plain, const poke *msg) {
    (void)plain;
    tp_send(self, msg->whom, number, .n = 77);
}
TP_BEHAVIOR(poker_behavior, "poker", struct plain, TP_ON(poke, on_poke));

static tp_sys_event expect_event(tp_actor *self, tp_pid who, tp_sys_kind kind) {
    tp_sys_event event;
    TP_ASSERT_EQ_INT(tp_receive(self, SOON, &event, tp_sys_event), TP_OK);
    TP_ASSERT(tp_pid_equal(event.actor, who));
    TP_ASSERT_EQ_INT(event.kind, kind);
    return event;
}
static void traces(tp_actor *self, void *arg) {
    number got;
    tp_sys_event none;
    tp_pid to = tp_spawn_link(self, &poker_behavior);
    (void)arg;
    tp_send(self, to, poke, .whom = tp_self(self));
    TP_ASSERT_EQ_INT(tp_sys_trace(self, to, SOON), TP_OK);
    tp_send(self, to, poke, .whom = tp_self(self));
    tp_sys_event event = expect_event(self, to, TP_SYS_RECEIVES);
    TP_ASSERT(tp_str_equal(event.type, TP_STR("poke")));
    TP_ASSERT(tp_pid_equal(event.other, tp_self(self)));
    TP_ASSERT(event.text.size > 5 && memcmp(event.text.data, "poke{", 5) == 0);
    event = expect_event(self, to, TP_SYS_SENDS);
    TP_ASSERT(tp_str_equal(event.type, TP_STR("number")));
    TP_ASSERT_EQ_INT(tp_sys_suspend(self, to, SOON), TP_OK);
    (void)expect_event(self, to, TP_SYS_SUSPENDED);
    TP_ASSERT_EQ_INT(tp_sys_resume(self, to, SOON), TP_OK);
    TP_ASSERT_EQ_INT(tp_sys_trace_off(self, to, SOON), TP_OK);
    tp_send(self, to, poke, .whom = tp_self(self));
    for (int i = 0; i < 3; i++) TP_ASSERT_EQ_INT(tp_receive(self, SOON, &got, number), TP_OK);
    while (tp_receive(self, 0, &none, tp_sys_event) == TP_OK)
        TP_ASSERT(!tp_str_equal(none.type, TP_STR("poke")));
}
TP_TEST(sys, a_tracer_is_told_of_messages) {
    everywhere(traces);
}

/* ---- OTP's behaviours ---- */

struct door {
    tp_machine *machine;
    int opened;
};
TP_STATES(closed, open);
TP_MESSAGE(push_door)
static void on_push_closed(tp_actor *self, struct door *door, const push_door *msg) {
    (void)self, (void)msg;
    door->opened++;
    tp_next_state(door->machine, &open);
}
static void on_push_open(tp_actor *self, struct door *door, const push_door *msg) {
    (void)self, (void)msg;
    tp_next_state(door->machine, &closed);
}
TP_STATE(closed, struct door, TP_ON(push_door, on_push_closed));
TP_STATE(open, struct door, TP_ON(push_door, on_push_open));
TP_MACHINE(door_machine, "door", struct door, closed);

static void sees_a_machine(tp_actor *self, void *arg) {
    tp_machine_shown shown;
    struct door door;
    tp_pid to = tp_spawn_link(self, &door_machine);
    (void)arg;
    tp_send(self, to, push_door);
    TP_ASSERT_EQ_INT(tp_sys_get_state(self, to, SOON, &shown, tp_machine_shown), TP_OK);
    TP_ASSERT(tp_str_equal(shown.state, TP_STR("open")));
    TP_ASSERT_EQ_INT(shown.data.size, sizeof door);
    memcpy(&door, shown.data.data, sizeof door);
    TP_ASSERT_EQ_INT(door.opened, 1);
    door.opened = 10;
    door.machine = NULL; /* has no meaning */
    TP_ASSERT_EQ_INT(tp_sys_replace_state(self, to, SOON, tp_machine_shown,
                                          .state = TP_STR("closed"), .data = {&door, sizeof door}),
                     TP_ETYPE);
    TP_ASSERT_EQ_INT(tp_sys_suspend(self, to, SOON), TP_OK);
    tp_send(self, to, push_door);
    tp_send(self, to, push_door);
    TP_ASSERT_EQ_INT(
        tp_sys_replace_state(self, to, SOON, tp_machine_shown, .data = {&door, sizeof door}),
        TP_OK);
    TP_ASSERT_EQ_INT(tp_sys_resume(self, to, SOON), TP_OK);
    /* behind the two pushes: both were handled by the new data */
    TP_ASSERT_EQ_INT(tp_sys_get_state(self, to, SOON, &shown, tp_machine_shown), TP_OK);
    TP_ASSERT(tp_str_equal(shown.state, TP_STR("open")));
    memcpy(&door, shown.data.data, sizeof door);
    TP_ASSERT_EQ_INT(door.opened, 11);
}
TP_TEST(sys, a_machine_shows_its_state_and_data) {
    everywhere(sees_a_machine);
}

static const tp_child_spec children[] = {{.id = "one", .behavior = &counter_behavior},
                                         {.id = "two", .behavior = &counter_behavior},
                                         {0}};
static const tp_supervisor_spec tree = {.children = children};
static void sees_others(tp_actor *self, void *arg) {
    tp_supervisor_shown shown;
    tp_events_shown events;
    tp_pid to;
    (void)arg;
    TP_ASSERT_EQ_INT(tp_supervisor_start(self, &to, &tree, NULL), TP_OK);
    TP_ASSERT_EQ_INT(tp_sys_suspend(self, to, SOON), TP_OK);
    TP_ASSERT_EQ_INT(tp_sys_get_state(self, to, SOON, &shown, tp_supervisor_shown), TP_OK);
    TP_ASSERT_EQ_INT(shown.children, 2);
    TP_ASSERT(tp_pid_equal(shown.parent, tp_self(self)));
    TP_ASSERT_EQ_INT(tp_sys_resume(self, to, SOON), TP_OK);
    tp_pid manager = tp_spawn_link(self, &tp_event_manager);
    TP_ASSERT_EQ_INT(tp_sys_get_state(self, manager, SOON, &events, tp_events_shown), TP_OK);
    TP_ASSERT_EQ_INT(events.handlers, 0);
}
TP_TEST(sys, supervisors_and_managers_understand) {
    everywhere(sees_others);
}
