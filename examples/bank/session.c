/*
 * A session over a bank of several nodes.
 */
#include "examples/bank/session.h"

#include <inttypes.h>
#include <string.h>
#include <troupe/call.h>
#include <troupe/timer.h>

#include "actors/bank/bank.h"
#include "actors/bank/directory.h"
#include "actors/bank/follow.h"
#include "actors/bank/json.h"
#include "actors/bank/reporter.h"
#include "actors/bank/window.h"
#include "examples/bank/command.h"

#define FUNDS_MINOR 1000000
#define AMOUNT_MAX_MINOR 50000
#define TIMEOUT TP_SECONDS(2)
#define ASK_AGAIN_AFTER TP_MS(50)
#define TRIES 1200 /* a minute, when everything fails at once */
#define SETTLE TP_SECONDS(30)
#define SHOWN_MAX 6
#define DAY 20240101 /* the business day of a session */

tp_err session_begin(tp_actor *self, struct session *session) {
    session->places.shards = session->net->shards;
    session->books = tp_alloc(self, sizeof *session->books);
    session->window =
        tp_spawn_link(self, bank_window, bank_window_start, .directory = TP_STR(BANK_DIRECTORY));
    if (session->books == NULL || tp_pid_is_null(session->window)) return TP_ENOMEM;
    (void)bank_directory_follow(self, TP_STR(BANK_DIRECTORY));
    return TP_OK;
}

static void problem_note(struct session *session, const char *what, const char *why) {
    if (session->problem[0] != '\0') return;
    snprintf(session->problem, sizeof session->problem, "%s%s%s", what, *why != '\0' ? ": " : "",
             why);
}

/* ---- drivers ---- */

static void driver_ask(tp_actor *self, struct session *session, struct session_driver *driver) {
    if (driver->asked || driver->finished || tp_pid_is_null(driver->who)) return;
    uint64_t left = driver->share > driver->before ? driver->share - driver->before : 0;
    uint64_t number = (uint64_t)(driver - session->drivers);
    driver->asked = true;
    tp_send(self, driver->who, bank_drive,
            .clients = left < session->clients ? (left > 0 ? left : 1) : session->clients,
            .transfers = left, .accounts = session->accounts,
            .seed = session->seed + number + 1000003 * session->client_restarts,
            .amount_max_minor = AMOUNT_MAX_MINOR, .timeout = TIMEOUT);
}

static struct session_driver *driver_of(struct session *session, tp_str node) {
    for (size_t i = 0; i < session->driver_count; i++)
        if (tp_str_equal(tp_str_of(session->drivers[i].node), node)) return &session->drivers[i];
    if (session->driving || session->driver_count == SESSION_DRIVERS_MAX) return NULL;
    struct session_driver *driver = &session->drivers[session->driver_count++];
    *driver = (struct session_driver){.finished = false};
    snprintf(driver->node, sizeof driver->node, "%.*s", (int)node.size, node.data);
    return driver;
}

/* A driver that is another one than before has begun anew, and gets what was left. */
static void driver_take(tp_actor *self, struct session *session, const bank_service *service) {
    if (session->only != NULL && !tp_str_equal(service->node, tp_str_of(session->only))) return;
    struct session_driver *driver = driver_of(session, service->node);
    if (driver == NULL || tp_pid_equal(driver->who, service->who)) return;
    driver->who = service->who;
    if (driver->asked && !driver->finished) {
        driver->before += driver->made;
        driver->made = 0;
        driver->asked = false;
        session->client_restarts++;
    }
    if (session->driving) driver_ask(self, session, driver);
}

void session_services(tp_actor *self, struct session *session, const bank_services *msg) {
    bank_places_take(&session->places, msg);
    session->tellers = 0;
    session->reporter = tp_pid_null();
    for (size_t i = 0; i < msg->list.count; i++) {
        const bank_service *service = &msg->list.items[i];
        if (service->role == BANK_ROLE_TELLER) session->tellers++;
        if (service->role == BANK_ROLE_REPORT) session->reporter = service->who;
        if (service->role == BANK_ROLE_CLIENT) driver_take(self, session, service);
    }
}

static void sums_add(bank_client_done *sums, const bank_client_done *more) {
    sums->done += more->done;
    sums->refused += more->refused;
    sums->repeated += more->repeated;
    sums->conflicts += more->conflicts;
    sums->wrong += more->wrong;
    sums->unresolved += more->unresolved;
}

void session_driven(tp_actor *self, struct session *session, const bank_driven *msg) {
    for (size_t i = 0; i < session->driver_count; i++) {
        struct session_driver *driver = &session->drivers[i];
        if (!tp_pid_equal(driver->who, tp_sender(self)) || driver->finished) continue;
        driver->made = msg->made;
        driver->finished = msg->finished;
        if (msg->finished) sums_add(&session->sums, &msg->sums);
    }
    if (session_finished(session) && session->seconds == 0)
        session->seconds = (double)(tp_now(self) - session->began) / 1e9;
}

bool session_ready(const struct session *session) {
    for (size_t i = 0; i < session->places.shards; i++)
        if (tp_pid_is_null(session->places.at[i].ledger)) return false;
    return session->tellers > 0 && session->driver_count >= session->drivers_wanted;
}

void session_drive(tp_actor *self, struct session *session) {
    size_t count = session->driver_count;
    session->driving = true;
    session->began = tp_now(self);
    for (size_t i = 0; i < count; i++) {
        session->drivers[i].share =
            session->transfers / count + (i < session->transfers % count ? 1 : 0);
        driver_ask(self, session, &session->drivers[i]);
    }
}

uint64_t session_made(const struct session *session) {
    uint64_t made = 0;
    for (size_t i = 0; i < session->driver_count; i++)
        made += session->drivers[i].before + session->drivers[i].made;
    return made;
}

bool session_finished(const struct session *session) {
    for (size_t i = 0; i < session->driver_count; i++)
        if (!session->drivers[i].finished) return false;
    return session->driving;
}

/* ---- accounts ---- */

static tp_err account_open(tp_actor *self, const struct session *session, uint64_t account) {
    bank_opened opened;
    bank_outcome outcome = {.code = BANK_PENDING};
    tp_err err = tp_call(self, session->window, TIMEOUT, &opened, bank_opened, bank_open,
                         .account = account, .rule = BANK_RULE_NONE);
    if (err == TP_OK)
        err = tp_call(self, session->window, TIMEOUT, &outcome, bank_outcome, bank_entry,
                      .id = {0, account}, .account = account, .amount_minor = FUNDS_MINOR,
                      .counter = TP_STR("Cash"), .text = TP_STR("first deposit"));
    return err == TP_OK && outcome.code != BANK_DONE ? TP_EINVAL : err;
}

/* Both steps have the same effect however often they are asked for. */
bool session_open(tp_actor *self, struct session *session) {
    for (uint64_t account = 1; account <= session->accounts; account++) {
        tp_err err = account_open(self, session, account);
        for (int i = 0; i < TRIES && err != TP_OK && err != TP_EINVAL; i++) {
            if (tp_sleep(self, ASK_AGAIN_AFTER) != TP_OK) break;
            err = account_open(self, session, account);
        }
        if (err != TP_OK) problem_note(session, "an account cannot be opened", tp_strerror(err));
        if (err != TP_OK) return false;
    }
    struct bank_books *books = session->books;
    books->shards = session->places.shards;
    books->paid_in_known = session->only == NULL; /* others may have paid in, too */
    books->paid_in_minor = (bank_wide)FUNDS_MINOR * (bank_wide)session->accounts;
    for (size_t i = 0; i < books->shards; i++) {
        books->expected_generation[i] = session->places.at[i].generation;
        tp_send(self, session->places.at[i].ledger, bank_set_date, .date = DAY);
    }
    return true;
}

/* ---- the end ---- */

static void verdict_note(struct session *session) {
    const struct bank_books *books = session->books;
    if (books->problem[0] != '\0') problem_note(session, books->problem, "");
    if (session->sums.wrong > 0)
        problem_note(session, "a repeated request had another outcome", "");
    if (session->verdict == BANK_CONSERVED && session->client_restarts == 0 &&
        session->sums.unresolved == 0 && session->only == NULL &&
        books->transfers != session->sums.done)
        problem_note(session, "the journals have not one record for each transfer", "");
    if (session->verdict == BANK_CONSERVED && session->problem[0] != '\0')
        session->verdict = BANK_BROKEN;
}

void session_end(tp_actor *self, struct session *session) {
    struct bank_report_request request = {
        .number = 1, .format = BANK_REPORT_TEXT, .shown_max = SHOWN_MAX};
    session->verdict = bank_books_check(self, &session->places, SETTLE, session->books);
    verdict_note(session);
    if (!tp_pid_is_null(session->reporter) && session->verdict == BANK_CONSERVED) {
        tp_err err = bank_report_ask(self, session->reporter, &request, &session->report);
        if (err != TP_OK) problem_note(session, "the report", tp_strerror(err));
        if (err != TP_OK) session->verdict = BANK_BROKEN;
    }
    session->done = true;
}

void session_free(struct session *session) {
    bank_text_free(&session->report);
}

/* ---- output ---- */

void session_print(const struct session *session) {
    char total[BANK_MONEY_SIZE];
    const struct bank_books *books = session->books;
    bank_wide_money(books->total_minor, total);
    output_write(session->report.data, session->report.size);
    double seconds = session->seconds > 0 ? session->seconds : 1;
    printf("\nShards                       %12" PRIu64 "\n", session->places.shards);
    printf("Accounts                     %12" PRIu64 "\n", books->accounts);
    printf("Transfers done               %12" PRIu64 "\n", session->sums.done);
    printf("  between two shards         %12" PRIu64 "\n", books->crossing);
    printf("Transfers refused            %12" PRIu64 "\n", session->sums.refused);
    printf("Requests repeated            %12" PRIu64 "\n", session->sums.repeated);
    printf("Ids used twice (all refused) %12" PRIu64 "\n", session->sums.conflicts);
    printf("Outcomes not known           %12" PRIu64 "\n",
           books->unresolved + session->sums.unresolved);
    printf("Shards lost                  %12" PRIu64 "\n", books->lost_shards);
    printf("Ledger actors restarted      %12" PRIu64 "\n", books->restarts);
    printf("Total                        %12s CZK\n", total);
    printf("Time                         %12.3f s, %.0f transfers a second\n", session->seconds,
           (double)session_made(session) / seconds);
}

static void json_verdict(const struct session *session, struct bank_json *json) {
    if (session->done && session->verdict != BANK_UNKNOWN) {
        bank_json_bool(json, "conserved", session->verdict == BANK_CONSERVED);
    } else {
        bank_json_null(json, "conserved");
    }
}

void session_json(const struct session *session, struct bank_json *json) {
    const struct bank_books *books = session->books;
    json_verdict(session, json);
    bank_json_unsigned(json, "lost_shards", books->lost_shards);
    bank_json_unsigned(json, "unresolved", books->unresolved + session->sums.unresolved);
    bank_json_unsigned(json, "shards", session->places.shards);
    bank_json_unsigned(json, "accounts", books->accounts);
    bank_json_unsigned(json, "transfers", session->sums.done);
    bank_json_unsigned(json, "crossing", books->crossing);
    bank_json_unsigned(json, "rejected", session->sums.refused);
    bank_json_unsigned(json, "repeated", session->sums.repeated);
    bank_json_unsigned(json, "conflicts", session->sums.conflicts);
    bank_json_unsigned(json, "records", books->records);
    bank_json_unsigned(json, "ledger_restarts", books->restarts);
    bank_json_wide(json, "total_minor", books->total_minor);
    bank_json_unsigned(json, "report_bytes", session->report.size);
    bank_json_seconds(json, "seconds", session->seconds);
}

int session_verdict_print(const struct session *session, FILE *out) {
    if (session->done && session->verdict == BANK_CONSERVED) {
        fputs("bank: OK\n", out);
        return STATUS_OK;
    }
    if (session->done && session->verdict == BANK_UNKNOWN) {
        fprintf(out, "bank: UNKNOWN: %" PRIu64 " shards lost, %" PRIu64 " outcomes not known\n",
                session->books->lost_shards, session->books->unresolved + session->sums.unresolved);
        return STATUS_UNKNOWN;
    }
    fprintf(out, "bank: FAILED: %s\n",
            session->problem[0] != '\0' ? session->problem : "the run ended before its time");
    return STATUS_FAILED;
}
