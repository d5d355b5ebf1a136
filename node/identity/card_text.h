/* card_text: what a card says, for people and as JSON. Pure. */
#ifndef NODE_CARD_TEXT_H
#define NODE_CARD_TEXT_H

#include "gossip/card.h"
#include "node/formats/json_out.h"

/* Why nothing could be sealed to this node at this moment ("its certificate ended"); null when it can. */
const char *card_node_problem(const struct card *card, const struct agency_node *node, uint64_t now_ms);
/* Can something be sealed to one of its nodes at this moment? */
bool card_usable(const struct card *card, uint64_t now_ms);

/* Lines for people: name, fingerprint, nodes with validity, endpoints and prekeys. Foreign text is made safe for a terminal. */
void card_text(struct buf *out, const struct card *card, uint64_t now_ms);
/* The keys of one object, which the caller opened: agency, agency_id, fingerprint, generation, usable, nodes [...]. */
void card_json(struct json_out *json, const struct card *card, uint64_t now_ms);

#endif
