/*
 * Requests: made, answered, put off, passed on; and futures.
 *
 * A request block is its own monitor: whoever holds it when it can no longer be answered turns it,
 * or a block with its reference, into FAILED. So a call needs no second signal, and its failure no
 * allocation.
 */
#include <string.h>

#include <troupe/call.h>

#include "core/actor/info.h"
#include "core/actor/given_up.h"
#include "core/actor/inner.h"
#include "core/actor/mailbox.h"

struct pending { /* a future */
    tp_pid to;   /* who was asked */
    struct tpi_block *block;
    tp_err err;
    bool decided;
    bool told;  /* its end becomes a tpi_told */
    bool asked; /* its reply becomes a message, its failure a tpi_unanswered */
};

static struct tpi_memory *heap(tp_actor *self) {
    return tpi_runtime_of(self->worker)->memory;
}

/* ---- asking ---- */

static tp_err send_request(tp_actor *self, tp_pid to, tp_ref ref, const tp_message_type *type,
                           const void *value) {
    TPI_CHECK(ref != 0 && !(self->flags & TPI_ACTOR_SENDING_MANY));
    tp_runtime *runtime = tpi_runtime_of(self->worker);
    struct tpi_block *block = tpi_block_encode(runtime, self->worker, type, value);
    if (block == NULL) return tpi_encode_error(type, value);
    block->kind = TPI_KIND_REQUEST;
    block->ref = ref;
    tpi_block_set_from(runtime, block, tpi_pid_of(runtime, self));
    self->flags |= TPI_ACTOR_SENDING_MANY; /* the wait for the reply is all the waiting there is */
    tp_err err = tpi_send_block(runtime, self, to, block);
    self->flags &= ~(uint32_t)TPI_ACTOR_SENDING_MANY;
    return err;
}

/* Decodes a reply that this actor now owns; it lives until the end of the handler. */
static tp_err take_reply(tp_actor *self, struct tpi_block *block, const tp_message_type *type,
                         void *reply) {
    TPI_CHECK(block->type != NULL); /* a reply, or one that a capsule kept */
    tpi_hold(self, block);
    if (!tp_message_type_equal(block->type, type)) return TP_ETYPE;
    return tpi_decode(self, block, type, reply);
}

tp_err tp_call_value(tp_actor *self, tp_pid to, tp_duration timeout,
                     const tp_message_type *reply_type, void *reply, const tp_message_type *type,
                     const void *value) {
    TPI_INSIDE(self);
    TPI_CHECK(tpi_is_owner(self) && type != NULL);
    if (reply == NULL || reply_type == NULL) return TP_EINVAL;
    struct tpi_extra *extra = tpi_extra(self);
    if (extra == NULL) return TP_ENOMEM;
    if (extra->deadlock != NULL) extra->deadlock[0] = 0;
    struct tpi_waiting waiting = {.kind = TPI_WAIT_REPLY, .ref = tpi_ref_new(self), .to = to};
    tp_err err = tpi_wait_begin(self, to, waiting.ref);
    if (err == TP_OK) err = send_request(self, to, waiting.ref, type, value);
    if (err == TP_OK) err = tpi_wait(self, &waiting, timeout);
    tpi_wait_end(self);
    if (err != TP_OK) return err;
    if (waiting.block != NULL) return take_reply(self, waiting.block, reply_type, reply);
    if (waiting.err == TP_EDEADLOCK) tpi_deadlock_delegated(self, to);
    return waiting.err != TP_OK ? waiting.err : TP_ETIMEDOUT;
}

const char *tp_deadlock_text(tp_actor *self) {
    return self->extra != NULL && self->extra->deadlock != NULL ? self->extra->deadlock : "";
}

static bool futures_ready(tp_actor *self, const struct tpi_waiting *waiting) {
    TPI_CHECK(self->extra != NULL);
    size_t decided = 0, asked = 0;
    for (size_t i = 0; i < waiting->future_count; i++) {
        if (waiting->futures[i] == 0) continue;
        struct pending *pending = tpi_map_get(&self->extra->pending, waiting->futures[i], 0);
        asked++;
        decided += pending == NULL || pending->decided;
    }
    return waiting->all ? decided == asked : decided > 0;
}

/* Its end is a message to itself; that must not be lost. */
static void tell_end(tp_actor *self, tp_ref ref) {
    TPI_CHECK(tpi_is_owner(self));
    struct pending *pending = tpi_map_remove(&self->extra->pending, ref, 0);
    tpi_heap_free(heap(self), pending, sizeof *pending);
    if (tpi_send_unbound(self, tp_self(self), &tpi_told_message, &(tpi_told){.ref = ref}) != TP_OK)
        tpi_doom(self, (tp_reason){.code = TP_EXIT_NOMEM}, false);
}

/* The answer to a tpi_ask. True: the block is the message. */
static bool answer_arrived(tp_actor *self, struct tpi_block *block) {
    TPI_CHECK(block->kind == TPI_KIND_REPLY || block->kind == TPI_KIND_FAILED);
    struct pending *pending = tpi_map_remove(&self->extra->pending, block->ref, 0);
    tpi_heap_free(heap(self), pending, sizeof *pending);
    if (block->kind == TPI_KIND_REPLY) {
        block->kind = TPI_KIND_MESSAGE;
        block->state |= TPI_BLOCK_ANSWER;
        return true;
    }
    tpi_unanswered told = {.ref = block->ref, .err = block->code};
    if (tpi_send_unbound(self, tp_self(self), &tpi_unanswered_message, &told) != TP_OK)
        tpi_doom(self, (tp_reason){.code = TP_EXIT_NOMEM}, false);
    return false;
}

static bool future_arrived(tp_actor *self, struct tpi_block *block) {
    TPI_CHECK(block->kind == TPI_KIND_REPLY || block->kind == TPI_KIND_FAILED);
    struct pending *pending = tpi_map_get(&self->extra->pending, block->ref, 0);
    if (pending == NULL || pending->decided) return false;
    if (pending->asked) return answer_arrived(self, block);
    if (pending->told) {
        tell_end(self, block->ref);
        return false;
    }
    pending->decided = true;
    pending->err = TP_OK;
    if (block->kind == TPI_KIND_FAILED) {
        pending->err = (tp_err)block->code;
    } else {
        pending->block = tpi_block_copy(tpi_runtime_of(self->worker), self->worker, block);
        if (pending->block == NULL) pending->err = TP_ENOMEM;
        else pending->block->state = TPI_BLOCK_LOOSE;
    }
    struct tpi_waiting *waiting = self->extra->waiting;
    if (waiting != NULL && waiting->kind == TPI_WAIT_FUTURES && futures_ready(self, waiting))
        waiting->done = true;
    return false;
}

/* What a tp_call waits for. */
static enum tpi_applied call_answered(struct tpi_waiting *waiting, const struct tpi_block *block) {
    if (waiting->done) return TPI_APPLIED_DONE; /* its deadline came first, or another answer */
    TPI_CHECK(waiting->ref == block->ref && waiting->block == NULL);
    waiting->done = true;
    if (block->kind != TPI_KIND_FAILED) return TPI_APPLIED_AWAITED;
    waiting->err = (tp_err)block->code;
    return TPI_APPLIED_DONE;
}

enum tpi_applied tpi_reply_arrived(tp_actor *self, struct tpi_block *block) {
    TPI_CHECK(tpi_is_owner(self) && block->ref != 0);
    struct tpi_extra *extra = self->extra;
    if (extra == NULL) return TPI_APPLIED_DONE;
    if (self->flags & TPI_ACTOR_INBOX) {
        tpi_inbox_replied(self, block);
        return TPI_APPLIED_DONE;
    }
    struct tpi_waiting *waiting = extra->waiting;
    if (waiting == NULL || waiting->kind != TPI_WAIT_REPLY || waiting->ref != block->ref)
        return future_arrived(self, block) ? TPI_APPLIED_MESSAGE : TPI_APPLIED_DONE;
    return call_answered(waiting, block);
}

static void fail_own(tp_actor *self, tp_ref ref) {
    tpi_fail_request(self->runtime, self->worker, tp_self(self), ref, TP_ENOPROC);
}

void tpi_requests_given_up(tp_actor *self, tp_pid gone) {
    TPI_CHECK(tpi_is_owner(self) && self->extra != NULL);
    struct tpi_waiting *waiting = self->extra->waiting;
    uint64_t ref, unused;
    void *value;
    size_t cursor = 0;
    if (waiting != NULL && waiting->kind == TPI_WAIT_REPLY && !waiting->done) {
        bool asked = tp_pid_equal(waiting->to, gone);
        if (tpi_wait_has(self, gone, waiting->ref, asked)) fail_own(self, waiting->ref);
    }
    while (tpi_map_next(&self->extra->pending, &cursor, &ref, &unused, &value)) {
        const struct pending *pending = value;
        if (!pending->decided && tp_pid_equal(pending->to, gone)) fail_own(self, ref);
    }
}

/* ---- answering ---- */

static bool is_open(const struct tpi_block *block) {
    return block != NULL && block->kind == TPI_KIND_REQUEST && !(block->state & TPI_BLOCK_ANSWERED);
}

/* The request that a reply answers: the one just received, else the handler's own. */
static struct tpi_block *open_request(tp_actor *self) {
    TPI_CHECK(tpi_is_owner(self));
    if (is_open(self->current)) return self->current;
    if (self->extra != NULL && is_open(self->extra->outer)) return self->extra->outer;
    return NULL;
}

static tp_err send_reply(tp_actor *self, tp_pid caller, tp_ref ref, const tp_message_type *type,
                         const void *value) {
    TPI_CHECK(tpi_is_owner(self) && type != NULL);
    tp_runtime *runtime = tpi_runtime_of(self->worker);
    struct tpi_block *block = tpi_block_encode(runtime, self->worker, type, value);
    if (block == NULL) return tpi_encode_error(type, value);
    block->kind = TPI_KIND_REPLY;
    block->flags = TPI_BLOCK_UNCOUNTED;
    block->ref = ref;
    tpi_block_set_from(runtime, block, tpi_pid_of(runtime, self));
    if (self->worker->tracing) tpi_trace_send(self, caller, type);
    tpi_count(&self->worker->counters.sent, 1);
    tpi_wait_moved(runtime, caller, ref, TPI_NO_SLOT);
    tpi_deliver(runtime, self->worker, caller, block);
    return TP_OK;
}

tp_err tp_reply_value(tp_actor *self, const tp_message_type *type, const void *value) {
    TPI_INSIDE(self);
    struct tpi_block *request = open_request(self);
    if (request == NULL) return TP_ECONTEXT;
    tp_pid caller = tpi_block_from(tpi_runtime_of(self->worker), request);
    tp_err err = send_reply(self, caller, request->ref, type, value);
    if (err == TP_OK) request->state |= TPI_BLOCK_ANSWERED;
    return err;
}

tp_err tp_reply_error(tp_actor *self, tp_err err) {
    TPI_INSIDE(self);
    struct tpi_block *request = open_request(self);
    if (request == NULL) return TP_ECONTEXT;
    tp_runtime *runtime = tpi_runtime_of(self->worker);
    request->state |= TPI_BLOCK_ANSWERED;
    tpi_fail_request(runtime, self->worker, tpi_block_from(runtime, request), request->ref,
                     err == TP_OK ? TP_ENOREPLY : err);
    return TP_OK;
}

/* Refs are their caller's node's: two nodes may use the same. */
static tp_err put_deferred(tp_actor *self, const struct tpi_block *request, tp_pid *caller) {
    TPI_CHECK(is_open(request) && self->extra != NULL);
    *caller = tpi_block_from(self->runtime, request);
    return tpi_map_put(&self->extra->deferred, request->ref, caller->node, caller);
}

tp_from tp_defer(tp_actor *self) {
    TPI_INSIDE(self);
    struct tpi_block *request = open_request(self);
    struct tpi_extra *extra = tpi_extra(self);
    tp_from none = {tp_pid_null(), tp_pid_null(), 0};
    if (request == NULL) return none;
    tp_runtime *runtime = tpi_runtime_of(self->worker);
    tp_pid *caller = extra == NULL ? NULL : tpi_heap_alloc(heap(self), sizeof *caller);
    if (caller == NULL || put_deferred(self, request, caller) != TP_OK) {
        if (caller != NULL) tpi_heap_free(heap(self), caller, sizeof *caller);
        (void)tp_reply_error(self, TP_ENOMEM);
        return none;
    }
    request->state |= TPI_BLOCK_ANSWERED;
    tpi_wait_moved(runtime, *caller, request->ref, TPI_NO_SLOT);
    return (tp_from){*caller, tpi_pid_of(runtime, self), request->ref};
}

void tpi_deferred_forget(tp_actor *self, uint64_t node, tp_ref ref) {
    tp_pid *caller = self->extra == NULL ? NULL : tpi_map_remove(&self->extra->deferred, ref, node);
    if (caller != NULL) tpi_heap_free(heap(self), caller, sizeof *caller);
}

/* Tells the holder of a deferred request that it is answered. */
static void settle_deferred(tp_actor *self, tp_from from) {
    TPI_CHECK(tpi_is_owner(self));
    tp_runtime *runtime = tpi_runtime_of(self->worker);
    if (tp_pid_equal(from.holder, tpi_pid_of(runtime, self))) {
        tpi_deferred_forget(self, from.caller.node, from.request);
        return;
    }
    struct tpi_block *block = tpi_block_new(runtime, self->worker, TPI_KIND_FORGET, 8);
    if (block == NULL) return; /* the holder keeps a record until it ends */
    block->size = 0;
    block->ref = from.request;
    tpi_block_set_from(runtime, block, from.caller); /* whose request it was */
    tpi_deliver(runtime, self->worker, from.holder, block);
}

tp_err tp_reply_to_value(tp_actor *self, tp_from from, const tp_message_type *type,
                         const void *value) {
    TPI_INSIDE(self);
    TPI_CHECK(tpi_is_owner(self));
    if (tp_pid_is_null(from.caller)) return TP_EINVAL;
    tp_err err = send_reply(self, from.caller, from.request, type, value);
    if (err == TP_OK) settle_deferred(self, from);
    return err;
}

tp_err tp_reply_error_to(tp_actor *self, tp_from from, tp_err err) {
    TPI_INSIDE(self);
    if (tp_pid_is_null(from.caller)) return TP_EINVAL;
    tpi_fail_request(tpi_runtime_of(self->worker), self->worker, from.caller, from.request,
                     err == TP_OK ? TP_ENOREPLY : err);
    settle_deferred(self, from);
    return TP_OK;
}

tp_err tp_delegate(tp_actor *self, tp_pid to) {
    TPI_INSIDE(self);
    struct tpi_block *request = open_request(self);
    if (request == NULL) return TP_ECONTEXT;
    tp_runtime *runtime = tpi_runtime_of(self->worker);
    struct tpi_block *copy = tpi_block_copy(runtime, self->worker, request);
    if (copy == NULL) return TP_ENOMEM;
    copy->state = 0;
    request->state |= TPI_BLOCK_ANSWERED;
    tp_pid caller = tpi_block_from(runtime, request);
    uint64_t identity;
    bool lives = tpi_find(runtime, to, &identity) != NULL; /* else its slot may be another's */
    tpi_wait_moved(runtime, caller, request->ref, lives ? to.slot : TPI_NO_SLOT);
    if (tpi_wait_closes_cycle(self, caller, copy->ref)) {
        tpi_fail_block(runtime, self->worker, copy, TP_EDEADLOCK);
        return TP_OK;
    }
    if (tpi_send_block(runtime, self, to, copy) == TP_EFULL)
        tpi_fail_request(runtime, self->worker, caller, request->ref, TP_EFULL);
    return TP_OK;
}

static void abandon(tp_actor *self, struct tpi_block *block, tp_reason reason) {
    TPI_CHECK(self->flags & TPI_ACTOR_EXITING);
    if (!is_open(block)) return;
    if (block->state & TPI_BLOCK_START && tpi_start_failed(self, block, reason)) return;
    block->state |= TPI_BLOCK_ANSWERED;
    tpi_fail_request(self->runtime, self->worker, tpi_block_from(self->runtime, block), block->ref,
                     TP_ENOPROC);
}

static void abandon_chain(tp_actor *self, struct tpi_block *block, tp_reason reason) {
    for (; block != NULL; block = tpi_block_next(block)) abandon(self, block, reason);
}

void tpi_requests_abandon(tp_actor *self, tp_reason reason) {
    TPI_CHECK(tpi_is_owner(self) && self->flags & TPI_ACTOR_RELEASED);
    tp_runtime *runtime = tpi_runtime_of(self->worker);
    struct tpi_extra *extra = self->extra;
    abandon(self, self->current, reason);
    tpi_release_current(self);
    if (extra == NULL) return;
    self->current = extra->outer;
    extra->outer = NULL;
    abandon(self, self->current, reason);
    tpi_release_current(self);
    abandon_chain(self, extra->arguments, reason); /* of a start that never ran its init */
    abandon_chain(self, extra->postponed, reason);
    abandon_chain(self, extra->retried, reason);
    uint64_t ref, unused;
    void *value;
    size_t cursor = 0;
    while (tpi_map_next(&extra->deferred, &cursor, &ref, &unused, &value)) {
        tpi_fail_request(runtime, self->worker, *(tp_pid *)value, ref, TP_ENOPROC);
        tpi_heap_free(heap(self), value, sizeof(tp_pid));
    }
    tpi_map_fini(&extra->deferred);
}

/* ---- futures ---- */

static void free_pending(tp_actor *self, struct pending *pending) {
    TPI_CHECK(pending->block == NULL || pending->decided);
    if (pending->block != NULL)
        tpi_block_free(tpi_runtime_of(self->worker), self->worker, pending->block);
    tpi_heap_free(heap(self), pending, sizeof *pending);
}

static tp_future request(tp_actor *self, tp_pid to, const tp_message_type *type, const void *value,
                         bool asked) {
    TPI_CHECK(tpi_is_owner(self) && type != NULL);
    struct tpi_extra *extra = tpi_extra(self);
    tpi_set_error(self, TP_ENOMEM);
    struct pending *pending = extra == NULL ? NULL : tpi_heap_alloc(heap(self), sizeof *pending);
    if (pending == NULL) return 0;
    *pending = (struct pending){.to = to, .asked = asked};
    tp_ref ref = tpi_ref_new(self);
    tp_err err = tpi_map_put(&extra->pending, ref, 0, pending);
    if (err == TP_OK) err = send_request(self, to, ref, type, value);
    tpi_set_error(self, err);
    if (err == TP_OK) {
        tpi_suspend_if_over(self);
        return ref;
    }
    (void)tpi_map_remove(&extra->pending, ref, 0);
    free_pending(self, pending);
    return 0;
}

tp_future tp_request_value(tp_actor *self, tp_pid to, const tp_message_type *type,
                           const void *value) {
    TPI_INSIDE(self);
    return request(self, to, type, value, false);
}

tp_ref tpi_request_signal(tp_actor *self, tp_pid to, enum tpi_kind kind, uint16_t code) {
    TPI_CHECK(kind > TPI_KIND_REQUEST && kind < TPI_KIND_COUNT);
    struct tpi_extra *extra = tpi_extra(self);
    tp_runtime *runtime = self->runtime;
    struct pending *pending = extra == NULL ? NULL : tpi_heap_alloc(heap(self), sizeof *pending);
    struct tpi_block *block = tpi_block_new(runtime, self->worker, kind, TPI_SIGNAL_ROOM);
    tp_ref ref = tpi_ref_new(self);
    tpi_set_error(self, TP_ENOMEM);
    if (pending != NULL) *pending = (struct pending){0};
    if (pending == NULL || block == NULL ||
        tpi_map_put(&extra->pending, ref, 0, pending) != TP_OK) {
        if (pending != NULL) free_pending(self, pending);
        if (block != NULL) tpi_block_free(runtime, self->worker, block);
        return 0;
    }
    block->ref = ref;
    block->size = 0;
    block->code = code;
    block->flags = TPI_BLOCK_UNCOUNTED;
    tpi_block_set_from(runtime, block, tp_self(self));
    tpi_set_error(self, TP_OK);
    (void)tpi_deliver(runtime, self->worker, to, block);
    return ref;
}

/* ---- for actors of the runtime's own ---- */

tp_ref tpi_ask(tp_actor *self, tp_pid to, const tp_message_type *type, const void *value) {
    return request(self, to, type, value, true);
}

tp_ref tpi_answers(const tp_message *message) {
    return message->block.state & TPI_BLOCK_ANSWER ? message->block.ref : 0;
}

tp_err tpi_send_unbound(tp_actor *self, tp_pid to, const tp_message_type *type, const void *value) {
    TPI_CHECK(tpi_is_owner(self));
    tp_runtime *runtime = self->runtime;
    struct tpi_block *block = tpi_block_encode(runtime, self->worker, type, value);
    if (block == NULL) return tpi_encode_error(type, value);
    block->flags |= TPI_BLOCK_UNCOUNTED;
    tpi_block_set_from(runtime, block, tp_self(self));
    tpi_deliver(runtime, self->worker, to, block);
    return TP_OK;
}

tp_err tpi_send_told(tp_actor *self, tp_pid to, const tp_message_type *type, const void *value) {
    TPI_CHECK(tpi_is_owner(self));
    struct tpi_extra *extra = tpi_extra(self);
    tp_runtime *runtime = self->runtime;
    struct pending *pending = extra == NULL ? NULL : tpi_heap_alloc(heap(self), sizeof *pending);
    if (pending == NULL) return TP_ENOMEM;
    *pending = (struct pending){.to = to, .told = true};
    tp_ref ref = tpi_ref_new(self);
    struct tpi_block *block = tpi_block_encode(runtime, self->worker, type, value);
    tp_err err = block == NULL ? tpi_encode_error(type, value)
                               : tpi_map_put(&extra->pending, ref, 0, pending);
    if (err != TP_OK) {
        if (block != NULL) tpi_block_free(runtime, self->worker, block);
        tpi_heap_free(heap(self), pending, sizeof *pending);
        return err;
    }
    TPI_ASSERT(block != NULL); /* its absence is an error */
    block->kind = TPI_KIND_REQUEST;
    block->ref = ref;
    block->flags |= TPI_BLOCK_UNCOUNTED;
    tpi_block_set_from(runtime, block, tp_self(self));
    tpi_deliver(runtime, self->worker, to, block);
    return TP_OK;
}

static tp_err await_futures(tp_actor *self, const tp_future *futures, size_t count, bool all,
                            tp_duration timeout) {
    TPI_CHECK(tpi_is_owner(self) && (futures != NULL || count == 0));
    struct tpi_waiting waiting = {
        .kind = TPI_WAIT_FUTURES, .futures = futures, .future_count = count, .all = all};
    if (tpi_extra(self) == NULL) return TP_ENOMEM;
    tpi_fetch(self);
    if (futures_ready(self, &waiting)) return TP_OK;
    tp_err err = tpi_wait(self, &waiting, timeout);
    if (err != TP_OK) return err;
    return waiting.timed_out && !futures_ready(self, &waiting) ? TP_ETIMEDOUT : TP_OK;
}

tp_err tp_await_value(tp_actor *self, tp_future future, tp_duration timeout,
                      const tp_message_type *reply_type, void *reply) {
    TPI_INSIDE(self);
    if (reply == NULL || reply_type == NULL) return TP_EINVAL;
    if (self->extra == NULL || tpi_map_get(&self->extra->pending, future, 0) == NULL)
        return TP_ENOENT;
    tp_err err = await_futures(self, &future, 1, true, timeout);
    if (err != TP_OK) return err;
    struct pending *pending = tpi_map_remove(&self->extra->pending, future, 0);
    TPI_ASSERT(pending != NULL && pending->decided);
    struct tpi_block *block = pending->block;
    err = pending->err;
    pending->block = NULL;
    free_pending(self, pending);
    return err == TP_OK ? take_reply(self, block, reply_type, reply) : err;
}

tp_err tp_await_any(tp_actor *self, const tp_future *futures, size_t count, tp_duration timeout,
                    size_t *index) {
    TPI_INSIDE(self);
    if (futures == NULL || index == NULL) return TP_EINVAL;
    size_t asked = 0;
    for (size_t i = 0; i < count; i++) asked += futures[i] != 0;
    if (asked == 0) return TP_ENOENT;
    tp_err err = await_futures(self, futures, count, false, timeout);
    if (err != TP_OK) return err;
    for (size_t i = 0; i < count; i++) {
        if (futures[i] == 0) continue;
        struct pending *pending = tpi_map_get(&self->extra->pending, futures[i], 0);
        if (pending != NULL && !pending->decided) continue;
        *index = i;
        return pending == NULL ? TP_ENOENT : TP_OK;
    }
    return TP_ETIMEDOUT;
}

tp_err tp_await_all(tp_actor *self, const tp_future *futures, size_t count, tp_duration timeout) {
    TPI_INSIDE(self);
    if (futures == NULL && count > 0) return TP_EINVAL;
    return await_futures(self, futures, count, true, timeout);
}

void tp_cancel(tp_actor *self, tp_future future) {
    TPI_INSIDE(self);
    TPI_CHECK(tpi_is_owner(self));
    struct pending *pending =
        self->extra == NULL ? NULL : tpi_map_remove(&self->extra->pending, future, 0);
    if (pending != NULL) free_pending(self, pending);
}

void tpi_pending_free_all(tp_actor *self) {
    TPI_CHECK(self->flags & TPI_ACTOR_RELEASED);
    uint64_t ref, unused;
    void *value;
    size_t cursor = 0;
    while (tpi_map_next(&self->extra->pending, &cursor, &ref, &unused, &value))
        free_pending(self, value);
    tpi_map_fini(&self->extra->pending);
}
