/*
 * What is known of an actor at the moment of its crash: gathered once, then written as lines for
 * people, as JSON, and as the message for subscribers. Runs in the loop's frame of the actor's
 * worker, before anything of the actor's is released.
 */
#include "core/crash/crash.h"
#include "core/crash/out.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/actor/mailbox.h"
#include "core/crash/capsule.h"
#include "core/message/message.h"

#define LINKS_MAX 16u
#define DETAIL_MAX 300u
#define MESSAGE_MAX 512u
#define SYMBOL_MAX 128u
#define MAILBOX_COUNTED 100000u
#define LAST_MAX 8u
#define LAST_TEXT 160u
#define TEXT_MAX 6144u
#define JSON_MAX 12288u
#define WALKS_A_SECOND 100u /* of failures' stacks: a storm of them costs no more than that */
#define FAIL_FRAMES_MAX 16u

struct report {
    tp_crash_report value;
    tp_pid links[LINKS_MAX];
    char detail[DETAIL_MAX]; /* as text; empty: none */
    char reason[DETAIL_MAX + 32];
    char message[MESSAGE_MAX];
    char symbols[TPI_FRAMES_MAX][SYMBOL_MAX];
    tp_str stack[TPI_FRAMES_MAX];
    char lasts[LAST_MAX][LAST_TEXT];
    tp_str last[LAST_MAX];
    int64_t ages[TP_RESTARTS_KEPT];
    char capsule[TPI_CAPSULE_PATH];
    struct tpi_fault fault;
    struct tpi_out text, json;
    char text_bytes[TEXT_MAX];
    char json_bytes[JSON_MAX];
};

/* ---- gathering ---- */

static tp_str str_of(const char *text) {
    return (tp_str){text, strlen(text)};
}

/* Any msgpack value, printed as a message of one field without a name. */
static const tp_field value_field = {.name = "", .kind = "", .form = TP_FORM_PLAIN};
static const tp_message_type value_type = {.name = "", .field_count = 1, .fields = &value_field};

static bool is_msgpack(tp_bin detail) {
    tp_reader in = tp_reader_over(detail.data, detail.size);
    tp_read_skip(&in);
    return !in.failed && in.at == in.end;
}

/* The value between what the two formats put around it; false: it does not fit. */
static bool print_value(tp_bin value, bool json, char *out, size_t size) {
    char whole[DETAIL_MAX + 64];
    const char *before = json ? "{\"type\":\"\",\"fields\":{\"\":" : "{=";
    const char *after = json ? "}}" : "}";
    size_t length =
        json ? tpi_message_json(&value_type, value.data, value.size, 1, whole, sizeof whole)
             : tpi_message_format(&value_type, value.data, value.size, 1, whole, sizeof whole);
    size_t outside = strlen(before) + strlen(after);
    if (length >= sizeof whole || length < outside || length - outside >= size) return false;
    memcpy(out, whole + strlen(before), length - outside);
    out[length - outside] = 0;
    return true;
}

/* As snprintf does it: up to a zero byte, cut to its room. */
static void copy_text(char *out, size_t room, const char *text, size_t size) {
    size = strnlen(text, size < room ? size : room - 1);
    memcpy(out, text, size);
    out[size] = 0;
}

static void print_detail(struct report *report, tp_reason reason) {
    char *out = report->detail;
    tp_bin detail = reason.detail;
    tp_fault fault;
    out[0] = 0;
    if (tp_fault_of(reason, &fault))
        (void)snprintf(out, DETAIL_MAX, "%s (code %" PRId32 ") at 0x%" PRIx64,
                       tp_signal_name(fault.signal), fault.code, fault.address);
    else if (detail.size == 0) return;
    else if (reason.code == TP_EXIT_FAILED && tp_utf8_valid(detail.data, detail.size))
        copy_text(out, DETAIL_MAX, (const char *)detail.data, detail.size);
    else if (!is_msgpack(detail) || !print_value(detail, false, out, DETAIL_MAX))
        (void)snprintf(out, DETAIL_MAX, "%zu bytes", detail.size);
}

static void gather_reason(struct report *report, tp_reason reason) {
    tp_crash_report *value = &report->value;
    print_detail(report, reason);
    struct tpi_out out = tpi_out_over(report->reason, sizeof report->reason);
    tpi_out_text(&out, tp_exit_code_name(reason.code));
    tpi_out_text(&out, " (");
    tpi_out_number(&out, reason.code);
    tpi_out_text(&out, report->detail[0] != 0 ? "): " : ")");
    tpi_out_text(&out, report->detail);
    value->code = reason.code;
    value->detail = reason.detail;
    value->reason = str_of(report->reason);
}

static uint32_t count_mailbox(tp_actor *self) {
    uint32_t count = 0;
    struct tpi_block *block = self->tail;
    while (count < MAILBOX_COUNTED && (block = tpi_block_next(block)) != NULL) {
        if (block->state & TPI_BLOCK_CONSUMED) continue;
        if (block->kind <= TPI_KIND_REPLY || block->type != NULL) count++;
    }
    return count;
}

static void gather_peers(struct report *report, const struct tpi_extra *extra) {
    tp_crash_report *value = &report->value;
    size_t cursor = 0;
    uint64_t node, key;
    while (value->links.count < LINKS_MAX &&
           tpi_map_next(&extra->links, &cursor, &node, &key, NULL))
        report->links[value->links.count++] = (tp_pid){node, (uint32_t)(key >> 32), (uint32_t)key};
    value->links.items = report->links;
    value->link_count = (uint32_t)tpi_map_count(&extra->links);
    value->monitor_count = (uint32_t)tpi_map_count(&extra->monitors);
    value->watcher_count = (uint32_t)tpi_map_count(&extra->watched);
}

static void gather_stack(struct report *report, const struct tpi_crash_thread *thread) {
    tp_crash_report *value = &report->value;
    for (unsigned i = 0; i < thread->frame_count; i++) {
        (void)tpi_symbol(thread->frames[i], report->symbols[i], SYMBOL_MAX);
        report->stack[i] = str_of(report->symbols[i]);
    }
    value->stack.items = report->stack;
    value->stack.count = thread->frame_count;
}

static void gather_fault(struct report *report, const struct tpi_crash_thread *thread) {
    tp_crash_report *value = &report->value;
    report->fault = thread->last;
    value->signal = thread->last.signal;
    value->address = thread->last.address;
    gather_stack(report, thread);
}

/* The frames of its tp_fail, unless `terminate` has taken it to another thread. */
static void gather_failure(struct report *report, struct tpi_crash_thread *thread) {
    if (thread == NULL || !tp_pid_equal(thread->failing, report->value.actor)) return;
    gather_stack(report, thread);
    thread->failing = tp_pid_null();
}

/* As text if the behaviour has a handler for it, which knows its fields; else its name. */
static void print_recorded(char *out, const tp_actor *self, const struct tpi_recorded *from) {
    const tp_behavior *behavior = self->behavior;
    (void)snprintf(out, LAST_TEXT, "%.*s", (int)from->type.size, from->type.data);
    for (uint32_t i = 0; i < behavior->handler_count; i++) {
        const tp_message_type *type = behavior->handlers[i].type;
        if (tp_str_equal(from->type, (tp_str){type->name, type->name_size}))
            (void)tpi_message_format(type, from->payload.data, from->payload.size, from->fields,
                                     out, LAST_TEXT);
    }
}

static void gather_last(struct report *report, const tp_actor *self) {
    tp_crash_report *value = &report->value;
    const struct tpi_capsule *capsule = self->extra->capsule;
    struct tpi_input input;
    for (uint32_t i = capsule->count; i-- > 0 && value->last.count < LAST_MAX;) {
        const struct tpi_step *step = tpi_capsule_step(capsule, i);
        tp_reader in = tp_reader_over(step->bytes, step->size);
        char *text = report->lasts[value->last.count];
        if (step->size == 0 || !tpi_input_read(&in, &input)) continue;
        if (input.kind == TPI_INPUT_MESSAGE) print_recorded(text, self, &input.message);
        else (void)snprintf(text, LAST_TEXT, "(timeout)");
        report->last[value->last.count++] = str_of(text);
    }
    value->last.items = report->last;
}

static void gather_restarts(struct report *report, const tp_actor *self) {
    tp_crash_report *value = &report->value;
    const tp_restart_history *history = &self->extra->restarted;
    tp_time now = tpi_scheduler_now(self->runtime->scheduler);
    value->restarts = history->count;
    for (size_t i = 0; i < TP_RESTARTS_KEPT && i < history->count; i++)
        report->ages[value->restart_ages.count++] = now - history->newest[i];
    value->restart_ages.items = report->ages;
}

static void gather(struct report *report, tp_actor *self, tp_reason reason, const char *capsule) {
    tp_crash_report *value = &report->value;
    tp_runtime *runtime = self->runtime;
    const struct tpi_extra *extra = self->extra;
    memset(value, 0, sizeof *value);
    value->actor = tpi_pid_of(runtime, self);
    value->behavior = str_of(tpi_behavior_name(self));
    if (extra != NULL && extra->name != NULL) value->name = str_of(extra->name);
    gather_reason(report, reason);
    if (self->current != NULL && self->current->type != NULL) {
        (void)tp_message_format((const tp_message *)self->current, report->message, MESSAGE_MAX);
        value->message = str_of(report->message);
        value->sender = tpi_block_from(runtime, self->current);
    }
    value->mailbox = count_mailbox(self);
    if (extra != NULL) {
        gather_peers(report, extra);
        gather_restarts(report, self);
        if (extra->capsule != NULL && !extra->capsule->replaying) gather_last(report, self);
    }
    copy_text(report->capsule, sizeof report->capsule, capsule, sizeof report->capsule);
    value->capsule = str_of(report->capsule);
    if (self->flags & TPI_ACTOR_FAULTED) gather_fault(report, self->worker->crash);
    else gather_failure(report, self->worker->crash);
}

/* ---- as lines ---- */

static void count_line(struct tpi_out *out, const char *before, uint32_t count) {
    tpi_out_text(out, before);
    tpi_out_number(out, count);
}

static void text_history(struct report *report) {
    const tp_crash_report *value = &report->value;
    struct tpi_out *out = &report->text;
    if (value->restarts > 0) {
        count_line(out, "\n  restarted ", value->restarts);
        tpi_out_text(out, " times, the last ones");
        for (size_t i = 0; i < value->restart_ages.count; i++) {
            tpi_out_text(out, i == 0 ? " " : ", ");
            tpi_out_seconds(out, report->ages[i]);
            tpi_out_text(out, " s");
        }
        tpi_out_text(out, " ago");
    }
    for (size_t i = 0; i < value->last.count; i++) {
        tpi_out_text(out, i == 0 ? "\n  last messages: " : "\n                 ");
        tpi_out_text(out, report->lasts[i]);
    }
}

static void write_text(struct report *report) {
    const tp_crash_report *value = &report->value;
    struct tpi_out *out = &report->text;
    tpi_out_text(out, "exited: ");
    tpi_out_text(out, report->reason);
    tpi_out_text(out, "\n  behaviour ");
    tpi_out_text(out, value->behavior.data);
    if (value->name.size > 0) {
        tpi_out_text(out, ", name ");
        tpi_out_text(out, value->name.data);
    }
    if (value->message.size > 0) {
        tpi_out_text(out, "\n  handling ");
        tpi_out_text(out, report->message);
        tpi_out_text(out, " from ");
        tpi_out_pid(out, value->sender);
    }
    count_line(out, "\n  mailbox ", value->mailbox);
    count_line(out, ", monitors ", value->monitor_count);
    count_line(out, ", watchers ", value->watcher_count);
    count_line(out, ", links ", value->link_count);
    for (size_t i = 0; i < value->links.count; i++) {
        tpi_out_text(out, i == 0 ? ": " : " ");
        tpi_out_pid(out, report->links[i]);
    }
    text_history(report);
    if (value->capsule.size > 0) tpi_out_print(out, "\n  capsule %s", report->capsule);
    for (size_t i = 0; i < value->stack.count; i++)
        tpi_out_print(out, "\n  #%zu %s", i, report->symbols[i]);
}

/* ---- as JSON ---- */

static void json_reason(struct report *report) {
    const tp_crash_report *value = &report->value;
    struct tpi_out *out = &report->json;
    char detail[DETAIL_MAX];
    tpi_out_text(out, ",\"reason\":{\"code\":");
    tpi_out_number(out, value->code);
    tpi_out_json_text(out, ",\"name\":", str_of(tp_exit_code_name(value->code)));
    if (value->code != TP_EXIT_FAILED && value->code != TP_EXIT_FAULT && value->detail.size > 0 &&
        is_msgpack(value->detail) && print_value(value->detail, true, detail, sizeof detail))
        tpi_out_print(out, ",\"detail\":%s", detail);
    else if (report->detail[0] != 0) tpi_out_json_text(out, ",\"detail\":", str_of(report->detail));
    tpi_out_text(out, "}");
}

/* Decoded if it is short enough to be whole, else as the text that was cut. */
static void json_message(struct report *report, const struct tpi_block *block) {
    struct tpi_out *out = &report->json;
    char json[2 * MESSAGE_MAX];
    size_t length = tpi_message_json(block->type, tpi_block_bytes(block), block->size,
                                     block->type->field_count, json, sizeof json);
    if (length < sizeof json) {
        tpi_out_text(out, ",\"message\":");
        tpi_out_put(out, json, length);
    } else tpi_out_json_text(out, ",\"message\":", report->value.message);
    tpi_out_json_pid(out, ",\"sender\":", report->value.sender);
}

static void json_fault(struct report *report) {
    const tp_crash_report *value = &report->value;
    struct tpi_out *out = &report->json;
    tpi_out_json_text(out, ",\"fault\":{\"signal\":", str_of(tp_signal_name(value->signal)));
    tpi_out_print(out, ",\"code\":%d,\"address\":\"0x%" PRIx64 "\",\"pc\":\"0x%zx\"}",
                  report->fault.code, value->address, (size_t)report->fault.pc);
}

static void json_stack(struct report *report) {
    const tp_crash_report *value = &report->value;
    struct tpi_out *out = &report->json;
    tpi_out_print(out, ",\"stack\":[");
    for (size_t i = 0; i < value->stack.count; i++)
        tpi_out_json_text(out, i == 0 ? "" : ",", value->stack.items[i]);
    tpi_out_print(out, "]");
}

static void json_history(struct report *report) {
    const tp_crash_report *value = &report->value;
    struct tpi_out *out = &report->json;
    count_line(out, ",\"restarts\":", value->restarts);
    tpi_out_text(out, ",\"restart_ages\":[");
    for (size_t i = 0; i < value->restart_ages.count; i++) {
        if (i > 0) tpi_out_text(out, ",");
        tpi_out_seconds(out, report->ages[i]);
    }
    tpi_out_text(out, "],\"last\":[");
    for (size_t i = 0; i < value->last.count; i++)
        tpi_out_json_text(out, i == 0 ? "" : ",", report->last[i]);
    tpi_out_text(out, "]");
    if (value->capsule.size > 0) tpi_out_json_text(out, ",\"capsule\":", value->capsule);
}

static void write_json(struct report *report, const tp_actor *self) {
    const tp_crash_report *value = &report->value;
    struct tpi_out *out = &report->json;
    tpi_out_json_pid(out, "{\"crash\":", value->actor);
    tpi_out_json_text(out, ",\"node\":", str_of(self->runtime->options.node_name));
    tpi_out_json_text(out, ",\"name\":", value->name);
    tpi_out_json_text(out, ",\"behavior\":", value->behavior);
    json_reason(report);
    if (self->current != NULL && self->current->type != NULL) json_message(report, self->current);
    count_line(out, ",\"mailbox\":", value->mailbox);
    count_line(out, ",\"monitors\":", value->monitor_count);
    count_line(out, ",\"watchers\":", value->watcher_count);
    count_line(out, ",\"links\":", value->link_count);
    tpi_out_text(out, ",\"linked\":[");
    for (size_t i = 0; i < value->links.count; i++)
        tpi_out_json_pid(out, i == 0 ? "" : ",", report->links[i]);
    tpi_out_text(out, "]");
    json_history(report);
    if (value->signal != 0) json_fault(report);
    if (value->signal != 0 || value->stack.count > 0) json_stack(report);
    tpi_out_text(out, "}");
}

/* ---- told ---- */

static void log_report(struct report *report, tp_actor *self) {
    const tp_crash_report *value = &report->value;
    tp_runtime *runtime = self->runtime;
    char line[sizeof report->reason + 16];
    struct tpi_out out = tpi_out_over(line, sizeof line);
    tpi_out_text(&out, "exited: ");
    tpi_out_text(&out, report->reason);
    for (char *at = line; *at != 0; at++)
        if (*at == '\n' || *at == '\r') *at = ' ';
    tp_log_entry entry = {
        .level = TP_LOG_ERROR,
        .time = tpi_scheduler_now(runtime->scheduler),
        .actor = value->actor,
        .name = value->name.size > 0 ? value->name.data : value->behavior.data,
        .text = line,
        .report = report->text.text,
        .json = report->json.cut ? NULL : report->json.text,
    };
    tpi_log_entry(runtime, &entry);
}

static void tell(struct report *report, tp_runtime *runtime,
                 const struct tpi_subscriber *subscribers, unsigned count) {
    struct tpi_subject *subject = &runtime->crash->crashes;
    report->value.text = str_of(report->text.text);
    if (!report->json.cut) report->value.json = str_of(report->json.text);
    for (unsigned i = 0; i < count; i++) {
        if (tp_pid_equal(subscribers[i].pid, report->value.actor)) continue;
        report->value.lost = subscribers[i].lost;
        tpi_subject_tell(runtime, subject, subscribers[i].pid, &tp_crash_report_message,
                         &report->value);
    }
}

/* Its room is kept for the next crash. */
static struct report *take(tp_runtime *runtime) {
    /* acquire: partner is the release in give; weaker, the former user could still write to it */
    struct report *report =
        atomic_exchange_explicit(&runtime->crash->spare, NULL, memory_order_acquire);
    return report != NULL ? report : tpi_heap_alloc(runtime->memory, sizeof *report);
}

static void give(tp_runtime *runtime, struct report *report) {
    /* release: partner is the acquire in take; acquire for the one that was there */
    report = atomic_exchange_explicit(&runtime->crash->spare, report, memory_order_acq_rel);
    if (report != NULL) tpi_heap_free(runtime->memory, report, sizeof *report);
}

/* Its file's name, or "". */
static void write_capsule(tp_runtime *runtime, tp_actor *self, tp_reason reason, char *path) {
    char name[TPI_CAPSULE_PATH] = "";
    path[0] = 0;
    if (self->extra == NULL || self->extra->capsule == NULL || self->extra->capsule->replaying)
        return;
    tp_err err = tpi_capsule_write(runtime, self, reason, name, sizeof name);
    if (err == TP_OK) memcpy(path, name, sizeof name);
    else
        tp_log(self, TP_LOG_WARN, "its capsule was not written%s%s: %s", name[0] ? " to " : "",
               name, tp_strerror(err));
}

/* Only if somebody will read it: the walk costs some microseconds. */
void tpi_crash_failing(tp_runtime *runtime, tp_actor *self, const void *frame) {
    struct tpi_crash_thread *thread = self->worker->crash;
    struct tpi_subject *subject = &runtime->crash->crashes;
    /* relaxed: a subscriber that comes at this moment may get a report without a stack */
    bool wanted = runtime->options.log_level <= TP_LOG_ERROR ||
                  atomic_load_explicit(&subject->count, memory_order_relaxed) > 0;
    if (thread == NULL || !wanted || self->flags & TPI_ACTOR_QUIET ||
        !tpi_crash_within(runtime, &runtime->crash->walks, 1000, WALKS_A_SECOND))
        return;
    thread->frame_count = tpi_stack_here(&thread->fault, frame, thread->frames, FAIL_FRAMES_MAX);
    thread->failing = tpi_pid_of(runtime, self);
}

void tpi_crash_crashed(tp_runtime *runtime, tp_actor *self, tp_reason reason) {
    char capsule[TPI_CAPSULE_PATH];
    struct tpi_subscriber subscribers[TPI_SUBSCRIBERS_MAX];
    bool logged = runtime->options.log_level <= TP_LOG_ERROR;
    unsigned count = tpi_subject_list(runtime, &runtime->crash->crashes, subscribers);
    write_capsule(runtime, self, reason, capsule);
    if (!logged && count == 0) return;
    struct report *report = take(runtime);
    if (report == NULL) {
        if (logged) tp_log(self, TP_LOG_ERROR, "exited: %s", tp_exit_code_name(reason.code));
        return;
    }
    report->text = tpi_out_over(report->text_bytes, sizeof report->text_bytes);
    report->json = tpi_out_over(report->json_bytes, sizeof report->json_bytes);
    gather(report, self, reason, capsule);
    write_text(report);
    write_json(report, self);
    if (logged) log_report(report, self);
    if (count > 0) tell(report, runtime, subscribers, count);
    give(runtime, report);
}

void tpi_report_free(tp_runtime *runtime) {
    /* acquire: as in take */
    struct report *report =
        atomic_exchange_explicit(&runtime->crash->spare, NULL, memory_order_acquire);
    if (report != NULL) tpi_heap_free(runtime->memory, report, sizeof *report);
}

/* ---- faults as reasons ---- */

bool tp_fault_of(tp_reason reason, tp_fault *out) {
    tp_reader in = tp_reader_over(reason.detail.data, reason.detail.size);
    if (reason.code != TP_EXIT_FAULT || reason.detail.size == 0) return false;
    if (tp_read_array(&in) != 3) return false;
    tp_fault fault = {.signal = (int32_t)tp_read_i64(&in, INT32_MIN, INT32_MAX),
                      .code = (int32_t)tp_read_i64(&in, INT32_MIN, INT32_MAX),
                      .address = tp_read_u64(&in, UINT64_MAX)};
    if (in.failed) return false;
    *out = fault;
    return true;
}

const char *tp_signal_name(int32_t signal) {
    return tpi_signal_name(signal);
}
