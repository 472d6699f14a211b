/*
 * A growing buffer of bytes or text. A failed growth is remembered and reported at the end, so that
 * a writer of many pieces checks once: after a failure nothing more is appended. Not thread-safe.
 */
#ifndef TPI_BASE_BUF_H
#define TPI_BASE_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include <troupe/base.h>

struct tp_allocator;

struct tpi_buf {
    char *data; /* NULL until something is appended; ended by a NUL only by tpi_buf_text */
    size_t size;
    size_t capacity;
    const struct tp_allocator *allocator; /* NULL: malloc and free */
    bool failed;
};

/* Takes no memory. `allocator` may be NULL and must outlive the buffer. */
void tpi_buf_init(struct tpi_buf *buf, const struct tp_allocator *allocator);
/* Gives the memory back; the buffer is then as after init. */
void tpi_buf_fini(struct tpi_buf *buf);
/* Forgets the contents and a failure, keeps the memory. */
void tpi_buf_clear(struct tpi_buf *buf);
/* Makes room for `more` bytes after `size`. */
tp_err tpi_buf_reserve(struct tpi_buf *buf, size_t more);
tp_err tpi_buf_append(struct tpi_buf *buf, const void *bytes, size_t size);
tp_err tpi_buf_string(struct tpi_buf *buf, const char *text);
tp_err tpi_buf_printf(struct tpi_buf *buf, const char *format, ...) TP_PRINTF(2, 3);
tp_err tpi_buf_vprintf(struct tpi_buf *buf, const char *format, va_list args) TP_PRINTF(2, 0);
/* The contents ended by a NUL that `size` does not count; "" when empty or failed. Until the
 * next call. */
const char *tpi_buf_text(struct tpi_buf *buf);

#endif
