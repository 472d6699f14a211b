/*
 * Receiving: selective, each refused message looked at once, what is taken leaves the chain.
 */
#include <string.h>

#include <troupe/call.h>

#include "core/actor/mailbox.h"

/* Takes `block` out of the chain for good: itself, or a copy when it must stay as the last one.
 * NULL: no memory. */
static struct tpi_block *take_out(tp_actor *self, struct tpi_block *before,
                                  struct tpi_block *block) {
    TPI_CHECK(tpi_block_next(before) == block);
    TPI_CHECK(!(block->state & (TPI_BLOCK_CONSUMED | TPI_BLOCK_LOOSE | TPI_BLOCK_REFUSED)));
    struct tpi_block *taken = block;
    if (!tpi_mailbox_unlink(self, before, block)) {
        taken = tpi_block_copy(tpi_runtime_of(self->worker), self->worker, block);
        if (taken == NULL) return NULL;
        block->state |= TPI_BLOCK_CONSUMED;
    }
    taken->state = TPI_BLOCK_LOOSE | TPI_BLOCK_RECEIVED;
    return taken;
}

/* Even a small mailbox may refuse so many: each of its senders may have sent one beyond its
 * limit. */
#define REFUSED_LEAST 1024u

/* What a receive refuses leaves the account: else a full mailbox could never get the message that
 * is waited for. False: too many have been refused; the actor is doomed. */
static bool count_refused(tp_actor *self, const struct tpi_waiting *waiting,
                          struct tpi_block *block) {
    TPI_CHECK(!(block->state & TPI_BLOCK_CONSUMED));
    struct tpi_extra *extra = self->extra;
    if (extra->waiting != waiting) return true; /* only a look (start.c) */
    if (block->state & TPI_BLOCK_REFUSED || block->flags & TPI_BLOCK_UNCOUNTED) return true;
    uint32_t most = TPI_PUT_ASIDE_FACTOR * (uint32_t)tpi_limit(self);
    if (most < REFUSED_LEAST) most = REFUSED_LEAST;
    if (extra->refused_count >= most) {
        tpi_doom(self, (tp_reason){.code = TP_EXIT_OVERFLOW}, false);
        return false;
    }
    extra->refused_count++;
    block->state |= TPI_BLOCK_REFUSED;
    tpi_credit_taken(self, 1);
    return true;
}

void tpi_refused_taken(tp_actor *self, struct tpi_block *block) {
    TPI_CHECK(tpi_is_owner(self) && block->state & TPI_BLOCK_REFUSED);
    TPI_ASSERT(self->extra->refused_count > 0);
    self->extra->refused_count--;
    block->state &= (uint8_t)~TPI_BLOCK_REFUSED;
    block->flags |= TPI_BLOCK_UNCOUNTED; /* it was taken off the account when it was refused */
}

/* Drops consumed blocks on the way; returns the block after which to go on. */
static struct tpi_block *sweep(tp_actor *self, struct tpi_block *before, struct tpi_block *block) {
    TPI_CHECK(tpi_block_next(before) == block);
    if (tpi_block_next(block) == NULL || !tpi_mailbox_unlink(self, before, block)) return block;
    tpi_block_spent(self, block);
    return before;
}

static bool take_retried(tp_actor *self, struct tpi_waiting *waiting) {
    TPI_CHECK(self->extra->retried != NULL && waiting->block == NULL);
    struct tpi_extra *extra = self->extra;
    struct tpi_block *before = NULL, *block = extra->retried;
    for (; block != NULL; before = block, block = tpi_block_next(block)) {
        if (!waiting->accept(self, block, waiting->context)) continue;
        struct tpi_block *next = tpi_block_next(block);
        if (before == NULL) extra->retried = next;
        else tpi_block_link(before, next);
        if (next == NULL) extra->retried_last = before;
        block->state |= TPI_BLOCK_RECEIVED;
        waiting->block = block;
        return true;
    }
    return false;
}

bool tpi_receive_scan(tp_actor *self, struct tpi_waiting *waiting) {
    TPI_CHECK(tpi_is_owner(self) && self->extra != NULL);
    TPI_CHECK(!waiting->done && waiting->accept != NULL && waiting->block == NULL);
    TPI_ASSERT(waiting->kind == TPI_WAIT_MESSAGE);
    struct tpi_block *before = self->refused;
    if (before == NULL) {
        before = self->tail;
        if (self->extra->retried != NULL && take_retried(self, waiting))
            return waiting->done = true;
    }
    while (before != self->scan) {
        struct tpi_block *block = tpi_block_next(before);
        TPI_CHECK(block != tpi_stub(self));
        if (block->state & TPI_BLOCK_CONSUMED) {
            before = sweep(self, before, block);
        } else if (waiting->accept(self, block, waiting->context)) {
            if (block->state & TPI_BLOCK_REFUSED) tpi_refused_taken(self, block);
            waiting->block = take_out(self, before, block);
            if (waiting->block == NULL) waiting->err = TP_ENOMEM;
            self->refused = before;
            return waiting->done = true;
        } else if (count_refused(self, waiting, block)) {
            before = block;
        } else {
            return waiting->done = true;
        }
        self->refused = before;
    }
    return false;
}

void tpi_hold(tp_actor *self, struct tpi_block *block) {
    TPI_CHECK(tpi_is_owner(self) && self->extra != NULL && block != self->current);
    TPI_ASSERT(block->state & TPI_BLOCK_LOOSE);
    self->flags |= TPI_ACTOR_HOLDS;
    tpi_block_link(block, self->extra->held);
    self->extra->held = block;
}

/* ---- decoding ---- */

struct tpi_scratch_chunk {
    struct tpi_scratch_chunk *next;
    size_t size;
    _Alignas(16) uint8_t bytes[];
};

void *tpi_scratch_alloc(struct tp_scratch *scratch, size_t size) {
    TPI_CHECK(size > 0);
    tp_actor *self = TPI_CONTAINER_OF(scratch, tpi_place, scratch)->self;
    TPI_INSIDE(self);
    struct tpi_extra *extra = tpi_extra(self);
    if (extra == NULL) return NULL;
    size_t total = sizeof(struct tpi_scratch_chunk) + size;
    struct tpi_scratch_chunk *chunk = tpi_heap_alloc(tpi_runtime_of(self->worker)->memory, total);
    if (chunk == NULL) return NULL;
    chunk->size = total;
    chunk->next = extra->scratch;
    extra->scratch = chunk;
    self->flags |= TPI_ACTOR_HOLDS;
    return chunk->bytes;
}

void tpi_scratch_release(tp_actor *self) {
    TPI_CHECK(tpi_is_owner(self));
    struct tpi_extra *extra = self->extra;
    while (extra->scratch != NULL) {
        struct tpi_scratch_chunk *chunk = extra->scratch;
        extra->scratch = chunk->next;
        tpi_heap_free(tpi_runtime_of(self->worker)->memory, chunk, chunk->size);
    }
}

tp_err tpi_decode(tp_actor *self, const struct tpi_block *block, const tp_message_type *type,
                  void *out) {
    TPI_CHECK(type != NULL && out != NULL);
    const uint8_t *bytes = tpi_block_bytes(block);
    tpi_place place = {{tpi_scratch_alloc}, self};
    tp_reader in = {.at = bytes, .end = bytes + block->size, .scratch = &place.scratch};
    type->decode(out, &in, block->type->field_count);
    if (__builtin_expect(!in.failed, 1)) return TP_OK;
    return in.starved ? TP_ENOMEM : TP_EBADMSG;
}

const uint8_t *tpi_message_bytes(const tp_message *message) {
    return tpi_block_bytes(&message->block);
}
_Static_assert(offsetof(struct tp_message, block.type) == TPI_MESSAGE_TYPE_AT &&
                   offsetof(struct tp_message, block.size) == TPI_MESSAGE_SIZE_AT &&
                   offsetof(struct tp_message, block.flags) == TPI_MESSAGE_FLAGS_AT &&
                   (TPI_BLOCK_SHARED | TPI_BLOCK_REMOTE) == TPI_MESSAGE_ELSEWHERE &&
                   sizeof(struct tp_message) == TPI_MESSAGE_PAYLOAD_AT,
               "tpi_open in <troupe/behavior.h> knows the block");

void tpi_check_arguments(tp_actor *self, const tp_message *message, const tp_message_type *type) {
    const struct tpi_block *block = (const struct tpi_block *)message;
    if (__builtin_expect(
            block == NULL || (block->type != type && !tp_message_type_equal(block->type, type)), 0))
        tp_fail(self, "spawned without its %s arguments", type->name);
}

void tpi_message_bad(tp_actor *self, const tp_message_type *type) {
    tp_log(self, TP_LOG_ERROR, "a message of type %s does not decode", type->name);
    tp_exit(self, TP_EXIT_BADMSG);
}

void tpi_release_held(tp_actor *self) {
    struct tpi_extra *extra = self->extra;
    if (extra == NULL) return;
    while (extra->held != NULL) {
        struct tpi_block *block = extra->held;
        extra->held = tpi_block_next(block);
        tpi_block_free(tpi_runtime_of(self->worker), self->worker, block);
    }
    if (extra->scratch != NULL) tpi_scratch_release(self);
}

/* ---- the calls ---- */

/* What was received becomes the current message; what a body had before is over. */
static void make_current(tp_actor *self, struct tpi_block *block) {
    TPI_CHECK(block->state & TPI_BLOCK_RECEIVED && block != self->current);
    struct tpi_block *before = self->current;
    self->flags |= TPI_ACTOR_HOLDS;
    if (before != NULL && !(before->state & TPI_BLOCK_RECEIVED)) self->extra->outer = before;
    else if (before != NULL) tpi_release_current(self);
    self->current = block;
    tpi_count(&self->worker->counters.handled, 1);
    self->handled++;
    if (self->worker->tracing) tpi_trace_receive(self, block);
    if (!(block->flags & TPI_BLOCK_UNCOUNTED)) tpi_credit_taken(self, 1);
}

static tp_err wait_message(tp_actor *self, tp_duration timeout,
                           bool (*accept)(tp_actor *, struct tpi_block *, void *), void *context,
                           struct tpi_block **out) {
    TPI_CHECK(tpi_is_owner(self) && accept != NULL);
    struct tpi_waiting waiting = {.kind = TPI_WAIT_MESSAGE, .accept = accept, .context = context};
    struct tpi_extra *extra = tpi_extra(self);
    if (extra == NULL) return TP_ENOMEM;
    if (self->flags & TPI_ACTOR_BODY) {
        struct tpi_block *before = self->current;
        if (before != NULL) tpi_release_current(self);
        else tpi_release_held(self);
    }
    self->refused = NULL;
    tp_err err = tpi_wait(self, &waiting, timeout);
    if (err == TP_OK) err = waiting.err;
    if (err == TP_OK && waiting.timed_out) err = TP_ETIMEDOUT;
    if (err != TP_OK) return err;
    make_current(self, waiting.block);
    *out = waiting.block;
    return TP_OK;
}

static bool accept_type(tp_actor *self, struct tpi_block *block, void *context) {
    TPI_CHECK(block->type != NULL);
    (void)self;
    return tp_message_type_equal(block->type, context);
}

tp_err tp_receive_value(tp_actor *self, tp_duration timeout, const tp_message_type *type,
                        void *out) {
    TPI_INSIDE(self);
    if (type == NULL || out == NULL) return TP_EINVAL;
    struct tpi_block *block;
    tp_err err = wait_message(self, timeout, accept_type, (void *)(uintptr_t)type, &block);
    return err == TP_OK ? tpi_decode(self, block, type, out) : err;
}

static const tp_handler *find_case(const tp_handler *cases, const tp_message_type *type) {
    for (; cases->type != NULL; cases++)
        if (tp_message_type_equal(cases->type, type)) return cases;
    return NULL;
}

static bool accept_case(tp_actor *self, struct tpi_block *block, void *context) {
    TPI_CHECK(block->type != NULL);
    (void)self;
    return find_case(context, block->type) != NULL;
}

tp_err tp_receive_cases(tp_actor *self, tp_duration timeout, void *state, const tp_handler *cases) {
    TPI_INSIDE(self);
    TPI_CHECK(tpi_is_owner(self));
    if (cases == NULL) return TP_EINVAL;
    struct tpi_block *block;
    tp_err err = wait_message(self, timeout, accept_case, (void *)(uintptr_t)cases, &block);
    if (err != TP_OK) return err;
    const tp_handler *found = find_case(cases, block->type);
    struct tpi_inside before = tpi_inside_save(self);
    if (self->flags & TPI_ACTOR_CONTAINED) tpi_user_begin(self);
    found->call(self, state, (const tp_message *)block);
    tpi_inside_restore(self, before);
    return TP_OK;
}

struct user_filter {
    tp_filter filter;
    void *context;
};

static bool accept_filter(tp_actor *self, struct tpi_block *block, void *context) {
    struct user_filter *user = context;
    (void)self;
    if (block->flags & TPI_BLOCK_SYSTEM) return false; /* its turn is between two messages */
    return user->filter == NULL || user->filter((const tp_message *)block, user->context);
}

tp_err tp_receive_any(tp_actor *self, tp_duration timeout, tp_filter filter, void *context,
                      const tp_message **out) {
    TPI_INSIDE(self);
    TPI_CHECK(tpi_is_owner(self));
    if (out == NULL) return TP_EINVAL;
    struct user_filter user = {filter, context};
    struct tpi_block *block;
    tp_err err = wait_message(self, timeout, accept_filter, &user, &block);
    if (err == TP_OK) *out = (const tp_message *)block;
    return err;
}

/* ---- messages seen from outside ---- */

tp_str tp_message_name(const tp_message *message) {
    const tp_message_type *type = message->block.type;
    return (tp_str){type->name, type->name_size};
}

bool tp_message_is_type(const tp_message *message, const tp_message_type *type) {
    return tp_message_type_equal(message->block.type, type);
}

tp_err tp_message_decode(tp_actor *self, const tp_message *message, const tp_message_type *type,
                         void *out) {
    TPI_INSIDE(self);
    if (message == NULL || type == NULL || out == NULL) return TP_EINVAL;
    if (!tp_message_type_equal(message->block.type, type)) return TP_ETYPE;
    return tpi_decode(self, &message->block, type, out);
}

size_t tp_message_format(const tp_message *message, char *out, size_t size) {
    return tpi_message_format(message->block.type, tpi_block_bytes(&message->block),
                              message->block.size, message->block.type->field_count, out, size);
}

/* ---- keeping and postponing ---- */

struct tp_kept {
    struct tpi_list link;
    uint32_t count; /* how often it is kept */
    struct tpi_block *block;
    struct tpi_scratch_chunk *scratch;
};

/* Kept before, in the same handler or body. */
static tp_kept *keep_again(struct tpi_extra *extra, struct tpi_block *block) {
    TPI_CHECK(block->state & TPI_BLOCK_KEPT);
    struct tpi_list *link, *spare;
    TPI_LIST_EACH(&extra->kept, link, spare) {
        tp_kept *kept = TPI_CONTAINER_OF(link, struct tp_kept, link);
        if (kept->block != block) continue;
        struct tpi_scratch_chunk **last = &kept->scratch;
        while (*last != NULL) last = &(*last)->next;
        *last = extra->scratch;
        extra->scratch = NULL;
        kept->count++;
        return kept;
    }
    return NULL;
}

tp_kept *tp_keep(tp_actor *self) {
    TPI_INSIDE(self);
    TPI_CHECK(tpi_is_owner(self));
    struct tpi_extra *extra = tpi_extra(self);
    if (extra == NULL || self->current == NULL) return NULL;
    if (self->current->state & TPI_BLOCK_KEPT) return keep_again(extra, self->current);
    tp_kept *kept = tpi_heap_alloc(tpi_runtime_of(self->worker)->memory, sizeof *kept);
    if (kept == NULL) return NULL;
    /* a block in the chain stays there; whoever would free it makes it loose instead
     * (tpi_block_spent) */
    kept->block = self->current;
    kept->block->state |= TPI_BLOCK_KEPT;
    kept->count = 1;
    kept->scratch = extra->scratch;
    extra->scratch = NULL;
    tpi_list_init(&kept->link);
    tpi_list_push_back(&extra->kept, &kept->link);
    return kept;
}

void tpi_block_spent(tp_actor *self, struct tpi_block *block) {
    TPI_CHECK(tpi_is_owner(self) && block != self->tail && block != self->scan);
    if (block->state & TPI_BLOCK_KEPT) block->state |= TPI_BLOCK_LOOSE;
    else tpi_block_free(tpi_runtime_of(self->worker), self->worker, block);
}

void tp_keep_release(tp_actor *self, tp_kept *kept) {
    TPI_INSIDE(self);
    TPI_CHECK(kept == NULL || (kept->count > 0 && kept->block->state & TPI_BLOCK_KEPT));
    if (kept == NULL || --kept->count > 0) return;
    tp_runtime *runtime = tpi_runtime_of(self->worker);
    tpi_list_remove(&kept->link);
    kept->block->state &= (uint8_t)~TPI_BLOCK_KEPT;
    if (kept->block->state & TPI_BLOCK_LOOSE && kept->block != self->current)
        tpi_block_free(runtime, self->worker, kept->block);
    while (kept->scratch != NULL) {
        struct tpi_scratch_chunk *chunk = kept->scratch;
        kept->scratch = chunk->next;
        tpi_heap_free(runtime->memory, chunk, chunk->size);
    }
    tpi_heap_free(runtime->memory, kept, sizeof *kept);
}

void tpi_kept_release_all(tp_actor *self) {
    struct tpi_list *list = &self->extra->kept;
    while (!tpi_list_empty(list)) {
        tp_kept *kept = TPI_CONTAINER_OF(list->next, struct tp_kept, link);
        kept->count = 1;
        tp_keep_release(self, kept);
    }
}

void tp_release(tp_actor *self) {
    TPI_INSIDE(self);
    tpi_release_held(self);
}

static void append(struct tpi_block **first, struct tpi_block **last, struct tpi_block *block) {
    TPI_CHECK((*first == NULL) == (*last == NULL));
    tpi_block_link(block, NULL);
    if (*first == NULL) *first = block;
    else tpi_block_link(*last, block);
    *last = block;
}

void tp_postpone(tp_actor *self) {
    TPI_INSIDE(self);
    TPI_CHECK(tpi_is_owner(self));
    struct tpi_extra *extra = tpi_extra(self);
    struct tpi_block *block = self->current;
    if (block == NULL) return;
    if (extra == NULL || extra->postponed_count >= TPI_PUT_ASIDE_FACTOR * (uint32_t)tpi_limit(self))
        tp_exit(self, TP_EXIT_OVERFLOW);
    struct tpi_block *copy = tpi_block_copy(tpi_runtime_of(self->worker), self->worker, block);
    if (copy == NULL) tp_exit(self, TP_EXIT_NOMEM);
    copy->state = TPI_BLOCK_LOOSE;
    copy->flags |=
        TPI_BLOCK_UNCOUNTED; /* it has been taken: outside the bound, under its own cap */
    if (block->kind == TPI_KIND_REQUEST) {
        block->state |= TPI_BLOCK_ANSWERED; /* the copy holds the request now */
        tpi_wait_moved(self->runtime, tpi_block_from(self->runtime, block), block->ref,
                       TPI_NO_SLOT);
    }
    append(&extra->postponed, &extra->postponed_last, copy);
    extra->postponed_count++;
}

void tp_retry_postponed(tp_actor *self) {
    TPI_INSIDE(self);
    TPI_CHECK(tpi_is_owner(self));
    struct tpi_extra *extra = self->extra;
    if (extra == NULL || extra->postponed == NULL) return;
    /* what still waits to be retried came later: its turn had not come when these were postponed */
    if (extra->retried == NULL) extra->retried_last = extra->postponed_last;
    else tpi_block_link(extra->postponed_last, extra->retried);
    extra->retried = extra->postponed;
    self->flags |= TPI_ACTOR_HOLDS;
    extra->postponed = extra->postponed_last = NULL;
    extra->postponed_count = 0;
}
