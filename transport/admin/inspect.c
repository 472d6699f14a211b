/*
 * The actor that answers those who look at a node.
 *
 * It takes one request after the other, each with a bound on what is looked at and answered, and so
 * many a second: who asks more waits, and its mailbox refuses what is too much. What does not
 * decode is dropped, so that nobody without permission can end it.
 */
#include "transport/admin/inspect.h"

#include <string.h>

#include <troupe/call.h>
#include <troupe/inbox.h>
#include <troupe/name.h>
#include <troupe/timer.h>

#include "core/base/assert.h"
#include "transport/node/node.h"

#define MAILBOX 128u
#define BURST 100u           /* requests that wait for nothing after a pause */
#define LOOK_TIME TP_MS(100) /* what gives no answer within it is busy */
#define PEERS_MAX TPI_PEERS_MAX

TP_MESSAGE_AS(inspect_begin, "tp.inspect.begin", TP_FIELD(u64, node)) /* a pointer */

struct inspector {
    struct tp_node *node;
    tp_time started, credit_at;
    tp_pid tracers[TP_INSPECT_TRACES_MAX]; /* those that live count */
};

/* ---- answers ---- */

static void answer_hello(tp_actor *self, struct inspector *state) {
    struct tp_node *node = state->node;
    tp_runtime *runtime = tp_self_runtime(self);
    tp_counters local;
    tp_node_counters remote;
    tp_runtime_counters(runtime, &local);
    tp_node_counters_get(node, &remote);
    (void)tp_reply(
        self, tp_inspect_node, .version = TP_INSPECT_VERSION, .name = tp_str_of(tp_node_name(node)),
        .node = tp_runtime_node(runtime), .may = tp_node_permissions(node, tp_sender(self).node),
        .workers = tp_runtime_workers(runtime), .up = tp_now(self) - state->started,
        .actors = local.actors_alive, .spawned = local.spawned, .failed = local.failed,
        .sent = local.sent, .handled = local.handled, .dropped = local.dropped,
        .dead_letters = local.dead_letters, .memory = local.memory, .faults = local.faults,
        .stuck = local.stuck, .peers = remote.peers, .remote_sent = remote.sent,
        .remote_received = remote.received, .forbidden = remote.forbidden,
        .refused = remote.refused, .unreachable = remote.unreachable);
}

static void answer_peers(tp_actor *self, struct inspector *state) {
    tp_node_peer *peers = tp_alloc(self, PEERS_MAX * sizeof *peers);
    tp_inspect_peer *told = tp_alloc(self, PEERS_MAX * sizeof *told);
    size_t count = peers == NULL ? 0 : tp_node_peers(state->node, peers, PEERS_MAX);
    if (count > PEERS_MAX) count = PEERS_MAX;
    for (size_t i = 0; told != NULL && i < count; i++)
        told[i] = (tp_inspect_peer){.node = peers[i].node,
                                    .name = tp_str_of(peers[i].name),
                                    .may = peers[i].may,
                                    .outgoing = peers[i].outgoing,
                                    .backlog = peers[i].backlog,
                                    .silent = peers[i].silent};
    if (peers == NULL || told == NULL) (void)tp_reply_error(self, TP_ENOMEM);
    else (void)tp_reply(self, tp_inspect_peers, .peers = {told, count});
    tp_free(self, peers);
    tp_free(self, told);
}

tp_inspect_actor tpi_inspect_describe(const tp_actor_info *info) {
    return (tp_inspect_actor){.pid = info->pid,
                              .err = (int32_t)info->err,
                              .doing = info->doing,
                              .name = info->name,
                              .behavior = info->label,
                              .parent = info->parent,
                              .waits_for = info->waits_for,
                              .mailbox = info->mailbox,
                              .mailbox_limit = info->mailbox_limit,
                              .postponed = info->postponed,
                              .handled = info->handled,
                              .links = info->links,
                              .monitors = info->monitors,
                              .watchers = info->watchers,
                              .state_size = info->state_size,
                              .isolated = info->isolated,
                              .traps_exits = info->traps_exits,
                              .traced = info->traced};
}

/* What a page is made in. */
struct page {
    tp_pid pids[TP_INSPECT_PAGE_MAX];
    tp_actor_info infos[TP_INSPECT_PAGE_MAX];
    tp_inspect_actor actors[TP_INSPECT_PAGE_MAX];
};

static void answer_list(tp_actor *self, const tp_inspect_list *ask) {
    struct page *page = tp_alloc(self, sizeof *page);
    size_t max = ask->max == 0 || ask->max > TP_INSPECT_PAGE_MAX ? TP_INSPECT_PAGE_MAX : ask->max;
    size_t told = 0;
    uint32_t cursor = ask->cursor;
    if (page == NULL) {
        (void)tp_reply_error(self, TP_ENOMEM);
        return;
    }
    size_t count = tp_actors_list(tp_self_runtime(self), &cursor, page->pids, max);
    tp_err err = tp_actors_look(self, page->pids, count, LOOK_TIME, page->infos);
    for (size_t i = 0; err == TP_OK && i < count; i++)
        if (page->infos[i].err != TP_ENOPROC)
            page->actors[told++] = tpi_inspect_describe(&page->infos[i]);
    if (err == TP_OK)
        err = tp_reply(self, tp_inspect_page, .cursor = cursor, .more = count == max,
                       .time = tp_now(self), .actors = {page->actors, told});
    if (err != TP_OK) (void)tp_reply_error(self, err);
    tp_free(self, page);
}

static void answer_find(tp_actor *self, const tp_inspect_find *ask) {
    char name[TP_NAME_SIZE_MAX + 1];
    tp_pid found = tp_pid_null();
    if (ask->name.size < sizeof name) {
        memcpy(name, ask->name.data, ask->name.size);
        name[ask->name.size] = 0;
        found = tp_whereis(tp_self_runtime(self), name);
    }
    (void)tp_reply(self, tp_inspect_found, .pid = found);
}

/* ---- traces ---- */

static uint32_t bounded(uint32_t asked, uint32_t most) {
    return asked == 0 || asked > most ? most : asked;
}

static tp_pid *free_place(tp_actor *self, struct inspector *state) {
    for (size_t i = 0; i < TP_INSPECT_TRACES_MAX; i++)
        if (!tp_alive(tp_self_runtime(self), state->tracers[i])) return &state->tracers[i];
    return NULL;
}

static tp_err trace_begin(tp_actor *self, struct inspector *state, const tp_inspect_trace *ask,
                          tp_pid *tracer) {
    tp_actor_info info;
    tp_err err = tp_actor_look(self, ask->target, LOOK_TIME, &info);
    if (err != TP_OK) return err;
    if (info.behavior == NULL || tp_pid_equal(ask->target, tp_self(self))) return TP_ENOTSUP;
    tp_pid *place = free_place(self, state);
    if (info.traced || place == NULL) return TP_EBUSY;
    const tp_spawn_options options = {.mailbox_limit = 1024, .overflow = TP_OVERFLOW_FAIL};
    *tracer = tp_spawn_with(self, &tpi_tracer_behavior, &options, tpi_trace_begin,
                            .target = ask->target, .client = tp_sender(self),
                            .limit = bounded(ask->limit, TP_INSPECT_EVENTS_MAX),
                            .rate = bounded(ask->rate, TP_INSPECT_EVENT_RATE_MAX),
                            .seconds = bounded(ask->seconds, TP_INSPECT_TRACE_SECONDS_MAX));
    *place = *tracer;
    return tp_pid_is_null(*tracer) ? tp_error(self) : TP_OK;
}

static void answer_trace(tp_actor *self, struct inspector *state, const tp_inspect_trace *ask) {
    tp_pid tracer = tp_pid_null();
    tp_err err = trace_begin(self, state, ask, &tracer);
    if (err == TP_OK) (void)tp_reply(self, tp_inspect_tracing, .tracer = tracer);
    else (void)tp_reply_error(self, err);
}

/* ---- the actor ---- */

/* So many a second; the rest waits here. */
static void wait_for_credit(tp_actor *self, struct inspector *state) {
    tp_time now = tp_now(self), each = TP_SECONDS(1) / TP_INSPECT_RATE;
    if (state->credit_at < now - BURST * each) state->credit_at = now - BURST * each;
    state->credit_at += each;
    if (state->credit_at > now) (void)tp_sleep(self, state->credit_at - now);
}

/* A request of who may ask; what does not decode gets no other answer than that it gets none. */
static void answer(tp_actor *self, struct inspector *state, const tp_message *message) {
    tp_inspect_list list;
    tp_inspect_find find;
    tp_inspect_look look;
    tp_inspect_trace trace;
    if (tp_message_is(message, tp_inspect_hello)) answer_hello(self, state);
    else if (tp_message_is(message, tp_inspect_list_peers)) answer_peers(self, state);
    else if (tp_message_is(message, tp_inspect_list)) {
        if (tp_message_get(self, message, &list, tp_inspect_list) == TP_OK)
            answer_list(self, &list);
    } else if (tp_message_is(message, tp_inspect_find)) {
        if (tp_message_get(self, message, &find, tp_inspect_find) == TP_OK)
            answer_find(self, &find);
    } else if (tp_message_is(message, tp_inspect_look)) {
        if (tp_message_get(self, message, &look, tp_inspect_look) == TP_OK)
            tpi_inspect_detail(self, look.pid);
    } else if (tp_message_is(message, tp_inspect_trace)) {
        if (tp_message_get(self, message, &trace, tp_inspect_trace) == TP_OK)
            answer_trace(self, state, &trace);
    }
}

static void on_message(tp_actor *self, struct inspector *state, const tp_message *message) {
    if (tp_message_is(message, tp_exited)) return;
    if (!tpi_node_may(state->node, tp_sender(self).node, TP_MAY_INSPECT)) {
        tpi_node_count(&state->node->forbidden);
        (void)tp_reply_error(self, TP_EREFUSED);
        return;
    }
    wait_for_credit(self, state);
    answer(self, state, message);
}

static void on_begin(tp_actor *self, struct inspector *state, const inspect_begin *msg) {
    state->node = (struct tp_node *)(uintptr_t)msg->node;
    state->started = tp_now(self);
    (void)tp_trap_exits(self, true);
    TPI_ASSERT(state->node->runtime == tp_self_runtime(self));
}

TP_BEHAVIOR(inspector_behavior, "tp.inspector", struct inspector,
            TP_INIT_WITH(inspect_begin, on_begin), TP_OTHERWISE(on_message));

tp_err tp_inspect_start(tp_node *node) {
    tp_pid pid;
    const tp_spawn_options options = {.name = TP_INSPECT_NAME,
                                      .mailbox_limit = MAILBOX,
                                      .overflow = TP_OVERFLOW_FAIL,
                                      .priority = TP_PRIORITY_HIGH};
    if (node == NULL) return TP_EINVAL;
    tp_err err = tp_runtime_spawn(node->runtime, &pid, &inspector_behavior, &options, inspect_begin,
                                  .node = (uint64_t)(uintptr_t)node);
    if (err != TP_OK) return err;
    tpi_node_guard_inspector(node, pid);
    return tp_node_export(node, TP_INSPECT_NAME); /* last: from now on it can be found */
}
