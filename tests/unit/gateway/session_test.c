/*
 * A gateway and those who are no friends of it, over real sockets: what is refused and counted,
 * what is bounded, and that others are served meanwhile. Nothing here depends on how fast the
 * machine is: a test waits for what must happen, and what must not is judged by a later answer.
 */
#include <stdio.h>
#include <string.h>

#include "core/platform/platform.h"
#include "tests/unit/gateway/kit.h"

static struct client client; /* too large for a stack */

/* ---- who comes in ---- */

TP_TEST(gateway_safety, an_address_in_use) {
    struct house house;
    char url[64];
    house_start(&house, NULL);
    snprintf(url, sizeof url, "ws://127.0.0.1:%u", house.port);
    TP_ASSERT(try_to_start(&(tp_gateway_options){.url = url}) != TP_OK);
    check_served(&house);
    house_stop(&house);
}

TP_TEST(gateway_safety, host_and_origin_are_checked) {
    static const char *const origins[] = {"https://good.example", NULL};
    static const struct {
        const char *more;
        int status;
    } cases[] = {
        {"Host: evil.example\r\n", 403},
        {"Host: 127.0.0.1\r\n", 403}, /* another port */
        {"Host: localhost.evil.example\r\n", 403},
        {"Origin: null\r\n", 403},
        {"Origin: http://evil.example\r\n", 403},
        {"Origin: https://good.example.evil.example\r\n", 403},
        {"Origin: https://good.example\r\n", 101},
    };
    struct house house;
    house_start(&house, &(tp_gateway_options){.origins = origins});
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        dial(&client, &house);
        TP_ASSERT_EQ_INT(upgrade(&client, &house, cases[i].more), cases[i].status);
        tpi_descriptor_close(client.descriptor);
    }
    char own[128];
    snprintf(own, sizeof own, "Host: LOCALHOST:%u\r\nOrigin: http://localhost:%u\r\n", house.port,
             house.port);
    dial(&client, &house);
    TP_ASSERT_EQ_INT(upgrade(&client, &house, own), 101);
    tpi_descriptor_close(client.descriptor);
    tp_gateway_state state = look(&house);
    TP_ASSERT_EQ_INT(state.refused_host, 3);
    TP_ASSERT_EQ_INT(state.refused_origin, 3);
    TP_ASSERT_EQ_INT(state.accepted, 0);
    house_stop(&house);
}

TP_TEST(gateway_safety, no_token_no_word) {
    static const struct {
        const char *bytes;
        size_t size;
    } first[] = {
#define FIRST(text) {text, sizeof(text) - 1}
        FIRST("\x93\x01\x01\xd9\x20"
              "0123456789abcdef0123456789abcdeF"),
        FIRST("\x93\x01\x01\xd9\x21" TOKEN "0"),
        FIRST("\x93\x01\x01\xaf"
              "0123456789abcde"),
        FIRST("\x93\x01\x01\xa0"),
        FIRST("\x93\x01\x02\xd9\x20" TOKEN), /* another version */
        FIRST("\x93\x02\x01\xa6server"),     /* a command before the token */
        FIRST("\x93\x03\xa6server\x91\xa6secret"),
        FIRST("\xc1"),
        FIRST(""),
#undef FIRST
    };
    struct house house;
    house_start(&house, NULL);
    for (size_t i = 0; i < sizeof first / sizeof first[0]; i++) {
        dial(&client, &house);
        TP_ASSERT_EQ_INT(upgrade(&client, &house, ""), 101);
        TP_ASSERT(frame(&client, first[i].bytes, first[i].size));
        uint8_t out[4096];
        TP_ASSERT_EQ_INT(next_frame(&client, out, sizeof out), 0);
        TP_ASSERT(client.ended && out[0] == 3 && out[1] == 0xf0); /* 1008, and no reason */
        tpi_descriptor_close(client.descriptor);
    }
    uint8_t large[2048] = {0x93, 1, 1, 0xda, 0x07, 0xf0};
    dial(&client, &house);
    TP_ASSERT_EQ_INT(upgrade(&client, &house, ""), 101);
    (void)frame(&client, large, sizeof large); /* the first message has a limit of its own */
    drain(&client);
    tp_gateway_state state = look(&house);
    TP_ASSERT_EQ_INT(state.refused_token, sizeof first / sizeof first[0]);
    TP_ASSERT_EQ_INT(state.violations, 1);
    TP_ASSERT_EQ_INT(state.accepted, 0);
    check_served(&house);
    house_stop(&house);
}

TP_TEST(gateway_safety, requests_that_are_none) {
    static const char *const heads[] = {"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
                                        "POST / HTTP/1.1\r\n\r\n",
                                        "GET /troupe?token=" TOKEN " HTTP/1.1\r\nHost: x\r\n\r\n",
                                        "\r\n\r\n", "\x16\x03\x01\r\n\r\n"};
    struct house house;
    house_start(&house, NULL);
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
        dial(&client, &house);
        TP_ASSERT(ask_head(&client, heads[i]) >= 400);
        drain(&client);
    }
    static char endless[20000];
    memset(endless, 'a', sizeof endless);
    dial(&client, &house);
    (void)put(&client, endless, sizeof endless);
    drain(&client);
    TP_ASSERT_EQ_INT(look(&house).refused_request + look(&house).refused_host, 6);
    check_served(&house);
    house_stop(&house);
}

TP_TEST(gateway_safety, who_says_nothing_is_sent_away) {
    struct house house;
    house_start(&house, &(tp_gateway_options){.hello_time = TP_MS(50)});
    dial(&client, &house);
    drain(&client);
    dial(&client, &house);
    (void)put(&client, "GET /tr", 7);
    drain(&client);
    dial(&client, &house);
    TP_ASSERT_EQ_INT(look(&house).accepted, 0);
    drain(&client);
    WAIT_STATE(&house, state.refused_slow == 3 && state.sessions == 0);
    house_stop(&house);
}

TP_TEST(gateway_safety, strangers_do_not_keep_others_out) {
    enum { STRANGERS = 150 };
    static int open[STRANGERS];
    struct house house;
    house_start(&house, &(tp_gateway_options){.hello_time = TP_SECONDS(600), .max_sessions = 300});
    for (unsigned i = 0; i < STRANGERS; i++)
        TP_ASSERT_EQ_INT(tpi_socket_connect(&open[i], house.url), TP_OK);
    check_served(&house);
    WAIT_STATE(&house, state.sessions <= 65 && state.refused_full >= STRANGERS - 64);
    for (unsigned i = 0; i < STRANGERS; i++) tpi_descriptor_close(open[i]);
    WAIT_STATE(&house, state.sessions == 0);
    check_served(&house);
    house_stop(&house);
}

TP_TEST(gateway_safety, so_many_sessions_and_no_more) {
    static struct client first, second;
    struct house house;
    house_start(&house, &(tp_gateway_options){.max_sessions = 2});
    enter(&first, &house);
    enter(&second, &house);
    dial(&client, &house);
    drain(&client);
    TP_ASSERT_EQ_INT(look(&house).refused_full, 1);
    tpi_descriptor_close(first.descriptor);
    WAIT_STATE(&house, state.sessions == 1);
    dial(&client, &house); /* a stranger takes the last place, until somebody else comes */
    WAIT_STATE(&house, state.sessions == 2);
    check_served(&house);
    tpi_descriptor_close(client.descriptor);
    tpi_descriptor_close(second.descriptor);
    house_stop(&house);
}

/* ---- what a session may do ---- */

#define FORGED "\xd8\x01\x12\x34\x56\x78\x12\x34\x56\x78\0\0\0\x02\0\0\0\x03"

TP_TEST(gateway_safety, a_session_reaches_what_it_was_given) {
    struct house house;
    house_start(&house, NULL);
    enter(&client, &house);
    CHECK_ANSWER("\x93\x03" FORGED "\x91\xa3"
                 "ask",
                 9, "EREFUSED");
    CHECK_ANSWER("\x95\x04\x01" FORGED "\x91\xa3"
                 "ask\x00",
                 6, "EREFUSED");
    CHECK_ANSWER("\x95\x04\x01\xa6server\x94\xa3"
                 "ask\x01\xa0" FORGED "\x00",
                 6, "EREFUSED");
    CHECK_ANSWER("\x95\x04\x01\xa6server\x92\xa6secret\x01\x00", 6, "EREFUSED");
    CHECK_ANSWER("\x93\x03\xa6server\x92\xa9tp.exited\xc0", 9, "EREFUSED");
    CHECK_ANSWER("\x93\x03\xa6nobody\x91\xa3"
                 "ask",
                 9, "ENOENT");
    CHECK_ANSWER("\x92\x07" FORGED, 9, "EREFUSED");
    CHECK_ANSWER("\x93\x09\x01" FORGED, 6, "EREFUSED");
    CHECK_ANSWER("\x95\x04\x01\xa6server\x92\xa3"
                 "ask\xa1x\x00",
                 6, "EBADMSG");                        /* would end its receiver */
    CHECK_ANSWER("\x93\x0c\x04\xc4\x00", 9, "EINVAL"); /* to end as killed */
    TP_ASSERT_EQ_INT(look(&house).refused, 10);
    tpi_descriptor_close(client.descriptor);
    check_served(&house);
    house_stop(&house);
}

TP_TEST(gateway_safety, what_breaks_the_protocol_ends_the_session) {
    static uint8_t deep[5000];
    static const struct {
        const char *bytes;
        size_t size;
    } bad[] = {
#define BAD(text) {text, sizeof(text) - 1}
        BAD("\x82\x82\0\0\0\0\xc1\xc1"),                     /* no msgpack */
        BAD("\x82\x85\0\0\0\0\xdd\xff\xff\xff\xff"),         /* a count of 2^32 - 1 */
        BAD("\x82\x85\0\0\0\0\xdf\xff\xff\xff\xff"),         /* of pairs */
        BAD("\x82\x05hello"),                                /* not masked */
        BAD("\x81\x85\0\0\0\0hello"),                        /* text */
        BAD("\x82\xff\0\0\0\0\x20\0\0\0\0\0\0\0"),           /* 512 MiB */
        BAD("\x82\x8a\0\0\0\0\x93\x01\x01\xa6server"),       /* a second hello */
        BAD("\x82\x85\0\0\0\0\x92\x0b\xc3\xc0\xc0"),         /* bytes behind */
        BAD("\x82\x87\0\0\0\0\x93\x02\x01\xa3\xff\xfe\xfd"), /* a name of no UTF-8 */
#undef BAD
    };
    struct house house;
    house_start(&house, NULL);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        enter(&client, &house);
        (void)put(&client, bad[i].bytes, bad[i].size);
        drain(&client);
    }
    memset(deep, 0x91, sizeof deep);
    enter(&client, &house);
    (void)frame(&client, deep, sizeof deep);
    drain(&client);
    WAIT_STATE(&house, state.violations == sizeof bad / sizeof bad[0] + 1 && state.sessions == 0);
    check_served(&house);
    house_stop(&house);
}

TP_TEST(gateway_safety, every_prefix_of_a_session_and_then_nothing) {
    char bytes[1024];
    struct house house;
    house_start(&house, NULL);
    int head = snprintf(bytes, sizeof bytes,
                        "GET /troupe HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nUpgrade: websocket\r\n"
                        "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
                        house.port);
    size_t size = (size_t)head;
    memcpy(bytes + size, "\x82\xa5\0\0\0\0" HELLO, 6 + sizeof HELLO - 1);
    size += 6 + sizeof HELLO - 1;
    for (size_t cut = 0; cut <= size; cut += TP_SCALED(1) == 1 ? 1 : 7) {
        dial(&client, &house);
        (void)put(&client, bytes, cut);
        tpi_descriptor_close(client.descriptor);
    }
    check_served(&house);
    WAIT_STATE(&house, state.sessions == 0);
    TP_ASSERT(look(&house).accepted <= 2); /* the whole one, and the friend */
    house_stop(&house);
}

/* ---- who does not read, and who is gone ---- */

TP_TEST(gateway_safety, who_does_not_read_ends_and_delays_nobody) {
    struct house house;
    house_start(&house, &(tp_gateway_options){.max_backlog = 100});
    enter(&client, &house);
    for (unsigned i = 0; i < 2000; i++) /* each brings 5,000 messages; none is read */
        if (!FRAME(&client, "\x93\x03\xa6server\x92\xa4poke"
                            "\xd8\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"))
            break;
    WAIT_STATE(&house, state.sessions == 0);
    check_served(&house);
    tpi_descriptor_close(client.descriptor);
    house_stop(&house);
}

TP_TEST(gateway_safety, who_is_silent_is_gone) {
    struct house house;
    house_start(&house, &(tp_gateway_options){.heartbeat = TP_MS(30)});
    enter(&client, &house); /* it answers no ping */
    WAIT_STATE(&house, state.silent == 1 && state.sessions == 0);
    tpi_descriptor_close(client.descriptor);
    house_stop(&house);
}

TP_TEST(gateway_safety, the_end_of_the_gateway_is_said) {
    struct house house;
    uint8_t out[64];
    house_start(&house, NULL);
    enter(&client, &house);
    TP_ASSERT_EQ_INT(tp_post_exit(house.runtime, house.gateway, TP_EXIT_SHUTDOWN), TP_OK);
    TP_ASSERT_EQ_INT(next_frame(&client, out, sizeof out), 0);
    TP_ASSERT(client.ended && out[0] == 3 && out[1] == 0xe9); /* 1001 */
    tpi_descriptor_close(client.descriptor);
    house_stop(&house);
}

/* ---- the files ---- */

TP_TEST(gateway_files, are_given_by_their_exact_path) {
    static const tp_gateway_file files[] = {{"/", "text/html", "<p>hello", 8},
                                            {NULL, NULL, NULL, 0}};
    struct house house;
    char head[256];
    house_start(&house, &(tp_gateway_options){.files = files});
    snprintf(head, sizeof head, "GET / HTTP/1.1\r\nHost: localhost:%u\r\n\r\n", house.port);
    dial(&client, &house);
    TP_ASSERT_EQ_INT(ask_head(&client, head), 200);
    while (client.used < 8 && get(&client)) continue;
    TP_ASSERT(client.used == 8 && memcmp(client.in, "<p>hello", 8) == 0);
    drain(&client);
    snprintf(head, sizeof head, "GET /../etc/passwd HTTP/1.1\r\nHost: localhost:%u\r\n\r\n",
             house.port);
    dial(&client, &house);
    TP_ASSERT_EQ_INT(ask_head(&client, head), 404);
    drain(&client);
    house_stop(&house);
}
