/*
 * tp_run: a program's whole life around its main actor.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <troupe/inbox.h>

#include "core/runtime/runtime.h"

struct main_program {
    tp_body body;
    void *arg;
    int status;
};

/* Sent when somebody watches the main actor, so that no end of it can be missed. */
TP_MESSAGE_AS(main_go, "tp.main_go")

/* The main actor: the user's body. */
static void main_body(tp_actor *self, void *arg) {
    struct main_program *program = arg;
    struct tpi_extra *extra = tpi_extra(self);
    main_go go;
    if (extra == NULL || tp_receive(self, TP_FOREVER, &go, main_go) != TP_OK)
        tp_exit(self, TP_EXIT_NOMEM);
    tpi_release_current(self);        /* none of the user's to forward or to keep */
    extra->status = &program->status; /* where tp_exit_status writes: it outlives the actor */
    program->body(self, program->arg);
}

static tp_err watch_main(tp_runtime *runtime, struct main_program *program, tp_inbox *inbox,
                         int32_t *code) {
    tp_pid pid;
    const tp_message *message;
    tp_down down;
    tp_err err = tp_runtime_spawn_body(runtime, &pid, main_body, program, NULL);
    if (err == TP_OK) err = tpi_inbox_monitor(inbox, pid);
    if (err == TP_OK) err = tp_inbox_send(inbox, pid, main_go);
    /* a stop that was asked for tells inboxes too: not every message is the down */
    do {
        if (err == TP_OK) err = tp_inbox_receive(inbox, TP_FOREVER, &message);
    } while (err == TP_OK && !tp_message_is(message, tp_down));
    if (err == TP_OK) err = tp_inbox_get(inbox, message, &down, tp_down);
    if (err == TP_OK) *code = down.code;
    return err;
}

static int run_main(tp_runtime *runtime, struct main_program *program) {
    tp_inbox *inbox;
    int32_t code = TP_EXIT_NOMEM;
    tp_err err = tp_inbox_open(runtime, &inbox);
    if (err == TP_OK) {
        err = watch_main(runtime, program, inbox, &code);
        tp_inbox_close(inbox);
    }
    if (err != TP_OK) {
        fprintf(stderr, "troupe: the main actor could not be started: %s\n", tp_strerror(err));
        return 1;
    }
    return code == TP_EXIT_NORMAL || code == TP_EXIT_SHUTDOWN ? program->status : 1;
}

int tp_run_with(const tp_options *options, tp_body body, void *arg) {
    tp_runtime *runtime;
    struct main_program program = {.body = body, .arg = arg};
    const char *replay = secure_getenv("TROUPE_REPLAY");
    if (replay != NULL && replay[0] != 0) return tpi_replay(replay, options);
    tp_err err = body == NULL ? TP_EINVAL : tp_runtime_start(&runtime, options);
    if (err != TP_OK) {
        fprintf(stderr, "troupe: the runtime could not be started: %s\n", tp_strerror(err));
        return 1;
    }
    int status = run_main(runtime, &program);
    tp_runtime_stop(runtime);
    return status;
}

int tp_run(tp_body body, void *arg) {
    return tp_run_with(NULL, body, arg);
}
