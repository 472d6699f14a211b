/*
 * The gateway: browser pages and other programs as actors, over WebSocket. Link with libtroupe-net.
 *
 * A session is an actor: what it sends comes from its pid, and it is called, linked and monitored
 * like any other. When its connection is lost it ends with TP_EXIT_NOCONNECTION. It reaches the
 * exported names and the pids that it was given, with messages of the listed types; these are
 * decoded before anybody gets them. Safe by default: loopback only, a token before anything else,
 * Host and Origin are checked, and whatever a peer can make us allocate has a limit.
 */
#ifndef TROUPE_GATEWAY_H
#define TROUPE_GATEWAY_H

#include <troupe/actor.h>

TP_EXTERN_BEGIN

/* The shortest token. */
#define TP_TOKEN_SIZE_MIN 16
/* The longest. */
#define TP_TOKEN_SIZE_MAX 256

/* Something that a GET gets: the page, the client's source. Constant; must outlive the runtime. */
typedef struct tp_gateway_file {
    const char *path; /* "/", "/troupe.mjs"; NULL ends the list */
    const char *type; /* "text/html; charset=utf-8" */
    const void *bytes;
    size_t size;
} tp_gateway_file;

/* Zero in a field means its default. Lists of strings end with NULL; all but `types` and `files`
 * is copied. */
typedef struct tp_gateway_options {
    const char *url;        /* default "ws://127.0.0.1:0": port 0 picks one */
    const char *path;       /* of the endpoint; default "/troupe" */
    const char *token;      /* what a client must show first; at least TP_TOKEN_SIZE_MIN bytes */
    const char *token_file; /* the same in a file that nobody else may read */
    bool remote; /* lets other machines connect, unencrypted: meant for behind a proxy with TLS */
    const char *const *hosts;   /* "HOST:PORT" as clients name us, beside the loopback names of the
                                   port; needed with `remote` */
    const char *const *origins; /* "https://HOST" of pages that may connect, beside those that this
                                   gateway serves itself */
    const char *const *names;   /* registered names that a client may find and send to */
    const tp_message_type *const *types; /* what a client may send, &deposit_message, ..., NULL; and
                                            what it is told the fields of */
    const tp_gateway_file *files;        /* default: none */
    uint32_t max_sessions;               /* default 128 */
    uint32_t max_pids; /* that a session keeps; the longest unused one is forgotten; default 1,024
                        */
    uint32_t max_watches; /* links and monitors of a session, each; default 1,024 */
    uint32_t max_calls;   /* of a session under way, each way; default 256 */
    uint32_t max_backlog; /* messages that wait for a session; one more ends it; default 1,024 */
    size_t max_frame;     /* bytes that a client may send at once; default 1 MiB, at most 16 MiB */
    tp_duration hello_time; /* to show the token; default 5 s */
    tp_duration heartbeat;  /* a peer that is silent for two of these is gone; default 15 s */
    tp_duration patience;   /* for a peer to take what is sent to it; default 10 s */
} tp_gateway_options;

/* What a gateway answers with tp_gateway_state. */
TP_MESSAGE_AS(tp_gateway_ask, "tp.gateway_ask", )
/* Where it listens, and what it has done since its start. `refused_...` count connections,
 * `refused` single commands of sessions, `violations` sessions that broke the protocol. */
TP_MESSAGE_AS(tp_gateway_state, "tp.gateway_state", TP_FIELD(str, url), TP_FIELD(u32, port),
              TP_FIELD(u64, sessions), TP_FIELD(u64, accepted), TP_FIELD(u64, refused_request),
              TP_FIELD(u64, refused_host), TP_FIELD(u64, refused_origin),
              TP_FIELD(u64, refused_token), TP_FIELD(u64, refused_full),
              TP_FIELD(u64, refused_slow), TP_FIELD(u64, refused), TP_FIELD(u64, violations),
              TP_FIELD(u64, silent), TP_FIELD(u64, received), TP_FIELD(u64, sent))

/*
 * Starts a gateway, linked to the caller, and waits until it listens. It ends, with all sessions,
 * when the caller does or at an exit signal. TP_EREFUSED: the address can be reached from other
 * machines without `remote` and `hosts`, the token file can be read by others; TP_EINVAL: another
 * setting (the log names it); TP_EADDR, TP_EBUSY (in use), TP_ENOTSUP (the simulator), TP_ENOMEM.
 * The actor itself.
 */
TP_API tp_err tp_gateway_start(tp_actor *self, const tp_gateway_options *options, tp_pid *out);

TP_EXTERN_END

#endif
