/*
 * Starting in step: spawn, and wait until init is over, as gen_server:start_link does.
 *
 * The arguments are sent as a request. What follows init answers it; an actor that ends before
 * answers it with the reason, in the place of failing it as it fails any other.
 */
#include <troupe/signal.h>

#include "core/actor/mailbox.h"

/* The answer to a start, and its arguments where there are none. */
TP_MESSAGE_AS(tpi_started, "tp.started", TP_FIELD(bool, ready), TP_FIELD(i32, code),
              TP_FIELD(bin, detail))

/* False: no memory; the request is still open. */
static bool answer(tp_actor *self, struct tpi_block *arguments, const tpi_started *started) {
    TPI_CHECK(tpi_is_owner(self) && !(arguments->state & TPI_BLOCK_ANSWERED));
    tp_runtime *runtime = self->runtime;
    struct tpi_block *block =
        tpi_block_encode(runtime, self->worker, &tpi_started_message, started);
    if (block == NULL) return false;
    tp_pid starter = tpi_block_from(runtime, arguments);
    block->kind = TPI_KIND_REPLY;
    block->flags = TPI_BLOCK_UNCOUNTED;
    block->ref = arguments->ref;
    tpi_block_set_from(runtime, block, tpi_pid_of(runtime, self));
    arguments->state |= TPI_BLOCK_ANSWERED;
    tpi_wait_moved(runtime, starter, arguments->ref, TPI_NO_SLOT);
    tpi_deliver(runtime, self->worker, starter, block);
    return true;
}

void tpi_start_acknowledge(tp_actor *self, struct tpi_block *arguments) {
    TPI_ASSERT(arguments->kind == TPI_KIND_REQUEST);
    if (arguments->state & TPI_BLOCK_ANSWERED) return; /* by init itself */
    /* without memory its end as an unanswered request tells the starter */
    (void)answer(self, arguments, &(tpi_started){.ready = true});
}

bool tpi_start_failed(tp_actor *self, struct tpi_block *arguments, tp_reason reason) {
    TPI_ASSERT(arguments->state & TPI_BLOCK_START);
    return answer(self, arguments, &(tpi_started){.code = reason.code, .detail = reason.detail});
}

/* ---- the starter ---- */

static bool accept_exited(tp_actor *self, struct tpi_block *block, void *context) {
    tp_exited exited;
    const tp_pid *from = context;
    if (!tp_message_type_equal(block->type, &tp_exited_message)) return false;
    return tpi_decode(self, block, &tp_exited_message, &exited) == TP_OK &&
           tp_pid_equal(exited.from, *from);
}

/* The exit message of a failed start: the starter knows already. */
static void take_exited(tp_actor *self, tp_pid from) {
    TPI_CHECK(tpi_is_owner(self));
    struct tpi_waiting look = {.kind = TPI_WAIT_MESSAGE, .accept = accept_exited, .context = &from};
    self->refused = NULL;
    tpi_fetch(self);
    (void)tpi_receive_scan(self, &look);
    self->refused = NULL;
    if (look.block != NULL) tpi_block_free(self->runtime, self->worker, look.block);
}

/* What init said, or the actor's end for it. The detail is held until the handler's end. */
static tp_err take_answer(tp_actor *self, struct tpi_block *block, tp_reason *reason) {
    TPI_CHECK(block->state & TPI_BLOCK_LOOSE);
    tpi_started started;
    bool known = tp_message_type_equal(block->type, &tpi_started_message) &&
                 tpi_decode(self, block, &tpi_started_message, &started) == TP_OK;
    if (!known || started.ready) { /* init may have replied itself, with what it liked */
        tpi_block_free(self->runtime, self->worker, block);
        return TP_OK;
    }
    if (reason != NULL) *reason = (tp_reason){started.code, started.detail};
    tpi_hold(self, block);
    return TP_ENOPROC;
}

static tp_err await_start(tp_actor *self, tp_pid pid, tp_ref ref, tp_duration timeout,
                          tp_reason *reason) {
    TPI_CHECK(ref != 0);
    struct tpi_waiting waiting = {.kind = TPI_WAIT_REPLY, .ref = ref, .to = pid};
    tp_err err = tpi_wait_begin(self, pid, ref);
    if (err == TP_OK) err = tpi_wait(self, &waiting, timeout);
    tpi_wait_end(self);
    if (err != TP_OK) return err;
    if (waiting.block != NULL) return take_answer(self, waiting.block, reason);
    if (waiting.err == TP_ENOPROC && reason != NULL) *reason = (tp_reason){.code = TP_EXIT_NOPROC};
    return waiting.err != TP_OK ? waiting.err : TP_ETIMEDOUT;
}

/* Nothing of it may be heard later. */
static void give_up(tp_actor *self, tp_pid pid, const tp_spawn_options *options, bool lives) {
    TPI_CHECK(options != NULL);
    if (options->monitor != NULL) (void)tp_demonitor(self, *options->monitor);
    if (lives && options->link) (void)tp_unlink(self, pid);
    if (lives) (void)tp_kill(self, pid);
    if (options->link) take_exited(self, pid);
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
    tp_ref start = tpi_ref_new(self);
    tp_pid pid =
        tpi_spawn_to_start(self, behavior, &with, type != NULL ? type : &tpi_started_message,
                           type != NULL ? arguments : &nothing, start);
    if (tp_pid_is_null(pid)) return tp_error(self);
    tp_err err = await_start(self, pid, start, timeout, reason);
    if (err == TP_OK) *out = pid;
    else give_up(self, pid, &with, err != TP_ENOPROC);
    return err;
}
