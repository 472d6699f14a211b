/*
 * The last words of a process: written in the signal handler, so by hand.
 *
 * Line by line, what is surest first: what is read of the actor may itself be broken, and a second
 * fault ends the report where it is.
 */
#include "core/crash/crash.h"

#include <string.h>

#define LINE_MAX_SIZE 256u
#define FRAMES_SHOWN 48u

struct line {
    char text[LINE_MAX_SIZE];
    size_t length;
};

static void add(struct line *line, const char *text, size_t size) {
    size_t room = LINE_MAX_SIZE - 1 - line->length; /* for the newline */
    if (size > room) size = room;
    memcpy(line->text + line->length, text, size);
    line->length += size;
}

static void add_text(struct line *line, const char *text) {
    add(line, text, strnlen(text, LINE_MAX_SIZE));
}

static void add_number(struct line *line, uint64_t value, unsigned base) {
    char digits[24];
    size_t at = sizeof digits;
    do {
        digits[--at] = "0123456789abcdef"[value % base];
        value /= base;
    } while (value != 0);
    add(line, digits + at, sizeof digits - at);
}

static void add_hex(struct line *line, uint64_t value) {
    add_text(line, "0x");
    add_number(line, value, 16);
}

static void begin(struct line *line) {
    line->length = 0;
    add_text(line, "troupe: fatal: ");
}

static void end(struct line *line) {
    line->text[line->length++] = '\n';
    tpi_write_urgent(line->text, line->length);
}

static void say_fault(struct line *line, const struct tpi_fault *fault) {
    begin(line);
    add_text(line, tpi_signal_name(fault->signal));
    add_text(line, " (code ");
    if (fault->code < 0) add_text(line, "-");
    add_number(line, (uint64_t)(fault->code < 0 ? -(int64_t)fault->code : fault->code), 10);
    add_text(line, ") at address ");
    add_hex(line, fault->address);
    add_text(line, ", pc ");
    add_hex(line, fault->pc);
    end(line);
}

static void say_actor(struct line *line, struct tpi_worker *worker) {
    begin(line);
    add_text(line, "on worker ");
    add_number(line, worker->index, 10);
    /* relaxed: this thread's own */
    struct tpi_runnable *runnable = atomic_load_explicit(&worker->running, memory_order_relaxed);
    if (runnable == NULL) {
        end(line);
        return;
    }
    const tp_actor *self = tpi_actor_of(runnable);
    add_text(line, " in actor <");
    add_number(line, tpi_slot_of(self), 10);
    add_text(line, ".");
    add_number(line, self->generation, 10);
    add_text(line, ">");
    if (self->extra != NULL && self->extra->name != NULL) {
        add_text(line, " ");
        add_text(line, self->extra->name);
    }
    add_text(line, ", behaviour ");
    add_text(line, self->behavior->name);
    if (self->current != NULL && self->current->type != NULL) {
        add_text(line, ", handling ");
        add(line, self->current->type->name, self->current->type->name_size);
    }
    end(line);
}

struct said {
    struct line *line;
    unsigned count;
};

static bool say_frame(void *context, uintptr_t pc, uintptr_t sp) {
    struct said *said = context;
    struct line *line = said->line;
    (void)sp;
    begin(line);
    add_text(line, "  #");
    add_number(line, said->count, 10);
    add_text(line, " ");
    add_hex(line, pc);
    add_text(line, " ");
    add_text(line, tpi_module_name(pc));
    add_text(line, "+");
    add_hex(line, pc - tpi_module_of(pc));
    end(line);
    return ++said->count < FRAMES_SHOWN;
}

void tpi_crash_last_words(struct tpi_crash_thread *thread, const struct tpi_fault *fault,
                          const char *why) {
    struct line line;
    struct said said = {.line = &line};
    say_fault(&line, fault);
    say_actor(&line, thread->worker);
    begin(&line);
    add_text(&line, "not contained: ");
    add_text(&line, why);
    end(&line);
    if (!tpi_fault_walk(&thread->fault, fault, say_frame, &said)) {
        begin(&line);
        add_text(&line, "  the stack cannot be read further");
        end(&line);
    }
}
