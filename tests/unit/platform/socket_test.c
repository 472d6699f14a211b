/* Stream sockets over the loopback and the local domain. */
#include "core/platform/platform.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/test.h"

struct pair {
    struct tpi_poller *poller;
    int listener;
    int client;
    int server;
    char url[160];
};

static void wait_ready(struct tpi_poller *poller, int descriptor, unsigned interest) {
    struct tpi_poll_event event;
    TP_ASSERT_EQ_INT(tpi_poller_arm(poller, descriptor, interest, 1), TP_OK);
    TP_ASSERT_EQ_INT(tpi_poller_wait(poller, &event, 1, TP_SECONDS(10)), 1);
}

static void begin(struct pair *p, const char *url) {
    TP_ASSERT_EQ_INT(tpi_poller_new(&p->poller), TP_OK);
    TP_ASSERT_EQ_INT(tpi_socket_listen(&p->listener, url, 8), TP_OK);
    TP_ASSERT_EQ_INT(tpi_socket_address(p->listener, p->url, sizeof(p->url)), TP_OK);
    TP_ASSERT_EQ_INT(tpi_socket_connect(&p->client, p->url), TP_OK);
    wait_ready(p->poller, p->client, TPI_POLL_WRITE);
    TP_ASSERT_EQ_INT(tpi_socket_connected(p->client), TP_OK);
    wait_ready(p->poller, p->listener, TPI_POLL_READ);
    TP_ASSERT_EQ_INT(tpi_socket_accept(&p->server, p->listener), TP_OK);
}

static void end(struct pair *p) {
    tpi_poller_free(p->poller);
    tpi_descriptor_close(p->listener);
    if (p->client >= 0) tpi_descriptor_close(p->client);
    tpi_descriptor_close(p->server);
}

static void talk(struct pair *p) {
    char text[16] = "";
    size_t done;
    TP_ASSERT_EQ_INT(tpi_socket_read(p->server, text, sizeof(text), &done), TP_EBUSY);
    TP_ASSERT_EQ_INT(tpi_socket_write(p->client, "hello", 5, &done), TP_OK);
    TP_ASSERT_EQ_INT(done, 5);
    wait_ready(p->poller, p->server, TPI_POLL_READ);
    TP_ASSERT_EQ_INT(tpi_socket_read(p->server, text, sizeof(text), &done), TP_OK);
    TP_ASSERT_EQ_INT(done, 5);
    TP_ASSERT(memcmp(text, "hello", 5) == 0);
}

TP_TEST(socket, bytes_go_over_tcp) {
    struct pair p;
    begin(&p, "tcp://127.0.0.1:0");
    TP_ASSERT(strncmp(p.url, "tcp://127.0.0.1:", 16) == 0);
    talk(&p);
    end(&p);
}

TP_TEST(socket, localhost_is_known) {
    struct pair p;
    begin(&p, "tcp://localhost:0");
    talk(&p);
    end(&p);
}

TP_TEST(socket, bytes_go_over_tcp_version_6) {
    int probe;
    if (tpi_socket_listen(&probe, "tcp://[::1]:0", 1) != TP_OK) TP_SKIP("no IPv6 on this machine");
    tpi_descriptor_close(probe);
    struct pair p;
    begin(&p, "tcp://[::1]:0");
    talk(&p);
    end(&p);
}

static void unix_url(char *url, size_t size) {
    const char *folder = getenv("TMPDIR");
    snprintf(url, size, "unix://%s/troupe-%llx.sock", folder != NULL ? folder : "/tmp",
             (unsigned long long)tpi_clock_wall());
}

TP_TEST(socket, bytes_go_over_a_unix_path) {
    char url[160];
    unix_url(url, sizeof(url));
    struct pair p;
    begin(&p, url);
    TP_ASSERT_EQ_STR(p.url, url);
    talk(&p);
    int second;
    TP_ASSERT_EQ_INT(tpi_socket_listen(&second, url, 8), TP_EADDR); /* in use: not taken over */
    talk(&p);
    end(&p);
    TP_ASSERT_EQ_INT(tpi_socket_listen(&second, url, 8), TP_OK); /* a leftover: taken over */
    tpi_descriptor_close(second);
    unlink(url + strlen("unix://"));
    TP_ASSERT_EQ_INT(tpi_socket_connect(&second, url), TP_EREFUSED);
}

TP_TEST(socket, nothing_to_accept_is_busy) {
    int listener;
    int accepted;
    TP_ASSERT_EQ_INT(tpi_socket_listen(&listener, "tcp://127.0.0.1:0", 8), TP_OK);
    TP_ASSERT_EQ_INT(tpi_socket_accept(&accepted, listener), TP_EBUSY);
    tpi_descriptor_close(listener);
}

TP_TEST(socket, end_of_stream_is_closed) {
    struct pair p;
    begin(&p, "tcp://127.0.0.1:0");
    char byte;
    size_t done;
    tpi_socket_shutdown_write(p.client);
    wait_ready(p.poller, p.server, TPI_POLL_READ);
    TP_ASSERT_EQ_INT(tpi_socket_read(p.server, &byte, 1, &done), TP_ECLOSED);
    TP_ASSERT_EQ_INT(tpi_socket_write(p.server, "x", 1, &done), TP_OK); /* the other way is open */
    end(&p);
}

TP_TEST(socket, writing_to_a_gone_peer_is_an_error_and_no_signal) {
    struct pair p;
    begin(&p, "tcp://127.0.0.1:0");
    size_t done;
    tpi_descriptor_close(p.client);
    p.client = -1;
    tp_err err = TP_OK;
    for (int i = 0; i < 1000 && (err == TP_OK || err == TP_EBUSY); i++) {
        err = tpi_socket_write(p.server, "x", 1, &done);
        tpi_thread_yield();
    }
    TP_ASSERT_EQ_INT(err, TP_ECLOSED);
    end(&p);
}

TP_TEST(socket, a_full_socket_is_busy) {
    struct pair p;
    begin(&p, "tcp://127.0.0.1:0");
    static char block[65536];
    size_t done;
    size_t total = 0;
    tp_err err;
    while ((err = tpi_socket_write(p.client, block, sizeof(block), &done)) == TP_OK) total += done;
    TP_ASSERT_EQ_INT(err, TP_EBUSY);
    TP_ASSERT(total > 0);
    end(&p);
}

TP_TEST(socket, a_closed_port_refuses) {
    int descriptor;
    char url[64];
    struct tpi_poller *poller;
    TP_ASSERT_EQ_INT(tpi_poller_new(&poller), TP_OK);
    TP_ASSERT_EQ_INT(tpi_socket_listen(&descriptor, "tcp://127.0.0.1:0", 8), TP_OK);
    TP_ASSERT_EQ_INT(tpi_socket_address(descriptor, url, sizeof(url)), TP_OK);
    tpi_descriptor_close(descriptor);
    tp_err err = tpi_socket_connect(&descriptor, url);
    if (err == TP_OK) {
        wait_ready(poller, descriptor, TPI_POLL_WRITE);
        err = tpi_socket_connected(descriptor);
        tpi_descriptor_close(descriptor);
    }
    TP_ASSERT_EQ_INT(err, TP_EREFUSED);
    tpi_poller_free(poller);
}

TP_TEST(socket, bad_addresses_are_refused) {
    static const char *const bad[] = {
        "",          "http://x:1",      "tcp://",           "tcp://127.0.0.1",
        "tcp://:80", "tcp://1.2.3:80",  "tcp://127.0.0.1:", "tcp://127.0.0.1:65536",
        "unix://",   "unix://relative", "tcp://[::1:80",    "tcp://127.0.0.1:8x"};
    int descriptor;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        TP_ASSERT_EQ_INT(tpi_socket_listen(&descriptor, bad[i], 8), TP_EADDR);
        TP_ASSERT_EQ_INT(tpi_socket_connect(&descriptor, bad[i]), TP_EADDR);
    }
}

TP_TEST(socket, an_address_that_does_not_fit_is_too_big) {
    int listener;
    char url[8];
    TP_ASSERT_EQ_INT(tpi_socket_listen(&listener, "tcp://127.0.0.1:0", 8), TP_OK);
    TP_ASSERT_EQ_INT(tpi_socket_address(listener, url, sizeof(url)), TP_ETOOBIG);
    tpi_descriptor_close(listener);
}
