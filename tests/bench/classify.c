// How long it takes to understand a statement: parse, the same where it was read before with other
// literals, and the digest's hash and text. One row a shape, in nanoseconds; the best of several
// rounds, so that another program's noise counts less.
#include "router/sql/digest.h"
#include "router/statement/statement_cache.h"

#include "proxy/base/arena.h"

#include <stdio.h>

static const struct {
    const char *name;
    const char *sql;
} shapes[] = {
    {"point select", "SELECT c FROM sbtest1 WHERE id=5012"},
    {"point select, 100 bytes", "SELECT `id`, `title`, `body`, `created_at` FROM `posts` WHERE "
                                "`posts`.`id` = 5012 AND `state` = 'on' LIMIT 1"},
    {"range", "SELECT c FROM sbtest1 WHERE id BETWEEN 5012 AND 5111 ORDER BY c"},
    {"sum", "SELECT SUM(k) FROM sbtest1 WHERE id BETWEEN 5012 AND 5111"},
    {"distinct", "SELECT DISTINCT c FROM sbtest1 WHERE id BETWEEN 5012 AND 5111 ORDER BY c"},
    {"update", "UPDATE sbtest1 SET k=k+1 WHERE id=5012"},
    {"insert", "INSERT INTO sbtest1 (id, k, c, pad) VALUES (5012, 5013, '68487932199-96439406143', "
               "'67847967377-48000963322')"},
    {"delete", "DELETE FROM sbtest1 WHERE id=5012"},
    {"begin", "BEGIN"},
    {"set names", "SET NAMES utf8mb4"},
    {"join",
     "SELECT p.ID, p.post_title, u.display_name FROM wp_posts p INNER JOIN wp_users u ON "
     "p.post_author = u.ID LEFT JOIN wp_postmeta m ON m.post_id = p.ID WHERE p.post_status = "
     "'publish' AND p.post_type IN ('post', 'page') AND m.meta_key = '_thumbnail_id' ORDER BY "
     "p.post_date DESC LIMIT 0, 10"},
    {"functions", "SELECT COALESCE(MAX(x), 0), DATE_FORMAT(created_at, '%Y-%m'), COUNT(*), "
                  "CONCAT(a, '-', UPPER(b)) FROM t GROUP BY 2"},
    {"in-list of 100",
     "SELECT * FROM t WHERE id IN (1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,"
     "25,26,27,28,29,30,31,32,33,34,35,36,37,38,39,40,41,42,43,44,45,46,47,48,49,50,51,52,53,54,55,"
     "56,57,58,59,60,61,62,63,64,65,66,67,68,69,70,71,72,73,74,75,76,77,78,79,80,81,82,83,84,85,86,"
     "87,88,89,90,91,92,93,94,95,96,97,98,99,100)"},
    {"version comment", "SELECT @@version_comment LIMIT 1"},
};

enum { SHAPES = sizeof(shapes) / sizeof(shapes[0]), ROUNDS = 7, REPEATS = 100000 };

typedef void work_fn(struct slice sql, struct arena *arena);

static const struct statement_context context = {
    .syntax = {.charset = SQL_CHARSET_UTF8},
    .schema = SLICE_INIT("app"),
};

// Somewhere for results to go, so that no compiler leaves the work out.
static uint64_t sink;

static void work_parse(struct slice sql, struct arena *arena)
{
    struct statement statement;
    statement_parse(&statement, arena, sql, &context);
    sink += statement.class;
    arena_reset(arena);
}

static struct statement_cache *cache;

static void work_cached(struct slice sql, struct arena *arena)
{
    struct statement statement;
    struct statement_entry *entry = statement_cache_read(cache, &statement, arena, sql, &context);
    sink += statement.class;
    statement_entry_unref(&entry);
    arena_reset(arena);
}

static void work_hash(struct slice sql, struct arena *arena)
{
    (void)arena;
    sink += sql_digest_hash(sql, &context.syntax);
}

static void work_text(struct slice sql, struct arena *arena)
{
    char out[2048];
    size_t len;
    (void)arena;
    sink += sql_digest_text(sql, &context.syntax, out, sizeof(out), &len) + len;
}

static double now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static double measure(work_fn *work, struct slice sql)
{
    struct arena arena = ARENA_INIT;
    double best = 0;
    for (int round = 0; round < ROUNDS; round++) {
        double start = now_ns();
        for (int i = 0; i < REPEATS; i++) {
            work(sql, &arena);
        }
        double each = (now_ns() - start) / REPEATS;
        best = round == 0 || each < best ? each : best;
    }
    arena_release(&arena);
    return best;
}

int main(void)
{
    cache = statement_cache_create();
    printf("%-26s %6s %9s %9s %9s %9s\n", "shape", "bytes", "parse ns", "cached ns", "hash ns",
           "text ns");
    for (size_t i = 0; i < SHAPES; i++) {
        struct slice sql = slice_text(shapes[i].sql);
        printf("%-26s %6zu %9.0f %9.0f %9.0f %9.0f\n", shapes[i].name, sql.len,
               measure(work_parse, sql), measure(work_cached, sql), measure(work_hash, sql),
               measure(work_text, sql));
    }
    statement_cache_destroy(cache);
    return sink == 42;
}
