/* export_table: the values of a file that is kept up to date: held by object, in the order in which they are written, so that a change costs what
   came and went and one run over what is written, and not a question about all objects.

   What it yields is at any time what an export of the same objects would write (export_rows_sort), byte for byte. It lives in memory alone: what was
   withdrawn is nowhere once it was taken out here and the file was replaced; who restarts gathers anew.

   Memory: an object has one block of 44 bytes, its id, and 7 bytes and the value for each value that fits the format; a place in the order for each
   value and one to two places for the object, 8 bytes each. About 160 bytes for an indicator of one domain (measured: `make bench`, hooks). Objects
   without a value that fits are not held. While many are added at once (the first time) sorting them takes 48 bytes more of each. */
#ifndef NODE_EXPORT_TABLE_H
#define NODE_EXPORT_TABLE_H

#include "node/export/export.h"

#define EXPORT_TABLE_KEY_BYTES 16

struct export_held;

/* Begin with export_table_init, release with export_table_free. */
struct export_table {
    const struct export_options *options; /* borrowed: format and kinds_wanted */
    uint8_t key[EXPORT_TABLE_KEY_BYTES];  /* of the places of objects: random, so that no author can have them collide */
    struct export_held **places;          /* objects by author and id: open addressing; null is free */
    size_t place_count, objects;          /* of places: a power of two, or 0 */
    const uint8_t **order; /* values, each by its record in its object's block; the first `sorted` ones stand in order */
    size_t count, sorted, capacity;
    struct export_held **gone; /* taken out, and still in `order` */
    size_t gone_count, gone_capacity;
    struct bytes *authors; /* names; owned */
    size_t author_count, author_last;
    bool changed; /* values came or went since this was last set to false */
};

void export_table_init(struct export_table *table, const struct export_options *options,
                       const uint8_t key[static EXPORT_TABLE_KEY_BYTES]);
void export_table_free(struct export_table *table);
/* Empty again. */
void export_table_clear(struct export_table *table);

/* The newest version of an object: it takes the place of the one that is held of the same author and id, unless it stands `apart`: of an author
   whose name is not its own. ERR_MEMORY, ERR_LIMIT (more than 65,535 authors), ERR_RANGE (no id): the table is of no use any more but to be
   cleared. */
enum err export_table_put(struct export_table *table, const struct answer *answer, bool apart) MUST_USE;
/* The object is gone. OK also when it is not held. ERR_MEMORY as above. */
enum err export_table_take(struct export_table *table, struct bytes author, struct bytes id) MUST_USE;
/* At which cursor does the version stand that is held? 0: none is. */
uint64_t export_table_cursor(const struct export_table *table, struct bytes author, struct bytes id);

/* Writes all of it as a file of its format; `work` is a new export of the same options. ERR_MEMORY, or what the sink returned. */
enum err export_table_write(struct export_table *table, struct export *work) MUST_USE;

#endif
