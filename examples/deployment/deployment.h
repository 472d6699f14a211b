/*
 * A deployment: replicas of a small HTTP service, each in a process of its own; probes; a service
 * in front that sends traffic to those that are ready.
 */
#ifndef EXAMPLES_DEPLOYMENT_DEPLOYMENT_H
#define EXAMPLES_DEPLOYMENT_DEPLOYMENT_H

#include <troupe/troupe.h>

#include "examples/common/story.h"

#define REPLICAS_MAX 32 /* alive at once */

/* ---- a replica: replica.c ---- */

/* What is wrong with a version. */
enum fault { FAULT_NONE, FAULT_NEVER_READY, FAULT_CRASHES };

TP_MESSAGE(replica_args, TP_FIELD(u32, id), TP_FIELD(u32, version), TP_FIELD(i32, fault),
           TP_FIELD(pid, owner))
/* From a replica to its deployment: it listens. */
TP_MESSAGE(replica_up, TP_FIELD(u32, id), TP_FIELD(u32, port), TP_FIELD(i64, process))

/*
 * HTTP on a port of its own, to be spawned isolated. GET / says which replica and version this is;
 * /healthz and /readyz are for probes. For the show: /hold answers when its client has gone (a
 * request that lasts), /hang makes it hang.
 */
extern const tp_behavior replica_behavior;

/* ---- probes: probe.c ---- */

struct probing {
    tp_duration period;
    tp_duration timeout; /* of a probe */
    uint32_t failures;   /* of liveness, one after the other: then it hangs */
};

TP_MESSAGE(prober_args, TP_FIELD(u32, id), TP_FIELD(u32, port), TP_FIELD(pid, owner),
           TP_FIELD(i64, period), TP_FIELD(i64, timeout))
/* From a prober to its deployment. */
TP_MESSAGE(probed, TP_FIELD(u32, id), TP_FIELD(bool, alive), TP_FIELD(bool, ready))
extern const tp_behavior prober_behavior;

/* ---- the service: service.c, router.c ---- */

/* From the deployment to the router. */
TP_MESSAGE(endpoint, TP_FIELD(u32, id), TP_FIELD(u32, port), TP_FIELD(bool, ready))
TP_MESSAGE(endpoint_gone, TP_FIELD(u32, id))
/* No new requests to it; when the last one is answered, the router says drained. */
TP_MESSAGE(drain, TP_FIELD(u32, id))
TP_MESSAGE(drained, TP_FIELD(u32, id))
/* A call: who is to answer a request; id 0: nobody is ready. `avoid`: not that one, if there is
 * another. */
TP_MESSAGE(pick, TP_FIELD(u32, avoid))
TP_MESSAGE(picked, TP_FIELD(u32, id), TP_FIELD(u32, port))
/* The request is over; `again`: it must be made again elsewhere. */
TP_MESSAGE(finished, TP_FIELD(u32, id), TP_FIELD(bool, again))
/* A call: how many requests an endpoint was given, and how many of all had to be repeated. */
TP_MESSAGE(traffic, TP_FIELD(u32, id))
TP_MESSAGE(traffic_is, TP_FIELD(u64, given), TP_FIELD(u64, repeated))
extern const tp_behavior router_behavior;

/* The front door: an actor a client, each request passed on to a replica that is ready, repeated
 * at another when that one breaks. */
TP_MESSAGE(door_args, TP_FIELD(u32, port), TP_FIELD(pid, router), TP_FIELD(pid, owner))
TP_MESSAGE(door_open, TP_FIELD(u32, port))
extern const tp_behavior door_behavior;

/* ---- the deployment: control.c ---- */

TP_MESSAGE(deployment_args, TP_FIELD(pid, router), TP_FIELD(pid, watcher), TP_FIELD(i64, period),
           TP_FIELD(i64, timeout), TP_FIELD(u32, failures), TP_FIELD(i64, progress))
/* A call: what there is to be from now on. While versions change there are at most replicas +
 * surge, and at least replicas - unavailable that are ready. */
TP_MESSAGE(desire, TP_FIELD(u32, replicas), TP_FIELD(u32, version), TP_FIELD(i32, fault),
           TP_FIELD(u32, surge), TP_FIELD(u32, unavailable))
TP_MESSAGE(desired)
extern const tp_behavior deployment_behavior;

enum happening {
    STARTED,     /* a replica's process */
    READY,       /* it may get traffic */
    UNREADY,     /* it may not any more */
    HANGS,       /* its liveness probe says: it is killed */
    RETIRED,     /* it gets no new traffic, what it has is finished */
    ENDED,       /* its process, as it should */
    DIED,        /* its process, by itself */
    ROLLED_BACK, /* the version is bad, the last good one is wanted again */
    STEADY       /* everything is as desired */
};
/* From the deployment to its watcher; id 0: the deployment as a whole. */
TP_MESSAGE(happened, TP_FIELD(i32, what), TP_FIELD(u32, id), TP_FIELD(u32, version),
           TP_FIELD(u32, port), TP_FIELD(i64, process), TP_FIELD(i64, at))

/* ---- HTTP by hand: http.c ---- */

struct http_answer {
    int status;
    size_t size;
    char bytes[1024];
    const char *body; /* terminated */
};

/* A GET on a connection of its own. TP_OK: a whole answer came. */
tp_err http_get(tp_actor *self, uint32_t port, const char *path, tp_duration timeout,
                struct http_answer *answer);
/* The next answer on a connection. */
tp_err http_read(tp_actor *self, tp_socket socket, tp_duration timeout, struct http_answer *answer);
/* The path of a request whose head is whole: cut out of it and terminated. NULL: it is no GET. */
const char *http_path(char *head);
/* Sends an answer. */
tp_err http_say(tp_actor *self, tp_socket socket, int status, const char *body);

/* ---- a load: load.c ---- */

TP_MESSAGE(load_args, TP_FIELD(u32, port), TP_FIELD(u64, seed), TP_FIELD(pid, owner))
TP_MESSAGE(load_stop)
TP_MESSAGE(tally, TP_FIELD(u64, answers), TP_FIELD(u64, failed), TP_FIELD(i64, longest),
           TP_FIELD(u64, versions)) /* a bit each */
/* A client that asks again and again until it is stopped. */
extern const tp_behavior client_behavior;

/* ---- what happened: timeline.c ---- */

struct timeline {
    size_t count;
    happened events[2048];
};

void timeline_add(struct timeline *timeline, const happened *event);
/* The first event of a kind (of a replica; 0: of any) from `from` on; NULL: there is none. */
const happened *timeline_find(const struct timeline *timeline, size_t from, int what, uint32_t id);
size_t timeline_count(const struct timeline *timeline, size_t from, int what);
/* Whether it happened to any replica of a version. */
bool timeline_had(const struct timeline *timeline, size_t from, int what, uint32_t version);
/* What a roll-out did since an event. */
struct rollout {
    int most;  /* processes at once */
    int least; /* ready ones that were left, when one was taken away */
};
struct rollout timeline_rollout(const struct timeline *timeline, size_t from);
/* As text and, with a folder, as SVG. */
void timeline_show(const struct timeline *timeline, const char *folder);

/* ---- the show: show.c ---- */

struct plan {
    struct story *story;
    struct timeline timeline;
    uint32_t port; /* of the front door; 0: any */
    int64_t replicas, clients, kills, period_ms, timeout_ms, failures, progress_ms;
    tp_pid router, deployment, door;
    uint32_t version;
    const char *phase; /* for the progress display */
    bool done;
};

/* Starts router, deployment and door, linked to this actor. */
void plan_start(tp_actor *self, struct plan *plan);
void show_body(tp_actor *self, void *plan);

#endif
