/*
 * Arbitrary bytes through everything of the codec that reads:
 *   - our reader and msgpack-c agree on the first value;
 *   - a message of all kinds and forms decodes within its memory bound, and what was decoded
 *     encodes to bytes that decode and encode to the same again;
 *   - text and JSON keep to their buffer, and JSON is JSON.
 * The corpus is made by make_codec_corpus.py.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/message/message.h"
#include "tests/support/msgpack_oracle.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(condition)                                                                         \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #condition);              \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

enum colour { RED };
TP_MESSAGE(nothing)
TP_MESSAGE(numbers, TP_FIELD(bool, truth), TP_FIELD(u8, a), TP_FIELD(u16, b), TP_FIELD(u32, c),
           TP_FIELD(u64, d), TP_FIELD(i8, e), TP_FIELD(i16, f), TP_FIELD(i32, g), TP_FIELD(i64, h),
           TP_FIELD(f64, i), TP_FIELD(pid, j), TP_ENUM(enum colour, k))
TP_MESSAGE(texts, TP_FIELD(str, text), TP_FIELD(bin, bytes), TP_FIELD(blob, large))
TP_MESSAGE(optionals, TP_OPTIONAL(bool, truth), TP_OPTIONAL(i64, a), TP_OPTIONAL(str, b),
           TP_OPTIONAL(blob, c), TP_OPTIONAL(pid, d), TP_OPTIONAL(f64, e))
TP_MESSAGE(lists, TP_LIST(bool, truth), TP_LIST(u8, a), TP_LIST(i64, b), TP_LIST(str, c),
           TP_LIST(blob, d), TP_LIST(pid, e), TP_LIST_OF(numbers, f))
TP_MESSAGE(maps, TP_MAP(u8, a), TP_MAP(str, b), TP_MAP(blob, c), TP_MAP(f64, d), TP_MAP(bin, e))
TP_MESSAGE(everything, TP_NESTED(numbers, n), TP_NESTED(texts, t), TP_NESTED(optionals, o),
           TP_NESTED(lists, l), TP_NESTED(maps, m), TP_NESTED(nothing, none),
           TP_LIST_OF(lists, many), TP_LIST_OF(nothing, voids))

/* ---- memory that is counted ---- */

struct arena {
    tp_scratch scratch;
    void **chunks; /* each begins with the next */
    size_t taken;
};

static void *arena_alloc(tp_scratch *scratch, size_t size) {
    struct arena *arena = (struct arena *)(void *)scratch; /* its first member */
    REQUIRE(size < SIZE_MAX - 16);
    void **chunk = malloc(16 + size);
    REQUIRE(chunk != NULL);
    *chunk = arena->chunks;
    arena->chunks = chunk;
    arena->taken += size;
    return (char *)chunk + 16;
}

static void arena_free(struct arena *arena) {
    while (arena->chunks != NULL) {
        void **chunk = arena->chunks;
        arena->chunks = *chunk;
        free(chunk);
    }
}

/* ---- JSON, as RFC 8259 has it: where the value ends, or NULL ---- */

static const char *json_value(const char *at);

static const char *json_string(const char *at) {
    if (*at++ != '"') return NULL;
    for (; *at != '"'; at++) {
        if ((unsigned char)*at < 0x20) return NULL;
        if (*at != '\\') continue;
        at++;
        if (strchr("\"\\/bfnrt", *at) != NULL && *at != 0) continue;
        if (*at != 'u') return NULL;
        for (int i = 0; i < 4; i++)
            if (!isxdigit((unsigned char)*++at)) return NULL;
    }
    return at + 1;
}

static const char *json_number(const char *at) {
    if (*at == '-') at++;
    if (!isdigit((unsigned char)*at)) return NULL;
    if (*at == '0' && isdigit((unsigned char)at[1])) return NULL;
    while (isdigit((unsigned char)*at)) at++;
    if (*at == '.') {
        if (!isdigit((unsigned char)*++at)) return NULL;
        while (isdigit((unsigned char)*at)) at++;
    }
    if (*at != 'e') return at;
    if (*++at == '+' || *at == '-') at++;
    if (!isdigit((unsigned char)*at)) return NULL;
    while (isdigit((unsigned char)*at)) at++;
    return at;
}

static const char *json_container(const char *at) {
    char close = *at == '{' ? '}' : ']';
    at++;
    if (*at == close) return at + 1;
    for (;;) {
        if (close == '}') {
            at = json_string(at);
            if (at == NULL || *at++ != ':') return NULL;
        }
        at = json_value(at);
        if (at == NULL) return NULL;
        if (*at == close) return at + 1;
        if (*at++ != ',') return NULL;
    }
}

static const char *json_value(const char *at) {
    if (*at == '"') return json_string(at);
    if (*at == '{' || *at == '[') return json_container(at);
    if (strncmp(at, "null", 4) == 0 || strncmp(at, "true", 4) == 0) return at + 4;
    if (strncmp(at, "false", 5) == 0) return at + 5;
    return json_number(at);
}

/* ---- the checks ---- */

struct bytes {
    uint8_t *at;
    size_t size;
};

static struct bytes encode(const everything *value) {
    size_t measured = everything_message.measure(value);
    uint8_t *bytes = malloc(measured);
    REQUIRE(bytes != NULL);
    tp_writer out = tp_writer_over(bytes, measured);
    everything_message.encode(value, &out);
    REQUIRE(out.at <= out.end);
    return (struct bytes){bytes, (size_t)(out.at - bytes)};
}

static bool decode(struct arena *arena, const uint8_t *data, size_t size, uint32_t count,
                   everything *out) {
    tp_reader in = tp_reader_over(data, size);
    in.scratch = &arena->scratch;
    everything_message.decode(out, &in, count);
    REQUIRE(in.at <= in.end && !in.starved);
    REQUIRE(arena->taken <= TP_SCRATCH_FACTOR * size + TP_SCRATCH_FREE);
    return !in.failed;
}

static void check_decode(const uint8_t *data, size_t size, uint32_t count) {
    struct arena first = {.scratch = {arena_alloc}}, second = first;
    everything value, again;
    if (decode(&first, data, size, count, &value)) {
        struct bytes once = encode(&value);
        REQUIRE(decode(&second, once.at, once.size, everything_message.field_count, &again));
        struct bytes twice = encode(&again);
        REQUIRE(once.size == twice.size && memcmp(once.at, twice.at, once.size) == 0);
        free(twice.at);
        free(once.at);
    }
    arena_free(&second);
    arena_free(&first);
}

typedef size_t (*printer)(const tp_message_type *, const uint8_t *, size_t, uint32_t, char *,
                          size_t);

/* Prints into a buffer of `room`, then into one that is large enough: that text, the caller's. */
static char *check_print(printer print, const uint8_t *data, size_t size, size_t room) {
    char *cut = malloc(room == 0 ? 1 : room);
    REQUIRE(cut != NULL);
    size_t length = print(&everything_message, data, size, 8, cut, room);
    char *whole = malloc(length + 1);
    REQUIRE(whole != NULL);
    REQUIRE(print(&everything_message, data, size, 8, whole, length + 1) == length);
    REQUIRE(strlen(whole) == length && tp_utf8_valid(whole, length));
    if (room > 0) {
        size_t kept = strlen(cut);
        REQUIRE(kept < room && kept <= length && memcmp(cut, whole, kept) == 0);
        REQUIRE(kept + 4 > (length < room - 1 ? length : room - 1) && tp_utf8_valid(cut, kept));
    }
    free(cut);
    return whole;
}

static void check_whole_message(const uint8_t *data, size_t size) {
    tp_str name;
    uint32_t count;
    tp_reader fields;
    if (tpi_message_open(data, size, &name, &count, &fields) != TP_OK) return;
    REQUIRE(name.size > 0 && name.size <= TP_NAME_SIZE_MAX && count < size);
    check_decode(fields.at, tpi_left(&fields), count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const char *difference = oracle_differs(data, size);
    if (difference != NULL) fprintf(stderr, "%s\n", difference);
    REQUIRE(difference == NULL);
    check_decode(data, size, everything_message.field_count);
    check_whole_message(data, size);
    size_t room = size == 0 ? 0 : data[size - 1];
    free(check_print(tpi_message_format, data, size, room));
    char *json = check_print(tpi_message_json, data, size, room);
    const char *end = json_value(json);
    REQUIRE(end != NULL && *end == 0);
    free(json);
    return 0;
}
