/*
 * The other side of the JavaScript tests: a gateway with actors that do what the tests ask for.
 *
 *     gateway_peer TOKEN [PATH=TYPE=FILE]...
 *
 * Prints "URL PORT" when it listens, each verdict that it is sent, and ends at the end of its
 * input, or with the verdict that is the last: status 0 when all of them were good. In TYPE and
 * FILE's text the word @TOKEN@ stands for the token, so that only a test's page knows it.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <troupe/gateway.h>
#include <troupe/troupe.h>

TP_MESSAGE(add, TP_FIELD(i64, amount))
TP_MESSAGE(get_total)
TP_MESSAGE(total, TP_FIELD(i64, total))
TP_MESSAGE(point, TP_FIELD(i32, x), TP_FIELD(i32, y))
TP_MESSAGE_AS(everything, "test.everything", TP_FIELD(bool, flag), TP_FIELD(u8, small),
              TP_FIELD(i32, middle), TP_FIELD(u64, large), TP_FIELD(i64, negative),
              TP_FIELD(f64, real), TP_FIELD(str, text), TP_FIELD(bin, bytes), TP_FIELD(pid, who),
              TP_NESTED(point, place), TP_OPTIONAL(u64, maybe), TP_LIST(i64, numbers),
              TP_LIST_OF(point, points), TP_MAP(u64, by_name))
TP_MESSAGE(never)
TP_MESSAGE(make_mortal)
TP_MESSAGE(made, TP_FIELD(pid, who))
TP_MESSAGE(die, TP_FIELD(i32, code))
TP_MESSAGE(link_me)
TP_MESSAGE(call_me, TP_FIELD(u64, number), TP_FIELD(u32, timeout_ms))
TP_MESSAGE(question, TP_FIELD(u64, number))
TP_MESSAGE(answer, TP_FIELD(u64, number))
TP_MESSAGE(called, TP_FIELD(str, err), TP_FIELD(u64, number))
TP_MESSAGE(watch_me)
TP_MESSAGE(how_ended)
TP_MESSAGE(ended, TP_FIELD(i32, code))
TP_MESSAGE(flood, TP_FIELD(u32, count))
TP_MESSAGE(drop, TP_FIELD(u64, number))
TP_MESSAGE(verdict, TP_FIELD(bool, good), TP_FIELD(bool, last), TP_FIELD(str, text))

static const tp_message_type *const types[] = {
    &add_message,     &get_total_message,   &total_message,     &everything_message,
    &never_message,   &make_mortal_message, &made_message,      &die_message,
    &link_me_message, &call_me_message,     &question_message,  &answer_message,
    &called_message,  &watch_me_message,    &how_ended_message, &ended_message,
    &flood_message,   &drop_message,        &verdict_message,   NULL};
static const char *const names[] = {"counter", "echo",   "factory", "caller",
                                    "judge",   "nobody", NULL};

/* ---- counter ---- */

struct counter {
    int64_t total;
};
static void on_add(tp_actor *self, struct counter *counter, const add *msg) {
    counter->total += msg->amount;
    if (tp_reply(self, total, .total = counter->total) == TP_ECONTEXT)
        tp_send(self, tp_sender(self), total, .total = counter->total);
}
static void on_get_total(tp_actor *self, struct counter *counter, const get_total *msg) {
    (void)msg;
    tp_reply(self, total, .total = counter->total);
}
TP_BEHAVIOR(counter_behavior, "counter", struct counter, TP_ON(add, on_add),
            TP_ON(get_total, on_get_total));

/* ---- echo ---- */

struct nothing {
    char unused;
};
static void on_everything(tp_actor *self, struct nothing *state, const everything *msg) {
    (void)state;
    tp_reply_value(self, &everything_message, msg);
}
/* The request stays open for as long as this actor lives. */
static void on_never(tp_actor *self, struct nothing *state, const never *msg) {
    (void)state;
    (void)msg;
    (void)tp_defer(self);
}
static void on_flood(tp_actor *self, struct nothing *state, const flood *msg) {
    (void)state;
    for (uint32_t i = 0; i < msg->count; i++) tp_send(self, tp_sender(self), drop, .number = i);
}
TP_BEHAVIOR(echo_behavior, "echo", struct nothing, TP_ON(everything, on_everything),
            TP_ON(never, on_never), TP_ON(flood, on_flood));

/* ---- mortals, and who watches clients ---- */

struct mortal {
    char unused;
};
static void on_die(tp_actor *self, struct mortal *mortal, const die *msg) {
    (void)mortal;
    tp_exit(self, msg->code);
}
static void on_link_me(tp_actor *self, struct mortal *mortal, const link_me *msg) {
    (void)mortal;
    (void)msg;
    tp_link(self, tp_sender(self));
    tp_reply(self, link_me);
}
TP_BEHAVIOR(mortal_behavior, "mortal", struct mortal, TP_ON(die, on_die),
            TP_ON(link_me, on_link_me));

struct factory {
    int32_t code; /* how the last watched client ended; -1: it has not */
    tp_from asked;
};
static void on_make(tp_actor *self, struct factory *factory, const make_mortal *msg) {
    (void)factory;
    (void)msg;
    tp_reply(self, made, .who = tp_spawn(self, &mortal_behavior));
}
static void on_watch_me(tp_actor *self, struct factory *factory, const watch_me *msg) {
    (void)msg;
    factory->code = -1;
    tp_monitor(self, tp_sender(self));
    tp_reply(self, watch_me);
}
static void on_how_ended(tp_actor *self, struct factory *factory, const how_ended *msg) {
    (void)msg;
    if (factory->code >= 0) tp_reply(self, ended, .code = factory->code);
    else factory->asked = tp_defer(self);
}
static void on_down(tp_actor *self, struct factory *factory, const tp_down *msg) {
    factory->code = msg->code;
    if (!tp_pid_is_null(factory->asked.caller))
        tp_reply_to(self, factory->asked, ended, .code = msg->code);
    factory->asked.caller = tp_pid_null();
}
TP_BEHAVIOR(factory_behavior, "factory", struct factory, TP_ON(make_mortal, on_make),
            TP_ON(watch_me, on_watch_me), TP_ON(how_ended, on_how_ended), TP_ON(tp_down, on_down));

/* ---- who calls clients ---- */

static void on_call_me(tp_actor *self, struct nothing *state, const call_me *msg) {
    tp_pid client = tp_sender(self);
    answer got = {0};
    (void)state;
    tp_err err = tp_call(self, client, TP_MS(msg->timeout_ms), &got, answer, question,
                         .number = msg->number);
    tp_send(self, client, called, .err = tp_str_of(tp_err_name(err)), .number = got.number);
}
TP_BEHAVIOR(caller_behavior, "caller", struct nothing, TP_ON(call_me, on_call_me));

/* ---- the judge ---- */

struct judge {
    bool bad;
};
static void on_verdict(tp_actor *self, struct judge *judge, const verdict *msg) {
    fputs(msg->good ? "ok   " : "FAIL ", stdout);
    if (msg->text.size > 0) fwrite(msg->text.data, 1, msg->text.size, stdout);
    fputc('\n', stdout);
    fflush(stdout);
    judge->bad |= !msg->good;
    if (msg->last) exit(judge->bad ? 1 : 0);
    (void)self;
}
TP_BEHAVIOR(judge_behavior, "judge", struct judge, TP_ON(verdict, on_verdict));

/* ---- files ---- */

#define FILES_MAX 8

struct setting {
    const char *token;
    tp_gateway_file files[FILES_MAX + 1];
};

static char *read_file(const char *path, const char *token, size_t *size) {
    FILE *file = fopen(path, "r");
    char *text = calloc(1, 1 << 20), *mark;
    if (file == NULL || text == NULL) {
        fprintf(stderr, "gateway_peer: cannot read %s\n", path);
        exit(2);
    }
    *size = fread(text, 1, (1 << 20) - 1000, file);
    fclose(file);
    mark = strstr(text, "@TOKEN@");
    if (mark != NULL) {
        size_t tail = *size - (size_t)(mark - text) - 7, token_size = strlen(token);
        memmove(mark + token_size, mark + 7, tail);
        memcpy(mark, token, token_size);
        *size = *size - 7 + token_size;
    }
    return text;
}

static void take_file(struct setting *setting, unsigned at, char *text) {
    char *type = strchr(text, '='), *file = strrchr(text, '=');
    if (file == type || at >= FILES_MAX) {
        fprintf(stderr, "gateway_peer: PATH=TYPE=FILE is asked for\n");
        exit(2);
    }
    *type++ = 0;
    *file++ = 0;
    setting->files[at].path = text;
    setting->files[at].type = type;
    setting->files[at].bytes = read_file(file, setting->token, &setting->files[at].size);
}

/* ---- the program ---- */

static void spawn(tp_actor *self, const tp_behavior *behavior, const char *name) {
    tp_spawn_options options = {.link = true, .name = name};
    if (tp_pid_is_null(tp_spawn_with(self, behavior, &options))) exit(2);
}

static void main_actor(tp_actor *self, void *arg) {
    const struct setting *setting = arg;
    tp_gateway_options options = {.token = setting->token,
                                  .names = names,
                                  .types = types,
                                  .files = setting->files,
                                  .hello_time = TP_SECONDS(60),
                                  .patience = TP_SECONDS(60)};
    tp_gateway_state state;
    tp_pid gateway;
    spawn(self, &counter_behavior, "counter");
    spawn(self, &echo_behavior, "echo");
    spawn(self, &factory_behavior, "factory");
    spawn(self, &caller_behavior, "caller");
    spawn(self, &judge_behavior, "judge");
    spawn(self, &counter_behavior, "private");
    if (tp_gateway_start(self, &options, &gateway) != TP_OK) exit(2);
    if (tp_call(self, gateway, TP_SECONDS(60), &state, tp_gateway_state, tp_gateway_ask) != TP_OK)
        exit(2);
    printf("%.*s %" PRIu32 "\n", (int)state.url.size, state.url.data, state.port);
    fflush(stdout);
    tp_sleep(self, TP_FOREVER);
}

int main(int argc, char **argv) {
    struct setting setting = {.token = argc > 1 ? argv[1] : ""};
    tp_runtime *runtime;
    tp_pid actor;
    for (int i = 2; i < argc; i++) take_file(&setting, (unsigned)i - 2, argv[i]);
    if (tp_runtime_start(&runtime, &(tp_options){.workers = 2}) != TP_OK) return 2;
    if (tp_runtime_spawn_body(runtime, &actor, main_actor, &setting, NULL) != TP_OK) return 2;
    while (getchar() != EOF) continue;
    tp_runtime_stop(runtime);
    for (unsigned i = 0; setting.files[i].path != NULL; i++)
        free((void *)(uintptr_t)setting.files[i].bytes);
    return 0;
}
