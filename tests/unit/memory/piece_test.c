/* Pieces: aligned, whatever their size; they go home from any pool, and from threads without
 * one. */
#include "core/memory/piece.h"

#include <string.h>

#include "tests/support/test.h"

static struct tpi_memory *two_pools(void) {
    struct tpi_memory *memory;
    TP_ASSERT_EQ_INT(tpi_memory_new(&memory, NULL, 2), TP_OK);
    return memory;
}

TP_TEST(piece, every_size_is_aligned_and_its_own) {
    struct tpi_memory *memory = two_pools();
    struct tpi_pool *pool = tpi_memory_pool(memory, 0);
    for (size_t size = 1; size < 3 * TPI_PIECE_POOLED; size = size * 3 / 2 + 1) {
        uint8_t *one = tpi_piece_new(memory, pool, size),
                *other = tpi_piece_new(memory, pool, size);
        TP_ASSERT(one != NULL && other != NULL);
        TP_ASSERT_EQ_INT((uintptr_t)one % 16, 0);
        memset(one, 1, size);
        memset(other, 2, size);
        for (size_t i = 0; i < size; i++) TP_ASSERT(one[i] == 1 && other[i] == 2);
        tpi_piece_free(memory, pool, one);
        tpi_piece_free(memory, pool, other);
    }
    tpi_memory_free(memory); /* which finds what is left on the heap */
}

TP_TEST(piece, a_small_one_goes_home_to_its_pool) {
    struct tpi_memory *memory = two_pools();
    struct tpi_pool *taker = tpi_memory_pool(memory, 0), *giver = tpi_memory_pool(memory, 1);
    void *piece = tpi_piece_new(memory, taker, 100);
    for (int i = 0; i < 1000; i++) {
        tpi_piece_free(memory, giver, piece);
        tpi_pool_flush(giver);
        piece = tpi_piece_new(memory, taker, 100);
        TP_ASSERT(piece != NULL);
    }
    size_t bytes = tpi_memory_bytes(memory);
    for (int i = 0; i < 100000; i++) {
        tpi_piece_free(memory, NULL, piece);
        piece = tpi_piece_new(memory, taker, 100);
    }
    TP_ASSERT_EQ_INT(tpi_memory_bytes(memory), bytes);
    tpi_piece_free(memory, taker, piece);
    tpi_memory_free(memory);
}

TP_TEST(piece, a_large_one_and_one_of_no_pool_are_the_heaps) {
    struct tpi_memory *memory = two_pools();
    struct tpi_pool *pool = tpi_memory_pool(memory, 0);
    size_t before = tpi_memory_bytes(memory);
    void *large = tpi_piece_new(memory, pool, TPI_PIECE_POOLED + 1);
    void *small = tpi_piece_new(memory, NULL, 10);
    TP_ASSERT(large != NULL && small != NULL);
    TP_ASSERT(tpi_memory_bytes(memory) > before + TPI_PIECE_POOLED + 10);
    tpi_piece_free(memory, NULL, large);
    tpi_piece_free(memory, pool, small);
    tpi_piece_free(memory, pool, NULL);
    TP_ASSERT_EQ_INT(tpi_memory_bytes(memory), before);
    TP_ASSERT(tpi_piece_new(memory, pool, SIZE_MAX) == NULL);
    tpi_memory_free(memory);
}
