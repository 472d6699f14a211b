/*
 * Savina's benchmarks of coordination: dining philosophers (20 philosophers, 10,000 meals each),
 * sleeping barber (5,000 haircuts, a waiting room for 1,000, 1,000 steps of work at most),
 * cigarette smokers (1,000 rounds, 200 smokers), bounded buffer (40 producers, 40 consumers, 1,000
 * items each, room for 50, 25 units of work an item).
 */
#include "bench/savina/savina.h"

#define PHILOSOPHERS 20u
#define MEALS 10000u
#define HAIRCUTS 5000u
#define CHAIRS 1000u
#define BARBER_WORK 1000u
#define SMOKERS 200u
#define ROUNDS 1000u
#define SMOKE_WORK 1000u
#define PRODUCERS 40u
#define CONSUMERS 40u
#define ITEMS 1000u
#define BUFFER 50u
#define ITEM_WORK 250u

/* ---- philosophers: an arbiter grants both forks or none; who is denied asks again ---- */

TP_MESSAGE(philosopher_start, TP_FIELD(pid, arbiter), TP_FIELD(u32, seat), TP_FIELD(u64, meals))
TP_MESSAGE(arbiter_start, TP_FIELD(pid, boss))
TP_MESSAGE(hungry, TP_FIELD(u32, seat))
TP_MESSAGE(eat)
TP_MESSAGE(denied)
TP_MESSAGE(full_up, TP_FIELD(u32, seat))
TP_MESSAGE(philosopher_done, TP_FIELD(u64, meals))

struct philosopher {
    tp_pid arbiter;
    uint32_t seat;
    uint64_t left, eaten;
};
struct arbiter {
    tp_pid boss;
    bool taken[PHILOSOPHERS];
    uint64_t meals, told, sum;
};

static void on_arbiter_start(tp_actor *self, struct arbiter *arbiter, const arbiter_start *msg) {
    (void)self;
    arbiter->boss = msg->boss;
}
static void on_hungry(tp_actor *self, struct arbiter *arbiter, const hungry *msg) {
    bool *left = &arbiter->taken[msg->seat];
    bool *right = &arbiter->taken[(msg->seat + 1) % PHILOSOPHERS];
    if (*left || *right) {
        tp_send(self, tp_sender(self), denied);
        return;
    }
    *left = *right = true;
    tp_send(self, tp_sender(self), eat);
}
static void on_full_up(tp_actor *self, struct arbiter *arbiter, const full_up *msg) {
    bool *left = &arbiter->taken[msg->seat];
    bool *right = &arbiter->taken[(msg->seat + 1) % PHILOSOPHERS];
    if (!*left || !*right) tp_fail(self, "a fork came back twice");
    *left = *right = false;
    arbiter->meals++;
}
static void on_philosopher_done(tp_actor *self, struct arbiter *arbiter,
                                const philosopher_done *msg) {
    arbiter->sum += msg->meals;
    if (++arbiter->told < PHILOSOPHERS) return;
    savina_expect(self, "meals", arbiter->sum, arbiter->meals);
    for (unsigned i = 0; i < PHILOSOPHERS; i++)
        if (arbiter->taken[i]) tp_fail(self, "a fork is missing");
    tp_send(self, arbiter->boss, bench_done, .count = arbiter->sum);
}
TP_BEHAVIOR(arbiter_behavior, "arbiter", struct arbiter,
            TP_INIT_WITH(arbiter_start, on_arbiter_start), TP_ON(hungry, on_hungry),
            TP_ON(full_up, on_full_up), TP_ON(philosopher_done, on_philosopher_done));

static void on_philosopher_start(tp_actor *self, struct philosopher *one,
                                 const philosopher_start *msg) {
    one->arbiter = msg->arbiter;
    one->seat = msg->seat;
    one->left = msg->meals;
    tp_send(self, one->arbiter, hungry, .seat = one->seat);
}
static void on_eat(tp_actor *self, struct philosopher *one, const eat *msg) {
    (void)msg;
    one->eaten++;
    tp_send(self, one->arbiter, full_up, .seat = one->seat);
    if (--one->left > 0) tp_send(self, one->arbiter, hungry, .seat = one->seat);
    else tp_send(self, one->arbiter, philosopher_done, .meals = one->eaten);
}
static void on_denied(tp_actor *self, struct philosopher *one, const denied *msg) {
    (void)msg;
    /* First the others: asking again at once would keep the worker to this pair for a whole slice,
     * while those who have the forks wait for their turn to give them back. */
    tp_yield(self);
    tp_send(self, one->arbiter, hungry, .seat = one->seat);
}
TP_BEHAVIOR(philosopher_behavior, "philosopher", struct philosopher,
            TP_INIT_WITH(philosopher_start, on_philosopher_start), TP_ON(eat, on_eat),
            TP_ON(denied, on_denied));

static double philosophers(tp_actor *self) {
    uint64_t meals = bench_scaled(MEALS, 1);
    tp_time start = tp_now(self);
    tp_pid arbiter = tp_spawn(self, &arbiter_behavior, arbiter_start, .boss = tp_self(self));
    for (uint32_t i = 0; i < PHILOSOPHERS; i++)
        tp_spawn(self, &philosopher_behavior, philosopher_start, .arbiter = arbiter, .seat = i,
                 .meals = meals);
    bench_done done;
    if (tp_receive(self, TP_FOREVER, &done, bench_done) != TP_OK) tp_fail(self, "no result");
    savina_expect(self, "meals", done.count, meals * PHILOSOPHERS);
    return bench_since(self, start) / 1e6;
}

/* ---- barber: customers who find the waiting room full go out and come in again ---- */

TP_MESSAGE(barber_start, TP_FIELD(pid, room))
TP_MESSAGE(room_start, TP_FIELD(pid, boss))
TP_MESSAGE(customer_start, TP_FIELD(pid, street))
TP_MESSAGE(street_start, TP_FIELD(pid, room), TP_FIELD(pid, boss), TP_FIELD(u64, customers))
TP_MESSAGE(enter, TP_FIELD(pid, customer))
TP_MESSAGE(room_full)
TP_MESSAGE(next_customer)
TP_MESSAGE(cut, TP_FIELD(pid, customer))
TP_MESSAGE(cut_done)
TP_MESSAGE(came_back, TP_FIELD(pid, customer))
TP_MESSAGE(went_home)

struct barber {
    tp_pid room;
    uint64_t random;
};
struct room {
    tp_pid barber;
    tp_pid chairs[CHAIRS];
    uint32_t first, count;
    bool busy;
};
struct customer {
    tp_pid street;
    bool cut;
};
struct street {
    tp_pid room, boss;
    uint64_t random, left, home;
};

static void on_barber_start(tp_actor *self, struct barber *barber, const barber_start *msg) {
    (void)self;
    barber->room = msg->room;
    barber->random = 3;
}
static void on_cut(tp_actor *self, struct barber *barber, const cut *msg) {
    savina_work(&barber->random, savina_random(&barber->random) % BARBER_WORK + 10);
    tp_send(self, msg->customer, cut_done);
    tp_send(self, barber->room, next_customer);
}
TP_BEHAVIOR(barber_behavior, "barber", struct barber, TP_INIT_WITH(barber_start, on_barber_start),
            TP_ON(cut, on_cut));

static void on_room(tp_actor *self, struct room *room) {
    room->barber = savina_born(
        self, tp_spawn_link(self, &barber_behavior, barber_start, .room = tp_self(self)));
}
static void serve_next(tp_actor *self, struct room *room) {
    room->busy = room->count > 0;
    if (!room->busy) return;
    tp_send(self, room->barber, cut, .customer = room->chairs[room->first]);
    room->first = (room->first + 1) % CHAIRS;
    room->count--;
}
static void on_enter(tp_actor *self, struct room *room, const enter *msg) {
    if (room->count == CHAIRS) {
        tp_send(self, msg->customer, room_full);
        return;
    }
    room->chairs[(room->first + room->count++) % CHAIRS] = msg->customer;
    if (!room->busy) serve_next(self, room);
}
static void on_next_customer(tp_actor *self, struct room *room, const next_customer *msg) {
    (void)msg;
    serve_next(self, room);
}
TP_BEHAVIOR(room_behavior, "room", struct room, TP_INIT(on_room), TP_ON(enter, on_enter),
            TP_ON(next_customer, on_next_customer));

static void on_customer_start(tp_actor *self, struct customer *customer,
                              const customer_start *msg) {
    (void)self;
    customer->street = msg->street;
}
static void on_room_full(tp_actor *self, struct customer *customer, const room_full *msg) {
    (void)msg;
    tp_send(self, customer->street, came_back, .customer = tp_self(self));
}
static void on_cut_done(tp_actor *self, struct customer *customer, const cut_done *msg) {
    (void)msg;
    if (customer->cut) tp_fail(self, "a second haircut");
    customer->cut = true;
    tp_send(self, customer->street, went_home);
    tp_exit(self, TP_EXIT_NORMAL);
}
TP_BEHAVIOR(customer_behavior, "customer", struct customer,
            TP_INIT_WITH(customer_start, on_customer_start), TP_ON(room_full, on_room_full),
            TP_ON(cut_done, on_cut_done));

static void on_street_start(tp_actor *self, struct street *street, const street_start *msg) {
    street->room = msg->room;
    street->boss = msg->boss;
    street->left = msg->customers;
    street->random = 5;
    for (uint64_t i = 0, count = msg->customers; i < count; i++) {
        tp_pid one = savina_born(
            self, tp_spawn(self, &customer_behavior, customer_start, .street = tp_self(self)));
        tp_send(self, street->room, enter, .customer = one);
        savina_work(&street->random, savina_random(&street->random) % BARBER_WORK + 10);
    }
}
static void on_came_back(tp_actor *self, struct street *street, const came_back *msg) {
    /* Not sooner than the barber had a turn. */
    tp_pid customer = msg->customer;
    tp_yield(self);
    tp_send(self, street->room, enter, .customer = customer);
}
static void on_went_home(tp_actor *self, struct street *street, const went_home *msg) {
    (void)msg;
    street->home++;
    if (--street->left == 0) tp_send(self, street->boss, bench_done, .count = street->home);
}
TP_BEHAVIOR(street_behavior, "street", struct street, TP_ON(street_start, on_street_start),
            TP_ON(came_back, on_came_back), TP_ON(went_home, on_went_home));

static double barber(tp_actor *self) {
    uint64_t customers = bench_scaled(HAIRCUTS, 1);
    bench_done done;
    tp_time start = tp_now(self);
    tp_pid room = savina_born(self, tp_spawn(self, &room_behavior));
    tp_pid street = savina_born(self, tp_spawn(self, &street_behavior));
    tp_send(self, street, street_start, .room = room, .boss = tp_self(self),
            .customers = customers);
    if (tp_receive(self, TP_FOREVER, &done, bench_done) != TP_OK) tp_fail(self, "no result");
    savina_expect(self, "haircuts", done.count, customers);
    return bench_since(self, start) / 1e6;
}

/* ---- smokers: the arbiter starts one at random, who says so and then smokes ---- */

TP_MESSAGE(smoke, TP_FIELD(u32, work))
TP_MESSAGE(smoking)
TP_MESSAGE(smokers_start, TP_FIELD(pid, boss), TP_FIELD(u64, rounds), TP_FIELD(u32, smokers))
TP_MESSAGE(smokers_end, TP_FIELD(pid, boss))

struct smoker {
    uint64_t random, smoked;
};
struct table {
    tp_pid smokers[SMOKERS];
    tp_pid boss;
    uint64_t random, left;
};

static void on_smoke(tp_actor *self, struct smoker *smoker, const smoke *msg) {
    tp_send(self, tp_sender(self), smoking);
    smoker->smoked++;
    savina_work(&smoker->random, msg->work);
}
static void on_smokers_end(tp_actor *self, struct smoker *smoker, const smokers_end *msg) {
    tp_send(self, msg->boss, bench_done, .count = smoker->smoked);
    tp_exit(self, TP_EXIT_NORMAL);
}
TP_BEHAVIOR(smoker_behavior, "smoker", struct smoker, TP_ON(smoke, on_smoke),
            TP_ON(smokers_end, on_smokers_end));

static void light(tp_actor *self, struct table *table) {
    uint32_t who = savina_random(&table->random) % SMOKERS;
    tp_send(self, table->smokers[who], smoke,
            .work = savina_random(&table->random) % SMOKE_WORK + 10);
}
static void on_smokers_start(tp_actor *self, struct table *table, const smokers_start *msg) {
    table->boss = msg->boss;
    table->left = msg->rounds;
    for (unsigned i = 0; i < SMOKERS; i++)
        table->smokers[i] = savina_born(self, tp_spawn(self, &smoker_behavior));
    light(self, table);
}
static void on_smoking(tp_actor *self, struct table *table, const smoking *msg) {
    (void)msg;
    if (--table->left > 0) {
        light(self, table);
        return;
    }
    tp_broadcast(self, table->smokers, SMOKERS, smokers_end, .boss = table->boss);
    tp_exit(self, TP_EXIT_NORMAL);
}
TP_BEHAVIOR(table_behavior, "table", struct table, TP_ON(smokers_start, on_smokers_start),
            TP_ON(smoking, on_smoking));

static double smokers(tp_actor *self) {
    uint64_t rounds = bench_scaled(ROUNDS, 1), smoked = 0;
    tp_time start = tp_now(self);
    tp_send(self, savina_born(self, tp_spawn(self, &table_behavior)), smokers_start,
            .boss = tp_self(self), .rounds = rounds);
    for (unsigned i = 0; i < SMOKERS; i++) {
        bench_done done;
        if (tp_receive(self, TP_FOREVER, &done, bench_done) != TP_OK) tp_fail(self, "no result");
        smoked += done.count;
    }
    savina_expect(self, "cigarettes", smoked, rounds);
    return bench_since(self, start) / 1e6;
}

/* ---- bounded buffer: a manager between producers and consumers ---- */

TP_MESSAGE(producer_start, TP_FIELD(pid, manager), TP_FIELD(u64, first), TP_FIELD(u64, items))
TP_MESSAGE(consumer_start, TP_FIELD(pid, manager), TP_FIELD(pid, boss))
TP_MESSAGE(make_item)
TP_MESSAGE(goods, TP_FIELD(u64, n), TP_FIELD(bool, last))
TP_MESSAGE(consume, TP_FIELD(u64, n))
TP_MESSAGE(available)
TP_MESSAGE(buffer_end)
TP_MESSAGE(consumed, TP_FIELD(u64, count), TP_FIELD(u64, sum))

struct producer {
    tp_pid manager;
    uint64_t next, left, random;
};
struct consumer {
    tp_pid manager, boss;
    uint64_t count, sum, random;
};
struct manager {
    uint64_t items[BUFFER];
    tp_pid producers[PRODUCERS], consumers[CONSUMERS];
    uint32_t first, count, waiting, free, ended;
};

static void on_producer_start(tp_actor *self, struct producer *producer,
                              const producer_start *msg) {
    (void)self;
    *producer = (struct producer){msg->manager, msg->first, msg->items, msg->first + 1};
}
static void on_make_item(tp_actor *self, struct producer *producer, const make_item *msg) {
    (void)msg;
    savina_work(&producer->random, ITEM_WORK);
    producer->left--;
    tp_send(self, producer->manager, goods, .n = producer->next++, .last = producer->left == 0);
}
TP_BEHAVIOR(producer_behavior, "producer", struct producer,
            TP_INIT_WITH(producer_start, on_producer_start), TP_ON(make_item, on_make_item));

static void on_consumer_start(tp_actor *self, struct consumer *consumer,
                              const consumer_start *msg) {
    consumer->manager = msg->manager;
    consumer->boss = msg->boss;
    tp_send(self, consumer->manager, available);
}
static void on_consume(tp_actor *self, struct consumer *consumer, const consume *msg) {
    savina_work(&consumer->random, ITEM_WORK);
    consumer->count++;
    consumer->sum += msg->n;
    tp_send(self, consumer->manager, available);
}
static void on_buffer_end(tp_actor *self, struct consumer *consumer, const buffer_end *msg) {
    (void)msg;
    tp_send(self, consumer->boss, consumed, .count = consumer->count, .sum = consumer->sum);
    tp_exit(self, TP_EXIT_NORMAL);
}
TP_BEHAVIOR(consumer_behavior, "consumer", struct consumer,
            TP_INIT_WITH(consumer_start, on_consumer_start), TP_ON(consume, on_consume),
            TP_ON(buffer_end, on_buffer_end));

static void on_goods(tp_actor *self, struct manager *manager, const goods *msg) {
    if (manager->free > 0) {
        tp_send(self, manager->consumers[--manager->free], consume, .n = msg->n);
    } else {
        if (manager->count == BUFFER) tp_fail(self, "the buffer overflows");
        manager->items[(manager->first + manager->count++) % BUFFER] = msg->n;
    }
    if (msg->last) manager->ended++;
    else if (manager->count >= BUFFER - PRODUCERS)
        manager->producers[manager->waiting++] = tp_sender(self);
    else tp_send(self, tp_sender(self), make_item);
}
static void on_available(tp_actor *self, struct manager *manager, const available *msg) {
    (void)msg;
    if (manager->count > 0) {
        tp_send(self, tp_sender(self), consume, .n = manager->items[manager->first]);
        manager->first = (manager->first + 1) % BUFFER;
        manager->count--;
        if (manager->waiting > 0) tp_send(self, manager->producers[--manager->waiting], make_item);
        return;
    }
    manager->consumers[manager->free++] = tp_sender(self);
    if (manager->ended == PRODUCERS && manager->free == CONSUMERS)
        tp_broadcast(self, manager->consumers, CONSUMERS, buffer_end);
}
TP_BEHAVIOR(manager_behavior, "manager", struct manager, TP_ON(goods, on_goods),
            TP_ON(available, on_available));

static double prodcons(tp_actor *self) {
    uint64_t items = bench_scaled(ITEMS, 1), count = 0, sum = 0, all = items * PRODUCERS;
    tp_time start = tp_now(self);
    tp_pid manager = savina_born(self, tp_spawn(self, &manager_behavior));
    for (unsigned i = 0; i < CONSUMERS; i++)
        tp_spawn(self, &consumer_behavior, consumer_start, .manager = manager,
                 .boss = tp_self(self));
    for (unsigned i = 0; i < PRODUCERS; i++) {
        tp_pid producer = tp_spawn(self, &producer_behavior, producer_start, .manager = manager,
                                   .first = i * items, .items = items);
        tp_send(self, producer, make_item);
    }
    for (unsigned i = 0; i < CONSUMERS; i++) {
        consumed got;
        if (tp_receive(self, TP_FOREVER, &got, consumed) != TP_OK) tp_fail(self, "no result");
        count += got.count;
        sum += got.sum;
    }
    savina_expect(self, "items", count, all);
    savina_expect(self, "sum of the items", sum, all * (all - 1) / 2);
    return bench_since(self, start) / 1e6;
}

const struct bench_case bench_savina_sync[] = {
    {"philosophers", "ms", "20 dining philosophers, 10,000 meals each", philosophers},
    {"barber", "ms", "sleeping barber: 5,000 haircuts, 1,000 chairs", barber},
    {"smokers", "ms", "200 cigarette smokers, 1,000 rounds", smokers},
    {"prodcons", "ms", "bounded buffer: 40 producers, 40 consumers, 1,000 items", prodcons},
    {NULL, NULL, NULL, NULL}};
