/* web_groups: which groups' objects a token may see: those that it names, of those that the node's agency is a member of. */
#include "gossip/pack.h"
#include "node/web/web_state.h"

#include <stdlib.h>
#include <string.h>

/* Takes from the engine's list what this token may see. False: it is not well formed. */
static bool groups_read(const struct token *token, struct bytes body, struct web_groups *out) {
    struct pack_reader in = pack_reader_of(body);
    uint32_t count = pack_read_array(&in);
    for (uint32_t i = 0; i < count && !pack_failed(&in); i++) {
        bool pair = pack_read_array(&in) == 2;
        struct bytes id = pack_read_bin(&in), name = pack_read_str(&in);
        if (!pair || pack_failed(&in) || id.size != HASH_BYTES || name.size > WEB_GROUP_NAME_MAX) return false;
        if (out->count == WEB_GROUPS_MAX || !token_group(token, name, id.data)) continue;
        struct web_group *group = &out->items[out->count++];
        *group = (struct web_group){0};
        memcpy(group->id, id.data, HASH_BYTES);
        memcpy(group->name, name.data, name.size);
    }
    return pack_done(&in) == OK;
}

enum err web_groups(struct web *web, const struct token *token, struct web_groups *out) {
    static const uint8_t nothing = 0x90; /* an empty array */
    struct frame frame = {.type = FRAME_ANSWER_GROUPS};
    out->count = 0;
    if (!token_groups_some(token)) return OK;
    struct web_link *link = web_link_take(web);
    enum err err = web_link_ask(link, FRAME_ASK_GROUPS, bytes_of(&nothing, 1));
    while (err == OK && frame.type == FRAME_ANSWER_GROUPS) {
        err = web_link_answer(link, &frame);
        if (err == OK && frame.type == FRAME_ANSWER_GROUPS && !groups_read(token, frame.body, out)) err = ERR_FORMAT;
    }
    if (err == OK && frame.type != FRAME_ANSWER_DONE) err = ERR_FORMAT;
    if (err != OK) web_break(web, err_text(err));
    web_link_give(web, link);
    return err;
}

enum err web_scope(struct web *web, const struct token *token, struct scope *out) {
    *out = (struct scope){.any = token_groups_all(token), .only = token->collections == 0};
    if (out->any || !token_groups_some(token)) return OK;
    struct web_groups *groups = calloc(1, sizeof *groups);
    enum err err = groups ? web_groups(web, token, groups) : ERR_MEMORY;
    for (size_t i = 0; err == OK && i < groups->count && i < TOKENS_GROUPS_MAX; i++)
        memcpy(out->groups[out->count++], groups->items[i].id, HASH_BYTES);
    free(groups);
    return err;
}
