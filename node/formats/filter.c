#include "node/formats/filter_lex.h"
#include "node/formats/filter_tree.h"

#include "gossip/pack.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define SHOWN_MAX 60 /* bytes of what was found, in an error */

struct parser {
    struct filter *filter;
    struct filter_lex lex;
    struct filter_problem *problem;
    enum err err;
    unsigned depth;
};

static uint16_t any_read(struct parser *parser);

/* --- what is wrong --- */

static void wrong(struct parser *parser, size_t at, enum err err, const char *format, ...) __attribute__((format(printf, 4, 5)));
static void wrong(struct parser *parser, size_t at, enum err err, const char *format, ...) {
    va_list arguments;
    if (parser->err != OK) return;
    parser->err = err;
    filter_lex_place(parser->lex.text, at, &parser->problem->line, &parser->problem->column);
    va_start(arguments, format);
    vsnprintf(parser->problem->text, sizeof parser->problem->text, format, arguments);
    va_end(arguments);
    /* A text that is cut ends with a whole character. */
    size_t size = strlen(parser->problem->text);
    while (size > 0 && !pack_utf8_valid(bytes_of(parser->problem->text, size))) parser->problem->text[--size] = 0;
}

/* "found 'x'": the token as it stands in the text. */
static const char *found(const struct parser *parser, char out[static SHOWN_MAX + 8]) {
    const struct filter_lex *lex = &parser->lex;
    if (lex->token == FILTER_TOKEN_END) return "the end";
    size_t size = lex->size < SHOWN_MAX ? lex->size : SHOWN_MAX;
    /* Whole characters: what cannot begin one starts none here. */
    while (lex->at + size < lex->text.size && (lex->text.data[lex->at + size] & 0xc0) == 0x80 && size < SHOWN_MAX + 3) size++;
    snprintf(out, SHOWN_MAX + 8, "'%.*s'", (int)size, (const char *)lex->text.data + lex->at);
    return out;
}

static void unexpected(struct parser *parser, const char *possible) {
    char shown[SHOWN_MAX + 8];
    if (parser->lex.unclosed)
        wrong(parser, parser->lex.at, ERR_SYNTAX, "the quote that begins here has no end");
    else
        wrong(parser, parser->lex.at, ERR_SYNTAX, "found %s; possible here: %s", found(parser, shown), possible);
}

/* --- nodes --- */

static uint16_t node_new(struct parser *parser, enum filter_node_kind kind, size_t at) {
    struct filter *filter = parser->filter;
    if (filter->node_count == FILTER_NODES_MAX) {
        wrong(parser, at, ERR_LIMIT, "the filter is too large: %d tests and joints are possible", FILTER_NODES_MAX);
        return 0;
    }
    filter->nodes[++filter->node_count] = (struct filter_node){.kind = kind};
    return (uint16_t)filter->node_count;
}

static struct filter_value *value_new(struct parser *parser, size_t at) {
    struct filter *filter = parser->filter;
    if (filter->value_count == FILTER_VALUES_MAX) {
        wrong(parser, at, ERR_LIMIT, "the filter is too large: %d values are possible", FILTER_VALUES_MAX);
        return NULL;
    }
    if (filter->value_count == filter->value_capacity) {
        size_t capacity = filter->value_capacity ? 2 * filter->value_capacity : 8;
        struct filter_value *grown = realloc(filter->values, capacity * sizeof *grown);
        if (!grown) {
            wrong(parser, at, ERR_MEMORY, "%s", err_text(ERR_MEMORY));
            return NULL;
        }
        filter->values = grown, filter->value_capacity = capacity;
    }
    return &filter->values[filter->value_count++];
}

static bool word_is(const struct parser *parser, const char *word) {
    const struct filter_lex *lex = &parser->lex;
    return lex->token == FILTER_TOKEN_WORD && lex->content.size == strlen(word) &&
           strncasecmp((const char *)lex->content.data, word, lex->content.size) == 0;
}

/* --- a test --- */

/* What a string means: \" \' and \\ stand for what follows the backslash. */
static struct bytes unescaped(struct parser *parser) {
    const struct filter_lex *lex = &parser->lex;
    if (lex->token != FILTER_TOKEN_STRING || !lex->escaped) return lex->content;
    uint8_t *out = arena_take(&parser->filter->arena, lex->content.size);
    size_t size = 0;
    if (!out) {
        wrong(parser, lex->at, ERR_MEMORY, "%s", err_text(ERR_MEMORY));
        return bytes_of(NULL, 0);
    }
    for (size_t i = 0; i < lex->content.size; i++) {
        if (lex->content.data[i] == '\\' && i + 1 < lex->content.size) i++;
        out[size++] = lex->content.data[i];
    }
    return bytes_of(out, size);
}

static void value_read(struct parser *parser, struct filter_node *node) {
    const struct filter_lex *lex = &parser->lex;
    const char *possible;
    char shown[SHOWN_MAX + 8];
    bool quoted = lex->token == FILTER_TOKEN_STRING;
    if (lex->token != FILTER_TOKEN_WORD && !quoted) {
        struct filter_value none;
        (void)filter_value_read(&none, node->field, node->sign, bytes_of(NULL, 0), true, &parser->filter->arena, &possible);
        unexpected(parser, possible);
        return;
    }
    struct bytes text = unescaped(parser);
    struct filter_value *value = parser->err == OK ? value_new(parser, lex->at) : NULL;
    if (!value) return;
    if (!filter_value_read(value, node->field, node->sign, text, quoted, &parser->filter->arena, &possible))
        wrong(parser, lex->at, ERR_SYNTAX, "%s is no value of %s; possible: %s", found(parser, shown),
              filter_field_name(node->field), possible);
    node->value_count++;
}

/* One value, several with a comma between them, or a list in parentheses: any of them. */
static void values_read(struct parser *parser, struct filter_node *node) {
    struct filter_lex *lex = &parser->lex;
    bool list;
    filter_lex_value(lex);
    list = lex->token == FILTER_TOKEN_OPEN;
    size_t open = lex->at;
    if (list) filter_lex_value(lex);
    node->value = (uint16_t)parser->filter->value_count;
    value_read(parser, node);
    filter_lex_next(lex);
    while (parser->err == OK && lex->token == FILTER_TOKEN_COMMA) {
        if (node->sign & (SIGN_LT | SIGN_LE | SIGN_GT | SIGN_GE)) {
            wrong(parser, lex->at, ERR_SYNTAX, "a list is possible behind =, !=, ~ and !~, not behind %s",
                  filter_sign_text(node->sign));
            return;
        }
        filter_lex_value(lex);
        value_read(parser, node);
        filter_lex_next(lex);
    }
    if (!list || parser->err != OK) return;
    unsigned line, column;
    filter_lex_place(lex->text, open, &line, &column);
    if (lex->token != FILTER_TOKEN_CLOSE) {
        char possible[100];
        snprintf(possible, sizeof possible, "a comma, and the ) for the ( of line %u, column %u", line, column);
        unexpected(parser, possible);
    }
    filter_lex_next(lex);
}

/* The signs of a field, for people. */
static void signs_list(char *out, size_t size, enum filter_field field) {
    size_t at = 0;
    out[0] = 0;
    for (unsigned sign = SIGN_EQ; sign <= SIGN_UNLIKE; sign <<= 1) {
        if ((filter_field_signs(field) & sign) == 0 || at >= size) continue;
        at += (size_t)snprintf(out + at, size - at, "%s%s", at ? " " : "", filter_sign_text((enum filter_sign)sign));
    }
}

static bool sign_find(enum filter_sign *out, struct bytes text) {
    if (bytes_equal_text(text, "==")) text = bytes_of_text("=");
    if (bytes_equal_text(text, "<>")) text = bytes_of_text("!=");
    for (unsigned sign = SIGN_EQ; sign <= SIGN_UNLIKE; sign <<= 1) {
        *out = (enum filter_sign)sign;
        if (bytes_equal_text(text, filter_sign_text(*out))) return true;
    }
    return false;
}

static void field_unknown(struct parser *parser, bool word) {
    struct buf possible = {0};
    if (word) buf_put_text(&possible, "the fields ");
    filter_field_list(&possible);
    if (!word) buf_put_text(&possible, ", each with a sign and a value; not; (");
    buf_put_u8(&possible, 0);
    unexpected(parser, possible.failed ? "a field" : (const char *)possible.data);
    buf_free(&possible);
}

static uint16_t test_read(struct parser *parser) {
    struct filter_lex *lex = &parser->lex;
    struct filter_node test = {.kind = FILTER_TEST};
    char possible[80], signs[48];
    size_t at = lex->at;
    bool word = lex->token == FILTER_TOKEN_WORD;
    if (!word || !filter_field_find(&test.field, lex->content)) {
        field_unknown(parser, word);
        return 0;
    }
    signs_list(signs, sizeof signs, test.field);
    filter_lex_next(lex);
    bool in = word_is(parser, "in");
    bool sign = in || (lex->token == FILTER_TOKEN_SIGN && sign_find(&test.sign, lex->content));
    if (in) test.sign = SIGN_EQ;
    if (!sign || (filter_field_signs(test.field) & test.sign) == 0) {
        snprintf(possible, sizeof possible, "%s, behind %s", signs, filter_field_name(test.field));
        unexpected(parser, possible);
        return 0;
    }
    values_read(parser, &test);
    uint16_t node = parser->err == OK ? node_new(parser, FILTER_TEST, at) : 0;
    if (node) parser->filter->nodes[node] = test;
    return node;
}

/* --- joints --- */

static uint16_t group_read(struct parser *parser) {
    struct filter_lex *lex = &parser->lex;
    unsigned line, column;
    filter_lex_place(lex->text, lex->at, &line, &column);
    filter_lex_next(lex);
    uint16_t node = any_read(parser);
    if (parser->err != OK) return 0;
    if (lex->token != FILTER_TOKEN_CLOSE) {
        char possible[100];
        snprintf(possible, sizeof possible, "and, or, and the ) for the ( of line %u, column %u", line, column);
        unexpected(parser, possible);
        return 0;
    }
    filter_lex_next(lex);
    return node;
}

static uint16_t one_read(struct parser *parser) {
    struct filter_lex *lex = &parser->lex;
    size_t at = lex->at;
    bool not = word_is(parser, "not");
    if (!not &&lex->token != FILTER_TOKEN_OPEN) return test_read(parser);
    if (++parser->depth > FILTER_DEPTH_MAX) {
        wrong(parser, at, ERR_LIMIT, "too deep: %d parentheses and nots, one inside the other, are possible", FILTER_DEPTH_MAX);
        return 0;
    }
    uint16_t node = 0;
    if (not ) {
        filter_lex_next(lex);
        uint16_t child = one_read(parser);
        if (child) node = node_new(parser, FILTER_NOT, at);
        if (node) parser->filter->nodes[node].child = child;
    } else {
        node = group_read(parser);
    }
    parser->depth--;
    return node;
}

/* Some of a kind, joined; a single one stands for itself. `more` moves to the next one, if there is one. */
static uint16_t joined_read(struct parser *parser, enum filter_node_kind kind, uint16_t (*read)(struct parser *),
                            bool (*more)(struct parser *)) {
    uint16_t first = read(parser), last = first, joint = 0;
    while (parser->err == OK && more(parser)) {
        size_t at = parser->lex.at;
        uint16_t next = read(parser);
        if (parser->err == OK && joint == 0) joint = node_new(parser, kind, at);
        if (parser->err != OK) break;
        parser->filter->nodes[last].next = next;
        last = next;
    }
    if (parser->err != OK) return 0;
    if (joint) parser->filter->nodes[joint].child = first;
    return joint ? joint : first;
}

/* "and", or nothing where another test begins. */
static bool and_more(struct parser *parser) {
    if (word_is(parser, "and")) {
        filter_lex_next(&parser->lex);
        return true;
    }
    bool begins = parser->lex.token == FILTER_TOKEN_WORD || parser->lex.token == FILTER_TOKEN_OPEN;
    return begins && !word_is(parser, "or");
}

static bool or_more(struct parser *parser) {
    if (!word_is(parser, "or")) return false;
    filter_lex_next(&parser->lex);
    return true;
}

static uint16_t all_read(struct parser *parser) { return joined_read(parser, FILTER_AND, one_read, and_more); }

static uint16_t any_read(struct parser *parser) { return joined_read(parser, FILTER_OR, all_read, or_more); }

enum err filter_parse(struct filter **out, struct bytes text, struct filter_problem *problem) {
    struct parser parser = {.problem = problem};
    *out = NULL;
    *problem = (struct filter_problem){.line = 1, .column = 1};
    filter_lex_init(&parser.lex, text);
    if (text.size > FILTER_BYTES_MAX)
        wrong(&parser, FILTER_BYTES_MAX, ERR_LIMIT, "the filter is too long: %d bytes are possible", FILTER_BYTES_MAX);
    else if (!pack_utf8_valid(text) || (text.size > 0 && memchr(text.data, 0, text.size)))
        wrong(&parser, 0, ERR_UTF8, "the filter is no text in UTF-8");
    else if (!(parser.filter = calloc(1, sizeof *parser.filter)))
        parser.err = ERR_MEMORY;
    if (parser.err != OK) return parser.err;
    filter_lex_next(&parser.lex);
    if (parser.lex.token != FILTER_TOKEN_END) parser.filter->root = any_read(&parser);
    if (parser.err == OK && parser.lex.token != FILTER_TOKEN_END) unexpected(&parser, "and, or, another test, and the end");
    if (parser.err == OK)
        *out = parser.filter;
    else
        filter_free(parser.filter);
    return parser.err;
}

void filter_free(struct filter *filter) {
    if (!filter) return;
    arena_free(&filter->arena);
    jsonwalk_free(filter->walk);
    buf_free(&filter->text.strings);
    free(filter->values);
    free(filter);
}

bool filter_empty(const struct filter *filter) { return filter->root == 0; }
