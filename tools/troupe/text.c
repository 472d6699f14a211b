/*
 * Words into values, and values into words for people.
 */
#include "tools/troupe/text.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- words into values ---- */

bool text_number(const char *word, uint64_t least, uint64_t most, uint64_t *out) {
    char *end;
    if (word[0] < '0' || word[0] > '9') return false;
    errno = 0;
    unsigned long long value = strtoull(word, &end, 10);
    if (errno != 0 || *end != 0 || value < least || value > most) return false;
    *out = value;
    return true;
}

bool text_seconds(const char *word, tp_duration *out) {
    char *end;
    if ((word[0] < '0' || word[0] > '9') && word[0] != '.') return false;
    if (strpbrk(word, "xXpPnN") != NULL) return false;
    double value = strtod(word, &end);
    if (*end != 0 || end == word || !(value >= 0 && value <= 1e6)) return false;
    *out = (tp_duration)(value * 1e9);
    return true;
}

bool text_pid(const char *word, tp_pid *out) {
    char text[32];
    uint64_t slot, generation;
    size_t size = strlen(word);
    if (size >= 2 && word[0] == '<' && word[size - 1] == '>') {
        word++;
        size -= 2;
    }
    if (size >= sizeof text) return false;
    memcpy(text, word, size);
    text[size] = 0;
    char *point = strchr(text, '.');
    if (point == NULL) return false;
    *point = 0;
    if (!text_number(text, 0, UINT32_MAX, &slot) ||
        !text_number(point + 1, 1, UINT32_MAX, &generation))
        return false;
    out->slot = (uint32_t)slot;
    out->generation = (uint32_t)generation;
    return true;
}

/* ---- values into words ---- */

const char *text_count(uint64_t number, char out[TEXT_SHORT]) {
    static const char units[] = " kMGTPE";
    double value = (double)number;
    unsigned unit = 0;
    if (number < 10000) {
        (void)snprintf(out, TEXT_SHORT, "%" PRIu64, number);
        return out;
    }
    while (value >= 999.5) {
        value /= 1000;
        unit++;
    }
    (void)snprintf(out, TEXT_SHORT, value < 9.95 ? "%.1f%c" : "%.0f%c", value, units[unit]);
    return out;
}

const char *text_span(tp_duration span, char out[TEXT_SHORT]) {
    double ns = (double)(span < 0 ? 0 : span);
    long long seconds = (long long)(ns / 1e9);
    if (ns < 1e6) (void)snprintf(out, TEXT_SHORT, "%.0fus", ns / 1e3);
    else if (ns < 1e9) (void)snprintf(out, TEXT_SHORT, "%.1fms", ns / 1e6);
    else if (seconds < 60) (void)snprintf(out, TEXT_SHORT, "%.1fs", ns / 1e9);
    else if (seconds < 3600)
        (void)snprintf(out, TEXT_SHORT, "%lldm%02llds", seconds / 60, seconds % 60);
    else if (seconds < 86400)
        (void)snprintf(out, TEXT_SHORT, "%lldh%02lldm", seconds / 3600, seconds / 60 % 60);
    else (void)snprintf(out, TEXT_SHORT, "%lldd%02lldh", seconds / 86400, seconds / 3600 % 24);
    return out;
}

const char *text_pid_of(tp_pid pid, uint64_t home, char out[TEXT_SHORT]) {
    if (tp_pid_is_null(pid)) (void)snprintf(out, TEXT_SHORT, "-");
    else if (pid.node == home)
        (void)snprintf(out, TEXT_SHORT, "%" PRIu32 ".%" PRIu32, pid.slot, pid.generation);
    else
        (void)snprintf(out, TEXT_SHORT, "%" PRIu32 ".%" PRIu32 "@%016" PRIx64, pid.slot,
                       pid.generation, pid.node);
    return out;
}

const char *text_may(uint32_t may, char out[80]) {
    static const char *const names[] = {"send", "call",  "monitor", "link",
                                        "kill", "spawn", "inspect", "proxy"};
    size_t at = 0;
    if (may == (1u << 8) - 1) return "all";
    if (may == 0) return "nothing";
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (may >> i & 1)
            at += (size_t)snprintf(out + at, 80 - at, "%s%s", at > 0 ? "," : "", names[i]);
    return out;
}

/* The bytes of the character at `at`; 0: it is none, or moves the cursor. */
static size_t character(tp_str text, size_t at) {
    const uint8_t *bytes = (const uint8_t *)text.data + at;
    uint8_t lead = bytes[0];
    size_t size = lead < 0x80 ? 1 : lead < 0xc2 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    if (lead < 0x20 || lead == 0x7f || lead > 0xf4 || size == 0 || size > text.size - at) return 0;
    if (!tp_utf8_valid((const char *)bytes, size)) return 0;
    if (lead == 0xc2 && bytes[1] < 0xa0) return 0; /* control characters, too */
    /* U+200E, U+200F, U+2028 to U+202E, U+2066 to U+2069: the order of what is read */
    if (lead == 0xe2 && bytes[1] == 0x80 &&
        (bytes[2] == 0x8e || bytes[2] == 0x8f || (bytes[2] >= 0xa8 && bytes[2] <= 0xae)))
        return 0;
    if (lead == 0xe2 && bytes[1] == 0x81 && bytes[2] >= 0xa6 && bytes[2] <= 0xa9) return 0;
    return size;
}

size_t text_put(FILE *out, tp_str text, size_t width) {
    size_t count = 0;
    for (size_t at = 0; at < text.size && (width == 0 || count < width); count++) {
        size_t size = character(text, at);
        if (size == 0) (void)fputc('?', out);
        else (void)fwrite(text.data + at, 1, size, out);
        at += size == 0 ? 1 : size;
    }
    return count;
}

void text_column(FILE *out, tp_str text, size_t width) {
    for (size_t count = text_put(out, text, width); count < width; count++) (void)fputc(' ', out);
}
