/*
 * The door of a gateway: listens, gives each connection an actor, counts them, and says in the log
 * now and then that somebody was refused.
 */
#include "core/actor/extra.h"
#include "transport/gateway/session.h"

#define AGAIN TP_MS(20)
#define NEWS TP_SECONDS(10) /* at most one line of log in such a time */

TP_MESSAGE_AS(door_of, "tp.door_of", TP_FIELD(u64, gateway))
TP_MESSAGE_AS(door_reopen, "tp.door_reopen")
TP_MESSAGE_AS(door_news, "tp.door_news")

struct door {
    struct tpi_gateway *gateway;
    tp_socket listener;
    tp_pid strangers[TPI_GATEWAY_STRANGERS]; /* oldest first */
    uint32_t stranger_count;
    struct tpi_map sessions; /* (node, slot:generation): alive */
    uint64_t told;           /* refusals that the log has heard of */
};

static uint64_t key_of(tp_pid pid) {
    return (uint64_t)pid.slot << 32 | pid.generation;
}

static uint64_t count_of(const struct door *door, enum tpi_gateway_count kind) {
    /* relaxed: a number */
    return atomic_load_explicit(&door->gateway->counts[kind], memory_order_relaxed);
}

/* ---- strangers ---- */

static void forget_stranger(struct door *door, tp_pid who) {
    uint32_t i = 0;
    while (i < door->stranger_count && !tp_pid_equal(door->strangers[i], who)) i++;
    if (i == door->stranger_count) return;
    door->stranger_count--;
    for (; i < door->stranger_count; i++) door->strangers[i] = door->strangers[i + 1];
}

/* Somebody who never speaks must not keep others out. */
static void send_away(tp_actor *self, struct door *door) {
    tp_pid oldest = door->strangers[0];
    tpi_gateway_count(door->gateway, TPI_COUNT_FULL);
    forget_stranger(door, oldest);
    (void)tp_send(self, oldest, tpi_session_leave);
}

static void add_stranger(tp_actor *self, struct door *door, tp_pid who) {
    if (door->stranger_count == TPI_GATEWAY_STRANGERS) send_away(self, door);
    door->strangers[door->stranger_count++] = who;
}

/* ---- connections ---- */

static void welcome(tp_actor *self, struct door *door, tp_socket socket) {
    struct tpi_gateway *gateway = door->gateway;
    const tp_spawn_options options = {
        .link = true, .mailbox_limit = gateway->options.max_backlog, .overflow = TP_OVERFLOW_EXIT};
    tp_pid session =
        tp_spawn_with(self, &tpi_session_behavior, &options, tpi_session_of,
                      .gateway = (uintptr_t)tpi_gateway_ref(gateway), .door = tp_self(self));
    if (tp_pid_is_null(session)) {
        tpi_gateway_unref(gateway);
        tp_close(self, socket);
        return;
    }
    if (tpi_map_put(&door->sessions, session.node, key_of(session), door) != TP_OK ||
        tp_socket_give(self, socket, session) != TP_OK) {
        (void)tp_kill(self, session);
        tp_close(self, socket);
        return;
    }
    add_stranger(self, door, session);
    (void)tp_send(self, session, tpi_session_begin, .socket = socket);
}

static void on_accepted(tp_actor *self, struct door *door, const tp_socket_accepted *msg) {
    size_t count = tpi_map_count(&door->sessions), max = door->gateway->options.max_sessions;
    if (count < max) {
        welcome(self, door, msg->socket);
    } else if (door->stranger_count > 0 && count < max + TPI_GATEWAY_STRANGERS) {
        send_away(self, door); /* its place is free in a moment */
        welcome(self, door, msg->socket);
    } else {
        tpi_gateway_count(door->gateway, TPI_COUNT_FULL);
        tp_close(self, msg->socket);
    }
    tp_active_once(self, door->listener, 0);
}

static void on_not_accepted(tp_actor *self, struct door *door, const tp_socket_closed *msg) {
    (void)door;
    (void)msg;
    tp_send_after(self, AGAIN, tp_self(self), door_reopen); /* out of descriptors, say */
}

static void on_reopen(tp_actor *self, struct door *door, const door_reopen *msg) {
    (void)msg;
    tp_active_once(self, door->listener, 0);
}

static void on_up(tp_actor *self, struct door *door, const tpi_session_up *msg) {
    (void)msg;
    forget_stranger(door, tp_sender(self));
}

static void on_exited(tp_actor *self, struct door *door, const tp_exited *msg) {
    if (tpi_map_remove(&door->sessions, msg->from.node, key_of(msg->from)) != NULL)
        forget_stranger(door, msg->from);
    else if (msg->code != TP_EXIT_NORMAL) /* somebody ends the gateway */
        tp_exit_with(self, (tp_reason){msg->code, msg->detail});
}

/* ---- what it tells ---- */

static uint64_t refusals(const struct door *door) {
    uint64_t sum = 0;
    for (int kind = TPI_COUNT_REQUEST; kind <= TPI_COUNT_VIOLATIONS; kind++)
        sum += count_of(door, (enum tpi_gateway_count)kind);
    return sum;
}

static void on_news(tp_actor *self, struct door *door, const door_news *msg) {
    uint64_t now = refusals(door);
    (void)msg;
    if (now != door->told)
        tp_log(self, TP_LOG_WARN, "gateway: %llu refused since the last line of this kind",
               (unsigned long long)(now - door->told));
    door->told = now;
    tp_send_after(self, NEWS, tp_self(self), door_news);
}

static void on_ask(tp_actor *self, struct door *door, const tp_gateway_ask *msg) {
    struct tpi_gateway *gateway = door->gateway;
    (void)msg;
    tp_reply(
        self, tp_gateway_state, .url = tp_str_of(gateway->url), .port = gateway->port,
        .sessions = tpi_map_count(&door->sessions), .accepted = count_of(door, TPI_COUNT_ACCEPTED),
        .refused_request = count_of(door, TPI_COUNT_REQUEST),
        .refused_host = count_of(door, TPI_COUNT_HOST),
        .refused_origin = count_of(door, TPI_COUNT_ORIGIN),
        .refused_token = count_of(door, TPI_COUNT_TOKEN),
        .refused_full = count_of(door, TPI_COUNT_FULL),
        .refused_slow = count_of(door, TPI_COUNT_SLOW),
        .refused = count_of(door, TPI_COUNT_REFUSED),
        .violations = count_of(door, TPI_COUNT_VIOLATIONS),
        .silent = count_of(door, TPI_COUNT_SILENT), .received = count_of(door, TPI_COUNT_RECEIVED),
        .sent = count_of(door, TPI_COUNT_SENT));
}

/* ---- the start ---- */

/* The starter reads why: it waits for the end of init, and has the gateway until then. A normal
 * exit, or a starter that does not trap exits would end with it. */
static __attribute__((noreturn)) void decline(tp_actor *self, struct tpi_gateway *gateway,
                                              tp_err err) {
    gateway->err = err;
    tp_exit(self, TP_EXIT_NORMAL);
}

static void on_start(tp_actor *self, struct door *door, const door_of *args) {
    struct tpi_gateway *gateway = (struct tpi_gateway *)(uintptr_t)args->gateway;
    char bound[TPI_GATEWAY_URL_MAX] = "";
    if (tp_on_exit(self, tpi_gateway_unref, tpi_gateway_ref(gateway)) != TP_OK) {
        tpi_gateway_unref(gateway);
        decline(self, gateway, TP_ENOMEM);
    }
    door->gateway = gateway;
    tpi_map_init(&door->sessions, tpi_session_memory(self));
    tp_err err = tp_listen(self, gateway->listen, &door->listener);
    if (err == TP_OK) err = tp_socket_address(self, door->listener, bound, sizeof bound);
    if (err == TP_OK && !tpi_gateway_bound(gateway, bound)) err = TP_EADDR;
    if (err == TP_OK) err = tp_active_once(self, door->listener, 0);
    if (err != TP_OK) {
        tp_log(self, TP_LOG_ERROR, "gateway: url: %s: %s", gateway->listen, tp_strerror(err));
        decline(self, gateway, err);
    }
    (void)tp_trap_exits(self, true);
    tp_send_after(self, NEWS, tp_self(self), door_news);
}

TP_BEHAVIOR(door_behavior, "gateway", struct door, TP_INIT_WITH(door_of, on_start),
            TP_ON(tp_socket_accepted, on_accepted), TP_ON(tp_socket_closed, on_not_accepted),
            TP_ON(door_reopen, on_reopen), TP_ON(tpi_session_up, on_up),
            TP_ON(tp_exited, on_exited), TP_ON(door_news, on_news), TP_ON(tp_gateway_ask, on_ask));

tp_err tp_gateway_start(tp_actor *self, const tp_gateway_options *options, tp_pid *out) {
    TPI_INSIDE(self);
    static const tp_gateway_options none;
    struct tpi_gateway *gateway;
    if (out == NULL) return TP_EINVAL;
    *out = tp_pid_null();
    tp_err err = tpi_gateway_new(self, options == NULL ? &none : options, &gateway);
    if (err != TP_OK) return err;
    err = tp_start(self, out, &door_behavior, &tp_spawn_linked, TP_FOREVER, NULL, door_of,
                   .gateway = (uintptr_t)gateway);
    if (err == TP_ENOPROC) err = gateway->err == TP_OK ? TP_ENOMEM : gateway->err;
    tpi_gateway_unref(gateway);
    return err;
}
