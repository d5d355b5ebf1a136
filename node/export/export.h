/* export: what a node holds, as files that other tools load. Pure: rows in, text out through a sink; the formats are one file each
   (export_*.c). A value that does not fit a format is left out with a count and a reason and never spoils the file. */
#ifndef NODE_EXPORT_H
#define NODE_EXPORT_H

#include "gossip/policy_facts.h"
#include "node/export/export_rows.h"
#include "node/process/answer.h"
#include "node/formats/arena.h"

/* Where the text goes. A format that makes several files opens each by its name; the others are opened once, without one. */
struct export_sink {
    void *context;
    enum err (*open)(void *context, const char *name);
    enum err (*write)(void *context, struct bytes text);
};

/* Why something was left out. */
enum export_reason {
    EXPORT_FITS,
    EXPORT_REVOKED,     /* its author withdrew it */
    EXPORT_UNSOUND,     /* its text is not what its author indexed */
    EXPORT_CONJUNCTION, /* a pattern that joins values by AND or FOLLOWEDBY: no value alone means anything */
    EXPORT_OBSERVED,    /* observed-data: what was seen, not what to block */
    EXPORT_OTHER_TYPE,  /* neither an indicator nor an observable */
    EXPORT_OTHER_KIND,  /* a kind of value that the format has no place for */
    EXPORT_WIDE,        /* a network wider than /8 (IPv6: /16) */
    EXPORT_LOCAL,       /* an address that is not a public one */
    EXPORT_SUFFIX,      /* a name that is a public suffix (publicsuffix.org): it would hit everybody below it */
    EXPORT_NOTHING,     /* the hash of an empty file */
    EXPORT_NAME,        /* a name with a label over 63 octets, over 253 in all, or with characters that the format cannot carry */
    EXPORT_CHARACTERS,  /* a value with characters that the format cannot carry */
    EXPORT_REASON_COUNT
};
const char *export_reason_name(enum export_reason reason); /* "public-suffix" */
const char *export_reason_text(enum export_reason reason); /* a sentence for people */

struct export;

/* A format. `row` is called for every value, in order, doubles dropped when `unique`; `object` for every object, at once. */
struct export_format {
    const char *name, *summary;
    unsigned kinds; /* a bit for each observable_kind that it can carry */
    bool blocking;  /* what loads it blocks or raises alarms */
    bool unique;
    bool folder; /* makes several files */
    bool values; /* takes objects for the sake of their values: those that hold none are left out; counts by export_written */
    bool dated;  /* its head tells the moment of its making; the sink gets the head alone, before all else */
    void (*head)(struct export *work);
    void (*row)(struct export *work, const struct export_row *row);
    void (*object)(struct export *work, const struct answer *answer);
    void (*tail)(struct export *work);
    void (*release)(void *state); /* frees what the format's own memory points to */
};
/* All formats, ended by null. */
extern const struct export_format *const export_formats[];
const struct export_format *export_format_find(const char *name);
/* What the policy calls the exit by which a file of this format leaves. */
enum policy_exit export_exit(const struct export_format *format);
/* May a response policy zone have this name? */
#define EXPORT_ZONE_BYTES_MAX 128
bool export_zone_valid(const char *zone);

struct export_options {
    const struct export_format *format;
    struct export_sink sink;
    uint64_t now_ms;
    const char *zone;      /* of the response policy zone; null: "rpz.comity" */
    unsigned kinds_wanted; /* 0: all that the format carries */
    unsigned distribution; /* of MISP events: at most this (core format 2.2.1.14), 0 to 3, and no wider than the label says */
};

/* Borrows nothing but the sink. Null without memory. */
struct export *export_new(const struct export_options *options);
void export_free(struct export *work);
/* Takes one object. ERR_MEMORY, or what the sink returned. */
enum err export_add(struct export *work, const struct answer *answer) MUST_USE;
/* Writes what is left. */
enum err export_finish(struct export *work) MUST_USE;

/* Rows that somebody else gathered and keeps, in the order of export_rows_sort: how many, and the next one. False: there is none. */
struct export_source {
    void *context;
    size_t count;
    bool (*next)(void *context, struct export_row *row);
};
/* Of a format with `row`, instead of export_add and export_finish: writes the whole file of these rows. Views of a row live until the end. */
enum err export_write_rows(struct export *work, const struct export_source *source) MUST_USE;
/* Does export_add take values of this object, and which? What it would leave out, or pass over, does not fit. */
bool export_object_fits(const struct export_options *options, const struct answer *answer);
bool export_value_fits(const struct export_options *options, struct observable value);

struct export_counts {
    uint64_t objects; /* taken */
    uint64_t values;  /* written; of formats that carry objects: objects written */
    uint64_t doubles; /* written once already */
    uint64_t left_out[EXPORT_REASON_COUNT];
    struct bytes example[EXPORT_REASON_COUNT]; /* the id of the first object that was left out for it */
};
const struct export_counts *export_counted(const struct export *work);

/* --- for the formats --- */
void export_written(struct export *work);                     /* one more value */
size_t export_row_count(const struct export *work);           /* from the first `row` on: all that there are, doubles included */
struct buf *export_out(struct export *work);                  /* the text under construction: taken away as it grows */
void export_put_long(struct export *work, struct bytes text); /* behind that, in pieces and without a copy of the whole */
const struct export_options *export_options_of(const struct export *work);
void export_file(struct export *work, const char *name); /* closes the file under way and opens the next one */
void export_leave_out(struct export *work, enum export_reason reason, struct bytes id);
void *export_state(struct export *work,
                   size_t size); /* the format's own memory: zeros at first, freed by export_free; null without memory */
struct bytes export_keep(struct export *work, struct bytes text); /* a copy that lives as long as the export */

#define EXPORT_KIND(kind) (1u << (kind))
#define EXPORT_ADDRESSES  (EXPORT_KIND(OBSERVABLE_IPV4) | EXPORT_KIND(OBSERVABLE_IPV6))
#define EXPORT_HASHES                                                                                                              \
    (EXPORT_KIND(OBSERVABLE_MD5) | EXPORT_KIND(OBSERVABLE_SHA1) | EXPORT_KIND(OBSERVABLE_SHA256) | EXPORT_KIND(OBSERVABLE_SHA512))
#define EXPORT_ALL_KINDS ((1u << OBSERVABLE_KIND_COUNT) - 2)

extern const struct export_format export_list, export_csv, export_hosts, export_rpz, export_nftables, export_zeek, export_suricata,
    export_suricata_datasets, export_stix, export_jsonl, export_misp, export_misp_feed;

#endif
