/*
 * The bank's register: who its clients are, which accounts they may use, and their standing orders.
 * Plain data, read by reports; use one register from one thread at a time.
 */
#ifndef ACTORS_BANK_REGISTER_H
#define ACTORS_BANK_REGISTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "actors/bank/map.h"

#define BANK_WORD_SIZE 24 /* of the short texts here, terminator included; longer ones are cut */

struct bank_client {
    uint64_t id;
    uint64_t district;
    int32_t born; /* 19450204; 0: not known */
    char sex;     /* 'f', 'm', or 0: not known */
};

struct bank_account_fact {
    uint64_t id;
    uint64_t district;
    int32_t opened;
};

/* A client may use an account. */
struct bank_disposition {
    uint64_t client;
    uint64_t account;
    bool owner;
};

struct bank_order {
    uint64_t account;
    int64_t amount_minor;
    char bank[BANK_WORD_SIZE];
    char to[BANK_WORD_SIZE];
    char purpose[BANK_WORD_SIZE];
};

/* Zero-initialised it is empty. */
struct bank_register {
    struct bank_map client_map;  /* client n is clients[n] */
    struct bank_map account_map; /* account n is accounts[n] */
    struct bank_map pair_map;    /* client and account: disposition n is dispositions[n] */
    struct bank_client *clients;
    struct bank_account_fact *accounts;
    struct bank_disposition *dispositions;
    struct bank_order *orders;
    size_t clients_max;
    size_t accounts_max;
    size_t dispositions_max;
    size_t order_count;
    size_t orders_max;
};

/* Frees it; it is then empty. */
void bank_register_free(struct bank_register *reg);
/* Each adds one; false when out of memory. What is there already stays as it is. */
bool bank_register_client(struct bank_register *reg, const struct bank_client *client);
bool bank_register_account(struct bank_register *reg, const struct bank_account_fact *account);
bool bank_register_disposition(struct bank_register *reg,
                               const struct bank_disposition *disposition);
bool bank_register_order(struct bank_register *reg, const struct bank_order *order);
/* How many dispositions there are. */
size_t bank_register_dispositions(const struct bank_register *reg);
/* NULL when not known. */
const struct bank_client *bank_register_find_client(const struct bank_register *reg, uint64_t id);
const struct bank_account_fact *bank_register_find_account(const struct bank_register *reg,
                                                           uint64_t id);

#endif
