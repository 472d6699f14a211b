/*
 * Chains of actors in which each awaits the next one. With deferred replies an actor that awaits is
 * a little memory; with blocking calls it is a stack of its own, and none of them grows.
 */
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include <troupe/troupe.h>

#include "examples/multiplexer/multiplexer.h"

#define LONG TP_SECONDS(60)

TP_MESSAGE(link_args, TP_FIELD(pid, next))
TP_MESSAGE(frames, TP_FIELD(u64, last), TP_FIELD(u64, low), TP_FIELD(u64, high), TP_FIELD(u64, own))
TP_MESSAGE(ask, TP_NESTED(frames, frames))
TP_MESSAGE(answer, TP_FIELD(u64, depth), TP_FIELD(i64, resident), TP_NESTED(frames, frames))

/* Where the stack is at this link: the span of all, and how many had a stack of their own. */
static frames add_frame(frames so_far) {
    uint64_t here = (uint64_t)(uintptr_t)__builtin_frame_address(0);
    uint64_t apart = here > so_far.last ? here - so_far.last : so_far.last - here;
    if (so_far.last == 0 || here < so_far.low) so_far.low = here;
    if (here > so_far.high) so_far.high = here;
    if (apart >= 4096) so_far.own++;
    so_far.last = here;
    return so_far;
}

/* Memory that the process really uses, in bytes. */
static int64_t resident_now(void) {
    long total = 0, resident = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (file == NULL) return 0;
    if (fscanf(file, "%ld %ld", &total, &resident) != 2) resident = 0;
    fclose(file);
    return resident * sysconf(_SC_PAGESIZE);
}

/* ---- deferred: remembers who asked, and goes on with something else ---- */

struct link {
    tp_pid next;
    tp_pid asker;
    tp_from outside; /* the first one owes its answer to a call */
};

static void link_init(tp_actor *self, struct link *link, const link_args *args) {
    (void)self;
    link->next = args->next;
}

static void on_ask(tp_actor *self, struct link *link, const ask *msg) {
    frames here = add_frame(msg->frames);
    link->outside = tp_defer(self);
    link->asker = tp_sender(self);
    if (!tp_pid_is_null(link->next)) tp_send(self, link->next, ask, .frames = here);
    else tp_send(self, link->asker, answer, .depth = 1, .resident = resident_now(), .frames = here);
}

static void on_answer(tp_actor *self, struct link *link, const answer *msg) {
    answer mine = *msg;
    mine.depth++;
    if (tp_pid_is_null(link->outside.caller))
        tp_send_value(self, link->asker, &answer_message, &mine);
    else tp_reply_to_value(self, link->outside, &answer_message, &mine);
}

TP_BEHAVIOR(link_behavior, "link", struct link, TP_INIT_WITH(link_args, link_init),
            TP_ON(ask, on_ask), TP_ON(answer, on_answer));

/* ---- blocking: a straight line of code ---- */

static void on_ask_blocking(tp_actor *self, struct link *link, const ask *msg) {
    answer got = {.frames = add_frame(msg->frames)};
    if (tp_pid_is_null(link->next)) got.resident = resident_now();
    else if (tp_call(self, link->next, LONG, &got, answer, ask, .frames = got.frames) != TP_OK)
        tp_fail(self, "the chain is broken");
    got.depth++;
    tp_reply_value(self, &answer_message, &got);
}

TP_BEHAVIOR(blocking_behavior, "blocking", struct link, TP_INIT_WITH(link_args, link_init),
            TP_ON(ask, on_ask_blocking));

/* ---- a chain ---- */

struct chain {
    const tp_behavior *behavior;
    int64_t length;
    tp_err err;
    answer got;
    int64_t memory; /* of the whole chain when its end was asked, stacks included */
    tp_duration asked;
};

static void chain_body(tp_actor *self, void *arg) {
    struct chain *chain = arg;
    tp_pid head = tp_pid_null();
    int64_t before = resident_now();
    for (int64_t i = 0; i < chain->length; i++) {
        head = tp_spawn(self, chain->behavior, link_args, .next = head);
        if (tp_pid_is_null(head)) chain->err = tp_error(self);
    }
    tp_time start = tp_now(self);
    if (chain->err == TP_OK) chain->err = tp_call(self, head, LONG, &chain->got, answer, ask);
    chain->asked = tp_now(self) - start;
    chain->memory = chain->got.resident - before;
}

static void show(struct story *story, const tp_behavior *behavior, const char *how,
                 int64_t length) {
    struct chain chain = {.behavior = behavior, .length = length};
    tp_options options = {.workers = 1, .stuck_after = TP_FOREVER, .stack_size = 64 * 1024};
    bool ok = story_run(&options, chain_body, &chain) && chain.err == TP_OK;
    double each = (double)chain.memory / (double)length;
    double link = (double)chain.asked / (double)length;
    frames seen = chain.got.frames;
    printf("  %-8s %8" PRId64 " actors: %s; %.0f bytes an actor, %.0f ns a link; ", how, length,
           tp_err_name(chain.err), each, link);
    printf(seen.own <= 1 ? "one stack, never deeper\n" : "each waits on a stack of its own\n");
    story_check(story, ok && chain.got.depth == (uint64_t)length, "%s: the whole chain answers",
                how);
    story_figure(story, (double)length, "actors", "%s: length", how);
    story_figure(story, each, "B", "%s: memory an actor, stack included", how);
    story_figure(story, link, "ns", "%s: time a link", how);
    if (behavior == &link_behavior)
        story_check(story, seen.high - seen.low < 4096, "deferred: the stack stays flat");
    else story_check(story, seen.own >= (uint64_t)length - 1, "blocking: one stack an actor");
    if (behavior != &link_behavior)
        story_target(story, each < 16 * 1024, "blocking: no stack is deep");
}

void show_chains(struct story *story, int64_t deferred, int64_t blocking) {
    printf("\nChains of actors that await each other\n");
    show(story, &link_behavior, "deferred", deferred);
    show(story, &blocking_behavior, "blocking", blocking);
}
