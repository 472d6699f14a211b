/*
 * The window.
 */
#include "actors/bank/window.h"

#include <troupe/call.h>

#include "actors/bank/follow.h"

#define TELLERS_MAX 64

struct window {
    tp_pid tellers[TELLERS_MAX];
    size_t count;
    size_t next;
};

static void on_start(tp_actor *self, struct window *window, const bank_window_start *start) {
    (void)window;
    (void)bank_directory_follow(self, start->directory);
}

static void on_services(tp_actor *self, struct window *window, const bank_services *msg) {
    (void)self;
    window->count = 0;
    for (size_t i = 0; i < msg->list.count && window->count < TELLERS_MAX; i++) {
        const bank_service *service = &msg->list.items[i];
        if (service->role == BANK_ROLE_TELLER) window->tellers[window->count++] = service->who;
    }
}

static void on_request(tp_actor *self, struct window *window, const tp_message *message) {
    (void)message;
    if (window->count == 0) {
        tp_reply_error(self, TP_ENOCONNECTION);
        return;
    }
    tp_delegate(self, window->tellers[window->next++ % window->count]);
}

TP_BEHAVIOR(window_behavior, "bank.window", struct window,
            TP_INIT_WITH(bank_window_start, on_start), TP_ON(bank_services, on_services),
            TP_OTHERWISE(on_request));

const tp_behavior *const bank_window = &window_behavior;
