/*
 * Testing with the simulator: one thread, a seed, virtual time. First a step-by-step test of one
 * actor; then a race that a thousand runs on real threads may never show.
 */
#include <inttypes.h>
#include <stdio.h>

#include <troupe/sim.h>
#include <troupe/troupe.h>

#define PLENTY TP_SECONDS(20)

/* ---- what is tested: a box that anyone may read and write ---- */

TP_MESSAGE(get)
TP_MESSAGE(put, TP_FIELD(i64, n))
TP_MESSAGE(add, TP_FIELD(i64, n))
TP_MESSAGE(content, TP_FIELD(i64, n))

struct box {
    int64_t n;
};

static void on_get(tp_actor *self, struct box *box, const get *msg) {
    (void)msg;
    tp_reply(self, content, .n = box->n);
}

static void on_put(tp_actor *self, struct box *box, const put *msg) {
    (void)self;
    box->n = msg->n;
}

static void on_add(tp_actor *self, struct box *box, const add *msg) {
    (void)self;
    box->n += msg->n;
}

TP_BEHAVIOR(box_behavior, "box", struct box, TP_ON(get, on_get), TP_ON(put, on_put),
            TP_ON(add, on_add));

/* Wrong: between the answer and the put another one may have read the same value. */
static void careless(tp_actor *self, void *arg) {
    const tp_pid *box = arg;
    content got;
    if (tp_call(self, *box, PLENTY, &got, content, get) == TP_OK)
        tp_send(self, *box, put, .n = got.n + 1);
}

/* Right: the box itself adds. */
static void careful(tp_actor *self, void *arg) {
    const tp_pid *box = arg;
    tp_send(self, *box, add, .n = 1);
}

/* Asks for the probe, which has no call of its own. */
static void reader(tp_actor *self, void *arg) {
    const tp_pid *pids = arg;
    content got;
    if (tp_call(self, pids[0], PLENTY, &got, content, get) == TP_OK)
        tp_send_value(self, pids[1], &content_message, &got);
}

/* ---- one run: three of them at once; NULL is good ---- */

static const char *scenario(tp_sim *sim, void *arg) {
    tp_body body = *(tp_body *)arg;
    content got;
    tp_pid pids[2] = {tp_sim_spawn(sim, &box_behavior), tp_sim_probe(sim)};
    for (int i = 0; i < 3; i++) tp_sim_spawn_body(sim, body, &pids[0], NULL);
    if (tp_sim_run(sim) != TP_OK) return "it does not end";
    tp_sim_spawn_body(sim, reader, pids, NULL);
    tp_sim_run(sim);
    if (tp_sim_expect(sim, tp_pid_null(), &got, content) != TP_OK) return "no answer";
    return got.n == 3 ? NULL : "an addition was lost";
}

static void explore(const char *name, tp_body body) {
    uint64_t seed = 0;
    tp_sim_options options = {.choice = TP_SIM_UNIFORM};
    tp_err err = tp_sim_seeds(1, 200, &options, scenario, &body, &seed);
    printf("%s: %s\n", name, err == TP_OK ? "200 orders, all good" : "some order is bad");
    if (err == TP_OK) return;
    uint64_t hashes[2];
    for (int i = 0; i < 2; i++) { /* the seed is the whole run: play it again, twice */
        tp_sim *sim;
        options.seed = seed;
        if (tp_sim_new(&sim, &options) != TP_OK) return;
        if (scenario(sim, &body) == NULL) printf("it went well this time?\n");
        hashes[i] = tp_sim_trace_hash(sim);
        tp_sim_free(sim);
    }
    printf("played again: %s\n", hashes[0] == hashes[1] ? "the same run" : "another run");
}

/* ---- virtual time ---- */

static void sleeps_a_day(tp_actor *self, void *arg) {
    const tp_pid *probe = arg;
    tp_sleep(self, TP_SECONDS(24 * 60 * 60));
    tp_send(self, *probe, content, .n = 24);
}

static void a_day(void) {
    tp_sim *sim;
    content got;
    if (tp_sim_new(&sim, NULL) != TP_OK) return;
    tp_pid probe = tp_sim_probe(sim);
    tp_sim_spawn_body(sim, sleeps_a_day, &probe, NULL);
    tp_sim_advance(sim, TP_SECONDS(23 * 60 * 60));
    printf("after 23 hours: %zu messages\n", tp_sim_waiting(sim));
    tp_sim_advance(sim, TP_SECONDS(60 * 60));
    if (tp_sim_expect(sim, tp_pid_null(), &got, content) == TP_OK)
        printf("after 24 hours: slept %" PRId64 "\n", got.n);
    tp_sim_free(sim);
}

int main(void) {
    a_day();
    explore("careful", careful);
    explore("careless", careless);
    return 0;
}
