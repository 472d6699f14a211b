/*
 * TROUPE_REPLAY: in the place of a program's main actor, one actor lives again out of its capsule.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <troupe/crash.h>

#include "core/crash/capsule.h"
#include "core/runtime/runtime.h"

#define REFUSED 2
#define OTHERWISE 1

struct wanted {
    tp_str name;
    const tp_behavior *found;
};

static bool find_in(void *context, const void *section, size_t size) {
    struct wanted *wanted = context;
    const tp_behavior *const *list = section;
    for (size_t i = 0; i < size / sizeof *list && wanted->found == NULL; i++)
        if (list[i] != NULL && tp_str_equal(tp_str_of(list[i]->name), wanted->name))
            wanted->found = list[i];
    return wanted->found == NULL;
}

static int refuse(const char *path, const char *why) {
    fprintf(stderr, "troupe: replay of %s refused: %s\n", path, why);
    return REFUSED;
}

/* The same code, and the same detail but for a fault's address, which is of its process. */
static bool is_same_end(const struct tpi_capsule_file *file) {
    const struct tpi_capsule *capsule = &file->capsule;
    tp_reason then = {file->code, file->detail};
    tp_reason now = {capsule->ended_code, {capsule->ended_detail, capsule->ended_detail_size}};
    tp_fault then_fault, now_fault;
    if (then.detail.size > sizeof capsule->ended_detail)
        then.detail.size = sizeof capsule->ended_detail;
    if (tp_fault_of(then, &then_fault) && tp_fault_of(now, &now_fault))
        return then_fault.signal == now_fault.signal;
    return tp_reason_equal(then, now);
}

static void print_reason(const char *before, int32_t code, tp_bin detail) {
    tp_reason reason = {code, detail};
    tp_fault fault;
    fprintf(stderr, "%s%s (%" PRId32 ")", before, tp_exit_code_name(code), code);
    if (tp_fault_of(reason, &fault)) fprintf(stderr, ": %s", tp_signal_name(fault.signal));
    else if (detail.size > 0 && tp_utf8_valid(detail.data, detail.size))
        fprintf(stderr, ": %.*s", (int)detail.size, (const char *)detail.data);
    fprintf(stderr, "\n");
}

static int verdict(const struct tpi_capsule_file *file) {
    const struct tpi_capsule *capsule = &file->capsule;
    tp_bin detail = {capsule->ended_detail, capsule->ended_detail_size};
    if (capsule->diverged) {
        fprintf(stderr, "troupe: the replay went another way: %s\n", capsule->why);
    } else if (is_same_end(file)) {
        print_reason("troupe: replayed, it ended as recorded: ", file->code, file->detail);
        return 0;
    } else if (capsule->ended_code == TP_EXIT_NORMAL) {
        fprintf(stderr, "troupe: replayed, it did not crash\n");
    } else {
        print_reason("troupe: replayed, it ended otherwise: ", capsule->ended_code, detail);
    }
    print_reason("troupe: recorded was: ", file->code, file->detail);
    return OTHERWISE;
}

static void announce(const struct tpi_capsule_file *file) {
    fprintf(stderr, "troupe: replaying %.*s%s%.*s, %" PRIu32 " inputs after its start\n",
            (int)file->behavior.size, file->behavior.data, file->name.size > 0 ? " " : "",
            (int)file->name.size, file->name.size > 0 ? file->name.data : "", file->capsule.count);
    if (file->lost > 0)
        fprintf(stderr,
                "troupe: the first %" PRIu64 " inputs are lost: it goes on from its start without "
                "them, and may end otherwise\n",
                file->lost);
    if (file->cut.size > 0)
        fprintf(stderr, "troupe: not all was kept (%.*s): it may end otherwise\n",
                (int)file->cut.size, file->cut.data);
}

static int run(const char *path, struct tpi_capsule_file *file, const tp_behavior *behavior,
               const tp_options *options) {
    tp_options own = options != NULL ? *options : (tp_options){0};
    tp_runtime *runtime;
    own.workers = 1;
    if (own.max_actors > 0 && own.max_actors <= file->pid.slot) own.max_actors = 0;
    if (tp_runtime_start(&runtime, &own) != TP_OK)
        return refuse(path, "the runtime could not be started");
    runtime->node = file->pid.node; /* so that the actor has its own pid again */
    file->capsule.runtime = runtime;
    tp_err err = tpi_spawn_replay(runtime, behavior, file->pid, file->contain, &file->capsule);
    if (err == TP_OK) err = tp_runtime_wait(runtime, file->pid, TP_FOREVER, NULL);
    tp_runtime_stop(runtime);
    if (err != TP_OK) return refuse(path, tp_strerror(err));
    return verdict(file);
}

static int check_and_run(const char *path, struct tpi_capsule_file *file,
                         const tp_options *options) {
    struct wanted wanted = {.name = file->behavior};
    char why[320];
    tpi_section_each("troupe_behaviors", find_in, &wanted);
    if (wanted.found == NULL) {
        (void)snprintf(why, sizeof why, "this program has no behaviour \"%.*s\"",
                       (int)(file->behavior.size < 200 ? file->behavior.size : 200),
                       file->behavior.data);
        return refuse(path, why);
    }
    announce(file);
    if (wanted.found->state_size != file->state_size)
        fprintf(stderr, "troupe: the state is of another size: this is another program\n");
    return run(path, file, wanted.found, options);
}

int tpi_replay(const char *path, const tp_options *options) {
    struct tpi_capsule_file file;
    void *bytes;
    size_t size;
    tp_err err = tpi_file_read(path, TPI_CAPSULE_FILE_MAX, &bytes, &size);
    if (err != TP_OK) return refuse(path, tp_strerror(err));
    const char *wrong = tpi_capsule_open(&file, bytes, size);
    int status = wrong != NULL ? refuse(path, wrong) : check_and_run(path, &file, options);
    if (wrong == NULL) tpi_capsule_close(&file);
    free(bytes);
    return status;
}
