/*
 * Event managers: handlers added and removed while they run, by any actor, and how each may end.
 * The expectations follow what gen_event of OTP 25 does, but for those that tell their difference.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <troupe/sim.h>
#include <troupe/troupe.h>

#include "tests/support/test.h"

#define LONG TP_SECONDS(100)

TP_MESSAGE(word, TP_FIELD(str, text))
TP_MESSAGE(number, TP_FIELD(i64, n))
TP_MESSAGE(name_it, TP_FIELD(str, name), TP_FIELD(i32, how))
TP_MESSAGE(total, TP_FIELD(i64, n))
TP_MESSAGE(ask_total, TP_FIELD(i64, how))

static char story[1024];

static void tell(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void tell(const char *format, ...) {
    size_t used = strlen(story);
    va_list args;
    va_start(args, format);
    vsnprintf(story + used, sizeof story - used, format, args);
    va_end(args);
}

/* ---- handlers ---- */

struct adder {
    char name[8];
    int64_t sum;
};

static int32_t adder_init(tp_actor *self, struct adder *adder, const name_it *msg) {
    (void)self;
    snprintf(adder->name, sizeof adder->name, "%.*s", (int)msg->name.size, msg->name.data);
    return msg->how;
}
/* -1 removes it, from 1000 on it fails, 999 ends the actor it runs on. */
static int32_t adder_number(tp_actor *self, struct adder *adder, const number *msg) {
    tell("%s:%d ", adder->name, (int)msg->n);
    if (msg->n == 999) tp_fail(self, "in a handler");
    if (msg->n < 0 || msg->n >= 1000) return (int32_t)msg->n;
    adder->sum += msg->n;
    return TP_HANDLER_STAYS;
}
static int32_t adder_asked(tp_actor *self, struct adder *adder, const ask_total *msg) {
    if (msg->how <= 0) tp_reply(self, total, .n = adder->sum);
    return (int32_t)msg->how;
}
static void adder_end(tp_actor *self, struct adder *adder, const tp_reason *reason) {
    (void)self;
    tell("%s-end:%s ", adder->name, tp_exit_code_name(reason->code));
}
TP_EVENT_HANDLER(adder_handler, "adder", struct adder, TP_INIT_WITH(name_it, adder_init),
                 TP_ON(number, adder_number), TP_ON_CALL(ask_total, adder_asked),
                 TP_TERMINATE(adder_end));

struct other {
    int64_t sum;
};
static int32_t other_init(tp_actor *self, struct other *other) {
    (void)self;
    other->sum = 1;
    return TP_HANDLER_STAYS;
}
static int32_t other_takes(tp_actor *self, struct other *other, const tp_event_handler *old,
                           const void *old_state) {
    (void)self;
    tell("takes:%s ", old == NULL ? "nothing" : old->name);
    if (old == &adder_handler && old_state != NULL)
        other->sum = ((const struct adder *)old_state)->sum;
    return TP_HANDLER_STAYS;
}
static int32_t other_else(tp_actor *self, struct other *other, const tp_message *message) {
    (void)self, (void)other;
    tell("else:%.*s ", (int)tp_message_name(message).size, tp_message_name(message).data);
    return TP_HANDLER_STAYS;
}
static int32_t other_exited(tp_actor *self, struct other *other, const tp_exited *msg) {
    (void)self, (void)other;
    tell("saw:%s ", tp_exit_code_name(msg->code));
    return TP_HANDLER_STAYS;
}
static int32_t other_asked(tp_actor *self, struct other *other, const ask_total *msg) {
    (void)msg;
    tp_reply(self, total, .n = other->sum);
    return TP_HANDLER_STAYS;
}
static void other_end(tp_actor *self, struct other *other, const tp_reason *reason) {
    (void)self, (void)other, (void)reason;
    tell("other-end ");
}
TP_EVENT_HANDLER(other_handler, "other", struct other, TP_INIT(other_init),
                 TP_ON_CALL(ask_total, other_asked), TP_ON(tp_exited, other_exited),
                 TP_TAKE_OVER(other_takes), TP_OTHERWISE(other_else), TP_TERMINATE(other_end));

static int32_t quiet_number(tp_actor *self, struct adder *adder, const number *msg) {
    (void)self;
    adder->sum += msg->n;
    return TP_HANDLER_STAYS;
}
TP_EVENT_HANDLER(quiet_handler, "quiet", struct adder, TP_ON(number, quiet_number),
                 TP_ON_CALL(ask_total, adder_asked));

/* ---- the stage: a body that uses a manager ---- */

static tp_pid manager;
static bool finished;
static void (*scenario)(tp_actor *self);

static void body(tp_actor *self, void *arg) {
    (void)arg;
    tp_trap_exits(self, true);
    TP_ASSERT_EQ_INT(tp_start(self, &manager, &tp_event_manager, NULL, LONG, NULL), TP_OK);
    scenario(self);
    finished = true;
}
static void quiet(void *context, const tp_log_entry *entry) {
    (void)context, (void)entry;
}
/* In the simulator, under a few seeds. */
static void play(void (*what)(tp_actor *self)) {
    for (uint64_t seed = 1; seed <= 20; seed++) {
        tp_sim *sim;
        tp_sim_options options = {.seed = seed, .workers = 2};
        options.runtime.log_hook = quiet;
        scenario = what;
        finished = false;
        story[0] = 0;
        TP_ASSERT_EQ_INT(tp_sim_new(&sim, &options), TP_OK);
        (void)tp_sim_spawn_body(sim, body, NULL, NULL);
        TP_ASSERT_EQ_INT(tp_sim_run(sim), TP_OK);
        TP_ASSERT(finished);
        tp_sim_free(sim);
    }
}
static void story_is(const char *expected) {
    TP_ASSERT_EQ_STR(story, expected);
    story[0] = 0;
}
static void add_as(tp_actor *self, const char *name, unsigned flags) {
    TP_ASSERT_EQ_INT(tp_add_handler_with(self, manager, &adder_handler, name, flags, name_it,
                                         .name = tp_str_of(name)),
                     TP_OK);
}
static void sync(tp_actor *self, int64_t n) {
    TP_ASSERT_EQ_INT(tp_sync_notify(self, manager, LONG, number, .n = n), TP_OK);
}
static int64_t total_of(tp_actor *self, const char *id) {
    total got = {0};
    TP_ASSERT_EQ_INT(tp_call_handler(self, manager, id, LONG, &got, total, ask_total), TP_OK);
    return got.n;
}
static void told(tp_actor *self, const char *id, int32_t code, const char *replaced_by) {
    tp_handler_exited got;
    TP_ASSERT_EQ_INT(tp_receive(self, LONG, &got, tp_handler_exited), TP_OK);
    TP_ASSERT(tp_pid_equal(got.manager, manager));
    TP_ASSERT(tp_str_equal(got.id, tp_str_of(id)));
    TP_ASSERT_EQ_INT(got.code, code);
    TP_ASSERT(tp_str_equal(got.replaced_by, tp_str_of(replaced_by)));
}
static void told_nothing(tp_actor *self) {
    tp_handler_exited got;
    TP_ASSERT_EQ_INT(tp_receive(self, TP_MS(5), &got, tp_handler_exited), TP_ETIMEDOUT);
}

/* ---- adding, notifying, calling ---- */

static void two_handlers(tp_actor *self) {
    add_as(self, "a", 0);
    add_as(self, "b", 0);
    sync(self, 1);
    story_is("b:1 a:1 ");
}
TP_TEST(events, every_handler_gets_an_event_the_newest_first) {
    play(two_handlers);
}
static void notifies(tp_actor *self) {
    add_as(self, "a", 0);
    TP_ASSERT_EQ_INT(tp_notify(self, manager, number, .n = 3), TP_OK);
    TP_ASSERT_EQ_INT(tp_notify(self, manager, number, .n = 4), TP_OK);
    TP_ASSERT_EQ_INT(total_of(self, "a"), 7);
}
TP_TEST(events, notify_goes_on_and_keeps_the_order) {
    play(notifies);
}
static void unknown_event(tp_actor *self) {
    add_as(self, "a", 0);
    TP_ASSERT_EQ_INT(tp_add_handler(self, manager, &other_handler, NULL), TP_OK);
    tp_notify(self, manager, word, .text = TP_STR("x"));
    sync(self, 1);
    story_is("else:word a:1 ");
}
TP_TEST(events, other_events_go_to_otherwise_and_else_are_ignored) {
    play(unknown_event);
}
static void calls_one(tp_actor *self) {
    total got;
    add_as(self, "a", 0);
    add_as(self, "b", 0);
    sync(self, 5);
    TP_ASSERT_EQ_INT(total_of(self, "a"), 5);
    TP_ASSERT_EQ_INT(tp_call_handler(self, manager, "c", LONG, &got, total, ask_total), TP_ENOENT);
    TP_ASSERT_EQ_INT(tp_call_handler(self, manager, "a", LONG, &got, total, number), TP_ENOREPLY);
}
TP_TEST(events, a_call_goes_to_one_handler) {
    play(calls_one);
}
static void call_removes(tp_actor *self) {
    total got;
    add_as(self, "a", TP_HANDLER_SUPERVISED);
    TP_ASSERT_EQ_INT(tp_call_handler(self, manager, "a", LONG, &got, total, ask_total, .how = -1),
                     TP_OK);
    told(self, "a", TP_EXIT_NORMAL, "");
    TP_ASSERT_EQ_INT(tp_call_handler(self, manager, "a", LONG, &got, total, ask_total), TP_ENOENT);
}
TP_TEST(events, a_handler_may_answer_a_call_and_be_removed) {
    play(call_removes);
}
static void taken_id(tp_actor *self) {
    add_as(self, "a", 0);
    TP_ASSERT_EQ_INT(tp_add_handler(self, manager, &adder_handler, "a", name_it), TP_EEXIST);
    TP_ASSERT_EQ_INT(tp_add_handler(self, manager, &other_handler, NULL), TP_OK);
    TP_ASSERT_EQ_INT(tp_add_handler(self, manager, &other_handler, "other"), TP_EEXIST);
}
TP_TEST(events, an_id_is_taken_once) {
    play(taken_id);
}
static void refuses(tp_actor *self) {
    TP_ASSERT_EQ_INT(
        tp_add_handler(self, manager, &adder_handler, "a", name_it, .name = {"a", 1}, .how = 1000),
        TP_ECANCELED);
    sync(self, 1);
    story_is("");
}
TP_TEST(events, a_handler_whose_init_does_not_stay_is_not_added) {
    play(refuses);
}
static void which(tp_actor *self) {
    tp_handlers got;
    add_as(self, "a", 0);
    add_as(self, "b", TP_HANDLER_ALONE);
    TP_ASSERT_EQ_INT(tp_which_handlers(self, manager, &got), TP_OK);
    TP_ASSERT_EQ_INT((long long)got.ids.count, 2);
    TP_ASSERT(tp_str_equal(got.ids.items[0], TP_STR("b")));
    TP_ASSERT(tp_str_equal(got.ids.items[1], TP_STR("a")));
}
TP_TEST(events, which_handlers_names_them_newest_first) {
    play(which);
}

/* ---- removing ---- */

static void deletes(tp_actor *self) {
    add_as(self, "a", 0);
    TP_ASSERT_EQ_INT(tp_delete_handler(self, manager, "a"), TP_OK);
    TP_ASSERT_EQ_INT(tp_delete_handler(self, manager, "a"), TP_ENOENT);
    sync(self, 1);
    story_is("a-end:normal ");
}
TP_TEST(events, a_deleted_handler_terminates) {
    play(deletes);
}
static void removes_itself(tp_actor *self) {
    add_as(self, "a", 0);
    add_as(self, "b", 0);
    add_as(self, "c", 0);
    TP_ASSERT_EQ_INT(tp_delete_handler(self, manager, "b"), TP_OK);
    sync(self, -1);
    sync(self, 1);
    story_is("b-end:normal c:-1 c-end:normal a:-1 a-end:normal ");
}
TP_TEST(events, a_handler_may_remove_itself_and_the_others_still_get_the_event) {
    play(removes_itself);
}
static void fails(tp_actor *self) {
    add_as(self, "a", 0);
    TP_ASSERT_EQ_INT(tp_add_handler(self, manager, &other_handler, NULL), TP_OK);
    add_as(self, "b", TP_HANDLER_SUPERVISED);
    sync(self, 1007);
    told(self, "b", 1007, "");
    told_nothing(self);
    story_is("b:1007 b-end:user a:1007 a-end:user ");
    TP_ASSERT_EQ_INT(total_of(self, "other"), 1);
}
TP_TEST(events, a_handler_that_fails_is_removed_and_its_adder_told) {
    play(fails);
}
static void handler_fails_hard(tp_actor *self) {
    tp_down down;
    add_as(self, "a", TP_HANDLER_SUPERVISED);
    tp_ref ref = tp_monitor(self, manager);
    TP_ASSERT_EQ_INT(tp_sync_notify(self, manager, LONG, number, .n = 999), TP_ENOPROC);
    TP_ASSERT_EQ_INT(tp_receive(self, LONG, &down, tp_down), TP_OK);
    TP_ASSERT(down.ref == ref && down.code == TP_EXIT_FAILED);
    told(self, "a", TP_EXIT_SHUTDOWN, "");
    story_is("a:999 a-end:shutdown ");
}
TP_TEST(events, tp_fail_in_a_handler_ends_the_manager) {
    play(handler_fails_hard);
}

/* ---- swapping ---- */

static void swaps(tp_actor *self) {
    add_as(self, "a", 0);
    sync(self, 5);
    TP_ASSERT_EQ_INT(tp_swap_handler(self, manager, "a", &other_handler, "b", 0), TP_OK);
    TP_ASSERT_EQ_INT(total_of(self, "b"), 5);
    story_is("a:5 a-end:normal takes:adder ");
}
TP_TEST(events, a_swap_hands_the_old_state_over) {
    play(swaps);
}
static void swaps_nothing(tp_actor *self) {
    TP_ASSERT_EQ_INT(tp_swap_handler(self, manager, "a", &other_handler, NULL, 0), TP_OK);
    TP_ASSERT_EQ_INT(total_of(self, "other"), 1);
    story_is("takes:nothing ");
}
TP_TEST(events, a_swap_without_an_old_handler_adds_the_new_one) {
    play(swaps_nothing);
}
static void swaps_supervised(tp_actor *self) {
    add_as(self, "a", TP_HANDLER_SUPERVISED);
    TP_ASSERT_EQ_INT(
        tp_swap_handler(self, manager, "a", &adder_handler, "b", 0, name_it, .name = TP_STR("b")),
        TP_OK);
    told(self, "a", TP_EXIT_NORMAL, "b");
    sync(self, 1001);
    told(self, "b", 1001, "");
}
TP_TEST(events, a_swap_tells_the_adder_and_the_new_handler_stays_supervised) {
    play(swaps_supervised);
}
static void swap_refused(tp_actor *self) {
    add_as(self, "a", TP_HANDLER_SUPERVISED);
    add_as(self, "c", 0);
    TP_ASSERT_EQ_INT(tp_swap_handler(self, manager, "a", &adder_handler, "c", 0, name_it),
                     TP_EEXIST);
    TP_ASSERT_EQ_INT(
        tp_swap_handler(self, manager, "a", &adder_handler, "a", 0, name_it, .how = 1000),
        TP_ECANCELED);
    told(self, "a", TP_EXIT_NORMAL, "");
    story_is("a-end:normal ");
}
TP_TEST(events, a_swap_whose_new_handler_does_not_stay_has_removed_the_old_one) {
    play(swap_refused);
}

/* ---- supervised handlers ---- */

static void deleted_supervised(tp_actor *self) {
    add_as(self, "a", TP_HANDLER_SUPERVISED);
    TP_ASSERT_EQ_INT(tp_delete_handler(self, manager, "a"), TP_OK);
    told(self, "a", TP_EXIT_NORMAL, "");
    told_nothing(self);
}
TP_TEST(events, the_adder_is_told_of_a_deletion) {
    play(deleted_supervised);
}
static void plain_is_not_told(tp_actor *self) {
    add_as(self, "a", 0);
    TP_ASSERT_EQ_INT(tp_delete_handler(self, manager, "a"), TP_OK);
    told_nothing(self);
}
TP_TEST(events, the_adder_of_a_plain_handler_is_told_nothing) {
    play(plain_is_not_told);
}
static void manager_ends(tp_actor *self) {
    tp_exited exited;
    add_as(self, "a", TP_HANDLER_SUPERVISED);
    add_as(self, "b", 0);
    tp_send_exit(self, manager, TP_EXIT_SHUTDOWN); /* this body is the manager's parent */
    told(self, "a", TP_EXIT_SHUTDOWN, "");
    TP_ASSERT_EQ_INT(tp_receive(self, LONG, &exited, tp_exited), TP_OK);
    TP_ASSERT_EQ_INT(exited.code, TP_EXIT_SHUTDOWN);
    story_is("b-end:shutdown a-end:shutdown ");
}
TP_TEST(events, the_end_of_the_manager_terminates_its_handlers_and_tells_their_adders) {
    play(manager_ends);
}
static void manager_killed(tp_actor *self) {
    tp_exited exited;
    add_as(self, "a", TP_HANDLER_SUPERVISED);
    tp_kill(self, manager);
    TP_ASSERT_EQ_INT(tp_receive(self, LONG, &exited, tp_exited), TP_OK);
    TP_ASSERT_EQ_INT(exited.code, TP_EXIT_KILLED);
    told_nothing(self);
}
TP_TEST(events, a_killed_manager_is_heard_of_by_the_link) {
    play(manager_killed);
}
static void helper(tp_actor *self, void *arg) {
    (void)arg;
    add_as(self, "h", TP_HANDLER_SUPERVISED);
    tp_exit(self, TP_EXIT_USER);
}
static void adder_ends(tp_actor *self) {
    tp_ref ref;
    tp_down down;
    const tp_spawn_options options = {.monitor = &ref};
    TP_ASSERT_EQ_INT(tp_add_handler(self, manager, &other_handler, NULL), TP_OK);
    (void)tp_spawn_body(self, helper, NULL, &options);
    TP_ASSERT_EQ_INT(tp_receive(self, LONG, &down, tp_down), TP_OK);
    tp_sleep(self, TP_MS(1));
    story_is("h-end:user saw:user ");
    TP_ASSERT_EQ_INT(tp_delete_handler(self, manager, "h"), TP_ENOENT);
}
TP_TEST(events, the_end_of_its_adder_removes_a_supervised_handler) {
    play(adder_ends);
}

/* ---- on their own actors ---- */

static void alone_works(tp_actor *self) {
    add_as(self, "a", TP_HANDLER_ALONE);
    tp_notify(self, manager, number, .n = 2);
    sync(self, 3);
    story_is("a:2 a:3 ");
    TP_ASSERT_EQ_INT(total_of(self, "a"), 5);
    TP_ASSERT_EQ_INT(tp_delete_handler(self, manager, "a"), TP_OK);
    story_is("a-end:normal ");
}
TP_TEST(events, a_handler_on_its_own_actor_does_the_same) {
    play(alone_works);
}
static void alone_fails(tp_actor *self) {
    add_as(self, "b", 0);
    add_as(self, "a", TP_HANDLER_ALONE | TP_HANDLER_SUPERVISED);
    (void)tp_notify(self, manager, word, .text = TP_STR("nothing"));
    TP_ASSERT_EQ_INT(tp_delete_handler(self, manager, "b"), TP_OK);
    sync(self, 999);
    told(self, "a", TP_EXIT_FAILED, "");
    story_is("b-end:normal a:999 a-end:failed ");
    add_as(self, "c", 0);
    sync(self, 1);
    story_is("c:1 ");
}
TP_TEST(events, tp_fail_in_a_handler_on_its_own_actor_ends_only_that) {
    play(alone_fails);
}
static void alone_returns(tp_actor *self) {
    add_as(self, "a", TP_HANDLER_ALONE | TP_HANDLER_SUPERVISED);
    sync(self, 1009);
    told(self, "a", 1009, "");
    add_as(self, "a", TP_HANDLER_ALONE | TP_HANDLER_SUPERVISED);
    sync(self, -1);
    told(self, "a", TP_EXIT_NORMAL, "");
    told_nothing(self);
}
TP_TEST(events, a_handler_on_its_own_actor_is_removed_by_what_it_returns) {
    play(alone_returns);
}
static void alone_refuses(tp_actor *self) {
    TP_ASSERT_EQ_INT(tp_add_handler_with(self, manager, &adder_handler, "a", TP_HANDLER_ALONE,
                                         name_it, .how = 1000),
                     TP_ECANCELED);
    TP_ASSERT_EQ_INT(tp_delete_handler(self, manager, "a"), TP_ENOENT);
}
TP_TEST(events, a_handler_on_its_own_actor_may_refuse_to_start) {
    play(alone_refuses);
}
static void alone_and_manager(tp_actor *self) {
    add_as(self, "a", TP_HANDLER_ALONE);
    sync(self, 1);
    story[0] = 0;
    tp_send_exit(self, manager, TP_EXIT_SHUTDOWN);
    tp_sleep(self, TP_MS(1));
    story_is("a-end:shutdown ");
}
TP_TEST(events, a_handler_on_its_own_actor_terminates_with_the_manager) {
    play(alone_and_manager);
}

/* ---- supervised like any behaviour ---- */

static void parent_ends(tp_actor *self, void *arg) {
    (void)arg;
    TP_ASSERT_EQ_INT(tp_start(self, &manager, &tp_event_manager, &tp_spawn_linked, LONG, NULL),
                     TP_OK);
    add_as(self, "a", TP_HANDLER_SUPERVISED);
    tp_exit(self, TP_EXIT_USER);
}
static void linked(tp_actor *self) {
    tp_ref ref;
    tp_down down;
    const tp_spawn_options options = {.monitor = &ref};
    (void)tp_spawn_body(self, parent_ends, NULL, &options);
    TP_ASSERT_EQ_INT(tp_receive(self, LONG, &down, tp_down), TP_OK);
    tp_sleep(self, TP_MS(1));
    TP_ASSERT(!tp_alive(tp_self_runtime(self), manager));
    story_is("a-end:shutdown ");
}
TP_TEST(events, the_parents_end_is_the_managers_also_when_it_added_a_handler) {
    play(linked);
}

/* ---- on worker threads ---- */

static void notifier(tp_actor *self, void *arg) {
    const tp_pid *to = arg;
    for (int i = 0; i < 300; i++) TP_ASSERT_EQ_INT(tp_notify(self, *to, number, .n = 1), TP_OK);
}
static void many(tp_actor *self, void *arg) {
    total got = {0};
    tp_down down;
    tp_ref monitors[4];
    (void)arg;
    tp_pid to = tp_spawn_link(self, &tp_event_manager);
    for (int i = 0; i < 2; i++)
        TP_ASSERT_EQ_INT(tp_add_handler_with(self, to, &quiet_handler, i == 0 ? "in" : "alone",
                                             i == 0 ? 0 : TP_HANDLER_ALONE),
                         TP_OK);
    for (int i = 0; i < 4; i++) {
        const tp_spawn_options watched = {.monitor = &monitors[i]};
        (void)tp_spawn_body(self, notifier, &to, &watched);
    }
    for (int i = 0; i < 4; i++) TP_ASSERT_EQ_INT(tp_receive(self, LONG, &down, tp_down), TP_OK);
    for (int i = 0; i < 2; i++) {
        TP_ASSERT_EQ_INT(
            tp_call_handler(self, to, i == 0 ? "in" : "alone", LONG, &got, total, ask_total),
            TP_OK);
        TP_ASSERT_EQ_INT(got.n, 1200);
    }
}
TP_TEST(events, notifiers_on_threads_reach_every_handler) {
    for (unsigned workers = 1; workers <= 8; workers *= 2) {
        const tp_options options = {.workers = workers};
        TP_ASSERT_EQ_INT(tp_run_with(&options, many, NULL), 0);
    }
}
