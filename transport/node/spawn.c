/*
 * Actors that are started from another node: only of behaviours that this node exports.
 *
 * The node's own actor (names.c) starts the child and answers with its pid; beside the child stands
 * a keeper, until the asker has said that the answer reached it. An asker that gave up, ended or
 * was cut off does not say so, and then the keeper kills the child: nobody knows of it. So a healed
 * partition leaves no twins.
 */
#include <stdlib.h>
#include <string.h>

#include <troupe/call.h>
#include <troupe/timer.h>

#include "core/actor/extra.h"
#include "core/actor/isolated.h"
#include "transport/node/node.h"

#define BEHAVIORS_MAX 1024u
#define SPAWN_RATE 100u            /* a second, and as many at once */
#define ANSWER_TIME TP_SECONDS(10) /* for the answer's way and back, beyond the asker's patience */

TP_MESSAGE_AS(spawn_ask, "tp.spawn", TP_FIELD(str, behavior), TP_FIELD(str, type),
              TP_FIELD(u32, fields), TP_FIELD(bin, arguments), TP_FIELD(i64, timeout))
TP_MESSAGE_AS(spawn_answer, "tp.spawned", TP_FIELD(i32, err), TP_FIELD(pid, child),
              TP_FIELD(pid, keeper))
TP_MESSAGE_AS(spawn_known, "tp.spawn_known")
TP_MESSAGE_AS(spawn_keep, "tp.spawn_keep", TP_FIELD(pid, child), TP_FIELD(pid, asker),
              TP_FIELD(i64, timeout))

/* ---- the keeper ---- */

struct keeper {
    tp_pid child;
};

static void keeper_ends(tp_actor *self, struct keeper *state, bool known) {
    if (!known) (void)tp_kill(self, state->child);
    tp_exit(self, TP_EXIT_NORMAL);
}

static void on_keep(tp_actor *self, struct keeper *state, const spawn_keep *msg) {
    state->child = msg->child;
    (void)tp_trap_exits(self, true);
    if (tp_monitor(self, msg->asker) == 0) keeper_ends(self, state, false);
    (void)tp_set_timeout(self, msg->timeout);
}

static void on_known(tp_actor *self, struct keeper *state, const spawn_known *msg) {
    (void)msg;
    keeper_ends(self, state, true);
}

static void on_asker_down(tp_actor *self, struct keeper *state, const tp_down *msg) {
    (void)msg;
    keeper_ends(self, state, false);
}

static void on_late(tp_actor *self, struct keeper *state) {
    keeper_ends(self, state, false);
}

static void on_stop(tp_actor *self, struct keeper *state, const tp_exited *msg) {
    (void)msg; /* the node stops */
    keeper_ends(self, state, false);
}

TP_BEHAVIOR(keeper_behavior, "tp.spawn_keeper", struct keeper, TP_INIT_WITH(spawn_keep, on_keep),
            TP_ON(spawn_known, on_known), TP_ON(tp_down, on_asker_down), TP_ON(tp_exited, on_stop),
            TP_TIMEOUT(on_late));

/* ---- what may be started ---- */

tp_err tp_node_export_behavior(tp_node *node, const tp_behavior *behavior,
                               const tp_message_type *arguments) {
    if (node == NULL || behavior == NULL || behavior->name == NULL || behavior->name[0] == 0)
        return TP_EINVAL;
    struct tpi_spawnable *spawnable = malloc(sizeof *spawnable), *other;
    if (spawnable == NULL) return TP_ENOMEM;
    *spawnable = (struct tpi_spawnable){NULL, behavior, arguments};
    tpi_mutex_lock(&node->lock);
    unsigned count = 0;
    bool taken = false;
    for (other = node->spawnables; other != NULL; other = other->next, count++)
        if (strcmp(other->behavior->name, behavior->name) == 0) taken = true;
    bool good = !taken && count < BEHAVIORS_MAX;
    if (good) {
        spawnable->next = node->spawnables;
        node->spawnables = spawnable;
    }
    tpi_mutex_unlock(&node->lock);
    if (!good) free(spawnable);
    return taken ? TP_EEXIST : good ? TP_OK : TP_ENOMEM;
}

/* They are never taken back while the node lives. */
static const struct tpi_spawnable *find_spawnable(struct tp_node *node, tp_str name) {
    const struct tpi_spawnable *found = NULL;
    tpi_mutex_lock(&node->lock);
    for (struct tpi_spawnable *s = node->spawnables; s != NULL && found == NULL; s = s->next)
        if (strlen(s->behavior->name) == name.size &&
            memcmp(s->behavior->name, name.data, name.size) == 0)
            found = s;
    tpi_mutex_unlock(&node->lock);
    return found;
}

void tpi_spawnables_free(struct tp_node *node) {
    while (node->spawnables != NULL) {
        struct tpi_spawnable *next = node->spawnables->next;
        free(node->spawnables);
        node->spawnables = next;
    }
}

/* ---- the side that is asked: the node's actor ---- */

/* So many a second. The node's actor alone asks. */
static bool rate_admits(struct tp_node *node) {
    tp_time now = tpi_node_now(node), each = TP_SECONDS(1) / SPAWN_RATE;
    if (node->spawn_credit_at < now - TP_SECONDS(1)) node->spawn_credit_at = now - TP_SECONDS(1);
    if (node->spawn_credit_at + each > now) return false;
    node->spawn_credit_at += each;
    return true;
}

static tp_err start_child(tp_actor *self, struct tp_node *node, const spawn_ask *ask,
                          spawn_answer *answer) {
    const struct tpi_spawnable *what = find_spawnable(node, ask->behavior);
    struct tpi_encoded arguments = {.from = tp_pid_null()};
    if (!tpi_node_may(node, tp_sender(self).node, TP_MAY_SPAWN)) return TP_EREFUSED;
    if (what == NULL) return TP_ENOENT;
    if (!rate_admits(node)) return TP_EREFUSED;
    if ((what->arguments == NULL) != (ask->type.size == 0)) return TP_ETYPE;
    if (what->arguments != NULL) {
        arguments.type = tpi_far_type_of(node, ask->type, ask->fields);
        if (arguments.type == NULL) return TP_ENOMEM;
        if (!tp_message_type_equal(arguments.type, what->arguments)) return TP_ETYPE;
        arguments.bytes = ask->arguments;
    }
    tp_err err = tpi_spawn_encoded(self, what->behavior, NULL, &arguments, &answer->child);
    if (err != TP_OK) return err;
    tp_duration patience =
        ask->timeout < 0 || ask->timeout > TP_SECONDS(3600) ? TP_SECONDS(3600) : ask->timeout;
    answer->keeper = tp_spawn(self, &keeper_behavior, spawn_keep, .child = answer->child,
                              .asker = tp_sender(self), .timeout = patience + ANSWER_TIME);
    if (!tp_pid_is_null(answer->keeper)) return TP_OK;
    (void)tp_kill(self, answer->child);
    return TP_ENOMEM;
}

bool tpi_spawn_asked(tp_actor *self, struct tp_node *node, const tp_message *message) {
    spawn_ask ask;
    spawn_answer answer = {.child = tp_pid_null(), .keeper = tp_pid_null()};
    if (!tp_message_is(message, spawn_ask)) return false;
    if (tp_message_get(self, message, &ask, spawn_ask) != TP_OK) return true;
    tp_err err = start_child(self, node, &ask, &answer);
    if (err == TP_ENOENT || err == TP_EREFUSED || err == TP_ETYPE) tpi_node_count(&node->forbidden);
    answer.err = (int32_t)err;
    if (err != TP_OK) answer.child = tp_pid_null();
    (void)tp_reply_value(self, &spawn_answer_message, &answer);
    return true;
}

/* ---- the side that asks ---- */

static tp_err encode(tp_actor *self, const tp_message_type *type, const void *value, tp_bin *out) {
    *out = (tp_bin){NULL, 0};
    if (type == NULL) return TP_OK;
    size_t bound = type->bound != 0 ? type->bound : type->measure(value);
    if (bound > TP_MESSAGE_SIZE_MAX / 2) return TP_ETOOBIG;
    uint8_t *bytes = tp_alloc(self, bound + 1);
    if (bytes == NULL) return TP_ENOMEM;
    tp_writer writer = {.at = bytes, .end = bytes + bound};
    type->encode(value, &writer);
    *out = (tp_bin){bytes, (size_t)(writer.at - bytes)};
    return TP_OK;
}

/* What a spawn on another node can be given: the rest is that node's affair. */
static bool options_fit(const tp_spawn_options *options) {
    tp_spawn_options rest = options == NULL ? (tp_spawn_options){0} : *options;
    return rest.name == NULL && !rest.isolate && rest.limits == NULL && rest.workers == 0 &&
           !rest.dedicated_thread && rest.mailbox_limit == 0 && rest.stack_size == 0 &&
           !rest.contain && rest.capsule == 0 && rest.restarted == NULL &&
           rest.priority == TP_PRIORITY_NORMAL && rest.overflow == TP_OVERFLOW_SUSPEND;
}

static tp_pid desk_of(struct tp_node *node, uint64_t at) {
    if (at == node->runtime->node) return node->names;
    struct tpi_peer_state *peer = tpi_peer_find(node, at);
    tp_pid desk = tp_pid_null();
    if (peer == NULL) return desk;
    tpi_mutex_lock(&peer->lock);
    /* relaxed: under the lock where it is written */
    if (atomic_load_explicit(&peer->id, memory_order_relaxed) == at) desk = peer->names;
    tpi_mutex_unlock(&peer->lock);
    return desk;
}

/* The child is known now: bound to the asker first, then released by its keeper. */
static tp_err take_child(tp_actor *self, const spawn_answer *answer,
                         const tp_spawn_options *options) {
    tp_err err = TP_OK;
    if (options != NULL && options->monitor != NULL) {
        *options->monitor = tp_monitor(self, answer->child);
        if (*options->monitor == 0) err = tp_error(self);
    }
    if (err == TP_OK && options != NULL && options->link) err = tp_link(self, answer->child);
    if (err != TP_OK) return err; /* the keeper does the rest */
    return tp_send(self, answer->keeper, spawn_known);
}

tp_err tp_node_spawn_value(tp_actor *self, tp_node *node, uint64_t at, const char *behavior,
                           const tp_spawn_options *options, tp_duration timeout, tp_pid *out,
                           const tp_message_type *type, const void *arguments) {
    TPI_INSIDE(self);
    if (node == NULL || behavior == NULL || out == NULL || !options_fit(options)) return TP_EINVAL;
    *out = tp_pid_null();
    tp_pid desk = desk_of(node, at);
    if (tp_pid_is_null(desk)) return TP_ENOCONNECTION;
    spawn_ask ask = {.behavior = {behavior, strlen(behavior)}, .timeout = timeout};
    spawn_answer answer = {0};
    tp_err err = encode(self, type, arguments, &ask.arguments);
    if (err != TP_OK) return err;
    if (type != NULL) {
        ask.type = (tp_str){type->name, type->name_size};
        ask.fields = type->field_count;
    }
    err = tp_call_value(self, desk, timeout, &spawn_answer_message, &answer, &spawn_ask_message,
                        &ask);
    tp_free(self, (void *)(uintptr_t)ask.arguments.data);
    if (err == TP_OK)
        err = answer.err >= 0 && answer.err < TP_ERR_COUNT ? (tp_err)answer.err : TP_EBADMSG;
    if (err == TP_OK) err = take_child(self, &answer, options);
    if (err == TP_OK) *out = answer.child;
    return err;
}
