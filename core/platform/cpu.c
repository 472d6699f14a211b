/*
 * How many CPUs there are for us: what affinity allows, cut to what the control group's quota pays
 * for. More workers than that would only be stopped in the middle of their work.
 */
#include "core/platform/platform.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/assert.h"
#include "core/platform/quota.h"

#define PATH_SIZE 1024
#define CPUS_MAX 8192

/* ---- quota ---- */

/* Reads a small file as text; false when it cannot. */
static bool read_text(const char *path, char *text, size_t size) {
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return false;
    ssize_t got = read(file, text, size - 1);
    close(file);
    if (got < 0) return false;
    text[got] = '\0';
    return true;
}

static unsigned quota_cpus(long long quota, long long period) {
    if (quota <= 0 || period <= 0) return 0;
    long long cpus = quota / period + (quota % period != 0);
    return cpus > CPUS_MAX ? 0 : (unsigned)cpus;
}

/* The smaller of two limits, 0 meaning none. */
static unsigned tighter(unsigned a, unsigned b) {
    if (a == 0) return b;
    return b == 0 || a < b ? a : b;
}

static unsigned group_quota_v2(const char *folder) {
    char path[PATH_SIZE + 32];
    char text[128];
    snprintf(path, sizeof(path), "%s/cpu.max", folder);
    if (!read_text(path, text, sizeof(text))) return 0;
    long long quota;
    long long period;
    if (sscanf(text, "%lld %lld", &quota, &period) != 2) return 0; /* "max 100000": no limit */
    return quota_cpus(quota, period);
}

static unsigned group_quota_v1(const char *folder) {
    char path[PATH_SIZE + 32];
    char quota[64];
    char period[64];
    snprintf(path, sizeof(path), "%s/cpu.cfs_quota_us", folder);
    if (!read_text(path, quota, sizeof(quota))) return 0;
    snprintf(path, sizeof(path), "%s/cpu.cfs_period_us", folder);
    if (!read_text(path, period, sizeof(period))) return 0;
    return quota_cpus(strtoll(quota, NULL, 10), strtoll(period, NULL, 10)); /* -1: no limit */
}

/* The tightest limit of the group and its parents, up to the mount itself. */
static unsigned tree_quota(const char *mount, const char *group,
                           unsigned (*quota_of)(const char *)) {
    char folder[PATH_SIZE];
    int length = snprintf(folder, sizeof(folder), "%s%s", mount, group);
    if (length < 0 || (size_t)length >= sizeof(folder)) return quota_of(mount);
    size_t top = strlen(mount);
    unsigned limit = 0;
    for (;;) {
        limit = tighter(limit, quota_of(folder));
        char *slash = strrchr(folder + top, '/');
        if (slash == NULL) return limit;
        *slash = '\0';
    }
}

static bool names_cpu(const char *controllers, size_t size) {
    for (size_t at = 0; at < size;) {
        size_t end = at;
        while (end < size && controllers[end] != ',') end++;
        if (end - at == 3 && memcmp(controllers + at, "cpu", 3) == 0) return true;
        at = end + 1;
    }
    return false;
}

/* One line of membership: "ID:CONTROLLERS:GROUP"; version 2 has no controllers. */
static unsigned line_quota(const char *line, const char *mount) {
    const char *controllers = strchr(line, ':');
    if (controllers == NULL) return 0;
    controllers++;
    const char *group = strchr(controllers, ':');
    if (group == NULL) return 0;
    size_t size = (size_t)(group - controllers);
    group++;
    static const char *const v1[] = {"/cpu", "/cpu,cpuacct", "/cpuacct,cpu"};
    static const char *const v2[] = {"", "/unified"};
    char below[PATH_SIZE];
    unsigned limit = 0;
    for (size_t i = 0; size == 0 && i < sizeof(v2) / sizeof(v2[0]); i++) {
        snprintf(below, sizeof(below), "%s%s", mount, v2[i]);
        limit = tighter(limit, tree_quota(below, group, group_quota_v2));
    }
    for (size_t i = 0; names_cpu(controllers, size) && i < sizeof(v1) / sizeof(v1[0]); i++) {
        snprintf(below, sizeof(below), "%s%s", mount, v1[i]);
        limit = tighter(limit, tree_quota(below, group, group_quota_v1));
    }
    return limit;
}

unsigned tpi_cpu_quota(const char *membership, const char *mount) {
    TPI_ASSERT(membership != NULL);
    TPI_ASSERT(mount != NULL);
    char text[8192];
    if (!read_text(membership, text, sizeof(text))) return 0;
    unsigned limit = 0;
    char *rest = NULL;
    for (char *line = strtok_r(text, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        limit = tighter(limit, line_quota(line, mount));
    }
    return limit;
}

/* ---- affinity ---- */

/* The CPUs the calling thread may use; CPU_FREE it. NULL when the system does not say. */
static cpu_set_t *affinity(size_t *size) {
    cpu_set_t *set = CPU_ALLOC(CPUS_MAX);
    if (set == NULL) return NULL;
    *size = CPU_ALLOC_SIZE(CPUS_MAX);
    CPU_ZERO_S(*size, set);
    if (sched_getaffinity(0, *size, set) == 0) return set;
    CPU_FREE(set);
    return NULL;
}

unsigned tpi_cpu_count(void) {
    size_t size;
    cpu_set_t *set = affinity(&size);
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    unsigned count = online > 0 ? (unsigned)online : 1;
    if (set != NULL) {
        count = (unsigned)CPU_COUNT_S(size, set);
        CPU_FREE(set);
    }
    count = tighter(count, tpi_cpu_quota("/proc/self/cgroup", "/sys/fs/cgroup"));
    return count > 0 ? count : 1;
}

tp_err tpi_thread_pin(unsigned cpu) {
    size_t size;
    cpu_set_t *set = affinity(&size);
    if (set == NULL) return TP_ENOTSUP;
    int chosen = -1;
    for (int i = 0; i < CPUS_MAX && chosen < 0; i++) {
        if (CPU_ISSET_S((size_t)i, size, set) && cpu-- == 0) chosen = i;
    }
    tp_err err = TP_EINVAL;
    if (chosen >= 0) {
        CPU_ZERO_S(size, set);
        CPU_SET_S((size_t)chosen, size, set);
        err = sched_setaffinity(0, size, set) == 0 ? TP_OK : TP_EINVAL;
    }
    CPU_FREE(set);
    return err;
}
