/*
 * All actors of the node, asked for page by page.
 */
#ifndef TROUPE_CLI_SNAPSHOT_H
#define TROUPE_CLI_SNAPSHOT_H

#include "tools/troupe/cli.h"
#include "tools/troupe/view.h"

#define SNAPSHOT_MAX 200000u

/* A cli_status, after a message if it is not CLI_OK. What it holds is the calling actor's. */
int snapshot_take(tp_actor *self, struct cli *cli, struct actor_table *out);
/* Gives it back. */
void snapshot_free(tp_actor *self, struct actor_table *table);

#endif
