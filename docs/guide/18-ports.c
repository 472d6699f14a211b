/*
 * Chapter 18: a program outside, and a behaviour in a process of its own.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <troupe/troupe.h>

#define PLENTY TP_SECONDS(30)

/* Numbers go to sort, and come back as lines. */
static void sort_some(tp_actor *self) {
    const char *argv[] = {"sort", "-n", NULL};
    tp_pid port;
    tp_port_data line;
    tp_port_exited end;
    tp_err err = tp_port_open(self, &port, &(tp_port_options){.argv = argv});
    if (err != TP_OK) tp_fail(self, "sort: %s", tp_strerror(err));
    if (tp_port_write(self, port, "20\n3\n100\n", 9, PLENTY) != TP_OK) tp_fail(self, "no input");
    tp_port_end_input(self, port);
    for (int i = 0; i < 3; i++)
        if (tp_receive(self, PLENTY, &line, tp_port_data) == TP_OK)
            printf("sorted: %.*s\n", (int)line.bytes.size, (const char *)line.bytes.data);
    if (tp_receive(self, PLENTY, &end, tp_port_exited) == TP_OK)
        printf("sort ended with status %d\n", end.status);
}

/* How a program ends is an exit reason. */
static void watch_one(tp_actor *self) {
    const char *argv[] = {"sh", "-c", "read line; exit 3", NULL};
    tp_pid port;
    tp_down down;
    tp_process_end end;
    if (tp_port_open(self, &port, &(tp_port_options){.argv = argv}) != TP_OK) return;
    (void)tp_monitor(self, port);
    tp_port_end_input(self, port);
    if (tp_receive(self, PLENTY, &down, tp_down) == TP_OK &&
        tp_process_of((tp_reason){down.code, down.detail}, &end))
        printf("the port's reason: %s, status %d\n", tp_exit_code_name(down.code), end.status);
}

TP_MESSAGE(parse, TP_FIELD(str, text))
TP_MESSAGE(parsed, TP_FIELD(i64, value), TP_FIELD(bool, elsewhere))

struct parser {
    int64_t count;
};
static pid_t node; /* set before the zygote starts: the copies have it too */

static void on_parse(tp_actor *self, struct parser *parser, const parse *msg) {
    if (msg->text.size == 0) abort(); /* a defect */
    parser->count++;
    tp_reply(self, parsed, .value = (int64_t)msg->text.size, .elsewhere = getpid() != node);
}
TP_BEHAVIOR(parser_behavior, "parser", struct parser, TP_ON(parse, on_parse));

static void isolate_one(tp_actor *self) {
    tp_ref monitor;
    parsed reply;
    tp_down down;
    tp_pid parser =
        tp_spawn_with(self, &parser_behavior, TP_OPTIONS(.isolate = true, .monitor = &monitor));
    if (tp_call(self, parser, PLENTY, &reply, parsed, parse, .text = TP_STR("four")) == TP_OK)
        printf("parsed %d bytes, in another process: %s\n", (int)reply.value,
               reply.elsewhere ? "yes" : "no");
    tp_err err = tp_call(self, parser, PLENTY, &reply, parsed, parse);
    printf("the defect: %s\n", tp_err_name(err));
    if (tp_receive(self, PLENTY, &down, tp_down) == TP_OK)
        printf("the parser's reason: %s\n", tp_exit_code_name(down.code));
}

static void main_actor(tp_actor *self, void *arg) {
    (void)arg;
    sort_some(self);
    watch_one(self);
    isolate_one(self);
}

int main(void) {
    tp_zygote *zygote;
    node = getpid();
    if (tp_zygote_start(&zygote) != TP_OK) return 1;
    int status = tp_run_with(&(tp_options){.zygote = zygote}, main_actor, NULL);
    tp_zygote_stop(zygote);
    return status;
}
