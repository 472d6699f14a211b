/*
 * Lines and frames out of bytes that come in pieces of any size.
 */
#include "core/process/stream.h"

#include <string.h>

#include "tests/support/test.h"

/* Feeds a text in pieces of `step`, and writes what is cut with '|' behind each and '+' for
 * more. */
static void cut_all(tp_port_format format, uint32_t limit, const char *text, size_t size,
                    size_t step, char *out) {
    uint8_t memory[256];
    struct tpi_stream stream = {
        .format = format, .limit = limit, .bytes = memory, .capacity = sizeof memory};
    struct tpi_piece piece = {0};
    size_t at = 0, written = 0;
    for (;;) {
        tp_err err;
        while ((err = tpi_stream_cut(&stream, &piece)) == TP_OK) {
            if (piece.size > 0) memcpy(out + written, piece.bytes, piece.size);
            written += piece.size;
            out[written++] = piece.more ? '+' : '|';
        }
        if (err == TP_ETOOBIG) out[written++] = '!';
        if (err == TP_ETOOBIG || stream.ended) break;
        size_t room, part = size - at < step ? size - at : step;
        uint8_t *to = tpi_stream_room(&stream, &room);
        TP_ASSERT(room >= part);
        if (part > 0) memcpy(to, text + at, part);
        tpi_stream_filled(&stream, part);
        at += part;
        stream.ended = at == size;
    }
    out[written] = 0;
}

static void expect(tp_port_format format, uint32_t limit, const char *text, size_t size,
                   const char *wanted) {
    char out[512];
    for (size_t step = 1; step <= size + 1; step++) {
        cut_all(format, limit, text, size, step, out);
        TP_ASSERT_EQ_STR(out, wanted);
    }
}
#define EXPECT(format, limit, text, wanted)                                                        \
    expect((format), (limit), (text), sizeof(text) - 1, (wanted))

TP_TEST(stream, lines) {
    EXPECT(TP_PORT_LINES, 10, "", "");
    EXPECT(TP_PORT_LINES, 10, "\n", "|");
    EXPECT(TP_PORT_LINES, 10, "a\nbc\n\nd", "a|bc||d|");
    EXPECT(TP_PORT_LINES, 10, "a\r\n", "a\r|");
}

TP_TEST(stream, lines_over_the_limit_come_in_pieces) {
    EXPECT(TP_PORT_LINES, 4, "1234\n", "1234|");
    EXPECT(TP_PORT_LINES, 4, "12345\n", "1234+5|");
    EXPECT(TP_PORT_LINES, 4, "12345678\n9", "1234+5678|9|");
    EXPECT(TP_PORT_LINES, 1, "ab\n\n", "a+b||");
}

TP_TEST(stream, frames) {
    EXPECT(TP_PORT_FRAMES_1, 8, "\1a\0\3bcd", "a||bcd|");
    EXPECT(TP_PORT_FRAMES_2, 8, "\0\2ab\0\0", "ab||");
    EXPECT(TP_PORT_FRAMES_4, 8, "\0\0\0\1x\0\0\0\2yz", "x|yz|");
    EXPECT(TP_PORT_FRAMES_1, 8, "\2ab\3c", "ab|"); /* the last one is not whole */
}

TP_TEST(stream, a_frame_over_the_limit) {
    EXPECT(TP_PORT_FRAMES_1, 2, "\2ab\3cde", "ab|!");
    EXPECT(TP_PORT_FRAMES_4, 8, "\377\377\377\377", "!");
}

TP_TEST(stream, frame_heads) {
    uint8_t head[4] = {0};
    TP_ASSERT(tpi_frame_write(TP_PORT_FRAMES_1, 255, head) && head[0] == 255);
    TP_ASSERT(!tpi_frame_write(TP_PORT_FRAMES_1, 256, head));
    TP_ASSERT(tpi_frame_write(TP_PORT_FRAMES_2, 258, head) && head[0] == 1 && head[1] == 2);
    TP_ASSERT(!tpi_frame_write(TP_PORT_FRAMES_2, 65536, head));
    TP_ASSERT(tpi_frame_write(TP_PORT_FRAMES_4, 0x01020304, head));
    TP_ASSERT(head[0] == 1 && head[1] == 2 && head[2] == 3 && head[3] == 4);
    TP_ASSERT(!tpi_frame_write(TP_PORT_FRAMES_4, (size_t)UINT32_MAX + 1, head));
}
