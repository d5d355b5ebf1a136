/* observable: brings the values that people write into the one form that is indexed: case, international names, defanged forms,
   addresses, hashes, URLs. */
#ifndef NODE_OBSERVABLE_H
#define NODE_OBSERVABLE_H

#include "gossip/item.h"
#include "node/formats/arena.h"

#define OBSERVABLE_CANDIDATES_MAX 4
#define OBSERVABLE_TEXT_BYTES_MAX ITEM_VALUE_BYTES_MAX

/* All results are views into `text` or `arena`. Reasons are static strings, or in the arena. */

/* `text`, known to be of `kind`, in its normal form. ERR_SYNTAX or ERR_TOO_BIG with *reason: it is no value of this kind. */
enum err observable_normalise(struct observable *out, enum observable_kind kind, struct bytes text, struct arena *arena,
                              const char **reason) MUST_USE;

/* The same, but what is no value of the kind is kept as OBSERVABLE_TEXT, so that it can be found as it was written. ERR_TOO_BIG:
   nothing to index (empty, or longer than ITEM_VALUE_BYTES_MAX). */
enum err observable_or_text(struct observable *out, enum observable_kind kind, struct bytes text, struct arena *arena) MUST_USE;

/* One value of a list, whose kind its form tells: URL, e-mail address, address or network, hash (by length), domain; defanged
   forms, and a port behind an address or name, are undone. */
enum err observable_of_list(struct observable *out, struct bytes text, struct arena *arena, const char **reason) MUST_USE;

/* What `text` may stand for in a search: the kind a list would give it, if any, and always OBSERVABLE_TEXT last. Returns how many
   (0: empty or too long). Blanks around it are ignored. */
size_t observable_guess(struct observable out[static OBSERVABLE_CANDIDATES_MAX], struct bytes text, struct arena *arena);

/* hxxp, [.], (.), {.}, [dot], [:], [://], [/], [@], [at], (at): undone. */
struct bytes observable_refang(struct bytes text, struct arena *arena);

/* The kind of a hash algorithm's name as STIX and others write it ("SHA-256", "sha256"); OBSERVABLE_TEXT for others. */
enum observable_kind observable_kind_of_hash(struct bytes algorithm);

/* Appends the normal form as text: what people read, and what generated patterns hold. */
void observable_text(struct buf *out, struct observable observable);

#endif
