/*
 * Savina's benchmarks of pipelines: radix sort (100,000 values below 2^60), sieve of Eratosthenes
 * (primes to 100,000, 1,000 an actor), filter bank (16,384 columns, 34,816 samples, 8 channels),
 * bitonic sort (4,096 values).
 */
#include <stdlib.h>
#include <string.h>

#include "bench/savina/savina.h"

#define RADIX_VALUES 100000u
#define RADIX_BITS 60u
#define SIEVE_LIMIT 100000u
#define SIEVE_EACH 1000u
#define COLUMNS 16384u
#define SAMPLES 34816u
#define CHANNELS 8u
#define BITONIC_BITS 12u

/* ---- radix sort: an actor a bit, the lowest first ---- */

TP_MESSAGE(radix_start, TP_FIELD(pid, next), TP_FIELD(u64, bit), TP_FIELD(u64, values))
TP_MESSAGE(radix_value, TP_FIELD(u64, value))
TP_MESSAGE(judge_start, TP_FIELD(pid, boss), TP_FIELD(u64, values))
TP_MESSAGE(judged, TP_FIELD(u64, count), TP_FIELD(u64, sum), TP_FIELD(bool, sorted))

struct sorter {
    tp_pid next;
    uint64_t bit, left, kept;
    uint64_t *ones;
};
struct judge {
    tp_pid boss;
    uint64_t left, count, sum, last;
    bool unsorted;
};

static void on_radix_start(tp_actor *self, struct sorter *sorter, const radix_start *msg) {
    sorter->next = msg->next;
    sorter->bit = msg->bit;
    sorter->left = msg->values;
    sorter->ones = savina_alloc(self, msg->values * sizeof *sorter->ones);
}
static void on_radix_value(tp_actor *self, struct sorter *sorter, const radix_value *msg) {
    if (msg->value & sorter->bit) sorter->ones[sorter->kept++] = msg->value;
    else tp_send(self, sorter->next, radix_value, .value = msg->value);
    if (--sorter->left > 0) return;
    for (uint64_t i = 0; i < sorter->kept; i++)
        tp_send(self, sorter->next, radix_value, .value = sorter->ones[i]);
    tp_exit(self, TP_EXIT_NORMAL);
}
TP_BEHAVIOR(sorter_behavior, "sorter", struct sorter, TP_INIT_WITH(radix_start, on_radix_start),
            TP_ON(radix_value, on_radix_value));

static void on_judge_start(tp_actor *self, struct judge *judge, const judge_start *msg) {
    (void)self;
    judge->boss = msg->boss;
    judge->left = msg->values;
}
static void on_judge_value(tp_actor *self, struct judge *judge, const radix_value *msg) {
    if (msg->value < judge->last) judge->unsorted = true;
    judge->last = msg->value;
    judge->sum += msg->value;
    judge->count++;
    if (--judge->left > 0) return;
    tp_send(self, judge->boss, judged, .count = judge->count, .sum = judge->sum,
            .sorted = !judge->unsorted);
}
TP_BEHAVIOR(judge_behavior, "judge", struct judge, TP_INIT_WITH(judge_start, on_judge_start),
            TP_ON(radix_value, on_judge_value));

static void await_judged(tp_actor *self, uint64_t count, uint64_t sum) {
    judged got;
    if (tp_receive(self, TP_FOREVER, &got, judged) != TP_OK) tp_fail(self, "no result");
    if (!got.sorted) tp_fail(self, "the values are not in order");
    savina_expect(self, "values", got.count, count);
    savina_expect(self, "sum of the values", got.sum, sum);
}

static uint64_t big_random(uint64_t *state) {
    uint64_t high = savina_random(state);
    return (high << 31 | savina_random(state)) & ((1ull << RADIX_BITS) - 1);
}

static double radix(tp_actor *self) {
    uint64_t values = bench_scaled(RADIX_VALUES, 1), random = 2, sum = 0;
    tp_time start = tp_now(self);
    tp_pid next =
        tp_spawn(self, &judge_behavior, judge_start, .boss = tp_self(self), .values = values);
    for (unsigned bit = RADIX_BITS; bit-- > 0;)
        next = savina_born(self, tp_spawn(self, &sorter_behavior, radix_start, .next = next,
                                          .bit = 1ull << bit, .values = values));
    for (uint64_t i = 0; i < values; i++) {
        uint64_t value = big_random(&random);
        sum += value;
        tp_send(self, next, radix_value, .value = value);
    }
    await_judged(self, values, sum);
    return bench_since(self, start) / 1e6;
}

/* ---- sieve: an actor knows 1,000 primes, what is none of their multiples goes on ---- */

TP_MESSAGE(candidate, TP_FIELD(u32, number))
TP_MESSAGE(sieve_end, TP_FIELD(u64, primes), TP_FIELD(pid, boss))

struct sieve {
    tp_pid next;
    uint32_t count;
    uint32_t primes[SIEVE_EACH];
};

extern const tp_behavior *const sieve_itself;

static void on_candidate(tp_actor *self, struct sieve *sieve, const candidate *msg) {
    uint32_t number = msg->number;
    for (uint32_t i = 0; i < sieve->count; i++)
        if (number % sieve->primes[i] == 0) return;
    if (sieve->count < SIEVE_EACH) {
        sieve->primes[sieve->count++] = number;
        return;
    }
    if (tp_pid_is_null(sieve->next)) sieve->next = savina_born(self, tp_spawn(self, sieve_itself));
    tp_send(self, sieve->next, candidate, .number = number);
}
static void on_sieve_end(tp_actor *self, struct sieve *sieve, const sieve_end *msg) {
    uint64_t primes = msg->primes + sieve->count;
    if (tp_pid_is_null(sieve->next)) tp_send(self, msg->boss, bench_done, .count = primes);
    else tp_send(self, sieve->next, sieve_end, .primes = primes, .boss = msg->boss);
    tp_exit(self, TP_EXIT_NORMAL);
}
TP_BEHAVIOR(sieve_behavior, "sieve", struct sieve, TP_ON(candidate, on_candidate),
            TP_ON(sieve_end, on_sieve_end));
const tp_behavior *const sieve_itself = &sieve_behavior;

/* The odd primes up to a limit, counted with one array. */
static uint64_t count_primes(tp_actor *self, uint32_t limit) {
    uint8_t *composite = savina_alloc(self, limit + 1u);
    uint64_t count = 0;
    for (uint32_t i = 3; i <= limit; i += 2) {
        if (composite[i]) continue;
        count++;
        for (uint64_t j = (uint64_t)i * i; j <= limit; j += i) composite[j] = 1;
    }
    tp_free(self, composite);
    return count;
}

static double sieve(tp_actor *self) {
    uint32_t limit = (uint32_t)bench_scaled(SIEVE_LIMIT, 100);
    bench_done done;
    tp_time start = tp_now(self);
    tp_pid first = savina_born(self, tp_spawn(self, &sieve_behavior));
    for (uint32_t i = 3; i <= limit; i += 2) tp_send(self, first, candidate, .number = i);
    tp_send(self, first, sieve_end, .boss = tp_self(self));
    if (tp_receive(self, TP_FOREVER, &done, bench_done) != TP_OK) tp_fail(self, "no result");
    double span = bench_since(self, start) / 1e6;
    savina_expect(self, "odd primes", done.count, count_primes(self, limit));
    return span;
}

/* ---- filter bank: each channel delays, filters, takes every nth sample, delays, filters ---- */

TP_MESSAGE(sample, TP_FIELD(f64, value))
TP_MESSAGE(stage_start, TP_FIELD(pid, next), TP_FIELD(u32, columns), TP_FIELD(u32, channel),
           TP_FIELD(u32, salt))
TP_MESSAGE(output, TP_FIELD(u32, channel), TP_FIELD(f64, value))

struct stage {
    tp_pid next;
    double *data, *weights;
    uint32_t columns, channel, at;
    bool full;
};

static double weight(uint32_t salt, uint32_t channel, uint32_t column) {
    return (double)((column * 7u + channel * 13u + salt) % 101u) / 101.0;
}
static double source_value(uint64_t n) {
    return (double)(n % 1000);
}

static void on_stage_start(tp_actor *self, struct stage *stage, const stage_start *msg) {
    stage->next = msg->next;
    stage->columns = msg->columns;
    stage->channel = msg->channel;
    stage->data = savina_alloc(self, msg->columns * sizeof *stage->data);
    stage->weights = savina_alloc(self, msg->columns * sizeof *stage->weights);
    for (uint32_t i = 0; i < msg->columns; i++)
        stage->weights[i] = weight(msg->salt, msg->channel, i);
}
static void on_delay(tp_actor *self, struct stage *stage, const sample *msg) {
    double old = stage->data[stage->at];
    stage->data[stage->at] = msg->value;
    if (++stage->at == stage->columns) stage->at = 0;
    tp_send(self, stage->next, sample, .value = old);
}
TP_BEHAVIOR(delay_behavior, "delay", struct stage, TP_INIT_WITH(stage_start, on_stage_start),
            TP_ON(sample, on_delay));

/* The newest sample times the first weight, and so on. */
static double filtered(const struct stage *stage) {
    double sum = 0;
    uint32_t newest = stage->at, weight_at = 0;
    for (uint32_t i = newest; i-- > 0;) sum += stage->data[i] * stage->weights[weight_at++];
    for (uint32_t i = stage->columns; i-- > newest;)
        sum += stage->data[i] * stage->weights[weight_at++];
    return sum;
}
static void on_filter(tp_actor *self, struct stage *stage, const sample *msg) {
    stage->data[stage->at++] = msg->value;
    if (stage->at == stage->columns) stage->full = true;
    if (stage->full) tp_send(self, stage->next, sample, .value = filtered(stage));
    if (stage->at == stage->columns) stage->at = 0;
}
TP_BEHAVIOR(filter_behavior, "filter", struct stage, TP_INIT_WITH(stage_start, on_stage_start),
            TP_ON(sample, on_filter));

static void on_every(tp_actor *self, struct stage *stage, const sample *msg) {
    tp_send(self, stage->next, sample, .value = stage->at == 0 ? msg->value : 0);
    if (++stage->at == stage->columns) stage->at = 0;
}
TP_BEHAVIOR(every_behavior, "every", struct stage, TP_INIT_WITH(stage_start, on_stage_start),
            TP_ON(sample, on_every));

static void on_tag(tp_actor *self, struct stage *stage, const sample *msg) {
    tp_send(self, stage->next, output, .channel = stage->channel, .value = msg->value);
}
TP_BEHAVIOR(tag_behavior, "tag", struct stage, TP_INIT_WITH(stage_start, on_stage_start),
            TP_ON(sample, on_tag));

/* What channel c's second filter gives for its last sample, computed directly. The stream of the
 * first filter begins with input `columns - 1`, and only every `columns`th of it is not zero. */
static double filter_model(uint32_t columns, uint64_t samples, uint32_t c) {
    uint64_t delay = columns - 1, first = samples - columns + 1;
    double sum = 0;
    for (uint64_t m = 0; m < first; m += columns) {
        uint64_t late = m + delay; /* the place of its sample in the delayed stream */
        if (late >= first || first - 1 - late >= columns) continue;
        double inner = 0;
        for (uint32_t k = 0; k < columns; k++) {
            uint64_t n = m + columns - 1;
            if (n >= k + delay) inner += weight(1, c, k) * source_value(n - k - delay);
        }
        sum += weight(2, c, (uint32_t)(first - 1 - late)) * inner;
    }
    return sum;
}

static tp_pid add_stage(tp_actor *self, const tp_behavior *behavior, tp_pid next, uint32_t columns,
                        uint32_t channel, uint32_t salt) {
    return savina_born(self, tp_spawn(self, behavior, stage_start, .next = next, .columns = columns,
                                      .channel = channel, .salt = salt));
}
static tp_pid add_channel(tp_actor *self, uint32_t columns, uint32_t c) {
    tp_pid next = add_stage(self, &tag_behavior, tp_self(self), columns, c, 0);
    next = add_stage(self, &filter_behavior, next, columns, c, 2);
    next = add_stage(self, &delay_behavior, next, columns - 1, c, 0);
    next = add_stage(self, &every_behavior, next, columns, c, 0);
    next = add_stage(self, &filter_behavior, next, columns, c, 1);
    return add_stage(self, &delay_behavior, next, columns - 1, c, 0);
}

static double filterbank(tp_actor *self) {
    uint32_t columns = (uint32_t)bench_scaled(COLUMNS, 16);
    uint64_t samples = (uint64_t)columns * SAMPLES / COLUMNS;
    uint64_t outputs = (samples - 2 * (columns - 1)) * CHANNELS;
    tp_pid channels[CHANNELS];
    double last[CHANNELS] = {0};
    tp_time start = tp_now(self);
    for (uint32_t c = 0; c < CHANNELS; c++) channels[c] = add_channel(self, columns, c);
    for (uint64_t n = 0; n < samples; n++)
        tp_broadcast(self, channels, CHANNELS, sample, .value = source_value(n));
    for (uint64_t i = 0; i < outputs; i++) {
        output got;
        if (tp_receive(self, TP_FOREVER, &got, output) != TP_OK) tp_fail(self, "no sample");
        last[got.channel % CHANNELS] = got.value;
    }
    double span = bench_since(self, start) / 1e6;
    for (uint32_t c = 0; c < CHANNELS; c++) {
        double want = filter_model(columns, samples, c), off = last[c] - want;
        if (off > 1e-6 * (want + 1) || off < -1e-6 * (want + 1))
            tp_fail(self, "channel %u: %f, not %f", c, last[c], want);
    }
    return span;
}

/* ---- bitonic sort: a comparator is an actor ---- */

TP_MESSAGE(compare_start, TP_FIELD(pid, low_to), TP_FIELD(pid, high_to), TP_FIELD(u32, low_wire),
           TP_FIELD(u32, high_wire))
TP_MESSAGE(on_wire, TP_FIELD(u32, wire), TP_FIELD(u64, value))
TP_MESSAGE(wires_start, TP_FIELD(pid, boss), TP_FIELD(u32, wires))

struct comparator {
    tp_pid low_to, high_to;
    uint32_t low_wire, high_wire;
    uint64_t first;
    bool half;
};
struct wires {
    tp_pid boss;
    uint64_t *values;
    uint32_t wires, left;
};

static void on_compare_start(tp_actor *self, struct comparator *one, const compare_start *msg) {
    (void)self;
    *one = (struct comparator){.low_to = msg->low_to,
                               .high_to = msg->high_to,
                               .low_wire = msg->low_wire,
                               .high_wire = msg->high_wire};
}
static void on_compare(tp_actor *self, struct comparator *one, const on_wire *msg) {
    if (!one->half) {
        one->first = msg->value;
        one->half = true;
        return;
    }
    uint64_t low = one->first < msg->value ? one->first : msg->value;
    uint64_t high = one->first < msg->value ? msg->value : one->first;
    tp_send(self, one->low_to, on_wire, .wire = one->low_wire, .value = low);
    tp_send(self, one->high_to, on_wire, .wire = one->high_wire, .value = high);
    tp_exit(self, TP_EXIT_NORMAL);
}
TP_BEHAVIOR(comparator_behavior, "comparator", struct comparator,
            TP_INIT_WITH(compare_start, on_compare_start), TP_ON(on_wire, on_compare));

static void on_wires_start(tp_actor *self, struct wires *wires, const wires_start *msg) {
    wires->boss = msg->boss;
    wires->wires = wires->left = msg->wires;
    wires->values = savina_alloc(self, msg->wires * sizeof *wires->values);
}
static void on_sorted_wire(tp_actor *self, struct wires *wires, const on_wire *msg) {
    bool sorted = true;
    uint64_t sum = 0;
    if (msg->wire >= wires->wires) tp_fail(self, "no such wire");
    wires->values[msg->wire] = msg->value;
    if (--wires->left > 0) return;
    for (uint32_t i = 0; i < wires->wires; i++) {
        sum += wires->values[i];
        if (i > 0 && wires->values[i] < wires->values[i - 1]) sorted = false;
    }
    tp_send(self, wires->boss, judged, .count = wires->wires, .sum = sum, .sorted = sorted);
}
TP_BEHAVIOR(wires_behavior, "wires", struct wires, TP_INIT_WITH(wires_start, on_wires_start),
            TP_ON(on_wire, on_sorted_wire));

/* One column of comparators, from the wires `next`, into the same array. */
static void add_column(tp_actor *self, tp_pid *next, uint32_t wires, uint32_t size,
                       uint32_t stride) {
    for (uint32_t i = 0; i < wires; i++) {
        uint32_t j = i ^ stride;
        if (j < i) continue;
        uint32_t low = (i & size) == 0 ? i : j, high = low == i ? j : i;
        next[i] = next[j] = savina_born(self, tp_spawn(self, &comparator_behavior, compare_start,
                                                       .low_to = next[low], .high_to = next[high],
                                                       .low_wire = low, .high_wire = high));
    }
}

static double bitonic(tp_actor *self) {
    uint32_t wires = 1u << BITONIC_BITS;
    while (wires > 4 && wires > bench_scaled(1u << BITONIC_BITS, 4)) wires /= 2;
    tp_pid *next = savina_alloc(self, wires * sizeof *next);
    uint64_t random = 11, sum = 0;
    tp_time start = tp_now(self);
    tp_pid sink =
        tp_spawn(self, &wires_behavior, wires_start, .boss = tp_self(self), .wires = wires);
    for (uint32_t i = 0; i < wires; i++) next[i] = sink;
    for (uint32_t size = wires; size > 1; size /= 2)
        for (uint32_t stride = 1; stride < size; stride *= 2)
            add_column(self, next, wires, size, stride);
    for (uint32_t i = 0; i < wires; i++) {
        uint64_t value = big_random(&random);
        sum += value;
        tp_send(self, next[i], on_wire, .wire = i, .value = value);
    }
    await_judged(self, wires, sum);
    return bench_since(self, start) / 1e6;
}

const struct bench_case bench_savina_flow[] = {
    {"radix", "ms", "radix sort of 100,000 values below 2^60", radix},
    {"sieve", "ms", "primes to 100,000, 1,000 an actor", sieve},
    {"filterbank", "ms", "8 channels, 16,384 columns, 34,816 samples", filterbank},
    {"bitonic", "ms", "bitonic sort of 4,096 values, an actor a comparator", bitonic},
    {NULL, NULL, NULL, NULL}};
