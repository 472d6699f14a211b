/*
 * What a client says after the handshake: one msgpack array a message, [operation, arguments...].
 * Pure bytes. docs/gateway-protocol.md is the law of it.
 */
#ifndef TPI_GATEWAY_COMMAND_H
#define TPI_GATEWAY_COMMAND_H

#include <troupe/message.h>

#define TPI_GATEWAY_VERSION 1u

/* X(name, arguments): i number, t pid or name, p pid, n name, m message, e integer, f flag,
 * b text or bytes. The first is 1. */
#define TPI_COMMAND_MAP(X)                                                                         \
    X(HELLO, "ib")                                                                                 \
    X(FIND, "in")                                                                                  \
    X(SEND, "tm")                                                                                  \
    X(CALL, "itme")                                                                                \
    X(REPLY, "im")                                                                                 \
    X(REFUSE, "ie")                                                                                \
    X(LINK, "p")                                                                                   \
    X(UNLINK, "p")                                                                                 \
    X(MONITOR, "ip")                                                                               \
    X(DEMONITOR, "i")                                                                              \
    X(TRAP, "f")                                                                                   \
    X(EXIT, "eb")

enum tpi_command_op {
    TPI_COMMAND_NONE,
#define TPI_COMMAND_ENUM(name, arguments) TPI_COMMAND_##name,
    TPI_COMMAND_MAP(TPI_COMMAND_ENUM)
#undef TPI_COMMAND_ENUM
        TPI_COMMAND_COUNT
};

/* What we say. */
enum tpi_notice_op {
    TPI_NOTICE_WELCOME = 1, /* version, own pid, largest frame, types */
    TPI_NOTICE_FOUND,       /* id, pid or nil */
    TPI_NOTICE_MESSAGE,     /* sender or nil, message */
    TPI_NOTICE_REQUEST,     /* id, sender or nil, message */
    TPI_NOTICE_REPLY,       /* id, message */
    TPI_NOTICE_FAILED,      /* id, error */
    TPI_NOTICE_EXITED,      /* pid, code, its name, detail */
    TPI_NOTICE_DOWN,        /* id, pid, code, its name, detail */
    TPI_NOTICE_REFUSED      /* operation, error */
};

struct tpi_command {
    enum tpi_command_op op;
    uint64_t id;
    tp_pid to; /* null: `name` */
    tp_str name;
    tp_bin message; /* the bytes of an array, with what is in it */
    int64_t number;
    bool flag;
    tp_bin bytes;
};

/*
 * Reads a whole message of a client; what the command points to is borrowed. False: it is not well
 * formed, has text that is not UTF-8, nests more than TP_DEPTH_MAX deep, or is no command. Values
 * behind the known ones are of a later version and skipped.
 */
bool tpi_command_read(const void *bytes, size_t size, struct tpi_command *out);

/*
 * Visits the pids in msgpack values that have been found well formed; stops and returns false when
 * the visitor does. `visit` may be NULL. Text that is not UTF-8: false.
 */
bool tpi_values_scan(const void *bytes, size_t size, bool (*visit)(void *context, tp_pid pid),
                     void *context);

#endif
