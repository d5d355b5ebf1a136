#include "node/formats/pattern.h"

#include "node/formats/observable.h"
#include "node/formats/patternlex.h"

#include <stdio.h>
#include <string.h>

struct reader {
    struct patternlex lex;
    enum pattern_version version;
    struct arena *arena;
    pattern_told *told;
    void *context;
    struct pattern_fault *fault;
    unsigned depth;
    enum err error;
    struct pattern_comparison comparison; /* the one being read */
    size_t value_at;                      /* where its value stands */
};

static bool fail(struct reader *reader, enum err error, size_t offset, const char *reason) {
    if (reader->error != OK) return false;
    reader->error = error;
    reader->fault->offset = offset;
    snprintf(reader->fault->reason, sizeof reader->fault->reason, "%s", reason);
    return false;
}

/* The usual error: something else stands here. */
static bool expected(struct reader *reader, const char *what) {
    const struct patternlex *lex = &reader->lex;
    char reason[160];
    size_t size = lex->content.size < 40 ? lex->content.size : 40;
    if (lex->token == TOKEN_END)
        snprintf(reason, sizeof reason, "it ends where %s is expected", what);
    else if (lex->token == TOKEN_BAD && lex->content.data[0] >= 0x80)
        snprintf(reason, sizeof reason, "a character beyond ASCII stands where %s is expected", what);
    else if (lex->token == TOKEN_BAD && lex->content.data[0] == '\'')
        snprintf(reason, sizeof reason, "a string does not end, or has a backslash before other than \\ and '");
    else
        snprintf(reason, sizeof reason, "%.*s stands where %s is expected", (int)size, (const char *)lex->content.data, what);
    return fail(reader, ERR_SYNTAX, lex->at, reason);
}

static bool is(const struct reader *reader, enum patternlex_token token) { return reader->lex.token == token; }

static bool take(struct reader *reader, enum patternlex_token token, const char *what) {
    if (!is(reader, token)) return expected(reader, what);
    patternlex_next(&reader->lex);
    return true;
}

static bool deeper(struct reader *reader) {
    if (reader->depth++ < PATTERN_DEPTH_MAX) return true;
    return fail(reader, ERR_LIMIT, reader->lex.at, "nested deeper than 64 parentheses");
}

/* The content of the string token, without its escapes. */
static struct bytes unescaped(struct reader *reader) {
    struct bytes content = reader->lex.content;
    if (!reader->lex.escaped) return content;
    uint8_t *copy = arena_take(reader->arena, content.size);
    size_t size = 0;
    if (copy == NULL) {
        (void)fail(reader, ERR_MEMORY, reader->lex.at, "out of memory");
        return bytes_of(NULL, 0);
    }
    for (size_t i = 0; i < content.size; i++) {
        if (content.data[i] == '\\') i++;
        copy[size++] = content.data[i];
    }
    return bytes_of(copy, size);
}

static void step_add(struct pattern_path *path, struct bytes name, bool index) {
    if (path->step_count < PATTERN_STEPS_MAX) path->steps[path->step_count++] = (struct pattern_step){name, index};
}

static bool step_name(struct reader *reader) {
    if (!is(reader, TOKEN_NAME) && !is(reader, TOKEN_STRING))
        return expected(reader, is(reader, TOKEN_NAME_HYPHEN) ? "a property name (quote one with hyphens)" : "a property name");
    step_add(&reader->comparison.path, is(reader, TOKEN_STRING) ? unescaped(reader) : reader->lex.content, false);
    patternlex_next(&reader->lex);
    return true;
}

static bool path(struct reader *reader) {
    struct pattern_path *out = &reader->comparison.path;
    out->step_count = 0;
    if (!is(reader, TOKEN_NAME) && !is(reader, TOKEN_NAME_HYPHEN)) return expected(reader, "an object path (type:property)");
    out->object = reader->lex.content;
    patternlex_next(&reader->lex);
    if (!take(reader, TOKEN_COLON, "':'") || !step_name(reader)) return false;
    for (;;) {
        if (is(reader, TOKEN_DOT)) {
            patternlex_next(&reader->lex);
            if (!step_name(reader)) return false;
        } else if (is(reader, TOKEN_BRACKET_OPEN)) {
            patternlex_next(&reader->lex);
            if (!is(reader, TOKEN_INT) && !is(reader, TOKEN_INT_NEGATIVE) && !is(reader, TOKEN_ASTERISK))
                return expected(reader, "an index or '*'");
            step_add(out, reader->lex.content, true);
            patternlex_next(&reader->lex);
            if (!take(reader, TOKEN_BRACKET_CLOSE, "']'")) return false;
        } else {
            return true;
        }
    }
}

static enum pattern_literal literal_of(enum patternlex_token token) {
    switch (token) {
    case TOKEN_STRING: return PATTERN_STRING;
    case TOKEN_INT:
    case TOKEN_INT_NEGATIVE:
    case TOKEN_FLOAT:
    case TOKEN_FLOAT_NEGATIVE: return PATTERN_NUMBER;
    case TOKEN_BOOL: return PATTERN_BOOL;
    case TOKEN_TIMESTAMP: return PATTERN_TIMESTAMP;
    case TOKEN_HEX: return PATTERN_HEX;
    case TOKEN_BINARY: return PATTERN_BINARY;
    default: return PATTERN_NONE;
    }
}

static bool value(struct reader *reader, bool string_only, bool orderable) {
    enum pattern_literal literal = literal_of(reader->lex.token);
    if (literal == PATTERN_NONE || (string_only && literal != PATTERN_STRING) || (orderable && literal == PATTERN_BOOL))
        return expected(reader, string_only ? "a string in single quotes" : "a value (strings stand in single quotes)");
    reader->value_at = reader->lex.at;
    reader->comparison.literal = literal;
    reader->comparison.value = literal == PATTERN_STRING ? unescaped(reader) : reader->lex.content;
    patternlex_next(&reader->lex);
    return reader->error == OK;
}

/* The name of the algorithm in a path like file:hashes.'SHA-256'; empty when it is none. */
static struct bytes hash_algorithm(const struct pattern_path *path_read) {
    size_t last = path_read->step_count - 1;
    if (path_read->step_count < 2 || path_read->steps[last].index) return bytes_of(NULL, 0);
    return bytes_equal_text(path_read->steps[last - 1].name, "hashes") ? path_read->steps[last].name : bytes_of(NULL, 0);
}

/* The reference validator refuses a hash that its algorithm cannot have made; so do we, for = and !=. */
static bool hash_fits(struct reader *reader) {
    const struct pattern_comparison *read = &reader->comparison;
    struct bytes algorithm = hash_algorithm(&read->path);
    enum observable_kind kind = observable_kind_of_hash(algorithm);
    struct observable observable;
    const char *reason;
    if (read->literal != PATTERN_STRING || kind == OBSERVABLE_TEXT) return true;
    if (observable_normalise(&observable, kind, read->value, reader->arena, &reason) == OK) return true;
    char text[120];
    snprintf(text, sizeof text, "this is no valid %s hash", observable_kind_name(kind));
    return fail(reader, ERR_SYNTAX, reader->value_at, text);
}

static void tell(struct reader *reader) {
    if (reader->told != NULL) reader->told(reader->context, &reader->comparison);
}

static bool set(struct reader *reader) {
    if (!take(reader, TOKEN_PAREN_OPEN, "'('")) return false;
    if (!is(reader, TOKEN_PAREN_CLOSE))
        for (;;) {
            if (!value(reader, false, false)) return false;
            tell(reader);
            if (!is(reader, TOKEN_COMMA)) break;
            patternlex_next(&reader->lex);
        }
    return take(reader, TOKEN_PAREN_CLOSE, "',' or ')'");
}

/* operator and value, behind a path. */
static bool test(struct reader *reader) {
    static const struct {
        enum patternlex_token token;
        enum pattern_operator relation;
        bool string_only, orderable;
    } operators[] = {
        {TOKEN_EQ, PATTERN_EQUAL, false, false},
        {TOKEN_NEQ, PATTERN_NOT_EQUAL, false, false},
        {TOKEN_IN, PATTERN_IN, false, false},
        {TOKEN_LIKE, PATTERN_LIKE, true, false},
        {TOKEN_MATCHES, PATTERN_MATCHES, true, false},
        {TOKEN_ISSUBSET, PATTERN_ISSUBSET, true, false},
        {TOKEN_ISSUPERSET, PATTERN_ISSUPERSET, true, false},
        {TOKEN_LT, PATTERN_LESS, false, true},
        {TOKEN_LE, PATTERN_LESS_EQUAL, false, true},
        {TOKEN_GT, PATTERN_GREATER, false, true},
        {TOKEN_GE, PATTERN_GREATER_EQUAL, false, true},
    };
    reader->comparison.negated = is(reader, TOKEN_NOT);
    if (reader->comparison.negated) patternlex_next(&reader->lex);
    size_t i = 0, count = sizeof operators / sizeof *operators;
    while (i < count && operators[i].token != reader->lex.token) i++;
    if (i == count) return expected(reader, "a comparison operator");
    reader->comparison.relation = operators[i].relation;
    patternlex_next(&reader->lex);
    if (operators[i].relation == PATTERN_IN) return set(reader);
    if (!value(reader, operators[i].string_only, operators[i].orderable)) return false;
    if (operators[i].relation <= PATTERN_NOT_EQUAL && !hash_fits(reader)) return false;
    tell(reader);
    return true;
}

static bool exists(struct reader *reader, bool negated) {
    patternlex_next(&reader->lex);
    if (!path(reader)) return false;
    reader->comparison.relation = PATTERN_EXISTS;
    reader->comparison.negated = negated;
    reader->comparison.literal = PATTERN_NONE;
    reader->comparison.value = bytes_of(NULL, 0);
    tell(reader);
    return true;
}

/* comparisonExpression: AND and OR need no tree here, only that operands and operators take turns. */
static bool comparisons(struct reader *reader) {
    if (!deeper(reader)) return false;
    for (;;) {
        if (is(reader, TOKEN_PAREN_OPEN)) {
            patternlex_next(&reader->lex);
            if (!comparisons(reader) || !take(reader, TOKEN_PAREN_CLOSE, "AND, OR or ')'")) return false;
        } else if (is(reader, TOKEN_EXISTS)) {
            if (!exists(reader, false)) return false;
        } else if (is(reader, TOKEN_NOT)) {
            patternlex_next(&reader->lex);
            if (!is(reader, TOKEN_EXISTS)) return expected(reader, "EXISTS (or NOT behind the path)");
            if (!exists(reader, true)) return false;
        } else if (!path(reader) || !test(reader)) {
            return false;
        }
        if (!is(reader, TOKEN_AND) && !is(reader, TOKEN_OR)) break;
        patternlex_next(&reader->lex);
    }
    reader->depth--;
    return true;
}

/* START ... STOP ...; 2.0 writes the times as plain strings. */
static bool moment(struct reader *reader) {
    bool string = reader->version == PATTERN_20 && is(reader, TOKEN_STRING);
    return take(reader, string ? TOKEN_STRING : TOKEN_TIMESTAMP, "a timestamp (t'...Z')");
}

/* The reference takes a second qualifier of one kind behind parentheses, and in 2.0; behind a bracket of 2.1 it does not. */
static bool qualifiers(struct reader *reader, bool compound) {
    unsigned seen = 0;
    for (;;) {
        enum patternlex_token token = reader->lex.token;
        unsigned bit = token == TOKEN_START ? 1 : token == TOKEN_WITHIN ? 2 : token == TOKEN_REPEATS ? 4 : 0;
        if (bit == 0) return true;
        if ((seen & bit) != 0 && !compound && reader->version == PATTERN_21)
            return expected(reader, "no second qualifier of the same kind");
        seen |= bit;
        patternlex_next(&reader->lex);
        bool good;
        if (token == TOKEN_START)
            good = moment(reader) && take(reader, TOKEN_STOP, "STOP") && moment(reader);
        else if (token == TOKEN_WITHIN)
            good = take(reader, is(reader, TOKEN_FLOAT) ? TOKEN_FLOAT : TOKEN_INT, "a positive number") &&
                   take(reader, TOKEN_SECONDS, "SECONDS");
        else
            good = take(reader, TOKEN_INT, "a positive whole number") && take(reader, TOKEN_TIMES, "TIMES");
        if (!good) return false;
    }
}

static bool observations(struct reader *reader) {
    if (!deeper(reader)) return false;
    for (;;) {
        bool compound = is(reader, TOKEN_PAREN_OPEN);
        if (!compound && !is(reader, TOKEN_BRACKET_OPEN)) return expected(reader, "'[' or '('");
        patternlex_next(&reader->lex);
        bool good = compound ? observations(reader) && take(reader, TOKEN_PAREN_CLOSE, "AND, OR, FOLLOWEDBY, a qualifier or ')'")
                             : comparisons(reader) && take(reader, TOKEN_BRACKET_CLOSE, "AND, OR or ']'");
        if (!good || !qualifiers(reader, compound)) return false;
        if (!is(reader, TOKEN_AND) && !is(reader, TOKEN_OR) && !is(reader, TOKEN_FOLLOWEDBY)) break;
        patternlex_next(&reader->lex);
    }
    reader->depth--;
    return true;
}

enum err pattern_read(struct bytes text, enum pattern_version version, struct arena *arena, pattern_told *told, void *context,
                      struct pattern_fault *fault) {
    struct reader reader;
    reader.version = version;
    reader.arena = arena;
    reader.told = told;
    reader.context = context;
    reader.fault = fault;
    reader.depth = 0;
    reader.error = OK;
    patternlex_init(&reader.lex, text);
    if (observations(&reader) && !is(&reader, TOKEN_END)) (void)expected(&reader, "AND, OR, FOLLOWEDBY, a qualifier or the end");
    return reader.error;
}
