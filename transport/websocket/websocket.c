/*
 * A peer's frames, one byte after the other; see the header.
 */
#include "transport/websocket/websocket.h"

#include <string.h>

#include "core/base/assert.h"

void tpi_ws_init(struct tpi_ws *ws, struct tpi_ws_memory memory, size_t max) {
    TPI_ASSERT(max > 0);
    memset(ws, 0, sizeof *ws);
    ws->memory = memory;
    ws->max = max;
}

void tpi_ws_init_stream(struct tpi_ws *ws, struct tpi_ws_memory memory, size_t max,
                        bool of_server) {
    tpi_ws_init(ws, memory, max);
    ws->stream = true;
    ws->unmasked = of_server;
}

void tpi_ws_fini(struct tpi_ws *ws) {
    if (ws->bytes != NULL) ws->memory.free(ws->memory.context, ws->bytes);
    ws->bytes = NULL;
    ws->size = ws->room = 0;
}

static enum tpi_ws_event bad(struct tpi_ws *ws, enum tpi_ws_code code) {
    ws->code = (uint16_t)code;
    return TPI_WS_BAD;
}

/* Room for `more` bytes that have come. */
static bool grow(struct tpi_ws *ws, size_t more) {
    size_t need = ws->size + more, room = ws->room == 0 ? 256 : ws->room;
    if (need <= ws->room) return true;
    while (room < need) room *= 2;
    if (room > ws->max) room = ws->max;
    TPI_ASSERT(room >= need);
    uint8_t *bytes = ws->memory.alloc(ws->memory.context, room);
    if (bytes == NULL) return false;
    if (ws->size > 0) memcpy(bytes, ws->bytes, ws->size);
    if (ws->bytes != NULL) ws->memory.free(ws->memory.context, ws->bytes);
    ws->bytes = bytes;
    ws->room = room;
    return true;
}

/* What was given out is over. */
static void forget(struct tpi_ws *ws) {
    if (!ws->told) return;
    ws->told = false;
    if (ws->room > TPI_WS_KEEP) tpi_ws_fini(ws);
    ws->size = 0;
}

/* Bytes of the head, as far as it is known: the second byte says. */
static size_t head_size(const struct tpi_ws *ws) {
    if (ws->head_used < 2) return 2;
    unsigned length = ws->head[1] & 0x7f;
    return 2u + (length == 126 ? 2u : length == 127 ? 8u : 0u) + (ws->head[1] & 0x80 ? 4u : 0u);
}

/* The payload's length; false: not in its shortest form, or beyond all bounds. */
static bool read_length(struct tpi_ws *ws) {
    unsigned length = ws->head[1] & 0x7f;
    unsigned bytes = length == 126 ? 2 : length == 127 ? 8 : 0;
    ws->left = length;
    if (bytes == 0) return true;
    ws->left = 0;
    for (unsigned i = 0; i < bytes; i++) ws->left = ws->left << 8 | ws->head[2 + i];
    return ws->left >> 63 == 0 && ws->left > (bytes == 2 ? 125u : UINT16_MAX);
}

/* A whole head: may this frame come now? TPI_WS_MORE: yes. */
static enum tpi_ws_event begin_frame(struct tpi_ws *ws) {
    unsigned opcode = ws->head[0] & 0x0f;
    bool control = opcode >= 8;
    ws->final = (ws->head[0] & 0x80) != 0;
    ws->opcode = (uint8_t)opcode;
    ws->mask_at = 0;
    bool masked = (ws->head[1] & 0x80) != 0;
    if (ws->head[0] & 0x70 || masked == ws->unmasked || !read_length(ws))
        return bad(ws, TPI_WS_PROTOCOL);
    if (control) {
        if (opcode > TPI_WS_PONGING || !ws->final || ws->left > TPI_WS_CONTROL_MAX)
            return bad(ws, TPI_WS_PROTOCOL);
        ws->control_size = 0;
        return TPI_WS_MORE;
    }
    if (opcode == TPI_WS_TEXT) return bad(ws, TPI_WS_NOT_BINARY);
    if (opcode > TPI_WS_BINARY || (opcode == TPI_WS_CONTINUED) != ws->inside)
        return bad(ws, TPI_WS_PROTOCOL);
    if (!ws->stream && ws->left > ws->max - ws->size) return bad(ws, TPI_WS_TOO_BIG);
    ws->inside = true;
    return TPI_WS_MORE;
}

void tpi_ws_mask(uint8_t *out, const uint8_t *in, size_t size, const uint8_t mask[4], size_t at) {
    for (size_t i = 0; i < size; i++) out[i] = in[i] ^ mask[(at + i) & 3];
}

static void unmask(struct tpi_ws *ws, uint8_t *out, const uint8_t *in, size_t size) {
    static const uint8_t none[4];
    const uint8_t *mask = ws->unmasked ? none : ws->head + head_size(ws) - 4;
    tpi_ws_mask(out, in, size, mask, ws->mask_at);
    ws->mask_at = (ws->mask_at + (uint32_t)size) & 3;
}

/* Codes that a peer may send: RFC 6455, 7.4. */
static bool may_say(unsigned code) {
    if (code >= 3000 && code <= 4999) return true;
    return code >= 1000 && code <= 1014 && code != 1004 && code != 1005 && code != 1006;
}

static enum tpi_ws_event end_control(struct tpi_ws *ws) {
    if (ws->opcode == TPI_WS_PINGING) return TPI_WS_PING;
    if (ws->opcode == TPI_WS_PONGING) return TPI_WS_PONG;
    if (ws->control_size == 1) return bad(ws, TPI_WS_PROTOCOL);
    ws->code = TPI_WS_NO_CODE;
    if (ws->control_size == 0) return TPI_WS_CLOSE;
    ws->code = (uint16_t)(ws->control[0] << 8 | ws->control[1]);
    return may_say(ws->code) ? TPI_WS_CLOSE : bad(ws, TPI_WS_PROTOCOL);
}

/* All of a frame is there. TPI_WS_MORE: nothing is to be told of it. */
static enum tpi_ws_event end_frame(struct tpi_ws *ws) {
    ws->head_used = 0;
    if (ws->opcode >= 8) return end_control(ws);
    if (!ws->final) return TPI_WS_MORE;
    ws->inside = false;
    if (ws->stream) return TPI_WS_MORE; /* its payload has been told */
    ws->told = true;
    return TPI_WS_MESSAGE;
}

static enum tpi_ws_event take_payload(struct tpi_ws *ws, const uint8_t **at, size_t *left) {
    size_t part = *left < ws->left ? *left : (size_t)ws->left;
    bool tells = ws->stream && ws->opcode < 8 && part > 0;
    if (tells && part > ws->max) part = ws->max;
    if (ws->opcode >= 8) {
        unmask(ws, ws->control + ws->control_size, *at, part);
        ws->control_size = (uint8_t)(ws->control_size + part);
    } else {
        if (part > 0 && !grow(ws, part)) return bad(ws, TPI_WS_INTERNAL);
        if (part > 0) unmask(ws, ws->bytes + ws->size, *at, part);
        ws->size += part;
    }
    *at += part;
    *left -= part;
    ws->left -= part;
    ws->told = tells;
    return tells ? TPI_WS_MESSAGE : TPI_WS_MORE;
}

enum tpi_ws_event tpi_ws_next(struct tpi_ws *ws, const uint8_t **at, size_t *left) {
    enum tpi_ws_event event = TPI_WS_MORE;
    forget(ws);
    for (;;) {
        if (ws->head_used < 2 || ws->head_used < head_size(ws)) {
            if (*left == 0) return TPI_WS_MORE;
            ws->head[ws->head_used++] = *(*at)++;
            --*left;
            if (ws->head_used < 2 || ws->head_used < head_size(ws)) continue;
            event = begin_frame(ws);
        }
        if (event == TPI_WS_MORE) event = take_payload(ws, at, left);
        if (event == TPI_WS_MORE && ws->left > 0) return TPI_WS_MORE;
        if (event == TPI_WS_MORE) event = end_frame(ws);
        if (event != TPI_WS_MORE) return event;
    }
}

size_t tpi_ws_head_size(size_t payload) {
    return payload < 126 ? 2 : payload <= UINT16_MAX ? 4 : 10;
}

size_t tpi_ws_head(uint8_t *out, enum tpi_ws_opcode opcode, size_t payload) {
    size_t size = tpi_ws_head_size(payload);
    out[0] = (uint8_t)(0x80u | (unsigned)opcode);
    out[1] = (uint8_t)(size == 2 ? payload : size == 4 ? 126 : 127);
    for (size_t i = 2; i < size; i++) out[i] = (uint8_t)(payload >> 8 * (size - 1 - i));
    return size;
}
