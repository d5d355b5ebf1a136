/* policy_file: DIR/policy.yaml in, the settings of gossip/policy_facts.h out. Strict: what is not fully understood is refused, with
   file, line, column and what to write instead. deploy/policies/POLICY.md is the manual of the language. */
#ifndef NODE_POLICY_FILE_H
#define NODE_POLICY_FILE_H

#include "gossip/policy_facts.h"
#include "node/formats/yaml_tree.h"

#define DIR_POLICY               "policy.yaml"
#define POLICY_FILE_ERROR_MAX    YAML_TREE_ERROR_MAX
#define POLICY_FILE_AGENCIES_MAX 1024

/* `out` is always set: to the defaults, and on OK to what the file says. Release it with policy_file_free. ERR_SYNTAX or ERR_TOO_BIG with
   the message filled in; ERR_MEMORY. */
enum err policy_file_parse(struct policy_settings *out, struct bytes yaml, const char *file_name,
                           char message[static POLICY_FILE_ERROR_MAX]) MUST_USE;
void policy_file_free(struct policy_settings *settings);

/* Reads a policy file. As policy_file_parse, and ERR_DENIED, ERR_TOO_BIG, ERR_IO; ERR_NOT_FOUND leaves the defaults. The message tells a
   person in every case. */
enum err policy_file_read(struct policy_settings *out, const char *path, char message[static POLICY_FILE_ERROR_MAX]) MUST_USE;

/* DIR/policy.yaml; a node without one has the defaults, which is no error: *found is false. */
enum err policy_file_read_dir(struct policy_settings *out, const char *dir, bool *found,
                              char message[static POLICY_FILE_ERROR_MAX]) MUST_USE;

#endif
