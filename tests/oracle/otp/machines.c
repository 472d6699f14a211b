/*
 * Plays the scripts of machines.txt on troupe's state machine, in the simulator, and prints what
 * happened, a line each; machines.erl plays them on gen_statem. A line is "init|messages|script",
 * the script "event=the first time=every other time;...", in the words of machine_scene.h.
 */
#include "tests/unit/behaviors/machine_scene.h"

_Noreturn void tp_test_fail(const char *file, int line, const char *format, ...) {
    fprintf(stderr, "%s:%d: %s\n", file, line, format);
    exit(1);
}
void tp_test_equal_int(const char *file, int line, const char *a, const char *b, long long x,
                       long long y) {
    (void)b;
    if (x != y) tp_test_fail(file, line, "%s", a);
}
void tp_test_equal_str(const char *file, int line, const char *a, const char *b, const char *x,
                       const char *y) {
    (void)b;
    if (strcmp(x, y) != 0) tp_test_fail(file, line, "%s", a);
}

/* Cuts the text at the separator; what follows it. */
static char *cut(char *text, char separator) {
    char *at = strchr(text, separator);
    if (at == NULL) return text + strlen(text);
    *at = 0;
    return at + 1;
}

static void perform(char *init) {
    static struct line lines[32];
    size_t count = 0;
    char *save;
    char *messages = cut(init, '|');
    char *script = cut(messages, '|');
    for (char *word = strtok_r(script, ";", &save); word; word = strtok_r(NULL, ";", &save)) {
        char *first = cut(word, '=');
        char *then = cut(first, '=');
        if (count < 31) lines[count++] = (struct line){word, first, then};
    }
    lines[count] = (struct line){NULL, NULL, NULL};
    struct scene with = {.script = lines, .init = init};
    tp_sim *sim = open_scene(with);
    (void)send_all(sim, messages);
    tp_sim_run(sim);
    printf("%s\n", story);
    tp_sim_free(sim);
}

int main(void) {
    static char line[4096];
    (void)play; /* of the header, not needed here */
    while (fgets(line, sizeof line, stdin) != NULL) {
        line[strcspn(line, "\n")] = 0;
        if (line[0] != '#') perform(line);
    }
    return 0;
}
