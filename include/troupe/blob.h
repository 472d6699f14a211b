/*
 * Blobs: large binaries that travel as references between actors of one node.
 */
#ifndef TROUPE_BLOB_H
#define TROUPE_BLOB_H

#include <troupe/base.h>

TP_EXTERN_BEGIN

/* A large binary, counted. In a message it travels as bytes; in a received one it is a view of
 * the message. */
typedef struct tp_blob tp_blob;
/* A blob of `size` zeroed bytes with one reference; NULL when out of memory. Any thread. */
TP_API tp_blob *tp_blob_new(size_t size);
/* Its bytes: writable until it is first sent or shared. Any holder. */
TP_API void *tp_blob_data(const tp_blob *blob);
/* Their number; 0 for NULL. Any holder. */
TP_API size_t tp_blob_size(const tp_blob *blob);
/* One more reference; of a view in a received message, a copy. NULL when out of memory. Any
 * thread. */
TP_API tp_blob *tp_blob_ref(const tp_blob *blob);
/* One reference less; the last frees it. NULL and views are allowed. Any thread. */
TP_API void tp_blob_unref(const tp_blob *blob);

TP_EXTERN_END

#endif
