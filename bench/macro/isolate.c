/*
 * Actors in processes of their own: how soon a new one answers, and how soon the actor that is
 * linked to one, as its supervisor is, hears that its process was killed.
 */
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "bench/bench.h"

#define SPAWNS 500u
#define KILLS 500u
#define WARM_UP 20u

TP_MESSAGE(isolate_ask)
TP_MESSAGE(isolate_answer, TP_FIELD(i64, process))

struct guest {
    uint64_t asked;
};

static void on_ask(tp_actor *self, struct guest *guest, const isolate_ask *msg) {
    (void)msg;
    guest->asked++;
    tp_reply(self, isolate_answer, .process = getpid());
}
TP_BEHAVIOR(guest_behavior, "guest", struct guest, TP_ON(isolate_ask, on_ask));

static tp_pid spawn(tp_actor *self, int64_t *process) {
    isolate_answer answer;
    tp_pid pid = tp_spawn_with(self, &guest_behavior, TP_OPTIONS(.isolate = true, .link = true));
    if (tp_pid_is_null(pid) ||
        tp_call(self, pid, TP_SECONDS(30), &answer, isolate_answer, isolate_ask) != TP_OK)
        tp_fail(self, "no isolated actor: %s", tp_strerror(tp_error(self)));
    *process = answer.process;
    return pid;
}

static void await_end(tp_actor *self, tp_pid pid) {
    tp_exited exited;
    if (tp_receive(self, TP_SECONDS(30), &exited, tp_exited) != TP_OK) tp_fail(self, "no end");
    if (!tp_pid_equal(exited.from, pid)) tp_fail(self, "another's end");
}

static int by_span(const void *a, const void *b) {
    tp_duration left = *(const tp_duration *)a, right = *(const tp_duration *)b;
    return (left > right) - (left < right);
}

static double percentile(tp_duration *spans, unsigned count, unsigned percent) {
    qsort(spans, count, sizeof *spans, by_span);
    size_t at = (size_t)count * percent / 100;
    return (double)spans[at] / 1000;
}

struct spans {
    tp_duration *spawn, *kill;
};

/* One after the other, each in an otherwise quiet runtime: spawned, asked, killed by the system. */
static struct spans measure(tp_actor *self, unsigned count) {
    struct spans out = {tp_alloc(self, count * sizeof *out.spawn),
                        tp_alloc(self, count * sizeof *out.kill)};
    if (out.spawn == NULL || out.kill == NULL) tp_fail(self, "no memory");
    (void)tp_trap_exits(self, true);
    for (unsigned i = 0; i < WARM_UP + count; i++) {
        unsigned at = i < WARM_UP ? 0 : i - WARM_UP;
        int64_t process;
        tp_time before = tp_now(self);
        tp_pid pid = spawn(self, &process);
        out.spawn[at] = tp_now(self) - before;
        before = tp_now(self);
        if (kill((pid_t)process, SIGKILL) != 0) tp_fail(self, "it is gone");
        await_end(self, pid);
        out.kill[at] = tp_now(self) - before;
    }
    return out;
}

static double spawn_median(tp_actor *self) {
    unsigned count = (unsigned)bench_scaled(SPAWNS, 10);
    return percentile(measure(self, count).spawn, count, 50);
}

static double kill_p99(tp_actor *self) {
    unsigned count = (unsigned)bench_scaled(KILLS, 10);
    return percentile(measure(self, count).kill, count, 99);
}

const struct bench_case bench_isolate[] = {
    {"isolate_spawn", "us", "from a spawn with isolate to the first reply, median", spawn_median},
    {"isolate_kill", "us", "from SIGKILL of its process to the exit signal, p99", kill_p99},
    {NULL, NULL, NULL, NULL},
};
