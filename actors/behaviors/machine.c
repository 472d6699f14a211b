/*
 * The state machine: one event after the other, each followed by what its handler asked for.
 *
 * The order is gen_statem's. In front: what the handler inserted; then, after a change of state,
 * what was postponed; then the rest of the queue. When the queue is empty the timeouts of span 0
 * come, in the order in which they were started; only then a new message.
 */
#include <troupe/machine.h>

#include <string.h>

#include <troupe/call.h>
#include <troupe/timer.h>

#include "actors/behaviors/machine_queue.h"

#define DEPTH_MAX 16           /* of states in states */
#define EVENTS_UNTIL_YIELD 64u /* handled without a look at the mailbox: signals must get through */

/* ---- states ---- */

const tp_state *tp_machine_state(const tp_machine *machine) {
    return machine->state;
}

static bool is_within(const tp_state *inner, const tp_state *outer) {
    for (; inner != NULL; inner = inner->parent)
        if (inner == outer) return true;
    return false;
}

bool tp_machine_in(const tp_machine *machine, const tp_state *state) {
    return is_within(machine->state, state);
}

/* A state of another machine, or parents in a circle, are the program's mistakes. */
static void check_state(tp_machine *machine, const tp_state *state) {
    int depth = 0;
    for (const tp_state *at = state; at != NULL; at = at->parent)
        if (strcmp(at->data_type, machine->outermost->data_type) != 0 || ++depth > DEPTH_MAX)
            tp_fail(machine->self, "%s: the state %s cannot be one of its own",
                    machine->outermost->name, state->name);
    if (state == NULL) tp_fail(machine->self, "%s: no state", machine->outermost->name);
}

static void enter(tp_machine *machine, const tp_state *state, const tp_state *above,
                  const tp_state *from) {
    if (state == above) return;
    enter(machine, state->parent, above, from);
    if (state->enter != NULL) state->enter(machine->self, machine->data, from);
}

static void change_state(tp_machine *machine, const tp_state *to) {
    const tp_state *from = machine->state, *common = from;
    while (common != NULL && !is_within(to, common)) common = common->parent;
    tpi_timeout_stop(machine, TP_TIMEOUT_STATE, "");
    for (const struct tpi_item *item = machine->postponed.first; item != NULL; item = item->next)
        machine->queued_inside += item->content != NULL;
    tpi_items_push_front(&machine->queue, &machine->postponed);
    for (const tp_state *state = from; state != common; state = state->parent)
        if (state->leave != NULL) state->leave(machine->self, machine->data, to);
    machine->state = to;
    enter(machine, to, common, from);
}

/* ---- one event ---- */

static bool offer_to(tp_machine *machine, const tp_state *state, tpi_event *event) {
    const tpi_reaction *reaction = state->reactions;
    while (reaction->type != NULL && !tpi_event_is(event, reaction->type)) reaction++;
    machine->to_parent = false;
    if (reaction->type != NULL) reaction->call(machine->self, machine->data, event);
    else if (state->otherwise != NULL && event->message != NULL)
        state->otherwise(machine->self, machine->data, event->message);
    else return false;
    tpi_event_end(machine->self, event);
    return !machine->to_parent;
}

static void unhandled(tp_machine *machine, const tpi_event *event) {
    tp_str name = event->message != NULL ? tp_message_name(event->message)
                                         : (tp_str){event->type->name, event->type->name_size};
    tp_log(machine->self, TP_LOG_WARN, "no handler in state %s for an event of type %.*s",
           machine->state->name, (int)name.size, name.data);
}

static void dispatch(tp_machine *machine, tpi_event *event) {
    for (const tp_state *state = machine->state; state != NULL; state = state->parent)
        if (offer_to(machine, state, event)) return;
    if (!offer_to(machine, machine->outermost, event)) unhandled(machine, event);
}

/* What the handler asked for. */
static void settle(tp_machine *machine) {
    if (machine->postpone) tpi_items_push(&machine->postponed, machine->item);
    machine->phase = TPI_PHASE_CROSSING;
    if (machine->next_state != NULL && machine->next_state != machine->state) {
        change_state(machine, machine->next_state);
    } else if (machine->repeat) {
        const tp_state *state = machine->state;
        enter(machine, state, state->parent, state);
    }
    for (const struct tpi_item *item = machine->inserted.first; item != NULL; item = item->next)
        machine->queued_inside++;
    tpi_items_push_front(&machine->queue, &machine->inserted);
    tpi_machine_grant(machine);
    machine->phase = TPI_PHASE_IDLE;
}

static void begin(tp_machine *machine, enum tpi_phase phase, struct tpi_item *item) {
    machine->phase = phase;
    machine->item = item;
    machine->next_state = NULL;
    machine->repeat = machine->postpone = machine->is_message = false;
}

/* `item`: what stands for the event; NULL for a message that comes for the first time. */
static void handle(tp_machine *machine, struct tpi_item *item, const tp_message *message) {
    tpi_event event = {.message = message};
    if (message == NULL) {
        event.type = item->content->type;
        event.bytes = item->content->bytes;
        event.size = item->content->size;
    }
    begin(machine, TPI_PHASE_HANDLER, item);
    machine->is_message = message != NULL;
    tpi_timeout_stop(machine, TP_TIMEOUT_EVENT, "");
    dispatch(machine, &event);
    settle(machine);
    if (machine->item != NULL && !machine->postpone) tpi_item_free(machine, machine->item);
    machine->item = NULL;
}

/* ---- the queue ---- */

static struct tpi_item *item_of(tp_machine *machine, struct tpi_content *content) {
    struct tpi_item *item = tpi_machine_alloc(machine, sizeof *item);
    item->content = content;
    return item;
}

/* The next event that is no message; NULL when a message is due, or nothing. */
static struct tpi_item *next_inside(tp_machine *machine) {
    if (machine->queue.first == NULL) {
        struct tpi_content *due = tpi_timeout_due(machine);
        return due == NULL ? NULL : item_of(machine, due);
    }
    if (machine->queue.first->content == NULL) return NULL;
    machine->queued_inside--;
    return tpi_items_pop(&machine->queue);
}

/* A message is due that the runtime holds. What is queued behind it must not wait for ever if a
 * receive in a handler has taken it: the nudge comes after all that is offered. */
static void await_message(tp_machine *machine) {
    if (!machine->queue.first->offered) tpi_machine_offer(machine);
    if (machine->queued_inside == 0 || machine->nudged) return;
    machine->nudged = true;
    if (tp_send_after(machine->self, 0, tp_self(machine->self), tpi_machine_nudge) == 0)
        tp_exit(machine->self, TP_EXIT_NOMEM);
}

static void handle_inside(tp_machine *machine) {
    struct tpi_item *item = next_inside(machine);
    for (unsigned count = 1; item != NULL; count++) {
        /* a request is answered, deferred or postponed by its own handler */
        if (count == 1 && machine->is_message) (void)tp_reply_error(machine->self, TP_ENOREPLY);
        handle(machine, item, NULL);
        if (count % EVENTS_UNTIL_YIELD == 0) tp_yield(machine->self);
        item = next_inside(machine);
    }
    if (machine->queue.first != NULL) await_message(machine);
}

static void message_came(tp_machine *machine, const tp_message *message) {
    struct tpi_item *item = tpi_machine_given_back(machine);
    if (item != NULL && item != machine->queue.first) {
        tpi_machine_put_aside(machine, item); /* not due yet */
        return;
    }
    if (item != NULL) (void)tpi_items_pop(&machine->queue);
    handle(machine, item, message);
}

void tpi_machine_event(tp_machine *machine, const tp_message *message) {
    tpi_machine_tick tick;
    machine->is_message = false;
    if (tp_message_get(machine->self, message, &tick, tpi_machine_tick) == TP_OK) {
        tpi_machine_forget_offered(machine);
        struct tpi_content *content = tpi_timeout_take(machine, tick.id);
        if (content != NULL) {
            struct tpi_item *item = item_of(machine, content);
            tpi_items_push(&machine->queue, item);
            machine->queued_inside++;
        }
    } else if (tp_message_is(message, tpi_machine_nudge)) {
        machine->nudged = false;
        tpi_machine_forget_offered(machine);
    } else {
        message_came(machine, message);
    }
    handle_inside(machine);
}

/* ---- the start ---- */

tp_machine *tpi_machine_new(tp_actor *self, void *data, const tp_state *outermost,
                            const tp_state *first) {
    tp_machine *machine = tp_alloc(self, sizeof *machine);
    if (machine == NULL) tp_exit(self, TP_EXIT_NOMEM);
    machine->self = self;
    machine->data = data;
    machine->outermost = outermost;
    check_state(machine, first);
    machine->state = first;
    begin(machine, TPI_PHASE_INIT, NULL);
    return machine;
}

void tpi_machine_begin(tp_machine *machine) {
    if (machine->next_state != NULL) machine->state = machine->next_state;
    machine->next_state = NULL;
    machine->repeat = false;
    machine->phase = TPI_PHASE_CROSSING;
    enter(machine, machine->state, NULL, machine->state);
    settle(machine);
    handle_inside(machine);
}

/* ---- looked into ---- */

void tpi_machine_show(const tp_machine *machine, const void *data, size_t size,
                      tp_machine_shown *out) {
    out->state = tp_str_of(machine->state->name);
    out->data = (tp_bin){data, size};
    for (const struct tpi_item *item = machine->postponed.first; item != NULL; item = item->next)
        out->postponed++;
}

tp_err tpi_machine_put(tp_machine *machine, void *data, size_t size,
                       const tp_machine_shown *shown) {
    if (shown->data.size != size) return TP_ETYPE;
    if (shown->state.size > 0 && !tp_str_equal(shown->state, tp_str_of(machine->state->name)))
        return TP_ETYPE;
    memcpy(data, shown->data.data, size);
    return TP_OK;
}

/* ---- what handlers call ---- */

static void check_phase(tp_machine *machine, bool allowed, const char *what) {
    if (!allowed)
        tp_fail(machine->self, "%s in state %s: %s is not allowed here", machine->outermost->name,
                machine->state->name, what);
}

static bool may_act(const tp_machine *machine) {
    return machine->phase == TPI_PHASE_INIT || machine->phase == TPI_PHASE_HANDLER;
}

void tp_next_state(tp_machine *machine, const tp_state *state) {
    check_phase(machine, may_act(machine), "tp_next_state");
    check_state(machine, state);
    machine->next_state = state;
}

void tp_repeat_state(tp_machine *machine) {
    check_phase(machine, machine->phase == TPI_PHASE_HANDLER, "tp_repeat_state");
    machine->repeat = true;
}

void tp_to_parent(tp_machine *machine) {
    check_phase(machine, machine->phase == TPI_PHASE_HANDLER, "tp_to_parent");
    machine->to_parent = true;
}

void tp_postpone_event(tp_machine *machine) {
    check_phase(machine, machine->phase == TPI_PHASE_HANDLER, "tp_postpone_event");
    if (machine->postpone) return;
    machine->postpone = true;
    if (machine->item == NULL) machine->item = tpi_machine_alloc(machine, sizeof *machine->item);
    if (machine->is_message) tpi_machine_put_aside(machine, machine->item);
}

void tp_next_event_value(tp_machine *machine, const tp_message_type *type, const void *value) {
    check_phase(machine, may_act(machine), "tp_next_event");
    struct tpi_content *content = tpi_machine_content(machine, type, value);
    tpi_items_push(&machine->inserted, item_of(machine, content));
}
