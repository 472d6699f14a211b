/*
 * Actors that keep their worker: who, in which message, and where in its code.
 *
 * The watch's thread may not look into an actor that runs. So the stuck thread is asked to do it
 * itself, in a signal handler, where nothing else happens to the actor meanwhile; it copies what is
 * wanted, and the watch's thread writes the report of it. A thread that the signal does not reach
 * is reported without message and stack.
 */
#include "core/crash/crash.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/actor/mailbox.h"
#include "core/crash/out.h"
#include "core/message/message.h"

#define PATIENCE TP_MS(100) /* a busy machine may not run the thread at once */
#define MINUTE_MS 60000u
#define REPORTS_A_MINUTE 10u
#define MESSAGE_MAX 512u
#define SYMBOL_MAX 128u
#define NAME_MAX_SIZE 128u
#define TEXT_MAX 6144u

struct report {
    tp_stuck_report value;
    char name[NAME_MAX_SIZE];
    char message[MESSAGE_MAX];
    char symbols[TPI_FRAMES_MAX][SYMBOL_MAX];
    tp_str stack[TPI_FRAMES_MAX];
    char text[TEXT_MAX];
    char json[TEXT_MAX];
};

/* ---- on the stuck thread, in the handler ---- */

static bool step(void *context, uintptr_t pc, uintptr_t sp) {
    struct tpi_stuck_look *look = context;
    (void)sp;
    look->frames[look->frame_count++] = pc;
    return look->frame_count < TPI_FRAMES_MAX;
}

/* Its message, unless it is between two: the last one may be freed by then. */
static void copy_message(struct tpi_stuck_look *look, tp_actor *self) {
    const struct tpi_block *block = self->current;
    if (block == NULL || block->type == NULL) return;
    if (block != self->tail && !(self->flags & TPI_ACTOR_HOLDS)) return;
    look->type = block->type;
    look->sender = tpi_block_from(self->runtime, block);
    look->size = block->size;
    if (block->size <= sizeof look->bytes) memcpy(look->bytes, tpi_block_bytes(block), block->size);
}

static void on_look(struct tpi_snapshot *snapshot, const struct tpi_fault *where) {
    struct tpi_stuck_look *look = TPI_CONTAINER_OF(snapshot, struct tpi_stuck_look, snapshot);
    struct tpi_crash_thread *thread = TPI_CONTAINER_OF(look, struct tpi_crash_thread, look);
    struct tpi_worker *worker = thread->worker;
    /* relaxed, both: this thread's own */
    struct tpi_runnable *runnable = atomic_load_explicit(&worker->running, memory_order_relaxed);
    uint64_t slice = atomic_load_explicit(&worker->counters.slices, memory_order_relaxed);
    look->found = false;
    if (runnable == NULL || slice != look->slice || thread->fault.busy) return;
    look->found = true;
    look->type = NULL;
    look->frame_count = 0;
    copy_message(look, tpi_actor_of(runnable));
    (void)tpi_fault_walk(&thread->fault, where, step, look); /* as far as it gets */
}

void tpi_stuck_allow(struct tpi_crash_thread *thread, bool allow) {
    thread->look.snapshot.look = on_look;
    tpi_snapshot_allow(allow ? &thread->look.snapshot : NULL);
}

/* ---- on the watch's thread ---- */

static tp_str str_of(const char *text) {
    return (tp_str){text, strlen(text)};
}

/* Who runs there; false: it is over. */
static bool gather_actor(struct report *report, tp_runtime *runtime, struct tpi_worker *worker) {
    tp_stuck_report *value = &report->value;
    /* acquire: partner is the release store in run_one (core/scheduler/worker.c) */
    struct tpi_runnable *runnable = atomic_load_explicit(&worker->running, memory_order_acquire);
    if (runnable == NULL) return false;
    tp_actor *actor = tpi_actor_of(runnable);
    /* acquire: partner is the release store in publish (spawn.c): its behaviour is older */
    uint64_t identity = atomic_load_explicit(&actor->identity, memory_order_acquire);
    if (!(identity & TPI_IDENTITY_ALIVE)) return false;
    value->actor = (tp_pid){runtime->node, tpi_slot_of(actor), (uint32_t)(identity >> 32)};
    value->behavior = str_of(actor->behavior->name);
    int32_t length = tpi_mailbox_length(actor);
    value->mailbox = length > 0 ? (uint32_t)length : 0;
    if (runtime->hooks.name_of != NULL &&
        runtime->hooks.name_of(runtime, value->actor, report->name, sizeof report->name) > 0)
        value->name = str_of(report->name);
    return true;
}

static void gather_look(struct report *report, const struct tpi_stuck_look *look) {
    tp_stuck_report *value = &report->value;
    const tp_message_type *type = look->type;
    if (type != NULL && look->size <= sizeof look->bytes)
        (void)tpi_message_format(type, look->bytes, look->size, type->field_count, report->message,
                                 sizeof report->message);
    else if (type != NULL)
        (void)snprintf(report->message, sizeof report->message, "%.*s{%" PRIu32 " bytes}",
                       (int)type->name_size, type->name, look->size);
    if (type != NULL) value->message = str_of(report->message);
    if (type != NULL) value->sender = look->sender;
    for (unsigned i = 0; i < look->frame_count; i++) {
        (void)tpi_symbol(look->frames[i], report->symbols[i], SYMBOL_MAX);
        report->stack[i] = str_of(report->symbols[i]);
    }
    value->stack.items = report->stack;
    value->stack.count = look->frame_count;
}

static void write_text(struct report *report) {
    tp_stuck_report *value = &report->value;
    struct tpi_out out = tpi_out_over(report->text, sizeof report->text);
    tpi_out_print(&out, "stuck: in one message for %" PRIu64 " ms\n  behaviour %s", value->span_ms,
                  value->behavior.data);
    if (value->name.size > 0) tpi_out_print(&out, ", name %s", value->name.data);
    if (value->message.size > 0)
        tpi_out_print(&out, "\n  handling %s from <%" PRIu32 ".%" PRIu32 ">", value->message.data,
                      value->sender.slot, value->sender.generation);
    tpi_out_print(&out, "\n  mailbox %" PRIu32, value->mailbox);
    for (size_t i = 0; i < value->stack.count; i++)
        tpi_out_print(&out, "\n  #%zu %s", i, report->symbols[i]);
    value->text = str_of(report->text);
}

static void write_json(struct report *report, const tp_runtime *runtime) {
    tp_stuck_report *value = &report->value;
    struct tpi_out out = tpi_out_over(report->json, sizeof report->json);
    tpi_out_json_pid(&out, "{\"stuck\":", value->actor);
    tpi_out_json_text(&out, ",\"node\":", str_of(runtime->options.node_name));
    tpi_out_json_text(&out, ",\"name\":", value->name);
    tpi_out_json_text(&out, ",\"behavior\":", value->behavior);
    tpi_out_print(&out, ",\"span_ms\":%" PRIu64 ",\"mailbox\":%" PRIu32, value->span_ms,
                  value->mailbox);
    if (value->message.size > 0) {
        tpi_out_json_text(&out, ",\"message\":", value->message);
        tpi_out_json_pid(&out, ",\"sender\":", value->sender);
    }
    tpi_out_print(&out, ",\"stack\":[");
    for (size_t i = 0; i < value->stack.count; i++)
        tpi_out_json_text(&out, i == 0 ? "" : ",", value->stack.items[i]);
    tpi_out_print(&out, "]}");
    if (!out.cut) value->json = str_of(report->json);
}

static void log_report(struct report *report, tp_runtime *runtime) {
    const tp_stuck_report *value = &report->value;
    char line[64];
    (void)snprintf(line, sizeof line, "stuck: in one message for %" PRIu64 " ms", value->span_ms);
    tp_log_entry entry = {
        .level = TP_LOG_WARN,
        .time = tpi_scheduler_now(runtime->scheduler),
        .actor = value->actor,
        .name = value->name.size > 0 ? value->name.data : value->behavior.data,
        .text = line,
        .report = report->text,
        .json = value->json.size > 0 ? report->json : NULL,
    };
    tpi_log_entry(runtime, &entry);
}

static bool has_looked(struct tpi_worker *worker, uint64_t slice) {
    struct tpi_crash_thread *thread = worker->crash;
    if (thread == NULL) return false; /* the handlers are not ours: crash.c */
    thread->look.slice = slice;
    return tpi_snapshot_ask(worker->thread, &thread->look.snapshot, PATIENCE) && thread->look.found;
}

static void tell(struct report *report, tp_runtime *runtime, struct tpi_worker *worker,
                 uint64_t slice) {
    struct tpi_subscriber subscribers[TPI_SUBSCRIBERS_MAX];
    struct tpi_subject *subject = &runtime->crash->stuck;
    unsigned count = tpi_subject_list(runtime, subject, subscribers);
    bool logged = runtime->options.log_level <= TP_LOG_WARN;
    if (!logged && count == 0) return;
    if (has_looked(worker, slice))
        gather_look(report, &((struct tpi_crash_thread *)worker->crash)->look);
    write_text(report);
    write_json(report, runtime);
    if (logged) log_report(report, runtime);
    for (unsigned i = 0; i < count; i++) {
        report->value.lost = subscribers[i].lost;
        tpi_subject_tell(runtime, subject, subscribers[i].pid, &tp_stuck_report_message,
                         &report->value);
    }
}

void tpi_crash_stuck(tp_runtime *runtime, struct tpi_worker *worker, uint64_t slice,
                     tp_duration span) {
    if (!tpi_crash_within(runtime, &runtime->crash->stucks, MINUTE_MS, REPORTS_A_MINUTE)) return;
    struct report *report = tpi_heap_alloc(runtime->memory, sizeof *report);
    if (report == NULL) return;
    memset(report, 0, sizeof *report);
    report->value.span_ms = (uint64_t)(span / TP_MS(1));
    if (gather_actor(report, runtime, worker)) tell(report, runtime, worker, slice);
    tpi_heap_free(runtime->memory, report, sizeof *report);
}

/* ---- the calls ---- */

tp_err tp_stuck_subscribe(tp_actor *self) {
    TPI_INSIDE(self);
    return tpi_subject_subscribe(self, &self->runtime->crash->stuck);
}

bool tp_stuck_unsubscribe(tp_actor *self) {
    TPI_INSIDE(self);
    return tpi_subject_unsubscribe(self, &self->runtime->crash->stuck);
}
