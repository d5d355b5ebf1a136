#define _GNU_SOURCE /* memmem */
/* MISP events in: what each attribute type becomes, labels and distribution, versions and withdrawals, broken files, and the way back. */
#include "node/formats/misp_back.h"
#include "node/formats/misp_manifest.h"
#include "node/formats/misp_type.h"
#include "tests/unit/fixture_intake.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define EVENT_UUID "5a0c4f0e-9c64-4d9f-9e3a-7b520d9f1e3a"
#define UUID       "11111111-2222-4333-8444-555555555555"
#define UUID_OTHER "11111111-2222-4333-8444-666666666666"

/* An event around attributes, with more properties of its own. */
static void event_put(struct buf *out, const char *more, const char *attributes) {
    buf_clear(out);
    buf_put_format(out,
                   "{\"Event\":{\"uuid\":\"" EVENT_UUID
                   "\",\"info\":\"An \\\"event\\\"\",\"date\":\"2020-10-01\",\"timestamp\":\"1601564930\","
                   "\"threat_level_id\":\"1\",\"analysis\":\"2\"%s%s,\"Attribute\":[%s]}}",
                   more[0] ? "," : "", more, attributes);
}

static void attribute_put(struct buf *out, const char *type, const char *value, bool to_ids, const char *more) {
    buf_clear(out);
    buf_put_format(out,
                   "{\"uuid\":\"" UUID
                   "\",\"type\":\"%s\",\"category\":\"Other\",\"to_ids\":%s,\"timestamp\":\"1600000000\",\"value\":\"%s\"%s%s}",
                   type, to_ids ? "true" : "false", value, more[0] ? "," : "", more);
    buf_put_u8(out, 0);
}

static void run(struct taking *taking, const char *more, const char *attributes) {
    struct buf text = {0};
    event_put(&text, more, attributes);
    taking_run(taking, bytes_of_buf(&text), text.size);
    buf_free(&text);
}

static void run_one(struct taking *taking, const char *type, const char *value, bool to_ids, const char *more) {
    struct buf attribute = {0};
    attribute_put(&attribute, type, value, to_ids, more);
    run(taking, "\"Tag\":[{\"name\":\"tlp:green\"}]", (char *)attribute.data);
    buf_free(&attribute);
}

static bool left_out(const struct taking *taking, const char *part) {
    return taking->left.size > 0 && memmem(taking->left.data, taking->left.size, part, strlen(part)) != NULL;
}

static bool withdrawn(const struct taking *taking, const char *id) {
    return taking->withdrawn.size > 0 && memmem(taking->withdrawn.data, taking->withdrawn.size, id, strlen(id)) != NULL;
}

/* Each attribute type, with to_ids: its pattern and what can be searched. */
static void test_types(void **state) {
    (void)state;
    static const struct {
        const char *type, *value, *pattern, *observables; /* pattern null: refused, the reason in its place */
    } rows[] = {
        {"ip-dst", "8.8.4.4", "[ipv4-addr:value = '8.8.4.4']", "ipv4:8.8.4.4"},
        {"ip-src", "8.8.4.0/24", "[ipv4-addr:value = '8.8.4.0/24']", "ipv4:8.8.4.0/24"},
        {"ip-dst", "2606:4700::1111", "[ipv6-addr:value = '2606:4700::1111']", "ipv6:2606:4700::1111"},
        {"ip-dst", "8[.]8[.]4[.]4", "[ipv4-addr:value = '8.8.4.4']", "ipv4:8.8.4.4"},
        {"ip-dst", "evil.example", NULL, "no valid IPv4"},
        {"ip-dst|port", "8.8.4.4|53",
         "[network-traffic:dst_ref.type = 'ipv4-addr' AND network-traffic:dst_ref.value = '8.8.4.4' AND network-traffic:dst_port = "
         "53]",
         "ipv4:8.8.4.4"},
        {"ip-src|port", "2606:4700::1111|53",
         "[network-traffic:src_ref.type = 'ipv6-addr' AND network-traffic:src_ref.value = '2606:4700::1111' AND "
         "network-traffic:src_port "
         "= 53]",
         "ipv6:2606:4700::1111"},
        {"ip-dst|port", "8.8.4.4", NULL, "two values with a bar"},
        {"ip-dst|port", "8.8.4.4|http", NULL, "a whole number"},
        {"domain", "EVIL.example", "[domain-name:value = 'evil.example']", "domain:evil.example"},
        {"hostname", "a.evil.example", "[domain-name:value = 'a.evil.example']", "domain:a.evil.example"},
        {"domain", "two words", NULL, "no domain name may have"},
        {"domain|ip", "evil.example|8.8.4.4",
         "[domain-name:value = 'evil.example' AND domain-name:resolves_to_refs[*].value = '8.8.4.4']",
         "ipv4:8.8.4.4 domain:evil.example"},
        {"url", "hxxp://Evil.example/A", "[url:value = 'http://evil.example/A']", "url:http://evil.example/A"},
        {"url", "evil.example/A", "[url:value = 'evil.example/A']", "text:evil.example/A"},
        {"email-src", "m@evil.example", "[email-message:from_ref.value = 'm@evil.example']", "email:m@evil.example"},
        {"email-dst", "m@evil.example", "[email-message:to_refs[*].value = 'm@evil.example']", "email:m@evil.example"},
        {"email-subject", "it's \\\\ \\\"now\\\"", "[email-message:subject = 'it\\\\'s \\\\\\\\ \\\"now\\\"']",
         "text:it's \\ \"now\""},
        {"md5", "D41D8CD98F00B204E9800998ECF8427E", "[file:hashes.MD5 = 'd41d8cd98f00b204e9800998ecf8427e']",
         "md5:d41d8cd98f00b204e9800998ecf8427e"},
        {"sha1", "nothing", NULL, "the hash has the wrong length"},
        {"filename|md5", "a|b.exe|d41d8cd98f00b204e9800998ecf8427e", "[file:hashes.MD5 = 'd41d8cd98f00b204e9800998ecf8427e']",
         "md5:d41d8cd98f00b204e9800998ecf8427e"},
        {"malware-sample", "a.exe|d41d8cd98f00b204e9800998ecf8427e", "[file:hashes.MD5 = 'd41d8cd98f00b204e9800998ecf8427e']",
         "md5:d41d8cd98f00b204e9800998ecf8427e"},
        {"filename|imphash", "a.exe|68f013d7437aa653a8a98a05807afeb1",
         "[file:name = 'a.exe' AND file:hashes.IMPHASH = '68f013d7437aa653a8a98a05807afeb1']",
         "text:68f013d7437aa653a8a98a05807afeb1 text:a.exe"},
        {"filename", "a.exe", "[file:name = 'a.exe']", "text:a.exe"},
        {"regkey|value", "HKLM\\\\A|x|y",
         "[windows-registry-key:key = 'HKLM\\\\\\\\A' AND windows-registry-key:values[*].data = 'x|y']", "text:HKLM\\A text:x|y"},
        {"AS", "AS174", "[autonomous-system:number = 174]", ""},
        {"btc", "1BoatSLRHtKNngkdXEeobR76b53LETtpyT", "[x-misp-attribute:'btc' = '1BoatSLRHtKNngkdXEeobR76b53LETtpyT']",
         "text:1BoatSLRHtKNngkdXEeobR76b53LETtpyT"},
        {"mutex", "Global\\\\M", "[mutex:name = 'Global\\\\\\\\M']", "text:Global\\M"},
        {"yara", "rule x { condition: true }", "rule x { condition: true }", ""},
        {"stix2-pattern", "[url:value = 'http://e.example/']", "[url:value = 'http://e.example/']", "url:http://e.example/"},
        {"stix2-pattern", "[url:value =", NULL, "pattern: at character"},
        {"domain", "", NULL, "the value is empty"},
        {"mutex", "a\\u0000b", NULL, "a control character"},
    };
    struct taking taking;
    taking_init(&taking);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char wanted[512];
        run_one(&taking, rows[i].type, rows[i].value, true, "");
        if (!rows[i].pattern) {
            if (!taking_refused(&taking, rows[i].observables)) fail_msg("row %zu, %s: not refused", i, rows[i].type);
            assert_int_equal(taking.item_count, 0);
            assert_string_equal(taking.refusals[0].id[0] == 'i' ? "indicator--" UUID : UUID, taking.refusals[0].id);
            continue;
        }
        snprintf(wanted, sizeof wanted, "\"pattern\":\"%s\",\"pattern_type\":\"%s\"", rows[i].pattern,
                 strcmp(rows[i].type, "yara") == 0 ? "yara" : "stix");
        if (taking.item_count != 1)
            fail_msg("row %zu, %s: %s", i, rows[i].type, taking.refusal_count ? taking.refusals[0].text : "nothing");
        if (!strstr(taking.items[0].text, wanted)) fail_msg("row %zu: %s\nwanted %s", i, taking.items[0].text, wanted);
        assert_string_equal(taking.items[0].observables, rows[i].observables);
        assert_string_equal(taking.items[0].id, "indicator--" UUID);
        assert_int_equal(taking.items[0].tlp, TLP_GREEN);
        assert_true(withdrawn(&taking, "observed-data--" UUID));
    }
    taking_free(&taking);
}

/* Without to_ids it is something that was seen, or nothing; and the indicator that it was goes. */
static void test_observed(void **state) {
    (void)state;
    static const struct {
        const char *type, *value, *objects, *observables; /* objects null: left out, the reason in its place */
    } rows[] = {
        {"ip-dst", "8.8.4.4", "{\"0\":{\"type\":\"ipv4-addr\",\"value\":\"8.8.4.4\"}}", "ipv4:8.8.4.4"},
        {"domain|ip", "evil.example|8.8.4.4",
         "{\"0\":{\"type\":\"domain-name\",\"value\":\"evil.example\"},\"1\":{\"type\":\"ipv4-addr\",\"value\":\"8.8.4.4\"}}",
         "ipv4:8.8.4.4 domain:evil.example"},
        {"filename|sha1", "a.exe|da39a3ee5e6b4b0d3255bfef95601890afd80709",
         "{\"0\":{\"type\":\"file\",\"name\":\"a.exe\",\"hashes\":{\"SHA-1\":\"da39a3ee5e6b4b0d3255bfef95601890afd80709\"}}}",
         "sha1:da39a3ee5e6b4b0d3255bfef95601890afd80709 text:a.exe"},
        {"mutex", "M", NULL, "1 attributes of type mutex: without to_ids"},
        {"yara", "rule x { condition: true }", NULL, "1 attributes of type yara: without to_ids"},
        {"text", "words", NULL, "1 attributes of type text: nothing to match"},
        {"passport-number", "X1", NULL, "1 attributes of type passport-number: data of persons"},
        {"brand-new", "x", NULL, "1 attributes of type brand-new: it is not known here"},
    };
    struct taking taking;
    taking_init(&taking);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        run_one(&taking, rows[i].type, rows[i].value, false, "");
        assert_int_equal(taking.refusal_count, 0);
        if (!rows[i].objects) {
            if (!left_out(&taking, rows[i].observables))
                fail_msg("row %zu: %.*s", i, (int)taking.left.size, (char *)taking.left.data);
            assert_int_equal(taking.item_count, 0);
            continue;
        }
        if (taking.item_count != 1 || !strstr(taking.items[0].text, rows[i].objects)) fail_msg("row %zu", i);
        assert_string_equal(taking.items[0].observables, rows[i].observables);
        assert_string_equal(taking.items[0].id, "observed-data--" UUID);
        assert_true(withdrawn(&taking, "indicator--" UUID));
    }
    taking_free(&taking);
}

/* The stricter of the event's tags, the attribute's, the options and the distribution holds; what is not understood is marked so. */
static void test_labels(void **state) {
    (void)state;
    static const struct {
        const char *event, *attribute;
        enum tlp option, tlp; /* of the item; TLP_NONE: it has no label, so that the node refuses it */
        const char *refusal;  /* or it is refused at once */
    } rows[] = {
        {"\"Tag\":[{\"name\":\"tlp:white\"}]", "", TLP_NONE, TLP_CLEAR, NULL},
        {"\"Tag\":[{\"name\":\"tlp:green\"}]", "\"Tag\":[{\"name\":\"TLP:RED\"}]", TLP_NONE, TLP_RED, NULL},
        {"\"Tag\":[{\"name\":\"tlp:red\"}]", "\"Tag\":[{\"name\":\"tlp:clear\"}]", TLP_NONE, TLP_RED, NULL},
        {"\"Tag\":[{\"name\":\"tlp:green\"}]", "", TLP_AMBER, TLP_AMBER, NULL},
        {"\"Tag\":[{\"name\":\" Tlp:Red \"}]", "", TLP_NONE, TLP_RED, NULL},
        {"", "", TLP_NONE, TLP_NONE, NULL},
        {"\"distribution\":\"1\"", "", TLP_NONE, TLP_NONE, NULL}, /* a distribution is no label */
        {"\"distribution\":\"1\"", "", TLP_CLEAR, TLP_AMBER, NULL},
        {"\"distribution\":2,\"Tag\":[{\"name\":\"tlp:clear\"}]", "", TLP_NONE, TLP_GREEN, NULL},
        {"\"distribution\":\"3\"", "\"distribution\":\"5\"", TLP_CLEAR, TLP_CLEAR, NULL},
        {"\"distribution\":\"3\"", "\"distribution\":\"1\"", TLP_CLEAR, TLP_AMBER, NULL},
        {"\"distribution\":\"1\"", "\"distribution\":\"3\"", TLP_CLEAR, TLP_AMBER, NULL},
        {"\"distribution\":\"0\"", "", TLP_CLEAR, TLP_NONE, "distribution 0 (your organisation only)"},
        {"\"distribution\":\"3\"", "\"distribution\":\"0\"", TLP_CLEAR, TLP_NONE, "distribution 0 (your organisation only)"},
        {"\"distribution\":\"4\",\"sharing_group_id\":\"7\"", "", TLP_CLEAR, TLP_NONE, "distribution 4 (a sharing group)"},
        {"\"distribution\":\"3\"", "\"distribution\":\"4\"", TLP_CLEAR, TLP_NONE, "distribution 4 (a sharing group)"},
        {"\"distribution\":\"6\"", "", TLP_CLEAR, TLP_NONE, "this number is not known"},
    };
    struct taking taking;
    struct buf attribute = {0};
    taking_init(&taking);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        taking.options.tlp = rows[i].option;
        attribute_put(&attribute, "domain", "evil.example", true, rows[i].attribute);
        run(&taking, rows[i].event, (char *)attribute.data);
        bool refused = rows[i].refusal && taking_refused(&taking, rows[i].refusal);
        if (refused != (rows[i].refusal != NULL) || taking.item_count != !rows[i].refusal) fail_msg("row %zu", i);
        if (!refused && taking.items[0].tlp != rows[i].tlp) fail_msg("row %zu: %s", i, tlp_name(taking.items[0].tlp));
        /* What may not be here any more is taken back. */
        if (refused) assert_true(withdrawn(&taking, "indicator--" UUID) && withdrawn(&taking, "observed-data--" UUID));
    }
    /* Tags that some tools put on an object hold for all that is in it, wherever they stand. */
    taking.options.tlp = TLP_NONE;
    taking_run_text(&taking, "{\"Event\":{\"uuid\":\"" EVENT_UUID
                             "\",\"info\":\"i\",\"Tag\":[{\"name\":\"tlp:clear\"}],\"Object\":[{\"uuid\":\"" UUID_OTHER
                             "\",\"name\":\"file\",\"Attribute\":[{\"uuid\":\"" UUID
                             "\",\"type\":\"filename\",\"to_ids\":true,\"value\":\"a\"}],\"Tag\":[{\"name\":\"tlp:red\"}]}]}}");
    assert_true(taking.item_count == 1 && taking.items[0].tlp == TLP_RED);
    buf_free(&attribute);
    taking_free(&taking);
}

/* Marks are told from the encoded item. */
static struct marks marks_seen;
static struct buf marks_bytes;
static enum err marks_accept(void *context, const struct item *item, const struct intake_place *place) {
    (void)context, (void)place;
    buf_clear(&marks_bytes);
    buf_put(&marks_bytes, item->marks);
    return marks_decode(&marks_seen, bytes_of_buf(&marks_bytes));
}

static void test_marks(void **state) {
    (void)state;
    static const struct {
        const char *tag, *unknown; /* unknown null: understood */
        enum pap pap;
        const char *grade, *authority, *level;
    } rows[] = {
        {"PAP:RED", NULL, PAP_RED, NULL, NULL, NULL},
        {"pap:white", NULL, PAP_CLEAR, NULL, NULL, NULL},
        {"admiralty-scale:source-reliability=\\\"b\\\"", NULL, PAP_NONE, "B", NULL, NULL},
        {"nato:classification=\\\"NS\\\"", NULL, PAP_NONE, NULL, "NATO", "NS"},
        {"fr-classif:non-classifiees=\\\"DIFFUSION_RESTREINTE\\\"", NULL, PAP_NONE, NULL, "FR", "DIFFUSION RESTREINTE"},
        {"de-vs:Einstufung=\\\"VS-NfD\\\"", NULL, PAP_NONE, NULL, "DE", "VS-NfD"},
        {"tlp:ex:chr", "tlp:ex:chr", PAP_NONE, NULL, NULL, NULL},
        {"tlp:unclear", "tlp:unclear", PAP_NONE, NULL, NULL, NULL},
        {"PAP:PINK", "PAP:PINK", PAP_NONE, NULL, NULL, NULL},
        {"nato:classification=\\\"NS-A\\\"", "nato:classification=\"NS-A\"", PAP_NONE, NULL, NULL, NULL},
        {"dni-ism:dissem=\\\"NF\\\"", "dni-ism:dissem=\"NF\"", PAP_NONE, NULL, NULL, NULL},
        {"iep:traffic-light-protocol=\\\"RED\\\"", "iep:traffic-light-protocol=\"RED\"", PAP_NONE, NULL, NULL, NULL},
        {"osint:source-type=\\\"blog-post\\\"", NULL, PAP_NONE, NULL, NULL, NULL},
    };
    struct taking taking;
    struct buf attribute = {0};
    char tags[256];
    taking_init(&taking);
    taking.options.accept = marks_accept;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (int of_event = 0; of_event < 2; of_event++) {
            snprintf(tags, sizeof tags, "\"Tag\":[{\"name\":\"%s\"}]", rows[i].tag);
            attribute_put(&attribute, "domain", "evil.example", true, of_event ? "" : tags);
            buf_clear(&marks_bytes);
            run(&taking, of_event ? tags : "", (char *)attribute.data);
            assert_int_equal(taking.refusal_count, 0);
            bool unknown = rows[i].unknown && bytes_equal_text(marks_seen.unknown, rows[i].unknown);
            if (unknown != (rows[i].unknown != NULL) || marks_seen.pap != rows[i].pap) fail_msg("%s", rows[i].tag);
            if (rows[i].grade && !bytes_equal_text(marks_seen.grades[0].source, rows[i].grade)) fail_msg("%s", rows[i].tag);
            if (rows[i].level && !bytes_equal_text(marks_seen.levels[0].level, rows[i].level)) fail_msg("%s", rows[i].tag);
            if (rows[i].authority && !bytes_equal_text(marks_seen.levels[0].authority, rows[i].authority))
                fail_msg("%s", rows[i].tag);
        }
    buf_free(&attribute);
    buf_free(&marks_bytes);
    taking_free(&taking);
}

/* Deleted, expired: withdrawn and not published. Sightings come along; a false positive is an opinion. */
static void test_life(void **state) {
    (void)state;
    struct taking taking;
    taking_init(&taking);
    run_one(&taking, "domain", "evil.example", true, "\"deleted\":true");
    assert_true(taking.item_count == 0 && taking.refusal_count == 0 && left_out(&taking, "deleted in MISP"));
    assert_true(withdrawn(&taking, "indicator--" UUID) && withdrawn(&taking, "observed-data--" UUID));
    run_one(&taking, "domain", "evil.example", true, "\"Sighting\":[{\"type\":\"2\",\"date_sighting\":\"1700000000\"}]");
    assert_true(taking.item_count == 0 && left_out(&taking, "have expired") && withdrawn(&taking, "indicator--" UUID));
    run_one(&taking, "domain", "evil.example", true, "\"Sighting\":[{\"type\":\"2\",\"date_sighting\":\"1890000000\"}]");
    assert_true(taking.item_count == 1 && taking.items[0].valid_until_ms == 1890000000000);
    run_one(
        &taking, "domain", "evil.example", true,
        "\"Sighting\":[{\"type\":\"0\",\"date_sighting\":\"1700000000\",\"source\":\"siem\",\"Organisation\":{\"name\":\"CERT\"}},"
        "{\"type\":\"1\",\"date_sighting\":\"1700000001\"},{\"type\":\"0\"}]");
    assert_int_equal(taking.item_count, 3);
    assert_true(strncmp(taking.items[1].id, "sighting--", 10) == 0 && strncmp(taking.items[2].id, "opinion--", 9) == 0);
    assert_non_null(strstr(taking.items[1].text, "\"sighting_of_ref\":\"indicator--" UUID "\""));
    assert_non_null(strstr(taking.items[2].text, "\"opinion\":\"strongly-disagree\""));
    assert_true(!strstr(taking.items[1].text, "siem") && !strstr(taking.items[1].text, "CERT")); /* who saw it stays here */
    assert_int_equal(taking.items[1].tlp, TLP_GREEN);
    assert_true(left_out(&taking, "1 sightings without a date"));
    /* A later version has the same id and a later time. */
    run_one(&taking, "domain", "evil.example", true, "");
    assert_int_equal(taking.items[0].modified_ms, 1601564930000); /* the event's, which says more of it */
    assert_non_null(strstr(taking.items[0].text, "\"valid_from\":\"2020-09-13T12:26:40.000Z\""));
    assert_non_null(strstr(taking.items[0].text, "\"updated\":\"1600000000\""));
    assert_true(taking.items[0].place.converted);
    run(&taking, "\"Tag\":[{\"name\":\"misp:confidence-level=\\\"usually-confident\\\"\"},{\"name\":\"tlp:green\"}]",
        "{\"uuid\":\"" UUID "\",\"type\":\"domain\",\"to_ids\":\"1\",\"value\":\"evil.example\",\"timestamp\":1610000500}");
    assert_true(taking.items[0].modified_ms == 1610000500000 && strstr(taking.items[0].text, "\"confidence\":75"));
    assert_string_equal(taking.items[0].id, "indicator--" UUID);
    taking_free(&taking);
}

#define ONE(uuid)         "{\"uuid\":\"" uuid "\",\"type\":\"domain\",\"to_ids\":true,\"value\":\"evil.example\",\"timestamp\":\"1\"}"
#define WHOLE(attributes) "{\"Event\":{\"uuid\":\"" EVENT_UUID "\",\"info\":\"i\",\"Attribute\":[" attributes "]}}"

/* Every wrapping that tools write, in pieces of any size; and what is none. */
static void test_shapes(void **state) {
    (void)state;
    static const struct {
        const char *text;
        enum intake_format format; /* asked for */
        size_t items;
        const char *refusal;
        uint64_t line, column;
    } rows[] = {
        {WHOLE(ONE(UUID)), INTAKE_AUTO, 1, NULL, 0, 0},
        {"{\"response\":[" WHOLE(ONE(UUID)) ",\n" WHOLE(ONE(UUID_OTHER)) "]}", INTAKE_AUTO, 2, NULL, 0, 0},
        {"{ \"response\" : " WHOLE(ONE(UUID)) " }", INTAKE_AUTO, 1, NULL, 0, 0},
        {"[" WHOLE(ONE(UUID)) "," WHOLE(ONE(UUID_OTHER)) "]", INTAKE_AUTO, 2, NULL, 0, 0},
        {WHOLE(ONE(UUID)) "\n" WHOLE(ONE(UUID_OTHER)) "\n", INTAKE_AUTO, 2, NULL, 0, 0},
        {"\xef\xbb\xbf" WHOLE(ONE(UUID)), INTAKE_AUTO, 1, NULL, 0, 0},
        {"{\"uuid\":\"" EVENT_UUID "\",\"info\":\"i\",\"Attribute\":[" ONE(UUID) "]}", INTAKE_MISP, 1, NULL, 0, 0},
        {"{\"Event\":{\"uuid\":\"" EVENT_UUID "\",\"info\":\"i\",\"Object\":[{\"uuid\":\"" UUID_OTHER
         "\",\"name\":\"file\",\"Attribute\":[" ONE(UUID) "]}]}}",
         INTAKE_AUTO, 1, NULL, 0, 0},
        {"{\"response\":{\"Attribute\":[" ONE(UUID) "]}}", INTAKE_AUTO, 0, "attributes without their event's uuid", 1, 1},
        {"{}", INTAKE_MISP, 0, "this is no MISP event", 1, 1},
        {"{\"response\":[\n\n {\"Event\":{\"uuid\":\"" EVENT_UUID "\",\"info\":\"i\",\"Attribute\":[\n  {\"uuid\":\"x\"}]}}]}",
         INTAKE_AUTO, 0, "uuid: the attribute has none", 4, 12},
        {"{\"response\":[" WHOLE(ONE(UUID)) ",\n{\"Event\":\n  {\"uuid\":tru}}]}", INTAKE_AUTO, 1, "malformed JSON", 3, 13},
        {"{\"response\":[" WHOLE(ONE(UUID)) ",\n{\"Event\":\n  {\"uuid\":1,\"uuid\":2}}]}", INTAKE_AUTO, 1, "twice", 3, 19},
        {"{\"Event\":\n{\"Attribute\":[}]}}", INTAKE_AUTO, 0, "malformed JSON", 2, 15},
        {"{\"response\":[" WHOLE(ONE(UUID)) ",\n{\"Event\":{", INTAKE_AUTO, 1, "the input ends inside", 2, 11},
    };
    struct taking taking;
    taking_init(&taking);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (size_t chunk = 1; chunk < 1000; chunk = chunk == 1 ? 7 : chunk == 7 ? 999 : 1000) {
            taking.options.format = rows[i].format;
            taking.options.tlp = TLP_GREEN;
            taking_run(&taking, bytes_of_text(rows[i].text), chunk);
            if (taking.format != INTAKE_MISP || taking.item_count != rows[i].items ||
                (taking.refusal_count > 0) != (rows[i].refusal != NULL))
                fail_msg("row %zu: %s, %zu items, %zu refusals: %s", i, intake_format_name(taking.format), taking.item_count,
                         taking.refusal_count, taking.refusal_count ? taking.refusals[0].text : "");
            if (!rows[i].refusal) continue;
            struct intake_place place = taking.refusals[0].place;
            if (!taking_refused(&taking, rows[i].refusal) || place.line != rows[i].line || place.column != rows[i].column)
                fail_msg("row %zu: %llu:%llu %s", i, (unsigned long long)place.line, (unsigned long long)place.column,
                         taking.refusals[0].text);
        }
    taking_run_text(&taking, "{\"type\":\"bundle\"}"); /* and a STIX one stays one */
    taking.options.format = INTAKE_AUTO;
    taking_run_text(&taking, "{\"type\":\"bundle\",\"id\":\"bundle--" UUID "\"}");
    assert_int_equal(taking.format, INTAKE_STIX);
    taking_free(&taking);
}

/* Real events of ESET and CIRCL: nothing is lost without a word. One of the files is broken, and its line is told. */
static void test_real(void **state) {
    (void)state;
    static const struct {
        const char *path;
        size_t items, refusals;
        uint64_t line, column; /* of the first refusal; 0: none */
    } rows[] = {
        {"misp/eset-events/xdspy/misp-xdspy-event.json", 59, 11, 311, 32}, /* eleven of distribution 0 */
        {"misp/eset-events/gelsemium/misp.event_2021-06-09_gelsemium-when-threat-actors-go-gardening.json", 153, 0, 0, 0},
        {"misp/eset-events/windigo/ebury.misp.json", 247, 0, 0, 0},
        {"misp/eset-events/machete/misp-machete-event.json", 0, 1, 3, 5}, /* the event is of distribution 0 */
        {"misp/eset-events/pypi_backdoor/malicious_pypi_packages.misp-event.json", 0, 1, 37374, 9},
        {"misp/pymisp-tests/57c4445b-c548-4654-af0b-4be3950d210f.json", 5, 0, 0, 0},
        {"misp/pymisp-tests/reportlab_testfiles/long_event.json", 293, 0, 0, 0},
    };
    struct taking taking;
    struct buf text = {0};
    taking_init(&taking);
    taking.options.tlp = TLP_GREEN;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (!shared_file(&text, rows[i].path)) break;
        taking_run(&taking, bytes_of_buf(&text), 4000);
        if (taking.format != INTAKE_MISP || taking.item_count != rows[i].items || taking.refusal_count != rows[i].refusals)
            fail_msg("%s: %zu items, %zu refused", rows[i].path, taking.item_count, taking.refusal_count);
        if (rows[i].line == 0) continue;
        assert_int_equal(taking.refusals[0].place.line, rows[i].line);
        assert_int_equal(taking.refusals[0].place.column, rows[i].column);
    }
    buf_free(&text);
    taking_free(&taking);
}

static const struct misp_back *back_of(struct misp_back_reader *reader, const struct taking *taking) {
    static struct item item;
    item = (struct item){.text = bytes_of_text(taking->items[0].text), .id = bytes_of_text(taking->items[0].id)};
    item.type = bytes_of(item.id.data, item.id.size - 38);
    return misp_back_read(reader, &item);
}

/* The attribute comes back out of the object, byte by byte; an object that contradicts itself gives none. */
static void test_back(void **state) {
    (void)state;
    struct misp_back_reader *reader = misp_back_new();
    struct taking taking;
    static struct item item;
    taking_init(&taking);
    run_one(
        &taking, "filename|md5", "a\\u00e9|b.exe|D41D8CD98F00B204E9800998ECF8427E", true,
        "\"comment\":\"it "
        "\\\"is\\\"\",\"Tag\":[{\"name\":\"own\"},{\"name\":\"tlp:green\"}],\"first_seen\":\"2020-01-01T00:00:00.000000+00:00\"");
    const struct misp_back *back = back_of(reader, &taking);
    assert_non_null(back);
    assert_true(bytes_equal_text(back->event_uuid, EVENT_UUID) && bytes_equal_text(back->event_info, "An \"event\""));
    assert_true(bytes_equal_text(back->threat_level, "1") && bytes_equal_text(back->analysis, "2"));
    assert_true(bytes_equal_text(back->type, "filename|md5") &&
                bytes_equal_text(back->value, "a\xc3\xa9|b.exe|D41D8CD98F00B204E9800998ECF8427E"));
    assert_true(bytes_equal_text(back->description, "it \"is\"") && back->to_ids);
    assert_true(bytes_equal_text(back->first_seen, "2020-01-01T00:00:00.000000+00:00"));
    assert_true(back->label_count == 2 && back->event_labels == 1 && bytes_equal_text(back->labels[0], "own"));
    char *at = strstr(taking.items[0].text, "[file:hashes.MD5 = 'd4");
    assert_non_null(at);
    memcpy(strstr(at, "d4"), "d5", 2); /* now the pattern says another hash than the attribute */
    item = (struct item){
        .text = bytes_of_text(taking.items[0].text), .id = bytes_of_text(taking.items[0].id), .type = bytes_of_text("indicator")};
    assert_null(misp_back_read(reader, &item));
    misp_back_free(reader);
    taking_free(&taking);
}

/* The tables of a feed, and an event against them. */
static void test_manifest(void **state) {
    (void)state;
    static const struct {
        const char *manifest, *reason;
        uint64_t line, column;
    } rows[] = {
        {"{\"" EVENT_UUID "\":{\"timestamp\":\"5\"},\n\"" UUID "\":{\"timestamp\":7}}", NULL, 0, 0},
        {"{}", NULL, 0, 0},
        {"{\n \"x\":{}}", "no UUID of an event", 1, 1},
        {"{\"" UUID "\":{},\n \"" UUID "\":{}}", "twice", 2, 39},
        {"{\"" UUID "\":\n{]}", "malformed", 2, 2},
        {"[", "malformed", 1, 2},
    };
    struct misp_manifest manifest = {0};
    struct intake_place place;
    char reason[INTAKE_REASON_BYTES];
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        enum err err = misp_manifest_read(&manifest, bytes_of_text(rows[i].manifest), &place, reason);
        if ((err == OK) != (rows[i].reason == NULL) ||
            (err != OK && (!strstr(reason, rows[i].reason) || place.line != rows[i].line)))
            fail_msg("row %zu: %s, %llu:%llu %s", i, err_name(err), (unsigned long long)place.line,
                     (unsigned long long)place.column, reason);
        misp_manifest_free(&manifest);
    }
    struct misp_event event = {.uuid = bytes_of_text(EVENT_UUID), .timestamp = bytes_of_text("5")};
    struct misp_attribute attributes[2] = {{.value = bytes_of_text("evil.example")}, {.value = bytes_of_text("a|b")}};
    event.attributes = attributes, event.attribute_count = 2;
    assert_int_equal(misp_manifest_read(&manifest, bytes_of_text(rows[0].manifest), &place, reason), OK);
    assert_true(manifest.event_count == 2 && strcmp(manifest.events[1].uuid, EVENT_UUID) == 0 && manifest.events[1].timestamp == 5);
    assert_int_equal(misp_manifest_hashes(&manifest, bytes_of_text("nothing,\n"), &place, reason), ERR_SYNTAX);
    assert_int_equal(place.line, 1);
    /* MD5 of "evil.example", "b"; and a line of an event that is not listed */
    const char *hashes = "2d36fbcbe2b8e90a77b1d58d9e1ff6a0,99999999-2222-4333-8444-666666666666\r\n"
                         "92eb5ffee6ae2fec3ad71c777531578f," EVENT_UUID "\n";
    assert_int_equal(misp_manifest_hashes(&manifest, bytes_of_text(hashes), &place, reason), OK);
    assert_int_equal(manifest.hash_count, 1);
    assert_true(misp_manifest_judge(&manifest, 1, &event, reason));
    attributes[1].value = bytes_of_text("a|c");
    assert_false(misp_manifest_judge(&manifest, 1, &event, reason));
    assert_non_null(strstr(reason, "1 of the 1 values"));
    attributes[1].value = bytes_of_text("b");
    event.timestamp = bytes_of_text("4");
    assert_false(misp_manifest_judge(&manifest, 1, &event, reason));
    assert_non_null(strstr(reason, "older"));
    event.uuid = bytes_of_text(UUID_OTHER);
    assert_false(misp_manifest_judge(&manifest, 1, &event, reason));
    misp_manifest_free(&manifest);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_types), cmocka_unit_test(test_observed), cmocka_unit_test(test_labels),
        cmocka_unit_test(test_marks), cmocka_unit_test(test_life),     cmocka_unit_test(test_shapes),
        cmocka_unit_test(test_real),  cmocka_unit_test(test_back),     cmocka_unit_test(test_manifest),
    };
    return cmocka_run_group_tests_name("misp", tests, NULL, NULL);
}
