/*
 * SHA-1 and base64 for the WebSocket handshake, where they prove that the other side speaks the
 * protocol and protect nothing. libsodium has no SHA-1, and a library more for forty lines is no
 * bargain: docs/adr/0003-gateway-on-actor-sockets.md.
 */
#include <string.h>

#include "core/base/assert.h"
#include "transport/websocket/websocket.h"

static uint32_t turn(uint32_t word, unsigned bits) {
    return word << bits | word >> (32 - bits);
}

static void sha1_block(uint32_t state[5], const uint8_t *block) {
    static const uint32_t constants[4] = {0x5a827999, 0x6ed9eba1, 0x8f1bbcdc, 0xca62c1d6};
    uint32_t words[80], s[5];
    memcpy(s, state, sizeof s);
    for (unsigned i = 0; i < 16; i++)
        words[i] = (uint32_t)block[4 * i] << 24 | (uint32_t)block[4 * i + 1] << 16 |
                   (uint32_t)block[4 * i + 2] << 8 | block[4 * i + 3];
    for (unsigned i = 16; i < 80; i++)
        words[i] = turn(words[i - 3] ^ words[i - 8] ^ words[i - 14] ^ words[i - 16], 1);
    for (unsigned i = 0; i < 80; i++) {
        uint32_t mix = i < 20   ? (s[1] & s[2]) | (~s[1] & s[3])
                       : i < 40 ? s[1] ^ s[2] ^ s[3]
                       : i < 60 ? (s[1] & s[2]) | (s[1] & s[3]) | (s[2] & s[3])
                                : s[1] ^ s[2] ^ s[3];
        uint32_t next = turn(s[0], 5) + mix + s[4] + constants[i / 20] + words[i];
        s[4] = s[3];
        s[3] = s[2];
        s[2] = turn(s[1], 30);
        s[1] = s[0];
        s[0] = next;
    }
    for (unsigned i = 0; i < 5; i++) state[i] += s[i];
}

void tpi_sha1(const void *bytes, size_t size, uint8_t out[20]) {
    uint32_t state[5] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
    const uint8_t *at = bytes;
    size_t left = size;
    uint8_t last[128] = {0};
    for (; left >= 64; at += 64, left -= 64) sha1_block(state, at);
    if (left > 0) memcpy(last, at, left);
    last[left] = 0x80;
    size_t end = left < 56 ? 64 : 128;
    uint64_t bits = (uint64_t)size * 8;
    for (unsigned i = 0; i < 8; i++) last[end - 1 - i] = (uint8_t)(bits >> 8 * i);
    sha1_block(state, last);
    if (end == 128) sha1_block(state, last + 64);
    for (unsigned i = 0; i < 20; i++) out[i] = (uint8_t)(state[i / 4] >> (24 - 8 * (i % 4)));
}

/* Three bytes at a time; `out` has a multiple of four. */
static void base64(const uint8_t *bytes, size_t size, char *out) {
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t at = 0; at < size; at += 3, out += 4) {
        uint32_t three = (uint32_t)bytes[at] << 16;
        if (at + 1 < size) three |= (uint32_t)bytes[at + 1] << 8;
        if (at + 2 < size) three |= bytes[at + 2];
        for (unsigned j = 0; j < 4; j++) out[j] = letters[three >> (18 - 6 * j) & 63];
        if (at + 1 >= size) out[2] = '=';
        if (at + 2 >= size) out[3] = '=';
    }
}

void tpi_ws_key(const uint8_t random[16], char out[TPI_WS_KEY_SIZE]) {
    base64(random, 16, out);
}

void tpi_ws_accept(const char *key, size_t size, char out[TPI_WS_ACCEPT_SIZE]) {
    static const char magic[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    char text[64 + sizeof magic];
    uint8_t hash[20];
    TPI_ASSERT(size <= 64);
    memcpy(text, key, size);
    memcpy(text + size, magic, sizeof magic - 1);
    tpi_sha1(text, size + sizeof magic - 1, hash);
    base64(hash, sizeof hash, out);
}
