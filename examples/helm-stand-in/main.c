/*
 * helm-stand-in: as much of helm as the example futures needs, with files in the place of a
 * cluster. A release is a file STORE/NAMESPACE/NAME, which says how its removal goes.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define STORE "HELM_STAND_IN" /* the environment's name for the folder */
#define NAME_SIZE 64          /* as in Kubernetes: 63 characters */
#define PATH_SIZE 512

struct command {
    const char *verb;
    const char *name;  /* of the release; NULL: none was given */
    const char *space; /* its namespace */
    const char *set;
    bool all, dry;
};

static _Noreturn void usage(void) {
    fprintf(stderr,
            "usage: helm-stand-in install NAME [--namespace NS] [--set takes=MS,then=WHAT]\n"
            "       helm-stand-in list [--namespace NS | --all-namespaces] [--max N]\n"
            "       helm-stand-in uninstall NAME [--namespace NS] [--dry-run]\n"
            "WHAT is done, fail, crash, hang or stubborn; " STORE
            " names the folder of releases\n");
    exit(2);
}

static _Noreturn void wrong(const char *what, const char *name) {
    fprintf(stderr, "Error: %s: %s\n", what, name);
    exit(1);
}

/* The system said no. */
static _Noreturn void failed(const char *path) {
    fprintf(stderr, "Error: ");
    perror(path);
    exit(1);
}

/* ---- the store ---- */

/* Lower case, digits and dashes: so no name leaves the folder. */
static void check_name(const char *name) {
    size_t size = strlen(name);
    if (size == 0 || size >= NAME_SIZE) wrong("a name has 1 to 63 characters", name);
    for (size_t i = 0; i < size; i++)
        if (!islower((unsigned char)name[i]) && !isdigit((unsigned char)name[i]) && name[i] != '-')
            wrong("a name is made of a-z, 0-9 and -", name);
}

static const char *store(void) {
    const char *folder = getenv(STORE);
    if (folder == NULL || *folder == '\0') wrong("not set", STORE);
    if (strlen(folder) > PATH_SIZE - 3 * NAME_SIZE) wrong("too long", STORE);
    return folder;
}

static void path_of(const struct command *command, char *path) {
    snprintf(path, PATH_SIZE, "%s/%s/%s", store(), command->space, command->name);
}

/* A line of the journal, in one write: begin or end, whose, and when. */
static void note(const struct command *command, const char *what) {
    char path[PATH_SIZE], line[4 * NAME_SIZE];
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    int64_t at = (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
    snprintf(path, sizeof path, "%s/journal", store());
    int size = snprintf(line, sizeof line, "%s %s %s %" PRId64 "\n", what, command->space,
                        command->name, at);
    int file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (file < 0 || write(file, line, (size_t)size) != size) failed(path);
    close(file);
}

/* ---- the commands ---- */

static int install(const struct command *command) {
    char path[PATH_SIZE];
    snprintf(path, sizeof path, "%s/%s", store(), command->space);
    if (mkdir(path, 0755) != 0 && errno != EEXIST) failed(path);
    path_of(command, path);
    FILE *file = fopen(path, "wxe");
    if (file == NULL && errno == EEXIST) wrong("cannot re-use a name that is in use", path);
    if (file == NULL) failed(path);
    fprintf(file, "%s\n", command->set);
    if (fclose(file) != 0) failed(path);
    printf("release \"%s\" installed\n", command->name);
    return 0;
}

static int visible(const struct dirent *entry) {
    return entry->d_name[0] != '.' && strcmp(entry->d_name, "journal") != 0;
}

static void list_space(const char *space) {
    char path[PATH_SIZE];
    struct dirent **releases;
    snprintf(path, sizeof path, "%s/%.*s", store(), NAME_SIZE, space);
    int count = scandir(path, &releases, visible, alphasort);
    for (int i = 0; i < count; i++) {
        printf("%s\t%s\t1\tdeployed\tstand-in-1.0\n", releases[i]->d_name, space);
        free(releases[i]);
    }
    if (count >= 0) free(releases);
}

static int list(const struct command *command) {
    struct dirent **spaces;
    printf("NAME\tNAMESPACE\tREVISION\tSTATUS\tCHART\n");
    if (!command->all) {
        list_space(command->space);
        return 0;
    }
    int count = scandir(store(), &spaces, visible, alphasort);
    if (count < 0) failed(store());
    for (int i = 0; i < count; i++) {
        list_space(spaces[i]->d_name);
        free(spaces[i]);
    }
    free(spaces);
    return 0;
}

static void take(int64_t ms) {
    struct timespec left = {ms / 1000, ms % 1000 * 1000000};
    while (nanosleep(&left, &left) != 0) continue;
}

/* The work of a removal, and what may go wrong with it. */
static int uninstall(const struct command *command) {
    char path[PATH_SIZE], then[16] = "done";
    int64_t takes = 0;
    path_of(command, path);
    FILE *file = fopen(path, "re");
    if (file == NULL) wrong("uninstall: Release not loaded: release: not found", command->name);
    if (fscanf(file, "takes=%" SCNd64 ",then=%15s", &takes, then) < 1) takes = 0;
    fclose(file);
    if (command->dry) return printf("release \"%s\" uninstalled (dry run)\n", command->name) < 0;
    const struct sigaction deaf = {.sa_handler = SIG_IGN};
    if (strcmp(then, "stubborn") == 0) (void)sigaction(SIGTERM, &deaf, NULL);
    note(command, "begin");
    take(takes);
    while (strcmp(then, "hang") == 0 || strcmp(then, "stubborn") == 0) pause();
    if (strcmp(then, "crash") == 0) (void)raise(SIGKILL);
    if (strcmp(then, "fail") == 0) {
        note(command, "end");
        wrong("uninstallation completed with 1 error(s): the service is still in use",
              command->name);
    }
    if (unlink(path) != 0) failed(path);
    note(command, "end");
    printf("release \"%s\" uninstalled\n", command->name);
    return 0;
}

/* ---- arguments ---- */

static struct command read_command(char **argv) {
    struct command command = {.space = "default", .set = "takes=0,then=done"};
    if (argv[1] == NULL) usage();
    command.verb = argv[1];
    for (char **at = &argv[2]; *at != NULL; at++) {
        bool has_value = at[1] != NULL;
        if (strcmp(*at, "--all-namespaces") == 0 || strcmp(*at, "-A") == 0) command.all = true;
        else if (strcmp(*at, "--dry-run") == 0) command.dry = true;
        else if ((strcmp(*at, "--namespace") == 0 || strcmp(*at, "-n") == 0) && has_value)
            command.space = *++at;
        else if (strcmp(*at, "--set") == 0 && has_value) command.set = *++at;
        else if (strcmp(*at, "--max") == 0 && has_value) at++;
        else if (**at != '-' && command.name == NULL) command.name = *at;
        else usage();
    }
    check_name(command.space);
    if (command.name != NULL) check_name(command.name);
    return command;
}

int main(int argc, char **argv) {
    (void)argc;
    struct command command = read_command(argv);
    bool named = command.name != NULL;
    if (strcmp(command.verb, "list") == 0 && !named) return list(&command);
    if (strcmp(command.verb, "install") == 0 && named) return install(&command);
    if (strcmp(command.verb, "uninstall") == 0 && named) return uninstall(&command);
    usage();
}
