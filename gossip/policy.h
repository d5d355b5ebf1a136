/* policy: may this object go to this reader or exit, and if not, which rule says so: a pure function. Default deny. PROTOCOL.md 5.5 */
#ifndef GOSSIP_POLICY_H
#define GOSSIP_POLICY_H

#include "gossip/label.h"
#include "gossip/entry.h"

/* What is decided about. */
struct policy_object {
    enum tlp tlp;            /* the most restrictive of the object's own label and the publisher's */
    uint64_t valid_until_ms; /* 0: no end */
};

/* Where it would go. */
enum policy_exit { POLICY_PUBLISH = 1, POLICY_LOCAL = 2 };
struct policy_reader {
    enum policy_exit exit;
    size_t recipients; /* agencies named or resolved, own one not counted */
    bool named;        /* each was named; false: "all that are pinned now" */
};

struct verdict {
    bool allow;
    const char *rule;       /* stable name: "label.missing" */
    const char *reason;     /* a sentence for people */
    enum carriage carriage; /* when allowed to publish */
};

struct verdict policy_decide(const struct policy_object *object, const struct policy_reader *reader, uint64_t now_ms);

#endif
