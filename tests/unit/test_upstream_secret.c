/* test_upstream_secret.c: hiding credentials, the digest that names one, and addresses (wire.c). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "upstream/digest.h"
#include "upstream/media_type.h"
#include "upstream/secret.h"
#include "upstream/wire.h"

static void check_scrub(const char *secret, const char *text, const char *expected)
{
    struct fptc__secrets s = {0};
    char out[FPTC__UNSCRUBBED_BYTES];

    fptc__secrets_add(&s, secret);
    snprintf(out, sizeof(out), "%s", text);
    fptc__secrets_scrub(&s, out);
    assert_string_equal(out, expected);
    fptc__secrets_done(&s);
}

static void secrets_are_starred_out(void **state)
{
    (void)state;
    check_scrub("k3y/+&\"x", "a k3y/+&\"x b", "a *** b");
    check_scrub("k3y/+&\"x", "K3Y/+&\"Xk3y/+&\"x", "***");
    check_scrub("k3y/+&\"x", "k=k3y%2F%2b%26%22x&z", "k=***&z");
    check_scrub("k3y/+&\"x", "k3y/%2B&amp;\\\"x", "***");
    check_scrub("k3y/+&\"x", "k3y\\/+\\u0026&#34;x", "***");
    check_scrub("k3y/+&\"x", "k3y&#x2f;+&AMP;&quot;x.", "***.");
    check_scrub("two words", "two+words two%20words", "*** ***");
    check_scrub("p\xc3\xa4ss", "p\\u00e4ss p%C3%A4ss p&#228;ss p\xc3\xa4ss", "*** *** *** ***");
    check_scrub("\xe2\x82\xac\xe2\x82\xac", "\\u20ac\\u20AC", "***");
    check_scrub("a%25b", "a%25b a%2525b", "*** ***");
    check_scrub(NULL, "nothing to hide", "nothing to hide");
    check_scrub("api", "the API's own words", "the API's own words");
    check_scrub("k3y/", "k3y k3y. k3", "k3y k3y. k3");
}

static void base64_of_secrets(void **state)
{
    (void)state;
    /* "secret-key" behind "", "x" and "xx"; "user:secret-key" */
    check_scrub("secret-key", "c2VjcmV0LWtleQ==", "***Q==");
    /* "k" holds four bits of the last letter, and the base64 of them alone says nothing. */
    check_scrub("secret-key", "eHNlY3JldC1rZXk=", "eH***k=");
    check_scrub("secret-key", "eHhzZWNyZXQta2V5", "eHh***");
    check_scrub("secret-key", "Basic dXNlcjpzZWNyZXQta2V5", "Basic dXNlcjp***");
}

static void bearers(void **state)
{
    (void)state;
    check_scrub(NULL, "Bearer eyJhbGciOiJIUzI1NiJ9.e30.x-_y, and eyJ alone",
                "Bearer ***, and eyJ alone");
}

static void a_cut_shows_nothing(void **state)
{
    /* As map_error() would cut it: whole secrets that become short, and half of one at the end. */
    static const char secret[] = "abcdefghijklmnopqrstuvwxyz0123456789";
    struct fptc__secrets s = {0};
    char out[FPTC__UNSCRUBBED_BYTES] = "";
    size_t n = 0;

    (void)state;
    fptc__secrets_add(&s, secret);
    while (n + 1 < sizeof(out)) {
        out[n] = secret[n % (sizeof(secret) - 1)];
        n++;
    }
    out[n] = '\0';
    fptc__secrets_scrub(&s, out);
    assert_string_equal(out, "***");
    fptc__secrets_done(&s);
}

static void too_many_secrets_are_noticed(void **state)
{
    struct fptc__secrets s = {0};
    size_t i;

    (void)state;
    for (i = 0; i < FPTC__SECRETS_MAX; i++)
        fptc__secrets_add(&s, "secret");
    assert_int_equal(s.is_incomplete, 0);
    fptc__secrets_add(&s, "secret");
    assert_int_equal(s.is_incomplete, 1);
    fptc__secrets_done(&s);
}

static void check_digest(const char *text, const char *expected)
{
    char hex[65];

    fptc__sha256_hex(text, strlen(text), hex);
    assert_string_equal(hex, expected);
}

static void digests(void **state)
{
    char hex[65];
    char block[64];

    (void)state;
    check_digest("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    check_digest("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    check_digest("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
                 "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    memset(block, 'a', sizeof(block));
    fptc__sha256_hex(block, 64, hex);
    assert_string_equal(hex, "ffe054fe7ae0cb6dc65c3af9b61d5209f439851db43d0ba5997337df154668eb");
    fptc__sha256_hex(block, 55, hex);
    assert_string_equal(hex, "9f4390f8d30c2dd92ec9f095b65e2b9ae9b0a925a5258e241c9f1e910f734318");
    fptc__sha256_hex(block, 56, hex);
    assert_string_equal(hex, "b35439a4ac6f0948b6d6f9e3c6af0f5f590ce20f1bde7090ef7970686ec6738a");
}

static void addresses(void **state)
{
    struct fptc__wire w;

    (void)state;
    assert_int_equal(fptc__wire_init(&w, "https://studio.example.com//", NULL, NULL, NULL),
                     FPTC_OK);
    assert_string_equal(w.base_url, "https://studio.example.com");
    assert_int_equal(w.is_plain, 0);
    fptc__wire_done(&w);
    assert_int_equal(fptc__wire_init(&w, "http://127.1:81/", "u:p:q@w@proxy", "/ca", NULL),
                     FPTC_OK);
    assert_string_equal(w.base_url, "http://127.0.0.1:81");
    assert_int_equal(w.is_plain, 1);
    assert_string_equal(w.proxy, "http://proxy:8080");
    assert_string_equal(w.proxy_user, "u");
    assert_string_equal(w.proxy_password, "p:q@w");
    assert_string_equal(w.ca_file, "/ca");
    fptc__wire_done(&w);
    assert_int_equal(fptc__wire_init(&w, "https://x", "https://[::1]:3128/", NULL, NULL), FPTC_OK);
    assert_string_equal(w.proxy, "https://[::1]:3128");
    assert_null(w.proxy_user);
    fptc__wire_done(&w);
    assert_int_equal(fptc__wire_init(&w, NULL, NULL, NULL, NULL), FPTC_EUSAGE);
    fptc__wire_done(&w);
}

static void check_elsewhere(const char *site_url, const char *url, const char *host,
                            const char *path)
{
    struct fptc__wire site, out;
    const char *rest = NULL;
    fptc_error err = FPTC_ERROR_INIT;

    assert_int_equal(fptc__wire_init(&site, site_url, NULL, NULL, NULL), FPTC_OK);
    if (host == NULL) {
        assert_int_equal(fptc__wire_elsewhere(&site, url, &out, &rest, &err), FPTC_ESERVER);
        assert_null(strstr(err.message, "secret"));
    } else {
        assert_int_equal(fptc__wire_elsewhere(&site, url, &out, &rest, &err), FPTC_OK);
        assert_string_equal(out.base_url, host);
        assert_string_equal(rest, path);
    }
    fptc__wire_elsewhere_done(&out);
    fptc__wire_done(&site);
}

/* Where FPT may have a file sent to. */
static void files_go_over_https(void **state)
{
    static const char *const refused[] = {"http://bucket.s3.amazonaws.com/k?secret=1",
                                          "http://127.0.0.1:80/k?secret=1",
                                          "ftp://bucket/k?secret=1",
                                          "https://user:secret@bucket/k",
                                          "https://bucket",
                                          "https://bucket?secret=1",
                                          "https://bucket/a b?secret=1",
                                          "https://bucket/\r\nX: secret",
                                          "file:///etc/passwd",
                                          "/relative?secret=1",
                                          "https:///k?secret=1",
                                          "https://bucket#/secret",
                                          "",
                                          NULL};
    size_t i;

    (void)state;
    check_elsewhere("https://studio.example", "https://b.s3.amazonaws.com/a%20b/c?X=1%2F&Y=/?:@#z",
                    "https://b.s3.amazonaws.com", "/a%20b/c?X=1%2F&Y=/?:@#z");
    check_elsewhere("http://127.0.0.1:1", "http://localhost:8080/k?s", "http://localhost:8080",
                    "/k?s");
    check_elsewhere("http://127.0.0.1:1", "https://b.example:444/k", "https://b.example:444", "/k");
    for (i = 0; refused[i] != NULL; i++)
        check_elsewhere("https://studio.example", refused[i], NULL, NULL);
    check_elsewhere("http://127.0.0.1:1", "http://bucket/k?secret=1", NULL, NULL);
}

static void kinds_of_files(void **state)
{
    (void)state;
    assert_string_equal(fptc__media_type("a.b.MOV"), "video/quicktime");
    assert_string_equal(fptc__media_type("a.jpeg"), "image/jpeg");
    assert_string_equal(fptc__media_type("mov"), "application/octet-stream");
    assert_string_equal(fptc__media_type("a.mov.0001"), "application/octet-stream");
    assert_string_equal(fptc__media_type("a."), "application/octet-stream");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(secrets_are_starred_out),
        cmocka_unit_test(base64_of_secrets),
        cmocka_unit_test(bearers),
        cmocka_unit_test(a_cut_shows_nothing),
        cmocka_unit_test(too_many_secrets_are_noticed),
        cmocka_unit_test(digests),
        cmocka_unit_test(addresses),
        cmocka_unit_test(files_go_over_https),
        cmocka_unit_test(kinds_of_files),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
