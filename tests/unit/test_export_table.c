/* The values of a file that is kept: whatever came, went and came again in whatever order, what is written is what an export of the objects that are
   left would write, byte for byte, in every format of values. */
#include "node/export/export_table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define OBJECTS 300 /* different author and id */
#define VALUES  4
#define STEPS   4000

struct object {
    bool there;
    char id[24], values[VALUES][32];
    uint8_t addresses[VALUES][5];
    struct answer answer;
};

static const uint8_t key[EXPORT_TABLE_KEY_BYTES] = {7};
static struct object objects[OBJECTS];
static uint32_t seed;

static uint32_t draw(uint32_t below) {
    seed = seed * 1664525u + 1013904223u;
    return (seed >> 8) % below;
}

/* Few different values: many objects have the same one, some have none that fits, and some kinds fit not everywhere. */
static void value_draw(struct object *object, size_t i, struct observable *out) {
    char *text = object->values[i];
    uint8_t *address = object->addresses[i];
    switch (draw(6)) {
    case 0: *out = (struct observable){OBSERVABLE_TEXT, bytes_of_text("#no value, \"at\" all")}; return;
    case 1:
        address[0] = 8, address[1] = (uint8_t)draw(3), address[2] = address[3] = 0, address[4] = (uint8_t)(draw(2) ? 16 : 24);
        *out = (struct observable){OBSERVABLE_IPV4, bytes_of(address, 5)};
        return;
    case 2: snprintf(text, sizeof object->values[i], "http://h%u.example/%u", draw(9), draw(3)); break;
    case 3: snprintf(text, sizeof object->values[i], "com"); break; /* a public suffix */
    default: snprintf(text, sizeof object->values[i], "d%u.example", draw(40));
    }
    *out = (struct observable){strncmp(text, "http", 4) == 0 ? OBSERVABLE_URL : OBSERVABLE_DOMAIN, bytes_of_text(text)};
}

/* A version of object `number`. */
static void object_draw(size_t number, uint64_t cursor) {
    static const char *const authors[] = {"police.example", "cert.example"};
    struct object *object = &objects[number];
    *object = (struct object){.there = true};
    snprintf(object->id, sizeof object->id, "indicator--%zu", number / 2); /* two authors have the same ids */
    struct item *item = &object->answer.item;
    object->answer.cursor = cursor;
    object->answer.arrived_ms = 1000 + cursor / 8; /* several in the same moment */
    object->answer.author = bytes_of_text(authors[number % 2]);
    object->answer.tlp = item->tlp = draw(2) ? TLP_GREEN : TLP_AMBER;
    object->answer.conjunction = draw(20) == 0;
    item->id = bytes_of_text(object->id);
    item->type = bytes_of_text(draw(10) ? "indicator" : draw(2) ? "observed-data" : "identity");
    item->revoked = draw(20) == 0;
    item->modified_ms = cursor;
    item->valid_until_ms = draw(2) * 1800000000000ull;
    item->observable_count = draw(VALUES + 1);
    for (size_t i = 0; i < item->observable_count; i++) value_draw(object, i, &item->observables[i]);
    item_sort_observables(item);
}

/* --- what is written --- */

static enum err text_open(void *context, const char *name) {
    buf_put_text(context, name ? name : "-");
    buf_put_u8(context, '\n');
    return OK;
}

static enum err text_write(void *context, struct bytes text) {
    buf_put(context, text);
    return buf_result(context);
}

static struct export *export_to(struct buf *out, const struct export_options *like) {
    struct export_options options = *like;
    options.sink = (struct export_sink){out, text_open, text_write};
    options.now_ms = 1;
    struct export *work = export_new(&options);
    assert_non_null(work);
    return work;
}

static int cursor_compare(const void *a, const void *b) {
    const struct object *const *x = a, *const *y = b;
    return (*x)->answer.cursor < (*y)->answer.cursor ? -1 : 1;
}

/* The whole export asks for objects in the order in which they came. */
static void whole_write(struct buf *out, const struct export_options *options) {
    const struct object *there[OBJECTS];
    size_t count = 0;
    for (size_t i = 0; i < OBJECTS; i++)
        if (objects[i].there) there[count++] = &objects[i];
    qsort(there, count, sizeof *there, cursor_compare);
    struct export *work = export_to(out, options);
    for (size_t i = 0; i < count; i++) assert_int_equal(export_add(work, &there[i]->answer), OK);
    assert_int_equal(export_finish(work), OK);
    export_free(work);
}

static void same_as_whole(struct export_table *table) {
    struct buf kept = {0}, whole = {0};
    struct export *work = export_to(&kept, table->options);
    assert_int_equal(export_table_write(table, work), OK);
    export_free(work);
    whole_write(&whole, table->options);
    if (!bytes_equal(bytes_of_buf(&kept), bytes_of_buf(&whole)))
        fail_msg("%s: kept:\n%.*s\nwhole:\n%.*s", table->options->format->name, (int)kept.size, (char *)kept.data, (int)whole.size,
                 (char *)whole.data);
    buf_free(&kept), buf_free(&whole);
}

static void step(struct export_table *table, uint64_t cursor) {
    size_t number = draw(OBJECTS);
    struct object *object = &objects[number];
    if (object->there && draw(3) == 0) {
        assert_int_equal(export_table_take(table, object->answer.author, object->answer.item.id), OK);
        object->there = false;
        return;
    }
    object_draw(number, cursor);
    assert_int_equal(export_table_put(table, &object->answer, false), OK);
    if (draw(50) == 0) assert_int_equal(export_table_put(table, &object->answer, false), OK); /* told twice */
}

static void run_of(const struct export_format *format, unsigned kinds) {
    const struct export_options options = {.format = format, .kinds_wanted = kinds};
    struct export_table table;
    memset(objects, 0, sizeof objects);
    export_table_init(&table, &options, key);
    same_as_whole(&table);
    for (uint64_t cursor = 1; cursor <= STEPS; cursor++) {
        step(&table, cursor);
        if (draw(40) == 0) same_as_whole(&table);
        if (draw(1500) == 0) { /* begins from the start */
            export_table_clear(&table);
            memset(objects, 0, sizeof objects);
        }
    }
    same_as_whole(&table);
    size_t held = 0;
    for (size_t i = 0; i < OBJECTS; i++) {
        struct bytes id = objects[i].answer.item.id, author = objects[i].answer.author;
        uint64_t at = id.size ? export_table_cursor(&table, author, id) : 0;
        assert_true(at == 0 || (objects[i].there && at == objects[i].answer.cursor));
        held += at != 0;
    }
    assert_int_equal(held, table.objects);
    export_table_free(&table);
}

static void written_as_a_whole(void **state) {
    (void)state;
    size_t formats = 0;
    for (size_t i = 0; export_formats[i]; i++) {
        if (!export_formats[i]->row) continue;
        seed = (uint32_t)i + 1;
        run_of(export_formats[i], 0);
        run_of(export_formats[i], EXPORT_KIND(OBSERVABLE_DOMAIN));
        formats++;
    }
    assert_true(formats >= 7);
}

/* What holds no value that fits changes nothing; nor does what goes and was not there. */
static void only_values_are_a_change(void **state) {
    (void)state;
    const struct export_options options = {.format = &export_nftables};
    struct export_table table;
    seed = 1;
    object_draw(0, 1);
    struct answer *answer = &objects[0].answer;
    answer->conjunction = answer->item.revoked = false;
    answer->item.type = bytes_of_text("indicator");
    answer->item.observables[0] = (struct observable){OBSERVABLE_DOMAIN, bytes_of_text("a.example")};
    answer->item.observable_count = 1;
    export_table_init(&table, &options, key);
    assert_int_equal(export_table_put(&table, answer, false), OK);
    assert_int_equal(export_table_take(&table, answer->author, bytes_of_text("indicator--other")), OK);
    assert_false(table.changed);
    answer->item.observables[0] = (struct observable){OBSERVABLE_IPV4, bytes_of("\x08\x08\x08\x08\x20", 5)};
    assert_int_equal(export_table_put(&table, answer, false), OK);
    assert_true(table.changed && table.objects == 1);
    table.changed = false;
    answer->item.revoked = true;
    assert_int_equal(export_table_put(&table, answer, false), OK);
    assert_true(table.changed && table.objects == 0);
    export_table_free(&table);
}

/* Of authors that share one name each object stands apart, and none takes another one's place. */
static void apart(void **state) {
    (void)state;
    const struct export_options options = {.format = &export_list};
    struct export_table table;
    struct buf text = {0};
    char names[2000][24];
    export_table_init(&table, &options, key);
    for (size_t i = 0; i < 2000; i++) {
        static struct answer answer;
        snprintf(names[i], sizeof names[i], "d%04zu.example", i);
        answer = (struct answer){.cursor = i + 1, .author = bytes_of_text("(no longer pinned)"), .tlp = TLP_GREEN};
        answer.item =
            (struct item){.id = bytes_of_text("domain-name--1"), .type = bytes_of_text("domain-name"), .observable_count = 1};
        answer.item.observables[0] = (struct observable){OBSERVABLE_DOMAIN, bytes_of_text(names[i])};
        assert_int_equal(export_table_put(&table, &answer, true), OK);
    }
    struct export *work = export_to(&text, &options);
    assert_int_equal(export_table_write(&table, work), OK);
    export_free(work);
    assert_int_equal(table.objects, 2000);
    assert_int_equal(text.size, 2 + 2000 * 14);
    export_table_free(&table);
    buf_free(&text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(written_as_a_whole),
        cmocka_unit_test(only_values_are_a_change),
        cmocka_unit_test(apart),
    };
    return cmocka_run_group_tests_name("export_table", tests, NULL, NULL);
}
