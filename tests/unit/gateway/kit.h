/*
 * What the tests of the gateway share: a runtime with a gateway, and a client of bytes.
 */
#ifndef TESTS_GATEWAY_KIT_H
#define TESTS_GATEWAY_KIT_H

#include <troupe/gateway.h>
#include <troupe/troupe.h>

#include "core/base/atomic.h"
#include "tests/support/test.h"

#define PLENTY TP_SECONDS(60)
#define TOKEN "0123456789abcdef0123456789abcdef"

TP_MESSAGE(ask, TP_FIELD(u64, number), TP_FIELD(str, text), TP_FIELD(pid, who))
TP_MESSAGE(told, TP_FIELD(u64, number))
TP_MESSAGE(poke, TP_FIELD(pid, who))
TP_MESSAGE(secret, TP_FIELD(u64, number))

/* Numbers in `ask` to which the server does something else: it answers never; three actors ask the
 * client, before it answers. */
enum { NEVER = 99, ASK_BACK = 98 };
/* How many of those three were told TP_ENOREPLY. */
extern _Atomic(unsigned) unanswered;

struct house {
    tp_gateway_options options;
    tp_runtime *runtime;
    tp_inbox *inbox;
    tp_pid keeper, gateway, server;
    char url[64];
    uint32_t port;
    tp_err err;
};

/* Opens a runtime with an actor "server" and a gateway, by these options (NULL: none); `err` says
 * how the gateway's start went. */
void house_open(struct house *house, const tp_gateway_options *options);
/* The same where the gateway must start. */
void house_start(struct house *house, const tp_gateway_options *options);
/* Starts and stops one: how the start went. */
tp_err try_to_start(const tp_gateway_options *options);
void house_stop(struct house *house);
/* The gateway's counters. */
tp_gateway_state look(struct house *house);
/* Lets a millisecond pass, between two looks. */
void moment(void);
#define WAIT_STATE(house, condition)                                                               \
    do {                                                                                           \
        tp_gateway_state state = look(house);                                                      \
        for (unsigned i_ = 0; i_ < 60000 && !(condition); i_++) {                                  \
            moment();                                                                              \
            state = look(house);                                                                   \
        }                                                                                          \
        TP_ASSERT_MSG(condition, "never: %s", #condition);                                         \
    } while (0)

struct client {
    int descriptor;
    uint8_t in[65536];
    size_t used;
    bool ended;
};

void dial(struct client *client, struct house *house);
/* False: the other side has closed. */
bool put(struct client *client, const void *bytes, size_t size);
bool get(struct client *client);
/* Reads until the other side has closed. */
void drain(struct client *client);
/* Asks by HTTP; the status of the answer, 0: closed. */
int ask_head(struct client *client, const char *head);
int upgrade(struct client *client, struct house *house, const char *more);
/* Sends a message. */
bool frame(struct client *client, const void *payload, size_t size);
#define FRAME(client, text) frame((client), (text), sizeof(text) - 1)
/* The payload of the next frame. 0: closed. */
size_t next_frame(struct client *client, uint8_t *out, size_t room);
#define HELLO "\x93\x01\x01\xd9\x20" TOKEN
/* A session that shows the token. */
void enter(struct client *client, struct house *house);
/* Others are served: a call comes back. */
void check_served(struct house *house);
/* The reply to a command: its operation, and the text behind. */
void check_answer(struct client *client, const char *bytes, size_t size, unsigned op,
                  const char *text);
#define CHECK_ANSWER(bytes, op, text)                                                              \
    check_answer(&client, (bytes), sizeof(bytes) - 1, (op), (text))

#endif
