/*
 * Requests out of a stream, and Python's idea of a number.
 */
#include "examples/common/frame.h"

#include <string.h>

static void append(struct frame *frame, const char *bytes, size_t size) {
    if (frame->used + size > REQUEST_MAX) {
        frame->used = REQUEST_MAX + 1;
        return;
    }
    if (size > 0) memcpy(frame->held + frame->used, bytes, size);
    frame->used += (uint32_t)size;
}

static struct span held(const struct frame *frame) {
    return (struct span){frame->used > REQUEST_MAX ? NULL : frame->held, frame->used};
}

bool frame_next(struct frame *frame, struct span *rest, struct span *request) {
    const char *end = rest->size > 0 ? memchr(rest->data, '\n', rest->size) : NULL;
    if (end == NULL) return false;
    size_t size = (size_t)(end - rest->data);
    if (frame->used > 0) {
        append(frame, rest->data, size);
        *request = held(frame);
    } else {
        *request = (struct span){size > REQUEST_MAX ? NULL : rest->data, size};
    }
    rest->data += size + 1;
    rest->size -= size + 1;
    return true;
}

void frame_hold(struct frame *frame, struct span rest) {
    append(frame, rest.data, rest.size);
}

bool frame_end(struct frame *frame, struct span *request) {
    *request = held(frame);
    return frame->used > 0;
}

void frame_clear(struct frame *frame) {
    frame->used = 0;
}

/* ---- numbers ---- */

static bool is_space(char c) {
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

static struct span strip(struct span text) {
    while (text.size > 0 && is_space(text.data[0])) text.data++, text.size--;
    while (text.size > 0 && is_space(text.data[text.size - 1])) text.size--;
    return text;
}

size_t number_normalise(struct span request, char *out) {
    if (request.data == NULL) return 0;
    struct span text = strip(request);
    bool negative = text.size > 0 && text.data[0] == '-';
    size_t done = 0;
    if (text.size > 0 && (negative || text.data[0] == '+')) text.data++, text.size--;
    if (text.size == 0 || !is_digit(text.data[text.size - 1])) return 0;
    if (negative) out[done++] = '-';
    bool leading = true, underscore = true; /* none at the start */
    for (size_t i = 0; i < text.size; i++) {
        char c = text.data[i];
        if (c == '_' ? underscore : !is_digit(c)) return 0;
        underscore = c == '_';
        if (underscore || (leading && c == '0')) continue;
        leading = false;
        out[done++] = c;
    }
    if (!leading) return done;
    out[0] = '0'; /* also for -0 */
    return 1;
}
