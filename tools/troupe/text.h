/*
 * Words into values, values into words; JSON. Nothing here knows of a connection.
 */
#ifndef TROUPE_CLI_TEXT_H
#define TROUPE_CLI_TEXT_H

#include <stdio.h>

#include <troupe/troupe.h>

/* ---- words into values: false when a word is none ---- */

/* A decimal number between `least` and `most`. */
bool text_number(const char *word, uint64_t least, uint64_t most, uint64_t *out);
/* Seconds, with a fraction ("0.5"), from 0 to 1,000,000. */
bool text_seconds(const char *word, tp_duration *out);
/* "12.3" or "<12.3>": slot and generation, which are not 0. */
bool text_pid(const char *word, tp_pid *out);

/* ---- values into words ---- */

#define TEXT_SHORT 48

/* 999, 1.2k, 34M: at most five characters. */
const char *text_count(uint64_t number, char out[TEXT_SHORT]);
/* 340us, 1.5ms, 12.0s, 3m20s, 2h05m, 1d03h. */
const char *text_span(tp_duration span, char out[TEXT_SHORT]);
/* "12.3", "-" for null, "12.3@5f..." when it is not of the node `home`. */
const char *text_pid_of(tp_pid pid, uint64_t home, char out[TEXT_SHORT]);
/* "send,call,monitor,link,kill,spawn,inspect", "all" or "nothing". */
const char *text_may(uint32_t may, char out[80]);
/* At most `width` characters of UTF-8 (0: all); what would move the cursor becomes '?'. Returns how
 * many. */
size_t text_put(FILE *out, tp_str text, size_t width);
/* The same, with spaces up to `width`. */
void text_column(FILE *out, tp_str text, size_t width);

/* ---- JSON ---- */

/* A value being written: commas come by themselves. */
struct json {
    FILE *out;
    bool comma;
};

/* `name` NULL: an element of a list, or the whole value. */
void json_object(struct json *json, const char *name);
void json_list(struct json *json, const char *name);
void json_end_object(struct json *json);
void json_end_list(struct json *json);
void json_text(struct json *json, const char *name, tp_str value);
void json_number(struct json *json, const char *name, uint64_t value);
void json_signed(struct json *json, const char *name, int64_t value);
/* With so many digits behind the point. */
void json_real(struct json *json, const char *name, double value, int digits);
void json_bool(struct json *json, const char *name, bool value);
/* As a string, null for the null pid. */
void json_pid(struct json *json, const char *name, tp_pid pid, uint64_t home);
/* A node's id, in 16 hexadecimal digits: JavaScript's numbers cannot hold it. */
void json_node(struct json *json, const char *name, uint64_t node);
/* The end of a whole value: a newline, and out it goes. */
void json_done(struct json *json);

#endif
