/* recipients: from names and expressions to agencies, and from agencies to readers. Part of the engine. PROTOCOL.md 5.1, 5.7 */
#ifndef NODE_RECIPIENTS_H
#define NODE_RECIPIENTS_H

#include "node/sharing/groups.h"

struct publication;

/* An agency by its petname, or by the 64 digits of its id, pinned or not. */
bool recipients_id(const struct engine *engine, struct bytes name, uint8_t agency_id[static AGENCY_ID_BYTES]);
/* Its petname as a str; its id in hexadecimal when it is not pinned here. */
void recipients_name_write(const struct engine *engine, struct buf *out, const uint8_t agency_id[static AGENCY_ID_BYTES]);

/* Can anything be sealed to it now? Null when it can (and of the own agency); else why not. */
const char *recipients_unreachable(const struct engine *engine, const uint8_t agency_id[static AGENCY_ID_BYTES]);

#define RECIPIENTS_PROBLEM_MAX 480
/* Resolves recipient expressions (gossip/setexpr.h), all of them together, into the publication: its audience, agencies and group. `rows`
   receives what ANSWER_AUDIENCE tells of each. On an error `problem` says what is wrong and what to do: ERR_SYNTAX, ERR_NOT_FOUND,
   ERR_DENIED, ERR_NO_PREKEY and others of audience_add. */
enum err recipients_resolve(struct engine *engine, struct publication *publication, const struct bytes *expressions, size_t count,
                            struct buf *rows, char problem[static RECIPIENTS_PROBLEM_MAX]) MUST_USE;

/* Publishes a statement so that one reader without a usable key holds up no other: it waits for its key alone. Who is not pinned is left
   out. As statement_publish. */
enum err recipients_say(struct engine *engine, struct store_batch *batch, const struct statement *statement) MUST_USE;

#endif
