/* setup: what several commands read from the node's directory before they start, with the words for what can be wrong. */
#ifndef NODE_SETUP_H
#define NODE_SETUP_H

#include "crypto/keyfile.h"
#include "node/cmd/command.h"
#include "node/process/config.h"
#include "node/identity/passphrase.h"
#include "node/policy/policy_file.h"
#include "node/identity/trust_files.h"

/* Says that the directory holds no node, and where the service's one is if it is another user's; returns `outcome`. */
enum outcome setup_absent(const struct invocation *invocation, enum outcome outcome);

/* A node's files belong to one user. Root, who could write into the directory of another, is told to be that user instead: what root
   makes there the node could not read. The functions below ask this first. */
enum outcome setup_owner(const struct invocation *invocation) MUST_USE;

/* Says that a file which the command line names cannot be read, and returns the exit code. Where the user may not look there, as the
   node's in somebody's home, it tells of the standard input: for files that may be "-". */
enum outcome setup_unreadable(const struct invocation *invocation, const char *path, enum err err);

/* Reads DIR/comity.yaml. */
enum outcome setup_config(const struct invocation *invocation, struct config *config) MUST_USE;

/* Reads DIR/policy.yaml; *found tells whether there is one. Release with policy_file_free after a success. */
enum outcome setup_policy(const struct invocation *invocation, struct policy_settings *policy, bool *found) MUST_USE;

struct hook_file;
/* Reads DIR/hooks.yaml, or the file `path` if not null, and appends its text; *found tells whether there is one, and without one `hooks` is empty.
   Release with hook_file_free, also after a failure. */
enum outcome setup_hooks(const struct invocation *invocation, const char *path, struct buf *text, struct hook_file *hooks,
                         bool *found) MUST_USE;

/* Reads DIR/card, this agency's own. Release with card_file_free, also after a failure. */
enum outcome setup_own_card(const struct invocation *invocation, struct card_file *own) MUST_USE;

/* Reads DIR/node.key, gets the passphrase (--passphrase-file, credential, terminal) if it needs one, and opens it to see whether it
   fits. `sealed` (owned) and `passphrase` are the caller's to release, also after a failure; `keyfile` is guarded memory, or null when
   the content is not wanted. */
enum outcome setup_node_key(const struct invocation *invocation, struct buf *sealed, struct passphrase *passphrase,
                            struct keyfile *keyfile) MUST_USE;

/* New keys of the node (`comity node add`) take the place of the old ones once the own chain names them; before, and without such a
   file, nothing happens. The lock must be held. */
enum outcome setup_next_key(const struct invocation *invocation, const struct agency *own,
                            const struct passphrase *passphrase) MUST_USE;

/* Takes the directory's lock for as long as *fd is open. */
enum outcome setup_lock(const struct invocation *invocation, int *fd) MUST_USE;

#endif
