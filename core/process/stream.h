/*
 * A program's output on its way to messages: read in chunks, cut into lines, frames or pieces.
 * Knows neither actors nor descriptors' readiness.
 */
#ifndef TPI_STREAM_H
#define TPI_STREAM_H

#include <troupe/port.h>

#include "core/base/assert.h"

#define TPI_STREAM_CHUNK 16384u /* bytes that one read takes at most */

struct tpi_stream {
    tp_port_format format;
    uint32_t limit; /* bytes of a piece */
    uint8_t *bytes; /* the caller's memory */
    size_t capacity;
    size_t start; /* [start, end) has been read and not cut */
    size_t end;
    size_t scanned; /* of that, known to have no newline */
    bool ended;     /* nothing follows */
};

struct tpi_piece {
    const uint8_t *bytes; /* in the stream, until the next tpi_stream_room */
    size_t size;
    bool more;
};

/* Bytes of a frame's length; 0: no frames. */
unsigned tpi_stream_head(tp_port_format format);
/* Writes a frame's length. False: it is too long for its head. */
bool tpi_frame_write(tp_port_format format, size_t size, uint8_t head[4]);

/* TP_OK: a piece; TP_EBUSY: more bytes are needed, or none follow; TP_ETOOBIG: a frame over the
 * limit. */
tp_err tpi_stream_cut(struct tpi_stream *stream, struct tpi_piece *out);
/* What the caller's memory should have, at most, for the next read. */
size_t tpi_stream_wants(const struct tpi_stream *stream);
/* Moves what is not cut to the front; where to read to, and how much. Memory that is too small
 * gives less. */
uint8_t *tpi_stream_room(struct tpi_stream *stream, size_t *size);
/* So much has been read there. */
void tpi_stream_filled(struct tpi_stream *stream, size_t size);

#endif
