/*
 * Each limit of a gateway: what is within is served, what is beyond is refused, or ends the
 * session. That of sessions and that of strangers are in session_test.c.
 */
#include <stdio.h>
#include <string.h>

#include "core/platform/platform.h"
#include "tests/unit/gateway/kit.h"

static struct client client; /* too large for a stack */

/* ---- the settings ---- */

TP_TEST(gateway_limits, options_that_cannot_be) {
    static const char *const hosts[] = {"example.org", NULL};
    TP_ASSERT_EQ_INT(try_to_start(&(tp_gateway_options){.url = "ws://127.0.0.1:0"}), TP_OK);
    TP_ASSERT_EQ_INT(try_to_start(&(tp_gateway_options){.url = "ws://0.0.0.0:0"}), TP_EREFUSED);
    TP_ASSERT_EQ_INT(try_to_start(&(tp_gateway_options){.url = "ws://127.evil.example:0"}),
                     TP_EREFUSED);
    TP_ASSERT_EQ_INT(try_to_start(&(tp_gateway_options){.url = "ws://0.0.0.0:0", .remote = true}),
                     TP_EREFUSED);
    TP_ASSERT_EQ_INT(try_to_start(&(tp_gateway_options){
                         .url = "ws://0.0.0.0:0", .remote = true, .hosts = hosts}),
                     TP_OK);
    TP_ASSERT_EQ_INT(try_to_start(&(tp_gateway_options){.token = "short"}), TP_EINVAL);
    TP_ASSERT_EQ_INT(try_to_start(&(tp_gateway_options){.token = ""}), TP_EINVAL);
    TP_ASSERT_EQ_INT(try_to_start(&(tp_gateway_options){.url = "http://127.0.0.1:0"}), TP_EINVAL);
    TP_ASSERT_EQ_INT(try_to_start(&(tp_gateway_options){.url = "ws://127.0.0.1:0/x"}), TP_EINVAL);
    TP_ASSERT_EQ_INT(try_to_start(&(tp_gateway_options){.path = "troupe"}), TP_EINVAL);
    TP_ASSERT_EQ_INT(try_to_start(&(tp_gateway_options){.max_frame = 17u << 20}), TP_EINVAL);
    TP_ASSERT_EQ_INT(try_to_start(&(tp_gateway_options){.max_frame = 1023}), TP_EINVAL);
    TP_ASSERT_EQ_INT(try_to_start(&(tp_gateway_options){.max_pids = (1u << 24) + 1}), TP_EINVAL);
    TP_ASSERT_EQ_INT(try_to_start(&(tp_gateway_options){.max_sessions = 1u << 25}), TP_EINVAL);
    TP_ASSERT_EQ_INT(try_to_start(&(tp_gateway_options){.max_backlog = INT32_MAX}), TP_EINVAL);
    TP_ASSERT_EQ_INT(try_to_start(&(tp_gateway_options){.heartbeat = -1}), TP_EINVAL);
    TP_ASSERT_EQ_INT(try_to_start(&(tp_gateway_options){.hello_time = -1}), TP_EINVAL);
    TP_ASSERT_EQ_INT(try_to_start(&(tp_gateway_options){.patience = -1}), TP_EINVAL);
    TP_ASSERT_EQ_INT(try_to_start(&(tp_gateway_options){.token_file = "/no/such/file"}), TP_ENOENT);
}

/* What is copied, described or compared is bounded. */
TP_TEST(gateway_limits, options_that_are_too_long) {
    static char text[300];
    static const char *many[1026];
    static tp_message_type copies[257];
    static const tp_message_type *all[258];
    static char type_names[257][8];
    memset(text, 'x', 256);
    TP_ASSERT_EQ_INT(try_to_start(&(tp_gateway_options){.token = text}), TP_OK);
    text[256] = 'x';
    TP_ASSERT_EQ_INT(try_to_start(&(tp_gateway_options){.token = text}), TP_EINVAL);
    text[0] = '/';
    TP_ASSERT_EQ_INT(try_to_start(&(tp_gateway_options){.path = text}), TP_EINVAL);
    for (unsigned i = 0; i < 1025; i++) many[i] = "server";
    TP_ASSERT_EQ_INT(try_to_start(&(tp_gateway_options){.names = many}), TP_EINVAL);
    many[1024] = NULL;
    TP_ASSERT_EQ_INT(try_to_start(&(tp_gateway_options){.names = many}), TP_OK);
    for (unsigned i = 0; i < 257; i++) {
        snprintf(type_names[i], sizeof type_names[i], "t%u", i);
        copies[i] = told_message;
        copies[i].name = type_names[i];
        copies[i].name_size = (uint32_t)strlen(type_names[i]);
        copies[i].hash = tp_name_hash(type_names[i], copies[i].name_size);
        all[i] = &copies[i];
    }
    TP_ASSERT_EQ_INT(try_to_start(&(tp_gateway_options){.types = all}), TP_EINVAL);
    all[256] = NULL;
    TP_ASSERT_EQ_INT(try_to_start(&(tp_gateway_options){.types = all}), TP_OK);
}

/* ---- what a session holds ---- */

TP_TEST(gateway_limits, watches_have_a_limit) {
    static struct client watcher;
    struct house house;
    uint8_t out[4096];
    house_start(&house, &(tp_gateway_options){.max_watches = 2});
    enter(&client, &house);
    enter(&watcher, &house);
    TP_ASSERT(FRAME(&client, "\x93\x02\x01\xa6server"));
    size_t size = next_frame(&client, out, sizeof out);
    TP_ASSERT_EQ_INT(size, 21);
    for (uint8_t i = 0; i < 3; i++) {
        uint8_t monitor[21] = {0x93, 9, i};
        memcpy(monitor + 3, out + 3, 18);
        TP_ASSERT(frame(&client, monitor, sizeof monitor));
    }
    size = next_frame(&client, out, sizeof out);
    TP_ASSERT(size > 4 && out[1] == 6 && out[2] == 2 && memmem(out, size, "EFULL", 5) != NULL);
    tpi_descriptor_close(client.descriptor);
    tpi_descriptor_close(watcher.descriptor);
    check_served(&house);
    house_stop(&house);
}

/* A second actor that has a name. */
static void other_body(tp_actor *self, void *arg) {
    (void)arg;
    (void)tp_register(self, "other");
    (void)tp_sleep(self, TP_FOREVER);
}

static void house_of_two(struct house *house, tp_gateway_options options) {
    static const char *const both[] = {"server", "other", NULL};
    tp_pid pid;
    options.names = both;
    house_start(house, &options);
    TP_ASSERT_EQ_INT(tp_runtime_spawn_body(house->runtime, &pid, other_body, NULL, NULL), TP_OK);
    while (tp_pid_is_null(tp_whereis(house->runtime, "other"))) moment();
}

TP_TEST(gateway_limits, links_have_a_limit) {
    struct house house;
    house_of_two(&house, (tp_gateway_options){.max_watches = 1});
    enter(&client, &house);
    uint8_t link[20] = {0x92, 7}, out[4096];
    TP_ASSERT(FRAME(&client, "\x93\x02\x01\xa6server"));
    TP_ASSERT_EQ_INT(next_frame(&client, out, sizeof out), 21);
    memcpy(link + 2, out + 3, 18);
    TP_ASSERT(frame(&client, link, sizeof link) && frame(&client, link, sizeof link));
    TP_ASSERT(FRAME(&client, "\x93\x02\x01\xa5other"));
    TP_ASSERT_EQ_INT(next_frame(&client, out, sizeof out), 21);
    memcpy(link + 2, out + 3, 18);
    check_answer(&client, (const char *)link, sizeof link, 9, "EFULL");
    tpi_descriptor_close(client.descriptor);
    house_stop(&house);
}

#define NO_PID "\xd8\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
/* A call of the server: its id, and its number. */
#define CALL(id, number)                                                                           \
    "\x95\x04" id "\xa6server\x94\xa3"                                                             \
    "ask" number "\xa0" NO_PID "\x00"

TP_TEST(gateway_limits, calls_have_a_limit) {
    struct house house;
    house_start(&house, &(tp_gateway_options){.max_calls = 2});
    enter(&client, &house);
    TP_ASSERT(FRAME(&client, CALL("\x01", "\x63")) && FRAME(&client, CALL("\x02", "\x63")));
    CHECK_ANSWER(CALL("\x03", "\x01"), 6, "EFULL");
    tpi_descriptor_close(client.descriptor);
    check_served(&house);
    house_stop(&house);
}

/* Of three that ask a client which answers nothing, with room for two, one is told. */
TP_TEST(gateway_limits, questions_to_a_client_have_a_limit) {
    struct house house;
    house_start(&house, &(tp_gateway_options){.max_calls = 2});
    /* relaxed: nobody counts yet */
    atomic_store_explicit(&unanswered, 0, memory_order_relaxed);
    enter(&client, &house);
    TP_ASSERT(FRAME(&client, CALL("\x01", "\x62")));
    unsigned told_of = 0;
    for (unsigned i = 0; i < 60000 && told_of == 0; i++) {
        moment();
        /* acquire: partner is the addition in asker_body */
        told_of = atomic_load_explicit(&unanswered, memory_order_acquire);
    }
    TP_ASSERT_EQ_INT(told_of, 1);
    tpi_descriptor_close(client.descriptor);
    house_stop(&house);
}

TP_TEST(gateway_limits, pids_that_are_handed_out_have_a_limit) {
    struct house house;
    uint8_t out[4096], monitor[21] = {0x93, 9, 1};
    house_of_two(&house, (tp_gateway_options){.max_pids = 1});
    enter(&client, &house);
    TP_ASSERT(FRAME(&client, "\x93\x02\x01\xa6server"));
    TP_ASSERT_EQ_INT(next_frame(&client, out, sizeof out), 21);
    memcpy(monitor + 3, out + 3, 18);
    TP_ASSERT(FRAME(&client, "\x93\x02\x01\xa5other"));
    TP_ASSERT_EQ_INT(next_frame(&client, out, sizeof out), 21);
    check_answer(&client, (const char *)monitor, sizeof monitor, 6, "EREFUSED");
    tpi_descriptor_close(client.descriptor);
    house_stop(&house);
}

TP_TEST(gateway_limits, an_exit_reason_has_a_limit) {
    struct house house;
    uint8_t out[64], bytes[520] = {0x93, 0x0c, 0x01, 0xc5, 0x02, 0x01}; /* 513 bytes */
    house_start(&house, NULL);
    enter(&client, &house);
    bytes[2] = TP_EXIT_SHUTDOWN;
    check_answer(&client, (const char *)bytes, 6 + 513, 9, "EINVAL");
    bytes[5] = 0;
    TP_ASSERT(frame(&client, bytes, 6 + 512));
    TP_ASSERT_EQ_INT(next_frame(&client, out, sizeof out), 0);
    TP_ASSERT(client.ended);
    tpi_descriptor_close(client.descriptor);
    house_stop(&house);
}

TP_TEST(gateway_limits, a_message_has_the_limit_that_was_set) {
    struct house house;
    static char bytes[1026];
    enum { BEFORE = 19, BEHIND = 19 }; /* the text */
    house_start(&house, &(tp_gateway_options){.max_frame = 1025});
    memset(bytes, 'x', sizeof bytes);
    memcpy(bytes,
           "\x95\x04\x07\xa6server\x94\xa3"
           "ask\x01\xda",
           BEFORE - 2);
    for (size_t size = 1025; size <= 1026; size++) {
        size_t text = size - BEFORE - BEHIND;
        bytes[BEFORE - 2] = (char)(text >> 8);
        bytes[BEFORE - 1] = (char)text;
        memset(bytes + BEFORE + text - 1, 'x', 1);
        memcpy(bytes + BEFORE + text, NO_PID "\x00", BEHIND);
        enter(&client, &house);
        if (size == 1025) {
            check_answer(&client, bytes, size, 5, "told");
            tpi_descriptor_close(client.descriptor);
            continue;
        }
        (void)frame(&client, bytes, size);
        drain(&client);
    }
    WAIT_STATE(&house, state.violations == 1 && state.sessions == 0);
    house_stop(&house);
}

/* There is room for all that waits: it is the time that ends it. */
TP_TEST(gateway_limits, who_takes_nothing_in_time_is_gone) {
    struct house house;
    house_start(&house, &(tp_gateway_options){.max_backlog = 10000000, .patience = TP_MS(100)});
    enter(&client, &house);
    for (unsigned i = 0; i < 400; i++)
        if (!FRAME(&client, "\x93\x03\xa6server\x92\xa4poke" NO_PID)) break;
    WAIT_STATE(&house, state.sessions == 0);
    check_served(&house);
    tpi_descriptor_close(client.descriptor);
    house_stop(&house);
}
