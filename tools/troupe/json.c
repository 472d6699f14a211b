/*
 * JSON, written as it comes.
 */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "tools/troupe/text.h"

static void quoted(FILE *out, tp_str text) {
    (void)fputc('"', out);
    for (size_t i = 0; i < text.size; i++) {
        unsigned char c = (unsigned char)text.data[i];
        if (c == '"' || c == '\\') (void)fprintf(out, "\\%c", c);
        else if (c == '\n') (void)fputs("\\n", out);
        else if (c < 0x20 || c == 0x7f) (void)fprintf(out, "\\u%04x", c);
        else (void)fputc(c, out);
    }
    (void)fputc('"', out);
}

static void begin(struct json *json, const char *name) {
    if (json->comma) (void)fputc(',', json->out);
    json->comma = true;
    if (name == NULL) return;
    quoted(json->out, tp_str_of(name));
    (void)fputc(':', json->out);
}

static void open_with(struct json *json, const char *name, char bracket) {
    begin(json, name);
    (void)fputc(bracket, json->out);
    json->comma = false;
}

static void close_with(struct json *json, char bracket) {
    (void)fputc(bracket, json->out);
    json->comma = true;
}

void json_object(struct json *json, const char *name) {
    open_with(json, name, '{');
}
void json_list(struct json *json, const char *name) {
    open_with(json, name, '[');
}
void json_end_object(struct json *json) {
    close_with(json, '}');
}
void json_end_list(struct json *json) {
    close_with(json, ']');
}

void json_text(struct json *json, const char *name, tp_str value) {
    begin(json, name);
    if (tp_utf8_valid(value.data, value.size)) quoted(json->out, value);
    else (void)fputs("null", json->out);
}

void json_number(struct json *json, const char *name, uint64_t value) {
    begin(json, name);
    (void)fprintf(json->out, "%" PRIu64, value);
}

void json_signed(struct json *json, const char *name, int64_t value) {
    begin(json, name);
    (void)fprintf(json->out, "%" PRId64, value);
}

void json_real(struct json *json, const char *name, double value, int digits) {
    begin(json, name);
    if (isfinite(value)) (void)fprintf(json->out, "%.*f", digits, value);
    else (void)fputs("null", json->out);
}

void json_bool(struct json *json, const char *name, bool value) {
    begin(json, name);
    (void)fputs(value ? "true" : "false", json->out);
}

void json_pid(struct json *json, const char *name, tp_pid pid, uint64_t home) {
    char text[TEXT_SHORT];
    begin(json, name);
    if (tp_pid_is_null(pid)) (void)fputs("null", json->out);
    else quoted(json->out, tp_str_of(text_pid_of(pid, home, text)));
}

void json_node(struct json *json, const char *name, uint64_t node) {
    begin(json, name);
    (void)fprintf(json->out, "\"%016" PRIx64 "\"", node);
}

void json_done(struct json *json) {
    (void)fputc('\n', json->out);
    (void)fflush(json->out);
    json->comma = false;
}
