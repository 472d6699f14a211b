/*
 * A supervisor's children on other nodes: over seeds (children_heavy_test.c: over more), and every
 * case once.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <troupe/cluster.h>
#include <troupe/simnet.h>
#include <troupe/troupe.h>

#include "tests/simnet/children.h"
#include "tests/support/test.h"

TP_TEST(remote_children, one_of_each_after_the_last_fault) {
    uint64_t failed = children_seeds(1, TP_SCALED(300), false);
    TP_ASSERT_MSG(failed == 0, "replay: TROUPE_SEED=%llu", (unsigned long long)failed);
    if (getenv("TROUPE_SEED") != NULL) return;
    TP_ASSERT(children_sums.born > 4 * TP_SCALED(300));
}

/* While no machine stops, a replacement begins after the one that was lost has ended. */
TP_TEST(remote_children, never_two_over_cuts_alone) {
    uint64_t failed = children_seeds(1, TP_SCALED(200), true);
    TP_ASSERT_MSG(failed == 0, "replay: TROUPE_SEED=%llu", (unsigned long long)failed);
    TP_ASSERT_EQ_INT(children_sums.twins, 0);
    if (getenv("TROUPE_SEED") != NULL) return;
    TP_ASSERT(children_sums.born > 4 * TP_SCALED(200));
}

/* ---- every case ---- */

#define PLACES 3

static struct {
    tp_simnet *net;
    tp_sim *sim[PLACES];
    tp_node *node[PLACES];
    tp_pid child[64], supervisor;
    tp_time born_at[64];
    unsigned born;
    int32_t ended; /* of the supervisor; -1: it lives */
    bool started;
} place;

TP_MESSAGE(kid_born)
TP_MESSAGE(kid_end, TP_FIELD(i32, code))
struct kid {
    int unused;
};
static void on_kid_born(tp_actor *self, struct kid *state, const kid_born *msg) {
    (void)state, (void)msg;
    (void)tp_trap_exits(self, true);
    if (place.born == 64) return;
    place.born_at[place.born] = tp_simnet_now(place.net);
    place.child[place.born++] = tp_self(self);
}
static void on_kid_end(tp_actor *self, struct kid *state, const kid_end *msg) {
    (void)state;
    tp_exit(self, msg->code);
}
static void on_kid_exited(tp_actor *self, struct kid *state, const tp_exited *msg) {
    (void)self, (void)state, (void)msg; /* it does not want to end */
}
TP_BEHAVIOR(kid_behavior, "kid", struct kid, TP_INIT_WITH(kid_born, on_kid_born),
            TP_ON(kid_end, on_kid_end), TP_ON(tp_exited, on_kid_exited));

static void add_place(unsigned index, tp_duration heartbeat) {
    static const char *const names[PLACES] = {"a@test", "b@test", "c@test"};
    char url[32];
    tp_sim_options options = {.runtime = {.node_name = names[index], .log_level = TP_LOG_OFF}};
    tp_node_options plain = {.plain = true, .heartbeat = heartbeat};
    (void)snprintf(url, sizeof url, "tcp://127.0.0.1:%u", index + 1);
    TP_ASSERT_EQ_INT(tp_simnet_add(place.net, &options, &place.sim[index]), TP_OK);
    TP_ASSERT_EQ_INT(tp_node_start(tp_sim_runtime(place.sim[index]), &plain, &place.node[index]),
                     TP_OK);
    TP_ASSERT_EQ_INT(tp_node_listen(place.node[index], url, NULL, 0), TP_OK);
    TP_ASSERT_EQ_INT(tp_node_export_behavior(place.node[index], &kid_behavior, &kid_born_message),
                     TP_OK);
    if (index > 0) TP_ASSERT_EQ_INT(tp_node_join(place.node[index], "tcp://127.0.0.1:1"), TP_OK);
}

static void go(tp_duration span) {
    TP_ASSERT_EQ_INT(tp_simnet_advance(place.net, span), TP_OK);
}

static bool lives(unsigned child, unsigned at) {
    return tp_alive(tp_sim_runtime(place.sim[at]), place.child[child]);
}

static void watch_body(tp_actor *self, void *arg) {
    const tp_message *message;
    tp_down down;
    (void)tp_trap_exits(self, true);
    TP_ASSERT_EQ_INT(tp_supervisor_start(self, &place.supervisor, arg, NULL), TP_OK);
    place.started = true;
    (void)tp_monitor(self, place.supervisor);
    while (tp_receive_any(self, TP_FOREVER, NULL, NULL, &message) == TP_OK)
        if (tp_message_get(self, message, &down, tp_down) == TP_OK) place.ended = down.code;
}

/* Two places, and the supervisor runs at the first. */
static void begin(const tp_supervisor_spec *spec, tp_duration mine, tp_duration theirs) {
    memset(&place, 0, sizeof place);
    place.ended = -1;
    TP_ASSERT_EQ_INT(tp_simnet_new(&place.net, &(tp_simnet_options){.seed = 3}), TP_OK);
    add_place(0, mine);
    add_place(1, theirs);
    go(TP_SECONDS(1));
    (void)tp_sim_spawn_body(place.sim[0], watch_body, (void *)(uintptr_t)spec, NULL);
    go(TP_SECONDS(1));
    TP_ASSERT(place.started);
}

static const tp_supervisor_spec two_places = {
    .children = TP_CHILDREN(
        {.id = "kid",
         .remote = TP_REMOTE_CHILD(.behavior = "kid", .at = TP_NODES("b@test", "c@test")),
         .arguments = TP_ARGUMENTS(kid_born)}),
};

/* Neither side hears anything: the child ends at its node's heartbeat, though it traps exits; the
 * next one begins elsewhere, and not before. */
TP_TEST(remote_children, a_replacement_waits_until_the_lost_one_has_ended) {
    begin(&two_places, TP_MS(300), TP_MS(2000));
    add_place(2, TP_MS(500));
    go(TP_SECONDS(1));
    TP_ASSERT_EQ_INT(place.born, 1);
    tp_time cut = tp_simnet_now(place.net), ended = 0;
    tp_simnet_block(place.net, place.sim[0], place.sim[1], true);
    tp_simnet_block(place.net, place.sim[1], place.sim[0], true);
    while (place.born < 2 && tp_simnet_now(place.net) < cut + TP_SECONDS(60)) {
        go(TP_MS(10));
        if (ended == 0 && !lives(0, 1)) ended = tp_simnet_now(place.net);
    }
    TP_ASSERT_EQ_INT(place.born, 2);
    TP_ASSERT(ended != 0 && place.born_at[1] > ended);
    TP_ASSERT(place.born_at[1] - cut >= (TP_MS(300) + TP_MS(2000)) / 4 * 5);
    TP_ASSERT(place.born_at[1] - cut < TP_SECONDS(5));
    tp_simnet_heal(place.net);
    go(TP_SECONDS(20));
    TP_ASSERT_EQ_INT(place.born, 2);
    TP_ASSERT(lives(1, 2) && place.ended == -1);
    tp_simnet_free(place.net);
}

/* Crashes count as those of any child: with an intensity of 1 the second is too many. */
TP_TEST(remote_children, crashes_count_and_lost_connections_do_not) {
    begin(&two_places, TP_MS(300), TP_MS(300));
    for (unsigned i = 0; i < 6; i++) {
        tp_simnet_cut(place.net, place.sim[0], place.sim[1]);
        go(TP_MS(1500));
    }
    TP_ASSERT(place.born >= 5 && place.ended == -1);
    unsigned before = place.born;
    go(TP_SECONDS(30)); /* it runs in the end */
    TP_ASSERT(place.born <= before + 1 && lives(place.born - 1, 1));
    (void)tp_sim_send(place.sim[1], place.child[place.born - 1], kid_end, .code = TP_EXIT_USER);
    go(TP_MS(200));
    TP_ASSERT(lives(place.born - 1, 1) && place.ended == -1); /* again, and at once */
    (void)tp_sim_send(place.sim[1], place.child[place.born - 1], kid_end, .code = TP_EXIT_USER);
    go(TP_MS(200));
    TP_ASSERT_EQ_INT(place.ended, TP_EXIT_SHUTDOWN);
    tp_simnet_free(place.net);
}

static const tp_supervisor_spec not_there = {
    .intensity = TP_RESTARTS_NONE,
    .children = TP_CHILDREN({.id = "kid",
                             .remote = TP_REMOTE_CHILD(.behavior = "kid", .at = TP_NODES("c@test")),
                             .arguments = TP_ARGUMENTS(kid_born)}),
};

TP_TEST(remote_children, a_node_that_comes_later_is_waited_for) {
    begin(&not_there, TP_MS(300), TP_MS(300));
    go(TP_SECONDS(100));
    TP_ASSERT(place.born == 0 && place.ended == -1);
    add_place(2, TP_MS(300));
    go(TP_SECONDS(32)); /* the longest pause */
    TP_ASSERT(place.born == 1 && lives(0, 2));
    tp_simnet_free(place.net);
}

/* Its node stops in order, and comes back. */
TP_TEST(remote_children, a_node_that_is_restarted_in_order) {
    begin(&not_there, TP_MS(300), TP_MS(300));
    add_place(2, TP_MS(300));
    go(TP_SECONDS(5));
    TP_ASSERT_EQ_INT(place.born, 1);
    for (unsigned i = 0; i < 3; i++) {
        (void)tp_sim_send(place.sim[2], place.child[place.born - 1], kid_end,
                          .code = TP_EXIT_SHUTDOWN); /* as the stop of its node does it */
        tp_sim_free(place.sim[2]);
        add_place(2, TP_MS(300));
        go(TP_SECONDS(40));
        TP_ASSERT(lives(place.born - 1, 2) && place.ended == -1);
    }
    TP_ASSERT(place.born >= 4);
    tp_simnet_free(place.net);
}

/* The supervisor ends: its child is killed, whatever it thinks of that. */
TP_TEST(remote_children, a_child_goes_with_its_supervisor) {
    begin(&two_places, TP_MS(300), TP_MS(300));
    TP_ASSERT(place.born == 1 && lives(0, 1));
    TP_ASSERT_EQ_INT(tp_post_exit(tp_sim_runtime(place.sim[0]), place.supervisor, TP_EXIT_KILL),
                     TP_OK);
    go(TP_SECONDS(1));
    TP_ASSERT_EQ_INT(place.ended, TP_EXIT_KILLED);
    TP_ASSERT(place.born == 1 && !lives(0, 1));
    tp_simnet_free(place.net);
}

/* The node of the supervisor is gone. */
TP_TEST(remote_children, a_child_goes_with_its_supervisors_machine) {
    begin(&two_places, TP_MS(300), TP_MS(300));
    tp_simnet_crash(place.net, place.sim[0], true);
    go(TP_SECONDS(2));
    TP_ASSERT(place.born == 1 && !lives(0, 1));
    tp_simnet_free(place.net);
}

/* ---- what is asked of the supervisor; what is refused ---- */

static const tp_child_spec added = {
    .id = "second",
    .remote = TP_REMOTE_CHILD(.behavior = "kid", .at = TP_NODES("b@test")),
    .arguments = TP_ARGUMENTS(kid_born),
    .shutdown = TP_MS(100),
};
static const tp_child_spec unknown = {
    .id = "third",
    .remote = TP_REMOTE_CHILD(.behavior = "no such kid", .at = TP_NODES("b@test")),
};
static const tp_child_spec away = {
    .id = "fourth",
    .remote = TP_REMOTE_CHILD(.behavior = "kid", .at = TP_NODES("nowhere@test")),
    .arguments = TP_ARGUMENTS(kid_born),
};
static const tp_child_spec probed = {
    .id = "fifth",
    .remote = TP_REMOTE_CHILD(.behavior = "kid", .at = TP_NODES("b@test")),
    .probe_every = TP_SECONDS(1),
};
static const tp_child_spec limited = {
    .id = "sixth",
    .remote = TP_REMOTE_CHILD(.behavior = "kid", .at = TP_NODES("b@test")),
    .options = {.mailbox_limit = 5},
};

static void manage_body(tp_actor *self, void *arg) {
    tp_child_answer answer;
    tp_child_counts counts;
    bool *done = arg;
    TP_ASSERT_EQ_INT(tp_supervisor_start_child(self, place.supervisor, &added, &answer),
                     TP_CHILD_OK);
    TP_ASSERT(tp_pid_equal(answer.pid, place.child[1]));
    TP_ASSERT_EQ_INT(tp_supervisor_start_child(self, place.supervisor, &unknown, &answer),
                     TP_CHILD_START_FAILED);
    TP_ASSERT_EQ_INT(tp_supervisor_start_child(self, place.supervisor, &away, &answer),
                     TP_CHILD_RESTARTING);
    TP_ASSERT_EQ_INT(tp_supervisor_start_child(self, place.supervisor, &probed, &answer),
                     TP_CHILD_BAD_SPEC);
    TP_ASSERT_EQ_INT(tp_supervisor_start_child(self, place.supervisor, &limited, &answer),
                     TP_CHILD_BAD_SPEC);
    TP_ASSERT_EQ_INT(tp_supervisor_count_children(self, place.supervisor, &counts), TP_OK);
    TP_ASSERT(counts.specs == 3 && counts.active == 2 && counts.workers == 3);
    TP_ASSERT_EQ_INT(tp_supervisor_terminate_child(self, place.supervisor, "second"), TP_CHILD_OK);
    TP_ASSERT_EQ_INT(tp_supervisor_terminate_child(self, place.supervisor, "fourth"), TP_CHILD_OK);
    TP_ASSERT_EQ_INT(tp_supervisor_restart_child(self, place.supervisor, "fourth", &answer),
                     TP_CHILD_RESTARTING);
    TP_ASSERT_EQ_INT(tp_supervisor_terminate_child(self, place.supervisor, "fourth"), TP_CHILD_OK);
    TP_ASSERT_EQ_INT(tp_supervisor_delete_child(self, place.supervisor, "fourth"), TP_CHILD_OK);
    *done = true;
}

TP_TEST(remote_children, management) {
    bool done = false;
    begin(&two_places, TP_MS(300), TP_MS(300));
    (void)tp_sim_spawn_body(place.sim[0], manage_body, &done, NULL);
    go(TP_SECONDS(5));
    TP_ASSERT(done && place.born == 2 && place.ended == -1);
    TP_ASSERT(lives(0, 1) && !lives(1, 1));
    tp_simnet_free(place.net);
}
