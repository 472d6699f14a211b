/*
 * The Noise handshake. Names follow the specification: MixKey, MixHash, MixKeyAndHash,
 * EncryptAndHash, DecryptAndHash, Split (sections 5.1 to 5.3), Rekey (section 11.3).
 */
#include "transport/wire/noise.h"

#include <sodium.h>

#include "core/base/assert.h"

#define HMAC_BLOCK 128 /* BLAKE2b's */

static const char protocol_name[] = "Noise_XXpsk0_25519_ChaChaPoly_BLAKE2b";

/* ---- hash, HMAC, HKDF ---- */

struct piece {
    const void *bytes;
    size_t size;
};

static void hash_of(const struct piece *pieces, int count, uint8_t out[TPI_HASH_SIZE]) {
    crypto_generichash_blake2b_state state;
    crypto_generichash_blake2b_init(&state, NULL, 0, TPI_HASH_SIZE);
    for (int i = 0; i < count; i++)
        crypto_generichash_blake2b_update(&state, pieces[i].bytes, pieces[i].size);
    crypto_generichash_blake2b_final(&state, out, TPI_HASH_SIZE);
    sodium_memzero(&state, sizeof state);
}

/* RFC 2104 over BLAKE2b; not BLAKE2b's own keyed form. */
static void hmac(const uint8_t key[TPI_HASH_SIZE], struct piece a, struct piece b,
                 uint8_t out[TPI_HASH_SIZE]) {
    uint8_t pad[HMAC_BLOCK], inner[TPI_HASH_SIZE];
    memset(pad, 0x36, sizeof pad);
    for (size_t i = 0; i < TPI_HASH_SIZE; i++) pad[i] ^= key[i];
    hash_of((struct piece[]){{pad, sizeof pad}, a, b}, 3, inner);
    for (size_t i = 0; i < sizeof pad; i++) pad[i] ^= 0x36 ^ 0x5c;
    hash_of((struct piece[]){{pad, sizeof pad}, {inner, sizeof inner}}, 2, out);
    sodium_memzero(pad, sizeof pad);
    sodium_memzero(inner, sizeof inner);
}

/* HKDF with `count` outputs of TPI_HASH_SIZE bytes, one after the other. */
static void hkdf(const uint8_t chaining[TPI_HASH_SIZE], struct piece input, int count,
                 uint8_t *outputs) {
    TPI_ASSERT(count == 2 || count == 3);
    uint8_t temp[TPI_HASH_SIZE];
    hmac(chaining, input, (struct piece){"", 0}, temp);
    struct piece before = {"", 0};
    for (int i = 1; i <= count; i++) {
        uint8_t *output = outputs + (i - 1) * TPI_HASH_SIZE;
        const uint8_t number = (uint8_t)i;
        hmac(temp, before, (struct piece){&number, 1}, output);
        before = (struct piece){output, TPI_HASH_SIZE};
    }
    sodium_memzero(temp, sizeof temp);
}

/* ---- CipherState ---- */

static void nonce_bytes(uint64_t nonce, uint8_t out[12]) {
    memset(out, 0, 4);
    for (int i = 0; i < 8; i++) out[4 + i] = (uint8_t)(nonce >> (8 * i));
}

static void cipher_key(struct tpi_cipher *cipher, const uint8_t *key) {
    memcpy(cipher->key, key, TPI_KEY_SIZE);
    cipher->nonce = 0;
    cipher->keyed = true;
}

bool tpi_cipher_seal(struct tpi_cipher *cipher, const uint8_t *ad, size_t ad_size,
                     const uint8_t *plain, size_t size, uint8_t *out) {
    if (!cipher->keyed) {
        if (size > 0) memmove(out, plain, size);
        return true;
    }
    if (cipher->nonce == TPI_NONCE_END) return false;
    uint8_t nonce[12];
    nonce_bytes(cipher->nonce, nonce);
    crypto_aead_chacha20poly1305_ietf_encrypt(out, NULL, plain, size, ad, ad_size, NULL, nonce,
                                              cipher->key);
    cipher->nonce++;
    return true;
}

bool tpi_cipher_open(struct tpi_cipher *cipher, const uint8_t *ad, size_t ad_size,
                     const uint8_t *sealed, size_t size, uint8_t *out) {
    if (!cipher->keyed) {
        if (size > 0) memmove(out, sealed, size);
        return true;
    }
    if (cipher->nonce == TPI_NONCE_END || size < TPI_TAG_SIZE) return false;
    uint8_t nonce[12];
    nonce_bytes(cipher->nonce, nonce);
    if (crypto_aead_chacha20poly1305_ietf_decrypt(out, NULL, NULL, sealed, size, ad, ad_size, nonce,
                                                  cipher->key) != 0)
        return false;
    cipher->nonce++;
    return true;
}

void tpi_cipher_rekey(struct tpi_cipher *cipher) {
    TPI_ASSERT(cipher->keyed);
    static const uint8_t zeros[TPI_KEY_SIZE];
    uint8_t nonce[12], sealed[TPI_KEY_SIZE + TPI_TAG_SIZE];
    nonce_bytes(TPI_NONCE_END, nonce);
    crypto_aead_chacha20poly1305_ietf_encrypt(sealed, NULL, zeros, sizeof zeros, NULL, 0, NULL,
                                              nonce, cipher->key);
    memcpy(cipher->key, sealed, TPI_KEY_SIZE);
    sodium_memzero(sealed, sizeof sealed);
}

/* ---- SymmetricState ---- */

static void mix_hash(struct tpi_noise *noise, const void *bytes, size_t size) {
    hash_of((struct piece[]){{noise->hash, TPI_HASH_SIZE}, {bytes, size}}, 2, noise->hash);
}

static void mix_key(struct tpi_noise *noise, const uint8_t *input) {
    uint8_t outputs[2 * TPI_HASH_SIZE];
    hkdf(noise->chaining, (struct piece){input, TPI_KEY_SIZE}, 2, outputs);
    memcpy(noise->chaining, outputs, TPI_HASH_SIZE);
    cipher_key(&noise->cipher, outputs + TPI_HASH_SIZE);
    sodium_memzero(outputs, sizeof outputs);
}

static void mix_key_and_hash(struct tpi_noise *noise, const uint8_t *input) {
    uint8_t outputs[3 * TPI_HASH_SIZE];
    hkdf(noise->chaining, (struct piece){input, TPI_KEY_SIZE}, 3, outputs);
    memcpy(noise->chaining, outputs, TPI_HASH_SIZE);
    mix_hash(noise, outputs + TPI_HASH_SIZE, TPI_HASH_SIZE);
    cipher_key(&noise->cipher, outputs + 2 * TPI_HASH_SIZE);
    sodium_memzero(outputs, sizeof outputs);
}

static size_t tag_size(const struct tpi_noise *noise) {
    return noise->cipher.keyed ? TPI_TAG_SIZE : 0;
}

/* Appends to a message that is being written. */
struct output {
    uint8_t *at;
    uint8_t *end;
};

static bool encrypt_and_hash(struct tpi_noise *noise, const uint8_t *plain, size_t size,
                             struct output *out) {
    size_t sealed = size + tag_size(noise);
    if ((size_t)(out->end - out->at) < sealed) return false;
    if (!tpi_cipher_seal(&noise->cipher, noise->hash, TPI_HASH_SIZE, plain, size, out->at))
        return false;
    mix_hash(noise, out->at, sealed);
    out->at += sealed;
    return true;
}

static bool decrypt_and_hash(struct tpi_noise *noise, const uint8_t *sealed, size_t size,
                             uint8_t *out) {
    uint8_t hash[TPI_HASH_SIZE];
    hash_of((struct piece[]){{noise->hash, TPI_HASH_SIZE}, {sealed, size}}, 2, hash);
    if (!tpi_cipher_open(&noise->cipher, noise->hash, TPI_HASH_SIZE, sealed, size, out))
        return false;
    memcpy(noise->hash, hash, TPI_HASH_SIZE);
    return true;
}

/* ---- HandshakeState ---- */

static bool mix_dh(struct tpi_noise *noise, const uint8_t *private_key, const uint8_t *public_key) {
    uint8_t shared[TPI_KEY_SIZE];
    /* It fails for points of small order, whose result an attacker knows. */
    bool good = crypto_scalarmult_curve25519(shared, private_key, public_key) == 0;
    if (good) mix_key(noise, shared);
    sodium_memzero(shared, sizeof shared);
    return good;
}

static bool mix_ee(struct tpi_noise *noise) {
    return mix_dh(noise, noise->ephemeral_private, noise->peer_ephemeral);
}

/* "es": the initiator's ephemeral and the responder's static; "se" the other way round. */
static bool mix_es(struct tpi_noise *noise) {
    return noise->initiator ? mix_dh(noise, noise->ephemeral_private, noise->peer_static)
                            : mix_dh(noise, noise->static_private, noise->peer_ephemeral);
}

static bool mix_se(struct tpi_noise *noise) {
    return noise->initiator ? mix_dh(noise, noise->static_private, noise->peer_ephemeral)
                            : mix_dh(noise, noise->ephemeral_private, noise->peer_static);
}

/* In a handshake with a psk, an ephemeral key is mixed into the key as well. */
static void mix_ephemeral(struct tpi_noise *noise, const uint8_t *public_key) {
    mix_hash(noise, public_key, TPI_KEY_SIZE);
    mix_key(noise, public_key);
}

static bool write_e(struct tpi_noise *noise, tpi_wire_random draw, void *context,
                    struct output *out) {
    if ((size_t)(out->end - out->at) < TPI_KEY_SIZE) return false;
    draw(context, noise->ephemeral_private, TPI_KEY_SIZE);
    crypto_scalarmult_curve25519_base(noise->ephemeral_public, noise->ephemeral_private);
    memcpy(out->at, noise->ephemeral_public, TPI_KEY_SIZE);
    out->at += TPI_KEY_SIZE;
    mix_ephemeral(noise, noise->ephemeral_public);
    return true;
}

static void read_e(struct tpi_noise *noise, const uint8_t *message) {
    memcpy(noise->peer_ephemeral, message, TPI_KEY_SIZE);
    mix_ephemeral(noise, noise->peer_ephemeral);
}

tp_err tpi_noise_public_key(const uint8_t private_key[TPI_KEY_SIZE],
                            uint8_t public_key[TPI_KEY_SIZE]) {
    return crypto_scalarmult_curve25519_base(public_key, private_key) == 0 ? TP_OK : TP_EINVAL;
}

tp_err tpi_noise_init(struct tpi_noise *noise, bool initiator, const void *prologue,
                      size_t prologue_size, const uint8_t static_private[TPI_KEY_SIZE],
                      const uint8_t psk[TPI_KEY_SIZE]) {
    memset(noise, 0, sizeof *noise);
    noise->initiator = initiator;
    memcpy(noise->psk, psk, TPI_KEY_SIZE);
    memcpy(noise->static_private, static_private, TPI_KEY_SIZE);
    if (tpi_noise_public_key(static_private, noise->static_public) != TP_OK) return TP_EINVAL;
    _Static_assert(sizeof protocol_name - 1 <= TPI_HASH_SIZE, "a name this short is padded");
    memcpy(noise->hash, protocol_name, sizeof protocol_name - 1);
    memcpy(noise->chaining, noise->hash, TPI_HASH_SIZE);
    mix_hash(noise, prologue, prologue_size);
    return TP_OK;
}

static bool write_tokens(struct tpi_noise *noise, tpi_wire_random draw, void *context,
                         struct output *out) {
    switch (noise->step) {
    case 0: mix_key_and_hash(noise, noise->psk); return write_e(noise, draw, context, out);
    case 1:
        return write_e(noise, draw, context, out) && mix_ee(noise) &&
               encrypt_and_hash(noise, noise->static_public, TPI_KEY_SIZE, out) && mix_es(noise);
    default:
        return encrypt_and_hash(noise, noise->static_public, TPI_KEY_SIZE, out) && mix_se(noise);
    }
}

static bool our_turn(const struct tpi_noise *noise, bool writing) {
    bool initiators = noise->step % 2 == 0;
    return !noise->failed && noise->step < 3 && (initiators == noise->initiator) == writing;
}

tp_err tpi_noise_write(struct tpi_noise *noise, tpi_wire_random draw, void *context,
                       const void *payload, size_t size, uint8_t *out, size_t room, size_t *used) {
    if (!our_turn(noise, true)) return TP_EINVAL;
    struct output output = {out, out + room};
    if (!write_tokens(noise, draw, context, &output) ||
        !encrypt_and_hash(noise, payload, size, &output)) {
        noise->failed = true;
        return TP_ETOOBIG;
    }
    noise->step++;
    *used = (size_t)(output.at - out);
    TPI_ASSERT(*used <= room);
    return TP_OK;
}

/* Bytes of a message before its payload. */
static size_t tokens_size(const struct tpi_noise *noise) {
    size_t sealed_key = TPI_KEY_SIZE + TPI_TAG_SIZE;
    if (noise->step == 0) return TPI_KEY_SIZE;
    return noise->step == 1 ? TPI_KEY_SIZE + sealed_key : sealed_key;
}

static bool read_tokens(struct tpi_noise *noise, const uint8_t *message) {
    const size_t sealed_key = TPI_KEY_SIZE + TPI_TAG_SIZE;
    switch (noise->step) {
    case 0:
        mix_key_and_hash(noise, noise->psk);
        read_e(noise, message);
        return true;
    case 1:
        read_e(noise, message);
        return mix_ee(noise) &&
               decrypt_and_hash(noise, message + TPI_KEY_SIZE, sealed_key, noise->peer_static) &&
               mix_es(noise);
    default:
        return decrypt_and_hash(noise, message, sealed_key, noise->peer_static) && mix_se(noise);
    }
}

tp_err tpi_noise_read(struct tpi_noise *noise, const uint8_t *message, size_t size, uint8_t *out,
                      size_t room, size_t *used) {
    if (!our_turn(noise, false)) return TP_EINVAL;
    size_t before = tokens_size(noise);
    if (size < before + TPI_TAG_SIZE || size - before - TPI_TAG_SIZE > room) {
        noise->failed = true;
        return size < before + TPI_TAG_SIZE ? TP_EBADMSG : TP_ETOOBIG;
    }
    if (!read_tokens(noise, message) ||
        !decrypt_and_hash(noise, message + before, size - before, out)) {
        noise->failed = true;
        return TP_EBADMSG;
    }
    noise->step++;
    *used = size - before - TPI_TAG_SIZE;
    return TP_OK;
}

bool tpi_noise_done(const struct tpi_noise *noise) {
    return noise->step == 3 && !noise->failed;
}

void tpi_noise_split(struct tpi_noise *noise, struct tpi_cipher *send, struct tpi_cipher *receive) {
    TPI_ASSERT(tpi_noise_done(noise));
    uint8_t outputs[2 * TPI_HASH_SIZE];
    hkdf(noise->chaining, (struct piece){"", 0}, 2, outputs);
    cipher_key(noise->initiator ? send : receive, outputs);
    cipher_key(noise->initiator ? receive : send, outputs + TPI_HASH_SIZE);
    sodium_memzero(outputs, sizeof outputs);
}

void tpi_noise_wipe(struct tpi_noise *noise) {
    sodium_memzero(noise, sizeof *noise);
    noise->failed = true;
}
