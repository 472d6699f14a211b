/* Hash functions: known values and spread. */
#include "core/base/hash.h"

#include <string.h>

#include "tests/support/test.h"

TP_TEST(hash, fnv1a_gives_the_published_values) {
    TP_ASSERT(tpi_hash_bytes("", 0) == UINT64_C(0xcbf29ce484222325));
    TP_ASSERT(tpi_hash_bytes("a", 1) == UINT64_C(0xaf63dc4c8601ec8c));
    TP_ASSERT(tpi_hash_bytes("foobar", 6) == UINT64_C(0x85944171f73967e8));
}

TP_TEST(hash, pieces_hash_as_the_whole) {
    uint64_t pieces = tpi_hash_more(tpi_hash_more(TPI_FNV1A_START, "foo", 3), "bar", 3);
    TP_ASSERT(pieces == tpi_hash_bytes("foobar", 6));
}

TP_TEST(hash, neighbours_spread_over_low_bits) {
    unsigned buckets[64] = {0};
    for (uint64_t i = 0; i < 6400; i++) buckets[tpi_hash_pair(i, 7) & 63]++;
    for (int i = 0; i < 64; i++) TP_ASSERT(buckets[i] > 50 && buckets[i] < 160);
}

TP_TEST(hash, both_words_and_their_order_count) {
    TP_ASSERT(tpi_hash_pair(1, 2) != tpi_hash_pair(2, 1));
    TP_ASSERT(tpi_hash_pair(1, 2) != tpi_hash_pair(1, 3));
}
