/* scoid: the id that STIX 2.1 (section 2.9) gives an observable by its value, so that whoever writes the object gives it the same. Pure. */
#ifndef NODE_SCOID_H
#define NODE_SCOID_H

#include "gossip/item.h"
#include "node/formats/uuid.h"

#define SCOID_BYTES_MAX 64 /* with its zero */

/* Of addresses, domains, URLs and e-mail addresses. False: of another kind, whose id depends on more than the value; or too long. */
bool scoid_of(char out[static SCOID_BYTES_MAX], struct observable observable);

#endif
