/*
 * Sealing and opening records, and the receiving side made of records and frames.
 */
#include "transport/wire/record.h"

#include "core/base/assert.h"

void tpi_ratchet_init(struct tpi_ratchet *ratchet, struct tpi_cipher *cipher) {
    memset(ratchet, 0, sizeof *ratchet);
    ratchet->cipher = *cipher;
    tpi_secret_wipe(cipher, sizeof *cipher);
}

/* Both sides count the same records and bytes, so both change the key at the same place. */
static void ratchet_count(struct tpi_ratchet *ratchet, size_t bytes) {
    TPI_ASSERT(bytes <= TPI_RECORD_PLAIN_MAX && ratchet->bytes < TPI_REKEY_BYTES);
    ratchet->records++;
    ratchet->bytes += (uint32_t)bytes;
    if (ratchet->records < TPI_REKEY_RECORDS && ratchet->bytes < TPI_REKEY_BYTES) return;
    tpi_cipher_rekey(&ratchet->cipher);
    ratchet->records = 0;
    ratchet->bytes = 0;
}

size_t tpi_record_seal(struct tpi_ratchet *ratchet, uint8_t *record, size_t size) {
    return tpi_record_seal_from(ratchet, record, record + TPI_RECORD_HEAD, size);
}

size_t tpi_record_seal_from(struct tpi_ratchet *ratchet, uint8_t *record, const uint8_t *frames,
                            size_t size) {
    TPI_ASSERT(ratchet->cipher.keyed);
    TPI_ASSERT(size > 0 && size <= TPI_RECORD_PLAIN_MAX);
    uint8_t *text = record + TPI_RECORD_HEAD;
    if (!tpi_cipher_seal(&ratchet->cipher, NULL, 0, frames, size, text)) return 0;
    tpi_put16(record, (uint16_t)(size + TPI_TAG_SIZE));
    ratchet_count(ratchet, size);
    return TPI_RECORD_OVERHEAD + size;
}

/* ---- receiving ---- */

void tpi_record_reader_init(struct tpi_record_reader *reader, struct tpi_cipher *cipher,
                            uint8_t *stash) {
    memset(reader, 0, sizeof *reader);
    TPI_ASSERT(cipher->keyed && stash != NULL);
    tpi_ratchet_init(&reader->ratchet, cipher);
    reader->stash = stash;
}

static enum tpi_decoded bad(struct tpi_record_reader *reader, enum tpi_wire_code code) {
    reader->error = (struct tpi_wire_error){code, reader->offset};
    tpi_secret_wipe(&reader->ratchet, sizeof reader->ratchet);
    return TPI_DECODED_BAD;
}

static bool fill(struct tpi_record_reader *reader, size_t wanted, const uint8_t **at,
                 size_t *left) {
    TPI_ASSERT(wanted <= TPI_RECORD_HEAD + TPI_RECORD_MAX);
    if (reader->have >= wanted) return true;
    size_t size = wanted - reader->have;
    if (size > *left) size = *left;
    if (size > 0) memcpy(reader->stash + reader->have, *at, size);
    reader->have += size;
    *at += size;
    *left -= size;
    return reader->have == wanted;
}

/* The tag and at least one byte. */
static bool length_valid(size_t length) {
    return length > TPI_TAG_SIZE;
}

static enum tpi_decoded open_record(struct tpi_record_reader *reader, const uint8_t *sealed,
                                    size_t length, tp_bin *out) {
    if (reader->ratchet.cipher.nonce == TPI_NONCE_END) return bad(reader, TPI_WIRE_EXHAUSTED);
    uint8_t *text = reader->stash + TPI_RECORD_HEAD;
    if (!tpi_cipher_open(&reader->ratchet.cipher, NULL, 0, sealed, length, text))
        return bad(reader, TPI_WIRE_RECORD);
    *out = (tp_bin){text, length - TPI_TAG_SIZE};
    ratchet_count(&reader->ratchet, out->size);
    reader->offset += TPI_RECORD_HEAD + length;
    reader->have = 0;
    return TPI_DECODED_FRAME;
}

enum tpi_decoded tpi_record_next(struct tpi_record_reader *reader, const uint8_t **at, size_t *left,
                                 tp_bin *out) {
    if (reader->error.code != TPI_WIRE_OK) return TPI_DECODED_BAD;
    if (reader->have == 0 && *left >= TPI_RECORD_HEAD) {
        size_t length = tpi_get16(*at);
        if (!length_valid(length)) return bad(reader, TPI_WIRE_RECORD_LENGTH);
        if (*left - TPI_RECORD_HEAD >= length) {
            const uint8_t *sealed = *at + TPI_RECORD_HEAD;
            *at = sealed + length;
            *left -= TPI_RECORD_HEAD + length;
            return open_record(reader, sealed, length, out);
        }
    }
    if (!fill(reader, TPI_RECORD_HEAD, at, left)) return TPI_DECODED_MORE;
    size_t length = tpi_get16(reader->stash);
    if (!length_valid(length)) return bad(reader, TPI_WIRE_RECORD_LENGTH);
    if (!fill(reader, TPI_RECORD_HEAD + length, at, left)) return TPI_DECODED_MORE;
    return open_record(reader, reader->stash + TPI_RECORD_HEAD, length, out);
}

/* ---- records, then frames ---- */

void tpi_receiver_init(struct tpi_receiver *receiver, struct tpi_cipher *cipher,
                       const struct tpi_wire_limits *limits, uint8_t *record_stash,
                       uint8_t *frame_stash) {
    memset(receiver, 0, sizeof *receiver);
    receiver->secure = cipher->keyed;
    if (receiver->secure) tpi_record_reader_init(&receiver->records, cipher, record_stash);
    tpi_decoder_init(&receiver->decoder, limits, frame_stash);
}

static bool open_next(struct tpi_receiver *receiver, const uint8_t **at, size_t *left,
                      enum tpi_decoded *result) {
    tp_bin plain;
    *result = tpi_record_next(&receiver->records, at, left, &plain);
    if (*result != TPI_DECODED_FRAME) return false;
    receiver->plain = plain.data;
    receiver->plain_left = plain.size;
    return true;
}

enum tpi_decoded tpi_receiver_next(struct tpi_receiver *receiver, const uint8_t **at, size_t *left,
                                   struct tpi_frame *out) {
    if (!receiver->secure) return tpi_decoder_next(&receiver->decoder, at, left, out);
    enum tpi_decoded result;
    do {
        result = tpi_decoder_next(&receiver->decoder, &receiver->plain, &receiver->plain_left, out);
        if (result != TPI_DECODED_MORE) return result;
        TPI_ASSERT(receiver->plain_left == 0);
    } while (open_next(receiver, at, left, &result));
    return result;
}

struct tpi_wire_error tpi_receiver_error(const struct tpi_receiver *receiver) {
    return receiver->records.error.code != TPI_WIRE_OK ? receiver->records.error
                                                       : receiver->decoder.error;
}

enum tpi_wire_code tpi_receiver_end(struct tpi_receiver *receiver) {
    if (receiver->records.error.code != TPI_WIRE_OK) return receiver->records.error.code;
    if (receiver->decoder.error.code != TPI_WIRE_OK) return receiver->decoder.error.code;
    if (receiver->records.have > 0 && receiver->decoder.goodbye) return TPI_WIRE_AFTER_GOODBYE;
    return tpi_decoder_end(&receiver->decoder);
}

void tpi_receiver_wipe(struct tpi_receiver *receiver) {
    tpi_secret_wipe(&receiver->records.ratchet, sizeof receiver->records.ratchet);
}
