/* Frames out of a stream in pieces: any split gives the same frames, every violation is noticed. */
#include <stdlib.h>

#include "tests/unit/wire/kit.h"

struct stream {
    struct tpi_decoder decoder;
    uint8_t *stash;
    uint8_t bytes[1024];
    size_t size;
};

static void stream_init(struct stream *stream) {
    struct tpi_wire_limits limits = tpi_wire_limits_default();
    limits.frame_max = TPI_FRAME_MAX_LEAST;
    stream->stash = malloc(TPI_FRAME_LENGTH_SIZE + limits.frame_max);
    TP_ASSERT(stream->stash != NULL);
    tpi_decoder_init(&stream->decoder, &limits, stream->stash);
    stream->size = 0;
}

static void add(struct stream *stream, const struct tpi_frame *frame) {
    stream->size = kit_append(stream->bytes, sizeof stream->bytes, stream->size, frame);
}

/* Message, monitor, heartbeat, message, goodbye. */
static void stream_fill(struct stream *stream) {
    stream_init(stream);
    struct tpi_frame message = kit_message(), monitor = message;
    monitor.type = TPI_FRAME_MONITOR;
    monitor.ref = 1;
    struct tpi_frame heartbeat = {.type = TPI_FRAME_HEARTBEAT, .count = 2};
    struct tpi_frame goodbye = {.type = TPI_FRAME_GOODBYE, .count = 4};
    add(stream, &message);
    add(stream, &monitor);
    add(stream, &heartbeat);
    add(stream, &message);
    add(stream, &goodbye);
}

static const uint8_t filled[] = {TPI_FRAME_MESSAGE, TPI_FRAME_MONITOR, TPI_FRAME_HEARTBEAT,
                                 TPI_FRAME_MESSAGE, TPI_FRAME_GOODBYE};

/* Decodes a copy of exactly these bytes, so that a read past them is seen; the frames. */
static size_t feed(struct stream *stream, const uint8_t *bytes, size_t size, size_t seen,
                   enum tpi_decoded *result) {
    uint8_t *exact = malloc(size == 0 ? 1 : size);
    TP_ASSERT(exact != NULL);
    if (size > 0) memcpy(exact, bytes, size);
    const uint8_t *at = exact;
    struct tpi_frame frame;
    while ((*result = tpi_decoder_next(&stream->decoder, &at, &size, &frame)) ==
           TPI_DECODED_FRAME) {
        TP_ASSERT(seen < sizeof filled && frame.type == filled[seen]);
        if (frame.type == TPI_FRAME_MESSAGE)
            TP_ASSERT(frame.payload.size == 4 &&
                      memcmp(frame.payload.data, "\x92\xa1x\x01", 4) == 0);
        seen++;
    }
    free(exact);
    return seen;
}

TP_TEST(wire_decoder, frames_in_one_piece) {
    struct stream stream;
    stream_fill(&stream);
    enum tpi_decoded result;
    TP_ASSERT_EQ_INT(feed(&stream, stream.bytes, stream.size, 0, &result), 5);
    TP_ASSERT_EQ_INT(result, TPI_DECODED_MORE);
    TP_ASSERT_EQ_INT(tpi_decoder_end(&stream.decoder), TPI_WIRE_OK);
    TP_ASSERT_EQ_INT(stream.decoder.offset, stream.size);
    free(stream.stash);
}

TP_TEST(wire_decoder, every_split_into_two_gives_the_same_frames) {
    struct stream whole;
    stream_fill(&whole);
    for (size_t cut = 0; cut <= whole.size; cut++) {
        struct stream stream;
        stream_init(&stream);
        enum tpi_decoded result;
        size_t seen = feed(&stream, whole.bytes, cut, 0, &result);
        TP_ASSERT_EQ_INT(result, TPI_DECODED_MORE);
        seen = feed(&stream, whole.bytes + cut, whole.size - cut, seen, &result);
        TP_ASSERT_EQ_INT(seen, 5);
        TP_ASSERT_EQ_INT(tpi_decoder_end(&stream.decoder), TPI_WIRE_OK);
        free(stream.stash);
    }
    free(whole.stash);
}

TP_TEST(wire_decoder, pieces_of_every_size_give_the_same_frames) {
    struct stream whole;
    stream_fill(&whole);
    for (size_t step = 1; step < 40; step++) {
        struct stream stream;
        stream_init(&stream);
        size_t seen = 0;
        for (size_t at = 0; at < whole.size; at += step) {
            enum tpi_decoded result;
            size_t size = whole.size - at < step ? whole.size - at : step;
            seen = feed(&stream, whole.bytes + at, size, seen, &result);
        }
        TP_ASSERT_EQ_INT(seen, 5);
        free(stream.stash);
    }
    free(whole.stash);
}

TP_TEST(wire_decoder, a_stream_that_ends_at_any_byte_is_truncated) {
    struct stream whole;
    stream_fill(&whole);
    for (size_t cut = 0; cut < whole.size; cut++) {
        struct stream stream;
        stream_init(&stream);
        enum tpi_decoded result;
        feed(&stream, whole.bytes, cut, 0, &result);
        TP_ASSERT_EQ_INT(tpi_decoder_end(&stream.decoder), TPI_WIRE_TRUNCATED);
        free(stream.stash);
    }
    free(whole.stash);
}

static void assert_refused(const char *hex, const char *code, uint64_t offset) {
    struct stream stream;
    stream_init(&stream);
    uint8_t bytes[256];
    size_t left = kit_hex(hex, bytes, sizeof bytes);
    const uint8_t *at = bytes;
    struct tpi_frame frame;
    enum tpi_decoded result;
    while ((result = tpi_decoder_next(&stream.decoder, &at, &left, &frame)) == TPI_DECODED_FRAME)
        continue;
    TP_ASSERT_EQ_INT(result, TPI_DECODED_BAD);
    TP_ASSERT_EQ_STR(tpi_wire_name(stream.decoder.error.code), code);
    TP_ASSERT_EQ_INT(stream.decoder.error.offset, offset);
    free(stream.stash);
}

#define XON_1_2                                                                                    \
    "0000001235"                                                                                   \
    "00"                                                                                           \
    "0000000000000000"                                                                             \
    "0000000100000002"

TP_TEST(wire_decoder, a_zero_length_is_refused) {
    assert_refused("00000000", "LENGTH", 0);
}

TP_TEST(wire_decoder, a_length_over_the_limit_is_refused_before_its_bytes_come) {
    assert_refused("00000401", "LENGTH", 0);
    assert_refused("20000000", "LENGTH", 0); /* 512 MiB */
    assert_refused("ffffffff", "LENGTH", 0);
}

TP_TEST(wire_decoder, the_error_names_the_offset_of_its_frame) {
    assert_refused(XON_1_2 "000000013600", "TYPE", 22);
    assert_refused(XON_1_2 XON_1_2 "00000000", "LENGTH", 44);
}

TP_TEST(wire_decoder, an_error_is_final) {
    struct stream stream;
    stream_fill(&stream);
    const uint8_t zeros[4] = {0}, *at = zeros;
    size_t left = sizeof zeros;
    struct tpi_frame frame;
    TP_ASSERT_EQ_INT(tpi_decoder_next(&stream.decoder, &at, &left, &frame), TPI_DECODED_BAD);
    at = stream.bytes;
    left = stream.size;
    TP_ASSERT_EQ_INT(tpi_decoder_next(&stream.decoder, &at, &left, &frame), TPI_DECODED_BAD);
    TP_ASSERT_EQ_INT(left, stream.size);
    TP_ASSERT_EQ_INT(tpi_decoder_end(&stream.decoder), TPI_WIRE_LENGTH);
    free(stream.stash);
}

TP_TEST(wire_decoder, a_lost_frame_is_noticed_by_the_count) {
    struct stream stream;
    stream_fill(&stream);
    uint32_t first = tpi_get32(stream.bytes) + TPI_FRAME_LENGTH_SIZE;
    const uint8_t *at = stream.bytes + first;
    size_t left = stream.size - first;
    struct tpi_frame frame;
    TP_ASSERT_EQ_INT(tpi_decoder_next(&stream.decoder, &at, &left, &frame), TPI_DECODED_FRAME);
    TP_ASSERT_EQ_INT(tpi_decoder_next(&stream.decoder, &at, &left, &frame), TPI_DECODED_BAD);
    TP_ASSERT_EQ_STR(tpi_wire_name(stream.decoder.error.code), "COUNT");
    free(stream.stash);
}

TP_TEST(wire_decoder, a_repeated_frame_is_noticed_by_the_count) {
    struct stream stream;
    stream_init(&stream);
    struct tpi_frame message = kit_message(), goodbye = {.type = TPI_FRAME_GOODBYE, .count = 1};
    add(&stream, &message);
    add(&stream, &message);
    add(&stream, &goodbye);
    const uint8_t *at = stream.bytes;
    struct tpi_frame frame;
    while (tpi_decoder_next(&stream.decoder, &at, &stream.size, &frame) == TPI_DECODED_FRAME)
        continue;
    TP_ASSERT_EQ_STR(tpi_wire_name(stream.decoder.error.code), "COUNT");
    free(stream.stash);
}

TP_TEST(wire_decoder, nothing_may_follow_a_goodbye) {
    assert_refused("0000000a3f000000000000000000"
                   "00",
                   "AFTER_GOODBYE", 14);
}

TP_TEST(wire_decoder, changed_bytes_never_do_more_than_fail) {
    struct stream whole;
    stream_fill(&whole);
    for (size_t i = 0; i < whole.size; i++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            struct stream stream;
            stream_init(&stream);
            uint8_t *bytes = malloc(whole.size);
            TP_ASSERT(bytes != NULL);
            memcpy(bytes, whole.bytes, whole.size);
            bytes[i] ^= (uint8_t)(1u << bit);
            const uint8_t *at = bytes;
            size_t left = whole.size, seen = 0;
            struct tpi_frame frame;
            while (tpi_decoder_next(&stream.decoder, &at, &left, &frame) == TPI_DECODED_FRAME)
                seen++;
            TP_ASSERT(seen <= whole.size / 5);
            free(bytes);
            free(stream.stash);
        }
    }
    free(whole.stash);
}
