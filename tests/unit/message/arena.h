/*
 * What the codec tests share: scratch memory that counts what it gives, and encoding into memory of
 * the exact size, so that AddressSanitizer sees a byte too many, read or written.
 */
#ifndef TESTS_MESSAGE_ARENA_H
#define TESTS_MESSAGE_ARENA_H

#include <troupe/message.h>

struct arena {
    tp_scratch scratch;
    struct arena_chunk *chunks;
    size_t taken; /* bytes asked for through `scratch` */
    size_t limit; /* more than that is refused */
};

void arena_init(struct arena *arena);
/* Frees all that was taken. */
void arena_free(struct arena *arena);
/* Memory of the arena, not counted. */
void *arena_take(struct arena *arena, size_t size);
/* A copy with nothing behind it. */
const uint8_t *arena_copy(struct arena *arena, const void *bytes, size_t size);

struct encoded {
    const uint8_t *bytes;
    size_t size;
};

/* Encodes, and asserts what `bound` and `measure` promise. */
struct encoded arena_encode(struct arena *arena, const tp_message_type *type, const void *value);
/* Decodes `count` fields; true if all is well. *out is first filled with rubbish. */
bool arena_decode(struct arena *arena, const tp_message_type *type, struct encoded from,
                  uint32_t count, void *out);
/* Both; asserts that it works and takes every byte. */
void arena_round_trip(struct arena *arena, const tp_message_type *type, const void *value,
                      void *out);

#endif
