/*
 * The driver of a client node.
 */
#include "actors/bank/driver.h"

#include <troupe/call.h>
#include <troupe/signal.h>

#include "actors/bank/client.h"
#include "actors/bank/follow.h"
#include "actors/bank/random.h"
#include "actors/bank/window.h"

#define STEPS_TOLD 200 /* one bank_driven for so many transfers */
#define PATIENCE TP_SECONDS(120)

struct driver {
    uint64_t shards;
    tp_pid window;
    tp_pid boss; /* null: nobody has asked for anything */
    uint64_t running;
    uint64_t made;
    uint64_t told;
    bank_client_done sums;
};

static void on_start(tp_actor *self, struct driver *driver, const bank_driver_start *start) {
    driver->shards = start->shards;
    tp_pid directory = bank_directory_follow(self, start->directory);
    driver->window =
        tp_spawn_link(self, bank_window, bank_window_start, .directory = start->directory);
    if (tp_pid_is_null(driver->window)) tp_exit(self, TP_EXIT_NOMEM);
    tp_send(self, directory, bank_serve, .role = BANK_ROLE_CLIENT);
}

static void boss_tell(tp_actor *self, struct driver *driver, bool finished) {
    driver->told = driver->made;
    tp_send(self, driver->boss, bank_driven, .finished = finished, .made = driver->made,
            .sums = driver->sums);
}

static void on_drive(tp_actor *self, struct driver *driver, const bank_drive *msg) {
    uint64_t seeds = msg->seed;
    if (driver->running > 0) {
        tp_postpone(self);
        return;
    }
    driver->boss = tp_sender(self);
    driver->made = driver->told = 0;
    driver->sums = (bank_client_done){0};
    for (uint64_t i = 0; i < msg->clients; i++) {
        uint64_t more = i < msg->transfers % msg->clients ? 1 : 0;
        tp_pid client = tp_spawn_link(
            self, bank_client, bank_client_start, .number = i + 1, .teller = driver->window,
            .steps = tp_self(self), .seed = bank_random(&seeds),
            .transfers = msg->transfers / msg->clients + more, .accounts = msg->accounts,
            .amount_max_minor = msg->amount_max_minor, .timeout = msg->timeout,
            .shards = driver->shards, .patience = PATIENCE);
        if (tp_pid_is_null(client)) tp_exit(self, TP_EXIT_NOMEM);
        driver->running++;
    }
    if (driver->running == 0) boss_tell(self, driver, true);
}

static void on_step(tp_actor *self, struct driver *driver, const bank_step *msg) {
    driver->made += msg->count;
    if (driver->made - driver->told >= STEPS_TOLD) boss_tell(self, driver, false);
}

static void on_client_done(tp_actor *self, struct driver *driver, const bank_client_done *msg) {
    driver->sums.done += msg->done;
    driver->sums.refused += msg->refused;
    driver->sums.repeated += msg->repeated;
    driver->sums.conflicts += msg->conflicts;
    driver->sums.wrong += msg->wrong;
    driver->sums.unresolved += msg->unresolved;
    if (--driver->running > 0) return;
    boss_tell(self, driver, true);
    tp_retry_postponed(self);
}

static void on_services(tp_actor *self, struct driver *driver, const bank_services *msg) {
    (void)self;
    (void)driver;
    (void)msg;
}

TP_BEHAVIOR(driver_behavior, "bank.driver", struct driver,
            TP_INIT_WITH(bank_driver_start, on_start), TP_ON(bank_drive, on_drive),
            TP_ON(bank_step, on_step), TP_ON(bank_client_done, on_client_done),
            TP_ON(bank_services, on_services));

const tp_behavior *const bank_driver = &driver_behavior;
