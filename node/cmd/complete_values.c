/* complete: the values of options and arguments: fixed words, paths, and names that this node knows. */
#include "node/cmd/complete.h"

#include "gossip/inquiry.h"
#include "gossip/pack.h"
#include "gossip/policy_facts.h"
#include "node/cmd/client.h"
#include "node/cmd/synopsis.h"
#include "node/export/export.h"
#include "node/identity/trust_files.h"
#include "node/process/dir.h"
#include "node/web/tokens.h"

#include <string.h>

#define ANSWER_MS 2000 /* a node that is busy for longer is not waited for */

#define LABELS "clear green amber amber+strict red"

/* Options with fixed values; the first row that fits holds. Tests try each of them. */
static const struct fixed {
    const char *command; /* null: any */
    const char *option;
    const char *values;
} fixed[] = {
    {"token", "max-label", "clear green amber amber+strict"},
    {"token", "collections", "all clear green amber amber-strict"},
    {"alert", "kind", "wanted missing identify unidentified-remains warning imminent-threat modus-operandi assets"},
    {"export", "kind", "ipv4 ipv6 domain url email md5 sha1 sha256 sha512 text"},
    {"ledger", "kind", "begin out in look act erase"},
    {"request", "urgency", "normal urgent immediate"},
    {NULL, "tlp", LABELS},
    {NULL, "tlp-max", LABELS},
    {NULL, "max-label", LABELS},
    {NULL, "pap", "clear green amber red"},
    {NULL, "format", "stix misp list csv auto"},
    {NULL, "handling", "H0 H1 H2 H3"},
    {NULL, "codes", "H0 H1 H2 H3"},
};

static bool command_is(const struct complete *complete, const char *name) { return strcmp(complete->command->name, name) == 0; }
static bool verb_is(const struct complete *complete, const char *verb) { return bytes_equal_text(complete->verb, verb); }

static void offer_words(struct complete *complete, struct bytes words, const char *between) {
    for (struct bytes word; synopsis_word(&word, &words, between);) complete_offer(complete, word, NULL);
}

static bool offer_fixed(struct complete *complete, const char *option) {
    for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++)
        if (strcmp(fixed[i].option, option) == 0 && (!fixed[i].command || command_is(complete, fixed[i].command))) {
            offer_words(complete, bytes_of_text(fixed[i].values), " ");
            return true;
        }
    return false;
}

/* --- what this node knows --- */

static bool directory(const struct complete *complete, char dir[static COMMAND_DIR_MAX]) {
    if (!complete->dir) return dir_default(dir, COMMAND_DIR_MAX);
    if (strlen(complete->dir) >= COMMAND_DIR_MAX) return false;
    memcpy(dir, complete->dir, strlen(complete->dir) + 1);
    return true;
}

static bool offer_pin(void *context, const char *name, enum err error, const struct card_file *file) {
    (void)error;
    (void)file;
    complete_offer(context, bytes_of_text(name), "pinned agency");
    return true;
}

static void offer_agencies(struct complete *complete) {
    char dir[COMMAND_DIR_MAX];
    if (directory(complete, dir) && trust_files_each(dir, offer_pin, complete) != OK) return;
}

static void offer_tokens(struct complete *complete) {
    char dir[COMMAND_DIR_MAX];
    struct buf file = {0};
    struct tokens tokens = {0};
    size_t line;
    if (directory(complete, dir) && dir_read(&file, dir, DIR_TOKENS, TOKENS_FILE_BYTES_MAX) == OK) {
        if (tokens_parse(&tokens, bytes_of_buf(&file), &line) == OK)
            for (size_t i = 0; i < tokens.count; i++) complete_offer(complete, tokens.items[i].name, "token");
        tokens_free(&tokens);
    }
    buf_free(&file);
}

/* The groups of FRAME_ASK_GROUP's list: {"groups": [{"name": ...}]}, whose other values are texts, too. */
static void offer_listed(struct complete *complete, struct bytes document, const char *before) {
    struct pack_reader reader = pack_reader_of(document);
    if (pack_read_map(&reader) != 1 || !bytes_equal_text(pack_read_str(&reader), "groups")) return;
    uint32_t count = pack_read_array(&reader);
    for (uint32_t i = 0; i < count && !pack_failed(&reader); i++) {
        uint32_t fields = pack_read_map(&reader);
        for (uint32_t k = 0; k < fields && !pack_failed(&reader); k++) {
            struct bytes key = pack_read_str(&reader), value = pack_read_str(&reader);
            struct buf name = {0};
            if (!bytes_equal_text(key, "name") || pack_failed(&reader)) continue;
            buf_put_text(&name, before);
            buf_put(&name, value);
            complete_offer(complete, bytes_of_buf(&name), "group");
            buf_free(&name);
        }
    }
}

static void offer_groups(struct complete *complete, const char *before) {
    char dir[COMMAND_DIR_MAX];
    struct client client = {0};
    struct frame frame;
    struct buf body = {0};
    if (!directory(complete, dir) || control_connect(&client.channel, dir) != OK) return;
    pack_write_array(&body, 1);
    pack_write_str(&body, bytes_of_text("list"));
    if (buf_result(&body) == OK && client_ask(&client, FRAME_ASK_GROUP, bytes_of_buf(&body)) == OK &&
        client_answer(&client, &frame, ANSWER_MS) == OK && frame.type == FRAME_ANSWER_DOCUMENT)
        offer_listed(complete, frame.body, before);
    buf_free(&body);
    client_close(&client);
}

/* --- by the name in the help --- */

static bool one_of(struct bytes name, const char *words) {
    struct bytes left = bytes_of_text(words), each;
    while (synopsis_word(&each, &left, " "))
        if (bytes_equal(each, name)) return true;
    return false;
}

/* "NAME", "NAME[,NAME...]", "EXPRESSION" of names. */
static bool is_name(struct bytes name) {
    return one_of(name, "EXPRESSION") || (name.size >= 4 && memcmp(name.data, "NAME", 4) == 0);
}

/* Agencies stand behind these options, unless a path or a moment does. */
static bool names_agency(const struct complete *complete, const struct command_option *option, struct bytes name) {
    if (option) return one_of(bytes_of_text(option->name), "to from with for publish-to admins") && is_name(name);
    return one_of(name, "AGENCY NAME|EXIT") ||
           (one_of(name, "NAME") && command_is(complete, "trust") && (verb_is(complete, "remove") || verb_is(complete, "card")));
}

static bool offer_special(struct complete *complete, const struct command_option *option, struct bytes name) {
    if (option) return false;
    if (command_is(complete, "export") && one_of(name, "FORMAT")) {
        for (const struct export_format *const *format = export_formats; *format; format++)
            complete_offer(complete, bytes_of_text((*format)->name), (*format)->summary);
    } else if (command_is(complete, "token") && one_of(name, "NAME")) {
        if (verb_is(complete, "remove")) offer_tokens(complete);
    } else if (command_is(complete, "group") && one_of(name, "NAME")) {
        if (!verb_is(complete, "create")) offer_groups(complete, "");
    } else {
        return false;
    }
    return true;
}

/* Of a list with commas only the last part is completed; of an expression what follows the last operator. */
static void keep_list(struct complete *complete, struct bytes name) {
    const char *between = one_of(name, "EXPRESSION") ? ", +&(" : ",";
    bool list = one_of(name, "EXPRESSION CODES NAMES") || memchr(name.data, ',', name.size);
    for (size_t i = 0; list && complete->typed[i]; i++)
        if (strchr(between, complete->typed[i])) complete->kept = i + 1;
}

static bool is_small(struct bytes word) {
    for (size_t i = 0; i < word.size; i++)
        if (word.data[i] < 'a' || word.data[i] > 'z') return false;
    return word.size > 0;
}

/* "none|all", "NODE|self", "FILE|-": words in small letters are themselves, some in capitals are paths. */
static void offer_choices(struct complete *complete, struct bytes name) {
    for (struct bytes word; synopsis_word(&word, &name, "|.");) {
        if (is_small(word)) complete_offer(complete, word, NULL);
        if (one_of(word, "FILE PATH OFFER")) buf_put_text(complete->out, ":file\n");
        if (one_of(word, "DIR")) buf_put_text(complete->out, ":folder\n");
    }
}

static void offer_exits(struct complete *complete) {
    for (int exit = POLICY_LOCAL; exit < POLICY_EXIT_END; exit++)
        complete_offer(complete, bytes_of_text(policy_exit_name((enum policy_exit)exit)), "exit");
}

void complete_values(struct complete *complete, const struct command_option *option, struct bytes name) {
    keep_list(complete, name);
    if (option && offer_fixed(complete, option->name)) return;
    if (option && command_is(complete, "request") && strcmp(option->name, "kind") == 0) {
        for (uint8_t kind = 1; kind <= INQUIRY_KIND_LAST; kind++)
            complete_offer(complete, bytes_of_text(inquiry_kind_name(kind)), NULL);
        return;
    }
    if (offer_special(complete, option, name)) return;
    if (one_of(name, "EXIT NAME|EXIT")) offer_exits(complete);
    if (names_agency(complete, option, name)) {
        offer_agencies(complete);
        if (one_of(name, "EXPRESSION")) offer_groups(complete, "group:");
    } else {
        offer_choices(complete, name);
    }
}
