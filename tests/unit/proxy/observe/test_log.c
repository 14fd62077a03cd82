#include "proxy/observe/log.h"

#include "proxy/base/clock.h"
#include "proxy/base/memory.h"
#include "proxy/base/random.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define TIME "2026-01-31T12:34:56.789Z"

static int64_t some_time(void)
{
    return INT64_C(1769862896789000);
}

static const struct clock_source still_clock = {.now_us = some_time, .wall_us = some_time};

static int stop_clock(void **state)
{
    (void)state;
    clock_replace(&still_clock);
    return 0;
}

static int start_clock(void **state)
{
    (void)state;
    clock_replace(NULL);
    return 0;
}

static void assert_captured(struct log *log, const char *expected)
{
    char *lines = log_captured(log);
    assert_string_equal(lines, expected);
    mem_free(lines);
}

// --- forms --------------------------------------------------------------------------------------

static void a_line_of_text_has_time_level_event_and_values(void **state)
{
    (void)state;
    struct log *log = log_create_capture(LOG_DEBUG, LOG_TEXT);
    struct log_source source = {.log = log};

    log_info(&source, "backend.lost", kv_str("server", "db1"), kv_ms("after", 12),
             kv_us("took", -3), kv_int("left", -1), kv_uint("bytes", UINT64_MAX),
             kv_bool("again", true), kv_bool("done", false));
    log_error(&source, "proxy.failed");
    assert_captured(log, TIME " info  backend.lost server=db1 after_ms=12 took_us=-3 left=-1 "
                              "bytes=18446744073709551615 again=true done=false\n" TIME
                              " error proxy.failed\n");
    log_destroy(log);
}

static void a_line_of_json_has_the_same(void **state)
{
    (void)state;
    struct log *log = log_create_capture(LOG_DEBUG, LOG_JSON);
    struct log_source source = {.log = log};

    log_warn(&source, "backend.lost", kv_str("server", "db1"), kv_ms("after", 12),
             kv_bool("again", true));
    log_debug(&source, "nothing.said");
    assert_captured(log,
                    "{\"time\":\"" TIME "\",\"level\":\"warn\",\"event\":\"backend.lost\","
                    "\"server\":\"db1\",\"after_ms\":12,\"again\":true}\n"
                    "{\"time\":\"" TIME "\",\"level\":\"debug\",\"event\":\"nothing.said\"}\n");
    log_destroy(log);
}

static void an_error_is_logged_with_its_place(void **state)
{
    (void)state;
    struct log *log = log_create_capture(LOG_INFO, LOG_TEXT);
    struct log_source source = {.log = log};
    struct error error = ERROR_NONE;

    error_set(&error, 1, "proxy.ini:7", "no such key");
    log_warn(&source, "config.bad", kv_error("error", &error));
    error_set(&error, 1, NULL, "refused");
    log_warn(&source, "config.bad", kv_error("error", &error));
    assert_captured(log, TIME " warn  config.bad error=\"proxy.ini:7: no such key\"\n" TIME
                              " warn  config.bad error=refused\n");
    log_destroy(log);
}

struct speaker {
    int id;
    struct log_source source;
};

static void speaker_describe(const struct log_source *source, struct log_line *line)
{
    const struct speaker *speaker =
        (const struct speaker *)((const char *)source - offsetof(struct speaker, source));
    log_line_add(line, kv_int("session", speaker->id));
}

static void who_speaks_describes_itself(void **state)
{
    (void)state;
    struct log *log = log_create_capture(LOG_INFO, LOG_TEXT);
    struct speaker speaker = {42, {log, speaker_describe}};
    log_info(&speaker.source, "session.ended", kv_str("why", "quit"));
    assert_captured(log, TIME " info  session.ended why=quit session=42\n");
    log_destroy(log);
}

// --- what comes from outside --------------------------------------------------------------------

static void a_value_cannot_forge_a_line(void **state)
{
    (void)state;
    struct log *log = log_create_capture(LOG_INFO, LOG_TEXT);
    struct log_source source = {.log = log};

    log_info(&source, "a.b", kv_str("user", "x\n2026 error b.c a=\"1\"\r\t\\"));
    log_info(&source, "a.b", kv_str("user", "red\x1b[31m"), kv_str("c1", "\xc2\x9b"));
    log_info(&source, "a.b", kv_str("user", "a=b"), kv_str("empty", ""), kv_str("none", NULL));
    assert_captured(log, TIME " info  a.b user=\"x\\n2026 error b.c a=\\\"1\\\"\\r\\t\\\\\"\n" TIME
                              " info  a.b user=\"red\\x1b[31m\" c1=\"\\x9b\"\n" TIME
                              " info  a.b user=\"a=b\" empty=\"\" none=\"\"\n");
    log_destroy(log);
}

static void utf8_stays_and_what_is_none_is_escaped(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        const char *text;
        const char *json;
    } cases[] = {
        {"z\xc3\xbcrich", "z\xc3\xbcrich", "z\xc3\xbcrich"},
        {"\xf0\x9f\x90\xac", "\xf0\x9f\x90\xac", "\xf0\x9f\x90\xac"},
        {"\xff", "\\xff", "\\ufffd"},
        {"\xc3", "\\xc3", "\\ufffd"},                                 // cut
        {"\xc3(", "\\xc3(", "\\ufffd("},                              // no second byte
        {"\xc0\xaf", "\\xc0\\xaf", "\\ufffd\\ufffd"},                 // longer than need be
        {"\xed\xa0\x80", "\\xed\\xa0\\x80", "\\ufffd\\ufffd\\ufffd"}, // surrogate
        {"\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80", "\\ufffd\\ufffd\\ufffd\\ufffd"}, // too high
        {"\x7f", "\\x7f", "\\u007f"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        char expected[256];
        struct log *text = log_create_capture(LOG_INFO, LOG_TEXT);
        struct log *json = log_create_capture(LOG_INFO, LOG_JSON);
        struct log_source text_source = {.log = text};
        struct log_source json_source = {.log = json};

        log_info(&text_source, "a.b", kv_str("v", cases[i].bytes), kv_bool("quoted", true));
        snprintf(expected, sizeof(expected), TIME " info  a.b v=%s quoted=true\n", cases[i].text);
        char *line = log_captured(text);
        if (strchr(line, '"') != NULL) {
            snprintf(expected, sizeof(expected), TIME " info  a.b v=\"%s\" quoted=true\n",
                     cases[i].text);
        }
        assert_string_equal(line, expected);
        mem_free(line);

        log_info(&json_source, "a.b", kv_str("v", cases[i].bytes));
        snprintf(expected, sizeof(expected),
                 "{\"time\":\"" TIME "\",\"level\":\"info\",\"event\":\"a.b\",\"v\":\"%s\"}\n",
                 cases[i].json);
        assert_captured(json, expected);
        log_destroy(text);
        log_destroy(json);
    }
}

static json_t *line_parse(const char *line)
{
    json_error_t error;
    json_t *parsed = json_loads(line, JSON_REJECT_DUPLICATES, &error);
    if (parsed == NULL) {
        fail_msg("%s in %s", error.text, line);
    }
    return parsed;
}

static void whatever_the_bytes_json_stays_json_on_one_line(void **state)
{
    (void)state;
    struct log *log = log_create_capture(LOG_INFO, LOG_JSON);
    struct log_source source = {.log = log};
    random_seed(3);
    for (int round = 0; round < 3000; round++) {
        char bytes[400];
        size_t len = random_below(sizeof(bytes) + 1);
        for (size_t i = 0; i < len; i++) {
            // NUL is no character of Jansson's strings.
            bytes[i] = (char)(random_below(4) == 0 ? 1 + random_below(255) : 32 + random_below(96));
        }
        log_info(&source, "a.b", kv_slice("v", slice_make(bytes, len)), kv_int("end", round));
        char *line = log_captured(log);
        assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
        json_t *parsed = line_parse(line);
        assert_int_equal(json_integer_value(json_object_get(parsed, "end")), round);
        json_decref(parsed);
        mem_free(line);
    }
    log_destroy(log);
}

static void check_cut(enum log_format format, char fill, size_t len, size_t count)
{
    struct log *log = log_create_capture(LOG_INFO, format);
    struct log_source source = {.log = log};
    char *bytes = mem_alloc(len);
    memset(bytes, fill, len);
    struct kv values[17];
    for (size_t i = 0; i < count; i++) {
        static const char *const names[] = {"a", "b", "c", "d", "e", "f", "g", "h",
                                            "i", "j", "k", "l", "m", "n", "o", "p"};
        values[i] = kv_slice(names[i], slice_make(bytes, len));
    }
    values[count] = (struct kv){.type = KV_END};
    log_write(&source, LOG_INFO, "a.b", values);
    char *line = log_captured(log);
    size_t line_len = strlen(line);
    assert_true(line_len <= LOG_LINE_SIZE);
    assert_int_equal(line[line_len - 1], '\n');
    assert_true((strstr(line, "cut") != NULL) == (count > 1));
    assert_true(count > 1 || strstr(line, "...\"") != NULL);
    if (format == LOG_JSON) {
        json_decref(line_parse(line));
    }
    mem_free(line);
    mem_free(bytes);
    log_destroy(log);
}

static void values_too_long_are_cut_and_the_line_ends_well(void **state)
{
    (void)state;
    check_cut(LOG_TEXT, 'x', LOG_VALUE_SIZE + 1, 1);
    check_cut(LOG_JSON, 'x', LOG_VALUE_SIZE + 1, 1);
    for (enum log_format format = LOG_TEXT; format <= LOG_JSON; format++) {
        for (size_t len = LOG_VALUE_SIZE - 64; len <= LOG_VALUE_SIZE + 3; len++) {
            check_cut(format, 'x', len, 16);
            check_cut(format, '\x01', len, 16);
            check_cut(format, '\xff', len, 16);
        }
    }
}

static void a_value_of_the_greatest_length_is_whole(void **state)
{
    (void)state;
    struct log *log = log_create_capture(LOG_INFO, LOG_TEXT);
    struct log_source source = {.log = log};
    char bytes[LOG_VALUE_SIZE + 1];
    memset(bytes, 'x', LOG_VALUE_SIZE);
    bytes[LOG_VALUE_SIZE] = '\0';
    log_info(&source, "a.b", kv_str("v", bytes), kv_bool("end", true));
    char *line = log_captured(log);
    assert_non_null(strstr(line, bytes));
    assert_non_null(strstr(line, "x end=true\n"));
    mem_free(line);
    log_destroy(log);
}

static void a_cut_never_splits_a_character(void **state)
{
    (void)state;
    struct log *log = log_create_capture(LOG_INFO, LOG_JSON);
    struct log_source source = {.log = log};
    char bytes[LOG_VALUE_SIZE + 4];
    memset(bytes, 'x', sizeof(bytes));
    memcpy(bytes + LOG_VALUE_SIZE - 1, "\xe2\x82\xac", 3); // its first byte is the last that fits
    log_info(&source, "a.b", kv_slice("v", slice_make(bytes, LOG_VALUE_SIZE + 2)));
    char *line = log_captured(log);
    assert_null(strstr(line, "ufffd"));
    assert_non_null(strstr(line, "x...\"}"));
    mem_free(line);
    log_destroy(log);
}

// --- levels -------------------------------------------------------------------------------------

static int evaluated;

static const char *evaluate(void)
{
    evaluated++;
    return "x";
}

static void a_level_that_is_off_works_nothing_out_and_can_be_changed(void **state)
{
    (void)state;
    struct log *log = log_create_capture(LOG_INFO, LOG_TEXT);
    struct log_source source = {.log = log};

    evaluated = 0;
    log_debug(&source, "a.b", kv_str("v", evaluate()));
    assert_int_equal(evaluated, 0);
    assert_captured(log, "");
    log_set_level(log, LOG_DEBUG);
    log_debug(&source, "a.b", kv_str("v", evaluate()));
    assert_int_equal(evaluated, 1);
    assert_captured(log, TIME " debug a.b v=x\n");
    log_set_level(log, LOG_ERROR);
    log_warn(&source, "a.b");
    log_set_format(log, LOG_JSON);
    log_error(&source, "a.b");
    assert_captured(log, "{\"time\":\"" TIME "\",\"level\":\"error\",\"event\":\"a.b\"}\n");
    log_destroy(log);
}

// --- files --------------------------------------------------------------------------------------

struct folder {
    char path[64];
    char file[96];
    char rotated[96];
};

static int folder_make(void **state)
{
    struct folder *folder = mem_zero(1, sizeof(*folder));
    snprintf(folder->path, sizeof(folder->path), "/tmp/test_log.XXXXXX");
    assert_non_null(mkdtemp(folder->path));
    snprintf(folder->file, sizeof(folder->file), "%s/log", folder->path);
    snprintf(folder->rotated, sizeof(folder->rotated), "%s/log.1", folder->path);
    *state = folder;
    return 0;
}

static int folder_remove(void **state)
{
    struct folder *folder = *state;
    unlink(folder->file);
    unlink(folder->rotated);
    rmdir(folder->path);
    mem_free(folder);
    return 0;
}

static char *file_read(const char *path)
{
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    char *text = mem_zero(1, 1 << 23);
    size_t len = fread(text, 1, (1 << 23) - 1, file);
    text[len] = '\0';
    fclose(file);
    return text;
}

static void assert_file(const char *path, const char *expected)
{
    char *text = file_read(path);
    assert_string_equal(text, expected);
    mem_free(text);
}

static void a_rotated_file_is_left_at_reopening(void **state)
{
    struct folder *folder = *state;
    struct log_settings settings = {LOG_INFO, LOG_TEXT, folder->file};
    struct log *log = log_create(&settings, NULL);
    struct log_source source = {.log = log};

    clock_replace(&still_clock);
    log_info(&source, "a.first");
    log_flush(log);
    assert_file(folder->file, TIME " info  a.first\n");
    assert_int_equal(rename(folder->file, folder->rotated), 0);
    assert_true(log_reopen(log, NULL));
    log_info(&source, "a.second");
    log_flush(log);
    assert_file(folder->rotated, TIME " info  a.first\n");
    assert_file(folder->file, TIME " info  a.second\n");
    log_info(&source, "a.last");
    log_destroy(log);
    clock_replace(NULL);
    assert_file(folder->file, TIME " info  a.second\n" TIME " info  a.last\n");
}

static void a_file_that_cannot_be_opened_leaves_the_log_where_it_was(void **state)
{
    struct folder *folder = *state;
    struct log_settings settings = {LOG_INFO, LOG_TEXT, folder->file};
    struct log_settings wrong = {LOG_INFO, LOG_TEXT, "/nonexistent/log"};
    struct error error = ERROR_NONE;
    struct log *log = log_create(&settings, NULL);
    struct log_source source = {.log = log};

    assert_null(log_create(&wrong, &error));
    assert_string_equal(error.where, "/nonexistent/log");
    assert_non_null(strstr(error.text, "No such file"));
    error = ERROR_NONE;
    assert_false(log_set_file(log, "/nonexistent/log", &error));
    assert_int_equal(error.code, ENOENT);
    clock_replace(&still_clock);
    log_info(&source, "a.b");
    assert_true(log_reopen(log, &error));
    assert_true(log_set_file(log, folder->rotated, &error));
    log_info(&source, "c.d");
    log_destroy(log);
    clock_replace(NULL);
    assert_file(folder->rotated, TIME " info  c.d\n");
}

// --- threads and pressure -----------------------------------------------------------------------

enum { THREADS = 4, LINES = 5000 };

struct talker {
    struct log_source source;
    int id;
};

static void *talk(void *arg)
{
    struct talker *talker = arg;
    for (int i = 0; i < LINES; i++) {
        if (i % 500 == 0) {
            log_flush(talker->source.log); // so that the ring never fills
        }
        log_info(&talker->source, "a.b", kv_int("thread", talker->id), kv_int("line", i),
                 kv_str("fill", "0123456789"));
    }
    return NULL;
}

static void lines_of_several_threads_stay_whole_and_in_order(void **state)
{
    struct folder *folder = *state;
    struct log_settings settings = {LOG_INFO, LOG_TEXT, folder->file};
    struct log *log = log_create(&settings, NULL);
    struct talker talkers[THREADS];
    pthread_t threads[THREADS];
    int next[THREADS] = {0};

    for (int i = 0; i < THREADS; i++) {
        talkers[i] = (struct talker){{.log = log}, i};
        assert_int_equal(pthread_create(&threads[i], NULL, talk, &talkers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    assert_int_equal(log_dropped(log), 0);
    log_destroy(log);
    char *text = file_read(folder->file);
    struct slice rest = slice_text(text);
    struct slice line;
    while (slice_cut(&rest, '\n', &line) && line.len > 0) {
        int thread, number;
        char fill[16];
        assert_int_equal(
            sscanf(line.ptr + 24, " info  a.b thread=%d line=%d fill=%15s", &thread, &number, fill),
            3);
        assert_string_equal(fill, "0123456789");
        assert_int_equal(number, next[thread]++);
    }
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(next[i], LINES);
    }
    mem_free(text);
}

// Reads lines from a pipe until `*expected` are accounted for, written or told as dropped.
static void pipe_drain(int fd, uint64_t expected, uint64_t *lines, uint64_t *told)
{
    FILE *pipe = fdopen(fd, "r");
    char line[LOG_LINE_SIZE];
    while (*lines + *told < expected) {
        assert_non_null(fgets(line, sizeof(line), pipe));
        uint64_t dropped;
        if (sscanf(line + 24, " warn  log.dropped lines=%" SCNu64, &dropped) == 1) {
            *told += dropped;
        } else {
            assert_non_null(strstr(line, " info  a.b fill="));
            ++*lines;
        }
    }
    fclose(pipe);
}

static void a_reader_that_does_not_read_stops_nobody_and_the_log_tells_what_is_missing(void **state)
{
    struct folder *folder = *state;
    assert_int_equal(mkfifo(folder->file, 0600), 0);
    int reader = open(folder->file, O_RDWR);
    struct log_settings settings = {LOG_INFO, LOG_TEXT, folder->file};
    struct log *log = log_create(&settings, NULL);
    struct log_source source = {.log = log};
    char fill[1000];
    uint64_t logged = 0, lines = 0, told = 0;

    memset(fill, 'x', sizeof(fill));
    while (log_dropped(log) < 100) {
        log_info(&source, "a.b", kv_slice("fill", slice_make(fill, sizeof(fill))));
        logged++;
    }
    assert_true(logged > 1000); // the ring holds a MiB
    pipe_drain(reader, logged, &lines, &told);
    assert_true(told >= 100);
    assert_int_equal(log_dropped(log), told);
    log_destroy(log);
}

static void a_line_that_is_off_costs_nearly_nothing(void **state)
{
    (void)state;
    struct log *log = log_create_capture(LOG_INFO, LOG_TEXT);
    struct log_source source = {.log = log};
    enum { ROUNDS = 1000000 };
    int64_t begun = clock_now_us();
    for (int i = 0; i < ROUNDS; i++) {
        log_debug(&source, "a.b", kv_int("i", i), kv_str("v", "x"));
    }
    print_message("log_debug when off: %.1f ns\n", (double)(clock_now_us() - begun) * 1e3 / ROUNDS);
    assert_captured(log, "");
    log_destroy(log);
}

int main(void)
{
#define STOPPED(test)   cmocka_unit_test_setup_teardown(test, stop_clock, start_clock)
#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, folder_make, folder_remove)
    const struct CMUnitTest tests[] = {
        STOPPED(a_line_of_text_has_time_level_event_and_values),
        STOPPED(a_line_of_json_has_the_same),
        STOPPED(an_error_is_logged_with_its_place),
        STOPPED(who_speaks_describes_itself),
        STOPPED(a_value_cannot_forge_a_line),
        STOPPED(utf8_stays_and_what_is_none_is_escaped),
        STOPPED(whatever_the_bytes_json_stays_json_on_one_line),
        STOPPED(values_too_long_are_cut_and_the_line_ends_well),
        STOPPED(a_value_of_the_greatest_length_is_whole),
        STOPPED(a_cut_never_splits_a_character),
        STOPPED(a_level_that_is_off_works_nothing_out_and_can_be_changed),
        IN_FOLDER(a_rotated_file_is_left_at_reopening),
        IN_FOLDER(a_file_that_cannot_be_opened_leaves_the_log_where_it_was),
        IN_FOLDER(lines_of_several_threads_stay_whole_and_in_order),
        IN_FOLDER(a_reader_that_does_not_read_stops_nobody_and_the_log_tells_what_is_missing),
        cmocka_unit_test(a_line_that_is_off_costs_nearly_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
