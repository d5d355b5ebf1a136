/* stixrules: is a collected STIX object sound, and which item does it become? */
#ifndef NODE_STIXRULES_H
#define NODE_STIXRULES_H

#include "node/formats/stixobject.h"

#define STIXRULES_REASON_BYTES 400

enum stixrules_verdict {
    STIXRULES_TAKE,   /* the item is complete but for its sorting and the caller's label */
    STIXRULES_KNOWN,  /* a TLP marking-definition that everybody has: nothing to do */
    STIXRULES_REFUSE, /* with a reason that names the property */
};

/* Fills in object->item, patterns' observables included. */
enum stixrules_verdict stixrules_judge(struct stixobject *object, char reason[static STIXRULES_REASON_BYTES]);

#endif
