/* rebuild: checks entries and payloads, drops damaged payloads so that the mesh brings them again, and makes every index
   again from the pages. The node must not run. */
#ifndef NODE_REBUILD_H
#define NODE_REBUILD_H

#include "crypto/keyfile.h"

struct rebuild_report {
    uint64_t entries; /* checked: chain and payload hashes */
    uint64_t payloads;
    uint64_t damaged; /* set aside, to be fetched again */
    uint64_t items;   /* indexed again */
};

/* `keys` are the node's opened keys. Progress goes to standard error when `progress` is set. `why` gets a text on an error. */
enum err rebuild_run(struct rebuild_report *out, const char *dir, const struct keyfile *keys, bool progress,
                     char why[static 256]) MUST_USE;

#endif
