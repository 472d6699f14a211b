/*
 * Properties over many seeds: links and monitors under random kills, call cycles, bounded
 * mailboxes.
 */
#include <string.h>

#include <troupe/sim.h>
#include <troupe/troupe.h>

#include "tests/support/test.h"

#define SEEDS TP_SCALED(1000)

static const char *check_seeds(uint64_t seeds, tp_sim_choice choice,
                               const char *(*scenario)(tp_sim *, void *)) {
    tp_sim_options options = {.workers = 2, .choice = choice};
    uint64_t failed = 0;
    options.runtime.log_level = TP_LOG_OFF;
    return tp_sim_seeds(1, seeds, &options, scenario, NULL, &failed) == TP_OK ? NULL
                                                                              : "a seed failed";
}

/* ---- a random graph of links and monitors, random kills ---- */

#define ACTORS 12

TP_MESSAGE(connect_to, TP_FIELD(pid, other), TP_FIELD(bool, linked))
TP_MESSAGE(forget)
TP_MESSAGE(die, TP_FIELD(i64, code))

struct node {
    tp_ref refs[ACTORS * 2];
    int ref_count;
    int downs;
    int late; /* downs after demonitor */
    tp_ref dropped[ACTORS * 2];
    int dropped_count;
};
static int double_downs; /* of all runs: must stay 0 */

static void on_connect(tp_actor *self, struct node *node, const connect_to *msg) {
    if (msg->linked) tp_link(self, msg->other);
    else if (node->ref_count < ACTORS * 2)
        node->refs[node->ref_count++] = tp_monitor(self, msg->other);
}
static void on_forget(tp_actor *self, struct node *node, const forget *msg) {
    (void)msg;
    if (node->ref_count == 0) return;
    tp_ref ref = node->refs[--node->ref_count];
    tp_demonitor(self, ref);
    node->dropped[node->dropped_count++] = ref;
}
static void on_down(tp_actor *self, struct node *node, const tp_down *msg) {
    (void)self;
    for (int i = 0; i < node->dropped_count; i++) double_downs += node->dropped[i] == msg->ref;
    for (int i = 0; i < node->ref_count; i++) {
        if (node->refs[i] != msg->ref) continue;
        node->refs[i] = node->refs[--node->ref_count];
        return;
    }
    double_downs++; /* unknown: fired twice, or after the demonitor */
}
static void on_die(tp_actor *self, struct node *node, const die *msg) {
    (void)node;
    tp_exit(self, (int32_t)msg->code);
}
TP_BEHAVIOR(node_behavior, "node", struct node, TP_ON(connect_to, on_connect),
            TP_ON(forget, on_forget), TP_ON(tp_down, on_down), TP_ON(die, on_die));

static unsigned component_of(const unsigned *component, unsigned i) {
    while (component[i] != i) i = component[i];
    return i;
}

static const char *random_graph(tp_sim *sim, void *arg) {
    tp_pid pids[ACTORS];
    unsigned component[ACTORS];
    bool doomed[ACTORS] = {false};
    (void)arg;
    for (unsigned i = 0; i < ACTORS; i++) {
        pids[i] = tp_sim_spawn(sim, &node_behavior);
        component[i] = i;
    }
    for (unsigned i = 0; i < 20; i++) {
        unsigned a = (unsigned)(tp_sim_random(sim) % ACTORS),
                 b = (unsigned)(tp_sim_random(sim) % ACTORS);
        bool linked = tp_sim_random(sim) % 3 == 0;
        tp_sim_send(sim, pids[a], connect_to, .other = pids[b], .linked = linked);
        if (linked) component[component_of(component, a)] = component_of(component, b);
        if (tp_sim_random(sim) % 4 == 0) tp_sim_send(sim, pids[a], forget);
    }
    if (tp_sim_run(sim) != TP_OK) return "the graph was not built";
    for (unsigned i = 0; i < 3; i++) {
        unsigned victim = (unsigned)(tp_sim_random(sim) % ACTORS);
        tp_sim_send(sim, pids[victim], die, .code = 2000);
        doomed[component_of(component, victim)] = true;
    }
    if (tp_sim_run(sim) != TP_OK) return "the deaths did not end";
    for (unsigned i = 0; i < ACTORS; i++)
        if (tp_alive(tp_sim_runtime(sim), pids[i]) == doomed[component_of(component, i)])
            return "not exactly the linked set died";
    return double_downs == 0 ? NULL : "a monitor fired twice or after its end";
}
TP_TEST(properties, exactly_the_linked_set_dies_and_monitors_fire_once) {
    TP_ASSERT(check_seeds(SEEDS, TP_SIM_UNIFORM, random_graph) == NULL);
    TP_ASSERT(check_seeds(SEEDS, TP_SIM_PCT, random_graph) == NULL);
}

/* ---- calls that could wait for each other ---- */

TP_MESSAGE(work_with, TP_FIELD(pid, other))
TP_MESSAGE(question)
TP_MESSAGE(reply, TP_FIELD(i64, n))
TP_MESSAGE(outcome, TP_FIELD(i64, err))

struct caller {
    int asked;
};
static tp_pid probe; /* of the run at hand */

static void on_work(tp_actor *self, struct caller *caller, const work_with *msg) {
    reply got;
    caller->asked++;
    tp_pid report_to = probe;
    tp_err err = tp_call(self, msg->other, TP_SECONDS(10), &got, reply, question);
    tp_send(self, report_to, outcome, .err = err);
}
static void on_question(tp_actor *self, struct caller *caller, const question *msg) {
    (void)msg;
    tp_reply(self, reply, .n = caller->asked);
}
TP_BEHAVIOR(caller_behavior, "caller", struct caller, TP_ON(work_with, on_work),
            TP_ON(question, on_question));

static const char *cycle_of(tp_sim *sim, unsigned count) {
    tp_pid pids[4];
    unsigned refused = 0, good = 0;
    outcome got;
    probe = tp_sim_probe(sim);
    for (unsigned i = 0; i < count; i++) pids[i] = tp_sim_spawn(sim, &caller_behavior);
    for (unsigned i = 0; i < count; i++)
        tp_sim_send(sim, pids[i], work_with, .other = pids[(i + 1) % count]);
    if (tp_sim_run(sim) != TP_OK) return "the run did not end";
    while (tp_sim_expect(sim, tp_pid_null(), &got, outcome) == TP_OK) {
        if (got.err == TP_EDEADLOCK) refused++;
        else if (got.err == TP_OK) good++;
        else return "a call failed for another reason";
    }
    if (good + refused != count) return "an outcome is missing";
    if (refused > 1) return "more than one call of a cycle failed";
    return tp_sim_now(sim) >= TP_SECONDS(1) ? "it took a timeout to find the cycle" : NULL;
}
static const char *cycle_of_two(tp_sim *sim, void *arg) {
    (void)arg;
    return cycle_of(sim, 2);
}
static const char *cycle_of_three(tp_sim *sim, void *arg) {
    (void)arg;
    return cycle_of(sim, 3);
}
TP_TEST(properties, a_cycle_of_calls_fails_exactly_one) {
    TP_ASSERT(check_seeds(SEEDS, TP_SIM_UNIFORM, cycle_of_two) == NULL);
    TP_ASSERT(check_seeds(SEEDS, TP_SIM_PCT, cycle_of_two) == NULL);
    TP_ASSERT(check_seeds(SEEDS, TP_SIM_UNIFORM, cycle_of_three) == NULL);
    TP_ASSERT(check_seeds(SEEDS, TP_SIM_PCT, cycle_of_three) == NULL);
}

/* ---- deferred and delegated requests: no false alarm ---- */

TP_MESSAGE(let_go)
struct deferrer {
    tp_from from;
    tp_pid other;
};
static void on_defer(tp_actor *self, struct deferrer *deferrer, const question *msg) {
    (void)msg;
    deferrer->from = tp_defer(self);
}
static void on_let_go(tp_actor *self, struct deferrer *deferrer, const let_go *msg) {
    (void)msg;
    tp_reply_to(self, deferrer->from, reply, .n = 1);
}
static void on_call_back(tp_actor *self, struct deferrer *deferrer, const work_with *msg) {
    reply got; /* while the one called here waits for this actor's deferred answer */
    (void)deferrer;
    tp_pid report_to = probe;
    tp_err err = tp_call(self, msg->other, TP_SECONDS(10), &got, reply, question);
    tp_send(self, report_to, outcome, .err = err);
    tp_send(self, tp_self(self), let_go);
}
TP_BEHAVIOR(deferrer_behavior, "deferrer", struct deferrer, TP_ON(question, on_defer),
            TP_ON(let_go, on_let_go), TP_ON(work_with, on_call_back));

static const char *no_false_alarm(tp_sim *sim, void *arg) {
    outcome got;
    (void)arg;
    probe = tp_sim_probe(sim);
    tp_pid deferrer = tp_sim_spawn(sim, &deferrer_behavior),
           caller = tp_sim_spawn(sim, &caller_behavior),
           third = tp_sim_spawn(sim, &caller_behavior);
    tp_sim_send(sim, caller, work_with, .other = deferrer);
    if (tp_sim_advance(sim, TP_MS(1)) != TP_OK) return "the call was not deferred";
    tp_sim_send(sim, deferrer, work_with, .other = third);
    if (tp_sim_run(sim) != TP_OK) return "the run did not end";
    for (int i = 0; i < 2; i++)
        if (tp_sim_expect(sim, tp_pid_null(), &got, outcome) != TP_OK || got.err != TP_OK)
            return "a call that could be answered was refused";
    return NULL;
}
TP_TEST(properties, deferred_requests_raise_no_false_alarm) {
    TP_ASSERT(check_seeds(SEEDS, TP_SIM_UNIFORM, no_false_alarm) == NULL);
}

/* A third actor answers for one that has deferred, and that calls its own caller meanwhile. */
static tp_from handed_on; /* of the run at hand */

static void on_defer_and_call(tp_actor *self, struct deferrer *deferrer, const question *msg) {
    reply got;
    (void)msg;
    tp_pid caller = tp_sender(self), report_to = probe;
    handed_on = tp_defer(self);
    tp_send(self, deferrer->other, let_go);
    tp_err err = tp_call(self, caller, TP_SECONDS(10), &got, reply, question);
    tp_send(self, report_to, outcome, .err = err);
}
static void on_third(tp_actor *self, struct deferrer *deferrer, const let_go *msg) {
    (void)deferrer, (void)msg;
    tp_sleep(self, TP_MS(1)); /* until that call waits */
    tp_reply_to(self, handed_on, reply, .n = 1);
}
static void on_other(tp_actor *self, struct deferrer *deferrer, const work_with *msg) {
    (void)self;
    deferrer->other = msg->other;
}
TP_BEHAVIOR(hands_on, "hands on", struct deferrer, TP_ON(question, on_defer_and_call),
            TP_ON(let_go, on_third), TP_ON(work_with, on_other));

static const char *answered_by_a_third(tp_sim *sim, void *arg) {
    outcome got;
    (void)arg;
    probe = tp_sim_probe(sim);
    tp_pid holder = tp_sim_spawn(sim, &hands_on), third = tp_sim_spawn(sim, &hands_on),
           caller = tp_sim_spawn(sim, &caller_behavior);
    tp_sim_send(sim, holder, work_with, .other = third);
    if (tp_sim_run(sim) != TP_OK) return "the actors did not start";
    tp_sim_send(sim, caller, work_with, .other = holder);
    if (tp_sim_run(sim) != TP_OK) return "the run did not end";
    for (int i = 0; i < 2; i++)
        if (tp_sim_expect(sim, tp_pid_null(), &got, outcome) != TP_OK || got.err != TP_OK)
            return "a call that a third actor frees was refused";
    return NULL;
}
TP_TEST(properties, deferred_requests_may_be_answered_by_a_third) {
    TP_ASSERT(check_seeds(SEEDS, TP_SIM_UNIFORM, answered_by_a_third) == NULL);
    TP_ASSERT(check_seeds(SEEDS, TP_SIM_PCT, answered_by_a_third) == NULL);
}

/* ---- bounded mailboxes: everything arrives, everybody is released ---- */

TP_MESSAGE(item, TP_FIELD(i64, n))
TP_MESSAGE(flood, TP_FIELD(pid, to), TP_FIELD(i64, count))
TP_MESSAGE(pass_to, TP_FIELD(pid, next))

struct stage {
    tp_pid next;
    int64_t handled;
};
static int64_t arrived;

static void on_pass_to(tp_actor *self, struct stage *stage, const pass_to *msg) {
    (void)self;
    stage->next = msg->next;
}
static void on_item(tp_actor *self, struct stage *stage, const item *msg) {
    stage->handled++;
    if (tp_pid_is_null(stage->next)) arrived++;
    else tp_send(self, stage->next, item, .n = msg->n);
    if (stage->handled % 7 == 0) tp_sleep(self, TP_US(3));
}
static void on_flood(tp_actor *self, struct stage *stage, const flood *msg) {
    (void)stage;
    for (int64_t i = 0; i < msg->count; i++) tp_send(self, msg->to, item, .n = i);
}
TP_BEHAVIOR(stage_behavior, "stage", struct stage, TP_ON(pass_to, on_pass_to), TP_ON(item, on_item),
            TP_ON(flood, on_flood));

static const char *pipeline(tp_sim *sim, void *arg) {
    tp_pid stages[4];
    (void)arg;
    arrived = 0;
    for (int i = 0; i < 4; i++) stages[i] = tp_sim_spawn(sim, &stage_behavior);
    for (int i = 0; i < 3; i++) tp_sim_send(sim, stages[i], pass_to, .next = stages[i + 1]);
    for (int i = 0; i < 3; i++) {
        tp_pid source = tp_sim_spawn(sim, &stage_behavior);
        tp_sim_send(sim, source, flood, .to = stages[0], .count = 60);
    }
    if (tp_sim_run(sim) != TP_OK) return "the pipeline did not drain";
    return arrived == 180 ? NULL : "messages were lost, or senders left waiting";
}
static const char *ring_of_floods(tp_sim *sim, void *arg) {
    tp_pid pids[3];
    (void)arg;
    arrived = 0;
    for (int i = 0; i < 3; i++) pids[i] = tp_sim_spawn(sim, &stage_behavior);
    for (int i = 0; i < 3; i++)
        tp_sim_send(sim, pids[i], flood, .to = pids[(i + 1) % 3], .count = 60);
    if (tp_sim_run(sim) != TP_OK) return "the ring did not drain";
    return arrived == 180 ? NULL : "messages were lost, or a suspended cycle stayed";
}
static const char *check_bounded(const char *(*scenario)(tp_sim *, void *)) {
    tp_sim_options options = {.workers = 2};
    uint64_t failed = 0;
    options.runtime.mailbox_limit = 8;
    return tp_sim_seeds(1, SEEDS / 2, &options, scenario, NULL, &failed) == TP_OK ? NULL : "failed";
}
TP_TEST(properties, bounded_pipelines_drain) {
    TP_ASSERT(check_bounded(pipeline) == NULL);
}
TP_TEST(properties, cycles_of_suspended_senders_are_broken) {
    TP_ASSERT(check_bounded(ring_of_floods) == NULL);
}

/* ---- names are free before anyone hears of the end ---- */

static void named(tp_actor *self, void *arg) {
    (void)arg;
    if (tp_register(self, "the one") == TP_OK) tp_sleep(self, TP_MS(1));
    else tp_exit(self, 77);
}
static void heir(tp_actor *self, void *arg) {
    tp_down down;
    (void)arg;
    for (int i = 0; i < 5; i++) {
        tp_ref ref;
        tp_spawn_options options = {.monitor = &ref};
        tp_spawn_body(self, named, NULL, &options);
        if (tp_receive(self, TP_SECONDS(5), &down, tp_down) != TP_OK || down.code != 0)
            tp_exit(self, 78);
    }
}
static const char *names(tp_sim *sim, void *arg) {
    tp_down down;
    (void)arg;
    tp_pid pid = tp_sim_spawn_body(sim, heir, NULL, NULL);
    tp_sim_monitor(sim, pid);
    if (tp_sim_run(sim) != TP_OK) return "the run did not end";
    if (tp_sim_expect(sim, pid, &down, tp_down) != TP_OK || down.code != 0)
        return "a name was still taken after its actor's end was known";
    return NULL;
}
TP_TEST(properties, names_are_free_before_the_down_arrives) {
    TP_ASSERT(check_seeds(SEEDS, TP_SIM_UNIFORM, names) == NULL);
}
