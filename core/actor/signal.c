/*
 * Links, monitors, aliases, exit signals: Erlang's protocol, the same within a node and across
 * nodes.
 *
 * A link is an entry in each side's table: active, or inactive and waiting for the acknowledgement
 * of an unlink. The entry's value is the state: 1 active, (id << 1) inactive.
 */
#include <string.h>

#include <troupe/signal.h>

#include "core/actor/info.h"
#include "core/actor/given_up.h"
#include "core/actor/inner.h"
#include "core/actor/mailbox.h"

#define LINK_ACTIVE ((uintptr_t)1)

struct monitor { /* made by this actor */
    tp_pid target;
    int32_t alias_mode; /* tp_alias_mode, -1: none */
};

struct watcher { /* a monitor of another actor on this one */
    tp_pid watcher;
    tp_ref ref;
};

static uint64_t pid_key(tp_pid pid) {
    return (uint64_t)pid.slot << 32 | pid.generation;
}

static tp_pid pid_from_key(uint64_t node, uint64_t key) {
    return (tp_pid){node, (uint32_t)(key >> 32), (uint32_t)key};
}

static struct tpi_memory *heap(tp_actor *self) {
    return tpi_runtime_of(self->worker)->memory;
}

static struct tpi_block *signal_new(tp_actor *self, enum tpi_kind kind, tp_ref ref) {
    TPI_CHECK(tpi_is_owner(self) && kind > TPI_KIND_REPLY);
    tp_runtime *runtime = tpi_runtime_of(self->worker);
    struct tpi_block *block = tpi_block_new(runtime, self->worker, kind, TPI_SIGNAL_ROOM);
    if (block == NULL) return NULL;
    block->ref = ref;
    block->size = 0;
    block->flags = TPI_BLOCK_UNCOUNTED;
    tpi_block_set_from(runtime, block, tpi_pid_of(runtime, self));
    return block;
}

static tp_err signal_send(tp_actor *self, tp_pid to, enum tpi_kind kind, tp_ref ref) {
    struct tpi_block *block = signal_new(self, kind, ref);
    if (block == NULL) return TP_ENOMEM;
    tpi_deliver(tpi_runtime_of(self->worker), self->worker, to, block);
    return TP_OK;
}

/* ---- links ---- */

static tp_err put_link(tp_actor *self, tp_pid peer, uintptr_t state) {
    TPI_CHECK(self->extra != NULL && state != 0 && !tp_pid_equal(peer, tp_self(self)));
    return tpi_map_put(&self->extra->links, peer.node, pid_key(peer), (void *)state);
}

static uintptr_t get_link(tp_actor *self, tp_pid peer) {
    if (self->extra == NULL) return 0;
    return (uintptr_t)tpi_map_get(&self->extra->links, peer.node, pid_key(peer));
}

static void drop_link(tp_actor *self, tp_pid peer) {
    TPI_CHECK(self->extra != NULL);
    (void)tpi_map_remove(&self->extra->links, peer.node, pid_key(peer));
}

/* Drops it if it was active; an unlink that waits for its acknowledgement stays. */
static bool end_link(tp_actor *self, tp_pid peer) {
    if (self->extra == NULL) return false;
    struct tpi_map *links = &self->extra->links;
    return tpi_map_remove_if(links, peer.node, pid_key(peer), (void *)LINK_ACTIVE);
}

tp_err tp_link(tp_actor *self, tp_pid other) {
    TPI_INSIDE(self);
    TPI_CHECK(tpi_is_owner(self));
    if (tp_pid_is_null(other)) return TP_EINVAL;
    if (tp_pid_equal(other, tp_self(self))) return TP_OK;
    if (tpi_extra(self) == NULL) return TP_ENOMEM;
    uintptr_t before = get_link(self, other);
    if (before == LINK_ACTIVE) return TP_OK;
    tp_err err = put_link(self, other, LINK_ACTIVE);
    if (err != TP_OK) return err;
    err = signal_send(self, other, TPI_KIND_LINK, 0);
    if (err == TP_OK) return TP_OK;
    if (before == 0) drop_link(self, other);
    else (void)put_link(self, other, before);
    return err;
}

tp_err tp_unlink(tp_actor *self, tp_pid other) {
    TPI_INSIDE(self);
    TPI_CHECK(tpi_is_owner(self));
    if (get_link(self, other) != LINK_ACTIVE) return TP_OK;
    tp_ref id = tpi_ref_new(self) & (UINT64_MAX >> 1);
    tp_err err = signal_send(self, other, TPI_KIND_UNLINK, id);
    if (err == TP_OK) (void)put_link(self, other, (uintptr_t)(id << 1));
    return err;
}

static enum tpi_applied apply_link(tp_actor *self, tp_pid from) {
    TPI_CHECK(tpi_is_owner(self));
    if (get_link(self, from) != 0) return TPI_APPLIED_DONE;
    if (tpi_extra(self) != NULL && put_link(self, from, LINK_ACTIVE) == TP_OK)
        return TPI_APPLIED_DONE;
    /* rather than be linked for one side only; the other hears of it at once */
    tpi_doom(self, (tp_reason){.code = TP_EXIT_NOMEM}, false);
    return TPI_APPLIED_ANSWER;
}

static void apply_unlink(tp_actor *self, tp_pid from) {
    (void)end_link(self, from);
}

static void apply_unlink_ack(tp_actor *self, tp_pid from, tp_ref id) {
    TPI_CHECK(id != 0 && tpi_is_owner(self));
    if (get_link(self, from) == (uintptr_t)(id << 1)) drop_link(self, from);
}

tp_err tpi_link_at_birth(tp_actor *parent, tp_actor *child) {
    TPI_CHECK(parent != child && tpi_is_owner(parent) && tpi_is_owner(child));
    tp_runtime *runtime = tpi_runtime_of(parent->worker);
    if (tpi_extra(parent) == NULL || tpi_extra(child) == NULL) return TP_ENOMEM;
    tp_pid parent_pid = tpi_pid_of(runtime, parent), child_pid = tpi_pid_of(runtime, child);
    if (put_link(parent, child_pid, LINK_ACTIVE) != TP_OK) return TP_ENOMEM;
    if (put_link(child, parent_pid, LINK_ACTIVE) != TP_OK) {
        drop_link(parent, child_pid);
        return TP_ENOMEM;
    }
    child->extra->parent = parent_pid;
    return TP_OK;
}

void tpi_unlink_at_birth(tp_actor *parent, tp_actor *child) {
    TPI_CHECK(parent->extra != NULL);
    drop_link(parent, tpi_pid_of(tpi_runtime_of(parent->worker), child));
}

/* ---- exit signals ---- */

bool tp_trap_exits(tp_actor *self, bool trap) {
    TPI_INSIDE(self);
    TPI_CHECK(tpi_is_owner(self));
    bool before = (self->flags & TPI_ACTOR_TRAPS) != 0;
    if (trap) self->flags |= TPI_ACTOR_TRAPS;
    else self->flags &= ~(uint32_t)TPI_ACTOR_TRAPS;
    return before;
}

/* An EXIT block: its payload is the tp_exited message that a trapping receiver gets. */
static struct tpi_block *exit_block(tp_runtime *runtime, struct tpi_worker *worker, tp_pid from,
                                    tp_reason reason) {
    struct tpi_block *block =
        tpi_block_encode(runtime, worker, &tp_exited_message,
                         &(tp_exited){.from = from, .code = reason.code, .detail = reason.detail});
    if (block == NULL) return NULL;
    block->kind = TPI_KIND_EXIT;
    block->flags = TPI_BLOCK_UNCOUNTED;
    if (from.node == runtime->node || from.generation == 0)
        tpi_block_set_from(runtime, block, from);
    return block;
}

void tpi_exit_encode(tp_runtime *runtime, struct tpi_block *block, tp_pid from, int32_t code) {
    TPI_CHECK(block->kind == TPI_KIND_EXIT && tpi_block_is_sound(block));
    uint8_t *payload = tpi_block_payload(block);
    tp_writer out = {.at = payload, .end = payload + TPI_SIGNAL_ROOM, .failed = false};
    tp_exited_message.encode(&(tp_exited){.from = from, .code = code}, &out);
    TPI_ASSERT(!out.failed);
    block->type = &tp_exited_message;
    block->size = (uint32_t)(out.at - payload);
    block->flags = TPI_BLOCK_UNCOUNTED;
    tpi_block_set_from(runtime, block, from);
}

static bool decode_exit(const struct tpi_block *block, tp_exited *out) {
    TPI_CHECK(block->kind == TPI_KIND_EXIT &&
              tp_message_type_equal(block->type, &tp_exited_message));
    const uint8_t *bytes = tpi_block_bytes(block);
    tp_reader reader = {.at = bytes, .end = bytes + block->size};
    tp_exited_message.decode(out, &reader, tp_exited_message.field_count);
    return !reader.failed;
}

tp_err tpi_post_exit(tp_runtime *runtime, struct tpi_worker *worker, tp_pid from, tp_pid to,
                     tp_reason reason) {
    struct tpi_block *block = exit_block(runtime, worker, from, reason);
    if (block == NULL) return TP_ENOMEM;
    tpi_deliver(runtime, worker, to, block);
    return TP_OK;
}

tp_err tp_send_exit_with(tp_actor *self, tp_pid to, tp_reason reason) {
    TPI_INSIDE(self);
    return tpi_post_exit(tpi_runtime_of(self->worker), self->worker, tp_self(self), to, reason);
}

tp_err tp_send_exit(tp_actor *self, tp_pid to, int32_t code) {
    TPI_INSIDE(self);
    return tp_send_exit_with(self, to, (tp_reason){.code = code});
}

tp_err tp_kill(tp_actor *self, tp_pid to) {
    TPI_INSIDE(self);
    return tp_send_exit(self, to, TP_EXIT_KILL);
}

/* Who spawned it linked; for all others the runtime, whose signals come from the null pid. */
static tp_pid parent_of(const tp_actor *self) {
    return self->extra != NULL ? self->extra->parent : tp_pid_null();
}

/* The decision table of Erlang's exit signals, row by row. */
static enum tpi_applied apply_exit(tp_actor *self, struct tpi_block *block) {
    TPI_CHECK(tpi_is_owner(self) && block->kind == TPI_KIND_EXIT);
    tp_pid from = tpi_block_from(tpi_runtime_of(self->worker), block);
    bool linked = (block->flags & TPI_BLOCK_LINKED) != 0;
    tp_exited exited;
    if (!decode_exit(block, &exited)) return TPI_APPLIED_DONE;
    if (linked && !end_link(self, exited.from)) return TPI_APPLIED_DONE;
    tp_reason reason = {.code = exited.code, .detail = exited.detail};
    if (!linked && exited.code == TP_EXIT_KILL) {
        tpi_doom(self, (tp_reason){.code = TP_EXIT_KILLED}, true);
        return TPI_APPLIED_DONE;
    }
    /* its mailbox's policy (TP_OVERFLOW_EXIT) speaks in its own name, and cannot be trapped: what
     * is trapped would only fill the mailbox more */
    if (!linked && exited.code == TP_EXIT_OVERFLOW && tp_pid_equal(from, tp_self(self))) {
        tpi_doom(self, reason, true);
        return TPI_APPLIED_DONE;
    }
    if (self->flags & TPI_ACTOR_TRAPS && !(self->flags & TPI_ACTOR_BODY) &&
        tp_pid_equal(exited.from, parent_of(self))) {
        tpi_doom(self, reason, false); /* a server ends when its parent does; terminate is called */
        return TPI_APPLIED_DONE;
    }
    bool closes = self->flags & TPI_ACTOR_INBOX && tp_pid_equal(from, tp_self(self));
    if (self->flags & (TPI_ACTOR_TRAPS | TPI_ACTOR_INBOX) && !closes) {
        block->kind = TPI_KIND_MESSAGE;
        return TPI_APPLIED_MESSAGE;
    }
    if (exited.code == TP_EXIT_NORMAL &&
        !tp_pid_equal(from, tpi_pid_of(tpi_runtime_of(self->worker), self)))
        return TPI_APPLIED_DONE;
    tpi_doom(self, reason, true);
    return TPI_APPLIED_DONE;
}

/* ---- monitors ---- */

static tp_ref monitor_as(tp_actor *self, tp_pid other, int32_t alias_mode) {
    TPI_CHECK(tpi_is_owner(self) && alias_mode >= -1 && alias_mode <= TP_ALIAS_REPLY_DEMONITOR);
    struct tpi_extra *extra = tpi_extra(self);
    tpi_set_error(self, TP_ENOMEM);
    struct monitor *monitor = extra == NULL ? NULL : tpi_heap_alloc(heap(self), sizeof *monitor);
    if (monitor == NULL) return 0;
    tp_ref ref = tpi_ref_new(self);
    *monitor = (struct monitor){other, alias_mode};
    struct tpi_block *block = signal_new(self, TPI_KIND_MONITOR, ref);
    if (block == NULL || tpi_map_put(&extra->monitors, ref, 0, monitor) != TP_OK) {
        if (block != NULL) tpi_block_free(tpi_runtime_of(self->worker), self->worker, block);
        tpi_heap_free(heap(self), monitor, sizeof *monitor);
        return 0;
    }
    tpi_deliver(tpi_runtime_of(self->worker), self->worker, other, block);
    tpi_set_error(self, TP_OK);
    return ref;
}

tp_ref tp_monitor(tp_actor *self, tp_pid other) {
    TPI_INSIDE(self);
    return monitor_as(self, other, -1);
}

static bool remove_watcher(tp_actor *self, uint64_t node, tp_ref ref) {
    TPI_CHECK(tpi_is_owner(self));
    struct watcher *record =
        self->extra == NULL ? NULL : tpi_map_remove(&self->extra->watched, ref, node);
    if (record == NULL) return false;
    tpi_heap_free(heap(self), record, sizeof *record);
    return true;
}

static tp_err add_watcher(tp_actor *self, tp_pid watcher, tp_ref ref) {
    TPI_CHECK(ref != 0 && tpi_is_owner(self));
    if (tpi_extra(self) == NULL) return TP_ENOMEM;
    struct watcher *record = tpi_heap_alloc(heap(self), sizeof *record);
    if (record == NULL) return TP_ENOMEM;
    *record = (struct watcher){watcher, ref};
    (void)remove_watcher(self, watcher.node, ref); /* another node may say the same ref twice */
    tp_err err = tpi_map_put(&self->extra->watched, ref, watcher.node, record);
    if (err != TP_OK) tpi_heap_free(heap(self), record, sizeof *record);
    return err;
}

tp_err tpi_monitor_at_birth(tp_actor *parent, tp_actor *child, tp_ref *ref) {
    TPI_CHECK(parent != child && tpi_is_owner(parent) && tpi_is_owner(child));
    tp_runtime *runtime = tpi_runtime_of(parent->worker);
    if (tpi_extra(parent) == NULL) return TP_ENOMEM;
    struct monitor *monitor = tpi_heap_alloc(heap(parent), sizeof *monitor);
    if (monitor == NULL) return TP_ENOMEM;
    *monitor = (struct monitor){tpi_pid_of(runtime, child), -1};
    tp_ref made = tpi_ref_inside(parent);
    child->worker = parent->worker;
    if (tpi_map_put(&parent->extra->monitors, made, 0, monitor) != TP_OK) {
        tpi_heap_free(heap(parent), monitor, sizeof *monitor);
        return TP_ENOMEM;
    }
    if (add_watcher(child, tpi_pid_of(runtime, parent), made) != TP_OK) {
        (void)tpi_map_remove(&parent->extra->monitors, made, 0);
        tpi_heap_free(heap(parent), monitor, sizeof *monitor);
        return TP_ENOMEM;
    }
    *ref = made;
    return TP_OK;
}

void tpi_unmonitor_at_birth(tp_actor *parent, tp_ref ref) {
    TPI_CHECK(parent->extra != NULL && ref != 0);
    struct monitor *monitor = tpi_map_remove(&parent->extra->monitors, ref, 0);
    if (monitor != NULL) tpi_heap_free(heap(parent), monitor, sizeof *monitor);
}

static struct tpi_block *down_block(tp_actor *self, tp_pid from, tp_ref ref, tp_reason reason) {
    TPI_CHECK(tpi_is_owner(self));
    struct tpi_block *block = tpi_block_encode(
        self->runtime, self->worker, &tp_down_message,
        &(tp_down){.ref = ref, .from = from, .code = reason.code, .detail = reason.detail});
    if (block == NULL) return NULL;
    block->kind = TPI_KIND_DOWN;
    block->flags = TPI_BLOCK_UNCOUNTED;
    block->ref = ref;
    tpi_block_set_from(self->runtime, block, from);
    return block;
}

static bool is_down_of(tp_actor *self, struct tpi_block *block, void *context) {
    (void)self;
    return tp_message_type_equal(block->type, &tp_down_message) &&
           block->ref == *(const tp_ref *)context;
}

/* A DOWN that is already queued as a message goes. */
static void flush_down(tp_actor *self, tp_ref ref) {
    TPI_CHECK(tpi_is_owner(self) && self->extra != NULL);
    struct tpi_waiting look = {.kind = TPI_WAIT_MESSAGE, .accept = is_down_of, .context = &ref};
    tpi_fetch(self);
    self->refused = NULL;
    if (tpi_receive_scan(self, &look) && look.block != NULL)
        tpi_block_free(tpi_runtime_of(self->worker), self->worker, look.block);
    self->refused = NULL;
}

bool tp_demonitor(tp_actor *self, tp_ref ref) {
    TPI_INSIDE(self);
    TPI_CHECK(tpi_is_owner(self));
    struct monitor *monitor =
        self->extra == NULL ? NULL : tpi_map_remove(&self->extra->monitors, ref, 0);
    if (monitor == NULL) { /* its DOWN has come, and may wait to be received */
        if (self->extra != NULL) flush_down(self, ref);
        return false;
    }
    if (monitor->alias_mode >= TP_ALIAS_DEMONITOR) (void)tp_unalias(self, ref);
    /* lost for want of memory, it costs the target a record and a DOWN that is dropped here */
    (void)signal_send(self, monitor->target, TPI_KIND_DEMONITOR, ref);
    tpi_heap_free(heap(self), monitor, sizeof *monitor);
    return true;
}

static enum tpi_applied apply_down(tp_actor *self, struct tpi_block *block) {
    TPI_CHECK(tpi_is_owner(self) && block->kind == TPI_KIND_DOWN);
    if (self->flags & TPI_ACTOR_INBOX) { /* a thread keeps no table: it closes the inbox instead */
        block->kind = TPI_KIND_MESSAGE;
        return TPI_APPLIED_MESSAGE;
    }
    struct monitor *monitor =
        self->extra == NULL ? NULL : tpi_map_remove(&self->extra->monitors, block->ref, 0);
    if (monitor == NULL) return TPI_APPLIED_DONE;
    if (monitor->alias_mode >= TP_ALIAS_DEMONITOR) (void)tp_unalias(self, block->ref);
    tpi_heap_free(heap(self), monitor, sizeof *monitor);
    block->kind = TPI_KIND_MESSAGE;
    return TPI_APPLIED_MESSAGE;
}

static enum tpi_applied apply_monitor(tp_actor *self, struct tpi_block *block) {
    TPI_CHECK(block->kind == TPI_KIND_MONITOR);
    tp_pid from = tpi_block_from(tpi_runtime_of(self->worker), block);
    if (add_watcher(self, from, block->ref) == TP_OK) return TPI_APPLIED_DONE;
    /* rather than be unwatched in secret; the watcher hears of it at once */
    tpi_doom(self, (tp_reason){.code = TP_EXIT_NOMEM}, false);
    return TPI_APPLIED_ANSWER;
}

/* ---- aliases ---- */

tp_alias tp_alias_open(tp_actor *self, tp_alias_mode mode) {
    TPI_INSIDE(self);
    tp_alias alias = {tp_self(self), tpi_ref_new(self)};
    struct tpi_extra *extra = tpi_extra(self);
    tp_err err = mode > TP_ALIAS_REPLY ? TP_EINVAL : TP_OK;
    if (err == TP_OK)
        err = extra == NULL
                  ? TP_ENOMEM
                  : tpi_map_put(&extra->aliases, alias.ref, 0, (void *)(uintptr_t)(mode + 1));
    tpi_set_error(self, err);
    if (err != TP_OK) alias.ref = 0;
    return alias;
}

tp_alias tp_monitor_alias(tp_actor *self, tp_pid other, tp_alias_mode mode) {
    TPI_INSIDE(self);
    tp_alias alias = {tp_self(self), 0};
    if (mode > TP_ALIAS_REPLY_DEMONITOR) {
        tpi_set_error(self, TP_EINVAL);
        return alias;
    }
    alias.ref = monitor_as(self, other, (int32_t)mode);
    if (alias.ref == 0) return alias;
    if (tpi_map_put(&self->extra->aliases, alias.ref, 0, (void *)(uintptr_t)(mode + 1)) != TP_OK) {
        (void)tp_demonitor(self, alias.ref);
        tpi_set_error(self, TP_ENOMEM);
        alias.ref = 0;
    }
    return alias;
}

bool tp_unalias(tp_actor *self, tp_ref alias) {
    TPI_INSIDE(self);
    return self->extra != NULL && tpi_map_remove(&self->extra->aliases, alias, 0) != NULL;
}

/* ---- for isolated actors ---- */

tp_err tpi_adopt_relations(tp_actor *self, tp_pid other, bool link, tp_ref ref) {
    TPI_CHECK(tpi_is_owner(self));
    if (tpi_extra(self) == NULL) return TP_ENOMEM;
    if (link && put_link(self, other, LINK_ACTIVE) != TP_OK) return TP_ENOMEM;
    if (ref == 0) return TP_OK;
    struct monitor *monitor = tpi_heap_alloc(heap(self), sizeof *monitor);
    if (monitor == NULL) return TP_ENOMEM;
    *monitor = (struct monitor){other, -1};
    if (tpi_map_put(&self->extra->monitors, ref, 0, monitor) == TP_OK) return TP_OK;
    tpi_heap_free(heap(self), monitor, sizeof *monitor);
    return TP_ENOMEM;
}

void tpi_act_for(tp_actor *self, tp_pid to, struct tpi_block *block) {
    TPI_CHECK(self->flags & TPI_ACTOR_ISOLATED && tpi_block_is_sound(block));
    tp_runtime *runtime = self->runtime;
    struct monitor *monitor;
    switch ((enum tpi_kind)block->kind) {
    case TPI_KIND_MESSAGE:
    case TPI_KIND_REQUEST:
        if (tpi_send_block(runtime, self, to, block) == TP_EFULL)
            tpi_count(&self->worker->counters.dropped, 1);
        return;
    case TPI_KIND_LINK:
        if (put_link(self, to, LINK_ACTIVE) != TP_OK)
            tpi_doom(self, (tp_reason){.code = TP_EXIT_NOMEM}, false);
        break;
    case TPI_KIND_UNLINK:
        if (get_link(self, to) == LINK_ACTIVE)
            (void)put_link(self, to, (uintptr_t)(block->ref << 1));
        break;
    case TPI_KIND_DEMONITOR:
        monitor = tpi_map_remove(&self->extra->monitors, block->ref, 0);
        if (monitor != NULL) tpi_heap_free(heap(self), monitor, sizeof *monitor);
        break;
    case TPI_KIND_REPLY:
    case TPI_KIND_FAILED: tpi_deferred_forget(self, to.node, block->ref); break;
    case TPI_KIND_UNLINK_ACK: /* given already */
        tpi_block_free(runtime, self->worker, block);
        return;
    default: break;
    }
    tpi_deliver(runtime, self->worker, to, block);
}

void tpi_links_each(tp_actor *self, void (*each)(void *context, tp_pid peer), void *context) {
    uint64_t node, key;
    void *state;
    size_t cursor = 0;
    while (tpi_map_next(&self->extra->links, &cursor, &node, &key, &state))
        if ((uintptr_t)state == LINK_ACTIVE) each(context, pid_from_key(node, key));
}

void tpi_monitors_each(tp_actor *self, void (*each)(void *context, tp_pid target), void *context) {
    uint64_t ref, unused;
    void *monitor;
    size_t cursor = 0;
    while (tpi_map_next(&self->extra->monitors, &cursor, &ref, &unused, &monitor))
        each(context, ((struct monitor *)monitor)->target);
}

bool tpi_alias_admit(tp_actor *self, tp_ref alias) {
    TPI_CHECK(tpi_is_owner(self));
    if (self->flags & TPI_ACTOR_ISOLATED) return true; /* its process knows */
    uintptr_t mode = (uintptr_t)tpi_map_get(&self->extra->aliases, alias, 0);
    if (mode == 0) return false;
    if (mode - 1 == TP_ALIAS_REPLY || mode - 1 == TP_ALIAS_REPLY_DEMONITOR) {
        (void)tp_unalias(self, alias);
        struct monitor *monitor = tpi_map_remove(&self->extra->monitors, alias, 0);
        if (monitor != NULL) {
            (void)signal_send(self, monitor->target, TPI_KIND_DEMONITOR, alias);
            tpi_heap_free(heap(self), monitor, sizeof *monitor);
        }
    }
    return true;
}

/* ---- of one that was abandoned ---- */

/* The signals are to itself: they act, and cross to another process, as those of its end would. */
void tpi_relations_given_up(tp_actor *self, tp_pid gone) {
    const tp_reason killed = {.code = TP_EXIT_KILLED};
    struct tpi_block *block;
    uint64_t ref, unused;
    void *value;
    size_t cursor = 0;
    if (get_link(self, gone) == LINK_ACTIVE) {
        block = exit_block(self->runtime, self->worker, gone, killed);
        if (block == NULL) return; /* it hears of the real end */
        block->flags |= TPI_BLOCK_LINKED;
        tpi_deliver(self->runtime, self->worker, tp_self(self), block);
    }
    while (tpi_map_next(&self->extra->monitors, &cursor, &ref, &unused, &value)) {
        if (!tp_pid_equal(((struct monitor *)value)->target, gone)) continue;
        block = down_block(self, gone, ref, killed);
        if (block == NULL) return;
        tpi_deliver(self->runtime, self->worker, tp_self(self), block);
    }
}

/* ---- signs of life ---- */

tp_ref tp_ping(tp_actor *self, tp_pid other) {
    TPI_INSIDE(self);
    if (other.node != self->runtime->node) {
        tpi_set_error(self, TP_ENOTSUP);
        return 0;
    }
    tp_ref ref = tpi_ref_new(self);
    struct tpi_block *block = signal_new(self, TPI_KIND_PING, ref);
    tpi_set_error(self, block == NULL ? TP_ENOMEM : TP_OK);
    if (block == NULL) return 0;
    tpi_deliver(self->runtime, self->worker, other, block);
    return ref;
}

/* Without memory there is no answer, as if it had not been asked. */
static void apply_ping(tp_actor *self, tp_pid from, tp_ref ref) {
    TPI_CHECK(ref != 0);
    tp_runtime *runtime = self->runtime;
    tp_pong pong = {.ref = ref, .from = tpi_pid_of(runtime, self)};
    struct tpi_block *block = tpi_block_encode(runtime, self->worker, &tp_pong_message, &pong);
    if (block == NULL) return;
    block->flags |= TPI_BLOCK_UNCOUNTED;
    tpi_block_set_from(runtime, block, pong.from);
    tpi_count(&self->worker->counters.sent, 1);
    tpi_deliver(runtime, self->worker, from, block);
}

/* ---- all of them ---- */

static enum tpi_applied apply_own(tp_actor *self, struct tpi_block *block);

/* It stays in the queue, as what it is on the other side: nothing may overtake what came before. */
static enum tpi_applied cross_later(struct tpi_block *block) {
    TPI_CHECK(block->kind != TPI_KIND_MESSAGE && block->kind != TPI_KIND_REQUEST);
    uint16_t code = block->kind == TPI_KIND_FAILED ? block->code : 0;
    block->code = (uint16_t)(block->kind | code << 8);
    block->kind = TPI_KIND_MESSAGE;
    block->flags |= TPI_BLOCK_UNCOUNTED;
    if (block->type == NULL) block->type = &tpi_told_message;
    return TPI_APPLIED_MESSAGE;
}

/* For an actor in another process: links are written down here as well, so that its death is told
 * even if it cannot tell it itself. */
static enum tpi_applied apply_isolated(tp_actor *self, struct tpi_block *block) {
    TPI_CHECK(self->extra != NULL && self->flags & TPI_ACTOR_ISOLATED);
    tp_pid from = tpi_block_from(self->runtime, block);
    tp_exited exited;
    struct monitor *monitor;
    switch ((enum tpi_kind)block->kind) {
    case TPI_KIND_REPLY:
    case TPI_KIND_FAILED: return cross_later(block);
    case TPI_KIND_EXIT:
        if (!decode_exit(block, &exited)) return TPI_APPLIED_DONE;
        if (!(block->flags & TPI_BLOCK_LINKED))
            return exited.code == TP_EXIT_KILL || tp_pid_equal(from, tp_self(self))
                       ? apply_exit(self, block)
                       : cross_later(block);
        return end_link(self, exited.from) ? cross_later(block) : TPI_APPLIED_DONE;
    case TPI_KIND_DOWN:
        monitor = tpi_map_remove(&self->extra->monitors, block->ref, 0);
        if (monitor != NULL) tpi_heap_free(heap(self), monitor, sizeof *monitor);
        return cross_later(block);
    case TPI_KIND_LINK:
    case TPI_KIND_UNLINK:
    case TPI_KIND_UNLINK_ACK:
    case TPI_KIND_FORGET: self->runtime->hooks.cross(self, block); return apply_own(self, block);
    case TPI_KIND_PING: /* whether its own code comes back, not whether this one's does */
        self->runtime->hooks.cross(self, block);
        return TPI_APPLIED_DONE;
    default: return apply_own(self, block);
    }
}

enum tpi_applied tpi_signal_apply(tp_actor *self, struct tpi_block *block) {
    TPI_CHECK(tpi_is_owner(self) && block->kind > TPI_KIND_REQUEST);
    TPI_CHECK(block->to_generation == self->generation);
    if (__builtin_expect(self->flags & TPI_ACTOR_ISOLATED, 0)) return apply_isolated(self, block);
    return apply_own(self, block);
}

static enum tpi_applied apply_own(tp_actor *self, struct tpi_block *block) {
    tp_pid from = tpi_block_from(tpi_runtime_of(self->worker), block);
    switch ((enum tpi_kind)block->kind) {
    case TPI_KIND_REPLY:
    case TPI_KIND_FAILED: return tpi_reply_arrived(self, block);
    case TPI_KIND_EXIT: return apply_exit(self, block);
    case TPI_KIND_LINK: return apply_link(self, from);
    case TPI_KIND_UNLINK:
        apply_unlink(self, from);
        return TPI_APPLIED_ANSWER; /* tpi_deliver_dead acknowledges any UNLINK */
    case TPI_KIND_UNLINK_ACK: apply_unlink_ack(self, from, block->ref); break;
    case TPI_KIND_MONITOR: return apply_monitor(self, block);
    case TPI_KIND_DEMONITOR: (void)remove_watcher(self, from.node, block->ref); break;
    case TPI_KIND_DOWN: return apply_down(self, block);
    case TPI_KIND_TIMEOUT: tpi_timeout_arrived(self, block->ref); break;
    case TPI_KIND_CREDIT:
        return tpi_credit_asked(self, block) ? TPI_APPLIED_DONE : TPI_APPLIED_ANSWER;
    case TPI_KIND_RESUME: tpi_credit_granted(self, block->ref); break;
    case TPI_KIND_FORGET: tpi_deferred_forget(self, from.node, block->ref); break;
    case TPI_KIND_READY: tpi_event_arrived(self, block); break;
    case TPI_KIND_PING: apply_ping(self, from, block->ref); break;
    case TPI_KIND_INFO: tpi_info_answer(self, from, block->ref, block->code); break;
    case TPI_KIND_GIVEN_UP: tpi_given_up(self, from); break;
    default: TPI_ASSERT(false); /* a message is no signal */
    }
    return TPI_APPLIED_DONE;
}

/* Memory ran out: those before `end` have been told, and are not told again after a retry. */
static void mark_told(struct tpi_map *links, size_t end) {
    uint64_t node, key;
    size_t cursor = 0;
    while (tpi_map_next(links, &cursor, &node, &key, NULL) && cursor != end)
        (void)tpi_map_put(links, node, key, (void *)(uintptr_t)2);
}

static bool goodbye_links(tp_actor *self, tp_pid me, tp_reason reason) {
    TPI_CHECK(self->flags & TPI_ACTOR_EXITING);
    struct tpi_map *links = &self->extra->links;
    tp_runtime *runtime = tpi_runtime_of(self->worker);
    uint64_t node, key;
    void *state;
    size_t cursor = 0;
    while (tpi_map_next(links, &cursor, &node, &key, &state)) {
        if ((uintptr_t)state != LINK_ACTIVE) continue;
        struct tpi_block *block = exit_block(runtime, self->worker, me, reason);
        if (block == NULL) {
            mark_told(links, cursor);
            return false;
        }
        block->flags |= TPI_BLOCK_LINKED;
        tpi_deliver(runtime, self->worker, pid_from_key(node, key), block);
    }
    tpi_map_fini(links);
    return true;
}

void tpi_watchers_free(tp_actor *actor) {
    struct tpi_map *watched = &actor->extra->watched;
    if (tpi_map_count(watched) == 0) return;
    uint64_t ref, node;
    void *value;
    size_t cursor = 0;
    while (tpi_map_next(watched, &cursor, &ref, &node, &value))
        tpi_heap_free(actor->runtime->memory, value, sizeof(struct watcher));
    tpi_map_fini(watched);
}

static bool goodbye_watchers(tp_actor *self, tp_pid me, tp_reason reason) {
    TPI_CHECK(self->flags & TPI_ACTOR_EXITING);
    struct tpi_map *watched = &self->extra->watched;
    if (tpi_map_count(watched) == 0) return true;
    tp_runtime *runtime = tpi_runtime_of(self->worker);
    uint64_t ref, node;
    void *value;
    size_t cursor = 0;
    while (tpi_map_next(watched, &cursor, &ref, &node, &value)) {
        struct watcher *record = value;
        if (record->ref == 0) continue;
        struct tpi_block *block = down_block(self, me, ref, reason);
        if (block == NULL) return false;
        tpi_deliver(runtime, self->worker, record->watcher, block);
        record->ref = 0; /* said */
    }
    tpi_watchers_free(self);
    return true;
}

static void drop_monitors(tp_actor *self) {
    TPI_CHECK(self->extra->links.count == 0 && self->extra->watched.count == 0);
    struct tpi_map *monitors = &self->extra->monitors;
    uint64_t ref, unused;
    void *value;
    size_t cursor = 0;
    while (tpi_map_next(monitors, &cursor, &ref, &unused, &value)) {
        struct monitor *monitor = value;
        (void)signal_send(self, monitor->target, TPI_KIND_DEMONITOR, ref);
        tpi_heap_free(heap(self), monitor, sizeof *monitor);
    }
    tpi_map_fini(monitors);
    tpi_map_fini(&self->extra->aliases);
}

bool tpi_signal_goodbye(tp_actor *self, tp_reason reason) {
    TPI_CHECK(tpi_is_owner(self) && self->flags & TPI_ACTOR_RELEASED);
    tp_pid me = tpi_pid_of(tpi_runtime_of(self->worker), self);
    if (self->extra == NULL) return true;
    if (!goodbye_links(self, me, reason) || !goodbye_watchers(self, me, reason)) return false;
    drop_monitors(self);
    return true;
}
