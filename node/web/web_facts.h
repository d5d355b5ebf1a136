/* web_facts: what the web process reads in an object's text before it shows it: is it JSON and what its author indexed, and when was
   this version made? The text is a stranger's. */
#ifndef NODE_WEB_FACTS_H
#define NODE_WEB_FACTS_H

#include "gossip/item.h"
#include "node/formats/jsonwalk.h"

#define WEB_FACTS_TEXT_MAX 40

struct web_facts {
    char modified[WEB_FACTS_TEXT_MAX], created[WEB_FACTS_TEXT_MAX]; /* as they stand; "" when there is none */
    char spec_version[8];
    bool conjunction; /* its pattern joins values: none of them alone means anything */
};

struct web_facts_reader;
struct web_facts_reader *web_facts_new(void); /* null without memory; one per thread */
void web_facts_free(struct web_facts_reader *reader);

/* ERR_SYNTAX: the text is no JSON object with the id and type that stand beside it, so it is not shown. */
enum err web_facts_read(struct web_facts_reader *reader, const struct item *item, struct web_facts *out) MUST_USE;

#endif
