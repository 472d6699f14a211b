/*
 * Many actors that meet at random: chameneos, big, banking.
 *
 * The random numbers are each actor's own (a linear congruential sequence with a fixed seed), so
 * every run sends the same messages. Each measurement checks what it counted and fails when that is
 * wrong.
 */
#include "bench/bench.h"

#define CREATURES 100u
#define MEETINGS 200000u
#define BIG_ACTORS 120u
#define BIG_PINGS 20000u
#define ACCOUNTS 1000u
#define TRANSACTIONS 50000u
#define START_BALANCE 1000000

static uint32_t next_random(uint64_t *state) {
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*state >> 33);
}

/* ---- chameneos: creatures meet in pairs at a mall and change colour ---- */

TP_MESSAGE(mall_start, TP_FIELD(pid, boss), TP_FIELD(u64, meetings))
TP_MESSAGE(come, TP_FIELD(u64, colour))
TP_MESSAGE(met, TP_FIELD(u64, colour))
TP_MESSAGE(closed)
TP_MESSAGE(creature_start, TP_FIELD(pid, mall), TP_FIELD(u64, colour))
TP_MESSAGE(creature_done, TP_FIELD(u64, meetings))

struct mall {
    tp_pid boss;
    tp_pid waiting;
    uint64_t colour;
    uint64_t meetings, wanted;
    uint64_t told;
    uint64_t sum;
};
struct creature {
    tp_pid mall;
    uint64_t colour;
    uint64_t meetings;
};

static void on_mall_start(tp_actor *self, struct mall *mall, const mall_start *msg) {
    (void)self;
    mall->boss = msg->boss;
    mall->wanted = msg->meetings;
}
static void on_come(tp_actor *self, struct mall *mall, const come *msg) {
    if (mall->meetings == mall->wanted) {
        tp_send(self, tp_sender(self), closed);
    } else if (tp_pid_is_null(mall->waiting)) {
        mall->waiting = tp_sender(self);
        mall->colour = msg->colour;
    } else {
        tp_send(self, mall->waiting, met, .colour = msg->colour);
        tp_send(self, tp_sender(self), met, .colour = mall->colour);
        mall->waiting = tp_pid_null();
        mall->meetings++;
    }
}
static void on_creature_done(tp_actor *self, struct mall *mall, const creature_done *msg) {
    mall->sum += msg->meetings;
    if (++mall->told == CREATURES) tp_send(self, mall->boss, bench_done, .count = mall->sum);
}
TP_BEHAVIOR(mall_behavior, "mall", struct mall, TP_INIT_WITH(mall_start, on_mall_start),
            TP_ON(come, on_come), TP_ON(creature_done, on_creature_done));

static void on_creature_start(tp_actor *self, struct creature *creature,
                              const creature_start *msg) {
    creature->mall = msg->mall;
    creature->colour = msg->colour;
    tp_send(self, creature->mall, come, .colour = creature->colour);
}
static void on_met(tp_actor *self, struct creature *creature, const met *msg) {
    if (creature->colour != msg->colour) creature->colour = 3 - creature->colour - msg->colour;
    creature->meetings++;
    tp_send(self, creature->mall, come, .colour = creature->colour);
}
static void on_closed(tp_actor *self, struct creature *creature, const closed *msg) {
    (void)msg;
    tp_send(self, creature->mall, creature_done, .meetings = creature->meetings);
}
TP_BEHAVIOR(creature_behavior, "creature", struct creature,
            TP_INIT_WITH(creature_start, on_creature_start), TP_ON(met, on_met),
            TP_ON(closed, on_closed));

static double chameneos(tp_actor *self) {
    uint64_t meetings = bench_scaled(MEETINGS, 1);
    bench_done done;
    tp_pid mall =
        tp_spawn(self, &mall_behavior, mall_start, .boss = tp_self(self), .meetings = meetings);
    tp_time start = tp_now(self);
    for (uint64_t i = 0; i < CREATURES; i++)
        tp_spawn(self, &creature_behavior, creature_start, .mall = mall, .colour = i % 3);
    if (tp_receive(self, TP_FOREVER, &done, bench_done) != TP_OK || done.count != 2 * meetings)
        tp_fail(self, "meetings are missing");
    return bench_since(self, start) / (double)meetings;
}

/* ---- big: everyone pings someone at random, and waits for the pong before the next ---- */

TP_MESSAGE(big_ping, TP_FIELD(u64, n))
TP_MESSAGE(big_pong, TP_FIELD(u64, n))
TP_MESSAGE(big_start, TP_FIELD(u64, index), TP_FIELD(u64, pings), TP_FIELD(pid, boss),
           TP_LIST(pid, all))
TP_MESSAGE(big_ask)
TP_MESSAGE(big_answers, TP_FIELD(u64, count))

struct big {
    tp_pid all[BIG_ACTORS];
    tp_pid boss;
    uint64_t random;
    uint64_t pings, wanted, answered;
};

static void big_next(tp_actor *self, struct big *big) {
    tp_send(self, big->all[next_random(&big->random) % BIG_ACTORS], big_ping, .n = big->pings);
}
static void on_big_start(tp_actor *self, struct big *big, const big_start *msg) {
    for (size_t i = 0; i < BIG_ACTORS; i++) big->all[i] = msg->all.items[i];
    big->boss = msg->boss;
    big->random = msg->index + 1;
    big->wanted = msg->pings;
    big_next(self, big);
}
static void on_big_ping(tp_actor *self, struct big *big, const big_ping *msg) {
    big->answered++;
    tp_send(self, tp_sender(self), big_pong, .n = msg->n);
}
static void on_big_pong(tp_actor *self, struct big *big, const big_pong *msg) {
    if (msg->n != big->pings) tp_fail(self, "a pong of another ping");
    if (++big->pings == big->wanted) tp_send(self, big->boss, bench_done, .count = big->pings);
    else big_next(self, big);
}
static void on_big_ask(tp_actor *self, struct big *big, const big_ask *msg) {
    (void)msg;
    tp_reply(self, big_answers, .count = big->answered);
}
TP_BEHAVIOR(big_behavior, "big", struct big, TP_ON(big_start, on_big_start),
            TP_ON(big_ping, on_big_ping), TP_ON(big_pong, on_big_pong), TP_ON(big_ask, on_big_ask));

/* Each ping of each actor was told by bench_done, and answered by somebody. */
static void check_big(tp_actor *self, const tp_pid *all, uint64_t told, uint64_t pings) {
    uint64_t answered = 0;
    for (unsigned i = 0; i < BIG_ACTORS; i++) {
        big_answers got;
        if (tp_call(self, all[i], TP_SECONDS(10), &got, big_answers, big_ask) != TP_OK)
            tp_fail(self, "no answer from actor %u", i);
        answered += got.count;
    }
    if (told != BIG_ACTORS * pings || answered != told) tp_fail(self, "pings are missing");
}

static double big(tp_actor *self) {
    uint64_t pings = bench_scaled(BIG_PINGS, 1), told = 0;
    tp_pid all[BIG_ACTORS];
    for (unsigned i = 0; i < BIG_ACTORS; i++) all[i] = tp_spawn(self, &big_behavior);
    tp_time start = tp_now(self);
    for (unsigned i = 0; i < BIG_ACTORS; i++)
        tp_send(self, all[i], big_start, .index = i, .pings = pings, .boss = tp_self(self),
                .all = {.items = all, .count = BIG_ACTORS});
    for (unsigned i = 0; i < BIG_ACTORS; i++) {
        bench_done done;
        if (tp_receive(self, TP_FOREVER, &done, bench_done) != TP_OK) tp_fail(self, "no result");
        told += done.count;
    }
    double span = bench_since(self, start);
    check_big(self, all, told, pings);
    return span / (BIG_ACTORS * (double)pings);
}

/* ---- banking: a teller orders transfers; debit and credit are acknowledged ---- */

TP_MESSAGE(transfer, TP_FIELD(pid, to), TP_FIELD(i64, amount))
TP_MESSAGE(credit, TP_FIELD(i64, amount))
TP_MESSAGE(credited, TP_FIELD(i64, amount))
TP_MESSAGE(transferred, TP_FIELD(i64, amount))
TP_MESSAGE(teller_start, TP_FIELD(pid, boss), TP_FIELD(u64, transactions), TP_LIST(pid, accounts))
TP_MESSAGE(get_total)
TP_MESSAGE(total, TP_FIELD(i64, amount))

struct account {
    int64_t balance;
    tp_pid teller;
};
struct teller {
    tp_pid boss;
    uint64_t done, wanted;
};

static void on_account(tp_actor *self, struct account *account) {
    (void)self;
    account->balance = START_BALANCE;
}
static void on_transfer(tp_actor *self, struct account *account, const transfer *msg) {
    account->teller = tp_sender(self);
    account->balance -= msg->amount;
    tp_send(self, msg->to, credit, .amount = msg->amount);
}
static void on_credit(tp_actor *self, struct account *account, const credit *msg) {
    account->balance += msg->amount;
    tp_send(self, tp_sender(self), credited, .amount = msg->amount);
}
static void on_credited(tp_actor *self, struct account *account, const credited *msg) {
    tp_send(self, account->teller, transferred, .amount = msg->amount);
}
static void on_get_total(tp_actor *self, struct account *account, const get_total *msg) {
    (void)msg;
    tp_reply(self, total, .amount = account->balance);
}
TP_BEHAVIOR(account_behavior, "account", struct account, TP_INIT(on_account),
            TP_ON(transfer, on_transfer), TP_ON(credit, on_credit), TP_ON(credited, on_credited),
            TP_ON(get_total, on_get_total));

static void on_teller_start(tp_actor *self, struct teller *teller, const teller_start *msg) {
    uint64_t random = 7;
    teller->boss = msg->boss;
    teller->wanted = msg->transactions;
    for (uint64_t i = 0; i < teller->wanted; i++) {
        uint32_t from = next_random(&random) % ACCOUNTS, to = next_random(&random) % (ACCOUNTS - 1);
        if (to >= from) to++;
        tp_send(self, msg->accounts.items[from], transfer, .to = msg->accounts.items[to],
                .amount = (int64_t)(next_random(&random) % 1000));
    }
}
static void on_transferred(tp_actor *self, struct teller *teller, const transferred *msg) {
    (void)msg;
    if (++teller->done == teller->wanted)
        tp_send(self, teller->boss, bench_done, .count = teller->done);
}
TP_BEHAVIOR(teller_behavior, "teller", struct teller, TP_ON(teller_start, on_teller_start),
            TP_ON(transferred, on_transferred));

static void check_totals(tp_actor *self, const tp_pid *accounts) {
    int64_t sum = 0;
    for (unsigned i = 0; i < ACCOUNTS; i++) {
        total got;
        if (tp_call(self, accounts[i], TP_SECONDS(10), &got, total, get_total) != TP_OK)
            tp_fail(self, "no answer from account %u", i);
        sum += got.amount;
    }
    if (sum != (int64_t)ACCOUNTS * START_BALANCE) tp_fail(self, "money was lost or made");
}

static double banking(tp_actor *self) {
    uint64_t transactions = bench_scaled(TRANSACTIONS, 1);
    tp_pid *accounts = tp_alloc(self, ACCOUNTS * sizeof *accounts);
    if (accounts == NULL) tp_fail(self, "out of memory");
    for (unsigned i = 0; i < ACCOUNTS; i++) accounts[i] = tp_spawn(self, &account_behavior);
    tp_pid teller = tp_spawn(self, &teller_behavior);
    tp_time start = tp_now(self);
    tp_send(self, teller, teller_start, .boss = tp_self(self), .transactions = transactions,
            .accounts = {.items = accounts, .count = ACCOUNTS});
    bench_wait(self);
    double span = bench_since(self, start);
    check_totals(self, accounts);
    return span / (double)transactions;
}

const struct bench_case bench_meet[] = {
    {"chameneos", "ns/meeting", "100 creatures, 200,000 meetings at one mall", chameneos},
    {"big", "ns/ping", "120 actors, 20,000 pings each at random", big},
    {"banking", "ns/transaction", "1,000 accounts, 50,000 acknowledged transfers", banking},
    {NULL, NULL, NULL, NULL}};
