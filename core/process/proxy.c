/*
 * The proxy: an actor of the node that has the pid of an isolated one, passes on what comes for it,
 * and does in its name what the guest asks for. It keeps the links, monitors of others, names and
 * open requests, so that all hear of the guest's end whichever way it comes.
 *
 * Order: messages, exit signals, downs and replies go through the proxy's queue and one stream, so
 * that none overtakes another. Bound: at most a window of messages is ahead of the guest's
 * handlers; then the proxy handles no more, and its mailbox is what is full.
 */
#include "core/process/proxy.h"

#include <string.h>

#include <troupe/call.h>
#include <troupe/port.h>
#include <troupe/timer.h>

#include "core/actor/inner.h"
#include "core/process/crossing.h"
#include "core/process/pipe.h"

#define QUEUED_MAX ((size_t)1 << 20) /* bytes that wait for the stream */
#define READ_SIZE ((size_t)16 << 10)
#define KILL_PATIENCE TP_MS(100)
#define BEATS_MISSED 3u
#define LOOK_EVERY TP_MS(10) /* at what has come, while the guest is behind */

struct told {
    struct told *next;
    const tp_message_type *type;
};

struct proxy {
    tp_runtime *runtime;
    struct tpi_child child;
    tp_ref child_id;
    int stream;
    tp_ref stream_id;
    bool started;
    bool ordered; /* the next copy, after this one */
    bool exited;  /* and is reaped */
    bool ready;   /* its init has returned */
    struct tpi_bytes out, in;
    struct told *told; /* types of other nodes that the guest knows; the last one used is first */
    uint32_t ahead;    /* messages that it has not given credit for */
    bool heard;        /* since the last ping */
    unsigned missed;
    tp_duration heartbeat;
    tp_time next_beat;
};

/* Has the next guest's process made: when this one is at work, so as not to be in its way. */
static void order_next(struct proxy *proxy) {
    if (proxy->ordered) return;
    proxy->ordered = true;
    tpi_zygote_order((struct tpi_zygote *)(void *)proxy->runtime->options.zygote);
}

static void leave(tp_actor *self, struct proxy *proxy, int status) {
    uint8_t room[TPI_PROCESS_REASON];
    proxy->exited = true;
    tp_exit_with(self, tpi_process_end(status, room));
}

/* ---- to the guest ---- */

/* Writes what waits, as much as goes. */
static void flush(tp_actor *self, struct proxy *proxy) {
    struct tpi_bytes *out = &proxy->out;
    while (tpi_bytes_size(out) > 0 && proxy->stream_id != 0) {
        size_t done;
        tp_err err =
            tpi_socket_write(proxy->stream, out->bytes + out->start, tpi_bytes_size(out), &done);
        if (err == TP_EBUSY) {
            err = self->runtime->hooks.descriptor_watch(self, proxy->stream_id, TPI_POLL_WRITE);
            if (err != TP_OK) tp_exit(self, TP_EXIT_NOMEM);
            return;
        }
        if (err != TP_OK) return; /* it has ended; its pidfd says so */
        out->start += done;
    }
}

static void put(tp_actor *self, struct proxy *proxy, const struct tpi_frame *frame,
                const void *bytes) {
    uint8_t *at = tpi_bytes_room(self, &proxy->out, sizeof *frame + frame->size);
    if (at == NULL) {
        tpi_doom(self, (tp_reason){.code = TP_EXIT_NOMEM}, false);
        return;
    }
    memcpy(at, frame, sizeof *frame);
    if (frame->size > 0) memcpy(at + sizeof *frame, bytes, frame->size);
    proxy->out.end += sizeof *frame + frame->size;
}

/* A type that another node named is not in the guest's copy of this process: it is told, once. */
static void introduce(tp_actor *self, struct proxy *proxy, const tp_message_type *type) {
    struct told **at = &proxy->told, *told;
    while (*at != NULL && (*at)->type != type) at = &(*at)->next;
    told = *at;
    if (told != NULL) {
        *at = told->next;
    } else {
        told = tp_alloc(self, sizeof *told);
        if (told == NULL) {
            tpi_doom(self, (tp_reason){.code = TP_EXIT_NOMEM}, false);
            return;
        }
        told->type = type;
        struct tpi_frame frame = {.what = TPI_CROSS_TYPE,
                                  .size = type->name_size,
                                  .ref = type->field_count,
                                  .type = type};
        put(self, proxy, &frame, type->name);
    }
    told->next = proxy->told;
    proxy->told = told;
}

static void put_block(tp_actor *self, struct proxy *proxy, struct tpi_frame *frame,
                      const struct tpi_block *block) {
    if (block->flags & TPI_BLOCK_REMOTE && block->type != NULL &&
        tpi_module_of((uintptr_t)block->type) == 0) {
        introduce(self, proxy, block->type);
        frame->far = 1;
    }
    put(self, proxy, frame, tpi_block_bytes(block));
}

/* Signals that act at once; in the middle of anything. */
static void cross(tp_actor *self, struct tpi_block *block) {
    struct tpi_frame frame =
        tpi_crossing_frame(self->runtime, block, tp_self(self), (enum tpi_kind)block->kind);
    put_block(self, self->state, &frame, block);
    flush(self, self->state);
}

static void cross_link(void *context, tp_pid peer) {
    tp_actor *self = context;
    struct tpi_frame frame = {.what = TPI_CROSS_SIGNAL, .kind = TPI_KIND_LINK, .from = peer};
    put(self, self->state, &frame, NULL);
}

/* ---- from the guest ---- */

static void answer_spawn(tp_actor *self, struct proxy *proxy, const struct tpi_frame *frame,
                         const uint8_t *bytes) {
    struct tpi_guest_spawn spawn;
    memcpy(&spawn, bytes, sizeof spawn);
    size_t head = sizeof spawn + spawn.name_size;
    struct tpi_frame answer = {.what = TPI_CROSS_ANSWER};
    tp_spawn_options options = {.name =
                                    spawn.name_size > 0 ? (const char *)bytes + sizeof spawn : NULL,
                                .link = spawn.link,
                                .monitor = spawn.monitor ? &answer.ref : NULL,
                                .priority = spawn.priority,
                                .mailbox_limit = spawn.mailbox_limit,
                                .overflow = spawn.overflow};
    struct tpi_encoded arguments = {frame->type, {bytes + head, frame->size - head}, tp_self(self)};
    tp_err err = spawn.isolate
                     ? TP_ENOTSUP
                     : tpi_spawn_encoded(self, spawn.behavior, &options, &arguments, &answer.to);
    answer.code = (uint16_t)err;
    put(self, proxy, &answer, NULL);
}

static void act_for(tp_actor *self, const struct tpi_frame *frame, const uint8_t *bytes) {
    struct tpi_block *block = tpi_crossing_block(self->runtime, self->worker, frame, bytes);
    if (block == NULL) tp_exit(self, TP_EXIT_NOMEM);
    tpi_act_for(self, frame->to, block);
}

static void take_frame(tp_actor *self, struct proxy *proxy, const struct tpi_frame *frame,
                       const uint8_t *bytes) {
    proxy->heard = true;
    if (frame->what != TPI_CROSS_READY) order_next(proxy);
    switch ((enum tpi_crossing)frame->what) {
    case TPI_CROSS_READY: proxy->ready = true; return;
    case TPI_CROSS_SIGNAL: act_for(self, frame, bytes); return;
    case TPI_CROSS_ENDED:
        tp_exit_with(self, (tp_reason){(int32_t)(uint32_t)frame->ref, {bytes, frame->size}});
    case TPI_CROSS_SPAWN: answer_spawn(self, proxy, frame, bytes); return;
    case TPI_CROSS_CREDIT:
        proxy->ahead -= proxy->ahead < frame->ref ? proxy->ahead : (uint32_t)frame->ref;
        return;
    case TPI_CROSS_LOG:
        tp_log(self, (tp_log_level)frame->code, "%.*s", (int)frame->size, (const char *)bytes);
        return;
    default: return;
    }
}

/* All whole frames that have come. What a frame does may suspend this actor, and may end it. */
static void take_frames(tp_actor *self, struct proxy *proxy) {
    struct tpi_bytes *in = &proxy->in;
    struct tpi_frame frame;
    while (tpi_bytes_size(in) >= sizeof frame) {
        memcpy(&frame, in->bytes + in->start, sizeof frame);
        if (tpi_bytes_size(in) < sizeof frame + frame.size) return;
        const uint8_t *bytes = in->bytes + in->start + sizeof frame;
        in->start += sizeof frame + frame.size;
        take_frame(self, proxy, &frame, bytes);
    }
}

/* TP_EBUSY: nothing is there now; TP_ECLOSED: nothing will be. */
static tp_err read_some(tp_actor *self, struct proxy *proxy) {
    size_t done;
    uint8_t *at = tpi_bytes_room(self, &proxy->in, READ_SIZE);
    if (at == NULL) tp_exit(self, TP_EXIT_NOMEM);
    tp_err err = tpi_socket_read(proxy->stream, at, READ_SIZE, &done);
    if (err != TP_OK) return err == TP_EBUSY ? err : TP_ECLOSED;
    proxy->in.end += done;
    take_frames(self, proxy);
    return TP_OK;
}

/* Its process has ended, or has closed its stream, which it does by ending: what it said before
 * counts. */
static void take_end(tp_actor *self, struct proxy *proxy) {
    int status;
    while (read_some(self, proxy) == TP_OK) {
    }
    tpi_child_kill(&proxy->child); /* no difference to one that has ended */
    while (tpi_child_reap(&proxy->child, &status) == TP_EBUSY) {
        tp_err err = self->runtime->hooks.descriptor_wait(self, proxy->child_id, TPI_POLL_READ,
                                                          TP_SECONDS(1));
        if (err == TP_ENOMEM) tp_exit(self, TP_EXIT_NOMEM);
    }
    leave(self, proxy, status);
}

static void beat(tp_actor *self, struct proxy *proxy) {
    tp_time now = tp_now(self);
    if (now < proxy->next_beat) return;
    proxy->missed = proxy->heard ? 0 : proxy->missed + 1;
    proxy->heard = false;
    proxy->next_beat = now + proxy->heartbeat;
    if (proxy->missed == BEATS_MISSED) {
        tp_log(self, TP_LOG_WARN, "process %d does not answer and is killed", proxy->child.pid);
        tpi_child_kill(&proxy->child);
    }
    if (tpi_bytes_size(&proxy->out) == 0) /* what waits for the stream says it as well */
        put(self, proxy, &(struct tpi_frame){.what = TPI_CROSS_PING}, NULL);
}

static void listen_on(tp_actor *self, struct proxy *proxy) {
    if (self->runtime->hooks.descriptor_watch(self, proxy->stream_id, TPI_POLL_READ) != TP_OK)
        tp_exit(self, TP_EXIT_NOMEM);
}

/* What this actor tells itself is handled like a message; so it is sent like one, or the books of
 * the runtime would not balance. */
static void count_own(tp_actor *self) {
    tpi_count(&self->worker->counters.sent, 1);
}

static void on_ready(tp_actor *self, struct proxy *proxy, const tpi_ready *ready) {
    count_own(self);
    if (ready->id == proxy->child_id) take_end(self, proxy);
    if (ready->id != proxy->stream_id) return;
    if (ready->ready & (TPI_POLL_READ | TPI_POLL_ERROR)) {
        if (read_some(self, proxy) == TP_ECLOSED) take_end(self, proxy);
        listen_on(self, proxy);
    }
    flush(self, proxy);
}

/* Waits for what the guest says next. Not a receive: nothing is acceptable to that one, and so it
 * would let those go that this actor keeps waiting. */
static void wait_a_little(tp_actor *self, struct proxy *proxy) {
    unsigned interest = TPI_POLL_READ | (tpi_bytes_size(&proxy->out) > 0 ? TPI_POLL_WRITE : 0u);
    tp_duration span = proxy->heartbeat < LOOK_EVERY ? proxy->heartbeat : LOOK_EVERY;
    tp_err err = self->runtime->hooks.descriptor_wait(self, proxy->stream_id, interest, span);
    if (err != TP_OK && err != TP_ETIMEDOUT) tp_exit(self, TP_EXIT_NOMEM);
    if (read_some(self, proxy) == TP_ECLOSED) take_end(self, proxy);
    beat(self, proxy);
    flush(self, proxy);
}

/* ---- messages ---- */

/* What a signal of another kind became while it waited in the queue: signal.c. */
static struct tpi_frame frame_of(tp_actor *self, const struct tpi_block *block) {
    bool crosses = block->kind == TPI_KIND_MESSAGE && block->code != 0;
    enum tpi_kind kind = (enum tpi_kind)(crosses ? block->code & 0xff : block->kind);
    struct tpi_frame frame = tpi_crossing_frame(self->runtime, block, tp_self(self), kind);
    frame.code = crosses ? (uint16_t)(block->code >> 8) : 0;
    return frame;
}

static bool is_reply(tp_actor *self, struct tpi_block *block, void *context) {
    (void)context;
    enum tpi_kind kind = (enum tpi_kind)frame_of(self, block).kind;
    return kind == TPI_KIND_REPLY || kind == TPI_KIND_FAILED;
}

/* A guest that waits for an answer handles nothing, and so gives no credit: the answer passes what
 * has to wait for that. A look, not a receive: see wait_a_little. */
static void pass_replies(tp_actor *self, struct proxy *proxy) {
    struct tpi_waiting look = {.kind = TPI_WAIT_MESSAGE, .accept = is_reply};
    self->refused = NULL;
    tpi_fetch(self);
    while (tpi_receive_scan(self, &look) && look.block != NULL) {
        struct tpi_frame frame = frame_of(self, look.block);
        put_block(self, proxy, &frame, look.block);
        tpi_block_free(self->runtime, self->worker, look.block);
        look.block = NULL;
        look.done = false;
    }
    self->refused = NULL;
    flush(self, proxy);
}

static void on_any(tp_actor *self, struct proxy *proxy, const tp_message *message) {
    const struct tpi_block *block = &message->block;
    struct tpi_frame frame = frame_of(self, block);
    bool counted = frame.kind <= TPI_KIND_REQUEST && !(frame.flags & TPI_BLOCK_UNCOUNTED);
    if (frame.kind == TPI_KIND_EXIT || frame.kind == TPI_KIND_DOWN) count_own(self);
    put_block(self, proxy, &frame, block);
    /* who asked hears of it when the guest ends without an answer */
    if (frame.kind == TPI_KIND_REQUEST) (void)tp_defer(self);
    if (counted) proxy->ahead++;
    flush(self, proxy);
    bool waits = false;
    while (proxy->ahead >= TPI_CROSSING_WINDOW || tpi_bytes_size(&proxy->out) > QUEUED_MAX) {
        wait_a_little(self, proxy);
        pass_replies(self, proxy);
        waits = true;
    }
    if (waits) listen_on(self, proxy);
}

static void on_beat(tp_actor *self, struct proxy *proxy, const tpi_beat *msg) {
    (void)msg;
    count_own(self);
    beat(self, proxy);
    flush(self, proxy);
    if (tp_send_after(self, proxy->heartbeat, tp_self(self), tpi_beat) == 0)
        tp_exit(self, TP_EXIT_NOMEM);
}

/* ---- life ---- */

static void proxy_left(void *arg) {
    struct proxy *proxy = arg;
    if (proxy->started) order_next(proxy);
    if (!proxy->started || proxy->exited) return;
    if (tpi_child_end(&proxy->child, KILL_PATIENCE)) return;
    int copy = tpi_descriptor_copy(proxy->child.descriptor);
    if (copy >= 0) tpi_process_orphan(proxy->runtime, (struct tpi_child){proxy->child.pid, copy});
}

static tp_err begin(tp_actor *self, struct proxy *proxy) {
    struct tpi_zygote *zygote = (struct tpi_zygote *)(void *)self->runtime->options.zygote;
    int stream;
    tp_err err = tpi_zygote_copy(zygote, &proxy->child, &stream);
    if (err != TP_OK) return err;
    proxy->started = true;
    proxy->stream = stream;
    int copy = tpi_descriptor_copy(proxy->child.descriptor);
    err = self->runtime->hooks.descriptor_adopt(self, proxy->child.descriptor, &proxy->child_id);
    if (err != TP_OK) {
        struct tpi_child child = {proxy->child.pid, copy};
        if (copy >= 0) (void)tpi_child_end(&child, TP_SECONDS(1));
        proxy->exited = true;
        tpi_descriptor_close(stream);
    }
    if (copy >= 0) tpi_descriptor_close(copy);
    if (err != TP_OK) return err;
    return self->runtime->hooks.descriptor_adopt(self, stream, &proxy->stream_id);
}

static void send_start(tp_actor *self, struct proxy *proxy, const tpi_isolate *start) {
    const tp_options *options = &self->runtime->options;
    struct tpi_guest_start head = {.behavior = (const tp_behavior *)(uintptr_t)start->behavior,
                                   .self = tp_self(self),
                                   .parent = self->extra->parent,
                                   .refs = tpi_process_refs(self->runtime),
                                   .limits = {start->memory, start->files, start->seconds},
                                   .stack_size = options->stack_size,
                                   .message_budget = options->message_budget,
                                   .log_level = options->log_level};
    struct tpi_frame frame = {.what = TPI_CROSS_START,
                              .size = (uint32_t)(sizeof head + start->arguments.size),
                              .from = start->parent,
                              .type = (const tp_message_type *)(uintptr_t)start->type};
    uint8_t *bytes = tp_alloc(self, frame.size);
    if (bytes == NULL) tp_exit(self, TP_EXIT_NOMEM);
    memcpy(bytes, &head, sizeof head);
    if (start->arguments.size > 0)
        memcpy(bytes + sizeof head, start->arguments.data, start->arguments.size);
    put(self, proxy, &frame, bytes);
    tp_free(self, bytes);
    tpi_links_each(self, cross_link, self);
}

/* Its init may call others, so that what comes for it meanwhile is passed on. */
static void await_ready(tp_actor *self, struct proxy *proxy) {
    const tp_message *message;
    tpi_ready ready;
    while (!proxy->ready) {
        if (tp_receive_any(self, TP_FOREVER, NULL, NULL, &message) != TP_OK)
            tp_exit(self, TP_EXIT_NOMEM);
        if (tp_message_get(self, message, &ready, tpi_ready) == TP_OK)
            on_ready(self, proxy, &ready);
        else if (tp_message_is(message, tpi_beat)) on_beat(self, proxy, NULL);
        else on_any(self, proxy, message);
    }
}

static void on_start(tp_actor *self, struct proxy *proxy, const tpi_isolate *start) {
    struct tpi_hooks *hooks = &self->runtime->hooks;
    proxy->runtime = self->runtime;
    proxy->heartbeat = start->heartbeat;
    proxy->next_beat = tp_now(self) + proxy->heartbeat;
    proxy->heard = true;
    tp_err err = tp_on_exit(self, proxy_left, proxy);
    if (err == TP_OK) err = begin(self, proxy);
    if (err == TP_OK) err = hooks->descriptor_watch(self, proxy->child_id, TPI_POLL_READ);
    if (err != TP_OK) tp_fail(self, "no process: %s", tp_strerror(err));
    self->flags |= TPI_ACTOR_ISOLATED;
    self->extra->shown = ((const tp_behavior *)(uintptr_t)start->behavior)->name;
    send_start(self, proxy, start);
    flush(self, proxy);
    listen_on(self, proxy);
    if (tp_send_after(self, proxy->heartbeat, tp_self(self), tpi_beat) == 0)
        tp_exit(self, TP_EXIT_NOMEM);
    await_ready(self, proxy);
}

TP_BEHAVIOR(proxy_behavior, "isolated", struct proxy, TP_INIT_WITH(tpi_isolate, on_start),
            TP_ON(tpi_ready, on_ready), TP_ON(tpi_beat, on_beat), TP_OTHERWISE(on_any));

/* ---- spawning one ---- */

static tp_pid spawn_proxy(tp_actor *self, const tp_spawn_options *options,
                          const tpi_isolate *arguments, tp_ref start) {
    tp_spawn_options plain = *options;
    plain.isolate = false;
    plain.contain = false;
    if (start != 0)
        return tpi_spawn_to_start(self, &proxy_behavior, &plain, &tpi_isolate_message, arguments,
                                  start);
    return tp_spawn_value(self, &proxy_behavior, &plain, &tpi_isolate_message, arguments);
}

static tp_pid isolate(tp_actor *self, const tp_behavior *behavior, const tp_spawn_options *options,
                      const tp_message_type *type, const void *value, tp_ref start) {
    static const tp_process_limits none = {0};
    const tp_process_limits *limits = options->limits != NULL ? options->limits : &none;
    struct tpi_block *block = NULL;
    tpi_process_sweep(self->runtime);
    tp_err err = tpi_module_of((uintptr_t)behavior) == 0 ? TP_ENOTSUP : TP_OK;
    if (limits->heartbeat < 0) err = TP_EINVAL;
    if (options->capsule > 0) err = TP_ENOTSUP; /* its inputs are not this process's to keep */
    if (err == TP_OK && type != NULL) {
        block = tpi_block_encode(self->runtime, self->worker, type, value);
        if (block == NULL) err = tpi_encode_error(type, value);
    }
    tpi_set_error(self, err);
    if (err != TP_OK) return tp_pid_null();
    tpi_isolate arguments = {.behavior = (uint64_t)(uintptr_t)behavior,
                             .type = (uint64_t)(uintptr_t)type,
                             .arguments = {block == NULL ? NULL : tpi_block_bytes(block),
                                           block == NULL ? 0 : block->size},
                             .memory = limits->memory,
                             .files = limits->files,
                             .seconds = limits->seconds,
                             .heartbeat =
                                 limits->heartbeat != 0 ? limits->heartbeat : TP_SECONDS(1),
                             .parent = tp_self(self)};
    tp_pid pid = spawn_proxy(self, options, &arguments, start);
    if (block != NULL) tpi_block_free(self->runtime, self->worker, block);
    return pid;
}

void tpi_proxy_hooks(tp_runtime *runtime) {
    if (runtime->options.zygote == NULL) return;
    runtime->hooks.isolate = isolate;
    runtime->hooks.cross = cross;
}
