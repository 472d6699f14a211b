/*
 * Actors that are started from another node: only of behaviours that this node exports.
 *
 * The node's own actor (names.c) starts the child and answers with its pid; beside the child stands
 * a keeper, until the asker has said that the answer reached it. An asker that gave up, ended or
 * was cut off does not say so, and then the keeper kills the child: nobody knows of it. So a healed
 * partition leaves no twins. The keeper of a supervised child stays as long as the child, and kills
 * it when its supervisor ends or the connection to it does, whatever the child thinks of exits.
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
              TP_FIELD(u32, fields), TP_FIELD(bin, arguments), TP_FIELD(i64, timeout),
              TP_FIELD(u64, supervised)) /* 0, or names this start among the asker's */
TP_MESSAGE_AS(spawn_answer, "tp.spawned", TP_FIELD(i32, err), TP_FIELD(pid, child),
              TP_FIELD(pid, keeper))
TP_MESSAGE_AS(spawn_known, "tp.spawn_known")
/* The answer to a supervised start was late. */
TP_MESSAGE_AS(spawn_cancel, "tp.spawn_cancel", TP_FIELD(u64, supervised))
TP_MESSAGE_AS(spawn_keep, "tp.spawn_keep", TP_FIELD(pid, child), TP_FIELD(pid, asker),
              TP_FIELD(i64, timeout), TP_FIELD(bool, supervised))

/* ---- the keeper ---- */

struct keeper {
    tp_pid child;
    tp_ref watch; /* of a supervised child */
    bool known;   /* likewise */
};

static void keeper_ends(tp_actor *self, struct keeper *state, bool known) {
    if (!known) (void)tp_kill(self, state->child);
    tp_exit(self, TP_EXIT_NORMAL);
}

static void on_keep(tp_actor *self, struct keeper *state, const spawn_keep *msg) {
    state->child = msg->child;
    (void)tp_trap_exits(self, true);
    if (tp_monitor(self, msg->asker) == 0) keeper_ends(self, state, false);
    if (msg->supervised) {
        state->watch = tp_monitor(self, msg->child);
        if (state->watch == 0) keeper_ends(self, state, false);
    }
    (void)tp_set_timeout(self, msg->timeout);
}

/* The timeout ends with this message. */
static void on_known(tp_actor *self, struct keeper *state, const spawn_known *msg) {
    (void)msg;
    state->known = true;
    if (state->watch == 0) keeper_ends(self, state, true);
}

static void on_cancel(tp_actor *self, struct keeper *state, const spawn_cancel *msg) {
    (void)msg;
    keeper_ends(self, state, false);
}

/* Of the asker, or of a supervised child. */
static void on_keeper_down(tp_actor *self, struct keeper *state, const tp_down *msg) {
    keeper_ends(self, state, msg->ref == state->watch);
}

static void on_late(tp_actor *self, struct keeper *state) {
    keeper_ends(self, state, false);
}

static void on_stop(tp_actor *self, struct keeper *state, const tp_exited *msg) {
    (void)msg; /* the node stops: so does a child that is known, in order */
    keeper_ends(self, state, state->known);
}

TP_BEHAVIOR(keeper_behavior, "tp.spawn_keeper", struct keeper, TP_INIT_WITH(spawn_keep, on_keep),
            TP_ON(spawn_known, on_known), TP_ON(tp_down, on_keeper_down), TP_ON(tp_exited, on_stop),
            TP_ON(spawn_cancel, on_cancel), TP_TIMEOUT(on_late));

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
    if (!rate_admits(node)) return ask->supervised != 0 ? TP_EFULL : TP_EREFUSED;
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
                              .asker = tp_sender(self), .timeout = patience + ANSWER_TIME,
                              .supervised = ask->supervised != 0);
    if (!tp_pid_is_null(answer->keeper)) return TP_OK;
    (void)tp_kill(self, answer->child);
    return TP_ENOMEM;
}

/* So that the start can be cancelled. False: no memory. */
static bool note_keeper(tp_actor *self, struct tpi_desk *desk, tp_pid keeper, uint64_t token) {
    struct tpi_kept *kept = tp_alloc(self, sizeof *kept);
    if (kept == NULL) return false;
    *kept = (struct tpi_kept){desk->kept, keeper, tp_sender(self), tp_monitor(self, keeper), token};
    if (kept->monitor == 0) {
        tp_free(self, kept);
        return false;
    }
    desk->kept = kept;
    return true;
}

void tpi_spawn_keeper_ended(tp_actor *self, struct tpi_desk *desk, tp_ref monitor) {
    for (struct tpi_kept **place = &desk->kept; *place != NULL; place = &(*place)->next) {
        struct tpi_kept *kept = *place;
        if (kept->monitor != monitor) continue;
        *place = kept->next;
        tp_free(self, kept);
        return;
    }
}

static void cancel_start(tp_actor *self, const struct tpi_desk *desk, uint64_t token) {
    for (const struct tpi_kept *kept = desk->kept; kept != NULL; kept = kept->next)
        if (kept->token == token && tp_pid_equal(kept->asker, tp_sender(self)))
            (void)tp_send(self, kept->keeper, spawn_cancel);
}

bool tpi_spawn_asked(tp_actor *self, struct tpi_desk *desk, const tp_message *message) {
    struct tp_node *node = desk->node;
    spawn_ask ask;
    spawn_cancel cancel;
    spawn_answer answer = {.child = tp_pid_null(), .keeper = tp_pid_null()};
    if (tp_message_is(message, spawn_cancel)) {
        if (tp_message_get(self, message, &cancel, spawn_cancel) == TP_OK)
            cancel_start(self, desk, cancel.supervised);
        return true;
    }
    if (!tp_message_is(message, spawn_ask)) return false;
    if (tp_message_get(self, message, &ask, spawn_ask) != TP_OK) return true;
    tp_err err = start_child(self, node, &ask, &answer);
    if (err == TP_OK && ask.supervised != 0 &&
        !note_keeper(self, desk, answer.keeper, ask.supervised)) {
        (void)tp_kill(self, answer.child);
        err = TP_ENOMEM;
    }
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

/* `token`: of a supervised start, or 0. */
static tp_err ask_for(tp_actor *self, tp_pid desk, const char *behavior, tp_duration timeout,
                      uint64_t token, spawn_answer *answer, const tp_message_type *type,
                      const void *arguments) {
    spawn_ask ask = {
        .behavior = {behavior, strlen(behavior)}, .timeout = timeout, .supervised = token};
    tp_err err = encode(self, type, arguments, &ask.arguments);
    if (err != TP_OK) return err;
    if (type != NULL) {
        ask.type = (tp_str){type->name, type->name_size};
        ask.fields = type->field_count;
    }
    err =
        tp_call_value(self, desk, timeout, &spawn_answer_message, answer, &spawn_ask_message, &ask);
    tp_free(self, (void *)(uintptr_t)ask.arguments.data);
    if (err != TP_OK) return err;
    return answer->err >= 0 && answer->err < TP_ERR_COUNT ? (tp_err)answer->err : TP_EBADMSG;
}

tp_err tp_node_spawn_value(tp_actor *self, tp_node *node, uint64_t at, const char *behavior,
                           const tp_spawn_options *options, tp_duration timeout, tp_pid *out,
                           const tp_message_type *type, const void *arguments) {
    TPI_INSIDE(self);
    if (node == NULL || behavior == NULL || out == NULL || !options_fit(options)) return TP_EINVAL;
    *out = tp_pid_null();
    tp_pid desk = desk_of(node, at);
    if (tp_pid_is_null(desk)) return TP_ENOCONNECTION;
    spawn_answer answer = {0};
    tp_err err = ask_for(self, desk, behavior, timeout, 0, &answer, type, arguments);
    if (err == TP_OK) err = take_child(self, &answer, options);
    if (err == TP_OK) *out = answer.child;
    return err;
}

tp_err tpi_spawn_supervised(tp_actor *self, struct tp_node *node, uint64_t at, const char *behavior,
                            tp_duration timeout, tp_pid *out, const tp_message_type *type,
                            const void *arguments) {
    const tp_spawn_options linked = {.link = true};
    tp_pid desk = desk_of(node, at);
    if (tp_pid_is_null(desk)) return TP_ENOCONNECTION;
    spawn_answer answer = {0};
    uint64_t token = tp_random(self) | 1;
    tp_err err = ask_for(self, desk, behavior, timeout, token, &answer, type, arguments);
    bool there = err == TP_OK;
    if (there) err = take_child(self, &answer, &linked);
    if (err == TP_OK) *out = answer.child;
    else if (there || err == TP_ETIMEDOUT)
        (void)tp_send(self, desk, spawn_cancel, .supervised = token);
    /* asked, and then cut off: as with no answer, it may be there until its keeper notices */
    return err == TP_ENOCONNECTION ? TP_ETIMEDOUT : err;
}
