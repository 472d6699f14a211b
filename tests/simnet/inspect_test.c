/*
 * A node that is looked at by another: what it answers, to whom, and the bounds of it.
 */
#include <stdio.h>
#include <string.h>

#include <troupe/inspect.h>
#include <troupe/simnet.h>
#include <troupe/troupe.h>

#include "tests/support/test.h"

#define PATIENCE TP_SECONDS(5)

/* ---- what there is to see ---- */

TP_MESSAGE(pour, TP_FIELD(u32, cups), TP_FIELD(str, guest))
TP_MESSAGE(bar_state, TP_FIELD(u32, cups))
TP_MESSAGE(drop, TP_FIELD(u8, size))
TP_MESSAGE(drink, TP_FIELD(str, name), TP_LIST_OF(drop, drops))
TP_MESSAGE(mix, TP_NESTED(drink, first), TP_LIST_OF(drink, others), TP_NESTED(drop, last))

struct bar {
    uint32_t cups;
};
static void on_pour(tp_actor *self, struct bar *bar, const pour *msg) {
    (void)self;
    bar->cups += msg->cups;
}
static void bar_show(tp_actor *self, const struct bar *bar, bar_state *out) {
    (void)self;
    out->cups = bar->cups;
}
static void on_mix(tp_actor *self, struct bar *bar, const mix *msg) {
    (void)self;
    bar->cups += msg->last.size;
}
TP_BEHAVIOR(bar_behavior, "bar", struct bar, TP_ON(pour, on_pour), TP_ON(mix, on_mix),
            TP_GET_STATE(bar_state, bar_show));

/* ---- two nodes, and who looks ---- */

struct scene {
    tp_simnet *net;
    tp_sim *here, *there;
    tp_node *node_here, *node_there;
    tp_pid bar;
};

struct visit {
    struct scene *scene;
    tp_pid desk; /* the actor that answers */
    void (*look)(tp_actor *self, struct visit *visit);
    unsigned wanted;
    bool done;
};

static tp_sim *machine(tp_simnet *net, const char *name, tp_node **node) {
    tp_sim *sim = NULL;
    tp_sim_options options = {.runtime = {.node_name = name, .log_level = TP_LOG_OFF}};
    tp_node_options plain = {.plain = true};
    TP_ASSERT_EQ_INT(tp_simnet_add(net, &options, &sim), TP_OK);
    TP_ASSERT_EQ_INT(tp_node_start(tp_sim_runtime(sim), &plain, node), TP_OK);
    return sim;
}

static void scene_new(struct scene *scene) {
    TP_ASSERT_EQ_INT(tp_simnet_new(&scene->net, NULL), TP_OK);
    scene->here = machine(scene->net, "here@test", &scene->node_here);
    scene->there = machine(scene->net, "there@test", &scene->node_there);
    TP_ASSERT_EQ_INT(tp_node_listen(scene->node_here, "tcp://127.0.0.1:1", NULL, 0), TP_OK);
    TP_ASSERT_EQ_INT(tp_node_join(scene->node_there, "tcp://127.0.0.1:1"), TP_OK);
    TP_ASSERT_EQ_INT(tp_inspect_start(scene->node_here), TP_OK);
    TP_ASSERT_EQ_INT(tp_node_permit(scene->node_here, "there@test", TP_MAY_ALL), TP_OK);
    scene->bar =
        tp_sim_spawn_value(scene->here, &bar_behavior, TP_OPTIONS(.name = "the bar"), NULL, NULL);
    TP_ASSERT_EQ_INT(tp_simnet_advance(scene->net, TP_SECONDS(1)), TP_OK);
}

static void visit_body(tp_actor *self, void *arg) {
    struct visit *visit = arg;
    TP_ASSERT_EQ_INT(tp_node_find(self, visit->scene->node_there, TP_INSPECT_NAME "@here@test",
                                  PATIENCE, &visit->desk),
                     TP_OK);
    visit->look(self, visit);
    visit->done = true;
}

static void begin(struct scene *scene, struct visit *visit,
                  void (*look)(tp_actor *self, struct visit *visit)) {
    visit->scene = scene;
    visit->look = look;
    TP_ASSERT(!tp_pid_is_null(tp_sim_spawn_body(scene->there, visit_body, visit, NULL)));
}

static void pass(struct scene *scene, tp_duration span) {
    TP_ASSERT_EQ_INT(tp_simnet_advance(scene->net, span), TP_OK);
}

static void visited(struct scene *scene, void (*look)(tp_actor *self, struct visit *visit)) {
    struct visit visit = {0};
    begin(scene, &visit, look);
    pass(scene, TP_SECONDS(30));
    TP_ASSERT(visit.done);
}

static void with_scene(void (*look)(tp_actor *self, struct visit *visit)) {
    struct scene scene = {0};
    scene_new(&scene);
    visited(&scene, look);
    tp_simnet_free(scene.net);
}

#define ASK(reply, type, ...) tp_call(self, visit->desk, PATIENCE, reply, type, __VA_ARGS__)

/* ---- the node ---- */

static void look_at_node(tp_actor *self, struct visit *visit) {
    tp_inspect_node node;
    tp_inspect_peers peers;
    TP_ASSERT_EQ_INT(ASK(&node, tp_inspect_node, tp_inspect_hello), TP_OK);
    TP_ASSERT(tp_str_equal(node.name, TP_STR("here@test")));
    TP_ASSERT(node.node == visit->desk.node);
    TP_ASSERT_EQ_INT(node.version, TP_INSPECT_VERSION);
    TP_ASSERT_EQ_INT(node.may, TP_MAY_ALL);
    TP_ASSERT_EQ_INT(node.peers, 1);
    TP_ASSERT(node.actors >= 3 && node.up > 0 && node.handled > 0);
    TP_ASSERT_EQ_INT(ASK(&peers, tp_inspect_peers, tp_inspect_list_peers), TP_OK);
    TP_ASSERT_EQ_INT(peers.peers.count, 1);
    TP_ASSERT(tp_str_equal(peers.peers.items[0].name, TP_STR("there@test")));
    TP_ASSERT(peers.peers.items[0].node == tp_self(self).node);
    TP_ASSERT(!peers.peers.items[0].outgoing);
    TP_ASSERT_EQ_INT(peers.peers.items[0].may, TP_MAY_ALL);
}

TP_TEST(inspect, the_node_and_its_peers) {
    with_scene(look_at_node);
}

/* ---- its actors ---- */

static void look_at_all(tp_actor *self, struct visit *visit) {
    tp_inspect_page page = {.more = true};
    size_t count = 0, bars = 0, pages = 0;
    while (page.more) {
        uint32_t cursor = page.cursor;
        TP_ASSERT_EQ_INT(
            ASK(&page, tp_inspect_page, tp_inspect_list, .cursor = cursor, .max = 1000000), TP_OK);
        TP_ASSERT(page.actors.count <= TP_INSPECT_PAGE_MAX);
        for (size_t i = 0; i < page.actors.count; i++)
            bars += tp_str_equal(page.actors.items[i].behavior, TP_STR("bar"));
        count += page.actors.count;
        pages++;
        tp_release(self);
    }
    TP_ASSERT_EQ_INT(bars, 601);
    TP_ASSERT(count >= 603 && pages == 3);
    TP_ASSERT_EQ_INT(ASK(&page, tp_inspect_page, tp_inspect_list, .cursor = UINT32_MAX), TP_OK);
    TP_ASSERT(page.actors.count == 0 && !page.more);
}

TP_TEST(inspect, all_actors_in_bounded_pages) {
    struct scene scene = {0};
    scene_new(&scene);
    for (int i = 0; i < 600; i++)
        TP_ASSERT(!tp_pid_is_null(tp_sim_spawn(scene.here, &bar_behavior)));
    visited(&scene, look_at_all);
    tp_simnet_free(scene.net);
}

static void look_at_bar(tp_actor *self, struct visit *visit) {
    tp_inspect_found found;
    tp_inspect_detail detail;
    TP_ASSERT_EQ_INT(ASK(&found, tp_inspect_found, tp_inspect_find, .name = TP_STR("no such")),
                     TP_OK);
    TP_ASSERT(tp_pid_is_null(found.pid));
    TP_ASSERT_EQ_INT(ASK(&found, tp_inspect_found, tp_inspect_find, .name = TP_STR("the bar")),
                     TP_OK);
    TP_ASSERT(tp_pid_equal(found.pid, visit->scene->bar));
    TP_ASSERT_EQ_INT(tp_send(self, found.pid, pour, .cups = 4, .guest = TP_STR("me")), TP_OK);
    TP_ASSERT(tp_monitor(self, found.pid) != 0);
    (void)tp_sleep(self, TP_SECONDS(1)); /* it has been handled: a look does not wait for that */
    TP_ASSERT_EQ_INT(ASK(&detail, tp_inspect_detail, tp_inspect_look, .pid = found.pid), TP_OK);
    TP_ASSERT(tp_str_equal(detail.actor.name, TP_STR("the bar")));
    TP_ASSERT_EQ_INT(detail.actor.doing, TP_DOING_IDLE);
    TP_ASSERT_EQ_INT(detail.actor.handled, 1);
    TP_ASSERT_EQ_INT(detail.actor.watchers, 1);
    TP_ASSERT(tp_str_equal(detail.state, TP_STR("bar_state{cups=4}")));
    TP_ASSERT_EQ_INT(detail.types.count, 2);
    TP_ASSERT(tp_str_equal(detail.types.items[0].name, TP_STR("pour")));
    TP_ASSERT_EQ_INT(detail.types.items[0].fields, 2);
    TP_ASSERT(tp_str_equal(detail.fields.items[1].name, TP_STR("guest")));
    TP_ASSERT(tp_str_equal(detail.fields.items[1].kind, TP_STR("str")));
    /* the messages within messages: each once, by the name that fields have for it */
    TP_ASSERT(detail.nested.count == 2 && detail.nested_fields.count == 3);
    TP_ASSERT(tp_str_equal(detail.nested.items[0].name, TP_STR("drink")));
    TP_ASSERT_EQ_INT(detail.nested.items[0].fields, 2);
    TP_ASSERT(tp_str_equal(detail.nested_fields.items[1].kind, TP_STR("drop")));
    TP_ASSERT_EQ_INT(detail.nested_fields.items[1].form, TP_FORM_LIST_OF);
    TP_ASSERT(tp_str_equal(detail.nested.items[1].name, TP_STR("drop")));
    TP_ASSERT(tp_str_equal(detail.nested_fields.items[2].name, TP_STR("size")));
    tp_pid nobody = found.pid;
    nobody.generation += 1000;
    TP_ASSERT_EQ_INT(ASK(&detail, tp_inspect_detail, tp_inspect_look, .pid = nobody), TP_ENOPROC);
    TP_ASSERT_EQ_INT(ASK(&detail, tp_inspect_detail, tp_inspect_look, .pid = tp_self(self)),
                     TP_ENOTSUP);
}

TP_TEST(inspect, one_actor_by_name_exported_or_not) {
    with_scene(look_at_bar);
}

/* ---- who may ---- */

static void is_refused(tp_actor *self, struct visit *visit) {
    tp_inspect_node node;
    tp_inspect_page page;
    tp_inspect_found found;
    tp_inspect_tracing tracing;
    TP_ASSERT_EQ_INT(ASK(&node, tp_inspect_node, tp_inspect_hello), TP_EREFUSED);
    TP_ASSERT_EQ_INT(ASK(&page, tp_inspect_page, tp_inspect_list), TP_EREFUSED);
    TP_ASSERT_EQ_INT(ASK(&found, tp_inspect_found, tp_inspect_find, .name = TP_STR("the bar")),
                     TP_EREFUSED);
    TP_ASSERT_EQ_INT(
        ASK(&tracing, tp_inspect_tracing, tp_inspect_trace, .target = visit->scene->bar),
        TP_EREFUSED);
}

TP_TEST(inspect, nobody_may_unless_it_is_said) {
    struct scene scene = {0};
    tp_node_counters counters;
    scene_new(&scene);
    TP_ASSERT_EQ_INT(tp_node_permit(scene.node_here, "there@test", TP_MAY_DEFAULT), TP_OK);
    visited(&scene, is_refused);
    tp_node_counters_get(scene.node_here, &counters);
    TP_ASSERT_EQ_INT(counters.forbidden, 4);
    TP_ASSERT_EQ_INT(
        tp_node_permissions(scene.node_here, tp_runtime_node(tp_sim_runtime(scene.there))),
        TP_MAY_DEFAULT);
    TP_ASSERT_EQ_INT(tp_node_permissions(scene.node_here, 12345), 0);
    TP_ASSERT_EQ_INT(tp_inspect_start(scene.node_here), TP_EEXIST);
    TP_ASSERT_EQ_INT(tp_inspect_start(NULL), TP_EINVAL);
    tp_simnet_free(scene.net);
}

/* Not what its name says: the fields are of other kinds, or missing. */
TP_MESSAGE_AS(bad_list, "tp.inspect.list", TP_FIELD(str, cursor))
TP_MESSAGE_AS(bad_trace, "tp.inspect.trace", TP_FIELD(f64, target), TP_FIELD(str, limit))
TP_MESSAGE_AS(bad_look, "tp.inspect.look", TP_LIST(u64, pid))
TP_MESSAGE_AS(bad_down, "tp.down", TP_FIELD(str, nonsense))
TP_MESSAGE(other)

static void says_nonsense(tp_actor *self, struct visit *visit) {
    tp_inspect_node node;
    for (int i = 0; i < 20; i++) {
        (void)ASK(&node, tp_inspect_node, bad_list, .cursor = TP_STR("first"));
        (void)ASK(&node, tp_inspect_node, bad_trace, .target = 0.5);
        (void)ASK(&node, tp_inspect_node, bad_look, .pid = {(const uint64_t[]){1, 2}, 2});
        (void)tp_send(self, visit->desk, bad_down, .nonsense = TP_STR("x"));
        (void)tp_send(self, visit->desk, other);
        (void)tp_send_exit(self, visit->desk, TP_EXIT_FAILED);
    }
    TP_ASSERT_EQ_INT(ASK(&node, tp_inspect_node, tp_inspect_hello), TP_OK);
}

TP_TEST(inspect, nonsense_does_not_end_it) {
    with_scene(says_nonsense);
}

/* More at once than it takes: some are refused, and it serves no more a second than it says. */
static void asks_too_much(tp_actor *self, struct visit *visit) {
    enum { ROUNDS = 20, AT_ONCE = 500 };
    tp_future *futures = tp_alloc(self, AT_ONCE * sizeof *futures);
    unsigned served = 0, full = 0;
    tp_time began = tp_now(self);
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < AT_ONCE; i++)
            futures[i] = tp_request(self, visit->desk, tp_inspect_hello);
        for (int i = 0; i < AT_ONCE; i++) {
            tp_inspect_node node;
            tp_err err = tp_await(self, futures[i], TP_SECONDS(10), &node, tp_inspect_node);
            served += err == TP_OK;
            full += err == TP_EFULL;
            TP_ASSERT(err == TP_OK || err == TP_EFULL);
            tp_release(self);
        }
    }
    tp_duration took = tp_now(self) - began;
    TP_ASSERT(full > 0 && served > ROUNDS);
    TP_ASSERT(served <= 200 + (unsigned)(took / (TP_SECONDS(1) / TP_INSPECT_RATE)));
}

TP_TEST(inspect, rate_and_mailbox_are_bounded) {
    with_scene(asks_too_much);
}

/* ---- traces ---- */

static void traces_to_the_limit(tp_actor *self, struct visit *visit) {
    tp_inspect_tracing tracing, second;
    tp_inspect_event event;
    tp_inspect_traced traced;
    tp_inspect_detail detail;
    tp_pid bar = visit->scene->bar;
    TP_ASSERT_EQ_INT(ASK(&tracing, tp_inspect_tracing, tp_inspect_trace, .target = bar, .limit = 3),
                     TP_OK);
    TP_ASSERT_EQ_INT(ASK(&second, tp_inspect_tracing, tp_inspect_trace, .target = bar), TP_EBUSY);
    for (uint32_t i = 0; i < 10; i++)
        TP_ASSERT_EQ_INT(tp_send(self, bar, pour, .cups = i, .guest = TP_STR("me")), TP_OK);
    for (uint32_t i = 0; i < 3; i++) {
        char text[64];
        TP_ASSERT_EQ_INT(tp_receive(self, PATIENCE, &event, tp_inspect_event), TP_OK);
        (void)snprintf(text, sizeof text, "pour{cups=%u, guest=\"me\"}", i);
        TP_ASSERT_MSG(tp_str_equal(event.text, tp_str_of(text)), "%.*s", (int)event.text.size,
                      event.text.data);
        TP_ASSERT(tp_str_equal(event.kind, TP_STR("receives")));
        TP_ASSERT(tp_str_equal(event.type, TP_STR("pour")));
        TP_ASSERT(tp_pid_equal(event.other, tp_self(self)));
    }
    TP_ASSERT_EQ_INT(tp_receive(self, PATIENCE, &traced, tp_inspect_traced), TP_OK);
    TP_ASSERT(tp_str_equal(traced.why, TP_STR("limit")) && traced.told == 3);
    TP_ASSERT_EQ_INT(ASK(&detail, tp_inspect_detail, tp_inspect_look, .pid = bar), TP_OK);
    TP_ASSERT(!detail.actor.traced);
    TP_ASSERT_EQ_INT(tp_receive(self, TP_SECONDS(1), &event, tp_inspect_event), TP_ETIMEDOUT);
}

TP_TEST(inspect, a_trace_ends_at_its_limit) {
    with_scene(traces_to_the_limit);
}

static void traces_slowly(tp_actor *self, struct visit *visit) {
    tp_inspect_tracing tracing;
    tp_inspect_event event;
    tp_inspect_traced traced;
    tp_pid bar = visit->scene->bar;
    unsigned told = 0;
    TP_ASSERT_EQ_INT(
        ASK(&tracing, tp_inspect_tracing, tp_inspect_trace, .target = bar, .rate = 5, .seconds = 4),
        TP_OK);
    for (unsigned i = 0; i < 300; i++) {
        TP_ASSERT_EQ_INT(tp_send(self, bar, pour, .cups = i), TP_OK);
        (void)tp_sleep(self, TP_MS(10));
    }
    while (tp_receive(self, TP_SECONDS(2), &event, tp_inspect_event) == TP_OK) told++;
    TP_ASSERT(told >= 15 && told <= 25);
    TP_ASSERT_EQ_INT(tp_receive(self, PATIENCE, &traced, tp_inspect_traced), TP_OK);
    TP_ASSERT(tp_str_equal(traced.why, TP_STR("time")) && traced.told == told);
    TP_ASSERT_EQ_INT(traced.told + traced.skipped, 300);
}

TP_TEST(inspect, a_trace_keeps_its_rate_and_time) {
    with_scene(traces_slowly);
}

static void traces_and_stays(tp_actor *self, struct visit *visit) {
    tp_inspect_tracing tracing;
    tp_inspect_traced traced;
    TP_ASSERT_EQ_INT(
        ASK(&tracing, tp_inspect_tracing, tp_inspect_trace, .target = visit->scene->bar), TP_OK);
    (void)tp_receive(self, TP_FOREVER, &traced, tp_inspect_traced);
    TP_ASSERT(tp_str_equal(traced.why, TP_STR("target ended")));
}

static void is_untraced(tp_actor *self, struct visit *visit) {
    tp_inspect_detail detail;
    TP_ASSERT_EQ_INT(ASK(&detail, tp_inspect_detail, tp_inspect_look, .pid = visit->scene->bar),
                     TP_OK);
    TP_ASSERT(!detail.actor.traced);
}

TP_TEST(inspect, a_trace_ends_with_who_asked_for_it) {
    struct scene scene = {0};
    struct visit visit = {0};
    tp_counters before, after;
    scene_new(&scene);
    tp_runtime_counters(tp_sim_runtime(scene.here), &before);
    begin(&scene, &visit, traces_and_stays);
    pass(&scene, TP_SECONDS(2));
    tp_simnet_crash(scene.net, scene.there, true);
    pass(&scene, TP_SECONDS(30)); /* the heartbeats are missed */
    scene.there = machine(scene.net, "there@test", &scene.node_there);
    TP_ASSERT_EQ_INT(tp_node_join(scene.node_there, "tcp://127.0.0.1:1"), TP_OK);
    pass(&scene, TP_SECONDS(2));
    tp_runtime_counters(tp_sim_runtime(scene.here), &after);
    TP_ASSERT_EQ_INT(after.actors_alive, before.actors_alive);
    visited(&scene, is_untraced);
    tp_simnet_free(scene.net);
}

static void traces_the_dying(tp_actor *self, struct visit *visit) {
    tp_inspect_tracing tracing;
    tp_inspect_traced traced;
    TP_ASSERT_EQ_INT(
        ASK(&tracing, tp_inspect_tracing, tp_inspect_trace, .target = visit->scene->bar), TP_OK);
    TP_ASSERT_EQ_INT(tp_kill(self, visit->scene->bar), TP_OK);
    TP_ASSERT_EQ_INT(tp_receive(self, PATIENCE, &traced, tp_inspect_traced), TP_OK);
    TP_ASSERT(tp_str_equal(traced.why, TP_STR("target ended")));
    TP_ASSERT_EQ_INT(
        ASK(&tracing, tp_inspect_tracing, tp_inspect_trace, .target = visit->scene->bar),
        TP_ENOPROC);
    TP_ASSERT_EQ_INT(ASK(&tracing, tp_inspect_tracing, tp_inspect_trace, .target = visit->desk),
                     TP_ENOTSUP);
}

TP_TEST(inspect, a_trace_ends_with_its_target) {
    with_scene(traces_the_dying);
}

static void traces_many(tp_actor *self, struct visit *visit) {
    tp_inspect_page page;
    tp_inspect_tracing tracing;
    tp_pid bars[40];
    unsigned count = 0, began = 0;
    TP_ASSERT_EQ_INT(ASK(&page, tp_inspect_page, tp_inspect_list), TP_OK);
    for (size_t i = 0; i < page.actors.count && count < 40; i++)
        if (tp_str_equal(page.actors.items[i].behavior, TP_STR("bar")))
            bars[count++] = page.actors.items[i].pid;
    TP_ASSERT(count > TP_INSPECT_TRACES_MAX);
    for (unsigned i = 0; i < count; i++) {
        tp_err err =
            ASK(&tracing, tp_inspect_tracing, tp_inspect_trace, .target = bars[i], .seconds = 2);
        TP_ASSERT(err == (i < TP_INSPECT_TRACES_MAX ? TP_OK : TP_EBUSY));
        began += err == TP_OK;
    }
    TP_ASSERT_EQ_INT(began, TP_INSPECT_TRACES_MAX);
    (void)tp_sleep(self, TP_SECONDS(3));
    TP_ASSERT_EQ_INT(ASK(&tracing, tp_inspect_tracing, tp_inspect_trace, .target = bars[count - 1]),
                     TP_OK);
}

TP_TEST(inspect, so_many_traces_at_a_time) {
    struct scene scene = {0};
    scene_new(&scene);
    for (int i = 0; i < 30; i++)
        TP_ASSERT(!tp_pid_is_null(tp_sim_spawn(scene.here, &bar_behavior)));
    visited(&scene, traces_many);
    tp_simnet_free(scene.net);
}
