/*
 * The credit window of one direction: the sender's side and the receiver's. Credit is the total of
 * signal-frame bytes that were routed since the connection began (length fields included), so that
 * telling it twice does no harm. Control frames are outside of it.
 */
#ifndef TPI_WIRE_WINDOW_H
#define TPI_WIRE_WINDOW_H

#include "transport/wire/wire.h"

struct tpi_window_out {
    uint64_t sent;
    uint64_t routed; /* as the receiver last told */
    uint32_t limit;  /* the receiver's */
};

struct tpi_window_in {
    uint64_t received;
    uint64_t routed;
    uint64_t told; /* the last credit that was sent */
    uint32_t limit;
};

/* Bytes that may be sent now. */
static inline uint64_t tpi_window_room(const struct tpi_window_out *window) {
    uint64_t flying = window->sent - window->routed;
    return flying >= window->limit ? 0 : window->limit - flying;
}
/*
 * Of that room, what is kept for signals in pieces: whole ones, of `frame` bytes at most, have half
 * of the window and one frame. So a window for large messages is none for a flood of small ones;
 * and half of it they need, since the receiver need not tell of less.
 */
static inline uint64_t tpi_window_kept(const struct tpi_window_out *window, uint32_t frame) {
    uint64_t whole = (uint64_t)window->limit / 2 + frame;
    return whole >= window->limit ? 0 : window->limit - whole;
}
/* True, and counted, when `bytes` may be sent. */
static inline bool tpi_window_send(struct tpi_window_out *window, uint64_t bytes) {
    if (bytes > tpi_window_room(window)) return false;
    window->sent += bytes;
    return true;
}
/* Takes a CREDIT: never backwards, never for what was not sent. */
static inline enum tpi_wire_code tpi_window_credit(struct tpi_window_out *window, uint64_t routed) {
    if (routed < window->routed || routed > window->sent) return TPI_WIRE_CREDIT;
    window->routed = routed;
    return TPI_WIRE_OK;
}

/* Counts a signal frame that arrived: WINDOW when the sender had no credit for it. */
static inline enum tpi_wire_code tpi_window_receive(struct tpi_window_in *window, uint64_t bytes) {
    window->received += bytes;
    return window->received - window->told > window->limit ? TPI_WIRE_WINDOW : TPI_WIRE_OK;
}
/* Counts what was routed: true when it is time for a CREDIT with window->routed; then set told. */
static inline bool tpi_window_route(struct tpi_window_in *window, uint64_t bytes) {
    window->routed += bytes;
    return window->routed - window->told >= window->limit / 2;
}

#endif
