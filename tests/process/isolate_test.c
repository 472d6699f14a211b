/*
 * Isolated actors: the same as others, and their end however it comes.
 */
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "tests/process/stage.h"

TP_MESSAGE(who, TP_FIELD(i64, add))
TP_MESSAGE(mine, TP_FIELD(i64, process), TP_FIELD(i64, sum), TP_FIELD(pid, self))
TP_MESSAGE(order, TP_FIELD(str, what), TP_FIELD(pid, other), TP_FIELD(i64, n))
TP_MESSAGE(seen, TP_FIELD(str, what), TP_FIELD(i64, n), TP_FIELD(pid, from))
TP_MESSAGE(bytes_of, TP_FIELD(bin, bytes))

struct guest {
    int64_t sum;
    tp_pid boss;
    tp_ref monitor;
};

static void on_init(tp_actor *self, struct guest *guest, const order *msg) {
    guest->boss = msg->other;
    guest->sum = msg->n;
    if (msg->n == -1) tp_fail(self, "not today");
    if (msg->n == -2) raise(SIGKILL);
}
static void on_who(tp_actor *self, struct guest *guest, const who *msg) {
    guest->sum += msg->add;
    tp_reply(self, mine, .process = getpid(), .sum = guest->sum, .self = tp_self(self));
}
static void on_bytes(tp_actor *self, struct guest *guest, const bytes_of *msg) {
    uint64_t sum = 0;
    for (size_t i = 0; i < msg->bytes.size; i++) sum += ((const uint8_t *)msg->bytes.data)[i];
    guest->sum = (int64_t)sum;
    tp_send(self, tp_sender(self), bytes_of, .bytes = msg->bytes);
}
static void on_tell(tp_actor *self, struct guest *guest, const seen *msg) {
    tp_send(self, guest->boss, seen, .what = msg->what, .n = msg->n, .from = tp_sender(self));
}
static void crash(tp_actor *self, int64_t how) {
    switch (how) {
    case 0: tp_exit(self, TP_EXIT_NORMAL);
    case 1: tp_fail(self, "as told");
    case 2: tp_exit(self, TP_EXIT_USER + 7);
    case 3: abort();
    case 4: _exit(5);
    case 5:
        for (volatile unsigned i = 0;; i = i + 1) {
        }
    default: (void)raise(SIGKILL);
    }
}
static bool says(tp_str text, const char *what) {
    return text.size == strlen(what) && memcmp(text.data, what, text.size) == 0;
}
static void on_order(tp_actor *self, struct guest *guest, const order *msg);
static void on_exit_message(tp_actor *self, struct guest *guest, const tp_exited *msg) {
    tp_send(self, guest->boss, seen, .what = TP_STR("exited"), .n = msg->code, .from = msg->from);
}
static void on_down(tp_actor *self, struct guest *guest, const tp_down *msg) {
    tp_send(self, guest->boss, seen, .what = TP_STR("down"), .n = msg->code, .from = msg->from);
}
TP_BEHAVIOR(guest_behavior, "guest", struct guest, TP_INIT_WITH(order, on_init), TP_ON(who, on_who),
            TP_ON(order, on_order), TP_ON(seen, on_tell), TP_ON(bytes_of, on_bytes),
            TP_ON(tp_exited, on_exit_message), TP_ON(tp_down, on_down));

static void on_order(tp_actor *self, struct guest *guest, const order *msg) {
    guest->boss = tp_sender(self);
    tp_err err = TP_OK;
    if (says(msg->what, "crash")) crash(self, msg->n);
    else if (says(msg->what, "loop")) {
        tp_send(self, guest->boss, seen, .what = TP_STR("loops"), .from = tp_self(self));
        crash(self, 5);
    } else if (says(msg->what, "trap")) (void)tp_trap_exits(self, true);
    else if (says(msg->what, "link")) err = tp_link(self, msg->other);
    else if (says(msg->what, "unlink")) err = tp_unlink(self, msg->other);
    else if (says(msg->what, "monitor")) guest->monitor = tp_monitor(self, msg->other);
    else if (says(msg->what, "demonitor")) err = tp_demonitor(self, guest->monitor) ? TP_OK : 99;
    else if (says(msg->what, "exit")) err = tp_send_exit(self, msg->other, (int32_t)msg->n);
    else if (says(msg->what, "sleep")) err = tp_sleep(self, TP_MS(msg->n));
    else if (says(msg->what, "timer"))
        (void)tp_send_after(self, TP_MS(5), tp_self(self), seen, .what = TP_STR("timer"));
    else if (says(msg->what, "call")) {
        mine reply = {0};
        err = tp_call(self, msg->other, SOON, &reply, mine, who, .add = msg->n);
        tp_send(self, guest->boss, seen, .what = TP_STR("called"), .n = reply.sum,
                .from = reply.self);
    } else if (says(msg->what, "spawn")) {
        tp_pid child = tp_spawn_link(self, &guest_behavior, order, .other = guest->boss, .n = 30);
        tp_send(self, child, seen, .what = TP_STR("born"), .n = getpid());
    } else if (says(msg->what, "register")) {
        err = tp_register(self, "somebody");
    }
    tp_send(self, guest->boss, seen, .what = TP_STR("done"), .n = err, .from = tp_self(self));
}

/* ---- helpers ---- */

static tp_pid isolate_with(tp_actor *self, tp_spawn_options options) {
    options.isolate = true;
    tp_pid pid =
        tp_spawn_with(self, &guest_behavior, &options, order, .other = tp_self(self), .n = 100);
    TP_ASSERT_EQ_INT(tp_error(self), TP_OK);
    TP_ASSERT(!tp_pid_is_null(pid));
    return pid;
}
static tp_pid isolate_one(tp_actor *self) {
    return isolate_with(self, (tp_spawn_options){0});
}
static mine ask_who(tp_actor *self, tp_pid pid, int64_t add) {
    mine reply = {0};
    TP_ASSERT_EQ_INT(tp_call(self, pid, SOON, &reply, mine, who, .add = add), TP_OK);
    return reply;
}
static void tell(tp_actor *self, tp_pid pid, const char *what, tp_pid other, int64_t n) {
    TP_ASSERT_EQ_INT(tp_send(self, pid, order, .what = tp_str_of(what), .other = other, .n = n),
                     TP_OK);
}
static seen expect(tp_actor *self, const char *what) {
    seen msg = {0};
    TP_ASSERT_EQ_INT(tp_receive(self, SOON, &msg, seen), TP_OK);
    TP_ASSERT_MSG(says(msg.what, what), "%.*s in the place of %s", (int)msg.what.size,
                  msg.what.data, what);
    return msg;
}
static void tell_done(tp_actor *self, tp_pid pid, const char *what, tp_pid other, int64_t n) {
    tell(self, pid, what, other, n);
    TP_ASSERT_EQ_INT(expect(self, "done").n, TP_OK);
}
static tp_down expect_down(tp_actor *self, tp_pid pid) {
    tp_down down = {0};
    TP_ASSERT_EQ_INT(tp_receive(self, SOON, &down, tp_down), TP_OK);
    TP_ASSERT(tp_pid_equal(down.from, pid));
    return down;
}
/* ---- like any other ---- */

static void talk_body(tp_actor *self, void *arg) {
    (void)arg;
    tp_pid pid = isolate_one(self);
    mine reply = ask_who(self, pid, 1);
    TP_ASSERT(reply.process != getpid() && reply.process > 1);
    TP_ASSERT_EQ_INT(reply.sum, 101);
    TP_ASSERT(tp_pid_equal(reply.self, pid));
    for (int i = 0; i < 200; i++) (void)ask_who(self, pid, 1);
    TP_ASSERT_EQ_INT(ask_who(self, pid, 0).sum, 301);
    tell_done(self, pid, "timer", tp_pid_null(), 0);
    TP_ASSERT(tp_pid_equal(expect(self, "timer").from, pid));
    tp_future futures[10];
    for (int i = 0; i < 10; i++) futures[i] = tp_request(self, pid, who, .add = 0);
    for (int i = 0; i < 10; i++)
        TP_ASSERT_EQ_INT(tp_await(self, futures[i], SOON, &reply, mine), TP_OK);
}
TP_TEST(isolate, calls_sends_and_timers) {
    SUPPORTED();
    run_isolated(talk_body);
}

/* A copy is ready before anybody knows what it is for. */
static void stacks_body(tp_actor *self, void *arg) {
    (void)arg;
    for (int i = 0; i < 2; i++) TP_ASSERT_EQ_INT(ask_who(self, isolate_one(self), 1).sum, 101);
}
TP_TEST(isolate, stacks_of_another_size) {
    SUPPORTED();
    tp_zygote *zygote;
    TP_ASSERT_EQ_INT(tp_zygote_start(&zygote), TP_OK);
    for (size_t kib = 64; kib <= 1024; kib *= 4) {
        tp_options options = {.workers = 1, .zygote = zygote, .stack_size = kib << 10};
        TP_ASSERT_EQ_INT(tp_run_with(&options, stacks_body, NULL), 0);
    }
    tp_zygote_stop(zygote);
    TP_ASSERT(!has_child());
}

static void large_body(tp_actor *self, void *arg) {
    (void)arg;
    tp_pid pid = isolate_one(self);
    size_t size = (size_t)2 << 20;
    uint8_t *bytes = malloc(size);
    TP_ASSERT(bytes != NULL);
    for (size_t i = 0; i < size; i++) bytes[i] = (uint8_t)(i * 31);
    for (int i = 0; i < 3; i++) {
        bytes_of back;
        TP_ASSERT_EQ_INT(tp_send(self, pid, bytes_of, .bytes = {bytes, size}), TP_OK);
        TP_ASSERT_EQ_INT(tp_receive(self, SOON, &back, bytes_of), TP_OK);
        TP_ASSERT_EQ_INT(back.bytes.size, size);
        TP_ASSERT(memcmp(back.bytes.data, bytes, size) == 0);
    }
    free(bytes);
}
TP_TEST(isolate, large_messages) {
    SUPPORTED();
    run_isolated(large_body);
}

static void flood_body(tp_actor *self, void *arg) {
    (void)arg;
    enum { COUNT = 20000 };
    tp_pid pid = isolate_one(self);
    tell_done(self, pid, "sleep", tp_pid_null(), 20);
    for (int i = 0; i < TP_SCALED(COUNT); i++)
        TP_ASSERT_EQ_INT(tp_send(self, pid, seen, .what = TP_STR("n"), .n = i), TP_OK);
    for (int i = 0; i < TP_SCALED(COUNT); i++) TP_ASSERT_EQ_INT(expect(self, "n").n, i);
}
TP_TEST(isolate, a_flood_comes_in_order) {
    SUPPORTED();
    run_isolated(flood_body);
}

static void peer_body(tp_actor *self, void *arg) {
    (void)arg;
    who msg;
    while (tp_receive(self, SOON, &msg, who) == TP_OK)
        tp_reply(self, mine, .sum = msg.add * 2, .self = tp_self(self));
}
static void outwards_body(tp_actor *self, void *arg) {
    (void)arg;
    tp_pid pid = isolate_one(self), peer = tp_spawn_body(self, peer_body, NULL, NULL);
    tell(self, pid, "call", peer, 21);
    seen msg = expect(self, "called");
    TP_ASSERT(tp_pid_equal(msg.from, peer));
    TP_ASSERT_EQ_INT(msg.n, 42);
    TP_ASSERT_EQ_INT(expect(self, "done").n, TP_OK);
    tp_kill(self, peer);
    tell(self, pid, "call", peer, 21);
    (void)expect(self, "called");
    TP_ASSERT_EQ_INT(expect(self, "done").n, TP_ENOPROC);
    tell(self, pid, "register", peer, 0);
    TP_ASSERT_EQ_INT(expect(self, "done").n, TP_ENOTSUP);
    /* between two of them */
    tp_pid other = isolate_one(self);
    tell(self, pid, "call", other, 5);
    TP_ASSERT_EQ_INT(expect(self, "called").n, 105);
    TP_ASSERT_EQ_INT(expect(self, "done").n, TP_OK);
}
TP_TEST(isolate, calls_to_others) {
    SUPPORTED();
    run_isolated(outwards_body);
}

/* Answers when it is told to, and not before. */
static void late_peer(tp_actor *self, void *arg) {
    (void)arg;
    who asked;
    bytes_of now;
    if (tp_receive(self, SOON, &asked, who) != TP_OK) return;
    tp_from from = tp_defer(self);
    if (tp_receive(self, SOON, &now, bytes_of) == TP_OK)
        tp_reply_to(self, from, mine, .sum = 7, .self = tp_self(self));
}
static void behind_body(tp_actor *self, void *arg) {
    enum { FLOOD = 700 }; /* more than may be ahead of its handlers */
    (void)arg;
    tp_pid pid = isolate_one(self), peer = tp_spawn_body(self, late_peer, NULL, NULL);
    tell(self, pid, "call", peer, 1);
    for (int i = 0; i < FLOOD; i++)
        TP_ASSERT_EQ_INT(tp_send(self, pid, seen, .what = TP_STR("n"), .n = i), TP_OK);
    TP_ASSERT_EQ_INT(tp_sleep(self, TP_MS(50)), TP_OK); /* the flood has gone as far as it goes */
    TP_ASSERT_EQ_INT(tp_send(self, peer, bytes_of), TP_OK);
    TP_ASSERT_EQ_INT(expect(self, "called").n, 7);
    TP_ASSERT_EQ_INT(expect(self, "done").n, TP_OK);
    for (int i = 0; i < FLOOD; i++) TP_ASSERT_EQ_INT(expect(self, "n").n, i);
}
TP_TEST(isolate, an_answer_reaches_one_that_is_behind) {
    SUPPORTED();
    run_isolated(behind_body);
}

/* Ends once it has refused a request, which then fails with the marks of a refused message. */
static bool refuse(const tp_message *message, void *met) {
    if (tp_message_is(message, who)) *(bool *)met = true;
    return false;
}
static void deaf_peer(tp_actor *self, void *arg) {
    const tp_message *message;
    bool met = false;
    (void)arg;
    while (!met) (void)tp_receive_any(self, TP_MS(1), refuse, &met, &message);
}
static void deaf_body(tp_actor *self, void *arg) {
    (void)arg;
    tp_pid pid = isolate_one(self);
    for (int i = 0; i < 3; i++) {
        tell(self, pid, "call", tp_spawn_body(self, deaf_peer, NULL, NULL), 1);
        (void)expect(self, "called");
        TP_ASSERT_EQ_INT(expect(self, "done").n, TP_ENOPROC);
    }
    TP_ASSERT_EQ_INT(ask_who(self, pid, 1).sum, 101);
}
TP_TEST(isolate, a_call_that_was_refused_fails_like_any_other) {
    SUPPORTED();
    run_isolated(deaf_body);
}

static void spawn_body(tp_actor *self, void *arg) {
    (void)arg;
    tp_pid pid = isolate_one(self);
    tell(self, pid, "spawn", tp_pid_null(), 0);
    int64_t inside = 0;
    tp_pid child = tp_pid_null();
    for (int i = 0; i < 2; i++) {
        seen msg;
        TP_ASSERT_EQ_INT(tp_receive(self, SOON, &msg, seen), TP_OK);
        if (says(msg.what, "born")) inside = msg.n, child = pid;
    }
    TP_ASSERT(inside > 1 && inside != getpid());
    TP_ASSERT(!tp_pid_is_null(child));
}
TP_TEST(isolate, what_it_spawns_lives_in_the_node) {
    SUPPORTED();
    run_isolated(spawn_body);
}

static void echo_who(tp_actor *self, struct guest *guest, const who *msg) {
    (void)guest;
    tp_reply(self, mine, .process = getpid(), .sum = msg->add);
}
TP_BEHAVIOR(plain_behavior, "plain", struct guest, TP_ON(who, echo_who));
static void plain_body(tp_actor *self, void *arg) {
    (void)arg;
    tp_pid pid = tp_spawn_with(self, &plain_behavior, TP_OPTIONS(.isolate = true));
    TP_ASSERT_EQ_INT(ask_who(self, pid, 4).sum, 4);
    TP_ASSERT_EQ_INT(tp_start(self, &pid, &plain_behavior, TP_OPTIONS(.isolate = true), SOON, NULL),
                     TP_OK);
    TP_ASSERT_EQ_INT(ask_who(self, pid, 5).sum, 5);
}
TP_TEST(isolate, a_behaviour_without_init) {
    SUPPORTED();
    run_isolated(plain_body);
}

/* ---- links and monitors ---- */

static void relations_body(tp_actor *self, void *arg) {
    (void)arg;
    tp_pid pid = isolate_one(self);
    tell_done(self, pid, "trap", tp_pid_null(), 0);
    tp_pid peer = tp_spawn_body(self, peer_body, NULL, NULL);
    tell_done(self, pid, "link", peer, 0);
    tell_done(self, pid, "monitor", peer, 0);
    TP_ASSERT_EQ_INT(tp_send_exit(self, peer, TP_EXIT_USER), TP_OK);
    for (int i = 0; i < 2; i++) {
        seen msg;
        TP_ASSERT_EQ_INT(tp_receive(self, SOON, &msg, seen), TP_OK);
        TP_ASSERT(says(msg.what, i == 0 ? "exited" : "down"));
        TP_ASSERT_EQ_INT(msg.n, TP_EXIT_USER);
        TP_ASSERT(tp_pid_equal(msg.from, peer));
    }
    /* to one that is dead already */
    tell(self, pid, "monitor", peer, 0);
    int downs = 0;
    for (int i = 0; i < 2; i++) {
        seen msg;
        TP_ASSERT_EQ_INT(tp_receive(self, SOON, &msg, seen), TP_OK);
        if (says(msg.what, "down")) TP_ASSERT_EQ_INT(msg.n, TP_EXIT_NOPROC), downs++;
    }
    TP_ASSERT_EQ_INT(downs, 1);
    /* demonitor and unlink */
    peer = tp_spawn_body(self, peer_body, NULL, NULL);
    tell_done(self, pid, "monitor", peer, 0);
    tell_done(self, pid, "demonitor", peer, 0);
    tell_done(self, pid, "link", peer, 0);
    tell_done(self, pid, "unlink", peer, 0);
    TP_ASSERT_EQ_INT(tp_kill(self, peer), TP_OK);
    TP_ASSERT_EQ_INT(ask_who(self, pid, 0).sum, 100);
    seen none;
    TP_ASSERT_EQ_INT(tp_receive(self, TP_MS(20), &none, seen), TP_ETIMEDOUT);
    /* it sends an exit signal */
    tp_ref ref;
    peer = tp_spawn_body(self, peer_body, NULL, &((tp_spawn_options){.monitor = &ref}));
    tell_done(self, pid, "exit", peer, TP_EXIT_USER + 1);
    TP_ASSERT_EQ_INT(expect_down(self, peer).code, TP_EXIT_USER + 1);
}
TP_TEST(isolate, its_own_links_and_monitors) {
    SUPPORTED();
    run_isolated(relations_body);
}

static void linked_peer(tp_actor *self, void *arg) {
    tp_pid other = *(tp_pid *)arg;
    (void)tp_link(self, other);
    peer_body(self, NULL);
}
static void contagion_body(tp_actor *self, void *arg) {
    (void)arg;
    tp_ref ref;
    tp_pid pid = isolate_with(self, (tp_spawn_options){.monitor = &ref});
    tp_pid peer = tp_spawn_body(self, linked_peer, &pid, NULL);
    mine reply;
    TP_ASSERT_EQ_INT(tp_call(self, peer, SOON, &reply, mine, who, .add = 1), TP_OK);
    TP_ASSERT_EQ_INT(tp_send_exit(self, peer, TP_EXIT_USER + 2), TP_OK);
    TP_ASSERT_EQ_INT(expect_down(self, pid).code, TP_EXIT_USER + 2);
    /* and the other way round, with its process killed from outside */
    tp_ref peers;
    pid = isolate_with(self, (tp_spawn_options){.monitor = &ref});
    peer = tp_spawn_body(self, linked_peer, &pid, &((tp_spawn_options){.monitor = &peers}));
    TP_ASSERT_EQ_INT(tp_call(self, peer, SOON, &reply, mine, who, .add = 1), TP_OK);
    TP_ASSERT_EQ_INT(kill((int)ask_who(self, pid, 0).process, SIGKILL), 0);
    bool told[2] = {false, false};
    for (int i = 0; i < 2; i++) {
        tp_down down;
        tp_process_end end;
        TP_ASSERT_EQ_INT(tp_receive(self, SOON, &down, tp_down), TP_OK);
        TP_ASSERT(tp_process_of((tp_reason){down.code, down.detail}, &end));
        TP_ASSERT_EQ_INT(end.signal, SIGKILL);
        told[tp_pid_equal(down.from, peer)] = true;
    }
    TP_ASSERT(told[0] && told[1]);
}
TP_TEST(isolate, links_of_others_to_it) {
    SUPPORTED();
    run_isolated(contagion_body);
}

/* ---- ends ---- */

static void ends_body(tp_actor *self, void *arg) {
    (void)arg;
    static const int32_t codes[] = {TP_EXIT_NORMAL, TP_EXIT_FAILED, TP_EXIT_USER + 7};
    tp_ref ref;
    tp_process_end end;
    for (int how = 0; how < 3; how++) {
        tp_pid pid = isolate_with(self, (tp_spawn_options){.monitor = &ref});
        tell(self, pid, "crash", tp_pid_null(), how);
        tp_down down = expect_down(self, pid);
        TP_ASSERT_EQ_INT(down.code, codes[how]);
        if (how == 1) TP_ASSERT(memcmp(down.detail.data, "as told", 7) == 0);
    }
    static const int statuses[][2] = {{4, 5}, {6, -1}};
    for (int i = 0; i < 2; i++) {
        tp_pid pid = isolate_with(self, (tp_spawn_options){.monitor = &ref});
        tell(self, pid, "crash", tp_pid_null(), statuses[i][0]);
        tp_down down = expect_down(self, pid);
        TP_ASSERT(tp_process_of((tp_reason){down.code, down.detail}, &end));
        TP_ASSERT_EQ_INT(end.status, statuses[i][1]);
        TP_ASSERT_EQ_INT(end.signal, i == 0 ? 0 : SIGKILL);
    }
}
TP_TEST(isolate, how_it_ended_is_the_reason) {
    SUPPORTED();
    run_isolated(ends_body);
}

static void abort_body(tp_actor *self, void *arg) {
    (void)arg;
    tp_ref ref;
    tp_process_end end;
    tp_pid pid = isolate_with(self, (tp_spawn_options){.monitor = &ref});
    tell(self, pid, "crash", tp_pid_null(), 3);
    tp_down down = expect_down(self, pid);
    TP_ASSERT(tp_process_of((tp_reason){down.code, down.detail}, &end));
    TP_ASSERT_EQ_INT(end.signal, SIGABRT);
    TP_ASSERT_EQ_INT(end.status, -1);
}
TP_TEST(isolate, a_fault_is_its_own) {
    SUPPORTED();
    run_isolated(abort_body);
}

static void kill_body(tp_actor *self, void *arg) {
    (void)arg;
    tp_ref ref;
    tp_pid pid = isolate_with(self, (tp_spawn_options){.monitor = &ref});
    int process = (int)ask_who(self, pid, 0).process;
    tell(self, pid, "crash", tp_pid_null(), 5); /* loops for ever */
    tp_future asked = tp_request(self, pid, who, .add = 1);
    TP_ASSERT_EQ_INT(tp_sleep(self, TP_MS(10)), TP_OK);
    TP_ASSERT_EQ_INT(tp_kill(self, pid), TP_OK);
    TP_ASSERT_EQ_INT(expect_down(self, pid).code, TP_EXIT_KILLED);
    TP_ASSERT(is_gone(process));
    mine reply;
    TP_ASSERT_EQ_INT(tp_await(self, asked, SOON, &reply, mine), TP_ENOPROC);
}
TP_TEST(isolate, an_endless_loop_can_be_killed) {
    SUPPORTED();
    run_isolated(kill_body);
}

static void peer_that_ends(tp_actor *self, void *arg) {
    who msg;
    (void)arg;
    (void)tp_receive(self, SOON, &msg, who);
    tp_exit(self, TP_EXIT_USER + 3);
}
static void link_to_loop_body(tp_actor *self, void *arg) {
    (void)arg;
    tp_ref ref;
    tp_pid pid = isolate_with(self, (tp_spawn_options){.monitor = &ref});
    tp_pid peer = tp_spawn_body(self, peer_that_ends, NULL, NULL);
    int process = (int)ask_who(self, pid, 0).process;
    tell_done(self, pid, "link", peer, 0);
    tell(self, pid, "loop", tp_pid_null(), 0);
    (void)expect(self, "loops");
    TP_ASSERT(tp_monitor(self, peer) != 0);
    TP_ASSERT_EQ_INT(tp_send(self, peer, who, .add = 0), TP_OK);
    TP_ASSERT_EQ_INT(expect_down(self, peer).code, TP_EXIT_USER + 3);
    TP_ASSERT_EQ_INT(tp_sleep(self, TP_MS(20)), TP_OK);
    TP_ASSERT(state_of(process) != 0 && state_of(process) != 'Z'); /* it has not come to hear it */
    TP_ASSERT_EQ_INT(tp_kill(self, pid), TP_OK);
    TP_ASSERT_EQ_INT(expect_down(self, pid).code, TP_EXIT_KILLED);
    TP_ASSERT(is_gone(process));
}
TP_TEST(isolate, the_exit_of_a_link_waits_for_an_endless_loop) {
    SUPPORTED();
    run_isolated(link_to_loop_body);
}

static void stopped_body(tp_actor *self, void *arg) {
    (void)arg;
    tp_ref ref;
    tp_process_end end;
    tp_process_limits limits = {.heartbeat = TP_MS(20)};
    tp_pid pid = isolate_with(self, (tp_spawn_options){.monitor = &ref, .limits = &limits});
    int process = (int)ask_who(self, pid, 0).process;
    TP_ASSERT_EQ_INT(kill(process, SIGSTOP), 0);
    tp_down down = expect_down(self, pid);
    TP_ASSERT(tp_process_of((tp_reason){down.code, down.detail}, &end));
    TP_ASSERT_EQ_INT(end.signal, SIGKILL);
    TP_ASSERT(is_gone(process));
}
TP_TEST(isolate, one_that_stands_still_is_noticed) {
    SUPPORTED();
    run_isolated(stopped_body);
}

static void start_body(tp_actor *self, void *arg) {
    (void)arg;
    tp_pid pid;
    tp_reason reason = {0};
    tp_spawn_options options = {.isolate = true};
    TP_ASSERT_EQ_INT(tp_start(self, &pid, &guest_behavior, &options, SOON, &reason, order, .n = 3),
                     TP_OK);
    TP_ASSERT_EQ_INT(ask_who(self, pid, 0).sum, 3);
    TP_ASSERT_EQ_INT(tp_start(self, &pid, &guest_behavior, &options, SOON, &reason, order, .n = -1),
                     TP_ENOPROC);
    TP_ASSERT_EQ_INT(reason.code, TP_EXIT_FAILED);
    TP_ASSERT(memcmp(reason.detail.data, "not today", 9) == 0);
    TP_ASSERT_EQ_INT(tp_start(self, &pid, &guest_behavior, &options, SOON, &reason, order, .n = -2),
                     TP_ENOPROC);
    TP_ASSERT_EQ_INT(reason.code, TP_EXIT_PROCESS);
}
TP_TEST(isolate, starts_in_step) {
    SUPPORTED();
    run_isolated(start_body);
}

static void limits_body(tp_actor *self, void *arg) {
    (void)arg;
    tp_ref ref;
    tp_process_end end;
    tp_process_limits limits = {.seconds = 1};
    tp_pid pid = isolate_with(self, (tp_spawn_options){.monitor = &ref, .limits = &limits});
    tell(self, pid, "crash", tp_pid_null(), 5);
    tp_down down = expect_down(self, pid);
    TP_ASSERT(tp_process_of((tp_reason){down.code, down.detail}, &end));
    TP_ASSERT(end.signal == SIGXCPU || end.signal == SIGKILL);
}
TP_TEST(isolate, a_limit_ends_it) {
    SUPPORTED();
    run_isolated(limits_body);
}

static void many_body(tp_actor *self, void *arg) {
    (void)arg;
    tp_ref ref;
    for (int i = 0; i < TP_SCALED(100); i++) {
        tp_pid pid = isolate_with(self, (tp_spawn_options){.monitor = &ref});
        int process = (int)ask_who(self, pid, 1).process;
        if (i % 3 == 0) TP_ASSERT_EQ_INT(kill(process, SIGKILL), 0);
        else if (i % 3 == 1) TP_ASSERT_EQ_INT(tp_kill(self, pid), TP_OK);
        else TP_ASSERT_EQ_INT(tp_send_exit(self, pid, TP_EXIT_SHUTDOWN), TP_OK);
        tp_down down = expect_down(self, pid);
        TP_ASSERT_EQ_INT(down.code, i % 3 == 0   ? TP_EXIT_PROCESS
                                    : i % 3 == 1 ? TP_EXIT_KILLED
                                                 : TP_EXIT_SHUTDOWN);
        TP_ASSERT(is_gone(process));
    }
    for (int i = 0; i < 5; i++) (void)isolate_one(self); /* the end of the runtime is theirs */
}
TP_TEST(isolate, many_leave_nothing) {
    SUPPORTED();
    run_isolated(many_body);
}

static void refused_body(tp_actor *self, void *arg) {
    (void)arg;
    TP_ASSERT(tp_pid_is_null(tp_spawn_with(self, &guest_behavior, TP_OPTIONS(.isolate = true))));
    TP_ASSERT_EQ_INT(tp_error(self), TP_ENOTSUP);
    TP_ASSERT(tp_pid_is_null(tp_spawn_body(self, peer_body, NULL, TP_OPTIONS(.isolate = true))));
    TP_ASSERT_EQ_INT(tp_error(self), TP_ENOTSUP);
}
TP_TEST(isolate, without_a_zygote_it_is_refused) {
    run(refused_body, NULL);
}
