/*
 * The inside of an isolated actor's process: a runtime with one worker and one actor, which has the
 * slot, the generation and so the pid of its proxy in the node. What it sends to others leaves
 * through hooks.elsewhere; what comes is delivered by the process's first thread.
 */
#include <string.h>

#include "core/actor/inner.h"
#include "core/actor/remote.h"
#include "core/process/crossing.h"

#define START_REF ((tp_ref)1) /* answered when init has returned */

/* The answer to a request of the guest's own: nothing else is written meanwhile. */
static struct tpi_guest *guest_of(const tp_runtime *runtime) {
    TPI_ASSERT(runtime->guest != NULL);
    return runtime->guest;
}

/* The node is gone, or has closed the stream: so ends the guest. */
static void write_frame(struct tpi_guest *guest, const struct tpi_frame *frame, const void *first,
                        size_t first_size, const void *second) {
    TPI_ASSERT(first_size <= frame->size);
    tpi_mutex_lock(&guest->writing);
    struct tpi_part parts[] = {
        {frame, sizeof *frame}, {first, first_size}, {second, frame->size - first_size}};
    bool ok = tpi_stream_write_all(guest->stream, parts, 3);
    tpi_mutex_unlock(&guest->writing);
    if (!ok) tpi_process_exit(1);
}

static void drop(tp_runtime *runtime, struct tpi_worker *worker, struct tpi_block *block) {
    if (worker == NULL && block->size_class != TPI_CLASS_HEAP) return; /* cannot be */
    tpi_block_free(runtime, worker, block);
}

/* ---- types of other nodes ---- */

static void learn_type(struct tpi_guest *guest, const struct tpi_frame *frame,
                       const uint8_t *name) {
    struct tpi_far *far = tpi_heap_alloc(guest->runtime->memory, sizeof *far + frame->size + 1);
    if (far == NULL) tpi_process_exit(1);
    memcpy(far->name, name, frame->size);
    far->name[frame->size] = 0;
    far->there = frame->type;
    far->type = (tp_message_type){.name = far->name,
                                  .name_size = frame->size,
                                  .hash = tp_name_hash(far->name, frame->size),
                                  .field_count = (uint32_t)frame->ref};
    /* relaxed: this thread alone writes it */
    far->next = atomic_load_explicit(&guest->far, memory_order_relaxed);
    /* release: partner is the acquire load in type_there: what it points to is whole */
    atomic_store_explicit(&guest->far, far, memory_order_release);
}

static const tp_message_type *type_here(struct tpi_guest *guest, const tp_message_type *there) {
    /* relaxed: this thread alone writes it */
    const struct tpi_far *far = atomic_load_explicit(&guest->far, memory_order_relaxed);
    while (far != NULL && far->there != there) far = far->next;
    if (far == NULL) tpi_process_exit(1); /* cannot be: it was told before */
    return &far->type;
}

/* A message of another node that is passed on has a type of this process's own. */
static const tp_message_type *type_there(struct tpi_guest *guest, const tp_message_type *here) {
    /* acquire: partner is the release store in learn_type */
    const struct tpi_far *far = atomic_load_explicit(&guest->far, memory_order_acquire);
    while (far != NULL && &far->type != here) far = far->next;
    return far != NULL ? far->there : here;
}

/* ---- hooks ---- */

static void elsewhere(tp_runtime *runtime, struct tpi_worker *worker, tp_pid to,
                      struct tpi_block *block) {
    struct tpi_guest *guest = guest_of(runtime);
    /* on another node a request may have this number */
    if (block->kind == TPI_KIND_REPLY && block->ref == START_REF && !guest->ready &&
        !tpi_is_remote(runtime, to)) {
        guest->ready = true;
        write_frame(guest, &(struct tpi_frame){.what = TPI_CROSS_READY}, NULL, 0, NULL);
    } else {
        struct tpi_frame frame = tpi_crossing_frame(runtime, block, to, (enum tpi_kind)block->kind);
        frame.type = type_there(guest, frame.type);
        write_frame(guest, &frame, tpi_block_bytes(block), block->size, NULL);
    }
    drop(runtime, worker, block);
}

/* Its actor has ended, all that it owned is released: links and monitors hear from the proxy. */
static void left(tp_runtime *runtime, tp_actor *actor, tp_reason reason) {
    (void)actor;
    struct tpi_frame frame = {.what = TPI_CROSS_ENDED,
                              .size = (uint32_t)reason.detail.size,
                              .ref = (tp_ref)(uint32_t)reason.code};
    write_frame(guest_of(runtime), &frame, reason.detail.data, reason.detail.size, NULL);
    tpi_process_exit(0);
}

/* On the worker, which waits: the node answers at once. */
static const struct tpi_frame *ask(struct tpi_guest *guest, const struct tpi_frame *frame,
                                   const void *first, size_t first_size, const void *second) {
    /* relaxed: the reader stores only after it has read what is written below */
    atomic_store_explicit(&guest->answered, 0, memory_order_relaxed);
    write_frame(guest, frame, first, first_size, second);
    /* acquire: partner is the release store in take_answer; `answer` is read after it */
    while (atomic_load_explicit(&guest->answered, memory_order_acquire) == 0)
        tpi_futex_wait(&guest->answered, 0, TP_FOREVER);
    return &guest->answer;
}

static tp_err spawn_asked(tp_actor *self, const tp_behavior *behavior,
                          const tp_spawn_options *options, const tp_message_type *type,
                          struct tpi_block *arguments, tp_pid *out) {
    tp_spawn_options none = {0};
    if (options == NULL) options = &none;
    struct tpi_guest_spawn spawn = {
        .behavior = behavior,
        .mailbox_limit = options->mailbox_limit,
        .overflow = options->overflow,
        .priority = options->priority,
        .link = options->link,
        .monitor = options->monitor != NULL,
        .isolate = options->isolate,
        .name_size = options->name == NULL ? 0 : (uint32_t)strlen(options->name) + 1};
    uint8_t head[sizeof spawn + 256];
    if (spawn.name_size > sizeof head - sizeof spawn) return TP_ETOOBIG;
    memcpy(head, &spawn, sizeof spawn);
    if (spawn.name_size > 0) memcpy(head + sizeof spawn, options->name, spawn.name_size);
    size_t head_size = sizeof spawn + spawn.name_size;
    uint32_t size = arguments == NULL ? 0 : arguments->size;
    struct tpi_frame frame = {
        .what = TPI_CROSS_SPAWN, .size = (uint32_t)head_size + size, .type = type};
    const struct tpi_frame *answer = ask(guest_of(self->runtime), &frame, head, head_size,
                                         arguments == NULL ? NULL : tpi_block_bytes(arguments));
    if (answer->code != TP_OK) return (tp_err)answer->code;
    *out = answer->to;
    if (options->monitor != NULL) *options->monitor = answer->ref;
    return tpi_adopt_relations(self, answer->to, options->link,
                               options->monitor != NULL ? answer->ref : 0);
}

static tp_err spawn(tp_actor *self, const tp_behavior *behavior, const tp_spawn_options *options,
                    const tp_message_type *type, const void *value, tp_pid *out) {
    struct tpi_block *block = NULL;
    if (type != NULL) {
        block = tpi_block_encode(self->runtime, self->worker, type, value);
        if (block == NULL) return tpi_encode_error(type, value);
    }
    tp_err err = spawn_asked(self, behavior, options, type, block, out);
    if (block != NULL) tpi_block_free(self->runtime, self->worker, block);
    return err;
}

static void log_line(void *context, const tp_log_entry *entry) {
    struct tpi_guest *guest = context;
    struct tpi_frame frame = {.what = TPI_CROSS_LOG,
                              .size = (uint32_t)strlen(entry->text),
                              .code = (uint16_t)entry->level};
    write_frame(guest, &frame, entry->text, frame.size, NULL);
}

tp_log_hook tpi_guest_log(void) {
    return log_line;
}

void tpi_guest_enter(struct tpi_guest *guest, tp_runtime *runtime) {
    guest->runtime = runtime;
    runtime->guest = guest;
    runtime->hooks.elsewhere = elsewhere;
    runtime->hooks.left = left;
    runtime->hooks.spawn = spawn;
    runtime->hooks.crashed = NULL; /* the node tells */
}

/* ---- what comes ---- */

struct intake {
    struct tpi_guest *guest;
    tp_actor *actor;
    uint32_t owed; /* messages delivered and not yet credited */
    uint8_t *bytes;
    size_t capacity;
};

static void take_answer(struct tpi_guest *guest, const struct tpi_frame *frame) {
    guest->answer = *frame;
    /* release: partner is the acquire load in ask */
    atomic_store_explicit(&guest->answered, 1, memory_order_release);
    tpi_futex_wake(&guest->answered, 1);
}

static void deliver(struct intake *in, struct tpi_frame *frame) {
    struct tpi_guest *guest = in->guest;
    if (frame->far) frame->type = type_here(guest, frame->type);
    struct tpi_block *block = tpi_crossing_block(guest->runtime, NULL, frame, in->bytes);
    if (block == NULL) tpi_process_exit(1); /* rather than lose it; the node tells who waits */
    bool counted = frame->kind <= TPI_KIND_REQUEST && !(frame->flags & TPI_BLOCK_UNCOUNTED);
    if (counted) in->owed++;
    if (!counted) (void)tpi_deliver(guest->runtime, NULL, guest->self, block);
    else if (tpi_send_block(guest->runtime, NULL, guest->self, block) != TP_OK) tpi_process_exit(1);
}

/* Gives credit back when enough of what came has been handled. True: it must be looked at again. */
static bool settle_credit(struct intake *in) {
    if (in->owed < TPI_CROSSING_WINDOW / 2) return false;
    if (tpi_mailbox_length(in->actor) > (int32_t)TPI_CROSSING_WINDOW / 2) return true;
    struct tpi_frame frame = {.what = TPI_CROSS_CREDIT, .ref = in->owed};
    in->owed = 0;
    write_frame(in->guest, &frame, NULL, 0, NULL);
    return false;
}

static bool room_for(struct intake *in, size_t size) {
    if (size <= in->capacity) return true;
    if (in->bytes != NULL) tpi_heap_free(in->guest->runtime->memory, in->bytes, in->capacity);
    in->bytes = tpi_heap_alloc(in->guest->runtime->memory, size);
    in->capacity = in->bytes == NULL ? 0 : size;
    return in->bytes != NULL;
}

static void take(struct intake *in) {
    struct tpi_frame frame;
    int stream = in->guest->stream;
    if (!tpi_stream_read_all(stream, &frame, sizeof frame) || !room_for(in, frame.size) ||
        !tpi_stream_read_all(stream, in->bytes, frame.size))
        tpi_process_exit(1);
    switch ((enum tpi_crossing)frame.what) {
    case TPI_CROSS_SIGNAL: deliver(in, &frame); break;
    case TPI_CROSS_TYPE: learn_type(in->guest, &frame, in->bytes); break;
    case TPI_CROSS_ANSWER: take_answer(in->guest, &frame); break;
    case TPI_CROSS_PING:
        write_frame(in->guest, &(struct tpi_frame){.what = TPI_CROSS_PONG}, NULL, 0, NULL);
        break;
    default: TPI_ASSERT(false);
    }
}

_Noreturn void tpi_guest_serve(struct tpi_guest *guest, const struct tpi_guest_start *start,
                               const struct tpi_frame *frame, const uint8_t *arguments) {
    struct intake in = {.guest = guest, .actor = tpi_slot(guest->runtime, start->self.slot)};
    struct tpi_encoded encoded = {frame->type != NULL ? frame->type : &tpi_told_message,
                                  {arguments, frame->size - sizeof *start},
                                  frame->from};
    bool starts = start->behavior->init != NULL; /* else nothing would answer */
    if (!starts) encoded.type = NULL;
    guest->self = start->self;
    guest->ready = !starts; /* then nobody waits for it */
    if (tpi_spawn_guest(guest->runtime, start->self, start->parent, start->behavior, &encoded,
                        starts ? START_REF : 0) != TP_OK)
        tpi_process_exit(1);
    if (!starts) write_frame(guest, &(struct tpi_frame){.what = TPI_CROSS_READY}, NULL, 0, NULL);
    for (;;) {
        while (settle_credit(&in) && !tpi_event_wait(guest->stream, TP_MS(1))) {
        }
        take(&in);
    }
}
