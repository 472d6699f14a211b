/*
 * The wheel. A timer sits at the level of the highest bit in which its tick differs from the
 * wheel's, in the slot of those six bits: so level 0 holds exact ticks, and a slot of a higher
 * level is emptied into lower ones when the wheel's tick reaches its start. Every timer moves down
 * at most seven times.
 */
#include "core/scheduler/timer.h"

#include "core/base/assert.h"

#define SLOT_BITS 6
#define SLOT_MASK 63u

void tpi_wheel_init(struct tpi_wheel *wheel, unsigned shift, tp_time now) {
    TPI_ASSERT(now >= 0);
    TPI_ASSERT(shift < 32);
    *wheel = (struct tpi_wheel){.shift = shift, .tick = (uint64_t)now >> shift};
    atomic_init(&wheel->next, TP_FOREVER);
    for (unsigned level = 0; level < TPI_WHEEL_LEVELS; level++)
        for (unsigned slot = 0; slot < TPI_WHEEL_SLOTS; slot++)
            tpi_list_init(&wheel->slots[level][slot]);
}

static uint64_t deadline_tick(const struct tpi_wheel *wheel, tp_time deadline) {
    TPI_CHECK(wheel->shift < 32);
    uint64_t round = ((uint64_t)1 << wheel->shift) - 1;
    if (deadline <= 0) return 0;
    return ((uint64_t)deadline + round) >> wheel->shift;
}

/* Puts a timer where its tick belongs; too far ones wait at the end of the top level and come
 * again. */
static void place(struct tpi_wheel *wheel, struct tpi_timer *timer) {
    TPI_CHECK(tpi_spin_is_held(&wheel->lock));
    TPI_CHECK(timer->wheel == wheel && timer->fire != NULL);
    uint64_t tick = deadline_tick(wheel, timer->deadline);
    if (tick < wheel->tick) tick = wheel->tick;
    uint64_t differs = tick ^ wheel->tick;
    unsigned level = differs == 0 ? 0 : (63u - (unsigned)__builtin_clzll(differs)) / SLOT_BITS;
    unsigned slot;
    if (level >= TPI_WHEEL_LEVELS) {
        /* beyond the top level's turn; a near one may be there too, across the end of a turn */
        level = TPI_WHEEL_LEVELS - 1;
        uint64_t here = wheel->tick >> (level * SLOT_BITS);
        uint64_t ahead = (tick >> (level * SLOT_BITS)) - here;
        slot = (unsigned)(here + (ahead < TPI_WHEEL_SLOTS ? ahead : SLOT_MASK)) & SLOT_MASK;
    } else {
        slot = (unsigned)(tick >> (level * SLOT_BITS)) & SLOT_MASK;
    }
    timer->place = (uint16_t)(level * TPI_WHEEL_SLOTS + slot);
    tpi_list_push_back(&wheel->slots[level][slot], &timer->link);
    wheel->used[level] |= (uint64_t)1 << slot;
}

/* The first tick at which a slot has to be looked at; false when the wheel is empty. */
static bool next_tick(const struct tpi_wheel *wheel, uint64_t *out) {
    TPI_CHECK(out != NULL);
    for (unsigned level = 0; level < TPI_WHEEL_LEVELS; level++) {
        if (wheel->used[level] == 0) continue;
        unsigned shift = level * SLOT_BITS;
        uint64_t here = wheel->tick >> shift;
        unsigned at = (unsigned)here & SLOT_MASK;
        uint64_t turned = at == 0 ? wheel->used[level]
                                  : wheel->used[level] >> at | wheel->used[level] << (64 - at);
        uint64_t tick = (here + (unsigned)__builtin_ctzll(turned)) << shift;
        *out = tick < wheel->tick ? wheel->tick : tick;
        return true;
    }
    return false;
}

TPI_FOR_CHECKS bool wheel_is_empty(const struct tpi_wheel *wheel) {
    uint64_t used = 0;
    for (unsigned level = 0; level < TPI_WHEEL_LEVELS; level++) used |= wheel->used[level];
    return used == 0;
}

static void publish_next(struct tpi_wheel *wheel) {
    TPI_CHECK(tpi_spin_is_held(&wheel->lock));
    TPI_CHECK((wheel->count == 0) == wheel_is_empty(wheel));
    uint64_t tick;
    tp_time next = TP_FOREVER;
    if (next_tick(wheel, &tick) && tick < (uint64_t)INT64_MAX >> wheel->shift)
        next = (tp_time)(tick << wheel->shift);
    /* relaxed: a hint for other workers; the owner reads it on its own thread */
    atomic_store_explicit(&wheel->next, next, memory_order_relaxed);
}

void tpi_timer_arm(struct tpi_wheel *wheel, struct tpi_timer *timer, tp_time deadline) {
    TPI_ASSERT(timer->fire != NULL);
    TPI_ASSERT(timer->wheel == NULL);
    tpi_spin_lock(&wheel->lock);
    timer->wheel = wheel;
    timer->deadline = deadline;
    place(wheel, timer);
    wheel->count++;
    /* relaxed: see publish_next */
    if (deadline < atomic_load_explicit(&wheel->next, memory_order_relaxed)) publish_next(wheel);
    tpi_spin_unlock(&wheel->lock);
}

static void unlink_timer(struct tpi_wheel *wheel, struct tpi_timer *timer) {
    TPI_CHECK(tpi_spin_is_held(&wheel->lock) && wheel->count > 0);
    TPI_CHECK(timer->wheel == wheel && timer->place < TPI_WHEEL_LEVELS * TPI_WHEEL_SLOTS);
    TPI_CHECK(wheel->used[timer->place / TPI_WHEEL_SLOTS] >> timer->place % TPI_WHEEL_SLOTS & 1);
    unsigned level = timer->place / TPI_WHEEL_SLOTS, slot = timer->place % TPI_WHEEL_SLOTS;
    tpi_list_remove(&timer->link);
    if (tpi_list_empty(&wheel->slots[level][slot])) wheel->used[level] &= ~((uint64_t)1 << slot);
    wheel->count--;
}

bool tpi_timer_cancel(struct tpi_timer *timer) {
    TPI_CHECK(timer->wheel == NULL || timer->fire != NULL);
    struct tpi_wheel *wheel = timer->wheel;
    if (wheel == NULL) return false;
    tpi_spin_lock(&wheel->lock);
    bool armed = timer->link.next != NULL;
    if (armed) {
        unlink_timer(wheel, timer);
        /* relaxed: see publish_next; without this the simulator would advance to a time at which
         * nothing happens */
        if (timer->deadline <= atomic_load_explicit(&wheel->next, memory_order_relaxed) ||
            wheel->count == 0)
            publish_next(wheel);
    }
    tpi_spin_unlock(&wheel->lock);
    timer->wheel = NULL;
    timer->link.next = NULL;
    return armed;
}

bool tpi_timer_armed(struct tpi_timer *timer) {
    struct tpi_wheel *wheel = timer->wheel;
    if (wheel == NULL) return false;
    tpi_spin_lock(&wheel->lock);
    bool armed = timer->link.next != NULL;
    tpi_spin_unlock(&wheel->lock);
    return armed;
}

static unsigned fire_slot(struct tpi_wheel *wheel, unsigned slot, void *worker) {
    TPI_CHECK(tpi_spin_is_held(&wheel->lock) && slot < TPI_WHEEL_SLOTS);
    unsigned fired = 0;
    struct tpi_list *list = &wheel->slots[0][slot];
    while (!tpi_list_empty(list)) {
        struct tpi_timer *timer = TPI_CONTAINER_OF(list->next, struct tpi_timer, link);
        unlink_timer(wheel, timer);
        timer->link.next = NULL; /* fired: what tpi_timer_cancel looks at */
        timer->fire(timer, worker);
        fired++;
    }
    return fired;
}

/* Empties a slot of a higher level into the lower ones. */
static void cascade(struct tpi_wheel *wheel, unsigned level, unsigned slot) {
    TPI_CHECK(tpi_spin_is_held(&wheel->lock));
    TPI_CHECK(level > 0 && level < TPI_WHEEL_LEVELS && slot < TPI_WHEEL_SLOTS);
    struct tpi_list *list = &wheel->slots[level][slot];
    struct tpi_list moved;
    tpi_list_init(&moved);
    while (!tpi_list_empty(list)) {
        struct tpi_list *link = list->next;
        tpi_list_remove(link);
        tpi_list_push_back(&moved, link);
    }
    wheel->used[level] &= ~((uint64_t)1 << slot);
    while (!tpi_list_empty(&moved)) {
        struct tpi_list *link = moved.next;
        tpi_list_remove(link);
        place(wheel, TPI_CONTAINER_OF(link, struct tpi_timer, link));
    }
    TPI_CHECK(tpi_list_empty(list)); /* all went down at least one level */
}

unsigned tpi_wheel_advance(struct tpi_wheel *wheel, tp_time now, void *worker) {
    TPI_ASSERT(now >= 0);
    unsigned fired = 0;
    uint64_t until = (uint64_t)now >> wheel->shift, tick;
    tpi_spin_lock(&wheel->lock);
    while (next_tick(wheel, &tick) && tick <= until) {
        TPI_CHECK(tick >= wheel->tick); /* the wheel never turns back */
        wheel->tick = tick;
        for (unsigned level = TPI_WHEEL_LEVELS - 1; level > 0; level--) {
            uint64_t below = tick & (((uint64_t)1 << (level * SLOT_BITS)) - 1);
            if (below == 0) cascade(wheel, level, (tick >> (level * SLOT_BITS)) & SLOT_MASK);
        }
        fired += fire_slot(wheel, (unsigned)tick & SLOT_MASK, worker);
    }
    if (until > wheel->tick) wheel->tick = until;
    publish_next(wheel);
    tpi_spin_unlock(&wheel->lock);
    return fired;
}

tp_time tpi_wheel_next(const struct tpi_wheel *wheel) {
    /* relaxed: a lower bound that its worker reads again before it sleeps */
    return atomic_load_explicit(&wheel->next, memory_order_relaxed);
}
