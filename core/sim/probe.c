/*
 * The probe: the test's own mailbox, an inbox whose thread is the test.
 */
#include "core/sim/sim.h"

tp_pid tp_sim_probe(const tp_sim *sim) {
    return tp_inbox_pid(sim->engine.probe);
}

tp_pid tp_sim_spawn_value(tp_sim *sim, const tp_behavior *behavior, const tp_spawn_options *options,
                          const tp_message_type *type, const void *arguments) {
    tp_pid pid = tp_pid_null();
    (void)tp_runtime_spawn_value(sim->engine.runtime, &pid, behavior, options, type, arguments);
    return pid;
}

tp_pid tp_sim_spawn_body(tp_sim *sim, tp_body body, void *arg, const tp_spawn_options *options) {
    tp_pid pid = tp_pid_null();
    (void)tp_runtime_spawn_body(sim->engine.runtime, &pid, body, arg, options);
    return pid;
}

tp_err tp_sim_send_value(tp_sim *sim, tp_pid to, const tp_message_type *type, const void *value) {
    return tp_inbox_send_value(sim->engine.probe, to, type, value);
}

tp_err tp_sim_expect_value(tp_sim *sim, tp_pid from, const tp_message_type *type, void *out) {
    tp_inbox *probe = sim->engine.probe;
    const tp_message *message = tpi_inbox_peek(probe);
    if (type == NULL || out == NULL) return TP_EINVAL;
    if (message == NULL) return TP_ENOENT;
    if (!tp_message_is_type(message, type)) return TP_ETYPE;
    if (!tp_pid_is_null(from) && !tp_pid_equal(tp_inbox_sender(probe, message), from))
        return TP_ETYPE;
    tp_err err = tp_inbox_receive(probe, 0, &message);
    return err == TP_OK ? tp_inbox_decode(probe, message, type, out) : err;
}

size_t tp_sim_waiting(const tp_sim *sim) {
    return tpi_inbox_waiting(sim->engine.probe);
}

tp_ref tp_sim_monitor(tp_sim *sim, tp_pid actor) {
    return tpi_inbox_monitor(sim->engine.probe, actor) == TP_OK ? 1 : 0;
}
