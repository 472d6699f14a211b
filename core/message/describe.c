/*
 * Messages for people: the description says the names, of nested messages too; the bytes say the
 * values.
 *
 * Each field's bytes are checked as a whole before they are printed, so that JSON stays JSON
 * whatever the bytes are; a field that does not parse is a question mark, and the last one.
 */
#include "core/message/message.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/assert.h"

#define DEPTH_SHOWN 4u /* containers deeper than that are three dots: this recurses no further */
#define BIN_SHOWN 32u  /* bytes of a binary */

struct text {
    char *out;
    size_t size;
    size_t length; /* what it would be without the limit */
    bool json;
};

static void add(struct text *text, const char *bytes, size_t size) {
    TPI_CHECK(bytes != NULL || size == 0);
    TPI_CHECK(text->length <= SIZE_MAX - size);
    size_t room = text->length < text->size ? text->size - text->length : 0;
    size_t fits = size < room ? size : room;
    if (fits > 0) memcpy(text->out + text->length, bytes, fits);
    text->length += size;
}

static void add_text(struct text *text, const char *bytes) {
    TPI_CHECK(bytes != NULL);
    add(text, bytes, strlen(bytes));
}

/* For numbers: what is printed has less than 64 bytes. */
static void addf(struct text *text, const char *format, ...) TP_PRINTF(2, 3);
static void addf(struct text *text, const char *format, ...) {
    char piece[64];
    va_list args;
    va_start(args, format);
    int size = vsnprintf(piece, sizeof piece, format, args);
    va_end(args);
    TPI_ASSERT(size >= 0 && (size_t)size < sizeof piece);
    add(text, piece, (size_t)size);
}

static void add_quoted(struct text *text, const char *bytes, size_t size) {
    bool utf8 = tp_utf8_valid(bytes, size);
    add_text(text, "\"");
    for (size_t i = 0; i < size; i++) {
        unsigned char byte = (unsigned char)bytes[i];
        if (byte == '"' || byte == '\\') addf(text, "\\%c", byte);
        else if (byte < 0x20 || byte == 0x7f || (byte >= 0x80 && !utf8))
            addf(text, "\\u%04x", byte);
        else add(text, &bytes[i], 1);
    }
    add_text(text, "\"");
}

static void add_bin(struct text *text, tp_bin bin) {
    TPI_CHECK(bin.data != NULL || bin.size == 0);
    const uint8_t *bytes = bin.data;
    if (text->json) add_text(text, "\"");
    add_text(text, "0x");
    for (size_t i = 0; i < bin.size && i < BIN_SHOWN; i++) addf(text, "%02x", bytes[i]);
    if (bin.size > BIN_SHOWN) addf(text, "...(%zu bytes)", bin.size);
    if (text->json) add_text(text, "\"");
}

static void add_int(struct text *text, tp_reader *in) {
    TPI_CHECK(tp_read_kind(in) == TP_KIND_INT);
    tp_reader copy = *in;
    int64_t value = tp_read_i64(in, INT64_MIN, INT64_MAX);
    if (!in->failed) {
        addf(text, "%" PRId64, value);
        return;
    }
    *in = copy; /* beyond INT64_MAX */
    addf(text, "%" PRIu64, tp_read_u64(in, UINT64_MAX));
}

/* The fewest digits that read back as the same number. */
static void add_float(struct text *text, double value) {
    char digits[64];
    if (!isfinite(value)) {
        add_text(text, text->json ? "null" : isnan(value) ? "nan" : value < 0 ? "-inf" : "inf");
        return;
    }
    int size = 0;
    for (int precision = 15; precision <= 17; precision++) {
        size = snprintf(digits, sizeof digits, "%.*g", precision, value);
        TPI_ASSERT(size > 0 && (size_t)size < sizeof digits);
        double back = strtod(digits, NULL);
        /* the same bits: a zero keeps its sign */
        if (memcmp(&back, &value, sizeof value) == 0) break; /* NOLINT(bugprone-*) */
    }
    for (int i = 0; i < size; i++) { /* the program's locale may have another decimal point */
        if (strchr("+-0123456789e", digits[i]) != NULL) add(text, &digits[i], 1);
        else if (i == 0 || strchr("+-0123456789e", digits[i - 1]) != NULL) add_text(text, ".");
    }
}

static void add_ext(struct text *text, tp_reader *in) {
    TPI_CHECK(tp_read_kind(in) == TP_KIND_EXT);
    tp_reader copy = *in;
    tp_pid pid = tp_read_pid(in);
    if (text->json) add_text(text, "\"");
    if (in->failed) {
        *in = copy;
        tp_read_skip(in);
        add_text(text, "ext");
    } else {
        addf(text, "<%" PRIu32 ".%" PRIu32 ">", pid.slot, pid.generation);
    }
    if (text->json) add_text(text, "\"");
}

static void add_value(struct text *text, tp_reader *in, unsigned depth);

/* JSON has no keys but text: numbers and the like get quotes, containers are not opened. */
static void add_key(struct text *text, tp_reader *in, unsigned depth) {
    TPI_CHECK(!in->failed);
    tp_kind kind = tp_read_kind(in);
    bool container = kind == TP_KIND_ARRAY || kind == TP_KIND_MAP;
    bool quoted = kind == TP_KIND_STR || kind == TP_KIND_BIN || kind == TP_KIND_EXT || container;
    if (text->json && !quoted) add_text(text, "\"");
    add_value(text, in, text->json && container ? 0 : depth);
    if (text->json && !quoted) add_text(text, "\"");
}

static void add_container(struct text *text, tp_reader *in, unsigned depth) {
    TPI_CHECK(tp_read_kind(in) == TP_KIND_MAP || tp_read_kind(in) == TP_KIND_ARRAY);
    TPI_CHECK(depth <= DEPTH_SHOWN);
    bool map = tp_read_kind(in) == TP_KIND_MAP;
    if (depth == 0) {
        tp_read_skip(in);
        add_text(text, text->json ? "\"...\"" : "...");
        return;
    }
    uint32_t count = map ? tp_read_map(in) : tp_read_array(in);
    add_text(text, map ? "{" : "[");
    for (uint32_t i = 0; i < count; i++) {
        if (i > 0) add_text(text, text->json ? "," : ", ");
        if (map) add_key(text, in, depth - 1);
        if (map) add_text(text, text->json ? ":" : ": ");
        add_value(text, in, depth - 1);
    }
    add_text(text, map ? "}" : "]");
}

/* A value that tp_read_skip has accepted. */
static void add_value(struct text *text, tp_reader *in, unsigned depth) {
    tp_str str;
    TPI_ASSERT(!in->failed);
    switch (tp_read_kind(in)) {
    case TP_KIND_NIL:
        (void)tp_read_nil(in);
        add_text(text, text->json ? "null" : "nil");
        break;
    case TP_KIND_BOOL: add_text(text, tp_read_bool(in) ? "true" : "false"); break;
    case TP_KIND_INT: add_int(text, in); break;
    case TP_KIND_FLOAT: add_float(text, tp_read_f64(in)); break;
    case TP_KIND_STR:
        str = tp_read_str(in);
        add_quoted(text, str.data, str.size);
        break;
    case TP_KIND_BIN: add_bin(text, tp_read_bin(in)); break;
    case TP_KIND_EXT: add_ext(text, in); break;
    default: add_container(text, in, depth);
    }
}

/* A type as another node named it has a count of fields, and no more: they are numbered. */
static void add_name(struct text *text, const tp_message_type *type, uint32_t i) {
    TPI_CHECK(i < type->field_count);
    char number[16];
    snprintf(number, sizeof number, "%u", (unsigned)i);
    TPI_ASSERT(type->fields == NULL || type->fields[i].name != NULL);
    if (text->json) add_text(text, "\"");
    add_text(text, type->fields == NULL ? number : type->fields[i].name);
    add_text(text, text->json ? "\":" : "=");
}

static void add_field(struct text *text, const tp_message_type *type, uint32_t i, tp_reader *in,
                      unsigned depth);

/* A nested message that tp_read_skip has accepted: an array whose values have names. */
static void add_nested(struct text *text, const tp_message_type *type, tp_reader *in,
                       unsigned depth) {
    TPI_CHECK(type != NULL && !in->failed);
    if (depth == 0 || tp_read_kind(in) != TP_KIND_ARRAY) {
        add_value(text, in, depth);
        return;
    }
    uint32_t count = tp_read_array(in);
    add_text(text, "{");
    for (uint32_t i = 0; i < count; i++) {
        if (i >= type->field_count) { /* of a newer version */
            tp_read_skip(in);
            continue;
        }
        if (i > 0) add_text(text, text->json ? "," : ", ");
        add_name(text, type, i);
        add_field(text, type, i, in, depth - 1);
    }
    add_text(text, "}");
}

static void add_list_of(struct text *text, const tp_message_type *type, tp_reader *in,
                        unsigned depth) {
    TPI_CHECK(type != NULL && !in->failed);
    if (depth == 0 || tp_read_kind(in) != TP_KIND_ARRAY) {
        add_value(text, in, depth);
        return;
    }
    uint32_t count = tp_read_array(in);
    add_text(text, "[");
    for (uint32_t i = 0; i < count; i++) {
        if (i > 0) add_text(text, text->json ? "," : ", ");
        add_nested(text, type, in, depth - 1);
    }
    add_text(text, "]");
}

/* A field's value that tp_read_skip has accepted, whether or not it is what the field says. */
static void add_field(struct text *text, const tp_message_type *type, uint32_t i, tp_reader *in,
                      unsigned depth) {
    TPI_CHECK(!in->failed);
    static const tp_field plain = {.form = TP_FORM_PLAIN};
    const tp_field *field = type->fields == NULL ? &plain : &type->fields[i];
    bool nested = field->form == TP_FORM_NESTED || field->form == TP_FORM_LIST_OF;
    TPI_ASSERT(nested == (field->type != NULL));
    if (field->form == TP_FORM_NESTED) add_nested(text, field->type, in, depth);
    else if (field->form == TP_FORM_LIST_OF) add_list_of(text, field->type, in, depth);
    else add_value(text, in, depth);
}

static void add_fields(struct text *text, const tp_message_type *type, tp_reader *in,
                       uint32_t count) {
    for (uint32_t i = 0; i < type->field_count && i < count; i++) {
        tp_reader ahead = *in;
        if (i > 0) add_text(text, text->json ? "," : ", ");
        add_name(text, type, i);
        tp_read_skip(&ahead);
        if (ahead.failed) {
            add_text(text, text->json ? "\"?\"" : "?");
            return;
        }
        add_field(text, type, i, in, DEPTH_SHOWN);
        TPI_ASSERT(in->at == ahead.at);
    }
}

/* Where to cut at `end` so that no character is cut in two. */
static size_t whole_characters(const char *text, size_t end) {
    TPI_CHECK(text != NULL);
    size_t lead = end;
    for (unsigned back = 0; back < 4 && lead > 0; back++) {
        unsigned char byte = (unsigned char)text[--lead];
        if ((byte & 0xc0) == 0x80) continue;
        unsigned size = byte < 0xc0 ? 1 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
        return lead + size > end ? lead : end;
    }
    return end;
}

static size_t finish(struct text *text) {
    TPI_CHECK(text->out != NULL || text->size == 0);
    if (text->size == 0) return text->length;
    size_t end = text->length;
    if (end >= text->size) end = whole_characters(text->out, text->size - 1);
    text->out[end] = 0;
    return text->length;
}

size_t tpi_message_format(const tp_message_type *type, const uint8_t *payload, size_t payload_size,
                          uint32_t count, char *out, size_t size) {
    TPI_CHECK(type != NULL && (out != NULL || size == 0));
    struct text text = {.out = out, .size = size};
    tp_reader in = tp_reader_over(payload, payload_size);
    add(&text, type->name, type->name_size);
    add_text(&text, "{");
    add_fields(&text, type, &in, count);
    add_text(&text, "}");
    return finish(&text);
}

size_t tpi_message_json(const tp_message_type *type, const uint8_t *payload, size_t payload_size,
                        uint32_t count, char *out, size_t size) {
    TPI_CHECK(type != NULL && (out != NULL || size == 0));
    struct text text = {.out = out, .size = size, .json = true};
    tp_reader in = tp_reader_over(payload, payload_size);
    add_text(&text, "{\"type\":");
    add_quoted(&text, type->name, type->name_size);
    add_text(&text, ",\"fields\":{");
    add_fields(&text, type, &in, count);
    add_text(&text, "}}");
    return finish(&text);
}
