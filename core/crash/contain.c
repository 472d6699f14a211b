/*
 * May this fault be contained?
 *
 * Only when the interrupted code is known to hold nothing: it is this thread's own doing, in the
 * code of an actor that was spawned with `contain`, while no call of this library is in progress
 * (extra.h counts them), and every frame from the fault out to that code's first one belongs to the
 * program or library that the code itself is in. So a fault in libc, in its allocator, in its
 * loader, or in what they call back, is never contained; nor is one whose stack cannot be walked.
 * A stack pointer that points nowhere leaves no frames to look at: then it is the place of the
 * fault that must be the actor's. abort and assert are libc's, but hold nothing when they raise.
 *
 * Everything here but tpi_crash_faulted and tpi_crash_thread runs in the signal handler.
 */
#include "core/crash/crash.h"

#include <string.h>

#include "core/fiber/fiber.h"

#define MINUTE_MS 60000u
#define COUNT_LIMIT ((uint64_t)1 << 24) /* a count: its span's first ms, then how many */
#define STACK_KEPT 65536u               /* of a stack that overflowed */

/* ---- whose code is it ---- */

/* An address in the code of an actor. */
static uintptr_t code_of(const tp_actor *self) {
    const tp_behavior *behavior = self->behavior;
    if (self->flags & TPI_ACTOR_BODY) {
        tp_body body;
        memcpy(&body, self->inline_state, sizeof body);
        return (uintptr_t)body;
    }
    if (behavior->handler_count > 0) return (uintptr_t)behavior->handlers[0].call;
    if (behavior->init != NULL) return (uintptr_t)behavior->init;
    return (uintptr_t)behavior->otherwise;
}

struct frames {
    uintptr_t module;    /* the actor's */
    uintptr_t outermost; /* the stack pointer where the actor's code begins */
    bool aborting;       /* the first frames are those of abort */
    bool foreign;
    bool reached;
    bool own; /* a frame of the actor's has been seen */
    uintptr_t last;
    struct tpi_crash_thread *thread;
};

static bool step(void *context, uintptr_t pc, uintptr_t sp) {
    struct frames *frames = context;
    struct tpi_crash_thread *thread = frames->thread;
    if (sp >= frames->outermost) {
        frames->reached = true;
        return false;
    }
    bool first = !frames->own;
    uintptr_t before = frames->last;
    frames->last = pc;
    if (pc != before && thread->frame_count < TPI_FRAMES_MAX) /* a recursion is one frame */
        thread->frames[thread->frame_count++] = pc;
    if (tpi_module_of(pc) == frames->module) {
        frames->own = true;
        if (first && frames->aborting && !tpi_fault_is_deliberate(before)) frames->foreign = true;
    } else if (frames->own || !frames->aborting) {
        frames->foreign = true;
    }
    return !frames->foreign;
}

static const char *check_frames(struct tpi_crash_thread *thread, const struct tpi_fault *fault,
                                uintptr_t module, uintptr_t outermost) {
    struct frames frames = {
        .module = module, .outermost = outermost, .aborting = fault->aborting, .thread = thread};
    thread->frame_count = 0;
    if (tpi_module_of(fault->pc) == 0) thread->frames[thread->frame_count++] = fault->pc;
    if (!tpi_fault_walk(&thread->fault, fault, step, &frames)) return "its stack cannot be read";
    if (frames.foreign) return "another library's code was in progress";
    /* no frame at all: the code jumped to nowhere as its last act */
    if (!frames.reached || (frames.aborting && !frames.own))
        return "its stack does not lead back to the actor's code";
    return NULL;
}

static bool on_stack(const struct tpi_fiber *fiber, uintptr_t sp) {
    uintptr_t low = (uintptr_t)fiber->stack_low;
    return (sp >= low && sp < low + fiber->stack_size) ||
           tpi_fiber_in_guard(fiber, (const void *)sp);
}

/* ---- how many ---- */

bool tpi_crash_within(tp_runtime *runtime, _Atomic(uint64_t) *count, uint64_t span_ms,
                      uint64_t limit) {
    uint64_t now = (uint64_t)tpi_scheduler_now(runtime->scheduler) / 1000000u + 1;
    /* relaxed: a count that orders nothing */
    uint64_t before = atomic_load_explicit(count, memory_order_relaxed), after;
    TPI_ASSERT(limit < COUNT_LIMIT);
    do {
        after = before + 1;
        if (now - before / COUNT_LIMIT >= span_ms) after = now * COUNT_LIMIT + 1;
        if (after % COUNT_LIMIT > limit) return false;
        /* relaxed: as above */
    } while (!atomic_compare_exchange_weak_explicit(count, &before, after, memory_order_relaxed,
                                                    memory_order_relaxed));
    return true;
}

static bool within_limit(tp_runtime *runtime) {
    return tpi_crash_within(runtime, &runtime->crash->faults, MINUTE_MS,
                            runtime->options.fault_limit);
}

/* ---- the decision ---- */

static tp_actor *running(const struct tpi_worker *worker) {
    /* relaxed: this thread's own */
    struct tpi_runnable *runnable = atomic_load_explicit(&worker->running, memory_order_relaxed);
    return runnable == NULL ? NULL : tpi_actor_of(runnable);
}

/* NULL: it may. Else why not. */
static const char *refuse(struct tpi_crash_thread *thread, const struct tpi_fault *fault) {
    struct tpi_worker *worker = thread->worker;
    const tp_actor *self = running(worker);
    if (!fault->own) return "the signal was sent";
    if (self == NULL || !(self->flags & TPI_ACTOR_CONTAINED) || self->extra == NULL)
        return "the actor was not spawned with `contain`";
    if (self->extra->inside != 0 || thread->fault.held != 0 || worker->escaping)
        return "the runtime was in progress";
    uintptr_t module = tpi_module_of(code_of(self));
    if (module == 0) return "it is not known whose code it was";
    if (module == tpi_allocator_module()) return "the allocator is part of the same program";
    if (on_stack(worker->fiber, fault->sp)) {
        const char *why = check_frames(thread, fault, module, self->extra->outermost);
        if (why != NULL) return why;
    } else if (tpi_module_of(fault->pc) != module) {
        return "another library's code was in progress";
    } else {
        thread->frames[0] = fault->pc;
        thread->frame_count = 1;
    }
    return within_limit(tpi_runtime_of(worker)) ? NULL : "too many faults in a minute";
}

static void on_fault(struct tpi_fault_thread *fault_thread, const struct tpi_fault *fault) {
    struct tpi_crash_thread *thread = (struct tpi_crash_thread *)(void *)fault_thread;
    const char *why = refuse(thread, fault);
    if (why != NULL) {
        tpi_crash_last_words(thread, fault, why);
        return;
    }
    tp_actor *self = running(thread->worker);
    thread->last = *fault;
    thread->last.context = NULL;
    self->flags |= TPI_ACTOR_FAULTED;
    self->extra->inside = 1;
    thread->fault.busy = false;
    tpi_worker_escape(thread->worker);
}

/* ---- afterwards ---- */

/* An overflow has touched the whole stack, which is used again. */
static void trim_stack(const struct tpi_fiber *fiber, const struct tpi_fault *fault) {
    uintptr_t low = (uintptr_t)fiber->stack_low;
    if (!tpi_fiber_in_guard(fiber, (const void *)fault->address)) return;
    if (fiber->stack_size <= 2 * STACK_KEPT) return;
    size_t page = tpi_vm_page();
    TPI_ASSERT((uintptr_t)__builtin_frame_address(0) > low + fiber->stack_size - STACK_KEPT);
    tpi_vm_forget(fiber->stack_low, (fiber->stack_size - STACK_KEPT) / page * page);
}

void tpi_crash_faulted(tp_runtime *runtime, tp_actor *self) {
    struct tpi_crash_thread *thread = self->worker->crash;
    const struct tpi_fault *fault = &thread->last;
    TPI_ASSERT(thread->worker == self->worker);
    (void)runtime;
    trim_stack(self->worker->fiber, fault);
    uint8_t bytes[32];
    tp_writer out = {.at = bytes, .end = bytes + sizeof bytes};
    tp_write_array(&out, 3);
    tp_write_i64(&out, fault->signal);
    tp_write_i64(&out, fault->code);
    tp_write_u64(&out, fault->address);
    TPI_ASSERT(!out.failed);
    tp_reason reason = {TP_EXIT_FAULT, {bytes, (size_t)(out.at - bytes)}};
    tpi_count(&self->worker->counters.faults, 1);
    /* whatever else was to end it: this did. terminate is not called after a fault, and if it was
     * terminate that faulted, its end goes on */
    uint32_t exiting = self->flags & TPI_ACTOR_EXITING;
    self->flags &= ~(uint32_t)(TPI_ACTOR_DOOMED | TPI_ACTOR_EXITING);
    tpi_doom(self, reason, false);
    self->flags |= exiting | TPI_ACTOR_DOOMED | TPI_ACTOR_KILLED;
}

/* ---- threads ---- */

void tpi_crash_thread(tp_runtime *runtime, struct tpi_worker *worker, bool begins) {
    struct tpi_crash_thread *thread = worker->crash;
    if (begins) {
        thread = tpi_heap_alloc(runtime->memory, sizeof *thread);
        if (thread == NULL) return; /* then its faults are as fatal as ever */
        memset(thread, 0, sizeof *thread);
        thread->fault.handle = on_fault;
        thread->worker = worker;
        if (tpi_fault_thread_begin(&thread->fault) == TP_OK) {
            worker->crash = thread;
            tpi_stuck_allow(thread, true);
            return;
        }
    } else if (thread != NULL) {
        worker->crash = NULL;
        tpi_stuck_allow(thread, false);
        tpi_fault_thread_end(&thread->fault);
    }
    if (thread != NULL) tpi_heap_free(runtime->memory, thread, sizeof *thread);
}
