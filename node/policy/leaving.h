/* leaving: may an object that is held leave by an exit? Every exit that shows what the pages hold asks here, and here the policy is asked: what
   is past its retention, of a group that is out of scope, or of an author whom its group has shut out, stays. */
#ifndef NODE_LEAVING_H
#define NODE_LEAVING_H

#include "gossip/item.h"
#include "gossip/marks.h"
#include "node/engine/scope.h"
#include "node/policy/policy_context.h"
#include "node/store/store.h"

struct leaving {
    const struct page_head *head; /* of the page that holds it */
    const uint8_t *author; /* agency id: of who wrote it, which is not always who published it to us (node/sharing/shown.h) */
    const struct item *item;
    const struct scope *scope; /* of which groups; null: of all */
};

/* `facts` are of the exit: the same for all objects of a turn. What nodes say to each other leaves by none. */
bool leaving_allowed(struct engine *engine, const struct policy_facts *facts, const struct leaving *leaving);

/* An item as policy_decide looks at it, with its marks read into `marks`, which must live as long. False: they cannot be read, and it goes
   nowhere. What its author is to this node (foreign, author_removed) is the caller's. */
bool leaving_object(struct policy_object *out, struct marks *marks, const struct item *item) MUST_USE;

#endif
