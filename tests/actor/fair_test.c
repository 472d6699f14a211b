/*
 * Fairness on one worker: nobody who is runnable is kept waiting by those who talk to each other,
 * or by one who starts many.
 */
#include <sys/resource.h>

#include "tests/actor/actor_test.h"

/* ---- a pair that talks, beside those who only want their turn ---- */

static int64_t talk; /* hops of the pair; only the one worker touches it */

struct partner {
    tp_pid other;
};
static void partner_tell(tp_actor *self, struct partner *partner, const tell *msg) {
    (void)self;
    partner->other = msg->who;
}
static void partner_number(tp_actor *self, struct partner *partner, const number *msg) {
    talk++;
    (void)tp_send(self, partner->other, number, .n = msg->n + 1);
}
TP_BEHAVIOR(partner_behavior, "partner", struct partner, TP_ON(tell, partner_tell),
            TP_ON(number, partner_number));

#define OTHERS 50
#define TURNS 200

static void takes_turns(tp_actor *self, void *arg) {
    (void)arg;
    for (int i = 0; i < TURNS; i++) tp_yield(self);
}

static void pair_body(tp_actor *self, void *arg) {
    tp_ref ref;
    tp_down down;
    tp_spawn_options watched = {.monitor = &ref};
    (void)arg;
    talk = 0;
    tp_pid first = tp_spawn_link(self, &partner_behavior);
    tp_pid second = tp_spawn_link(self, &partner_behavior);
    tp_send(self, first, tell, .who = second);
    tp_send(self, second, tell, .who = first);
    tp_send(self, first, number, .n = 0);
    for (int i = 0; i < OTHERS; i++) tp_spawn_body(self, takes_turns, NULL, &watched);
    for (int i = 0; i < OTHERS; i++)
        TP_ASSERT_EQ_INT(tp_receive(self, SOON, &down, tp_down), TP_OK);
    /* each of the others' turns is one slice, each hop one at most: half for the pair, about */
    TP_ASSERT_MSG(talk <= 3 * OTHERS * TURNS, "%lld hops in %d turns", (long long)talk,
                  OTHERS * TURNS);
    TP_ASSERT_MSG(talk >= OTHERS * TURNS / 10, "%lld hops in %d turns", (long long)talk,
                  OTHERS * TURNS);
}
TP_TEST(fair, a_pair_that_talks_has_no_more_than_its_share) {
    tp_options options = {.workers = 1, .stuck_after = TP_FOREVER, .log_hook = quiet};
    TP_ASSERT_EQ_INT(tp_run_with(&options, pair_body, NULL), 0);
}

/* ---- one who starts many ---- */

static int64_t begun; /* only the one worker touches it */

static void begins(tp_actor *self, void *arg) {
    (void)self, (void)arg;
    begun++;
}
static void many_body(tp_actor *self, void *arg) {
    (void)arg;
    begun = 0;
    for (int i = 0; i < 1000; i++) {
        TP_ASSERT(!tp_pid_is_null(tp_spawn_body(self, begins, NULL, NULL)));
        TP_ASSERT_MSG(begun >= i - 256, "%lld have begun of %d", (long long)begun, i + 1);
    }
}
TP_TEST(fair, who_starts_many_lets_them_run) {
    tp_options options = {.workers = 1, .stuck_after = TP_FOREVER, .log_hook = quiet};
    TP_ASSERT_EQ_INT(tp_run_with(&options, many_body, NULL), 0);
}

/* ---- those who start more, who start more ---- */

#define CROWD 300 /* alive at a time */

static int64_t alive, first_after; /* only the one worker touches them */
static bool enough_of_them;

static void multiplies(tp_actor *self, void *arg) {
    (void)arg;
    begun++;
    for (int i = 0; i < 2 && !enough_of_them && alive < CROWD; i++) {
        TP_ASSERT(!tp_pid_is_null(tp_spawn_body(self, multiplies, NULL, NULL)));
        alive++;
    }
    if (alive == 1 && !enough_of_them) /* the last: it goes on */
        TP_ASSERT(!tp_pid_is_null(tp_spawn_body(self, multiplies, NULL, NULL)));
    else alive--;
}
static void start_crowd(tp_actor *self) {
    begun = alive = first_after = 0;
    enough_of_them = false;
    for (int i = 0; i < 4; i++, alive++) tp_spawn_body(self, multiplies, NULL, NULL);
}

static void turns_body(tp_actor *self, void *arg) {
    (void)arg;
    start_crowd(self);
    for (int i = 0; i < TURNS; i++) {
        int64_t before = begun;
        tp_yield(self);
        TP_ASSERT_MSG(begun - before <= 2000, "%lld began in a turn", (long long)(begun - before));
    }
    enough_of_them = true;
    TP_ASSERT_MSG(begun > TURNS, "only %lld began", (long long)begun);
}
TP_TEST(fair, a_crowd_that_grows_leaves_the_others_their_turns) {
    tp_options options = {.workers = 1, .stuck_after = TP_FOREVER, .log_hook = quiet};
    TP_ASSERT_EQ_INT(tp_run_with(&options, turns_body, NULL), 0);
}

static void is_first(tp_actor *self, void *arg) {
    (void)self, (void)arg;
    first_after = begun;
}
static void oldest_body(tp_actor *self, void *arg) {
    (void)arg;
    tp_spawn_body(self, begins, NULL, NULL); /* it has the place of the partner */
    start_crowd(self);
    tp_spawn_body(self, is_first, NULL, NULL);
    for (int i = 0; i < 10; i++) tp_spawn_body(self, multiplies, NULL, NULL), alive++;
    while (first_after == 0 && begun < 100000) tp_sleep(self, TP_US(100));
    enough_of_them = true;
    TP_ASSERT_MSG(first_after > 0 && first_after <= 4000, "%lld began before it",
                  (long long)first_after);
}
TP_TEST(fair, the_oldest_of_a_growing_crowd_begins) {
    tp_options options = {.workers = 1, .stuck_after = TP_FOREVER, .log_hook = quiet};
    TP_ASSERT_EQ_INT(tp_run_with(&options, oldest_body, NULL), 0);
}

/* ---- more connections that are ready than one look at the descriptors takes ---- */

#define CONNECTIONS 700
#define ROUNDS ((int64_t)TP_SCALED(40) + 10)

/* Only the one worker touches them. */
static int64_t answers[CONNECTIONS], all_answers, enough;
static tp_pid waiting;

/* Either end of a connection: what comes is sent back, so whoever began asks again at once. */
struct end {
    int64_t index; /* < 0: the end that answers */
};
static void end_data(tp_actor *self, struct end *end, const tp_socket_data *msg) {
    TP_ASSERT_EQ_INT(tp_write(self, msg->socket, "x", 1, SOON, NULL), TP_OK);
    TP_ASSERT_EQ_INT(tp_active_once(self, msg->socket, 16), TP_OK);
    if (end->index < 0) return;
    answers[end->index]++;
    if (++all_answers == enough) tp_send(self, waiting, ask);
}
static void end_socket(tp_actor *self, struct end *end, const answer *msg) {
    (void)end;
    TP_ASSERT_EQ_INT(tp_active_once(self, (tp_socket)msg->n, 16), TP_OK);
}
static void end_index(tp_actor *self, struct end *end, const number *msg) {
    (void)self;
    end->index = msg->n;
}
TP_BEHAVIOR(end_behavior, "end", struct end, TP_ON(tp_socket_data, end_data),
            TP_ON(answer, end_socket), TP_ON(number, end_index));

static void hand_over(tp_actor *self, tp_socket socket, int64_t index) {
    tp_pid end = tp_spawn_link(self, &end_behavior);
    if (index >= 0) TP_ASSERT_EQ_INT(tp_write(self, socket, "x", 1, SOON, NULL), TP_OK);
    TP_ASSERT_EQ_INT(tp_socket_give(self, socket, end), TP_OK);
    tp_send(self, end, number, .n = index);
    tp_send(self, end, answer, .n = (int64_t)socket);
}
static void connections_body(tp_actor *self, void *arg) {
    char url[64];
    ask done;
    int64_t least = INT64_MAX, count = *(int64_t *)arg;
    tp_socket listener, near, far;
    memset(answers, 0, sizeof answers);
    all_answers = 0, enough = count * ROUNDS, waiting = tp_self(self);
    TP_ASSERT_EQ_INT(tp_listen(self, "tcp://127.0.0.1:0", &listener), TP_OK);
    TP_ASSERT_EQ_INT(tp_socket_address(self, listener, url, sizeof url), TP_OK);
    for (int64_t i = 0; i < count; i++) {
        TP_ASSERT_EQ_INT(tp_connect(self, url, SOON, &near), TP_OK);
        TP_ASSERT_EQ_INT(tp_accept(self, listener, SOON, &far), TP_OK);
        hand_over(self, near, i);
        hand_over(self, far, -1);
    }
    TP_ASSERT_EQ_INT(tp_receive(self, TP_FOREVER, &done, ask), TP_OK);
    for (int64_t i = 0; i < count; i++) least = answers[i] < least ? answers[i] : least;
    TP_ASSERT_MSG(least >= ROUNDS * 4 / 5, "%lld answers for one, %lld on average",
                  (long long)least, (long long)ROUNDS);
}
TP_TEST(fair, no_connection_is_served_again_and_again_before_others) {
    struct rlimit limit;
    int64_t count = CONNECTIONS;
    tp_options options = {.workers = 1, .stuck_after = TP_FOREVER, .log_hook = quiet};
    TP_ASSERT_EQ_INT(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = limit.rlim_max;
    TP_ASSERT_EQ_INT(setrlimit(RLIMIT_NOFILE, &limit), 0);
    if (limit.rlim_max < 2 * CONNECTIONS + 50) count = ((int64_t)limit.rlim_max - 50) / 2;
    TP_ASSERT_EQ_INT(tp_run_with(&options, connections_body, &count), 0);
}
