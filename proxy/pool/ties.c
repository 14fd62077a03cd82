// What connections hold for sessions that do not have them: who is tied to which, and asking a
// connection for it before others get it.
#include "proxy/pool/pool_priv.h"

// --- ties ----------------------------------------------------------------------------------------

void pool_ties_init(struct pool_ties *ties,
                    void (*saved)(struct pool_ties *ties, const struct pool_saved *saved))
{
    for (int kind = 0; kind < POOL_TIE_KINDS; kind++) {
        ties->of[kind] = (struct pool_tie){.kind = (enum pool_tie_kind)kind};
    }
    ties->saved = saved;
}

void pool_tie_cut(struct pool_tie *tie)
{
    if (tie->pooled != NULL) {
        tie->pooled->ties[tie->kind] = NULL;
        tie->pooled = NULL;
    }
}

void pool_ties_cut(struct pool_ties *ties)
{
    for (int kind = 0; kind < POOL_TIE_KINDS; kind++) {
        pool_tie_cut(&ties->of[kind]);
    }
}

static bool is_needed(const struct pooled *pooled, int kind)
{
    return pooled->ties[kind] != NULL && pooled->ties[kind]->of[kind].is_needed;
}

// What it holds is gone for those that it held it for.
void pooled_untie(struct pooled *pooled)
{
    for (int kind = 0; kind < POOL_TIE_KINDS; kind++) {
        struct pool_ties *ties = pooled->ties[kind];
        bool was_needed = is_needed(pooled, kind);
        if (ties != NULL) {
            pool_tie_cut(&ties->of[kind]);
        }
        if (was_needed) {
            ties->saved(ties, NULL);
        }
    }
}

// Somebody else uses it now: others find nothing of theirs there any more.
void pooled_untie_others(struct pooled *pooled, const struct pool_ties *ties)
{
    for (int kind = 0; kind < POOL_TIE_KINDS; kind++) {
        if (pooled->ties[kind] != NULL && pooled->ties[kind] != ties) {
            pool_tie_cut(&pooled->ties[kind]->of[kind]);
        }
    }
}

void pool_tie_bind(struct pool_ties *ties, enum pool_tie_kind kind, struct pooled *pooled,
                   bool needed)
{
    struct pool_ties *before = pooled->ties[kind];
    if (before != ties) {
        if (before != NULL) {
            pool_tie_cut(&before->of[kind]);
        }
        pool_tie_cut(&ties->of[kind]);
        ties->of[kind].pooled = pooled;
        pooled->ties[kind] = ties;
    }
    ties->of[kind].is_needed = needed;
}

struct pool_ties *pooled_holder(const struct pooled *pooled)
{
    for (int kind = 0; kind < POOL_TIE_KINDS; kind++) {
        if (is_needed(pooled, kind)) {
            return pooled->ties[kind];
        }
    }
    return NULL;
}

// --- saving --------------------------------------------------------------------------------------

#define TIE_BIT(kind) (1U << (kind))

// Tells the session what the connection knew for it, if it still wants to know.
static void saved_tell(struct pooled *pooled, const struct pool_saved *saved)
{
    struct pool_ties *ties = pooled->ties[saved->kind];
    if ((pooled->saving & TIE_BIT(saved->kind)) == 0) {
        return;
    }
    pooled->saving &= ~TIE_BIT(saved->kind);
    if (ties != NULL) {
        pool_tie_cut(&ties->of[saved->kind]);
        ties->saved(ties, saved);
    }
}

// In the order in which they were asked for.
static void values_tell(struct pooled *pooled, const struct conn_result *result)
{
    static const enum pool_tie_kind kinds[] = {POOL_TIE_FOUND_ROWS, POOL_TIE_INSERT_ID};
    size_t cell = 0;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        struct pool_saved saved = {.kind = kinds[i]};
        bool is_asked = (pooled->saving & TIE_BIT(kinds[i])) != 0;
        if (is_asked && result->code == 0 && result->row_count == 1 &&
            cell < result->column_count) {
            saved.is_known = slice_to_u64(result->rows[0].cells[cell++], &saved.value);
        }
        saved_tell(pooled, &saved);
    }
}

static void saved_came(struct conn *conn, const struct conn_result *result, void *context)
{
    (void)conn;
    struct pooled *pooled = context;
    if ((pooled->saving & TIE_BIT(POOL_TIE_CONDITIONS)) != 0) {
        saved_tell(pooled, &(struct pool_saved){.kind = POOL_TIE_CONDITIONS,
                                                .is_known = result->code == 0,
                                                .rows = result});
    } else {
        values_tell(pooled, result);
    }
    if (result->left == 0) {
        pooled->saving = 0;
        pooled_ready(pooled);
    }
}

// The connection is wanted by others: what it knows for its session is asked of it first. SHOW
// WARNINGS leaves FOUND_ROWS() as it is; a SELECT clears MySQL's warnings. The insert id does not
// stay there: the next session could be told the same number for one that it gives itself. Nor does
// ROW_COUNT().
void pooled_save(struct pooled *pooled)
{
    struct slice texts[CONN_QUERIES_MOST];
    size_t count = 0;
    if (pooled->ties[POOL_TIE_LAST] != NULL) {
        pool_tie_cut(&pooled->ties[POOL_TIE_LAST]->of[POOL_TIE_LAST]);
    }
    pooled->saving = 0;
    for (int kind = 0; kind < POOL_TIE_KINDS; kind++) {
        pooled->saving |= is_needed(pooled, kind) ? TIE_BIT(kind) : 0;
    }
    bool wants_found = (pooled->saving & TIE_BIT(POOL_TIE_FOUND_ROWS)) != 0;
    bool wants_id = (pooled->saving & TIE_BIT(POOL_TIE_INSERT_ID)) != 0;
    if ((pooled->saving & TIE_BIT(POOL_TIE_CONDITIONS)) != 0) {
        texts[count++] = S("SHOW WARNINGS");
    }
    if (wants_found) {
        texts[count++] = wants_id ? S("SELECT FOUND_ROWS(), LAST_INSERT_ID(), LAST_INSERT_ID(0)")
                                  : S("SELECT FOUND_ROWS()");
    } else if (wants_id) {
        texts[count++] = S("SELECT LAST_INSERT_ID(), LAST_INSERT_ID(0)");
    }
    pooled_move(pooled, CHANGING);
    conn_query_all(pooled->conn, texts, count, saved_came, pooled);
}

bool pool_is_saving(const struct pool_ties *ties, enum pool_tie_kind kind)
{
    const struct pooled *pooled = ties->of[kind].pooled;
    return pooled != NULL && (pooled->saving & TIE_BIT(kind)) != 0;
}

bool pool_save_tied(struct pool_ties *ties, enum pool_tie_kind kind)
{
    struct pooled *pooled = ties->of[kind].pooled;
    if (pooled == NULL || pooled->is_outdated) {
        return false;
    }
    if (pooled->place == IDLE) {
        ties->of[kind].is_needed = true;
        pooled_save(pooled);
    }
    return pool_is_saving(ties, kind);
}
