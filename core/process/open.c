/*
 * The calls of <troupe/port.h>: checks, and messages to the port's actor.
 */
#include <string.h>

#include <troupe/call.h>

#include "core/process/port.h"
#include "core/process/process.h"
#include "core/process/stream.h"

#define MESSAGE_DEFAULT 65536u
#define MESSAGE_LIMIT (16u << 20)
#define WINDOW_DEFAULT 64u
#define WINDOW_LIMIT (1u << 20)
#define TEXTS_MAX ((size_t)1 << 20) /* bytes of arguments, and of the environment */

/* A list of texts as one run of bytes, each with its zero. */
static tp_err pack(tp_actor *self, const char *const *texts, tp_bin *out) {
    size_t size = 0;
    for (const char *const *text = texts; *text != NULL; text++) {
        size += strlen(*text) + 1;
        if (size > TEXTS_MAX) return TP_ETOOBIG;
    }
    char *bytes = tp_alloc(self, size + 1), *at = bytes;
    if (bytes == NULL) return TP_ENOMEM;
    for (const char *const *text = texts; *text != NULL; text++) {
        size_t length = strlen(*text) + 1;
        memcpy(at, *text, length);
        at += length;
    }
    *out = (tp_bin){bytes, size};
    return TP_OK;
}

static tp_err check(const tp_port_options *options) {
    if (options == NULL || options->argv == NULL || options->argv[0] == NULL) return TP_EINVAL;
    if (options->format > TP_PORT_FRAMES_4 || options->errors > TP_PORT_ERRORS_DROP)
        return TP_EINVAL;
    if (options->message_max > MESSAGE_LIMIT || options->window > WINDOW_LIMIT) return TP_EINVAL;
    return options->grace < 0 ? TP_EINVAL : TP_OK;
}

/* Why init declined: an error of ours in the detail. */
static tp_err start_error(tp_err err, tp_reason reason) {
    int32_t code;
    if (err != TP_ENOPROC) return err;
    if (reason.code != TP_EXIT_NORMAL || reason.detail.size != sizeof code)
        return reason.code == TP_EXIT_NOMEM ? TP_ENOMEM : TP_ECANCELED;
    memcpy(&code, reason.detail.data, sizeof code);
    return (tp_err)code;
}

static tp_err start(tp_actor *self, tp_pid *port, const tp_port_options *options, tp_bin argv,
                    tp_bin env) {
    tp_reason reason = {0};
    tp_spawn_options spawn = {.link = options->link};
    tpi_port_start arguments = {
        .owner = tp_self(self),
        .argv = argv,
        .env = env,
        .has_env = options->env != NULL,
        .dir = {options->dir, options->dir == NULL ? 0 : strlen(options->dir) + 1},
        .format = (uint8_t)options->format,
        .errors = (uint8_t)options->errors,
        .message_max = options->message_max != 0 ? options->message_max : MESSAGE_DEFAULT,
        .window = options->window != 0 ? options->window : WINDOW_DEFAULT,
        .grace = options->grace != 0 ? options->grace : TP_SECONDS(2)};
    tp_err err = tp_start_value(self, port, &tpi_port_behavior, &spawn, TP_FOREVER, &reason,
                                &tpi_port_start_message, &arguments);
    return start_error(err, reason);
}

tp_err tp_port_open(tp_actor *self, tp_pid *port, const tp_port_options *options) {
    TPI_INSIDE(self);
    tp_bin argv = {0}, env = {0};
    tp_err err = port == NULL ? TP_EINVAL : check(options);
    if (err != TP_OK) return err;
    *port = tp_pid_null();
    if (self->runtime->hooks.descriptor_adopt == NULL) return TP_ENOTSUP;
    tpi_process_sweep(self->runtime);
    err = pack(self, options->argv, &argv);
    if (err == TP_OK && options->env != NULL) err = pack(self, options->env, &env);
    if (err == TP_OK) err = start(self, port, options, argv, env);
    tp_free(self, (void *)(uintptr_t)argv.data);
    tp_free(self, (void *)(uintptr_t)env.data);
    if (err != TP_OK) *port = tp_pid_null();
    return err;
}

static tp_err supported(tp_actor *self) {
    return self->runtime->hooks.descriptor_adopt == NULL ? TP_ENOTSUP : TP_OK;
}

tp_err tp_port_write(tp_actor *self, tp_pid port, const void *bytes, size_t size,
                     tp_duration timeout) {
    TPI_INSIDE(self);
    tpi_port_written written;
    if (supported(self) != TP_OK) return TP_ENOTSUP;
    if (bytes == NULL && size > 0) return TP_EINVAL;
    return tp_call(self, port, timeout, &written, tpi_port_written, tpi_port_write,
                   .bytes = {bytes, size});
}

tp_err tp_port_end_input(tp_actor *self, tp_pid port) {
    TPI_INSIDE(self);
    return supported(self) != TP_OK ? TP_ENOTSUP : tp_send(self, port, tpi_port_end_input);
}

tp_err tp_port_close(tp_actor *self, tp_pid port) {
    TPI_INSIDE(self);
    return supported(self) != TP_OK ? TP_ENOTSUP : tp_send(self, port, tpi_port_close);
}
