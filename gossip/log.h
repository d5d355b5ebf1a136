/* log: one node's log as we hold it: heads, what is missing, which epochs are ours. PROTOCOL.md 4, 7.3 */
#ifndef GOSSIP_LOG_H
#define GOSSIP_LOG_H

#include "gossip/entry.h"
#include "gossip/event.h"
#include "gossip/recall.h"

/* A payload that this node wants and does not hold. */
struct missing {
    uint64_t seq;
    struct block_body body;
    uint64_t asked_ms;   /* when, if asked_link */
    uint64_t retry_ms;   /* not before: nobody had it */
    uint32_t asked_link; /* link number, 0: nobody is asked */
    uint64_t refused_by; /* slots of links that answered "I don't have it" */
    uint64_t silent_at;  /* and of those that did not answer: others are asked first */
    uint64_t offered_by; /* slots of links that said they have it */
    uint8_t tries;       /* rounds in which nobody had it: they become rarer */
    uint8_t silences;    /* rounds that ended with somebody silent */
    bool soon;           /* only who was silent is asked again when its time has come */
    bool storing;        /* here, on its way to the disk: a scan must not find it missing again */
    bool done;           /* here; dropped from the list when it is compacted */
};

/* A fork of this log was proven, or a cut named another branch than ours. */
struct log_fork {
    uint64_t seq;                 /* the first number at which two entries stand */
    uint8_t previous[HASH_BYTES]; /* id of the last common entry */
    struct buf message;           /* the proof as it is passed on; empty when only a cut told of it */
    bool asking;                  /* our entry at the cut is being looked up */
    bool settling;                /* a cut named the branch that counts, and ours is another: it is fetched up to there */
};

struct log {
    /* What every message looks at comes first, side by side. */
    uint64_t head;    /* last verified sequence number; 0: none */
    uint64_t heard;   /* highest claim of any peer; costs no more than this number */
    uint64_t durable; /* last synced: what is claimed; durable <= head */
    bool frozen;      /* by its fork: nothing from there on is taken, served or claimed */
    bool disputed;    /* a verified entry contradicts ours: where the branches part is being looked for */
    bool own;
    bool active;       /* stands in the core's list of logs that lack something */
    bool pump;         /* somebody offered a payload in the message at hand */
    bool scanning;     /* a look at the store is under way */
    bool rescan;       /* rows were dropped under pressure: look through the whole log again */
    uint32_t get_link; /* link that was asked for entries, 0: none */
    uint64_t get_ms;
    struct log_fork *fork; /* null: none; also kept when a cut has settled it */

    struct missing *missing; /* sorted by seq, at most LIMIT_MISSING_PER_LOG live ones */
    size_t missing_count, missing_capacity, missing_done;
    size_t missing_unasked; /* all before this index are asked, waiting or done */
    uint64_t scan_from;     /* entries from here on may lack payloads that are not in the list; 0: none */
    uint64_t scan_until;    /* and up to here: more than the disk had when it was last looked at, perhaps */
    uint64_t scan_seen;     /* what was durable when the scan under way was asked for */

    uint8_t head_id[HASH_BYTES];
    uint8_t durable_id[HASH_BYTES];
    uint64_t dispute_next_ms; /* the last search found nothing: not before */
    uint64_t cut_checked;     /* our entry at this cut is the one that it names */

    struct recalled recalled; /* blocks whose payloads are neither taken, nor asked for, nor given */

    uint64_t *epochs; /* sequence numbers of EPOCH entries addressed to this node, ascending */
    size_t epoch_count, epoch_capacity;
};

void log_free(struct log *log);

/* Adds one missing payload; false when the list is full (scan_from is then set) or memory ran out. Known ones stay as they are. */
bool log_missing_add(struct log *log, uint64_t seq, const struct block_body *body);
struct missing *log_missing_find(struct log *log, uint64_t seq);
void log_missing_done(struct log *log, struct missing *missing);
/* Entries `from` to `until` may lack payloads that are wanted: they are to be looked at. */
void log_scan_want(struct log *log, uint64_t from, uint64_t until);
size_t log_missing_live(const struct log *log);
size_t log_missing_direct(const struct log *log); /* of those, the ones that only the author gives */
/* A link is gone: what was asked of it may be asked of others; its slot's marks are cleared. */
void log_link_gone(struct log *log, uint32_t link, unsigned slot);

static inline bool log_settling(const struct log *log) { return log->frozen && log->fork && log->fork->settling; }
/* What stands in front of a fork is as good as ever, and fetched. */
static inline bool log_fronting(const struct log *log) {
    return log->frozen && log->fork && !log->fork->settling && log->head + 1 < log->fork->seq;
}
/* Nothing is asked of others now. */
static inline bool log_stopped(const struct log *log) {
    return log->disputed || (log->frozen && !log_settling(log) && !log_fronting(log));
}

bool log_epoch_add(struct log *log, uint64_t seq);
bool log_epoch_readable(const struct log *log, uint64_t seq);

#endif
