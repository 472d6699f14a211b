/*
 * A page that shows actors: a till that is paid into by clients of its own, live in every browser
 * that looks, and each browser may pay in, too.
 *
 *     browser --token-file token [--port 8080] [--page examples/browser/page.html]
 *             [--client clients/javascript/troupe.mjs] [--pays-per-second 5]
 *
 * The gateway serves the page and the client's source, so that the page's origin is its own. The
 * token is asked for by the page; it is in a file that nobody else may read.
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <troupe/gateway.h>
#include <troupe/troupe.h>

TP_MESSAGE_AS(pay_in, "till.pay_in", TP_FIELD(i64, cents), TP_FIELD(str, from))
TP_MESSAGE_AS(watch, "till.watch")
TP_MESSAGE_AS(balance, "till.balance", TP_FIELD(i64, cents), TP_FIELD(u64, payments),
              TP_FIELD(str, last), TP_FIELD(u32, watchers))
TP_MESSAGE_AS(close_till, "till.close")
TP_MESSAGE(next)

/* ---- the till ---- */

#define WATCHERS_MAX 64

struct till {
    int64_t cents;
    uint64_t payments;
    char last[32];
    tp_pid watchers[WATCHERS_MAX];
    uint32_t watcher_count;
};

static balance balance_of(const struct till *till) {
    balance now = {.cents = till->cents,
                   .payments = till->payments,
                   .last = tp_str_of(till->last),
                   .watchers = till->watcher_count};
    return now;
}

/* Encoded once for all. A watcher that does not keep up ends itself; nobody waits for it. */
static void tell_watchers(tp_actor *self, const struct till *till) {
    balance now = balance_of(till);
    tp_broadcast_value(self, till->watchers, till->watcher_count, &balance_message, &now);
}

static void on_pay_in(tp_actor *self, struct till *till, const pay_in *msg) {
    if (msg->cents <= 0 || msg->cents > 100000000) {
        tp_reply_error(self, TP_EINVAL);
        return;
    }
    till->cents += msg->cents;
    till->payments++;
    snprintf(till->last, sizeof till->last, "%.*s", (int)msg->from.size,
             msg->from.size > 0 ? msg->from.data : "");
    balance now = balance_of(till);
    tp_reply_value(self, &balance_message, &now);
    tell_watchers(self, till);
}

/* A browser asks to be told: it is an actor, so its end is seen as any other's. */
static void on_watch(tp_actor *self, struct till *till, const watch *msg) {
    (void)msg;
    if (till->watcher_count == WATCHERS_MAX) {
        tp_reply_error(self, TP_EFULL);
        return;
    }
    tp_monitor(self, tp_sender(self));
    till->watchers[till->watcher_count++] = tp_sender(self);
    balance now = balance_of(till);
    tp_reply_value(self, &balance_message, &now);
    tell_watchers(self, till);
}

static void on_down(tp_actor *self, struct till *till, const tp_down *msg) {
    uint32_t kept = 0;
    for (uint32_t i = 0; i < till->watcher_count; i++)
        if (!tp_pid_equal(till->watchers[i], msg->from)) till->watchers[kept++] = till->watchers[i];
    till->watcher_count = kept;
    tell_watchers(self, till);
}

static void on_close(tp_actor *self, struct till *till, const close_till *msg) {
    (void)till;
    (void)msg;
    tp_exit(self, TP_EXIT_SHUTDOWN); /* its supervisor opens a new one */
}

TP_BEHAVIOR(till_behavior, "till", struct till, TP_ON(pay_in, on_pay_in), TP_ON(watch, on_watch),
            TP_ON(tp_down, on_down), TP_ON(close_till, on_close));

/* ---- who pays ---- */

static uint32_t pays_per_second = 5;

static void customer(tp_actor *self, void *arg) {
    (void)arg;
    while (pays_per_second > 0) {
        tp_pid till = tp_whereis(tp_self_runtime(self), "till");
        balance now;
        tp_sleep(self, TP_SECONDS(1) / pays_per_second);
        if (!tp_pid_is_null(till))
            (void)tp_call(self, till, TP_SECONDS(5), &now, balance, pay_in,
                          .cents = 1 + (int64_t)(tp_random(self) % 10000),
                          .from = TP_STR("a customer"));
    }
}

/* ---- the program ---- */

struct settings {
    const char *token_file, *page, *client;
    char url[64];
};

static const tp_message_type *const types[] = {&pay_in_message, &watch_message, &balance_message,
                                               &close_till_message, NULL};
static const char *const names[] = {"till", NULL};

static char *read_file(const char *path, size_t *size) {
    FILE *file = fopen(path, "r");
    char *bytes = malloc(1 << 20);
    if (file == NULL || bytes == NULL) {
        fprintf(stderr,
                "browser: cannot read %s (run it from the repository, or give --page and "
                "--client)\n",
                path);
        exit(2);
    }
    *size = fread(bytes, 1, 1 << 20, file);
    fclose(file);
    return bytes;
}

static void main_actor(tp_actor *self, void *arg) {
    const struct settings *settings = arg;
    static tp_gateway_file files[] = {
        /* for as long as the runtime lives */
        {.path = "/", .type = "text/html; charset=utf-8"},
        {.path = "/troupe.mjs", .type = "text/javascript; charset=utf-8"},
        {.path = NULL},
    };
    files[0].bytes = read_file(settings->page, &files[0].size);
    files[1].bytes = read_file(settings->client, &files[1].size);
    tp_gateway_options options = {.url = settings->url,
                                  .token_file = settings->token_file,
                                  .names = names,
                                  .types = types,
                                  .files = files};
    tp_gateway_state state;
    tp_pid gateway;
    tp_spawn_options till = {.name = "till"};
    tp_runtime_stop_on_signals(tp_self_runtime(self));
    tp_pid now = tp_spawn_with(self, &till_behavior, &till);
    tp_spawn_body(self, customer, NULL, &tp_spawn_linked);
    if (tp_gateway_start(self, &options, &gateway) != TP_OK) {
        tp_exit_status(self, 2);
        return;
    }
    if (tp_call(self, gateway, TP_SECONDS(5), &state, tp_gateway_state, tp_gateway_ask) == TP_OK)
        printf("http://127.0.0.1:%" PRIu32 "/ asks for the token in %s\n", state.port,
               settings->token_file);
    fflush(stdout);
    for (;;) { /* a supervisor by hand: a till that ends is opened anew */
        tp_down down;
        (void)tp_monitor(self, now);
        if (tp_receive(self, TP_FOREVER, &down, tp_down) != TP_OK) return;
        now = tp_spawn_with(self, &till_behavior, &till);
    }
}

int main(int argc, char **argv) {
    static const struct option options[] = {{"token-file", required_argument, NULL, 't'},
                                            {"port", required_argument, NULL, 'p'},
                                            {"page", required_argument, NULL, 'g'},
                                            {"client", required_argument, NULL, 'c'},
                                            {"pays-per-second", required_argument, NULL, 'n'},
                                            {NULL, 0, NULL, 0}};
    struct settings settings = {.page = "examples/browser/page.html",
                                .client = "clients/javascript/troupe.mjs"};
    unsigned long port = 8080;
    int option;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (option == 't') settings.token_file = optarg;
        else if (option == 'p') port = strtoul(optarg, NULL, 10);
        else if (option == 'g') settings.page = optarg;
        else if (option == 'c') settings.client = optarg;
        else if (option == 'n') pays_per_second = (uint32_t)strtoul(optarg, NULL, 10);
        else return 2;
    }
    if (settings.token_file == NULL || port > 65535 || pays_per_second > 1000) {
        fprintf(stderr, "browser: --token-file FILE is needed; make one with\n"
                        "    (umask 077; head -c 24 /dev/urandom | base64 > token)\n");
        return 2;
    }
    snprintf(settings.url, sizeof settings.url, "ws://127.0.0.1:%lu", port);
    return tp_run(main_actor, &settings);
}
