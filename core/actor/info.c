/*
 * Actors looked at from outside. What is asked travels as a signal: whoever runs the actor next, or
 * waits in its place, applies it and so reads the owner's part of the actor as its owner. Senders
 * and the actor's own messages pay nothing for it.
 */
#include "core/actor/info.h"

#include <string.h>

#include <troupe/call.h>
#include <troupe/info.h>
#include <troupe/timer.h>

#include "core/actor/mailbox.h"

#define WALK_MAX 4096u     /* queued blocks that are counted one by one */
#define BUSY_NAMES_MAX 16u /* names that are looked up for those who gave no answer */

enum mark { MARK_ISOLATED = 1, MARK_TRAPS = 2, MARK_TRACED = 4, MARK_OWN_CODE = 8 };

/* It holds a pointer, which is followed: so its name is empty, as that of nothing can be which came
 * from another node (tpi_message_open), and no peer can answer in an actor's place. */
TP_MESSAGE_AS(info_answer, "", TP_FIELD(u64, behavior), TP_FIELD(str, name), TP_FIELD(str, label),
              TP_FIELD(pid, parent), TP_FIELD(pid, waits_for), TP_FIELD(u8, doing),
              TP_FIELD(u8, marks), TP_FIELD(u32, mailbox), TP_FIELD(u32, limit),
              TP_FIELD(u32, postponed), TP_FIELD(u32, handled), TP_FIELD(u32, links),
              TP_FIELD(u32, monitors), TP_FIELD(u32, watchers), TP_FIELD(u64, state_size),
              TP_LIST(pid, linked), TP_LIST(pid, monitored))

const char *tp_doing_name(tp_doing doing) {
    static const char *const names[] = {"busy",      "idle",    "ready",     "starting",
                                        "receiving", "calling", "sleeping",  "io",
                                        "held_up",   "running", "suspended", "ending"};
    _Static_assert(sizeof names / sizeof names[0] == TP_DOING_COUNT, "a name for each");
    return (unsigned)doing < TP_DOING_COUNT ? names[doing] : "?";
}

/* ---- the side that is looked at ---- */

static tp_doing doing_waiting(const struct tpi_waiting *waiting) {
    switch (waiting->kind) {
    case TPI_WAIT_MESSAGE: return TP_DOING_RECEIVING;
    case TPI_WAIT_REPLY:
    case TPI_WAIT_FUTURES: return TP_DOING_CALLING;
    case TPI_WAIT_TIME: return TP_DOING_SLEEPING;
    case TPI_WAIT_CREDIT: return TP_DOING_HELD_UP;
    case TPI_WAIT_EVENT: return TP_DOING_IO;
    case TPI_WAIT_NONE: break;
    }
    return TP_DOING_RUNNING;
}

static tp_doing doing_of(const tp_actor *self, uint32_t mailbox) {
    const struct tpi_extra *extra = self->extra;
    if (self->flags & (TPI_ACTOR_EXITING | TPI_ACTOR_DOOMED)) return TP_DOING_ENDING;
    if (self->flags & TPI_ACTOR_HALTED) return TP_DOING_SUSPENDED;
    if (extra != NULL && extra->waiting != NULL) return doing_waiting(extra->waiting);
    if (self->flags & TPI_ACTOR_SUSPENDED) return TP_DOING_HELD_UP;
    if (self->flags & TPI_ACTOR_INBOX) return mailbox > 0 ? TP_DOING_READY : TP_DOING_IDLE;
    if (!(self->flags & TPI_ACTOR_STARTED)) return TP_DOING_STARTING;
    if (self->current != NULL || self->flags & TPI_ACTOR_BODY) return TP_DOING_RUNNING;
    return mailbox > 0 ? TP_DOING_READY : TP_DOING_IDLE;
}

/* What is queued, counted as far as that is cheap. */
static uint32_t mailbox_of(tp_actor *self) {
    uint32_t count = 0, seen = 0;
    struct tpi_block *block = tpi_block_next(self->tail);
    for (; block != NULL && seen < WALK_MAX; block = tpi_block_next(block), seen++) {
        count += block->kind <= TPI_KIND_REQUEST && !(block->state & TPI_BLOCK_CONSUMED) &&
                 block->to_generation == self->generation;
    }
    int32_t estimate = tpi_mailbox_length(self);
    return block != NULL && estimate > (int32_t)count ? (uint32_t)estimate : count;
}

/* The actor in the slot that `self` waits for. */
static tp_pid waits_for(const tp_actor *self) {
    const tp_runtime *runtime = self->runtime;
    /* relaxed: this actor's own, which others may only clear or move */
    uint64_t edge = atomic_load_explicit(&self->waits, memory_order_relaxed);
    if (edge >> 32 == 0 || edge >> 32 > runtime->slot_count) return tp_pid_null();
    uint32_t slot = (uint32_t)(edge >> 32) - 1;
    /* acquire: partner is the release store in publish (spawn.c), as in tpi_find */
    uint64_t identity =
        atomic_load_explicit(&tpi_slot(runtime, slot)->identity, memory_order_acquire);
    return identity & TPI_IDENTITY_ALIVE ? (tp_pid){runtime->node, slot, (uint32_t)(identity >> 32)}
                                         : tp_pid_null();
}

static uint8_t marks_of(const tp_actor *self) {
    uint32_t own = TPI_ACTOR_BODY | TPI_ACTOR_INBOX | TPI_ACTOR_ISOLATED;
    return (uint8_t)((self->flags & TPI_ACTOR_ISOLATED ? MARK_ISOLATED : 0) |
                     (self->flags & TPI_ACTOR_TRAPS ? MARK_TRAPS : 0) |
                     (self->extra != NULL && tpi_sys_is_traced(self) ? MARK_TRACED : 0) |
                     (self->flags & own ? 0 : MARK_OWN_CODE));
}

struct pids {
    tp_pid items[TP_INFO_PIDS_MAX];
    size_t count, max;
};

static void add_pid(void *context, tp_pid pid) {
    struct pids *pids = context;
    if (pids->count < pids->max) pids->items[pids->count++] = pid;
}

static void reply(tp_actor *self, tp_pid to, tp_ref ref, const info_answer *answer) {
    tp_runtime *runtime = self->runtime;
    struct tpi_block *block = tpi_block_encode(runtime, self->worker, &info_answer_message, answer);
    if (block == NULL) return; /* as if it were busy */
    block->kind = TPI_KIND_REPLY;
    block->flags = TPI_BLOCK_UNCOUNTED;
    block->ref = ref;
    tpi_block_set_from(runtime, block, tp_self(self));
    (void)tpi_deliver(runtime, self->worker, to, block);
}

void tpi_info_answer(tp_actor *self, tp_pid from, tp_ref ref, uint16_t names) {
    struct tpi_extra *extra = self->extra;
    struct pids linked = {.max = names < TP_INFO_PIDS_MAX ? names : TP_INFO_PIDS_MAX};
    struct pids monitored = {.max = linked.max};
    uint32_t mailbox = mailbox_of(self);
    info_answer answer = {.behavior = (uint64_t)(uintptr_t)self->behavior,
                          .label = tp_str_of(tpi_behavior_name(self)),
                          .parent = tp_pid_null(),
                          .waits_for = waits_for(self),
                          .doing = (uint8_t)doing_of(self, mailbox),
                          .marks = marks_of(self),
                          .mailbox = mailbox,
                          .limit = (uint32_t)tpi_limit(self),
                          .handled = self->handled,
                          .state_size = self->state_size};
    if (extra != NULL) {
        if (names > 0) tpi_links_each(self, add_pid, &linked);
        if (names > 0) tpi_monitors_each(self, add_pid, &monitored);
        answer.name = tp_str_of(extra->name);
        answer.parent = extra->starter.generation != 0 ? extra->starter : extra->parent;
        answer.postponed = extra->postponed_count;
        answer.links = (uint32_t)tpi_map_count(&extra->links);
        answer.monitors = (uint32_t)tpi_map_count(&extra->monitors);
        answer.watchers = (uint32_t)tpi_map_count(&extra->watched);
        answer.linked = (tp_list_pid){linked.items, linked.count};
        answer.monitored = (tp_list_pid){monitored.items, monitored.count};
    }
    reply(self, from, ref, &answer);
}

/* ---- the side that looks ---- */

size_t tp_actors_list(tp_runtime *runtime, uint32_t *cursor, tp_pid *out, size_t max) {
    size_t count = 0;
    if (runtime == NULL || cursor == NULL || out == NULL) return 0;
    /* relaxed: slots beyond it had no actor a moment ago */
    uint32_t used = atomic_load_explicit(&runtime->slots_used, memory_order_relaxed);
    if (used > runtime->slot_count) used = runtime->slot_count;
    for (; *cursor < used && count < max; ++*cursor) {
        /* acquire: partner is the release store in publish (spawn.c), as in tpi_find */
        uint64_t identity =
            atomic_load_explicit(&tpi_slot(runtime, *cursor)->identity, memory_order_acquire);
        if (identity & TPI_IDENTITY_ALIVE)
            out[count++] = (tp_pid){runtime->node, *cursor, (uint32_t)(identity >> 32)};
    }
    return count;
}

/* One that gave no answer: what can be known without it. */
static void look_from_afar(tp_actor *self, tp_actor_info *out, unsigned *names) {
    tp_runtime *runtime = self->runtime;
    uint64_t identity;
    const tp_actor *actor = tpi_find(runtime, out->pid, &identity);
    out->doing = TP_DOING_BUSY;
    if (actor == NULL) {
        out->err = TP_ENOPROC;
        return;
    }
    int32_t mailbox = tpi_mailbox_length(actor);
    out->mailbox = mailbox > 0 ? (uint32_t)mailbox : 0;
    out->mailbox_limit = (uint32_t)tpi_limit(actor);
    if (*names >= BUSY_NAMES_MAX) return;
    ++*names;
    char text[TP_NAME_SIZE_MAX + 1];
    size_t size = runtime->hooks.name_of(runtime, out->pid, text, sizeof text);
    tpi_place place = {{tpi_scratch_alloc}, self};
    char *copy = size == 0 ? NULL : tpi_scratch_alloc(&place.scratch, size);
    if (copy == NULL) return;
    memcpy(copy, text, size);
    out->name = (tp_str){copy, size};
}

static void take_answer(const info_answer *answer, tp_actor_info *out) {
    out->doing = (tp_doing)answer->doing;
    if (answer->marks & MARK_OWN_CODE)
        out->behavior = (const tp_behavior *)(uintptr_t)answer->behavior;
    out->name = answer->name;
    out->label = answer->label;
    out->parent = answer->parent;
    out->waits_for = answer->waits_for;
    out->mailbox = answer->mailbox;
    out->mailbox_limit = answer->limit;
    out->postponed = answer->postponed;
    out->handled = answer->handled;
    out->links = answer->links;
    out->monitors = answer->monitors;
    out->watchers = answer->watchers;
    out->state_size = answer->state_size;
    out->isolated = answer->marks & MARK_ISOLATED;
    out->traps_exits = answer->marks & MARK_TRAPS;
    out->traced = answer->marks & MARK_TRACED;
    out->linked = answer->linked;
    out->monitored = answer->monitored;
}

/* Sends what is to be asked; the future of each, 0: none, its `err` says why. */
static void ask_all(tp_actor *self, size_t count, uint16_t names, tp_future *futures,
                    tp_actor_info *out) {
    for (size_t i = 0; i < count; i++) {
        futures[i] = tpi_request_signal(self, out[i].pid, TPI_KIND_INFO, names);
        if (futures[i] == 0) out[i].err = tp_error(self);
    }
}

/* One after the other: to wait for all at once looks at all of them for each that arrives. */
static void take_all(tp_actor *self, size_t count, const tp_future *futures, tp_duration timeout,
                     tp_actor_info *out) {
    unsigned busy_names = 0;
    bool forever = timeout > TP_SECONDS(1000000000);
    tp_time until = forever ? 0 : tp_now(self) + timeout;
    for (size_t i = 0; i < count; i++) {
        info_answer answer;
        if (futures[i] == 0) continue;
        tp_duration left = forever ? TP_FOREVER : until - tp_now(self);
        out[i].err = tp_await(self, futures[i], left > 0 ? left : 0, &answer, info_answer);
        if (out[i].err == TP_OK) {
            take_answer(&answer, &out[i]);
        } else {
            tp_cancel(self, futures[i]);
            if (out[i].err == TP_ETIMEDOUT) look_from_afar(self, &out[i], &busy_names);
        }
    }
}

static tp_err look(tp_actor *self, const tp_pid *pids, size_t count, uint16_t names,
                   tp_duration timeout, tp_actor_info *out) {
    if (count > 0 && (pids == NULL || out == NULL)) return TP_EINVAL;
    if (self->runtime->guest != NULL) return TP_ENOTSUP;
    for (size_t i = 0; i < count; i++) {
        if (pids[i].node != self->runtime->node) return TP_ENOTSUP;
        out[i] = (tp_actor_info){.pid = pids[i], .parent = {0}, .waits_for = {0}};
    }
    if (count == 0) return TP_OK;
    tp_future *futures = tp_alloc(self, count * sizeof *futures);
    if (futures == NULL) return TP_ENOMEM;
    ask_all(self, count, names, futures, out);
    take_all(self, count, futures, timeout, out);
    tp_free(self, futures);
    return TP_OK;
}

tp_err tp_actors_look(tp_actor *self, const tp_pid *pids, size_t count, tp_duration timeout,
                      tp_actor_info *out) {
    TPI_INSIDE(self);
    return look(self, pids, count, 0, timeout, out);
}

tp_err tp_actor_look(tp_actor *self, tp_pid pid, tp_duration timeout, tp_actor_info *out) {
    TPI_INSIDE(self);
    tp_err err = look(self, &pid, 1, TP_INFO_PIDS_MAX, timeout, out);
    return err == TP_OK ? out->err : err;
}
