/*
 * Text that grows, and the check that bytes are UTF-8.
 */
#include "actors/bank/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void bank_text_free(struct bank_text *text) {
    free(text->data);
    *text = (struct bank_text){0};
}

/* Makes room for `more` bytes and a terminator. */
static bool reserve(struct bank_text *text, size_t more) {
    if (text->failed) return false;
    if (more < text->capacity - text->size) return true;
    size_t capacity = text->capacity == 0 ? 256 : text->capacity;
    while (capacity - text->size <= more && capacity <= SIZE_MAX / 2) capacity *= 2;
    char *data = capacity - text->size <= more ? NULL : realloc(text->data, capacity);
    if (data == NULL) {
        text->failed = true;
        return false;
    }
    text->data = data;
    text->capacity = capacity;
    return true;
}

void bank_text_add(struct bank_text *text, const char *data, size_t size) {
    if (!reserve(text, size)) return;
    if (size > 0) memcpy(text->data + text->size, data, size);
    text->size += size;
    text->data[text->size] = '\0';
}

void bank_text_put(struct bank_text *text, const char *string) {
    bank_text_add(text, string, strlen(string));
}

void bank_text_print(struct bank_text *text, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (size < 0 || !reserve(text, (size_t)size)) return;
    va_start(arguments, format);
    vsnprintf(text->data + text->size, (size_t)size + 1, format, arguments);
    va_end(arguments);
    text->size += (size_t)size;
}

static const char *entity(char c) {
    switch (c) {
    case '&': return "&amp;";
    case '<': return "&lt;";
    case '>': return "&gt;";
    case '"': return "&quot;";
    case '\'': return "&#39;";
    default: return NULL;
    }
}

void bank_text_escaped(struct bank_text *text, const char *data, size_t size) {
    for (size_t i = 0; i < size; i++) {
        const char *escaped = entity(data[i]);
        if (escaped != NULL) {
            bank_text_put(text, escaped);
        } else if ((unsigned char)data[i] < 0x20) {
            bank_text_add(text, " ", 1); /* XML has no way to write control characters */
        } else {
            bank_text_add(text, &data[i], 1);
        }
    }
}

/* How long the sequence is that starts with this byte, and what its second byte may be; 0: none. */
static size_t lead(unsigned char c, unsigned char *low, unsigned char *high) {
    *low = 0x80;
    *high = 0xBF;
    if (c < 0x80) return c == 0 ? 0 : 1;
    if (c < 0xC2 || c > 0xF4) return 0;
    if (c < 0xE0) return 2;
    if (c == 0xE0) *low = 0xA0;
    if (c == 0xED) *high = 0x9F;
    if (c == 0xF0) *low = 0x90;
    if (c == 0xF4) *high = 0x8F;
    return c < 0xF0 ? 3 : 4;
}

size_t bank_utf8_check(const char *data, size_t size) {
    size_t at = 0;
    while (at < size) {
        unsigned char low;
        unsigned char high;
        size_t length = lead((unsigned char)data[at], &low, &high);
        if (length == 0 || length > size - at) return at;
        for (size_t i = 1; i < length; i++) {
            unsigned char c = (unsigned char)data[at + i];
            if (c < low || c > high) return at;
            low = 0x80;
            high = 0xBF;
        }
        at += length;
    }
    return size;
}

size_t bank_utf8_length(const char *data, size_t size) {
    size_t length = 0;
    for (size_t i = 0; i < size; i++) length += ((unsigned char)data[i] & 0xC0) != 0x80 ? 1 : 0;
    return length;
}
