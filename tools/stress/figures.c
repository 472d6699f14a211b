/*
 * Numbers: random ones that depend on the seed alone, latencies, samples, the memory's slope.
 */
#include "tools/stress/stress.h"

/* splitmix64 */
uint64_t stress_random(uint64_t *state) {
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* Values below 8 have a bucket each; above, the three bits below the highest choose one of 8. */
static size_t bucket_of(uint64_t value) {
    if (value < 8) return (size_t)value;
    unsigned high = 63u - (unsigned)__builtin_clzll(value);
    size_t bucket = (size_t)(high - 2) * 8 + (size_t)((value >> (high - 3)) & 7);
    return bucket < STRESS_BUCKETS ? bucket : STRESS_BUCKETS - 1;
}

double stress_bucket_edge(size_t bucket) {
    if (bucket < 8) return (double)bucket + 1;
    double edge = (double)(8 + bucket % 8 + 1);
    for (size_t i = bucket / 8; i > 1; i--) edge *= 2;
    return edge;
}

void stress_histogram_add(struct stress_histogram *histogram, int64_t value) {
    if (value < 0) value = 0;
    histogram->buckets[bucket_of((uint64_t)value)]++;
    histogram->count++;
    if (value > histogram->max) histogram->max = value;
}

double stress_quantile(const struct stress_histogram *histogram, double q) {
    double wanted = q * (double)histogram->count;
    uint64_t seen = 0;
    for (size_t i = 0; i < STRESS_BUCKETS && histogram->count > 0; i++) {
        seen += histogram->buckets[i];
        if ((double)seen < wanted || seen == 0) continue;
        double edge = stress_bucket_edge(i);
        return edge < (double)histogram->max ? edge : (double)histogram->max;
    }
    return 0;
}

void stress_sample_add(struct stress_result *result, const struct stress_sample *sample) {
    if (result->sample_count == STRESS_SAMPLES_MAX) {
        result->sample_count /= 2;
        for (size_t i = 0; i < result->sample_count; i++)
            result->samples[i] = result->samples[2 * i];
    }
    result->samples[result->sample_count++] = *sample;
}

double stress_slope(const struct stress_result *result, double from) {
    double n = 0, x = 0, y = 0, xx = 0, xy = 0;
    for (size_t i = 0; i < result->sample_count; i++) {
        const struct stress_sample *sample = &result->samples[i];
        if (sample->seconds < from) continue;
        double at = sample->seconds - from;
        n++;
        x += at;
        y += sample->memory;
        xx += at * at;
        xy += at * sample->memory;
    }
    double below = n * xx - x * x;
    return n < 3 || below <= 0 ? 0 : 60 * (n * xy - x * y) / below;
}

const char *stress_kind_name(size_t kind) {
#define STRESS_KIND_TEXT(name, text, share) text,
    static const char *const names[] = {STRESS_KIND_MAP(STRESS_KIND_TEXT)};
#undef STRESS_KIND_TEXT
    return kind < STRESS_KIND_COUNT ? names[kind] : "";
}

const char *stress_strategy_name(tp_supervisor_strategy strategy) {
    switch (strategy) {
    case TP_ONE_FOR_ALL: return "one_for_all";
    case TP_REST_FOR_ONE: return "rest_for_one";
    default: return "one_for_one";
    }
}
