#include "tests/leak/acts.h"

#include "proxy/base/random.h"
#include "tests/lib/cmocka.h"
#include "tests/lib/family.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEMPLATES_MOST = 24 };

enum {
    ON_MARIADB = 1,
    ON_MYSQL = 2,
    ON_BOTH = ON_MARIADB | ON_MYSQL,
    // Not in a READ ONLY transaction: that one runs on a replica, where sluice refuses what would
    // end it by the way, or would be another's business (README, transactions).
    NOT_READ_ONLY = 4,
    ENDS_ON_ERROR = 8, // the statements behind it make no sense then
};

struct act {
    const char *name;
    unsigned weight;
    unsigned flags;
    bool (*run)(struct twins *twins, const struct act *act);
    const char *templates[TEMPLATES_MOST]; // with ";;" between several statements
};

// --- acts ---------------------------------------------------------------------------------------

static const char *one_of(const struct act *act)
{
    unsigned count = 0;
    while (count < TEMPLATES_MOST && act->templates[count] != NULL) {
        count++;
    }
    return act->templates[random_below(count)];
}

// The next statement of the pending act.
static bool go_on(struct twins *twins)
{
    const char *end = strstr(twins->pending, ";;");
    char *one = end != NULL ? strndup(twins->pending, (size_t)(end - twins->pending))
                            : strdup(twins->pending);
    char *drawn = twins_draw(twins, one);
    twins->pending = end != NULL ? end + strlen(";;") : NULL;
    bool alike = twins_query(twins, drawn);
    if (twins->ends_on_error && mysql_errno(twins->direct.client) != 0) {
        twins->pending = NULL;
    }
    free(drawn);
    free(one);
    return alike;
}

static bool query(struct twins *twins, const struct act *act)
{
    twins->pending = one_of(act);
    twins->ends_on_error = (act->flags & ENDS_ON_ERROR) != 0;
    return go_on(twins);
}

static bool reset(struct twins *twins, const struct act *act)
{
    (void)act;
    return twins_reset(twins);
}

static bool change_user(struct twins *twins, const struct act *act)
{
    return twins_change_user(twins, one_of(act));
}

static bool select_schema(struct twins *twins, const struct act *act)
{
    return twins_select_schema(twins, one_of(act));
}

static bool set_option(struct twins *twins, const struct act *act)
{
    (void)act;
    return twins_set_multi_statements(twins, random_below(2) == 0);
}

static bool ping(struct twins *twins, const struct act *act)
{
    (void)act;
    return twins_ping(twins);
}

static bool prepare(struct twins *twins, const struct act *act)
{
    char *drawn = twins_draw(twins, one_of(act));
    bool alike = twins_prepare(twins, random_below(TWINS_STATEMENTS_MOST), drawn);
    free(drawn);
    return alike;
}

// Of a random type; on MySQL always of the same one in a session's place: there a statement turns
// values into what its first ones were, and those were not the same on the shared connection.
static struct outcome_parameter parameter_draw(const struct twins *twins, size_t place)
{
    static const struct slice texts[] = {SLICE_INIT(""), SLICE_INIT("abc"), SLICE_INIT("7"),
                                         SLICE_INIT("it's"), SLICE_INIT("\xC3\xBC")};
    unsigned type = random_below(4);
    switch (servers_are_mysql() ? ((unsigned)twins->id + place) % 4 : type) {
    case 0:
        return (struct outcome_parameter){.type = MYSQL_TYPE_LONGLONG,
                                          .number = (long long)random_below(40) - 5};
    case 1:
        return (struct outcome_parameter){.type = MYSQL_TYPE_DOUBLE,
                                          .real = random_below(100) / 8.0};
    case 2:
        return (struct outcome_parameter){
            .type = MYSQL_TYPE_STRING,
            .text = texts[random_below(sizeof(texts) / sizeof(texts[0]))]};
    default:
        return (struct outcome_parameter){.type = MYSQL_TYPE_NULL};
    }
}

static bool execute(struct twins *twins, const struct act *act)
{
    size_t slot = random_below(TWINS_STATEMENTS_MOST);
    struct outcome_parameter parameters[] = {parameter_draw(twins, slot),
                                             parameter_draw(twins, slot + 1)};
    bool with_cursor = random_below(4) == 0;
    (void)act;
    return twins->direct.statements[slot] == NULL || // another time
           twins_execute(twins, slot, parameters, with_cursor);
}

static bool close_statement(struct twins *twins, const struct act *act)
{
    (void)act;
    return twins_close_statement(twins, random_below(TWINS_STATEMENTS_MOST));
}

// --- the table ----------------------------------------------------------------------------------

static const struct act acts[] = {
#define ACT(name, weight, flags, function, ...) {name, weight, flags, function, {__VA_ARGS__}},
#include "tests/leak/acts.def"
#undef ACT
};

enum { ACTS = sizeof(acts) / sizeof(acts[0]) };

static unsigned counts[ACTS];

// --- drawing ------------------------------------------------------------------------------------

static bool is_possible(const struct twins *twins, const struct act *act)
{
    unsigned status = twins->direct.client->server_status | twins->proxied.client->server_status;
    bool is_read_only = (status & SERVER_STATUS_IN_TRANS_READONLY) != 0;
    return (act->flags & (servers_are_mysql() ? ON_MYSQL : ON_MARIADB)) != 0 &&
           !((act->flags & NOT_READ_ONLY) != 0 && is_read_only);
}

static const struct act *draw(const struct twins *twins)
{
    unsigned sum = 0;
    for (size_t i = 0; i < ACTS; i++) {
        sum += is_possible(twins, &acts[i]) ? acts[i].weight : 0;
    }
    unsigned drawn = random_below(sum);
    for (size_t i = 0;; i++) {
        unsigned weight = is_possible(twins, &acts[i]) ? acts[i].weight : 0;
        if (drawn < weight) {
            return &acts[i];
        }
        drawn -= weight;
    }
}

bool acts_run(struct twins *twins)
{
    if (twins->pending != NULL) {
        return go_on(twins);
    }
    const struct act *act = draw(twins);
    counts[act - acts]++;
    return act->run(twins, act);
}

void acts_show(void)
{
    for (size_t i = 0; i < ACTS; i++) {
        printf("  %-32s %u\n", acts[i].name, counts[i]);
    }
}
