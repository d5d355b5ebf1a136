#include "node/subscribe/wanted.h"

#include "node/engine/engine_core.h"

unsigned wanted_labels(enum tlp tlp_max) {
    unsigned labels = 0;
    for (int tlp = TLP_CLEAR; tlp <= TLP_RED; tlp++)
        if (tlp_max == TLP_NONE || tlp <= (int)tlp_max) labels |= 1u << tlp;
    return labels;
}

static bool filter_read(struct client *client, uint64_t tag, struct filter **out, struct bytes text) {
    struct filter_problem problem;
    enum err err = filter_parse(out, text, &problem);
    if (err == OK) return true;
    if (err == ERR_MEMORY)
        server_error(client, tag, err, "%s", err_text(err));
    else
        server_error(client, tag, err, "the filter, line %u, column %u: %s", problem.line, problem.column, problem.text);
    return false;
}

bool wanted_read(struct wanted *out, struct client *client, uint64_t tag, const struct subscription *subscription,
                 struct bytes text) {
    *out = (struct wanted){.labels = wanted_labels(subscription ? subscription->tlp_max : TLP_NONE)};
    if (subscription && !filter_read(client, tag, &out->own, bytes_of_text(subscription->filter))) return false;
    if (text.size == 0 || filter_read(client, tag, &out->asked, text)) return true;
    wanted_free(out);
    return false;
}

void wanted_free(struct wanted *wanted) {
    filter_free(wanted->own), filter_free(wanted->asked);
    wanted->own = wanted->asked = NULL;
}

static bool filters_take(const struct wanted *wanted, const struct filter_subject *subject) {
    return (!wanted->own || filter_takes(wanted->own, subject)) && (!wanted->asked || filter_takes(wanted->asked, subject));
}

/* The local name of the group that it was published to. */
static struct bytes group_of(const struct engine *engine, const struct item *item) {
    static struct marks marks;
    bool marked = item->marks.size > 0 && marks_decode(&marks, item->marks) == OK && marks.group.size == HASH_BYTES;
    const struct group_known *known = marked ? groups_find(engine, marks.group.data) : NULL;
    return known ? bytes_of_text(group_name(known)) : bytes_of(NULL, 0);
}

bool wanted_matches(struct engine *engine, const struct wanted *wanted, const struct shown *shown, uint64_t now_ms) {
    if (!wanted->own && !wanted->asked) return true;
    struct filter_subject subject = {.item = &shown->item,
                                     .author = bytes_of_text(engine_agency_name(engine, shown->author)),
                                     .author_id = shown->author,
                                     .group = group_of(engine, &shown->item),
                                     .arrived_ms = shown->head.arrived_ms,
                                     .now_ms = now_ms};
    return filters_take(wanted, &subject);
}

bool wanted_may_match(struct engine *engine, const struct wanted *wanted, const struct gone_row *row, uint64_t now_ms) {
    static struct item item;
    /* Who is not pinned any more had a name when it was. */
    bool stranger = !engine_agency(engine, row->author);
    item = (struct item){.type = bytes_of_text(row->type), .id = bytes_of_text(row->id), .tlp = row->tlp};
    struct filter_subject subject = {.item = &item,
                                     .author = bytes_of_text(engine_agency_name(engine, row->author)),
                                     .author_id = row->author,
                                     .now_ms = now_ms,
                                     .partial = true,
                                     .nameless = stranger};
    return filters_take(wanted, &subject);
}

struct subscription *wanted_subscription(struct engine *engine, struct client *client, uint64_t tag, struct bytes name) {
    struct subscription *found = subscription_find(engine, name);
    if (!found) server_error(client, tag, ERR_NOT_FOUND, "no subscription has this name: `comity subscription list` shows them");
    return found;
}
