/*
 * What the tests of nodes share: runtimes that are nodes, in one process.
 */
#ifndef TESTS_NODE_KIT_H
#define TESTS_NODE_KIT_H

#include <troupe/node.h>
#include <troupe/troupe.h>

#include "tests/support/certificates.h"

#define PLENTY TP_SECONDS(60)

TP_MESSAGE(ping, TP_FIELD(u64, number))
TP_MESSAGE(pong, TP_FIELD(u64, number))
TP_MESSAGE(text, TP_FIELD(bin, bytes))
TP_MESSAGE(attach, TP_FIELD(pid, to))
TP_MESSAGE(leave, TP_FIELD(i32, code))
TP_MESSAGE(stream_to, TP_FIELD(pid, to), TP_FIELD(u64, count))
TP_MESSAGE(streamed, TP_FIELD(u64, count), TP_FIELD(u64, wrong))

struct side {
    tp_runtime *runtime;
    tp_node *node;
    tp_inbox *inbox;
    char url[256];
};

/* A runtime with a node and an inbox. Options NULL: plain. */
void side_start(struct side *side, const char *name, const tp_node_options *options);
void side_stop(struct side *side);
/* Lets a listen and b connect, at "tcp", "tls+tcp", "ws", "wss", "ipc", "inproc". */
void sides_join(struct side *a, struct side *b, const char *scheme);
/* Lets the options name what was made. */
void certificates_use(const struct certificates *made, tp_node_options *options);
/* An actor that answers ping by pong, links itself at attach, ends at leave. */
tp_pid echo_start(struct side *side);
/* Counts and checks pings; tells its counts to who sends `streamed`. */
tp_pid counter_start(struct side *side);
/* At stream_to it sends so many pings, then tells who asked. */
tp_pid streamer_start(struct side *side);
/* Lets a millisecond pass, between two looks. */
void moment(void);
/* The next message in the inbox, of that type. */
#define EXPECT(side, out, type)                                                                    \
    do {                                                                                           \
        const tp_message *message_;                                                                \
        TP_ASSERT_EQ_INT(tp_inbox_receive((side)->inbox, PLENTY, &message_), TP_OK);               \
        TP_ASSERT_EQ_INT(tp_inbox_get((side)->inbox, message_, (out), type), TP_OK);               \
    } while (0)
/* Waits until a counter of the node is at least `least`. */
#define WAIT_COUNTER(side, field, least)                                                           \
    do {                                                                                           \
        tp_node_counters counters_ = {0};                                                          \
        for (unsigned i_ = 0; i_ < 60000; i_++) {                                                  \
            tp_node_counters_get((side)->node, &counters_);                                        \
            if (counters_.field >= (least)) break;                                                 \
            moment();                                                                              \
        }                                                                                          \
        TP_ASSERT(counters_.field >= (least));                                                     \
    } while (0)

#endif
