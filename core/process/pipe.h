/*
 * Bytes on their way through a stream that does not block: a queue out, a buffer in.
 */
#ifndef TPI_PIPE_H
#define TPI_PIPE_H

#include "core/actor/actor.h"

struct tpi_bytes { /* [start, end) is in use */
    uint8_t *bytes;
    size_t capacity, start, end;
};

static inline size_t tpi_bytes_size(const struct tpi_bytes *bytes) {
    return bytes->end - bytes->start;
}
/* Room for `size` more at the end; NULL: no memory. The memory is the actor's (tp_alloc). */
uint8_t *tpi_bytes_room(tp_actor *self, struct tpi_bytes *bytes, size_t size);

#endif
