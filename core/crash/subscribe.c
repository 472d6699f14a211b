/*
 * Actors that are told of crashes and of dead letters.
 *
 * A subscriber that has ended is found out when something is to be told, and its place is used
 * again. Nothing is told of messages that tell.
 */
#include "core/crash/crash.h"
#include "core/crash/out.h"

#include <string.h>

#define SECOND_MS 1000u
#define LETTERS_A_SECOND 100u
#define TEXT_MAX 256u

/* ---- subjects ---- */

static bool lives(const tp_runtime *runtime, tp_pid pid) {
    uint64_t identity;
    return tpi_find(runtime, pid, &identity) != NULL;
}

tp_err tpi_subject_subscribe(tp_actor *self, struct tpi_subject *subject) {
    tp_runtime *runtime = self->runtime;
    tp_pid pid = tp_self(self);
    struct tpi_subscriber *place = NULL;
    tpi_spin_lock(&subject->lock);
    /* relaxed: changed under the lock */
    uint32_t count = atomic_load_explicit(&subject->count, memory_order_relaxed);
    for (uint32_t i = 0; i < count; i++) {
        struct tpi_subscriber *subscriber = &subject->subscribers[i];
        if (tp_pid_equal(subscriber->pid, pid)) {
            place = subscriber;
            break;
        }
        if (place == NULL && !lives(runtime, subscriber->pid)) place = subscriber;
    }
    if (place == NULL && count < TPI_SUBSCRIBERS_MAX) {
        place = &subject->subscribers[count];
        /* relaxed: whoever sees it late tells one thing less */
        atomic_store_explicit(&subject->count, count + 1, memory_order_relaxed);
    }
    if (place != NULL && !tp_pid_equal(place->pid, pid)) *place = (struct tpi_subscriber){pid, 0};
    tpi_spin_unlock(&subject->lock);
    return place != NULL ? TP_OK : TP_ETOOBIG;
}

bool tpi_subject_unsubscribe(tp_actor *self, struct tpi_subject *subject) {
    bool found = false;
    tp_pid pid = tp_self(self);
    tpi_spin_lock(&subject->lock);
    /* relaxed: changed under the lock */
    uint32_t count = atomic_load_explicit(&subject->count, memory_order_relaxed);
    for (uint32_t i = 0; i < count && !found; i++) {
        if (!tp_pid_equal(subject->subscribers[i].pid, pid)) continue;
        subject->subscribers[i] = subject->subscribers[count - 1];
        /* relaxed: as in subscribe */
        atomic_store_explicit(&subject->count, count - 1, memory_order_relaxed);
        found = true;
    }
    tpi_spin_unlock(&subject->lock);
    return found;
}

unsigned tpi_subject_list(tp_runtime *runtime, struct tpi_subject *subject,
                          struct tpi_subscriber *out) {
    unsigned listed = 0;
    /* relaxed: most often there is nobody, and then nothing is to be done */
    if (atomic_load_explicit(&subject->count, memory_order_relaxed) == 0) return 0;
    tpi_spin_lock(&subject->lock);
    /* relaxed: changed under the lock */
    uint32_t count = atomic_load_explicit(&subject->count, memory_order_relaxed);
    TPI_ASSERT(count <= TPI_SUBSCRIBERS_MAX);
    for (uint32_t i = 0; i < count; i++)
        if (lives(runtime, subject->subscribers[i].pid)) out[listed++] = subject->subscribers[i];
    tpi_spin_unlock(&subject->lock);
    return listed;
}

static void note_lost(struct tpi_subject *subject, tp_pid pid, bool lost) {
    tpi_spin_lock(&subject->lock);
    /* relaxed: changed under the lock */
    uint32_t count = atomic_load_explicit(&subject->count, memory_order_relaxed);
    for (uint32_t i = 0; i < count; i++) {
        struct tpi_subscriber *subscriber = &subject->subscribers[i];
        if (tp_pid_equal(subscriber->pid, pid)) subscriber->lost = lost ? subscriber->lost + 1 : 0;
    }
    tpi_spin_unlock(&subject->lock);
}

void tpi_subject_tell(tp_runtime *runtime, struct tpi_subject *subject, tp_pid to,
                      const tp_message_type *type, const void *value) {
    struct tpi_block *block = tpi_block_encode(runtime, NULL, type, value);
    tp_err err = block == NULL ? TP_ENOMEM : tpi_send_block(runtime, NULL, to, block);
    note_lost(subject, to, err != TP_OK);
}

/* ---- the calls ---- */

tp_err tp_crash_subscribe(tp_actor *self) {
    TPI_INSIDE(self);
    return tpi_subject_subscribe(self, &self->runtime->crash->crashes);
}

bool tp_crash_unsubscribe(tp_actor *self) {
    TPI_INSIDE(self);
    return tpi_subject_unsubscribe(self, &self->runtime->crash->crashes);
}

tp_err tp_dead_letter_subscribe(tp_actor *self) {
    TPI_INSIDE(self);
    return tpi_subject_subscribe(self, &self->runtime->crash->dead_letters);
}

bool tp_dead_letter_unsubscribe(tp_actor *self) {
    TPI_INSIDE(self);
    return tpi_subject_unsubscribe(self, &self->runtime->crash->dead_letters);
}

/* ---- dead letters ---- */

static bool tells(const tp_message_type *type) {
    return tp_message_type_equal(type, &tp_dead_letter_message) ||
           tp_message_type_equal(type, &tp_crash_report_message) ||
           tp_message_type_equal(type, &tp_stuck_report_message);
}

static void log_letter(tp_runtime *runtime, const tp_dead_letter *letter) {
    char line[TEXT_MAX + 64], json[6 * TEXT_MAX + 512];
    struct tpi_out out = tpi_out_over(line, sizeof line);
    tpi_out_text(&out, "dead letter from ");
    tpi_out_pid(&out, letter->from);
    tpi_out_text(&out, ": ");
    tpi_out_put(&out, letter->text.data, letter->text.size);
    out = tpi_out_over(json, sizeof json);
    tpi_out_json_pid(&out, "{\"dead_letter\":", letter->to);
    tpi_out_json_text(&out, ",\"node\":", tp_str_of(runtime->options.node_name));
    tpi_out_json_pid(&out, ",\"from\":", letter->from);
    tpi_out_json_text(&out, ",\"type\":", letter->type);
    tpi_out_json_text(&out, ",\"text\":", letter->text);
    tpi_out_text(&out, ",\"suppressed\":");
    tpi_out_number(&out, (int64_t)letter->suppressed);
    tpi_out_text(&out, "}");
    tp_log_entry entry = {.level = TP_LOG_INFO,
                          .time = tpi_scheduler_now(runtime->scheduler),
                          .actor = letter->to,
                          .name = "",
                          .text = line,
                          .json = out.cut ? NULL : json};
    tpi_log_entry(runtime, &entry);
}

void tpi_crash_dead_letter(tp_runtime *runtime, struct tpi_worker *worker, tp_pid to,
                           const struct tpi_block *block) {
    struct tpi_crash *crash = runtime->crash;
    struct tpi_subscriber subscribers[TPI_SUBSCRIBERS_MAX];
    unsigned count = tpi_subject_list(runtime, &crash->dead_letters, subscribers);
    bool logged = runtime->options.log_level <= TP_LOG_INFO;
    (void)worker;
    if ((count == 0 && !logged) || block->type == NULL || tells(block->type)) return;
    if (!tpi_crash_within(runtime, &crash->letters, SECOND_MS, LETTERS_A_SECOND)) {
        /* relaxed: a count that orders nothing */
        atomic_fetch_add_explicit(&crash->suppressed, 1, memory_order_relaxed);
        return;
    }
    char text[TEXT_MAX];
    (void)tp_message_format((const tp_message *)block, text, sizeof text);
    tp_dead_letter letter = {
        .to = to,
        .from = tpi_block_from(runtime, block),
        .type = {block->type->name, block->type->name_size},
        .text = {text, strlen(text)},
        /* relaxed: a count that orders nothing */
        .suppressed = atomic_exchange_explicit(&crash->suppressed, 0, memory_order_relaxed),
    };
    if (logged) log_letter(runtime, &letter);
    for (unsigned i = 0; i < count; i++)
        tpi_subject_tell(runtime, &crash->dead_letters, subscribers[i].pid, &tp_dead_letter_message,
                         &letter);
}
