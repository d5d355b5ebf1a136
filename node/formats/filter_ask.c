#include "node/formats/filter_tree.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#define ID_DIGITS_MIN 8 /* of an agency's or a group's id */

struct question {
    struct filter *filter;
    const struct filter_subject *subject;
};

static enum filter_verdict verdict(bool taken) { return taken ? FILTER_YES : FILTER_NO; }

/* --- what is compared --- */

static bool text_same(struct bytes small, struct bytes text) {
    return small.size == text.size &&
           (text.size == 0 || strncasecmp((const char *)small.data, (const char *)text.data, text.size) == 0);
}

static bool text_fits(const struct filter_node *node, const struct filter_value *value, struct bytes text) {
    bool like = node->sign == SIGN_LIKE || node->sign == SIGN_UNLIKE;
    return like ? filter_glob(value->text, text) : text_same(value->text, text);
}

/* The first digits of an id in hexadecimal. */
static bool id_begins(struct bytes digits, const uint8_t *id, size_t id_bytes) {
    if (!id || digits.size < ID_DIGITS_MIN || digits.size > 2 * id_bytes) return false;
    for (size_t i = 0; i < digits.size; i++) {
        unsigned nibble = i % 2 == 0 ? id[i / 2] >> 4 : id[i / 2] & 15;
        if (digits.data[i] != (uint8_t) "0123456789abcdef"[nibble]) return false;
    }
    return true;
}

static bool number_fits(enum filter_sign sign, uint64_t held, uint64_t asked) {
    switch (sign) {
    case SIGN_EQ:
    case SIGN_NE: return held == asked; /* SIGN_NE is turned round at the end */
    case SIGN_LT: return held < asked;
    case SIGN_LE: return held <= asked;
    case SIGN_GT: return held > asked;
    case SIGN_GE: return held >= asked;
    case SIGN_LIKE:
    case SIGN_UNLIKE: break;
    }
    return false;
}

/* --- values --- */

/* Do two networks overlap? An address is one of its own. */
static bool networks_meet(struct bytes a, struct bytes b) {
    if (a.size != b.size || a.size == 0) return false;
    size_t bytes = a.size - 1;
    unsigned bits = a.data[bytes] < b.data[bytes] ? a.data[bytes] : b.data[bytes];
    for (size_t i = 0; i < bytes && bits > 0; i++) {
        unsigned take = bits < 8 ? bits : 8;
        uint8_t mask = (uint8_t)(0xff << (8 - take));
        if ((a.data[i] ^ b.data[i]) & mask) return false;
        bits -= take;
    }
    return true;
}

static bool observable_is(struct observable held, struct observable asked) {
    if (held.kind != asked.kind) return false;
    bool address = held.kind == OBSERVABLE_IPV4 || held.kind == OBSERVABLE_IPV6;
    return address ? networks_meet(held.value, asked.value) : bytes_equal(held.value, asked.value);
}

static bool below(struct observable held, struct bytes dotted) {
    struct bytes value = held.value;
    return held.kind == OBSERVABLE_DOMAIN && value.size > dotted.size &&
           memcmp(value.data + value.size - dotted.size, dotted.data, dotted.size) == 0;
}

static bool value_fits(const struct filter_node *node, const struct filter_value *value, struct observable held, struct buf *text) {
    if (node->sign == SIGN_LIKE || node->sign == SIGN_UNLIKE) {
        buf_clear(text);
        observable_text(text, held);
        return !text->failed && filter_glob(value->text, bytes_of_buf(text));
    }
    if (value->suffix) return below(held, value->text);
    for (size_t i = 0; i < value->observable_count; i++)
        if (observable_is(held, value->observables[i])) return true;
    return false;
}

static bool item_value_fits(const struct item *item, const struct filter_node *node, const struct filter_value *value) {
    struct buf text = {0};
    bool fits = false;
    for (size_t i = 0; i < item->observable_count && !fits; i++) fits = value_fits(node, value, item->observables[i], &text);
    buf_free(&text);
    return fits;
}

static bool item_kind_fits(const struct item *item, const struct filter_value *value) {
    for (size_t i = 0; i < item->observable_count; i++)
        if ((value->number >> item->observables[i].kind) & 1) return true;
    return false;
}

/* --- marks and text --- */

static const struct marks *marks_of(struct question *question) {
    struct filter *filter = question->filter;
    if (!filter->marks_read) {
        filter->marks_read = true;
        filter->marks_good = marks_decode(&filter->marks, question->subject->item->marks) == OK;
        if (!filter->marks_good) filter->marks = (struct marks){0};
    }
    return &filter->marks;
}

static const struct filter_text *text_of(struct question *question) {
    if (!question->filter->text.read) filter_text_read(question->filter, question->subject->item->text);
    return &question->filter->text;
}

static struct bytes text_view(const struct filter_text *text, uint32_t at, uint32_t size) {
    return size > 0 ? bytes_of(text->strings.data + at, size) : bytes_of(NULL, 0);
}

static bool labels_fit(struct question *question, const struct filter_node *node, const struct filter_value *value) {
    const struct filter_text *text = text_of(question);
    for (size_t i = 0; i < text->label_count; i++)
        if (text_fits(node, value, text_view(text, text->labels[i].at, text->labels[i].size))) return true;
    return false;
}

/* Position in the order from the best on; 9: not known, or not said. */
static unsigned grade_rank(const char *order, struct bytes code) {
    const char *at = code.size == 1 ? strchr(order, toupper(code.data[0])) : NULL;
    const char *unknown = strchr(order, ' ');
    return at && *at && at < unknown ? (unsigned)(at - order) : 9;
}

static bool grade_part_fits(enum filter_sign sign, const char *order, char asked, struct bytes held) {
    if (asked == 0) return true;
    char letter = asked;
    if (sign == SIGN_EQ || sign == SIGN_NE) return held.size == 1 && toupper(held.data[0]) == asked;
    unsigned least = grade_rank(order, bytes_of(&letter, 1)), rank = grade_rank(order, held);
    return rank < 9 && rank <= least;
}

/* >= is "at least as good", within one scheme. */
static bool grades_fit(const struct marks *marks, enum filter_sign sign, const struct filter_value *value) {
    static const char *const sources[] = {"ABCDE F", "ABC X", "123 "}, *const informations[] = {"12345 6", "1234 ", "ABCDE "};
    for (size_t i = 0; i < marks->grade_count; i++) {
        const struct marks_grade *grade = &marks->grades[i];
        if (!text_same(value->text, grade->scheme)) continue;
        if (grade_part_fits(sign, sources[value->number], value->source, grade->source) &&
            grade_part_fits(sign, informations[value->number], value->information, grade->information))
            return true;
    }
    return false;
}

/* --- tests --- */

static uint64_t changed_ms(const struct filter_subject *subject) {
    return subject->item->modified_ms ? subject->item->modified_ms : subject->arrived_ms;
}

/* Does one of the node's values fit, its sign taken as the positive one? */
static bool fits(struct question *question, const struct filter_node *node, const struct filter_value *value) {
    const struct filter_subject *subject = question->subject;
    const struct item *item = subject->item;
    const struct filter_text *text;
    uint64_t changed = changed_ms(subject);
    switch (node->field) {
    case FILTER_KIND: return item_kind_fits(item, value);
    case FILTER_TYPE: return text_fits(node, value, item->type);
    case FILTER_ID: return text_fits(node, value, item->id);
    case FILTER_TLP: return number_fits(node->sign, item->tlp, value->number);
    case FILTER_PAP: return number_fits(node->sign, marks_of(question)->pap, value->number);
    case FILTER_AUTHOR:
        return text_fits(node, value, subject->author) || id_begins(value->text, subject->author_id, AGENCY_ID_BYTES);
    case FILTER_GROUP:
        return (subject->group.size > 0 && text_fits(node, value, subject->group)) ||
               id_begins(value->text, marks_of(question)->group.data, marks_of(question)->group.size);
    case FILTER_LABEL: return labels_fit(question, node, value);
    case FILTER_NAME:
        text = text_of(question);
        return text->name.size > 0 && text_fits(node, value, text_view(text, text->name.at, text->name.size));
    case FILTER_CONFIDENCE:
        text = text_of(question);
        return text->confident && number_fits(node->sign, text->confidence, value->number);
    case FILTER_GRADING: return grades_fit(marks_of(question), node->sign, value);
    case FILTER_AGE: return number_fits(node->sign, subject->now_ms > changed ? subject->now_ms - changed : 0, value->number);
    case FILTER_MODIFIED: return number_fits(node->sign, changed, value->number);
    case FILTER_ARRIVED: return number_fits(node->sign, subject->arrived_ms, value->number);
    case FILTER_AFTER: return changed > value->number;
    case FILTER_BEFORE: return changed < value->number;
    case FILTER_REVOKED: return item->revoked == (value->number != 0);
    case FILTER_VALUE: return item_value_fits(item, node, value);
    case FILTER_FIELD_COUNT: break;
    }
    return false;
}

/* Of something that is gone only these are known. */
static bool known(const struct filter_subject *subject, enum filter_field field) {
    return field == FILTER_TYPE || field == FILTER_ID || field == FILTER_TLP || (field == FILTER_AUTHOR && !subject->nameless);
}

static enum filter_verdict test_ask(struct question *question, const struct filter_node *node) {
    bool turned = node->sign == SIGN_NE || node->sign == SIGN_UNLIKE, any = false;
    if (question->subject->partial && !known(question->subject, node->field)) return FILTER_MAYBE;
    for (size_t i = 0; i < node->value_count && !any; i++) any = fits(question, node, &question->filter->values[node->value + i]);
    return verdict(any != turned);
}

static enum filter_verdict node_ask(struct question *question, uint16_t at) {
    const struct filter_node *node = &question->filter->nodes[at];
    if (node->kind == FILTER_TEST) return test_ask(question, node);
    if (node->kind == FILTER_NOT) return (enum filter_verdict)(FILTER_YES - node_ask(question, node->child));
    bool all = node->kind == FILTER_AND;
    enum filter_verdict sum = all ? FILTER_YES : FILTER_NO;
    for (uint16_t child = node->child; child != 0 && sum != (all ? FILTER_NO : FILTER_YES);
         child = question->filter->nodes[child].next) {
        enum filter_verdict one = node_ask(question, child);
        if (all ? one < sum : one > sum) sum = one;
    }
    return sum;
}

enum filter_verdict filter_ask(struct filter *filter, const struct filter_subject *subject) {
    struct question question = {filter, subject};
    filter->marks_read = false;
    filter->text.read = false;
    return filter->root == 0 ? FILTER_YES : node_ask(&question, filter->root);
}

/* --- what must hold of whatever it takes: for those who have an index --- */

static const struct filter_node *required(const struct filter *filter, enum filter_field field) {
    const struct filter_node *root = &filter->nodes[filter->root];
    if (filter->root == 0) return NULL;
    bool all = root->kind == FILTER_AND;
    for (uint16_t at = all ? root->child : filter->root; at != 0; at = all ? filter->nodes[at].next : 0) {
        const struct filter_node *node = &filter->nodes[at];
        if (node->kind == FILTER_TEST && node->field == field && node->sign == SIGN_EQ && node->value_count == 1) return node;
    }
    return NULL;
}

static bool asks(const struct filter *filter, enum filter_field field) {
    for (size_t i = 1; i <= filter->node_count; i++)
        if (filter->nodes[i].kind == FILTER_TEST && filter->nodes[i].field == field) return true;
    return false;
}

bool filter_asks_group(const struct filter *filter) { return asks(filter, FILTER_GROUP); }
bool filter_asks_age(const struct filter *filter) { return asks(filter, FILTER_AGE); }

bool filter_requires_id(const struct filter *filter, struct bytes *id) {
    const struct filter_node *node = required(filter, FILTER_ID);
    if (node) *id = filter->values[node->value].text;
    return node != NULL;
}

/* An address whose length is not full may stand for many that are held. */
static bool one_value(struct observable observable) {
    bool address = observable.kind == OBSERVABLE_IPV4 || observable.kind == OBSERVABLE_IPV6;
    return !address || observable.value.data[observable.value.size - 1] == 8 * (observable.value.size - 1);
}

size_t filter_requires_value(const struct filter *filter, struct observable *out) {
    const struct filter_node *node = required(filter, FILTER_VALUE);
    const struct filter_value *value = node ? &filter->values[node->value] : NULL;
    if (!value || value->suffix) return 0;
    for (size_t i = 0; i < value->observable_count; i++) {
        if (!one_value(value->observables[i])) return 0;
        out[i] = value->observables[i];
    }
    return value->observable_count;
}
