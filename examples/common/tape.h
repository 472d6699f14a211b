/*
 * What the runtime's trace says of a run: who kept which worker busy, when.
 *
 * Give tape_hook to tp_sim_trace or tp_runtime_trace. Each worker writes to a strip of its own; all
 * threads outside share one. Read the tape when the run is over.
 */
#ifndef EXAMPLES_COMMON_TAPE_H
#define EXAMPLES_COMMON_TAPE_H

#include <pthread.h>

#include <troupe/trace.h>

#define TAPE_STRIPS 65 /* a worker each; the last one is for threads outside */
#define TAPE_NAME 16

/* An actor that kept a worker busy (tp_work), without a gap. */
struct tape_span {
    char name[TAPE_NAME]; /* its behaviour */
    tp_pid actor;
    uint32_t worker;
    tp_time from;
    tp_time to;
};

/* An actor's life. */
struct tape_life {
    char name[TAPE_NAME];
    tp_pid actor;
    tp_time born;
    tp_time died; /* 0: it has not */
};

struct tape_strip;

struct tape {
    struct tape_strip *strips[TAPE_STRIPS];
    struct tape_life *lives; /* by the time of birth */
    size_t life_count;
    struct tape_span *spans; /* by time, then by worker */
    size_t span_count;
    bool broken;          /* memory ran out: something is missing */
    pthread_mutex_t lock; /* of the strips: threads outside share one, and a picture has time */
};

#define TAPE_NEW                                                                                   \
    { .lock = PTHREAD_MUTEX_INITIALIZER }

/* A hook for the trace; the context is the tape (TAPE_NEW). */
void tape_hook(void *tape, const tp_trace_event *event);
/* After the run: fills lives and spans. False: something is missing. */
bool tape_read(struct tape *tape);
void tape_free(struct tape *tape);

/* True if two spans on different workers overlap by more than `least`: parallel. */
bool tape_overlaps(const struct tape *tape, tp_duration least);
/* Whether two spans belong to one task. */
typedef bool (*tape_same)(const struct tape_span *a, const struct tape_span *b);
/* True if on one worker somebody was at work, then somebody else, then the first one again:
 * concurrent. */
bool tape_interleaves(const struct tape *tape, tape_same same);
/* How long actors of a name kept a worker busy. */
tp_duration tape_busy(const struct tape *tape, const char *name, uint32_t worker);

#endif
