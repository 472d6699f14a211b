/*
 * Text for reports, within a fixed room.
 */
#include "core/crash/out.h"

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
    if (size > 0) memcpy(out->text + out->size, bytes, size);
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

void tpi_out_text(struct tpi_out *out, const char *text) {
    tpi_out_put(out, text, strlen(text));
}

static void put_digits(struct tpi_out *out, uint64_t number, unsigned least) {
    char digits[24];
    size_t at = sizeof digits;
    while (number > 0 || least > 0) {
        digits[--at] = (char)('0' + number % 10);
        number /= 10;
        if (least > 0) least--;
    }
    tpi_out_put(out, digits + at, sizeof digits - at);
}

void tpi_out_number(struct tpi_out *out, int64_t number) {
    if (number < 0) tpi_out_put(out, "-", 1);
    put_digits(out, number < 0 ? 0 - (uint64_t)number : (uint64_t)number, 1);
}

void tpi_out_seconds(struct tpi_out *out, tp_duration span) {
    if (span < 0) tpi_out_put(out, "-", 1);
    uint64_t size = span < 0 ? 0 - (uint64_t)span : (uint64_t)span;
    uint64_t ms = (size + 500000) / 1000000;
    put_digits(out, ms / 1000, 1);
    tpi_out_put(out, ".", 1);
    put_digits(out, ms % 1000, 3);
}

void tpi_out_pid(struct tpi_out *out, tp_pid pid) {
    tpi_out_put(out, "<", 1);
    put_digits(out, pid.slot, 1);
    tpi_out_put(out, ".", 1);
    put_digits(out, pid.generation, 1);
    tpi_out_put(out, ">", 1);
}

static bool is_plain(unsigned char byte) {
    return byte >= 0x20 && byte < 0x7f && byte != '"' && byte != '\\';
}

void tpi_out_json_text(struct tpi_out *out, const char *key, tp_str text) {
    size_t plain = 0;
    while (plain < text.size && is_plain((unsigned char)text.data[plain])) plain++;
    tpi_out_text(out, key);
    tpi_out_put(out, "\"", 1);
    tpi_out_put(out, text.data, plain);
    bool utf8 = plain == text.size || tp_utf8_valid(text.data, text.size);
    for (size_t i = plain; i < text.size; i++) {
        unsigned char byte = (unsigned char)text.data[i];
        if (byte == '"' || byte == '\\') tpi_out_print(out, "\\%c", byte);
        else if (byte < 0x20 || byte == 0x7f || (byte >= 0x80 && !utf8))
            tpi_out_print(out, "\\u%04x", byte);
        else tpi_out_put(out, &text.data[i], 1);
    }
    tpi_out_put(out, "\"", 1);
}

void tpi_out_json_pid(struct tpi_out *out, const char *before, tp_pid pid) {
    tpi_out_text(out, before);
    tpi_out_put(out, "\"", 1);
    tpi_out_pid(out, pid);
    tpi_out_put(out, "\"", 1);
}
