/* intake: the front door for what people publish: bytes of STIX or MISP JSON, a list or CSV in, items out. Pure: no file, no clock. */
#ifndef NODE_INTAKE_H
#define NODE_INTAKE_H

#include "gossip/item.h"
#include "gossip/marks.h"

#define INTAKE_AGENCY_BYTES 32
#define INTAKE_REASON_BYTES 256

struct misp_event;

enum intake_format { INTAKE_AUTO = 0, INTAKE_STIX = 1, INTAKE_LIST = 2, INTAKE_CSV = 3, INTAKE_MISP = 4 };
#define INTAKE_FORMAT_LAST INTAKE_MISP

/* Where in the input something stands. */
struct intake_place {
    uint64_t byte_offset; /* from 0, in the whole input */
    uint64_t line;        /* from 1 */
    uint64_t column;      /* from 1, in bytes; 0: the line says it all (lists, CSV) */
    uint64_t index;       /* object, list line or CSV row, from 1; 0 when it concerns the input as a whole */
    uint32_t source;      /* the caller's own: which of several inputs */
    bool generated;       /* the object was made here from a list or CSV value: its id depends on agency, kind and value only, so
                             that an id which is known already means "nothing new", whatever its times say */
    bool
        converted; /* it was made here of another format, whose times are those of more than this object: what it says tells whether
                             it is new */
};

struct intake_options {
    enum intake_format format;
    uint8_t agency_id[INTAKE_AGENCY_BYTES]; /* who publishes: the namespace of generated ids */
    uint64_t now_ms;                        /* created, modified and valid_from of generated objects */
    enum tlp tlp;                           /* from --tlp; the stricter of this and the object's own markings holds */
    const struct marks *marks;              /* from --pap and the like, borrowed; null: none. Likewise added to the object's own */
    size_t object_bytes_max;                /* 0: ITEM_TEXT_BYTES_MAX, which is also the most */

    void *context;
    /* One object. Everything is borrowed until the return. Anything but OK stops the intake, and feed or finish returns it. */
    enum err (*accept)(void *context, const struct item *item, const struct intake_place *place);
    /* One thing that was not taken, and why. `id` is the STIX id when it could be read, else null. Never null: reason. */
    void (*refuse)(void *context, const struct intake_place *place, const char *id, const char *reason);
    /* A remark that refuses nothing (an unknown CSV column); may be null. */
    void (*note)(void *context, const struct intake_place *place, const char *text);
    /* So many things of one kind have no place in an object of ours and were left out (MISP); may be null. */
    void (*leave_out)(void *context, const struct intake_place *place, const char *reason, uint64_t count);
    /* The author withdrew what it may have published under this id before (MISP); may be null. */
    void (*withdraw)(void *context, const struct intake_place *place, const char *id);
    /* Asked of every MISP event before its attributes are taken; false refuses it, with the reason. Null: all are taken. */
    bool (*misp_judge)(void *context, const struct misp_event *event, char reason[static INTAKE_REASON_BYTES]);
};

struct intake;

/* Copies the options; null without memory. */
struct intake *intake_new(const struct intake_options *options);
void intake_free(struct intake *intake);

/* The next piece of the input, of any size. OK also when objects of it were refused. ERR_SYNTAX for input that cannot be read
   further (reported through `refuse` once; what stood before it was delivered), or what `accept` returned; every later call
   returns the same. ERR_MEMORY. */
enum err intake_feed(struct intake *intake, struct bytes chunk) MUST_USE;

/* The end of the input: delivers what was pending. ERR_TRUNCATED when it ends inside an object. */
enum err intake_finish(struct intake *intake) MUST_USE;

/* What AUTO decided for; INTAKE_AUTO while nothing but blanks was seen. */
enum intake_format intake_format(const struct intake *intake);
const char *intake_format_name(enum intake_format format);

#endif
