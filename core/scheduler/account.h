/*
 * What a worker keeps of the messages that its runnables sent to busy receivers; core/actor/send.c
 * says how it is used. The scheduler only has the place.
 */
#ifndef TPI_ACCOUNT_H
#define TPI_ACCOUNT_H

#include <stdint.h>

#define TPI_ACCOUNTS 64u /* a power of two */

/* Messages to one receiver that its own count does not know of yet. */
struct tpi_account {
    uint64_t receiver; /* slot, and generation << 32; 0: nobody */
    uint32_t left;     /* how many more there may be until it is told */
    uint32_t batch;    /* what `left` was at first */
};

struct tpi_accounts {
    uint64_t slice; /* `sent` is of this one */
    uint64_t sent;  /* what the worker had sent when that slice first looked */
    struct tpi_account of[TPI_ACCOUNTS];
};

#endif
