/*
 * Requests of the pizza service and the Fibonacci server, cut out of a stream of bytes. A request
 * ends at a newline, at the end of the stream, or after a silence; whoever owns the connection sees
 * the last two and says so with frame_end.
 *
 * A request that comes in one piece is answered where it lies. Only what is incomplete is held, in
 * a buffer of the caller's, so a connection between requests costs nothing but this record.
 */
#ifndef EXAMPLES_COMMON_FRAME_H
#define EXAMPLES_COMMON_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REQUEST_MAX 1024 /* bytes, without the newline */
#define SILENCE_MS 20

struct span {
    const char *data;
    size_t size;
};

struct frame {
    char *held;    /* REQUEST_MAX bytes of the caller's; NULL: nothing was held yet */
    uint32_t used; /* of them; REQUEST_MAX + 1: the request is too long, its bytes are dropped */
};

/* The next whole request of *rest, which moves on behind it. False: none is whole; then call
 * frame_hold. The request lives until the next call; call frame_clear when it is answered. One that
 * is too long has no data and a size above REQUEST_MAX. */
bool frame_next(struct frame *frame, struct span *rest, struct span *request);
/* Keeps what is left for later; frame->held must be there unless `rest` is empty. */
void frame_hold(struct frame *frame, struct span rest);
/* The stream or the speaker's patience ended: what is held is a request. False: nothing is. */
bool frame_end(struct frame *frame, struct span *request);
/* Forgets the request just answered. */
void frame_clear(struct frame *frame);

/*
 * What Python's int() takes: spaces around, a sign, digits with single underscores between them.
 * Writes it normalised (at most request.size + 1 bytes, not terminated) and returns its length; 0:
 * it is not a number.
 */
size_t number_normalise(struct span request, char *out);

#endif
