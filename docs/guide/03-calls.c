/*
 * Requests and their answers: at once, later, from somebody else, many at a time, never.
 */
#include <inttypes.h>
#include <stdio.h>

#include <troupe/troupe.h>

#define PLENTY TP_SECONDS(20)

TP_MESSAGE(square, TP_FIELD(i64, n))
TP_MESSAGE(open_gate)
TP_MESSAGE(pass_gate)
TP_MESSAGE(mumble)
TP_MESSAGE(call_back, TP_FIELD(pid, whom))
TP_MESSAGE(number, TP_FIELD(i64, n))

/* ---- a worker that answers at once ---- */

struct worker {
    int64_t asked;
};

static void on_square(tp_actor *self, struct worker *worker, const square *msg) {
    worker->asked++;
    if (msg->n > 1000) tp_reply_error(self, TP_ETOOBIG);
    else tp_reply(self, number, .n = msg->n * msg->n);
}

static void on_mumble(tp_actor *self, struct worker *worker, const mumble *msg) {
    (void)self, (void)worker, (void)msg; /* returns without an answer */
}

static void on_call_back(tp_actor *self, struct worker *worker, const call_back *msg) {
    number got = {0};
    (void)worker;
    tp_err err = tp_call(self, msg->whom, PLENTY, &got, number, call_back, .whom = tp_self(self));
    if (err != TP_OK) tp_reply_error(self, err);
    else tp_reply(self, number, .n = got.n);
}

TP_BEHAVIOR(worker_behavior, "worker", struct worker, TP_ON(square, on_square),
            TP_ON(mumble, on_mumble), TP_ON(call_back, on_call_back));

/* ---- a desk that lets workers answer ---- */

TP_MESSAGE(desk_args, TP_FIELD(pid, even), TP_FIELD(pid, odd))

struct desk {
    tp_pid workers[2];
};

static void desk_init(tp_actor *self, struct desk *desk, const desk_args *args) {
    (void)self;
    desk->workers[0] = args->even;
    desk->workers[1] = args->odd;
}

static void desk_square(tp_actor *self, struct desk *desk, const square *msg) {
    tp_delegate(self, desk->workers[msg->n & 1]); /* the worker answers the caller itself */
}

TP_BEHAVIOR(desk_behavior, "desk", struct desk, TP_INIT_WITH(desk_args, desk_init),
            TP_ON(square, desk_square));

/* ---- a gate that answers when it is opened ---- */

struct gate {
    tp_from waiting[8];
    int count;
};

static void on_pass_gate(tp_actor *self, struct gate *gate, const pass_gate *msg) {
    (void)msg;
    if (gate->count == 8) tp_reply_error(self, TP_EFULL);
    else gate->waiting[gate->count++] = tp_defer(self);
}

static void on_open_gate(tp_actor *self, struct gate *gate, const open_gate *msg) {
    (void)msg;
    for (int i = 0; i < gate->count; i++) tp_reply_to(self, gate->waiting[i], number, .n = i + 1);
    gate->count = 0;
}

TP_BEHAVIOR(gate_behavior, "gate", struct gate, TP_ON(pass_gate, on_pass_gate),
            TP_ON(open_gate, on_open_gate));

/* ---- the callers ---- */

static void ask_one(tp_actor *self, tp_pid worker) {
    number got;
    if (tp_call(self, worker, PLENTY, &got, number, square, .n = 12) == TP_OK)
        printf("12 squared is %" PRId64 "\n", got.n);
    tp_err err = tp_call(self, worker, PLENTY, &got, number, square, .n = 5000);
    printf("5000 squared: %s\n", tp_err_name(err));
}

static void ask_many(tp_actor *self, tp_pid desk) {
    tp_future futures[6];
    int64_t sum = 0;
    for (int i = 0; i < 6; i++) futures[i] = tp_request(self, desk, square, .n = i + 1);
    if (tp_await_all(self, futures, 6, PLENTY) != TP_OK) return;
    for (int i = 0; i < 6; i++) {
        number got;
        if (tp_await(self, futures[i], 0, &got, number) == TP_OK) sum += got.n;
    }
    printf("1 + 4 + 9 + 16 + 25 + 36 = %" PRId64 "\n", sum);
}

static void wait_at_the_gate(tp_actor *self, tp_pid gate, tp_pid worker) {
    tp_future futures[2] = {tp_request(self, gate, pass_gate),
                            tp_request(self, worker, square, .n = 3)};
    size_t index;
    number got;
    tp_await_any(self, futures, 2, PLENTY, &index);
    printf("first decided: the %s\n", index == 0 ? "gate" : "worker");
    tp_await(self, futures[1], 0, &got, number);
    printf("the gate, for 5 ms: %s\n",
           tp_err_name(tp_await(self, futures[0], TP_MS(5), &got, number)));
    tp_send(self, gate, open_gate);
    if (tp_await(self, futures[0], PLENTY, &got, number) == TP_OK)
        printf("through the gate as number %" PRId64 "\n", got.n);
}

static void ask_in_vain(tp_actor *self, tp_pid worker, tp_pid other) {
    number got;
    tp_err err = tp_call(self, worker, PLENTY, &got, number, mumble);
    printf("no answer: %s\n", tp_err_name(err));
    err = tp_call(self, worker, PLENTY, &got, number, call_back, .whom = other);
    printf("a circle of calls: %s\n", tp_err_name(err));
    tp_kill(self, worker);
    err = tp_call(self, worker, PLENTY, &got, number, square, .n = 2);
    printf("after its end: %s\n", tp_err_name(err));
}

static void main_actor(tp_actor *self, void *arg) {
    (void)arg;
    tp_pid even = tp_spawn(self, &worker_behavior), odd = tp_spawn(self, &worker_behavior);
    tp_pid desk = tp_spawn(self, &desk_behavior, desk_args, .even = even, .odd = odd);
    tp_pid gate = tp_spawn(self, &gate_behavior);
    ask_one(self, even);
    ask_many(self, desk);
    wait_at_the_gate(self, gate, even);
    ask_in_vain(self, even, odd);
}

int main(void) {
    return tp_run(main_actor, NULL);
}
