/*
 * Records: how frames travel once a secure handshake is over. A record is a length of two bytes and
 * up to 65,535 bytes of ciphertext, its tag included; frames may be cut anywhere between records.
 * Nonces count, so a record that is lost, repeated or moved does not open; keys change after a
 * fixed number of records or bytes, on both sides at the same place. In plain mode there are no
 * records: frames stand in the stream as they are.
 */
#ifndef TPI_WIRE_RECORD_H
#define TPI_WIRE_RECORD_H

#include "transport/wire/frame.h"
#include "transport/wire/noise.h"

#define TPI_RECORD_HEAD 2u
#define TPI_RECORD_MAX 65535u                                /* behind the length */
#define TPI_RECORD_PLAIN_MAX (TPI_RECORD_MAX - TPI_TAG_SIZE) /* frame bytes of one record */
#define TPI_RECORD_OVERHEAD (TPI_RECORD_HEAD + TPI_TAG_SIZE)

/* A key is changed after this many records, or this many bytes of frames. */
#define TPI_REKEY_RECORDS (1u << 16)
#define TPI_REKEY_BYTES (1u << 30)

/* One direction's key and when it changes. Holds a secret. */
struct tpi_ratchet {
    struct tpi_cipher cipher;
    uint32_t records; /* since the last change */
    uint32_t bytes;
};

/* Takes a cipher over; it is wiped. */
void tpi_ratchet_init(struct tpi_ratchet *ratchet, struct tpi_cipher *cipher);
/*
 * Makes a record in place: `record` has room for TPI_RECORD_OVERHEAD + size bytes, and the frames
 * stand at record + TPI_RECORD_HEAD, 1 to TPI_RECORD_PLAIN_MAX bytes. The record's size; 0 when the
 * key has no nonce left: the connection must end.
 */
size_t tpi_record_seal(struct tpi_ratchet *ratchet, uint8_t *record, size_t size);
/* The same of frames that stand elsewhere, apart from `record`. */
size_t tpi_record_seal_from(struct tpi_ratchet *ratchet, uint8_t *record, const uint8_t *frames,
                            size_t size);

/* Records out of a stream. */
struct tpi_record_reader {
    struct tpi_ratchet ratchet;
    uint8_t *stash;  /* of TPI_RECORD_HEAD + TPI_RECORD_MAX bytes */
    size_t have;     /* bytes of an unfinished record in it */
    uint64_t offset; /* of the next record in the stream */
    struct tpi_wire_error error;
};

/* `stash` belongs to the caller, as large as said above, and must outlive the reader. */
void tpi_record_reader_init(struct tpi_record_reader *reader, struct tpi_cipher *cipher,
                            uint8_t *stash);
/* As tpi_decoder_next, for a record: FRAME: *out is its plain text, in the stash, until the next
 * call. */
enum tpi_decoded tpi_record_next(struct tpi_record_reader *reader, const uint8_t **at, size_t *left,
                                 tp_bin *out);

/* The receiving side of a connection: records, if any, then frames. */
struct tpi_receiver {
    struct tpi_record_reader records;
    struct tpi_decoder decoder;
    const uint8_t *plain; /* what is left of an open record */
    size_t plain_left;
    bool secure;
};

/* `cipher` without a key: plain mode, and `record_stash` may be NULL. Stashes as above. */
void tpi_receiver_init(struct tpi_receiver *receiver, struct tpi_cipher *cipher,
                       const struct tpi_wire_limits *limits, uint8_t *record_stash,
                       uint8_t *frame_stash);
/* As tpi_decoder_next. */
enum tpi_decoded tpi_receiver_next(struct tpi_receiver *receiver, const uint8_t **at, size_t *left,
                                   struct tpi_frame *out);
/* What was wrong, after BAD. */
struct tpi_wire_error tpi_receiver_error(const struct tpi_receiver *receiver);
/* The stream has ended: OK only after a goodbye and with nothing begun after it. */
enum tpi_wire_code tpi_receiver_end(struct tpi_receiver *receiver);
/* Overwrites the key. */
void tpi_receiver_wipe(struct tpi_receiver *receiver);

#endif
