/*
 * Certificates for tests of TLS, made by the openssl command for one test and removed with it.
 */
#ifndef TESTS_CERTIFICATES_H
#define TESTS_CERTIFICATES_H

#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/test.h"

#define CERTIFICATES_NAME "troupe-test" /* what the nodes' certificates are for */

struct certificates {
    char folder[64];
    char authority[96], certificate[96], key[96];     /* a node of the cluster */
    char foreign[96], stranger[96], stranger_key[96]; /* another authority, and a node of its */
};

/* What the shell makes of a line: its exit status; -1 when there is none. */
static inline int shell_run(char *line) {
    static char sh[] = "sh", c[] = "-c";
    char *arguments[] = {sh, c, line, NULL};
    pid_t pid;
    int status;
    if (posix_spawn(&pid, "/bin/sh", NULL, NULL, arguments, environ) != 0) return -1;
    if (waitpid(pid, &status, 0) != pid) return -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* An authority AUTHORITY.pem, and NODE.pem with NODE.key, which it signed. */
#define CERTIFICATES_SCRIPT                                                                        \
    "cd %s && new() { openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes "  \
    "-days 2 \"$@\"; } && pair() { new -keyout $1.key -out $1.pem -subj /CN=$1 && "                \
    "new -CA $1.pem -CAkey $1.key -keyout $2.key -out $2.pem -subj /CN=$2 "                        \
    "-addext basicConstraints=critical,CA:FALSE -addext subjectAltName=DNS:" CERTIFICATES_NAME     \
    "; } && pair authority node && pair foreign stranger"

/* False: the openssl command did not do it. */
static inline bool certificates_make(struct certificates *made) {
    char command[1024];
    snprintf(made->folder, sizeof made->folder, "/tmp/tp-certificates-XXXXXX");
    if (mkdtemp(made->folder) == NULL) return false;
    snprintf(command, sizeof command, "(" CERTIFICATES_SCRIPT ") >%s/log 2>&1 </dev/null",
             made->folder, made->folder);
    if (shell_run(command) != 0) {
        snprintf(command, sizeof command, "cat %s/log >&2", made->folder);
        (void)shell_run(command);
        return false;
    }
#define CERTIFICATES_PATH(field, file)                                                             \
    snprintf(made->field, sizeof made->field, "%s/" file, made->folder)
    CERTIFICATES_PATH(authority, "authority.pem");
    CERTIFICATES_PATH(certificate, "node.pem");
    CERTIFICATES_PATH(key, "node.key");
    CERTIFICATES_PATH(foreign, "foreign.pem");
    CERTIFICATES_PATH(stranger, "stranger.pem");
    CERTIFICATES_PATH(stranger_key, "stranger.key");
#undef CERTIFICATES_PATH
    return true;
}

static inline void certificates_remove(const struct certificates *made) {
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", made->folder);
    (void)shell_run(command);
}

#endif
