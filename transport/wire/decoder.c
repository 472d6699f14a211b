/*
 * Frames out of a stream that comes in any pieces. A frame that lies whole in the input is decoded
 * where it is; only the ends of frames that are cut go through the stash, whose size is the frame
 * limit. So what a peer announces never makes us allocate.
 */
#include "core/base/assert.h"
#include "transport/wire/frame.h"

void tpi_decoder_init(struct tpi_decoder *decoder, const struct tpi_wire_limits *limits,
                      uint8_t *stash) {
    memset(decoder, 0, sizeof *decoder);
    TPI_ASSERT(tpi_wire_limits_valid(limits) && stash != NULL);
    decoder->limits = *limits;
    decoder->stash = stash;
}

static enum tpi_decoded bad(struct tpi_decoder *decoder, enum tpi_wire_code code) {
    TPI_ASSERT(code != TPI_WIRE_OK);
    decoder->error = (struct tpi_wire_error){code, decoder->offset};
    return TPI_DECODED_BAD;
}

/* Moves input into the stash until it holds `wanted` bytes; true when it does. */
static bool fill(struct tpi_decoder *decoder, size_t wanted, const uint8_t **at, size_t *left) {
    TPI_ASSERT(wanted <= TPI_FRAME_LENGTH_SIZE + (size_t)decoder->limits.frame_max);
    if (decoder->have >= wanted) return true;
    size_t size = wanted - decoder->have;
    if (size > *left) size = *left;
    if (size > 0) memcpy(decoder->stash + decoder->have, *at, size);
    decoder->have += size;
    *at += size;
    *left -= size;
    return decoder->have == wanted;
}

static bool length_valid(const struct tpi_decoder *decoder, uint32_t length) {
    return length > 0 && length <= decoder->limits.frame_max;
}

static enum tpi_decoded decode(struct tpi_decoder *decoder, const uint8_t *bytes, size_t size,
                               struct tpi_frame *out) {
    enum tpi_wire_code code = tpi_frame_parse(bytes, size, &decoder->limits, false, out);
    if (code != TPI_WIRE_OK) return bad(decoder, code);
    bool counts = out->type == TPI_FRAME_HEARTBEAT || out->type == TPI_FRAME_FLUSH ||
                  out->type == TPI_FRAME_GOODBYE;
    if (counts && out->count != decoder->frames) return bad(decoder, TPI_WIRE_COUNT);
    decoder->frames++;
    decoder->offset += TPI_FRAME_LENGTH_SIZE + size;
    decoder->goodbye = out->type == TPI_FRAME_GOODBYE;
    return TPI_DECODED_FRAME;
}

static enum tpi_decoded from_stash(struct tpi_decoder *decoder, const uint8_t **at, size_t *left,
                                   struct tpi_frame *out) {
    if (!fill(decoder, TPI_FRAME_LENGTH_SIZE, at, left)) return TPI_DECODED_MORE;
    uint32_t length = tpi_get32(decoder->stash);
    if (!length_valid(decoder, length)) return bad(decoder, TPI_WIRE_LENGTH);
    if (!fill(decoder, TPI_FRAME_LENGTH_SIZE + (size_t)length, at, left)) return TPI_DECODED_MORE;
    decoder->have = 0;
    return decode(decoder, decoder->stash + TPI_FRAME_LENGTH_SIZE, length, out);
}

enum tpi_decoded tpi_decoder_next(struct tpi_decoder *decoder, const uint8_t **at, size_t *left,
                                  struct tpi_frame *out) {
    if (decoder->error.code != TPI_WIRE_OK) return TPI_DECODED_BAD;
    if (*left == 0) return TPI_DECODED_MORE;
    if (decoder->goodbye) return bad(decoder, TPI_WIRE_AFTER_GOODBYE);
    if (decoder->have > 0 || *left < TPI_FRAME_LENGTH_SIZE)
        return from_stash(decoder, at, left, out);
    uint32_t length = tpi_get32(*at);
    if (!length_valid(decoder, length)) return bad(decoder, TPI_WIRE_LENGTH);
    if (*left - TPI_FRAME_LENGTH_SIZE < length) return from_stash(decoder, at, left, out);
    const uint8_t *bytes = *at + TPI_FRAME_LENGTH_SIZE;
    *at = bytes + length;
    *left -= TPI_FRAME_LENGTH_SIZE + (size_t)length;
    return decode(decoder, bytes, length, out);
}

enum tpi_wire_code tpi_decoder_end(struct tpi_decoder *decoder) {
    if (decoder->error.code != TPI_WIRE_OK) return decoder->error.code;
    if (decoder->goodbye) return TPI_WIRE_OK;
    (void)bad(decoder, TPI_WIRE_TRUNCATED);
    return TPI_WIRE_TRUNCATED;
}
