/*
 * Messages out of JSON (RFC 8259), read by json-c: by the fields of a type, or as it looks.
 */
#include <errno.h>
#include <json-c/json.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/troupe/value.h"

/* Where in the value a writer is, for people, and what is wrong there. */
struct place {
    const struct value_shape *shape;
    tp_writer *out;
    char *why;
    char path[96];
};

/* ---- what is wrong ---- */

static bool wrong(const struct place *at, json_object *value, const char *wanted, ...)
    TP_PRINTF(3, 4);

/* "field 'a.b[2]': {"c":1} is no u8" */
static bool wrong(const struct place *at, json_object *value, const char *wanted, ...) {
    char text[90];
    va_list arguments;
    va_start(arguments, wanted);
    (void)vsnprintf(text, sizeof text, wanted, arguments);
    va_end(arguments);
    const char *shown = json_object_to_json_string_ext(value, JSON_C_TO_STRING_PLAIN |
                                                                  JSON_C_TO_STRING_NOSLASHESCAPE);
    (void)snprintf(at->why, VALUE_WHY_SIZE, "%s%.60s%s%.40s%.89s",
                   at->path[0] == 0 ? "" : "field '", at->path,
                   at->path[0] == 0 ? "" : "': ", shown == NULL ? "it" : shown, text);
    return false;
}

/* One step down: ".name", or "[index]"; returns how long the path was. */
static size_t step_to(struct place *at, const char *name, size_t index) {
    size_t size = strlen(at->path);
    char *end = at->path + size;
    size_t room = sizeof at->path - size;
    if (name == NULL) (void)snprintf(end, room, "[%zu]", index);
    else (void)snprintf(end, room, "%s%s", size > 0 ? "." : "", name);
    return size;
}

static void step_back(struct place *at, size_t size) {
    at->path[size] = 0;
}

/* ---- plain values ---- */

static bool kind_is(tp_str kind, const char *word) {
    return tp_str_equal(kind, tp_str_of(word));
}

static bool write_text(const struct place *at, json_object *value) {
    tp_writer *out = at->out;
    tp_write_str(
        out, (tp_str){json_object_get_string(value), (size_t)json_object_get_string_len(value)});
    return true;
}

/* The words that JSON has for a kind are those that a command line has. */
static bool write_plain(struct place *at, tp_str kind, json_object *value) {
    enum json_type wanted = json_type_int, type = json_object_get_type(value);
    bool text = kind_is(kind, "str") || kind_is(kind, "pid") || kind_is(kind, "bin") ||
                kind_is(kind, "blob");
    if (text) wanted = json_type_string;
    if (kind_is(kind, "bool") || kind_is(kind, "_Bool")) wanted = json_type_boolean;
    if (kind_is(kind, "f64") && type == json_type_double) wanted = json_type_double;
    bool good = type == wanted;
    if (good && kind_is(kind, "str")) return write_text(at, value);
    if (good && text) /* a zero byte would end the word */
        good = strlen(json_object_get_string(value)) == (size_t)json_object_get_string_len(value);
    good = good && value_write_word(at->out, kind, json_object_get_string(value), at->shape->home);
    const char *as = kind_is(kind, "pid") ? ": a string \"12.3\" is expected"
                     : kind_is(kind, "bin") || kind_is(kind, "blob") ? ": a string of hexadecimal "
                                                                       "digits is expected"
                                                                     : "";
    return good ||
           wrong(at, value, " is no %.*s%s", (int)(kind.size < 40 ? kind.size : 40), kind.data, as);
}

/* ---- fields ---- */

static bool write_field(struct place *at, const tp_inspect_field *field, json_object *value);

static bool write_list(struct place *at, const tp_inspect_field *each, json_object *value) {
    if (json_object_get_type(value) != json_type_array)
        return wrong(at, value, ": a list [...] is expected");
    size_t count = json_object_array_length(value);
    tp_write_array(at->out, (uint32_t)count);
    for (size_t i = 0; i < count; i++) {
        size_t size = step_to(at, NULL, i);
        if (!write_field(at, each, json_object_array_get_idx(value, i))) return false;
        step_back(at, size);
    }
    return true;
}

static bool write_map(struct place *at, const tp_inspect_field *each, json_object *value) {
    if (json_object_get_type(value) != json_type_object)
        return wrong(at, value, ": a map {\"key\": value} is expected");
    tp_write_map(at->out, (uint32_t)json_object_object_length(value));
    json_object_object_foreach(value, key, item) {
        size_t size = step_to(at, key, 0);
        tp_write_str(at->out, tp_str_of(key));
        if (!write_field(at, each, item)) return false;
        step_back(at, size);
    }
    return true;
}

static bool has_field(const tp_inspect_field *fields, size_t count, const char *name) {
    for (size_t i = 0; i < count; i++)
        if (tp_str_equal(fields[i].name, tp_str_of(name))) return true;
    return false;
}

static json_object *member(json_object *object, tp_str name, bool *there) {
    char text[TP_NAME_SIZE_MAX + 1];
    json_object *value = NULL;
    if (name.size >= sizeof text) return NULL;
    memcpy(text, name.data, name.size);
    text[name.size] = 0;
    *there = json_object_object_get_ex(object, text, &value);
    return value;
}

/* How many fields of a message an object gives: up to the last one. */
static bool count_fields(struct place *at, const tp_inspect_field *fields, size_t field_count,
                         json_object *object, uint32_t *count) {
    json_object_object_foreach(object, key, item) {
        if (has_field(fields, field_count, key)) continue;
        (void)step_to(at, key, 0);
        return wrong(at, item, ": the message has no such field");
    }
    *count = 0;
    for (size_t i = 0; i < field_count; i++) {
        bool there = false;
        (void)member(object, fields[i].name, &there);
        if (there) *count = (uint32_t)i + 1;
    }
    return true;
}

/* The fields of an object, in the order of the message. */
static bool write_members(struct place *at, const tp_inspect_field *fields, uint32_t count,
                          json_object *object) {
    for (uint32_t i = 0; i < count; i++) {
        bool there = false;
        char name[TP_NAME_SIZE_MAX + 1];
        json_object *value = member(object, fields[i].name, &there);
        if (!there) {
            value_write_zero(at->out, &fields[i]);
            continue;
        }
        (void)snprintf(name, sizeof name, "%.*s", (int)fields[i].name.size, fields[i].name.data);
        size_t size = step_to(at, name, 0);
        if (!write_field(at, &fields[i], value)) return false;
        step_back(at, size);
    }
    return true;
}

static bool write_nested(struct place *at, const tp_inspect_field *field, json_object *value) {
    size_t field_count = 0;
    uint32_t count = 0;
    const struct value_shape *shape = at->shape;
    const tp_inspect_field *fields = NULL;
    if (!value_find_type(shape->nested, shape->nested_count, shape->nested_fields,
                         shape->nested_field_count, field->kind, &fields, &field_count))
        return wrong(at, value, ": the node does not tell the fields of %.*s",
                     (int)(field->kind.size < 40 ? field->kind.size : 40), field->kind.data);
    if (json_object_get_type(value) != json_type_object)
        return wrong(at, value, ": an object {\"field\": value} is expected");
    if (!count_fields(at, fields, field_count, value, &count)) return false;
    tp_write_array(at->out, count);
    return write_members(at, fields, count, value);
}

static bool write_field(struct place *at, const tp_inspect_field *field, json_object *value) {
    tp_inspect_field each = *field;
    each.form = TP_FORM_PLAIN;
    switch (field->form) {
    case TP_FORM_NESTED: return write_nested(at, field, value);
    case TP_FORM_MAP: return write_map(at, &each, value);
    case TP_FORM_LIST: return write_list(at, &each, value);
    case TP_FORM_LIST_OF: each.form = TP_FORM_NESTED; return write_list(at, &each, value);
    case TP_FORM_ENUM: return write_plain(at, TP_STR("i32"), value);
    case TP_FORM_OPTIONAL:
        if (value != NULL) return write_plain(at, field->kind, value);
        tp_write_nil(at->out);
        return true;
    default: return write_plain(at, field->kind, value);
    }
}

/* ---- as it looks ---- */

static bool write_any(struct place *at, json_object *value) {
    switch (json_object_get_type(value)) {
    case json_type_null: tp_write_nil(at->out); return true;
    case json_type_boolean: tp_write_bool(at->out, json_object_get_boolean(value)); return true;
    case json_type_double: tp_write_f64(at->out, json_object_get_double(value)); return true;
    case json_type_string: return write_text(at, value);
    case json_type_int:
        if (json_object_get_int64(value) < 0) tp_write_i64(at->out, json_object_get_int64(value));
        else tp_write_u64(at->out, json_object_get_uint64(value));
        return true;
    case json_type_array:
        tp_write_array(at->out, (uint32_t)json_object_array_length(value));
        for (size_t i = 0; i < json_object_array_length(value); i++)
            if (!write_any(at, json_object_array_get_idx(value, i))) return false;
        return true;
    case json_type_object:
        tp_write_map(at->out, (uint32_t)json_object_object_length(value));
        json_object_object_foreach(value, key, item) {
            tp_write_str(at->out, tp_str_of(key));
            if (!write_any(at, item)) return false;
        }
        return true;
    }
    return false;
}

/* ---- texts ---- */

/* A number that stands at `at` and that 64 bits cannot hold. */
static bool too_large(const char *at, size_t size) {
    bool whole = strcspn(at, ".eE") >= size;
    errno = 0;
    if (!whole) return isinf(strtod(at, NULL));
    if (*at == '-') (void)strtoll(at, NULL, 10);
    else (void)strtoull(at, NULL, 10);
    return errno == ERANGE;
}

/* Where a text is that json-c takes and should not: a number for which it would put the next that
 * it can hold, a name in single quotes. NULL: there is none. */
static const char *misread(const char *text, const char **what) {
    for (const char *at = text; *at != 0; at++) {
        if (*at == '"') { /* to the end of the string */
            for (at++; *at != '"'; at++)
                if (*at == '\\') at++;
            continue;
        }
        *what = "a single quote where a double one belongs";
        if (*at == '\'') return at;
        if (strchr("-0123456789", *at) == NULL) continue;
        size_t size = strspn(at, "0123456789+-.eE");
        *what = "a number of more than 64 bits";
        if (too_large(at, size)) return at;
        at += size - 1;
    }
    return NULL;
}

/* The one value of a text; `null` is NULL. False: `why` says where it is none. */
static bool read_text(const struct place *at, const char *text, json_object **out) {
    struct json_tokener *reader = json_tokener_new();
    size_t size = strlen(text) + 1; /* its end ends a number */
    *out = NULL;
    if (reader == NULL || size > INT32_MAX) {
        json_tokener_free(reader);
        (void)snprintf(at->why, VALUE_WHY_SIZE, "out of memory");
        return false;
    }
    json_tokener_set_flags(reader, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
    *out = json_tokener_parse_ex(reader, text, (int)size);
    enum json_tokener_error error = json_tokener_get_error(reader);
    size_t where = json_tokener_get_parse_end(reader);
    json_tokener_free(reader);
    const char *what = "",
               *misread_at = error == json_tokener_success ? misread(text, &what) : NULL;
    if (misread_at != NULL) where = (size_t)(misread_at - text);
    if (misread_at == NULL && error == json_tokener_success) return true;
    json_object_put(*out);
    (void)snprintf(at->why, VALUE_WHY_SIZE, "%s%s%snot JSON at its byte %zu: %s",
                   at->path[0] == 0 ? "" : "field '", at->path,
                   at->path[0] == 0 ? "" : "': ", where + 1,
                   misread_at != NULL               ? what
                   : error == json_tokener_continue ? "it ends too early"
                                                    : json_tokener_error_desc(error));
    return false;
}

bool value_json_field(tp_writer *out, const struct value_shape *shape,
                      const tp_inspect_field *field, const char *text, char why[VALUE_WHY_SIZE]) {
    struct place at = {.shape = shape, .out = out, .why = why};
    json_object *value;
    (void)snprintf(at.path, sizeof at.path, "%.*s", (int)field->name.size, field->name.data);
    if (!read_text(&at, text, &value)) return false;
    bool good = write_field(&at, field, value);
    json_object_put(value);
    return good;
}

bool value_json_message(tp_writer *out, const struct value_shape *shape, const char *text,
                        uint32_t *count, char why[VALUE_WHY_SIZE]) {
    struct place at = {.shape = shape, .out = out, .why = why};
    json_object *value;
    if (!read_text(&at, text, &value)) return false;
    bool good = count_fields(&at, shape->fields, shape->field_count, value, count) &&
                write_members(&at, shape->fields, *count, value);
    json_object_put(value);
    return good;
}

bool value_json_any(tp_writer *out, const char *text, char why[VALUE_WHY_SIZE]) {
    struct place at = {.out = out, .why = why};
    json_object *value;
    if (!read_text(&at, text, &value)) return false;
    bool good = write_any(&at, value);
    json_object_put(value);
    return good;
}
