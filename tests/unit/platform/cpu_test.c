/* The CPU quota, on a tree of files laid out like the system's. */
#include "core/platform/platform.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/platform/quota.h"
#include "tests/support/test.h"

struct tree {
    char root[64];
    char membership[96];
};

/* Writes `text` to a file below the root, making its folders. */
static void put(const struct tree *tree, const char *name, const char *text) {
    char path[256];
    snprintf(path, sizeof(path), "%s/%s", tree->root, name);
    for (char *slash = path + strlen(tree->root) + 1; (slash = strchr(slash, '/')) != NULL;
         slash++) {
        *slash = '\0';
        mkdir(path, 0700);
        *slash = '/';
    }
    FILE *file = fopen(path, "w");
    TP_ASSERT(file != NULL);
    fputs(text, file);
    fclose(file);
}

static void tree_begin(struct tree *tree, const char *membership) {
    snprintf(tree->root, sizeof(tree->root), "/tmp/troupe-quota-XXXXXX");
    TP_ASSERT(mkdtemp(tree->root) != NULL);
    put(tree, "membership", membership);
    snprintf(tree->membership, sizeof(tree->membership), "%s/membership", tree->root);
}

static int remove_one(const char *path, const struct stat *status, int flag, struct FTW *place) {
    (void)status;
    (void)flag;
    (void)place;
    return remove(path);
}

static unsigned tree_end(const struct tree *tree) {
    unsigned quota = tpi_cpu_quota(tree->membership, tree->root);
    TP_ASSERT_EQ_INT(nftw(tree->root, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
    return quota;
}

TP_TEST(cpu, there_is_at_least_one) {
    TP_ASSERT(tpi_cpu_count() >= 1);
}

TP_TEST(cpu, version_2_quota_is_rounded_up) {
    struct tree tree;
    tree_begin(&tree, "0::/app\n");
    put(&tree, "app/cpu.max", "150000 100000\n");
    TP_ASSERT_EQ_INT(tree_end(&tree), 2);
}

TP_TEST(cpu, version_2_parents_count) {
    struct tree tree;
    tree_begin(&tree, "0::/pod/app\n");
    put(&tree, "pod/app/cpu.max", "800000 100000\n");
    put(&tree, "pod/cpu.max", "300000 100000\n");
    put(&tree, "cpu.max", "max 100000\n");
    TP_ASSERT_EQ_INT(tree_end(&tree), 3);
}

TP_TEST(cpu, version_2_max_is_no_limit) {
    struct tree tree;
    tree_begin(&tree, "0::/\n");
    put(&tree, "cpu.max", "max 100000\n");
    TP_ASSERT_EQ_INT(tree_end(&tree), 0);
}

TP_TEST(cpu, version_1_quota_is_found_by_its_controller) {
    struct tree tree;
    tree_begin(&tree, "5:memory:/m\n3:cpu,cpuacct:/app\n1:name=systemd:/x\n");
    put(&tree, "cpu,cpuacct/app/cpu.cfs_quota_us", "50000\n");
    put(&tree, "cpu,cpuacct/app/cpu.cfs_period_us", "100000\n");
    TP_ASSERT_EQ_INT(tree_end(&tree), 1);
}

TP_TEST(cpu, version_1_minus_one_is_no_limit) {
    struct tree tree;
    tree_begin(&tree, "3:cpuset:/s\n4:cpu:/\n");
    put(&tree, "cpu/cpu.cfs_quota_us", "-1\n");
    put(&tree, "cpu/cpu.cfs_period_us", "100000\n");
    TP_ASSERT_EQ_INT(tree_end(&tree), 0);
}

TP_TEST(cpu, a_group_hidden_by_a_namespace_falls_back_to_the_mount) {
    struct tree tree;
    tree_begin(&tree, "4:cpu:/docker/0123\n");
    put(&tree, "cpu/cpu.cfs_quota_us", "400000\n");
    put(&tree, "cpu/cpu.cfs_period_us", "100000\n");
    TP_ASSERT_EQ_INT(tree_end(&tree), 4);
}

TP_TEST(cpu, missing_or_odd_files_are_no_limit) {
    struct tree tree;
    TP_ASSERT_EQ_INT(tpi_cpu_quota("/nonexistent", "/nonexistent"), 0);
    tree_begin(&tree, "nonsense\n0::/a\n:\n");
    put(&tree, "a/cpu.max", "many\n");
    TP_ASSERT_EQ_INT(tree_end(&tree), 0);
}
