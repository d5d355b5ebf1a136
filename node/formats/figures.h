/* figures: the numbers that a monitoring system reads: families of samples, as the engine tells them over the control socket and as
   Prometheus reads them (text format 0.0.4). Pure.

   In MessagePack: an array of rows, each a family [type uint, name str, help str] or, behind its family, a sample
   [suffix str, [[label str, value str]...], value uint, decimals uint]. Names and labels are our own, a-z 0-9 and _; the values of labels
   come from small sets (rules, roles, petnames of pinned agencies, names of hooks and of some subscriptions), and are never anything that
   stands in an object. */
#ifndef NODE_FIGURES_H
#define NODE_FIGURES_H

#include "gossip/pack.h"
#include "node/process/histogram.h"

enum figure_type { FIGURE_GAUGE = 1, FIGURE_COUNTER = 2, FIGURE_HISTOGRAM = 3 };
#define FIGURE_LABELS_MAX 4

/* --- writing; zero-initialise, and release `rows` --- */
struct figures {
    struct buf rows;
    uint32_t count;
};

void figures_family(struct figures *out, enum figure_type type, const char *name, const char *help);
/* Samples of the family that was begun last; `label` may be null, then there is none. */
void figures_put(struct figures *out, const char *label, const char *label_value, uint64_t value);
/* value / 10^decimals */
void figures_put_decimals(struct figures *out, uint64_t value, unsigned decimals);
void figures_put_histogram(struct figures *out, const struct histogram *histogram);
/* A family of one sample without labels. */
void figures_one(struct figures *out, enum figure_type type, const char *name, const char *help, uint64_t value);
/* The whole, appended. */
void figures_pack(struct buf *out, const struct figures *figures);

/* --- reading: views into what is read --- */
struct figure {
    enum figure_type type;
    struct bytes name, help; /* of its family */
    bool family;             /* a family begins: the rest is not set */
    struct bytes suffix;
    struct {
        struct bytes name, value;
    } labels[FIGURE_LABELS_MAX];
    size_t label_count;
    uint64_t value;
    unsigned decimals;
};
struct figures_reader {
    struct pack_reader reader;
    uint32_t left;
    struct figure last;
};
struct figures_reader figures_reader_of(struct bytes packed);
/* ERR_NOT_FOUND at the end, ERR_FORMAT. */
enum err figures_next(struct figures_reader *reader, struct figure *out) MUST_USE;

/* The sum of a family's samples without a suffix, or of those with this label (null: all); false when there is none. */
bool figures_sum(struct bytes packed, const char *name, const char *label, const char *label_value, uint64_t *out);

/* Appends the families in Prometheus' text format. ERR_FORMAT, ERR_MEMORY. */
enum err figures_expose(struct buf *out, struct bytes packed) MUST_USE;

#endif
