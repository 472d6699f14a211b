/*
 * Noise_XXpsk0_25519_ChaChaPoly_BLAKE2b, to the letter of the Noise specification (revision 34) on
 * libsodium's primitives, and the cipher states that come out of it.
 *
 *     -> psk, e
 *     <- e, ee, s, es
 *     -> s, se
 *
 * The structs hold secrets: tpi_noise_wipe, or tpi_secret_wipe for a cipher, when done.
 */
#ifndef TPI_WIRE_NOISE_H
#define TPI_WIRE_NOISE_H

#include "transport/wire/wire.h"

#define TPI_KEY_SIZE 32
#define TPI_HASH_SIZE 64
#define TPI_TAG_SIZE 16

/* A Noise CipherState: a key and the next nonce. */
struct tpi_cipher {
    uint8_t key[TPI_KEY_SIZE];
    uint64_t nonce;
    bool keyed;
};

/* The nonce that Noise keeps for rekeying: a cipher stops before it. */
#define TPI_NONCE_END UINT64_MAX

/* Where ephemeral keys come from: `size` random bytes. In a simulation, from its seed. */
typedef void (*tpi_wire_random)(void *context, void *out, size_t size);

struct tpi_noise {
    struct tpi_cipher cipher;
    uint8_t chaining[TPI_HASH_SIZE];
    uint8_t hash[TPI_HASH_SIZE];
    uint8_t psk[TPI_KEY_SIZE];
    uint8_t static_private[TPI_KEY_SIZE];
    uint8_t static_public[TPI_KEY_SIZE];
    uint8_t ephemeral_private[TPI_KEY_SIZE];
    uint8_t ephemeral_public[TPI_KEY_SIZE];
    uint8_t peer_static[TPI_KEY_SIZE]; /* valid from its message on */
    uint8_t peer_ephemeral[TPI_KEY_SIZE];
    bool initiator;
    bool failed;  /* for good */
    uint8_t step; /* messages written and read so far; 3: done */
};

/* The public key of a private one. TP_EINVAL for a key that gives none. */
tp_err tpi_noise_public_key(const uint8_t private_key[TPI_KEY_SIZE],
                            uint8_t public_key[TPI_KEY_SIZE]);
/* Starts a handshake; the keys are copied. TP_EINVAL. */
tp_err tpi_noise_init(struct tpi_noise *noise, bool initiator, const void *prologue,
                      size_t prologue_size, const uint8_t static_private[TPI_KEY_SIZE],
                      const uint8_t psk[TPI_KEY_SIZE]);
/*
 * Writes the next message with a payload. TP_ETOOBIG when `room` is too small, TP_EINVAL when it is
 * not our turn; a failure is final.
 */
tp_err tpi_noise_write(struct tpi_noise *noise, tpi_wire_random draw, void *context,
                       const void *payload, size_t size, uint8_t *out, size_t room, size_t *used);
/* Reads the next message and gives its payload. TP_EBADMSG, TP_ETOOBIG, TP_EINVAL; a failure is
 * final. */
tp_err tpi_noise_read(struct tpi_noise *noise, const uint8_t *message, size_t size, uint8_t *out,
                      size_t room, size_t *used);
/* True when all three messages were exchanged. */
bool tpi_noise_done(const struct tpi_noise *noise);
/* After the last message: the two transport ciphers. The caller wipes them. */
void tpi_noise_split(struct tpi_noise *noise, struct tpi_cipher *send, struct tpi_cipher *receive);
void tpi_noise_wipe(struct tpi_noise *noise);

/*
 * Encrypts `size` bytes to `size` + TPI_TAG_SIZE at `out`, which may be `plain`. False when the
 * nonces are spent. A cipher without a key copies (and adds no tag): handshake only.
 */
bool tpi_cipher_seal(struct tpi_cipher *cipher, const uint8_t *ad, size_t ad_size,
                     const uint8_t *plain, size_t size, uint8_t *out);
/* Decrypts `size` bytes, tag included, to `out`, which may be `sealed`. False: not authentic, or
 * the nonces are spent; the nonce then stays. */
bool tpi_cipher_open(struct tpi_cipher *cipher, const uint8_t *ad, size_t ad_size,
                     const uint8_t *sealed, size_t size, uint8_t *out);
/* Noise's REKEY: a new key from the old one, which is gone. The nonce goes on. */
void tpi_cipher_rekey(struct tpi_cipher *cipher);

#endif
