/*
 * JSON, written piece by piece into a text: commas and escapes are taken care of. Plain memory; use
 * one writer from one thread at a time.
 */
#ifndef ACTORS_BANK_JSON_H
#define ACTORS_BANK_JSON_H

#include "actors/bank/money.h"
#include "actors/bank/text.h"

/* Zero-initialised but for `out`. */
struct bank_json {
    struct bank_text *out;
    bool comma; /* the next value in this object or array needs one */
};

/* Each `key` may be NULL: a value in an array, or the outermost one. */
void bank_json_object(struct bank_json *json, const char *key);
void bank_json_array(struct bank_json *json, const char *key);
void bank_json_end_object(struct bank_json *json);
void bank_json_end_array(struct bank_json *json);
/* Text in UTF-8; what is not becomes U+FFFD, a byte each. */
void bank_json_text(struct bank_json *json, const char *key, const char *data, size_t size);
void bank_json_string(struct bank_json *json, const char *key, const char *string);
void bank_json_integer(struct bank_json *json, const char *key, int64_t value);
void bank_json_unsigned(struct bank_json *json, const char *key, uint64_t value);
void bank_json_wide(struct bank_json *json, const char *key, bank_wide value);
void bank_json_seconds(struct bank_json *json, const char *key, double value);
void bank_json_null(struct bank_json *json, const char *key);
void bank_json_bool(struct bank_json *json, const char *key, bool value);

#endif
