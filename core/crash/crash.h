/*
 * Faults contained or reported, crashes told. The runtime needs the first two functions, the rest
 * is the room's.
 *
 * A fault on a worker's thread is looked at in the signal handler (contain.c). Either the actor
 * leaves its code as by tp_exit, or the process says its last words (words.c) and dies as it would
 * have died without us. Every crash is reported (report.c) to the log and to subscribers
 * (subscribe.c).
 */
#ifndef TPI_CRASH_H
#define TPI_CRASH_H

#include <troupe/crash.h>

#include "core/actor/actor.h"
#include "core/platform/snapshot.h"

#define TPI_FRAMES_MAX 32u      /* of a fault's stack that are kept */
#define TPI_SUBSCRIBERS_MAX 16u /* to each subject */

/* Makes the room's part of a runtime and fills its hooks. TP_ENOMEM. */
tp_err tpi_crash_new(tp_runtime *runtime);
void tpi_crash_free(tp_runtime *runtime);

/* ---- inside ---- */

/* What a stuck thread says of itself: stuck.c. */
struct tpi_stuck_look {
    struct tpi_snapshot snapshot;
    uint64_t slice; /* that is asked for */
    bool found;     /* it is still in it */
    const tp_message_type *type;
    tp_pid sender;
    uint32_t size;
    unsigned frame_count;
    uintptr_t frames[TPI_FRAMES_MAX];
    uint8_t bytes[512];
};

/* A worker's thread, for its faults. */
struct tpi_crash_thread {
    struct tpi_fault_thread fault; /* first */
    struct tpi_worker *worker;
    struct tpi_fault last; /* contained; what it was before the actor left its code */
    uintptr_t frames[TPI_FRAMES_MAX];
    unsigned frame_count;
    tp_pid failing; /* whose tp_fail the frames are of, until its report */
    struct tpi_stuck_look look;
};

struct tpi_subscriber {
    tp_pid pid;
    uint64_t lost; /* for it, since the last one that it got */
};

/* Who wants to be told of something. */
struct tpi_subject {
    tpi_spinlock lock;
    _Atomic(uint32_t) count; /* places used; a dead subscriber's is used again */
    struct tpi_subscriber subscribers[TPI_SUBSCRIBERS_MAX];
};

struct tpi_crash {
    bool installed;               /* the signal handlers are ours */
    _Atomic(uint64_t) faults;     /* contained in this minute; see tpi_crash_within */
    _Atomic(uint64_t) capsules;   /* written in this minute */
    _Atomic(uint64_t) letters;    /* dead letters told in this second */
    _Atomic(uint64_t) suppressed; /* not told since the last one that was */
    _Atomic(uint64_t) walks;      /* stacks of tp_fail in this second */
    _Atomic(void *) spare;        /* room for a report: report.c */
    struct tpi_subject crashes;
    struct tpi_subject dead_letters;
    _Atomic(uint64_t) stucks; /* reported in this minute */
    struct tpi_subject stuck;
};

/* True if one more is within `limit` in this span of `span_ms`; counts it. Async-signal-safe. */
bool tpi_crash_within(tp_runtime *runtime, _Atomic(uint64_t) *count, uint64_t span_ms,
                      uint64_t limit);
/* Says, in the signal handler, what happened to whom and why it was not contained. */
void tpi_crash_last_words(struct tpi_crash_thread *thread, const struct tpi_fault *fault,
                          const char *why);
tp_err tpi_subject_subscribe(tp_actor *self, struct tpi_subject *subject);
bool tpi_subject_unsubscribe(tp_actor *self, struct tpi_subject *subject);
/* Copies the subscribers that live; their number. */
unsigned tpi_subject_list(tp_runtime *runtime, struct tpi_subject *subject,
                          struct tpi_subscriber *out);
/* Sends a message to one of them, and counts it if it does not fit. */
void tpi_subject_tell(tp_runtime *runtime, struct tpi_subject *subject, tp_pid to,
                      const tp_message_type *type, const void *value);

void tpi_report_free(tp_runtime *runtime);
/* The calling thread may be asked where it is stuck, or no more. */
void tpi_stuck_allow(struct tpi_crash_thread *thread, bool allow);

/* The hooks. */
void tpi_crash_thread(tp_runtime *runtime, struct tpi_worker *worker, bool begins);
void tpi_crash_faulted(tp_runtime *runtime, tp_actor *self);
void tpi_crash_failing(tp_runtime *runtime, tp_actor *self, const void *frame);
void tpi_crash_crashed(tp_runtime *runtime, tp_actor *self, tp_reason reason);
void tpi_crash_stuck(tp_runtime *runtime, struct tpi_worker *worker, uint64_t slice,
                     tp_duration span);
void tpi_crash_dead_letter(tp_runtime *runtime, struct tpi_worker *worker, tp_pid to,
                           const struct tpi_block *block);

#endif
