#include "conf/source.h"

#include "proxy/base/map.h"
#include "proxy/base/memory.h"

#include <assert.h>
#include <ini.h>

// --- sections and entries

size_t source_find(const struct source *source, struct slice section)
{
    size_t i = 0;
    while (i < source->section_count && !slice_equal(source->sections[i].text, section)) {
        i++;
    }
    return i;
}

size_t source_add_section(struct source *source, struct slice text, unsigned line)
{
    if (source->section_count == source->section_cap) {
        source->section_cap = source->section_cap > 0 ? source->section_cap * 2 : 16;
        source->sections =
            mem_grow(source->sections, source->section_cap * sizeof(*source->sections));
    }
    source->sections[source->section_count] =
        (struct source_section){arena_copy(&source->arena, text), line};
    return source->section_count++;
}

struct source_entry *source_add_entry(struct source *source, size_t section, struct slice key,
                                      struct slice value, unsigned line)
{
    if (source->entry_count == source->entry_cap) {
        source->entry_cap = source->entry_cap > 0 ? source->entry_cap * 2 : 64;
        source->entries = mem_grow(source->entries, source->entry_cap * sizeof(*source->entries));
    }
    struct source_entry *entry = &source->entries[source->entry_count++];
    *entry = (struct source_entry){
        .section = section,
        .key = arena_copy(&source->arena, key),
        .value = arena_copy(&source->arena, value),
        .line = line,
    };
    return entry;
}

void source_release(struct source *source)
{
    mem_free(source->sections);
    mem_free(source->entries);
    arena_wipe(&source->arena);
    *source = (struct source){.arena = ARENA_INIT};
}

// --- reading lines
//
// inih splits lines into sections, keys and values. Left alone it cuts long lines and names, joins
// an indented line to the one above, drops empty sections and takes ":" for "=", all in silence. So
// each line is checked here first, and inih gets it bare of comments and white space, or empty
// where it is wrong.

enum reader_place {
    PLACE_START,   // before any section
    PLACE_SECTION, // in the section that `section` says
    PLACE_LOST,    // behind a header that could not be understood: its keys are nobody's
};

struct line_reader {
    struct source *source;
    struct diagnostics *diagnostics;
    const char *file;
    struct slice rest; // behind the current line
    unsigned line;     // the current one; 1 is the first
    bool has_comment;  // on the current line
    enum reader_place place;
    size_t section;
    unsigned *key_counts; // by section: its lines with a key, right or wrong
    size_t key_counts_cap;
    struct map seen; // sections and keys, to the line where they stood first
};

__attribute__((format(printf, 3, 4))) static void
line_fault(struct line_reader *reader, const char *hint, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    diagnostics_add_list(reader->diagnostics, DIAGNOSTIC_ERROR, reader->file, reader->line, hint,
                         format, args);
    va_end(args);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

// Up to a comment: ";" or "#" at the start, or ";" after white space.
static struct slice comment_strip(struct slice line, bool *has_comment)
{
    struct slice text = slice_trim(line);
    *has_comment = text.len > 0 && (text.ptr[0] == ';' || text.ptr[0] == '#');
    if (*has_comment) {
        return SLICE_NONE;
    }
    for (size_t i = 1; i < line.len; i++) {
        if (line.ptr[i] == ';' && is_blank(line.ptr[i - 1])) {
            *has_comment = true;
            return slice_first(line, i);
        }
    }
    return line;
}

static bool has_control(struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if ((c < ' ' && c != '\t') || c == 0x7f) {
            return true;
        }
    }
    return false;
}

// Remembers the line where `name` stands; returns the line where it stood before, or 0.
static unsigned seen_put(struct line_reader *reader, struct slice name)
{
    void *before = map_get(&reader->seen, name);
    if (before == NULL) {
        map_put(&reader->seen, name, (void *)(uintptr_t)reader->line);
    }
    return (unsigned)(uintptr_t)before;
}

static void section_begin(struct line_reader *reader, struct slice text)
{
    unsigned before = seen_put(reader, text);
    reader->place = PLACE_SECTION;
    if (before != 0) {
        line_fault(reader, "put its keys together",
                   "section [%.*s] stands a second time; the first is in line %u", SLICE_ARG(text),
                   before);
        reader->section = source_find(reader->source, text);
        return;
    }
    reader->section = source_add_section(reader->source, text, reader->line);
    if (reader->section >= reader->key_counts_cap) {
        reader->key_counts_cap = reader->section * 2 + 16;
        reader->key_counts =
            mem_grow(reader->key_counts, reader->key_counts_cap * sizeof(*reader->key_counts));
    }
    reader->key_counts[reader->section] = 0;
}

// Whether a header is right; tells where not.
static bool header_check(struct line_reader *reader, struct slice line)
{
    if (slice_find(line, ']') != line.len - 1) {
        line_fault(reader, "a section is [name] or [kind:NAME]",
                   "the header of a section does not end in ]");
        return false;
    }
    if (line.len - strlen("[]") > SOURCE_NAME_MAX) {
        line_fault(reader, NULL, "the name of a section of %zu bytes; at most %d",
                   line.len - strlen("[]"), SOURCE_NAME_MAX);
        return false;
    }
    return true;
}

// Whether key = value is right; tells where not.
static bool key_check(struct line_reader *reader, struct slice line)
{
    size_t equals = slice_find(line, '=');
    struct slice key = slice_trim(slice_first(line, equals));
    if (equals == line.len || slice_find(key, ':') < key.len) {
        line_fault(reader, "a line is key = value, or [section]", "a key without \"=\"");
        return false;
    }
    if (key.len == 0) {
        line_fault(reader, "a line is key = value, or [section]", "no key before \"=\"");
        return false;
    }
    if (key.len > SOURCE_NAME_MAX) {
        line_fault(reader, NULL, "a key of %zu bytes; at most %d", key.len, SOURCE_NAME_MAX);
        return false;
    }
    if (reader->place == PLACE_START) {
        line_fault(reader, "begin with a section, as [proxy]",
                   "key \"%.*s\" stands before any section", SLICE_ARG(key));
    }
    return reader->place == PLACE_SECTION;
}

// What holds for every line that says something. `bare` has no comment.
static bool form_check(struct line_reader *reader, struct slice raw, struct slice bare)
{
    size_t len = slice_trim(bare).len;
    if (has_control(raw)) {
        line_fault(reader, NULL, "a control character");
        return false;
    }
    if (is_blank(bare.ptr[0])) {
        line_fault(reader, "begin it at the start of the line; a list goes on in name.1 =",
                   "an indented line");
        return false;
    }
    if (len > SOURCE_LINE_MAX) {
        line_fault(reader, "a list goes on in name.1 =, name.2 =",
                   "a line of %zu bytes without its comment; at most %d", len, SOURCE_LINE_MAX);
        return false;
    }
    return true;
}

// The line as inih may see it: bare, and empty where it says nothing or is wrong.
static struct slice line_check(struct line_reader *reader, struct slice line)
{
    bool is_crlf = line.len > 0 && line.ptr[line.len - 1] == '\r';
    struct slice raw = slice_first(line, line.len - (is_crlf ? 1 : 0));
    struct slice bare = comment_strip(raw, &reader->has_comment);
    struct slice text = slice_trim(bare);

    if (text.len == 0) {
        return SLICE_NONE;
    }
    if (text.ptr[0] != '[') {
        if (reader->place == PLACE_SECTION) {
            reader->key_counts[reader->section]++;
        }
        return form_check(reader, raw, bare) && key_check(reader, text) ? text : SLICE_NONE;
    }
    if (!form_check(reader, raw, bare) || !header_check(reader, text)) {
        reader->place = PLACE_LOST;
        reader->source->is_partial = true;
        return SLICE_NONE;
    }
    section_begin(reader, slice_make(text.ptr + 1, text.len - strlen("[]")));
    return text;
}

// inih's reader: the next line into `out`; NULL at the end. inih's own line may have held a secret.
static char *line_next(char *out, int size, void *stream)
{
    struct line_reader *reader = stream;
    struct slice line;
    mem_wipe(out, (size_t)size);
    if (!slice_cut(&reader->rest, '\n', &line)) {
        return NULL;
    }
    reader->line++;
    slice_to_text(line_check(reader, line), out, (size_t)size);
    return out;
}

// inih's handler, for each key and value.
static int entry_take(void *user, const char *section, const char *name, const char *value)
{
    struct line_reader *reader = user;
    struct slice key = slice_text(name);
    (void)section; // reader->section is the same, found without a search

    // No section's name holds a "]".
    struct slice unique = arena_print(&reader->source->arena, "]%zu.%s", reader->section, name);
    unsigned before = seen_put(reader, unique);
    if (before != 0) {
        struct slice in = reader->source->sections[reader->section].text;
        line_fault(reader, "keep one of them",
                   "key \"%s\" stands a second time in [%.*s]; the first is in line %u", name,
                   SLICE_ARG(in), before);
        return 1;
    }
    source_add_entry(reader->source, reader->section, key, slice_text(value), reader->line)
        ->has_comment = reader->has_comment;
    return 1;
}

static void empty_sections_check(struct line_reader *reader)
{
    for (size_t i = 0; i < reader->source->section_count; i++) {
        if (reader->key_counts[i] == 0) {
            const struct source_section *section = &reader->source->sections[i];
            reader->line = section->line;
            line_fault(reader, "write a key below, or take it out", "section [%.*s] is empty",
                       SLICE_ARG(section->text));
        }
    }
}

void source_read(struct source *source, struct slice text, const char *file,
                 struct diagnostics *diagnostics)
{
    static const struct slice byte_order_mark = SLICE_INIT("\xef\xbb\xbf");
    bool has_mark = slice_starts_nocase(text, byte_order_mark);
    struct line_reader reader = {
        .source = source,
        .diagnostics = diagnostics,
        .file = file,
        .rest = has_mark ? slice_from(text, byte_order_mark.len) : text,
        .seen = MAP_INIT,
    };
    int result = ini_parse_stream(line_next, &reader, entry_take, &reader);
    assert(result == 0); // every line was checked
    (void)result;
    empty_sections_check(&reader);
    map_release(&reader.seen);
    mem_free(reader.key_counts);
}
