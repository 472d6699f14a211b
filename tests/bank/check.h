/*
 * Checkers for what the bank writes: is it JSON, is it well-formed XML. Small and strict; they know
 * nothing of how it was written.
 */
#ifndef TESTS_BANK_CHECK_H
#define TESTS_BANK_CHECK_H

#include <stdbool.h>
#include <stddef.h>

/* True when the text is one JSON value (and white space). */
bool check_json(const char *text, size_t size);
/* True when the text is well-formed XML: tags nest, attributes are quoted and differ, entities
 * are known. */
bool check_xml(const char *text, size_t size);
/* How often a piece occurs in a terminated text. */
size_t check_count(const char *text, const char *piece);

#endif
