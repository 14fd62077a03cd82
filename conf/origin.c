#include "conf/origin.h"

struct origin_section *origin_find(const struct conf_origin *origin, struct slice text)
{
    for (size_t i = 0; i < origin->section_count; i++) {
        if (slice_equal(origin->sections[i].text, text)) {
            return &origin->sections[i];
        }
    }
    return NULL;
}

static const struct origin_option *origin_option(const struct origin_section *section,
                                                 const char *key)
{
    const struct option *option = option_find(section->kind, slice_text(key));
    return option != NULL ? &section->options[option - section->kind->options] : NULL;
}

unsigned origin_section_line(const struct origin_section *section)
{
    return ((const struct option_head *)section->data)->line;
}

unsigned origin_line(const struct origin_section *section, const char *key)
{
    const struct origin_option *option = origin_option(section, key);
    return option != NULL && option->line > 0 ? option->line : origin_section_line(section);
}

bool origin_is_set(const struct origin_section *section, const char *key)
{
    const struct origin_option *option = origin_option(section, key);
    return option != NULL && option->is_set;
}

bool origin_is_wrong(const struct origin_section *section, const char *key)
{
    const struct origin_option *option = origin_option(section, key);
    return option != NULL && option->is_wrong;
}
