/*
 * Messages for people: the description says the names, the bytes say the values.
 */
#include "core/message/message.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "core/base/assert.h"

struct text {
    char *out;
    size_t size;
    size_t length; /* what it would be without the limit */
    bool json;
};

static void add(struct text *text, const char *bytes, size_t size) {
    for (size_t i = 0; i < size; i++, text->length++)
        if (text->length + 1 < text->size) text->out[text->length] = bytes[i];
}

static void addf(struct text *text, const char *format, ...) TP_PRINTF(2, 3);
static void addf(struct text *text, const char *format, ...) {
    char piece[128];
    va_list args;
    va_start(args, format);
    int size = vsnprintf(piece, sizeof piece, format, args);
    va_end(args);
    TPI_ASSERT(size >= 0);
    add(text, piece, (size_t)size < sizeof piece ? (size_t)size : sizeof piece - 1);
}

static void add_quoted(struct text *text, const char *bytes, size_t size) {
    bool utf8 = tp_utf8_valid(bytes, size);
    add(text, "\"", 1);
    for (size_t i = 0; i < size; i++) {
        unsigned char byte = (unsigned char)bytes[i];
        if (byte == '"' || byte == '\\') addf(text, "\\%c", byte);
        else if (byte < 0x20 || byte == 0x7f || (byte >= 0x80 && !utf8)) addf(text, "\\u%04x", byte);
        else add(text, &bytes[i], 1);
    }
    add(text, "\"", 1);
}

static void add_bin(struct text *text, tp_bin bin) {
    const uint8_t *bytes = bin.data;
    if (text->json) add(text, "\"", 1);
    addf(text, "0x");
    for (size_t i = 0; i < bin.size && i < 32; i++) addf(text, "%02x", bytes[i]);
    if (bin.size > 32) addf(text, "...(%zu bytes)", bin.size);
    if (text->json) add(text, "\"", 1);
}

static void add_int(struct text *text, tp_reader *in) {
    tp_reader copy = *in;
    int64_t value = tp_read_i64(in, INT64_MIN, INT64_MAX);
    if (!in->failed) {
        addf(text, "%" PRId64, value);
        return;
    }
    *in = copy; /* beyond INT64_MAX */
    addf(text, "%" PRIu64, tp_read_u64(in, UINT64_MAX));
}

static void add_ext(struct text *text, tp_reader *in) {
    tp_reader copy = *in;
    tp_pid pid = tp_read_pid(in);
    if (in->failed) {
        *in = copy;
        tp_read_skip(in);
        addf(text, text->json ? "\"ext\"" : "ext");
    } else {
        addf(text, text->json ? "\"<%" PRIu32 ".%" PRIu32 ">\"" : "<%" PRIu32 ".%" PRIu32 ">", pid.slot,
             pid.generation);
    }
}

/* A value; containers are opened to a fixed depth, so that this cannot recurse far. */
static void add_value(struct text *text, tp_reader *in, unsigned depth) {
    switch (tp_read_kind(in)) {
    case TP_KIND_NIL: (void)tp_read_nil(in); addf(text, text->json ? "null" : "nil"); return;
    case TP_KIND_BOOL: addf(text, "%s", tp_read_bool(in) ? "true" : "false"); return;
    case TP_KIND_INT: add_int(text, in); return;
    case TP_KIND_FLOAT: addf(text, "%.17g", tp_read_f64(in)); return;
    case TP_KIND_STR: {
        tp_str str = tp_read_str(in);
        add_quoted(text, str.data, str.size);
        return;
    }
    case TP_KIND_BIN: add_bin(text, tp_read_bin(in)); return;
    case TP_KIND_EXT: add_ext(text, in); return;
    case TP_KIND_ARRAY:
    case TP_KIND_MAP: break;
    default: in->failed = true; return;
    }
    if (depth == 0) {
        tp_read_skip(in);
        addf(text, text->json ? "\"...\"" : "...");
        return;
    }
    bool map = tp_read_kind(in) == TP_KIND_MAP;
    uint32_t count = map ? tp_read_map(in) : tp_read_array(in);
    add(text, map ? "{" : "[", 1);
    for (uint32_t i = 0; i < count && !in->failed; i++) {
        if (i > 0) addf(text, text->json ? "," : ", ");
        add_value(text, in, depth - 1);
        if (map) add(text, ":", 1);
        if (map) add_value(text, in, depth - 1);
    }
    add(text, map ? "}" : "]", 1);
}

#define DEPTH_SHOWN 4u

static void add_fields(struct text *text, const tp_message_type *type, tp_reader *in, uint32_t count) {
    for (uint32_t i = 0; i < type->field_count && i < count && !in->failed; i++) {
        if (i > 0) addf(text, text->json ? "," : ", ");
        addf(text, text->json ? "\"%s\":" : "%s=", type->fields[i].name);
        add_value(text, in, DEPTH_SHOWN);
        if (in->failed) addf(text, text->json ? "\"?\"" : "?");
    }
}

static size_t finish(struct text *text) {
    if (text->size > 0) text->out[text->length < text->size ? text->length : text->size - 1] = 0;
    return text->length;
}

size_t tpi_message_format(const tp_message_type *type, const uint8_t *payload, size_t payload_size,
                          uint32_t count, char *out, size_t size) {
    struct text text = {.out = out, .size = size};
    tp_reader in = tp_reader_over(payload, payload_size);
    addf(&text, "%s{", type->name);
    add_fields(&text, type, &in, count);
    addf(&text, "}");
    return finish(&text);
}

size_t tpi_message_json(const tp_message_type *type, const uint8_t *payload, size_t payload_size,
                        uint32_t count, char *out, size_t size) {
    struct text text = {.out = out, .size = size, .json = true};
    tp_reader in = tp_reader_over(payload, payload_size);
    addf(&text, "{\"type\":");
    add_quoted(&text, type->name, type->name_size);
    addf(&text, ",\"fields\":{");
    add_fields(&text, type, &in, count);
    addf(&text, "}}");
    return finish(&text);
}
