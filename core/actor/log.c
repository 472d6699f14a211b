/*
 * Log lines and trace events of actors.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <troupe/sys.h>

#include "core/actor/actor.h"

static void write_default(const tp_log_entry *entry) {
    static const char *const levels[] = {"debug", "info", "warning", "error", ""};
    char line[2048];
    int size =
        snprintf(line, sizeof line, "troupe: %s: %s%s<%" PRIu32 ".%" PRIu32 ">: %s\n",
                 levels[entry->level], entry->name, entry->name[0] ? " " : "", entry->actor.slot,
                 entry->actor.generation, entry->report != NULL ? entry->report : entry->text);
    if (size < 0) return;
    if ((size_t)size >= sizeof line) {
        size = sizeof line - 1;
        line[size - 1] = '\n';
    }
    tpi_write_stderr(line, (size_t)size);
}

static void log_line(tp_runtime *runtime, tp_log_level level, tp_pid actor, const char *name,
                     const char *format, va_list args) TP_PRINTF(5, 0);

static void log_line(tp_runtime *runtime, tp_log_level level, tp_pid actor, const char *name,
                     const char *format, va_list args) {
    char text[768];
    (void)vsnprintf(text, sizeof text, format, args);
    for (char *at = text; *at != 0; at++)
        if (*at == '\n' || *at == '\r') *at = ' ';
    tp_log_entry entry = {.level = level,
                          .time = tpi_scheduler_now(runtime->scheduler),
                          .actor = actor,
                          .name = name,
                          .text = text};
    tpi_log_entry(runtime, &entry);
}

void tpi_log_entry(tp_runtime *runtime, const tp_log_entry *entry) {
    if (runtime->options.log_hook != NULL)
        runtime->options.log_hook(runtime->options.log_context, entry);
    else write_default(entry);
}

static const char *log_name(const tp_actor *self) {
    if (self->extra != NULL && self->extra->name != NULL) return self->extra->name;
    return tpi_behavior_name(self);
}

void tp_log(tp_actor *self, tp_log_level level, const char *format, ...) {
    TPI_INSIDE(self);
    tp_runtime *runtime = self->runtime;
    if (level < runtime->options.log_level || level >= TP_LOG_OFF) return;
    va_list args;
    va_start(args, format);
    log_line(runtime, level, tpi_pid_of(runtime, self), log_name(self), format, args);
    va_end(args);
}

void tpi_log_runtime(tp_runtime *runtime, tp_log_level level, const char *format, ...) {
    if (level < runtime->options.log_level || level >= TP_LOG_OFF) return;
    va_list args;
    va_start(args, format);
    log_line(runtime, level, tp_pid_null(), "runtime", format, args);
    va_end(args);
}

/* ---- trace ---- */

static void emit(struct tpi_worker *worker, tp_trace_event *event) {
    /* relaxed: read again, with acquire, by tpi_trace_emit. A containing actor runs with `tracing`
     * set, and mostly nobody listens */
    if (atomic_load_explicit(&worker->scheduler->trace.hook, memory_order_relaxed) == NULL) return;
    event->worker = worker->index;
    event->time = tpi_scheduler_now(worker->scheduler);
    tpi_trace_emit(&worker->scheduler->trace, event);
}

void tpi_trace(tp_actor *self, tp_trace_kind kind, tp_pid other, const char *name, int64_t value) {
    tp_trace_event event = {.kind = kind,
                            .actor = tpi_pid_of(self->runtime, self),
                            .other = other,
                            .name = name,
                            .value = value};
    emit(self->worker, &event);
}

void tpi_trace_send(tp_actor *self, tp_pid to, const tp_message_type *type) {
    tpi_trace(self, TP_TRACE_SEND, to, type->name, 0);
    if (self->flags & TPI_ACTOR_WATCHED) tpi_sys_tell(self, TP_SYS_SENDS, to, type, NULL);
}

void tpi_trace_spawn(tp_actor *parent, tp_pid child, const char *name) {
    tp_trace_event event = {.kind = TP_TRACE_SPAWN,
                            .actor = child,
                            .other = tpi_pid_of(parent->runtime, parent),
                            .name = name};
    emit(parent->worker, &event);
}

void tpi_trace_receive(tp_actor *self, const struct tpi_block *block) {
    tp_pid from = tpi_block_from(self->runtime, block);
    tpi_trace(self, TP_TRACE_RECEIVE, from, block->type->name, 0);
    if (self->flags & TPI_ACTOR_WATCHED && !(block->flags & TPI_BLOCK_SYSTEM))
        tpi_sys_tell(self, TP_SYS_RECEIVES, from, block->type, block);
}

void tpi_trace_signal(tp_actor *self, const struct tpi_block *block) {
    static const char *const names[] = {
#define TPI_KIND_NAME(name) #name,
        TPI_KIND_MAP(TPI_KIND_NAME)
#undef TPI_KIND_NAME
    };
    tpi_trace(self, TP_TRACE_SIGNAL, tpi_block_from(self->runtime, block), names[block->kind], 0);
}
