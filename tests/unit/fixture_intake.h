/* fixture_intake: runs an input through the front door and keeps what came out, as text that a test can compare. */
#ifndef TESTS_FIXTURE_INTAKE_H
#define TESTS_FIXTURE_INTAKE_H

#include "node/formats/intake.h"

#define TAKEN_MAX 4096

/* One item or refusal. */
struct taken {
    char *id;          /* of an item, or of a refused object; "" when it has none */
    char *text;        /* the item's text, or the reason */
    char *observables; /* "domain:evil.example url:http://..." */
    enum tlp tlp;
    bool revoked;
    uint64_t modified_ms, valid_until_ms;
    struct intake_place place;
};

struct taking {
    struct intake_options options; /* to be changed before the run */
    struct taken *items, *refusals;
    size_t item_count, refusal_count, note_count;
    struct buf left, withdrawn; /* lines "COUNT REASON"; ids, a line each */
    size_t stop_after;          /* accept returns ERR_CLOSED at this item; 0: never */
    enum intake_format format;
    enum err error; /* of feed or finish */
};

void taking_init(struct taking *taking);
void taking_free(struct taking *taking);

/* Feeds `input` in pieces of `chunk` bytes. Items and refusals of an earlier run are dropped. */
void taking_run(struct taking *taking, struct bytes input, size_t chunk);
void taking_run_text(struct taking *taking, const char *input);

/* Is there a refusal whose reason has this in it? */
bool taking_refused(const struct taking *taking, const char *part);

/* A file below shared/data (COMITY_SHARED, or ../shared, then /data); false, with a message, when it is absent. */
bool shared_file(struct buf *out, const char *path);

#endif
