/*
 * Safe by default, and what strangers can do: be refused and counted, while others are served.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/platform/platform.h"
#include "tests/unit/node/kit.h"

static const uint8_t secret[TP_SECRET_SIZE] = "a secret of thirty-two bytes...";
static const uint8_t other[TP_SECRET_SIZE] = "another secret of 32 bytes.....";

TP_TEST(node_safety, no_listener_without_a_secret_or_plain) {
    struct side side;
    tp_node_options neither = {0}, plain = {.plain = true}, secure = {.secret = secret};
    side_start(&side, "a@test", &neither);
    TP_ASSERT_EQ_INT(tp_node_listen(side.node, "tcp://127.0.0.1:0", NULL, 0), TP_EREFUSED);
    TP_ASSERT_EQ_INT(tp_node_listen(side.node, "ipc:///tmp/never", NULL, 0), TP_EREFUSED);
    TP_ASSERT_EQ_INT(tp_node_connect(side.node, "tcp://127.0.0.1:9", PLENTY, NULL), TP_EREFUSED);
    side_stop(&side);
    side_start(&side, "a@test", &plain);
    TP_ASSERT_EQ_INT(tp_node_listen(side.node, "tcp://0.0.0.0:0", NULL, 0), TP_EREFUSED);
    TP_ASSERT_EQ_INT(tp_node_join(side.node, "tcp://192.0.2.1:5"), TP_EREFUSED);
    TP_ASSERT_EQ_INT(tp_node_listen(side.node, "zt://x", NULL, 0), TP_ENOTSUP);
    TP_ASSERT_EQ_INT(tp_node_listen(side.node, "tcp://127.0.0.1:0", NULL, 0), TP_OK);
    side_stop(&side);
    side_start(&side, "a@test", &secure);
    TP_ASSERT_EQ_INT(tp_node_listen(side.node, "tcp://0.0.0.0:0", side.url, sizeof side.url),
                     TP_OK);
    TP_ASSERT(strtol(strrchr(side.url, ':') + 1, NULL, 10) > 0);
    side_stop(&side);
}

static tp_err start_with(const char *name, const tp_node_options *options) {
    tp_options runtime_options = {.workers = 1, .node_name = name, .log_level = TP_LOG_OFF};
    tp_runtime *runtime;
    tp_node *node;
    TP_ASSERT_EQ_INT(tp_runtime_start(&runtime, &runtime_options), TP_OK);
    tp_err err = tp_node_start(runtime, options, &node);
    if (err == TP_OK) TP_ASSERT_EQ_INT(tp_node_start(runtime, options, &node), TP_EBUSY);
    tp_runtime_stop(runtime);
    return err;
}

TP_TEST(node_safety, options_that_cannot_be) {
    tp_node_options plain = {.plain = true};
    TP_ASSERT_EQ_INT(start_with("a@test", &plain), TP_OK);
    TP_ASSERT_EQ_INT(start_with(NULL, &plain), TP_EINVAL);
    TP_ASSERT_EQ_INT(start_with("with space", &plain), TP_EINVAL);
    TP_ASSERT_EQ_INT(start_with("a@test", &(tp_node_options){.plain = true, .secret = secret}),
                     TP_EINVAL);
    TP_ASSERT_EQ_INT(start_with("a@test", &(tp_node_options){.plain = true, .heartbeat = TP_MS(1)}),
                     TP_EINVAL);
    TP_ASSERT_EQ_INT(start_with("a@test", &(tp_node_options){.plain = true, .max_peers = 129}),
                     TP_EINVAL);
    TP_ASSERT_EQ_INT(start_with("a@test", &(tp_node_options){.secret_file = "/no/such/file"}),
                     TP_ENOENT);
}

TP_TEST(node_safety, a_secret_that_others_can_read_is_refused) {
    char path[64], key[64];
    snprintf(path, sizeof path, "/tmp/tp-secret-%ld", (long)getpid());
    snprintf(key, sizeof key, "/tmp/tp-key-%ld", (long)getpid());
    FILE *file = fopen(path, "w");
    TP_ASSERT(file != NULL && fwrite(secret, 1, 32, file) == 32 && fclose(file) == 0);
    tp_node_options options = {.secret_file = path, .key_file = key};
    TP_ASSERT_EQ_INT(chmod(path, 0640), 0);
    TP_ASSERT_EQ_INT(start_with("a@test", &options), TP_EREFUSED);
    TP_ASSERT_EQ_INT(chmod(path, 0600), 0);
    TP_ASSERT_EQ_INT(start_with("a@test", &options), TP_OK);
    struct stat status;
    TP_ASSERT(stat(key, &status) == 0 && (status.st_mode & 0777) == 0600 && status.st_size == 32);
    TP_ASSERT_EQ_INT(start_with("a@test", &options), TP_OK); /* with the same key */
    TP_ASSERT_EQ_INT(truncate(path, 31), 0);
    TP_ASSERT_EQ_INT(start_with("a@test", &options), TP_EINVAL);
    TP_ASSERT(unlink(path) == 0 && unlink(key) == 0);
}

/* A client that cannot be one; the server goes on for one that can. */
static void check_refused(const tp_node_options *theirs) {
    struct side server, stranger, friendly;
    tp_node_options options = {.secret = secret, .cluster = "one"};
    side_start(&server, "server@test", &options);
    side_start(&stranger, "stranger@test", theirs);
    side_start(&friendly, "friendly@test", &options);
    sides_join(&server, &friendly, "tcp");
    TP_ASSERT_EQ_INT(tp_node_connect(stranger.node, server.url, PLENTY, NULL), TP_EREFUSED);
    WAIT_COUNTER(&server, refused, 1u);
    tp_node_counters counters;
    tp_node_counters_get(stranger.node, &counters);
    TP_ASSERT_EQ_INT(counters.connections, 0);
    pong got;
    TP_ASSERT_EQ_INT(tp_inbox_call(friendly.inbox, echo_start(&server), PLENTY, &got, pong, ping),
                     TP_OK);
    side_stop(&stranger);
    side_stop(&friendly);
    side_stop(&server);
}

TP_TEST(node_safety, another_secret) {
    check_refused(&(tp_node_options){.secret = other, .cluster = "one"});
}
TP_TEST(node_safety, another_cluster) {
    check_refused(&(tp_node_options){.secret = secret, .cluster = "two"});
}
TP_TEST(node_safety, no_encryption) {
    check_refused(&(tp_node_options){.plain = true, .cluster = "one"});
}

static void throw_bytes(const char *url, const void *bytes, size_t size) {
    int descriptor;
    size_t done;
    TP_ASSERT_EQ_INT(tpi_socket_connect(&descriptor, url), TP_OK);
    for (unsigned i = 0; i < 1000; i++) {
        tp_err err = tpi_socket_write(descriptor, bytes, size, &done);
        if (err != TP_EBUSY) break;
        moment();
    }
    for (unsigned i = 0; i < 20000; i++) { /* it is closed, without a word */
        char answer;
        tp_err err = tpi_socket_read(descriptor, &answer, 1, &done);
        if (err != TP_EBUSY) break;
        moment();
    }
    tpi_descriptor_close(descriptor);
}

TP_TEST(node_safety, garbage_and_half_open_connections) {
    struct side server, friendly;
    tp_node_options options = {.secret = secret, .hidden = true};
    side_start(&server, "server@test", &options);
    side_start(&friendly, "friendly@test", &options);
    TP_ASSERT_EQ_INT(
        tp_node_listen(server.node, "tcp://127.0.0.1:0", server.url, sizeof server.url), TP_OK);
    uint8_t garbage[4096];
    for (size_t i = 0; i < sizeof garbage; i++) garbage[i] = (uint8_t)(i * 197 + 13);
    throw_bytes(server.url, garbage, sizeof garbage);
    throw_bytes(server.url, "GET / HTTP/1.1\r\n\r\n", 18);
    throw_bytes(server.url, "troupe\x01\x01\xff\xff", 10);
    WAIT_COUNTER(&server, refused, 3u);
    enum { OPEN = 500 };
    static int open[OPEN];
    size_t done;
    tp_counters before, after;
    tp_runtime_counters(server.runtime, &before);
    for (unsigned i = 0; i < OPEN; i++) {
        TP_ASSERT_EQ_INT(tpi_socket_connect(&open[i], server.url), TP_OK);
        (void)tpi_socket_write(open[i], "troupe", i % 7, &done);
    }
    TP_ASSERT_EQ_INT(tp_node_connect(friendly.node, server.url, PLENTY, NULL), TP_OK);
    pong got;
    TP_ASSERT_EQ_INT(tp_inbox_call(friendly.inbox, echo_start(&server), PLENTY, &got, pong, ping),
                     TP_OK);
    tp_runtime_counters(server.runtime, &after);
    TP_ASSERT(after.handled <= before.handled + 2); /* nobody else reached an actor */
    for (unsigned i = 0; i < OPEN; i++) tpi_descriptor_close(open[i]);
    side_stop(&friendly);
    side_stop(&server);
}

TP_TEST(node_safety, both_connect_at_once) {
    for (unsigned round = 0; round < TP_SCALED(20); round++) {
        struct side a, b;
        side_start(&a, "a@test", NULL);
        side_start(&b, "b@test", NULL);
        TP_ASSERT_EQ_INT(tp_node_listen(a.node, "tcp://127.0.0.1:0", a.url, sizeof a.url), TP_OK);
        TP_ASSERT_EQ_INT(tp_node_listen(b.node, "tcp://127.0.0.1:0", b.url, sizeof b.url), TP_OK);
        TP_ASSERT_EQ_INT(tp_node_join(a.node, b.url), TP_OK);
        TP_ASSERT_EQ_INT(tp_node_join(b.node, a.url), TP_OK);
        tp_pid echo = echo_start(&a);
        pong got;
        tp_err err = TP_ENOCONNECTION;
        for (unsigned i = 0; i < 10000 && err == TP_ENOCONNECTION; i++) {
            err = tp_inbox_call(b.inbox, echo, PLENTY, &got, pong, ping);
            if (err == TP_ENOCONNECTION) moment();
        }
        TP_ASSERT_EQ_INT(err, TP_OK);
        tp_node_counters counters;
        tp_node_counters_get(a.node, &counters);
        TP_ASSERT(counters.peers <= 1);
        side_stop(&a);
        side_stop(&b);
    }
}
