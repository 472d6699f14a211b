/*
 * The room's part of a runtime.
 */
#include "core/crash/crash.h"

#include <string.h>

#include "core/base/sanitizer.h"

/* A sanitizer reports faults itself, and better. */
static bool may_install(const tp_runtime *runtime) {
    if (TPI_ASAN || TPI_TSAN) return false; /* NOLINT(misc-redundant-expression): both 0 */
    return runtime->sim == NULL && !runtime->options.faults_ignored;
}

tp_err tpi_crash_new(tp_runtime *runtime) {
    TPI_ASSERT(runtime->crash == NULL);
    struct tpi_crash *crash = tpi_heap_alloc(runtime->memory, sizeof *crash);
    if (crash == NULL) return TP_ENOMEM;
    memset(crash, 0, sizeof *crash);
    runtime->crash = crash;
    runtime->hooks.crashed = tpi_crash_crashed;
    runtime->hooks.dead_letter = tpi_crash_dead_letter;
    runtime->hooks.stuck = tpi_crash_stuck;
    if (!may_install(runtime)) return TP_OK;
    tp_err err = tpi_faults_take();
    if (err != TP_OK) return err;
    err = tpi_snapshots_take();
    if (err != TP_OK) {
        tpi_faults_give();
        return err;
    }
    crash->installed = true;
    runtime->hooks.thread = tpi_crash_thread;
    runtime->hooks.faulted = tpi_crash_faulted;
    runtime->hooks.failing = tpi_crash_failing;
    return TP_OK;
}

bool tp_contains_faults(const tp_runtime *runtime) {
    return runtime->crash->installed;
}

void tpi_crash_free(tp_runtime *runtime) {
    struct tpi_crash *crash = runtime->crash;
    if (crash->installed) tpi_snapshots_give();
    if (crash->installed) tpi_faults_give();
    tpi_report_free(runtime);
    runtime->crash = NULL;
    tpi_heap_free(runtime->memory, crash, sizeof *crash);
}
