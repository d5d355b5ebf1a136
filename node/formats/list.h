/* list: plain text, one value a line, in; generated indicators out. A line may have blanks around it, a comment (# at its start, or
   after a blank), a carriage return at its end, and numbers behind the value (as in "address<TAB>score"), which are left out. */
#ifndef NODE_LIST_H
#define NODE_LIST_H

#include "node/formats/intake.h"

#define LIST_LINE_BYTES_MAX 8192

struct list;

/* `options` is borrowed for the list's life; `offset_first` as in json_new. Null without memory. */
struct list *list_new(const struct intake_options *options, uint64_t offset_first);
void list_free(struct list *list);

/* As intake_feed and intake_finish. A list has no fatal errors of its own: each bad line is refused by itself. */
enum err list_feed(struct list *list, struct bytes chunk) MUST_USE;
enum err list_finish(struct list *list) MUST_USE;

#endif
