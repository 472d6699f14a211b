/*
 * Messages out of words; of JSON in value_json.c.
 */
#include "tools/troupe/value.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/troupe/text.h"

static bool is(tp_str text, const char *word) {
    return tp_str_equal(text, tp_str_of(word));
}

static bool signed_number(const char *word, int64_t *out) {
    char *end;
    if (word[0] != '-' && (word[0] < '0' || word[0] > '9')) return false;
    errno = 0;
    long long value = strtoll(word, &end, 10);
    *out = value;
    return errno == 0 && *end == 0 && end != word;
}

static bool real_number(const char *word, double *out) {
    char *end;
    if (strspn(word, "+-.0123456789eE") != strlen(word)) return false;
    *out = strtod(word, &end);
    return *end == 0 && end != word;
}

/* ---- one value ---- */

static bool write_unsigned(tp_writer *out, const char *word, uint64_t most) {
    uint64_t value;
    if (!text_number(word, 0, most, &value)) return false;
    tp_write_u64(out, value);
    return true;
}

static bool write_signed(tp_writer *out, const char *word, int bits) {
    int64_t value, most = bits == 64 ? INT64_MAX : ((int64_t)1 << (bits - 1)) - 1;
    if (!signed_number(word, &value) || value > most || value < -most - 1) return false;
    tp_write_i64(out, value);
    return true;
}

static bool write_real(tp_writer *out, const char *word) {
    double value;
    if (!real_number(word, &value)) return false;
    tp_write_f64(out, value);
    return true;
}

static bool write_bool(tp_writer *out, const char *word) {
    bool yes = strcmp(word, "true") == 0;
    if (!yes && strcmp(word, "false") != 0) return false;
    tp_write_bool(out, yes);
    return true;
}

static bool write_pid(tp_writer *out, const char *word, uint64_t home) {
    tp_pid pid = {.node = home};
    if (!text_pid(word, &pid)) return false;
    tp_write_pid(out, pid);
    return true;
}

static int digit(char c) {
    const char *digits = "0123456789abcdef", *at = c == 0 ? NULL : strchr(digits, c | 0x20);
    return at == NULL ? -1 : (int)(at - digits);
}

static bool write_bytes(tp_writer *out, const char *word) {
    uint8_t bytes[4096];
    size_t size = strlen(word);
    if (size % 2 != 0 || size / 2 > sizeof bytes) return false;
    for (size_t i = 0; i < size / 2; i++) {
        int high = digit(word[2 * i]), low = digit(word[2 * i + 1]);
        if (high < 0 || low < 0) return false;
        bytes[i] = (uint8_t)(high << 4 | low);
    }
    tp_write_bin(out, (tp_bin){bytes, size / 2});
    return true;
}

static bool write_text(tp_writer *out, const char *word) {
    tp_str text = tp_str_of(word);
    if (!tp_utf8_valid(text.data, text.size)) return false;
    tp_write_str(out, text);
    return true;
}

bool value_write_word(tp_writer *out, tp_str kind, const char *word, uint64_t home) {
    if (is(kind, "bool") || is(kind, "_Bool")) return write_bool(out, word);
    if (is(kind, "u8")) return write_unsigned(out, word, UINT8_MAX);
    if (is(kind, "u16")) return write_unsigned(out, word, UINT16_MAX);
    if (is(kind, "u32")) return write_unsigned(out, word, UINT32_MAX);
    if (is(kind, "u64")) return write_unsigned(out, word, UINT64_MAX);
    if (is(kind, "i8")) return write_signed(out, word, 8);
    if (is(kind, "i16")) return write_signed(out, word, 16);
    if (is(kind, "i32")) return write_signed(out, word, 32);
    if (is(kind, "i64")) return write_signed(out, word, 64);
    if (is(kind, "f64")) return write_real(out, word);
    if (is(kind, "str")) return write_text(out, word);
    if (is(kind, "bin") || is(kind, "blob")) return write_bytes(out, word);
    return is(kind, "pid") && write_pid(out, word, home);
}

void value_write_zero(tp_writer *out, const tp_inspect_field *field) {
    switch (field->form) {
    case TP_FORM_OPTIONAL: tp_write_nil(out); return;
    case TP_FORM_NESTED: /* whose fields are zero, too, when they are missing */
    case TP_FORM_LIST:
    case TP_FORM_LIST_OF: tp_write_array(out, 0); return;
    case TP_FORM_MAP: tp_write_map(out, 0); return;
    case TP_FORM_ENUM: tp_write_u64(out, 0); return;
    default: break;
    }
    bool truth = is(field->kind, "bool") || is(field->kind, "_Bool");
    bool empty = is(field->kind, "str") || is(field->kind, "bin") || is(field->kind, "blob");
    if (is(field->kind, "pid")) tp_write_pid(out, tp_pid_null());
    else (void)value_write_word(out, field->kind, truth ? "false" : empty ? "" : "0", 0);
}

/* "a,b,c" as elements of a list; empty: none. */
static bool write_list(tp_writer *out, tp_str kind, const char *word, uint64_t home) {
    char element[1024];
    uint32_t count = word[0] == 0 ? 0 : 1;
    for (const char *at = word; *at != 0; at++) count += *at == ',';
    tp_write_array(out, count);
    for (uint32_t i = 0; i < count; i++) {
        size_t size = strcspn(word, ",");
        if (size >= sizeof element) return false;
        memcpy(element, word, size);
        element[size] = 0;
        if (!value_write_word(out, kind, element, home)) return false;
        word += size + (word[size] == ',');
    }
    return true;
}

static bool write_field(tp_writer *out, const tp_inspect_field *field, const char *word,
                        uint64_t home) {
    switch (field->form) {
    case TP_FORM_OPTIONAL:
        if (strcmp(word, "null") == 0) {
            tp_write_nil(out);
            return true;
        }
        return value_write_word(out, field->kind, word, home);
    case TP_FORM_ENUM: return write_signed(out, word, 32);
    case TP_FORM_LIST: return write_list(out, field->kind, word, home);
    default: return value_write_word(out, field->kind, word, home);
    }
}

/* What no word can say; a list of words may be JSON, too. */
static bool needs_json(const tp_inspect_field *field, const char *word) {
    return field->form == TP_FORM_NESTED || field->form == TP_FORM_MAP ||
           field->form == TP_FORM_LIST_OF || (field->form == TP_FORM_LIST && word[0] == '[');
}

/* ---- messages ---- */

bool value_find_type(const tp_inspect_type *types, size_t type_count,
                     const tp_inspect_field *fields, size_t field_count, tp_str name,
                     const tp_inspect_field **out, size_t *count) {
    size_t at = 0;
    for (size_t i = 0; i < type_count; i++) {
        *count = types[i].fields;
        if (*count > field_count - at) return false;
        *out = field_count > 0 ? fields + at : NULL;
        if (tp_str_equal(types[i].name, name)) return true;
        at += *count;
    }
    return false;
}

static bool say(char why[VALUE_WHY_SIZE], const char *what, tp_str name, const char *rest) {
    (void)snprintf(why, VALUE_WHY_SIZE, "%s '%.*s'%s", what, (int)(name.size < 80 ? name.size : 80),
                   name.data, rest);
    return false;
}

/* The field that a word is for: its index, and where its value begins. */
static bool find_field(const tp_inspect_field *fields, size_t count, const char *word,
                       size_t *index, const char **value) {
    const char *equals = strchr(word, '=');
    if (equals == NULL) return false;
    *value = equals + 1;
    for (*index = 0; *index < count; ++*index)
        if (tp_str_equal(fields[*index].name, (tp_str){word, (size_t)(equals - word)})) return true;
    return false;
}

static bool take_words(const tp_inspect_field *fields, size_t field_count, char **words, int count,
                       const char **values, size_t *last, char why[VALUE_WHY_SIZE]) {
    for (int i = 0; i < count; i++) {
        size_t index;
        const char *value;
        tp_str word = tp_str_of(words[i]);
        if (strchr(words[i], '=') == NULL) return say(why, "not FIELD=VALUE:", word, "");
        if (!find_field(fields, field_count, words[i], &index, &value))
            return say(why, "the message has no such field:", word, "");
        if (values[index] != NULL) return say(why, "given twice:", fields[index].name, "");
        values[index] = value;
        if (index + 1 > *last) *last = index + 1;
    }
    return true;
}

static bool write_given(tp_writer *out, const struct value_shape *shape,
                        const tp_inspect_field *field, const char *word, char why[VALUE_WHY_SIZE]) {
    char rest[120];
    if (needs_json(field, word)) return value_json_field(out, shape, field, word, why);
    if (write_field(out, field, word, shape->home)) return true;
    (void)snprintf(rest, sizeof rest, ": '%.40s' is no %.*s", word,
                   (int)(field->kind.size < 40 ? field->kind.size : 40), field->kind.data);
    return say(why, "field", field->name, rest);
}

static bool write_words(tp_writer *out, const struct value_shape *shape, char **words, int count,
                        uint32_t *written, char why[VALUE_WHY_SIZE]) {
    const char *values[TP_FIELDS_MAX] = {NULL};
    size_t last = 0;
    if (!take_words(shape->fields, shape->field_count, words, count, values, &last, why))
        return false;
    for (size_t i = 0; i < last; i++) {
        if (values[i] == NULL) value_write_zero(out, &shape->fields[i]);
        else if (!write_given(out, shape, &shape->fields[i], values[i], why)) return false;
    }
    *written = (uint32_t)last;
    return true;
}

bool value_by_fields(const struct value_shape *shape, char **words, int count,
                     struct value_message *out, char why[VALUE_WHY_SIZE]) {
    tp_writer writer = tp_writer_over(out->bytes, sizeof out->bytes);
    if (shape->field_count > TP_FIELDS_MAX) return say(why, "too many fields:", TP_STR("?"), "");
    bool json = count == 1 && words[0][0] == '{';
    bool good = json ? value_json_message(&writer, shape, words[0], &out->count, why)
                     : write_words(&writer, shape, words, count, &out->count, why);
    if (writer.failed) return say(why, "the message is too long:", tp_str_of(words[0]), "");
    out->size = (size_t)(writer.at - out->bytes);
    return good;
}

static bool write_by_looks(tp_writer *out, const char *word, uint64_t home,
                           char why[VALUE_WHY_SIZE]) {
    int64_t number;
    uint64_t large;
    double real;
    if (strcmp(word, "nil") == 0) tp_write_nil(out);
    else if (strcmp(word, "true") == 0 || strcmp(word, "false") == 0) return write_bool(out, word);
    else if (word[0] == '<' && write_pid(out, word, home)) return true;
    else if (word[0] != 0 && strchr("{[\"", word[0]) != NULL) return value_json_any(out, word, why);
    else if (signed_number(word, &number)) tp_write_i64(out, number);
    else if (text_number(word, 0, UINT64_MAX, &large)) tp_write_u64(out, large);
    else if (real_number(word, &real)) tp_write_f64(out, real);
    else if (!write_text(out, word)) return say(why, "not text in UTF-8:", TP_STR("?"), "");
    return true;
}

bool value_by_looks(char **words, int count, uint64_t home, struct value_message *out,
                    char why[VALUE_WHY_SIZE]) {
    tp_writer writer = tp_writer_over(out->bytes, sizeof out->bytes);
    if (count > (int)TP_FIELDS_MAX) return say(why, "too many fields:", tp_str_of(words[0]), "");
    for (int i = 0; i < count; i++)
        if (!write_by_looks(&writer, words[i], home, why)) return false;
    if (writer.failed) return say(why, "the message is too long:", tp_str_of(words[0]), "");
    out->size = (size_t)(writer.at - out->bytes);
    out->count = (uint32_t)count;
    return true;
}
