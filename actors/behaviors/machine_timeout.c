/*
 * The timeouts of a machine. A timer's tick carries an id; one whose timeout was cancelled or
 * replaced meanwhile finds nothing and is no event.
 */
#include <string.h>

#include <troupe/timer.h>

#include "actors/behaviors/machine_queue.h"

static bool is_same(const struct tpi_timeout *timeout, tp_timeout_kind kind, const char *name) {
    return timeout->kind == kind && strcmp(timeout->name, name) == 0;
}

static struct tpi_timeout **find(tp_machine *machine, tp_timeout_kind kind, const char *name) {
    struct tpi_timeout **at = &machine->timeouts;
    while (*at != NULL && !is_same(*at, kind, name)) at = &(*at)->next;
    return at;
}

static void free_timeout(tp_machine *machine, struct tpi_timeout *timeout) {
    tp_free(machine->self, timeout->content);
    tp_free(machine->self, timeout);
}

void tpi_timeout_stop(tp_machine *machine, tp_timeout_kind kind, const char *name) {
    struct tpi_timeout **at = find(machine, kind, name), *timeout = *at;
    if (timeout == NULL) return;
    *at = timeout->next;
    if (timeout->timer != 0) (void)tp_cancel_timer(machine->self, timeout->timer);
    free_timeout(machine, timeout);
}

/* Takes it out of the list; its content goes to the caller. */
static struct tpi_content *take(tp_machine *machine, struct tpi_timeout **at) {
    struct tpi_timeout *timeout = *at;
    if (timeout == NULL) return NULL;
    struct tpi_content *content = timeout->content;
    timeout->content = NULL;
    *at = timeout->next;
    free_timeout(machine, timeout);
    return content;
}

struct tpi_content *tpi_timeout_due(tp_machine *machine) {
    struct tpi_timeout **at = &machine->timeouts;
    while (*at != NULL && (*at)->timer != 0) at = &(*at)->next;
    return take(machine, at);
}

struct tpi_content *tpi_timeout_take(tp_machine *machine, uint64_t id) {
    struct tpi_timeout **at = &machine->timeouts;
    while (*at != NULL && ((*at)->timer == 0 || (*at)->id != id)) at = &(*at)->next;
    return take(machine, at);
}

/* ---- starting ---- */

static void append(tp_machine *machine, struct tpi_timeout *timeout) {
    struct tpi_timeout **at = &machine->timeouts;
    while (*at != NULL) at = &(*at)->next;
    *at = timeout;
}

static void start(tp_machine *machine, struct tpi_timeout *timeout, tp_duration span) {
    append(machine, timeout);
    if (span <= 0) return;
    timeout->id = ++machine->last_id;
    timeout->timer = tp_send_after(machine->self, span, tp_self(machine->self), tpi_machine_tick,
                                   .id = timeout->id);
    if (timeout->timer == 0) tp_exit(machine->self, TP_EXIT_NOMEM);
}

static void update(tp_machine *machine, struct tpi_timeout *wish) {
    struct tpi_timeout *running = *find(machine, wish->kind, wish->name);
    if (running == NULL) {
        start(machine, wish, 0);
        return;
    }
    struct tpi_content *old = running->content;
    running->content = wish->content;
    wish->content = old;
    free_timeout(machine, wish);
}

static void grant(tp_machine *machine, struct tpi_timeout *wish, tp_duration span) {
    if (span == TP_UPDATE && wish->content != NULL) {
        update(machine, wish);
        return;
    }
    tpi_timeout_stop(machine, wish->kind, wish->name);
    if (wish->content == NULL || span == TP_FOREVER) free_timeout(machine, wish);
    else start(machine, wish, span);
}

void tpi_machine_grant(tp_machine *machine) {
    struct tpi_wish *wish;
    while ((wish = machine->wishes) != NULL) {
        machine->wishes = wish->next;
        grant(machine, wish->timeout, wish->span);
        tp_free(machine->self, wish);
    }
}

/* ---- what handlers call ---- */

/* Of several wishes for one timeout the last counts, as if it were the only one. */
static void drop_wish(tp_machine *machine, tp_timeout_kind kind, const char *name) {
    struct tpi_wish **at = &machine->wishes, *before = NULL, *wish;
    while ((wish = *at) != NULL && !is_same(wish->timeout, kind, name)) {
        before = wish;
        at = &wish->next;
    }
    if (wish == NULL) return;
    *at = wish->next;
    if (machine->wishes_last == wish) machine->wishes_last = before;
    free_timeout(machine, wish->timeout);
    tp_free(machine->self, wish);
}

static void note(tp_machine *machine, tp_timeout_kind kind, const char *name, tp_duration span,
                 struct tpi_content *content) {
    if (name == NULL || kind != TP_TIMEOUT_NAMED) name = "";
    drop_wish(machine, kind, name);
    struct tpi_timeout *timeout = tpi_machine_alloc(machine, sizeof *timeout + strlen(name) + 1);
    struct tpi_wish *wish = tpi_machine_alloc(machine, sizeof *wish);
    timeout->kind = kind;
    timeout->content = content;
    memcpy(timeout->name, name, strlen(name) + 1);
    wish->span = span;
    wish->timeout = timeout;
    if (machine->wishes == NULL) machine->wishes = wish;
    else machine->wishes_last->next = wish;
    machine->wishes_last = wish;
}

void tp_timeout_value(tp_machine *machine, tp_timeout_kind kind, const char *name, tp_duration span,
                      const tp_message_type *type, const void *value) {
    note(machine, kind, name, span, tpi_machine_content(machine, type, value));
}

void tp_cancel_timeout(tp_machine *machine, tp_timeout_kind kind, const char *name) {
    note(machine, kind, name, 0, NULL);
}
