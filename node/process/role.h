/* role: the processes of a node. */
#ifndef NODE_ROLE_H
#define NODE_ROLE_H

#include <stdbool.h>

/* Outer roles run only where they have settings, once the inner ones are ready, and are linked to no other role: they are clients of
   the control socket, and meet the world.
   ROLE_RESOLVE is a helper that lives for one question: the parent keeps the passphrase and parses no answers of name servers. */
enum role { ROLE_NET = 1, ROLE_ENGINE = 2, ROLE_KEY = 3, ROLE_WEB = 4, ROLE_LIVE = 5, ROLE_HOOK = 6, ROLE_RESOLVE = 7 };
#define ROLE_COUNT 8 /* size of an array indexed by role; 0 is unused */

/* ROLE_NET to ROLE_KEY are the inner ones, and up to ROLE_LAST the outer ones. */
#define ROLE_LAST ROLE_HOOK

static inline bool role_outer(int role) { return role >= ROLE_WEB && role <= ROLE_LAST; }

/* "net", "engine", "key", "web", "live", "hook", "resolve"; null outside the enum. */
const char *role_name(int role);
/* 0 when unknown. */
int role_of(const char *name);

#endif
