/*
 * Blobs: a counted buffer, or a view of bytes in a received message.
 */
#include <stdlib.h>

#include <troupe/codec.h>

#include "core/base/assert.h"
#include "core/base/atomic.h"
#include "core/platform/platform.h"

struct tp_blob {
    _Atomic(uint32_t) references; /* 0: a view, which lives in the message's scratch */
    size_t size;
    void *data;
};

tp_blob *tp_blob_new(size_t size) {
    TPI_FAULT_HOLD();
    if (size > SIZE_MAX - sizeof(struct tp_blob)) return NULL;
    tp_blob *blob = calloc(1, sizeof *blob + size);
    if (blob == NULL) return NULL;
    atomic_init(&blob->references, 1);
    blob->size = size;
    blob->data = blob + 1;
    return blob;
}

void *tp_blob_data(const tp_blob *blob) {
    return blob == NULL ? NULL : blob->data;
}

size_t tp_blob_size(const tp_blob *blob) {
    return blob == NULL ? 0 : blob->size;
}

tp_blob *tp_blob_ref(const tp_blob *blob) {
    if (blob == NULL) return NULL;
    tp_blob *own = (tp_blob *)(uintptr_t)blob;
    /* relaxed: a view's 0 never changes; a counted one is kept alive by the caller's reference */
    if (atomic_load_explicit(&own->references, memory_order_relaxed) == 0) {
        tp_blob *copy = tp_blob_new(blob->size);
        if (copy != NULL && blob->size > 0) memcpy(copy->data, blob->data, blob->size);
        return copy;
    }
    /* relaxed: as above */
    atomic_fetch_add_explicit(&own->references, 1, memory_order_relaxed);
    return own;
}

void tp_blob_unref(const tp_blob *blob) {
    TPI_FAULT_HOLD();
    tp_blob *own = (tp_blob *)(uintptr_t)blob;
    /* relaxed: see tp_blob_ref */
    if (blob == NULL || atomic_load_explicit(&own->references, memory_order_relaxed) == 0) return;
    /* acq_rel: the last holder frees after everyone's reads; partner is every other unref */
    uint32_t before = atomic_fetch_sub_explicit(&own->references, 1, memory_order_acq_rel);
    TPI_ASSERT(before > 0);
    if (before == 1) free(own);
}

tp_blob *tpi_read_blob(tp_reader *in) {
    TPI_CHECK(in->at <= in->end);
    tp_bin bin = tp_read_bin(in);
    tp_blob *view = tpi_read_items(in, 1, sizeof *view);
    if (view == NULL) return NULL;
    TPI_ASSERT(bin.size == 0 || bin.data != NULL);
    view->size = bin.size;
    view->data = (void *)(uintptr_t)bin.data;
    return view;
}
