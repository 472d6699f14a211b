/*
 * What ports share: children that outlive their actor for a moment, and exit reasons.
 *
 * An actor that is killed sends its child SIGKILL and waits a little. A child that is stuck in the
 * kernel, or large, ends later: it is put here, and looked at whenever a port is opened or an actor
 * is isolated, and at the end.
 */
#include "core/process/proxy.h"

#include <string.h>

#include <troupe/port.h>

#define ORPHANS_MAX 64u
#define REFS_FIRST 0x1000u
#define REFS_COUNT 0x6000u

struct tpi_process {
    tpi_mutex mutex;
    uint32_t count;
    uint32_t guests; /* made so far */
    struct tpi_child orphans[ORPHANS_MAX];
};

tp_err tpi_process_new(tp_runtime *runtime) {
    struct tpi_process *process = tpi_heap_alloc(runtime->memory, sizeof *process);
    if (process == NULL) return TP_ENOMEM;
    memset(process, 0, sizeof *process);
    runtime->process = process;
    tpi_proxy_hooks(runtime);
    return TP_OK;
}

/* Under the mutex. */
static void reap_ended(struct tpi_process *process) {
    int status;
    for (uint32_t i = process->count; i-- > 0;) {
        if (tpi_child_reap(&process->orphans[i], &status) == TP_EBUSY) continue;
        tpi_descriptor_close(process->orphans[i].descriptor);
        process->orphans[i] = process->orphans[--process->count];
    }
}

void tpi_process_sweep(tp_runtime *runtime) {
    struct tpi_process *process = runtime->process;
    tpi_mutex_lock(&process->mutex);
    reap_ended(process);
    tpi_mutex_unlock(&process->mutex);
}

void tpi_process_orphan(tp_runtime *runtime, struct tpi_child child) {
    struct tpi_process *process = runtime->process;
    TPI_ASSERT(child.descriptor >= 0);
    tpi_mutex_lock(&process->mutex);
    reap_ended(process);
    bool room = process->count < ORPHANS_MAX;
    if (room) process->orphans[process->count++] = child;
    tpi_mutex_unlock(&process->mutex);
    if (room) return;
    /* so many are stuck in the kernel that one zombie more is the least of it */
    tpi_descriptor_close(child.descriptor);
    tpi_log_runtime(runtime, TP_LOG_ERROR, "process %d was killed and does not end", child.pid);
}

tp_ref tpi_process_refs(tp_runtime *runtime) {
    struct tpi_process *process = runtime->process;
    tpi_mutex_lock(&process->mutex);
    uint32_t serial = process->guests++;
    tpi_mutex_unlock(&process->mutex);
    /* above those of workers, below the bit that unlink ids may not have */
    return ((tp_ref)REFS_FIRST + serial % REFS_COUNT) << 48;
}

void tpi_process_free(tp_runtime *runtime) {
    struct tpi_process *process = runtime->process;
    for (uint32_t i = 0; i < process->count; i++) {
        (void)tpi_child_end(&process->orphans[i], TP_SECONDS(10));
        tpi_descriptor_close(process->orphans[i].descriptor);
    }
    tpi_heap_free(runtime->memory, process, sizeof *process);
    runtime->process = NULL;
}

tp_reason tpi_process_reason(int status, uint8_t room[TPI_PROCESS_REASON]) {
    if (status == 0) return (tp_reason){.code = TP_EXIT_NORMAL};
    return tpi_process_end(status, room);
}

tp_reason tpi_process_end(int status, uint8_t room[TPI_PROCESS_REASON]) {
    tp_writer out = tp_writer_over(room, TPI_PROCESS_REASON);
    tp_write_array(&out, 2);
    tp_write_i64(&out, tpi_status_exit(status));
    tp_write_i64(&out, tpi_status_signal(status));
    TPI_ASSERT(!out.failed);
    return (tp_reason){TP_EXIT_PROCESS, {room, (size_t)(out.at - room)}};
}

bool tp_process_of(tp_reason reason, tp_process_end *out) {
    tp_reader in = tp_reader_over(reason.detail.data, reason.detail.size);
    if (out == NULL || reason.code != TP_EXIT_PROCESS || reason.detail.size == 0) return false;
    if (tp_read_array(&in) != 2) return false;
    tp_process_end end = {.status = (int32_t)tp_read_i64(&in, INT32_MIN, INT32_MAX),
                          .signal = (int32_t)tp_read_i64(&in, INT32_MIN, INT32_MAX)};
    if (in.failed) return false;
    *out = end;
    return true;
}
