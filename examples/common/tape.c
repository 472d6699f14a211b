/*
 * From events to spans.
 */
#include "examples/common/tape.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct event {
    tp_trace_kind kind;
    char name[TAPE_NAME];
    tp_pid actor;
    tp_time time;
    int64_t value;
};

struct tape_strip {
    size_t count;
    size_t capacity;
    struct event events[];
};

static struct tape_strip *grown(struct tape_strip *strip) {
    if (strip != NULL && strip->count < strip->capacity) return strip;
    size_t capacity = strip == NULL ? 1024 : strip->capacity * 2;
    struct tape_strip *larger = realloc(strip, sizeof *strip + capacity * sizeof strip->events[0]);
    if (larger == NULL) return NULL;
    if (strip == NULL) larger->count = 0;
    larger->capacity = capacity;
    return larger;
}

static void record(struct tape *tape, const tp_trace_event *event) {
    size_t at = event->worker < TAPE_STRIPS - 1 ? event->worker : TAPE_STRIPS - 1;
    struct tape_strip *strip = grown(tape->strips[at]);
    if (strip == NULL) {
        tape->broken = true;
        return;
    }
    tape->strips[at] = strip;
    struct event *out = &strip->events[strip->count++];
    *out = (struct event){
        .kind = event->kind, .actor = event->actor, .time = event->time, .value = event->value};
    snprintf(out->name, sizeof out->name, "%s", event->name);
}

void tape_hook(void *context, const tp_trace_event *event) {
    struct tape *tape = context;
    pthread_mutex_lock(&tape->lock);
    record(tape, event);
    pthread_mutex_unlock(&tape->lock);
}

/* ---- reading ---- */

static int by_birth(const void *a, const void *b) {
    const struct tape_life *x = a, *y = b;
    return (x->born > y->born) - (x->born < y->born);
}

static int by_pid(const void *a, const void *b) {
    const struct tape_life *x = a, *y = b;
    if (x->actor.slot != y->actor.slot) return x->actor.slot < y->actor.slot ? -1 : 1;
    return (x->actor.generation > y->actor.generation) -
           (x->actor.generation < y->actor.generation);
}

static int by_time(const void *a, const void *b) {
    const struct tape_span *x = a, *y = b;
    if (x->from != y->from) return x->from < y->from ? -1 : 1;
    return (x->worker > y->worker) - (x->worker < y->worker);
}

static struct tape_life *life_of(const struct tape *tape, tp_pid actor) {
    struct tape_life key = {.actor = actor};
    return bsearch(&key, tape->lives, tape->life_count, sizeof key, by_pid);
}

static void add_lives(struct tape *tape, const struct tape_strip *strip) {
    for (size_t i = 0; i < strip->count; i++) {
        const struct event *event = &strip->events[i];
        if (event->kind != TP_TRACE_SPAWN) continue;
        struct tape_life *life = &tape->lives[tape->life_count++];
        *life = (struct tape_life){.actor = event->actor, .born = event->time};
        memcpy(life->name, event->name, sizeof life->name);
    }
}

/* On real threads the work may take longer than asked for: until what its actor does next. */
static tp_time end_of(const struct tape_strip *strip, size_t work) {
    tp_time end = strip->events[work].time + strip->events[work].value;
    if (work + 1 == strip->count) return end;
    const struct event *next = &strip->events[work + 1];
    bool own = tp_pid_equal(next->actor, strip->events[work].actor);
    return own && next->time > end ? next->time : end;
}

/* What follows without a gap is one span; two steps of the clock are no gap. */
static bool joins(const struct tape_span *last, const struct event *event) {
    tp_duration gap = event->time - last->to;
    return tp_pid_equal(last->actor, event->actor) && gap >= 0 && gap <= TP_US(50);
}

static void add_spans(struct tape *tape, const struct tape_strip *strip, uint32_t worker) {
    struct tape_span *last = NULL;
    for (size_t i = 0; i < strip->count; i++) {
        const struct event *event = &strip->events[i];
        struct tape_life *life = life_of(tape, event->actor);
        if (event->kind == TP_TRACE_EXIT && life != NULL) life->died = event->time;
        if (event->kind != TP_TRACE_WORK) continue;
        if (last != NULL && joins(last, event)) {
            last->to = end_of(strip, i);
            continue;
        }
        last = &tape->spans[tape->span_count++];
        *last = (struct tape_span){
            .actor = event->actor, .worker = worker, .from = event->time, .to = end_of(strip, i)};
        if (life != NULL) memcpy(last->name, life->name, sizeof last->name);
    }
}

bool tape_read(struct tape *tape) {
    size_t total = 1;
    for (size_t i = 0; i < TAPE_STRIPS; i++)
        total += tape->strips[i] != NULL ? tape->strips[i]->count : 0;
    tape->lives = calloc(total, sizeof *tape->lives);
    tape->spans = calloc(total, sizeof *tape->spans);
    if (tape->lives == NULL || tape->spans == NULL) return false;
    for (size_t i = 0; i < TAPE_STRIPS; i++)
        if (tape->strips[i] != NULL) add_lives(tape, tape->strips[i]);
    qsort(tape->lives, tape->life_count, sizeof *tape->lives, by_pid);
    for (size_t i = 0; i < TAPE_STRIPS; i++)
        if (tape->strips[i] != NULL) add_spans(tape, tape->strips[i], (uint32_t)i);
    qsort(tape->lives, tape->life_count, sizeof *tape->lives, by_birth);
    qsort(tape->spans, tape->span_count, sizeof *tape->spans, by_time);
    return !tape->broken;
}

void tape_free(struct tape *tape) {
    for (size_t i = 0; i < TAPE_STRIPS; i++) free(tape->strips[i]);
    free(tape->lives);
    free(tape->spans);
    *tape = (struct tape)TAPE_NEW;
}

/* ---- what it shows ---- */

bool tape_overlaps(const struct tape *tape, tp_duration least) {
    for (size_t i = 0; i < tape->span_count; i++)
        for (size_t j = i + 1; j < tape->span_count; j++) {
            const struct tape_span *a = &tape->spans[i], *b = &tape->spans[j];
            if (b->from >= a->to) break;
            tp_time end = a->to < b->to ? a->to : b->to;
            if (a->worker != b->worker && end - b->from > least) return true;
        }
    return false;
}

static bool returns(const struct tape *tape, size_t first, tape_same same) {
    const struct tape_span *start = &tape->spans[first];
    bool left = false;
    for (size_t i = first + 1; i < tape->span_count; i++) {
        if (tape->spans[i].worker != start->worker) continue;
        bool back = same(&tape->spans[i], start);
        if (back && left) return true;
        if (!back) left = true;
    }
    return false;
}

bool tape_interleaves(const struct tape *tape, tape_same same) {
    for (size_t i = 0; i < tape->span_count; i++)
        if (returns(tape, i, same)) return true;
    return false;
}

tp_duration tape_busy(const struct tape *tape, const char *name, uint32_t worker) {
    tp_duration busy = 0;
    for (size_t i = 0; i < tape->span_count; i++) {
        const struct tape_span *span = &tape->spans[i];
        if (span->worker == worker && strcmp(span->name, name) == 0) busy += span->to - span->from;
    }
    return busy;
}
