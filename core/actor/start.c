/*
 * Starting in step: spawn, and wait until init is over, as gen_server:start_link does.
 *
 * The arguments are sent as a request. What follows init answers it; an actor that ends before
 * fails it, as it fails any request, after its monitors have heard: so the reason is there when the
 * failure arrives.
 */
#include <troupe/signal.h>

#include "core/actor/mailbox.h"

/* The answer to a start, and its arguments where there are none. */
TP_MESSAGE_AS(tpi_started, "tp.started", TP_FIELD(bool, ready))

void tpi_start_acknowledge(tp_actor *self, struct tpi_block *arguments) {
    tp_runtime *runtime = self->runtime;
    tpi_started started = {.ready = true};
    TPI_ASSERT(arguments->kind == TPI_KIND_REQUEST);
    if (arguments->state & TPI_BLOCK_ANSWERED) return; /* by init itself */
    struct tpi_block *block =
        tpi_block_encode(runtime, self->worker, &tpi_started_message, &started);
    if (block == NULL) return; /* its end as an unanswered request tells the starter */
    tp_pid starter = tpi_block_from(runtime, arguments);
    block->kind = TPI_KIND_REPLY;
    block->flags = TPI_BLOCK_UNCOUNTED;
    block->ref = arguments->ref;
    tpi_block_set_from(runtime, block, tpi_pid_of(runtime, self));
    arguments->state |= TPI_BLOCK_ANSWERED;
    tpi_wait_moved(runtime, starter, arguments->ref, TPI_NO_SLOT);
    tpi_deliver(runtime, self->worker, starter, block);
}

/* ---- the starter ---- */

struct sought {
    tp_ref monitor;
    tp_pid from;
};

static bool accept_down(tp_actor *self, struct tpi_block *block, void *context) {
    tp_down down;
    const struct sought *sought = context;
    if (!tp_message_type_equal(block->type, &tp_down_message)) return false;
    return tpi_decode(self, block, &tp_down_message, &down) == TP_OK && down.ref == sought->monitor;
}

static bool accept_exited(tp_actor *self, struct tpi_block *block, void *context) {
    tp_exited exited;
    const struct sought *sought = context;
    if (!tp_message_type_equal(block->type, &tp_exited_message)) return false;
    return tpi_decode(self, block, &tp_exited_message, &exited) == TP_OK &&
           tp_pid_equal(exited.from, sought->from);
}

/* Takes a message that has arrived out of the queue, without making it the current one. */
static struct tpi_block *take_arrived(tp_actor *self,
                                      bool (*accept)(tp_actor *, struct tpi_block *, void *),
                                      struct sought *sought) {
    struct tpi_waiting waiting = {.kind = TPI_WAIT_MESSAGE, .accept = accept, .context = sought};
    self->refused = NULL;
    tpi_fetch(self);
    (void)tpi_receive_scan(self, &waiting);
    self->refused = NULL;
    return waiting.block;
}

/* Why the start failed: the down of the monitor; it is held until the handler's end. */
static void take_reason(tp_actor *self, struct sought *sought, tp_reason *reason) {
    tp_down down;
    struct tpi_block *block = take_arrived(self, accept_down, sought);
    tp_reason found = {.code = TP_EXIT_NOPROC};
    if (block != NULL) {
        tpi_hold(self, block);
        if (tpi_decode(self, block, &tp_down_message, &down) == TP_OK)
            found = (tp_reason){down.code, down.detail};
    }
    if (reason != NULL) *reason = found;
}

static void take_exited(tp_actor *self, struct sought *sought) {
    struct tpi_block *block = take_arrived(self, accept_exited, sought);
    if (block != NULL) tpi_block_free(self->runtime, self->worker, block);
}

static tp_err await_start(tp_actor *self, tp_pid pid, tp_ref ref, tp_duration timeout) {
    struct tpi_waiting waiting = {.kind = TPI_WAIT_REPLY, .ref = ref};
    tp_err err = tpi_wait_begin(self, pid, ref);
    if (err == TP_OK) err = tpi_wait(self, &waiting, timeout);
    tpi_wait_end(self);
    if (err != TP_OK) return err;
    if (waiting.block != NULL) {
        tpi_block_free(self->runtime, self->worker, waiting.block);
        return TP_OK;
    }
    return waiting.err != TP_OK ? waiting.err : TP_ETIMEDOUT;
}

/* The actor is not wanted any more: nothing of it may be heard later. */
static void give_up(tp_actor *self, struct sought *sought, bool linked) {
    (void)tp_demonitor(self, sought->monitor);
    if (linked) (void)tp_unlink(self, sought->from);
    (void)tp_kill(self, sought->from);
    if (linked) take_exited(self, sought);
}

tp_err tp_start_value(tp_actor *self, tp_pid *out, const tp_behavior *behavior,
                      const tp_spawn_options *options, tp_duration timeout, tp_reason *reason,
                      const tp_message_type *type, const void *arguments) {
    TPI_INSIDE(self);
    static const tpi_started nothing = {.ready = false};
    if (out == NULL || behavior == NULL) return TP_EINVAL;
    *out = tp_pid_null();
    if (tpi_extra(self) == NULL) return TP_ENOMEM;
    tp_spawn_options with = options != NULL ? *options : (tp_spawn_options){0};
    if (behavior->init == NULL) {
        *out = tp_spawn_value(self, behavior, &with, type, arguments);
        return tp_error(self);
    }
    struct sought sought = {0};
    tp_ref start = tpi_ref_new(self);
    with.monitor = &sought.monitor;
    tp_pid pid =
        tpi_spawn_to_start(self, behavior, &with, type != NULL ? type : &tpi_started_message,
                           type != NULL ? arguments : &nothing, start);
    if (tp_pid_is_null(pid)) return tp_error(self);
    sought.from = pid;
    tp_err err = await_start(self, pid, start, timeout);
    if (err == TP_OK) {
        *out = pid;
        if (options != NULL && options->monitor != NULL) *options->monitor = sought.monitor;
        else (void)tp_demonitor(self, sought.monitor);
    } else if (err == TP_ENOPROC) {
        take_reason(self, &sought, reason);
        if (with.link) take_exited(self, &sought);
    } else {
        give_up(self, &sought, with.link);
    }
    return err;
}
