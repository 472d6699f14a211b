/*
 * Text that grows, and the check that bytes are UTF-8. Plain memory; use one text from one thread
 * at a time.
 */
#ifndef ACTORS_BANK_TEXT_H
#define ACTORS_BANK_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <troupe/base.h>

/* Zero-initialised it is empty. When memory runs out `failed` is set and what follows is
 * dropped. */
struct bank_text {
    char *data; /* always terminated when not NULL */
    size_t size;
    size_t capacity;
    bool failed;
};

/* Frees it; it is then empty. */
void bank_text_free(struct bank_text *text);
/* Appends bytes. */
void bank_text_add(struct bank_text *text, const char *data, size_t size);
/* Appends a terminated string. */
void bank_text_put(struct bank_text *text, const char *string);
/* Appends printf's text. */
void bank_text_print(struct bank_text *text, const char *format, ...) TP_PRINTF(2, 3);
/* Appends text for HTML and SVG, with the five special characters escaped. */
void bank_text_escaped(struct bank_text *text, const char *data, size_t size);

/* The offset of the first byte that is not part of well-formed UTF-8 (a NUL is not either);
 * `size` if all is. */
size_t bank_utf8_check(const char *data, size_t size);
/* How many characters well-formed UTF-8 has. */
size_t bank_utf8_length(const char *data, size_t size);

#endif
