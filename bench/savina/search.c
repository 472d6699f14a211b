/*
 * Savina's benchmarks of search and recursion: quicksort (1,000,000 values, threshold 2,000),
 * N-queens (12, threshold 4, 20 workers), unbalanced cobwebbed tree (200,000 nodes, 10 children,
 * 500 steps a node).
 */
#include <stdlib.h>
#include <string.h>

#include "bench/savina/savina.h"

#define SORT_VALUES 1000000u
#define SORT_ALONE 2000u
#define WORKERS 20u
#define QUEENS 12u
#define QUEENS_ALONE 4u
#define TREE_NODES 200000u
#define TREE_CHILDREN 10u
#define TREE_WORK 500u

/* ---- quicksort: an actor a part; what it gives back is sorted ---- */

TP_MESSAGE(sort_ask, TP_FIELD(pid, to), TP_FIELD(u32, part), TP_LIST(u32, values))
TP_MESSAGE(sort_done, TP_FIELD(u32, part), TP_LIST(u32, values))

struct quick {
    tp_pid to;
    uint32_t part, left;
    uint32_t *values;
    size_t count, low, high;
};

extern const tp_behavior *const quick_itself;

static int by_number(const void *a, const void *b) {
    uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;
    return (left > right) - (left < right);
}
static void quick_answer(tp_actor *self, struct quick *quick) {
    tp_send(self, quick->to, sort_done, .part = quick->part,
            .values = {quick->values, quick->count});
    tp_exit(self, TP_EXIT_NORMAL);
}
/* Below the pivot to the front, above it to the end, in one pass. */
static void part(struct quick *quick, const uint32_t *from) {
    uint32_t pivot = from[quick->count / 2];
    quick->high = quick->count;
    for (size_t i = 0; i < quick->count; i++) {
        if (from[i] < pivot) quick->values[quick->low++] = from[i];
        if (from[i] > pivot) quick->values[--quick->high] = from[i];
    }
    for (size_t i = quick->low; i < quick->high; i++) quick->values[i] = pivot;
}
static void on_sort_ask(tp_actor *self, struct quick *quick, const sort_ask *msg) {
    quick->to = msg->to;
    quick->part = msg->part;
    quick->count = msg->values.count;
    quick->values = savina_alloc(self, quick->count * sizeof *quick->values + 1);
    if (quick->count < SORT_ALONE) {
        if (quick->count > 0)
            memcpy(quick->values, msg->values.items, quick->count * sizeof *quick->values);
        qsort(quick->values, quick->count, sizeof *quick->values, by_number);
        quick_answer(self, quick);
    }
    part(quick, msg->values.items);
    quick->left = 2;
    tp_send(self, savina_born(self, tp_spawn(self, quick_itself)), sort_ask, .to = tp_self(self),
            .part = 0, .values = {quick->values, quick->low});
    tp_send(self, savina_born(self, tp_spawn(self, quick_itself)), sort_ask, .to = tp_self(self),
            .part = 1, .values = {quick->values + quick->high, quick->count - quick->high});
}
static void on_sort_done(tp_actor *self, struct quick *quick, const sort_done *msg) {
    size_t at = msg->part == 0 ? 0 : quick->high;
    if (msg->values.count > quick->count - at) tp_fail(self, "a part has become larger");
    if (msg->values.count > 0)
        memcpy(quick->values + at, msg->values.items, msg->values.count * sizeof *quick->values);
    if (--quick->left == 0) quick_answer(self, quick);
}
TP_BEHAVIOR(quick_behavior, "quicksort", struct quick, TP_ON(sort_ask, on_sort_ask),
            TP_ON(sort_done, on_sort_done));
const tp_behavior *const quick_itself = &quick_behavior;

static double quicksort(tp_actor *self) {
    size_t count = bench_scaled(SORT_VALUES, 10);
    uint32_t *values = savina_alloc(self, count * sizeof *values);
    uint64_t random = 1, sum = 0;
    sort_done done;
    for (size_t i = 0; i < count; i++) sum += values[i] = savina_random(&random);
    tp_time start = tp_now(self);
    tp_send(self, savina_born(self, tp_spawn(self, &quick_behavior)), sort_ask, .to = tp_self(self),
            .values = {values, count});
    if (tp_receive(self, TP_FOREVER, &done, sort_done) != TP_OK) tp_fail(self, "no result");
    double span = bench_since(self, start) / 1e6;
    savina_expect(self, "values", done.values.count, count);
    for (size_t i = 0; i < count; i++) {
        sum -= done.values.items[i];
        if (i > 0 && done.values.items[i] < done.values.items[i - 1])
            tp_fail(self, "not in order at %zu", i);
    }
    savina_expect(self, "difference of the sums", sum, 0);
    return span;
}

/* ---- N-queens ---- */

TP_MESSAGE(queens_work, TP_FIELD(u32, size), TP_LIST(u8, board))
TP_MESSAGE(queens_more, TP_LIST(u8, board))
TP_MESSAGE(queens_end, TP_FIELD(u64, solutions))

struct queens {
    uint64_t handled;
};
struct chess {
    tp_pid boss, workers[WORKERS];
    uint64_t sent, back, solutions;
    uint32_t size;
};
TP_MESSAGE(chess_start, TP_FIELD(pid, boss), TP_FIELD(u32, size))

static bool safe(const uint8_t *board, uint32_t row, uint32_t column) {
    for (uint32_t i = 0; i < row; i++)
        if (board[i] == column || board[i] + row == column + i || board[i] + i == column + row)
            return false;
    return true;
}
static uint64_t count_queens(uint8_t *board, uint32_t row, uint32_t size) {
    uint64_t count = 0;
    if (row == size) return 1;
    for (uint32_t i = 0; i < size; i++) {
        if (!safe(board, row, i)) continue;
        board[row] = (uint8_t)i;
        count += count_queens(board, row + 1, size);
    }
    return count;
}
static void on_queens_work(tp_actor *self, struct queens *queens, const queens_work *msg) {
    uint8_t board[32] = {0};
    uint32_t row = (uint32_t)msg->board.count;
    uint64_t solutions = 0;
    queens->handled++;
    if (row > 0) memcpy(board, msg->board.items, row);
    if (row >= QUEENS_ALONE) {
        solutions = count_queens(board, row, msg->size);
    } else {
        for (uint32_t i = 0; i < msg->size; i++) {
            if (!safe(board, row, i)) continue;
            board[row] = (uint8_t)i;
            tp_send(self, tp_sender(self), queens_more, .board = {board, row + 1});
        }
    }
    tp_send(self, tp_sender(self), queens_end, .solutions = solutions);
}
TP_BEHAVIOR(queens_behavior, "queens", struct queens, TP_ON(queens_work, on_queens_work));

static void on_chess_start(tp_actor *self, struct chess *chess, const chess_start *msg) {
    chess->boss = msg->boss;
    chess->size = msg->size;
    for (unsigned i = 0; i < WORKERS; i++)
        chess->workers[i] = savina_born(self, tp_spawn(self, &queens_behavior));
    tp_send(self, chess->workers[chess->sent++], queens_work, .size = chess->size);
}
static void on_queens_more(tp_actor *self, struct chess *chess, const queens_more *msg) {
    tp_send(self, chess->workers[chess->sent++ % WORKERS], queens_work, .size = chess->size,
            .board = msg->board);
}
static void on_queens_end(tp_actor *self, struct chess *chess, const queens_end *msg) {
    chess->solutions += msg->solutions;
    if (++chess->back == chess->sent)
        tp_send(self, chess->boss, bench_done, .count = chess->solutions);
}
TP_BEHAVIOR(chess_behavior, "chess", struct chess, TP_ON(chess_start, on_chess_start),
            TP_ON(queens_more, on_queens_more), TP_ON(queens_end, on_queens_end));

static double nqueens(tp_actor *self) {
    static const uint64_t known[] = {1, 1, 0, 0, 2, 10, 4, 40, 92, 352, 724, 2680, 14200};
    uint32_t size = QUEENS;
    /* One queen less is about a fifth of the work. */
    for (uint64_t work = 10000; size > 6 && work > bench_scaled(10000, 1); work /= 5) size--;
    bench_done done;
    tp_time start = tp_now(self);
    tp_send(self, savina_born(self, tp_spawn(self, &chess_behavior)), chess_start,
            .boss = tp_self(self), .size = size);
    if (tp_receive(self, TP_FOREVER, &done, bench_done) != TP_OK) tp_fail(self, "no result");
    savina_expect(self, "solutions", done.count, known[size]);
    return bench_since(self, start) / 1e6;
}

/* ---- unbalanced cobwebbed tree: the root grants children while there are nodes left ---- */

TP_MESSAGE(twig_start, TP_FIELD(pid, root), TP_FIELD(pid, parent), TP_FIELD(u64, seed))
TP_MESSAGE(may_grow)
TP_MESSAGE(grown, TP_FIELD(bool, granted))
TP_MESSAGE(traverse)
TP_MESSAGE(counted, TP_FIELD(u64, nodes))
TP_MESSAGE(tree_start, TP_FIELD(pid, boss), TP_FIELD(u64, nodes))

struct twig {
    tp_pid root, parent, children[TREE_CHILDREN];
    uint64_t random, nodes;
    uint32_t count, left;
    bool settled;
};
struct tree {
    tp_pid boss, top;
    uint64_t nodes, most, asking, random;
};

extern const tp_behavior *const twig_itself;

static void on_twig_start(tp_actor *self, struct twig *twig, const twig_start *msg) {
    twig->root = msg->root;
    twig->parent = msg->parent;
    twig->random = msg->seed;
    tp_send(self, twig->root, may_grow);
}
static void on_grown(tp_actor *self, struct twig *twig, const grown *msg) {
    savina_work(&twig->random, TREE_WORK);
    twig->settled = true;
    tp_retry_postponed(self);
    if (!msg->granted) return;
    for (; twig->count < TREE_CHILDREN; twig->count++)
        twig->children[twig->count] = savina_born(
            self, tp_spawn(self, twig_itself, twig_start, .root = twig->root,
                           .parent = tp_self(self), .seed = savina_random(&twig->random)));
}
static void on_traverse(tp_actor *self, struct twig *twig, const traverse *msg) {
    (void)msg;
    /* The parent's order may overtake the root's answer: order holds between two actors only. */
    if (!twig->settled) {
        tp_postpone(self);
        return;
    }
    savina_work(&twig->random, TREE_WORK);
    twig->nodes = 1;
    twig->left = twig->count;
    if (twig->count > 0) tp_broadcast(self, twig->children, twig->count, traverse);
    else tp_send(self, twig->parent, counted, .nodes = 1);
}
static void on_counted(tp_actor *self, struct twig *twig, const counted *msg) {
    twig->nodes += msg->nodes;
    if (--twig->left == 0) tp_send(self, twig->parent, counted, .nodes = twig->nodes);
}
TP_BEHAVIOR(twig_behavior, "twig", struct twig, TP_INIT_WITH(twig_start, on_twig_start),
            TP_ON(grown, on_grown), TP_ON(traverse, on_traverse), TP_ON(counted, on_counted));
const tp_behavior *const twig_itself = &twig_behavior;

static void on_tree_start(tp_actor *self, struct tree *tree, const tree_start *msg) {
    tree->boss = msg->boss;
    tree->most = msg->nodes;
    tree->nodes = tree->asking = 1;
    tree->top = savina_born(self, tp_spawn(self, &twig_behavior, twig_start, .root = tp_self(self),
                                           .parent = tp_self(self)));
}
static void on_may_grow(tp_actor *self, struct tree *tree, const may_grow *msg) {
    (void)msg;
    /* By chance, but the last one asking must grow while there is room. */
    bool wanted = tree->asking == 1 || savina_random(&tree->random) % 2 == 0;
    bool granted = wanted && tree->nodes + TREE_CHILDREN <= tree->most;
    tree->asking--;
    if (granted) {
        tree->nodes += TREE_CHILDREN;
        tree->asking += TREE_CHILDREN;
    }
    tp_send(self, tp_sender(self), grown, .granted = granted);
    if (tree->asking == 0) tp_send(self, tree->top, traverse);
}
static void on_tree_counted(tp_actor *self, struct tree *tree, const counted *msg) {
    savina_expect(self, "nodes", msg->nodes, tree->nodes);
    tp_send(self, tree->boss, bench_done, .count = msg->nodes);
}
TP_BEHAVIOR(tree_behavior, "tree", struct tree, TP_ON(tree_start, on_tree_start),
            TP_ON(may_grow, on_may_grow), TP_ON(counted, on_tree_counted));

static double uct(tp_actor *self) {
    uint64_t nodes = bench_scaled(TREE_NODES, 100);
    bench_done done;
    tp_time start = tp_now(self);
    tp_send(self, savina_born(self, tp_spawn(self, &tree_behavior)), tree_start,
            .boss = tp_self(self), .nodes = nodes);
    if (tp_receive(self, TP_FOREVER, &done, bench_done) != TP_OK) tp_fail(self, "no result");
    if (done.count + TREE_CHILDREN <= nodes) tp_fail(self, "the tree stayed small");
    return bench_since(self, start) / 1e6;
}

const struct bench_case bench_savina_search[] = {
    {"quicksort", "ms", "1,000,000 values, an actor a part down to 2,000", quicksort},
    {"nqueens", "ms", "12 queens, 20 workers, alone from the fourth row", nqueens},
    {"uct", "ms", "unbalanced cobwebbed tree of 200,000 nodes", uct},
    {NULL, NULL, NULL, NULL}};
