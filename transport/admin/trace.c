/*
 * A tracer: stands between a traced actor and who wants to see it, with bounds on what passes. It
 * ends with either of them, and with it the trace: an actor whose tracer is gone stops telling.
 */
#include <troupe/call.h>
#include <troupe/signal.h>
#include <troupe/sys.h>
#include <troupe/timer.h>

#include "transport/admin/inspect.h"

#define SYS_TIME TP_SECONDS(2)

TP_MESSAGE_AS(trace_over, "tp.inspect.trace_over")

struct tracer {
    tp_pid target, client;
    tp_ref client_watch;
    uint32_t limit, rate;
    uint64_t told, skipped, skipped_since;
    tp_time second; /* when the current one began */
    uint32_t in_second;
};

static void finish(tp_actor *self, struct tracer *tracer, const char *why, bool target_lives) {
    if (target_lives) (void)tp_sys_trace_off(self, tracer->target, SYS_TIME);
    (void)tp_send(self, tracer->client, tp_inspect_traced, .why = tp_str_of(why),
                  .told = tracer->told, .skipped = tracer->skipped);
    tp_exit(self, TP_EXIT_NORMAL);
}

static void on_begin(tp_actor *self, struct tracer *tracer, const tpi_trace_begin *msg) {
    *tracer = (struct tracer){
        .target = msg->target, .client = msg->client, .limit = msg->limit, .rate = msg->rate};
    (void)tp_trap_exits(self, true);
    tracer->client_watch = tp_monitor(self, tracer->client);
    tp_ref watch = tp_monitor(self, tracer->target);
    tp_ref timer =
        tp_send_after(self, TP_SECONDS((int64_t)msg->seconds), tp_self(self), trace_over);
    if (tracer->client_watch == 0 || watch == 0 || timer == 0)
        finish(self, tracer, tp_strerror(TP_ENOMEM), false);
    tp_err err = tp_sys_trace(self, tracer->target, SYS_TIME);
    if (err != TP_OK) finish(self, tracer, tp_strerror(err), err == TP_ETIMEDOUT);
    tracer->second = tp_now(self);
}

static const char *kind_name(tp_sys_kind kind) {
    static const char *const names[] = {"receives",  "sends",   "timeout",
                                        "suspended", "resumed", "state replaced"};
    return (unsigned)kind < sizeof names / sizeof names[0] ? names[kind] : "?";
}

/* Is one more allowed in this second? */
static bool admits(struct tracer *tracer, tp_time now) {
    if (now - tracer->second >= TP_SECONDS(1)) {
        tracer->second = now;
        tracer->in_second = 0;
    }
    return tracer->in_second++ < tracer->rate;
}

static void on_event(tp_actor *self, struct tracer *tracer, const tp_sys_event *event) {
    tp_time now = tp_now(self);
    if (!tp_pid_equal(event->actor, tracer->target)) return;
    tracer->skipped += event->lost;
    tracer->skipped_since += event->lost;
    if (!admits(tracer, now)) {
        tracer->skipped++;
        tracer->skipped_since++;
        return;
    }
    (void)tp_send(self, tracer->client, tp_inspect_event, .time = now, .actor = event->actor,
                  .kind = tp_str_of(kind_name(event->kind)), .other = event->other,
                  .type = event->type, .text = event->text, .skipped = tracer->skipped_since);
    tracer->skipped_since = 0;
    if (++tracer->told >= tracer->limit) finish(self, tracer, "limit", true);
}

static void on_down(tp_actor *self, struct tracer *tracer, const tp_down *msg) {
    finish(self, tracer, "target ended", msg->ref == tracer->client_watch);
}

static void on_over(tp_actor *self, struct tracer *tracer, const trace_over *msg) {
    (void)msg;
    finish(self, tracer, "time", true);
}

static void on_exited(tp_actor *self, struct tracer *tracer, const tp_exited *msg) {
    (void)msg; /* the node stops, or somebody wants it to */
    finish(self, tracer, "stopped", true);
}

TP_BEHAVIOR_EXTERN(tpi_tracer_behavior, "tp.tracer", struct tracer,
                   TP_INIT_WITH(tpi_trace_begin, on_begin), TP_ON(tp_sys_event, on_event),
                   TP_ON(tp_down, on_down), TP_ON(trace_over, on_over),
                   TP_ON(tp_exited, on_exited));
