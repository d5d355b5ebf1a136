/* notices: whether the operator needs to read one more line of a kind: who floods a node does not flood its log, and does not push
   from the list what others did. Pure. */
#ifndef NODE_NOTICES_H
#define NODE_NOTICES_H

#include <stdbool.h>
#include <stdint.h>

#define NOTICES_KINDS   32 /* remembered; the one that began longest ago is forgotten */
#define NOTICES_BURST   4  /* of one kind, in NOTICES_SPAN_MS */
#define NOTICES_SPAN_MS 60000

struct notices_kind {
    uint64_t hash; /* of the text without the numbers of entries, blocks and epochs */
    uint64_t since_ms;
    unsigned count; /* 0: free */
};

/* Zero-initialise. */
struct notices {
    struct notices_kind kinds[NOTICES_KINDS];
};

enum notices_verdict {
    NOTICES_SAY,
    NOTICES_SAY_LAST, /* and that more of this kind follow in silence */
    NOTICES_SILENT
};

/* Texts are of one kind when they differ in the numbers of entries, blocks or epochs only: same misdeed, same culprit. */
enum notices_verdict notices_judge(struct notices *notices, const char *text, uint64_t monotonic_ms);

#endif
