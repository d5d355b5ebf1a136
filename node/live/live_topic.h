/* live_topic: objects as MISP's ZeroMQ plugin would publish them: a topic, a blank and JSON in one frame. misp_json_event for the
   values of one author and label, misp_json_attribute for each value. Pure. */
#ifndef NODE_LIVE_TOPIC_H
#define NODE_LIVE_TOPIC_H

#include "node/process/answer.h"

struct live_topics;
/* Null without memory. Every message is handed to `publish`, and is its own only while that runs. */
struct live_topics *live_topics_new(void (*publish)(void *context, struct bytes message), void *context);
void live_topics_free(struct live_topics *topics);

/* Takes an object of a batch. ERR_MEMORY. What has no values of its own (a report, a relationship) tells nothing. */
enum err live_topics_add(struct live_topics *topics, const struct answer *answer) MUST_USE;
/* One event, in JSON that we wrote ourselves: {"Event":{...}}. */
void live_topics_event(struct live_topics *topics, struct bytes json);
/* Publishes the batch. ERR_MEMORY. */
enum err live_topics_finish(struct live_topics *topics) MUST_USE;

#endif
