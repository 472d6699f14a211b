/*
 * bank serve: a bank that answers over HTTP, with the probes that Kubernetes asks for. What comes
 * over HTTP runs on threads of libmicrohttpd, which call the actors through inboxes.
 */
#include <arpa/inet.h>
#include <getopt.h>
#include <inttypes.h>
#include <microhttpd.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <troupe/call.h>
#include <troupe/inbox.h>
#include <troupe/timer.h>

#include "actors/bank/json.h"
#include "examples/bank/command.h"

#define FUNDS_MINOR 1000000 /* of every account at the start */
#define PATIENCE TP_SECONDS(2)
#define THREADS 4
#define CONNECTIONS 256
#define IDLE_SECONDS 30
#define ACCOUNTS "/accounts/"

static const char help[] =
    "Usage: bank serve [OPTION]...\n"
    "Opens accounts 1 to N with 10000.00 each and answers over HTTP until SIGTERM or\n"
    "SIGINT. The money is in memory: it ends with the program.\n\n"
    "  GET  /healthz        200: the actors run\n"
    "  GET  /readyz         200: the bank is open; 503: not yet, or no longer\n"
    "  GET  /accounts/7     its balance\n"
    "  POST /transfers?id=1&from=7&to=8&amount_minor=250\n"
    "                       the same id again gives the same outcome\n\n"
    "  --address A    to listen on (default 127.0.0.1)\n"
    "  --port P       0: any (default 8080)\n"
    "  --accounts N   accounts (default 100)\n"
    "  --drain S      seconds from the signal to the end, in which requests are\n"
    "                 answered but /readyz says no (default 0)\n"
    "  --workers N    worker threads (default: one a CPU)\n"
    "  --help         print this\n";

enum option_id { OPT_ADDRESS = 256, OPT_PORT, OPT_ACCOUNTS, OPT_DRAIN, OPT_WORKERS, OPT_HELP };

static const struct option options[] = {
    {"address", required_argument, NULL, OPT_ADDRESS},
    {"port", required_argument, NULL, OPT_PORT},
    {"accounts", required_argument, NULL, OPT_ACCOUNTS},
    {"drain", required_argument, NULL, OPT_DRAIN},
    {"workers", required_argument, NULL, OPT_WORKERS},
    {"help", no_argument, NULL, OPT_HELP},
    {NULL, 0, NULL, 0},
};

struct server {
    const char *address;
    uint64_t port, accounts, drain, workers;
    bool help;
    tp_runtime *runtime;
    tp_pid keeper;
};

/* ---- the actors ---- */

TP_MESSAGE(serve_open, TP_FIELD(u64, accounts))
TP_MESSAGE(serve_open_next)
TP_MESSAGE(serve_close)
TP_MESSAGE(serve_look)
TP_MESSAGE(serve_is, TP_FIELD(bool, open), TP_FIELD(bool, closing), TP_FIELD(pid, teller))
TP_MESSAGE(serve_pulse)

/* Opens the bank, and lives as long as it does: it is linked to it. Answers while it opens. */
struct keeper {
    struct bank bank;
    uint64_t accounts, opened;
    bool closing;
};

static void keeper_init(tp_actor *self, struct keeper *keeper, const serve_open *args) {
    keeper->accounts = args->accounts;
    tp_err err = bank_start(self, &keeper->bank);
    if (err != TP_OK) tp_fail(self, "the bank cannot be started: %s", tp_strerror(err));
    tp_send(self, tp_self(self), serve_open_next);
}

static void on_open_next(tp_actor *self, struct keeper *keeper, const serve_open_next *msg) {
    uint64_t account = keeper->opened + 1;
    bank_outcome outcome = {.code = BANK_NO_ACCOUNT};
    (void)msg;
    tp_err err = bank_open_account(self, &keeper->bank, account, BANK_RULE_NONE, 0);
    if (err == TP_OK)
        err = tp_call(self, keeper->bank.teller, BANK_PATIENCE, &outcome, bank_outcome, bank_entry,
                      .id = {0, account}, .account = account, .amount_minor = FUNDS_MINOR,
                      .counter = TP_STR("Cash"), .text = TP_STR("first deposit"));
    if (err != TP_OK) tp_fail(self, "an account cannot be opened: %s", tp_strerror(err));
    if (outcome.code != BANK_DONE) tp_fail(self, "a deposit: %s", bank_code_text(outcome.code));
    keeper->opened = account;
    if (account < keeper->accounts) tp_send(self, tp_self(self), serve_open_next);
}

static void on_look(tp_actor *self, struct keeper *keeper, const serve_look *msg) {
    (void)msg;
    tp_reply(self, serve_is, .open = keeper->opened == keeper->accounts, .closing = keeper->closing,
             .teller = keeper->bank.teller);
}

static void on_close(tp_actor *self, struct keeper *keeper, const serve_close *msg) {
    (void)self;
    (void)msg;
    keeper->closing = true;
}

TP_BEHAVIOR(keeper_behavior, "keeper", struct keeper, TP_INIT_WITH(serve_open, keeper_init),
            TP_ON(serve_open_next, on_open_next), TP_ON(serve_look, on_look),
            TP_ON(serve_close, on_close));

/* An actor for one question: that it answers says that actors run. */
struct pulse {
    char nothing;
};
static void on_pulse(tp_actor *self, struct pulse *pulse, const serve_pulse *msg) {
    (void)pulse;
    (void)msg;
    tp_reply(self, serve_pulse);
    tp_exit(self, TP_EXIT_NORMAL);
}
TP_BEHAVIOR(pulse_behavior, "pulse", struct pulse, TP_ON(serve_pulse, on_pulse));

/* ---- requests; each on a thread of libmicrohttpd ---- */

struct request {
    struct server *server;
    struct MHD_Connection *connection;
    tp_inbox *inbox;
    serve_is now; /* of the bank */
};

static enum MHD_Result say(const struct request *request, unsigned status, const char *type,
                           const char *text) {
    struct MHD_Response *response = MHD_create_response_from_buffer(
        strlen(text), (void *)(uintptr_t)text, MHD_RESPMEM_MUST_COPY);
    if (response == NULL) return MHD_NO;
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    enum MHD_Result result = MHD_queue_response(request->connection, status, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result say_text(const struct request *request, unsigned status, const char *text) {
    return say(request, status, "text/plain", text);
}

static enum MHD_Result unavailable(const struct request *request, tp_err err) {
    char text[128];
    snprintf(text, sizeof text, "%s\n", tp_strerror(err));
    return say_text(request, MHD_HTTP_SERVICE_UNAVAILABLE, text);
}

static enum MHD_Result say_json(const struct request *request, unsigned status,
                                struct bank_text *out) {
    bank_text_put(out, "\n");
    enum MHD_Result result = out->failed
                                 ? say_text(request, MHD_HTTP_SERVICE_UNAVAILABLE, "No memory\n")
                                 : say(request, status, "application/json", out->data);
    bank_text_free(out);
    return result;
}

static enum MHD_Result healthz(const struct request *request) {
    serve_pulse answer;
    tp_pid pulse;
    tp_err err = tp_runtime_spawn(request->server->runtime, &pulse, &pulse_behavior, NULL);
    if (err == TP_OK)
        err = tp_inbox_call(request->inbox, pulse, PATIENCE, &answer, serve_pulse, serve_pulse);
    return err == TP_OK ? say_text(request, MHD_HTTP_OK, "alive\n") : unavailable(request, err);
}

static tp_err ask_balance(const struct request *request, uint64_t account, bank_balance *balance) {
    return tp_inbox_call(request->inbox, request->now.teller, PATIENCE, balance, bank_balance,
                         bank_get_balance, .account = account);
}

static enum MHD_Result readyz(const struct request *request) {
    bank_balance balance;
    if (!request->now.open) return say_text(request, MHD_HTTP_SERVICE_UNAVAILABLE, "opening\n");
    if (request->now.closing) return say_text(request, MHD_HTTP_SERVICE_UNAVAILABLE, "closing\n");
    tp_err err = ask_balance(request, 1, &balance);
    return err == TP_OK ? say_text(request, MHD_HTTP_OK, "ready\n") : unavailable(request, err);
}

static enum MHD_Result account(const struct request *request, uint64_t number) {
    struct bank_text out = {0};
    struct bank_json json = {.out = &out};
    bank_balance balance;
    tp_err err = ask_balance(request, number, &balance);
    if (err != TP_OK) return unavailable(request, err);
    if (balance.code != BANK_DONE)
        return say_text(request, MHD_HTTP_NOT_FOUND, "There is no such account\n");
    bank_json_object(&json, NULL);
    bank_json_unsigned(&json, "account", number);
    bank_json_integer(&json, "balance_minor", balance.balance_minor);
    bank_json_end_object(&json);
    return say_json(request, MHD_HTTP_OK, &out);
}

static bool parse_number(const char *text, uint64_t most, uint64_t *out) {
    char *end;
    if (text == NULL || text[0] < '0' || text[0] > '9' || strlen(text) > 20) return false;
    unsigned long long value = strtoull(text, &end, 10);
    *out = value;
    return *end == '\0' && value <= most; /* too large for 64 bits: ULLONG_MAX */
}

static bool parameter(const struct request *request, const char *name, uint64_t most,
                      uint64_t *out) {
    return parse_number(
        MHD_lookup_connection_value(request->connection, MHD_GET_ARGUMENT_KIND, name), most, out);
}

static unsigned status_of(bank_code code) {
    switch (code) {
    case BANK_DONE: return MHD_HTTP_OK;
    case BANK_PENDING: return MHD_HTTP_ACCEPTED;
    case BANK_NO_ACCOUNT: return MHD_HTTP_NOT_FOUND;
    case BANK_NO_MEMORY: return MHD_HTTP_SERVICE_UNAVAILABLE;
    case BANK_BAD_AMOUNT:
    case BANK_SAME_ACCOUNT: return MHD_HTTP_BAD_REQUEST;
    default: return MHD_HTTP_CONFLICT;
    }
}

static enum MHD_Result transfer(const struct request *request) {
    struct bank_text out = {0};
    struct bank_json json = {.out = &out};
    uint64_t id, from, to, amount;
    bank_outcome outcome;
    if (!parameter(request, "id", UINT64_MAX - 1, &id) ||
        !parameter(request, "from", UINT64_MAX - 1, &from) ||
        !parameter(request, "to", UINT64_MAX - 1, &to) ||
        !parameter(request, "amount_minor", INT64_MAX, &amount))
        return say_text(request, MHD_HTTP_BAD_REQUEST,
                        "id, from, to and amount_minor are whole numbers\n");
    tp_err err = tp_inbox_call(request->inbox, request->now.teller, PATIENCE, &outcome,
                               bank_outcome, bank_transfer, .id = {1, id}, .from = from, .to = to,
                               .amount_minor = (int64_t)amount, .text = TP_STR("transfer"));
    if (err != TP_OK) return unavailable(request, err); /* ask again, with the same id */
    bank_json_object(&json, NULL);
    bank_json_unsigned(&json, "id", id);
    bank_json_bool(&json, "done", outcome.code == BANK_DONE);
    bank_json_string(&json, "outcome", bank_code_text(outcome.code));
    bank_json_end_object(&json);
    return say_json(request, status_of(outcome.code), &out);
}

/* What it may ask of the bank. */
static enum MHD_Result ask_bank(struct request *request, const char *path) {
    uint64_t number;
    tp_err err = tp_inbox_call(request->inbox, request->server->keeper, PATIENCE, &request->now,
                               serve_is, serve_look);
    if (err != TP_OK) return unavailable(request, err);
    if (strcmp(path, "/readyz") == 0) return readyz(request);
    if (!request->now.open) return say_text(request, MHD_HTTP_SERVICE_UNAVAILABLE, "opening\n");
    if (strcmp(path, "/transfers") == 0) return transfer(request);
    if (parse_number(path + strlen(ACCOUNTS), UINT64_MAX - 1, &number))
        return account(request, number);
    return say_text(request, MHD_HTTP_NOT_FOUND, "There is no such account\n");
}

static enum MHD_Result answer(struct request *request, const char *method, const char *path) {
    bool get = strcmp(method, "GET") == 0, post = strcmp(method, "POST") == 0;
    bool of_health = strcmp(path, "/healthz") == 0;
    bool of_transfers = strcmp(path, "/transfers") == 0;
    if (!of_health && !of_transfers && strcmp(path, "/readyz") != 0 &&
        strncmp(path, ACCOUNTS, strlen(ACCOUNTS)) != 0)
        return say_text(request, MHD_HTTP_NOT_FOUND, "There is nothing here\n");
    if (of_transfers ? !post : !get)
        return say_text(request, MHD_HTTP_METHOD_NOT_ALLOWED, "Not that method\n");
    return of_health ? healthz(request) : ask_bank(request, path);
}

/* Called when the head is there, then for what comes as a body (which is not looked at), then for
 * the answer. */
static enum MHD_Result on_request(void *context, struct MHD_Connection *connection,
                                  const char *path, const char *method, const char *version,
                                  const char *body, size_t *body_size, void **mark) {
    static char seen;
    struct request request = {.server = context, .connection = connection};
    (void)version;
    (void)body;
    if (*mark == NULL) {
        *mark = &seen;
        return MHD_YES;
    }
    if (*body_size > 0) {
        *body_size = 0;
        return MHD_YES;
    }
    tp_err err = tp_inbox_open(request.server->runtime, &request.inbox);
    if (err != TP_OK) return unavailable(&request, err);
    enum MHD_Result result = answer(&request, method, path);
    tp_inbox_close(request.inbox);
    return result;
}

/* ---- the program ---- */

static struct MHD_Daemon *listen_on(struct server *server) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)server->port)};
    if (inet_pton(AF_INET, server->address, &address.sin_addr) != 1) return NULL;
    return MHD_start_daemon(MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_EPOLL, 0, NULL, NULL,
                            on_request, server, MHD_OPTION_SOCK_ADDR, &address,
                            MHD_OPTION_THREAD_POOL_SIZE, (unsigned)THREADS,
                            MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS,
                            MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_SECONDS, MHD_OPTION_END);
}

/* Until a signal; false: the bank has ended by itself. */
static bool wait_for_signal(const struct server *server, const sigset_t *signals) {
    struct timespec look = {.tv_nsec = 200000000};
    while (sigtimedwait(signals, NULL, &look) < 0)
        if (!tp_alive(server->runtime, server->keeper)) return false;
    return true;
}

static int serve(struct server *server, const sigset_t *signals) {
    struct MHD_Daemon *daemon = listen_on(server);
    if (daemon == NULL) {
        fprintf(stderr, "bank serve: cannot listen on %s:%" PRIu64 "\n", server->address,
                server->port);
        return STATUS_FAILED;
    }
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT);
    printf("listening on %u\n", info != NULL ? info->port : (unsigned)server->port);
    fflush(stdout);
    bool good = wait_for_signal(server, signals);
    tp_post(server->runtime, server->keeper, serve_close);
    struct timespec drain = {.tv_sec = (time_t)server->drain};
    if (good) sigtimedwait(signals, NULL, &drain); /* a second signal ends the wait */
    MHD_stop_daemon(daemon);
    if (!good) fputs("bank serve: the bank has ended\n", stderr);
    return good ? STATUS_OK : STATUS_FAILED;
}

static bool options_parse(int argc, char **argv, struct server *server) {
    int option;
    bool good = true;
    struct in_addr address;
    while (good && (option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (option) {
        case OPT_ADDRESS:
            server->address = optarg;
            good = inet_pton(AF_INET, optarg, &address) == 1;
            if (!good) usage_error("serve", "--address: '%s' is no IPv4 address", optarg);
            break;
        case OPT_PORT:
            good = number_option("serve", "--port", optarg, 0, 65535, &server->port);
            break;
        case OPT_ACCOUNTS:
            good = number_option("serve", "--accounts", optarg, 1, 1000000, &server->accounts);
            break;
        case OPT_DRAIN:
            good = number_option("serve", "--drain", optarg, 0, 3600, &server->drain);
            break;
        case OPT_WORKERS:
            good = number_option("serve", "--workers", optarg, 1, 64, &server->workers);
            break;
        case OPT_HELP: server->help = true; return true;
        default: usage_hint("serve"); return false;
        }
    }
    if (good && optind < argc) {
        usage_error("serve", "'%s' is not expected", argv[optind]);
        good = false;
    }
    return good;
}

int command_serve(int argc, char **argv) {
    struct server server = {.address = "127.0.0.1", .port = 8080, .accounts = 100};
    sigset_t signals;
    if (!options_parse(argc, argv, &server)) return STATUS_USAGE;
    if (server.help) {
        fputs(help, stdout);
        return STATUS_OK;
    }
    sigemptyset(&signals); /* blocked before there are threads: this one waits for them */
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    tp_options runtime = runtime_options(server.workers);
    tp_err err = tp_runtime_start(&server.runtime, &runtime);
    if (err != TP_OK) {
        fprintf(stderr, "bank serve: %s\n", tp_strerror(err));
        return STATUS_FAILED;
    }
    int status = STATUS_FAILED;
    if (tp_runtime_spawn(server.runtime, &server.keeper, &keeper_behavior, NULL, serve_open,
                         .accounts = server.accounts) == TP_OK)
        status = serve(&server, &signals);
    tp_runtime_stop(server.runtime);
    return status;
}
