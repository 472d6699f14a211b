/*
 * Buffers that move what they hold to the front before they grow.
 */
#include "core/process/pipe.h"

#include <string.h>

#define FIRST_CAPACITY ((size_t)4 << 10)

uint8_t *tpi_bytes_room(tp_actor *self, struct tpi_bytes *bytes, size_t size) {
    size_t kept = tpi_bytes_size(bytes);
    TPI_ASSERT(bytes->end <= bytes->capacity);
    if (bytes->capacity - bytes->end >= size) return bytes->bytes + bytes->end;
    if (bytes->capacity - kept >= size && bytes->start >= kept) {
        if (kept > 0) memmove(bytes->bytes, bytes->bytes + bytes->start, kept);
    } else {
        size_t capacity =
            bytes->capacity * 2 > FIRST_CAPACITY ? bytes->capacity * 2 : FIRST_CAPACITY;
        while (capacity - kept < size) capacity *= 2;
        uint8_t *grown = tp_alloc(self, capacity);
        if (grown == NULL) return NULL;
        if (kept > 0) memcpy(grown, bytes->bytes + bytes->start, kept);
        tp_free(self, bytes->bytes);
        bytes->bytes = grown;
        bytes->capacity = capacity;
    }
    bytes->start = 0;
    bytes->end = kept;
    return bytes->bytes + kept;
}
