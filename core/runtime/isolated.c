/*
 * The life of an isolated actor's process, from the zygote's fork on.
 */
#include <string.h>

#include <troupe/isolate.h>

#include "core/process/crossing.h"
#include "core/runtime/runtime.h"

/* Room for the slots of others, of which only the addresses are used. */
static tp_err make_runtime(struct tpi_guest *guest, const struct tpi_guest_start *start) {
    tp_runtime *runtime;
    tp_options options = {.workers = 1,
                          .max_actors = start->self.slot + 64,
                          .stack_size = start->stack_size,
                          .mailbox_limit = INT32_MAX / 16, /* the node's bound counts */
                          .message_budget = start->message_budget,
                          .log_level = start->log_level,
                          .log_hook = tpi_guest_log(),
                          .log_context = guest};
    tp_err err = tpi_runtime_new(&runtime, &options, NULL, NULL);
    if (err != TP_OK) return err;
    runtime->scheduler->workers[0]->refs = start->refs;
    tpi_guest_enter(guest, runtime);
    return TP_OK;
}

/* The copy's whole program. It ends by _exit: nothing that it has of the node's is to be tidied. */
static void guest_main(int stream) {
    static struct tpi_guest guest;
    struct tpi_frame frame;
    struct tpi_guest_start start;
    if (!tpi_stream_read_all(stream, &frame, sizeof frame) || frame.size < sizeof start ||
        !tpi_stream_read_all(stream, &start, sizeof start))
        tpi_process_exit(1);
    size_t size = frame.size - sizeof start;
    uint8_t *arguments = size > 0 ? tpi_vm_map(size) : NULL;
    if ((size > 0 && arguments == NULL) || !tpi_stream_read_all(stream, arguments, size))
        tpi_process_exit(1);
    guest.stream = stream;
    tpi_limits_set(&start.limits);
    if (make_runtime(&guest, &start) != TP_OK) tpi_process_exit(1);
    tpi_guest_serve(&guest, &start, &frame, arguments);
}

tp_err tp_zygote_start(tp_zygote **out) {
    struct tpi_zygote *zygote;
    if (out == NULL) return TP_EINVAL;
    tp_err err = tpi_zygote_start(&zygote, guest_main);
    if (err == TP_OK) *out = (tp_zygote *)(void *)zygote;
    return err;
}

bool tp_can_isolate(const tp_runtime *runtime) {
    return runtime != NULL && runtime->hooks.isolate != NULL;
}

void tp_zygote_stop(tp_zygote *zygote) {
    if (zygote != NULL) tpi_zygote_stop((struct tpi_zygote *)(void *)zygote);
}
