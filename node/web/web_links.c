/* web_links: the web process's connections to the engine, opened before its sandbox closes, and the questions asked over them. */
#include "gossip/pack.h"
#include "node/engine/page_record.h"
#include "node/web/web_state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum err web_links_open(struct web *web, bool serves) {
    enum err err = control_connect(&web->watch, web->settings.dir);
    pthread_mutex_init(&web->links_lock, NULL);
    pthread_cond_init(&web->links_free, NULL);
    for (size_t i = 0; serves && err == OK && i < WEB_LINKS; i++) {
        struct web_link *link = &web->links[i];
        err = control_connect(&link->channel, web->settings.dir);
        link->facts = web_facts_new();
        link->item = calloc(1, sizeof *link->item);
        if (err == OK && (!link->facts || !link->item)) err = ERR_MEMORY;
    }
    return err;
}

void web_links_close(struct web *web) {
    for (size_t i = 0; i < WEB_LINKS; i++) {
        struct web_link *link = &web->links[i];
        if (link->channel.fd > 0) channel_close(&link->channel);
        web_facts_free(link->facts);
        free(link->item);
    }
    if (web->watch.fd > 0) channel_close(&web->watch);
}

struct web_link *web_link_take(struct web *web) {
    struct web_link *found = NULL;
    pthread_mutex_lock(&web->links_lock);
    while (!found) {
        for (size_t i = 0; i < WEB_LINKS && !found; i++)
            if (!web->links[i].busy) found = &web->links[i];
        if (!found) pthread_cond_wait(&web->links_free, &web->links_lock);
    }
    found->busy = true;
    pthread_mutex_unlock(&web->links_lock);
    return found;
}

void web_link_give(struct web *web, struct web_link *link) {
    pthread_mutex_lock(&web->links_lock);
    link->busy = false;
    pthread_cond_signal(&web->links_free);
    pthread_mutex_unlock(&web->links_lock);
}

enum err web_link_ask(struct web_link *link, enum frame_type type, struct bytes body) {
    return channel_send(&link->channel, type, ++link->tag, body);
}

enum err web_link_answer(struct web_link *link, struct frame *frame) {
    enum err err = channel_wait(&link->channel, frame, WEB_ENGINE_MS);
    return err == OK && frame->tag != link->tag ? ERR_FORMAT : err;
}

/* --- pages --- */

bool web_record_read(struct web_record *out, struct cursor *in, const struct web_link *link) {
    struct page_record record;
    if (!page_record_read(&record, in) || item_decode(link->item, record.encoded) != OK) return false;
    *out = (struct web_record){.cursor = record.cursor,
                               .added_us = record.added_us,
                               .tlp = record.tlp,
                               .versions = record.versions,
                               .author = record.author,
                               .item = link->item};
    return true;
}

static void texts_pack(struct buf *out, const char *texts, size_t stride, size_t count) {
    pack_write_array(out, (uint32_t)count);
    for (size_t i = 0; i < count; i++) {
        struct bytes text = bytes_of_text(texts + i * stride);
        pack_write_str(out, pack_utf8_valid(text) ? text : bytes_of(NULL, 0)); /* what is not UTF-8 names nothing */
    }
}

static enum err page_ask(struct web_link *link, const struct taxii_filter *filter, unsigned labels) {
    struct buf body = {0};
    pack_write_array(&body, 11);
    pack_write_uint(&body, filter->position);
    pack_write_uint(&body, filter->after_us);
    pack_write_uint(&body, labels);
    pack_write_uint(&body, taxii_filter_ask(filter));
    pack_write_uint(&body, filter->limit);
    pack_write_uint(&body, filter->exit);
    pack_write_str(&body, bytes_of_text(filter->who ? filter->who : ""));
    texts_pack(&body, filter->types[0], sizeof filter->types[0], filter->type_count);
    texts_pack(&body, filter->ids[0], sizeof filter->ids[0], filter->id_count);
    scope_write(&body, &filter->scope);
    enum err err = buf_result(&body);
    if (err == OK) err = web_link_ask(link, FRAME_ASK_PAGE, bytes_of_buf(&body));
    buf_free(&body);
    return err;
}

/* Objects without the property are of 2.0 when they have `created`: in 2.1 only observables may leave it out. */
static unsigned spec_of(const struct web_facts *facts) {
    if (facts->spec_version[0]) return strcmp(facts->spec_version, "2.1") == 0 ? TAXII_SPEC_21 : TAXII_SPEC_20;
    return facts->created[0] ? TAXII_SPEC_20 : TAXII_SPEC_21;
}

static bool record_wanted(struct web *web, struct web_link *link, const struct taxii_filter *filter, struct web_record *record) {
    uint64_t modified_us = 0;
    if (web_facts_read(link->facts, link->item, &record->facts) != OK) {
        atomic_fetch_add(&web->objects_unsound, 1);
        return false;
    }
    const char *version = record->facts.modified[0] ? record->facts.modified : record->facts.created;
    if (filter->moment_count > 0 && !moment_parse_us(&modified_us, bytes_of_text(version))) modified_us = 0;
    return taxii_filter_version(filter, record->versions, modified_us) && taxii_filter_spec(filter, spec_of(&record->facts));
}

/* The objects of one frame. *visiting: the visitor takes more. */
static enum err records_read(struct web *web, struct web_link *link, const struct taxii_filter *filter, struct bytes body,
                             web_visit *visit, void *context, bool *visiting, uint64_t *taken) {
    struct cursor in = cursor_of(body);
    while (in.left > 0 && *visiting) {
        struct web_record record;
        if (!web_record_read(&record, &in, link)) return ERR_FORMAT;
        if (!record_wanted(web, link, filter, &record)) continue;
        *visiting = visit(context, &record);
        if (*visiting) *taken = record.cursor;
    }
    return OK;
}

static enum err page_read(struct web *web, struct web_link *link, const struct taxii_filter *filter, web_visit *visit,
                          void *context, struct web_end *end) {
    bool visiting = true;
    uint64_t taken = filter->position;
    for (;;) {
        struct frame frame;
        enum err err = web_link_answer(link, &frame);
        if (err != OK) return err;
        if (frame.type == FRAME_ANSWER_ERROR) return ERR_CORRUPT;
        if (frame.type == FRAME_ANSWER_PAGE) {
            err = records_read(web, link, filter, frame.body, visit, context, &visiting, &taken);
            if (err != OK) return err;
        } else if (frame.type == FRAME_ANSWER_DONE) {
            struct pack_reader in = pack_reader_of(frame.body);
            if (pack_read_array(&in) != 3) return ERR_FORMAT;
            pack_read_uint(&in);
            end->cursor = pack_read_uint(&in);
            end->more = pack_read_bool(&in);
            if (!visiting) *end = (struct web_end){.cursor = taken, .more = true};
            return pack_done(&in);
        } else {
            return ERR_FORMAT;
        }
    }
}

enum err web_page(struct web *web, const struct taxii_filter *filter, unsigned labels, web_visit *visit, void *context,
                  struct web_end *end) {
    struct web_link *link = web_link_take(web);
    *end = (struct web_end){.cursor = filter->position};
    enum err err = page_ask(link, filter, labels);
    if (err == OK) err = page_read(web, link, filter, visit, context, end);
    if (err != OK && err != ERR_CORRUPT)
        web_break(web, err_text(err)); /* what else comes over this connection belongs to no question */
    web_link_give(web, link);
    return err;
}

/* --- recall --- */

enum err web_recall(struct web *web, const char *id, char why[static 300]) {
    struct web_link *link = web_link_take(web);
    struct buf body = {0};
    struct frame frame = {.type = FRAME_ANSWER_DOCUMENT};
    pack_write_array(&body, 4);
    pack_write_uint(&body, 1);
    pack_write_str(&body, bytes_of_text("deleted over TAXII"));
    pack_write_bool(&body, false);
    texts_pack(&body, id, 0, 1);
    enum err err = buf_result(&body);
    if (err == OK) err = web_link_ask(link, FRAME_ASK_RECALL, bytes_of_buf(&body));
    buf_free(&body);
    while (err == OK && frame.type == FRAME_ANSWER_DOCUMENT) err = web_link_answer(link, &frame);
    if (err != OK) {
        web_break(web, err_text(err));
    } else if (frame.type == FRAME_ANSWER_ERROR) {
        struct pack_reader in = pack_reader_of(frame.body);
        pack_read_array(&in);
        uint64_t code = pack_read_uint(&in);
        struct bytes text = pack_read_str(&in);
        err = !pack_failed(&in) && code < ERR_COUNT && code != OK ? (enum err)code : ERR_INTERNAL;
        snprintf(why, 300, "%.*s", (int)(text.size < 280 ? text.size : 280), text.size > 0 ? (const char *)text.data : "");
    }
    web_link_give(web, link);
    return err;
}
