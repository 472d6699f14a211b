/*
 * The way in for threads that are not actors: posts, and inboxes.
 *
 * An inbox is an actor whose slice hands its messages to a thread: copied to the heap (a thread
 * owns no pool), under a mutex, with an event that the thread may poll.
 */
#include <string.h>

#include <troupe/call.h>
#include <troupe/inbox.h>

#include "core/actor/mailbox.h"

struct tpi_inbox_state {
    tp_runtime *runtime;
    tp_pid pid;
    int event;
    tpi_mutex mutex; /* of what follows, but for what the thread alone uses */
    struct tpi_block *first;
    struct tpi_block *last;
    struct tpi_block *reply; /* to `asked` */
    tp_ref asked;
    tp_err reply_err;
    bool decided;
    bool closed;
    struct tpi_block *stuck; /* the worker's: taken, but there was no memory to hand it over */
    /* ---- the thread's ---- */
    struct tpi_block *current;
    struct tpi_block *last_reply;
    struct tpi_inbox_scratch *scratch;
};

struct tp_inbox {
    struct tpi_inbox_state state;
};

/* ---- posts ---- */

tp_err tp_post_value(tp_runtime *runtime, tp_pid to, const tp_message_type *type,
                     const void *value) {
    TPI_FAULT_HOLD();
    if (runtime == NULL || type == NULL) return TP_EINVAL;
    struct tpi_block *block = tpi_block_encode(runtime, NULL, type, value);
    if (block == NULL) return tpi_encode_error(type, value);
    return tpi_send_block(runtime, NULL, to, block);
}

tp_err tp_post_exit(tp_runtime *runtime, tp_pid to, int32_t code) {
    TPI_FAULT_HOLD();
    if (runtime == NULL) return TP_EINVAL;
    return tpi_post_exit(runtime, NULL, tp_pid_null(), to, (tp_reason){.code = code});
}

bool tp_alive(tp_runtime *runtime, tp_pid actor) {
    uint64_t identity;
    return tpi_find(runtime, actor, &identity) != NULL;
}

/* ---- the worker's side ---- */

static void hand_over(struct tpi_inbox_state *inbox, struct tpi_block *copy) {
    TPI_CHECK(copy->size_class == TPI_CLASS_HEAP); /* a thread owns no pool */
    tpi_block_link(copy, NULL);
    tpi_mutex_lock(&inbox->mutex);
    if (inbox->first == NULL) inbox->first = copy;
    else tpi_block_link(inbox->last, copy);
    inbox->last = copy;
    tpi_mutex_unlock(&inbox->mutex);
    tpi_event_set(inbox->event);
}

bool tpi_inbox_run(struct tpi_worker *worker, tp_actor *self) {
    TPI_CHECK(tpi_is_owner(self) && self->flags & TPI_ACTOR_INBOX);
    struct tpi_inbox_state *inbox = self->extra->inbox;
    struct tpi_block *block;
    uint32_t taken = 0;
    while ((block = inbox->stuck != NULL ? inbox->stuck : tpi_next_message(self)) != NULL) {
        struct tpi_block *copy = tpi_block_copy(self->runtime, NULL, block);
        inbox->stuck = copy == NULL ? block : NULL;
        if (copy == NULL) break; /* it stays at the tail: tp_runtime_wait must not miss its down */
        taken += !(block->flags & TPI_BLOCK_UNCOUNTED);
        hand_over(inbox, copy);
        /* a thread cannot answer requests (it has no tp_reply): refuse them at once */
        if (block->kind == TPI_KIND_REQUEST)
            tpi_fail_request(self->runtime, worker, tpi_block_from(self->runtime, block),
                             block->ref, TP_ENOREPLY);
    }
    tpi_count(&worker->counters.handled, taken);
    self->handled += taken;
    if (taken > 0) tpi_credit_taken(self, taken);
    return inbox->stuck == NULL;
}

void tpi_inbox_replied(tp_actor *self, struct tpi_block *block) {
    TPI_CHECK(self->flags & TPI_ACTOR_INBOX && tpi_is_owner(self));
    struct tpi_inbox_state *inbox = self->extra->inbox;
    tpi_mutex_lock(&inbox->mutex);
    if (inbox->asked == block->ref && !inbox->decided) {
        inbox->decided = true;
        inbox->reply_err = TP_OK;
        if (block->kind == TPI_KIND_FAILED) inbox->reply_err = (tp_err)block->code;
        else inbox->reply = tpi_block_copy(self->runtime, NULL, block);
        if (inbox->reply == NULL && inbox->reply_err == TP_OK) inbox->reply_err = TP_ENOMEM;
    }
    tpi_mutex_unlock(&inbox->mutex);
    tpi_event_set(inbox->event);
}

void tpi_inbox_closed(tp_runtime *runtime, tp_actor *self) {
    TPI_CHECK(self->flags & TPI_ACTOR_INBOX && self->flags & TPI_ACTOR_EXITING);
    struct tpi_inbox_state *inbox = self->extra->inbox;
    (void)runtime;
    tpi_mutex_lock(&inbox->mutex);
    inbox->closed = true;
    tpi_event_set(
        inbox->event); /* under the mutex: the thread frees the inbox as soon as it sees `closed` */
    tpi_mutex_unlock(&inbox->mutex);
}

/* ---- the thread's side ---- */

struct tpi_inbox_scratch {
    struct tpi_inbox_scratch *next;
    size_t size;
    _Alignas(16) uint8_t bytes[];
};

static void scratch_free(struct tpi_inbox_state *inbox) {
    while (inbox->scratch != NULL) {
        struct tpi_inbox_scratch *chunk = inbox->scratch;
        inbox->scratch = chunk->next;
        tpi_heap_free(inbox->runtime->memory, chunk, chunk->size);
    }
}

tp_err tp_inbox_open(tp_runtime *runtime, tp_inbox **out) {
    TPI_FAULT_HOLD();
    if (runtime == NULL || out == NULL) return TP_EINVAL;
    if (runtime->guest != NULL) return TP_ENOTSUP;
    tp_inbox *inbox = tpi_heap_alloc(runtime->memory, sizeof *inbox);
    if (inbox == NULL) return TP_ENOMEM;
    memset(inbox, 0, sizeof *inbox);
    inbox->state.runtime = runtime;
    tp_err err = tpi_event_new(&inbox->state.event);
    if (err == TP_OK) {
        err = tpi_spawn_inbox(runtime, &inbox->state, &inbox->state.pid);
        if (err != TP_OK) tpi_descriptor_close(inbox->state.event);
    }
    if (err != TP_OK) tpi_heap_free(runtime->memory, inbox, sizeof *inbox);
    else *out = inbox;
    return err;
}

/* Waits until `done` says so, under the mutex; false when the time is over. */
static bool wait_until(struct tpi_inbox_state *inbox, bool (*done)(struct tpi_inbox_state *),
                       tp_duration timeout) {
    const struct tpi_driver *driver = inbox->runtime->scheduler->driver;
    tp_time now = driver->now(driver->context);
    tp_time until = timeout > TP_FOREVER - now ? TP_FOREVER : now + timeout;
    for (;;) {
        tpi_event_clear(inbox->event);
        tpi_mutex_lock(&inbox->mutex);
        bool is_done = done(inbox);
        bool more = inbox->first != NULL;
        tpi_mutex_unlock(&inbox->mutex);
        if (is_done) {
            if (more) tpi_event_set(inbox->event); /* stays readable while messages wait */
            return true;
        }
        tp_duration left = until == TP_FOREVER ? TP_FOREVER : until - driver->now(driver->context);
        if (left <= 0 || inbox->runtime->sim != NULL) return false;
        tpi_event_wait(inbox->event, left);
    }
}

static void free_thread_block(struct tpi_inbox_state *inbox, struct tpi_block **block) {
    TPI_CHECK(*block == NULL || (*block)->size_class == TPI_CLASS_HEAP);
    if (*block != NULL) tpi_block_free(inbox->runtime, NULL, *block);
    *block = NULL;
}

tp_err tpi_inbox_monitor(tp_inbox *inbox, tp_pid target) {
    tp_runtime *runtime = inbox->state.runtime;
    struct tpi_block *block = tpi_block_new(runtime, NULL, TPI_KIND_MONITOR, TPI_SIGNAL_ROOM);
    if (block == NULL) return TP_ENOMEM;
    block->ref = tpi_ref_outside(runtime);
    block->size = 0;
    block->flags = TPI_BLOCK_UNCOUNTED;
    tpi_block_set_from(runtime, block, inbox->state.pid);
    tpi_deliver(runtime, NULL, target, block);
    return TP_OK;
}

static bool is_closed(struct tpi_inbox_state *inbox) {
    TPI_CHECK(tpi_mutex_is_held(&inbox->mutex));
    return inbox->closed;
}

void tp_inbox_close(tp_inbox *inbox) {
    TPI_FAULT_HOLD();
    if (inbox == NULL) return;
    struct tpi_inbox_state *state = &inbox->state;
    /* from itself: the one normal exit signal that ends an actor which traps */
    while (tpi_post_exit(state->runtime, NULL, state->pid, state->pid,
                         (tp_reason){.code = TP_EXIT_NORMAL}) != TP_OK)
        (void)tpi_event_wait(state->event, TP_MS(1));
    if (state->runtime->settle != NULL) state->runtime->settle(state->runtime);
    (void)wait_until(state, is_closed, TP_FOREVER);
    while (state->first != NULL) {
        struct tpi_block *block = state->first;
        state->first = tpi_block_next(block);
        tpi_block_free(state->runtime, NULL, block);
    }
    free_thread_block(state, &state->current);
    free_thread_block(state, &state->reply);
    free_thread_block(state, &state->last_reply);
    scratch_free(state);
    tpi_descriptor_close(state->event);
    tpi_heap_free(state->runtime->memory, inbox, sizeof *inbox);
}

tp_pid tp_inbox_pid(const tp_inbox *inbox) {
    return inbox->state.pid;
}

const tp_message *tpi_inbox_peek(const tp_inbox *inbox) {
    return (const tp_message *)inbox->state.first;
}

size_t tpi_inbox_waiting(const tp_inbox *inbox) {
    size_t count = 0;
    for (struct tpi_block *block = inbox->state.first; block != NULL; block = tpi_block_next(block))
        count++;
    return count;
}

tp_pid tp_inbox_sender(const tp_inbox *inbox, const tp_message *message) {
    return message == NULL
               ? tp_pid_null()
               : tpi_block_from(inbox->state.runtime, (const struct tpi_block *)message);
}

int tp_inbox_descriptor(const tp_inbox *inbox) {
    return inbox->state.event;
}

static bool take_message(struct tpi_inbox_state *inbox) {
    TPI_CHECK(tpi_mutex_is_held(&inbox->mutex) && inbox->current == NULL);
    struct tpi_block *block = inbox->first;
    if (block == NULL) return false;
    inbox->first = tpi_block_next(block);
    inbox->current = block;
    return true;
}

tp_err tp_inbox_receive(tp_inbox *inbox, tp_duration timeout, const tp_message **out) {
    TPI_FAULT_HOLD();
    if (inbox == NULL || out == NULL) return TP_EINVAL;
    free_thread_block(&inbox->state, &inbox->state.current);
    scratch_free(&inbox->state);
    if (!wait_until(&inbox->state, take_message, timeout)) return TP_ETIMEDOUT;
    *out = (const tp_message *)inbox->state.current;
    return TP_OK;
}

/* ---- decoding on a thread ---- */

struct thread_scratch {
    tp_scratch scratch;
    struct tpi_inbox_state *inbox;
};

static void *scratch_alloc(struct tp_scratch *scratch, size_t size) {
    struct tpi_inbox_state *inbox =
        TPI_CONTAINER_OF(scratch, struct thread_scratch, scratch)->inbox;
    struct tpi_inbox_scratch *chunk = tpi_heap_alloc(inbox->runtime->memory, sizeof *chunk + size);
    if (chunk == NULL) return NULL;
    chunk->size = sizeof *chunk + size;
    chunk->next = inbox->scratch;
    inbox->scratch = chunk;
    return chunk->bytes;
}

static tp_err decode(struct tpi_inbox_state *inbox, const struct tpi_block *block,
                     const tp_message_type *type, void *out) {
    TPI_CHECK(tpi_block_is_sound(block));
    if (!tp_message_type_equal(block->type, type)) return TP_ETYPE;
    struct thread_scratch scratch = {{scratch_alloc}, inbox};
    const uint8_t *bytes = tpi_block_bytes(block);
    tp_reader reader = {.at = bytes, .end = bytes + block->size, .scratch = &scratch.scratch};
    type->decode(out, &reader, block->type->field_count);
    return !reader.failed ? TP_OK : reader.starved ? TP_ENOMEM : TP_EBADMSG;
}

tp_err tp_inbox_decode(tp_inbox *inbox, const tp_message *message, const tp_message_type *type,
                       void *out) {
    TPI_FAULT_HOLD();
    if (inbox == NULL || message == NULL || type == NULL || out == NULL) return TP_EINVAL;
    return decode(&inbox->state, (const struct tpi_block *)message, type, out);
}

tp_err tp_inbox_send_value(tp_inbox *inbox, tp_pid to, const tp_message_type *type,
                           const void *value) {
    TPI_FAULT_HOLD();
    if (inbox == NULL || type == NULL) return TP_EINVAL;
    tp_runtime *runtime = inbox->state.runtime;
    struct tpi_block *block = tpi_block_encode(runtime, NULL, type, value);
    if (block == NULL) return tpi_encode_error(type, value);
    tpi_block_set_from(runtime, block, inbox->state.pid);
    return tpi_send_block(runtime, NULL, to, block);
}

static bool is_decided(struct tpi_inbox_state *inbox) {
    TPI_CHECK(tpi_mutex_is_held(&inbox->mutex));
    return inbox->decided;
}

tp_err tp_inbox_call_value(tp_inbox *inbox, tp_pid to, tp_duration timeout,
                           const tp_message_type *reply_type, void *reply,
                           const tp_message_type *type, const void *value) {
    TPI_FAULT_HOLD();
    if (inbox == NULL || reply == NULL || type == NULL || reply_type == NULL) return TP_EINVAL;
    struct tpi_inbox_state *state = &inbox->state;
    tp_runtime *runtime = state->runtime;
    struct tpi_block *block = tpi_block_encode(runtime, NULL, type, value);
    if (block == NULL) return tpi_encode_error(type, value);
    block->kind = TPI_KIND_REQUEST;
    block->ref = tpi_ref_outside(runtime);
    tpi_block_set_from(runtime, block, state->pid);
    tpi_mutex_lock(&state->mutex);
    state->asked = block->ref;
    state->decided = false;
    tpi_mutex_unlock(&state->mutex);
    tp_err err = tpi_send_block(runtime, NULL, to, block);
    if (err != TP_OK) return err;
    if (runtime->settle != NULL) runtime->settle(runtime);
    bool decided = wait_until(state, is_decided, timeout);
    tpi_mutex_lock(&state->mutex);
    state->asked = 0;
    free_thread_block(state, &state->last_reply);
    state->last_reply = state->reply;
    state->reply = NULL;
    err = decided || state->decided ? state->reply_err : TP_ETIMEDOUT;
    tpi_mutex_unlock(&state->mutex);
    return err == TP_OK ? decode(state, state->last_reply, reply_type, reply) : err;
}
