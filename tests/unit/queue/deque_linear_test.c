/*
 * Linearizability of the deque: tiny histories of an owner and two thieves are recorded with the
 * moments of call and return, and for each an order of the operations is searched that respects
 * those moments and is legal for a plain list. A history without such an order is a bug, whatever
 * the memory model did.
 */
#include "core/queue/queue.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/rng.h"
#include "tests/support/test.h"

enum { OWNER_OPS = 8, THIEVES = 2, THIEF_OPS = 2, OPS = OWNER_OPS + THIEVES * THIEF_OPS };
enum { VALUES_MAX = OWNER_OPS, ROUNDS = 6000 };

enum op_kind { OP_PUSH, OP_TAKE, OP_TAKE_LAST, OP_STEAL };

struct op {
    enum op_kind kind;
    uint64_t called;
    uint64_t returned;
    int count; /* values pushed or got */
    int values[VALUES_MAX];
};

struct item {
    struct tpi_node node;
    int number;
};

struct arena {
    struct tpi_deque deque;
    struct tpi_deque into[THIEVES];
    _Atomic(uint64_t) clock;
    _Atomic(int) round;   /* thieves run when it changes; -1 ends them */
    _Atomic(int) running; /* thieves still in this round */
    _Atomic(int) next_thief;
    struct item items[OWNER_OPS];
    struct op ops[OPS];
};

/* ---- the search ---- */

struct list {
    int values[VALUES_MAX];
    int count;
};

static bool drop_front(struct list *list, const struct op *op) {
    if (op->count > list->count) return false;
    if (memcmp(list->values, op->values, (size_t)op->count * sizeof(int)) != 0) return false;
    list->count -= op->count;
    memmove(list->values, list->values + op->count, (size_t)list->count * sizeof(int));
    return true;
}

/* Does the operation's result fit the list? Then the list is changed by it. */
static bool apply(struct list *list, const struct op *op) {
    if (op->kind == OP_PUSH) {
        list->values[list->count++] = op->values[0];
        return true;
    }
    if (op->count == 0) return list->count == 0;
    if (op->kind == OP_TAKE_LAST)
        return list->count > 0 && list->values[--list->count] == op->values[0];
    if (op->kind == OP_STEAL && op->count > list->count - list->count / 2) return false;
    return drop_front(list, op);
}

static bool search(const struct op *ops, unsigned done, const struct list *list) {
    if (done == (1u << OPS) - 1) return true;
    uint64_t first_return = UINT64_MAX;
    for (int i = 0; i < OPS; i++) {
        if ((done >> i & 1) == 0 && ops[i].returned < first_return) first_return = ops[i].returned;
    }
    for (int i = 0; i < OPS; i++) {
        /* Only what was called before every open operation returned may come next. */
        if ((done >> i & 1) != 0 || ops[i].called > first_return) continue;
        struct list after = *list;
        if (apply(&after, &ops[i]) && search(ops, done | 1u << i, &after)) return true;
    }
    return false;
}

static bool linearizable(const struct op *ops) {
    struct list empty = {{0}, 0};
    return search(ops, 0, &empty);
}

/* ---- the recording ---- */

static uint64_t now(struct arena *arena) {
    /* seq_cst: moments of different threads must be in one order with what lies between them. */
    return atomic_fetch_add_explicit(&arena->clock, 1, memory_order_seq_cst);
}

static void note(struct op *op, const struct tpi_node *node) {
    if (node != NULL) op->values[op->count++] = ((const struct item *)(const void *)node)->number;
}

static void owner_round(struct arena *arena, struct tpi_rng *rng) {
    int pushed = 0;
    for (int i = 0; i < OWNER_OPS; i++) {
        struct op *op = &arena->ops[i];
        static const enum op_kind kinds[] = {OP_PUSH, OP_PUSH, OP_TAKE, OP_TAKE_LAST, OP_TAKE_LAST};
        op->kind = i < 2 ? OP_PUSH : kinds[tpi_rng_below(rng, 5)];
        op->count = 0;
        op->called = now(arena);
        if (op->kind == OP_PUSH) {
            note(op, &arena->items[pushed].node);
            TP_ASSERT(tpi_deque_push(&arena->deque, &arena->items[pushed++].node));
        } else if (op->kind == OP_TAKE) {
            note(op, tpi_deque_take(&arena->deque));
        } else {
            note(op, tpi_deque_take_last(&arena->deque));
        }
        op->returned = now(arena);
    }
}

static void thief_round(struct arena *arena, int thief, struct tpi_rng *rng) {
    for (int i = 0; i < THIEF_OPS; i++) {
        struct op *op = &arena->ops[OWNER_OPS + thief * THIEF_OPS + i];
        uint32_t moved;
        op->kind = OP_STEAL;
        op->count = 0;
        for (uint64_t spin = tpi_rng_below(rng, 60); spin > 0; spin--) tpi_cpu_relax();
        op->called = now(arena);
        struct tpi_node *node = tpi_deque_steal(&arena->deque, &arena->into[thief], &moved);
        op->returned = now(arena);
        for (; node != NULL; node = tpi_deque_take(&arena->into[thief])) note(op, node);
        TP_ASSERT_EQ_INT(op->count, moved);
    }
}

static void thief_main(void *arg) {
    struct arena *arena = arg;
    struct tpi_rng rng;
    int seen = 0;
    /* relaxed: only a number for each. */
    int thief = atomic_fetch_add_explicit(&arena->next_thief, 1, memory_order_relaxed);
    tpi_rng_seed(&rng, (uint64_t)thief + 100);
    for (;;) {
        int round;
        /* acquire: partner is the store that begins a round; the arena was prepared before it. */
        while ((round = atomic_load_explicit(&arena->round, memory_order_acquire)) == seen) {
            tpi_thread_yield();
        }
        if (round < 0) return;
        seen = round;
        thief_round(arena, thief, &rng);
        /* release: partner is the wait in play_round; the recorded operations go with it. */
        atomic_fetch_sub_explicit(&arena->running, 1, memory_order_release);
    }
}

static void print_history(const struct op *ops) {
    static const char *const names[] = {"push", "take", "take_last", "steal"};
    for (int i = 0; i < OPS; i++) {
        fprintf(stderr, "%2d..%2d %s", (int)ops[i].called, (int)ops[i].returned,
                names[ops[i].kind]);
        for (int k = 0; k < ops[i].count; k++) fprintf(stderr, " %d", ops[i].values[k]);
        fprintf(stderr, "\n");
    }
}

static void play_round(struct arena *arena, int round, struct tpi_rng *rng) {
    tpi_deque_init(&arena->deque);
    /* relaxed, both: published by the release store below. */
    atomic_store_explicit(&arena->clock, 0, memory_order_relaxed);
    atomic_store_explicit(&arena->running, THIEVES, memory_order_relaxed);
    /* release: partner is the load in thief_main. */
    atomic_store_explicit(&arena->round, round, memory_order_release);
    for (uint64_t spin = tpi_rng_below(rng, 200); spin > 0; spin--) tpi_cpu_relax();
    owner_round(arena, rng);
    /* acquire: partner is the decrement in thief_main. */
    while (atomic_load_explicit(&arena->running, memory_order_acquire) > 0) tpi_thread_yield();
    if (!linearizable(arena->ops)) {
        print_history(arena->ops);
        TP_ASSERT_MSG(false, "round %d: no legal order", round);
    }
}

TP_TEST(deque_linear, every_history_has_a_legal_order) {
    struct arena *arena = aligned_alloc(64, (sizeof(*arena) + 63) / 64 * 64);
    memset(arena, 0, sizeof(*arena));
    struct tpi_rng rng;
    tpi_rng_seed(&rng, 77);
    for (int i = 0; i < OWNER_OPS; i++) arena->items[i].number = i + 1;
    for (int i = 0; i < THIEVES; i++) tpi_deque_init(&arena->into[i]);
    tpi_thread threads[THIEVES];
    for (int i = 0; i < THIEVES; i++) {
        TP_ASSERT_EQ_INT(tpi_thread_start(&threads[i], "thief", thief_main, arena), TP_OK);
    }
    for (int round = 1; round <= ROUNDS; round++) play_round(arena, round, &rng);
    /* release: as every round's beginning. */
    atomic_store_explicit(&arena->round, -1, memory_order_release);
    for (int i = 0; i < THIEVES; i++) tpi_thread_join(threads[i]);
    free(arena);
}

/* The checker itself: a history that no list can produce is refused, one that can is not. */
TP_TEST(deque_linear, the_search_tells_right_from_wrong) {
    struct op ops[OPS];
    memset(ops, 0, sizeof(ops));
    for (int i = 0; i < OPS; i++) { /* empty steals before everything */
        ops[i].kind = OP_STEAL;
        ops[i].called = (uint64_t)i * 2;
        ops[i].returned = (uint64_t)i * 2 + 1;
    }
    TP_ASSERT(linearizable(ops));
    struct op *push = &ops[OPS - 3];
    struct op *take = &ops[OPS - 2];
    struct op *again = &ops[OPS - 1];
    push->kind = OP_PUSH;
    take->kind = OP_TAKE;
    push->count = take->count = again->count = 1;
    push->values[0] = take->values[0] = again->values[0] = 1;
    TP_ASSERT(!linearizable(ops)); /* taken and stolen */
    again->count = 0;
    TP_ASSERT(linearizable(ops));
    take->count = 0;
    TP_ASSERT(!linearizable(ops)); /* both saw nothing, after the push had returned */
    push->returned = again->returned + 1;
    TP_ASSERT(linearizable(ops)); /* the push was still going on */
}
