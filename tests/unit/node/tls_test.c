/*
 * Nodes and certificates: what is checked at the start, what may be listened at, who is refused.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <troupe/cluster.h>
#include <unistd.h>

#include "tests/unit/node/kit.h"

static const uint8_t secret[TP_SECRET_SIZE] = "a secret of thirty-two bytes...";
static const uint8_t other[TP_SECRET_SIZE] = "another secret of 32 bytes.....";

/* What the runtime's log said last. */
static char said[512];
static void note(void *context, const tp_log_entry *entry) {
    (void)context;
    if (entry->level == TP_LOG_ERROR) snprintf(said, sizeof said, "%s", entry->text);
}

static tp_err start_with(const tp_node_options *options) {
    tp_options runtime_options = {.workers = 1, .node_name = "a@test", .log_hook = note};
    tp_runtime *runtime;
    tp_node *node;
    said[0] = 0;
    TP_ASSERT_EQ_INT(tp_runtime_start(&runtime, &runtime_options), TP_OK);
    tp_err err = tp_node_start(runtime, options, &node);
    tp_runtime_stop(runtime);
    return err;
}

static void check_start(const tp_node_options *options, tp_err err, const char *words) {
    TP_ASSERT_EQ_INT(start_with(options), err);
    TP_ASSERT_MSG(strstr(said, words) != NULL, "said: %s", said);
}

TP_TEST(node_tls, certificates_are_checked_at_the_start) {
    struct certificates made;
    TP_ASSERT(certificates_make(&made));
    tp_node_options good = {.secret = secret}, bad;
    certificates_use(&made, &good);
    TP_ASSERT_EQ_INT(start_with(&good), TP_OK);
    bad = good;
    bad.tls_key = NULL;
    check_start(&bad, TP_EINVAL, "tls_key is missing");
    bad = good;
    bad.tls_authority = NULL;
    check_start(&bad, TP_EINVAL, "tls_authority is missing");
    check_start(&(tp_node_options){.secret = secret, .tls_name = "x"}, TP_EINVAL,
                "tls_certificate is missing");
    bad = good;
    bad.tls_name = "";
    check_start(&bad, TP_EINVAL, "tls_name");
    bad = good;
    bad.tls_certificate = "/no/such/file";
    check_start(&bad, TP_ENOENT, "tls_certificate: /no/such/file");
    bad.tls_certificate = made.key;
    check_start(&bad, TP_EINVAL, "tls_certificate: ");
    bad = good;
    bad.tls_authority = made.key;
    check_start(&bad, TP_EINVAL, "holds no certificate");
    bad = good;
    bad.tls_key = made.certificate;
    TP_ASSERT_EQ_INT(chmod(made.certificate, 0600), 0);
    check_start(&bad, TP_EINVAL, "holds no private key");
    TP_ASSERT_EQ_INT(chmod(made.key, 0640), 0);
    check_start(&good, TP_EREFUSED, "chmod 600");
    certificates_remove(&made);
}

TP_TEST(node_tls, where_it_may_listen) {
    struct certificates made;
    TP_ASSERT(certificates_make(&made));
    struct side side;
    tp_node_options options = {.secret = secret};
    side_start(&side, "a@test", &options); /* no certificates */
    TP_ASSERT_EQ_INT(tp_node_listen(side.node, "tls+tcp://127.0.0.1:0", NULL, 0), TP_EREFUSED);
    TP_ASSERT_EQ_INT(tp_node_listen(side.node, "wss://127.0.0.1:0/x", NULL, 0), TP_EREFUSED);
    TP_ASSERT_EQ_INT(tp_node_join(side.node, "tls+tcp://127.0.0.1:9"), TP_EREFUSED);
    TP_ASSERT_EQ_INT(tp_node_listen(side.node, "ws://127.0.0.1:0/x", NULL, 0), TP_OK);
    TP_ASSERT_EQ_INT(tp_node_listen(side.node, "ws://0.0.0.0:0/x", NULL, 0), TP_OK);
    side_stop(&side);
    options.secret = NULL;
    certificates_use(&made, &options);
    side_start(&side, "a@test", &options); /* certificates, and nothing else */
    TP_ASSERT_EQ_INT(tp_node_listen(side.node, "tcp://127.0.0.1:0", NULL, 0), TP_EREFUSED);
    TP_ASSERT_EQ_INT(tp_node_listen(side.node, "ws://127.0.0.1:0/x", NULL, 0), TP_EREFUSED);
    TP_ASSERT_EQ_INT(tp_node_listen(side.node, "tls+tcp://0.0.0.0:0", NULL, 0), TP_OK);
    TP_ASSERT_EQ_INT(tp_node_listen(side.node, "wss://0.0.0.0:0/x", NULL, 0), TP_OK);
    side_stop(&side);
    options.plain = true;
    side_start(&side, "a@test", &options); /* plain, too: not from elsewhere without TLS */
    TP_ASSERT_EQ_INT(tp_node_listen(side.node, "tcp://0.0.0.0:0", NULL, 0), TP_EREFUSED);
    TP_ASSERT_EQ_INT(tp_node_listen(side.node, "ws://0.0.0.0:0/x", NULL, 0), TP_EREFUSED);
    TP_ASSERT_EQ_INT(tp_node_listen(side.node, "tcp://127.0.0.1:0", NULL, 0), TP_OK);
    TP_ASSERT_EQ_INT(tp_node_listen(side.node, "tls+tcp://0.0.0.0:0", NULL, 0), TP_OK);
    side_stop(&side);
    certificates_remove(&made);
}

/* A node with these options knocks and is not let in; one of ours is. */
static void check_refused(const char *scheme, struct certificates *made,
                          const tp_node_options *theirs) {
    struct side server, stranger, friendly;
    tp_node_options options = {.secret = secret};
    certificates_use(made, &options);
    side_start(&server, "server@test", &options);
    side_start(&stranger, "stranger@test", theirs);
    side_start(&friendly, "friendly@test", &options);
    sides_join(&server, &friendly, scheme);
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
    certificates_remove(made);
}

static void check_stranger(const char *scheme) {
    struct certificates made;
    TP_ASSERT(certificates_make(&made));
    tp_node_options theirs = {.secret = secret};
    certificates_use(&made, &theirs);
    theirs.tls_certificate = made.stranger;
    theirs.tls_key = made.stranger_key;
    check_refused(scheme, &made, &theirs);
}

TP_TEST(node_tls, a_certificate_of_a_foreign_authority) {
    check_stranger("tls+tcp");
}
TP_TEST(node_tls, a_certificate_of_a_foreign_authority_by_websocket) {
    check_stranger("wss");
}

TP_TEST(node_tls, a_certificate_and_another_secret) {
    struct certificates made;
    TP_ASSERT(certificates_make(&made));
    tp_node_options theirs = {.secret = other};
    certificates_use(&made, &theirs);
    check_refused("tls+tcp", &made, &theirs);
}

/* ---- discovery ---- */

/* Two lines that lead nowhere (a port without TLS, an address of nobody), and one that does. */
static void write_addresses(const char *path, struct side *plain, struct side *server) {
    FILE *file = fopen(path, "w");
    TP_ASSERT(file != NULL);
    fprintf(file, "tls+tcp://127.0.0.1:%s\nnowhere\n%s\n", strrchr(plain->url, ':') + 1,
            server->url);
    TP_ASSERT_EQ_INT(fclose(file), 0);
}

static void check_found(const tp_node_options *options, const tp_discovery *discovery,
                        struct side *server) {
    struct side seeker;
    side_start(&seeker, "seeker@test", options);
    TP_ASSERT_EQ_INT(tp_node_discover(seeker.node, discovery), TP_OK);
    WAIT_COUNTER(&seeker, peers, 1u);
    pong got;
    TP_ASSERT_EQ_INT(tp_inbox_call(seeker.inbox, echo_start(server), PLENTY, &got, pong, ping),
                     TP_OK);
    side_stop(&seeker);
}

/* A list and a file with addresses of TLS; who has no certificate finds nobody. */
TP_TEST(node_tls, discovery_by_list_and_by_file) {
    struct certificates made;
    TP_ASSERT(certificates_make(&made));
    struct side server, plain, stranger;
    char path[] = "/tmp/tp-addresses-XXXXXX";
    int descriptor = mkstemp(path);
    TP_ASSERT(descriptor >= 0 && close(descriptor) == 0);
    tp_node_options options = {.secret = secret}, without = {.secret = secret};
    certificates_use(&made, &options);
    side_start(&server, "server@test", &options);
    side_start(&plain, "plain@test", &without);
    TP_ASSERT_EQ_INT(
        tp_node_listen(server.node, "tls+tcp://127.0.0.1:0", server.url, sizeof server.url), TP_OK);
    TP_ASSERT_EQ_INT(tp_node_listen(plain.node, "tcp://127.0.0.1:0", plain.url, sizeof plain.url),
                     TP_OK);
    write_addresses(path, &plain, &server);
    const char *urls[] = {server.url, NULL};
    check_found(&options, &(tp_discovery){.urls = urls}, &server);
    check_found(&options, &(tp_discovery){.file = path, .every = TP_MS(20)}, &server);
    side_start(&stranger, "stranger@test", &without);
    TP_ASSERT_EQ_INT(tp_node_discover(stranger.node, &(tp_discovery){.urls = urls}), TP_EREFUSED);
    tp_node_counters counters;
    tp_node_counters_get(plain.node, &counters);
    TP_ASSERT_EQ_INT(counters.peers, 0);
    side_stop(&stranger);
    side_stop(&plain);
    side_stop(&server);
    unlink(path);
    certificates_remove(&made);
}

TP_TEST(node_tls, a_certificate_and_no_secret) {
    struct certificates made;
    TP_ASSERT(certificates_make(&made));
    tp_node_options theirs = {0};
    certificates_use(&made, &theirs);
    check_refused("tls+tcp", &made, &theirs);
}

TP_TEST(node_tls, the_server_has_another_name) {
    struct certificates made;
    TP_ASSERT(certificates_make(&made));
    tp_node_options theirs = {.secret = secret};
    certificates_use(&made, &theirs);
    theirs.tls_name = "somebody.else";
    check_refused("tls+tcp", &made, &theirs);
}

/* What others make of our listener: TLS without a certificate, and no TLS at all. */
TP_TEST(node_tls, clients_without_a_certificate) {
    struct certificates made;
    TP_ASSERT(certificates_make(&made));
    struct side server, friendly;
    tp_node_options options = {.secret = secret};
    certificates_use(&made, &options);
    side_start(&server, "server@test", &options);
    side_start(&friendly, "friendly@test", &options);
    sides_join(&server, &friendly, "tls+tcp");
    char command[512];
    const char *port = strrchr(server.url, ':') + 1;
    /* it may shake hands (TLS 1.2 says what is wrong late), but no byte of ours comes */
    snprintf(
        command, sizeof command,
        "printf 'troupe\\001\\001\\000\\020AAAAAAAAAAAAAAAA' | timeout 30 openssl s_client -quiet "
        "-connect 127.0.0.1:%s -servername " CERTIFICATES_NAME
        " -CAfile %s >%s/out 2>/dev/null; test ! -s %s/out",
        port, made.authority, made.folder, made.folder);
    TP_ASSERT_EQ_INT(shell_run(command), 0);
    WAIT_COUNTER(&server, refused, 1u);
    snprintf(
        command, sizeof command,
        "exec 3<>/dev/tcp/127.0.0.1/%s; printf 'troupe\\001\\001\\000\\020AAAAAAAAAAAAAAAA' >&3; "
        "timeout 30 cat <&3 >%s/bytes",
        port, made.folder);
    char whole[600];
    snprintf(whole, sizeof whole, "bash -c \"%s\"", command);
    TP_ASSERT_EQ_INT(shell_run(whole), 0); /* it was closed */
    WAIT_COUNTER(&server, refused, 2u);
    tp_node_counters counters;
    tp_node_counters_get(server.node, &counters);
    TP_ASSERT_EQ_INT(counters.connections, 1);
    side_stop(&friendly);
    side_stop(&server);
    certificates_remove(&made);
}
