#include "gossip/setexpr.h"

#include <assert.h>
#include <string.h>

/* The text is read once, from left to right; operators wait on a stack of their own until what binds closer is done. */
struct parse {
    struct setexpr *out;
    struct bytes text;
    size_t at;
    uint8_t waiting[LIMIT_SETEXPR_DEPTH]; /* '(' ',' '+' '-' '&' */
    size_t waiting_places[LIMIT_SETEXPR_DEPTH];
    size_t waiting_count;
    size_t terms, height;
    const char *what;
};

static int binding(uint8_t sign) {
    switch (sign) {
    case '&': return 3;
    case '+':
    case '-': return 2;
    case ',': return 1;
    default: return 0; /* '(' */
    }
}

static bool name_character(uint8_t c, bool first) {
    bool word = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    return word || (!first && (c == '.' || c == '_' || c == '-'));
}

static enum err fail(struct parse *parse, enum err err, const char *what) {
    parse->what = what;
    return err;
}

static void step(struct parse *parse, enum setexpr_kind kind, struct bytes name) {
    struct setexpr *out = parse->out;
    out->steps[out->step_count++] = (struct setexpr_step){kind, name};
    if (kind >= SETEXPR_AND)
        parse->height--;
    else
        parse->height++;
    if (parse->height > out->depth) out->depth = parse->height;
    if (kind == SETEXPR_ALL) out->all = true;
}

static void apply_last(struct parse *parse) {
    uint8_t sign = parse->waiting[--parse->waiting_count];
    step(parse, sign == '&' ? SETEXPR_AND : sign == '-' ? SETEXPR_MINUS : SETEXPR_PLUS, bytes_of(NULL, 0));
}

static enum err wait_push(struct parse *parse, uint8_t sign) {
    if (parse->waiting_count == LIMIT_SETEXPR_DEPTH) return fail(parse, ERR_TOO_BIG, "nested too deep: 32 levels at most");
    parse->waiting_places[parse->waiting_count] = parse->at;
    parse->waiting[parse->waiting_count++] = sign;
    return OK;
}

static struct bytes name_take(struct parse *parse) {
    size_t from = parse->at;
    while (parse->at < parse->text.size && name_character(parse->text.data[parse->at], parse->at == from)) parse->at++;
    return bytes_of(parse->text.data + from, parse->at - from);
}

static enum err operand(struct parse *parse) {
    static const char group[] = "group:";
    struct bytes rest = bytes_of(parse->text.data + parse->at, parse->text.size - parse->at);
    bool is_group = rest.size >= sizeof group - 1 && memcmp(rest.data, group, sizeof group - 1) == 0;
    size_t from = parse->at;
    if (is_group) parse->at += sizeof group - 1;
    struct bytes name = name_take(parse);
    if (name.size == 0)
        return fail(parse, ERR_SYNTAX,
                    is_group ? "the group's name is missing after 'group:'" : "a name, group:NAME, all or ( belongs here");
    if (name.size > LIMIT_GROUP_NAME_BYTES) {
        parse->at = from;
        return fail(parse, ERR_TOO_BIG, "a name has 64 characters at most");
    }
    if (parse->terms == LIMIT_SETEXPR_TERMS || parse->height == LIMIT_SETEXPR_DEPTH) {
        parse->at = from;
        return fail(parse, ERR_TOO_BIG,
                    parse->terms == LIMIT_SETEXPR_TERMS ? "more than 1024 names" : "nested too deep: 32 levels at most");
    }
    parse->terms++;
    step(parse, is_group ? SETEXPR_GROUP : bytes_equal_text(name, "all") ? SETEXPR_ALL : SETEXPR_NAME, name);
    return OK;
}

/* After an operand. `done` when an operand follows again. */
static enum err operator_take(struct parse *parse, bool *operand_next) {
    uint8_t c = parse->text.data[parse->at];
    *operand_next = false;
    if (c == ')') {
        while (parse->waiting_count > 0 && parse->waiting[parse->waiting_count - 1] != '(') apply_last(parse);
        if (parse->waiting_count == 0) return fail(parse, ERR_SYNTAX, "this ) was never opened");
        parse->waiting_count--;
        parse->at++;
        return OK;
    }
    if (binding(c) == 0)
        return fail(parse, ERR_SYNTAX,
                    name_character(c, true) ? "two names without + , - or & between them (and blanks around -)"
                                            : "+ , - & or ) belongs here");
    while (parse->waiting_count > 0 && binding(parse->waiting[parse->waiting_count - 1]) >= binding(c)) apply_last(parse);
    enum err err = wait_push(parse, c);
    if (err == OK) parse->at++;
    *operand_next = true;
    return err;
}

static enum err finish(struct parse *parse, bool operand_next) {
    if (operand_next)
        return fail(parse, ERR_SYNTAX,
                    parse->out->step_count == 0 ? "it names nobody" : "a name, group:NAME, all or ( is missing at the end");
    while (parse->waiting_count > 0) {
        if (parse->waiting[parse->waiting_count - 1] == '(') {
            parse->at = parse->waiting_places[parse->waiting_count - 1];
            return fail(parse, ERR_SYNTAX, "this ( is never closed");
        }
        apply_last(parse);
    }
    assert(parse->height == 1);
    return OK;
}

enum err setexpr_parse(struct setexpr *out, struct bytes text, size_t *at, const char **what) {
    struct parse parse = {.out = out, .text = text};
    bool operand_next = true;
    enum err err = OK;
    out->step_count = out->depth = 0;
    out->all = false;
    if (text.size > LIMIT_SETEXPR_BYTES) err = fail(&parse, ERR_TOO_BIG, "longer than 80 KiB");
    while (err == OK) {
        while (parse.at < text.size && (text.data[parse.at] == ' ' || text.data[parse.at] == '\t')) parse.at++;
        if (parse.at == text.size) break;
        if (operand_next && text.data[parse.at] == '(') {
            err = wait_push(&parse, '(');
            if (err == OK) parse.at++;
        } else if (operand_next) {
            err = operand(&parse);
            operand_next = false;
        } else {
            err = operator_take(&parse, &operand_next);
        }
    }
    if (err == OK) err = finish(&parse, operand_next);
    *at = parse.at;
    *what = parse.what;
    return err;
}

bool setexpr_evaluate(const struct setexpr *expression, setexpr_resolve *resolve, void *context, struct setexpr_set *out) {
    struct setexpr_set stack[LIMIT_SETEXPR_DEPTH];
    size_t height = 0;
    for (size_t i = 0; i < expression->step_count; i++) {
        const struct setexpr_step *now = &expression->steps[i];
        if (now->kind < SETEXPR_AND) {
            assert(height < LIMIT_SETEXPR_DEPTH);
            stack[height] = (struct setexpr_set){0};
            if (!resolve(context, now, &stack[height++])) return false;
            continue;
        }
        assert(height >= 2);
        struct setexpr_set *left = &stack[height - 2];
        const struct setexpr_set *right = &stack[--height];
        for (size_t at = 0; at < sizeof left->bits; at++) {
            if (now->kind == SETEXPR_AND) left->bits[at] &= right->bits[at];
            if (now->kind == SETEXPR_PLUS) left->bits[at] |= right->bits[at];
            if (now->kind == SETEXPR_MINUS) left->bits[at] &= (uint8_t)~right->bits[at];
        }
    }
    assert(height == 1);
    *out = stack[0];
    return true;
}
