#include "node/formats/figures.h"

#include <inttypes.h>
#include <stdio.h>

/* --- writing --- */

void figures_family(struct figures *out, enum figure_type type, const char *name, const char *help) {
    pack_write_array(&out->rows, 3);
    pack_write_uint(&out->rows, type);
    pack_write_str(&out->rows, bytes_of_text(name));
    pack_write_str(&out->rows, bytes_of_text(help));
    out->count++;
}

static void sample(struct figures *out, const char *suffix, const char *label, const char *label_value, uint64_t value,
                   unsigned decimals) {
    pack_write_array(&out->rows, 4);
    pack_write_str(&out->rows, bytes_of_text(suffix));
    pack_write_array(&out->rows, label ? 1 : 0);
    if (label) {
        pack_write_array(&out->rows, 2);
        pack_write_str(&out->rows, bytes_of_text(label));
        pack_write_str(&out->rows, bytes_of_text(label_value));
    }
    pack_write_uint(&out->rows, value);
    pack_write_uint(&out->rows, decimals);
    out->count++;
}

void figures_put(struct figures *out, const char *label, const char *label_value, uint64_t value) {
    sample(out, "", label, label_value, value, 0);
}

void figures_put_decimals(struct figures *out, uint64_t value, unsigned decimals) { sample(out, "", NULL, NULL, value, decimals); }

static void number_put(struct buf *out, uint64_t value, unsigned decimals);

void figures_put_histogram(struct figures *out, const struct histogram *histogram) {
    uint64_t upto = 0;
    struct buf bound = {0};
    for (unsigned i = 0; i < HISTOGRAM_STEPS; i++) {
        upto += histogram->counts[i];
        buf_clear(&bound);
        number_put(&bound, histogram_bounds_us[i], 6);
        buf_put_u8(&bound, 0);
        if (!bound.failed) sample(out, "_bucket", "le", (const char *)bound.data, upto, 0);
    }
    sample(out, "_bucket", "le", "+Inf", histogram_count(histogram), 0);
    sample(out, "_sum", NULL, NULL, histogram->sum_us, 6);
    sample(out, "_count", NULL, NULL, histogram_count(histogram), 0);
    buf_free(&bound);
}

void figures_one(struct figures *out, enum figure_type type, const char *name, const char *help, uint64_t value) {
    figures_family(out, type, name, help);
    figures_put(out, NULL, NULL, value);
}

void figures_pack(struct buf *out, const struct figures *figures) {
    pack_write_array(out, figures->count);
    buf_put(out, bytes_of_buf(&figures->rows));
    out->failed = out->failed || figures->rows.failed;
}

/* --- reading --- */

struct figures_reader figures_reader_of(struct bytes packed) {
    struct figures_reader reader = {.reader = pack_reader_of(packed)};
    reader.left = pack_read_array(&reader.reader);
    return reader;
}

static bool labels_read(struct pack_reader *reader, struct figure *out) {
    uint32_t count = pack_read_array(reader);
    if (count > FIGURE_LABELS_MAX) return false;
    for (uint32_t i = 0; i < count; i++) {
        if (pack_read_array(reader) != 2) return false;
        out->labels[i].name = pack_read_str(reader);
        out->labels[i].value = pack_read_str(reader);
    }
    out->label_count = count;
    return true;
}

enum err figures_next(struct figures_reader *reader, struct figure *out) {
    struct pack_reader *in = &reader->reader;
    if (reader->left == 0) return pack_done(in) == OK ? ERR_NOT_FOUND : ERR_FORMAT;
    uint32_t fields = pack_read_array(in);
    reader->left--;
    if (fields == 3) {
        uint64_t type = pack_read_uint(in);
        reader->last = (struct figure){.type = (enum figure_type)type, .family = true};
        reader->last.name = pack_read_str(in);
        reader->last.help = pack_read_str(in);
        if (pack_failed(in) || type < FIGURE_GAUGE || type > FIGURE_HISTOGRAM || reader->last.name.size == 0) return ERR_FORMAT;
        *out = reader->last;
        return OK;
    }
    *out = reader->last;
    out->family = false;
    if (fields != 4 || out->name.size == 0) return ERR_FORMAT;
    out->suffix = pack_read_str(in);
    if (!labels_read(in, out)) return ERR_FORMAT;
    out->value = pack_read_uint(in);
    uint64_t decimals = pack_read_uint(in);
    out->decimals = (unsigned)decimals;
    return pack_failed(in) || decimals > 9 ? ERR_FORMAT : OK;
}

static bool wanted(const struct figure *figure, const char *name, const char *label, const char *label_value) {
    if (figure->family || figure->suffix.size > 0 || !bytes_equal_text(figure->name, name)) return false;
    for (size_t i = 0; label && i < figure->label_count; i++)
        if (bytes_equal_text(figure->labels[i].name, label) && bytes_equal_text(figure->labels[i].value, label_value)) return true;
    return !label;
}

bool figures_sum(struct bytes packed, const char *name, const char *label, const char *label_value, uint64_t *out) {
    struct figures_reader reader = figures_reader_of(packed);
    struct figure figure;
    bool found = false;
    *out = 0;
    while (figures_next(&reader, &figure) == OK) {
        if (!wanted(&figure, name, label, label_value)) continue;
        *out += figure.value;
        found = true;
    }
    return found;
}

/* --- Prometheus --- */

/* Fixed point, without zeros at the end: 0.0025, 10. */
static void number_put(struct buf *out, uint64_t value, unsigned decimals) {
    uint64_t whole = 1;
    for (unsigned i = 0; i < decimals; i++) whole *= 10;
    while (decimals > 0 && value % 10 == 0 && whole > 1) value /= 10, whole /= 10, decimals--;
    buf_put_format(out, "%" PRIu64, value / whole);
    if (decimals > 0) buf_put_format(out, ".%0*" PRIu64, (int)decimals, value % whole);
}

static void text_put(struct buf *out, struct bytes text, bool quoted) {
    for (size_t i = 0; i < text.size; i++) {
        uint8_t byte = text.data[i];
        if (byte == '\n') {
            buf_put_text(out, "\\n");
            continue;
        }
        if (byte == '\\' || (quoted && byte == '"')) buf_put_u8(out, '\\');
        buf_put_u8(out, byte);
    }
}

static void family_put(struct buf *out, const struct figure *figure) {
    static const char *const types[] = {NULL, "gauge", "counter", "histogram"};
    buf_put_text(out, "# HELP ");
    buf_put(out, figure->name);
    buf_put_text(out, " ");
    text_put(out, figure->help, false);
    buf_put_text(out, "\n# TYPE ");
    buf_put(out, figure->name);
    buf_put_format(out, " %s\n", types[figure->type]);
}

static void sample_put(struct buf *out, const struct figure *figure) {
    buf_put(out, figure->name);
    buf_put(out, figure->suffix);
    for (size_t i = 0; i < figure->label_count; i++) {
        buf_put_text(out, i ? "," : "{");
        buf_put(out, figure->labels[i].name);
        buf_put_text(out, "=\"");
        text_put(out, figure->labels[i].value, true);
        buf_put_text(out, "\"");
    }
    buf_put_text(out, figure->label_count ? "} " : " ");
    number_put(out, figure->value, figure->decimals);
    buf_put_text(out, "\n");
}

enum err figures_expose(struct buf *out, struct bytes packed) {
    struct figures_reader reader = figures_reader_of(packed);
    struct figure figure;
    enum err err;
    while ((err = figures_next(&reader, &figure)) == OK) figure.family ? family_put(out, &figure) : sample_put(out, &figure);
    return err == ERR_NOT_FOUND ? buf_result(out) : err;
}
