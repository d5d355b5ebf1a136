/* What an outer process has the engine read: a consumer's question and position, and what became of a post; and what the engine tells it. What
   is read is in range and, written again, the same; a subject that was taken out of a document is not in it any more. */
#include "node/engine/page_record.h"
#include "node/engine/post_status.h"
#include "node/formats/filter.h"
#include "node/subscribe/subscriptions.h"

#include <assert.h>

static void question_try(struct bytes body) {
    struct take_question question, again;
    struct take_taken taken;
    struct take_end end;
    struct buf text = {0};
    if (take_question_read(&question, body)) {
        assert(question.subscription.size <= SUBSCRIPTION_NAME_BYTES_MAX && question.who.size <= TOKENS_NAME_BYTES_MAX);
        assert(question.filter.size <= FILTER_BYTES_MAX && (unsigned)question.exit < POLICY_EXIT_END);
        assert(question.scope.count <= TOKENS_GROUPS_MAX && !(question.stored && question.subscription.size == 0));
        assert(question.terms.size <= TAKE_TERMS_BYTES && question.kind < TAKE_KIND_SUBSCRIPTION &&
               !(question.stored && question.fresh));
        take_question_write(&text, &question);
        assert(text.failed || take_question_read(&again, bytes_of_buf(&text)));
        assert(text.failed ||
               (again.labels == question.labels && again.scope.any == question.scope.any && again.kind == question.kind));
    }
    if (take_taken_read(&taken, body)) {
        buf_clear(&text);
        take_taken_write(&text, &taken);
        assert(text.failed || bytes_equal(bytes_of_buf(&text), body));
    }
    if (take_end_read(&end, body) == OK) {
        buf_clear(&text);
        take_end_write(&text, &end);
        assert(text.failed || bytes_equal(bytes_of_buf(&text), body));
    }
    buf_free(&text);
}

static void records_try(struct bytes body) {
    struct cursor in = cursor_of(body);
    struct page_record record;
    while (in.left > 0 && page_record_read(&record, &in)) assert(record.tlp <= TLP_RED && record.author.size <= 255);
}

static void status_try(struct bytes document) {
    static const struct observable values[] = {{OBSERVABLE_DOMAIN, {(const uint8_t *)"evil.example", 12}},
                                               {0, {(const uint8_t *)"a", 1}}};
    const struct post_subject subject = {.values = values, .value_count = 2};
    struct buf kept = {0}, none = {0};
    struct post_status status, less;
    if (!post_status_read(&status, document)) return;
    uint64_t gone = post_status_without(&kept, document, &subject);
    if (gone > 0 && !kept.failed) {
        assert(post_status_read(&less, bytes_of_buf(&kept)));
        assert(less.row_count + gone == status.row_count && less.total == status.total);
        assert(post_status_without(&none, bytes_of_buf(&kept), &subject) == 0);
    }
    buf_free(&kept), buf_free(&none);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    question_try(bytes_of(data, size));
    records_try(bytes_of(data, size));
    status_try(bytes_of(data, size));
    return 0;
}
