/*
 * The waiter, the cook, the book.
 */
#include "examples/pizza/kitchen.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define WINDOW 64 /* orders before the cook at once */
#define LOOK_AGAIN TP_MS(1)
#define PATIENCE TP_SECONDS(10)

TP_MESSAGE(order, TP_FIELD(u64, pizzas))
TP_MESSAGE(cook_order, TP_FIELD(u64, number), TP_FIELD(u64, pizzas), TP_FIELD(pid, waiter))
TP_MESSAGE(cooked, TP_FIELD(u64, number))
TP_MESSAGE(write_down, TP_FIELD(u64, number), TP_FIELD(u64, pizzas))
TP_MESSAGE(written)
TP_MESSAGE(new_cook)
TP_MESSAGE(find_cook)
TP_MESSAGE(cook_args, TP_FIELD(i64, kill_every), TP_FIELD(i64, cooking))
TP_MESSAGE(book_args, TP_FIELD(bool, tell))

uint64_t number_low(struct span request) {
    uint64_t low = 0;
    bool negative = false;
    for (size_t i = 0; i < request.size; i++) {
        char c = request.data[i];
        if (c == '-') negative = true;
        if (c >= '0' && c <= '9') low = 10 * low + (uint64_t)(c - '0');
    }
    return negative ? -low : low;
}

void kitchen_order(tp_actor *self, uint64_t pizzas) {
    tp_send_name(self, "waiter", order, .pizzas = pizzas);
}

/* A larger copy of an array of the actor's. */
static void *grow(tp_actor *self, void *old, size_t old_size, size_t size) {
    char *grown = tp_alloc(self, size);
    if (grown == NULL) tp_exit(self, TP_EXIT_NOMEM);
    if (old_size > 0) memcpy(grown, old, old_size);
    memset(grown + old_size, 0, size - old_size);
    tp_free(self, old);
    return grown;
}

/* ---- the book: it never forgets, and writes nothing twice ---- */

struct book {
    uint8_t *known; /* by number */
    uint64_t room;
    kitchen_sums sums;
    bool tell;
};

static void book_init(tp_actor *self, struct book *book, const book_args *args) {
    tp_trap_exits(self, true); /* so that it ends in order and can tell its sums */
    book->tell = args->tell;
}

static void on_write_down(tp_actor *self, struct book *book, const write_down *msg) {
    if (msg->number >= book->room) {
        uint64_t room = 2 * msg->number + 64;
        book->known = grow(self, book->known, book->room, room);
        book->room = room;
    }
    if (book->known[msg->number] != 0) {
        book->sums.again++;
    } else {
        book->known[msg->number] = 1;
        book->sums.orders++;
        book->sums.pizzas += msg->pizzas;
    }
    tp_reply(self, written);
}

static void on_new_cook(tp_actor *self, struct book *book, const new_cook *msg) {
    (void)self;
    (void)msg;
    book->sums.cooks++;
}

static void on_look(tp_actor *self, struct book *book, const kitchen_look *msg) {
    (void)msg;
    tp_reply_value(self, &kitchen_sums_message, &book->sums);
}

static void on_exited(tp_actor *self, struct book *book, const tp_exited *msg) {
    (void)book;
    tp_exit(self, msg->code);
}

static void book_terminate(tp_actor *self, struct book *book, const tp_reason *reason) {
    (void)self;
    (void)reason;
    if (!book->tell) return;
    printf("book: %" PRIu64 " orders %" PRIu64 " pizzas %" PRIu64 " again %" PRIu64 " cooks\n",
           book->sums.orders, book->sums.pizzas, book->sums.again, book->sums.cooks);
    fflush(stdout);
}

TP_BEHAVIOR(book_behavior, "book", struct book, TP_INIT_WITH(book_args, book_init),
            TP_ON(write_down, on_write_down), TP_ON(new_cook, on_new_cook),
            TP_ON(kitchen_look, on_look), TP_ON(tp_exited, on_exited),
            TP_TERMINATE(book_terminate));

/* ---- the cook: he may die over any order ---- */

struct cook {
    cook_args args;
    int64_t orders;
    tp_pid book;
};

static void cook_init(tp_actor *self, struct cook *cook, const cook_args *args) {
    cook->args = *args;
    cook->book = tp_whereis(tp_self_runtime(self), "book");
    tp_send(self, cook->book, new_cook);
}

static void on_cook_order(tp_actor *self, struct cook *cook, const cook_order *msg) {
    written reply;
    uint64_t number = msg->number;
    tp_pid waiter = msg->waiter;
    write_down entry = {number, msg->pizzas}; /* the message is gone after a suspension */
    bool last = ++cook->orders == cook->args.kill_every;
    if (cook->args.cooking > 0) tp_sleep(self, cook->args.cooking);
    if (last) tp_kill(self, tp_self(self)); /* strikes when he next waits: while the book writes, */
    if (last && number % 2 == 1) tp_sleep(self, 1); /* or before it knows of the order */
    tp_err err = tp_call(self, cook->book, PATIENCE, &reply, written, write_down,
                         .number = entry.number, .pizzas = entry.pizzas);
    if (err != TP_OK) tp_fail(self, "no book: %s", tp_strerror(err));
    tp_send(self, waiter, cooked, .number = number);
}

TP_BEHAVIOR(cook_behavior, "cook", struct cook, TP_INIT_WITH(cook_args, cook_init),
            TP_ON(cook_order, on_cook_order));

/* ---- the waiter: keeps each order until it is accepted ---- */

struct open_order {
    tp_pid guest;
    uint64_t pizzas;
    bool done;
};

struct waiter {
    struct open_order *open; /* a ring of `room`, a power of two; number n is at n % room */
    uint64_t room;
    uint64_t first, sent, next; /* numbers: the oldest open one, the next for the cook, the next */
    tp_pid cook;
    tp_ref watch; /* 0: there is no cook */
};

static struct open_order *at(struct waiter *waiter, uint64_t number) {
    return &waiter->open[number & (waiter->room - 1)];
}

static void hand_on(tp_actor *self, struct waiter *waiter) {
    while (waiter->watch != 0 && waiter->sent < waiter->next &&
           waiter->sent < waiter->first + WINDOW) {
        const struct open_order *open = at(waiter, waiter->sent);
        if (!open->done)
            tp_send(self, waiter->cook, cook_order, .number = waiter->sent, .pizzas = open->pizzas,
                    .waiter = tp_self(self));
        waiter->sent++;
    }
}

static void on_find_cook(tp_actor *self, struct waiter *waiter, const find_cook *msg) {
    (void)msg;
    waiter->cook = tp_whereis(tp_self_runtime(self), "cook");
    if (tp_pid_is_null(waiter->cook)) {
        tp_send_after(self, LOOK_AGAIN, tp_self(self), find_cook);
        return;
    }
    waiter->watch = tp_monitor(self, waiter->cook);
    waiter->sent = waiter->first; /* he knows nothing of what his predecessor was told */
    hand_on(self, waiter);
}

static void waiter_init(tp_actor *self, struct waiter *waiter) {
    tp_send(self, tp_self(self), find_cook);
    waiter->room = 64;
    waiter->open = grow(self, NULL, 0, waiter->room * sizeof *waiter->open);
}

static void on_down(tp_actor *self, struct waiter *waiter, const tp_down *msg) {
    if (msg->ref != waiter->watch) return;
    waiter->watch = 0;
    tp_send(self, tp_self(self), find_cook);
}

static void on_order(tp_actor *self, struct waiter *waiter, const order *msg) {
    if (waiter->next - waiter->first == waiter->room) {
        uint64_t room = 2 * waiter->room;
        struct open_order *open = grow(self, NULL, 0, room * sizeof *open);
        for (uint64_t i = waiter->first; i < waiter->next; i++)
            open[i & (room - 1)] = *at(waiter, i);
        tp_free(self, waiter->open);
        waiter->open = open;
        waiter->room = room;
    }
    *at(waiter, waiter->next++) = (struct open_order){tp_sender(self), msg->pizzas, false};
    hand_on(self, waiter);
}

static void on_cooked(tp_actor *self, struct waiter *waiter, const cooked *msg) {
    if (msg->number < waiter->first || msg->number >= waiter->next) return;
    struct open_order *open = at(waiter, msg->number);
    if (open->done) return;
    open->done = true;
    tp_send(self, open->guest, order_accepted);
    while (waiter->first < waiter->next && at(waiter, waiter->first)->done) waiter->first++;
    if (waiter->sent < waiter->first) waiter->sent = waiter->first;
    hand_on(self, waiter);
}

TP_BEHAVIOR(waiter_behavior, "waiter", struct waiter, TP_INIT(waiter_init), TP_ON(order, on_order),
            TP_ON(cooked, on_cooked), TP_ON(tp_down, on_down), TP_ON(find_cook, on_find_cook));

/* ---- the kitchen ---- */

static const tp_supervisor_spec kitchen = {
    .strategy = TP_ONE_FOR_ONE,
    .intensity = 1000000, /* cooks are mortal */
    .period = TP_SECONDS(1),
    .children = NULL,
};

static bool add(tp_actor *self, tp_pid supervisor, const tp_child_spec *spec) {
    return tp_supervisor_start_child(self, supervisor, spec, NULL) == TP_CHILD_OK;
}

bool kitchen_open(tp_actor *self, int64_t kill_every, tp_duration cooking, bool tell) {
    tp_pid supervisor;
    const book_args book = {tell};
    const cook_args cook = {kill_every, cooking};
    if (tp_supervisor_start(self, &supervisor, &kitchen, NULL) != TP_OK) return false;
    return add(self, supervisor,
               &(tp_child_spec){.id = "book",
                                .behavior = &book_behavior,
                                .options = {.name = "book"},
                                .arguments = {&book_args_message, &book}}) &&
           add(self, supervisor,
               &(tp_child_spec){
                   .id = "waiter", .behavior = &waiter_behavior, .options = {.name = "waiter"}}) &&
           add(self, supervisor,
               &(tp_child_spec){.id = "cook",
                                .behavior = &cook_behavior,
                                .options = {.name = "cook"},
                                .arguments = {&cook_args_message, &cook}});
}
