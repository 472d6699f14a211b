/*
 * A prober: asks one replica over HTTP, as a stranger would. Liveness and readiness are different
 * questions: is it to be restarted, and may it get traffic.
 */
#include "examples/deployment/deployment.h"

TP_MESSAGE(probe_now)

struct prober {
    prober_args args;
};

static bool says_yes(tp_actor *self, const struct prober *prober, const char *path) {
    struct http_answer answer;
    return http_get(self, prober->args.port, path, prober->args.timeout, &answer) == TP_OK &&
           answer.status == 200;
}

static void on_init(tp_actor *self, struct prober *prober, const prober_args *args) {
    prober->args = *args;
    tp_send(self, tp_self(self), probe_now);
}

static void on_probe_now(tp_actor *self, struct prober *prober, const probe_now *msg) {
    (void)msg;
    bool alive = says_yes(self, prober, "/healthz");
    bool ready = alive && says_yes(self, prober, "/readyz");
    tp_send(self, prober->args.owner, probed, .id = prober->args.id, .alive = alive,
            .ready = ready);
    tp_send_after(self, prober->args.period, tp_self(self), probe_now);
}

TP_BEHAVIOR_EXTERN(prober_behavior, "prober", struct prober, TP_INIT_WITH(prober_args, on_init),
                   TP_ON(probe_now, on_probe_now));
