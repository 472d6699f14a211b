/*
 * Money: parsing with the place of the fault, formatting, checked arithmetic.
 */
#include "actors/bank/money.h"

#include <string.h>

#define MINOR_DIGITS 2

bool bank_money_add(int64_t a, int64_t b, int64_t *sum) {
    int64_t result;
    if (__builtin_add_overflow(a, b, &result)) return false;
    *sum = result;
    return true;
}

bool bank_money_subtract(int64_t a, int64_t b, int64_t *difference) {
    int64_t result;
    if (__builtin_sub_overflow(a, b, &result)) return false;
    *difference = result;
    return true;
}

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

/* Appends a decimal digit; false when the value leaves the range. */
static bool push_digit(int64_t *value, int digit) {
    int64_t tens;
    if (__builtin_mul_overflow(*value, (int64_t)10, &tens)) return false;
    return !__builtin_add_overflow(tens, (int64_t)digit, value);
}

/* Where the digits stand in an amount: [whole, point) and [fraction, end). */
struct shape {
    size_t whole;
    size_t point;
    size_t fraction;
    size_t end;
};

/* Looks at the form only; the offset of the fault in *at. */
static const char *shape_read(const char *text, size_t size, struct shape *shape, size_t *at) {
    size_t i = 0;
    if (i < size && text[i] == '-') i++;
    shape->whole = i;
    while (i < size && is_digit(text[i])) i++;
    *at = i;
    if (i == shape->whole) return size == 0 ? "empty amount" : "bad amount: a digit is expected";
    shape->point = i;
    shape->fraction = shape->end = size;
    if (i == size) return NULL;
    if (text[i] != '.') return "bad amount: not a digit";
    shape->fraction = ++i;
    while (i < size && is_digit(text[i])) i++;
    *at = i;
    if (i == shape->fraction) return "bad amount: a digit is expected after the point";
    if (i < size) return "bad amount: not a digit";
    *at = shape->fraction + MINOR_DIGITS;
    return i > *at ? "bad amount: more than two decimals" : NULL;
}

const char *bank_money_parse(const char *text, size_t size, int64_t *minor, size_t *at) {
    struct shape shape;
    const char *fault = shape_read(text, size, &shape, at);
    if (fault != NULL) return fault;
    int64_t value = 0;
    bool fits = true;
    for (size_t i = shape.whole; i < shape.point && fits; i++)
        fits = push_digit(&value, text[i] - '0');
    for (size_t n = 0; n < MINOR_DIGITS && fits; n++) {
        size_t i = shape.fraction + n;
        fits = push_digit(&value, i < shape.end ? text[i] - '0' : 0);
    }
    *at = 0;
    if (!fits) return "amount overflows: too large for 64 bits";
    *minor = text[0] == '-' ? -value : value;
    return NULL;
}

/* Writes digits from the end of a buffer; returns where they start. */
static char *digits_before(char *end, bank_wide value, int least) {
    do {
        int digit = (int)(value % 10);
        *--end = (char)('0' + (digit < 0 ? -digit : digit));
        value /= 10;
        least--;
    } while (value != 0 || least > 0);
    return end;
}

static size_t finish(char *out, const char *start, const char *end) {
    size_t size = (size_t)(end - start);
    memcpy(out, start, size);
    out[size] = '\0';
    return size;
}

size_t bank_wide_money(bank_wide minor, char out[BANK_MONEY_SIZE]) {
    char buffer[BANK_MONEY_SIZE];
    char *end = buffer + sizeof buffer;
    char *at = digits_before(end, minor % 100, MINOR_DIGITS);
    *--at = '.';
    at = digits_before(at, minor / 100, 1);
    if (minor < 0) *--at = '-';
    return finish(out, at, end);
}

size_t bank_money_format(int64_t minor, char out[BANK_MONEY_SIZE]) {
    return bank_wide_money(minor, out);
}

size_t bank_wide_format(bank_wide value, char out[BANK_MONEY_SIZE]) {
    char buffer[BANK_MONEY_SIZE];
    char *end = buffer + sizeof buffer;
    char *at = digits_before(end, value, 1);
    if (value < 0) *--at = '-';
    return finish(out, at, end);
}
