/* Names of message types: the hash at compile time and at run time, and what makes types equal. */
#include <troupe/message.h>

#include "tests/support/test.h"
#include "tests/unit/message/other_file.h"

TP_MESSAGE_AS(shared, "test.shared", TP_FIELD(u32, number))
TP_MESSAGE_AS(same_struct, "test.same_struct", TP_FIELD(u32, number))
TP_MESSAGE(plain_name, TP_FIELD(bool, x))

/* Literals of 0 to 129 bytes: tens of one, units of the other. */
#define T0 ""
#define T1 "tens.of\xff_\x80"
#define T2 T1 "0123456789"
#define T3 T2 "abcdefghij"
#define T4 T3 T1
#define T5 T4 T1
#define T6 T5 T1
#define T7 T6 T1
#define T8 T7 T1
#define T9 T8 T1
#define T10 T9 T1
#define T11 T10 T1
#define T12 T11 T1
#define U0 ""
#define U1 "A"
#define U2 "AB"
#define U3 "ABC"
#define U4 "ABCD"
#define U5 "ABCDE"
#define U6 "ABCDEF"
#define U7 "ABCDEFG"
#define U8 "ABCDEFGH"
#define U9 "ABCDEFGHI"
#define NAMED(text)                                                                                \
    { text, sizeof(text) - 1, TPI_HASH_OF(text) }
#define TEN(t)                                                                                     \
    NAMED(t U0), NAMED(t U1), NAMED(t U2), NAMED(t U3), NAMED(t U4), NAMED(t U5), NAMED(t U6),     \
        NAMED(t U7), NAMED(t U8), NAMED(t U9)

static const struct {
    const char *text;
    size_t size;
    uint64_t hash;
} names[] = {TEN(T0), TEN(T1), TEN(T2), TEN(T3),  TEN(T4),  TEN(T5), TEN(T6),
             TEN(T7), TEN(T8), TEN(T9), TEN(T10), TEN(T11), TEN(T12)};

TP_TEST(name, has_the_same_hash_at_compile_time_and_run_time) {
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        TP_ASSERT_EQ_INT(names[i].size, i);
        TP_ASSERT(names[i].hash == tp_name_hash(names[i].text, names[i].size));
    }
}

TP_TEST(name, hash_is_fnv_1a) {
    TP_ASSERT(tp_name_hash("", 0) == UINT64_C(0xcbf29ce484222325));
    TP_ASSERT(tp_name_hash("a", 1) == UINT64_C(0xaf63dc4c8601ec8c));
    TP_ASSERT(tp_name_hash("foobar", 6) == UINT64_C(0x85944171f73967e8));
}

TP_TEST(name, hash_sees_the_first_32_bytes) {
    char text[64];
    memset(text, 'n', sizeof text);
    uint64_t hash = tp_name_hash(text, 40);
    text[32] = 'x';
    TP_ASSERT(tp_name_hash(text, 40) == hash && tp_name_hash(text, 32) == hash);
    text[31] = 'x';
    TP_ASSERT(tp_name_hash(text, 40) != hash);
}

TP_TEST(name, is_the_declared_one_or_the_one_given) {
    TP_ASSERT_EQ_STR(plain_name_message.name, "plain_name");
    TP_ASSERT_EQ_INT(plain_name_message.name_size, 10);
    TP_ASSERT_EQ_STR(shared_message.name, "test.shared");
    TP_ASSERT(shared_message.hash == tp_name_hash("test.shared", 11));
}

TP_TEST(name, makes_types_of_two_files_equal) {
    TP_ASSERT(&shared_message != other_file_shared());
    TP_ASSERT(tp_message_type_equal(&shared_message, other_file_shared()));
    TP_ASSERT(tp_message_type_equal(&shared_message, &shared_message));
    TP_ASSERT(!tp_message_type_equal(&same_struct_message, other_file_same_struct()));
    TP_ASSERT(!tp_message_type_equal(&shared_message, &same_struct_message));
}

/* 32 equal bytes and one that differs: equal hashes. */
TP_MESSAGE_AS(long_a, "test.a_name_of_more_than_32_bytes.a", TP_FIELD(bool, x))
TP_MESSAGE_AS(long_b, "test.a_name_of_more_than_32_bytes.b", TP_FIELD(bool, x))

TP_TEST(name, decides_where_hashes_are_equal) {
    TP_ASSERT(long_a_message.hash == long_b_message.hash);
    TP_ASSERT(!tp_message_type_equal(&long_a_message, &long_b_message));
}

TP_TEST(name, is_not_a_prefix_of_another) {
    tp_message_type shorter = long_a_message;
    shorter.name_size--;
    TP_ASSERT(!tp_message_type_equal(&shorter, &long_a_message));
}
