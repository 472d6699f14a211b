/*
 * Seeing what happens: log lines with a hook, counters, the stream of events.
 */
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include <troupe/troupe.h>

#define PLENTY TP_SECONDS(20)

TP_MESSAGE(job, TP_FIELD(u32, number))
TP_MESSAGE(misfit)
TP_MESSAGE(report)
TP_MESSAGE(reported, TP_FIELD(u32, jobs))

struct clerk {
    uint32_t jobs;
};

static void on_job(tp_actor *self, struct clerk *clerk, const job *msg) {
    clerk->jobs++;
    if (msg->number == 13) tp_log(self, TP_LOG_INFO, "job %" PRIu32 " again", msg->number);
}

static void on_report(tp_actor *self, struct clerk *clerk, const report *msg) {
    (void)msg;
    tp_reply(self, reported, .jobs = clerk->jobs);
}

TP_BEHAVIOR(clerk_behavior, "clerk", struct clerk, TP_ON(job, on_job), TP_ON(report, on_report));

/* Called on the worker that logs: several threads may be in it at once. */
static void log_to_stdout(void *context, const tp_log_entry *entry) {
    static const char *const levels[] = {"debug", "info", "warning", "error"};
    (void)context;
    const char *who = entry->name[0] != 0 ? entry->name : "the runtime";
    printf("log: %s, %s: %s\n", levels[entry->level], who, entry->text);
}

/* Likewise; so it counts with atomics, and asks for as little as it needs. */
struct seen {
    atomic_uint jobs;
    atomic_uint exits;
};

static void count_events(void *context, const tp_trace_event *event) {
    struct seen *seen = context;
    if (event->kind == TP_TRACE_RECEIVE && strcmp(event->name, "job") == 0)
        atomic_fetch_add(&seen->jobs, 1);
    if (event->kind == TP_TRACE_EXIT) atomic_fetch_add(&seen->exits, 1);
}

static void main_actor(tp_actor *self, void *arg) {
    struct seen *seen = arg;
    tp_runtime *runtime = tp_self_runtime(self);
    tp_counters before, after;
    reported got;
    tp_ref ref;
    tp_down down;
    tp_spawn_options watched = {.monitor = &ref};

    tp_runtime_trace(runtime, count_events, seen);
    tp_runtime_counters(runtime, &before);
    tp_pid clerk = tp_spawn_with(self, &clerk_behavior, &watched);
    for (uint32_t i = 10; i < 20; i++) tp_send(self, clerk, job, .number = i);
    tp_send(self, clerk, misfit);
    tp_call(self, clerk, PLENTY, &got, reported, report);
    tp_send_exit(self, clerk, TP_EXIT_USER + 1);
    tp_receive(self, PLENTY, &down, tp_down);
    tp_send(self, clerk, job, .number = 99); /* nobody there: no error, but it is counted */
    tp_runtime_trace(runtime, NULL, NULL);
    tp_runtime_counters(runtime, &after);

    printf("events: %u jobs received, %u actors ended\n", atomic_load(&seen->jobs),
           atomic_load(&seen->exits));
    printf("counters: %" PRIu64 " spawned, %" PRIu64 " failed, %" PRIu64 " unknown, %" PRIu64
           " dead letters\n",
           after.spawned - before.spawned, after.failed - before.failed,
           after.unknown - before.unknown, after.dead_letters - before.dead_letters);
    tp_log(self, TP_LOG_INFO, "that was all");
}

int main(void) {
    struct seen seen = {0};
    tp_options options = {.log_level = TP_LOG_INFO, .log_hook = log_to_stdout};
    return tp_run_with(&options, main_actor, &seen);
}
