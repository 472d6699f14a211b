/*
 * Names: one table under a spin lock. A name goes when its actor ends, before anyone hears of the
 * end.
 */
#include "core/registry/registry.h"

#include <string.h>

#include <troupe/name.h>

#include "core/base/hash.h"

#define COLLISIONS_MAX 64u

struct tpi_name {
    tp_pid pid;
    bool forgotten; /* out of the table; its actor still has it */
    size_t size;
    char text[]; /* terminated */
};

/* The entry of a name, and where it is or could be put; all under the lock. */
static struct tpi_name *find(struct tpi_registry *registry, const char *text, size_t size,
                             uint64_t *hash, uint64_t *place) {
    *hash = tpi_hash_bytes(text, size);
    *place = COLLISIONS_MAX;
    for (uint64_t i = 0; i < COLLISIONS_MAX; i++) {
        struct tpi_name *name = tpi_map_get(&registry->names, *hash, i);
        if (name == NULL && *place == COLLISIONS_MAX) *place = i;
        if (name != NULL && name->size == size && memcmp(name->text, text, size) == 0) {
            *place = i;
            return name;
        }
        if (name == NULL && i > 4) break; /* holes are rare and near the front */
    }
    return NULL;
}

static bool valid(const char *text, size_t *size) {
    if (text == NULL) return false;
    *size = strnlen(text, TP_NAME_SIZE_MAX + 1);
    return *size > 0 && *size <= TP_NAME_SIZE_MAX && tp_utf8_valid(text, *size);
}

static tp_err take(tp_runtime *runtime, tp_actor *actor, const char *text) {
    struct tpi_registry *registry = runtime->registry;
    struct tpi_extra *extra = tpi_extra(actor);
    size_t size;
    uint64_t hash, place;
    if (!valid(text, &size)) return TP_EINVAL;
    if (extra == NULL) return TP_ENOMEM;
    if (extra->name != NULL) return TP_EEXIST;
    struct tpi_name *name = tpi_heap_alloc(runtime->memory, sizeof *name + size + 1);
    if (name == NULL) return TP_ENOMEM;
    name->pid = tpi_pid_of(runtime, actor);
    name->forgotten = false;
    name->size = size;
    memcpy(name->text, text, size);
    name->text[size] = 0;
    tpi_spin_lock(&registry->lock);
    tp_err err = find(registry, text, size, &hash, &place) != NULL ? TP_EEXIST : TP_OK;
    if (err == TP_OK)
        err =
            place == COLLISIONS_MAX ? TP_ENOMEM : tpi_map_put(&registry->names, hash, place, name);
    tpi_spin_unlock(&registry->lock);
    if (err != TP_OK) tpi_heap_free(runtime->memory, name, sizeof *name + size + 1);
    else extra->name = name->text;
    return err;
}

static void release(tp_runtime *runtime, tp_actor *actor) {
    struct tpi_registry *registry = runtime->registry;
    uint64_t hash, place;
    char *text = actor->extra->name;
    TPI_ASSERT(text != NULL);
    struct tpi_name *name = TPI_CONTAINER_OF(text, struct tpi_name, text);
    tpi_spin_lock(&registry->lock);
    if (!name->forgotten) {
        struct tpi_name *found = find(registry, text, strlen(text), &hash, &place);
        TPI_ASSERT(found == name);
        (void)found;
        (void)tpi_map_remove(&registry->names, hash, place);
    }
    tpi_spin_unlock(&registry->lock);
    actor->extra->name = NULL;
    tpi_heap_free(runtime->memory, name, sizeof *name + name->size + 1);
}

/* Of an actor that still runs, on another thread: the table forgets it, its memory waits. */
static void forget(tp_runtime *runtime, tp_pid pid) {
    struct tpi_registry *registry = runtime->registry;
    uint64_t hash, place;
    void *value;
    size_t cursor = 0;
    tpi_spin_lock(&registry->lock);
    while (tpi_map_next(&registry->names, &cursor, &hash, &place, &value)) {
        struct tpi_name *name = value;
        if (!tp_pid_equal(name->pid, pid)) continue;
        name->forgotten = true;
        (void)tpi_map_remove(&registry->names, hash, place);
        break;
    }
    tpi_spin_unlock(&registry->lock);
}

tp_err tp_register(tp_actor *self, const char *name) {
    TPI_INSIDE(self);
    if (self->runtime->guest != NULL) return TP_ENOTSUP;
    return take(self->runtime, self, name);
}

tp_err tp_unregister(tp_actor *self) {
    TPI_INSIDE(self);
    if (self->extra == NULL || self->extra->name == NULL) return TP_ENOENT;
    release(self->runtime, self);
    return TP_OK;
}

tp_pid tp_whereis(tp_runtime *runtime, const char *name) {
    TPI_FAULT_HOLD();
    size_t size;
    uint64_t hash, place;
    if (runtime == NULL || !valid(name, &size)) return tp_pid_null();
    struct tpi_registry *registry = runtime->registry;
    tpi_spin_lock(&registry->lock);
    struct tpi_name *entry = find(registry, name, size, &hash, &place);
    tp_pid pid = entry != NULL ? entry->pid : tp_pid_null();
    tpi_spin_unlock(&registry->lock);
    return pid;
}

tp_err tp_send_name_value(tp_actor *self, const char *name, const tp_message_type *type,
                          const void *value) {
    TPI_INSIDE(self);
    tp_pid to = tp_whereis(self->runtime, name);
    if (tp_pid_is_null(to)) return TP_ENOENT;
    return tp_send_value(self, to, type, value);
}

size_t tpi_registry_name_of(tp_runtime *runtime, tp_pid pid, char *out, size_t size) {
    struct tpi_registry *registry = runtime->registry;
    uint64_t hash, place;
    void *value;
    size_t cursor = 0, length = 0;
    if (size == 0) return 0;
    out[0] = 0;
    tpi_spin_lock(&registry->lock);
    while (tpi_map_next(&registry->names, &cursor, &hash, &place, &value)) {
        struct tpi_name *name = value;
        if (!tp_pid_equal(name->pid, pid)) continue;
        length = name->size < size ? name->size : size - 1;
        memcpy(out, name->text, length);
        out[length] = 0;
        break;
    }
    tpi_spin_unlock(&registry->lock);
    return length;
}

tp_err tpi_registry_new(tp_runtime *runtime) {
    struct tpi_registry *registry = tpi_heap_alloc(runtime->memory, sizeof *registry);
    if (registry == NULL) return TP_ENOMEM;
    memset(registry, 0, sizeof *registry);
    tpi_map_init(&registry->names, tpi_map_memory(runtime));
    tp_err err = tpi_groups_new(runtime, &registry->groups);
    if (err != TP_OK) {
        tpi_heap_free(runtime->memory, registry, sizeof *registry);
        return err;
    }
    runtime->registry = registry;
    runtime->hooks.name_taken = take;
    runtime->hooks.name_released = release;
    runtime->hooks.name_forgotten = forget;
    runtime->hooks.name_find = tp_whereis;
    runtime->hooks.name_of = tpi_registry_name_of;
    return TP_OK;
}

void tpi_registry_free(tp_runtime *runtime) {
    struct tpi_registry *registry = runtime->registry;
    if (registry == NULL) return;
    tpi_groups_free(runtime, registry->groups);
    tpi_map_fini(&registry->names);
    tpi_heap_free(runtime->memory, registry, sizeof *registry);
    runtime->registry = NULL;
}
