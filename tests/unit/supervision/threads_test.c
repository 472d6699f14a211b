/*
 * The same on real threads: kills from several sides at once, nobody lost,
 * nobody twice.
 */
#include <troupe/troupe.h>

#include "tests/support/test.h"

#define MEMBERS 40
#define ROUNDS 25

TP_MESSAGE(member_arguments, TP_FIELD(u64, index), TP_FIELD(pid, watcher))
TP_MESSAGE(member_here, TP_FIELD(u64, index), TP_FIELD(pid, member))

struct member {
    uint64_t index;
};
static void member_init(tp_actor *self, struct member *member, const member_arguments *msg) {
    member->index = msg->index;
    (void)tp_send(self, msg->watcher, member_here, .index = msg->index, .member = tp_self(self));
}
TP_BEHAVIOR(member_behavior, "member", struct member, TP_INIT_WITH(member_arguments, member_init));

static const tp_supervisor_spec troop = {
    .strategy = TP_SIMPLE_ONE_FOR_ONE,
    .intensity = 1000000,
    .children = TP_CHILDREN({.id = "member", .behavior = &member_behavior})};
static const tp_supervisor_spec root = {
    .children = TP_CHILDREN({.id = "left", .supervisor = &troop, .options = {.name = "left"}},
                            {.id = "right", .supervisor = &troop, .options = {.name = "right"}})};

static tp_pid members[MEMBERS];
static bool done;

static void await_members(tp_actor *self) {
    bool here[MEMBERS] = {false};
    for (int i = 0; i < MEMBERS; i++) {
        member_here msg;
        TP_ASSERT_EQ_INT(tp_receive(self, TP_SECONDS(60), &msg, member_here), TP_OK);
        TP_ASSERT(!here[msg.index]);
        here[msg.index] = true;
        members[msg.index] = msg.member;
    }
}

static void kills_every_other(tp_actor *self, void *arg) {
    for (size_t i = *(const size_t *)arg; i < MEMBERS; i += 2) (void)tp_kill(self, members[i]);
}

static void expect_members(tp_actor *self, const char *name, uint64_t count) {
    tp_child_counts counts;
    tp_pid supervisor = tp_whereis(tp_self_runtime(self), name);
    TP_ASSERT_EQ_INT(tp_supervisor_count_children(self, supervisor, &counts), TP_OK);
    TP_ASSERT_EQ_INT(counts.active, count);
}

static void storm(tp_actor *self, void *arg) {
    static const size_t halves[2] = {0, 1};
    tp_exited exited;
    tp_pid supervisor;
    member_here more;
    (void)arg;
    (void)tp_trap_exits(self, true);
    TP_ASSERT_EQ_INT(tp_supervisor_start(self, &supervisor, &root, NULL), TP_OK);
    for (uint64_t i = 0; i < MEMBERS; i++)
        TP_ASSERT_EQ_INT(tp_supervisor_spawn(
                             self, tp_whereis(tp_self_runtime(self), i % 4 < 2 ? "left" : "right"),
                             NULL, member_arguments, .index = i, .watcher = tp_self(self)),
                         TP_CHILD_OK);
    await_members(self);
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < 2; i++)
            (void)tp_spawn_body(self, kills_every_other, (void *)(uintptr_t)&halves[i], NULL);
        await_members(self);
    }
    TP_ASSERT_EQ_INT(tp_receive(self, 0, &more, member_here), TP_ETIMEDOUT);
    expect_members(self, "left", MEMBERS / 2);
    expect_members(self, "right", MEMBERS / 2);
    (void)tp_send_exit(self, supervisor, TP_EXIT_SHUTDOWN);
    TP_ASSERT_EQ_INT(tp_receive(self, TP_SECONDS(60), &exited, tp_exited), TP_OK);
    for (int i = 0; i < MEMBERS; i++) TP_ASSERT(!tp_alive(tp_self_runtime(self), members[i]));
    done = true;
}

TP_TEST(threads, a_storm_of_kills_loses_nobody) {
    for (unsigned workers = 1; workers <= 4; workers++) {
        done = false;
        tp_options options = {.workers = workers, .log_level = TP_LOG_OFF};
        TP_ASSERT_EQ_INT(tp_run_with(&options, storm, NULL), 0);
        TP_ASSERT(done);
    }
}
