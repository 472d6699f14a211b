/*
 * A piece is a block with a head in front of it.
 */
#include "core/memory/piece.h"

struct piece {
    size_t size; /* of all of it */
    uint16_t owner;
    uint8_t size_class;
    _Alignas(16) uint8_t bytes[];
};
_Static_assert(sizeof(struct piece) == 16, "the smallest that keeps the alignment");

void *tpi_piece_new(struct tpi_memory *memory, struct tpi_pool *pool, size_t size) {
    TPI_CHECK(memory != NULL && size > 0);
    if (size > SIZE_MAX - sizeof(struct piece)) return NULL;
    size_t whole = sizeof(struct piece) + size;
    bool pooled = pool != NULL && size <= TPI_PIECE_POOLED;
    uint8_t size_class = pooled ? tpi_class_of(whole) : TPI_CLASS_HEAP;
    struct piece *piece = pooled ? tpi_pool_take(pool, size_class) : tpi_heap_alloc(memory, whole);
    if (piece == NULL) return NULL;
    piece->size = whole;
    piece->owner = pooled ? pool->index : TPI_OWNER_HEAP;
    piece->size_class = size_class;
    return piece->bytes;
}

void tpi_piece_free(struct tpi_memory *memory, struct tpi_pool *pool, void *bytes) {
    if (bytes == NULL) return;
    struct piece *piece = (struct piece *)(void *)((char *)bytes - sizeof(struct piece));
    TPI_CHECK(piece->size > sizeof(struct piece));
    if (piece->size_class == TPI_CLASS_HEAP) tpi_heap_free(memory, piece, piece->size);
    else if (pool != NULL) tpi_pool_give(pool, piece, piece->size_class, piece->owner);
    else tpi_memory_return(memory, piece, piece->size_class, piece->owner);
}
