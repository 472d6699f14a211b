/*
 * Arbitrary bytes as a stream of frames (the first byte says in which pieces they come):
 *   - the pieces do not matter: the same frames, the same error at the same place;
 *   - what was decoded encodes to the bytes that it came from;
 *   - fragments are put together in memory that follows the bytes that came;
 *   - the same bytes as records, sealed as they should be and not, do no harm.
 * The corpus is made by make_wire_corpus.py.
 */
#include <stdio.h>
#include <stdlib.h>

#include <troupe/runtime.h>

#include "transport/wire/fragment.h"
#include "transport/wire/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(condition)                                                                         \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #condition);              \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

struct counting {
    struct tp_allocator allocator;
    size_t in_use;
    size_t most;
};

static void *counting_alloc(void *context, size_t size) {
    struct counting *counting = context;
    counting->in_use += size;
    if (counting->in_use > counting->most) counting->most = counting->in_use;
    return malloc(size);
}

static void counting_free(void *context, void *pointer, size_t size) {
    struct counting *counting = context;
    REQUIRE(counting->in_use >= size);
    counting->in_use -= size;
    free(pointer);
}

static struct tpi_wire_limits limits(void) {
    struct tpi_wire_limits limits = tpi_wire_limits_default();
    limits.frame_max = TPI_FRAME_MAX_LEAST;
    limits.sequences_max = 4;
    return limits;
}

/* What a stream came to. */
struct outcome {
    uint64_t frames;
    uint64_t digest;
    struct tpi_wire_error error;
    enum tpi_wire_code end;
};

/* The frame must be what it was decoded from: compared where the input still has it. */
static uint64_t digest_frame(uint64_t digest, const struct tpi_frame *frame,
                             const uint8_t *original, size_t original_size) {
    uint8_t bytes[TPI_FRAME_LENGTH_SIZE + TPI_FRAME_MAX_LEAST];
    size_t used = 0;
    REQUIRE(tpi_frame_encode(frame, bytes, sizeof bytes, &used) == TP_OK);
    REQUIRE(used == tpi_frame_size(frame) && used <= original_size);
    REQUIRE(memcmp(bytes, original, used) == 0);
    for (size_t i = 0; i < used; i++) digest = (digest ^ bytes[i]) * 0x100000001b3;
    return digest;
}

static struct outcome decode(const uint8_t *data, size_t size, size_t step,
                             struct tpi_assembler *assembler) {
    struct tpi_wire_limits own = limits();
    uint8_t *stash = malloc(TPI_FRAME_LENGTH_SIZE + own.frame_max);
    REQUIRE(stash != NULL);
    struct tpi_decoder decoder;
    tpi_decoder_init(&decoder, &own, stash);
    struct outcome outcome = {0};
    enum tpi_decoded result = TPI_DECODED_MORE;
    for (size_t begin = 0; begin < size && result != TPI_DECODED_BAD; begin += step) {
        const uint8_t *at = data + begin;
        size_t left = size - begin < step ? size - begin : step;
        struct tpi_frame frame, whole;
        for (;;) {
            uint64_t offset = decoder.offset;
            result = tpi_decoder_next(&decoder, &at, &left, &frame);
            if (result != TPI_DECODED_FRAME) break;
            outcome.frames++;
            outcome.digest =
                digest_frame(outcome.digest, &frame, data + offset, size - (size_t)offset);
            if (assembler != NULL && frame.type == TPI_FRAME_FRAGMENT)
                (void)tpi_assembler_take(assembler, &frame, &whole);
        }
    }
    outcome.end = tpi_decoder_end(&decoder);
    outcome.error = decoder.error;
    free(stash);
    return outcome;
}

static void check_frames(const uint8_t *data, size_t size, size_t step) {
    struct counting counting = {{counting_alloc, counting_free, &counting}, 0, 0};
    struct tpi_wire_limits own = limits();
    struct tpi_assembler assembler;
    tpi_assembler_init(&assembler, &own, &counting.allocator);
    struct outcome whole = decode(data, size, size == 0 ? 1 : size, &assembler);
    struct outcome pieces = decode(data, size, step, NULL);
    REQUIRE(whole.frames == pieces.frames && whole.digest == pieces.digest);
    REQUIRE(whole.end == pieces.end && whole.error.code == pieces.error.code);
    REQUIRE(whole.error.offset == pieces.error.offset);
    REQUIRE(counting.most <= 4 * size + 4 * 64);
    tpi_assembler_fini(&assembler);
    REQUIRE(counting.in_use == 0);
}

/* As records: `sealed` first makes one good record of it. */
static void check_records(const uint8_t *data, size_t size, bool sealed) {
    struct tpi_wire_limits own = limits();
    uint8_t *stash = malloc(TPI_RECORD_HEAD + TPI_RECORD_MAX);
    uint8_t *frame_stash = malloc(TPI_FRAME_LENGTH_SIZE + own.frame_max);
    uint8_t *record = malloc(size + TPI_RECORD_OVERHEAD);
    REQUIRE(stash != NULL && frame_stash != NULL && record != NULL);
    struct tpi_cipher out = {.keyed = true}, in = {.keyed = true};
    struct tpi_ratchet ratchet;
    struct tpi_receiver receiver;
    tpi_ratchet_init(&ratchet, &out);
    tpi_receiver_init(&receiver, &in, &own, stash, frame_stash);
    size_t left = size;
    if (size > 0) memcpy(record + (sealed ? TPI_RECORD_HEAD : 0), data, size);
    if (sealed) left = tpi_record_seal(&ratchet, record, size);
    const uint8_t *at = record;
    struct tpi_frame frame;
    while (tpi_receiver_next(&receiver, &at, &left, &frame) == TPI_DECODED_FRAME) REQUIRE(sealed);
    (void)tpi_receiver_end(&receiver);
    free(record);
    free(frame_stash);
    free(stash);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0) return 0;
    REQUIRE(tpi_wire_start() == TP_OK);
    size_t step = 1 + data[0];
    data++;
    size--;
    check_frames(data, size, step);
    check_records(data, size, false);
    if (size > 0 && size <= TPI_RECORD_PLAIN_MAX) check_records(data, size, true);
    return 0;
}
