/*
 * Text for reports, within a fixed room.
 */
#include "core/crash/out.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/base/assert.h"

#define PIECE_MAX 1024u /* of one print */

void tpi_out_put(struct tpi_out *out, const char *bytes, size_t size) {
    size_t room = out->room - 1 - out->size;
    if (size > room) {
        size = room;
        out->cut = true;
    }
    memcpy(out->text + out->size, bytes, size);
    out->size += size;
    out->text[out->size] = 0;
}

void tpi_out_print(struct tpi_out *out, const char *format, ...) {
    char piece[PIECE_MAX];
    va_list args;
    va_start(args, format);
    int size = vsnprintf(piece, sizeof piece, format, args);
    va_end(args);
    TPI_ASSERT(size >= 0);
    if ((size_t)size >= sizeof piece) {
        out->cut = true;
        size = sizeof piece - 1;
    }
    tpi_out_put(out, piece, (size_t)size);
}

struct tpi_out tpi_out_over(char *bytes, size_t room) {
    bytes[0] = 0;
    return (struct tpi_out){.text = bytes, .room = room};
}

void tpi_out_json_text(struct tpi_out *out, const char *key, tp_str text) {
    bool utf8 = tp_utf8_valid(text.data, text.size);
    tpi_out_print(out, "%s\"", key);
    for (size_t i = 0; i < text.size; i++) {
        unsigned char byte = (unsigned char)text.data[i];
        if (byte == '"' || byte == '\\') tpi_out_print(out, "\\%c", byte);
        else if (byte < 0x20 || byte == 0x7f || (byte >= 0x80 && !utf8))
            tpi_out_print(out, "\\u%04x", byte);
        else tpi_out_put(out, &text.data[i], 1);
    }
    tpi_out_print(out, "\"");
}

void tpi_out_json_pid(struct tpi_out *out, const char *before, tp_pid pid) {
    tpi_out_print(out, "%s\"<%" PRIu32 ".%" PRIu32 ">\"", before, pid.slot, pid.generation);
}
