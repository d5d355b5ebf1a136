/* hook_rows: the values of a file's hook, kept in memory from one writing to the next.

   A file that firewalls and resolvers load is written whole, for they load it whole; but who writes it needs not ask the engine for all that it
   holds, unseal it, decide on it and sort it, each time something arrives. So the hook keeps what it wrote of (node/export/export_table.h) and asks for
   what came and what was withdrawn since, as every consumer does (node/subscribe/take.h). It begins from the start

   - when the process starts, an operator asks for it (`comity hook run`), and once an hour;
   - when the engine says that less may be shown (a reset), or that the terms are others: policy, agencies and their names, groups, subscription;
   - at the moment from which on the clock alone decides otherwise: dates in IEP policies and of groups. A filter that asks for an `age` has every moment
     as such a one: it is asked of all objects each time something comes or goes;
   - when the version that is held was withdrawn and another one, or another agency's copy, is held: which one now counts the engine knows;
   - for objects of agencies that are pinned no longer and share one name;
   - after any error.

   Nothing of it is on disk: what is withdrawn leaves the memory at once and the file with its next writing.
   Formats that carry objects (stix, jsonl, misp, misp-feed) are asked for anew each time: they are made of the authors' texts, which are ten times the
   size, and few tools that need a change within seconds load them; those read the feeds. */
#ifndef NODE_HOOK_ROWS_H
#define NODE_HOOK_ROWS_H

#include "node/export/export_table.h"
#include "node/hook/hook_state.h"

struct hook_rows {
    struct hook_work *work;
    struct export_options options; /* what of them chooses values */
    struct export_table table;
    struct take_position at;
    uint64_t terms;
    uint64_t until_ms;  /* wall time: it counts no longer from then on; 1: nor when anything came or went; 0: for ever */
    uint64_t filled_ms; /* monotonic: when it began from the start */
    bool filled;
    bool anew;  /* found while it was brought up to date: it has to begin from the start */
    bool begun; /* terms and until_ms are of a page of this round */
};

/* Can a hook of this format keep what it wrote? */
static inline bool hook_rows_can(const struct export_format *format) { return format->row != NULL; }
void hook_rows_init(struct hook_rows *rows, struct hook_work *work);
void hook_rows_free(struct hook_rows *rows);
/* Brings it up to date; from the start when `whole`. table.changed tells whether anything came or went. ERR_CLOSED: the process is to end; others with
   `why`. */
enum err hook_rows_refresh(struct hook_rows *rows, bool whole, char why[static HOOK_WHY_BYTES]) MUST_USE;
/* When it is to be brought up to date although there is no news (monotonic). */
uint64_t hook_rows_due_ms(const struct hook_rows *rows);

#endif
