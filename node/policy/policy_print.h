/* policy_print: the policy in force, as a policy file that parses to the same again, and as JSON. Pure. */
#ifndef NODE_POLICY_PRINT_H
#define NODE_POLICY_PRINT_H

#include "gossip/policy_facts.h"
#include "node/formats/json_out.h"

void policy_print_yaml(struct buf *out, const struct policy_settings *settings);
/* The members of an object that is open. */
void policy_print_json(struct json_out *json, const struct policy_settings *settings);

#endif
