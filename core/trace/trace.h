/*
 * Counters and trace events. A worker owns its counters and writes them with plain stores; readers
 * sum them up and get a snapshot.
 */
#ifndef TPI_TRACE_H
#define TPI_TRACE_H

#include <troupe/runtime.h>
#include <troupe/trace.h>

#include "core/base/atomic.h"

#define TPI_COUNTER_MAP(X)                                                                         \
    X(spawned)                                                                                     \
    X(exited)                                                                                      \
    X(failed)                                                                                      \
    X(sent)                                                                                        \
    X(handled)                                                                                     \
    X(dropped)                                                                                     \
    X(dead_letters)                                                                                \
    X(unknown)                                                                                     \
    X(suspensions)                                                                                 \
    X(deadlocks)                                                                                   \
    X(steals)                                                                                      \
    X(parks)                                                                                       \
    X(wakes)                                                                                       \
    X(slices)                                                                                      \
    X(faults)

/* One writer (the worker), any reader. */
struct tpi_counters {
#define TPI_COUNTER_FIELD(name) _Atomic(uint64_t) name;
    TPI_COUNTER_MAP(TPI_COUNTER_FIELD)
#undef TPI_COUNTER_FIELD
};

/* For the counter's only writer: a load and a store, no locked instruction. */
static inline void tpi_count(_Atomic(uint64_t) *counter, uint64_t n) {
    /* relaxed: one writer; readers want a recent value and no order with anything else */
    uint64_t now = atomic_load_explicit(counter, memory_order_relaxed);
    atomic_store_explicit(counter, now + n, memory_order_relaxed); /* relaxed: as above */
}

/* For counters with several writers (threads outside). */
static inline void tpi_count_shared(_Atomic(uint64_t) *counter, uint64_t n) {
    atomic_fetch_add_explicit(counter, n,
                              memory_order_relaxed); /* relaxed: a sum, orders nothing */
}

/* Adds every counter of `from` to the sums in *out. */
void tpi_counters_add(const struct tpi_counters *from, tp_counters *out);

/* Where events go. A worker reads `hook` once a slice. */
struct tpi_trace_sink {
    _Atomic(tp_trace_hook) hook;
    _Atomic(void *) context;
};

/* Installs a hook: context first, so that whoever sees the hook sees its context. */
void tpi_trace_set(struct tpi_trace_sink *sink, tp_trace_hook hook, void *context);
/* Sends one event to the hook, if there is one. */
void tpi_trace_emit(struct tpi_trace_sink *sink, const tp_trace_event *event);

#endif
