/* status_page: what the engine tells of itself (FRAME_ASK_STATUS) as a screenful for an operator: what is wrong first, each with what
   to do; then the figures; then the logs that are not complete, and the last notices. Pure. */
#ifndef NODE_STATUS_PAGE_H
#define NODE_STATUS_PAGE_H

#include "crypto/bytes.h"

#define STATUS_PAGE_WARN_DAYS 14          /* before a certificate or a prekey ends */
#define STATUS_PAGE_RESTART_S (24 * 3600) /* that a process ended by itself is news for so long */

/* Appends the page. Returns how many things are wrong. */
size_t status_page(struct buf *out, struct bytes document);

#endif
