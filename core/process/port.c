/*
 * A port's actor. It owns the pipes, the child and its pidfd from the moment they exist; whatever
 * ends it, port_left makes sure that the child is dead and no zombie.
 *
 * Credit: of every half window of messages the last is sent as a request; when the owner has
 * handled it, so it has those before it, and half a window more may go. Without credit nothing is
 * read, the pipe fills, and the program waits.
 */
#include "core/process/port.h"

#include <stdio.h>
#include <string.h>

#include <troupe/call.h>
#include <troupe/signal.h>
#include <troupe/timer.h>

#include "core/actor/inner.h"
#include "core/process/process.h"
#include "core/process/stream.h"

#define WRITES_MAX 64u
#define KILL_PATIENCE TP_MS(100)
#define PATH_LIMIT 4096u

struct source {
    struct tpi_stream stream;
    tp_ref id; /* 0: closed */
    int descriptor;
};

struct write {
    struct write *next;
    tp_kept *kept;
    tp_from from;
    tp_bin bytes;
    uint8_t head[4];
    unsigned head_size;
    size_t done; /* of head and bytes together */
};

struct port {
    tp_runtime *runtime;
    tp_pid owner;
    struct tpi_child child;
    tp_ref child_id;
    bool started; /* there is a child */
    bool exited;  /* and it is reaped */
    int status;
    struct source sources[2];
    tp_ref input_id; /* 0: closed */
    int input;
    bool input_ends; /* once all is written */
    struct write *first, *last;
    unsigned writes;
    tp_port_format format;
    uint32_t half; /* of the window */
    uint32_t credit;
    uint32_t batch; /* sent since the last request */
    tp_duration grace;
};

/* ---- the start ---- */

/* What init needs for a moment. */
struct launch {
    const tpi_port_start *arguments;
    const char **argv;
    const char **env;
    char path[PATH_LIMIT];
    int ours[3];   /* input, output, errors; -1: none */
    int theirs[3]; /* what becomes 0, 1 and 2; -1: this process's own */
};

/* Pointers into a run of texts, ending with NULL; the actor's memory. */
static const char **unpack(tp_actor *self, tp_bin texts) {
    size_t count = 0, at = 0;
    const char *bytes = texts.data;
    for (size_t i = 0; i < texts.size; i++) count += bytes[i] == 0;
    const char **out = tp_alloc(self, (count + 1) * sizeof *out);
    if (out == NULL) return NULL;
    for (size_t i = 0; i < count; i++) {
        out[i] = bytes + at;
        at += strlen(bytes + at) + 1;
    }
    return out;
}

static tp_err open_streams(struct launch *launch) {
    tp_err err = tpi_pipe_new(&launch->ours[0], &launch->theirs[0], true);
    if (err == TP_OK) err = tpi_pipe_new(&launch->ours[1], &launch->theirs[1], false);
    if (err != TP_OK) return err;
    switch ((tp_port_errors)launch->arguments->errors) {
    case TP_PORT_ERRORS_LINES: return tpi_pipe_new(&launch->ours[2], &launch->theirs[2], false);
    case TP_PORT_ERRORS_DROP: return tpi_null_open(&launch->theirs[2]);
    case TP_PORT_ERRORS_MERGE: launch->theirs[2] = launch->theirs[1]; return TP_OK;
    default: return TP_OK;
    }
}

static void close_one(int *descriptor) {
    if (*descriptor >= 0) tpi_descriptor_close(*descriptor);
    *descriptor = -1;
}

static void close_theirs(struct launch *launch) {
    if (launch->theirs[2] == launch->theirs[1]) launch->theirs[2] = -1;
    for (int i = 0; i < 3; i++) close_one(&launch->theirs[i]);
}

static void complain(tp_actor *self, const struct launch *launch, tp_err err, int code) {
    char text[128];
    if (code != 0) tpi_system_text(code, text, sizeof text);
    else (void)snprintf(text, sizeof text, "%s", tp_strerror(err));
    const char *dir = launch->arguments->dir.size > 0 ? launch->arguments->dir.data : NULL;
    tp_log(self, TP_LOG_WARN, "cannot start \"%s\"%s%s: %s",
           launch->argv != NULL ? launch->argv[0] : "", dir != NULL ? " in " : "",
           dir != NULL ? dir : "", text);
}

static tp_err begin_child(tp_actor *self, struct port *port, struct launch *launch) {
    int code = 0;
    launch->argv = unpack(self, launch->arguments->argv);
    launch->env = unpack(self, launch->arguments->env);
    if (launch->argv == NULL || launch->env == NULL) return TP_ENOMEM;
    tp_err err = tpi_program_find(launch->argv[0], launch->path, sizeof launch->path);
    if (err == TP_OK) err = open_streams(launch);
    struct tpi_child_plan plan = {
        .path = launch->path,
        .argv = launch->argv,
        .env = launch->arguments->has_env ? launch->env : NULL,
        .dir = launch->arguments->dir.size > 0 ? launch->arguments->dir.data : NULL,
        .streams = {launch->theirs[0], launch->theirs[1], launch->theirs[2]}};
    if (err == TP_OK) err = tpi_child_start(&port->child, &plan, &code);
    close_theirs(launch);
    if (err != TP_OK) complain(self, launch, err, code);
    tp_free(self, launch->argv);
    tp_free(self, launch->env);
    port->started = err == TP_OK;
    return err;
}

static tp_err adopt(tp_actor *self, int *descriptor, tp_ref *id) {
    int given = *descriptor;
    *descriptor = -1; /* adopted or closed */
    return given < 0 ? TP_OK : self->runtime->hooks.descriptor_adopt(self, given, id);
}

/* From here on the actor's end closes everything. */
static tp_err take_over(tp_actor *self, struct port *port, struct launch *launch) {
    int copy = tpi_descriptor_copy(port->child.descriptor);
    int pidfd = port->child.descriptor;
    tp_err err = adopt(self, &pidfd, &port->child_id);
    if (err != TP_OK) { /* it found no owner, and is closed */
        port->child.descriptor = copy;
        if (copy >= 0) (void)tpi_child_end(&port->child, TP_SECONDS(1));
        port->exited = true;
    }
    close_one(&copy);
    if (err != TP_OK) return err;
    port->input = launch->ours[0];
    port->sources[0].descriptor = launch->ours[1];
    port->sources[1].descriptor = launch->ours[2];
    err = adopt(self, &launch->ours[0], &port->input_id);
    if (err == TP_OK) err = adopt(self, &launch->ours[1], &port->sources[0].id);
    if (err == TP_OK) err = adopt(self, &launch->ours[2], &port->sources[1].id);
    return err;
}

/* However the actor ends: its child is dead. Runs before its descriptors are closed. */
static void port_left(void *arg) {
    struct port *port = arg;
    if (!port->started || port->exited) return;
    TPI_ASSERT(port->child_id != 0);
    if (tpi_child_end(&port->child, KILL_PATIENCE)) return;
    int copy = tpi_descriptor_copy(port->child.descriptor);
    if (copy >= 0) tpi_process_orphan(port->runtime, (struct tpi_child){port->child.pid, copy});
}

static void decline(tp_actor *self, tp_err err) {
    int32_t code = (int32_t)err;
    tp_exit_with(self, (tp_reason){TP_EXIT_NORMAL, {&code, sizeof code}});
}

static void flow(tp_actor *self, struct port *port);

static void configure(tp_actor *self, struct port *port, const tpi_port_start *start) {
    port->runtime = self->runtime;
    port->owner = start->owner;
    port->format = (tp_port_format)start->format;
    port->half = start->window > 1 ? start->window / 2 : 1;
    port->credit = start->window;
    port->grace = start->grace;
    for (int i = 0; i < 2; i++)
        port->sources[i].stream = (struct tpi_stream){
            .format = i == 0 ? port->format : TP_PORT_LINES, .limit = start->message_max};
}

static void on_start(tp_actor *self, struct port *port, const tpi_port_start *start) {
    struct launch launch = {.arguments = start, .ours = {-1, -1, -1}, .theirs = {-1, -1, -1}};
    configure(self, port, start);
    (void)tp_trap_exits(self, true);
    tp_err err = tp_on_exit(self, port_left, port);
    if (err == TP_OK && tp_monitor(self, port->owner) == 0) err = TP_ENOMEM;
    if (err == TP_OK) err = begin_child(self, port, &launch);
    if (err == TP_OK) err = take_over(self, port, &launch);
    for (int i = 0; i < 3; i++) close_one(&launch.ours[i]);
    if (err == TP_OK)
        err = self->runtime->hooks.descriptor_watch(self, port->child_id, TPI_POLL_READ);
    if (err != TP_OK) decline(self, err);
    flow(self, port);
}

/* ---- output ---- */

static void emit(tp_actor *self, struct port *port, uint8_t number, const struct tpi_piece *piece) {
    tp_port_data data = {.port = tp_self(self),
                         .stream = number,
                         .bytes = {piece->bytes, piece->size},
                         .more = piece->more};
    TPI_ASSERT(port->credit > 0);
    port->credit--;
    bool asks = ++port->batch == port->half;
    tp_err err = asks ? tpi_send_told(self, port->owner, &tp_port_data_message, &data)
                      : tpi_send_unbound(self, port->owner, &tp_port_data_message, &data);
    if (err != TP_OK) tp_exit(self, TP_EXIT_NOMEM); /* rather than lose output */
    if (asks) port->batch = 0;
}

static void on_told(tp_actor *self, struct port *port, const tpi_told *told) {
    (void)told;
    port->credit += port->half;
    flow(self, port);
}

static void close_source(tp_actor *self, struct source *source) {
    source->stream.ended = true;
    if (source->id != 0) self->runtime->hooks.descriptor_drop(self, source->id);
    source->id = 0;
}

static void grow(tp_actor *self, struct tpi_stream *stream) {
    size_t wanted = tpi_stream_wants(stream);
    if (wanted <= stream->capacity) return;
    size_t capacity = wanted + stream->capacity / 2;
    uint8_t *bytes = tp_alloc(self, capacity);
    if (bytes == NULL) tp_exit(self, TP_EXIT_NOMEM);
    size_t kept = stream->end - stream->start;
    if (kept > 0) memcpy(bytes, stream->bytes + stream->start, kept);
    tp_free(self, stream->bytes);
    stream->bytes = bytes;
    stream->capacity = capacity;
    stream->start = 0;
    stream->end = kept;
}

/* Reads once; false: nothing is there. */
static bool fill(tp_actor *self, struct port *port, struct source *source) {
    size_t room, done;
    if (source->id == 0) return false;
    grow(self, &source->stream);
    uint8_t *at = tpi_stream_room(&source->stream, &room);
    tp_err err = tpi_pipe_read(source->descriptor, at, room, &done);
    if (err == TP_OK) {
        tpi_stream_filled(&source->stream, done);
        return true;
    }
    /* a program that has ended says no more, though what it started may still hold the pipe */
    if (err != TP_EBUSY || port->exited) close_source(self, source);
    return false;
}

/* Cuts and sends as long as there is credit. True: all that was read has been sent. */
static bool drain(tp_actor *self, struct port *port, struct source *source, uint8_t number) {
    struct tpi_piece piece = {0};
    while (port->credit > 0) {
        tp_err err = tpi_stream_cut(&source->stream, &piece);
        if (err == TP_EBUSY) return true;
        if (err == TP_ETOOBIG) tp_exit(self, TP_EXIT_BADMSG);
        emit(self, port, number, &piece);
    }
    return false;
}

/* True: this source has nothing more to give. */
static bool flow_source(tp_actor *self, struct port *port, struct source *source, uint8_t number) {
    bool sent = drain(self, port, source, number);
    /* while it lives its readiness is told; what it has left behind is read here */
    while (sent && port->exited && source->id != 0) {
        (void)fill(self, port, source);
        sent = drain(self, port, source, number);
    }
    if (sent && source->id != 0 &&
        self->runtime->hooks.descriptor_watch(self, source->id, TPI_POLL_READ) != TP_OK)
        tp_exit(self, TP_EXIT_NOMEM);
    return sent && source->id == 0;
}

static void flow(tp_actor *self, struct port *port) {
    uint8_t room[TPI_PROCESS_REASON];
    bool output = flow_source(self, port, &port->sources[0], 1);
    bool errors = flow_source(self, port, &port->sources[1], 2);
    if (port->exited && output && errors)
        tp_exit_with(self, tpi_process_reason(port->status, room));
}

static void on_source(tp_actor *self, struct port *port, struct source *source) {
    if (port->credit > 0) (void)fill(self, port, source);
    flow(self, port);
}

/* ---- input ---- */

static void answer(tp_actor *self, struct port *port, tp_err err) {
    struct write *write = port->first;
    port->first = write->next;
    if (port->first == NULL) port->last = NULL;
    port->writes--;
    if (err == TP_OK) (void)tp_reply_to(self, write->from, tpi_port_written);
    else (void)tp_reply_error_to(self, write->from, err);
    tp_keep_release(self, write->kept);
    tp_free(self, write);
}

static void close_input(tp_actor *self, struct port *port) {
    while (port->first != NULL) answer(self, port, TP_ECLOSED);
    if (port->input_id != 0) self->runtime->hooks.descriptor_drop(self, port->input_id);
    port->input_id = 0;
}

/* As much of one write as goes in now. */
static tp_err push(struct port *port, struct write *write) {
    size_t total = write->head_size + write->bytes.size;
    while (write->done < total) {
        bool head = write->done < write->head_size;
        const uint8_t *from =
            head ? write->head + write->done
                 : (const uint8_t *)write->bytes.data + (write->done - write->head_size);
        size_t size = (head ? write->head_size : total) - write->done, done;
        tp_err err = tpi_pipe_write(port->input, from, size, &done);
        if (err != TP_OK) return err;
        write->done += done;
    }
    return TP_OK;
}

static void pump(tp_actor *self, struct port *port) {
    while (port->first != NULL) {
        tp_err err = push(port, port->first);
        if (err == TP_EBUSY)
            err = self->runtime->hooks.descriptor_watch(self, port->input_id, TPI_POLL_WRITE);
        else if (err == TP_OK) {
            answer(self, port, TP_OK);
            continue;
        }
        if (err == TP_OK) return;
        close_input(self, port); /* nobody reads it any more */
    }
    if (port->input_ends) close_input(self, port);
}

static tp_err queue_write(tp_actor *self, struct port *port, tp_bin bytes) {
    uint8_t head[4] = {0};
    unsigned head_size = tpi_stream_head(port->format);
    if (port->input_id == 0 || port->input_ends) return TP_ECLOSED;
    if (port->writes >= WRITES_MAX) return TP_EFULL;
    if (head_size > 0 && !tpi_frame_write(port->format, bytes.size, head)) return TP_ETOOBIG;
    struct write *write = tp_alloc(self, sizeof *write);
    tp_kept *kept = write == NULL ? NULL : tp_keep(self);
    if (kept == NULL) {
        tp_free(self, write);
        return TP_ENOMEM;
    }
    *write = (struct write){.kept = kept, .bytes = bytes, .head_size = head_size};
    memcpy(write->head, head, sizeof head);
    write->from = tp_defer(self);
    if (port->last != NULL) port->last->next = write;
    else port->first = write;
    port->last = write;
    port->writes++;
    return TP_OK;
}

static void on_write(tp_actor *self, struct port *port, const tpi_port_write *msg) {
    tp_err err = queue_write(self, port, msg->bytes);
    if (err != TP_OK) (void)tp_reply_error(self, err);
    else pump(self, port);
}

static void on_end_input(tp_actor *self, struct port *port, const tpi_port_end_input *msg) {
    (void)msg;
    port->input_ends = true;
    pump(self, port);
}

/* ---- the end ---- */

static void note_end(tp_actor *self, struct port *port) {
    if (tpi_child_reap(&port->child, &port->status) == TP_EBUSY) {
        (void)self->runtime->hooks.descriptor_watch(self, port->child_id, TPI_POLL_READ);
        return;
    }
    port->exited = true;
}

static void on_ready(tp_actor *self, struct port *port, const tpi_ready *ready) {
    if (ready->id == port->child_id && !port->exited) {
        note_end(self, port);
        flow(self, port);
    } else if (ready->id == port->input_id && ready->id != 0) {
        pump(self, port);
    } else {
        for (int i = 0; i < 2; i++)
            if (ready->id == port->sources[i].id && ready->id != 0)
                on_source(self, port, &port->sources[i]);
    }
}

static void on_close(tp_actor *self, struct port *port, const tpi_port_close *msg) {
    (void)port;
    (void)msg;
    tp_exit(self, TP_EXIT_SHUTDOWN);
}

static void on_down(tp_actor *self, struct port *port, const tp_down *down) {
    if (tp_pid_equal(down->from, port->owner)) tp_exit(self, TP_EXIT_SHUTDOWN);
}

/* Asked to end, by whomever. */
static void on_exited(tp_actor *self, struct port *port, const tp_exited *exited) {
    (void)port;
    if (exited->code != TP_EXIT_NORMAL) tp_exit(self, exited->code);
}

/* Waits for the child's end. */
static void wait_for_end(tp_actor *self, struct port *port, tp_duration limit) {
    tp_time until = tp_now(self) + limit;
    tpi_ready ready;
    while (!port->exited) {
        tp_time now = tp_now(self);
        if (now >= until) return;
        if (tp_receive(self, until - now, &ready, tpi_ready) != TP_OK) return;
        if (ready.id == port->child_id) note_end(self, port);
    }
}

static void on_terminate(tp_actor *self, struct port *port, const tp_reason *reason) {
    (void)reason;
    if (!port->started || port->child_id == 0) return;
    if (!port->exited) {
        close_input(self, port);
        (void)self->runtime->hooks.descriptor_watch(self, port->child_id, TPI_POLL_READ);
        tpi_child_ask(&port->child);
        wait_for_end(self, port, port->grace);
    }
    if (!port->exited) {
        tpi_child_kill(&port->child);
        wait_for_end(self, port, TP_SECONDS(1));
    }
    if (!port->exited) return; /* port_left sees to it */
    tp_port_exited end = {.port = tp_self(self),
                          .status = tpi_status_exit(port->status),
                          .signal = tpi_status_signal(port->status)};
    (void)tpi_send_unbound(self, port->owner, &tp_port_exited_message, &end);
}

TP_BEHAVIOR_EXTERN(tpi_port_behavior, "port", struct port, TP_INIT_WITH(tpi_port_start, on_start),
                   TP_ON(tpi_ready, on_ready), TP_ON(tpi_told, on_told),
                   TP_ON(tpi_port_write, on_write), TP_ON(tpi_port_end_input, on_end_input),
                   TP_ON(tpi_port_close, on_close), TP_ON(tp_down, on_down),
                   TP_ON(tp_exited, on_exited), TP_TERMINATE(on_terminate));
