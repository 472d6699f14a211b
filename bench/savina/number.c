/*
 * Savina's benchmarks of numbers: trapezoidal approximation (10,000,000 pieces, 100 workers), pi
 * (5,000 digits, 20 workers), matrix multiplication (1,024 x 1,024, blocks of 16,384 elements, 20
 * workers), all pairs' shortest paths (300 nodes, blocks of 50), successive over-relaxation (250 x
 * 250, 100 iterations, omega 1.25).
 */
#include <math.h>
#include <string.h>

#include "bench/savina/savina.h"

#define PIECES 10000000u
#define TRAPEZOID_WORKERS 100u
#define DIGITS 5000u
#define WORKERS 20u
#define MATRIX 1024u
#define BLOCK 128u
#define NODES 300u
#define APSP_BLOCK 50u
#define GRID 250u
#define SOR_ROUNDS 100u
#define OMEGA 1.25

/* ---- trapezoid ---- */

TP_MESSAGE(area_ask, TP_FIELD(f64, left), TP_FIELD(f64, width), TP_FIELD(u64, pieces))
TP_MESSAGE(area, TP_FIELD(f64, value))

struct none {
    uint64_t handled;
};

static double curve(double x) {
    return 1 / (x + 1) * sqrt(1 + exp(sqrt(2 * x))) * sin(x * x * x - 1);
}
static void on_area_ask(tp_actor *self, struct none *none, const area_ask *msg) {
    double sum = 0;
    none->handled++;
    for (uint64_t i = 0; i < msg->pieces; i++) {
        double left = msg->left + (double)i * msg->width;
        sum += (curve(left) + curve(left + msg->width)) / 2 * msg->width;
    }
    tp_send(self, tp_sender(self), area, .value = sum);
}
TP_BEHAVIOR(area_behavior, "trapezoid", struct none, TP_ON(area_ask, on_area_ask));

/* Simpson's rule, which is near enough with fewer pieces. */
static double simpson(double from, double to, unsigned halves) {
    double width = (to - from) / halves, sum = curve(from) + curve(to);
    for (unsigned i = 1; i < halves; i++) sum += (i % 2 ? 4 : 2) * curve(from + i * width);
    return sum * width / 3;
}

static double trapezoid(tp_actor *self) {
    uint64_t each = bench_scaled(PIECES / TRAPEZOID_WORKERS, 100);
    double span = 4.0 / TRAPEZOID_WORKERS, sum = 0, want = simpson(1, 5, 20000);
    tp_time start = tp_now(self);
    for (unsigned i = 0; i < TRAPEZOID_WORKERS; i++)
        tp_send(self, savina_born(self, tp_spawn(self, &area_behavior)), area_ask,
                .left = 1 + i * span, .width = span / (double)each, .pieces = each);
    for (unsigned i = 0; i < TRAPEZOID_WORKERS; i++) {
        area got;
        if (tp_receive(self, TP_FOREVER, &got, area) != TP_OK) tp_fail(self, "no area");
        sum += got.value;
    }
    if (fabs(sum - want) > 1e-3) tp_fail(self, "area: %f, not %f", sum, want);
    return bench_since(self, start) / 1e6;
}

/* ---- pi: the terms of Bailey, Borwein and Plouffe, as 32-bit words after a word of units ---- */

TP_MESSAGE(term_ask, TP_FIELD(u32, k), TP_FIELD(u32, words))
TP_MESSAGE(term, TP_LIST(u32, words))

static bool divide(uint32_t *out, const uint32_t *in, uint32_t words, uint32_t by) {
    uint64_t rest = 0;
    bool some = false;
    for (uint32_t i = 0; i < words; i++) {
        rest = rest << 32 | in[i];
        out[i] = (uint32_t)(rest / by);
        some |= out[i] != 0;
        rest %= by;
    }
    return some;
}
static void add(uint32_t *sum, const uint32_t *more, uint32_t words) {
    uint64_t carry = 0;
    for (uint32_t i = words; i-- > 0;) {
        carry += (uint64_t)sum[i] + more[i];
        sum[i] = (uint32_t)carry;
        carry >>= 32;
    }
}
static void subtract(uint32_t *sum, const uint32_t *less, uint32_t words) {
    uint64_t borrow = 0;
    for (uint32_t i = words; i-- > 0;) {
        uint64_t part = (uint64_t)sum[i] - less[i] - borrow;
        sum[i] = (uint32_t)part;
        borrow = part >> 63;
    }
}
/* Adds or subtracts times / (by x 16^k). */
static void put_part(uint32_t *sum, uint32_t *work, uint32_t words, uint32_t k, uint32_t times,
                     uint32_t by) {
    memset(work, 0, words * sizeof *work);
    uint32_t at = k / 8, shift = k % 8 * 4;
    if (at >= words) return;
    work[at] = times >> shift;
    if (shift > 0 && at + 1 < words) work[at + 1] = (uint32_t)((uint64_t)times << (32 - shift));
    divide(work, work, words, by);
    if (times == 4) add(sum, work, words);
    else subtract(sum, work, words);
}
static void on_term_ask(tp_actor *self, struct none *none, const term_ask *msg) {
    uint32_t *sum = savina_alloc(self, msg->words * sizeof *sum);
    uint32_t *work = savina_alloc(self, msg->words * sizeof *work);
    none->handled++;
    put_part(sum, work, msg->words, msg->k, 4, 8 * msg->k + 1);
    put_part(sum, work, msg->words, msg->k, 2, 8 * msg->k + 4);
    put_part(sum, work, msg->words, msg->k, 1, 8 * msg->k + 5);
    put_part(sum, work, msg->words, msg->k, 1, 8 * msg->k + 6);
    tp_send(self, tp_sender(self), term, .words = {sum, msg->words});
    tp_free(self, sum);
    tp_free(self, work);
}
TP_BEHAVIOR(term_behavior, "pi", struct none, TP_ON(term_ask, on_term_ask));

/* Adds (sign 1) or subtracts (sign 0) times x arctan(1 / x). */
static void arctan(uint32_t *sum, uint32_t *power, uint32_t *work, uint32_t words, uint32_t times,
                   uint32_t x, bool plus) {
    memset(power, 0, words * sizeof *power);
    power[0] = times;
    divide(power, power, words, x);
    for (uint32_t n = 1;; n += 2, plus = !plus) {
        divide(work, power, words, n);
        if (plus) add(sum, work, words);
        else subtract(sum, work, words);
        if (!divide(power, power, words, x * x)) return;
    }
}

/* Another way to the same number: Machin's. The last words may differ. */
static void check_pi(tp_actor *self, const uint32_t *got, uint32_t words) {
    uint32_t *want = savina_alloc(self, 3 * words * sizeof *want);
    arctan(want, want + words, want + 2 * words, words, 16, 5, true);
    arctan(want, want + words, want + 2 * words, words, 4, 239, false);
    if (got[0] != 3 || got[1] != 0x243f6a88) tp_fail(self, "pi begins wrong");
    for (uint32_t i = 0; i + 3 < words; i++)
        if (got[i] != want[i]) tp_fail(self, "pi is wrong at word %u", i);
    tp_free(self, want);
}

static double piprec(tp_actor *self) {
    uint32_t digits = (uint32_t)bench_scaled(DIGITS, 20), words = digits * 27 / 256 + 6;
    uint32_t terms = words * 8, *sum = savina_alloc(self, words * sizeof *sum), sent = 0;
    tp_pid workers[WORKERS];
    tp_time start = tp_now(self);
    for (unsigned i = 0; i < WORKERS; i++)
        workers[i] = savina_born(self, tp_spawn(self, &term_behavior));
    for (; sent < WORKERS && sent < terms; sent++)
        tp_send(self, workers[sent], term_ask, .k = sent, .words = words);
    for (uint32_t i = 0; i < terms; i++) {
        term got;
        if (tp_receive(self, TP_FOREVER, &got, term) != TP_OK || got.words.count != words)
            tp_fail(self, "no term");
        add(sum, got.words.items, words);
        if (sent < terms)
            tp_send(self, workers[sent % WORKERS], term_ask, .k = sent, .words = words);
        sent++;
    }
    double span = bench_since(self, start) / 1e6;
    check_pi(self, sum, words);
    return span;
}

/* ---- matrix multiplication: the recursion ends at blocks, which go to the workers ---- */

TP_MESSAGE(multiply, TP_FIELD(u32, row), TP_FIELD(u32, column), TP_FIELD(u32, size),
           TP_FIELD(bin, a), TP_FIELD(bin, b))
TP_MESSAGE(product, TP_FIELD(u32, row), TP_FIELD(u32, column), TP_FIELD(bin, values))

struct matrices {
    double *a, *b, *c, *block_a, *block_b;
    tp_pid workers[WORKERS];
    uint32_t size, block, sent, back;
};

static void on_multiply(tp_actor *self, struct none *none, const multiply *msg) {
    size_t size = msg->size, bytes = size * size * sizeof(double);
    double *a = savina_alloc(self, bytes), *b = savina_alloc(self, bytes),
           *c = savina_alloc(self, bytes);
    none->handled++;
    if (msg->a.size != bytes || msg->b.size != bytes) tp_fail(self, "a block of another size");
    memcpy(a, msg->a.data, bytes);
    memcpy(b, msg->b.data, bytes);
    for (size_t i = 0; i < size; i++)
        for (size_t k = 0; k < size; k++)
            for (size_t j = 0; j < size; j++) c[i * size + j] += a[i * size + k] * b[k * size + j];
    tp_send(self, tp_sender(self), product, .row = msg->row, .column = msg->column,
            .values = {(const uint8_t *)c, bytes});
    tp_free(self, a);
    tp_free(self, b);
    tp_free(self, c);
}
TP_BEHAVIOR(multiply_behavior, "multiply", struct none, TP_ON(multiply, on_multiply));

static void take_product(tp_actor *self, struct matrices *m) {
    product got;
    size_t row_bytes = m->block * sizeof(double);
    if (tp_receive(self, TP_FOREVER, &got, product) != TP_OK) tp_fail(self, "no product");
    if (got.values.size != row_bytes * m->block) tp_fail(self, "a product of another size");
    for (size_t i = 0; i < m->block; i++) {
        double *to = m->c + (got.row + i) * m->size + got.column;
        memcpy(m->block_a, (const uint8_t *)got.values.data + i * row_bytes, row_bytes);
        for (size_t j = 0; j < m->block; j++) to[j] += m->block_a[j];
    }
    m->back++;
    tp_release(self);
}
static void copy_block(const struct matrices *m, double *to, const double *from, uint32_t row,
                       uint32_t column) {
    for (size_t i = 0; i < m->block; i++)
        memcpy(to + i * m->block, from + (row + i) * m->size + column, m->block * sizeof *to);
}
/* C(row, column) += A(row, k) x B(k, column), of the given size: eight of half the size. */
static void split(tp_actor *self, struct matrices *m, uint32_t row, uint32_t column, uint32_t k,
                  uint32_t size) {
    if (size > m->block) {
        uint32_t half = size / 2;
        for (unsigned i = 0; i < 8; i++)
            split(self, m, row + (i & 1) * half, column + (i >> 1 & 1) * half, k + (i >> 2) * half,
                  half);
        return;
    }
    /* Two blocks for each worker are on their way at most. */
    if (m->sent - m->back >= 2 * WORKERS) take_product(self, m);
    copy_block(m, m->block_a, m->a, row, k);
    copy_block(m, m->block_b, m->b, k, column);
    size_t bytes = (size_t)m->block * m->block * sizeof(double);
    tp_send(self, m->workers[m->sent++ % WORKERS], multiply, .row = row, .column = column,
            .size = m->block, .a = {(const uint8_t *)m->block_a, bytes},
            .b = {(const uint8_t *)m->block_b, bytes});
}
/* C x v must be A x (B x v); all are whole numbers, so exactly. */
static void check_product(tp_actor *self, const struct matrices *m) {
    size_t n = m->size;
    double *v = savina_alloc(self, n * sizeof *v);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++) v[i] += m->b[i * n + j] * (double)(j % 7 + 1);
    for (size_t i = 0; i < n; i++) {
        double want = 0, got = 0;
        for (size_t j = 0; j < n; j++) {
            want += m->a[i * n + j] * v[j];
            got += m->c[i * n + j] * (double)(j % 7 + 1);
        }
        if (got > want || got < want) tp_fail(self, "row %zu of the product is wrong", i);
    }
}

static double matmul(tp_actor *self) {
    struct matrices *m = savina_alloc(self, sizeof *m);
    m->size = MATRIX;
    while (m->size > 16 && m->size > bench_scaled(MATRIX, 16)) m->size /= 2;
    m->block = m->size / 8 < BLOCK ? m->size / 8 : BLOCK;
    size_t all = (size_t)m->size * m->size, one = (size_t)m->block * m->block;
    m->a = savina_alloc(self, all * sizeof *m->a);
    m->b = savina_alloc(self, all * sizeof *m->b);
    m->c = savina_alloc(self, all * sizeof *m->c);
    m->block_a = savina_alloc(self, one * sizeof *m->block_a);
    m->block_b = savina_alloc(self, one * sizeof *m->block_b);
    for (size_t i = 0; i < all; i++) {
        m->a[i] = (double)(i % 31);
        m->b[i] = (double)(i % 29);
    }
    for (unsigned i = 0; i < WORKERS; i++)
        m->workers[i] = savina_born(self, tp_spawn(self, &multiply_behavior));
    tp_time start = tp_now(self);
    split(self, m, 0, 0, 0, m->size);
    while (m->back < m->sent) take_product(self, m);
    double span = bench_since(self, start) / 1e6;
    check_product(self, m);
    return span;
}

/* ---- all pairs' shortest paths: each round a block tells its row and column what it has ---- */

TP_MESSAGE(block_start, TP_FIELD(pid, boss), TP_FIELD(u32, row), TP_FIELD(u32, column),
           TP_FIELD(u32, across), TP_FIELD(u32, nodes), TP_LIST(pid, all))
TP_MESSAGE(block_round, TP_FIELD(u32, k), TP_FIELD(u32, row), TP_FIELD(u32, column),
           TP_LIST(u32, lengths))
TP_MESSAGE(block_done, TP_FIELD(u32, row), TP_FIELD(u32, column), TP_LIST(u32, lengths))

struct block {
    tp_pid boss;
    tp_pid *others;
    uint32_t row, column, across, nodes, k, heard, count;
    uint32_t lengths[APSP_BLOCK * APSP_BLOCK];
    uint32_t from[APSP_BLOCK], to[APSP_BLOCK]; /* column and row of node k */
};

static uint32_t edge(uint32_t i, uint32_t j) {
    uint64_t state = (uint64_t)i * 65537u + j + 1;
    (void)savina_random(&state);
    return i == j ? 0 : savina_random(&state) % 1000 + 1;
}
static void block_tell(tp_actor *self, struct block *block) {
    uint32_t inside = block->k % APSP_BLOCK, owner = block->k / APSP_BLOCK;
    for (uint32_t i = 0; i < APSP_BLOCK; i++) {
        if (block->column == owner) block->from[i] = block->lengths[i * APSP_BLOCK + inside];
        if (block->row == owner) block->to[i] = block->lengths[inside * APSP_BLOCK + i];
    }
    tp_broadcast(self, block->others, block->count, block_round, .k = block->k, .row = block->row,
                 .column = block->column, .lengths = {block->lengths, APSP_BLOCK * APSP_BLOCK});
}
static void relax(struct block *block) {
    for (uint32_t i = 0; i < APSP_BLOCK; i++)
        for (uint32_t j = 0; j < APSP_BLOCK; j++) {
            uint32_t *now = &block->lengths[i * APSP_BLOCK + j];
            uint32_t via = block->from[i] + block->to[j];
            if (via < *now) *now = via;
        }
}
static void on_block_start(tp_actor *self, struct block *block, const block_start *msg) {
    block->boss = msg->boss;
    block->row = msg->row;
    block->column = msg->column;
    block->across = msg->across;
    block->nodes = msg->nodes;
    block->others = savina_alloc(self, msg->all.count * sizeof *block->others);
    for (uint32_t i = 0; i < msg->all.count; i++)
        if ((i / msg->across == msg->row) != (i % msg->across == msg->column))
            block->others[block->count++] = msg->all.items[i];
    for (uint32_t i = 0; i < APSP_BLOCK * APSP_BLOCK; i++)
        block->lengths[i] =
            edge(msg->row * APSP_BLOCK + i / APSP_BLOCK, msg->column * APSP_BLOCK + i % APSP_BLOCK);
    block_tell(self, block);
    tp_retry_postponed(self);
}
static void on_block_round(tp_actor *self, struct block *block, const block_round *msg) {
    uint32_t inside = block->k % APSP_BLOCK, owner = block->k / APSP_BLOCK;
    /* A neighbour may be ahead, or know us before we know it. */
    if (block->others == NULL || msg->k != block->k) {
        tp_postpone(self);
        return;
    }
    if (msg->lengths.count != APSP_BLOCK * APSP_BLOCK) tp_fail(self, "a block of another size");
    for (uint32_t i = 0; i < APSP_BLOCK; i++) {
        if (msg->column == owner && msg->row == block->row)
            block->from[i] = msg->lengths.items[i * APSP_BLOCK + inside];
        if (msg->row == owner && msg->column == block->column)
            block->to[i] = msg->lengths.items[inside * APSP_BLOCK + i];
    }
    if (++block->heard < block->count) return;
    relax(block);
    block->heard = 0;
    if (++block->k < block->nodes) {
        block_tell(self, block);
        tp_retry_postponed(self);
        return;
    }
    tp_send(self, block->boss, block_done, .row = block->row, .column = block->column,
            .lengths = {block->lengths, APSP_BLOCK * APSP_BLOCK});
    tp_exit(self, TP_EXIT_NORMAL);
}
TP_BEHAVIOR(block_behavior, "apsp", struct block, TP_ON(block_start, on_block_start),
            TP_ON(block_round, on_block_round));

static uint32_t *floyd_warshall(tp_actor *self, uint32_t n) {
    uint32_t *d = savina_alloc(self, (size_t)n * n * sizeof *d);
    for (uint32_t i = 0; i < n * n; i++) d[i] = edge(i / n, i % n);
    for (uint32_t k = 0; k < n; k++)
        for (uint32_t i = 0; i < n; i++)
            for (uint32_t j = 0; j < n; j++)
                if (d[i * n + k] + d[k * n + j] < d[i * n + j])
                    d[i * n + j] = d[i * n + k] + d[k * n + j];
    return d;
}

static double apsp(tp_actor *self) {
    uint32_t across = (uint32_t)bench_scaled(NODES / APSP_BLOCK, 2), n = across * APSP_BLOCK;
    uint32_t *want = floyd_warshall(self, n);
    tp_pid *all = savina_alloc(self, across * across * sizeof *all);
    tp_time start = tp_now(self);
    for (uint32_t i = 0; i < across * across; i++)
        all[i] = savina_born(self, tp_spawn(self, &block_behavior));
    for (uint32_t i = 0; i < across * across; i++)
        tp_send(self, all[i], block_start, .boss = tp_self(self), .row = i / across,
                .column = i % across, .across = across, .nodes = n, .all = {all, across * across});
    for (uint32_t i = 0; i < across * across; i++) {
        block_done got;
        if (tp_receive(self, TP_FOREVER, &got, block_done) != TP_OK) tp_fail(self, "no block");
        for (uint32_t j = 0; j < got.lengths.count; j++)
            savina_expect(self, "a path's length", got.lengths.items[j],
                          want[(got.row * APSP_BLOCK + j / APSP_BLOCK) * n +
                               got.column * APSP_BLOCK + j % APSP_BLOCK]);
    }
    return bench_since(self, start) / 1e6;
}

/* ---- successive over-relaxation: an actor a cell, red and black in turn ---- */

TP_MESSAGE(cell_start, TP_FIELD(pid, boss), TP_FIELD(bool, red), TP_FIELD(u32, rounds),
           TP_FIELD(f64, value), TP_LIST(pid, near))
TP_MESSAGE(cell_value, TP_FIELD(f64, value))

struct cell {
    tp_pid boss, near[4];
    uint32_t near_count, heard, left;
    double value, sum;
    bool started;
};

static double cell_first(uint32_t i) {
    uint64_t state = i + 1;
    (void)savina_random(&state);
    return savina_random(&state) / 2147483648.0 * 1e-6;
}
static void on_cell_value(tp_actor *self, struct cell *cell, const cell_value *msg) {
    if (!cell->started) {
        tp_postpone(self);
        return;
    }
    cell->sum += msg->value;
    if (++cell->heard < cell->near_count) return;
    cell->value = OMEGA / 4 * cell->sum + (1 - OMEGA) * cell->value;
    cell->sum = 0;
    cell->heard = 0;
    bool last = --cell->left == 0;
    for (uint32_t i = 0; i < cell->near_count; i++)
        tp_send(self, cell->near[i], cell_value, .value = cell->value);
    if (!last) return;
    tp_send(self, cell->boss, area, .value = cell->value);
    tp_exit(self, TP_EXIT_NORMAL);
}
static void on_cell_start(tp_actor *self, struct cell *cell, const cell_start *msg) {
    cell->boss = msg->boss;
    cell->left = msg->rounds;
    cell->value = msg->value;
    cell->near_count = (uint32_t)(msg->near.count < 4 ? msg->near.count : 4);
    for (uint32_t i = 0; i < cell->near_count; i++) cell->near[i] = msg->near.items[i];
    cell->started = true;
    if (msg->red)
        for (uint32_t i = 0; i < cell->near_count; i++)
            tp_send(self, cell->near[i], cell_value, .value = cell->value);
    tp_retry_postponed(self);
}
TP_BEHAVIOR(cell_behavior, "cell", struct cell, TP_ON(cell_start, on_cell_start),
            TP_ON(cell_value, on_cell_value));

/* The cells beside cell i of an n x n grid. */
static uint32_t beside(uint32_t i, uint32_t n, uint32_t out[4]) {
    uint32_t count = 0;
    if (i >= n) out[count++] = i - n;
    if (i + n < n * n) out[count++] = i + n;
    if (i % n > 0) out[count++] = i - 1;
    if (i % n + 1 < n) out[count++] = i + 1;
    return count;
}
static bool is_red(uint32_t i, uint32_t n) {
    return (i / n + i % n) % 2 == 0;
}
/* The same without actors: black cells first, as the red ones speak first. */
static double sor_model(tp_actor *self, uint32_t n, uint32_t rounds) {
    double *value = savina_alloc(self, (size_t)n * n * sizeof *value), total = 0;
    for (uint32_t i = 0; i < n * n; i++) value[i] = cell_first(i);
    for (uint32_t round = 0; round < rounds * 2; round++)
        for (uint32_t i = 0; i < n * n; i++) {
            uint32_t at[4], count = beside(i, n, at);
            double sum = 0;
            if (is_red(i, n) == (round % 2 == 0)) continue;
            for (uint32_t j = 0; j < count; j++) sum += value[at[j]];
            value[i] = OMEGA / 4 * sum + (1 - OMEGA) * value[i];
        }
    for (uint32_t i = 0; i < n * n; i++) total += value[i];
    return total;
}

static double sor(tp_actor *self) {
    uint32_t n = (uint32_t)bench_scaled(GRID, 4);
    double total = 0, want = sor_model(self, n, SOR_ROUNDS);
    tp_pid *cells = savina_alloc(self, (size_t)n * n * sizeof *cells);
    tp_time start = tp_now(self);
    for (uint32_t i = 0; i < n * n; i++)
        cells[i] = savina_born(self, tp_spawn(self, &cell_behavior));
    for (uint32_t i = 0; i < n * n; i++) {
        uint32_t at[4], count = beside(i, n, at);
        tp_pid near[4];
        for (uint32_t j = 0; j < count; j++) near[j] = cells[at[j]];
        tp_send(self, cells[i], cell_start, .boss = tp_self(self), .red = is_red(i, n),
                .rounds = SOR_ROUNDS, .value = cell_first(i), .near = {near, count});
    }
    for (uint32_t i = 0; i < n * n; i++) {
        area got;
        if (tp_receive(self, TP_FOREVER, &got, area) != TP_OK) tp_fail(self, "no cell");
        total += got.value;
    }
    if (!(fabs(total - want) <= 1e-9 * fabs(want))) tp_fail(self, "sum: %g, not %g", total, want);
    return bench_since(self, start) / 1e6;
}

const struct bench_case bench_savina_number[] = {
    {"trapezoid", "ms", "10,000,000 pieces, 100 workers", trapezoid},
    {"piprec", "ms", "pi to 5,000 digits, 20 workers", piprec},
    {"matmul", "ms", "1,024 x 1,024, blocks of 128 x 128, 20 workers", matmul},
    {"apsp", "ms", "shortest paths of 300 nodes, blocks of 50", apsp},
    {"sor", "ms", "successive over-relaxation, 250 x 250 cells, 100 rounds", sor},
    {NULL, NULL, NULL, NULL}};
