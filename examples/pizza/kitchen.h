/*
 * The kitchen: a cook who may die over any order, a book in which accepted orders are written, and
 * a waiter who stands between the guests and the cook. Under a supervisor.
 *
 * The waiter numbers the orders and keeps each until the cook has said that it is accepted. When
 * the cook dies, his successor gets all that are still open, again. The book knows each number and
 * writes it once. So no accepted order is lost, and none is doubled.
 */
#ifndef EXAMPLES_PIZZA_KITCHEN_H
#define EXAMPLES_PIZZA_KITCHEN_H

#include <troupe/troupe.h>

#include "examples/common/frame.h"

/* What a guest gets when its order stands in the book. */
TP_MESSAGE_AS(order_accepted, "pizza.order_accepted")

/* Starts book, waiter and cook under a supervisor linked to the caller, with the names "book",
 * "waiter" and "cook". A cook dies in the midst of his `kill_every`th order (0: never) and takes
 * `cooking` for each. tell: the book prints its sums when it ends. */
bool kitchen_open(tp_actor *self, int64_t kill_every, tp_duration cooking, bool tell);
/* An order of the calling actor, which has at most one open. */
void kitchen_order(tp_actor *self, uint64_t pizzas);
/* A number modulo 2^64, for the book's sums. */
uint64_t number_low(struct span request);

/* What stands in the book: ask it with a call of kitchen_look. `again`: orders that came to it a
 * second time. */
TP_MESSAGE_AS(kitchen_look, "pizza.look")
TP_MESSAGE_AS(kitchen_sums, "pizza.sums", TP_FIELD(u64, orders), TP_FIELD(u64, pizzas),
              TP_FIELD(u64, again), TP_FIELD(u64, cooks))

#endif
