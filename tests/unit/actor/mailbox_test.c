/*
 * The mailbox by itself, under many producers: whoever finds it idle has the right to run, nobody
 * else has, what each producer pushed comes out once and in its order, and nothing is left behind.
 * And the order is one that the producers could have seen: a push that was done before another
 * began comes out before it.
 */
#include <pthread.h>
#include <stdlib.h>

#include "core/actor/mailbox.h"

#include "tests/support/test.h"

#define PRODUCERS 4
#define EACH TP_SCALED(200000)

struct parcel {
    struct tpi_block block;
    uint64_t began; /* the clock when its push began */
    uint32_t producer;
    uint32_t number;
};

struct post {
    tp_actor actor;
    _Atomic(uint64_t) clock;   /* goes up with every push begun and every push done */
    _Atomic(uint32_t) running; /* consumers at work: never more than one */
    _Atomic(uint32_t) handed;  /* times the right to run was won */
    uint32_t next[PRODUCERS];  /* the consumer's: what must come next of each */
    uint64_t latest_began;     /* of what has come out: the push that began last */
    uint64_t taken;
};

struct producer {
    struct post *post;
    uint32_t index;
    pthread_t thread;
    struct parcel *parcels;
};

static void take(struct post *post, struct tpi_block *block) {
    struct parcel *parcel = (struct parcel *)(void *)block;
    TP_ASSERT_EQ_INT(parcel->number, post->next[parcel->producer]);
    post->next[parcel->producer]++;
    /* `ref`: the clock when the push was done; 0 while it may still be under way */
    uint64_t done = __atomic_load_n(&block->ref, __ATOMIC_ACQUIRE);
    TP_ASSERT(done == 0 ||
              done > post->latest_began); /* else one that began later came out first */
    if (parcel->began > post->latest_began) post->latest_began = parcel->began;
    post->taken++;
}

/* A run: takes all that is there, then idle or another round; as core/actor/run.c does. */
static void run(struct post *post) {
    tp_actor *actor = &post->actor;
    for (;;) {
        TP_ASSERT_EQ_INT(atomic_fetch_add_explicit(&post->running, 1, memory_order_acq_rel), 0);
        for (struct tpi_block *next; (next = tpi_block_next(actor->tail)) != NULL;) {
            actor->tail = actor->scan = next;
            TP_ASSERT(next != tpi_stub(actor));
            take(post, next);
        }
        atomic_fetch_sub_explicit(&post->running, 1, memory_order_acq_rel);
        struct tpi_block *spent;
        if (tpi_mailbox_idle(actor, false, &spent)) return;
    }
}

static void *produces(void *arg) {
    struct producer *producer = arg;
    struct post *post = producer->post;
    for (uint32_t i = 0; i < EACH; i++) {
        struct parcel *parcel = &producer->parcels[i];
        parcel->producer = producer->index;
        parcel->number = i;
        parcel->began = atomic_fetch_add_explicit(&post->clock, 1, memory_order_acq_rel);
        bool won = tpi_mailbox_push(&post->actor, &parcel->block);
        uint64_t done = atomic_fetch_add_explicit(&post->clock, 1, memory_order_acq_rel) + 1;
        __atomic_store_n(&parcel->block.ref, done, __ATOMIC_RELEASE);
        if (!won) continue;
        atomic_fetch_add_explicit(&post->handed, 1, memory_order_relaxed);
        run(post);
    }
    return NULL;
}

static void produce_with(unsigned producers) {
    struct post *post = aligned_alloc(64, sizeof *post);
    struct producer crowd[PRODUCERS] = {{0}};
    memset(post, 0, sizeof *post);
    tpi_mailbox_init(&post->actor);
    for (unsigned i = 0; i < producers; i++) {
        crowd[i] = (struct producer){.post = post, .index = i};
        crowd[i].parcels = calloc(EACH, sizeof *crowd[i].parcels);
        TP_ASSERT(crowd[i].parcels != NULL);
        TP_ASSERT_EQ_INT(pthread_create(&crowd[i].thread, NULL, produces, &crowd[i]), 0);
    }
    for (unsigned i = 0; i < producers; i++) pthread_join(crowd[i].thread, NULL);
    for (unsigned i = 0; i < producers; i++) TP_ASSERT_EQ_INT(post->next[i], EACH);
    TP_ASSERT_EQ_INT(post->taken, (uint64_t)producers * EACH);
    TP_ASSERT(atomic_load_explicit(&post->handed, memory_order_relaxed) > 0);
    TP_ASSERT(tpi_mailbox_claim(&post->actor)); /* idle, and holding only its stub */
    for (unsigned i = 0; i < producers; i++) free(crowd[i].parcels);
    free(post);
}
TP_TEST(mailbox, one_producer) {
    produce_with(1);
}
TP_TEST(mailbox, many_producers_one_runner_at_a_time_nothing_lost) {
    for (int i = 0; i < 3; i++) produce_with(PRODUCERS);
}

/* ---- every interleaving of few steps is in tests/models/mailbox.pml; here: the edges ---- */

TP_TEST(mailbox, a_fresh_one_is_idle_and_is_won_once) {
    struct parcel a = {.number = 0}, b = {.number = 1};
    tp_actor *actor = aligned_alloc(64, sizeof *actor);
    memset(actor, 0, sizeof *actor);
    tpi_mailbox_init(actor);
    TP_ASSERT(tpi_mailbox_push(actor, &a.block));
    TP_ASSERT(!tpi_mailbox_push(actor, &b.block));
    TP_ASSERT(tpi_block_next(actor->tail) == &a.block);
    TP_ASSERT(tpi_block_next(&a.block) == &b.block);
    TP_ASSERT(tpi_block_next(&b.block) == NULL);
    free(actor);
}
TP_TEST(mailbox, an_idle_slot_is_claimed_by_one) {
    tp_actor *actor = aligned_alloc(64, sizeof *actor);
    struct parcel a = {.number = 0};
    memset(actor, 0, sizeof *actor);
    tpi_mailbox_init(actor);
    TP_ASSERT(tpi_mailbox_claim(actor));
    TP_ASSERT(!tpi_mailbox_claim(actor));
    TP_ASSERT(!tpi_mailbox_push(actor, &a.block)); /* the claimer has the right to run */
    free(actor);
}
TP_TEST(mailbox, any_block_can_leave_but_one_with_a_gap_behind_it) {
    tp_actor *actor = aligned_alloc(64, sizeof *actor);
    struct parcel a = {.number = 0}, b = {.number = 1}, c = {.number = 2};
    memset(actor, 0, sizeof *actor);
    tpi_mailbox_init(actor);
    TP_ASSERT(tpi_mailbox_push(actor, &a.block));
    TP_ASSERT(!tpi_mailbox_push(actor, &b.block));
    TP_ASSERT(tpi_mailbox_unlink(actor, actor->tail, &a.block)); /* b is behind it */
    TP_ASSERT(tpi_mailbox_unlink(actor, actor->tail, &b.block)); /* the last one */
    TP_ASSERT(tpi_block_next(actor->tail) == NULL);
    TP_ASSERT(!tpi_mailbox_push(actor, &a.block)); /* behind the one before */
    TP_ASSERT(tpi_block_next(actor->tail) == &a.block);
    /* a producer between its two steps */
    tpi_block_link(&c.block, NULL);
    atomic_store_explicit(&actor->head, (uintptr_t)&c.block, memory_order_relaxed);
    TP_ASSERT(!tpi_mailbox_unlink(actor, actor->tail, &a.block));
    TP_ASSERT(tpi_block_next(actor->tail) == &a.block);
    tpi_block_link(&a.block, &c.block);
    TP_ASSERT(tpi_mailbox_unlink(actor, actor->tail, &a.block));
    TP_ASSERT(tpi_block_next(actor->tail) == &c.block);
    free(actor);
}
