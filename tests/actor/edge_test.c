/*
 * The corners of messages, calls, links, monitors and aliases: what a contract says in a
 * subordinate clause.
 */
#include "tests/actor/actor_test.h"

static int32_t down_code(tp_actor *self, tp_ref ref) {
    tp_down down;
    TP_ASSERT_EQ_INT(tp_receive(self, SOON, &down, tp_down), TP_OK);
    TP_ASSERT_EQ_INT(down.ref, ref);
    return down.code;
}
static void nothing_more(tp_actor *self) {
    const tp_message *any;
    TP_ASSERT_EQ_INT(tp_receive_any(self, TP_MS(1), NULL, NULL, &any), TP_ETIMEDOUT);
}
static void wait_for_number(tp_actor *self, void *arg) {
    number msg;
    (void)arg;
    (void)tp_receive(self, TP_FOREVER, &msg, number);
    tp_exit(self, (int32_t)msg.n);
}
static void is_alive(tp_actor *self, tp_pid pid) {
    TP_ASSERT(tp_alive(tp_self_runtime(self), pid));
}

/* ---- keeping ---- */

TP_MESSAGE(keep_twice, TP_FIELD(str, text))
TP_MESSAGE(check_kept)
struct keeper {
    tp_kept *kept[2];
    tp_str text;
};
static void on_keep_twice(tp_actor *self, struct keeper *keeper, const keep_twice *msg) {
    keeper->kept[0] = tp_keep(self);
    keeper->kept[1] = tp_keep(self);
    keeper->text = msg->text;
}
static void on_check_kept(tp_actor *self, struct keeper *keeper, const check_kept *msg) {
    (void)msg;
    tp_keep_release(self, keeper->kept[0]);
    for (int i = 0; i < 100; i++) /* would be given its memory, were it free */
        tp_send(self, tp_self(self), word, .text = TP_STR("other bytes, as many again"));
    tp_reply(self, answer, .n = tp_str_equal(keeper->text, TP_STR("kept bytes, kept twice....")));
    tp_keep_release(self, keeper->kept[1]);
    tp_keep_release(self, NULL);
}
static void on_word(tp_actor *self, struct keeper *keeper, const word *msg) {
    (void)self, (void)keeper, (void)msg;
}
TP_BEHAVIOR(keeper_behavior, "keeper", struct keeper, TP_ON(keep_twice, on_keep_twice),
            TP_ON(check_kept, on_check_kept), TP_ON(word, on_word));

static void keep_body(tp_actor *self, void *arg) {
    answer good;
    (void)arg;
    tp_pid keeper = tp_spawn(self, &keeper_behavior);
    tp_send(self, keeper, keep_twice, .text = TP_STR("kept bytes, kept twice...."));
    TP_ASSERT_EQ_INT(tp_call(self, keeper, SOON, &good, answer, check_kept), TP_OK);
    TP_ASSERT_EQ_INT(good.n, 1);
    /* the same in a body, whose messages leave the mailbox at once */
    word got;
    TP_ASSERT(tp_keep(self) == NULL || true);
    tp_send(self, tp_self(self), word, .text = TP_STR("one"));
    TP_ASSERT_EQ_INT(tp_receive(self, SOON, &got, word), TP_OK);
    tp_kept *a = tp_keep(self), *b = tp_keep(self);
    tp_str text = got.text;
    tp_send(self, tp_self(self), word, .text = TP_STR("two"));
    TP_ASSERT_EQ_INT(tp_receive(self, SOON, &got, word), TP_OK);
    tp_keep_release(self, a);
    tp_send(self, tp_self(self), word, .text = TP_STR("three"));
    TP_ASSERT_EQ_INT(tp_receive(self, SOON, &got, word), TP_OK);
    TP_ASSERT(tp_str_equal(text, TP_STR("one")));
    tp_keep_release(self, b);
}
TP_TEST(edge, a_message_may_be_kept_twice) {
    run_everywhere(keep_body, NULL);
}

/* ---- outside of a handler ---- */

static void context_body(tp_actor *self, void *arg) {
    (void)arg;
    TP_ASSERT_EQ_INT(tp_reply(self, answer, .n = 1), TP_ECONTEXT);
    TP_ASSERT_EQ_INT(tp_reply_error(self, TP_EBUSY), TP_ECONTEXT);
    TP_ASSERT_EQ_INT(tp_delegate(self, tp_self(self)), TP_ECONTEXT);
    TP_ASSERT_EQ_INT(tp_forward(self, tp_self(self)), TP_ECONTEXT);
    TP_ASSERT(tp_pid_is_null(tp_defer(self).caller));
    TP_ASSERT(tp_keep(self) == NULL);
    TP_ASSERT(tp_pid_is_null(tp_sender(self)));
    TP_ASSERT_EQ_INT(tp_reply_to(self, (tp_from){.request = 5}, answer, .n = 1), TP_EINVAL);
    tp_postpone(self);
    tp_retry_postponed(self);
    tp_release(self);
    tp_send(self, tp_self(self), number, .n = 1);
    number got;
    TP_ASSERT_EQ_INT(tp_receive(self, SOON, &got, number), TP_OK);
    TP_ASSERT(tp_pid_equal(tp_sender(self), tp_self(self)));
    TP_ASSERT_EQ_INT(tp_reply(self, answer, .n = 1), TP_ECONTEXT); /* no request */
    TP_ASSERT(tp_pid_is_null(tp_defer(self).caller));
    TP_ASSERT_EQ_INT(tp_error(self), TP_OK);
    nothing_more(self);
}
TP_TEST(edge, nothing_to_answer) {
    run_everywhere(context_body, NULL);
}

/* ---- nobody there ---- */

static void nobody_body(tp_actor *self, void *arg) {
    answer got;
    tp_exited exited;
    (void)arg;
    tp_pid null = tp_pid_null();
    TP_ASSERT(!tp_alive(tp_self_runtime(self), null));
    TP_ASSERT_EQ_INT(tp_call(self, null, SOON, &got, answer, ask), TP_ENOPROC);
    TP_ASSERT_EQ_INT(tp_link(self, null), TP_EINVAL);
    TP_ASSERT_EQ_INT(tp_unlink(self, null), TP_OK);
    TP_ASSERT_EQ_INT(tp_link(self, tp_self(self)), TP_OK); /* no link with oneself */
    TP_ASSERT_EQ_INT(tp_send_exit(self, null, 5), TP_OK);
    tp_ref ref = tp_monitor(self, null);
    TP_ASSERT(ref != 0);
    TP_ASSERT_EQ_INT(down_code(self, ref), TP_EXIT_NOPROC);
    /* a pid that was never given out: beyond the table, and of a later generation */
    tp_pid strange[] = {tp_self(self), tp_self(self)};
    strange[0].slot = UINT32_MAX;
    strange[1].generation++;
    tp_trap_exits(self, true);
    for (int i = 0; i < 2; i++) {
        TP_ASSERT(!tp_alive(tp_self_runtime(self), strange[i]));
        TP_ASSERT_EQ_INT(tp_call(self, strange[i], SOON, &got, answer, ask), TP_ENOPROC);
        ref = tp_monitor(self, strange[i]);
        TP_ASSERT_EQ_INT(down_code(self, ref), TP_EXIT_NOPROC);
        TP_ASSERT_EQ_INT(tp_link(self, strange[i]), TP_OK);
        TP_ASSERT_EQ_INT(tp_receive(self, SOON, &exited, tp_exited), TP_OK);
        TP_ASSERT_EQ_INT(exited.code, TP_EXIT_NOPROC);
        TP_ASSERT(tp_pid_equal(exited.from, strange[i]));
        TP_ASSERT_EQ_INT(tp_send(self, strange[i], number, .n = 1), TP_OK);
        tp_future future = tp_request(self, strange[i], ask);
        TP_ASSERT_EQ_INT(tp_await(self, future, SOON, &got, answer), TP_ENOPROC);
    }
    /* a monitor on oneself stays silent as long as one can listen */
    ref = tp_monitor(self, tp_self(self));
    TP_ASSERT(tp_demonitor(self, ref));
    TP_ASSERT(!tp_demonitor(self, ref));
    TP_ASSERT(!tp_demonitor(self, 0));
    TP_ASSERT(!tp_unalias(self, 0));
    TP_ASSERT(!tp_cancel_timer(self, 0));
    nothing_more(self);
}
TP_TEST(edge, nobody_is_there) {
    run_everywhere(nobody_body, NULL);
}

static void linked_to_dead(tp_actor *self, void *arg) {
    number msg;
    tp_link(self, *(tp_pid *)arg);
    (void)tp_receive(self, TP_FOREVER, &msg, number);
}
static void noproc_body(tp_actor *self, void *arg) {
    tp_ref ref;
    (void)arg;
    tp_spawn_options options = {.monitor = &ref};
    tp_pid dead = tp_spawn_body(self, wait_for_number, NULL, &options);
    tp_send(self, dead, number, .n = 1);
    TP_ASSERT_EQ_INT(down_code(self, ref), 1);
    tp_spawn_body(self, linked_to_dead, &dead, &options); /* not trapping: it dies of noproc */
    TP_ASSERT_EQ_INT(down_code(self, ref), TP_EXIT_NOPROC);
}
TP_TEST(edge, a_link_to_the_dead_kills) {
    run_everywhere(noproc_body, NULL);
}

/* ---- the rows of the exit table that come from links ---- */

static void exits_linked(tp_actor *self, void *arg) {
    number msg;
    (void)arg;
    (void)tp_receive(self, TP_FOREVER, &msg, number);
    tp_exit(self, (int32_t)msg.n);
}
struct pair {
    tp_pid first;
    bool trap;
    tp_pid boss;
};
static void linked_second(tp_actor *self, void *arg) {
    struct pair *pair = arg;
    tp_exited exited;
    tp_trap_exits(self, pair->trap);
    TP_ASSERT_EQ_INT(tp_link(self, pair->first), TP_OK);
    TP_ASSERT_EQ_INT(tp_link(self, pair->first), TP_OK); /* idempotent */
    tp_send(self, pair->boss, answer, .n = 0);
    TP_ASSERT_EQ_INT(tp_receive(self, SOON, &exited, tp_exited), TP_OK);
    TP_ASSERT(tp_pid_equal(exited.from, pair->first));
    tp_send(self, pair->boss, answer, .n = exited.code);
    TP_ASSERT_EQ_INT(tp_receive(self, TP_MS(1), &exited, tp_exited), TP_ETIMEDOUT);
}
static void table_body(tp_actor *self, void *arg) {
    static const int32_t codes[] = {TP_EXIT_NORMAL, TP_EXIT_SHUTDOWN, TP_EXIT_KILL, TP_EXIT_KILLED,
                                    1500};
    (void)arg;
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        for (int trap = 0; trap <= 1; trap++) {
            answer got;
            tp_ref ref;
            tp_spawn_options options = {.monitor = &ref};
            struct pair pair = {.trap = trap != 0, .boss = tp_self(self)};
            pair.first = tp_spawn_body(self, exits_linked, NULL, NULL);
            tp_pid second = tp_spawn_body(self, linked_second, &pair, &options);
            TP_ASSERT_EQ_INT(tp_receive(self, SOON, &got, answer), TP_OK); /* it has linked */
            tp_send(self, pair.first, number, .n = codes[i]);
            if (trap) { /* every reason is a message, kill as it is */
                TP_ASSERT_EQ_INT(tp_receive(self, SOON, &got, answer), TP_OK);
                TP_ASSERT_EQ_INT(got.n, codes[i]);
                TP_ASSERT_EQ_INT(down_code(self, ref), TP_EXIT_NORMAL);
            } else if (codes[i] == TP_EXIT_NORMAL) {
                tp_sleep(self, TP_MS(1));
                is_alive(self, second);
                tp_kill(self, second);
                TP_ASSERT_EQ_INT(down_code(self, ref), TP_EXIT_KILLED);
            } else { /* a kill that came by a link stays a kill, not `killed` */
                TP_ASSERT_EQ_INT(down_code(self, ref), codes[i]);
            }
        }
    }
    nothing_more(self);
}
TP_TEST(edge, links_follow_the_table) {
    run_everywhere(table_body, NULL);
}

static void kill_chain_body(tp_actor *self, void *arg) {
    answer got;
    tp_ref ref;
    (void)arg;
    tp_spawn_options options = {.monitor = &ref};
    struct pair pair = {.trap = true, .boss = tp_self(self)};
    pair.first = tp_spawn_body(self, exits_linked, NULL, NULL);
    tp_spawn_body(self, linked_second, &pair, &options);
    TP_ASSERT_EQ_INT(tp_receive(self, SOON, &got, answer), TP_OK);
    tp_kill(self, pair.first);
    TP_ASSERT_EQ_INT(tp_receive(self, SOON, &got, answer), TP_OK);
    TP_ASSERT_EQ_INT(got.n, TP_EXIT_KILLED); /* trappable: a kill is not contagious as a kill */
    TP_ASSERT_EQ_INT(down_code(self, ref), TP_EXIT_NORMAL);
}
TP_TEST(edge, what_a_kill_does_to_links) {
    run_everywhere(kill_chain_body, NULL);
}

static void trap_self_body(tp_actor *self, void *arg) {
    tp_exited exited;
    (void)arg;
    TP_ASSERT(!tp_trap_exits(self, true));
    TP_ASSERT(tp_trap_exits(self, true));
    tp_send_exit(self, tp_self(self), TP_EXIT_NORMAL);
    TP_ASSERT_EQ_INT(tp_receive(self, SOON, &exited, tp_exited), TP_OK);
    TP_ASSERT_EQ_INT(exited.code, TP_EXIT_NORMAL);
    TP_ASSERT(tp_trap_exits(self, false));
}
TP_TEST(edge, a_normal_exit_to_oneself_is_trapped) {
    run_everywhere(trap_self_body, NULL);
}

/* ---- unlink ---- */

static void relink_body(tp_actor *self, void *arg) {
    (void)arg;
    tp_trap_exits(self, true);
    for (int i = 0; i < 100; i++) {
        tp_exited exited;
        tp_pid pid = tp_spawn_body(self, wait_for_number, NULL, NULL);
        for (int turn = 0; turn < 5; turn++) { /* never waits for an acknowledgement */
            TP_ASSERT_EQ_INT(tp_link(self, pid), TP_OK);
            TP_ASSERT_EQ_INT(tp_unlink(self, pid), TP_OK);
        }
        if (i % 2 == 0) TP_ASSERT_EQ_INT(tp_link(self, pid), TP_OK);
        tp_send(self, pid, number, .n = 4000 + i);
        if (i % 2 == 0) {
            TP_ASSERT_EQ_INT(tp_receive(self, SOON, &exited, tp_exited), TP_OK);
            TP_ASSERT_EQ_INT(exited.code, 4000 + i);
            TP_ASSERT(tp_pid_equal(exited.from, pid));
        } else {
            while (tp_alive(tp_self_runtime(self), pid)) tp_yield(self);
            TP_ASSERT_EQ_INT(tp_receive(self, 0, &exited, tp_exited), TP_ETIMEDOUT);
        }
    }
    nothing_more(self);
}
TP_TEST(edge, the_last_link_or_unlink_counts) {
    run_everywhere(relink_body, NULL);
}

/* ---- monitors and aliases ---- */

static void flush_body(tp_actor *self, void *arg) {
    (void)arg;
    for (int i = 0; i < 100; i++) {
        tp_down down;
        number got;
        tp_pid pid = tp_spawn_body(self, wait_for_number, NULL, NULL);
        tp_ref refs[3] = {tp_monitor(self, pid), tp_monitor(self, pid), tp_monitor(self, pid)};
        tp_send(self, tp_self(self), number, .n = 1);
        tp_send(self, pid, number, .n = 7);
        while (tp_alive(tp_self_runtime(self), pid)) tp_yield(self);
        if (i % 2 == 0)
            tp_sleep(self, TP_US(100)); /* the downs are in the queue, or on their way */
        (void)tp_demonitor(self, refs[1]);
        tp_send(self, tp_self(self), number, .n = 2);
        for (int n = 0; n < 2; n++) {
            TP_ASSERT_EQ_INT(tp_receive(self, SOON, &down, tp_down), TP_OK);
            TP_ASSERT(down.ref == refs[0] || down.ref == refs[2]);
            TP_ASSERT(tp_pid_equal(down.from, pid));
        }
        TP_ASSERT_EQ_INT(tp_receive(self, SOON, &got, number), TP_OK);
        TP_ASSERT_EQ_INT(got.n, 1);
        TP_ASSERT_EQ_INT(tp_receive(self, SOON, &got, number), TP_OK);
        TP_ASSERT_EQ_INT(got.n, 2);
    }
    nothing_more(self);
}
TP_TEST(edge, demonitor_takes_the_down_out_of_the_queue) {
    run_everywhere(flush_body, NULL);
}

static void alias_sender(tp_actor *self, void *arg) {
    tp_alias *aliases = arg;
    for (int i = 0; i < 4; i++) tp_send_alias(self, aliases[i], number, .n = i);
}
static void alias_body(tp_actor *self, void *arg) {
    number got;
    tp_ref ref;
    (void)arg;
    tp_spawn_options options = {.monitor = &ref};
    TP_ASSERT_EQ_INT(tp_alias_open(self, TP_ALIAS_DEMONITOR).ref, 0);
    TP_ASSERT_EQ_INT(tp_error(self), TP_EINVAL);
    tp_pid target = tp_spawn_body(self, wait_for_number, NULL, NULL);
    TP_ASSERT_EQ_INT(tp_monitor_alias(self, target, (tp_alias_mode)4).ref, 0); /* there are four */
    TP_ASSERT_EQ_INT(tp_error(self), TP_EINVAL);
    tp_alias aliases[4];
    for (int i = 0; i < 4; i++) {
        aliases[i] = tp_monitor_alias(self, target, (tp_alias_mode)i);
        TP_ASSERT(aliases[i].ref != 0);
        TP_ASSERT(tp_pid_equal(aliases[i].owner, tp_self(self)));
    }
    for (int round = 0; round < 2; round++) {
        tp_spawn_body(self, alias_sender, aliases, &options);
        TP_ASSERT_EQ_INT(down_code(self, ref), TP_EXIT_NORMAL);
        for (int i = 0; i < 4; i++) {
            bool one_shot = i == TP_ALIAS_REPLY || i == TP_ALIAS_REPLY_DEMONITOR;
            if (round == 1 && one_shot) continue;
            TP_ASSERT_EQ_INT(tp_receive(self, SOON, &got, number), TP_OK);
            TP_ASSERT_EQ_INT(got.n, i);
        }
        nothing_more(self);
    }
    /* the first message through REPLY_DEMONITOR removed its monitor */
    TP_ASSERT(!tp_demonitor(self, aliases[TP_ALIAS_REPLY_DEMONITOR].ref));
    /* the down closes DEMONITOR; EXPLICIT outlives it */
    tp_send(self, target, number, .n = 5);
    tp_down down;
    int downs = 0;
    while (tp_receive(self, downs < 2 ? SOON : TP_MS(2), &down, tp_down) == TP_OK) downs++;
    TP_ASSERT(downs >= 2); /* EXPLICIT's and DEMONITOR's; REPLY's if a reply leaves the monitor */
    tp_spawn_body(self, alias_sender, aliases, &options);
    TP_ASSERT_EQ_INT(down_code(self, ref), TP_EXIT_NORMAL);
    TP_ASSERT_EQ_INT(tp_receive(self, SOON, &got, number), TP_OK);
    TP_ASSERT_EQ_INT(got.n, TP_ALIAS_EXPLICIT);
    nothing_more(self);
    TP_ASSERT(tp_unalias(self, aliases[TP_ALIAS_EXPLICIT].ref));
    TP_ASSERT(!tp_unalias(self, aliases[TP_ALIAS_DEMONITOR].ref));
}
TP_TEST(edge, aliases_end_as_their_mode_says) {
    run_everywhere(alias_body, NULL);
}

static void alias_lender(tp_actor *self, void *arg) {
    *(tp_alias *)arg = tp_alias_open(self, TP_ALIAS_EXPLICIT);
}
static void dead_alias_body(tp_actor *self, void *arg) {
    tp_alias alias = {.ref = 0};
    tp_ref ref;
    tp_counters before, after;
    (void)arg;
    tp_spawn_options options = {.monitor = &ref};
    tp_spawn_body(self, alias_lender, &alias, &options);
    TP_ASSERT_EQ_INT(down_code(self, ref), TP_EXIT_NORMAL);
    tp_runtime_counters(tp_self_runtime(self), &before);
    TP_ASSERT_EQ_INT(tp_send_alias(self, alias, number, .n = 1), TP_OK);
    tp_alias other = {.owner = tp_self(self),
                      .ref = alias.ref}; /* an alias is its creator's alone */
    TP_ASSERT_EQ_INT(tp_send_alias(self, other, number, .n = 1), TP_OK);
    nothing_more(self);
    tp_runtime_counters(tp_self_runtime(self), &after);
    TP_ASSERT_EQ_INT(after.dead_letters - before.dead_letters, 1);
}
TP_TEST(edge, aliases_of_the_dead_and_of_others) {
    run_everywhere(dead_alias_body, NULL);
}

/* ---- requests ---- */

TP_MESSAGE(hold)
TP_MESSAGE(hand_out)
TP_MESSAGE(nested_ask)
TP_MESSAGE(wait_here)
struct holder {
    tp_from from;
};
static void on_hold(tp_actor *self, struct holder *holder, const hold *msg) {
    (void)msg;
    holder->from = tp_defer(self);
    TP_ASSERT(!tp_pid_is_null(holder->from.caller));
    TP_ASSERT_EQ_INT(tp_reply(self, answer, .n = 1), TP_ECONTEXT); /* it has been taken out */
    TP_ASSERT(tp_pid_is_null(tp_defer(self).caller));
    TP_ASSERT_EQ_INT(tp_delegate(self, tp_self(self)), TP_ECONTEXT);
}
static struct holder *shared; /* where the test's own actor finds the handle: it is a value */
static void on_hand_out(tp_actor *self, struct holder *holder, const hand_out *msg) {
    (void)msg;
    shared->from = holder->from;
    tp_reply(self, answer, .n = 0);
}
static void on_wait_here(tp_actor *self, struct holder *holder, const wait_here *msg) {
    (void)holder, (void)msg;
    tp_sleep(self, TP_SECONDS(1000));
}
TP_BEHAVIOR(holder_behavior, "holder", struct holder, TP_ON(hold, on_hold),
            TP_ON(hand_out, on_hand_out), TP_ON(wait_here, on_wait_here));

static void third_party(tp_actor *self, void *arg) {
    struct holder *holder = arg;
    TP_ASSERT_EQ_INT(tp_reply_to(self, holder->from, answer, .n = 10), TP_OK);
    TP_ASSERT_EQ_INT(tp_reply_to(self, holder->from, answer, .n = 11), TP_OK); /* dropped */
    TP_ASSERT_EQ_INT(tp_reply_error_to(self, holder->from, TP_EBUSY), TP_OK);  /* dropped */
}
static void from_body(tp_actor *self, void *arg) {
    (void)arg;
    for (int i = 0; i < 50; i++) {
        struct holder handle;
        answer got;
        tp_pid holder = tp_spawn(self, &holder_behavior);
        tp_future future = tp_request(self, holder, hold);
        shared = &handle;
        TP_ASSERT_EQ_INT(tp_call(self, holder, SOON, &got, answer, hand_out), TP_OK);
        if (i % 2 == 0) tp_kill(self, holder); /* before or after the answer of the third */
        tp_ref ref;
        tp_spawn_options options = {.monitor = &ref};
        tp_spawn_body(self, third_party, &handle, &options);
        tp_err err = tp_await(self, future, SOON, &got, answer);
        TP_ASSERT(err == TP_OK || (i % 2 == 0 && err == TP_ENOPROC));
        if (err == TP_OK) TP_ASSERT_EQ_INT(got.n, 10);
        TP_ASSERT_EQ_INT(down_code(self, ref), TP_EXIT_NORMAL);
        tp_kill(self, holder); /* answered long ago: no failure comes of it */
        nothing_more(self);
    }
}
TP_TEST(edge, anyone_may_answer_but_only_once) {
    run_everywhere(from_body, NULL);
}

static void holders_body(tp_actor *self, void *arg) {
    answer got;
    (void)arg;
    tp_pid holder = tp_spawn(self, &holder_behavior);
    /* held in the handler, deferred, and still queued: all hear of the end */
    tp_future deferred = tp_request(self, holder, hold),
              running = tp_request(self, holder, wait_here),
              queued = tp_request(self, holder, hold);
    size_t index = 9;
    tp_future none[3] = {0, 0, 0}, all[4] = {0, deferred, running, queued};
    TP_ASSERT_EQ_INT(tp_await_any(self, none, 3, SOON, &index), TP_ENOENT);
    TP_ASSERT_EQ_INT(tp_await_any(self, all, 0, SOON, &index), TP_ENOENT);
    TP_ASSERT_EQ_INT(tp_await_all(self, none, 3, SOON), TP_OK);
    TP_ASSERT_EQ_INT(tp_await_all(self, NULL, 0, SOON), TP_OK);
    TP_ASSERT_EQ_INT(tp_await_all(self, all, 4, 0), TP_ETIMEDOUT);
    TP_ASSERT_EQ_INT(tp_await_all(self, all, 4, TP_MS(1)), TP_ETIMEDOUT);
    TP_ASSERT_EQ_INT(tp_await(self, deferred, 0, &got, answer), TP_ETIMEDOUT);
    TP_ASSERT_EQ_INT(tp_await_any(self, all, 4, -5, &index), TP_ETIMEDOUT);
    tp_kill(self, holder);
    TP_ASSERT_EQ_INT(tp_await_all(self, all, 4, SOON), TP_OK);
    TP_ASSERT_EQ_INT(tp_await_any(self, all, 4, SOON, &index), TP_OK);
    TP_ASSERT_EQ_INT(index, 1);
    for (int i = 1; i < 4; i++)
        TP_ASSERT_EQ_INT(tp_await(self, all[i], SOON, &got, answer), TP_ENOPROC);
    TP_ASSERT_EQ_INT(tp_await_any(self, all, 4, SOON, &index),
                     TP_ENOENT); /* none is ours any more */
    tp_cancel(self, 0);
    tp_cancel(self, running);
    nothing_more(self);
}
TP_TEST(edge, whoever_holds_a_request_and_dies_is_heard) {
    run_everywhere(holders_body, NULL);
}

static void postponing(tp_actor *self, void *arg) {
    const tp_message *message;
    (void)arg;
    TP_ASSERT_EQ_INT(tp_receive_any(self, SOON, NULL, NULL, &message), TP_OK);
    tp_postpone(self);
    number end;
    TP_ASSERT_EQ_INT(tp_receive(self, SOON, &end, number), TP_OK);
    if (end.n == 0) return; /* ends with the request still put aside */
    tp_retry_postponed(self);
    TP_ASSERT_EQ_INT(tp_receive_any(self, SOON, NULL, NULL, &message), TP_OK);
    TP_ASSERT(tp_message_is(message, ask));
    TP_ASSERT_EQ_INT(tp_reply(self, answer, .n = 77), TP_OK);
}
static void postponed_body(tp_actor *self, void *arg) {
    answer got;
    (void)arg;
    for (int64_t end = 0; end <= 1; end++) {
        tp_pid pid = tp_spawn_body(self, postponing, NULL, NULL);
        tp_future future = tp_request(self, pid, ask);
        TP_ASSERT_EQ_INT(tp_await(self, future, TP_MS(1), &got, answer), TP_ETIMEDOUT);
        tp_send(self, pid, number, .n = end);
        TP_ASSERT_EQ_INT(tp_await(self, future, SOON, &got, answer), end == 0 ? TP_ENOPROC : TP_OK);
        if (end == 1) TP_ASSERT_EQ_INT(got.n, 77);
    }
}
TP_TEST(edge, postponed_requests_are_answered_or_fail) {
    run_everywhere(postponed_body, NULL);
}

static void postpone_all(tp_actor *self, void *arg) {
    const tp_message *message;
    (void)arg;
    for (;;) {
        TP_ASSERT_EQ_INT(tp_receive_any(self, SOON, NULL, NULL, &message), TP_OK);
        tp_postpone(self);
    }
}
static void cap_body(tp_actor *self, void *arg) {
    tp_ref ref;
    (void)arg;
    tp_spawn_options options = {.monitor = &ref, .mailbox_limit = 10};
    tp_pid pid = tp_spawn_body(self, postpone_all, NULL, &options);
    for (int i = 0; i < 80; i++) tp_send(self, pid, number, .n = i);
    tp_sleep(self, TP_MS(2));
    is_alive(self, pid);
    tp_send(self, pid, number, .n = 80); /* the 81st at a limit of ten */
    TP_ASSERT_EQ_INT(down_code(self, ref), TP_EXIT_OVERFLOW);
}
TP_TEST(edge, putting_aside_has_its_own_cap) {
    run_everywhere(cap_body, NULL);
}
