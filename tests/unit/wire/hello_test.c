/* Payloads of the handshake, node ids, and which of two connections stays. */
#include <stdlib.h>

#include "tests/unit/wire/kit.h"

static struct tpi_hello hello(void) {
    struct side side;
    side_init(&side, true, 1);
    side.config.self.version = 1;
    return side.config.self;
}

static const char *read_back(const struct tpi_hello *in, struct tpi_hello *out) {
    uint8_t bytes[TPI_HELLO_SIZE_MAX];
    size_t size = tpi_hello_write(in, bytes, sizeof bytes);
    return tpi_wire_name(tpi_hello_read(bytes, size, out));
}

TP_TEST(wire_hello, everything_comes_back) {
    struct tpi_hello in = hello(), out;
    in.features = UINT64_MAX;
    in.connection = UINT64_MAX - 1;
    TP_ASSERT_EQ_STR(read_back(&in, &out), "OK");
    TP_ASSERT_EQ_STR(out.name, in.name);
    TP_ASSERT_EQ_STR(out.cluster, in.cluster);
    TP_ASSERT(memcmp(out.incarnation, in.incarnation, TPI_INCARNATION_SIZE) == 0);
    TP_ASSERT(out.version == 1 && out.features == in.features && out.connection == in.connection);
    TP_ASSERT(memcmp(&out.limits, &in.limits, sizeof out.limits) == 0);
}

TP_TEST(wire_hello, the_largest_fits) {
    struct tpi_hello in = hello(), out;
    memset(in.name, 'n', TPI_NODE_NAME_MAX);
    in.name[TPI_NODE_NAME_MAX] = 0;
    memset(in.cluster, 'c', TPI_CLUSTER_NAME_MAX);
    in.cluster[TPI_CLUSTER_NAME_MAX] = 0;
    in.connection = in.features = UINT64_MAX;
    in.limits =
        (struct tpi_wire_limits){TPI_FRAME_MAX_MOST, TPI_MESSAGE_MAX_MOST, TPI_WINDOW_MOST,
                                 TPI_SEQUENCES_MOST, UINT32_MAX,           TPI_HEARTBEAT_MOST_MS};
    TP_ASSERT_EQ_STR(read_back(&in, &out), "OK");
}

TP_TEST(wire_hello, elements_of_later_versions_are_skipped) {
    struct tpi_hello in = hello(), out;
    uint8_t bytes[TPI_HELLO_SIZE_MAX];
    size_t size = tpi_hello_write(&in, bytes, sizeof bytes - 8);
    bytes[0] = 0x9e; /* two more */
    memcpy(bytes + size, "\x92\x01\x02\xc3", 4);
    TP_ASSERT_EQ_INT(tpi_hello_read(bytes, size + 4, &out), TPI_WIRE_OK);
    TP_ASSERT_EQ_INT(tpi_hello_read(bytes, size + 3, &out), TPI_WIRE_HELLO);
}

TP_TEST(wire_hello, cut_at_any_byte_it_is_refused) {
    struct tpi_hello in = hello(), out;
    uint8_t bytes[TPI_HELLO_SIZE_MAX];
    size_t size = tpi_hello_write(&in, bytes, sizeof bytes);
    for (size_t cut = 0; cut < size; cut++) {
        uint8_t *exact = malloc(cut == 0 ? 1 : cut);
        TP_ASSERT(exact != NULL);
        memcpy(exact, bytes, cut);
        TP_ASSERT_EQ_INT(tpi_hello_read(exact, cut, &out), TPI_WIRE_HELLO);
        free(exact);
    }
    bytes[size] = 0;
    TP_ASSERT_EQ_INT(tpi_hello_read(bytes, size + 1, &out), TPI_WIRE_HELLO);
}

TP_TEST(wire_hello, an_incarnation_has_sixteen_bytes) {
    struct tpi_hello in = hello(), out;
    uint8_t bytes[TPI_HELLO_SIZE_MAX];
    size_t size = tpi_hello_write(&in, bytes, sizeof bytes);
    uint8_t *head = memchr(bytes, 0xc4, size);
    TP_ASSERT(head != NULL && head[1] == TPI_INCARNATION_SIZE);
    memmove(head + 2, head + 3, (size_t)(bytes + size - head - 3)); /* one byte less of it */
    head[1]--;
    TP_ASSERT_EQ_INT(tpi_hello_read(bytes, size - 1, &out), TPI_WIRE_HELLO);
}

TP_TEST(wire_hello, names_have_rules) {
    TP_ASSERT(tpi_node_name_valid("bank1@host", 10));
    TP_ASSERT(tpi_node_name_valid("b\xc3\xa4nk", 5));
    TP_ASSERT(!tpi_node_name_valid("", 0));
    TP_ASSERT(!tpi_node_name_valid("a b", 3));
    TP_ASSERT(!tpi_node_name_valid("a\nb", 3));
    TP_ASSERT(!tpi_node_name_valid("a\0b", 3));
    TP_ASSERT(!tpi_node_name_valid("a\x7f", 2));
    TP_ASSERT(!tpi_node_name_valid("a\xff", 2));
    char name[200];
    memset(name, 'n', sizeof name);
    TP_ASSERT(tpi_node_name_valid(name, 128) && !tpi_node_name_valid(name, 129));
}

TP_TEST(wire_hello, a_name_of_64_kib_is_refused) {
    struct tpi_hello in = hello(), out;
    uint8_t head[TPI_HELLO_SIZE_MAX];
    tpi_hello_write(&in, head, sizeof head);
    uint8_t *bytes = calloc(1, 70000);
    TP_ASSERT(bytes != NULL);
    memcpy(bytes, head, 2 + 5); /* array, version, cluster "test" */
    bytes[7] = 0xda;
    tpi_put16(bytes + 8, 0xffff);
    memset(bytes + 10, 'n', 0xffff);
    TP_ASSERT_EQ_INT(tpi_hello_read(bytes, 70000, &out), TPI_WIRE_HELLO);
    free(bytes);
}

TP_TEST(wire_hello, limits_that_nobody_can_work_with_are_refused) {
    struct tpi_hello out;
    for (int i = 0; i < 8; i++) {
        struct tpi_hello in = hello();
        struct tpi_wire_limits *limits = &in.limits;
        switch (i) {
        case 0: limits->frame_max = TPI_FRAME_MAX_LEAST - 1; break;
        case 1: limits->frame_max = TPI_FRAME_MAX_MOST + 1; break;
        case 2: limits->message_max = 0; break;
        case 3: limits->window = limits->frame_max; break;
        case 4: limits->sequences_max = 0; break;
        case 5: limits->sequences_max = TPI_SEQUENCES_MOST + 1; break;
        case 6: limits->assembly_max = limits->message_max; break;
        default: limits->heartbeat_ms = 1; break;
        }
        TP_ASSERT_EQ_STR(read_back(&in, &out), "LIMITS");
    }
}

TP_TEST(wire_hello, offers_and_verdicts_come_back) {
    uint8_t bytes[TPI_OFFER_SIZE_MAX], least, most;
    size_t size = tpi_offer_write(2, 250, bytes, sizeof bytes);
    TP_ASSERT_EQ_INT(tpi_offer_read(bytes, size, &least, &most), TPI_WIRE_OK);
    TP_ASSERT(least == 2 && most == 250);
    for (int i = 0; i < TPI_VERDICT_COUNT; i++) {
        enum tpi_verdict verdict;
        size = tpi_verdict_write((enum tpi_verdict)i, bytes, sizeof bytes);
        TP_ASSERT_EQ_INT(tpi_verdict_read(bytes, size, &verdict), TPI_WIRE_OK);
        TP_ASSERT_EQ_INT(verdict, i);
    }
}

TP_TEST(wire_hello, an_offer_of_nothing_is_refused) {
    uint8_t least, most;
    TP_ASSERT_EQ_INT(tpi_offer_read((const uint8_t *)"\x92\x02\x01", 3, &least, &most),
                     TPI_WIRE_HELLO);
    TP_ASSERT_EQ_INT(tpi_offer_read((const uint8_t *)"\x92\x00\x01", 3, &least, &most),
                     TPI_WIRE_HELLO);
    TP_ASSERT_EQ_INT(tpi_offer_read((const uint8_t *)"\x91\x01", 2, &least, &most), TPI_WIRE_HELLO);
}

TP_TEST(wire_hello, a_verdict_of_a_later_version_is_no_welcome) {
    enum tpi_verdict verdict;
    TP_ASSERT_EQ_INT(tpi_verdict_read((const uint8_t *)"\x91\x63", 2, &verdict), TPI_WIRE_OK);
    TP_ASSERT_EQ_INT(verdict, TPI_VERDICT_DENIED);
}

TP_TEST(wire_hello, a_node_id_follows_from_incarnation_and_name) {
    uint8_t incarnation[TPI_INCARNATION_SIZE];
    for (uint8_t i = 0; i < TPI_INCARNATION_SIZE; i++) incarnation[i] = i;
    uint64_t id = tpi_wire_node_id(incarnation, "bank1@host", 10);
    TP_ASSERT(id == tpi_wire_node_id(incarnation, "bank1@host", 10));
    TP_ASSERT(id != tpi_wire_node_id(incarnation, "bank2@host", 10));
    incarnation[0] ^= 1;
    TP_ASSERT(id != tpi_wire_node_id(incarnation, "bank1@host", 10));
}

TP_TEST(wire_hello, of_two_simultaneous_connections_exactly_one_stays) {
    const uint64_t ids[] = {1, 2, 0x7fffffffffffffff, 0x8000000000000000, UINT64_MAX};
    for (size_t i = 0; i < 5; i++)
        for (size_t j = 0; j < 5; j++)
            if (i != j) TP_ASSERT(tpi_wire_keeps(ids[i], ids[j]) != tpi_wire_keeps(ids[j], ids[i]));
    TP_ASSERT(tpi_wire_keeps(9, 8));
}
