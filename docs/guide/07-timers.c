/*
 * Time: sleeping, messages that come later, a beat, an idle timeout.
 */
#include <inttypes.h>
#include <stdio.h>

#include <troupe/troupe.h>

#define PLENTY TP_SECONDS(20)

TP_MESSAGE(tick)
TP_MESSAGE(bell, TP_FIELD(str, why))
TP_MESSAGE(poke)
TP_MESSAGE(finished, TP_FIELD(str, what))

/* ---- a beat: each tick arms the next, from the time it should have come ---- */

struct clock {
    tp_pid owner;
    tp_time next;
    int ticks;
};

#define BEAT TP_MS(3)

TP_MESSAGE(clock_args, TP_FIELD(pid, owner))

static void arm(tp_actor *self, struct clock *clock) {
    clock->next += BEAT;
    tp_send_after(self, clock->next - tp_now(self), tp_self(self), tick);
}

static void clock_init(tp_actor *self, struct clock *clock, const clock_args *args) {
    clock->owner = args->owner;
    clock->next = tp_now(self);
    arm(self, clock);
}

static void on_tick(tp_actor *self, struct clock *clock, const tick *msg) {
    (void)msg;
    printf("tick %d\n", ++clock->ticks);
    if (clock->ticks < 4) {
        arm(self, clock);
        return;
    }
    tp_send(self, clock->owner, finished, .what = TP_STR("the clock"));
    tp_exit(self, TP_EXIT_NORMAL);
}

TP_BEHAVIOR(clock_behavior, "clock", struct clock, TP_INIT_WITH(clock_args, clock_init),
            TP_ON(tick, on_tick));

/* ---- a session that ends when nothing has come for a while ---- */

struct session {
    tp_pid owner;
    int pokes;
};

static void session_init(tp_actor *self, struct session *session, const clock_args *args) {
    session->owner = args->owner;
    tp_set_timeout(self, TP_SECONDS(5));
}

static void on_poke(tp_actor *self, struct session *session, const poke *msg) {
    (void)msg;
    session->pokes++;
    tp_set_timeout(self, TP_MS(10)); /* any message cancels it: set it in each handler */
}

static void on_idle(tp_actor *self, struct session *session) {
    printf("idle after %d pokes\n", session->pokes);
    tp_send(self, session->owner, finished, .what = TP_STR("the session"));
    tp_exit(self, TP_EXIT_NORMAL);
}

TP_BEHAVIOR(session_behavior, "session", struct session, TP_INIT_WITH(clock_args, session_init),
            TP_ON(poke, on_poke), TP_TIMEOUT(on_idle));

/* ---- a main actor that waits for them ---- */

static void wait_for(tp_actor *self) {
    finished msg;
    if (tp_receive(self, PLENTY, &msg, finished) == TP_OK)
        printf("%.*s is done\n", (int)msg.what.size, msg.what.data);
}

static void main_actor(tp_actor *self, void *arg) {
    (void)arg;
    bell rung;
    tp_time begin = tp_now(self);
    tp_sleep(self, TP_MS(5));
    printf("slept %s\n", tp_now(self) - begin >= TP_MS(5) ? "long enough" : "too short");

    /* two bells are set, one is cancelled: only the other rings */
    tp_ref soon = tp_send_after(self, TP_SECONDS(3), tp_self(self), bell, .why = TP_STR("eggs"));
    tp_send_after(self, TP_MS(5), tp_self(self), bell, .why = TP_STR("tea"));
    printf("cancelled: %s\n", tp_cancel_timer(self, soon) ? "yes" : "no");
    if (tp_receive(self, PLENTY, &rung, bell) == TP_OK)
        printf("the bell: %.*s\n", (int)rung.why.size, rung.why.data);
    printf("another bell within 1 ms: %s\n", tp_err_name(tp_receive(self, TP_MS(1), &rung, bell)));

    tp_spawn(self, &clock_behavior, clock_args, .owner = tp_self(self));
    wait_for(self);
    tp_pid session = tp_spawn(self, &session_behavior, clock_args, .owner = tp_self(self));
    for (int i = 0; i < 3; i++) tp_send(self, session, poke);
    wait_for(self);
}

int main(void) {
    return tp_run(main_actor, NULL);
}
