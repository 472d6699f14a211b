/*
 * Servers on actor sockets; see the header.
 */
#include "examples/common/serve.h"

#include <stdio.h>
#include <string.h>

#include "examples/common/child.h"

#define AGAIN TP_MS(10)

unsigned serve_open(tp_actor *self, unsigned port, tp_socket *listener) {
    char url[64];
    unsigned bound = 0;
    snprintf(url, sizeof url, "tcp://127.0.0.1:%u", port);
    tp_err err = tp_listen(self, url, listener);
    if (err == TP_OK) err = tp_active_once(self, *listener, 0);
    if (err == TP_OK) err = tp_socket_address(self, *listener, url, sizeof url);
    if (err != TP_OK) tp_fail(self, "cannot listen: %s", tp_strerror(err));
    sscanf(strrchr(url, ':'), ":%u", &bound);
    return bound;
}

void serve_listen(tp_actor *self, unsigned port, tp_socket *listener) {
    child_announce((uint16_t)serve_open(self, port, listener));
}

tp_pid serve_accept(tp_actor *self, tp_socket listener, const tp_socket_accepted *msg,
                    const tp_behavior *guest, const tp_spawn_options *options) {
    tp_socket socket = msg->socket;
    tp_pid pid = tp_spawn_with(self, guest, options);
    if (tp_pid_is_null(pid) || tp_socket_give(self, socket, pid) != TP_OK) {
        tp_close(self, socket); /* a guest without a socket would wait for ever: it ends, too */
        if (!tp_pid_is_null(pid)) tp_kill(self, pid);
        pid = tp_pid_null();
    }
    tp_active_once(self, listener, 0);
    return pid;
}

void serve_again(tp_actor *self, tp_socket listener) {
    tp_sleep(self, AGAIN);
    tp_active_once(self, listener, 0);
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
