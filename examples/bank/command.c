/*
 * What the commands share.
 */
#include "examples/bank/command.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <troupe/call.h>
#include <troupe/timer.h>
#include <unistd.h>

#include "actors/bank/progress.h"

int usage_hint(const char *command) {
    fprintf(stderr, "Try 'bank %s --help'.\n", command);
    return STATUS_USAGE;
}

int usage_error(const char *command, const char *format, ...) {
    va_list arguments;
    fprintf(stderr, "bank %s: ", command);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    return usage_hint(command);
}

void output_error(const char *command, const char *output) {
    char text[128];
    const char *reason =
        errno != 0 ? strerror_r(errno, text, sizeof text) : "an earlier write failed";
    fprintf(stderr, "bank %s: %s: cannot be written: %s\n", command, output, reason);
}

/* Of the process's standard output, as its stream's error mark is: that one keeps no reason. */
static int output_reason;

void output_failed(void) {
    if (output_reason == 0) output_reason = errno;
}

int output_failure(void) {
    return output_reason;
}

void output_write(const char *data, size_t size) {
    if (size > 0 && fwrite(data, 1, size, stdout) != size) output_failed();
}

bool number_option(const char *command, const char *name, const char *text, uint64_t low,
                   uint64_t high, uint64_t *out) {
    char *end;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    bool digits = text[0] >= '0' && text[0] <= '9';
    if (!digits || *end != '\0' || errno != 0 || value < low || value > high) {
        usage_error(command, "%s: '%s' is not a number from %llu to %llu", name, text,
                    (unsigned long long)low, (unsigned long long)high);
        return false;
    }
    *out = value;
    return true;
}

tp_options runtime_options(uint64_t workers) {
    return (tp_options){.workers = (unsigned)workers};
}

/* ---- progress ---- */

tp_pid progress_start(tp_actor *self, const char *label, uint64_t total) {
    bool draw = isatty(STDERR_FILENO) == 1;
    return tp_spawn_link(self, bank_progress, bank_progress_start, .total = total, .draw = draw,
                         .label = tp_str_of(label));
}

void progress_end(tp_actor *self, tp_pid progress) {
    bank_step counted;
    (void)tp_call(self, progress, BANK_PATIENCE, &counted, bank_step, bank_progress_end);
}

/* ---- a source, replayed ---- */

bool load_input(struct load *load, const char *option, const char *format, int count,
                char **paths) {
    if (format == NULL) {
        usage_error(load->command, "%s berka DIR or %s csv FILE is needed", option, option);
        return false;
    }
    load->format = strcmp(format, "berka") == 0 ? BANK_FORMAT_BERKA : BANK_FORMAT_CSV;
    if (load->format == BANK_FORMAT_CSV && strcmp(format, "csv") != 0) {
        usage_error(load->command, "%s: '%s' is neither berka nor csv", option, format);
        return false;
    }
    if (count != 1) {
        usage_error(load->command,
                    count == 0 ? "%s %s: the %s is missing" : "%s %s: more than one %s", option,
                    format, load->format == BANK_FORMAT_BERKA ? "folder" : "file");
        return false;
    }
    load->path = paths[0];
    return true;
}

/* How many lines are ahead, for the bar. */
static uint64_t lines_ahead(const struct load *load) {
    uint64_t lines = 0;
    const struct bank_csv *csv = &load->source.csv;
    for (size_t i = csv->at; i < csv->size; i++) lines += csv->data[i] == '\n' ? 1 : 0;
    return load->limit > 0 && load->limit < lines ? load->limit : lines;
}

static tp_err replay(tp_actor *self, struct load *load) {
    tp_time start = tp_now(self);
    load->replay =
        (struct bank_replay){.source = &load->source,
                             .refusals = &load->refusals,
                             .limit = load->limit,
                             .progress = progress_start(self, "replay", lines_ahead(load))};
    tp_err err = bank_start(self, &load->bank);
    if (err == TP_OK) err = bank_replay_run(self, &load->bank, &load->replay);
    if (!tp_pid_is_null(load->replay.progress)) progress_end(self, load->replay.progress);
    load->seconds = (double)(tp_now(self) - start) / 1e9;
    load->workers_used = tp_runtime_workers(tp_self_runtime(self));
    return err;
}

static void load_body(tp_actor *self, void *arg) {
    struct load *load = arg;
    tp_err err = replay(self, load);
    if (err != TP_OK) {
        fprintf(stderr, "bank %s: %s\n", load->command, tp_strerror(err));
        return;
    }
    bool stopped = load->strict && load->refusals.count > 0;
    load->finished = stopped || load->then == NULL || load->then(self, load);
}

int load_run(struct load *load) {
    char fault[256];
    load->refusals = (struct bank_refusals){.out = stderr, .strict = load->strict};
    if (!bank_source_open(&load->source, load->format, load->path, &load->refusals, stderr,
                          fault)) {
        fprintf(stderr, "bank %s: %s\n", load->command, fault);
        return STATUS_FAILED;
    }
    tp_options options = runtime_options(load->workers);
    int status = tp_run_with(&options, load_body, load);
    if (status != 0 || !load->finished) return STATUS_FAILED;
    return load->strict && load->refusals.count > 0 ? STATUS_REJECTED : STATUS_OK;
}

void load_free(struct load *load) {
    bank_replay_free(&load->replay);
    bank_source_close(&load->source);
}
