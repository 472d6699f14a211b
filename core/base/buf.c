/*
 * Growth by doubling; the allocator interface knows no realloc, so contents are copied.
 */
#include "core/base/buf.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <troupe/runtime.h>

#include "core/base/assert.h"

#define BUF_CAPACITY_MIN 64u

static void *buf_alloc(const struct tpi_buf *buf, size_t size) {
    if (buf->allocator == NULL) return malloc(size);
    return buf->allocator->alloc(buf->allocator->context, size);
}

static void buf_free(const struct tpi_buf *buf) {
    if (buf->data == NULL) return;
    if (buf->allocator == NULL) {
        free(buf->data);
    } else {
        buf->allocator->free(buf->allocator->context, buf->data, buf->capacity);
    }
}

void tpi_buf_init(struct tpi_buf *buf, const struct tp_allocator *allocator) {
    buf->data = NULL;
    buf->size = 0;
    buf->capacity = 0;
    buf->allocator = allocator;
    buf->failed = false;
}

void tpi_buf_fini(struct tpi_buf *buf) {
    TPI_ASSERT(buf->size <= buf->capacity);
    buf_free(buf);
    tpi_buf_init(buf, buf->allocator);
}

void tpi_buf_clear(struct tpi_buf *buf) {
    TPI_CHECK(buf->size <= buf->capacity);
    buf->size = 0;
    buf->failed = false;
}

static size_t capacity_for(const struct tpi_buf *buf, size_t wanted) {
    TPI_CHECK(wanted > buf->capacity);
    size_t capacity = buf->capacity < BUF_CAPACITY_MIN ? BUF_CAPACITY_MIN : buf->capacity;
    while (capacity < wanted) {
        if (capacity > SIZE_MAX / 2) return wanted;
        capacity *= 2;
    }
    return capacity;
}

tp_err tpi_buf_reserve(struct tpi_buf *buf, size_t more) {
    TPI_ASSERT(buf->size <= buf->capacity);
    if (buf->failed) return TP_ENOMEM;
    if (more <= buf->capacity - buf->size) return TP_OK;
    buf->failed = true; /* until it has worked */
    if (more > SIZE_MAX - buf->size) return TP_ENOMEM;
    size_t capacity = capacity_for(buf, buf->size + more);
    char *data = buf_alloc(buf, capacity);
    if (data == NULL) return TP_ENOMEM;
    if (buf->size > 0) memcpy(data, buf->data, buf->size);
    buf_free(buf);
    buf->data = data;
    buf->capacity = capacity;
    buf->failed = false;
    return TP_OK;
}

tp_err tpi_buf_append(struct tpi_buf *buf, const void *bytes, size_t size) {
    TPI_ASSERT(bytes != NULL || size == 0);
    tp_err err = tpi_buf_reserve(buf, size);
    if (err != TP_OK || size == 0) return err;
    memcpy(buf->data + buf->size, bytes, size);
    buf->size += size;
    return TP_OK;
}

tp_err tpi_buf_string(struct tpi_buf *buf, const char *text) {
    TPI_ASSERT(text != NULL);
    return tpi_buf_append(buf, text, strlen(text));
}

tp_err tpi_buf_vprintf(struct tpi_buf *buf, const char *format, va_list args) {
    va_list again;
    va_copy(again, args);
    int length = vsnprintf(NULL, 0, format, again);
    va_end(again);
    if (length < 0) return TP_EINVAL;
    tp_err err = tpi_buf_reserve(buf, (size_t)length + 1);
    if (err != TP_OK) return err;
    vsnprintf(buf->data + buf->size, (size_t)length + 1, format, args);
    buf->size += (size_t)length;
    return TP_OK;
}

tp_err tpi_buf_printf(struct tpi_buf *buf, const char *format, ...) {
    va_list args;
    va_start(args, format);
    tp_err err = tpi_buf_vprintf(buf, format, args);
    va_end(args);
    return err;
}

const char *tpi_buf_text(struct tpi_buf *buf) {
    TPI_CHECK(buf->size <= buf->capacity);
    if (tpi_buf_reserve(buf, 1) != TP_OK) return "";
    buf->data[buf->size] = '\0';
    return buf->data;
}
