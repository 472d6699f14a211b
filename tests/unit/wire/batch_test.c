/* Frames gathered for one write, in both modes, and back through the receiving side. */
#include "transport/wire/batch.h"

#include <stdlib.h>

#include "tests/unit/wire/kit.h"

struct line {
    struct tpi_batch out;
    struct tpi_receiver in;
    uint8_t *record_stash, *frame_stash;
};

static void line_init(struct line *line, bool secure) {
    struct tpi_cipher a = {.key = {4}, .keyed = secure}, b = a;
    struct tpi_wire_limits limits = tpi_wire_limits_default();
    TP_ASSERT_EQ_INT(tpi_wire_start(), TP_OK);
    line->record_stash = malloc(TPI_RECORD_HEAD + TPI_RECORD_MAX);
    line->frame_stash = malloc(TPI_FRAME_LENGTH_SIZE + limits.frame_max);
    TP_ASSERT(line->record_stash != NULL && line->frame_stash != NULL);
    tpi_batch_init(&line->out, &a);
    tpi_receiver_init(&line->in, &b, &limits, line->record_stash, line->frame_stash);
}

static void line_fini(struct line *line) {
    tpi_batch_wipe(&line->out);
    tpi_receiver_wipe(&line->in);
    free(line->record_stash);
    free(line->frame_stash);
}

static unsigned receive(struct line *line, tp_bin sent) {
    const uint8_t *bytes = sent.data;
    size_t size = sent.size;
    unsigned frames = 0;
    struct tpi_frame frame;
    enum tpi_decoded result;
    while ((result = tpi_receiver_next(&line->in, &bytes, &size, &frame)) == TPI_DECODED_FRAME)
        frames++;
    TP_ASSERT_EQ_INT(result, TPI_DECODED_MORE);
    return frames;
}

TP_TEST(wire_batch, many_frames_are_one_write_in_both_modes) {
    for (int secure = 0; secure < 2; secure++) {
        struct line line;
        line_init(&line, secure);
        uint8_t buffer[512];
        struct tpi_frame message = kit_message();
        unsigned sent = 0, received = 0;
        for (int round = 0; round < 3; round++) {
            tpi_batch_begin(&line.out, buffer, sizeof buffer);
            while (tpi_batch_add(&line.out, &message) == TP_OK) sent++;
            tp_bin out;
            TP_ASSERT_EQ_INT(tpi_batch_end(&line.out, &out), TP_OK);
            TP_ASSERT(out.size <= sizeof buffer);
            received += receive(&line, out);
        }
        TP_ASSERT(sent > 50 && sent == received);
        line_fini(&line);
    }
}

TP_TEST(wire_batch, counts_are_filled_in) {
    struct line line;
    line_init(&line, true);
    uint8_t buffer[512];
    struct tpi_frame message = kit_message(), flush = {.type = TPI_FRAME_FLUSH, .ref = 1},
                     tick = {.type = TPI_FRAME_HEARTBEAT}, bye = {.type = TPI_FRAME_GOODBYE};
    tpi_batch_begin(&line.out, buffer, sizeof buffer);
    TP_ASSERT_EQ_INT(tpi_batch_add(&line.out, &message), TP_OK);
    TP_ASSERT_EQ_INT(tpi_batch_add(&line.out, &flush), TP_OK);
    TP_ASSERT_EQ_INT(tpi_batch_add(&line.out, &tick), TP_OK);
    TP_ASSERT_EQ_INT(tpi_batch_add(&line.out, &bye), TP_OK);
    TP_ASSERT_EQ_INT(tpi_batch_add(&line.out, &message), TP_ECLOSED);
    tp_bin out;
    TP_ASSERT_EQ_INT(tpi_batch_end(&line.out, &out), TP_OK);
    TP_ASSERT_EQ_INT(receive(&line, out), 4);
    TP_ASSERT_EQ_INT(tpi_receiver_end(&line.in), TPI_WIRE_OK);
    line_fini(&line);
}

TP_TEST(wire_batch, an_empty_batch_is_no_bytes_and_no_record) {
    struct line line;
    line_init(&line, true);
    uint8_t buffer[64];
    tp_bin out = {NULL, 1};
    tpi_batch_begin(&line.out, buffer, sizeof buffer);
    TP_ASSERT_EQ_INT(tpi_batch_end(&line.out, &out), TP_OK);
    TP_ASSERT_EQ_INT(out.size, 0);
    TP_ASSERT_EQ_INT(line.out.ratchet.cipher.nonce, 0);
    line_fini(&line);
}

TP_TEST(wire_batch, pieces_fill_what_room_there_is) {
    struct line line;
    line_init(&line, true);
    uint8_t payload[3000] = {0x92, 0xa1, 'x', 0xc5, 0x0b, 0xb2}, buffer[300];
    struct tpi_frame message = kit_message(), frame, whole;
    message.payload = (tp_bin){payload, sizeof payload};
    struct tpi_fragmenter cut;
    struct tpi_assembler assembler;
    struct tpi_wire_limits limits = tpi_wire_limits_default();
    tpi_assembler_init(&assembler, &limits, NULL);
    tpi_fragmenter_init(&cut, 1, &message);
    enum tpi_decoded result = TPI_DECODED_MORE;
    while (!tpi_fragmenter_done(&cut)) {
        tpi_batch_begin(&line.out, buffer, sizeof buffer);
        while (!tpi_fragmenter_done(&cut) && tpi_batch_add_piece(&line.out, &cut, 100) == TP_OK)
            continue;
        tp_bin out;
        TP_ASSERT_EQ_INT(tpi_batch_end(&line.out, &out), TP_OK);
        const uint8_t *at = out.data;
        size_t size = out.size;
        while (tpi_receiver_next(&line.in, &at, &size, &frame) == TPI_DECODED_FRAME)
            result = tpi_assembler_take(&assembler, &frame, &whole);
    }
    TP_ASSERT_EQ_INT(result, TPI_DECODED_FRAME);
    TP_ASSERT(memcmp(whole.payload.data, payload, sizeof payload) == 0);
    tpi_assembler_fini(&assembler);
    line_fini(&line);
}

TP_TEST(wire_batch, a_spent_key_ends_the_connection) {
    struct line line;
    line_init(&line, true);
    uint8_t buffer[128];
    tp_bin out;
    struct tpi_frame message = kit_message();
    line.out.ratchet.cipher.nonce = TPI_NONCE_END;
    tpi_batch_begin(&line.out, buffer, sizeof buffer);
    TP_ASSERT_EQ_INT(tpi_batch_add(&line.out, &message), TP_OK);
    TP_ASSERT_EQ_INT(tpi_batch_end(&line.out, &out), TP_ECLOSED);
    line_fini(&line);
}

#define QUEUED 200000u

/* As many frames as fit, one behind the other, as a connection queues them. */
static size_t queue_frames(uint8_t *bytes, size_t room, unsigned *frames) {
    struct tpi_frame message = kit_message();
    size_t size = 0, used;
    for (*frames = 0; tpi_frame_encode(&message, bytes + size, room - size, &used) == TP_OK;
         ++*frames)
        size += used;
    return size;
}

static void send_lent(bool secure) {
    struct line line;
    line_init(&line, secure);
    uint8_t *queue = malloc(QUEUED), *buffer = malloc(TPI_RECORD_HEAD + TPI_RECORD_MAX);
    TP_ASSERT(queue != NULL && buffer != NULL);
    struct tpi_frame bye = {.type = TPI_FRAME_GOODBYE};
    unsigned frames;
    tp_bin out;
    tpi_batch_begin(&line.out, buffer, TPI_RECORD_HEAD + TPI_RECORD_MAX);
    size_t room = tpi_batch_room(&line.out);
    TP_ASSERT(secure ? room == TPI_RECORD_PLAIN_MAX : room >= QUEUED);
    size_t size = queue_frames(queue, room < QUEUED ? room : QUEUED, &frames);
    tpi_batch_add_encoded(&line.out, queue, size, frames);
    TP_ASSERT_EQ_INT(tpi_batch_room(&line.out), 0);
    TP_ASSERT_EQ_INT(tpi_batch_add(&line.out, &bye), TP_ETOOBIG);
    TP_ASSERT_EQ_INT(tpi_batch_end(&line.out, &out), TP_OK);
    TP_ASSERT(out.data == (secure ? buffer : queue));
    TP_ASSERT_EQ_INT(receive(&line, out), frames);
    /* the goodbye counts them, in a batch of its own */
    tpi_batch_begin(&line.out, buffer, TPI_RECORD_HEAD + TPI_RECORD_MAX);
    TP_ASSERT_EQ_INT(tpi_batch_add(&line.out, &bye), TP_OK);
    TP_ASSERT_EQ_INT(tpi_batch_end(&line.out, &out), TP_OK);
    TP_ASSERT_EQ_INT(receive(&line, out), 1);
    TP_ASSERT_EQ_INT(tpi_receiver_end(&line.in), TPI_WIRE_OK);
    free(queue);
    free(buffer);
    line_fini(&line);
}

TP_TEST(wire_batch, encoded_frames_go_from_where_they_are_in_plain_mode) {
    send_lent(false);
}

TP_TEST(wire_batch, encoded_frames_are_sealed_from_where_they_are) {
    send_lent(true);
}

TP_TEST(wire_batch, encoded_frames_behind_others_are_copied) {
    struct line line;
    line_init(&line, true);
    uint8_t queue[400], buffer[512];
    struct tpi_frame tick = {.type = TPI_FRAME_HEARTBEAT};
    unsigned frames;
    tp_bin out;
    tpi_batch_begin(&line.out, buffer, sizeof buffer);
    TP_ASSERT_EQ_INT(tpi_batch_add(&line.out, &tick), TP_OK);
    size_t size = queue_frames(queue, sizeof queue, &frames);
    TP_ASSERT(size <= tpi_batch_room(&line.out));
    tpi_batch_add_encoded(&line.out, queue, size, frames);
    memset(queue, 0, sizeof queue);
    TP_ASSERT_EQ_INT(tpi_batch_end(&line.out, &out), TP_OK);
    TP_ASSERT_EQ_INT(receive(&line, out), frames + 1);
    line_fini(&line);
}
