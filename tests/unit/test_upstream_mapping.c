/* test_upstream_mapping.c: REST records to rows, error bodies to text, and recorded replies through both. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"
#include "upstream/mapping.h"

static fptc__json *parse(const char *text)
{
    fptc__json *v = NULL;
    fptc_error err = FPTC_ERROR_INIT;

    if (fptc__json_parse(text, strlen(text), "test", &v, &err) != FPTC_OK)
        fail_msg("%s", err.message);
    return v;
}

static void check_text(const fptc__json *v, const char *expected)
{
    struct fptc__buf b;

    fptc__buf_init(&b, 1u << 20);
    fptc__json_print(v, &b);
    assert_string_equal(fptc__buf_text(&b), expected);
    fptc__buf_done(&b);
}

static void check_record(const char *record, const char *row)
{
    fptc__json *from = parse(record);
    fptc__json *to = NULL;
    fptc_error err = FPTC_ERROR_INIT;

    if (fptc__map_record(from, &to, &err) != FPTC_OK)
        fail_msg("%s", err.message);
    check_text(to, row);
    fptc__json_free(to);
    fptc__json_free(from);
}

static void check_refused(const char *record, const char *text)
{
    fptc__json *from = parse(record);
    fptc__json *to = NULL;
    fptc_error err = FPTC_ERROR_INIT;

    assert_int_equal(fptc__map_record(from, &to, &err), FPTC_ESERVER);
    assert_null(to);
    assert_non_null(strstr(err.message, text));
    assert_int_equal(fptc__map_record(from, &to, NULL), FPTC_ESERVER);
    fptc__json_free(from);
}

static void record_becomes_flat(void **state)
{
    (void)state;
    check_record(
        "{\"type\":\"Shot\",\"id\":862,\"attributes\":{\"code\":\"sh010\",\"x\":null,\"n\":1.5},"
        "\"relationships\":{\"sg_sequence\":{\"data\":{\"id\":5,\"name\":\"sq\",\"type\":"
        "\"Sequence\",\"valid\":\"valid\"},\"links\":{\"self\":\"/x\"}}},\"links\":{}}",
        "{\"type\":\"Shot\",\"id\":862,\"code\":\"sh010\",\"x\":null,\"n\":1.5,"
        "\"sg_sequence\":{\"type\":\"Sequence\",\"id\":5,\"name\":\"sq\"}}");
}

static void links_of_all_shapes(void **state)
{
    (void)state;
    check_record(
        "{\"type\":\"A\",\"id\":1,\"attributes\":{},\"relationships\":{\"one\":{\"data\":null},"
        "\"none\":{\"data\":[]},\"left_out\":{\"links\":{}},"
        "\"two\":{\"data\":[{\"type\":\"B\",\"id\":2,\"name\":null},{\"id\":3,\"type\":\"B\"}]}}}",
        "{\"type\":\"A\",\"id\":1,\"one\":null,\"none\":[],"
        "\"two\":[{\"type\":\"B\",\"id\":2,\"name\":null},{\"type\":\"B\",\"id\":3}]}");
    check_record("{\"type\":\"A\",\"id\":1}", "{\"type\":\"A\",\"id\":1}");
    check_record("{\"type\":\"A\",\"id\":1,\"attributes\":null,\"relationships\":null}",
                 "{\"type\":\"A\",\"id\":1}");
}

static void dotted_keys_and_values_stay(void **state)
{
    (void)state;
    check_record(
        "{\"type\":\"A\",\"id\":1,\"attributes\":{\"a.B.c\":\"x\",\"f\":\"25.0\",\"j\":{\"k\":[1]},"
        "\"type\":\"no\",\"id\":9},\"relationships\":{\"a.B.d\":{\"data\":{\"type\":\"C\",\"id\":4,"
        "\"name\":\"n\"}},\"id\":{\"data\":null}}}",
        "{\"type\":\"A\",\"id\":1,\"a.B.c\":\"x\",\"f\":\"25.0\",\"j\":{\"k\":[1]},"
        "\"a.B.d\":{\"type\":\"C\",\"id\":4,\"name\":\"n\"}}");
}

static void times_of_creates(void **state)
{
    (void)state;
    check_record(
        "{\"type\":\"A\",\"id\":1,\"attributes\":{\"created_at\":\"2021-06-16 08:55:04 UTC\","
        "\"updated_at\":\"2021-06-16 08:55:05 UTC\",\"code\":\"2021-06-16 08:55:04 UTC\"}}",
        "{\"type\":\"A\",\"id\":1,\"created_at\":\"2021-06-16T08:55:04Z\","
        "\"updated_at\":\"2021-06-16T08:55:05Z\",\"code\":\"2021-06-16 08:55:04 UTC\"}");
    check_record(
        "{\"type\":\"A\",\"id\":1,\"attributes\":{\"created_at\":\"2021-06-16 08:55:04 UTC+1\","
        "\"updated_at\":\"2021-06-16 08:55\"}}",
        "{\"type\":\"A\",\"id\":1,\"created_at\":\"2021-06-16 08:55:04 UTC+1\","
        "\"updated_at\":\"2021-06-16 08:55\"}");
    check_record(
        "{\"type\":\"A\",\"id\":1,\"attributes\":{\"created_at\":null,\"updated_at\":"
        "\"2021-06-16T08:55:04Z\"}}",
        "{\"type\":\"A\",\"id\":1,\"created_at\":null,\"updated_at\":\"2021-06-16T08:55:04Z\"}");
}

static void wrong_shapes(void **state)
{
    (void)state;
    check_refused("[]", "without type and id");
    check_refused("{\"id\":1}", "without type and id");
    check_refused("{\"type\":\"\",\"id\":1}", "without type and id");
    check_refused("{\"type\":\"A\",\"id\":\"1\"}", "without type and id");
    check_refused("{\"type\":\"A\",\"id\":1.5}", "without type and id");
    check_refused("{\"type\":\"A\",\"id\":0}", "without type and id");
    check_refused("{\"type\":\"A\",\"id\":1,\"attributes\":[]}", "A 1");
    check_refused("{\"type\":\"A\",\"id\":1,\"relationships\":\"x\"}", "A 1");
    check_refused("{\"type\":\"A\",\"id\":1,\"relationships\":{\"r\":{\"data\":7}}}", "field r");
    check_refused("{\"type\":\"A\",\"id\":1,\"relationships\":{\"r\":{\"data\":{\"id\":1}}}}",
                  "field r");
    check_refused(
        "{\"type\":\"A\",\"id\":1,\"relationships\":{\"r\":{\"data\":[{\"type\":\"A\",\"id\":1},"
        "null]}}}",
        "field r");
}

static void lists(void **state)
{
    fptc__json *reply = parse("{\"data\":[{\"type\":\"A\",\"id\":1},{\"type\":\"A\",\"id\":2}],"
                              "\"links\":{\"next\":\"x\"}}");
    fptc__json *bad = parse("{\"data\":[{\"type\":\"A\",\"id\":1},{\"type\":\"A\"}]}");
    fptc__json *none = parse("{\"data\":{}}");
    fptc__json *rows = NULL;
    fptc_error err = FPTC_ERROR_INIT;

    (void)state;
    assert_int_equal(fptc__map_list(reply, &rows, &err), FPTC_OK);
    check_text(rows, "[{\"type\":\"A\",\"id\":1},{\"type\":\"A\",\"id\":2}]");
    fptc__json_free(rows);
    assert_int_equal(fptc__map_list(bad, &rows, &err), FPTC_ESERVER);
    assert_null(rows);
    assert_int_equal(fptc__map_list(none, &rows, &err), FPTC_ESERVER);
    assert_int_equal(fptc__map_list(NULL, &rows, &err), FPTC_ESERVER);
    fptc__json_free(reply);
    fptc__json_free(bad);
    fptc__json_free(none);
}

static void check_error(const char *body, const char *expected)
{
    char text[200];

    fptc__map_error(body, body ? strlen(body) : 0, text, sizeof(text));
    assert_string_equal(text, expected);
}

static void errors_in_json(void **state)
{
    (void)state;
    check_error(
        "{\"errors\":[{\"id\":\"x\",\"status\":400,\"code\":103,\"title\":\"API create() Asset.x "
        "doesn't exist.\",\"source\":{},\"detail\":null,\"meta\":null}]}",
        "API create() Asset.x doesn't exist.");
    check_error(
        "{\"errors\":[{\"title\":\"Not Found\",\"source\":null,\"detail\":\"Asset: 1 not found\"}]}",
        "Asset: 1 not found");
    check_error(
        "{\"errors\":[{\"title\":\"Request Parameters invalid.\",\"source\":{\"page\":{\"size\":"
        "[\"must be less than 5000\"]}},\"detail\":null}]}",
        "Request Parameters invalid.; size: must be less than 5000");
    check_error("{\"errors\":[{\"title\":\"one\"},{\"title\":\"two\",\"detail\":\"\"}]}",
                "one; two");
    check_error("{\"errors\":[{\"title\":\"a\\n\\tb\\u0001  c \"}]}", "a b c");
}

static void errors_in_html(void **state)
{
    (void)state;
    check_error("<html><head><title>503 Service</title><style>x{}</style></head><body><!-- no -->"
                "<script>bad()</script><h1>Down &amp; out</h1>&lt;soon&gt; &unknown;</body></html>",
                "503 Service Down & out <soon> &unknown;");
    check_error("plain words", "plain words");
    check_error("<only", "(no text)");
    check_error("{\"errors\":[]}", "{\"errors\":[]}");
    check_error("{\"errors\":[{}]}", "{\"errors\":[{}]}");
    check_error("", "(no text)");
    check_error(NULL, "(no text)");
}

static void errors_are_cut_cleanly(void **state)
{
    static const char text[] = "\xc3\xa4\xc3\xa4\xc3\xa4\xff\xfe!";
    char out[16];

    (void)state;
    fptc__map_error(text, sizeof(text) - 1, out, sizeof(out));
    assert_string_equal(out, "\xc3\xa4\xc3\xa4\xc3\xa4?\?!");
    fptc__map_error(text, sizeof(text) - 1, out, 6);
    assert_string_equal(out, "\xc3\xa4\xc3\xa4");
    fptc__map_error(text, sizeof(text) - 1, out, 1);
    assert_string_equal(out, "");
    fptc__map_error("a\0b", 3, out, sizeof(out));
    assert_string_equal(out, "a b");
}

/* --- recorded replies --- */

/* Every field of the record is in the row with its value, and nothing else is. */
static void check_recorded(const fptc__json *record)
{
    const fptc__json *attributes = fptc__json_get(record, "attributes");
    const fptc__json *relationships = fptc__json_get(record, "relationships");
    const fptc__json *v;
    fptc__json *row = NULL;
    fptc_error err = FPTC_ERROR_INIT;

    if (fptc__map_record(record, &row, &err) != FPTC_OK)
        fail_msg("%s", err.message);
    assert_int_equal(fptc__json_size(row),
                     2 + fptc__json_size(attributes) + fptc__json_size(relationships));
    for (v = fptc__json_first(attributes); v; v = fptc__json_next(v)) {
        const char *key = fptc__json_key(v);

        if (strcmp(key, "created_at") != 0 && strcmp(key, "updated_at") != 0)
            assert_true(fptc__json_equal(fptc__json_get(row, key), v));
        else
            assert_int_equal(strlen(fptc__json_get_text(row, key)), 20);
    }
    /* The recorded links have these three members only, so each must be equal as it is. */
    for (v = fptc__json_first(relationships); v; v = fptc__json_next(v))
        assert_true(
            fptc__json_equal(fptc__json_get(row, fptc__json_key(v)), fptc__json_get(v, "data")));
    fptc__json_free(row);
}

static int check_reply(const fptc__json *reply)
{
    const fptc__json *data = fptc__json_get(reply, "data");
    const fptc__json *record;
    fptc__json *rows = NULL;
    int n = 0;

    if (fptc__json_get(data, "attributes")) {
        check_recorded(data);
        return 1;
    }
    if (!fptc__json_get(fptc__json_first(data), "attributes") || !fptc__json_is_array(data))
        return 0;
    for (record = fptc__json_first(data); record; record = fptc__json_next(record), n++)
        check_recorded(record);
    assert_int_equal(fptc__map_list(reply, &rows, NULL), FPTC_OK);
    assert_int_equal(fptc__json_size(rows), n);
    fptc__json_free(rows);
    return n;
}

static void check_recorded_error(const char *body)
{
    char text[512];

    fptc__map_error(body, strlen(body), text, sizeof(text));
    assert_null(strchr(text, '{') == text ? text : NULL);
    assert_true(strstr(text, "exist") || strstr(text, "not found") || strstr(text, "invalid"));
}

static int check_line(const char *line, size_t len, int *n_errors)
{
    fptc__json *exchange = NULL;
    fptc__json *reply = NULL;
    const fptc__json *response;
    const char *body;
    int n = 0;

    assert_int_equal(fptc__json_parse(line, len, "exchange", &exchange, NULL), FPTC_OK);
    response = fptc__json_get(exchange, "response");
    body = fptc__json_get_text(response, "body");
    if (fptc__json_get_int(response, "status") >= 400) {
        check_recorded_error(body);
        ++*n_errors;
    } else if (body && fptc__json_parse(body, strlen(body), "body", &reply, NULL) == FPTC_OK) {
        n = check_reply(reply);
    }
    fptc__json_free(reply);
    fptc__json_free(exchange);
    return n;
}

static void recorded_replies(void **state)
{
    const char *shared = getenv("FPTC_SHARED");
    char path[4096];
    char *line = NULL;
    size_t room = 0;
    ssize_t len;
    FILE *f;
    int n_records = 0;
    int n_errors = 0;

    (void)state;
    snprintf(path, sizeof(path), "%s/data/fpt-recorded-rest.jsonl", shared ? shared : "");
    f = fopen(path, "r");
    if (!f) {
        print_message("skipped: the recorded exchanges are not here (%s)\n", path);
        skip();
    }
    while ((len = getline(&line, &room, f)) > 0)
        n_records += check_line(line, (size_t)len, &n_errors);
    free(line);
    fclose(f);
    assert_true(n_records > 369); /* three lists of 123 Assets, and single rows */
    assert_int_equal(n_errors, 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(record_becomes_flat),
        cmocka_unit_test(links_of_all_shapes),
        cmocka_unit_test(dotted_keys_and_values_stay),
        cmocka_unit_test(times_of_creates),
        cmocka_unit_test(wrong_shapes),
        cmocka_unit_test(lists),
        cmocka_unit_test(errors_in_json),
        cmocka_unit_test(errors_in_html),
        cmocka_unit_test(errors_are_cut_cleanly),
        cmocka_unit_test(recorded_replies),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
