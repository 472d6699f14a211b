/*
 * The reasons that only a peer which is no proper node can bring about: tests/simnet/reasons_test.c
 * has the others.
 */
#include <string.h>

#include "core/base/atomic.h"
#include "tests/unit/node/attacker.h"

struct heard {
    tp_node *node;
    char reason[32];
    _Atomic(unsigned) step; /* 1: it watches; then one more for each that is up or down */
};

/* Ends when the first is down. */
static void listen(tp_actor *self, void *arg) {
    struct heard *heard = arg;
    const tp_message *message;
    tp_node_down down;
    TP_ASSERT_EQ_INT(tp_node_watch(self, heard->node), TP_OK);
    for (bool over = false; !over;) {
        /* release: partner is the load in wait_step */
        atomic_fetch_add_explicit(&heard->step, 1, memory_order_release);
        if (tp_receive_any(self, PLENTY, NULL, NULL, &message) != TP_OK) return;
        over = tp_message_get(self, message, &down, tp_node_down) == TP_OK;
    }
    if (down.reason.size < sizeof heard->reason)
        memcpy(heard->reason, down.reason.data, down.reason.size);
}

static void wait_step(struct heard *heard, unsigned step) {
    /* acquire: partner is the addition in listen */
    for (unsigned i = 0; i < 60000; i++) {
        if (atomic_load_explicit(&heard->step, memory_order_acquire) >= step) return;
        moment();
    }
    TP_ASSERT_MSG(false, "step %u is not reached", step);
}

static tp_pid begin(struct side *side, struct heard *heard) {
    tp_pid pid;
    side_start(side, "n@test", NULL);
    TP_ASSERT_EQ_INT(tp_node_listen(side->node, "tcp://127.0.0.1:0", side->url, sizeof side->url),
                     TP_OK);
    *heard = (struct heard){.node = side->node};
    TP_ASSERT_EQ_INT(tp_runtime_spawn_body(side->runtime, &pid, listen, heard, NULL), TP_OK);
    wait_step(heard, 1);
    return pid;
}

static void end(struct side *side, tp_pid pid, const struct heard *heard, const char *reason) {
    TP_ASSERT_EQ_INT(tp_runtime_wait(side->runtime, pid, PLENTY, NULL), TP_OK);
    TP_ASSERT_EQ_STR(heard->reason, reason);
    side_stop(side);
}

TP_TEST(node_reasons, who_breaks_the_protocol) {
    struct side side;
    struct heard heard;
    static struct attacker attacker;
    tp_pid pid = begin(&side, &heard);
    TP_ASSERT_EQ_INT(attacker_shake(&attacker, side.url, "m@test", NULL), TPI_HANDSHAKE_DONE);
    wait_step(&heard, 2);
    TP_ASSERT(attacker_send(&attacker, "\0\0\0\0", 4)); /* a frame without bytes */
    end(&side, pid, &heard, "violation");
    attacker_close(&attacker);
}

TP_TEST(node_reasons, who_connects_anew_as_the_old_connection_is_dead_for_it) {
    struct side side;
    struct heard heard;
    static struct attacker first, second;
    tp_pid pid = begin(&side, &heard);
    TP_ASSERT_EQ_INT(attacker_shake(&first, side.url, "m@test", NULL), TPI_HANDSHAKE_DONE);
    wait_step(&heard, 2);
    attacker_be(&second, "m@test", NULL);
    memcpy(second.config.self.incarnation, first.config.self.incarnation,
           sizeof second.config.self.incarnation);
    second.config.self.connection = first.config.self.connection + 1;
    TP_ASSERT_EQ_INT(attacker_shake(&second, side.url, NULL, NULL), TPI_HANDSHAKE_DONE);
    end(&side, pid, &heard, "replaced");
    attacker_close(&first);
    attacker_close(&second);
}
