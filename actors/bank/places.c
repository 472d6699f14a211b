/*
 * Where the shards are.
 */
#include "actors/bank/places.h"

uint64_t bank_shard_of(uint64_t account, uint64_t shards) {
    return account % shards;
}

void bank_places_take(struct bank_places *places, const bank_services *services) {
    uint64_t newest[BANK_SHARDS_MAX] = {0};
    for (size_t i = 0; i < BANK_SHARDS_MAX; i++) places->at[i].ledger = tp_pid_null();
    for (size_t i = 0; i < services->list.count; i++) {
        const bank_service *service = &services->list.items[i];
        if (service->role != BANK_ROLE_LEDGER || service->shard >= places->shards) continue;
        if (service->generation < newest[service->shard]) continue;
        newest[service->shard] = service->generation;
        places->at[service->shard] = (struct bank_place){service->who, service->generation};
    }
}
