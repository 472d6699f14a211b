/*
 * Servers on actor sockets; see the header.
 */
#include "examples/common/serve.h"

#include <stdio.h>
#include <string.h>

#include "examples/common/child.h"

void serve_listen(tp_actor *self, unsigned port, tp_socket *listener) {
    char url[64];
    unsigned bound = 0;
    snprintf(url, sizeof url, "tcp://127.0.0.1:%u", port);
    tp_err err = tp_listen(self, url, listener);
    if (err == TP_OK) err = tp_active_once(self, *listener, 0);
    if (err == TP_OK) err = tp_socket_address(self, *listener, url, sizeof url);
    if (err != TP_OK) tp_fail(self, "cannot listen: %s", tp_strerror(err));
    sscanf(strrchr(url, ':'), ":%u", &bound);
    child_announce((uint16_t)bound);
}

void serve_until_stopped(tp_actor *self) {
    while (tp_sleep(self, TP_SECONDS(3600)) == TP_OK) continue;
}

int serve(const tp_options *options, tp_body house, void *arg) {
    tp_runtime *runtime;
    tp_pid pid;
    int code = TP_EXIT_FAILED;
    if (tp_runtime_start(&runtime, options) != TP_OK) return 1;
    tp_err err = tp_runtime_stop_on_signals(runtime);
    if (err == TP_OK) err = tp_runtime_spawn_body(runtime, &pid, house, arg, NULL);
    if (err == TP_OK) err = tp_runtime_wait(runtime, pid, TP_FOREVER, &code);
    tp_runtime_stop(runtime);
    return err == TP_OK && code == TP_EXIT_SHUTDOWN ? 0 : 1;
}
