/* trust_files: DIR/trust: the pinned cards, one NAME.card each, where NAME is the operator's name for that agency. */
#ifndef NODE_TRUST_FILES_H
#define NODE_TRUST_FILES_H

#include "gossip/card.h"

#define TRUST_NAME_BYTES_MAX 64
#define TRUST_FILES_MAX      1024
#define TRUST_PROBLEM_MAX    512

/* 1 to 64 of [A-Za-z0-9._-], starting with a letter or digit. */
bool trust_name_valid(const char *name);

/* One card file, read and verified. Views in `card` point into `binary`. */
struct card_file {
    struct card card;
    struct buf binary;
};

/* Reads any card file, text or binary. ERR_NOT_FOUND, ERR_DENIED, ERR_TOO_BIG, ERR_IO, and what card_dearmour and card_read return.
   Release with card_file_free, also after an error. */
enum err card_file_read(struct card_file *out, const char *path) MUST_USE;
void card_file_free(struct card_file *file);

/* The card pinned as NAME. ERR_NOT_FOUND; else as card_file_read. */
enum err trust_file_read(struct card_file *out, const char *dir, const char *name) MUST_USE;

/* Walks the pinned cards in the order of their names until `visit` returns false. A card that cannot be used comes with its error and
   a null file. `file` is borrowed until the return. ERR_LIMIT beyond TRUST_FILES_MAX, ERR_DENIED, ERR_IO, ERR_MEMORY; a missing
   folder is an empty one. */
typedef bool trust_visit(void *context, const char *name, enum err error, const struct card_file *file);
enum err trust_files_each(const char *dir, trust_visit *visit, void *context) MUST_USE;

/* The names alone, joined by ", "; "none" when there are none. */
void trust_names(const char *dir, struct buf *out);
bool trust_name_known(const char *dir, const char *name);

/* The name under which this agency is pinned. ERR_NOT_FOUND; else as trust_files_each. */
enum err trust_name_of(const char *dir, const uint8_t agency_id[static AGENCY_ID_BYTES],
                       char name[static TRUST_NAME_BYTES_MAX + 1]) MUST_USE;

enum trust_change { TRUST_NEW, TRUST_UPDATE, TRUST_SAME };

/* What pinning this card as NAME would mean: pure. `pinned` is what NAME holds now, or null. ERR_EXISTS: the name belongs to another
   agency; ERR_CHAIN: the card's chain does not extend the pinned one. */
enum err trust_compare(enum trust_change *out, const struct card *pinned, const struct card *card) MUST_USE;

/* Judges a card before it is pinned as NAME, over all that is pinned in DIR; `own_id` is DIR's agency. On an error `problem` tells a
   person why and what to do: ERR_RANGE (the name), ERR_EXISTS, ERR_CHAIN, ERR_DENIED (our own card), ERR_LIMIT, ERR_IO... */
enum err trust_judge(enum trust_change *out, const char *dir, const char *name, const struct card *card,
                     const uint8_t own_id[static AGENCY_ID_BYTES], char problem[static TRUST_PROBLEM_MAX]) MUST_USE;

/* Writes the card as NAME's, in text form, replacing what was there in one step. */
enum err trust_file_write(const char *dir, const char *name, const struct card_file *file) MUST_USE;
/* ERR_NOT_FOUND. */
enum err trust_file_remove(const char *dir, const char *name) MUST_USE;

#endif
