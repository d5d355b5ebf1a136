/* live_topic: the events are those of the MISP export, and the attributes are cut out of them. */
#include "node/live/live_topic.h"

#include "node/export/export.h"

#include <stdlib.h>
#include <string.h>

#define EVENT        "misp_json_event "
#define ATTRIBUTE    "misp_json_attribute "
#define KEY          "\"Attribute\":["
#define DEPTH_EVENT  2 /* of the event's own members: {"Event":{ */
#define DEPTH_OBJECT 4 /* of its objects': {"Event":{"Object":[{ */

struct live_topics {
    struct export *work;
    void (*publish)(void *context, struct bytes message);
    void *context;
    struct buf file; /* of the export under way: an event, or what a folder has beside them */
};

static void message(struct live_topics *topics, const char *topic, struct bytes before, struct bytes json, const char *after) {
    struct buf out = {0};
    buf_put_text(&out, topic);
    buf_put(&out, before);
    buf_put(&out, json);
    buf_put_text(&out, after);
    if (!out.failed) topics->publish(topics->context, bytes_of_buf(&out));
    buf_free(&out);
}

/* Where a value that begins at `at` ends, in JSON that we wrote ourselves. */
static size_t value_end(struct bytes json, size_t at) {
    size_t depth = 0;
    bool text = false;
    for (; at < json.size; at++) {
        uint8_t c = json.data[at];
        if (text && c == '\\') {
            at++;
        } else if (c == '"') {
            text = !text;
        } else if (!text && (c == '{' || c == '[')) {
            depth++;
        } else if (!text && (c == '}' || c == ']') && (depth == 0 || --depth == 0)) {
            return at + (depth == 0 && c == '}');
        }
    }
    return json.size;
}

/* The attributes of a list that begins at `at`, one message each. Returns where it ends. */
static size_t attributes_publish(struct live_topics *topics, struct bytes json, size_t at) {
    static const char before[] = "{\"Attribute\":";
    while (at < json.size && json.data[at] == '{') {
        size_t end = value_end(json, at);
        message(topics, ATTRIBUTE, bytes_of_text(before), bytes_of(json.data + at, end - at), ",\"action\":\"add\"}");
        at = end + (end < json.size && json.data[end] == ',');
    }
    return at;
}

/* The event, and the attributes of its own and of its objects. */
void live_topics_event(struct live_topics *topics, struct bytes json) {
    size_t depth = 0;
    bool text = false;
    while (json.size > 0 && json.data[json.size - 1] == '\n') json.size--;
    message(topics, EVENT, bytes_of(NULL, 0), json, "");
    for (size_t at = 0; at < json.size; at++) {
        bool member = !text && (depth == DEPTH_EVENT || depth == DEPTH_OBJECT) && json.size - at > sizeof KEY;
        if (member && memcmp(json.data + at, KEY, sizeof KEY - 1) == 0) {
            at = attributes_publish(topics, json, at + sizeof KEY - 1);
            if (at >= json.size) return;
            depth++; /* the list's own, which ends here */
        }
        uint8_t c = json.data[at];
        if (text && c == '\\')
            at++;
        else if (c == '"')
            text = !text;
        else if (!text)
            depth += (size_t)(c == '{' || c == '[') - (size_t)(c == '}' || c == ']');
    }
}

/* --- the export's files --- */

static void file_over(struct live_topics *topics) {
    static const char event[] = "{\"Event\":";
    struct bytes json = bytes_of_buf(&topics->file);
    if (json.size > sizeof event && memcmp(json.data, event, sizeof event - 1) == 0) live_topics_event(topics, json);
    buf_clear(&topics->file);
}

static enum err on_open(void *context, const char *name) {
    (void)name;
    file_over(context);
    return OK;
}

static enum err on_write(void *context, struct bytes text) {
    struct live_topics *topics = context;
    buf_put(&topics->file, text);
    return buf_result(&topics->file);
}

struct live_topics *live_topics_new(void (*publish)(void *context, struct bytes message), void *context) {
    struct live_topics *topics = calloc(1, sizeof *topics);
    const struct export_options options = {.format = export_format_find("misp-feed"),
                                           .sink = {.context = topics, .open = on_open, .write = on_write}};
    if (!topics) return NULL;
    topics->publish = publish, topics->context = context;
    topics->work = export_new(&options);
    if (topics->work) return topics;
    free(topics);
    return NULL;
}

void live_topics_free(struct live_topics *topics) {
    if (!topics) return;
    export_free(topics->work);
    buf_free(&topics->file);
    free(topics);
}

enum err live_topics_add(struct live_topics *topics, const struct answer *answer) { return export_add(topics->work, answer); }

enum err live_topics_finish(struct live_topics *topics) {
    enum err err = export_finish(topics->work);
    if (err == OK) file_over(topics);
    return err;
}
