/* ownchain: the own agency's chain and card, as commands extend them: through the running node, or in the directory of one that is
   stopped. */
#ifndef NODE_OWNCHAIN_H
#define NODE_OWNCHAIN_H

#include "node/cmd/command.h"
#include "node/identity/request.h"

/* The card of a chain: of each node that is not revoked the newest of the given PREKEY entries that verify. Pure. Appends. */
enum err ownchain_card(struct buf *binary, struct bytes chain, struct bytes prekeys, struct bytes more) MUST_USE;

/* Gives a longer chain (and PREKEY entries, perhaps none) to the node of invocation->dir: it must begin with the one that is there.
   *running tells whether a running node took it. */
enum outcome ownchain_give(const struct invocation *invocation, struct bytes chain, struct bytes prekeys, bool *running) MUST_USE;

/* A drafted record goes its way: with --request FILE it is written there to be signed elsewhere (*sealed is false then); else it is
   signed with a key that is near and sealed, but not given to anybody yet. */
enum outcome ownchain_sign(const struct invocation *invocation, struct request *request, bool *sealed) MUST_USE;

/* Writes a new file that only its user reads; - is standard output. */
enum outcome ownchain_file_write(const struct invocation *invocation, const char *path, struct bytes content) MUST_USE;

#endif
