/*
 * Many nodes in one process, and connections that all go at once, again and again.
 */
#include <stdio.h>
#include <stdlib.h>

#include "tests/unit/node/kit.h"

enum { NODES = 50, CLIENTS = 12, STORMS = 8 };

TP_TEST(node_many, fifty_in_one_process) {
    unsigned count = (unsigned)TP_SCALED(NODES);
    if (count < 8) count = 8;
    struct side *sides = calloc(count, sizeof *sides);
    tp_inproc *inproc = NULL;
    char name[32], url[64];
    TP_ASSERT(sides != NULL);
    TP_ASSERT_EQ_INT(tp_inproc_new(&inproc), TP_OK);
    tp_node_options options = {.plain = true, .inproc = inproc, .heartbeat = TP_SECONDS(60)};
    for (unsigned i = 0; i < count; i++) {
        snprintf(name, sizeof name, "n%u@test", i);
        snprintf(url, sizeof url, "inproc://n%u", i);
        side_start(&sides[i], name, &options);
        TP_ASSERT_EQ_INT(tp_node_listen(sides[i].node, url, NULL, 0), TP_OK);
    }
    for (unsigned i = 0; i < count; i++)
        for (unsigned far = 1; far < count; far *= 4) { /* neighbours, and some farther off */
            snprintf(url, sizeof url, "inproc://n%u", (i + far) % count);
            TP_ASSERT_EQ_INT(tp_node_connect(sides[i].node, url, PLENTY, NULL), TP_OK);
        }
    for (unsigned i = 0; i < count; i++) { /* around the ring */
        pong got = {0};
        TP_ASSERT_EQ_INT(tp_inbox_call(sides[i].inbox, echo_start(&sides[(i + 1) % count]), PLENTY,
                                       &got, pong, ping, .number = i),
                         TP_OK);
        TP_ASSERT(got.number == i);
    }
    for (unsigned i = 0; i < count; i++) side_stop(&sides[i]);
    tp_inproc_free(inproc);
    free(sides);
}

/* The server lets all of them go at once; each comes back by itself, and is served. */
TP_TEST(node_many, a_storm_of_connections) {
    struct side server, clients[CLIENTS];
    side_start(&server, "server@test", NULL);
    TP_ASSERT_EQ_INT(
        tp_node_listen(server.node, "tcp://127.0.0.1:0", server.url, sizeof server.url), TP_OK);
    tp_pid echo = echo_start(&server);
    for (unsigned i = 0; i < CLIENTS; i++) {
        char name[32];
        snprintf(name, sizeof name, "c%u@test", i);
        side_start(&clients[i], name, NULL);
        TP_ASSERT_EQ_INT(tp_node_join(clients[i].node, server.url), TP_OK);
    }
    unsigned storms = (unsigned)TP_SCALED(STORMS);
    for (unsigned storm = 1; storm <= storms; storm++) {
        for (unsigned i = 0; i < CLIENTS; i++) {
            pong got = {0};
            tp_err err = TP_ENOCONNECTION;
            WAIT_COUNTER(&clients[i], connections, (uint64_t)storm);
            for (unsigned k = 0; k < 60000 && err == TP_ENOCONNECTION; k++) {
                err = tp_inbox_call(clients[i].inbox, echo, PLENTY, &got, pong, ping,
                                    .number = storm);
                if (err == TP_ENOCONNECTION) moment();
            }
            TP_ASSERT_EQ_INT(err, TP_OK);
            TP_ASSERT(got.number == storm);
        }
        for (unsigned i = 0; i < CLIENTS; i++)
            (void)tp_node_disconnect(server.node, tp_runtime_node(clients[i].runtime));
    }
    for (unsigned i = 0; i < CLIENTS; i++) side_stop(&clients[i]);
    side_stop(&server);
}
