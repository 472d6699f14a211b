/*
 * States in states, calls to machines, and machines as ordinary behaviours.
 */
#include "tests/unit/behaviors/machine_scene.h"

#define LONG TP_SECONDS(100)

/* ---- states in states ---- */

TP_TEST(states, what_a_state_does_not_handle_goes_to_its_parent) {
    play(SCENE({"in", ">low", NULL}), "in x", "s1\\s1 in@s1 on\\s1 low\\s1 on:x@low ");
}
TP_TEST(states, a_handler_can_hand_an_event_on_to_the_parent) {
    play(SCENE({"in", ">high", NULL}, {"x", "up", ""}), "in x",
         "s1\\s1 in@s1 on\\s1 high\\s1 x@high on:x@high ");
}
TP_TEST(states, entering_goes_inwards_and_leaving_outwards) {
    play(SCENE({"a", ">off", NULL}, {"b", ">low", NULL}, {"c", ">off", NULL}), "a b c",
         "s1\\s1 a@s1 off\\s1 b@off off/low on\\off low\\off on:c@low low/off on/off off\\low ");
}
TP_TEST(states, a_common_parent_is_neither_left_nor_entered) {
    play(SCENE({"in", ">low", NULL}, {"up", ">high", NULL}), "in up",
         "s1\\s1 in@s1 on\\s1 low\\s1 on:up@low low/high high\\low ");
}
TP_TEST(states, a_change_to_the_parent_leaves_only_the_inner_state) {
    play(SCENE({"in", ">low", NULL}, {"out", ">on", NULL}, {"again", ">high", NULL}),
         "in out again", "s1\\s1 in@s1 on\\s1 low\\s1 on:out@low low/on on:again@on high\\on ");
}
TP_TEST(states, a_change_within_the_parent_retries_what_was_postponed) {
    play(SCENE({"in", ">low", NULL}, {"p", "post", ""}, {"up", ">high", NULL}), "in p up",
         "s1\\s1 in@s1 on\\s1 low\\s1 on:p@low on:up@low low/high high\\low p@high ");
}
TP_TEST(states, the_first_state_enters_its_parents_too) {
    struct scene with = SCENE({"x", "", NULL});
    with.init = ">high";
    play(with, "x", "on\\high high\\high x@high ");
}

/* ---- calls ---- */

static struct {
    tp_pid machine;
    tp_err err;
    char answer[16];
    bool over;
} client;

static void ask(tp_actor *self, void *name) {
    done got = {{NULL, 0}};
    client.err = tp_call(self, client.machine, LONG, &got, done, ev, .name = tp_str_of(name));
    snprintf(client.answer, sizeof client.answer, "%.*s", (int)got.name.size, got.name.data);
    client.over = true;
}
/* One call of `ask`, then the events of `names`, then time. */
static tp_sim *call_and_send(struct scene with, const char *name, const char *names) {
    tp_sim *sim = open_scene(with);
    memset(&client, 0, sizeof client);
    client.machine = tp_sim_spawn(sim, &scripted);
    (void)tp_sim_spawn_body(sim, ask, (void *)(uintptr_t)name, NULL);
    TP_ASSERT_EQ_INT(tp_sim_advance(sim, TP_MS(1)), TP_OK);
    char words[64], *rest = words;
    snprintf(words, sizeof words, "%s", names);
    for (char *word = strtok_r(rest, " ", &rest); word != NULL; word = strtok_r(NULL, " ", &rest))
        TP_ASSERT_EQ_INT(tp_sim_send(sim, client.machine, ev, .name = tp_str_of(word)), TP_OK);
    TP_ASSERT_EQ_INT(tp_sim_advance(sim, TP_MS(50)), TP_OK);
    return sim;
}
static void call_ends(struct scene with, const char *names, tp_err err, const char *answer) {
    tp_sim *sim = call_and_send(with, "ask", names);
    TP_ASSERT(client.over);
    TP_ASSERT_EQ_INT(client.err, err);
    TP_ASSERT_EQ_STR(client.answer, answer);
    tp_sim_free(sim);
}
TP_TEST(calls, a_call_is_answered_in_any_state) {
    call_ends(SCENE({"ask", "reply >s2", NULL}), "", TP_OK, "s1");
}
TP_TEST(calls, a_postponed_call_is_answered_in_a_later_state) {
    call_ends(SCENE({"ask", "post", "reply"}, {"go", ">s2", NULL}), "x go", TP_OK, "s2");
}
TP_TEST(calls, a_call_postponed_twice_is_answered_once) {
    call_ends(SCENE({"ask", "post", "reply"}, {"p", "post", "post >s3"}, {"go", ">s2", NULL}),
              "p go", TP_OK, "s2");
}
TP_TEST(calls, a_call_that_waits_behind_an_inserted_event_is_still_answered) {
    call_ends(SCENE({"ask", "post", "reply"}, {"go", "+a +b", NULL}, {"a", ">s2", NULL}), "go",
              TP_OK, "s2");
}
TP_TEST(calls, a_call_that_its_handler_forgets_fails_at_once) {
    call_ends(SCENE({"x", "", NULL}), "", TP_ENOREPLY, "");
}
TP_TEST(calls, an_event_inserted_by_a_call_does_not_answer_it) {
    call_ends(SCENE({"ask", "+a", NULL}, {"a", "reply", NULL}), "", TP_ENOREPLY, "");
    TP_ASSERT_EQ_STR(story, "s1\\s1 ask@s1 a@s1 (none) ");
}
TP_TEST(calls, a_postponed_call_fails_when_the_machine_ends) {
    call_ends(SCENE({"ask", "post", NULL}, {"go", "exit", NULL}), "go", TP_ENOPROC, "");
}
TP_TEST(calls, a_retried_call_fails_when_the_machine_ends) {
    call_ends(SCENE({"p", "post", "exit"}, {"ask", "post", NULL}, {"go", ">s2", NULL}), "p go",
              TP_ENOPROC, "");
}

/* ---- an ordinary behaviour ---- */

TP_TEST(machines, stopping_runs_terminate_in_the_state_it_is_in) {
    play(SCENE({"x", ">s2", NULL}, {"y", "exit", NULL}), "x y z",
         "s1\\s1 x@s1 s2\\s1 y@s2 end:s2:0 ");
}

TP_MESSAGE(list, TP_LIST(str, items), TP_FIELD(bin, bytes))
TP_MESSAGE(options, TP_FIELD(i64, first))
TP_MESSAGE(stray)
TP_MESSAGE(other)
struct typed {
    tp_machine *machine;
    int64_t first;
};
TP_STATES(one, two);
static void on_list(tp_actor *self, struct typed *typed, const list *msg) {
    (void)self, (void)typed;
    for (size_t i = 0; i < msg->items.count; i++)
        tell("%.*s,", (int)msg->items.items[i].size, msg->items.items[i].data);
    tell("%d ", (int)msg->bytes.size);
}
static void typed_init(tp_actor *self, struct typed *typed, const options *msg) {
    const tp_str items[] = {TP_STR("a"), TP_STR("bc")};
    const list content = {.items = {items, 2}, .bytes = {"xyz", 3}};
    typed->first = msg->first;
    if (msg->first < 0) tp_fail(self, "no");
    tp_next_event_value(typed->machine, &list_message, &content);
    tp_timeout_value(typed->machine, TP_TIMEOUT_NAMED, "t", TP_MS(10), &list_message, &content);
}
static void on_options(tp_actor *self, struct typed *typed, const options *msg) {
    (void)self;
    tell("in:%d%d ", tp_machine_in(typed->machine, &one), tp_machine_in(typed->machine, &two));
    if (msg->first == 1) tp_next_state(typed->machine, &s1);
    tp_next_state(typed->machine, &two);
}
static void otherwise(tp_actor *self, struct typed *typed, const tp_message *message) {
    (void)self, (void)typed;
    tell("else:%.*s ", (int)tp_message_name(message).size, tp_message_name(message).data);
    if (tp_message_is(message, stray)) tp_to_parent(typed->machine);
}
static void outermost(tp_actor *self, struct typed *typed, const tp_message *message) {
    (void)self, (void)typed;
    tell("last:%.*s ", (int)tp_message_name(message).size, tp_message_name(message).data);
}
TP_STATE(one, struct typed, TP_ON(options, on_options), TP_OTHERWISE(otherwise));
TP_STATE(two, struct typed, TP_PARENT(one));
TP_MACHINE(typed_machine, "typed", struct typed, one, TP_INIT_WITH(options, typed_init),
           TP_ON(list, on_list), TP_OTHERWISE(outermost));

static tp_sim *start_typed(int64_t first, tp_pid *pid) {
    tp_sim *sim = open_scene(SCENE({"", "", NULL}));
    *pid = tp_sim_spawn(sim, &typed_machine, options, .first = first);
    tp_sim_monitor(sim, *pid);
    return sim;
}
TP_TEST(machines, inserted_events_and_timeouts_carry_lists_and_bytes) {
    tp_pid pid;
    tp_sim *sim = start_typed(0, &pid);
    TP_ASSERT_EQ_INT(tp_sim_run(sim), TP_OK);
    TP_ASSERT_EQ_STR(story, "a,bc,3 a,bc,3 ");
    tp_sim_free(sim);
}
TP_TEST(machines, otherwise_of_a_state_comes_before_the_parents_and_the_machines) {
    tp_pid pid;
    tp_sim *sim = start_typed(0, &pid);
    tp_sim_send(sim, pid, options, .first = 0);
    tp_sim_send(sim, pid, stray);
    tp_sim_send(sim, pid, other);
    tp_sim_send(sim, pid, options, .first = 0);
    TP_ASSERT_EQ_INT(tp_sim_advance(sim, TP_MS(5)), TP_OK);
    TP_ASSERT_EQ_STR(story, "a,bc,3 in:10 else:stray last:stray else:other in:11 ");
    tp_sim_free(sim);
}
TP_TEST(machines, a_state_of_another_machine_ends_it) {
    tp_pid pid;
    tp_down down;
    tp_sim *sim = start_typed(0, &pid);
    tp_sim_send(sim, pid, options, .first = 1);
    TP_ASSERT_EQ_INT(tp_sim_run(sim), TP_OK);
    TP_ASSERT_EQ_INT(tp_sim_expect(sim, pid, &down, tp_down), TP_OK);
    TP_ASSERT_EQ_INT(down.code, TP_EXIT_FAILED);
    tp_sim_free(sim);
}

static void starts(tp_actor *self, void *arg) {
    tp_pid pid;
    tp_reason reason = {0};
    (void)arg;
    tp_trap_exits(self, true);
    TP_ASSERT_EQ_INT(tp_start(self, &pid, &typed_machine, NULL, LONG, NULL, options, .first = 3),
                     TP_OK);
    TP_ASSERT_EQ_INT(
        tp_start(self, &pid, &typed_machine, NULL, LONG, &reason, options, .first = -1),
        TP_ENOPROC);
    TP_ASSERT_EQ_INT(reason.code, TP_EXIT_FAILED);
    tell("started");
}
TP_TEST(machines, a_machine_is_started_in_step_like_any_behaviour) {
    tp_sim *sim = open_scene(SCENE({"", "", NULL}));
    (void)tp_sim_spawn_body(sim, starts, NULL, NULL);
    TP_ASSERT_EQ_INT(tp_sim_advance(sim, TP_MS(1)), TP_OK);
    TP_ASSERT(strstr(story, "started") != NULL);
    tp_sim_free(sim);
}
static void kills(tp_actor *self, void *arg) {
    (void)arg;
    tp_kill(self, client.machine);
}
TP_TEST(machines, a_machine_that_inserts_without_end_can_be_killed) {
    tp_sim *sim = open_scene(SCENE({"x", "+x", NULL}));
    client.machine = send_all(sim, "x");
    tp_sim_monitor(sim, client.machine);
    (void)tp_sim_spawn_body(sim, kills, NULL, NULL);
    TP_ASSERT_EQ_INT(tp_sim_run(sim), TP_OK);
    TP_ASSERT_EQ_INT((long long)tp_sim_waiting(sim), 1);
    tp_sim_free(sim);
}
TP_TEST(machines, too_many_postponed_end_it) {
    tp_sim *sim = open_scene(SCENE({"p", "post", NULL}));
    tp_down down;
    const tp_spawn_options small = {.mailbox_limit = 2};
    tp_pid pid = tp_sim_spawn_value(sim, &scripted, &small, NULL, NULL);
    tp_sim_monitor(sim, pid);
    for (int i = 0; i < 17; i++) {
        TP_ASSERT_EQ_INT((long long)tp_sim_waiting(sim), 0);
        (void)tp_sim_send(sim, pid, ev, .name = TP_STR("p"));
        TP_ASSERT_EQ_INT(tp_sim_run(sim), TP_OK);
    }
    TP_ASSERT_EQ_INT(tp_sim_expect(sim, pid, &down, tp_down), TP_OK);
    TP_ASSERT_EQ_INT(down.code, TP_EXIT_OVERFLOW);
    tp_sim_free(sim);
}

/* ---- a receive in a handler ---- */

struct thief {
    tp_machine *machine;
};
TP_STATES(before, after);
static void put_off(tp_actor *self, struct thief *thief, const ev *msg) {
    (void)self, (void)msg;
    tp_postpone_event(thief->machine);
}
static void go_on(tp_actor *self, struct thief *thief, const other *msg) {
    (void)self, (void)msg;
    tp_next_event(thief->machine, stray);
    tp_next_event(thief->machine, options, .first = 1);
}
static void change(tp_actor *self, struct thief *thief, const stray *msg) {
    (void)self, (void)msg;
    tp_next_state(thief->machine, &after);
}
static void steal(tp_actor *self, struct thief *thief, const ev *msg) {
    ev stolen;
    (void)thief, (void)msg;
    tell("event ");
    if (tp_receive(self, 0, &stolen, ev) == TP_OK) tell("stolen ");
}
static void at_last(tp_actor *self, struct thief *thief, const options *msg) {
    (void)self, (void)thief, (void)msg;
    tell("last ");
}
TP_STATE(before, struct thief, TP_ON(ev, put_off), TP_ON(other, go_on), TP_ON(stray, change));
TP_STATE(after, struct thief, TP_ON(ev, steal));
TP_MACHINE(thief_machine, "thief", struct thief, before, TP_ON(options, at_last));
TP_TEST(machines, an_event_that_a_receive_took_does_not_hold_up_the_others) {
    tp_sim *sim = open_scene(SCENE({"", "", NULL}));
    tp_pid pid = tp_sim_spawn(sim, &thief_machine);
    tp_sim_send(sim, pid, ev);
    tp_sim_send(sim, pid, ev);
    tp_sim_send(sim, pid, other);
    TP_ASSERT_EQ_INT(tp_sim_run(sim), TP_OK);
    TP_ASSERT_EQ_STR(story, "event stolen last ");
    tp_sim_free(sim);
}

/* ---- on worker threads ---- */

struct turnstile {
    tp_machine *machine;
    int64_t passed;
};
TP_STATES(shut, unlocked);
static void on_pay(tp_actor *self, struct turnstile *turnstile, const options *msg) {
    (void)self, (void)msg;
    tp_next_state(turnstile->machine, &unlocked);
    tp_state_timeout(turnstile->machine, TP_SECONDS(20), stray);
}
static void on_pay_again(tp_actor *self, struct turnstile *turnstile, const options *msg) {
    (void)self, (void)msg;
    tp_postpone_event(turnstile->machine);
}
static void too_early(tp_actor *self, struct turnstile *turnstile, const other *msg) {
    (void)self, (void)msg;
    tp_postpone_event(turnstile->machine);
}
static void on_pass(tp_actor *self, struct turnstile *turnstile, const other *msg) {
    (void)msg;
    tp_reply(self, options, .first = ++turnstile->passed);
    tp_next_state(turnstile->machine, &shut);
}
TP_STATE(shut, struct turnstile, TP_ON(options, on_pay), TP_ON(other, too_early));
TP_STATE(unlocked, struct turnstile, TP_ON(options, on_pay_again), TP_ON(other, on_pass));
TP_MACHINE(turnstile_machine, "turnstile", struct turnstile, shut);

static void goes_through(tp_actor *self, void *arg) {
    options got;
    const tp_pid *turnstile = arg;
    for (int i = 0; i < 200; i++) {
        TP_ASSERT_EQ_INT(tp_send(self, *turnstile, options), TP_OK);
        TP_ASSERT_EQ_INT(tp_call(self, *turnstile, LONG, &got, options, other), TP_OK);
    }
}
static void crowd(tp_actor *self, void *arg) {
    tp_pid turnstile = tp_spawn(self, &turnstile_machine);
    tp_ref monitors[4];
    tp_down down;
    (void)arg;
    for (int i = 0; i < 4; i++) {
        const tp_spawn_options watched = {.monitor = &monitors[i]};
        (void)tp_spawn_body(self, goes_through, &turnstile, &watched);
    }
    for (int i = 0; i < 4; i++) {
        TP_ASSERT_EQ_INT(tp_receive(self, LONG, &down, tp_down), TP_OK);
        TP_ASSERT_EQ_INT(down.code, TP_EXIT_NORMAL);
    }
}
TP_TEST(machines, four_clients_on_threads_get_through_one_machine) {
    for (unsigned workers = 1; workers <= 8; workers *= 2) {
        const tp_options threads = {.workers = workers};
        TP_ASSERT_EQ_INT(tp_run_with(&threads, crowd, NULL), 0);
    }
}
