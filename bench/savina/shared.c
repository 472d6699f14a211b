/*
 * Savina's benchmarks of data that many ask for: concurrent dictionary (20 workers, 10,000 messages
 * each, 10 % writes), concurrent sorted list (20 workers, 8,000 messages each, 10 % writes, 1 %
 * lengths), logistic map (10 series of 25,000 terms, first rate 3.46, step 0.0025).
 */
#include "bench/savina/savina.h"

#define WORKERS 20u
#define DICTIONARY_EACH 10000u
#define DICTIONARY_KEYS 524287u
#define LIST_EACH 8000u
#define LIST_VALUES 1000000u
#define SERIES 10u
#define TERMS 25000u
#define FIRST_RATE 3.46
#define RATE_STEP 0.0025

/* ---- dictionary: of a key only values come back that are its own ---- */

TP_MESSAGE(shelf_start, TP_FIELD(u64, keys))
TP_MESSAGE(shelf_write, TP_FIELD(u64, key), TP_FIELD(u64, value))
TP_MESSAGE(shelf_read, TP_FIELD(u64, key))
TP_MESSAGE(shelf_value, TP_FIELD(u64, key), TP_FIELD(u64, value))
TP_MESSAGE(reader_start, TP_FIELD(pid, shelf), TP_FIELD(pid, boss), TP_FIELD(u32, index),
           TP_FIELD(u64, keys), TP_FIELD(u64, messages))

struct entry {
    uint64_t key, value;
};
struct shelf {
    struct entry *entries; /* open addressing; key + 1, 0 is free */
    uint64_t mask, keys;
};
struct reader {
    tp_pid shelf, boss;
    uint64_t keys, left, done, random, asked;
};

static struct entry *find(struct shelf *shelf, uint64_t key) {
    uint64_t at = (key * 0x9e3779b97f4a7c15u) >> 20;
    while (shelf->entries[at & shelf->mask].key != 0 &&
           shelf->entries[at & shelf->mask].key != key + 1)
        at++;
    return &shelf->entries[at & shelf->mask];
}
static void on_shelf_start(tp_actor *self, struct shelf *shelf, const shelf_start *msg) {
    uint64_t room = 16;
    while (room < msg->keys * 2) room *= 2;
    shelf->entries = savina_alloc(self, room * sizeof *shelf->entries);
    shelf->mask = room - 1;
    shelf->keys = msg->keys;
    for (uint64_t key = 0; key < msg->keys; key++) *find(shelf, key) = (struct entry){key + 1, key};
}
static void on_shelf_write(tp_actor *self, struct shelf *shelf, const shelf_write *msg) {
    *find(shelf, msg->key) = (struct entry){msg->key + 1, msg->value};
    tp_send(self, tp_sender(self), shelf_value, .key = msg->key, .value = msg->value);
}
static void on_shelf_read(tp_actor *self, struct shelf *shelf, const shelf_read *msg) {
    struct entry *entry = find(shelf, msg->key);
    tp_send(self, tp_sender(self), shelf_value, .key = entry->key - 1, .value = entry->value);
}
TP_BEHAVIOR(shelf_behavior, "dictionary", struct shelf, TP_INIT_WITH(shelf_start, on_shelf_start),
            TP_ON(shelf_write, on_shelf_write), TP_ON(shelf_read, on_shelf_read));

static void ask(tp_actor *self, struct reader *reader) {
    reader->asked = savina_random(&reader->random) % reader->keys;
    if (savina_random(&reader->random) % 100 < 10)
        tp_send(self, reader->shelf, shelf_write, .key = reader->asked,
                .value = reader->asked + reader->keys * (reader->left % 1000));
    else tp_send(self, reader->shelf, shelf_read, .key = reader->asked);
}
static void on_reader_start(tp_actor *self, struct reader *reader, const reader_start *msg) {
    *reader = (struct reader){.shelf = msg->shelf,
                              .boss = msg->boss,
                              .keys = msg->keys,
                              .left = msg->messages,
                              .random = msg->index + 1};
    ask(self, reader);
}
static void on_shelf_value(tp_actor *self, struct reader *reader, const shelf_value *msg) {
    if (msg->key != reader->asked || msg->value % reader->keys != msg->key)
        tp_fail(self, "the dictionary gave a value of another key");
    reader->done++;
    if (--reader->left > 0) ask(self, reader);
    else tp_send(self, reader->boss, bench_done, .count = reader->done);
}
TP_BEHAVIOR(reader_behavior, "reader", struct reader, TP_INIT_WITH(reader_start, on_reader_start),
            TP_ON(shelf_value, on_shelf_value));

static uint64_t sum_of(tp_actor *self, unsigned count) {
    uint64_t sum = 0;
    for (unsigned i = 0; i < count; i++) {
        bench_done done;
        if (tp_receive(self, TP_FOREVER, &done, bench_done) != TP_OK) tp_fail(self, "no result");
        sum += done.count;
    }
    return sum;
}

static double dictionary(tp_actor *self) {
    uint64_t each = bench_scaled(DICTIONARY_EACH, 1), keys = bench_scaled(DICTIONARY_KEYS, 100);
    tp_time start = tp_now(self);
    tp_pid shelf = tp_spawn(self, &shelf_behavior, shelf_start, .keys = keys);
    for (uint32_t i = 0; i < WORKERS; i++)
        savina_born(self,
                    tp_spawn(self, &reader_behavior, reader_start, .shelf = shelf,
                             .boss = tp_self(self), .index = i, .keys = keys, .messages = each));
    savina_expect(self, "answers", sum_of(self, WORKERS), each * WORKERS);
    return bench_since(self, start) / 1e6;
}

/* ---- sorted list: linear, as Savina has it ---- */

TP_MESSAGE(list_add, TP_FIELD(u64, value))
TP_MESSAGE(list_has, TP_FIELD(u64, value))
TP_MESSAGE(list_length)
TP_MESSAGE(list_answer, TP_FIELD(u64, value))
TP_MESSAGE(lister_start, TP_FIELD(pid, list), TP_FIELD(pid, boss), TP_FIELD(u32, index),
           TP_FIELD(u64, messages))
TP_MESSAGE(list_check)
TP_MESSAGE(list_state, TP_FIELD(u64, count), TP_FIELD(bool, sorted))

struct node {
    struct node *next;
    uint64_t value;
};
struct list {
    struct node *first;
    uint64_t count;
};
struct lister {
    tp_pid list, boss;
    uint64_t left, added, random, last, length;
    enum { ADD, HAS, MINE, LENGTH } asked;
};

static void on_list_add(tp_actor *self, struct list *list, const list_add *msg) {
    struct node **at = &list->first, *node = savina_alloc(self, sizeof *node);
    while (*at != NULL && (*at)->value < msg->value) at = &(*at)->next;
    node->value = msg->value;
    node->next = *at;
    *at = node;
    list->count++;
    tp_send(self, tp_sender(self), list_answer, .value = msg->value);
}
static void on_list_has(tp_actor *self, struct list *list, const list_has *msg) {
    const struct node *at = list->first;
    while (at != NULL && at->value < msg->value) at = at->next;
    tp_send(self, tp_sender(self), list_answer, .value = at != NULL && at->value == msg->value);
}
static void on_list_length(tp_actor *self, struct list *list, const list_length *msg) {
    (void)msg;
    tp_send(self, tp_sender(self), list_answer, .value = list->count);
}
static void on_list_check(tp_actor *self, struct list *list, const list_check *msg) {
    uint64_t count = 0;
    bool sorted = true;
    (void)msg;
    for (const struct node *at = list->first; at != NULL; at = at->next, count++)
        if (at->next != NULL && at->next->value < at->value) sorted = false;
    tp_reply(self, list_state, .count = count, .sorted = sorted);
}
TP_BEHAVIOR(list_behavior, "sorted list", struct list, TP_ON(list_add, on_list_add),
            TP_ON(list_has, on_list_has), TP_ON(list_length, on_list_length),
            TP_ON(list_check, on_list_check));

static void list_ask(tp_actor *self, struct lister *lister) {
    uint32_t dice = savina_random(&lister->random) % 100;
    uint64_t value = savina_random(&lister->random) % LIST_VALUES;
    if (dice < 10) {
        lister->asked = ADD;
        lister->last = value;
        tp_send(self, lister->list, list_add, .value = value);
    } else if (dice < 11) {
        lister->asked = LENGTH;
        tp_send(self, lister->list, list_length);
    } else {
        /* Now and then the value that it added last, which must be there. */
        lister->asked = dice < 20 && lister->added > 0 ? MINE : HAS;
        tp_send(self, lister->list, list_has,
                .value = lister->asked == MINE ? lister->last : value);
    }
}
static void on_lister_start(tp_actor *self, struct lister *lister, const lister_start *msg) {
    *lister = (struct lister){
        .list = msg->list, .boss = msg->boss, .left = msg->messages, .random = msg->index + 1};
    list_ask(self, lister);
}
static void on_list_answer(tp_actor *self, struct lister *lister, const list_answer *msg) {
    if (lister->asked == ADD) lister->added++;
    if (lister->asked == MINE && msg->value != 1) tp_fail(self, "the list lost a value");
    if (lister->asked == LENGTH) {
        if (msg->value < lister->length) tp_fail(self, "the list became shorter");
        lister->length = msg->value;
    }
    if (--lister->left > 0) list_ask(self, lister);
    else tp_send(self, lister->boss, bench_done, .count = lister->added);
}
TP_BEHAVIOR(lister_behavior, "lister", struct lister, TP_INIT_WITH(lister_start, on_lister_start),
            TP_ON(list_answer, on_list_answer));

static double sortedlist(tp_actor *self) {
    uint64_t each = bench_scaled(LIST_EACH, 1);
    list_state state;
    tp_time start = tp_now(self);
    tp_pid list = savina_born(self, tp_spawn(self, &list_behavior));
    for (uint32_t i = 0; i < WORKERS; i++)
        savina_born(self, tp_spawn(self, &lister_behavior, lister_start, .list = list,
                                   .boss = tp_self(self), .index = i, .messages = each));
    uint64_t added = sum_of(self, WORKERS);
    double span = bench_since(self, start) / 1e6;
    if (tp_call(self, list, TP_SECONDS(60), &state, list_state, list_check) != TP_OK)
        tp_fail(self, "the list does not answer");
    if (!state.sorted) tp_fail(self, "the list is not in order");
    savina_expect(self, "values in the list", state.count, added);
    return span;
}

/* ---- logistic map: a series asks its computer for each next term ---- */

TP_MESSAGE(computer_start, TP_FIELD(f64, rate))
TP_MESSAGE(compute, TP_FIELD(f64, term))
TP_MESSAGE(computed, TP_FIELD(f64, term))
TP_MESSAGE(series_start, TP_FIELD(pid, computer), TP_FIELD(pid, boss), TP_FIELD(f64, term))
TP_MESSAGE(next_term)
TP_MESSAGE(get_term)
TP_MESSAGE(last_term, TP_FIELD(f64, term))

struct computer {
    double rate;
};
struct series {
    tp_pid computer, boss;
    double term;
    uint64_t wanted;
    bool waiting, asked;
};

static void on_computer_start(tp_actor *self, struct computer *computer,
                              const computer_start *msg) {
    (void)self;
    computer->rate = msg->rate;
}
static void on_compute(tp_actor *self, struct computer *computer, const compute *msg) {
    double next = computer->rate * msg->term * (1 - msg->term);
    tp_send(self, tp_sender(self), computed, .term = next);
}
TP_BEHAVIOR(computer_behavior, "computer", struct computer,
            TP_INIT_WITH(computer_start, on_computer_start), TP_ON(compute, on_compute));

static void series_go(tp_actor *self, struct series *series) {
    if (series->waiting) return;
    if (series->wanted > 0) {
        series->wanted--;
        series->waiting = true;
        tp_send(self, series->computer, compute, .term = series->term);
    } else if (series->asked) {
        tp_send(self, series->boss, last_term, .term = series->term);
    }
}
static void on_series_start(tp_actor *self, struct series *series, const series_start *msg) {
    (void)self;
    series->computer = msg->computer;
    series->boss = msg->boss;
    series->term = msg->term;
}
static void on_next_term(tp_actor *self, struct series *series, const next_term *msg) {
    (void)msg;
    series->wanted++;
    series_go(self, series);
}
static void on_computed(tp_actor *self, struct series *series, const computed *msg) {
    series->term = msg->term;
    series->waiting = false;
    series_go(self, series);
}
static void on_get_term(tp_actor *self, struct series *series, const get_term *msg) {
    (void)msg;
    series->asked = true;
    series_go(self, series);
}
TP_BEHAVIOR(series_behavior, "series", struct series, TP_INIT_WITH(series_start, on_series_start),
            TP_ON(next_term, on_next_term), TP_ON(computed, on_computed),
            TP_ON(get_term, on_get_term));

/* What a series must end at. */
static double term_at(double rate, double term, uint64_t terms) {
    for (uint64_t i = 0; i < terms; i++) term = rate * term * (1 - term);
    return term;
}

static double logmap(tp_actor *self) {
    uint64_t terms = bench_scaled(TERMS, 1);
    tp_pid series[SERIES];
    double want = 0, got = 0;
    tp_time start = tp_now(self);
    for (unsigned i = 0; i < SERIES; i++) {
        double rate = FIRST_RATE + i * RATE_STEP;
        tp_pid computer = tp_spawn(self, &computer_behavior, computer_start, .rate = rate);
        series[i] =
            savina_born(self, tp_spawn(self, &series_behavior, series_start, .computer = computer,
                                       .boss = tp_self(self), .term = i * RATE_STEP));
        want += term_at(rate, i * RATE_STEP, terms);
    }
    for (uint64_t i = 0; i < terms; i++) tp_broadcast(self, series, SERIES, next_term);
    tp_broadcast(self, series, SERIES, get_term);
    for (unsigned i = 0; i < SERIES; i++) {
        last_term last;
        if (tp_receive(self, TP_FOREVER, &last, last_term) != TP_OK) tp_fail(self, "no term");
        got += last.term;
    }
    /* The same terms; only the order of the ten additions differs. */
    if (got - want > 1e-9 || want - got > 1e-9) tp_fail(self, "terms: %.12f, not %.12f", got, want);
    return bench_since(self, start) / 1e6;
}

const struct bench_case bench_savina_shared[] = {
    {"dictionary", "ms", "20 workers, 10,000 requests each, 10 % writes", dictionary},
    {"sortedlist", "ms", "20 workers, 8,000 requests each, 10 % writes, linear", sortedlist},
    {"logmap", "ms", "logistic map: 10 series of 25,000 terms", logmap},
    {NULL, NULL, NULL, NULL}};
