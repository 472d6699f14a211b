/*
 * JSON, written piece by piece.
 */
#include "actors/bank/json.h"

#include <inttypes.h>
#include <string.h>

static void escape(struct bank_text *out, unsigned char c) {
    switch (c) {
    case '"': bank_text_put(out, "\\\""); break;
    case '\\': bank_text_put(out, "\\\\"); break;
    case '\n': bank_text_put(out, "\\n"); break;
    case '\r': bank_text_put(out, "\\r"); break;
    case '\t': bank_text_put(out, "\\t"); break;
    default: bank_text_print(out, "\\u%04x", c); break;
    }
}

static void quoted(struct bank_text *out, const char *data, size_t size) {
    bank_text_put(out, "\"");
    while (size > 0) {
        size_t plain = 0;
        size_t good = bank_utf8_check(data, size);
        while (plain < good && (unsigned char)data[plain] >= 0x20 && data[plain] != '"' &&
               data[plain] != '\\' && data[plain] != 0x7F) {
            plain++;
        }
        bank_text_add(out, data, plain);
        if (plain < good || (plain < size && data[plain] == '\0')) {
            escape(out, (unsigned char)data[plain++]);
        } else if (plain < size) {
            bank_text_put(out, "\\ufffd");
            plain++;
        }
        data += plain;
        size -= plain;
    }
    bank_text_put(out, "\"");
}

/* The comma before a value, and its key. */
static void lead(struct bank_json *json, const char *key) {
    if (json->comma) bank_text_put(json->out, ",");
    json->comma = true;
    if (key == NULL) return;
    quoted(json->out, key, strlen(key));
    bank_text_put(json->out, ":");
}

void bank_json_object(struct bank_json *json, const char *key) {
    lead(json, key);
    bank_text_put(json->out, "{");
    json->comma = false;
}

void bank_json_array(struct bank_json *json, const char *key) {
    lead(json, key);
    bank_text_put(json->out, "[");
    json->comma = false;
}

void bank_json_end_object(struct bank_json *json) {
    bank_text_put(json->out, "}");
    json->comma = true;
}

void bank_json_end_array(struct bank_json *json) {
    bank_text_put(json->out, "]");
    json->comma = true;
}

void bank_json_text(struct bank_json *json, const char *key, const char *data, size_t size) {
    lead(json, key);
    quoted(json->out, data, size);
}

void bank_json_string(struct bank_json *json, const char *key, const char *string) {
    bank_json_text(json, key, string, strlen(string));
}

void bank_json_integer(struct bank_json *json, const char *key, int64_t value) {
    lead(json, key);
    bank_text_print(json->out, "%" PRId64, value);
}

void bank_json_unsigned(struct bank_json *json, const char *key, uint64_t value) {
    lead(json, key);
    bank_text_print(json->out, "%" PRIu64, value);
}

void bank_json_wide(struct bank_json *json, const char *key, bank_wide value) {
    char digits[BANK_MONEY_SIZE];
    lead(json, key);
    bank_text_add(json->out, digits, bank_wide_format(value, digits));
}

void bank_json_seconds(struct bank_json *json, const char *key, double value) {
    lead(json, key);
    bank_text_print(json->out, "%.3f", value);
}

void bank_json_bool(struct bank_json *json, const char *key, bool value) {
    lead(json, key);
    bank_text_put(json->out, value ? "true" : "false");
}

void bank_json_null(struct bank_json *json, const char *key) {
    lead(json, key);
    bank_text_put(json->out, "null");
}
