/*
 * The Noise handshake against published vectors, and what it refuses. The vectors are those for
 * Noise_XXpsk0_25519_ChaChaPoly_BLAKE2b in vectors.txt of the Go implementation "noise" by
 * flynn (version 1.0.0), all four of them.
 */
#include "tests/unit/wire/kit.h"

#define INIT_STATIC "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define RESP_STATIC "0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20"
#define INIT_EPHEMERAL "202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f"
#define RESP_EPHEMERAL "4142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f60"
#define PSK "2176657279736563726574766572797365637265747665727973656372657421"

struct vector {
    const char *prologue;
    const char *payloads[5];
    const char *messages[5];
};

#define TRANSPORT_PAYLOADS "79656c6c6f777375626d6172696e65", "7375626d6172696e6579656c6c6f77"
#define TRANSPORT_MESSAGES                                                                         \
    "fd0638db68611323934a1dc1c26175ddc9abfbf887629ce59b4303156bcaa1",                              \
        "3d9c9f74481ef29d381234288ecb1d26afa997692fff8407cbf6da726a5725"
#define MESSAGE_0 "358072d6365880d1aeea329adf9121383851ed21a28e3b75e965d0d2cd166254"
#define MESSAGE_1                                                                                  \
    "64b101b1d0be5a8704bd078f9895001fc03e8e9f9522f188dd128d9846d48466"                             \
    "def8302a4ce14b6d8679764f5605d198853b8968688d7432e591c0371dbd9c27"
#define MESSAGE_2 "7ae518aa6a3882fac6b6d6fcd88954cccf404ea1aa2a075d533916de39720ebb"

static const struct vector vectors[] = {
    {"",
     {"", "", "", TRANSPORT_PAYLOADS},
     {MESSAGE_0 "e89ad728d1b3555e8affba774c455ecf",
      MESSAGE_1 "1e7509b3366c251d193c2b6173162f24bfb214c9912e36dbc2bebcd0c5a41310",
      MESSAGE_2 "d5a2fc7c5df275e6d9ac02a752f651f67f737345e8c1310db32861d8fb0233f9",
      TRANSPORT_MESSAGES}},
    {"",
     {"746573745f6d73675f30", "746573745f6d73675f31", "746573745f6d73675f32", TRANSPORT_PAYLOADS},
     {MESSAGE_0 "1fe2db7a97bbe9c0027b7090cb11725f0947318b6d1f1ad08ce7",
      MESSAGE_1 "e50840bb3f7e4c87ca8f5414ba3078aa5c032641bc1cdaccd5aa58bfd328b2972ff47f99ced9a6b7"
                "aef3",
      MESSAGE_2 "186eba1bc5bdad09bcab5739864ca692519efda7f74013ae0602622d1accdeb04f261e1eb1ada91b"
                "5a00",
      TRANSPORT_MESSAGES}},
    {"6e6f74736563726574",
     {"", "", "", TRANSPORT_PAYLOADS},
     {MESSAGE_0 "daabd705d9da7c80c426df55902fb9cc",
      MESSAGE_1 "c142d82a45eca7997eeec4e81381209cd1cc75dc52230a6ad5dc90432748d6df",
      MESSAGE_2 "5a679823352dc4b0bbbb47c9dc418fbf6185f09c57410138d19557733bdfd046",
      TRANSPORT_MESSAGES}},
    {"6e6f74736563726574",
     {"746573745f6d73675f30", "746573745f6d73675f31", "746573745f6d73675f32", TRANSPORT_PAYLOADS},
     {MESSAGE_0 "1fe2db7a97bbe9c0027b1f62071910cfd2266573bb14a7de4342",
      MESSAGE_1 "c0e397d4a328006c00af1dc428f95bc55c032641bc1cdaccd5aae41c3d70b1d39ac256cf6c07a743"
                "0831",
      MESSAGE_2 "1eaeb854d104e73a1406c7ff4ad6beed519efda7f74013ae060269ba43ed1a294c9c44cff50595ad"
                "1324",
      TRANSPORT_MESSAGES}},
};

/* Both ends of a vector's handshake. */
struct ends {
    struct tpi_noise noise[2]; /* the initiator's first */
    uint8_t ephemeral[2][TPI_KEY_SIZE];
};

static void ends_init(struct ends *ends, const char *prologue_text) {
    uint8_t prologue[64], key[TPI_KEY_SIZE], psk[TPI_KEY_SIZE];
    TP_ASSERT_EQ_INT(tpi_wire_start(), TP_OK);
    size_t size = kit_hex(prologue_text, prologue, sizeof prologue);
    kit_hex(PSK, psk, sizeof psk);
    kit_hex(INIT_STATIC, key, sizeof key);
    TP_ASSERT_EQ_INT(tpi_noise_init(&ends->noise[0], true, prologue, size, key, psk), TP_OK);
    kit_hex(RESP_STATIC, key, sizeof key);
    TP_ASSERT_EQ_INT(tpi_noise_init(&ends->noise[1], false, prologue, size, key, psk), TP_OK);
    kit_hex(INIT_EPHEMERAL, ends->ephemeral[0], TPI_KEY_SIZE);
    kit_hex(RESP_EPHEMERAL, ends->ephemeral[1], TPI_KEY_SIZE);
}

static size_t write_next(struct ends *ends, int from, const void *payload, size_t size,
                         uint8_t *out) {
    size_t used = 0;
    TP_ASSERT_EQ_INT(tpi_noise_write(&ends->noise[from], kit_fixed, ends->ephemeral[from], payload,
                                     size, out, 512, &used),
                     TP_OK);
    return used;
}

static tp_err read_next(struct ends *ends, int to, const uint8_t *message, size_t size) {
    uint8_t payload[512];
    size_t used;
    return tpi_noise_read(&ends->noise[to], message, size, payload, sizeof payload, &used);
}

static void exchange_vector(struct ends *ends, const struct vector *vector, int step) {
    uint8_t payload[64], expected[512], message[512], got[64];
    size_t size = kit_hex(vector->payloads[step], payload, sizeof payload);
    size_t expected_size = kit_hex(vector->messages[step], expected, sizeof expected);
    TP_ASSERT_EQ_INT(write_next(ends, step % 2, payload, size, message), expected_size);
    TP_ASSERT(memcmp(message, expected, expected_size) == 0);
    size_t used = 0;
    TP_ASSERT_EQ_INT(
        tpi_noise_read(&ends->noise[1 - step % 2], message, expected_size, got, sizeof got, &used),
        TP_OK);
    TP_ASSERT(used == size && memcmp(got, payload, size) == 0);
}

static void transport_vector(struct tpi_cipher *send, struct tpi_cipher *receive,
                             const struct vector *vector, int step) {
    uint8_t payload[64], expected[64], message[64], got[64];
    size_t size = kit_hex(vector->payloads[step], payload, sizeof payload);
    size_t expected_size = kit_hex(vector->messages[step], expected, sizeof expected);
    TP_ASSERT(tpi_cipher_seal(send, NULL, 0, payload, size, message));
    TP_ASSERT(expected_size == size + TPI_TAG_SIZE);
    TP_ASSERT(memcmp(message, expected, expected_size) == 0);
    TP_ASSERT(tpi_cipher_open(receive, NULL, 0, message, expected_size, got));
    TP_ASSERT(memcmp(got, payload, size) == 0);
}

static void run_vector(const struct vector *vector) {
    struct ends ends;
    ends_init(&ends, vector->prologue);
    for (int step = 0; step < 3; step++) exchange_vector(&ends, vector, step);
    TP_ASSERT(tpi_noise_done(&ends.noise[0]) && tpi_noise_done(&ends.noise[1]));
    TP_ASSERT(memcmp(ends.noise[0].hash, ends.noise[1].hash, TPI_HASH_SIZE) == 0);
    struct tpi_cipher send[2], receive[2];
    for (int i = 0; i < 2; i++) tpi_noise_split(&ends.noise[i], &send[i], &receive[i]);
    transport_vector(&send[0], &receive[1], vector, 3);
    transport_vector(&send[1], &receive[0], vector, 4);
}

TP_TEST(wire_noise, published_vector_without_prologue_and_payloads) {
    run_vector(&vectors[0]);
}

TP_TEST(wire_noise, published_vector_with_payloads) {
    run_vector(&vectors[1]);
}

TP_TEST(wire_noise, published_vector_with_prologue) {
    run_vector(&vectors[2]);
}

TP_TEST(wire_noise, published_vector_with_prologue_and_payloads) {
    run_vector(&vectors[3]);
}

TP_TEST(wire_noise, each_learns_the_other_static_key) {
    struct ends ends;
    ends_init(&ends, "");
    for (int step = 0; step < 3; step++) exchange_vector(&ends, &vectors[0], step);
    for (int i = 0; i < 2; i++)
        TP_ASSERT(
            memcmp(ends.noise[i].peer_static, ends.noise[1 - i].static_public, TPI_KEY_SIZE) == 0);
}

TP_TEST(wire_noise, another_secret_is_refused_at_the_first_message) {
    struct ends ends;
    ends_init(&ends, "");
    ends.noise[0].psk[5] ^= 1;
    uint8_t message[512];
    size_t size = write_next(&ends, 0, "hi", 2, message);
    TP_ASSERT_EQ_INT(read_next(&ends, 1, message, size), TP_EBADMSG);
}

TP_TEST(wire_noise, another_prologue_is_refused_at_the_first_message) {
    struct ends ends, others;
    ends_init(&ends, "00");
    ends_init(&others, "01");
    uint8_t message[512];
    size_t size = write_next(&ends, 0, "hi", 2, message);
    TP_ASSERT_EQ_INT(read_next(&others, 1, message, size), TP_EBADMSG);
}

/* Exchanges all messages before `step`, then gives message `step`. */
static size_t message_of_step(struct ends *ends, int step, uint8_t *message) {
    ends_init(ends, "");
    for (int i = 0; i < step; i++) {
        size_t size = write_next(ends, i % 2, "abc", 3, message);
        TP_ASSERT_EQ_INT(read_next(ends, 1 - i % 2, message, size), TP_OK);
    }
    return write_next(ends, step % 2, "abc", 3, message);
}

TP_TEST(wire_noise, a_changed_byte_of_any_message_is_refused) {
    for (int step = 0; step < 3; step++) {
        struct ends ends;
        uint8_t message[512];
        size_t size = message_of_step(&ends, step, message);
        for (size_t i = 0; i < size; i++) {
            struct ends copy = ends;
            message[i] ^= (uint8_t)(1u << (i % 8));
            TP_ASSERT_EQ_INT(read_next(&copy, 1 - step % 2, message, size), TP_EBADMSG);
            message[i] ^= (uint8_t)(1u << (i % 8));
        }
        TP_ASSERT_EQ_INT(read_next(&ends, 1 - step % 2, message, size), TP_OK);
    }
}

TP_TEST(wire_noise, a_message_cut_at_any_byte_is_refused) {
    for (int step = 0; step < 3; step++) {
        struct ends ends;
        uint8_t message[512];
        size_t size = message_of_step(&ends, step, message);
        for (size_t i = 0; i < size; i++) {
            struct ends copy = ends;
            TP_ASSERT_EQ_INT(read_next(&copy, 1 - step % 2, message, i), TP_EBADMSG);
        }
    }
}

TP_TEST(wire_noise, a_refusal_is_final) {
    struct ends ends;
    uint8_t message[512];
    size_t size = message_of_step(&ends, 0, message);
    message[0] ^= 1;
    TP_ASSERT_EQ_INT(read_next(&ends, 1, message, size), TP_EBADMSG);
    message[0] ^= 1;
    TP_ASSERT_EQ_INT(read_next(&ends, 1, message, size), TP_EINVAL);
}

TP_TEST(wire_noise, writing_out_of_turn_is_refused) {
    struct ends ends;
    ends_init(&ends, "");
    uint8_t message[512];
    size_t used;
    TP_ASSERT_EQ_INT(tpi_noise_write(&ends.noise[1], kit_fixed, ends.ephemeral[1], "", 0, message,
                                     sizeof message, &used),
                     TP_EINVAL);
    write_next(&ends, 0, "", 0, message);
    TP_ASSERT_EQ_INT(tpi_noise_write(&ends.noise[0], kit_fixed, ends.ephemeral[0], "", 0, message,
                                     sizeof message, &used),
                     TP_EINVAL);
}

TP_TEST(wire_noise, a_reflected_message_is_refused) {
    struct ends ends;
    uint8_t message[512];
    size_t size = message_of_step(&ends, 0, message);
    TP_ASSERT_EQ_INT(read_next(&ends, 0, message, size), TP_EBADMSG);
}

TP_TEST(wire_noise, an_ephemeral_key_of_small_order_is_refused) {
    struct ends ends;
    ends_init(&ends, "");
    uint8_t message[512];
    /* The zero key is mixed in by whoever knows the secret; the exchange with it must not be. */
    size_t size = write_next(&ends, 0, "", 0, message);
    TP_ASSERT_EQ_INT(read_next(&ends, 1, message, size), TP_OK);
    memset(ends.noise[1].peer_ephemeral, 0, TPI_KEY_SIZE);
    size_t used;
    TP_ASSERT(tpi_noise_write(&ends.noise[1], kit_fixed, ends.ephemeral[1], "", 0, message,
                              sizeof message, &used) != TP_OK);
    TP_ASSERT(ends.noise[1].failed);
}

TP_TEST(wire_noise, a_cipher_stops_before_its_last_nonce) {
    struct tpi_cipher cipher = {.nonce = TPI_NONCE_END - 1, .keyed = true};
    struct tpi_cipher other = cipher;
    uint8_t sealed[17], plain[1] = {9};
    TP_ASSERT(tpi_cipher_seal(&cipher, NULL, 0, plain, 1, sealed));
    TP_ASSERT(tpi_cipher_open(&other, NULL, 0, sealed, sizeof sealed, plain));
    TP_ASSERT(!tpi_cipher_seal(&cipher, NULL, 0, plain, 1, sealed));
    TP_ASSERT(!tpi_cipher_open(&other, NULL, 0, sealed, sizeof sealed, plain));
}

TP_TEST(wire_noise, a_changed_key_goes_on_with_the_nonce) {
    struct tpi_cipher cipher = {.key = {1, 2, 3}, .nonce = 5, .keyed = true}, old = cipher;
    tpi_cipher_rekey(&cipher);
    TP_ASSERT(cipher.nonce == 5 && memcmp(cipher.key, old.key, TPI_KEY_SIZE) != 0);
    struct tpi_cipher reader = cipher;
    uint8_t sealed[20], plain[4];
    TP_ASSERT(tpi_cipher_seal(&cipher, NULL, 0, (const uint8_t *)"abcd", 4, sealed));
    TP_ASSERT(!tpi_cipher_open(&old, NULL, 0, sealed, sizeof sealed, plain));
    TP_ASSERT(tpi_cipher_open(&reader, NULL, 0, sealed, sizeof sealed, plain));
}

TP_TEST(wire_noise, secrets_can_be_locked_compared_and_wiped) {
    uint8_t secret[32], zeros[32] = {0};
    memset(secret, 7, sizeof secret);
    bool locked = tpi_secret_lock(secret, sizeof secret);
    TP_ASSERT(!tpi_secret_equal(secret, zeros, sizeof secret));
    if (locked) tpi_secret_unlock(secret, sizeof secret);
    tpi_secret_wipe(secret, sizeof secret);
    TP_ASSERT(tpi_secret_equal(secret, zeros, sizeof secret));
}
