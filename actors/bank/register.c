/*
 * The register: growing arrays, found by id through a map.
 */
#include "actors/bank/register.h"

#include <stdlib.h>

void bank_register_free(struct bank_register *reg) {
    bank_map_free(&reg->client_map);
    bank_map_free(&reg->account_map);
    bank_map_free(&reg->pair_map);
    free(reg->clients);
    free(reg->accounts);
    free(reg->dispositions);
    free(reg->orders);
    *reg = (struct bank_register){0};
}

bool bank_register_client(struct bank_register *reg, const struct bank_client *client) {
    size_t count = reg->client_map.count;
    void *grown = bank_array_grow(reg->clients, count, &reg->clients_max, sizeof *reg->clients);
    if (grown == NULL) return false;
    reg->clients = grown;
    bool added;
    size_t item = bank_map_add(&reg->client_map, &client->id, sizeof client->id, &added);
    if (added) reg->clients[item] = *client;
    return item != BANK_MAP_NONE;
}

bool bank_register_account(struct bank_register *reg, const struct bank_account_fact *account) {
    size_t count = reg->account_map.count;
    void *grown = bank_array_grow(reg->accounts, count, &reg->accounts_max, sizeof *reg->accounts);
    if (grown == NULL) return false;
    reg->accounts = grown;
    bool added;
    size_t item = bank_map_add(&reg->account_map, &account->id, sizeof account->id, &added);
    if (added) reg->accounts[item] = *account;
    return item != BANK_MAP_NONE;
}

bool bank_register_disposition(struct bank_register *reg,
                               const struct bank_disposition *disposition) {
    size_t count = reg->pair_map.count;
    void *grown = bank_array_grow(reg->dispositions, count, &reg->dispositions_max,
                                  sizeof *reg->dispositions);
    if (grown == NULL) return false;
    reg->dispositions = grown;
    uint64_t pair[2] = {disposition->client, disposition->account};
    bool added;
    size_t item = bank_map_add(&reg->pair_map, pair, sizeof pair, &added);
    if (added) reg->dispositions[item] = *disposition;
    return item != BANK_MAP_NONE;
}

size_t bank_register_dispositions(const struct bank_register *reg) {
    return reg->pair_map.count;
}

bool bank_register_order(struct bank_register *reg, const struct bank_order *order) {
    void *grown =
        bank_array_grow(reg->orders, reg->order_count, &reg->orders_max, sizeof *reg->orders);
    if (grown == NULL) return false;
    reg->orders = grown;
    reg->orders[reg->order_count++] = *order;
    return true;
}

const struct bank_client *bank_register_find_client(const struct bank_register *reg, uint64_t id) {
    size_t item = bank_map_find(&reg->client_map, &id, sizeof id);
    return item == BANK_MAP_NONE ? NULL : &reg->clients[item];
}

const struct bank_account_fact *bank_register_find_account(const struct bank_register *reg,
                                                           uint64_t id) {
    size_t item = bank_map_find(&reg->account_map, &id, sizeof id);
    return item == BANK_MAP_NONE ? NULL : &reg->accounts[item];
}
