// Any text is a configuration or a list of mistakes; what is read prints so that it reads and
// prints the same, differs in nothing from that, and takes a change.
#include "conf/config.h"

#include <assert.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char *print(const struct config *config)
{
    char *text;
    size_t len;
    FILE *out = open_memstream(&text, &len);
    config_print(config, out);
    fclose(out);
    return text;
}

static const struct config *parse(struct slice text)
{
    struct diagnostics diagnostics = DIAGNOSTICS_INIT;
    const struct config *config = config_parse(text, "fuzz", CONFIG_SEALED, &diagnostics);
    assert((config == NULL) == (diagnostics.errors > 0));
    for (size_t i = 0; i < diagnostics.count; i++) {
        diagnostics_text(&diagnostics, &diagnostics.items[i]);
    }
    diagnostics_release(&diagnostics);
    return config;
}

static void print_check(const struct config *config)
{
    char *once = print(config);
    const struct config *again = parse(slice_text(once));
    assert(again != NULL);
    char *twice = print(again);
    assert(strcmp(once, twice) == 0);
    free(once);
    free(twice);
    config_unref(again);
}

static void diff_check(const struct config *config, const struct config *same)
{
    struct arena arena = ARENA_INIT;
    size_t count;
    config_diff(config, same, &arena, &count);
    assert(count == 0);
    config_rows(config, &arena, &count);
    assert(count > 60);
    arena_release(&arena);
}

static void set_check(const struct config *config)
{
    struct diagnostics diagnostics = DIAGNOSTICS_INIT;
    const struct config *changed = config_set(config, S("log.slow_query"), S("7h"), &diagnostics);
    assert(changed != NULL && changed->log.slow_query_us == INT64_C(7) * 3600 * 1000000);
    config_unref(changed);
    diagnostics_release(&diagnostics);
}

// From any configuration to any other: what needs a restart stays, and then nothing differs that
// does not.
static void follow_check(const struct config *config)
{
    static const char other[] = "[backend:db1]\naddress = a:1\n[proxy]\nworkers = 3\nlisten = b:1\n"
                                "listen.1 = c:1\n";
    struct diagnostics diagnostics = DIAGNOSTICS_INIT;
    struct arena arena = ARENA_INIT;
    size_t count;
    const struct config *running = parse(slice_text(other));
    const struct config *followed = config_follow(running, config, CONFIG_SEALED, &diagnostics);
    if (followed != NULL) {
        assert(followed->proxy.listen_count == 2 && followed->proxy.workers == 3);
        const struct config_change *changes = config_diff(followed, config, &arena, &count);
        for (size_t i = 0; i < count; i++) {
            assert(!changes[i].is_live);
        }
    }
    config_unref(followed);
    config_unref(running);
    arena_release(&arena);
    diagnostics_release(&diagnostics);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice text = slice_make(data, size);
    const struct config *config = parse(text);
    if (config != NULL) {
        const struct config *same = parse(text);
        print_check(config);
        diff_check(config, same);
        set_check(config);
        follow_check(config);
        config_unref(same);
        config_unref(config);
    }
    return 0;
}
