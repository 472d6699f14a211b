/*
 * Actors that are started on another node: every case once, and over seeds that nobody is left
 * whom nobody knows.
 */
#include <string.h>

#include <troupe/node.h>
#include <troupe/simnet.h>
#include <troupe/troupe.h>

#include "tests/support/test.h"

#define SEEDS TP_SCALED(300)

TP_MESSAGE(child_born, TP_FIELD(u64, number), TP_FIELD(str, word))
TP_MESSAGE(child_other, TP_FIELD(u64, number))
TP_MESSAGE(child_ask)
TP_MESSAGE(child_is, TP_FIELD(u64, number), TP_FIELD(u64, letters))
TP_MESSAGE(child_end, TP_FIELD(i32, code))

#define CHILDREN 4096
/* What the children say of themselves; one run at a time, on one thread. */
static struct {
    tp_pid born[CHILDREN];
    unsigned count;
} children;

struct child {
    uint64_t number, letters;
};
static void on_born(tp_actor *self, struct child *state, const child_born *msg) {
    state->number = msg->number;
    state->letters = msg->word.size;
    if (children.count < CHILDREN) children.born[children.count++] = tp_self(self);
}
static void on_ask(tp_actor *self, struct child *state, const child_ask *msg) {
    (void)msg;
    (void)tp_reply(self, child_is, .number = state->number, .letters = state->letters);
}
static void on_end(tp_actor *self, struct child *state, const child_end *msg) {
    (void)state;
    tp_exit(self, msg->code);
}
TP_BEHAVIOR(child_behavior, "child", struct child, TP_INIT_WITH(child_born, on_born),
            TP_ON(child_ask, on_ask), TP_ON(child_end, on_end));

/* ---- two machines ---- */

struct pair {
    tp_simnet *net;
    tp_sim *a, *b;
    tp_node *node_a, *node_b;
};

static tp_sim *machine(tp_simnet *net, const char *name, const char *url, tp_node **node) {
    tp_sim *sim = NULL;
    tp_sim_options options = {.runtime = {.node_name = name, .log_level = TP_LOG_OFF}};
    options.runtime.max_actors = 8192;
    tp_node_options plain = {.plain = true, .heartbeat = TP_MS(500)};
    TP_ASSERT_EQ_INT(tp_simnet_add(net, &options, &sim), TP_OK);
    TP_ASSERT_EQ_INT(tp_node_start(tp_sim_runtime(sim), &plain, node), TP_OK);
    TP_ASSERT_EQ_INT(tp_node_listen(*node, url, NULL, 0), TP_OK);
    return sim;
}

static void pair_on(struct pair *pair, tp_simnet *net) {
    memset(&children, 0, sizeof children);
    pair->net = net;
    pair->a = machine(net, "a@test", "tcp://127.0.0.1:1", &pair->node_a);
    pair->b = machine(net, "b@test", "tcp://127.0.0.1:2", &pair->node_b);
    TP_ASSERT_EQ_INT(tp_node_export_behavior(pair->node_a, &child_behavior, &child_born_message),
                     TP_OK);
    TP_ASSERT_EQ_INT(tp_node_join(pair->node_b, "tcp://127.0.0.1:1"), TP_OK);
    TP_ASSERT_EQ_INT(tp_simnet_advance(net, TP_SECONDS(1)), TP_OK);
}

static void pair_new(struct pair *pair) {
    tp_simnet *net;
    TP_ASSERT_EQ_INT(tp_simnet_new(&net, &(tp_simnet_options){.seed = 1}), TP_OK);
    pair_on(pair, net);
}

static uint64_t there(const struct pair *pair) {
    return tp_runtime_node(tp_sim_runtime(pair->a));
}

/* ---- every case ---- */

struct cases {
    struct pair *pair;
    unsigned step; /* how far it came */
};

static void ask_cases(tp_actor *self, void *arg) {
    struct cases *cases = arg;
    tp_node *node = cases->pair->node_b;
    uint64_t at = there(cases->pair);
    tp_pid child;
    tp_ref monitor = 0;
    child_is is;
    (void)tp_trap_exits(self, true);
    TP_ASSERT_EQ_INT(tp_node_spawn(self, node, at, "child", NULL, TP_SECONDS(1), &child, child_born,
                                   .number = 7, .word = {"four", 4}),
                     TP_OK);
    TP_ASSERT(child.node == at);
    TP_ASSERT_EQ_INT(tp_call(self, child, TP_SECONDS(1), &is, child_is, child_ask), TP_OK);
    TP_ASSERT(is.number == 7 && is.letters == 4);
    cases->step = 1;
    TP_ASSERT_EQ_INT(tp_node_spawn(self, node, at, "child",
                                   TP_OPTIONS(.link = true, .monitor = &monitor), TP_SECONDS(1),
                                   &child, child_born, .number = 8),
                     TP_OK);
    (void)tp_send(self, child, child_end, .code = 1234);
    tp_exited exited;
    tp_down down;
    TP_ASSERT_EQ_INT(tp_receive(self, TP_SECONDS(1), &exited, tp_exited), TP_OK);
    TP_ASSERT_EQ_INT(tp_receive(self, TP_SECONDS(1), &down, tp_down), TP_OK);
    TP_ASSERT(exited.code == 1234 && down.code == 1234 && down.ref == monitor);
    cases->step = 2;
    TP_ASSERT_EQ_INT(tp_node_spawn(self, node, at, "no child", NULL, TP_SECONDS(1), &child),
                     TP_ENOENT);
    TP_ASSERT_EQ_INT(tp_node_spawn(self, node, at, "child", NULL, TP_SECONDS(1), &child), TP_ETYPE);
    TP_ASSERT_EQ_INT(tp_node_spawn(self, node, at, "child", NULL, TP_SECONDS(1), &child,
                                   child_other, .number = 1),
                     TP_ETYPE);
    TP_ASSERT_EQ_INT(tp_node_spawn(self, node, 99, "child", NULL, TP_SECONDS(1), &child),
                     TP_ENOCONNECTION);
    TP_ASSERT_EQ_INT(
        tp_node_spawn(self, node, at, "child", TP_OPTIONS(.name = "x"), TP_SECONDS(1), &child),
        TP_EINVAL);
    TP_ASSERT(tp_pid_is_null(child));
    cases->step = 3;
}

TP_TEST(remote_spawn, every_case) {
    struct pair pair;
    pair_new(&pair);
    TP_ASSERT_EQ_INT(tp_node_export_behavior(pair.node_a, &child_behavior, NULL), TP_EEXIST);
    TP_ASSERT_EQ_INT(tp_node_export_behavior(pair.node_a, NULL, NULL), TP_EINVAL);
    struct cases cases = {.pair = &pair};
    (void)tp_sim_spawn_body(pair.b, ask_cases, &cases, NULL);
    TP_ASSERT_EQ_INT(tp_simnet_advance(pair.net, TP_SECONDS(20)), TP_OK);
    TP_ASSERT_EQ_INT(cases.step, 3);
    TP_ASSERT_EQ_INT(children.count, 2);
    TP_ASSERT(tp_alive(tp_sim_runtime(pair.a), children.born[0])); /* it is known, so it stays */
    tp_node_counters counters;
    tp_node_counters_get(pair.node_a, &counters);
    TP_ASSERT_EQ_INT(counters.forbidden, 3);
    tp_simnet_free(pair.net);
}

static void ask_many(tp_actor *self, void *arg) {
    struct cases *cases = arg;
    tp_pid child;
    for (unsigned i = 0; i < 300; i++)
        if (tp_node_spawn(self, cases->pair->node_b, there(cases->pair), "child", NULL,
                          TP_SECONDS(1), &child, child_born, .number = i) == TP_EREFUSED)
            cases->step++;
}

TP_TEST(remote_spawn, so_many_a_second) {
    struct pair pair;
    pair_new(&pair);
    struct cases cases = {.pair = &pair};
    (void)tp_sim_spawn_body(pair.b, ask_many, &cases, NULL);
    TP_ASSERT_EQ_INT(tp_simnet_advance(pair.net, TP_SECONDS(1)), TP_OK);
    TP_ASSERT(children.count >= 100 && children.count <= 200);
    TP_ASSERT_EQ_INT(cases.step, 300 - children.count);
    tp_simnet_free(pair.net);
}

/* ---- no twins ---- */

#define ASKS 30
struct asking {
    struct pair *pair;
    bool link;
    unsigned known, failed;
    tp_pid child[ASKS];
};

static void ask_under_fire(tp_actor *self, void *arg) {
    struct asking *asking = arg;
    const tp_spawn_options options = {.link = asking->link};
    (void)tp_trap_exits(self, true);
    for (unsigned i = 0; i < ASKS; i++) {
        tp_pid child;
        tp_err err = tp_node_spawn(self, asking->pair->node_b, there(asking->pair), "child",
                                   &options, TP_MS(20), &child, child_born, .number = i);
        if (err == TP_OK) asking->child[asking->known++] = child;
        else asking->failed++;
        tp_sleep(self, TP_MS(30));
    }
    tp_sleep(self, TP_FOREVER); /* who is linked to it stays so */
}

static bool is_known(const struct asking *asking, tp_pid child) {
    for (unsigned i = 0; i < asking->known; i++)
        if (tp_pid_equal(asking->child[i], child)) return true;
    return false;
}

static unsigned failed_asks, born_asks;

static const char *no_twins(tp_simnet *net, void *arg) {
    static struct pair pair;
    static struct asking asking;
    (void)arg;
    pair_on(&pair, net);
    asking = (struct asking){.pair = &pair, .link = tp_simnet_random(net) % 2 == 0};
    (void)tp_sim_spawn_body(pair.b, ask_under_fire, &asking, NULL);
    for (unsigned i = 0; i < 200; i++) {
        unsigned kind = (unsigned)(tp_simnet_random(net) % 16);
        if (kind == 0) tp_simnet_cut(net, pair.a, pair.b);
        if (kind == 1) tp_simnet_block(net, pair.a, pair.b, true);
        if (kind == 2) tp_simnet_block(net, pair.b, pair.a, true);
        if (kind >= 3 && kind < 7) tp_simnet_heal(net);
        if (tp_simnet_advance(net, TP_MS(1 + tp_simnet_random(net) % 20)) != TP_OK)
            return "the run does not end";
    }
    tp_simnet_heal(net);
    if (tp_simnet_advance(net, TP_SECONDS(40)) != TP_OK) return "the run does not end";
    failed_asks += asking.failed;
    born_asks += children.count;
    if (asking.known + asking.failed != ASKS) return "an ask never ended";
    for (unsigned i = 0; i < children.count; i++)
        if (tp_alive(tp_sim_runtime(pair.a), children.born[i]) &&
            !is_known(&asking, children.born[i]))
            return "a child lives that nobody knows";
    return NULL;
}

TP_TEST(remote_spawn, nobody_is_left_whom_nobody_knows) {
    uint64_t failed = 0;
    failed_asks = born_asks = 0;
    tp_simnet_options options = {.delay_max = TP_MS(4)};
    TP_ASSERT_MSG(tp_simnet_seeds(1, SEEDS, &options, no_twins, NULL, &failed) == TP_OK,
                  "replay: TROUPE_SEED=%llu", (unsigned long long)failed);
    TP_ASSERT(failed_asks > 0 && born_asks > 0);
}
