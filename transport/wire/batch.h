/*
 * The sending side of a connection: frames one behind the other, then, in secure mode, one record
 * around them all. It counts the frames, so that heartbeats, flushes and the goodbye tell the right
 * number. Frames that are encoded already and alone in their batch are not copied: they are lent,
 * written as they are or sealed into the buffer from where they stand.
 */
#ifndef TPI_WIRE_BATCH_H
#define TPI_WIRE_BATCH_H

#include "transport/wire/fragment.h"
#include "transport/wire/record.h"

/* Holds a secret: tpi_batch_wipe. */
struct tpi_batch {
    struct tpi_ratchet ratchet;
    uint8_t *buffer;     /* of the caller's; NULL between two batches */
    size_t room;         /* for frames */
    size_t size;         /* of the frames in it, or of those that are lent */
    const uint8_t *lent; /* the frames, of the caller's; NULL: they are in the buffer */
    uint64_t frames;     /* encoded on this connection */
    bool secure;
    bool goodbye; /* was added: nothing may follow */
};

/* `cipher` without a key: plain mode. It is wiped. */
void tpi_batch_init(struct tpi_batch *batch, struct tpi_cipher *cipher);
/* Starts a batch in a buffer of `room` bytes, more than TPI_RECORD_OVERHEAD. In secure mode a batch
 * holds at most TPI_RECORD_PLAIN_MAX bytes of frames. */
void tpi_batch_begin(struct tpi_batch *batch, uint8_t *buffer, size_t room);
/* Adds a frame; its `count` is filled in. TP_ETOOBIG: end this batch first (or, if it is empty, cut
 * the frame); TP_ECLOSED after a goodbye. */
tp_err tpi_batch_add(struct tpi_batch *batch, const struct tpi_frame *frame);
/* Bytes of encoded frames that there is room for. */
size_t tpi_batch_room(const struct tpi_batch *batch);
/* Adds `frames` whole frames that are encoded already, none of which says a count; there must be
 * room. In an empty batch they are lent: nothing can be added to them, and they stay as they are
 * until what tpi_batch_end gives has been written. */
void tpi_batch_add_encoded(struct tpi_batch *batch, const uint8_t *bytes, size_t size,
                           uint64_t frames);
/* Adds the next fragment, at most `most` bytes with its length field (see tpi_fragmenter_next) and
 * as many as there is room for. TP_ETOOBIG when less than 64 are left. */
tp_err tpi_batch_add_piece(struct tpi_batch *batch, struct tpi_fragmenter *cut, size_t most);
/* Ends the batch: what is to be written. No bytes for an empty one. TP_ECLOSED when the key has no
 * nonce left. */
tp_err tpi_batch_end(struct tpi_batch *batch, tp_bin *out);
/* Overwrites the key. */
void tpi_batch_wipe(struct tpi_batch *batch);

#endif
