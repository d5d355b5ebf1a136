/* role: the processes of a node. */
#ifndef NODE_ROLE_H
#define NODE_ROLE_H

/* ROLE_WEB runs only where it is enabled, and is linked to no other role: it is a client of the control socket.
   ROLE_RESOLVE is a helper that lives for one question: the parent keeps the passphrase and parses no answers of name servers. */
enum role { ROLE_NET = 1, ROLE_ENGINE = 2, ROLE_KEY = 3, ROLE_WEB = 4, ROLE_RESOLVE = 5 };
#define ROLE_COUNT 6 /* size of an array indexed by role; 0 is unused */

/* "net", "engine", "key", "web", "resolve"; null outside the enum. */
const char *role_name(int role);
/* 0 when unknown. */
int role_of(const char *name);

#endif
