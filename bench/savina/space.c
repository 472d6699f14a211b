/*
 * Savina's benchmarks of space: A* (a grid of 30 x 30 x 30 nodes, 20 workers, 1,024 nodes a piece
 * of work) and online facility location (100,000 points on a square of 500, alpha 2, cutoff depth
 * 3).
 */
#include <math.h>
#include <string.h>

#include "bench/savina/savina.h"

#define WORKERS 20u
#define SIDE 30u
#define PIECE 1024u
#define NEIGHBOURS 6u
#define LONGEST 10u
#define FAR UINT32_MAX

#define POINTS 100000u
#define SQUARE 500.0
#define ALPHA 2.0
#define CUTOFF 3u

/* ---- A*: every node has one owner, who alone knows its distance and visits its neighbours.
 *
 * The search is over when nothing is left and no visit is on its way, which is found as Dijkstra
 * and Scholten do: a worker owes whoever woke it one answer, and gives it when it is idle and has
 * its own answers. ---- */

TP_MESSAGE(search_start, TP_FIELD(u32, index), TP_FIELD(u32, side), TP_LIST(pid, workers))
TP_MESSAGE(search_visit, TP_LIST(u32, nodes), TP_LIST(u32, lengths))
TP_MESSAGE(search_answer)
TP_MESSAGE(search_more)
TP_MESSAGE(search_bound, TP_FIELD(u32, length))
TP_MESSAGE(search_ask)
TP_MESSAGE(search_result, TP_FIELD(u32, length), TP_FIELD(u64, visited))

struct open_node {
    uint32_t guess, length, node;
};
struct post {
    uint32_t *nodes, *lengths;
    uint32_t count;
};
struct searcher {
    tp_pid workers[WORKERS], waker;
    uint32_t index, side, nodes, bound, owed;
    bool woken, busy;
    uint32_t *lengths; /* of node i x WORKERS + index */
    struct open_node *heap;
    uint32_t heap_count, heap_room;
    struct post posts[WORKERS];
    uint64_t visited;
};

/* The way between neighbours is as long in both directions: 1 to LONGEST. */
static uint32_t way(uint32_t a, uint32_t b) {
    uint64_t state = ((uint64_t)(a < b ? a : b) << 32 | (a < b ? b : a)) + 1;
    (void)savina_random(&state);
    (void)savina_random(&state);
    return savina_random(&state) % LONGEST + 1;
}
static uint32_t around(uint32_t node, uint32_t side, uint32_t out[NEIGHBOURS]) {
    uint32_t count = 0;
    for (uint32_t step = 1, axis = 0; axis < 3; axis++, step *= side) {
        uint32_t at = node / step % side;
        if (at > 0) out[count++] = node - step;
        if (at + 1 < side) out[count++] = node + step;
    }
    return count;
}
/* Never more than what is left: a step is at least 1 long, the goal is the far corner. */
static uint32_t left_at_least(uint32_t node, uint32_t side) {
    uint32_t sum = 0;
    for (uint32_t axis = 0; axis < 3; axis++, node /= side) sum += side - 1 - node % side;
    return sum;
}

static void heap_put(tp_actor *self, struct searcher *one, struct open_node node) {
    if (one->heap_count == one->heap_room) {
        struct open_node *old = one->heap;
        one->heap_room = one->heap_room == 0 ? 256 : one->heap_room * 2;
        one->heap = savina_alloc(self, one->heap_room * sizeof *one->heap);
        if (old != NULL) memcpy(one->heap, old, one->heap_count * sizeof *old);
        tp_free(self, old);
    }
    uint32_t at = one->heap_count++;
    for (; at > 0 && one->heap[(at - 1) / 2].guess > node.guess; at = (at - 1) / 2)
        one->heap[at] = one->heap[(at - 1) / 2];
    one->heap[at] = node;
}
static struct open_node heap_take(struct searcher *one) {
    struct open_node first = one->heap[0], last = one->heap[--one->heap_count];
    uint32_t at = 0;
    for (uint32_t child; (child = at * 2 + 1) < one->heap_count; at = child) {
        if (child + 1 < one->heap_count && one->heap[child + 1].guess < one->heap[child].guess)
            child++;
        if (one->heap[child].guess >= last.guess) break;
        one->heap[at] = one->heap[child];
    }
    one->heap[at] = last;
    return first;
}

static void note_visit(tp_actor *self, struct searcher *one, uint32_t node, uint32_t length) {
    uint32_t guess = length + left_at_least(node, one->side);
    if (guess >= one->bound || length >= one->lengths[node / WORKERS]) return;
    one->lengths[node / WORKERS] = length;
    if (node + 1 == one->nodes) {
        one->bound = length;
        tp_broadcast(self, one->workers, WORKERS, search_bound, .length = length);
    } else {
        heap_put(self, one, (struct open_node){guess, length, node});
    }
}
static void send_posts(tp_actor *self, struct searcher *one) {
    for (uint32_t i = 0; i < WORKERS; i++) {
        struct post *post = &one->posts[i];
        if (post->count == 0) continue;
        tp_send(self, one->workers[i], search_visit, .nodes = {post->nodes, post->count},
                .lengths = {post->lengths, post->count});
        post->count = 0;
        one->owed++;
    }
}
static void expand(tp_actor *self, struct searcher *one, struct open_node open) {
    uint32_t near[NEIGHBOURS], count = around(open.node, one->side, near);
    one->visited++;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t length = open.length + way(open.node, near[i]), owner = near[i] % WORKERS;
        struct post *post = &one->posts[owner];
        if (length + left_at_least(near[i], one->side) >= one->bound) continue;
        if (owner == one->index) {
            note_visit(self, one, near[i], length);
            continue;
        }
        post->nodes[post->count] = near[i];
        post->lengths[post->count++] = length;
    }
}
static void settle(tp_actor *self, struct searcher *one) {
    if (one->heap_count > 0 && !one->busy) {
        one->busy = true;
        tp_send(self, tp_self(self), search_more);
    }
    if (one->busy || one->owed > 0 || !one->woken) return;
    one->woken = false;
    tp_send(self, one->waker, search_answer);
}

static void on_search_start(tp_actor *self, struct searcher *one, const search_start *msg) {
    one->index = msg->index;
    one->side = msg->side;
    one->nodes = msg->side * msg->side * msg->side;
    one->bound = FAR;
    size_t own = one->nodes / WORKERS + 1;
    one->lengths = savina_alloc(self, own * sizeof *one->lengths);
    for (size_t i = 0; i < own; i++) one->lengths[i] = FAR;
    for (uint32_t i = 0; i < WORKERS; i++) {
        one->workers[i] = msg->workers.items[i];
        one->posts[i].nodes = savina_alloc(self, PIECE * NEIGHBOURS * sizeof(uint32_t));
        one->posts[i].lengths = savina_alloc(self, PIECE * NEIGHBOURS * sizeof(uint32_t));
    }
    tp_retry_postponed(self);
}
static void on_search_visit(tp_actor *self, struct searcher *one, const search_visit *msg) {
    if (one->lengths == NULL) {
        tp_postpone(self);
        return;
    }
    if (msg->nodes.count != msg->lengths.count) tp_fail(self, "a visit without its length");
    for (size_t i = 0; i < msg->nodes.count; i++)
        note_visit(self, one, msg->nodes.items[i], msg->lengths.items[i]);
    if (one->woken) {
        tp_send(self, tp_sender(self), search_answer);
    } else {
        one->woken = true;
        one->waker = tp_sender(self);
    }
    settle(self, one);
}
static void on_search_more(tp_actor *self, struct searcher *one, const search_more *msg) {
    (void)msg;
    one->busy = false;
    for (uint32_t i = 0; i < PIECE && one->heap_count > 0; i++) {
        struct open_node open = heap_take(one);
        /* It may have been reached on a shorter way since. */
        if (open.length == one->lengths[open.node / WORKERS] && open.guess < one->bound)
            expand(self, one, open);
    }
    send_posts(self, one);
    settle(self, one);
}
static void on_search_answer(tp_actor *self, struct searcher *one, const search_answer *msg) {
    (void)msg;
    one->owed--;
    settle(self, one);
}
static void on_search_bound(tp_actor *self, struct searcher *one, const search_bound *msg) {
    /* Only prunes: a worker that has not started may ignore it. */
    (void)self;
    if (one->lengths != NULL && msg->length < one->bound) one->bound = msg->length;
}
static void on_search_ask(tp_actor *self, struct searcher *one, const search_ask *msg) {
    (void)msg;
    bool owner = (one->nodes - 1) % WORKERS == one->index;
    tp_reply(self, search_result, .length = owner ? one->lengths[(one->nodes - 1) / WORKERS] : 0,
             .visited = one->visited);
}
TP_BEHAVIOR(searcher_behavior, "searcher", struct searcher, TP_ON(search_start, on_search_start),
            TP_ON(search_visit, on_search_visit), TP_ON(search_more, on_search_more),
            TP_ON(search_answer, on_search_answer), TP_ON(search_bound, on_search_bound),
            TP_ON(search_ask, on_search_ask));

/* The same without actors and without a guess, by relaxing until nothing changes. */
static uint32_t shortest(tp_actor *self, uint32_t side) {
    uint32_t nodes = side * side * side, result;
    uint32_t *lengths = savina_alloc(self, nodes * sizeof *lengths);
    for (uint32_t i = 1; i < nodes; i++) lengths[i] = FAR;
    for (bool changed = true; changed;) {
        changed = false;
        for (uint32_t i = 0; i < nodes; i++) {
            uint32_t near[NEIGHBOURS], count = around(i, side, near);
            for (uint32_t j = 0; j < count && lengths[i] != FAR; j++) {
                uint32_t length = lengths[i] + way(i, near[j]);
                if (length >= lengths[near[j]]) continue;
                lengths[near[j]] = length;
                changed = true;
            }
        }
    }
    result = lengths[nodes - 1];
    tp_free(self, lengths);
    return result;
}

static double astar(tp_actor *self) {
    uint32_t side = (uint32_t)(SIDE * cbrt((double)bench_scaled(1000000, 1) / 1e6)), zero = 0;
    tp_pid workers[WORKERS];
    search_answer answer;
    search_result result, last = {0};
    uint64_t visited = 0;
    if (side < 4) side = 4;
    uint32_t nodes = side * side * side;
    for (uint32_t i = 0; i < WORKERS; i++)
        workers[i] = savina_born(self, tp_spawn(self, &searcher_behavior));
    tp_time start = tp_now(self);
    for (uint32_t i = 0; i < WORKERS; i++)
        tp_send(self, workers[i], search_start, .index = i, .side = side,
                .workers = {workers, WORKERS});
    tp_send(self, workers[0], search_visit, .nodes = {&zero, 1}, .lengths = {&zero, 1});
    if (tp_receive(self, TP_FOREVER, &answer, search_answer) != TP_OK) tp_fail(self, "no answer");
    double span = bench_since(self, start) / 1e6;
    for (uint32_t i = 0; i < WORKERS; i++) {
        if (tp_call(self, workers[i], TP_SECONDS(60), &result, search_result, search_ask) != TP_OK)
            tp_fail(self, "worker %u does not answer", i);
        visited += result.visited;
        if ((nodes - 1) % WORKERS == i) last = result;
    }
    if (visited + 1 < side) tp_fail(self, "too few nodes were visited");
    savina_expect(self, "length of the way", last.length, shortest(self, side));
    return span;
}

/* ---- facility location: a quadrant whose points cost too much opens a facility in its middle and
 * becomes four ---- */

TP_MESSAGE(place, TP_FIELD(u32, number), TP_FIELD(f64, x), TP_FIELD(f64, y))
TP_MESSAGE(quadrant_start, TP_FIELD(pid, parent), TP_FIELD(f64, x), TP_FIELD(f64, y),
           TP_FIELD(f64, size), TP_FIELD(u32, depth), TP_LIST(f64, facilities),
           TP_LIST(f64, places), TP_LIST(u32, numbers))
TP_MESSAGE(facility, TP_FIELD(f64, x), TP_FIELD(f64, y), TP_FIELD(u32, depth))
TP_MESSAGE(places_end)
TP_MESSAGE(quadrant_total, TP_FIELD(u64, places), TP_FIELD(u64, numbers), TP_FIELD(u64, facilities),
           TP_FIELD(u64, leaves))

struct customer {
    uint32_t number;
    double x, y, cost;
};
/* A growing array of doubles, in pairs. */
struct pairs {
    double *values;
    size_t count, room;
};
struct quadrant {
    tp_pid parent, children[4];
    double x, y, size, cost; /* the corner, the side, the sum of its customers' costs */
    uint32_t depth, totals;
    bool divided;
    struct pairs facilities;
    struct customer *customers;
    size_t count, room;
    quadrant_total total;
};

extern const tp_behavior *const quadrant_itself;

static double opening_cost(void) {
    return SQUARE * sqrt(2.0);
}
static void pairs_add(tp_actor *self, struct pairs *pairs, double x, double y) {
    if (pairs->count + 2 > pairs->room) {
        double *old = pairs->values;
        pairs->room = pairs->room == 0 ? 32 : pairs->room * 2;
        pairs->values = savina_alloc(self, pairs->room * sizeof *pairs->values);
        if (old != NULL) memcpy(pairs->values, old, pairs->count * sizeof *old);
        tp_free(self, old);
    }
    pairs->values[pairs->count++] = x;
    pairs->values[pairs->count++] = y;
}
static double cost_to(const struct customer *customer, double x, double y) {
    return sqrt((customer->x - x) * (customer->x - x) + (customer->y - y) * (customer->y - y));
}
static void customers_add(tp_actor *self, struct quadrant *one, struct customer customer) {
    if (customer.x < one->x || customer.y < one->y || customer.x > one->x + one->size ||
        customer.y > one->y + one->size)
        tp_fail(self, "a place of another quadrant");
    if (one->count == one->room) {
        struct customer *old = one->customers;
        one->room = one->room == 0 ? 32 : one->room * 2;
        one->customers = savina_alloc(self, one->room * sizeof *one->customers);
        if (old != NULL) memcpy(one->customers, old, one->count * sizeof *old);
        tp_free(self, old);
    }
    customer.cost = INFINITY;
    for (size_t i = 0; i < one->facilities.count; i += 2) {
        const double *at = one->facilities.values + i;
        customer.cost = fmin(customer.cost, cost_to(&customer, at[0], at[1]));
    }
    one->cost += customer.cost;
    one->customers[one->count++] = customer;
}
static unsigned quarter(const struct quadrant *one, double x, double y) {
    return (x >= one->x + one->size / 2 ? 1u : 0u) + (y >= one->y + one->size / 2 ? 2u : 0u);
}
static tp_pid add_quarter(tp_actor *self, const struct quadrant *one, unsigned which,
                          double *places, uint32_t *numbers) {
    size_t count = 0;
    double half = one->size / 2;
    for (size_t i = 0; i < one->count; i++) {
        const struct customer *customer = &one->customers[i];
        if (quarter(one, customer->x, customer->y) != which) continue;
        places[2 * count] = customer->x;
        places[2 * count + 1] = customer->y;
        numbers[count++] = customer->number;
    }
    return savina_born(self, tp_spawn(self, quadrant_itself, quadrant_start,
                                      .parent = tp_self(self), .x = one->x + (which & 1 ? half : 0),
                                      .y = one->y + (which & 2 ? half : 0), .size = half,
                                      .depth = one->depth + 1,
                                      .facilities = {one->facilities.values, one->facilities.count},
                                      .places = {places, 2 * count}, .numbers = {numbers, count}));
}
/* Opens a facility and divides when its customers cost too much. */
static void consider(tp_actor *self, struct quadrant *one) {
    if (one->divided || one->cost <= ALPHA * opening_cost()) return;
    double x = one->x + one->size / 2, y = one->y + one->size / 2;
    double *places = savina_alloc(self, 2 * one->count * sizeof *places);
    uint32_t *numbers = savina_alloc(self, one->count * sizeof *numbers);
    pairs_add(self, &one->facilities, x, y);
    for (unsigned i = 0; i < 4; i++) one->children[i] = add_quarter(self, one, i, places, numbers);
    tp_free(self, places);
    tp_free(self, numbers);
    tp_free(self, one->customers);
    one->customers = NULL;
    one->count = one->room = 0;
    one->cost = 0;
    one->divided = true;
    one->total.facilities = 1;
    if (one->depth > 0 && one->depth <= CUTOFF)
        tp_send(self, one->parent, facility, .x = x, .y = y, .depth = one->depth);
}

static void on_quadrant_start(tp_actor *self, struct quadrant *one, const quadrant_start *msg) {
    one->parent = msg->parent;
    one->x = msg->x;
    one->y = msg->y;
    one->size = msg->size;
    one->depth = msg->depth;
    for (size_t i = 0; i + 1 < msg->facilities.count; i += 2)
        pairs_add(self, &one->facilities, msg->facilities.items[i], msg->facilities.items[i + 1]);
    for (size_t i = 0; i < msg->numbers.count; i++)
        customers_add(self, one,
                      (struct customer){.number = msg->numbers.items[i],
                                        .x = msg->places.items[2 * i],
                                        .y = msg->places.items[2 * i + 1]});
    consider(self, one);
}
static void on_place(tp_actor *self, struct quadrant *one, const place *msg) {
    if (one->divided) {
        tp_forward(self, one->children[quarter(one, msg->x, msg->y)]);
        return;
    }
    customers_add(self, one, (struct customer){.number = msg->number, .x = msg->x, .y = msg->y});
    consider(self, one);
}
/* A facility near the top becomes known to all: up to the root, down every other branch. */
static void on_facility(tp_actor *self, struct quadrant *one, const facility *msg) {
    bool from_above = tp_pid_equal(tp_sender(self), one->parent);
    pairs_add(self, &one->facilities, msg->x, msg->y);
    for (size_t i = 0; i < one->count; i++) {
        struct customer *customer = &one->customers[i];
        double cost = cost_to(customer, msg->x, msg->y);
        if (cost >= customer->cost) continue;
        one->cost -= customer->cost - cost;
        customer->cost = cost;
    }
    if (!from_above && one->depth > 0)
        tp_send(self, one->parent, facility, .x = msg->x, .y = msg->y, .depth = msg->depth);
    for (unsigned i = 0; i < 4 && one->divided; i++)
        if (!tp_pid_equal(one->children[i], tp_sender(self)))
            tp_send(self, one->children[i], facility, .x = msg->x, .y = msg->y,
                    .depth = msg->depth);
}
static void send_total(tp_actor *self, struct quadrant *one) {
    tp_send(self, one->parent, quadrant_total, .places = one->total.places,
            .numbers = one->total.numbers, .facilities = one->total.facilities,
            .leaves = one->total.leaves);
}
static void on_places_end(tp_actor *self, struct quadrant *one, const places_end *msg) {
    (void)msg;
    if (one->divided) {
        tp_broadcast(self, one->children, 4, places_end);
        return;
    }
    one->total.places = one->count;
    one->total.leaves = 1;
    for (size_t i = 0; i < one->count; i++) one->total.numbers += one->customers[i].number;
    send_total(self, one);
}
static void on_quadrant_total(tp_actor *self, struct quadrant *one, const quadrant_total *msg) {
    one->total.places += msg->places;
    one->total.numbers += msg->numbers;
    one->total.facilities += msg->facilities;
    one->total.leaves += msg->leaves;
    if (++one->totals == 4) send_total(self, one);
}
TP_BEHAVIOR(quadrant_behavior, "quadrant", struct quadrant,
            TP_INIT_WITH(quadrant_start, on_quadrant_start), TP_ON(place, on_place),
            TP_ON(facility, on_facility), TP_ON(places_end, on_places_end),
            TP_ON(quadrant_total, on_quadrant_total));
const tp_behavior *const quadrant_itself = &quadrant_behavior;

static double facloc(tp_actor *self) {
    uint32_t places = (uint32_t)bench_scaled(POINTS, 100);
    uint64_t random = 13, numbers = 0;
    const double middle[] = {SQUARE / 2, SQUARE / 2};
    quadrant_total total;
    tp_time start = tp_now(self);
    /* The first facility is in the middle of the square, so that every place has one. */
    tp_pid root = savina_born(self, tp_spawn(self, &quadrant_behavior, quadrant_start,
                                             .parent = tp_self(self), .size = SQUARE,
                                             .facilities = {middle, 2}));
    for (uint32_t i = 0; i < places; i++) {
        double x = savina_random(&random) / 2147483648.0 * SQUARE;
        double y = savina_random(&random) / 2147483648.0 * SQUARE;
        numbers += i;
        tp_send(self, root, place, .number = i, .x = x, .y = y);
    }
    tp_send(self, root, places_end);
    if (tp_receive(self, TP_FOREVER, &total, quadrant_total) != TP_OK) tp_fail(self, "no result");
    double span = bench_since(self, start) / 1e6;
    savina_expect(self, "places", total.places, places);
    savina_expect(self, "sum of the places' numbers", total.numbers, numbers);
    savina_expect(self, "leaves", total.leaves, 3 * total.facilities + 1);
    if (total.facilities < 1) tp_fail(self, "no facility was opened");
    return span;
}

const struct bench_case bench_savina_space[] = {
    {"astar", "ms", "A* over 30 x 30 x 30 nodes, 20 workers", astar},
    {"facility", "ms", "online facility location, 100,000 points", facloc},
    {NULL, NULL, NULL, NULL}};
