/*
 * Sending, and the bound of the receiver's mailbox.
 *
 * Counting costs nothing where nothing queues: only a push that did not find the mailbox idle is
 * counted, and a worker adds up to ACCOUNT_BATCH pushes to the same receiver before it writes them
 * to the receiver's line: it keeps the accounts of its last receivers in a small table. `consumed`
 * is the owner's; the difference is how many user messages wait, give or take a batch a worker.
 * Receivers with a policy other than SUSPEND, or a small limit, are counted before each push
 * (EXACT).
 *
 * Who sends more than a BURST to many receivers that are busy lets the others run before it goes
 * on: what it sent is then handled while the cache still has it, and no receiver waits for the
 * whole of a long loop of sends.
 */
#include <string.h>

#include <troupe/call.h>
#include <troupe/signal.h>

#include "core/actor/mailbox.h"
#include "core/actor/remote.h"

#define SMALLEST_CLASS 2 /* a cache line: header and 16 bytes */
#define SMALLEST_PAYLOAD 16u
#define ACCOUNT_BATCH 32u
#define BURST 512u /* small messages to fill half of a cache of the first level */
/* A handler that was told of it and goes on, this far beyond the limit, is suspended inside its
 * send. Not at the first time: where a thousand send one message each, every one of them would take
 * a stack to wait on before a handler that has nothing left to do. */
#define INSIDE_FACTOR 2

int32_t tpi_mailbox_length(const tp_actor *actor) {
    /* relaxed: an estimate for flow control; no data hangs on it */
    return (int32_t)(atomic_load_explicit(&actor->enqueued, memory_order_relaxed) -
                     /* relaxed: as above */
                     atomic_load_explicit(&actor->consumed, memory_order_relaxed));
}

/* Adds an account to its receiver's count. */
static void account_close(tp_runtime *runtime, struct tpi_worker *worker,
                          struct tpi_account *account) {
    TPI_CHECK(tpi_worker_is_here(worker));
    TPI_CHECK(account->receiver == 0 || account->left <= account->batch);
    if (account->receiver == 0) return;
    tp_actor *receiver = tpi_slot(runtime, (uint32_t)account->receiver);
    uint32_t count = account->batch - account->left;
    account->left = account->batch = ACCOUNT_BATCH;
    if (tpi_runnable_home(&receiver->runnable) != worker->index) worker->flooded += count;
    /* acquire: partner is the release store in publish (spawn.c), as in tpi_find. The slot may get
     * a new occupant right after: it then starts with a few messages too many on its account,
     * until its mailbox is next empty (tpi_credit_empty) */
    if (count > 0 && atomic_load_explicit(&receiver->identity, memory_order_acquire) ==
                         ((account->receiver & ~(uint64_t)UINT32_MAX) | TPI_IDENTITY_ALIVE))
        /* relaxed: a sum that orders nothing */
        atomic_fetch_add_explicit(&receiver->enqueued, count, memory_order_relaxed);
}

static inline uint64_t account_of(tp_pid to) {
    return (uint64_t)to.generation << 32 | to.slot;
}

static void passed_limit(tp_actor *self, tp_actor *receiver, tp_pid to, int32_t length) {
    TPI_CHECK(tpi_is_owner(self) && to.generation != 0);
    struct tpi_extra *extra = tpi_extra(self);
    if (extra == NULL || receiver == self || self->flags & TPI_ACTOR_EXITING) return;
    bool again = self->flags & TPI_ACTOR_OVER;
    extra->over = to;
    self->flags |= TPI_ACTOR_OVER;
    if (self->flags & TPI_ACTOR_SENDING_MANY) return; /* its unsent blocks have no other owner */
    if (self->flags & TPI_ACTOR_BODY || (again && length > tpi_limit(receiver) * INSIDE_FACTOR))
        tpi_suspend_inside(self);
}

void tpi_suspend_if_over(tp_actor *self) {
    TPI_CHECK(tpi_is_owner(self) && !(self->flags & TPI_ACTOR_SENDING_MANY));
    uint64_t identity;
    if (__builtin_expect(!(self->flags & TPI_ACTOR_OVER), 1)) return;
    if (tpi_is_remote(self->runtime, self->extra->over) && self->flags & TPI_ACTOR_BODY) {
        tpi_suspend_inside(self);
        return;
    }
    tp_actor *receiver = tpi_find(tpi_runtime_of(self->worker), self->extra->over, &identity);
    if (receiver == NULL) return;
    if (self->flags & TPI_ACTOR_BODY ||
        tpi_mailbox_length(receiver) > tpi_limit(receiver) * INSIDE_FACTOR)
        tpi_suspend_inside(self);
}

/* How many messages this slice has sent since it first came here. */
static uint64_t burst_of(struct tpi_worker *worker) {
    TPI_CHECK(tpi_worker_is_here(worker));
    /* relaxed, both: this thread's own */
    uint64_t slice = atomic_load_explicit(&worker->counters.slices, memory_order_relaxed);
    uint64_t sent = atomic_load_explicit(&worker->counters.sent, memory_order_relaxed);
    if (worker->accounts.slice != slice) {
        worker->accounts.slice = slice;
        worker->accounts.sent = sent;
    }
    return sent - worker->accounts.sent;
}

/* Lets the others run. */
static __attribute__((noinline, cold)) void burst_over(tp_actor *self) {
    TPI_CHECK(tpi_is_owner(self));
    if (self->flags & (TPI_ACTOR_EXITING | TPI_ACTOR_SENDING_MANY | TPI_ACTOR_DOOMED)) return;
    (void)tpi_take_turns(self); /* TP_ENOMEM: no stack to be had, it goes on */
}

/* After a push that did not find the mailbox idle: the last of a batch, or the first of a receiver
 * whose place in the table another has. */
static __attribute__((noinline)) void account(tp_actor *self, tp_actor *receiver, tp_pid to) {
    TPI_CHECK(tpi_is_owner(self));
    struct tpi_worker *worker = self->worker;
    struct tpi_account *place = &worker->accounts.of[to.slot % TPI_ACCOUNTS];
    uint64_t key = account_of(to);
    account_close(self->runtime, worker, place);
    if (place->receiver != key) {
        /* the first batches end at different times: else those of receivers that are served in
         * turn would all fill before anybody comes here */
        uint32_t batch = 1 + to.slot % ACCOUNT_BATCH;
        *place = (struct tpi_account){key, batch, batch + 1};
    }
    int32_t length = tpi_mailbox_length(receiver);
    if (__builtin_expect(length > tpi_limit(receiver), 0)) passed_limit(self, receiver, to, length);
    /* where one receiver has most of it, its limit is what counts */
    else if (burst_of(worker) >= BURST && length < (int32_t)BURST / 2) burst_over(self);
}

/* After each push that did not find the mailbox idle. */
static inline void count_queued(tp_actor *self, tp_actor *receiver, tp_pid to) {
    TPI_CHECK(self->worker != NULL);
    struct tpi_account *place = &self->worker->accounts.of[to.slot % TPI_ACCOUNTS];
    if (__builtin_expect(place->receiver != account_of(to) || --place->left == 0, 0))
        account(self, receiver, to);
}

/* What the policy says about one more message. TP_OK: push it. */
static tp_err admit_exact(tp_runtime *runtime, tp_actor *self, tp_actor *receiver, tp_pid to,
                          bool *drop, int32_t *over) {
    TPI_CHECK(self == NULL || tpi_is_owner(self));
    TPI_CHECK(drop != NULL && !*drop && over != NULL);
    struct tpi_worker *worker = self != NULL ? self->worker : NULL;
    /* relaxed: reserves a place; a failed reservation is taken back */
    uint32_t before = atomic_fetch_add_explicit(&receiver->enqueued, 1, memory_order_relaxed);
    /* relaxed: see tpi_mailbox_length */
    int32_t length =
        (int32_t)(before - atomic_load_explicit(&receiver->consumed, memory_order_relaxed));
    int32_t limit = tpi_limit(receiver);
    if (length < limit) return TP_OK;
    switch (tpi_overflow(receiver)) {
    case TP_OVERFLOW_SUSPEND:
        if (self == NULL) break;
        *over = length;
        return TP_OK;
    case TP_OVERFLOW_FAIL: break;
    case TP_OVERFLOW_DROP_OLDEST:
        if (length < 2 * limit) return TP_OK; /* the receiver's fetch drops */
        *drop = true;
        break;
    case TP_OVERFLOW_DROP_NEWEST: *drop = true; break;
    case TP_OVERFLOW_EXIT: {
        struct tpi_block *signal = tpi_block_new(runtime, worker, TPI_KIND_EXIT, TPI_SIGNAL_ROOM);
        if (signal != NULL) tpi_exit_encode(runtime, signal, to, TP_EXIT_OVERFLOW);
        if (signal != NULL) tpi_deliver(runtime, worker, to, signal);
        *drop = true;
        break;
    }
    }
    /* relaxed: takes the reservation back */
    atomic_fetch_sub_explicit(&receiver->enqueued, 1, memory_order_relaxed);
    return *drop ? TP_OK : TP_EFULL;
}

static void count_dropped(tp_runtime *runtime, tp_actor *self) {
    if (self != NULL) tpi_count(&self->worker->counters.dropped, 1);
    else tpi_count_shared(&runtime->scheduler->outside.dropped, 1);
}

static void count_sent(tp_runtime *runtime, tp_actor *self) {
    if (self != NULL) tpi_count(&self->worker->counters.sent, 1);
    else tpi_count_shared(&runtime->scheduler->outside.sent, 1);
}

/* As passed_limit, for what waits to be sent to another node. */
static void over_remote(tp_actor *self, tp_pid to, enum tpi_pressure pressure) {
    TPI_CHECK(pressure != TPI_PRESSURE_NONE && tpi_is_owner(self));
    struct tpi_extra *extra = tpi_extra(self);
    if (extra == NULL || self->flags & TPI_ACTOR_EXITING) return;
    extra->over = to;
    self->flags |= TPI_ACTOR_OVER;
    if (self->flags & TPI_ACTOR_SENDING_MANY) return; /* its unsent blocks have no other owner */
    if (self->flags & TPI_ACTOR_BODY || pressure == TPI_PRESSURE_FAR) tpi_suspend_inside(self);
}

/* A block, complete but for its receiver, goes out under the receiver's bound. self NULL: from
 * outside. */
tp_err tpi_send_block(tp_runtime *runtime, tp_actor *self, tp_pid to, struct tpi_block *block) {
    TPI_CHECK(self == NULL || tpi_is_owner(self));
    TPI_CHECK(tpi_block_is_sound(block) && block->state == 0);
    struct tpi_worker *worker = self != NULL ? self->worker : NULL;
    uint64_t identity;
    tp_actor *receiver = tpi_find(runtime, to, &identity);
    if (self != NULL && __builtin_expect(worker->tracing, 0)) tpi_trace_send(self, to, block->type);
    if (__builtin_expect(receiver == NULL, 0)) {
        count_sent(runtime, self);
        enum tpi_pressure pressure = tpi_remote_send(runtime, worker, to, block);
        if (pressure != TPI_PRESSURE_NONE && self != NULL) over_remote(self, to, pressure);
        return TP_OK;
    }
    block->to_generation = to.generation;
    if (__builtin_expect(self == NULL || identity & TPI_IDENTITY_EXACT, 0)) {
        bool drop = false;
        int32_t over = 0;
        tp_err err = admit_exact(runtime, self, receiver, to, &drop, &over);
        if (err == TP_OK) count_sent(runtime, self);
        if (err != TP_OK || drop) {
            if (drop) count_dropped(runtime, self);
            if (drop && block->kind == TPI_KIND_REQUEST)
                tpi_fail_block(runtime, worker, block, TP_EFULL);
            else tpi_block_free(runtime, worker, block);
            return err;
        }
        tpi_push(runtime, worker, receiver, block);
        if (over > 0) passed_limit(self, receiver, to, over);
        return TP_OK;
    }
    count_sent(runtime, self);
    if (tpi_push(runtime, worker, receiver, block)) count_queued(self, receiver, to);
    return TP_OK;
}

/* As tpi_block_encode, for a type whose size has a small bound. */
static inline struct tpi_block *encode_small(struct tpi_worker *worker, const tp_message_type *type,
                                             const void *value) {
    TPI_CHECK(type->bound > 0 && type->bound <= 4096);
    uint8_t size_class = type->bound <= SMALLEST_PAYLOAD
                             ? SMALLEST_CLASS
                             : tpi_class_of(TPI_BLOCK_HEADER + type->bound);
    struct tpi_block *block = tpi_pool_take(worker->pool, size_class);
    if (__builtin_expect(block == NULL, 0)) return NULL;
    tpi_block_init(block, TPI_KIND_MESSAGE, type->bound, size_class, worker->pool->index);
    uint8_t *payload = (uint8_t *)(block + 1);
    tp_writer out = {.at = payload, .end = payload + type->bound, .failed = false};
    type->encode(value, &out);
    block->type = type;
    block->size = (uint32_t)(out.at - payload);
    return block;
}

/* Alive, and without a bound that must be exact: one comparison. */
static inline bool is_plain_receiver(const tp_actor *receiver, uint32_t generation) {
    /* acquire: partner is the release store in publish (spawn.c), as in tpi_find */
    return atomic_load_explicit(&receiver->identity, memory_order_acquire) ==
           ((uint64_t)generation << 32 | TPI_IDENTITY_ALIVE);
}

static __attribute__((noinline, cold)) tp_err send_other(tp_actor *self, tp_pid to,
                                                         struct tpi_block *block) {
    TPI_INSIDE(self);
    TPI_CHECK(tpi_block_is_sound(block));
    return tpi_send_block(self->runtime, self, to, block);
}

/* A complete block to a receiver that is most often alive and without an exact bound. */
static inline tp_err send_plain(tp_actor *self, tp_pid to, struct tpi_block *block) {
    TPI_CHECK(tpi_is_owner(self));
    TPI_CHECK(block->kind == TPI_KIND_MESSAGE && block->flags == 0 && block->state == 0);
    struct tpi_worker *worker = self->worker;
    tp_runtime *runtime = self->runtime;
    tp_actor *receiver = tpi_slot(runtime, to.slot);
    if (__builtin_expect(to.node != runtime->node || to.slot >= runtime->slot_count ||
                             !is_plain_receiver(receiver, to.generation) || worker->tracing,
                         0))
        return send_other(self, to, block);
    tpi_count(&worker->counters.sent, 1);
    block->to_generation = to.generation;
    if (tpi_mailbox_push(receiver, block)) tpi_worker_schedule(worker, &receiver->runnable);
    else count_queued(self, receiver, to);
    return TP_OK;
}

tp_err tp_send_value(tp_actor *self, tp_pid to, const tp_message_type *type, const void *value) {
    TPI_INSIDE(self);
    TPI_CHECK(type != NULL && tpi_is_owner(self));
    bool small = type->bound - 1 < 4096; /* 0 says there is no bound */
    struct tpi_block *block = __builtin_expect(small, 1)
                                  ? encode_small(self->worker, type, value)
                                  : tpi_block_encode(self->runtime, self->worker, type, value);
    if (__builtin_expect(block == NULL, 0)) return tpi_encode_error(type, value);
    block->from_slot = tpi_slot_of(self);
    block->from_generation = self->generation;
    return send_plain(self, to, block);
}

static __attribute__((noinline, cold)) uint8_t *
begin_refilled(tp_actor *self, const tp_message_type *type, uint32_t size_class) {
    TPI_INSIDE(self);
    TPI_CHECK(tpi_is_owner(self));
    struct tpi_pool *pool = self->worker->pool;
    TPI_ASSERT(size_class < TPI_CLASS_COUNT);
    void *block = tpi_pool_refill(pool, (uint8_t)size_class);
    if (block == NULL) return NULL;
    tpi_pool_give(pool, block, (uint8_t)size_class, pool->index);
    return tpi_send_begin(self, type, size_class);
}

_Static_assert(TPI_SEND_CLASS_64 == SMALLEST_CLASS && TPI_SEND_CLASS_64 + 3 == 5 &&
                   TPI_MESSAGE_PAYLOAD_AT + TPI_SEND_IN_PLACE == 256,
               "tpi_send_class in <troupe/message.h> knows the pool's classes");

uint8_t *tpi_send_begin(tp_actor *self, const tp_message_type *type, uint32_t size_class) {
    TPI_CHECK(tpi_is_owner(self) && size_class >= SMALLEST_CLASS && size_class <= 5);
    struct tpi_pool *pool = self->worker->pool;
    struct tpi_block *block = tpi_pool_take_cached(pool, (uint8_t)size_class);
    if (__builtin_expect(block == NULL, 0)) return begin_refilled(self, type, size_class);
    tpi_block_init(block, TPI_KIND_MESSAGE, 0, (uint8_t)size_class, pool->index);
    block->type = type;
    block->from_slot = tpi_slot_of(self);
    block->from_generation = self->generation;
    return (uint8_t *)(block + 1);
}

/* Says nothing of being inside (extra.h): what a containing actor sends is never plain, since
 * `tracing` is set while it runs. */
tp_err tpi_send_end(tp_actor *self, tp_pid to, uint8_t *payload, const uint8_t *end) {
    TPI_CHECK(end >= payload && (size_t)(end - payload) <= TPI_SEND_IN_PLACE);
    struct tpi_block *block = (struct tpi_block *)(void *)payload - 1;
    block->size = (uint32_t)(end - payload);
    return send_plain(self, to, block);
}

tp_err tp_send_alias_value(tp_actor *self, tp_alias alias, const tp_message_type *type,
                           const void *value) {
    TPI_INSIDE(self);
    TPI_CHECK(type != NULL && tpi_is_owner(self));
    tp_runtime *runtime = tpi_runtime_of(self->worker);
    struct tpi_block *block = tpi_block_encode(runtime, self->worker, type, value);
    if (block == NULL) return tpi_encode_error(type, value);
    tpi_block_set_from(runtime, block, tp_self(self));
    block->flags |= TPI_BLOCK_ALIAS;
    block->ref = alias.ref;
    return tpi_send_block(runtime, self, alias.owner, block);
}

/* ---- one payload for many ---- */

static struct tpi_payload *encode_shared(tp_runtime *runtime, const tp_message_type *type,
                                         const void *value) {
    TPI_CHECK(type != NULL);
    size_t bound = type->bound != 0 ? type->bound : type->measure(value);
    if (bound > TP_MESSAGE_SIZE_MAX) return NULL;
    struct tpi_payload *payload = tpi_heap_alloc(runtime->memory, sizeof *payload + bound);
    if (payload == NULL) return NULL;
    tp_writer out = {.at = payload->bytes, .end = payload->bytes + bound, .failed = false};
    type->encode(value, &out);
    atomic_init(&payload->references, 1);
    payload->size = (uint32_t)bound;
    payload->used = (uint32_t)(out.at - payload->bytes);
    payload->memory = runtime->memory;
    return payload;
}

static struct tpi_block *envelope(tp_actor *self, const tp_message_type *type,
                                  struct tpi_payload *payload) {
    TPI_CHECK(payload->used <= payload->size);
    tp_runtime *runtime = tpi_runtime_of(self->worker);
    struct tpi_block *block =
        tpi_block_new(runtime, self->worker, TPI_KIND_MESSAGE, sizeof payload);
    if (block == NULL) return NULL;
    block->type = type;
    block->flags = TPI_BLOCK_SHARED;
    block->size = payload->used;
    memcpy(tpi_block_payload(block), &payload, sizeof payload);
    /* relaxed: the broadcaster's own reference keeps it alive meanwhile */
    atomic_fetch_add_explicit(&payload->references, 1, memory_order_relaxed);
    tpi_block_set_from(runtime, block, tp_self(self));
    return block;
}

tp_err tp_broadcast_value(tp_actor *self, const tp_pid *to, size_t count,
                          const tp_message_type *type, const void *value) {
    TPI_INSIDE(self);
    TPI_CHECK(!(self->flags & TPI_ACTOR_SENDING_MANY));
    tp_runtime *runtime = tpi_runtime_of(self->worker);
    if (to == NULL && count > 0) return TP_EINVAL;
    struct tpi_payload *payload = encode_shared(runtime, type, value);
    if (payload == NULL) return tpi_encode_error(type, value);
    /* all envelopes first: none is sent when one cannot be had */
    struct tpi_block *first = NULL;
    size_t made = 0;
    for (; made < count; made++) {
        struct tpi_block *block = envelope(self, type, payload);
        if (block == NULL) break;
        tpi_block_link(block, first);
        first = block;
    }
    self->flags |= TPI_ACTOR_SENDING_MANY;
    for (size_t i = made; first != NULL; i--) {
        struct tpi_block *block = first;
        first = tpi_block_next(block);
        if (made == count) (void)tpi_send_block(runtime, self, to[i - 1], block);
        else tpi_block_free(runtime, self->worker, block);
    }
    self->flags &= ~(uint32_t)TPI_ACTOR_SENDING_MANY;
    tpi_payload_unref(payload);
    tpi_suspend_if_over(self);
    return made == count ? TP_OK : TP_ENOMEM;
}

tp_err tp_forward(tp_actor *self, tp_pid to) {
    TPI_INSIDE(self);
    TPI_CHECK(tpi_is_owner(self));
    tp_runtime *runtime = tpi_runtime_of(self->worker);
    if (self->current == NULL) return TP_ECONTEXT;
    if (self->current->kind == TPI_KIND_REQUEST) return tp_delegate(self, to);
    struct tpi_block *copy = tpi_block_copy(runtime, self->worker, self->current);
    if (copy == NULL) return TP_ENOMEM;
    copy->flags &= TPI_BLOCK_SHARED | TPI_BLOCK_REMOTE;
    return tpi_send_block(runtime, self, to, copy);
}
