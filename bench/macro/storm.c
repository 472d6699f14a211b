/*
 * Supervisors in bad weather: children crash under a load of messages, with crash reports on (each
 * is made in full; main.c's hook does not print it). And in good weather: what links, monitors and
 * supervisors cost where nothing fails.
 */
#include <stdlib.h>

#include "bench/bench.h"

/* ---- bad weather ---- */

#define CROWD 100u
#define CRASHES 20000u
#define AT_ONCE 4u /* crashes that are under way */
#define LOAD 20u   /* messages for each crash */

TP_MESSAGE(storm_begin, TP_FIELD(pid, watcher), TP_FIELD(u64, index))
TP_MESSAGE(storm_here, TP_FIELD(u64, index), TP_FIELD(pid, child), TP_FIELD(i64, at))
TP_MESSAGE(storm_gone, TP_FIELD(u64, index), TP_FIELD(i64, at))
TP_MESSAGE(storm_work, TP_FIELD(u64, n))
TP_MESSAGE(storm_crash)

struct servant {
    tp_pid watcher;
    uint64_t index, sum;
};

static void servant_init(tp_actor *self, struct servant *servant, const storm_begin *msg) {
    servant->watcher = msg->watcher;
    servant->index = msg->index;
    tp_send(self, msg->watcher, storm_here, .index = msg->index, .child = tp_self(self),
            .at = tp_now(self));
}
static void on_work(tp_actor *self, struct servant *servant, const storm_work *msg) {
    (void)self;
    servant->sum += msg->n;
}
static void on_crash(tp_actor *self, struct servant *servant, const storm_crash *msg) {
    (void)msg;
    tp_send(self, servant->watcher, storm_gone, .index = servant->index, .at = tp_now(self));
    tp_fail(self, "servant %u was asked to fail", (unsigned)servant->index);
}
TP_BEHAVIOR(servant_behavior, "servant", struct servant, TP_INIT_WITH(storm_begin, servant_init),
            TP_ON(storm_work, on_work), TP_ON(storm_crash, on_crash));

struct storm {
    tp_child_spec specs[CROWD + 1];
    storm_begin begins[CROWD];
    char ids[CROWD][4];
    tp_pid pids[CROWD]; /* null while it is down */
    tp_time gone_at[CROWD];
    tp_duration *spans;
    unsigned restarts, wanted;
};

static void fill(tp_actor *self, struct storm *storm) {
    for (unsigned i = 0; i < CROWD; i++) {
        storm->begins[i] = (storm_begin){.watcher = tp_self(self), .index = i};
        storm->ids[i][0] = (char)('0' + i / 10 % 10);
        storm->ids[i][1] = (char)('0' + i % 10);
        storm->specs[i] = (tp_child_spec){.id = storm->ids[i],
                                          .behavior = &servant_behavior,
                                          .arguments = {&storm_begin_message, &storm->begins[i]}};
    }
}

/* Takes what a child says of itself: it is down, or up again. */
static void take_word(tp_actor *self, struct storm *storm) {
    storm_gone gone;
    storm_here here;
    const tp_message *message;
    if (tp_receive_any(self, TP_FOREVER, NULL, NULL, &message) != TP_OK) tp_fail(self, "no word");
    if (tp_message_get(self, message, &gone, storm_gone) == TP_OK) {
        storm->gone_at[gone.index] = gone.at;
    } else if (tp_message_get(self, message, &here, storm_here) == TP_OK) {
        storm->pids[here.index] = here.child;
        if (storm->gone_at[here.index] == 0) return; /* its first start */
        storm->spans[storm->restarts++] = here.at - storm->gone_at[here.index];
    }
}

static void rage(tp_actor *self, struct storm *storm) {
    unsigned ordered = 0;
    while (storm->restarts < storm->wanted) {
        while (ordered < storm->wanted && ordered - storm->restarts < AT_ONCE) {
            unsigned victim = (unsigned)(tp_random(self) % CROWD);
            for (unsigned i = 0; i < LOAD; i++)
                tp_send(self, storm->pids[tp_random(self) % CROWD], storm_work, .n = i);
            if (tp_pid_is_null(storm->pids[victim])) continue;
            tp_send(self, storm->pids[victim], storm_crash);
            storm->pids[victim] = tp_pid_null();
            ordered++;
        }
        take_word(self, storm);
    }
}

static int by_span(const void *a, const void *b) {
    tp_duration left = *(const tp_duration *)a, right = *(const tp_duration *)b;
    return (left > right) - (left < right);
}

/* Restarts a second; *p99 is the span of which one in a hundred is longer. */
static double weather(tp_actor *self, double *p99) {
    struct storm *storm = tp_alloc(self, sizeof *storm);
    tp_pid supervisor;
    if (storm == NULL) tp_fail(self, "no memory");
    storm->wanted = (unsigned)bench_scaled(CRASHES, 100);
    storm->spans = tp_alloc(self, storm->wanted * sizeof *storm->spans);
    if (storm->spans == NULL) tp_fail(self, "no memory");
    fill(self, storm);
    const tp_supervisor_spec spec = {.intensity = 1000000000u, .children = storm->specs};
    if (tp_supervisor_start(self, &supervisor, &spec, NULL) != TP_OK) tp_fail(self, "no start");
    for (unsigned i = 0; i < CROWD; i++) take_word(self, storm);
    tp_time before = tp_now(self);
    rage(self, storm);
    double spent = bench_since(self, before);
    tp_down down;
    tp_ref ref = tp_monitor(self, supervisor);
    tp_unlink(self, supervisor);
    tp_kill(self, supervisor);
    while (tp_receive(self, TP_FOREVER, &down, tp_down) == TP_OK && down.ref != ref) {
    }
    qsort(storm->spans, storm->wanted, sizeof *storm->spans, by_span);
    uint64_t rank = (uint64_t)storm->wanted * 99 / 100;
    *p99 = (double)storm->spans[rank] / 1000;
    return storm->wanted * 1e9 / spent;
}

static double storm(tp_actor *self) {
    double p99;
    return weather(self, &p99);
}

static double storm_p99(tp_actor *self) {
    double p99;
    (void)weather(self, &p99);
    return p99;
}

/* ---- good weather ---- */

#define ROUNDS 200000u
#define TURNS 5u

TP_MESSAGE(serve, TP_FIELD(u64, n))
TP_MESSAGE(returned, TP_FIELD(u64, n))

struct player {
    tp_pid boss, other;
    uint64_t left;
};
TP_MESSAGE(player_meet, TP_FIELD(pid, boss), TP_FIELD(pid, other), TP_FIELD(u64, rounds),
           TP_FIELD(bool, guarded))

static void on_meet(tp_actor *self, struct player *player, const player_meet *msg) {
    player->boss = msg->boss;
    player->other = msg->other;
    player->left = msg->rounds;
    if (msg->guarded) {
        tp_link(self, msg->other);
        tp_monitor(self, msg->other);
    }
    if (msg->rounds > 0) tp_send(self, msg->other, serve, .n = msg->rounds);
}
static void on_serve(tp_actor *self, struct player *player, const serve *msg) {
    tp_send(self, player->other, returned, .n = msg->n);
}
static void on_returned(tp_actor *self, struct player *player, const returned *msg) {
    (void)msg;
    if (--player->left == 0) tp_send(self, player->boss, bench_done, .count = 1);
    else tp_send(self, player->other, serve, .n = player->left);
}
TP_BEHAVIOR(player_behavior, "player", struct player, TP_ON(player_meet, on_meet),
            TP_ON(serve, on_serve), TP_ON(returned, on_returned));

static double play(tp_actor *self, tp_pid one, tp_pid two, bool guarded) {
    uint64_t rounds = bench_scaled(ROUNDS, 100);
    tp_send(self, two, player_meet, .boss = tp_self(self), .other = one, .guarded = guarded);
    tp_time before = tp_now(self);
    tp_send(self, one, player_meet, .boss = tp_self(self), .other = two, .rounds = rounds,
            .guarded = guarded);
    bench_wait(self);
    return bench_since(self, before) / (double)rounds;
}

static double talk_plain(tp_actor *self) {
    tp_pid one = tp_spawn(self, &player_behavior), two = tp_spawn(self, &player_behavior);
    double spent = play(self, one, two, false);
    tp_kill(self, one);
    tp_kill(self, two);
    return spent;
}

static double talk_guarded(tp_actor *self) {
    const tp_supervisor_spec spec = {.strategy = TP_ONE_FOR_ALL,
                                     .children =
                                         TP_CHILDREN({.id = "one", .behavior = &player_behavior},
                                                     {.id = "two", .behavior = &player_behavior})};
    tp_child_info children[2];
    size_t count;
    tp_pid supervisor;
    if (tp_supervisor_start(self, &supervisor, &spec, NULL) != TP_OK ||
        tp_supervisor_which_children(self, supervisor, children, 2, &count) != TP_OK)
        tp_fail(self, "no supervisor");
    double spent = play(self, children[0].pid, children[1].pid, true);
    tp_unlink(self, supervisor);
    tp_kill(self, supervisor);
    return spent;
}

/* The best of some turns of each, one after the other: what else runs disturbs both. */
static double talk_ratio(tp_actor *self) {
    double plain = 0, guarded = 0;
    for (unsigned i = 0; i < TURNS; i++) {
        double one = talk_plain(self), other = talk_guarded(self);
        if (i == 0 || one < plain) plain = one;
        if (i == 0 || other < guarded) guarded = other;
    }
    return guarded / plain;
}

const struct bench_case bench_storm[] = {
    {"restart_storm", "1/s", "children that crash under load, reports on", storm},
    {"restart_storm_p99", "us", "the same, from a death to serving again, 99th of 100", storm_p99},
    {"talk_plain", "ns/round", "two actors that talk", talk_plain},
    {"talk_guarded", "ns/round", "the same, supervised, linked and monitored", talk_guarded},
    {"talk_ratio", "ratio", "the second against the first: what safety costs", talk_ratio},
    {NULL, NULL, NULL, NULL}};
