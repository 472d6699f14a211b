/*
 * Pids handed out: a map, and a clock hand over the entries.
 */
#include "transport/gateway/handed.h"

#include <string.h>

#include "core/base/assert.h"

static uint64_t key_of(tp_pid pid) {
    return (uint64_t)pid.slot << 32 | pid.generation;
}

void tpi_handed_init(struct tpi_handed *handed, struct tpi_map_memory memory, uint32_t max) {
    TPI_ASSERT(max > 0);
    *handed = (struct tpi_handed){.max = max};
    tpi_map_init(&handed->places, memory);
}

static size_t bytes_of(uint32_t count) {
    return count * sizeof(struct tpi_handed_pid);
}

void tpi_handed_fini(struct tpi_handed *handed) {
    const struct tpi_map_memory *memory = &handed->places.memory;
    if (handed->pids != NULL) memory->free(memory->ctx, handed->pids, bytes_of(handed->room));
    handed->pids = NULL;
    handed->count = handed->room = 0;
    tpi_map_fini(&handed->places);
}

/* Entries move when the table grows: the map holds index + 1. */
static struct tpi_handed_pid *find(struct tpi_handed *handed, tp_pid pid) {
    uintptr_t place = (uintptr_t)tpi_map_get(&handed->places, pid.node, key_of(pid));
    TPI_ASSERT(place <= handed->count);
    return place == 0 ? NULL : &handed->pids[place - 1];
}

bool tpi_handed_has(struct tpi_handed *handed, tp_pid pid) {
    struct tpi_handed_pid *entry = find(handed, pid);
    if (entry != NULL) entry->used = true;
    return entry != NULL;
}

static bool grow(struct tpi_handed *handed) {
    const struct tpi_map_memory *memory = &handed->places.memory;
    uint32_t room = handed->room == 0 ? 8 : handed->room * 2;
    if (handed->count < handed->room) return true;
    if (room > handed->max) room = handed->max;
    struct tpi_handed_pid *pids = memory->alloc(memory->ctx, bytes_of(room));
    if (pids == NULL) return false;
    if (handed->count > 0) memcpy(pids, handed->pids, bytes_of(handed->count));
    if (handed->pids != NULL) memory->free(memory->ctx, handed->pids, bytes_of(handed->room));
    handed->pids = pids;
    handed->room = room;
    return true;
}

/* The index for a new one; the table is full: whoever was not used for a turn of the hand goes. */
static uint32_t make_place(struct tpi_handed *handed) {
    if (handed->count < handed->max) return handed->count++;
    while (handed->pids[handed->hand].used) {
        handed->pids[handed->hand].used = false;
        handed->hand = (handed->hand + 1) % handed->max;
    }
    uint32_t index = handed->hand;
    tp_pid gone = handed->pids[index].pid;
    handed->hand = (index + 1) % handed->max;
    (void)tpi_map_remove(&handed->places, gone.node, key_of(gone));
    return index;
}

tp_err tpi_handed_add(struct tpi_handed *handed, tp_pid pid) {
    if (tp_pid_is_null(pid) || find(handed, pid) != NULL) return TP_OK;
    if (handed->count < handed->max && !grow(handed)) return TP_ENOMEM;
    uint32_t index = make_place(handed);
    uintptr_t place = (uintptr_t)index + 1;
    handed->pids[index] = (struct tpi_handed_pid){pid, true};
    if (tpi_map_put(&handed->places, pid.node, key_of(pid), (void *)place) == TP_OK) return TP_OK;
    handed->pids[index] = (struct tpi_handed_pid){tp_pid_null(), false};
    return TP_ENOMEM;
}
