/* taxii_media: content negotiation of TAXII 2.1 (OASIS, section 3.5 to 3.7). Pure. */
#ifndef NODE_TAXII_MEDIA_H
#define NODE_TAXII_MEDIA_H

#include <stdbool.h>

#define TAXII_MEDIA      "application/taxii+json;version=2.1"
#define TAXII_MEDIA_STIX "application/stix+json;version=2.1"

/* May an answer of TAXII_MEDIA go to a client with this Accept header? Null (none was sent) takes everything. */
bool taxii_media_accepted(const char *accept);

/* Does this Content-Type say that a body is TAXII_MEDIA? */
bool taxii_media_content(const char *type);

#endif
