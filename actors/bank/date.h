/*
 * Calendar days as one number that sorts: 19930405 is 5 April 1993. Pure functions, safe from any
 * thread.
 */
#ifndef ACTORS_BANK_DATE_H
#define ACTORS_BANK_DATE_H

#include <stddef.h>
#include <stdint.h>

/* Room for "1993-04-05" with its terminator. */
#define BANK_DATE_SIZE 16

/* Reads "1993-04-05". NULL on success; otherwise why not, with the offset of the fault in *at. */
const char *bank_date_parse(const char *text, size_t size, int32_t *date, size_t *at);
/* Reads "930405": years from 70 on are 19xx, those before it 20xx. Otherwise like
 * bank_date_parse. */
const char *bank_date_parse_short(const char *text, size_t size, int32_t *date, size_t *at);

/* Writes "1993-04-05"; returns its length. */
size_t bank_date_format(int32_t date, char out[BANK_DATE_SIZE]);
/* Writes the month, "1993-04", of a number such as 199304; returns its length. */
size_t bank_month_format(int32_t month, char out[BANK_DATE_SIZE]);
/* The month of a day: 199304. */
int32_t bank_date_month(int32_t date);
/* The days from 1970-01-01 to a date: for axes and distances. */
int64_t bank_date_days(int32_t date);
/* The date `days` after 1970-01-01. */
int32_t bank_date_of_days(int64_t days);

#endif
