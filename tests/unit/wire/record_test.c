/* Records: sealed, opened, and everything that somebody on the path could do to them. */
#include <stdlib.h>

#include "tests/unit/wire/kit.h"

#define ROOM (TPI_RECORD_HEAD + TPI_RECORD_MAX)

/* One direction: a sender's key, and a reader that begins with the same. */
struct direction {
    struct tpi_ratchet out;
    struct tpi_record_reader in;
    uint8_t *stash;
};

static struct tpi_cipher key_of(uint8_t seed) {
    struct tpi_cipher cipher = {.keyed = true};
    memset(cipher.key, seed, TPI_KEY_SIZE);
    return cipher;
}

static void direction_init(struct direction *direction) {
    struct tpi_cipher a = key_of(5), b = key_of(5);
    TP_ASSERT_EQ_INT(tpi_wire_start(), TP_OK);
    direction->stash = malloc(ROOM);
    TP_ASSERT(direction->stash != NULL);
    tpi_ratchet_init(&direction->out, &a);
    tpi_record_reader_init(&direction->in, &b, direction->stash);
}

/* Seals text to a record; its size. */
static size_t seal(struct direction *direction, const char *text, uint8_t *record) {
    size_t size = strlen(text);
    memcpy(record + TPI_RECORD_HEAD, text, size);
    size_t sealed = tpi_record_seal(&direction->out, record, size);
    TP_ASSERT_EQ_INT(sealed, size + TPI_RECORD_OVERHEAD);
    return sealed;
}

static enum tpi_decoded open_bytes(struct direction *direction, const uint8_t *bytes, size_t size,
                                   tp_bin *out) {
    const uint8_t *at = bytes;
    return tpi_record_next(&direction->in, &at, &size, out);
}

static bool opens(struct direction *direction, const uint8_t *record, size_t size,
                  const char *text) {
    tp_bin plain;
    return open_bytes(direction, record, size, &plain) == TPI_DECODED_FRAME &&
           plain.size == strlen(text) && memcmp(plain.data, text, plain.size) == 0;
}

static const char *refusal(struct direction *direction, const uint8_t *record, size_t size) {
    tp_bin plain;
    TP_ASSERT_EQ_INT(open_bytes(direction, record, size, &plain), TPI_DECODED_BAD);
    return tpi_wire_name(direction->in.error.code);
}

TP_TEST(wire_record, what_is_sealed_opens) {
    struct direction direction;
    direction_init(&direction);
    uint8_t record[64];
    for (int i = 0; i < 100; i++) {
        size_t size = seal(&direction, "hello", record);
        TP_ASSERT(opens(&direction, record, size, "hello"));
    }
    free(direction.stash);
}

TP_TEST(wire_record, every_split_of_records_opens) {
    struct direction writer;
    direction_init(&writer);
    uint8_t bytes[128];
    size_t size = seal(&writer, "first", bytes);
    size += seal(&writer, "second record", bytes + size);
    for (size_t step = 1; step < size; step++) {
        struct direction direction;
        direction_init(&direction);
        unsigned opened = 0;
        for (size_t begin = 0; begin < size; begin += step) {
            const uint8_t *at = bytes + begin;
            size_t left = size - begin < step ? size - begin : step;
            tp_bin plain;
            while (tpi_record_next(&direction.in, &at, &left, &plain) == TPI_DECODED_FRAME)
                TP_ASSERT_EQ_INT(plain.size, opened++ == 0 ? 5 : 13);
        }
        TP_ASSERT_EQ_INT(opened, 2);
        TP_ASSERT_EQ_INT(direction.in.offset, size);
        free(direction.stash);
    }
    free(writer.stash);
}

TP_TEST(wire_record, the_largest_record_opens) {
    struct direction direction;
    direction_init(&direction);
    uint8_t *record = calloc(1, ROOM);
    TP_ASSERT(record != NULL);
    record[TPI_RECORD_HEAD + TPI_RECORD_PLAIN_MAX - 1] = 9;
    TP_ASSERT_EQ_INT(tpi_record_seal(&direction.out, record, TPI_RECORD_PLAIN_MAX), ROOM);
    tp_bin plain;
    TP_ASSERT_EQ_INT(open_bytes(&direction, record, ROOM, &plain), TPI_DECODED_FRAME);
    TP_ASSERT(plain.size == TPI_RECORD_PLAIN_MAX);
    TP_ASSERT(((const uint8_t *)plain.data)[TPI_RECORD_PLAIN_MAX - 1] == 9);
    free(record);
    free(direction.stash);
}

TP_TEST(wire_record, a_replayed_record_is_refused) {
    struct direction direction;
    direction_init(&direction);
    uint8_t record[64];
    size_t size = seal(&direction, "pay 5", record);
    TP_ASSERT(opens(&direction, record, size, "pay 5"));
    TP_ASSERT_EQ_STR(refusal(&direction, record, size), "RECORD");
    free(direction.stash);
}

TP_TEST(wire_record, reordered_records_are_refused) {
    struct direction direction;
    direction_init(&direction);
    uint8_t first[64], second[64];
    seal(&direction, "one", first);
    size_t size = seal(&direction, "two", second);
    TP_ASSERT_EQ_STR(refusal(&direction, second, size), "RECORD");
    free(direction.stash);
}

TP_TEST(wire_record, a_lost_record_is_noticed) {
    struct direction direction;
    direction_init(&direction);
    uint8_t record[64];
    size_t size = seal(&direction, "one", record);
    TP_ASSERT(opens(&direction, record, size, "one"));
    seal(&direction, "lost", record);
    size = seal(&direction, "three", record);
    TP_ASSERT_EQ_STR(refusal(&direction, record, size), "RECORD");
    TP_ASSERT_EQ_INT(direction.in.error.offset, 3 + TPI_RECORD_OVERHEAD);
    free(direction.stash);
}

TP_TEST(wire_record, a_refusal_is_final) {
    struct direction direction;
    direction_init(&direction);
    uint8_t record[64], changed[64];
    size_t size = seal(&direction, "one", record);
    memcpy(changed, record, size);
    changed[5] ^= 1;
    TP_ASSERT_EQ_STR(refusal(&direction, changed, size), "RECORD");
    TP_ASSERT_EQ_STR(refusal(&direction, record, size), "RECORD");
    free(direction.stash);
}

TP_TEST(wire_record, a_changed_bit_anywhere_never_opens) {
    struct direction writer;
    direction_init(&writer);
    uint8_t record[64];
    size_t size = seal(&writer, "transfer", record);
    for (size_t bit = 0; bit < size * 8; bit++) {
        struct direction direction;
        direction_init(&direction);
        record[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        tp_bin plain;
        TP_ASSERT(open_bytes(&direction, record, size, &plain) != TPI_DECODED_FRAME);
        record[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        free(direction.stash);
    }
    free(writer.stash);
}

TP_TEST(wire_record, a_record_without_text_is_refused_at_its_length) {
    for (uint8_t length = 0; length <= TPI_TAG_SIZE; length++) {
        struct direction direction;
        direction_init(&direction);
        uint8_t record[2] = {0, length};
        TP_ASSERT_EQ_STR(refusal(&direction, record, 2), "RECORD_LENGTH");
        free(direction.stash);
    }
}

TP_TEST(wire_record, a_record_cannot_be_sent_back) {
    struct direction direction;
    direction_init(&direction);
    struct tpi_cipher other = key_of(6);
    struct tpi_record_reader back;
    uint8_t record[64], *stash = malloc(ROOM);
    TP_ASSERT(stash != NULL);
    tpi_record_reader_init(&back, &other, stash);
    size_t left = seal(&direction, "mine", record);
    const uint8_t *at = record;
    tp_bin plain;
    TP_ASSERT_EQ_INT(tpi_record_next(&back, &at, &left, &plain), TPI_DECODED_BAD);
    free(stash);
    free(direction.stash);
}

TP_TEST(wire_record, keys_change_after_so_many_records_on_both_sides) {
    struct direction direction;
    direction_init(&direction);
    struct tpi_cipher first = key_of(5);
    uint8_t record[64];
    for (uint32_t i = 0; i < TPI_REKEY_RECORDS - 1; i++) {
        size_t size = seal(&direction, "x", record);
        TP_ASSERT(opens(&direction, record, size, "x"));
    }
    TP_ASSERT(memcmp(direction.out.cipher.key, first.key, TPI_KEY_SIZE) == 0);
    for (int i = 0; i < 3; i++) {
        size_t size = seal(&direction, "x", record);
        TP_ASSERT(opens(&direction, record, size, "x"));
        TP_ASSERT(memcmp(direction.out.cipher.key, first.key, TPI_KEY_SIZE) != 0);
    }
    TP_ASSERT_EQ_INT(direction.out.cipher.nonce, TPI_REKEY_RECORDS + 2);
    free(direction.stash);
}

TP_TEST(wire_record, keys_change_after_so_many_bytes_on_both_sides) {
    struct direction direction;
    direction_init(&direction);
    direction.out.bytes = direction.in.ratchet.bytes = TPI_REKEY_BYTES - 3;
    struct tpi_cipher first = key_of(5);
    uint8_t record[64];
    size_t size = seal(&direction, "abcd", record);
    TP_ASSERT(opens(&direction, record, size, "abcd"));
    TP_ASSERT(memcmp(direction.out.cipher.key, first.key, TPI_KEY_SIZE) != 0);
    TP_ASSERT(direction.out.bytes == 0 && direction.out.records == 0);
    size = seal(&direction, "efgh", record);
    TP_ASSERT(opens(&direction, record, size, "efgh"));
    free(direction.stash);
}

TP_TEST(wire_record, the_last_nonce_is_never_used) {
    struct direction direction;
    direction_init(&direction);
    direction.out.cipher.nonce = direction.in.ratchet.cipher.nonce = TPI_NONCE_END - 1;
    uint8_t record[64];
    size_t size = seal(&direction, "last", record);
    TP_ASSERT(opens(&direction, record, size, "last"));
    TP_ASSERT_EQ_INT(tpi_record_seal(&direction.out, record, 4), 0);
    TP_ASSERT_EQ_STR(refusal(&direction, record, size), "EXHAUSTED");
    free(direction.stash);
}

/* ---- records and frames together, after a real handshake ---- */

struct line {
    struct tpi_ratchet out; /* the initiator's */
    struct tpi_receiver in; /* the responder's */
    uint8_t *record_stash, *frame_stash;
};

static void line_init(struct line *line, bool plain) {
    struct side a, b;
    side_init(&a, true, 1);
    side_init(&b, false, 2);
    a.config.plain = b.config.plain = plain;
    side_start(&a);
    side_start(&b);
    sides_talk(&a, &b, SIZE_MAX);
    struct ciphers c = sides_finish(&a, &b);
    struct tpi_wire_limits limits = tpi_wire_limits_default();
    line->record_stash = malloc(ROOM);
    line->frame_stash = malloc(TPI_FRAME_LENGTH_SIZE + limits.frame_max);
    TP_ASSERT(line->record_stash != NULL && line->frame_stash != NULL);
    tpi_ratchet_init(&line->out, &c.a_send);
    tpi_receiver_init(&line->in, &c.b_receive, &limits, line->record_stash, line->frame_stash);
}

static void line_fini(struct line *line) {
    tpi_receiver_wipe(&line->in);
    free(line->record_stash);
    free(line->frame_stash);
}

/* Two messages and perhaps a goodbye, in records of `cut` bytes of frames. */
static size_t line_fill(struct line *line, size_t cut, bool goodbye, uint8_t *out) {
    uint8_t frames[256];
    struct tpi_frame message = kit_message(), end = {.type = TPI_FRAME_GOODBYE, .count = 2};
    size_t size = kit_append(frames, sizeof frames, 0, &message), used = 0;
    size = kit_append(frames, sizeof frames, size, &message);
    if (goodbye) size = kit_append(frames, sizeof frames, size, &end);
    for (size_t at = 0; at < size; at += cut) {
        size_t now = size - at < cut ? size - at : cut;
        memcpy(out + used + TPI_RECORD_HEAD, frames + at, now);
        used += tpi_record_seal(&line->out, out + used, now);
    }
    return used;
}

static unsigned receive(struct line *line, const uint8_t *bytes, size_t size) {
    unsigned frames = 0;
    struct tpi_frame frame;
    while (tpi_receiver_next(&line->in, &bytes, &size, &frame) == TPI_DECODED_FRAME) frames++;
    return frames;
}

TP_TEST(wire_record, frames_may_lie_across_records) {
    for (size_t cut = 1; cut < 70; cut++) {
        struct line line;
        uint8_t bytes[8192];
        line_init(&line, false);
        size_t size = line_fill(&line, cut, true, bytes);
        TP_ASSERT_EQ_INT(receive(&line, bytes, size), 3);
        TP_ASSERT_EQ_INT(tpi_receiver_end(&line.in), TPI_WIRE_OK);
        line_fini(&line);
    }
}

TP_TEST(wire_record, an_end_without_a_goodbye_is_truncation) {
    struct line line;
    uint8_t bytes[8192];
    line_init(&line, false);
    size_t size = line_fill(&line, 30, false, bytes);
    TP_ASSERT_EQ_INT(receive(&line, bytes, size), 2);
    TP_ASSERT_EQ_STR(tpi_wire_name(tpi_receiver_end(&line.in)), "TRUNCATED");
    line_fini(&line);
}

TP_TEST(wire_record, a_stream_cut_at_any_byte_is_truncation) {
    uint8_t bytes[8192];
    size_t whole = SIZE_MAX;
    for (size_t cut = 0; cut < whole; cut++) {
        struct line line;
        line_init(&line, false);
        whole = line_fill(&line, 30, true, bytes);
        TP_ASSERT(receive(&line, bytes, cut) <= 2);
        TP_ASSERT_EQ_STR(tpi_wire_name(tpi_receiver_end(&line.in)), "TRUNCATED");
        line_fini(&line);
    }
}

TP_TEST(wire_record, nothing_may_follow_a_goodbye) {
    struct line line;
    uint8_t bytes[8192];
    line_init(&line, false);
    size_t size = line_fill(&line, 100, true, bytes);
    memcpy(bytes + size + TPI_RECORD_HEAD, "more", 4);
    size += tpi_record_seal(&line.out, bytes + size, 4);
    TP_ASSERT_EQ_INT(receive(&line, bytes, size), 3);
    TP_ASSERT_EQ_STR(tpi_wire_name(tpi_receiver_error(&line.in).code), "AFTER_GOODBYE");
    line_fini(&line);
}

TP_TEST(wire_record, half_a_record_after_a_goodbye_is_noticed) {
    struct line line;
    uint8_t bytes[8192];
    line_init(&line, false);
    size_t size = line_fill(&line, 100, true, bytes);
    bytes[size] = 1;
    TP_ASSERT_EQ_INT(receive(&line, bytes, size + 1), 3);
    TP_ASSERT_EQ_STR(tpi_wire_name(tpi_receiver_end(&line.in)), "AFTER_GOODBYE");
    line_fini(&line);
}

TP_TEST(wire_record, in_plain_mode_frames_stand_as_they_are) {
    struct line line;
    uint8_t bytes[256];
    line_init(&line, true);
    struct tpi_frame message = kit_message(), end = {.type = TPI_FRAME_GOODBYE, .count = 1};
    size_t size = kit_append(bytes, sizeof bytes, 0, &message);
    size = kit_append(bytes, sizeof bytes, size, &end);
    TP_ASSERT_EQ_INT(receive(&line, bytes, size), 2);
    TP_ASSERT_EQ_INT(tpi_receiver_end(&line.in), TPI_WIRE_OK);
    line_fini(&line);
}

TP_TEST(wire_record, plain_frames_in_a_secure_stream_are_refused) {
    struct line line;
    uint8_t bytes[256];
    line_init(&line, false);
    struct tpi_frame message = kit_message();
    size_t size = kit_append(bytes, sizeof bytes, 0, &message);
    TP_ASSERT_EQ_INT(receive(&line, bytes, size), 0);
    TP_ASSERT(tpi_receiver_error(&line.in).code == TPI_WIRE_RECORD_LENGTH);
    line_fini(&line);
}
