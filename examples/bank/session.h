/*
 * A session over a bank of several nodes: waits until it is whole, opens accounts, lets the client
 * nodes move money, asks for a report, reads the books, and says the verdict.
 */
#ifndef EXAMPLES_BANK_SESSION_H
#define EXAMPLES_BANK_SESSION_H

#include <stdio.h>

#include "actors/bank/books.h"
#include "actors/bank/text.h"
#include "examples/bank/net.h"

#define SESSION_DRIVERS_MAX 32

/* A client node's part of the work. A node that comes back gets what was left. */
struct session_driver {
    tp_pid who; /* null: gone, or not there yet */
    char node[BANK_NODE_SIZE];
    uint64_t share;
    uint64_t before; /* made by earlier ones of this node */
    uint64_t made;
    bool asked;
    bool finished;
    bank_client_done sums;
};

struct session {
    struct net *net;
    uint64_t accounts, clients, transfers, seed;
    size_t drivers_wanted;
    const char *only; /* the only client node that is asked; NULL: all */

    struct bank_places places;
    size_t tellers;
    tp_pid reporter;
    tp_pid window;
    struct session_driver drivers[SESSION_DRIVERS_MAX];
    size_t driver_count;
    bool driving;
    uint64_t client_restarts; /* what those had in hand, nobody has counted */
    bank_client_done sums;
    struct bank_books *books; /* of the session's actor */
    struct bank_text report;
    enum bank_verdict verdict;
    tp_time began;
    double seconds; /* of moving money */
    char problem[200];
    bool done;
};

/* Starts the window and follows the directory. */
tp_err session_begin(tp_actor *self, struct session *session);
/* What comes from the directory and the drivers. */
void session_services(tp_actor *self, struct session *session, const bank_services *msg);
void session_driven(tp_actor *self, struct session *session, const bank_driven *msg);
/* True when all shards, a teller and the wanted client nodes are there. */
bool session_ready(const struct session *session);
/* Opens the accounts and pays in. False: `problem` says why. */
bool session_open(tp_actor *self, struct session *session);
/* Gives the client nodes their shares. */
void session_drive(tp_actor *self, struct session *session);
/* How many transfers have been made; all of them, and their clients are through. */
uint64_t session_made(const struct session *session);
bool session_finished(const struct session *session);
/* Asks for a report and reads the books: sets `verdict`. */
void session_end(tp_actor *self, struct session *session);
/* Frees what is not the actor's. */
void session_free(struct session *session);

/* Prints tables, or the members of a JSON object; the exit status. */
void session_print(const struct session *session);
struct bank_json;
void session_json(const struct session *session, struct bank_json *json);
int session_verdict_print(const struct session *session, FILE *out);

#endif
