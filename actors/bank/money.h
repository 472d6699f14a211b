/*
 * Money: whole minor units in an int64_t, never a floating number. Every sum is checked; sums over
 * a whole bank are wider, so that they cannot overflow at all. Pure functions, safe from any
 * thread.
 */
#ifndef ACTORS_BANK_MONEY_H
#define ACTORS_BANK_MONEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The sum of any number of amounts that fits in memory. */
__extension__ typedef __int128 bank_wide;

/* Room for any formatted amount or wide number, with its terminator. */
#define BANK_MONEY_SIZE 48

/* a + b into *sum; false (and *sum untouched) when it does not fit. */
bool bank_money_add(int64_t a, int64_t b, int64_t *sum);
/* a - b into *difference; false (and *difference untouched) when it does not fit. */
bool bank_money_subtract(int64_t a, int64_t b, int64_t *difference);

/*
 * Reads "123", "123.4" or "-123.45" into minor units. NULL on success; otherwise why not (a static
 * string), with the offset of the first byte at fault in *at, and *minor untouched. An amount that
 * does not fit is at fault as a whole: offset 0. INT64_MIN is outside the range, so every amount
 * can be negated.
 */
const char *bank_money_parse(const char *text, size_t size, int64_t *minor, size_t *at);

/* Writes "-123.45"; returns its length. */
size_t bank_money_format(int64_t minor, char out[BANK_MONEY_SIZE]);
/* The same for a wide sum. */
size_t bank_wide_money(bank_wide minor, char out[BANK_MONEY_SIZE]);
/* Writes the plain whole number of minor units: "-12345"; returns its length. */
size_t bank_wide_format(bank_wide value, char out[BANK_MONEY_SIZE]);

#endif
