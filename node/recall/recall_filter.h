/* recall_filter: which own objects `comity recall --query` means: KEY=VALUE words with blanks between them, all of which must hold. */
#ifndef NODE_RECALL_FILTER_H
#define NODE_RECALL_FILTER_H

#include "node/process/answer.h"
#include "node/formats/observable.h"

#define RECALL_FILTER_GRAMMAR "type=TYPE, id=ID, value=VALUE, tlp=LABEL, after=TIME, before=TIME"

struct recall_filter {
    struct bytes type, id; /* empty: any */
    struct bytes value_text;
    struct observable values[OBSERVABLE_CANDIDATES_MAX]; /* what value= may stand for */
    size_t value_count;
    enum tlp tlp;                 /* TLP_NONE: any */
    uint64_t after_ms, before_ms; /* of the modified time, or of arrival where there is none; 0: any */
};

/* Views into `text` and `arena`. ERR_FORMAT: `why` (256 bytes) says which word is wrong and what is possible. */
enum err recall_filter_parse(struct recall_filter *out, struct bytes text, struct arena *arena, char *why) MUST_USE;

/* All but value=, which the index answers. */
bool recall_filter_takes(const struct recall_filter *filter, const struct answer *answer);

#endif
