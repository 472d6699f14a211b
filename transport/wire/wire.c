/*
 * The small things of the wire: texts of errors, limits, node ids, the care of secrets.
 */
#include "transport/wire/wire.h"

#include <sodium.h>

#include "core/base/assert.h"

const char *tpi_wire_text(enum tpi_wire_code code) {
    static const char *const texts[] = {
#define TEXT(name, text) text,
        TPI_WIRE_ERROR_MAP(TEXT)
#undef TEXT
    };
    return (unsigned)code < TPI_WIRE_CODE_COUNT ? texts[code] : "an unknown error";
}

const char *tpi_wire_name(enum tpi_wire_code code) {
    static const char *const names[] = {
#define NAME(name, text) #name,
        TPI_WIRE_ERROR_MAP(NAME)
#undef NAME
    };
    return (unsigned)code < TPI_WIRE_CODE_COUNT ? names[code] : "UNKNOWN";
}

struct tpi_wire_limits tpi_wire_limits_default(void) {
    struct tpi_wire_limits limits = {
        .frame_max = 64u << 10,
        .message_max = TPI_MESSAGE_MAX_MOST,
        .window = 8u << 20,
        .sequences_max = 16,
        .assembly_max = 32u << 20,
        .heartbeat_ms = 5000,
    };
    return limits;
}

static bool within(uint32_t value, uint32_t least, uint32_t most) {
    return value >= least && value <= most;
}

bool tpi_wire_limits_valid(const struct tpi_wire_limits *limits) {
    return within(limits->frame_max, TPI_FRAME_MAX_LEAST, TPI_FRAME_MAX_MOST) &&
           within(limits->message_max, TPI_MESSAGE_MAX_LEAST, TPI_MESSAGE_MAX_MOST) &&
           within(limits->window, limits->frame_max + 4, TPI_WINDOW_MOST) &&
           within(limits->sequences_max, 1, TPI_SEQUENCES_MOST) &&
           limits->assembly_max >= limits->message_max + TPI_ASSEMBLY_SPARE &&
           within(limits->heartbeat_ms, TPI_HEARTBEAT_LEAST_MS, TPI_HEARTBEAT_MOST_MS);
}

uint64_t tpi_wire_node_id(const uint8_t incarnation[TPI_INCARNATION_SIZE], const char *name,
                          size_t name_size) {
    crypto_generichash_blake2b_state state;
    uint8_t hash[64];
    crypto_generichash_blake2b_init(&state, NULL, 0, sizeof hash);
    crypto_generichash_blake2b_update(&state, incarnation, TPI_INCARNATION_SIZE);
    crypto_generichash_blake2b_update(&state, (const uint8_t *)name, name_size);
    crypto_generichash_blake2b_final(&state, hash, sizeof hash);
    uint64_t id = tpi_get64(hash);
    return id == 0 ? 1 : id;
}

bool tpi_wire_keeps(uint64_t initiator, uint64_t responder) {
    return initiator > responder;
}

tp_err tpi_wire_start(void) {
    return sodium_init() < 0 ? TP_EIO : TP_OK;
}

bool tpi_secret_lock(void *secret, size_t size) {
    return sodium_mlock(secret, size) == 0;
}

void tpi_secret_wipe(void *secret, size_t size) {
    sodium_memzero(secret, size);
}

void tpi_secret_unlock(void *secret, size_t size) {
    sodium_memzero(secret, size);
    (void)sodium_munlock(secret, size);
}

bool tpi_secret_equal(const void *a, const void *b, size_t size) {
    TPI_ASSERT(a != NULL && b != NULL);
    return sodium_memcmp(a, b, size) == 0;
}
