/*
 * Frames: what travels between two nodes after the handshake. A frame is a length of four bytes, a
 * type, and the fields of that type in a fixed order (docs/wire-protocol.md, section 4). Encoding
 * goes into memory of the caller's, so that many frames share one write; decoding takes the stream
 * in any pieces and gives views.
 */
#ifndef TPI_WIRE_FRAME_H
#define TPI_WIRE_FRAME_H

#include <troupe/codec.h>

#include "transport/wire/wire.h"

/*
 * What a type has, in the order in which it is encoded. PAIR: flags, to, from and what the flags
 * add. NOBODY: `from` may be null. ANYBODY: so may `to`. OP, KIND, CODE, REF (not 0), NUMBER (a ref
 * that may be 0), COUNT (frames sent before this one). PIECE: sequence, total, offset, bytes.
 * MESSAGE: one msgpack array [name, field...] to the end. REST: bytes to the end.
 */
enum tpi_frame_shape {
    TPI_HAS_PAIR = 1 << 0,
    TPI_HAS_NOBODY = 1 << 1,
    TPI_HAS_ANYBODY = 1 << 2,
    TPI_HAS_OP = 1 << 3,
    TPI_HAS_KIND = 1 << 4,
    TPI_HAS_CODE = 1 << 5,
    TPI_HAS_REF = 1 << 6,
    TPI_HAS_NUMBER = 1 << 7,
    TPI_HAS_COUNT = 1 << 8,
    TPI_HAS_PIECE = 1 << 9,
    TPI_HAS_MESSAGE = 1 << 10,
    TPI_HAS_REST = 1 << 11
};

/* name, number on the wire, flags besides FOREIGN and TRACED, shape */
#define TPI_FRAME_MAP(X)                                                                           \
    X(MESSAGE, 0x01, 0, PAIR | NOBODY | MESSAGE)                                                   \
    X(REQUEST, 0x02, 0, PAIR | REF | MESSAGE)                                                      \
    X(REPLY, 0x03, 0, PAIR | NOBODY | REF | MESSAGE)                                               \
    X(FAILED, 0x04, 0, PAIR | NOBODY | CODE | REF)                                                 \
    X(ALIAS, 0x05, 0, PAIR | NOBODY | REF | MESSAGE)                                               \
    X(EXIT, 0x06, TPI_FRAME_LINKED, PAIR | NOBODY | CODE | REST)                                   \
    X(LINK, 0x07, 0, PAIR)                                                                         \
    X(UNLINK, 0x08, 0, PAIR | REF)                                                                 \
    X(UNLINK_ACK, 0x09, 0, PAIR | REF)                                                             \
    X(MONITOR, 0x0a, 0, PAIR | REF)                                                                \
    X(DEMONITOR, 0x0b, 0, PAIR | REF)                                                              \
    X(DOWN, 0x0c, 0, PAIR | CODE | REF | REST)                                                     \
    X(OPERATION, 0x10, 0, PAIR | NOBODY | ANYBODY | OP | NUMBER | REST)                            \
    X(FRAGMENT, 0x20, 0, PIECE)                                                                    \
    X(CREDIT, 0x30, 0, REF)                                                                        \
    X(HEARTBEAT, 0x31, 0, KIND | NUMBER | COUNT)                                                   \
    X(FLUSH, 0x32, 0, REF | COUNT)                                                                 \
    X(FLUSHED, 0x33, 0, REF)                                                                       \
    X(XOFF, 0x34, 0, PAIR | ANYBODY)                                                               \
    X(XON, 0x35, 0, PAIR | ANYBODY)                                                                \
    X(GOODBYE, 0x3f, 0, KIND | COUNT)

enum tpi_frame_type {
#define TPI_FRAME_ENUM(name, number, flags, shape) TPI_FRAME_##name = number,
    TPI_FRAME_MAP(TPI_FRAME_ENUM)
#undef TPI_FRAME_ENUM
};

enum tpi_frame_flag {
    TPI_FRAME_FOREIGN = 1 << 0, /* `from` is on a third node: its id follows */
    TPI_FRAME_TRACED = 1 << 1,  /* a trace id follows */
    TPI_FRAME_LINKED = 1 << 2   /* EXIT: because of a link */
};

enum tpi_heartbeat { TPI_HEARTBEAT_TICK, TPI_HEARTBEAT_PING, TPI_HEARTBEAT_PONG };

/* Why a side says goodbye. */
enum tpi_goodbye {
    TPI_GOODBYE_SHUTDOWN,   /* the node ends */
    TPI_GOODBYE_DISCONNECT, /* somebody asked for it */
    TPI_GOODBYE_REPLACED,   /* a newer connection between the same nodes took over */
    TPI_GOODBYE_VIOLATION,  /* the peer broke the protocol */
    TPI_GOODBYE_OVERLOAD,   /* the backlog for the peer is over its cap */
    TPI_GOODBYE_COUNT
};

struct tpi_frame {
    uint8_t type;       /* enum tpi_frame_type */
    uint8_t flags;      /* enum tpi_frame_flag */
    uint8_t kind;       /* enum tpi_heartbeat, enum tpi_goodbye */
    uint16_t operation; /* of an OPERATION: owned by transport/node */
    int32_t code;       /* exit code, or the error of FAILED */
    uint32_t to_slot, to_generation;
    uint32_t from_slot, from_generation;
    uint64_t from_node;               /* with FOREIGN; else the sender is on the sending node */
    uint64_t trace;                   /* with TRACED */
    uint64_t ref;                     /* REF or NUMBER */
    uint64_t count;                   /* COUNT */
    uint32_t sequence, total, offset; /* PIECE */
    tp_bin prefix;                    /* encoding only: stands before the payload */
    tp_bin payload; /* MESSAGE, REST, PIECE; decoded: a view of the decoder's memory */
    /* Decoded MESSAGE: what the payload was found to be, so that nobody need look again. */
    tp_str name;
    uint32_t field_count;
    tp_bin fields; /* behind the name, without the array's head */
};

#define TPI_FRAME_LENGTH_SIZE 4u
#define TPI_FRAME_HEAD_MAX 64u /* bytes of a frame before prefix and payload, at most */

/* True for the frames that need no credit and may overtake: CREDIT and all above. */
static inline bool tpi_frame_is_control(uint8_t type) {
    return type >= TPI_FRAME_CREDIT;
}
/* "MESSAGE"; "?" for a number without a type. */
const char *tpi_frame_name(uint8_t type);

/* ---- encoding: fields must fit the type, which is asserted ---- */

/* Bytes of the frame, its length field included. */
size_t tpi_frame_size(const struct tpi_frame *frame);
/* Writes all up to prefix and payload, whose bytes the caller appends; its size, at most
 * TPI_FRAME_HEAD_MAX. */
size_t tpi_frame_head(const struct tpi_frame *frame, uint8_t *out);
/* Writes the frame; TP_ETOOBIG when `room` is too small. */
tp_err tpi_frame_encode(const struct tpi_frame *frame, uint8_t *out, size_t room, size_t *used);

/* ---- decoding ---- */

/*
 * Reads one frame without its length field, and checks it. Of the limits: message_max. `whole`: no
 * FRAGMENT and no control frame is allowed (what fragments add up to).
 */
enum tpi_wire_code tpi_frame_parse(const uint8_t *bytes, size_t size,
                                   const struct tpi_wire_limits *limits, bool whole,
                                   struct tpi_frame *out);

enum tpi_decoded { TPI_DECODED_FRAME, TPI_DECODED_MORE, TPI_DECODED_BAD };

/* Frames out of a stream. All fields may be read. */
struct tpi_decoder {
    struct tpi_wire_limits limits; /* ours */
    uint8_t *stash;                /* of TPI_FRAME_LENGTH_SIZE + limits.frame_max bytes */
    size_t have;                   /* bytes of an unfinished frame in it */
    uint64_t offset;               /* of the next frame in the stream */
    uint64_t frames;               /* decoded so far */
    bool goodbye;                  /* was decoded: the stream is complete */
    struct tpi_wire_error error;
};

/* `stash` belongs to the caller, as large as said above, and must outlive the decoder. */
void tpi_decoder_init(struct tpi_decoder *decoder, const struct tpi_wire_limits *limits,
                      uint8_t *stash);
/*
 * Takes bytes (moving *at and *left) until a frame is whole. FRAME: *out is it, and its payload
 * points into the input or the stash until the next call. MORE: the input is used up. BAD: for
 * good; decoder->error says what and where.
 */
enum tpi_decoded tpi_decoder_next(struct tpi_decoder *decoder, const uint8_t **at, size_t *left,
                                  struct tpi_frame *out);
/* The stream has ended: OK only after a goodbye. */
enum tpi_wire_code tpi_decoder_end(struct tpi_decoder *decoder);

#endif
