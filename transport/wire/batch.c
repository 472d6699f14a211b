/*
 * Frames gathered for one write; see the header.
 */
#include "transport/wire/batch.h"

#include "core/base/assert.h"

#define PIECE_LEAST 64u
#define LENT_MOST 262144u /* in plain mode, where only a write's length is at stake */

void tpi_batch_init(struct tpi_batch *batch, struct tpi_cipher *cipher) {
    memset(batch, 0, sizeof *batch);
    batch->secure = cipher->keyed;
    tpi_ratchet_init(&batch->ratchet, cipher);
}

void tpi_batch_begin(struct tpi_batch *batch, uint8_t *buffer, size_t room) {
    TPI_ASSERT(batch->buffer == NULL && buffer != NULL && room > TPI_RECORD_OVERHEAD);
    batch->buffer = buffer;
    batch->lent = NULL;
    batch->size = 0;
    batch->room = room;
    if (!batch->secure) return;
    batch->room -= TPI_RECORD_OVERHEAD;
    if (batch->room > TPI_RECORD_PLAIN_MAX) batch->room = TPI_RECORD_PLAIN_MAX;
}

/* Bytes that can be added to what is in the buffer. */
static size_t batch_left(const struct tpi_batch *batch) {
    return batch->lent != NULL ? 0 : batch->room - batch->size;
}

size_t tpi_batch_room(const struct tpi_batch *batch) {
    bool lends = batch->size == 0 && !batch->secure;
    return lends ? LENT_MOST : batch_left(batch);
}

/* Where the next frame goes. */
static uint8_t *batch_tail(const struct tpi_batch *batch) {
    TPI_ASSERT(batch->buffer != NULL);
    return batch->buffer + (batch->secure ? TPI_RECORD_HEAD : 0) + batch->size;
}

static void batch_count(struct tpi_batch *batch, size_t used) {
    batch->size += used;
    batch->frames++;
    TPI_ASSERT(batch->size <= batch->room);
}

tp_err tpi_batch_add(struct tpi_batch *batch, const struct tpi_frame *frame) {
    if (batch->goodbye) return TP_ECLOSED;
    if (batch->lent != NULL) return TP_ETOOBIG;
    struct tpi_frame counted = *frame;
    counted.count = batch->frames;
    size_t used = 0;
    tp_err err = tpi_frame_encode(&counted, batch_tail(batch), batch_left(batch), &used);
    if (err != TP_OK) return err;
    batch_count(batch, used);
    batch->goodbye = frame->type == TPI_FRAME_GOODBYE;
    return TP_OK;
}

void tpi_batch_add_encoded(struct tpi_batch *batch, const uint8_t *bytes, size_t size,
                           uint64_t frames) {
    TPI_ASSERT(size > 0 && size <= tpi_batch_room(batch) && !batch->goodbye);
    if (batch->size == 0) batch->lent = bytes;
    else memcpy(batch_tail(batch), bytes, size);
    batch->size += size;
    batch->frames += frames;
}

tp_err tpi_batch_add_piece(struct tpi_batch *batch, struct tpi_fragmenter *cut, size_t most) {
    if (batch->goodbye) return TP_ECLOSED;
    size_t room = batch_left(batch), used = 0;
    if (room < PIECE_LEAST) return TP_ETOOBIG;
    if (most > room) most = room;
    tp_err err = tpi_fragmenter_next(cut, most, batch_tail(batch), room, &used);
    if (err != TP_OK) return err;
    batch_count(batch, used);
    return TP_OK;
}

tp_err tpi_batch_end(struct tpi_batch *batch, tp_bin *out) {
    TPI_ASSERT(batch->buffer != NULL);
    uint8_t *buffer = batch->buffer;
    const uint8_t *lent = batch->lent;
    batch->buffer = NULL;
    *out = (tp_bin){lent != NULL ? lent : buffer, batch->size};
    if (!batch->secure || batch->size == 0) return TP_OK;
    out->data = buffer;
    out->size = lent != NULL ? tpi_record_seal_from(&batch->ratchet, buffer, lent, batch->size)
                             : tpi_record_seal(&batch->ratchet, buffer, batch->size);
    return out->size == 0 ? TP_ECLOSED : TP_OK;
}

void tpi_batch_wipe(struct tpi_batch *batch) {
    tpi_secret_wipe(&batch->ratchet, sizeof batch->ratchet);
}
