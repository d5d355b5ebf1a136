/* agreement_file: an agreement as its YAML file says it, in deploy/policies/AGREEMENTS.md's words. Strict. Pure but for the names it asks for. */
#ifndef NODE_AGREEMENT_FILE_H
#define NODE_AGREEMENT_FILE_H

#include "gossip/agreement.h"
#include "node/formats/yaml_tree.h"

#define AGREEMENT_FILE_TEXT_MAX YAML_TREE_ERROR_MAX

/* The id of an agency that the file names; false when nobody is known by that name. */
typedef bool agreement_file_name(void *context, const char *name, uint8_t agency_id[static AGENCY_ID_BYTES]);

/* Appends the encoded agreement; `salt` makes it another one than any with the same words. On an error `message` holds
   "FILE:LINE:COLUMN: what, and what to do". ERR_SYNTAX, ERR_TOO_BIG, ERR_MEMORY. */
enum err agreement_file_read(struct buf *out, struct bytes yaml, const char *file_name,
                             const uint8_t salt[static AGREEMENT_SALT_BYTES], uint64_t now_ms, agreement_file_name *resolve,
                             void *context, char message[static AGREEMENT_FILE_TEXT_MAX]) MUST_USE;

#endif
