/*
 * Pieces: memory of any size that one worker takes and any other gives back; a piece knows where it
 * belongs. Small ones come from the taker's pool, so that making actors touches no lock and no
 * counter that others write; large ones, and those of threads without a pool, from the heap.
 */
#ifndef TPI_MEMORY_PIECE_H
#define TPI_MEMORY_PIECE_H

#include "core/memory/pool.h"

#define TPI_PIECE_POOLED 4000u /* bytes up to which a pool serves: it keeps its peak */

/* Not zeroed, aligned to 16; NULL when out of memory. The pool is the caller's, or NULL. */
void *tpi_piece_new(struct tpi_memory *memory, struct tpi_pool *pool, size_t size);
/* Takes NULL. The pool is the caller's, or NULL; the piece may come from another. */
void tpi_piece_free(struct tpi_memory *memory, struct tpi_pool *pool, void *bytes);

#endif
