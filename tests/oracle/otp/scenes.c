/*
 * Plays the scenes of scenes.txt on troupe, in the simulator; scenes.erl plays the same on
 * Erlang/OTP, and both print the same words. A scene is a line "name: step | step | ..."; after
 * every step all that can happen without time passing has happened, and what was noted in it is
 * printed by actor.
 *
 * Steps of the director: spawn A..., wait MS, alive A..., kid A REASON, plan A fail|ignore|slow N.
 * Any other step is "A VERB ARGUMENTS", a command to the player A: see `verbs`.
 */
#include <limits.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <troupe/sim.h>
#include <troupe/troupe.h>

TP_MESSAGE(command, TP_FIELD(str, text))
TP_MESSAGE(text, TP_FIELD(str, text))
TP_MESSAGE(ask, TP_FIELD(str, text))
TP_MESSAGE(kid_arguments, TP_FIELD(u8, letter))
TP_MESSAGE(kid_end, TP_FIELD(i32, code))

#define LETTERS 128
#define WORDS 12
#define BOOM (TP_EXIT_USER + 1)
#define BUST (TP_EXIT_USER + 2)

/* ---- the stage: one scene at a time, on one thread ---- */

struct note {
    char who;
    char text[80];
};
struct player {
    char letter;
    bool returns;
    tp_ref monitor[LETTERS];
    tp_ref timer;
    tp_future future;
    tp_from held;
    tp_alias alias;
};
struct plan {
    int fail, ignore, slow;
};
struct called {
    tp_pid pid;
    char letter;
};
/* A number of a scene, alone or before a slash; a word that is none ends the program: the scene
 * is wrong. */
static int whole(const char *word) {
    char *end;
    errno = 0;
    long value = strtol(word, &end, 10);
    if (end == word || (*end != '\0' && *end != '/') || errno != 0 || value < INT_MIN ||
        value > INT_MAX) {
        fprintf(stderr, "otp_scenes: '%s' is no number\n", word);
        exit(2);
    }
    return (int)value;
}

static struct {
    struct note notes[64];
    size_t note_count;
    struct player players[LETTERS];
    struct plan plans[LETTERS];
    tp_pid pids[LETTERS]; /* the newest of a letter */
    struct called names[64];
    size_t name_count;
    tp_pid supervisor;
    tp_child_spec specs[8], added;
    char ids[LETTERS][2];
    tp_supervisor_spec tree;
} stage;
static const char *planted = ""; /* a mistake, to see that it is noticed */

static void note(char who, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void note(char who, const char *format, ...) {
    if (stage.note_count == sizeof stage.notes / sizeof stage.notes[0]) return;
    struct note *next = &stage.notes[stage.note_count++];
    va_list args;
    va_start(args, format);
    vsnprintf(next->text, sizeof next->text, format, args);
    va_end(args);
    next->who = who;
}

static void print_notes(const char *scene, int step) {
    for (int who = 0; who < LETTERS; who++)
        for (size_t i = 0; i < stage.note_count; i++)
            if (stage.notes[i].who == who)
                printf("%s %d %c %s\n", scene, step, who, stage.notes[i].text);
    stage.note_count = 0;
}

static void introduce(char letter, tp_pid pid) {
    stage.pids[(int)letter] = pid;
    if (stage.name_count < sizeof stage.names / sizeof stage.names[0])
        stage.names[stage.name_count++] = (struct called){pid, letter};
}

static char letter_of(tp_pid pid) {
    for (size_t i = 0; i < stage.name_count; i++)
        if (tp_pid_equal(stage.names[i].pid, pid)) return stage.names[i].letter;
    return '?';
}

static tp_pid pid_of(const char *word) {
    return stage.pids[word[0] & 127];
}

/* ---- reasons ---- */

static const struct {
    int32_t code;
    const char *name;
} reasons[] = {{TP_EXIT_NORMAL, "normal"},
               {TP_EXIT_SHUTDOWN, "shutdown"},
               {TP_EXIT_KILL, "kill"},
               {TP_EXIT_KILLED, "killed"},
               {TP_EXIT_NOPROC, "noproc"},
               {BOOM, "boom"},
               {BUST, "bust"}};

static int32_t code_of(const char *name) {
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++)
        if (strcmp(reasons[i].name, name) == 0) return reasons[i].code;
    return BOOM;
}
static const char *name_of(int32_t code) {
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++)
        if (reasons[i].code == code) return reasons[i].name;
    return tp_exit_code_name(code);
}
static const char *outcome(tp_err err) {
    if (err == TP_ETIMEDOUT) return "timeout";
    if (err == TP_ENOPROC) return "gone";
    return err == TP_EDEADLOCK ? "self" : tp_err_name(err);
}

/* ---- players ---- */

static void play(tp_actor *self, void *arg);

typedef char *words[WORDS]; /* of a command; those that are not there are "" */

static void do_spawn(tp_actor *self, struct player *me, words w) {
    struct player *other = &stage.players[w[0][0] & 127];
    other->letter = w[0][0];
    tp_spawn_options options = {.link = strcmp(w[1], "link") == 0};
    if (strcmp(w[1], "monitor") == 0) options.monitor = &me->monitor[(int)other->letter];
    introduce(other->letter, tp_spawn_body(self, play, other, &options));
}
static void do_link(tp_actor *self, struct player *me, words w) {
    (void)me;
    tp_link(self, pid_of(w[0]));
}
static void do_unlink(tp_actor *self, struct player *me, words w) {
    (void)me;
    tp_unlink(self, pid_of(w[0]));
}
static void do_trap(tp_actor *self, struct player *me, words w) {
    bool wish = strcmp(w[0], "off") != 0 && strcmp(planted, "trap") != 0;
    note(me->letter, "trapped %s", tp_trap_exits(self, wish) ? "true" : "false");
}
static void do_monitor(tp_actor *self, struct player *me, words w) {
    me->monitor[w[0][0] & 127] = tp_monitor(self, pid_of(w[0]));
}
static void do_demonitor(tp_actor *self, struct player *me, words w) {
    if (strcmp(planted, "demonitor") == 0) return;
    bool was = tp_demonitor(self, me->monitor[w[0][0] & 127]);
    note(me->letter, "demonitored %s", was ? "true" : "false");
}
static void do_exit(tp_actor *self, struct player *me, words w) {
    (void)me;
    tp_exit(self, code_of(w[0]));
}
static void do_return(tp_actor *self, struct player *me, words w) {
    (void)self, (void)w;
    me->returns = true;
}
static void do_signal(tp_actor *self, struct player *me, words w) {
    (void)me;
    tp_send_exit(self, pid_of(w[0]), code_of(w[1]));
}
static void do_say(tp_actor *self, struct player *me, words w) {
    (void)me;
    tp_send(self, pid_of(w[0]), text, .text = tp_str_of(w[1]));
}
static void do_sayname(tp_actor *self, struct player *me, words w) {
    tp_err err = tp_send_name(self, w[0], text, .text = tp_str_of(w[1]));
    if (err == TP_ENOENT) note(me->letter, "noname");
}
static void do_register(tp_actor *self, struct player *me, words w) {
    note(me->letter, "register %s", tp_register(self, w[0]) == TP_OK ? "ok" : "taken");
}
static void do_unregister(tp_actor *self, struct player *me, words w) {
    (void)w;
    note(me->letter, "unregister %s", tp_unregister(self) == TP_OK ? "ok" : "noname");
}
static void do_whereis(tp_actor *self, struct player *me, words w) {
    tp_pid pid = tp_whereis(tp_self_runtime(self), w[0]);
    if (tp_pid_is_null(pid)) note(me->letter, "%s is nobody", w[0]);
    else note(me->letter, "%s is %c", w[0], letter_of(pid));
}
static void do_sleep(tp_actor *self, struct player *me, words w) {
    tp_sleep(self, TP_MS(whole(w[0])));
    note(me->letter, "slept");
}
static void do_after(tp_actor *self, struct player *me, words w) {
    me->timer =
        tp_send_after(self, TP_MS(whole(w[0])), pid_of(w[1]), text, .text = tp_str_of(w[2]));
}
static void do_cancel(tp_actor *self, struct player *me, words w) {
    (void)w;
    note(me->letter, "cancelled %s", tp_cancel_timer(self, me->timer) ? "true" : "false");
}

/* ---- aliases ---- */

static tp_alias_mode mode_of(const char *name) {
    if (strcmp(name, "reply") == 0) return TP_ALIAS_REPLY;
    if (strcmp(name, "demonitor") == 0) return TP_ALIAS_DEMONITOR;
    return strcmp(name, "reply_demonitor") == 0 ? TP_ALIAS_REPLY_DEMONITOR : TP_ALIAS_EXPLICIT;
}
static void do_alias(tp_actor *self, struct player *me, words w) {
    me->alias = tp_alias_open(self, mode_of(w[0]));
}
static void do_monalias(tp_actor *self, struct player *me, words w) {
    me->alias = tp_monitor_alias(self, pid_of(w[0]), mode_of(w[1]));
    me->monitor[w[0][0] & 127] = me->alias.ref;
}
static void do_unalias(tp_actor *self, struct player *me, words w) {
    (void)w;
    note(me->letter, "unaliased %s", tp_unalias(self, me->alias.ref) ? "true" : "false");
}
static void do_sayalias(tp_actor *self, struct player *me, words w) {
    (void)me;
    tp_alias to = stage.players[w[0][0] & 127].alias;
    tp_send_alias(self, to, text, .text = tp_str_of(w[1]));
}

/* ---- calls ---- */

static void note_answer(struct player *me, tp_err err, const text *got) {
    if (err == TP_OK) note(me->letter, "reply %.*s", (int)got->text.size, got->text.data);
    else note(me->letter, "%s", outcome(err));
}
static tp_duration span_of(const char *word) {
    return strcmp(word, "infinity") == 0 ? TP_FOREVER : TP_MS(whole(word));
}
static void do_call(tp_actor *self, struct player *me, words w) {
    char request[64];
    text got;
    snprintf(request, sizeof request, "%s %s", w[2], w[3]);
    note_answer(
        me, tp_call(self, pid_of(w[0]), span_of(w[1]), &got, text, ask, .text = tp_str_of(request)),
        &got);
}
static void do_request(tp_actor *self, struct player *me, words w) {
    char request[64];
    snprintf(request, sizeof request, "%s %s", w[1], w[2]);
    me->future = tp_request(self, pid_of(w[0]), ask, .text = tp_str_of(request));
}
static void do_await(tp_actor *self, struct player *me, words w) {
    text got;
    note_answer(me, tp_await(self, me->future, span_of(w[0]), &got, text), &got);
}
static void do_answer(tp_actor *self, struct player *me, words w) {
    tp_reply_to(self, me->held, text, .text = tp_str_of(w[0]));
}
static bool is_text(const tp_message *message, void *context) {
    char shown[64];
    char wanted[64];
    if (!tp_message_is(message, text)) return false;
    tp_message_format(message, shown, sizeof shown);
    snprintf(wanted, sizeof wanted, "\"%s\"", (const char *)context);
    return strstr(shown, wanted) != NULL;
}
static void do_take(tp_actor *self, struct player *me, words w) {
    const tp_message *message;
    tp_err err = tp_receive_any(self, TP_MS(whole(w[1])), is_text, w[0], &message);
    note(me->letter, "%s %s", err == TP_OK ? "took" : "missed", w[0]);
}

/* ---- kids ---- */

struct kid {
    char letter;
    bool leaves;
};
static void kid_init(tp_actor *self, struct kid *kid, const kid_arguments *msg) {
    kid->letter = (char)msg->letter;
    struct plan *plan = &stage.plans[(int)kid->letter];
    tp_trap_exits(self, true);
    if (plan->fail > 0) {
        plan->fail--;
        note('*', "!%c", kid->letter);
        tp_exit(self, BOOM);
    }
    if (plan->ignore > 0) {
        plan->ignore--;
        note('*', "~%c", kid->letter);
        tp_exit(self, TP_EXIT_NORMAL);
    }
    introduce(kid->letter, tp_self(self));
    note('*', "+%c", kid->letter);
}
static void kid_on_end(tp_actor *self, struct kid *kid, const kid_end *msg) {
    kid->leaves = true;
    tp_exit(self, msg->code);
}
static void kid_terminate(tp_actor *self, struct kid *kid, const tp_reason *reason) {
    if (kid->leaves) return;
    note('*', "-%c %s", kid->letter, name_of(reason->code));
    int slow = stage.plans[(int)kid->letter].slow;
    if (slow > 0) tp_sleep(self, TP_MS(slow));
    if (slow > 0) note('*', "%c stopped slowly", kid->letter);
}
TP_BEHAVIOR(kid_behavior, "kid", struct kid, TP_INIT_WITH(kid_arguments, kid_init),
            TP_ON(kid_end, kid_on_end), TP_TERMINATE(kid_terminate));

/* ---- supervisors ---- */

static kid_arguments kid_letters[LETTERS];

/* "a/ts300": a, transient, significant, 300 ms to stop; T temporary, k brutal kill, i no limit. */
static tp_child_spec kid_spec(const char *word) {
    char letter = word[0];
    kid_letters[(int)letter].letter = (uint8_t)letter;
    stage.ids[(int)letter][0] = letter;
    tp_child_spec spec = {.id = stage.ids[(int)letter],
                          .behavior = &kid_behavior,
                          .arguments = {&kid_arguments_message, &kid_letters[(int)letter]}};
    for (const char *c = word + 1; *c != 0; c++) {
        if (*c == 't') spec.restart = TP_TRANSIENT;
        if (*c == 'T') spec.restart = TP_TEMPORARY;
        if (*c == 's') spec.significant = true;
        if (*c == 'k') spec.shutdown = TP_BRUTAL_KILL;
        if (*c == 'i') spec.shutdown = TP_FOREVER;
        if (*c >= '1' && *c <= '9') spec.shutdown = TP_MS(strtol(c, (char **)&c, 10));
        if (*c == 0) break;
    }
    return spec;
}
static tp_supervisor_strategy strategy_of(const char *name) {
    if (strcmp(name, "all") == 0) return TP_ONE_FOR_ALL;
    if (strcmp(name, "rest") == 0) return TP_REST_FOR_ONE;
    return strcmp(name, "simple") == 0 ? TP_SIMPLE_ONE_FOR_ONE : TP_ONE_FOR_ONE;
}
/* sup STRATEGY INTENSITY[/PERIOD] never|any|all KID... */
static void do_sup(tp_actor *self, struct player *me, words w) {
    size_t count = 0;
    memset(stage.specs, 0, sizeof stage.specs);
    for (; *w[3 + count] != 0; count++) stage.specs[count] = kid_spec(w[3 + count]);
    char *slash = strchr(w[1], '/');
    uint32_t intensity = (uint32_t)whole(w[1]) + (strcmp(planted, "intensity") == 0);
    stage.tree = (tp_supervisor_spec){
        .strategy = strategy_of(w[0]),
        .intensity = intensity == 0 ? TP_RESTARTS_NONE : intensity,
        .period = slash == NULL ? TP_SECONDS(50) : TP_SECONDS(whole(slash + 1)),
        .auto_shutdown = strcmp(w[2], "any") == 0   ? TP_AUTO_SHUTDOWN_ANY
                         : strcmp(w[2], "all") == 0 ? TP_AUTO_SHUTDOWN_ALL
                                                    : TP_AUTO_SHUTDOWN_NEVER,
        .children = stage.specs,
    };
    tp_err err = tp_supervisor_start(self, &stage.supervisor, &stage.tree, NULL);
    if (err == TP_OK) introduce('s', stage.supervisor);
    note(me->letter, "sup %s", err == TP_OK ? "ok" : "failed");
}
static void note_result(struct player *me, tp_child_result result) {
    static const char *const names[] = {
        "ok",     "not_found", "running", "restarting", "already_present", "already_started",
        "failed", "bad",       "wrong",   "unreachable"};
    note(me->letter, "%s", names[result]);
}
static void do_supstart(tp_actor *self, struct player *me, words w) {
    stage.added = kid_spec(w[0]);
    note_result(me, tp_supervisor_start_child(self, stage.supervisor, &stage.added, NULL));
}
static void do_supadd(tp_actor *self, struct player *me, words w) {
    note_result(me, tp_supervisor_spawn(self, stage.supervisor, NULL, kid_arguments,
                                        .letter = (uint8_t)w[0][0]));
}
static void do_supterm(tp_actor *self, struct player *me, words w) {
    note_result(me, tp_supervisor_terminate_child(self, stage.supervisor, w[0]));
}
static void do_suptermpid(tp_actor *self, struct player *me, words w) {
    note_result(me, tp_supervisor_terminate_pid(self, stage.supervisor, pid_of(w[0])));
}
static void do_suprestart(tp_actor *self, struct player *me, words w) {
    note_result(me, tp_supervisor_restart_child(self, stage.supervisor, w[0], NULL));
}
static void do_supdelete(tp_actor *self, struct player *me, words w) {
    note_result(me, tp_supervisor_delete_child(self, stage.supervisor, w[0]));
}
static int by_id(const void *a, const void *b) {
    return ((const tp_child_info *)a)->id.data[0] - ((const tp_child_info *)b)->id.data[0];
}
static void do_supwhich(tp_actor *self, struct player *me, words w) {
    static const char *const names[] = {"stopped", "running", "restarting"};
    tp_child_info infos[8];
    tp_child_counts counts;
    size_t count = 0;
    (void)w;
    tp_supervisor_which_children(self, stage.supervisor, infos, 8, &count);
    qsort(infos, count, sizeof infos[0], by_id);
    for (size_t i = 0; i < count; i++)
        note(me->letter, "%c %s", infos[i].id.size == 0 ? '-' : infos[i].id.data[0],
             names[infos[i].status]);
    if (tp_supervisor_count_children(self, stage.supervisor, &counts) == TP_OK)
        note(me->letter, "specs %d active %d supervisors %d workers %d", (int)counts.specs,
             (int)counts.active, (int)counts.supervisors, (int)counts.workers);
}

/* ---- what a player does ---- */

static const struct {
    const char *name;
    void (*run)(tp_actor *self, struct player *me, words w);
} verbs[] = {{"spawn", do_spawn},
             {"link", do_link},
             {"unlink", do_unlink},
             {"trap", do_trap},
             {"monitor", do_monitor},
             {"demonitor", do_demonitor},
             {"exit", do_exit},
             {"return", do_return},
             {"signal", do_signal},
             {"say", do_say},
             {"sayname", do_sayname},
             {"register", do_register},
             {"unregister", do_unregister},
             {"whereis", do_whereis},
             {"sleep", do_sleep},
             {"after", do_after},
             {"cancel", do_cancel},
             {"alias", do_alias},
             {"monalias", do_monalias},
             {"unalias", do_unalias},
             {"sayalias", do_sayalias},
             {"call", do_call},
             {"request", do_request},
             {"await", do_await},
             {"answer", do_answer},
             {"take", do_take},
             {"sup", do_sup},
             {"supstart", do_supstart},
             {"supadd", do_supadd},
             {"supterm", do_supterm},
             {"suptermpid", do_suptermpid},
             {"suprestart", do_suprestart},
             {"supdelete", do_supdelete},
             {"supwhich", do_supwhich}};

static void split(char *line, words w) {
    static char nothing[] = "";
    char *save;
    char *word = strtok_r(line, " ", &save);
    for (size_t i = 0; i < WORDS; i++) {
        w[i] = word == NULL ? nothing : word;
        if (word != NULL) word = strtok_r(NULL, " ", &save);
    }
}

/* Several commands with a comma between them are done in one go. */
static void obey(tp_actor *self, struct player *me, const tp_message *message) {
    command msg;
    char line[256];
    char *save;
    if (tp_message_get(self, message, &msg, command) != TP_OK) return;
    snprintf(line, sizeof line, "%.*s", (int)msg.text.size, msg.text.data);
    for (char *one = strtok_r(line, ",", &save); one; one = strtok_r(NULL, ",", &save)) {
        words w;
        split(one, w);
        for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++)
            if (strcmp(verbs[i].name, w[0]) == 0) verbs[i].run(self, me, w + 1);
    }
}

/* A request says what to do with it: echo, hold, twice, die REASON, pass PLAYER. */
static void asked(tp_actor *self, struct player *me, const tp_message *message) {
    ask msg;
    char line[64];
    words w;
    if (tp_message_get(self, message, &msg, ask) != TP_OK) return;
    snprintf(line, sizeof line, "%.*s", (int)msg.text.size, msg.text.data);
    split(line, w);
    /* What is passed on is the request as it is: for the last it is an echo. */
    if (strcmp(w[0], "pass") == 0 && w[1][0] == me->letter) {
        static char echo[] = "echo";
        w[0] = echo;
    }
    note(me->letter, "asked %s", w[0]);
    if (strcmp(w[0], "echo") == 0) tp_reply(self, text, .text = tp_str_of("echo"));
    if (strcmp(w[0], "hold") == 0) me->held = tp_defer(self);
    if (strcmp(w[0], "die") == 0) tp_exit(self, code_of(w[1]));
    if (strcmp(w[0], "pass") == 0) tp_delegate(self, pid_of(w[1]));
    if (strcmp(w[0], "twice") == 0) {
        me->held = tp_defer(self);
        tp_reply_to(self, me->held, text, .text = tp_str_of("one"));
        tp_reply_to(self, me->held, text, .text = tp_str_of("two"));
    }
}

static void heard(tp_actor *self, struct player *me, const tp_message *message) {
    tp_exited exited;
    tp_down down;
    text said;
    if (tp_message_is(message, command)) obey(self, me, message);
    else if (tp_message_is(message, ask)) asked(self, me, message);
    else if (tp_message_get(self, message, &exited, tp_exited) == TP_OK)
        note(me->letter, "EXIT %c %s", letter_of(exited.from), name_of(exited.code));
    else if (tp_message_get(self, message, &down, tp_down) == TP_OK)
        note(me->letter, "DOWN %c %s", letter_of(down.from), name_of(down.code));
    else if (tp_message_get(self, message, &said, text) == TP_OK)
        note(me->letter, "got %.*s", (int)said.text.size, said.text.data);
}

static void play(tp_actor *self, void *arg) {
    struct player *me = arg;
    const tp_message *message;
    while (!me->returns && tp_receive_any(self, TP_FOREVER, NULL, NULL, &message) == TP_OK)
        heard(self, me, message);
}

/* ---- the director ---- */

static void note_alive(tp_sim *sim, const char *word) {
    bool alive = tp_alive(tp_sim_runtime(sim), pid_of(word));
    note('=', "%c %s", word[0], alive ? "alive" : "dead");
}

static void make_plan(words w) {
    struct plan *plan = &stage.plans[w[1][0] & 127];
    int n = whole(w[3]);
    if (strcmp(w[2], "fail") == 0) plan->fail = n;
    if (strcmp(w[2], "ignore") == 0) plan->ignore = n;
    if (strcmp(w[2], "slow") == 0) plan->slow = n;
}

static void direct(tp_sim *sim, const char *step) {
    char line[256];
    words w;
    snprintf(line, sizeof line, "%s", step);
    split(line, w);
    if (strcmp(w[0], "spawn") == 0) {
        for (int i = 1; i < 8 && *w[i] != 0; i++) {
            struct player *player = &stage.players[w[i][0] & 127];
            player->letter = w[i][0];
            introduce(w[i][0], tp_sim_spawn_body(sim, play, player, NULL));
        }
    } else if (strcmp(w[0], "wait") == 0) {
        tp_sim_advance(sim, TP_MS(whole(w[1])));
    } else if (strcmp(w[0], "alive") == 0) {
        for (int i = 1; i < 8 && *w[i] != 0; i++) note_alive(sim, w[i]);
    } else if (strcmp(w[0], "kid") == 0) {
        tp_sim_send(sim, pid_of(w[1]), kid_end, .code = code_of(w[2]));
    } else if (strcmp(w[0], "plan") == 0) {
        make_plan(w);
    } else {
        tp_sim_send(sim, pid_of(w[0]), command, .text = tp_str_of(step + 2));
    }
}

static int perform(const char *scene, char *steps) {
    tp_sim *sim;
    int step = 0;
    tp_sim_options options = {.choice = TP_SIM_FIFO, .runtime = {.log_level = TP_LOG_OFF}};
    memset(&stage, 0, sizeof stage);
    if (tp_sim_new(&sim, &options) != TP_OK) return 1;
    for (char *at = steps; at != NULL;) {
        char *next = strstr(at, " | ");
        if (next != NULL) *next = 0;
        direct(sim, at);
        tp_sim_advance(sim, TP_US(200));
        print_notes(scene, ++step);
        at = next == NULL ? NULL : next + 3;
    }
    printf("%s end\n", scene);
    tp_sim_free(sim);
    return 0;
}

int main(void) {
    static char line[2048];
    const char *plant = getenv("TROUPE_OTP_PLANT");
    if (plant != NULL) planted = plant;
    while (fgets(line, sizeof line, stdin) != NULL) {
        line[strcspn(line, "\n")] = 0;
        char *steps = strstr(line, ": ");
        if (line[0] == '#' || steps == NULL) continue;
        *steps = 0;
        if (perform(line, steps + 2) != 0) return 1;
    }
    return 0;
}
