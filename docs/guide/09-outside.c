/*
 * A program with its own threads and its own loop, and a runtime beside it.
 */
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>

#include <troupe/troupe.h>

#define PLENTY TP_SECONDS(20)
#define POSTS 500

TP_MESSAGE(add, TP_FIELD(i64, n))
TP_MESSAGE(sum_so_far)
TP_MESSAGE(sum, TP_FIELD(i64, n))
TP_MESSAGE(tell_me_at, TP_FIELD(i64, n), TP_FIELD(pid, whom))

struct adder {
    int64_t sum;
    int64_t mark;
    tp_pid whom;
};

static void tell(tp_actor *self, struct adder *adder) {
    if (tp_pid_is_null(adder->whom) || adder->sum < adder->mark) return;
    tp_send(self, adder->whom, sum, .n = adder->sum);
    adder->whom = tp_pid_null();
}

static void on_add(tp_actor *self, struct adder *adder, const add *msg) {
    adder->sum += msg->n;
    tell(self, adder);
}

static void on_tell(tp_actor *self, struct adder *adder, const tell_me_at *msg) {
    adder->mark = msg->n;
    adder->whom = msg->whom;
    tell(self, adder);
}

static void on_sum(tp_actor *self, struct adder *adder, const sum_so_far *msg) {
    (void)msg;
    tp_reply(self, sum, .n = adder->sum);
}

TP_BEHAVIOR(adder_behavior, "adder", struct adder, TP_ON(add, on_add), TP_ON(tell_me_at, on_tell),
            TP_ON(sum_so_far, on_sum));

/* ---- threads that only send ---- */

struct poster {
    tp_runtime *runtime;
    tp_pid to;
};

static void *post_numbers(void *arg) {
    const struct poster *poster = arg;
    for (int i = 0; i < POSTS; i++) /* a thread is never suspended: it is told TP_EFULL */
        while (tp_post(poster->runtime, poster->to, add, .n = 1) == TP_EFULL) sched_yield();
    return NULL;
}

/* ---- the program's own loop: the inbox is one more descriptor to poll ---- */

static void wait_in_own_loop(tp_inbox *inbox) {
    struct pollfd descriptor = {.fd = tp_inbox_descriptor(inbox), .events = POLLIN};
    const tp_message *message;
    sum got;
    while (poll(&descriptor, 1, 20000) > 0) {
        while (tp_inbox_receive(inbox, 0, &message) == TP_OK) {
            if (tp_inbox_get(inbox, message, &got, sum) != TP_OK) continue;
            printf("the actor says: %" PRId64 " reached\n", got.n);
            return;
        }
    }
}

int main(void) {
    tp_runtime *runtime;
    tp_inbox *inbox;
    tp_pid adder;
    pthread_t threads[2];
    sum got;
    if (tp_runtime_start(&runtime, NULL) != TP_OK) return 1;
    if (tp_runtime_spawn(runtime, &adder, &adder_behavior, NULL) != TP_OK) return 1;
    if (tp_inbox_open(runtime, &inbox) != TP_OK) return 1;
    tp_inbox_send(inbox, adder, tell_me_at, .n = 2 * POSTS, .whom = tp_inbox_pid(inbox));

    struct poster poster = {runtime, adder};
    for (int i = 0; i < 2; i++) pthread_create(&threads[i], NULL, post_numbers, &poster);
    for (int i = 0; i < 2; i++) pthread_join(threads[i], NULL);
    wait_in_own_loop(inbox);

    tp_post(runtime, adder, add, .n = 58);
    if (tp_inbox_call(inbox, adder, PLENTY, &got, sum, sum_so_far) == TP_OK)
        printf("a call from a thread: %" PRId64 "\n", got.n);
    tp_post_exit(runtime, adder, TP_EXIT_SHUTDOWN);
    if (tp_runtime_wait(runtime, adder, PLENTY, NULL) == TP_OK) printf("it has ended\n");
    tp_err err = tp_inbox_call(inbox, adder, PLENTY, &got, sum, sum_so_far);
    printf("a call to nobody: %s\n", tp_err_name(err));
    tp_inbox_close(inbox);
    tp_runtime_stop(runtime);
    return 0;
}
