#include "node/web/taxii_media.h"

#include <string.h>
#include <strings.h>

/* One media range: what stands before a comma. */
struct range {
    const char *at, *end;
};

static void trim(struct range *range) {
    while (range->at < range->end && (*range->at == ' ' || *range->at == '\t')) range->at++;
    while (range->at < range->end && (range->end[-1] == ' ' || range->end[-1] == '\t')) range->end--;
}

/* What stands before `mark`, without blanks around it; the rest stays in `text`. False at the end. */
static bool part_next(struct range *text, char mark, struct range *out) {
    if (text->at == NULL || text->at > text->end) return false;
    const char *found = memchr(text->at, mark, (size_t)(text->end - text->at));
    *out = (struct range){text->at, found ? found : text->end};
    text->at = found ? found + 1 : text->end + 1;
    trim(out);
    return true;
}

static bool is(struct range range, const char *text) {
    size_t size = (size_t)(range.end - range.at);
    return size == strlen(text) && strncasecmp(range.at, text, size) == 0;
}

/* False: a version that is not ours, or a weight of zero. */
static bool parameter_fits(struct range parameter) {
    struct range name, value;
    if (!part_next(&parameter, '=', &name) || !part_next(&parameter, '=', &value)) return true;
    if (value.end - value.at >= 2 && *value.at == '"') value = (struct range){value.at + 1, value.end - 1};
    if (is(name, "version")) return is(value, "2.1");
    if (!is(name, "q")) return true;
    return strspn(value.at, "0.") < (size_t)(value.end - value.at);
}

static bool range_fits(struct range range, bool wild) {
    struct range type, parameter;
    if (!part_next(&range, ';', &type)) return false;
    bool fits = is(type, "application/taxii+json") || (wild && (is(type, "*/*") || is(type, "application/*")));
    while (fits && part_next(&range, ';', &parameter)) fits = parameter_fits(parameter);
    return fits;
}

bool taxii_media_accepted(const char *accept) {
    struct range all, range;
    if (accept == NULL) return true;
    all = (struct range){accept, accept + strlen(accept)};
    while (part_next(&all, ',', &range))
        if (range_fits(range, true)) return true;
    return false;
}

bool taxii_media_content(const char *type) { return type != NULL && range_fits((struct range){type, type + strlen(type)}, false); }
