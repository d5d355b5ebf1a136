/* generate: makes a STIX 2.1 indicator of one value, for lists and CSV. Its id is the same whenever the same agency publishes the
   same value: indicator--UUIDv5(space, kind ":" value), where space = UUIDv5(GENERATE_SPACE, agency id in lower-case hexadecimal),
   kind is observable_kind_name and value observable_text. */
#ifndef NODE_GENERATE_H
#define NODE_GENERATE_H

#include "node/formats/intake.h"
#include "node/formats/moment.h"
#include "node/formats/uuid.h"

/* 2b8ef6e5-5a0c-4f0e-9c64-0d9f1e3a7b52 */
#define GENERATE_SPACE                                                                                                             \
    { 0x2b, 0x8e, 0xf6, 0xe5, 0x5a, 0x0c, 0x4f, 0x0e, 0x9c, 0x64, 0x0d, 0x9f, 0x1e, 0x3a, 0x7b, 0x52 }

#define GENERATE_LABELS_MAX    32
#define GENERATE_NO_CONFIDENCE (-1)

/* One value and what came with it. */
struct generate_source {
    struct observable observable; /* valid, of any kind but OBSERVABLE_TEXT */
    enum tlp tlp;                 /* of the row; the options' label is added here */
    uint64_t valid_until_ms;      /* 0: no end; later than options->now_ms otherwise */
    int confidence;               /* 0 to 100, or GENERATE_NO_CONFIDENCE */
    struct bytes description;     /* UTF-8; may be empty */
    struct bytes labels[GENERATE_LABELS_MAX];
    size_t label_count;
};

struct generate {
    const struct intake_options *options; /* borrowed */
    uint8_t space[UUID_BYTES];
    char now[MOMENT_TEXT_BYTES];
    struct buf text, scratch, marks;
    struct item item;
};

void generate_init(struct generate *generate, const struct intake_options *options);
void generate_free(struct generate *generate);

/* Makes the indicator and hands it to options->accept, whose result it returns; ERR_MEMORY. */
enum err generate_indicator(struct generate *generate, const struct generate_source *source, struct intake_place place) MUST_USE;

#endif
