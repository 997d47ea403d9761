/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The client against an agent that says what a script says. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "client/client.h"
#include "client/wire.h"
#include "tests/client/scripted_agent.h"

#define NAME "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define KEY_JSON(spki) "{\"name\":\"" NAME "\",\"type\":\"ec\",\"bits\":256," \
    "\"curve\":\"P-256\",\"label\":\"mail key\",\"token\":\"demo\",\"spki\":\"" spki "\"," \
    "\"certificates\":[{\"der\":\"AAECAw==\"},{\"der\":\"BAUG\"}]}"
#define HELLO "< OK ready", "> OPTION front=test"

static struct home home;
static struct client *client;
static struct scripted_agent *agent;
static struct err err;
static int asked;

static int
give_pin(void *arg, const char *prompt, struct secret *pin, struct err *e)
{
    (void)e;
    asked++;
    ck_assert_str_eq(prompt, "PIN of token \"demo\"");
    return secret_set(pin, arg, strlen(arg));
}

static int
give_up(void *arg, const char *prompt, struct secret *pin, struct err *e)
{
    (void)arg, (void)prompt, (void)pin;
    asked++;
    return err_set(e, E_PIN_CANCELLED, "the test gave up");
}

static void
open_with(const char *const *script, struct client_options opts)
{
    unsetenv("TERM");
    unsetenv("DISPLAY");
    unsetenv("WAYLAND_DISPLAY");
    unsetenv("LC_ALL");
    unsetenv("LC_CTYPE");
    unsetenv("LANG");
    agent = scripted_agent_start(&home, script);
    opts.front = "test";
    opts.no_start = true;
    ck_assert_msg(client_open(&client, &home, &opts, &err) == 0, "%s", err_text(&err));
}

static void
open_plain(const char *const *script)
{
    open_with(script, (struct client_options){.batch = true});
}

static void
finish(void)
{
    client_free(&client);
    scripted_agent_end(&agent);
}

static void
setup(void)
{
    test_home_make(&home);
    err_clear(&err);
    asked = 0;
}

static void
teardown(void)
{
    test_home_remove(&home);
}

START_TEST(nobody_listens)
{
    struct client_options opts = {.no_start = true};

    ck_assert_int_eq(client_open(&client, &home, &opts, &err), E_AGENT);
    ck_assert_ptr_nonnull(strstr(err.text, home.socket));
    ck_assert_ptr_nonnull(strstr(err.text, "signet agent start"));
}
END_TEST

START_TEST(a_key_is_read)
{
    static const char *const script[] = {
        HELLO, "> OPTION batch=1", "> KEY alice@example.org+%2B100%25", "< OK", "< OK",
        "< D " KEY_JSON("MAo="), "< OK", NULL};
    struct client_key key;

    open_plain(script);
    ck_assert_msg(client_find_key(client, "alice@example.org +100%", &key, &err) == 0, "%s",
                  err_text(&err));
    ck_assert_str_eq(key.name, NAME);
    ck_assert_int_eq(key.type, ALG_KEY_EC);
    ck_assert_uint_eq(key.bits, 256);
    ck_assert_str_eq(key.curve, "P-256");
    ck_assert_str_eq(key.label, "mail key");
    ck_assert_str_eq(key.token, "demo");
    ck_assert_uint_eq(key.spki_len, 2);
    ck_assert_mem_eq(key.spki, "\x30\x0a", 2);
    ck_assert_uint_eq(key.cert_count, 2);
    ck_assert_uint_eq(key.certs[0].len, 4);
    ck_assert_mem_eq(key.certs[0].der, "\0\1\2\3", 4);
    ck_assert_uint_eq(key.certs[1].len, 3);
    client_key_clear(&key);
    finish();
}
END_TEST

START_TEST(answers_that_make_no_sense)
{
    static const char *const answers[] = {
        "< D {", "< D []", "< D {\"name\":\"00\"}", "< D " KEY_JSON("MAo"),
        "< D " KEY_JSON("M?o="), "< D " KEY_JSON(""),
    };
    const char *const script[] = {HELLO, "> OPTION batch=1", "> KEY", "< OK", "< OK",
                                  answers[_i], "< OK", NULL};
    struct client_key key;

    open_plain(script);
    ck_assert_int_eq(client_find_key(client, NULL, &key, &err), E_PROTOCOL);
    ck_assert_ptr_nonnull(strstr(err.text, "agent"));
    finish();
}
END_TEST

START_TEST(failures_keep_code_and_sentence)
{
    static const char *const script[] = {
        HELLO, "> OPTION batch=1", "> KEYS", "< OK", "< OK",
        "< S ERROR E_TOKEN_REMOVED token+\"demo\":+is+gone", "< ERR 536871022 Card removed",
        "> TOKENS", "< D []", "< OK", NULL};
    json_t *list = NULL;

    open_plain(script);
    ck_assert_int_eq(client_keys(client, &list, &err), E_TOKEN_REMOVED);
    ck_assert_str_eq(err.text, "token \"demo\": is gone");
    ck_assert_int_eq(client_tokens(client, &list, &err), 0);
    ck_assert_uint_eq(json_array_size(list), 0);
    json_decref(list);
    finish();
}
END_TEST

START_TEST(a_digest_is_signed)
{
    static const char *const script[] = {
        HELLO, "> OPTION batch=1",
        "> SIGN " NAME " rsa-pkcs1-sha256 "
        "4242424242424242424242424242424242424242424242424242424242424242",
        "< OK", "< OK", "< D one%25%0Atwo", "< D three", "< OK", NULL};
    autofree_buf struct buf *out = buf_new();
    uint8_t digest[32];

    memset(digest, 0x42, sizeof digest);
    open_plain(script);
    ck_assert_int_eq(buf_put_str(out, "before "), 0);
    ck_assert_int_eq(client_sign(client, NAME, alg_sig_by_name("rsa-pkcs1-sha256"), digest, 31,
                                 out, &err), E_INTERNAL);
    ck_assert_int_eq(client_sign(client, NAME, alg_sig_by_name("rsa-pkcs1-sha256"), digest,
                                 sizeof digest, out, &err), 0);
    ck_assert_str_eq(buf_cstr(out), "before one%\ntwothree");
    finish();
}
END_TEST

static void
count(void *arg)
{
    ++*(int *)arg;
}

START_TEST(the_wait_is_used_once)
{
    static const char *const script[] = {
        HELLO, "> OPTION batch=1", "> *", "< OK", "< OK", "< D one", "< OK", "> *", "< D two",
        "< OK", NULL};
    autofree_buf struct buf *out = buf_new();
    uint8_t digest[32] = {0};
    int done = 0;

    open_plain(script);
    client_meanwhile(client, count, &done);
    ck_assert_int_eq(done, 0);
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(client_sign(client, NAME, alg_sig_by_name("rsa-pkcs1-sha256"), digest,
                                     sizeof digest, out, &err), 0);
    ck_assert_int_eq(done, 1);
    finish();
}
END_TEST

START_TEST(a_long_message_goes_by_inquiry)
{
    static const char *const script[] = {
        HELLO, "> OPTION batch=1", "> SIGN " NAME " ed25519", "< OK", "< OK", "< INQUIRE DATA",
        "> *", "> END", "< D sig", "< OK", NULL};
    autofree_buf struct buf *out = buf_new();
    uint8_t message[700];

    memset(message, 'm', sizeof message);
    open_plain(script);
    ck_assert_int_eq(client_sign(client, NAME, alg_sig_by_name("ed25519"), message,
                                 sizeof message, out, &err), 0);
    ck_assert_str_eq(buf_cstr(out), "sig");
    finish();
}
END_TEST

#define SIGN_WITH_PIN HELLO, "> OPTION pin=inquire", "> KEYS", "< OK", "< OK", \
    "< INQUIRE PIN PIN+of+token+\"demo\""

START_TEST(a_pin_is_asked_for)
{
    static const char *const script[] = {SIGN_WITH_PIN, "> D 12%2534", "> END", "< D []",
                                         "< OK", NULL};
    char pin[] = "12%34";
    json_t *list = NULL;

    open_with(script, (struct client_options){.ask_pin = give_pin, .arg = pin});
    ck_assert_msg(client_keys(client, &list, &err) == 0, "%s", err_text(&err));
    ck_assert_int_eq(asked, 1);
    json_decref(list);
    finish();
}
END_TEST

/* The connection is in step afterwards. */
START_TEST(pin_entry_is_cancelled)
{
    static const char *const script[] = {
        SIGN_WITH_PIN, "> CAN", "< S ERROR E_PIN_CANCELLED the+agent+agrees",
        "< ERR 536871011 Operation cancelled", "> TOKENS", "< D []", "< OK", NULL};
    json_t *list = NULL;

    open_with(script, (struct client_options){.ask_pin = give_up});
    ck_assert_int_eq(client_keys(client, &list, &err), E_PIN_CANCELLED);
    ck_assert_str_eq(err.text, "the test gave up");
    ck_assert_int_eq(client_tokens(client, &list, &err), 0);
    json_decref(list);
    finish();
}
END_TEST

START_TEST(batch_never_asks)
{
    static const char *const script[] = {
        HELLO, "> OPTION batch=1", "> KEYS", "< OK", "< OK", "< INQUIRE PIN x", "> CAN",
        "< ERR 536871089 No PIN given", NULL};
    json_t *list = NULL;

    open_with(script, (struct client_options){.batch = true, .ask_pin = give_pin});
    ck_assert_int_eq(client_keys(client, &list, &err), E_PIN_NEEDED);
    ck_assert_int_eq(asked, 0);
    finish();
}
END_TEST

static int
say_yes(void *arg, const char *prompt, bool *ret_yes, struct err *e)
{
    (void)e;
    asked++;
    ck_assert_str_eq(prompt, "Allow to sign");
    *ret_yes = *(const bool *)arg;
    return 0;
}

#define SIGN_WITH_YES HELLO, "> OPTION confirm=inquire", "> KEYS", "< OK", "< OK", \
    "< INQUIRE CONFIRM Allow+to+sign"

START_TEST(a_yes_is_asked_for)
{
    static const char *const scripts[][12] = {
        {SIGN_WITH_YES, "> D no", "> END", "< ERR 536871163 Forbidden", NULL},
        {SIGN_WITH_YES, "> D yes", "> END", "< D []", "< OK", NULL},
    };
    bool yes = _i == 1;
    json_t *list = NULL;

    open_with(scripts[_i], (struct client_options){.ask_confirm = say_yes, .arg = &yes});
    ck_assert_int_eq(client_keys(client, &list, &err), yes ? 0 : E_DENIED);
    ck_assert_int_eq(asked, 1);
    json_decref(list);
    finish();
}
END_TEST

START_TEST(nobody_says_yes_in_batch)
{
    static const char *const script[] = {
        HELLO, "> OPTION batch=1", "> KEYS", "< OK", "< OK", "< INQUIRE CONFIRM x", "> CAN",
        "< ERR 536871089 No PIN given", NULL};
    bool yes = true;
    json_t *list = NULL;

    open_with(script, (struct client_options){.batch = true, .ask_confirm = say_yes, .arg = &yes});
    ck_assert_int_eq(client_keys(client, &list, &err), E_PIN_NEEDED);
    ck_assert_int_eq(asked, 0);
    finish();
}
END_TEST

START_TEST(an_unknown_inquiry_is_refused)
{
    static const char *const script[] = {
        HELLO, "> OPTION batch=1", "> KEYS", "< OK", "< OK", "< INQUIRE WISDOM", "> CAN",
        "< ERR 536871189 cancelled", NULL};
    json_t *list = NULL;

    open_plain(script);
    ck_assert_int_eq(client_keys(client, &list, &err), E_PROTOCOL);
    ck_assert_ptr_nonnull(strstr(err.text, "WISDOM"));
    finish();
}
END_TEST

START_TEST(the_agent_goes_away)
{
    static const char *const scripts[][9] = {
        {HELLO, "> OPTION batch=1", "> *", "< OK", "< OK", "!", NULL},
        {HELLO, "> OPTION batch=1", "> *", "< OK", "< OK", "< D half", "!", NULL},
    };
    autofree_buf struct buf *out = buf_new();
    uint8_t digest[32] = {0};

    open_plain(scripts[_i]);
    for (int again = 0; again < 2; again++) {
        err_clear(&err);
        ck_assert_int_eq(client_sign(client, NAME, alg_sig_by_name("ecdsa-sha256"), digest,
                                     sizeof digest, out, &err), E_AGENT);
        ck_assert_str_eq(err.text,
                         "the agent went away while signing; run the command again");
    }
    finish();
}
END_TEST

START_TEST(a_secret_comes_back)
{
    static const char *const script[] = {
        HELLO, "> OPTION batch=1", "> DECRYPT " NAME " rsa-pkcs1 16", "< OK", "< OK",
        "< INQUIRE CIPHERTEXT", "> D wrapped", "> END", "< D 0123456789", "< D abcdef", "< OK",
        "> DECRYPT " NAME " rsa-oaep-sha256 mgf1=sha1 label=c3bf20", "< INQUIRE CIPHERTEXT",
        "> D wrapped", "> END", "< D k", "< OK",
        "> DERIVE " NAME " 04ff", "< D z", "< OK", NULL};
    static const struct client_decrypt rsa = {.scheme = "rsa-pkcs1", .expect = 16};
    static uint8_t long_label[257];
    struct client_decrypt oaep = {.scheme = "rsa-oaep-sha256", .mgf = "sha1",
                                  .label = (const uint8_t *)"\xc3\xbf ", .label_len = 3};
    autofree_secret struct secret *out = secret_new(64);
    const uint8_t *wrapped = (const uint8_t *)"wrapped", point[] = {4, 255};

    open_plain(script);
    ck_assert_int_eq(client_decrypt(client, NAME, &rsa, wrapped, 7, out, &err), 0);
    ck_assert_uint_eq(secret_len(out), 16);
    ck_assert_mem_eq(secret_data_view(out), "0123456789abcdef", 16);
    secret_wipe(out);
    ck_assert_int_eq(client_decrypt(client, NAME, &oaep, wrapped, 7, out, &err), 0);
    ck_assert_uint_eq(secret_len(out), 1);
    oaep.label = long_label;
    oaep.label_len = sizeof long_label;
    ck_assert_int_eq(client_decrypt(client, NAME, &oaep, wrapped, 7, out, &err), E_LIMIT);
    secret_wipe(out);
    ck_assert_int_eq(client_derive(client, NAME, point, 2, out, &err), 0);
    ck_assert_uint_eq(secret_len(out), 1);
    finish();
}
END_TEST

START_TEST(a_secret_that_is_too_long)
{
    static const char *const script[] = {
        HELLO, "> OPTION batch=1", "> *", "< OK", "< OK", "< D 0123456789", "< D abcdef",
        "< OK", NULL};
    autofree_secret struct secret *out = secret_new(8);
    const uint8_t point[] = {4, 255};

    open_plain(script);
    secret_set_len(out, 0);
    ck_assert_int_eq(client_derive(client, NAME, point, 2, out, &err),
                     secret_max(out) < 16 ? E_LIMIT : 0);
    finish();
}
END_TEST

START_TEST(management)
{
    static const char *const script[] = {
        HELLO, "> OPTION batch=1", "> CREATE_TOKEN my+token /a/pin", "< OK", "< OK", "< OK",
        "> CREATE_TOKEN other", "< OK", "> GENERATE_KEY my+token p256 a+label", "< D " NAME,
        "< OK", "> GENERATE_KEY my+token p256", "< D short", "< OK", "> IMPORT_CERT",
        "< INQUIRE CERTIFICATE", "> D der", "> END", "< D " NAME, "< OK", "> FORGET", "< OK",
        "> FORGET my+token", "< OK", "> STATUS", "< D {\"pid\":7}", "< OK", "> STOP", "< OK",
        "!", NULL};
    char name[CLIENT_KEY_NAME] = "";
    json_t *status = NULL;

    open_plain(script);
    ck_assert_int_eq(client_token_create(client, "my token", "/a/pin", &err), 0);
    ck_assert_int_eq(client_token_create(client, "other", NULL, &err), 0);
    ck_assert_int_eq(client_key_generate(client, "my token", "p256", "a label", name, &err), 0);
    ck_assert_str_eq(name, NAME);
    ck_assert_int_eq(client_key_generate(client, "my token", "p256", NULL, name, &err),
                     E_PROTOCOL);
    ck_assert_int_eq(client_cert_import(client, (const uint8_t *)"der", 3, name, &err), 0);
    ck_assert_int_eq(client_pin_forget(client, NULL, &err), 0);
    ck_assert_int_eq(client_pin_forget(client, "my token", &err), 0);
    ck_assert_int_eq(client_status(client, &status, &err), 0);
    ck_assert_int_eq(json_integer_value(json_object_get(status, "pid")), 7);
    json_decref(status);
    ck_assert_int_eq(client_stop(client, &err), 0);
    finish();
}
END_TEST

START_TEST(what_is_too_long_is_not_sent)
{
    static const char *const script[] = {HELLO, "> OPTION batch=1", "> BYE", NULL};
    autofree_buf struct buf *out = buf_new();
    static uint8_t big[WIRE_INQUIRE_MAX + 1];
    char spec[1100];
    struct client_key key;

    memset(spec, 'x', sizeof spec - 1);
    spec[sizeof spec - 1] = '\0';
    open_plain(script);
    ck_assert_int_eq(client_find_key(client, spec, &key, &err), E_LIMIT);
    ck_assert_int_eq(client_sign(client, NAME, alg_sig_by_name("ed25519"), big, sizeof big, out,
                                 &err), E_LIMIT);
    finish();
}
END_TEST

START_TEST(a_long_socket_path)
{
    static const char *const script[] = {HELLO, "> OPTION batch=1", "> TOKENS", "< OK", "< OK",
                                         "< D []", "< OK", NULL};
    json_t *list = NULL;

    test_home_remove(&home);
    test_home_make_deep(&home, 8);
    ck_assert_uint_gt(strlen(home.socket), 200);
    open_plain(script);
    ck_assert_int_eq(client_tokens(client, &list, &err), 0);
    json_decref(list);
    finish();
}
END_TEST

int
main(void)
{
    Suite *s = suite_create("client");
    TCase *tc = tcase_create("client");
    SRunner *sr;
    int failed;

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, nobody_listens);
    tcase_add_test(tc, a_key_is_read);
    tcase_add_loop_test(tc, answers_that_make_no_sense, 0, 6);
    tcase_add_test(tc, failures_keep_code_and_sentence);
    tcase_add_test(tc, a_digest_is_signed);
    tcase_add_test(tc, a_long_message_goes_by_inquiry);
    tcase_add_test(tc, the_wait_is_used_once);
    tcase_add_test(tc, a_pin_is_asked_for);
    tcase_add_test(tc, pin_entry_is_cancelled);
    tcase_add_loop_test(tc, a_yes_is_asked_for, 0, 2);
    tcase_add_test(tc, nobody_says_yes_in_batch);
    tcase_add_test(tc, batch_never_asks);
    tcase_add_test(tc, an_unknown_inquiry_is_refused);
    tcase_add_loop_test(tc, the_agent_goes_away, 0, 2);
    tcase_add_test(tc, a_secret_comes_back);
    tcase_add_test(tc, a_secret_that_is_too_long);
    tcase_add_test(tc, management);
    tcase_add_test(tc, what_is_too_long_is_not_sent);
    tcase_add_test(tc, a_long_socket_path);
    suite_add_tcase(s, tc);
    sr = srunner_create(s);
    srunner_run_all(sr, CK_NORMAL);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed != 0;
}
