/*
 * The message block: one allocation that is the mailbox node, the envelope and, for most messages,
 * the payload. It is written by its sender before it is pushed, and immutable from then on but for
 * `next`, which belongs to the mailbox.
 *
 * Payload: the fields in msgpack, one after the other, without the [type, ...] array head. The head
 * is a constant of the type (tpi_message_pack), so the wire and the journal write prefix +
 * payload.
 */
#ifndef TPI_MESSAGE_BLOCK_H
#define TPI_MESSAGE_BLOCK_H

#include "core/base/atomic.h"
#include <stddef.h>
#include <stdint.h>

#include <troupe/message.h>

#include "core/memory/pool.h"

/* What a block is; everything but MESSAGE, REQUEST and REPLY is a signal that acts when it is
 * fetched. */
#define TPI_KIND_MAP(X)                                                                            \
    X(MESSAGE) /* a user's message */                                                              \
    X(REQUEST) /* the same, and its sender waits for a reply under `ref` */                        \
    X(REPLY)   /* the answer to request `ref` */                                                   \
    X(FAILED)  /* no answer to request `ref` will come; `code` says why */                         \
    X(EXIT)    /* exit signal, explicit or (flag LINKED) from a link; payload: a tp_exited */      \
    X(LINK)                                                                                        \
    X(UNLINK)                                                                                      \
    X(UNLINK_ACK)                                                                                  \
    X(MONITOR)                                                                                     \
    X(DEMONITOR)                                                                                   \
    X(DOWN)     /* payload: a tp_down */                                                           \
    X(TIMEOUT)  /* a blocking operation's deadline, `ref` says which */                            \
    X(READY)    /* a socket event; `ref` says which, `code` what */                                \
    X(CREDIT)   /* a suspended sender asks to be told when there is room */                        \
    X(RESUME)   /* the answer to CREDIT `ref`; 0: whatever it waits for */                         \
    X(FORGET)   /* deferred request `ref` was answered by somebody else */                         \
    X(PING)     /* wants a tp_pong with `ref` */                                                   \
    X(GIVEN_UP) /* its sender was abandoned; to everybody, who look whether it matters to them */  \
    X(INFO) /* asks how the actor is: a request `ref` that the runtime answers for it; `code`: so  \
               many of its links and monitors are to be named */

enum tpi_kind {
#define TPI_KIND_ENUM(name) TPI_KIND_##name,
    TPI_KIND_MAP(TPI_KIND_ENUM)
#undef TPI_KIND_ENUM
        TPI_KIND_COUNT
};

enum tpi_block_flag {
    TPI_BLOCK_SHARED = 1 << 0,    /* the payload area holds a tpi_payload pointer */
    TPI_BLOCK_REMOTE = 1 << 1,    /* `from` is on another node; its id stands before the payload */
    TPI_BLOCK_ALIAS = 1 << 2,     /* sent to alias `ref` */
    TPI_BLOCK_LINKED = 1 << 3,    /* an exit signal because of a link */
    TPI_BLOCK_UNCOUNTED = 1 << 4, /* never counts against a bound: reply, timer, exit, down */
    TPI_BLOCK_TIMER = 1 << 5,     /* came from timer `ref` of its receiver */
    TPI_BLOCK_SYSTEM = 1 << 6     /* a request that no handler sees: core/actor/sys.c */
};

/* The consumer's marks: written only by the owner of the mailbox that the block is in. */
enum tpi_block_state {
    TPI_BLOCK_CONSUMED =
        1 << 0,               /* stays in the chain only because producers may still attach to it */
    TPI_BLOCK_LOOSE = 1 << 1, /* out of the chain */
    TPI_BLOCK_ANSWERED =
        1 << 2, /* a request that its handler has answered, deferred or passed on */
    TPI_BLOCK_RECEIVED = 1 << 4, /* taken by a receive, which frees it */
    TPI_BLOCK_REFUSED = 1 << 5,  /* by a receive: off the account, under a cap of its own */
    TPI_BLOCK_START = 1 << 6,    /* arguments of an actor whose starter waits for init */
    TPI_BLOCK_ANSWER = 1 << 7,   /* a message that was a REPLY: it answers the tpi_ask `ref` */
    TPI_BLOCK_KEPT = 1 << 3      /* tp_keep: whoever would free it makes it loose instead */
};

/*
 * A payload shared by several envelopes (broadcast), or one too large for a block (blob). Counted:
 * whoever drops the last reference frees it through the memory it came from.
 */
struct tpi_payload {
    _Atomic(uint32_t) references;
    uint32_t size; /* of `bytes`, as allocated */
    uint32_t used; /* of them, by the fields */
    struct tpi_memory *memory;
    uint8_t bytes[];
};

struct tpi_block {
    _Atomic(struct tpi_block *) next; /* the mailbox's link */
    const tp_message_type *type;      /* NULL for signals */
    uint32_t from_slot;
    uint32_t from_generation;
    uint32_t to_generation;
    uint32_t size; /* of the payload in bytes */
    tp_ref ref;
    uint8_t kind;       /* enum tpi_kind */
    uint8_t flags;      /* enum tpi_block_flag */
    uint8_t size_class; /* of the pool; TPI_CLASS_HEAP when it came from the allocator */
    uint8_t state;      /* enum tpi_block_state */
    uint16_t owner;     /* the pool it goes back to */
    uint16_t code;      /* FAILED: the error */
};
_Static_assert(sizeof(struct tpi_block) == 48, "a small message and its header share a cache line");

#define TPI_BLOCK_HEADER sizeof(struct tpi_block)

#endif
