/*
 * Counters summed, trace events handed to the user's hook.
 */
#include "core/trace/trace.h"

#include "core/base/assert.h"

void tpi_counters_add(const struct tpi_counters *from, tp_counters *out) {
    TPI_ASSERT(from != NULL && out != NULL);
#define TPI_COUNTER_ADD(name)                                                                      \
    /* relaxed: a snapshot of a counter that orders nothing */                                     \
    out->name += atomic_load_explicit(&from->name, memory_order_relaxed);
    TPI_COUNTER_MAP(TPI_COUNTER_ADD)
#undef TPI_COUNTER_ADD
}

void tpi_trace_set(struct tpi_trace_sink *sink, tp_trace_hook hook, void *context) {
    TPI_ASSERT(sink != NULL);
    /* relaxed: published by the release store of the hook below */
    atomic_store_explicit(&sink->context, context, memory_order_relaxed);
    /* release: partner is the acquire load in tpi_trace_emit; weaker, a hook could see an old
     * context */
    atomic_store_explicit(&sink->hook, hook, memory_order_release);
}

void tpi_trace_emit(struct tpi_trace_sink *sink, const tp_trace_event *event) {
    TPI_CHECK(sink != NULL);
    TPI_ASSERT(event->kind < TP_TRACE_KIND_COUNT);
    /* acquire: partner is the release store in tpi_trace_set */
    tp_trace_hook hook = atomic_load_explicit(&sink->hook, memory_order_acquire);
    if (hook == NULL) return;
    /* relaxed: ordered by the acquire above */
    hook(atomic_load_explicit(&sink->context, memory_order_relaxed), event);
}

const char *tp_trace_kind_name(tp_trace_kind kind) {
    static const char *const names[] = {
#define TPI_TRACE_NAME(name) #name,
        TP_TRACE_MAP(TPI_TRACE_NAME)
#undef TPI_TRACE_NAME
    };
    return (unsigned)kind < TP_TRACE_KIND_COUNT ? names[kind] : "?";
}
