/*
 * The life of an isolated actor's process, from the zygote's fork on.
 */
#include <string.h>

#include <troupe/isolate.h>

#include "core/process/crossing.h"
#include "core/runtime/runtime.h"

/* Before the node says what is wanted, so that the copy is ready when it does. */
static tp_err make_runtime(struct tpi_guest *guest, size_t stack_size) {
    tp_runtime *runtime;
    tp_options options = {.workers = 1,
                          .max_actors = 1,
                          .stack_size = stack_size,
                          .mailbox_limit = INT32_MAX / 16, /* the node's bound counts */
                          .log_level = TP_LOG_WARN,
                          .log_hook = tpi_guest_log(),
                          .log_context = guest};
    tp_err err = tpi_runtime_new(&runtime, &options, NULL, NULL);
    if (err == TP_OK) tpi_guest_enter(guest, runtime);
    return err;
}

/* What differs from guest to guest. Nothing runs in it yet. */
static tp_err fit_runtime(struct tpi_guest *guest, const struct tpi_guest_start *start) {
    if (guest->runtime->options.stack_size != start->stack_size) {
        tpi_runtime_free(guest->runtime);
        tp_err err = make_runtime(guest, start->stack_size);
        if (err != TP_OK) return err;
    }
    tp_runtime *runtime = guest->runtime;
    runtime->options.message_budget = start->message_budget;
    runtime->options.log_level = start->log_level;
    runtime->scheduler->workers[0]->refs = start->refs;
    /* room for the slots of others, of which only the addresses are used */
    return tpi_slots_remake(runtime, start->self.slot + 64);
}

/* The copy's whole program. It ends by _exit: nothing that it has of the node's is to be tidied. */
static void guest_main(int stream) {
    static struct tpi_guest guest;
    struct tpi_frame frame;
    struct tpi_guest_start start;
    guest.stream = stream;
    if (make_runtime(&guest, 0) != TP_OK) tpi_process_exit(1);
    if (!tpi_stream_read_all(stream, &frame, sizeof frame) || frame.size < sizeof start ||
        !tpi_stream_read_all(stream, &start, sizeof start))
        tpi_process_exit(1);
    size_t size = frame.size - sizeof start;
    uint8_t *arguments = size > 0 ? tpi_vm_map(size) : NULL;
    if ((size > 0 && arguments == NULL) || !tpi_stream_read_all(stream, arguments, size))
        tpi_process_exit(1);
    tpi_limits_set(&start.limits);
    if (fit_runtime(&guest, &start) != TP_OK) tpi_process_exit(1);
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
