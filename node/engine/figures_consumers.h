/* figures_consumers: of those who are told what comes and goes: subscriptions, the live feed, hooks. Part of the engine. */
#ifndef NODE_FIGURES_CONSUMERS_H
#define NODE_FIGURES_CONSUMERS_H

#include "node/formats/figures.h"

struct engine;

#define FIGURES_SUBSCRIPTIONS_MAX 64 /* that have figures of their own, of up to SUBSCRIPTIONS_MAX */
#define FIGURES_STALE_MS                                                                                                           \
    (3600 * 1000u) /* a subscription that is behind and was not taken from for so long is forgotten by its consumer */

void figures_consumers(struct engine *engine, struct figures *out);

#endif
