/*
 * One frame: how its fields are laid out, and what makes it well-formed. Both directions follow the
 * shape of the type, so that they cannot drift apart.
 */
#include "transport/wire/frame.h"

#include "core/base/assert.h"
#include "core/message/message.h"

#define PAIR TPI_HAS_PAIR
#define NOBODY TPI_HAS_NOBODY
#define ANYBODY TPI_HAS_ANYBODY
#define OP TPI_HAS_OP
#define KIND TPI_HAS_KIND
#define CODE TPI_HAS_CODE
#define REF TPI_HAS_REF
#define NUMBER TPI_HAS_NUMBER
#define COUNT TPI_HAS_COUNT
#define PIECE TPI_HAS_PIECE
#define MESSAGE TPI_HAS_MESSAGE
#define REST TPI_HAS_REST

#define TYPES 64

static const uint16_t shapes[TYPES] = {
#define SHAPE(name, number, flags, shape) [number] = (shape),
    TPI_FRAME_MAP(SHAPE)
#undef SHAPE
};

static const uint8_t own_flags[TYPES] = {
#define FLAGS(name, number, flags, shape) [number] = (flags),
    TPI_FRAME_MAP(FLAGS)
#undef FLAGS
};

#define PAIR_SIZE 17

/* Bytes of the type and its fields, without what flags add and what goes to the end. */
#define FIELDS_SIZE(shape)                                                                         \
    (1 + ((shape)&PAIR ? PAIR_SIZE : 0) + ((shape)&OP ? 2 : 0) + ((shape)&KIND ? 1 : 0) +          \
     ((shape)&CODE ? 4 : 0) + ((shape) & (REF | NUMBER) ? 8 : 0) + ((shape)&COUNT ? 8 : 0) +       \
     ((shape)&PIECE ? 12 : 0))

static const uint8_t sizes[TYPES] = {
#define SIZE(name, number, flags, shape) [number] = FIELDS_SIZE(shape),
    TPI_FRAME_MAP(SIZE)
#undef SIZE
};

/* What the flags add. */
static size_t extra_size(unsigned shape, uint8_t flags) {
    if (!(shape & PAIR)) return 0;
    return (flags & TPI_FRAME_FOREIGN ? 8u : 0u) + (flags & TPI_FRAME_TRACED ? 8u : 0u);
}

static unsigned shape_of(uint8_t type) {
    return type < TYPES ? shapes[type] : 0;
}

static unsigned flags_of(uint8_t type) {
    return TPI_FRAME_FOREIGN | TPI_FRAME_TRACED | own_flags[type];
}

const char *tpi_frame_name(uint8_t type) {
    static const char *const names[TYPES] = {
#define NAME(name, number, flags, shape) [number] = #name,
        TPI_FRAME_MAP(NAME)
#undef NAME
    };
    return shape_of(type) == 0 ? "?" : names[type];
}

/* ---- encoding ---- */

static uint8_t *add8(uint8_t *at, uint8_t value) {
    *at = value;
    return at + 1;
}

static uint8_t *add32(uint8_t *at, uint32_t value) {
    tpi_put32(at, value);
    return at + 4;
}

static uint8_t *add64(uint8_t *at, uint64_t value) {
    tpi_put64(at, value);
    return at + 8;
}

static uint8_t *add_pair(uint8_t *at, const struct tpi_frame *frame) {
    TPI_ASSERT((frame->flags & ~flags_of(frame->type)) == 0);
    at = add8(at, frame->flags);
    at = add32(at, frame->to_slot);
    at = add32(at, frame->to_generation);
    at = add32(at, frame->from_slot);
    at = add32(at, frame->from_generation);
    if (frame->flags & TPI_FRAME_FOREIGN) at = add64(at, frame->from_node);
    if (frame->flags & TPI_FRAME_TRACED) at = add64(at, frame->trace);
    return at;
}

static uint8_t *add_fields(uint8_t *at, unsigned shape, const struct tpi_frame *frame) {
    if (shape & PAIR) at = add_pair(at, frame);
    if (shape & OP) {
        tpi_put16(at, frame->operation);
        at += 2;
    }
    if (shape & KIND) at = add8(at, frame->kind);
    if (shape & CODE) at = add32(at, (uint32_t)frame->code);
    if (shape & (REF | NUMBER)) at = add64(at, frame->ref);
    if (shape & COUNT) at = add64(at, frame->count);
    if (shape & PIECE) {
        at = add32(at, frame->sequence);
        at = add32(at, frame->total);
        at = add32(at, frame->offset);
    }
    return at;
}

static size_t rest_size(unsigned shape, const struct tpi_frame *frame) {
    if ((shape & (MESSAGE | REST | PIECE)) == 0) return 0;
    return frame->prefix.size + frame->payload.size;
}

size_t tpi_frame_head(const struct tpi_frame *frame, uint8_t *out) {
    unsigned shape = shape_of(frame->type);
    TPI_ASSERT(shape != 0);
    uint8_t *at = add8(out + TPI_FRAME_LENGTH_SIZE, frame->type);
    at = add_fields(at, shape, frame);
    size_t head = (size_t)(at - out);
    size_t length = head - TPI_FRAME_LENGTH_SIZE + rest_size(shape, frame);
    TPI_ASSERT(head <= TPI_FRAME_HEAD_MAX && length <= UINT32_MAX);
    tpi_put32(out, (uint32_t)length);
    return head;
}

size_t tpi_frame_size(const struct tpi_frame *frame) {
    unsigned shape = shape_of(frame->type);
    TPI_ASSERT(shape != 0);
    return TPI_FRAME_LENGTH_SIZE + sizes[frame->type] + extra_size(shape, frame->flags) +
           rest_size(shape, frame);
}

tp_err tpi_frame_encode(const struct tpi_frame *frame, uint8_t *out, size_t room, size_t *used) {
    size_t size = tpi_frame_size(frame);
    if (size > room) return TP_ETOOBIG;
    uint8_t *at = out + tpi_frame_head(frame, out);
    if (rest_size(shape_of(frame->type), frame) > 0) {
        if (frame->prefix.size > 0) memcpy(at, frame->prefix.data, frame->prefix.size);
        at += frame->prefix.size;
        if (frame->payload.size > 0) memcpy(at, frame->payload.data, frame->payload.size);
        at += frame->payload.size;
    }
    TPI_ASSERT((size_t)(at - out) == size);
    *used = size;
    return TP_OK;
}

/* ---- decoding ---- */

static const uint8_t *take_pair(const uint8_t *at, struct tpi_frame *out) {
    out->flags = at[0];
    out->to_slot = tpi_get32(at + 1);
    out->to_generation = tpi_get32(at + 5);
    out->from_slot = tpi_get32(at + 9);
    out->from_generation = tpi_get32(at + 13);
    at += PAIR_SIZE;
    if (out->flags & TPI_FRAME_FOREIGN) {
        out->from_node = tpi_get64(at);
        at += 8;
    }
    if (out->flags & TPI_FRAME_TRACED) {
        out->trace = tpi_get64(at);
        at += 8;
    }
    return at;
}

static const uint8_t *take_piece(const uint8_t *at, struct tpi_frame *out) {
    out->sequence = tpi_get32(at);
    out->total = tpi_get32(at + 4);
    out->offset = tpi_get32(at + 8);
    return at + 12;
}

/* The caller has seen that all fields are there: nothing is looked at twice. */
static const uint8_t *take_fields(const uint8_t *at, unsigned shape, struct tpi_frame *out) {
    if (shape & PAIR) at = take_pair(at, out);
    if (shape & OP) {
        out->operation = tpi_get16(at);
        at += 2;
    }
    if (shape & KIND) out->kind = *at++;
    if (shape & CODE) {
        out->code = (int32_t)tpi_get32(at);
        at += 4;
    }
    if (shape & (REF | NUMBER)) {
        out->ref = tpi_get64(at);
        at += 8;
    }
    if (shape & COUNT) {
        out->count = tpi_get64(at);
        at += 8;
    }
    return shape & PIECE ? take_piece(at, out) : at;
}

/* A null pid has generation 0, and then slot 0 too, so that there is one form of it. */
static bool pids_valid(unsigned shape, const struct tpi_frame *frame) {
    if (frame->to_generation == 0 && (frame->to_slot != 0 || !(shape & ANYBODY))) return false;
    if (frame->from_generation == 0 && (frame->from_slot != 0 || !(shape & NOBODY))) return false;
    if (!(frame->flags & TPI_FRAME_FOREIGN)) return true;
    return frame->from_node != 0 && frame->from_generation != 0;
}

/* The whole of it is walked: depth, counts and lengths are within bounds for whoever decodes it
 * later, known fields or not. */
static bool message_valid(struct tpi_frame *frame) {
    tp_reader in;
    if (tpi_message_open(frame->payload.data, frame->payload.size, &frame->name,
                         &frame->field_count, &in) != TP_OK)
        return false;
    frame->fields = (tp_bin){in.at, tpi_left(&in)};
    for (uint32_t i = 0; i < frame->field_count && !in.failed; i++) tp_read_skip(&in);
    return !in.failed && in.at == in.end;
}

static bool piece_valid(const struct tpi_frame *frame, const struct tpi_wire_limits *limits) {
    uint64_t end = (uint64_t)frame->offset + frame->payload.size;
    uint64_t most = (uint64_t)limits->message_max + TPI_FRAME_HEAD_MAX;
    return frame->payload.size > 0 && end <= frame->total && frame->total <= most;
}

static bool kind_valid(const struct tpi_frame *frame) {
    if (frame->type == TPI_FRAME_HEARTBEAT) return frame->kind <= TPI_HEARTBEAT_PONG;
    return frame->kind < TPI_GOODBYE_COUNT;
}

static enum tpi_wire_code check(unsigned shape, struct tpi_frame *frame,
                                const struct tpi_wire_limits *limits) {
    if ((shape & PAIR) && (frame->flags & ~flags_of(frame->type)) != 0) return TPI_WIRE_FLAGS;
    if ((shape & PAIR) && !pids_valid(shape, frame)) return TPI_WIRE_PID;
    if ((shape & REF) && frame->ref == 0) return TPI_WIRE_REF;
    if ((shape & KIND) && !kind_valid(frame)) return TPI_WIRE_VALUE;
    if ((shape & PIECE) && !piece_valid(frame, limits)) return TPI_WIRE_FRAGMENT;
    if (frame->type == TPI_FRAME_FAILED && (frame->code <= 0 || frame->code > UINT16_MAX))
        return TPI_WIRE_VALUE;
    if ((shape & (MESSAGE | REST)) && frame->payload.size > limits->message_max)
        return TPI_WIRE_LENGTH;
    if ((shape & MESSAGE) && !message_valid(frame)) return TPI_WIRE_PAYLOAD;
    return TPI_WIRE_OK;
}

enum tpi_wire_code tpi_frame_parse(const uint8_t *bytes, size_t size,
                                   const struct tpi_wire_limits *limits, bool whole,
                                   struct tpi_frame *out) {
    memset(out, 0, sizeof *out);
    if (size == 0) return TPI_WIRE_LENGTH;
    out->type = bytes[0];
    unsigned shape = shape_of(out->type);
    if (shape == 0 || (whole && out->type >= TPI_FRAME_FRAGMENT)) return TPI_WIRE_TYPE;
    size_t fields = sizes[out->type];
    if (size < fields) return TPI_WIRE_SHORT;
    fields += extra_size(shape, bytes[1]);
    if (size < fields) return TPI_WIRE_SHORT;
    const uint8_t *end = take_fields(bytes + 1, shape, out);
    TPI_CHECK(end == bytes + fields);
    if (shape & (MESSAGE | REST | PIECE)) out->payload = (tp_bin){end, size - fields};
    else if (size > fields) return TPI_WIRE_LONG;
    return check(shape, out, limits);
}
