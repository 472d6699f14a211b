/*
 * Files that concern nobody else: secrets, keys, the claim to the path of a local socket.
 */
#ifndef TPI_PRIVATE_H
#define TPI_PRIVATE_H

#include "core/platform/platform.h"

/* Reads a regular file of at most `size` bytes. TP_EREFUSED: others may read or write it, or it
 * belongs to somebody else (but root); TP_ENOENT; TP_ETOOBIG; TP_EINVAL: no regular file. */
tp_err tpi_file_read_private(const char *path, void *bytes, size_t size, size_t *used);
/* Makes a file that only its owner may read. TP_EEXIST. */
tp_err tpi_file_make_private(const char *path, const void *bytes, size_t size);
/* Claims the path of a local socket, by a lock on PATH.lock. TP_EBUSY: another process has it;
 * TP_EEXIST: something that is no socket is there. */
tp_err tpi_path_claim(const char *path, int *lock);
/* Removes the socket and gives the claim back. */
void tpi_path_release(int lock, const char *path);

#endif
