/*
 * Let it crash: who hears of an actor's end, and how. Then a little supervisor by hand.
 */
#include <inttypes.h>
#include <stdio.h>

#include <troupe/troupe.h>

#define PLENTY TP_SECONDS(20)

TP_MESSAGE(divide, TP_FIELD(i64, a), TP_FIELD(i64, b))
TP_MESSAGE(quotient, TP_FIELD(i64, n))
TP_MESSAGE(where_is_it)
TP_MESSAGE(it_is, TP_FIELD(pid, child))

/* ---- an actor that fails on bad input ---- */

struct divider {
    int64_t done;
};

static void on_divide(tp_actor *self, struct divider *divider, const divide *msg) {
    if (msg->b == 0) tp_fail(self, "%" PRId64 " by zero", msg->a); /* does not return */
    divider->done++;
    tp_reply(self, quotient, .n = msg->a / msg->b);
}

static void on_end(tp_actor *self, struct divider *divider, const tp_reason *reason) {
    (void)self;
    printf("  terminate: %s after %" PRId64 " divisions\n", tp_exit_code_name(reason->code),
           divider->done);
}

TP_BEHAVIOR(divider_behavior, "divider", struct divider, TP_ON(divide, on_divide),
            TP_TERMINATE(on_end));

/* ---- a monitor: one message when the other ends, nothing else happens ---- */

static void watch(tp_actor *self) {
    tp_ref ref;
    tp_down down;
    quotient got;
    tp_spawn_options watched = {.monitor = &ref};
    tp_pid divider = tp_spawn_with(self, &divider_behavior, &watched);
    tp_call(self, divider, PLENTY, &got, quotient, divide, .a = 42, .b = 6);
    tp_err err = tp_call(self, divider, PLENTY, &got, quotient, divide, .a = 1, .b = 0);
    printf("the call: %s\n", tp_err_name(err));
    if (tp_receive(self, PLENTY, &down, tp_down) == TP_OK && down.ref == ref)
        printf("down: %s, %.*s\n", tp_exit_code_name(down.code), (int)down.detail.size,
               (const char *)down.detail.data);
    ref = tp_monitor(self, divider);
    if (tp_receive(self, PLENTY, &down, tp_down) == TP_OK && down.ref == ref)
        printf("a monitor that comes too late: %s\n", tp_exit_code_name(down.code));
}

/* ---- a link: they end together ---- */

static void waits_for_ever(tp_actor *self, void *arg) {
    it_is msg;
    (void)arg;
    tp_receive(self, TP_FOREVER, &msg, it_is);
}

static void links_to(tp_actor *self, void *arg) {
    it_is msg;
    (void)arg;
    if (tp_receive(self, PLENTY, &msg, it_is) != TP_OK) return;
    tp_link(self, msg.child);
    tp_exit(self, TP_EXIT_USER + 7); /* a reason of our own; the linked one ends for it too */
}

static void linked(tp_actor *self) {
    tp_ref ref;
    tp_down down;
    tp_exited exited;
    tp_spawn_options watched = {.monitor = &ref};
    tp_pid one = tp_spawn_body(self, waits_for_ever, NULL, &watched);
    tp_pid other = tp_spawn_body(self, links_to, NULL, NULL);
    tp_trap_exits(self, true);
    tp_link(self, one); /* three now: one, other, and this actor, which traps */
    tp_send(self, other, it_is, .child = one);
    tp_receive(self, PLENTY, &down, tp_down);
    printf("down: %s %d\n", tp_exit_code_name(down.code), (int)down.code - TP_EXIT_USER);
    if (tp_receive(self, PLENTY, &exited, tp_exited) == TP_OK)
        printf("trapped: %s %d\n", tp_exit_code_name(exited.code), (int)exited.code - TP_EXIT_USER);
    tp_trap_exits(self, false);
}

/* ---- a supervisor: traps exits, starts its child again ---- */

struct keeper {
    tp_pid child;
    int restarts;
};

static void keeper_init(tp_actor *self, struct keeper *keeper) {
    tp_trap_exits(self, true);
    keeper->child = tp_spawn_link(self, &divider_behavior);
}

static void on_exited(tp_actor *self, struct keeper *keeper, const tp_exited *msg) {
    if (!tp_pid_equal(msg->from, keeper->child)) return;
    if (++keeper->restarts > 2) tp_exit(self, TP_EXIT_SHUTDOWN); /* a storm: give up */
    printf("  child ended: %s, restart %d\n", tp_exit_code_name(msg->code), keeper->restarts);
    keeper->child = tp_spawn_link(self, &divider_behavior);
}

static void on_where(tp_actor *self, struct keeper *keeper, const where_is_it *msg) {
    (void)msg;
    tp_reply(self, it_is, .child = keeper->child);
}

TP_BEHAVIOR(keeper_behavior, "keeper", struct keeper, TP_INIT(keeper_init),
            TP_ON(tp_exited, on_exited), TP_ON(where_is_it, on_where));

static void supervise(tp_actor *self) {
    tp_ref ref;
    tp_down down;
    it_is at;
    quotient got;
    tp_pid last = tp_pid_null();
    tp_spawn_options watched = {.monitor = &ref};
    tp_pid keeper = tp_spawn_with(self, &keeper_behavior, &watched);
    while (tp_call(self, keeper, PLENTY, &at, it_is, where_is_it) == TP_OK) {
        if (tp_pid_equal(at.child, last)) continue; /* the keeper has not heard of its end yet */
        last = at.child;
        tp_call(self, at.child, PLENTY, &got, quotient, divide, .a = 1, .b = 0);
    }
    if (tp_receive(self, PLENTY, &down, tp_down) == TP_OK && down.ref == ref)
        printf("the keeper ended: %s\n", tp_exit_code_name(down.code));
}

static void main_actor(tp_actor *self, void *arg) {
    (void)arg;
    watch(self);
    linked(self);
    supervise(self);
}

int main(void) {
    /* a failure is a line on standard error as well; this program tells it itself */
    tp_options quiet = {.log_level = TP_LOG_OFF};
    return tp_run_with(&quiet, main_actor, NULL);
}
