/*
 * A turnstile as a state machine, and an event manager that two handlers listen to.
 */
#include <inttypes.h>
#include <stdio.h>

#include <troupe/troupe.h>

#define PLENTY TP_SECONDS(20)

TP_MESSAGE(coin, TP_FIELD(i64, cents))
TP_MESSAGE(push)
TP_MESSAGE(service, TP_FIELD(bool, begin))
TP_MESSAGE(passed, TP_FIELD(i64, visitor))
TP_MESSAGE(relock)

/* ---- a state machine ---- */

struct gate {
    tp_machine *machine; /* set by the machine */
    tp_pid manager;
    int64_t visitors;
};

TP_MESSAGE(gate_args, TP_FIELD(pid, manager))

TP_STATES(working, locked, opened, closed); /* so that handlers may name them */

static void gate_init(tp_actor *self, struct gate *gate, const gate_args *args) {
    (void)self;
    gate->manager = args->manager;
}

static void on_coin(tp_actor *self, struct gate *gate, const coin *msg) {
    (void)self;
    printf("%" PRId64 " cents\n", msg->cents);
    tp_next_state(gate->machine, &opened);
    tp_state_timeout(gate->machine, TP_SECONDS(5), relock);
}

/* Somebody pushes too early: the push comes again when the gate has opened. */
static void on_early_push(tp_actor *self, struct gate *gate, const push *msg) {
    (void)self, (void)msg;
    printf("not yet\n");
    tp_postpone_event(gate->machine);
}

static void on_push(tp_actor *self, struct gate *gate, const push *msg) {
    (void)msg;
    tp_notify(self, gate->manager, passed, .visitor = ++gate->visitors);
    tp_reply(self, passed, .visitor = gate->visitors);
    tp_next_state(gate->machine, &locked);
}

static void on_relock(tp_actor *self, struct gate *gate, const relock *msg) {
    (void)self, (void)msg;
    printf("nobody came\n");
    tp_next_state(gate->machine, &locked);
}

static void on_service(tp_actor *self, struct gate *gate, const service *msg) {
    (void)self;
    tp_next_state(gate->machine, msg->begin ? &closed : &locked);
}

static void on_enter(tp_actor *self, struct gate *gate, const tp_state *from) {
    (void)self;
    printf("[%s, was %s]\n", tp_machine_state(gate->machine)->name, from->name);
}

TP_STATE(working, struct gate, TP_ON(service, on_service)); /* what locked and opened share */
TP_STATE(locked, struct gate, TP_PARENT(working), TP_ON(coin, on_coin), TP_ON(push, on_early_push));
TP_STATE(opened, struct gate, TP_PARENT(working), TP_ENTER(on_enter), TP_ON(push, on_push),
         TP_ON(relock, on_relock));
TP_STATE(closed, struct gate, TP_ENTER(on_enter), TP_ON(service, on_service));
TP_MACHINE(gate_machine, "gate", struct gate, locked, TP_INIT_WITH(gate_args, gate_init));

/* ---- handlers of an event manager ---- */

struct counter {
    int64_t count;
};

TP_MESSAGE(how_many)
TP_MESSAGE(so_many, TP_FIELD(i64, count))

static int32_t counter_passed(tp_actor *self, struct counter *counter, const passed *msg) {
    (void)self, (void)msg;
    counter->count++;
    return TP_HANDLER_STAYS;
}
static int32_t counter_asked(tp_actor *self, struct counter *counter, const how_many *msg) {
    (void)msg;
    tp_reply(self, so_many, .count = counter->count);
    return TP_HANDLER_STAYS;
}
TP_EVENT_HANDLER(counter_handler, "counter", struct counter, TP_ON(passed, counter_passed),
                 TP_ON_CALL(how_many, counter_asked));

struct greeter {
    int64_t left;
};

static int32_t greeter_init(tp_actor *self, struct greeter *greeter) {
    (void)self;
    greeter->left = 1;
    return TP_HANDLER_STAYS;
}
static int32_t greeter_passed(tp_actor *self, struct greeter *greeter, const passed *msg) {
    (void)self;
    printf("welcome, visitor %" PRId64 "\n", msg->visitor);
    return --greeter->left > 0 ? TP_HANDLER_STAYS : TP_HANDLER_REMOVE;
}
TP_EVENT_HANDLER(greeter_handler, "greeter", struct greeter, TP_INIT(greeter_init),
                 TP_ON(passed, greeter_passed));

/* ---- a main actor that uses both ---- */

static int64_t visit(tp_actor *self, tp_pid gate) {
    passed reply = {0};
    tp_future ticket = tp_request(self, gate, push); /* pushes first, pays then */
    tp_send(self, gate, coin, .cents = 50);
    if (tp_await(self, ticket, PLENTY, &reply, passed) != TP_OK) tp_fail(self, "stuck");
    return reply.visitor;
}

static void main_actor(tp_actor *self, void *arg) {
    so_many got = {0};
    tp_handler_exited exited;
    (void)arg;
    tp_pid manager = tp_spawn_link(self, &tp_event_manager);
    tp_add_handler(self, manager, &counter_handler, NULL);
    tp_add_sup_handler(self, manager, &greeter_handler, NULL);
    tp_pid gate = tp_spawn_link(self, &gate_machine, gate_args, .manager = manager);

    visit(self, gate);
    if (tp_receive(self, PLENTY, &exited, tp_handler_exited) == TP_OK)
        printf("the %.*s has left: %s\n", (int)exited.id.size, exited.id.data,
               tp_exit_code_name(exited.code));
    visit(self, gate);

    tp_call_handler(self, manager, "counter", PLENTY, &got, so_many, how_many);
    printf("%" PRId64 " visitors\n", got.count);
    tp_send(self, gate, service, .begin = true);
    tp_machine_shown shown;
    if (tp_sys_get_state(self, gate, PLENTY, &shown, tp_machine_shown) == TP_OK)
        printf("looked into, the gate is %.*s\n", (int)shown.state.size, shown.state.data);
    tp_send(self, gate, service, .begin = false);
    tp_call(self, gate, TP_MS(20), &got, so_many, push); /* nobody pays: it is not answered */
}

int main(void) {
    return tp_run(main_actor, NULL);
}
