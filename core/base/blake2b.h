/*
 * BLAKE2b-512 without a key (RFC 7693), for the id of a node: the core computes the same number as
 * docs/wire-protocol.md asks for without a cryptographic library. Not for secrets.
 */
#ifndef TPI_BASE_BLAKE2B_H
#define TPI_BASE_BLAKE2B_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The first eight bytes, big-endian, of the hash. */
uint64_t tpi_blake2b_first(const void *bytes, size_t size);

#endif
