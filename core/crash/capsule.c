/*
 * A capsule's file: one msgpack array. It is written in one go by the worker whose actor crashed,
 * and believed in nothing when it is read.
 */
#include "core/crash/capsule.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/crash/crash.h"

#define MAGIC "troupe.capsule"
#define VERSION 1u
#define VALUES 13u
#define NAME_MAX_SHOWN 48u
#define ATTEMPTS 8u
#define MINUTE_MS 60000u
#define FILES_A_MINUTE 60u

/* ---- writing ---- */

static size_t file_room(const struct tpi_capsule *capsule, tp_reason reason) {
    size_t room = 1024 + reason.detail.size + capsule->start.size;
    for (uint32_t i = 0; i < capsule->count; i++) room += 5 + tpi_capsule_step(capsule, i)->size;
    return room;
}

static void put_step(tp_writer *out, const struct tpi_step *step) {
    tp_write_array(out, step->count);
    if (out->failed || (size_t)(out->end - out->at) < step->size) {
        out->failed = true;
        return;
    }
    tpi_put_bytes(out, step->bytes, step->size);
}

/* Text of at most `max` bytes: names are the program's, and may be long. */
static tp_str short_text(const char *text, size_t max) {
    return (tp_str){text, text == NULL ? 0 : strnlen(text, max)};
}

static void put_all(tp_writer *out, const tp_actor *self, tp_reason reason, int64_t time) {
    const struct tpi_capsule *capsule = self->extra->capsule;
    bool by_signal = !capsule->by_itself && !(self->flags & TPI_ACTOR_FAULTED);
    tp_write_array(out, VALUES);
    tp_write_str(out, TP_STR(MAGIC));
    tp_write_u64(out, VERSION);
    tp_write_str(out, short_text(self->behavior->name, 200));
    tp_write_str(out, short_text(self->extra->name, 200));
    tp_write_pid(out, tpi_pid_of(self->runtime, self));
    tp_write_i64(out, time);
    tp_write_array(out, 2);
    tp_write_i64(out, reason.code);
    tp_write_bin(out, reason.detail);
    tp_write_bool(out, by_signal);
    tp_write_str(out, tp_str_of(capsule->cut));
    tp_write_u64(out, capsule->lost);
    tp_write_bool(out, (self->flags & TPI_ACTOR_CONTAINED) != 0);
    tp_write_u64(out, self->state_size);
    tp_write_array(out, capsule->count + 1);
    put_step(out, &capsule->start);
    for (uint32_t i = 0; i < capsule->count; i++) put_step(out, tpi_capsule_step(capsule, i));
}

/* A name for a file: letters, digits and dashes of the actor's. */
static void file_name(char *out, size_t size, const tp_actor *self) {
    const char *name = self->extra->name != NULL ? self->extra->name : self->behavior->name;
    size_t length = 0;
    for (; name[length] != 0 && length < NAME_MAX_SHOWN && length + 1 < size; length++) {
        char c = name[length];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        out[length] = plain || c == '_' ? c : '-';
    }
    out[length] = 0;
}

static tp_err write_file(tp_actor *self, const void *bytes, size_t count, int64_t time, char *path,
                         size_t size) {
    const char *folder = self->runtime->options.capsule_directory;
    char name[NAME_MAX_SHOWN + 1];
    tp_err err = TP_EEXIST;
    file_name(name, sizeof name, self);
    /* time is the same for two crashes within one tick of the clock */
    for (unsigned i = 0; err == TP_EEXIST && i < ATTEMPTS; i++) {
        int length = snprintf(path, size, "%s/%s-%" PRIu32 "-%" PRIu32 "-%" PRId64 ".capsule",
                              folder == NULL ? "." : folder, name, tpi_slot_of(self),
                              self->generation, time + (int64_t)i);
        if (length < 0 || (size_t)length >= size) return TP_ETOOBIG;
        err = tpi_file_create(path, bytes, count);
    }
    return err;
}

tp_err tpi_capsule_write(tp_runtime *runtime, tp_actor *self, tp_reason reason, char *path,
                         size_t size) {
    const struct tpi_capsule *capsule = self->extra->capsule;
    if (!tpi_crash_within(runtime, &runtime->crash->capsules, MINUTE_MS, FILES_A_MINUTE))
        return TP_EFULL;
    size_t room = file_room(capsule, reason);
    uint8_t *bytes = tpi_heap_alloc(runtime->memory, room);
    if (bytes == NULL) return TP_ENOMEM;
    int64_t time = runtime->driver.wall(runtime->driver.context);
    tp_writer out = tp_writer_over(bytes, room);
    put_all(&out, self, reason, time);
    tp_err err = out.failed ? TP_ETOOBIG
                            : write_file(self, bytes, (size_t)(out.at - bytes), time, path, size);
    tpi_heap_free(runtime->memory, bytes, room);
    return err;
}

/* ---- reading ---- */

static void read_head(tp_reader *in, struct tpi_capsule_file *out) {
    out->behavior = tp_read_str(in);
    out->name = tp_read_str(in);
    out->pid = tp_read_pid(in);
    out->time = tp_read_i64(in, INT64_MIN, INT64_MAX);
    if (tp_read_array(in) != 2) in->failed = true;
    out->code = (int32_t)tp_read_i64(in, INT32_MIN, INT32_MAX);
    out->detail = tp_read_bin(in);
    out->by_signal = tp_read_bool(in);
    out->cut = tp_read_str(in);
    out->lost = tp_read_u64(in, UINT64_MAX);
    out->contain = tp_read_bool(in);
    out->state_size = tp_read_u64(in, UINT64_MAX);
}

/* A step's inputs: each is read once here, so that the replay meets none that is damaged. The first
 * of each, and no other, says what kind of step it is. */
static const char *read_step(tp_reader *in, struct tpi_step *step, bool is_start) {
    struct tpi_input input;
    uint32_t count = tp_read_array(in);
    step->bytes = (uint8_t *)(uintptr_t)in->at; /* only read */
    step->count = count;
    for (uint32_t i = 0; i < count && !in->failed; i++) {
        if (!tpi_input_read(in, &input)) return "an input is damaged";
        bool begins = input.kind <= TPI_INPUT_TIMEOUT;
        if (begins != (i == 0)) return "an input is out of its place";
        if (begins && (input.kind == TPI_INPUT_START) != is_start)
            return "a step is out of its place";
    }
    if (in->failed) return "a step is damaged";
    if (count == 0 && !is_start) return "a step is empty";
    step->size = (size_t)(in->at - step->bytes);
    return NULL;
}

static const char *read_steps(tp_reader *in, struct tpi_capsule *capsule) {
    uint32_t count = tp_read_array(in);
    if (in->failed || count == 0 || count > TPI_CAPSULE_STEPS_MAX + 1) return "it has no steps";
    capsule->capacity = count; /* one more than needed: none would be no ring */
    capsule->count = count - 1;
    capsule->steps = calloc(count, sizeof *capsule->steps);
    if (capsule->steps == NULL) return "out of memory";
    const char *wrong = read_step(in, &capsule->start, true);
    for (uint32_t i = 0; wrong == NULL && i < capsule->count; i++)
        wrong = read_step(in, &capsule->steps[i], false);
    if (wrong == NULL && in->at != in->end) wrong = "something stands behind its end";
    return wrong;
}

static const char *read_all(tp_reader *in, struct tpi_capsule_file *out) {
    if (tp_read_array(in) != VALUES || !tp_str_equal(tp_read_str(in), TP_STR(MAGIC)) || in->failed)
        return "it is no capsule, or its beginning is damaged";
    if (tp_read_u64(in, UINT32_MAX) != VERSION || in->failed)
        return "it is of another version of the format";
    read_head(in, out);
    if (in->failed || out->behavior.size == 0 || out->pid.generation == 0)
        return "its head is damaged";
    return read_steps(in, &out->capsule);
}

const char *tpi_capsule_open(struct tpi_capsule_file *out, const void *bytes, size_t size) {
    tp_reader in = tp_reader_over(bytes, size);
    memset(out, 0, sizeof *out);
    const char *wrong = read_all(&in, out);
    if (wrong != NULL) {
        tpi_capsule_close(out);
        return wrong;
    }
    out->capsule.replaying = true;
    out->capsule.by_signal = out->by_signal;
    out->capsule.code = out->code;
    out->capsule.detail = out->detail;
    out->capsule.lost = out->lost;
    return NULL;
}

void tpi_capsule_close(struct tpi_capsule_file *file) {
    free(file->capsule.steps);
    file->capsule.steps = NULL;
}
