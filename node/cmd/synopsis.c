#include "node/cmd/synopsis.h"

#include <string.h>

static bool is_small(uint8_t c) { return c >= 'a' && c <= 'z'; }
static bool is_blank(char c) { return c == ' ' || c == '\n'; }

bool synopsis_word(struct bytes *out, struct bytes *text, const char *of) {
    size_t start = 0, end;
    while (start < text->size && strchr(of, text->data[start])) start++;
    for (end = start; end < text->size && !strchr(of, text->data[end]);) end++;
    *out = bytes_of(text->data + start, end - start);
    *text = bytes_of(text->data + end, text->size - end);
    return end > start;
}

/* Where the form ends: at a "|" between blanks, outside brackets. */
static size_t form_size(const char *text) {
    int depth = 0;
    size_t size = 0;
    for (; text[size]; size++) {
        if (text[size] == '[') depth++;
        if (text[size] == ']') depth--;
        if (depth == 0 && text[size] == '|' && size > 0 && is_blank(text[size - 1]) && is_blank(text[size + 1])) break;
    }
    return size;
}

bool synopsis_next(struct synopsis_form *out, const char **at) {
    while (is_blank(**at) || **at == '|') (*at)++;
    if (!**at) return false;
    size_t size = form_size(*at);
    struct bytes left;
    *out = (struct synopsis_form){.text = bytes_of((const uint8_t *)*at, size)};
    *at += size;
    while (out->text.size > 0 && is_blank((char)out->text.data[out->text.size - 1])) out->text.size--;
    left = out->text;
    /* "[show FILE]": the verb may be left out, with what follows it. */
    if (!synopsis_word(&out->verbs, &left, " \n[") || !is_small(out->verbs.data[0])) {
        out->verbs = bytes_of(NULL, 0);
        left = out->text;
    }
    out->rest = left;
    return true;
}

static bool has_word(struct bytes words, const char *separators, struct bytes word) {
    struct bytes each;
    while (synopsis_word(&each, &words, separators))
        if (bytes_equal(each, word)) return true;
    return false;
}

bool synopsis_form_has(const struct synopsis_form *form, struct bytes verb) {
    return verb.size > 0 && has_word(form->verbs, "|", verb);
}

bool synopsis_has(const struct command *command, struct bytes verb) {
    struct synopsis_form form;
    for (const char *at = command->synopsis; synopsis_next(&form, &at);)
        if (synopsis_form_has(&form, verb)) return true;
    return false;
}

static const struct command_option *option_named(const struct command *command, struct bytes word) {
    for (const struct command_option *option = command->options; option && option->name; option++)
        if (word.size > 2 && bytes_equal_text(bytes_of(word.data + 2, word.size - 2), option->name)) return option;
    return NULL;
}

/* A word without the brackets around it; "NAME[,NAME...]" and "[NODE]" alike keep what a user would put there. */
static struct bytes bare(struct bytes word) {
    while (word.size > 0 && strchr("[(", word.data[0])) word = bytes_of(word.data + 1, word.size - 1);
    while (word.size > 0 && strchr("]),", word.data[word.size - 1]) && !memchr(word.data, '[', word.size)) word.size--;
    return word;
}

struct bytes synopsis_argument(const struct command *command, const struct synopsis_form *form, size_t index) {
    struct bytes left = form->rest, word, last = {0};
    bool value = false; /* the word is the value of the option before it */
    size_t count = 0;
    while (synopsis_word(&word, &left, " \n")) {
        struct bytes name = bare(word);
        bool is_option = name.size > 1 && name.data[0] == '-' && name.data[1] == '-', is_value = value;
        const struct command_option *option = is_option ? option_named(command, name) : NULL;
        value = option && option->argument;
        if (is_option || is_value || (name.size == 1 && name.data[0] == '|') || name.size == 0) continue;
        if (count++ == index) return name;
        last = name;
    }
    bool repeats = last.size > 3 && memcmp(last.data + last.size - 3, "...", 3) == 0 && !memchr(last.data, ',', last.size);
    return repeats && index >= count ? last : bytes_of(NULL, 0);
}

bool synopsis_option_of(const struct command *command, const struct command_option *option, struct bytes verb) {
    const char *colon = strstr(option->help, ": ");
    struct bytes verbs = bytes_of((const uint8_t *)option->help, colon ? (size_t)(colon - option->help) : 0), each, rest = verbs;
    bool found = false;
    if (!colon) return true;
    while (synopsis_word(&each, &rest, ",")) {
        struct bytes first;
        /* "offer --new: ..." belongs to offer. */
        if (!synopsis_word(&first, &each, " ") || !synopsis_has(command, first)) return true;
        found = found || bytes_equal(first, verb);
    }
    return found;
}
