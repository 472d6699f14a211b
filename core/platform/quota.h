/*
 * The CPU quota of control groups, apart from tpi_cpu_count so that tests can lay out a tree of
 * files.
 */
#ifndef TPI_PLATFORM_QUOTA_H
#define TPI_PLATFORM_QUOTA_H

/*
 * How many CPUs the groups named in `membership` (as /proc/self/cgroup) may use by the files below
 * `mount` (as /sys/fs/cgroup), rounded up; 0 when nothing limits them. Versions 1 and 2; parents
 * count too.
 */
unsigned tpi_cpu_quota(const char *membership, const char *mount);

#endif
