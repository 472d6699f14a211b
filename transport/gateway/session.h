/*
 * A session: the actor that is a client. It owns the socket, so that its end, whatever it is,
 * closes the connection, and the end of the connection is its own.
 */
#ifndef TPI_GATEWAY_SESSION_H
#define TPI_GATEWAY_SESSION_H

#include "core/actor/inner.h"
#include "transport/gateway/gateway.h"

/* Spawn arguments: a reference to the gateway. */
TP_MESSAGE_AS(tpi_session_of, "tp.session_of", TP_FIELD(u64, gateway), TP_FIELD(pid, door))
/* The door has given it its socket. */
TP_MESSAGE_AS(tpi_session_begin, "tp.session_begin", TP_FIELD(u64, socket))
/* To the door: it has shown the token. */
TP_MESSAGE_AS(tpi_session_up, "tp.session_up")
/* From the door: too many strangers. */
TP_MESSAGE_AS(tpi_session_leave, "tp.session_leave")
/* Its own timers. */
TP_MESSAGE_AS(tpi_session_late, "tp.session_late", TP_FIELD(u64, ref))
TP_MESSAGE_AS(tpi_session_beat, "tp.session_beat")
TP_MESSAGE_AS(tpi_session_over, "tp.session_over")

enum tpi_stage {
    TPI_STAGE_BEGIN,   /* no socket yet */
    TPI_STAGE_REQUEST, /* the head of its request comes */
    TPI_STAGE_HELLO,   /* the token is to come */
    TPI_STAGE_UP,
    TPI_STAGE_CLOSING /* all is said; what comes is ignored */
};

struct tpi_client_call { /* of the client, under way */
    uint64_t id;         /* the client's */
    tp_ref timer;
};

struct tpi_client_watch { /* a monitor of the client */
    uint64_t id;          /* the client's */
    tp_ref ref;
};

struct tpi_session {
    struct tpi_gateway *gateway;
    tp_pid door;
    tp_socket socket;
    enum tpi_stage stage;
    unsigned silent; /* beats without a byte from the peer */
    bool traps;
    int32_t code; /* how it ends, when it is CLOSING */
    tp_bin detail;
    char *head; /* of the request */
    size_t head_used;
    struct tpi_ws ws;
    struct tpi_handed handed;
    struct tpi_map links;        /* (node, slot:generation): linked by the client */
    struct tpi_map watches;      /* (ref, 0) -> watch */
    struct tpi_map watch_ids;    /* (client's id, 0) -> watch */
    struct tpi_map calls;        /* (ref, 0) -> call */
    struct tpi_map asked;        /* (id, 0) -> tp_from: requests that the client is to answer */
    uint64_t next_id, oldest_id; /* of those */
};

extern const tp_behavior tpi_session_behavior;

/* ---- what is said (tell.c); each may wait for the peer, and ends the session when it is gone.
 * ---- */

void tpi_tell_raw(tp_actor *self, struct tpi_session *session, const void *bytes, size_t size);
void tpi_tell_control(tp_actor *self, struct tpi_session *session, enum tpi_ws_opcode opcode,
                      const void *bytes, size_t size);
void tpi_tell_welcome(tp_actor *self, struct tpi_session *session);
void tpi_tell_found(tp_actor *self, struct tpi_session *session, uint64_t id, tp_pid pid);
void tpi_tell_failed(tp_actor *self, struct tpi_session *session, uint64_t id, tp_err err);
void tpi_tell_refused(tp_actor *self, struct tpi_session *session, enum tpi_command_op op,
                      tp_err err);
/* EXITED, or DOWN with an id. */
void tpi_tell_end(tp_actor *self, struct tpi_session *session, enum tpi_notice_op op, uint64_t id,
                  tp_pid who, tp_reason reason);
/* MESSAGE, REQUEST or REPLY with all pids in it handed out. */
void tpi_tell_message(tp_actor *self, struct tpi_session *session, enum tpi_notice_op op,
                      uint64_t id, tp_pid from, const tp_message *message);

/* ---- what is done (serve.c) ---- */

/* A whole message of a client that is UP. False: it broke the protocol. */
bool tpi_session_serve(tp_actor *self, struct tpi_session *session, const void *bytes, size_t size);
/* An answer to the client's call, or the end of it. */
void tpi_session_answered(tp_actor *self, struct tpi_session *session, tp_ref ref,
                          const tp_message *reply, tp_err err);
/* Somebody's message or request. */
void tpi_session_receive(tp_actor *self, struct tpi_session *session, const tp_message *message);
void tpi_session_down(tp_actor *self, struct tpi_session *session, const tp_down *down);
void tpi_session_exited(tp_actor *self, struct tpi_session *session, const tp_exited *exited);
/* Says goodbye; the session ends so when the peer has heard it, or soon. */
void tpi_session_close(tp_actor *self, struct tpi_session *session, enum tpi_ws_code ws_code,
                       tp_reason reason);

static inline void *tpi_session_map_alloc(void *self, size_t size) {
    return tp_alloc(self, size);
}
static inline void tpi_session_map_free(void *self, void *pointer, size_t size) {
    (void)size;
    tp_free(self, pointer);
}
static inline struct tpi_map_memory tpi_session_memory(tp_actor *self) {
    return (struct tpi_map_memory){tpi_session_map_alloc, tpi_session_map_free, self};
}

#endif
