/*
 * The commands that take part: trace, send, kill.
 */
#include <inttypes.h>
#include <string.h>

#include "tools/troupe/cli.h"
#include "tools/troupe/text.h"
#include "tools/troupe/value.h"

/* ---- trace ---- */

struct trace {
    struct cli *cli;
    tp_time began; /* the node's clock at the first event */
    bool over;
    int status;
};

static void event_json(const struct cli *cli, const tp_inspect_event *event) {
    struct json json = {.out = stdout};
    json_object(&json, NULL);
    json_real(&json, "time", (double)event->time / 1e9, 6);
    json_pid(&json, "actor", event->actor, cli->peer);
    json_text(&json, "kind", event->kind);
    json_pid(&json, "other", event->other, cli->peer);
    if (event->type.size > 0) json_text(&json, "type", event->type);
    if (event->text.size > 0) json_text(&json, "text", event->text);
    if (event->skipped > 0) json_number(&json, "skipped", event->skipped);
    json_end_object(&json);
    json_done(&json);
}

static void on_event(tp_actor *self, struct trace *trace, const tp_inspect_event *event) {
    char other[TEXT_SHORT];
    (void)self;
    if (trace->cli->json) {
        event_json(trace->cli, event);
        return;
    }
    if (trace->began == 0) trace->began = event->time;
    if (event->skipped > 0) (void)printf("(%" PRIu64 " events skipped)\n", event->skipped);
    (void)printf("%+12.6f ", (double)(event->time - trace->began) / 1e9);
    text_column(stdout, event->kind, 9);
    (void)putchar(' ');
    (void)text_put(stdout, event->text.size > 0 ? event->text : event->type, 0);
    if (!tp_pid_is_null(event->other))
        (void)printf(" %s %s", tp_str_equal(event->kind, TP_STR("sends")) ? "to" : "from",
                     text_pid_of(event->other, trace->cli->peer, other));
    (void)putchar('\n');
    (void)fflush(stdout);
}

static void on_traced(tp_actor *self, struct trace *trace, const tp_inspect_traced *msg) {
    struct json json = {.out = stdout};
    (void)self;
    trace->over = true;
    bool failed = !tp_str_equal(msg->why, TP_STR("limit")) &&
                  !tp_str_equal(msg->why, TP_STR("time")) &&
                  !tp_str_equal(msg->why, TP_STR("target ended"));
    trace->status = failed ? CLI_FAILED : CLI_OK;
    if (trace->cli->json) {
        json_object(&json, NULL);
        json_text(&json, "ended", msg->why);
        json_number(&json, "told", msg->told);
        json_number(&json, "skipped", msg->skipped);
        json_end_object(&json);
        json_done(&json);
        return;
    }
    (void)printf("%" PRIu64 " events", msg->told);
    if (msg->skipped > 0) (void)printf(", %" PRIu64 " skipped", msg->skipped);
    (void)fputs("; ended: ", stdout);
    (void)text_put(stdout, msg->why, 0);
    (void)putchar('\n');
}

/* The tracer, or the connection to it, is gone. */
static void on_down(tp_actor *self, struct trace *trace, const tp_down *msg) {
    (void)self;
    if (trace->over) return;
    (void)fprintf(stderr, "troupe: %s: the trace ended: %s\n", trace->cli->peer_name,
                  tp_exit_code_name(msg->code));
    trace->over = true;
    trace->status = msg->code == TP_EXIT_NOCONNECTION ? CLI_UNREACHABLE : CLI_FAILED;
}

TP_CASES(trace_cases, struct trace, TP_ON(tp_inspect_event, on_event),
         TP_ON(tp_inspect_traced, on_traced), TP_ON(tp_down, on_down));

int cli_trace(tp_actor *self, struct cli *cli) {
    struct trace trace = {.cli = cli};
    tp_inspect_tracing tracing;
    tp_pid pid;
    int status = cli_find(self, cli, cli->words[0], &pid);
    if (status != CLI_OK) return status;
    tp_err err = cli_ask(self, cli, &tracing, tp_inspect_tracing, tp_inspect_trace, .target = pid,
                         .limit = (uint32_t)(cli->limit == 0 ? 100 : cli->limit),
                         .rate = (uint32_t)(cli->rate == 0 ? 100 : cli->rate),
                         .seconds = (uint32_t)(cli->seconds == 0 ? 60 : cli->seconds));
    if (err == TP_EBUSY || err == TP_ENOTSUP) {
        (void)fprintf(stderr, "troupe: %s: %s: %s\n", cli->peer_name, cli->words[0],
                      err == TP_EBUSY ? "it is traced already, or too many are"
                                      : "not a behaviour of that node: it cannot be traced");
        return CLI_FAILED;
    }
    if (err != TP_OK) return cli_fail(cli, cli->words[0], err);
    if (tp_monitor(self, tracing.tracer) == 0) return cli_fail(cli, "trace", tp_error(self));
    while (!trace.over) {
        err = tp_receive_cases(self, TP_FOREVER, &trace, trace_cases);
        if (err != TP_OK) return cli_fail(cli, "trace", err);
    }
    return trace.status;
}

/* ---- send ---- */

/* A type of which no more is known than its name; its values are encoded already. */
static size_t encoded_size(const void *value) {
    return ((const struct value_message *)value)->size;
}
static void encoded_copy(const void *value, tp_writer *out) {
    const struct value_message *message = value;
    if (message->size > 0) memcpy(out->at, message->bytes, message->size);
    out->at += message->size;
}

static tp_err send_encoded(tp_actor *self, tp_pid pid, const char *name,
                           const struct value_message *message) {
    size_t size = strlen(name);
    tp_message_type type = {.name = name,
                            .hash = tp_name_hash(name, size),
                            .name_size = (uint32_t)size,
                            .struct_size = sizeof *message,
                            .field_count = message->count,
                            .measure = encoded_size,
                            .encode = encoded_copy};
    return tp_send_value(self, pid, &type, message);
}

static int encode(struct cli *cli, const tp_inspect_detail *detail, struct value_message *out) {
    struct value_shape shape = {.nested = detail->nested.items,
                                .nested_count = detail->nested.count,
                                .nested_fields = detail->nested_fields.items,
                                .nested_field_count = detail->nested_fields.count,
                                .home = cli->peer};
    bool found = value_find_type(detail->types.items, detail->types.count, detail->fields.items,
                                 detail->fields.count, tp_str_of(cli->words[1]), &shape.fields,
                                 &shape.field_count);
    char why[VALUE_WHY_SIZE];
    char **words = cli->words + 2;
    bool good;
    if (cli->raw) {
        good = value_by_looks(words, cli->word_count - 2, cli->peer, out, why);
    } else if (found) {
        good = value_by_fields(&shape, words, cli->word_count - 2, out, why);
    } else {
        (void)fprintf(stderr,
                      "troupe: %s: it says of no handler for '%s' (see troupe info); --raw sends "
                      "it all the same\n",
                      cli->words[0], cli->words[1]);
        return CLI_FAILED;
    }
    if (!good) (void)fprintf(stderr, "troupe: %s: %s\n", cli->words[1], why);
    return good ? CLI_OK : CLI_USAGE;
}

static int say_done(struct cli *cli, const char *what, tp_pid pid) {
    struct json json = {.out = stdout};
    char text[TEXT_SHORT];
    if (!cli->json) {
        (void)printf("%s %s\n", what, text_pid_of(pid, cli->peer, text));
        return CLI_OK;
    }
    json_object(&json, NULL);
    json_text(&json, "node", tp_str_of(cli->peer_name));
    json_pid(&json, what, pid, cli->peer);
    json_end_object(&json);
    json_done(&json);
    return CLI_OK;
}

int cli_send(tp_actor *self, struct cli *cli) {
    tp_inspect_detail detail;
    struct value_message *message = tp_alloc(self, sizeof *message);
    tp_pid pid;
    if (strlen(cli->words[1]) == 0 || strlen(cli->words[1]) > TP_NAME_SIZE_MAX) {
        (void)fprintf(stderr, "troupe: send: '%s' is no type\n", cli->words[1]);
        return CLI_USAGE;
    }
    if (!(cli->may & TP_MAY_SEND)) return cli_forbidden(cli, "send", "TP_MAY_SEND");
    int status = cli_find(self, cli, cli->words[0], &pid);
    if (status != CLI_OK) return status;
    tp_err err = cli_ask(self, cli, &detail, tp_inspect_detail, tp_inspect_look, .pid = pid);
    if (err == TP_OK && message == NULL) err = TP_ENOMEM;
    if (err != TP_OK) return cli_fail(cli, cli->words[0], err);
    status = encode(cli, &detail, message);
    if (status != CLI_OK) return status;
    err = send_encoded(self, pid, cli->words[1], message);
    if (err != TP_OK) return cli_fail(cli, cli->words[0], err);
    return say_done(cli, "sent", pid);
}

/* ---- kill ---- */

int cli_kill(tp_actor *self, struct cli *cli) {
    tp_inspect_detail detail;
    tp_pid pid;
    if (!(cli->may & TP_MAY_KILL)) return cli_forbidden(cli, "kill", "TP_MAY_KILL");
    int status = cli_find(self, cli, cli->words[0], &pid);
    if (status != CLI_OK) return status;
    tp_err err = cli_ask(self, cli, &detail, tp_inspect_detail, tp_inspect_look, .pid = pid);
    if (err == TP_OK) err = tp_kill(self, pid);
    if (err != TP_OK) return cli_fail(cli, cli->words[0], err);
    tp_time until = tp_now(self) + cli->timeout;
    while (tp_now(self) < until) {
        tp_release(self);
        err = cli_ask(self, cli, &detail, tp_inspect_detail, tp_inspect_look, .pid = pid);
        if (err == TP_ENOPROC) return say_done(cli, "killed", pid);
        if (err != TP_OK) return cli_fail(cli, cli->words[0], err);
        (void)tp_sleep(self, TP_MS(20));
    }
    (void)fprintf(stderr, "troupe: %s: %s has been killed, but its code does not come back\n",
                  cli->peer_name, cli->words[0]);
    return CLI_FAILED;
}
