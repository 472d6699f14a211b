/*
 * Lines, frames and pieces out of bytes.
 */
#include "core/process/stream.h"

#include <string.h>

unsigned tpi_stream_head(tp_port_format format) {
    switch (format) {
    case TP_PORT_FRAMES_1: return 1;
    case TP_PORT_FRAMES_2: return 2;
    case TP_PORT_FRAMES_4: return 4;
    default: return 0;
    }
}

bool tpi_frame_write(tp_port_format format, size_t size, uint8_t head[4]) {
    unsigned count = tpi_stream_head(format);
    TPI_ASSERT(count > 0);
    if (size > UINT32_MAX || (count < 4 && size >> (8 * count) != 0)) return false;
    for (unsigned i = 0; i < count; i++) head[i] = (uint8_t)(size >> (8 * (count - 1 - i)));
    return true;
}

static tp_err take(struct tpi_stream *stream, size_t skip, size_t size, size_t behind,
                   struct tpi_piece *out) {
    TPI_ASSERT(skip + size + behind <= stream->end - stream->start);
    *out = (struct tpi_piece){.bytes = stream->bytes + stream->start + skip, .size = size};
    stream->start += skip + size + behind;
    stream->scanned = 0;
    return TP_OK;
}

static tp_err cut_line(struct tpi_stream *stream, struct tpi_piece *out) {
    const uint8_t *first = stream->bytes + stream->start;
    size_t have = stream->end - stream->start;
    size_t look = have < (size_t)stream->limit + 1 ? have : (size_t)stream->limit + 1;
    const uint8_t *newline = look > stream->scanned
                                 ? memchr(first + stream->scanned, '\n', look - stream->scanned)
                                 : NULL;
    if (newline != NULL) return take(stream, 0, (size_t)(newline - first), 1, out);
    stream->scanned = look;
    if (have > stream->limit) {
        (void)take(stream, 0, stream->limit, 0, out);
        out->more = true;
        return TP_OK;
    }
    return stream->ended ? take(stream, 0, have, 0, out) : TP_EBUSY;
}

static tp_err cut_frame(struct tpi_stream *stream, struct tpi_piece *out) {
    unsigned head = tpi_stream_head(stream->format);
    size_t have = stream->end - stream->start, size = 0;
    if (have < head) return TP_EBUSY;
    for (unsigned i = 0; i < head; i++) size = size << 8 | stream->bytes[stream->start + i];
    if (size > stream->limit) return TP_ETOOBIG;
    return have - head < size ? TP_EBUSY : take(stream, head, size, 0, out);
}

tp_err tpi_stream_cut(struct tpi_stream *stream, struct tpi_piece *out) {
    size_t have = stream->end - stream->start;
    TPI_ASSERT(stream->start <= stream->end && stream->end <= stream->capacity);
    if (have == 0) return TP_EBUSY; /* there may be no memory yet */
    if (stream->format == TP_PORT_LINES) return cut_line(stream, out);
    if (tpi_stream_head(stream->format) > 0) return cut_frame(stream, out);
    return take(stream, 0, have < stream->limit ? have : stream->limit, 0, out);
}

size_t tpi_stream_wants(const struct tpi_stream *stream) {
    size_t kept = stream->end - stream->start;
    return kept + TPI_STREAM_CHUNK;
}

uint8_t *tpi_stream_room(struct tpi_stream *stream, size_t *size) {
    size_t kept = stream->end - stream->start;
    if (stream->start > 0 && kept > 0) memmove(stream->bytes, stream->bytes + stream->start, kept);
    stream->start = 0;
    stream->end = kept;
    *size = stream->capacity - kept;
    if (*size > TPI_STREAM_CHUNK) *size = TPI_STREAM_CHUNK;
    return stream->bytes + kept;
}

void tpi_stream_filled(struct tpi_stream *stream, size_t size) {
    TPI_ASSERT(size <= stream->capacity - stream->end);
    stream->end += size;
}
