/*
 * troupe-stress: a supervision tree in a storm. What its files share.
 *
 * The storm is one actor: it hurts leaves of the tree, hears when they serve again, and keeps the
 * books. A leaf slot's `failing` and `slow` belong to the incarnation that lives in it; all else
 * here is written by the storm alone, and read by main after the runtime has come to rest.
 */
#ifndef TOOLS_STRESS_STRESS_H
#define TOOLS_STRESS_STRESS_H

#include <troupe/troupe.h>

/* How a leaf is hurt: name and share of 1,000. */
#define STRESS_KIND_MAP(X)                                                                         \
    X(EXIT, "exit", 340)     /* tp_exit with a code of its own */                                  \
    X(FAIL, "fail", 300)     /* tp_fail, with a report */                                          \
    X(FAULT, "fault", 100)   /* a bad pointer, contained where that can be */                      \
    X(KILL, "kill", 200)     /* tp_kill */                                                         \
    X(HANG, "hang", 10)      /* it answers nothing, until its supervisor kills it */               \
    X(SLOW, "slow", 25)      /* its next init takes some milliseconds */                           \
    X(REFUSE, "refuse", 25)  /* its next one to three inits fail */                                \
    X(SIGKILL, "sigkill", 0) /* of an isolated one's process: half of its exits and kills */

enum stress_kind {
#define STRESS_KIND_ENUM(name, text, share) STRESS_##name,
    STRESS_KIND_MAP(STRESS_KIND_ENUM)
#undef STRESS_KIND_ENUM
        STRESS_KIND_COUNT
};

struct stress_options {
    int64_t seconds;
    int64_t kill_rate; /* a second */
    int64_t load;      /* messages a second */
    int64_t depth;     /* levels of supervisors */
    int64_t fanout;    /* children of each */
    int64_t isolated;  /* so many leaves, the first ones, are processes */
    tp_supervisor_strategy strategy;
    int64_t workers;
    uint64_t seed;
    int64_t memory_bound; /* MiB a minute */
    bool json;
    bool sim;
    uint64_t seed_from;
    uint64_t seed_to;
    const char *html;
};

/* The place of a leaf, through all its incarnations. In memory that isolated ones share. */
struct stress_slot {
    uint32_t failing; /* inits that are still to fail */
    tp_duration slow; /* what the next init takes */
    tp_pid pid;       /* from here on: the storm's */
    int64_t process;  /* of an isolated one */
    tp_time died;     /* 0: not known */
    uint64_t served;  /* incarnations that have come up */
    uint64_t epoch;   /* of its group, when it was hurt */
    enum stress_kind kind;
    bool hurt; /* and not yet heard of again */
    bool plain;
};

/* The leaves under one supervisor: one that hangs or starts slowly delays the others. */
struct stress_group {
    uint64_t epoch;
    uint32_t obstacles;
};

#define STRESS_BUCKETS 512 /* eight for each doubling */

struct stress_histogram {
    uint64_t buckets[STRESS_BUCKETS];
    uint64_t count;
    int64_t max;
};

#define STRESS_SAMPLES_MAX 2048

struct stress_sample {
    double seconds;
    double memory; /* bytes */
    double queued; /* messages sent and not yet handled, dropped or dead */
};

struct stress_tree;

struct stress_result {
    bool ended; /* the storm came to its own end */
    tp_time span;
    uint64_t hurts[STRESS_KIND_COUNT];
    uint64_t skipped;  /* no leaf was free to be hurt */
    uint64_t restarts; /* incarnations after the first */
    uint64_t brittle_deaths;
    uint64_t escalations_expected;
    uint64_t escalations_seen;
    uint64_t escalations_unexpected;
    uint64_t not_restarted; /* slots */
    uint64_t silent;        /* leaves that did not answer at the end */
    uint64_t load_sent;
    uint64_t watched; /* by the storm's monitors */
    uint64_t calls;   /* answered by supervisors; written by the medic, read when it is dead */
    struct stress_histogram plain;    /* latency: nothing else was wrong under that supervisor */
    struct stress_histogram delayed;  /* the others */
    struct stress_histogram isolated; /* those in a process of their own */
    struct stress_sample samples[STRESS_SAMPLES_MAX];
    size_t sample_count;
    double slope; /* bytes a minute */
    tp_counters counters;
    uint64_t alive_after; /* actors, after the stop */
    bool process_left;    /* after the stop, a zombie included */
    int descriptors_left;
    uint64_t hash;    /* of the simulated run */
    char broken[256]; /* the first broken invariant; empty: none */
};

struct stress {
    const struct stress_options *options;
    struct stress_tree *tree;
    struct stress_slot *slots; /* of the leaves; the last one is the brittle one */
    size_t leaf_count;
    struct stress_group *groups;
    size_t group_count;
    tp_pid storm;
    struct stress_result *result;
};

TP_MESSAGE_AS(stress_start, "stress.start", TP_FIELD(u64, stress), TP_FIELD(u32, slot),
              TP_FIELD(pid, storm))
TP_MESSAGE_AS(stress_hurt, "stress.hurt", TP_FIELD(u32, kind), TP_FIELD(u32, amount))
TP_MESSAGE_AS(stress_hello, "stress.hello")
TP_MESSAGE_AS(stress_dying, "stress.dying", TP_FIELD(u32, slot), TP_FIELD(i64, at))
TP_MESSAGE_AS(stress_served, "stress.served", TP_FIELD(u32, slot), TP_FIELD(i64, at),
              TP_FIELD(i64, process))
TP_MESSAGE_AS(stress_load, "stress.load", TP_FIELD(u64, number))
TP_MESSAGE_AS(stress_ping, "stress.ping")
TP_MESSAGE_AS(stress_pong, "stress.pong", TP_FIELD(u32, slot))
TP_MESSAGE_AS(stress_hung, "stress.hung", TP_FIELD(u32, slot))
TP_MESSAGE_AS(stress_loaded, "stress.loaded", TP_FIELD(u64, sent))
TP_MESSAGE_AS(stress_quit, "stress.quit")

/* ---- actors.c: the leaf, the source of load, the one who ends what hangs ---- */

extern const tp_behavior stress_leaf;
void stress_load_body(tp_actor *self, void *stress);
void stress_medic_body(tp_actor *self, void *stress);

/* ---- storm.c ---- */

/* The whole storm: starts the tree, hurts it, stops it, fills the result. */
void stress_storm_body(tp_actor *self, void *stress);

/* ---- tree.c ---- */

#define STRESS_LEAVES_MAX 100000
#define STRESS_NAME_SIZE 40
#define STRESS_BRITTLE_INTENSITY 3

/* The specification, the slots and the groups. False: out of memory. */
bool stress_tree_make(struct stress *stress);
void stress_tree_free(struct stress *stress);
const tp_supervisor_spec *stress_tree_root(const struct stress *stress);
/* Whom the leaves are to tell; before they are started. */
void stress_tree_tell(const struct stress *stress, tp_pid storm);
size_t stress_tree_supervisors(const struct stress *stress);
/* Names of supervisors, of leaves, and of the supervisor above a leaf. */
const char *stress_supervisor_name(const struct stress *stress, size_t index);
const char *stress_leaf_name(const struct stress *stress, size_t slot);
const char *stress_above(const struct stress *stress, size_t slot);
#define STRESS_BRITTLE_NAME "brittle-supervisor"

bool stress_is_isolated(const struct stress *stress, size_t slot);

/* ---- figures.c ---- */

uint64_t stress_random(uint64_t *state);
void stress_histogram_add(struct stress_histogram *histogram, int64_t value);
/* The upper edge of the bucket that holds the quantile q; 0 if it is empty. */
double stress_quantile(const struct stress_histogram *histogram, double q);
double stress_bucket_edge(size_t bucket);
/* Keeps one sample; when they are full, every second one goes. */
void stress_sample_add(struct stress_result *result, const struct stress_sample *sample);
/* Least squares over the samples after `from` seconds, in bytes a minute. */
double stress_slope(const struct stress_result *result, double from);
const char *stress_kind_name(size_t kind);
const char *stress_strategy_name(tp_supervisor_strategy strategy);

/* ---- page.c ---- */

bool stress_page(const struct stress *stress, const char *path);

#endif
