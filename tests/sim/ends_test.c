/*
 * Ends, in every order of events: who dies of what, what is heard of it, and nothing twice.
 */
#include <string.h>

#include <troupe/sim.h>
#include <troupe/troupe.h>

#include "tests/support/test.h"

#define SEEDS TP_SCALED(1000)

static void check_seeds(const char *(*scenario)(tp_sim *, void *)) {
    for (int choice = TP_SIM_UNIFORM; choice <= TP_SIM_PCT; choice++) {
        tp_sim_options options = {.workers = 3, .choice = (tp_sim_choice)choice};
        uint64_t failed = 0;
        options.runtime.log_level = TP_LOG_OFF;
        tp_err err = tp_sim_seeds(1, SEEDS, &options, scenario, NULL, &failed);
        TP_ASSERT_MSG(err == TP_OK, "seed %llu, choice %d", (unsigned long long)failed, choice);
    }
}

/* ---- the first signal decides ---- */

static void sleeps(tp_actor *self, void *arg) {
    (void)arg;
    tp_sleep(self, TP_SECONDS(100));
}
static tp_pid victim;
static void exit_then_kill(tp_actor *self, void *arg) {
    (void)arg;
    tp_send_exit(self, victim, TP_EXIT_USER);
    tp_kill(self, victim);
}
static const char *first_signal(tp_sim *sim, void *arg) {
    tp_down down;
    (void)arg;
    victim = tp_sim_spawn_body(sim, sleeps, NULL, NULL);
    tp_sim_monitor(sim, victim);
    if (tp_sim_advance(sim, 1) != TP_OK) return "it does not sleep";
    tp_sim_spawn_body(sim, exit_then_kill, NULL, NULL);
    if (tp_sim_run(sim) != TP_OK) return "the run did not end";
    if (tp_sim_expect(sim, victim, &down, tp_down) != TP_OK) return "it did not end";
    return down.code == TP_EXIT_USER ? NULL : "a later signal changed the reason";
}
TP_TEST(ends, the_first_signal_gives_the_reason) {
    check_seeds(first_signal);
}

/* ---- terminate may block, wherever the end met the actor ---- */

enum place { AT_YIELD, AT_WORK, AT_RECEIVE, AT_SLEEP, AT_REST, PLACES };
TP_MESSAGE(stay, TP_FIELD(i64, at))
TP_MESSAGE(nothing)

static tp_time terminated_at;

static void on_stay(tp_actor *self, void *state, const stay *msg) {
    nothing got;
    (void)state;
    switch ((enum place)msg->at) {
    case AT_YIELD:
        while (tp_now(self) < TP_SECONDS(50)) {
            tp_yield(self);
            if (tp_random(self) % 8 == 0) tp_sleep(self, TP_US(20));
        }
        break;
    case AT_WORK:
        for (int i = 0; i < 10000; i++) tp_work(self, TP_US(1));
        break;
    case AT_RECEIVE: (void)tp_receive(self, TP_SECONDS(100), &got, nothing); break;
    case AT_SLEEP: (void)tp_sleep(self, TP_SECONDS(100)); break;
    default: break;
    }
}
static void guardian_init(tp_actor *self, char *state) {
    (void)state;
    tp_trap_exits(self, true);
}
static void guardian_terminate(tp_actor *self, char *state, const tp_reason *reason) {
    (void)state, (void)reason;
    (void)tp_sleep(self, TP_MS(5));
    terminated_at = tp_now(self);
}
static void on_stay_typed(tp_actor *self, char *state, const stay *msg) {
    on_stay(self, state, msg);
}
TP_BEHAVIOR(guardian_behavior, "guardian", char, TP_INIT(guardian_init),
            TP_TERMINATE(guardian_terminate), TP_ON(stay, on_stay_typed));

static void parent(tp_actor *self, void *arg) {
    tp_pid guardian = tp_spawn_link(self, &guardian_behavior);
    victim = guardian;
    tp_send(self, guardian, stay, .at = *(const int64_t *)arg);
    tp_sleep(self, TP_MS(1));
    tp_exit(self, TP_EXIT_USER);
}
static const char *terminates(tp_sim *sim, void *arg) {
    int64_t at = (int64_t)(tp_sim_random(sim) % PLACES);
    (void)arg;
    terminated_at = 0;
    tp_sim_spawn_body(sim, parent, &at, NULL);
    if (tp_sim_run(sim) != TP_OK) return "the run did not end";
    if (tp_alive(tp_sim_runtime(sim), victim)) return "it lives on";
    if (terminated_at == 0) return "terminate was not called, or not to its end";
    return tp_sim_now(sim) > TP_MS(7) ? "something was left that took time" : NULL;
}
TP_TEST(ends, terminate_may_block_wherever_the_end_came) {
    check_seeds(terminates);
}

/* ---- links and monitors while everything dies ---- */

#define COUNT 8
TP_MESSAGE(act, TP_FIELD(u64, other), TP_FIELD(u64, what))
enum what { LINK, UNLINK, MONITOR, DEMONITOR, WATCH_TWICE, DIE, KILL_OTHER, WHATS };

/* What each of them knows of each other, by its own calls and by what it was told. */
static struct pair {
    bool linked;   /* by the first's last call; only the lower index makes links */
    bool unlinked; /* for good; an exit that was a message by then may still come */
    tp_ref ref;    /* its monitor, 0: none */
    int downs;     /* of ref */
    int exits;
} pairs[COUNT][COUNT];
static tp_pid pids[COUNT];
static bool doomed[COUNT]; /* directly */
static const char *wrong;

struct node {
    uint64_t me;
};
static uint64_t index_of(tp_pid pid) {
    for (uint64_t i = 0; i < COUNT; i++)
        if (tp_pid_equal(pids[i], pid)) return i;
    wrong = "a signal from a stranger";
    return 0;
}
static uint64_t next_node;
static void node_init(tp_actor *self, struct node *node) {
    node->me = next_node++;
    if (node->me % 2 == 0) tp_trap_exits(self, true);
}
static void on_act(tp_actor *self, struct node *node, const act *msg) {
    struct pair *pair = &pairs[node->me][msg->other];
    tp_pid other = pids[msg->other];
    switch ((enum what)msg->what) {
    case LINK:
        if (node->me >= msg->other || pair->linked || pair->unlinked) break;
        pair->linked = true;
        tp_link(self, other);
        break;
    case UNLINK:
        if (node->me >= msg->other) break;
        tp_unlink(self, other);
        pair->unlinked |= pair->linked;
        pair->linked = false;
        break;
    case MONITOR:
        if (pair->ref != 0) break;
        pair->downs = 0;
        pair->ref = tp_monitor(self, other);
        break;
    case DEMONITOR:
        if (pair->ref == 0) break;
        tp_demonitor(self, pair->ref);
        pair->ref = 0;
        break;
    case WATCH_TWICE: { /* one of two goes at once: the other still fires */
        tp_ref ref = tp_monitor(self, other);
        if (!tp_demonitor(self, ref) && tp_alive(tp_self_runtime(self), other))
            wrong = "a fresh monitor was not active";
        break;
    }
    case DIE: doomed[node->me] = true; tp_exit(self, TP_EXIT_USER);
    case KILL_OTHER:
        doomed[msg->other] = true;
        tp_kill(self, other);
        break;
    default: break;
    }
}
static void on_down(tp_actor *self, struct node *node, const tp_down *msg) {
    struct pair *pair = &pairs[node->me][index_of(msg->from)];
    (void)self;
    if (pair->ref != msg->ref) wrong = "a down of a monitor that is over";
    if (pair->downs++ > 0) wrong = "a monitor fired twice";
}
static void on_exited(tp_actor *self, struct node *node, const tp_exited *msg) {
    uint64_t other = index_of(msg->from);
    (void)self;
    bool mine = pairs[node->me][other].linked, theirs = pairs[other][node->me].linked;
    if (!mine && !theirs && !pairs[node->me][other].unlinked)
        wrong = "an exit from one it is not linked to";
    pairs[node->me][other].exits++;
    if (pairs[node->me][other].exits > 1) wrong = "a link fired twice";
}
TP_BEHAVIOR(node_behavior, "node", struct node, TP_INIT(node_init), TP_ON(act, on_act),
            TP_ON(tp_down, on_down), TP_ON(tp_exited, on_exited));

static bool are_linked(unsigned a, unsigned b) {
    return a < b ? pairs[a][b].linked : pairs[b][a].linked;
}
static const char *check_node(tp_sim *sim, unsigned a) {
    tp_runtime *runtime = tp_sim_runtime(sim);
    bool lives = tp_alive(runtime, pids[a]), has_cause = doomed[a];
    for (unsigned b = 0; b < COUNT; b++) {
        bool other_lives = tp_alive(runtime, pids[b]);
        if (a == b) continue;
        if (!other_lives && are_linked(a, b)) has_cause = true;
        if (lives && !other_lives && pairs[a][b].ref != 0 && pairs[a][b].downs != 1)
            return "a monitor did not fire";
        if (lives && !other_lives && are_linked(a, b) && a % 2 != 0)
            return "one that is linked to a dead one lives";
        if (lives && !other_lives && are_linked(a, b) && pairs[a][b].exits != 1)
            return "one that traps did not hear of an end";
        if (other_lives && pairs[a][b].downs > 0) return "a down of one that lives";
    }
    return lives || has_cause ? NULL : "one died of nothing";
}
static const char *graph(tp_sim *sim, void *arg) {
    (void)arg;
    memset(pairs, 0, sizeof pairs);
    memset(doomed, 0, sizeof doomed);
    wrong = NULL;
    next_node = 0;
    for (unsigned i = 0; i < COUNT; i++) {
        pids[i] = tp_sim_spawn(sim, &node_behavior);
        if (tp_sim_run(sim) != TP_OK) return "it did not start"; /* so that it knows its number */
    }
    unsigned acts = 20 + (unsigned)(tp_sim_random(sim) % 60);
    for (unsigned i = 0; i < acts; i++) {
        uint64_t a = tp_sim_random(sim) % COUNT, b = tp_sim_random(sim) % COUNT;
        uint64_t what = tp_sim_random(sim) % WHATS;
        if (a == b || (what >= DIE && tp_sim_random(sim) % 3 != 0)) continue;
        tp_sim_send(sim, pids[a], act, .other = b, .what = what);
        while (tp_sim_random(sim) % 3 == 0) (void)tp_sim_step(sim);
    }
    if (tp_sim_run(sim) != TP_OK) return "the run did not end";
    for (unsigned i = 0; i < COUNT && wrong == NULL; i++) wrong = check_node(sim, i);
    return wrong;
}
TP_TEST(ends, links_and_monitors_tell_exactly_once) {
    check_seeds(graph);
}

/* ---- names and groups are free before anyone hears of the end ---- */

static void holds_name(tp_actor *self, void *arg) {
    (void)arg;
    if (tp_register(self, "the one") != TP_OK) tp_exit(self, TP_EXIT_USER + 1);
    tp_sleep(self, TP_SECONDS(1));
}
static void takes_over(tp_actor *self, void *arg) {
    tp_down down;
    tp_exited exited;
    (void)arg;
    tp_trap_exits(self, true);
    for (int i = 0; i < 6; i++) {
        tp_ref ref;
        tp_spawn_options by_monitor = {.monitor = &ref}, by_link = {.link = true};
        bool links = tp_random(self) % 2 == 0;
        tp_pid pid = tp_spawn_body(self, holds_name, NULL, links ? &by_link : &by_monitor);
        if (tp_random(self) % 2 == 0) tp_sleep(self, TP_MS(1));
        tp_kill(self, pid);
        tp_err err = links ? tp_receive(self, TP_FOREVER, &exited, tp_exited)
                           : tp_receive(self, TP_FOREVER, &down, tp_down);
        if (err != TP_OK || (links ? exited.code : down.code) != TP_EXIT_KILLED)
            wrong = "it ended of something else";
        if (!tp_pid_is_null(tp_whereis(tp_self_runtime(self), "the one")))
            wrong = "its end is known and its name taken";
    }
}
static const char *names(tp_sim *sim, void *arg) {
    (void)arg;
    wrong = NULL;
    tp_sim_spawn_body(sim, takes_over, NULL, NULL);
    if (tp_sim_run(sim) != TP_OK) return "the run did not end";
    return wrong;
}
TP_TEST(ends, a_name_is_free_before_the_end_is_known) {
    check_seeds(names);
}
