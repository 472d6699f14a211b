/* Two nodes shake hands, in both modes; and all the ways in which they should not. */
#include <stdlib.h>

#include "tests/unit/wire/kit.h"

struct pair {
    struct side a, b; /* a is the initiator */
};

static void pair_init(struct pair *pair, bool plain) {
    side_init(&pair->a, true, 1);
    side_init(&pair->b, false, 2);
    pair->a.config.plain = pair->b.config.plain = plain;
}

static void pair_run(struct pair *pair) {
    side_start(&pair->a);
    side_start(&pair->b);
    sides_talk(&pair->a, &pair->b, SIZE_MAX);
}

static void assert_met(struct pair *pair) {
    struct ciphers c = sides_finish(&pair->a, &pair->b);
    TP_ASSERT_EQ_STR(c.a_peer.hello.name, "node2@test");
    TP_ASSERT_EQ_STR(c.b_peer.hello.name, "node1@test");
    TP_ASSERT(c.a_peer.id == tpi_hello_id(&pair->b.config.self));
    TP_ASSERT(c.b_peer.id == tpi_hello_id(&pair->a.config.self));
    TP_ASSERT_EQ_INT(c.b_peer.hello.connection, 7);
    TP_ASSERT(tpi_secret_equal(&c.a_send.key, &c.b_receive.key, TPI_KEY_SIZE));
    TP_ASSERT(tpi_secret_equal(&c.b_send.key, &c.a_receive.key, TPI_KEY_SIZE));
    TP_ASSERT(c.a_send.nonce == c.b_receive.nonce && c.b_send.nonce == c.a_receive.nonce);
}

TP_TEST(wire_handshake, secure_nodes_meet) {
    struct pair pair;
    pair_init(&pair, false);
    pair_run(&pair);
    TP_ASSERT(pair.a.asked == 1 && pair.b.asked == 1);
    assert_met(&pair);
}

TP_TEST(wire_handshake, plain_nodes_meet) {
    struct pair pair;
    pair_init(&pair, true);
    pair.a.config.static_private = pair.b.config.static_private = NULL;
    pair.a.config.psk = pair.b.config.psk = NULL;
    pair_run(&pair);
    TP_ASSERT(pair.a.asked == 1 && pair.b.asked == 1);
    TP_ASSERT(!pair.a.handshake.peer.secure);
    assert_met(&pair);
}

TP_TEST(wire_handshake, pieces_of_any_size_do) {
    for (int plain = 0; plain < 2; plain++) {
        for (size_t step = 1; step < 300; step += 1 + step / 8) {
            struct pair pair;
            pair_init(&pair, plain);
            side_start(&pair.a);
            side_start(&pair.b);
            sides_talk(&pair.a, &pair.b, step);
            assert_met(&pair);
        }
    }
}

TP_TEST(wire_handshake, the_same_seeds_give_the_same_bytes) {
    uint8_t bytes[2][256];
    size_t sizes[2];
    for (int i = 0; i < 2; i++) {
        struct pair pair;
        pair_init(&pair, false);
        side_start(&pair.a);
        sizes[i] = tpi_handshake_output(&pair.a.handshake, bytes[i], sizeof bytes[i]);
    }
    TP_ASSERT(sizes[0] == sizes[1] && memcmp(bytes[0], bytes[1], sizes[0]) == 0);
}

TP_TEST(wire_handshake, each_proves_its_own_static_key) {
    struct pair pair;
    uint8_t a_key[TPI_KEY_SIZE], b_key[TPI_KEY_SIZE];
    pair_init(&pair, false);
    pair_run(&pair);
    TP_ASSERT_EQ_INT(tpi_noise_public_key(pair.a.static_private, a_key), TP_OK);
    TP_ASSERT_EQ_INT(tpi_noise_public_key(pair.b.static_private, b_key), TP_OK);
    struct ciphers c = sides_finish(&pair.a, &pair.b);
    TP_ASSERT(c.a_peer.secure && c.b_peer.secure);
    TP_ASSERT(memcmp(c.a_peer.key, b_key, TPI_KEY_SIZE) == 0);
    TP_ASSERT(memcmp(c.b_peer.key, a_key, TPI_KEY_SIZE) == 0);
}

TP_TEST(wire_handshake, features_are_those_in_common) {
    struct pair pair;
    pair_init(&pair, false);
    pair.a.config.self.features = 0xff01;
    pair.b.config.self.features = 0xf003;
    pair_run(&pair);
    struct ciphers c = sides_finish(&pair.a, &pair.b);
    TP_ASSERT_EQ_INT(c.a_peer.features, 0xf001);
    TP_ASSERT_EQ_INT(c.b_peer.features, 0xf001);
}

TP_TEST(wire_handshake, another_secret_is_refused_without_an_answer) {
    struct pair pair;
    pair_init(&pair, false);
    pair.a.psk[0] ^= 1;
    pair_run(&pair);
    ASSERT_FAILED(pair.b, AUTHENTICATION);
    TP_ASSERT_EQ_INT(pair.b.handshake.out_size, 0);
    TP_ASSERT_EQ_INT(pair.a.handshake.status, TPI_HANDSHAKE_RUNNING);
    tpi_handshake_end(&pair.a.handshake);
    ASSERT_FAILED(pair.a, TRUNCATED);
}

TP_TEST(wire_handshake, the_previous_secret_is_taken_during_a_rotation) {
    struct pair pair;
    pair_init(&pair, false);
    memset(pair.b.psk, 0x77, TPI_KEY_SIZE);
    memset(pair.b.psk_previous, 0x5e, TPI_KEY_SIZE);
    pair.b.config.psk_previous = pair.b.psk_previous;
    pair_run(&pair);
    assert_met(&pair);
}

TP_TEST(wire_handshake, a_third_secret_is_refused_during_a_rotation) {
    struct pair pair;
    pair_init(&pair, false);
    memset(pair.b.psk, 0x77, TPI_KEY_SIZE);
    memset(pair.b.psk_previous, 0x78, TPI_KEY_SIZE);
    pair.b.config.psk_previous = pair.b.psk_previous;
    pair_run(&pair);
    ASSERT_FAILED(pair.b, AUTHENTICATION);
}

TP_TEST(wire_handshake, an_unknown_key_never_learns_the_initiators_name) {
    struct pair pair;
    pair_init(&pair, false);
    pair.a.answer = TPI_VERDICT_DENIED;
    pair_run(&pair);
    ASSERT_FAILED(pair.a, IDENTITY);
    TP_ASSERT_EQ_INT(pair.a.handshake.out_size, 0);
    TP_ASSERT_EQ_INT(pair.b.handshake.peer.hello.name[0], 0);
}

TP_TEST(wire_handshake, a_denied_initiator_is_told_the_verdict) {
    static const enum tpi_verdict verdicts[] = {TPI_VERDICT_DENIED,    TPI_VERDICT_ALIVE,
                                                TPI_VERDICT_DUPLICATE, TPI_VERDICT_SIMULTANEOUS,
                                                TPI_VERDICT_FULL,      TPI_VERDICT_STOPPING};
    for (int plain = 0; plain < 2; plain++) {
        for (size_t i = 0; i < sizeof verdicts / sizeof *verdicts; i++) {
            struct pair pair;
            pair_init(&pair, plain);
            pair.b.answer = verdicts[i];
            pair_run(&pair);
            ASSERT_FAILED(pair.b, IDENTITY);
            ASSERT_FAILED(pair.a, REFUSED);
            TP_ASSERT_EQ_INT(pair.a.handshake.verdict, verdicts[i]);
        }
    }
}

TP_TEST(wire_handshake, a_responder_may_judge_later) {
    struct pair pair;
    pair_init(&pair, false);
    pair.b.answer = TPI_VERDICT_LATER;
    pair_run(&pair);
    TP_ASSERT_EQ_INT(pair.b.handshake.status, TPI_HANDSHAKE_JUDGE);
    TP_ASSERT_EQ_INT(pair.a.handshake.status, TPI_HANDSHAKE_RUNNING);
    TP_ASSERT_EQ_INT(tpi_handshake_judge(&pair.b.handshake, TPI_VERDICT_WELCOME),
                     TPI_HANDSHAKE_DONE);
    sides_talk(&pair.a, &pair.b, SIZE_MAX);
    assert_met(&pair);
}

TP_TEST(wire_handshake, the_check_sees_who_the_peer_is) {
    struct pair pair;
    pair_init(&pair, false);
    pair_run(&pair);
    TP_ASSERT(pair.a.asked_id == tpi_hello_id(&pair.b.config.self));
    TP_ASSERT(pair.b.asked_id == tpi_hello_id(&pair.a.config.self));
}

TP_TEST(wire_handshake, the_highest_common_version_is_chosen) {
    struct pair pair;
    pair_init(&pair, false);
    pair.a.config.version_min = 2;
    pair.a.config.version_max = 9;
    pair.b.config.version_min = 1;
    pair.b.config.version_max = 5;
    pair_run(&pair);
    TP_ASSERT_EQ_INT(pair.a.handshake.version, 5);
    TP_ASSERT_EQ_INT(pair.b.handshake.version, 5);
    assert_met(&pair);
}

TP_TEST(wire_handshake, without_a_common_version_both_say_so) {
    for (int plain = 0; plain < 2; plain++) {
        struct pair pair;
        pair_init(&pair, plain);
        pair.a.config.version_min = 3;
        pair.a.config.version_max = 4;
        pair_run(&pair);
        ASSERT_FAILED(pair.a, VERSION);
        ASSERT_FAILED(pair.b, VERSION);
    }
}

TP_TEST(wire_handshake, another_cluster_is_refused) {
    struct pair pair;
    pair_init(&pair, false);
    memcpy(pair.a.config.self.cluster, "prod", 5);
    pair_run(&pair);
    ASSERT_FAILED(pair.a, CLUSTER);
    TP_ASSERT_EQ_INT(pair.a.handshake.out_size, 0);
}

/* An initiator whose own checks are gone: the responder has to notice. */
static void pair_run_careless(struct pair *pair, const struct tpi_hello *said) {
    side_start(&pair->a);
    side_start(&pair->b);
    /* Its checks compare with what it is; what it says is changed behind their back. */
    uint8_t bytes[2048];
    const uint8_t *at = bytes;
    size_t left = tpi_handshake_output(&pair->a.handshake, bytes, sizeof bytes);
    tpi_handshake_input(&pair->b.handshake, &at, &left);
    struct tpi_noise *noise = &pair->a.handshake.noise;
    left = tpi_handshake_output(&pair->b.handshake, bytes, sizeof bytes);
    uint8_t payload[1024], message[1024];
    size_t used = 0;
    TP_ASSERT_EQ_INT(tpi_noise_read(noise, bytes + 2, left - 2, payload, sizeof payload, &used),
                     TP_OK);
    size_t size = tpi_hello_write(said, payload, TPI_HELLO_SIZE_MAX);
    TP_ASSERT_EQ_INT(tpi_noise_write(noise, kit_random, &pair->a.rng, payload, size, message + 2,
                                     sizeof message - 2, &used),
                     TP_OK);
    tpi_put16(message, (uint16_t)used);
    at = message;
    left = used + 2;
    tpi_handshake_input(&pair->b.handshake, &at, &left);
}

TP_TEST(wire_handshake, a_responder_checks_cluster_version_and_limits_too) {
    static const char *const codes[] = {"CLUSTER", "VERSION", "SELF", "FEATURES", "LIMITS"};
    for (int i = 0; i < 5; i++) {
        struct pair pair;
        pair_init(&pair, false);
        struct tpi_hello said = pair.a.config.self;
        said.version = 1;
        pair.b.config.features_required = TPI_FEATURE_SPAWN;
        if (i == 0) memcpy(said.cluster, "prod", 5);
        if (i == 1) said.version = 2;
        if (i == 2) memcpy(said.incarnation, pair.b.config.self.incarnation, TPI_INCARNATION_SIZE);
        if (i == 3) said.features = 0;
        if (i == 4) said.limits.frame_max = 5;
        pair_run_careless(&pair, &said);
        TP_ASSERT_EQ_INT(pair.b.handshake.status, TPI_HANDSHAKE_FAILED);
        TP_ASSERT_EQ_STR(tpi_wire_name(pair.b.handshake.error.code), codes[i]);
        TP_ASSERT_EQ_INT(pair.b.handshake.verdict, TPI_VERDICT_INCOMPATIBLE);
        TP_ASSERT(pair.b.handshake.out_size > 0 && pair.b.asked == 0);
    }
}

TP_TEST(wire_handshake, a_required_feature_must_be_there) {
    struct pair pair;
    pair_init(&pair, false);
    pair.a.config.features_required = TPI_FEATURE_NAMES;
    pair_run(&pair);
    ASSERT_FAILED(pair.a, FEATURES);
}

TP_TEST(wire_handshake, a_node_does_not_connect_to_itself) {
    struct pair pair;
    pair_init(&pair, false);
    pair.b.config.self = pair.a.config.self;
    pair_run(&pair);
    ASSERT_FAILED(pair.a, SELF);
}

TP_TEST(wire_handshake, both_must_want_the_same_mode) {
    for (int plain = 0; plain < 2; plain++) {
        struct pair pair;
        pair_init(&pair, plain);
        pair.b.config.plain = !plain;
        pair_run(&pair);
        ASSERT_FAILED(pair.b, MODE);
        TP_ASSERT_EQ_INT(pair.b.handshake.out_size, 0);
    }
}

static const char *input_verdict(const char *bytes, size_t size) {
    struct side side;
    side_init(&side, false, 2);
    side_start(&side);
    const uint8_t *at = (const uint8_t *)bytes;
    tpi_handshake_input(&side.handshake, &at, &size);
    return tpi_wire_name(side.handshake.error.code);
}

TP_TEST(wire_handshake, a_wrong_preamble_is_noticed_at_its_first_wrong_byte) {
    TP_ASSERT_EQ_STR(input_verdict("G", 1), "PREAMBLE");
    TP_ASSERT_EQ_STR(input_verdict("GET / HTTP/1.1\r\n", 16), "PREAMBLE");
    TP_ASSERT_EQ_STR(input_verdict("troup", 5), "OK");
    TP_ASSERT_EQ_STR(input_verdict("troupE", 6), "PREAMBLE");
    TP_ASSERT_EQ_STR(input_verdict("troupe\2", 7), "PREAMBLE");
    TP_ASSERT_EQ_STR(input_verdict("troupe\1\3", 8), "PREAMBLE");
}

TP_TEST(wire_handshake, a_message_of_a_wrong_length_is_refused_at_its_length) {
    TP_ASSERT_EQ_STR(input_verdict("troupe\1\1\0\0", 10), "HANDSHAKE_LENGTH");
    TP_ASSERT_EQ_STR(input_verdict("troupe\1\1\4\1", 10), "HANDSHAKE_LENGTH");
    TP_ASSERT_EQ_STR(input_verdict("troupe\1\1\377\377", 10), "HANDSHAKE_LENGTH");
    TP_ASSERT_EQ_STR(input_verdict("troupe\1\1\4\0", 10), "OK");
    TP_ASSERT_EQ_STR(input_verdict("troupe\1\1\0\1x", 11), "AUTHENTICATION");
}

TP_TEST(wire_handshake, frames_before_the_handshake_are_refused) {
    uint8_t bytes[64];
    struct tpi_frame frame = kit_message();
    size_t size = kit_append(bytes, sizeof bytes, 0, &frame);
    TP_ASSERT_EQ_STR(input_verdict((const char *)bytes, size), "PREAMBLE");
}

/* All that one direction carries in a handshake that succeeds. */
struct recording {
    uint8_t to_b[2048], to_a[2048];
    size_t to_b_size, to_a_size;
};

static void record_pair(bool plain, struct recording *recording) {
    struct pair pair;
    pair_init(&pair, plain);
    side_start(&pair.a);
    side_start(&pair.b);
    recording->to_a_size = recording->to_b_size = 0;
    for (int i = 0; i < 2; i++) {
        const uint8_t *at = recording->to_b + recording->to_b_size;
        size_t left =
            tpi_handshake_output(&pair.a.handshake, recording->to_b + recording->to_b_size, 1024);
        recording->to_b_size += left;
        tpi_handshake_input(&pair.b.handshake, &at, &left);
        at = recording->to_a + recording->to_a_size;
        left =
            tpi_handshake_output(&pair.b.handshake, recording->to_a + recording->to_a_size, 1024);
        recording->to_a_size += left;
        tpi_handshake_input(&pair.a.handshake, &at, &left);
    }
    assert_met(&pair);
}

TP_TEST(wire_handshake, a_replayed_transcript_is_refused) {
    struct recording recording;
    record_pair(false, &recording);
    struct side b;
    side_init(&b, false, 3); /* another boot: other random numbers */
    side_start(&b);
    const uint8_t *at = recording.to_b;
    size_t left = recording.to_b_size;
    tpi_handshake_input(&b.handshake, &at, &left);
    TP_ASSERT_EQ_INT(b.handshake.step,
                     2); /* the first message opens: it holds nothing but an offer */
    tpi_handshake_input(&b.handshake, &at, &left);
    ASSERT_FAILED(b, AUTHENTICATION);
    TP_ASSERT_EQ_INT(b.asked, 0);
}

TP_TEST(wire_handshake, a_reflected_transcript_is_refused) {
    struct side a;
    side_init(&a, true, 1);
    side_start(&a);
    uint8_t bytes[512];
    size_t left = tpi_handshake_output(&a.handshake, bytes, sizeof bytes) - TPI_PREAMBLE_SIZE;
    const uint8_t *at = bytes + TPI_PREAMBLE_SIZE;
    tpi_handshake_input(&a.handshake, &at, &left);
    ASSERT_FAILED(a, AUTHENTICATION);
}

/* A secure handshake in which byte `index` of a direction is changed; true if both are done. */
static bool run_tampered(bool to_b, size_t index, struct pair *pair) {
    pair_init(pair, false);
    side_start(&pair->a);
    side_start(&pair->b);
    size_t moved[2] = {0, 0};
    for (int i = 0; i < 8; i++) {
        struct side *from = i % 2 == 0 ? &pair->a : &pair->b;
        struct side *to = i % 2 == 0 ? &pair->b : &pair->a;
        uint8_t bytes[2048];
        const uint8_t *at = bytes;
        size_t left = tpi_handshake_output(&from->handshake, bytes, sizeof bytes);
        size_t begin = moved[i % 2];
        if (to_b == (i % 2 == 0) && index >= begin && index < begin + left)
            bytes[index - begin] ^= 0x40;
        moved[i % 2] += left;
        tpi_handshake_input(&to->handshake, &at, &left);
    }
    return pair->a.handshake.status == TPI_HANDSHAKE_DONE &&
           pair->b.handshake.status == TPI_HANDSHAKE_DONE;
}

TP_TEST(wire_handshake, a_changed_byte_anywhere_is_never_a_connection) {
    struct recording recording;
    record_pair(false, &recording);
    struct pair pair;
    TP_ASSERT(run_tampered(true, SIZE_MAX, &pair));
    for (size_t i = 0; i < recording.to_b_size; i++) {
        TP_ASSERT(!run_tampered(true, i, &pair));
        TP_ASSERT(pair.b.handshake.status != TPI_HANDSHAKE_DONE);
    }
    for (size_t i = 0; i < recording.to_a_size; i++) {
        TP_ASSERT(!run_tampered(false, i, &pair));
        TP_ASSERT(pair.a.handshake.status != TPI_HANDSHAKE_DONE);
    }
}

TP_TEST(wire_handshake, a_stream_that_ends_at_any_byte_is_truncated) {
    for (int plain = 0; plain < 2; plain++) {
        struct recording recording;
        record_pair(plain, &recording);
        for (size_t cut = 0; cut < recording.to_b_size; cut++) {
            struct pair pair;
            pair_init(&pair, plain);
            side_start(&pair.b);
            uint8_t *exact = malloc(cut == 0 ? 1 : cut), answer[1024];
            TP_ASSERT(exact != NULL);
            memcpy(exact, recording.to_b, cut);
            const uint8_t *at = exact;
            size_t left = cut;
            tpi_handshake_input(&pair.b.handshake, &at, &left);
            tpi_handshake_output(&pair.b.handshake, answer, sizeof answer);
            TP_ASSERT_EQ_INT(tpi_handshake_input(&pair.b.handshake, &at, &left),
                             TPI_HANDSHAKE_RUNNING);
            TP_ASSERT_EQ_INT(left, 0);
            tpi_handshake_end(&pair.b.handshake);
            ASSERT_FAILED(pair.b, TRUNCATED);
            free(exact);
        }
    }
}

TP_TEST(wire_handshake, bytes_behind_the_handshake_are_left_alone) {
    struct recording recording;
    record_pair(true, &recording);
    struct side a;
    side_init(&a, true, 1);
    a.config.plain = true;
    side_start(&a);
    memcpy(recording.to_a + recording.to_a_size, "frames", 6);
    const uint8_t *at = recording.to_a;
    size_t left = recording.to_a_size + 6;
    TP_ASSERT_EQ_INT(tpi_handshake_input(&a.handshake, &at, &left), TPI_HANDSHAKE_DONE);
    TP_ASSERT_EQ_INT(left, 6);
    TP_ASSERT(memcmp(at, "frames", 6) == 0);
}

TP_TEST(wire_handshake, no_secret_is_left_behind) {
    struct pair pair;
    pair_init(&pair, false);
    pair_run(&pair);
    sides_finish(&pair.a, &pair.b);
    const uint8_t *bytes = (const uint8_t *)&pair.a.handshake.noise;
    for (size_t i = 0; i < sizeof pair.a.handshake.noise; i++) TP_ASSERT(bytes[i] == 0);
    for (size_t i = 0; i < TPI_KEY_SIZE; i++)
        TP_ASSERT(pair.a.handshake.psk[i] == 0 && pair.a.handshake.static_private[i] == 0);
}

TP_TEST(wire_handshake, configurations_that_cannot_work_are_refused) {
    for (int i = 0; i < 8; i++) {
        struct side side;
        side_init(&side, true, 1);
        struct tpi_handshake_config *config = &side.config;
        switch (i) {
        case 0: config->psk = NULL; break;
        case 1: config->static_private = NULL; break;
        case 2: config->draw = NULL; break;
        case 3: config->self.name[0] = 0; break;
        case 4: memset(config->self.name, 'n', sizeof config->self.name); break;
        case 5: config->self.limits.window = 0; break;
        case 6: config->self.cluster[0] = '\n'; break;
        default: config->version_min = 3, config->version_max = 2; break;
        }
        TP_ASSERT_EQ_INT(tpi_handshake_init(&side.handshake, config), TP_EINVAL);
    }
}
