/*
 * What an actor does when it is told that another one was abandoned (abandon.c).
 */
#ifndef TPI_GIVEN_UP_H
#define TPI_GIVEN_UP_H

#include "core/actor/mailbox.h"

/* What the other one's end would have told this one comes now. */
void tpi_given_up(tp_actor *self, tp_pid gone);
/* Of that: links and monitors (signal.c), requests (call.c). `self` has an extra part. */
void tpi_relations_given_up(tp_actor *self, tp_pid gone);
void tpi_requests_given_up(tp_actor *self, tp_pid gone);
/* wait.c: whether `holder`, who lives, has the request that `self` waits for: it was passed on
 * to it; or it was `asked`, and has not passed it on. */
bool tpi_wait_has(const tp_actor *self, tp_pid holder, tp_ref ref, bool asked);

#endif
