#include "router/rules/rules.h"

#include "proxy/base/memory.h"
#include "proxy/base/refcount.h"
#include "router/rules/pattern.h"
#include "router/rules/text.h"

#include <sys/socket.h>

// A table of a rule's list, taken apart.
struct rule_table {
    struct slice schema; // empty: the current one
    struct slice name;
};

struct compiled_rule {
    struct rule rule;
    struct rule_table *tables; // as conf->tables
    struct pattern *match;     // NULL: no such condition
    struct pattern *match_digest;
};

struct rules {
    struct refcount refs;
    const struct config *config; // referenced
    struct compiled_rule *items;
    size_t count;
    bool wants_digest;
};

// --- compiling

static struct pattern *pattern_compile(const struct config *config, const char *key,
                                       struct slice text, unsigned line,
                                       struct diagnostics *diagnostics)
{
    char error[PATTERN_ERROR_SIZE];
    if (text.len == 0) {
        return NULL;
    }
    struct pattern *pattern = pattern_create(text, error);
    if (pattern == NULL) {
        diagnostics_add(diagnostics, DIAGNOSTIC_ERROR, config->file, line,
                        "allowed: a regular expression (PCRE2)", "%s = %.*s: %s", key,
                        SLICE_ARG(text), error);
    }
    return pattern;
}

static struct rule_table table_split(struct slice text)
{
    size_t dot = slice_find(text, '.');
    if (dot == text.len) {
        return (struct rule_table){SLICE_NONE, text};
    }
    return (struct rule_table){slice_first(text, dot), slice_from(text, dot + 1)};
}

static void rule_compile(struct compiled_rule *compiled, const struct config *config, size_t index,
                         struct diagnostics *diagnostics)
{
    const struct conf_rule *conf = &config->rules[index];
    compiled->rule = (struct rule){.index = index, .conf = conf};
    compiled->tables = mem_zero(conf->tables_count, sizeof(*compiled->tables));
    for (size_t i = 0; i < conf->tables_count; i++) {
        compiled->tables[i] = table_split(conf->tables[i]);
    }
    compiled->match = pattern_compile(config, "match", conf->match, conf->match_line, diagnostics);
    compiled->match_digest = pattern_compile(config, "match_digest", conf->match_digest,
                                             conf->match_digest_line, diagnostics);
}

static void rules_destroy(struct rules *rules)
{
    for (size_t i = 0; i < rules->count; i++) {
        pattern_destroy(rules->items[i].match);
        pattern_destroy(rules->items[i].match_digest);
        mem_free(rules->items[i].tables);
    }
    mem_free(rules->items);
    config_unref(rules->config);
    mem_free(rules);
}

const struct rules *rules_compile(const struct config *config, struct diagnostics *diagnostics)
{
    struct rules *rules = mem_zero(1, sizeof(*rules));
    size_t errors = diagnostics->errors;

    refcount_init(&rules->refs);
    rules->config = config_ref(config);
    rules->count = config->rule_count;
    rules->items = mem_zero(rules->count, sizeof(*rules->items));
    for (size_t i = 0; i < rules->count; i++) {
        rule_compile(&rules->items[i], config, i, diagnostics);
        rules->wants_digest |= rules->items[i].match_digest != NULL;
    }
    if (diagnostics->errors > errors) {
        rules_destroy(rules);
        return NULL;
    }
    return rules;
}

const struct rules *rules_ref(const struct rules *rules)
{
    refcount_ref((struct refcount *)&rules->refs); // the one thing of it that changes
    return rules;
}

void rules_unref(const struct rules *rules)
{
    struct rules *last = (struct rules *)rules;
    if (rules != NULL && refcount_unref(&last->refs)) {
        rules_destroy(last);
    }
}

// --- reading

size_t rules_count(const struct rules *rules)
{
    return rules->count;
}

const struct rule *rules_at(const struct rules *rules, size_t index)
{
    return &rules->items[index].rule;
}

bool rules_want_digest(const struct rules *rules)
{
    return rules->wants_digest;
}

// --- matching
//
// A condition that a rule does not set holds.

struct matching {
    const struct rules_input *input;
    struct rules_scratch *scratch;
    struct slice text; // from the first word on; found when the first rule asks
    bool has_text;
};

static bool user_holds(const struct conf_rule *rule, struct slice user)
{
    for (size_t i = 0; i < rule->user_count; i++) {
        if (slice_equal(rule->user[i], user)) {
            return true;
        }
    }
    return rule->user_count == 0;
}

static bool schema_holds(const struct conf_rule *rule, struct slice schema)
{
    for (size_t i = 0; i < rule->schema_count; i++) {
        if (slice_equal_nocase(rule->schema[i], schema)) {
            return true;
        }
    }
    return rule->schema_count == 0;
}

static bool listen_holds(const struct conf_rule *rule, struct slice listen)
{
    for (size_t i = 0; i < rule->listen_count; i++) {
        if (slice_equal_nocase(rule->listen[i].text, listen)) {
            return true;
        }
    }
    return rule->listen_count == 0;
}

static bool client_holds(const struct conf_rule *rule, const struct sockaddr *client)
{
    for (size_t i = 0; i < rule->client_count; i++) {
        if (client != NULL && conf_network_has(&rule->client[i], client)) {
            return true;
        }
    }
    return rule->client_count == 0;
}

static bool tables_hold(const struct compiled_rule *compiled, const struct rules_input *input)
{
    for (size_t i = 0; i < compiled->rule.conf->tables_count; i++) {
        const struct rule_table *table = &compiled->tables[i];
        struct slice schema = table->schema.len > 0 ? table->schema : input->schema;
        if (statement_names_table(input->statement, input->schema, schema, table->name)) {
            return true;
        }
    }
    return compiled->rule.conf->tables_count == 0;
}

// A text made to exhaust a pattern does not get past the rule that blocks it.
static bool pattern_holds(const struct conf_rule *rule, const struct pattern *pattern,
                          struct rules_scratch *scratch, struct slice text)
{
    enum pattern_result result = pattern_match(pattern, scratch, text);
    return result == PATTERN_YES ||
           (result == PATTERN_EXHAUSTED && rule->route.target == CONF_TARGET_BLOCK);
}

static bool match_holds(const struct compiled_rule *compiled, struct matching *matching)
{
    if (compiled->match == NULL) {
        return true;
    }
    if (!matching->has_text) {
        matching->text = text_first_word(matching->input->text);
        matching->has_text = true;
    }
    return pattern_holds(compiled->rule.conf, compiled->match, matching->scratch, matching->text);
}

static bool match_digest_holds(const struct compiled_rule *compiled, struct matching *matching)
{
    return compiled->match_digest == NULL ||
           pattern_holds(compiled->rule.conf, compiled->match_digest, matching->scratch,
                         matching->input->digest);
}

static bool rule_holds(const struct compiled_rule *compiled, struct matching *matching)
{
    const struct conf_rule *rule = compiled->rule.conf;
    const struct rules_input *input = matching->input;
    return user_holds(rule, input->user) && schema_holds(rule, input->schema) &&
           listen_holds(rule, input->listen) && client_holds(rule, input->client) &&
           tables_hold(compiled, input) && match_digest_holds(compiled, matching) &&
           match_holds(compiled, matching);
}

const struct rule *rules_match(const struct rules *rules, struct rules_scratch *scratch,
                               const struct rules_input *input, size_t from)
{
    struct matching matching = {.input = input, .scratch = scratch};
    for (size_t i = from; i < rules->count; i++) {
        if (rule_holds(&rules->items[i], &matching)) {
            return &rules->items[i].rule;
        }
    }
    return NULL;
}
