/*
 * Keeping the inputs of an actor, and giving them back.
 */
#include "core/actor/capsule.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/actor/mailbox.h"

#define STEP_MIN 64u

static void diverge(tp_actor *self, const char *format, ...) TP_PRINTF(2, 3)
    __attribute__((noreturn));

/* ---- memory ---- */

struct tpi_capsule *tpi_capsule_new(tp_runtime *runtime, uint32_t steps) {
    struct tpi_capsule *capsule = tpi_heap_alloc(runtime->memory, sizeof *capsule);
    if (capsule == NULL) return NULL;
    memset(capsule, 0, sizeof *capsule);
    size_t size = steps * sizeof *capsule->steps;
    capsule->steps = tpi_heap_alloc(runtime->memory, size);
    if (capsule->steps == NULL) {
        tpi_heap_free(runtime->memory, capsule, sizeof *capsule);
        return NULL;
    }
    memset(capsule->steps, 0, size);
    capsule->runtime = runtime;
    capsule->capacity = steps;
    capsule->now = &capsule->start;
    return capsule;
}

static void free_step(tp_runtime *runtime, struct tpi_step *step) {
    if (step->bytes != NULL) tpi_heap_free(runtime->memory, step->bytes, step->capacity);
    *step = (struct tpi_step){0};
}

void tpi_capsule_free(tp_runtime *runtime, struct tpi_capsule *capsule) {
    free_step(runtime, &capsule->start);
    for (uint32_t i = 0; i < capsule->capacity; i++) free_step(runtime, &capsule->steps[i]);
    tpi_heap_free(runtime->memory, capsule->steps, capsule->capacity * sizeof *capsule->steps);
    tpi_heap_free(runtime->memory, capsule, sizeof *capsule);
}

/* ---- keeping ---- */

/* From here on nothing more is kept: a part of what happened would mislead. */
static void cut(struct tpi_capsule *capsule, const char *why) {
    if (capsule->cut == NULL) capsule->cut = why;
}

static void drop_oldest(struct tpi_capsule *capsule) {
    struct tpi_step *step = tpi_capsule_step(capsule, 0);
    TPI_ASSERT(capsule->count > 0);
    capsule->bytes -= step->size;
    free_step(capsule->runtime, step);
    capsule->first = (capsule->first + 1) % capsule->capacity;
    capsule->count--;
    capsule->lost++;
}

/* Room for `more` bytes in the present step; older ones give way. False: it is cut. */
static bool make_room(struct tpi_capsule *capsule, size_t more) {
    struct tpi_step *step = capsule->now;
    while (capsule->bytes + more > TPI_CAPSULE_BYTES_MAX && capsule->count > 1)
        drop_oldest(capsule);
    if (step->size + more > TPI_CAPSULE_BYTES_MAX) {
        cut(capsule, "one step had more inputs than a capsule holds");
        return false;
    }
    if (step->size + more <= step->capacity) return true;
    size_t capacity = step->capacity < STEP_MIN ? STEP_MIN : step->capacity;
    while (capacity < step->size + more) capacity *= 2;
    uint8_t *bytes = tpi_heap_alloc(capsule->runtime->memory, capacity);
    if (bytes == NULL) {
        cut(capsule, "out of memory");
        return false;
    }
    if (step->size > 0) memcpy(bytes, step->bytes, step->size);
    if (step->bytes != NULL) tpi_heap_free(capsule->runtime->memory, step->bytes, step->capacity);
    step->bytes = bytes;
    step->capacity = capacity;
    return true;
}

/* Begins an input of so many values after its kind; `room` is an upper bound of their bytes. */
static bool open_input(struct tpi_capsule *capsule, tp_writer *out, enum tpi_input_kind kind,
                       uint32_t values, size_t room) {
    if (capsule->cut != NULL || !make_room(capsule, room + 8)) return false;
    struct tpi_step *step = capsule->now;
    *out = tp_writer_over(step->bytes + step->size, step->capacity - step->size);
    tp_write_array(out, values + 1);
    tp_write_u64(out, kind);
    return true;
}

static void close_input(struct tpi_capsule *capsule, const tp_writer *out) {
    struct tpi_step *step = capsule->now;
    size_t size = (size_t)(out->at - step->bytes);
    TPI_ASSERT(!out->failed);
    if (step != &capsule->start) capsule->bytes += size - step->size;
    step->size = size;
    step->count++;
}

static size_t message_room(const struct tpi_block *block) {
    return block == NULL ? 1 : 80 + (size_t)block->type->name_size + block->size;
}

static void write_message(tp_runtime *runtime, tp_writer *out, const struct tpi_block *block) {
    if (block == NULL) {
        tp_write_nil(out);
        return;
    }
    const tp_message_type *type = block->type;
    tp_write_array(out, 6);
    tp_write_str(out, (tp_str){type->name, type->name_size});
    tp_write_u64(out, type->field_count);
    tp_write_bool(out, block->kind == TPI_KIND_REQUEST);
    tp_write_pid(out, tpi_block_from(runtime, block));
    tp_write_u64(out, block->ref);
    tp_write_bin(out, (tp_bin){tpi_block_bytes(block), block->size});
}

void tpi_capsule_begin(tp_actor *self, enum tpi_input_kind kind, const struct tpi_block *block) {
    struct tpi_capsule *capsule = tpi_capsule_of(self);
    tp_writer out;
    if (capsule == NULL || capsule->replaying) return;
    if (block != NULL && block->flags & TPI_BLOCK_SYSTEM) return;
    if (kind != TPI_INPUT_START) {
        if (capsule->count == capsule->capacity) drop_oldest(capsule);
        capsule->now = tpi_capsule_step(capsule, capsule->count++);
        TPI_ASSERT(capsule->now->size == 0);
    }
    bool bare = kind == TPI_INPUT_TIMEOUT;
    if (!open_input(capsule, &out, kind, bare ? 0 : 1, message_room(block))) return;
    if (!bare) write_message(self->runtime, &out, block);
    close_input(capsule, &out);
}

/* ---- reading ---- */

static void read_message(tp_reader *in, struct tpi_recorded *out) {
    if (tp_read_nil(in)) return;
    if (tp_read_array(in) != 6) in->failed = true;
    out->present = true;
    out->type = tp_read_str(in);
    out->fields = (uint32_t)tp_read_u64(in, TP_FIELDS_MAX);
    out->request = tp_read_bool(in);
    out->from = tp_read_pid(in);
    out->ref = tp_read_u64(in, UINT64_MAX);
    out->payload = tp_read_bin(in);
    if (out->type.size == 0 || out->type.size > TP_NAME_SIZE_MAX) in->failed = true;
    if (out->payload.size > TP_MESSAGE_SIZE_MAX) in->failed = true;
}

static void read_wait(tp_reader *in, struct tpi_input *out) {
    out->err = (tp_err)tp_read_u64(in, TP_ERR_COUNT - 1);
    out->wait_err = (tp_err)tp_read_u64(in, TP_ERR_COUNT - 1);
    out->timed_out = tp_read_bool(in);
    out->ready = (uint32_t)tp_read_u64(in, UINT32_MAX);
    read_message(in, &out->message);
}

bool tpi_input_read(tp_reader *in, struct tpi_input *out) {
    static const uint8_t values[TPI_INPUT_COUNT] = {1, 1, 0, 1, 1, 1, 1, 1, 5};
    *out = (struct tpi_input){.kind = TPI_INPUT_COUNT};
    uint32_t count = tp_read_array(in);
    uint64_t kind = tp_read_u64(in, TPI_INPUT_COUNT - 1);
    if (in->failed || count != values[kind] + 1u) return false;
    out->kind = (enum tpi_input_kind)kind;
    switch (out->kind) {
    case TPI_INPUT_START:
    case TPI_INPUT_MESSAGE: read_message(in, &out->message); break;
    case TPI_INPUT_RANDOM:
    case TPI_INPUT_CLOCK:
    case TPI_INPUT_REF:
    case TPI_INPUT_FLAG: out->number = tp_read_u64(in, UINT64_MAX); break;
    case TPI_INPUT_PID: out->pid = tp_read_pid(in); break;
    case TPI_INPUT_WAIT: read_wait(in, out); break;
    default: break;
    }
    if (out->kind == TPI_INPUT_MESSAGE && !out->message.present) return false;
    return !in->failed;
}

/* ---- giving back ---- */

static const char *const kind_names[TPI_INPUT_COUNT + 1] = {
    "its start",   "a message", "a timeout", "a random number",   "a reading of the clock",
    "a reference", "a flag",    "a pid",     "the end of a wait", "nothing more"};

static void diverge(tp_actor *self, const char *format, ...) {
    struct tpi_capsule *capsule = self->extra->capsule;
    if (!capsule->diverged && !(self->flags & TPI_ACTOR_EXITING)) {
        va_list args;
        va_start(args, format);
        (void)vsnprintf(capsule->why, sizeof capsule->why, format, args);
        va_end(args);
        capsule->diverged = true;
    }
    tp_fail(self, "the replay went another way: %s", capsule->why);
}

static bool is_over(const struct tpi_capsule *capsule) {
    return capsule->in.at >= capsule->in.end && capsule->step > capsule->count;
}

/* What the actor's code asks for. Where the recorded inputs end by a signal, so does the actor. */
static void take(tp_actor *self, enum tpi_input_kind kind, struct tpi_input *out) {
    struct tpi_capsule *capsule = self->extra->capsule;
    *out = (struct tpi_input){.kind = TPI_INPUT_COUNT};
    if (capsule->in.at < capsule->in.end) (void)tpi_input_read(&capsule->in, out);
    else if (is_over(capsule) && capsule->by_signal)
        tp_exit_with(self, (tp_reason){capsule->code, capsule->detail});
    if (out->kind != kind)
        diverge(self, "in step %" PRIu32 " it asks for %s, where the capsule has %s",
                capsule->step - 1, kind_names[kind], kind_names[out->kind]);
}

uint64_t tpi_capsule_number(tp_actor *self, enum tpi_input_kind kind, uint64_t value) {
    TPI_INSIDE(self);
    struct tpi_capsule *capsule = tpi_capsule_of(self);
    struct tpi_input input;
    tp_writer out;
    if (capsule == NULL) return value;
    if (capsule->replaying) {
        take(self, kind, &input);
        return input.number;
    }
    if (open_input(capsule, &out, kind, 1, 9)) {
        tp_write_u64(&out, value);
        close_input(capsule, &out);
    }
    return value;
}

tp_pid tpi_capsule_pid(tp_actor *self, tp_pid pid) {
    struct tpi_capsule *capsule = tpi_capsule_of(self);
    struct tpi_input input;
    tp_writer out;
    if (capsule == NULL) return pid;
    if (capsule->replaying) {
        take(self, TPI_INPUT_PID, &input);
        return input.pid;
    }
    if (open_input(capsule, &out, TPI_INPUT_PID, 1, 18)) {
        tp_write_pid(&out, pid);
        close_input(capsule, &out);
    }
    return pid;
}

void tpi_capsule_waited(tp_actor *self, const struct tpi_waiting *waiting, tp_err err) {
    struct tpi_capsule *capsule = tpi_capsule_of(self);
    tp_writer out;
    if (capsule == NULL || capsule->replaying || waiting->kind == TPI_WAIT_CREDIT) return;
    if (waiting->kind == TPI_WAIT_FUTURES) cut(capsule, "the actor awaited futures");
    if (waiting->kind == TPI_WAIT_EVENT) cut(capsule, "the actor waited for a socket");
    if (!open_input(capsule, &out, TPI_INPUT_WAIT, 5, 24 + message_room(waiting->block))) return;
    tp_write_u64(&out, err);
    tp_write_u64(&out, waiting->err);
    tp_write_bool(&out, waiting->timed_out);
    tp_write_u64(&out, waiting->ready);
    write_message(self->runtime, &out, waiting->block);
    close_input(capsule, &out);
}

/* ---- messages made from what was kept ---- */

/* A type that the program does not declare where we could see it: as many fields, all of them any
 * value. Lives as long as the actor. */
struct made_type {
    tp_message_type type;
    tp_field fields[TP_FIELDS_MAX];
    char name[TP_NAME_SIZE_MAX + 1];
};

static const tp_message_type *make_type(tp_actor *self, const struct tpi_recorded *from) {
    struct made_type *made = tp_alloc(self, sizeof *made);
    if (made == NULL) return NULL;
    memcpy(made->name, from->type.data, from->type.size);
    for (size_t i = 0; i < TP_FIELDS_MAX; i++)
        made->fields[i] = (tp_field){.name = "", .kind = "", .form = TP_FORM_PLAIN};
    made->type = (tp_message_type){.name = made->name,
                                   .hash = tp_name_hash(made->name, from->type.size),
                                   .name_size = (uint32_t)from->type.size,
                                   .field_count = from->fields,
                                   .fields = made->fields};
    return &made->type;
}

static const tp_message_type *type_of(tp_actor *self, const struct tpi_recorded *from) {
    const tp_behavior *behavior = self->behavior;
    for (uint32_t i = 0; i < behavior->handler_count; i++) {
        const tp_message_type *type = behavior->handlers[i].type;
        if (type->field_count == from->fields &&
            tp_str_equal((tp_str){type->name, type->name_size}, from->type))
            return type;
    }
    return make_type(self, from);
}

/* NULL: none was kept, or there is no memory, which ends the actor. */
static struct tpi_block *block_of(tp_actor *self, const struct tpi_recorded *from) {
    tp_runtime *runtime = self->runtime;
    if (!from->present) return NULL;
    const tp_message_type *type = type_of(self, from);
    bool foreign = from->from.generation != 0 && from->from.node != runtime->node;
    struct tpi_block *block = type == NULL ? NULL
                                           : tpi_block_new(runtime, self->worker, TPI_KIND_MESSAGE,
                                                           from->payload.size + (foreign ? 8 : 0));
    if (block == NULL) tp_exit(self, TP_EXIT_NOMEM);
    block->type = type;
    block->kind = from->request ? TPI_KIND_REQUEST : TPI_KIND_MESSAGE;
    block->ref = from->ref;
    block->size = (uint32_t)from->payload.size;
    block->flags = TPI_BLOCK_UNCOUNTED | (foreign ? (uint8_t)TPI_BLOCK_REMOTE : 0u);
    block->state = TPI_BLOCK_LOOSE | TPI_BLOCK_CONSUMED;
    block->from_slot = from->from.slot;
    block->from_generation = from->from.generation;
    block->to_generation = self->generation;
    tpi_block_link(block, NULL);
    if (foreign) memcpy(block + 1, &from->from.node, 8);
    if (from->payload.size > 0)
        memcpy((uint8_t *)(block + 1) + (foreign ? 8 : 0), from->payload.data, from->payload.size);
    return block;
}

tp_err tpi_capsule_wait(tp_actor *self, struct tpi_waiting *waiting) {
    struct tpi_input input;
    if (waiting->kind == TPI_WAIT_CREDIT) return TP_OK;
    take(self, TPI_INPUT_WAIT, &input);
    waiting->done = true;
    waiting->timed_out = input.timed_out;
    waiting->err = input.wait_err;
    waiting->ready = input.ready;
    waiting->block = block_of(self, &input.message);
    if (waiting->block != NULL)
        waiting->block->state =
            TPI_BLOCK_LOOSE | (waiting->kind == TPI_WAIT_MESSAGE ? TPI_BLOCK_RECEIVED : 0u);
    /* what a call or a receive waits for is there, or an error says why not */
    bool nothing = waiting->block == NULL && !waiting->timed_out && input.err == TP_OK &&
                   waiting->err == TP_OK;
    if (nothing && waiting->kind == TPI_WAIT_MESSAGE) diverge(self, "a wait brought no message");
    return input.err;
}

enum tpi_input_kind tpi_capsule_next(tp_actor *self, struct tpi_block **block) {
    struct tpi_capsule *capsule = self->extra->capsule;
    struct tpi_input input;
    *block = NULL;
    if (capsule->step > 0 && capsule->in.at < capsule->in.end)
        diverge(self, "step %" PRIu32 " ended before all of its inputs were asked for",
                capsule->step - 1);
    if (capsule->step > capsule->count) return TPI_INPUT_COUNT;
    const struct tpi_step *step =
        capsule->step == 0 ? &capsule->start : tpi_capsule_step(capsule, capsule->step - 1);
    capsule->step++;
    if (step == &capsule->start && step->size == 0) return tpi_capsule_next(self, block);
    capsule->in = tp_reader_over(step->bytes, step->size);
    if (!tpi_input_read(&capsule->in, &input)) return TPI_INPUT_COUNT;
    *block = block_of(self, &input.message);
    return input.kind;
}

void tpi_capsule_ended(tp_actor *self, tp_reason reason) {
    struct tpi_capsule *capsule = self->extra->capsule;
    size_t size = reason.detail.size;
    if (size > sizeof capsule->ended_detail) size = sizeof capsule->ended_detail;
    capsule->ended = true;
    capsule->ended_code = reason.code;
    if (size > 0) memcpy(capsule->ended_detail, reason.detail.data, size);
    capsule->ended_detail_size = size;
}
