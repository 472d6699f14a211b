/* See arena.h. */
#include "tests/unit/message/arena.h"

#include <stdlib.h>

#include "tests/support/test.h"

struct arena_chunk {
    struct arena_chunk *next;
    void *memory;
};

static void *counted(tp_scratch *scratch, size_t size) {
    struct arena *arena = (struct arena *)(void *)scratch; /* its first member */
    arena->taken += size;
    return arena->taken > arena->limit ? NULL : arena_take(arena, size);
}

void arena_init(struct arena *arena) {
    *arena = (struct arena){.scratch = {counted}, .limit = SIZE_MAX};
}

void arena_free(struct arena *arena) {
    while (arena->chunks != NULL) {
        struct arena_chunk *chunk = arena->chunks;
        arena->chunks = chunk->next;
        free(chunk->memory);
        free(chunk);
    }
}

void *arena_take(struct arena *arena, size_t size) {
    struct arena_chunk *chunk = malloc(sizeof *chunk);
    void *memory = malloc(size == 0 ? 1 : size);
    TP_ASSERT(chunk != NULL && memory != NULL);
    *chunk = (struct arena_chunk){arena->chunks, memory};
    arena->chunks = chunk;
    memset(memory, 0xa5, size);
    return memory;
}

const uint8_t *arena_copy(struct arena *arena, const void *bytes, size_t size) {
    void *copy = arena_take(arena, size);
    if (size > 0) memcpy(copy, bytes, size);
    return copy;
}

struct encoded arena_encode(struct arena *arena, const tp_message_type *type, const void *value) {
    size_t measured = type->measure(value);
    TP_ASSERT(type->bound == 0 || measured <= type->bound);
    uint8_t *bytes = arena_take(arena, measured);
    tp_writer out = tp_writer_over(bytes, measured);
    type->encode(value, &out);
    TP_ASSERT(!out.failed && out.at >= bytes && out.at <= out.end);
    size_t size = (size_t)(out.at - bytes);
    return (struct encoded){arena_copy(arena, bytes, size), size};
}

bool arena_decode(struct arena *arena, const tp_message_type *type, struct encoded from,
                  uint32_t count, void *out) {
    tp_reader in = tp_reader_over(from.bytes, from.size);
    in.scratch = &arena->scratch;
    memset(out, 0xa5, type->struct_size);
    type->decode(out, &in, count);
    TP_ASSERT(in.at <= in.end);
    return !in.failed && in.at == in.end;
}

void arena_round_trip(struct arena *arena, const tp_message_type *type, const void *value,
                      void *out) {
    struct encoded encoded = arena_encode(arena, type, value);
    TP_ASSERT(arena_decode(arena, type, encoded, type->field_count, out));
}
