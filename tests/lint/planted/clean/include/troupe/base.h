/*
 * A header without a fault: the lints must accept it.
 */
#ifndef TROUPE_BASE_H
#define TROUPE_BASE_H

/* Doubles. Any thread. */
int tp_double(int value);

#define TP_LIMIT 7 /* of nothing */

#endif
