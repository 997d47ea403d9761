/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What came and went, and the memory of which key is on which card. */
#include "agent/changes.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/memory.h"
#include "tests/base/run.h"

#define KEY_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define KEY_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

static struct err err;
static char told[1024];
static const struct host *silent;

/* Hosts are only told apart here. */
static struct host *
host(unsigned i)
{
    static char places[4];

    return (struct host *)&places[i];
}

struct one {
    unsigned host, slot, epoch;
    const char *label, *serial;
};

static json_t *
listing(const struct one *t)
{
    return json_pack("[{s:i, s:s, s:s, s:s, s:s, s:i, s:{s:b}}]", "slot", (int)t->slot, "label",
                     t->label, "serial", t->serial, "model", "Card", "manufacturer", "Tests",
                     "epoch", (int)t->epoch, "flags", "initialized", *t->label != '\0');
}

/* tokens up to one without a label pointer. */
static struct snapshot *
snap(const struct one *tokens, unsigned generation)
{
    struct snapshot *s = snapshot_new();

    for (; tokens->label; tokens++) {
        json_t *list = listing(tokens);
        ck_assert_int_eq(snapshot_add(s, "m", host(tokens->host), list, NULL, NULL, &err), 0);
        json_decref(list);
    }
    for (unsigned i = 0; i < 4; i++)
        snapshot_note_generation(s, host(i), generation);
    ck_assert_int_eq(snapshot_finish(s, &err), 0);
    return s;
}

static bool
asked(void *arg, const struct host *h)
{
    (void)arg;
    return h != silent;
}

static void
note(char sign, const struct token *t)
{
    size_t n = strlen(told);

    snprintf(told + n, sizeof told - n, "%c%s/%s ", sign, t->label, t->serial);
}

static void
went(void *arg, const struct token *t)
{
    (void)arg;
    note('-', t);
}

static void
came(void *arg, const struct token *t)
{
    (void)arg;
    note('+', t);
}

static const char *
changes(struct snapshot *before, struct snapshot *after)
{
    told[0] = '\0';
    changes_find(before, after, asked, went, came, NULL);
    snapshot_unref(&before);
    snapshot_unref(&after);
    return told;
}

#define ONE(...) ((const struct one[]){__VA_ARGS__, {0}})
#define NONE ((const struct one[]){{0}})

START_TEST(insertion_and_removal)
{
    ck_assert_str_eq(changes(NULL, snap(ONE({0, 1, 0, "a", "1"}), 1)), "+a/1 ");
    ck_assert_str_eq(changes(snap(NONE, 1), snap(ONE({0, 1, 0, "a", "1"}), 1)), "+a/1 ");
    ck_assert_str_eq(changes(snap(ONE({0, 1, 0, "a", "1"}), 1), snap(NONE, 1)), "-a/1 ");
    ck_assert_str_eq(changes(snap(ONE({0, 1, 0, "a", "1"}), 1),
                             snap(ONE({0, 1, 0, "a", "1"}), 1)), "");
}
END_TEST

START_TEST(swap_is_removal_first)
{
    ck_assert_str_eq(changes(snap(ONE({0, 1, 0, "a", "1"}), 1),
                             snap(ONE({0, 1, 1, "a", "2"}), 1)), "-a/1 +a/2 ");
}
END_TEST

/* The same card was out and in between two looks: the host has counted it. */
START_TEST(away_in_between)
{
    ck_assert_str_eq(changes(snap(ONE({0, 1, 0, "a", "1"}), 1),
                             snap(ONE({0, 1, 1, "a", "1"}), 1)), "-a/1 +a/1 ");
    /* Into another reader. */
    ck_assert_str_eq(changes(snap(ONE({0, 1, 0, "a", "1"}), 1),
                             snap(ONE({0, 2, 0, "a", "1"}), 1)), "-a/1 +a/1 ");
}
END_TEST

/* A new process counts anew and may number otherwise: that is no change. */
START_TEST(new_host_is_no_change)
{
    ck_assert_str_eq(changes(snap(ONE({0, 1, 5, "a", "1"}), 1),
                             snap(ONE({0, 3, 0, "a", "1"}), 2)), "");
}
END_TEST

START_TEST(same_card_at_two_hosts)
{
    ck_assert_str_eq(changes(snap(ONE({0, 1, 0, "a", "1"}), 1),
                             snap(ONE({0, 1, 0, "a", "1"}, {1, 1, 0, "a", "1"}), 1)), "+a/1 ");
}
END_TEST

START_TEST(silence_is_no_removal)
{
    silent = host(1);
    ck_assert_str_eq(changes(snap(ONE({0, 1, 0, "a", "1"}, {1, 1, 0, "b", "2"}), 1),
                             snap(NONE, 1)), "-a/1 ");
}
END_TEST

START_TEST(empty_slots_are_passed_over)
{
    ck_assert_str_eq(changes(snap(NONE, 1), snap(ONE({0, 1, 0, "", ""}), 1)), "");
    ck_assert_str_eq(changes(snap(ONE({0, 1, 0, "", ""}), 1), snap(NONE, 1)), "");
}
END_TEST

static json_t *
card(const char *label, const char *serial, const char *key, bool removable)
{
    return json_pack("[{s:i, s:s, s:s, s:s, s:s, s:b, s:[{s:s, s:s, s:i, s:s, s:s, s:[{s:s, s:s, "
                     "s:s, s:[s]}]}]}]", "slot", 1, "label", label, "serial", serial, "model",
                     "Card", "manufacturer", "Tests", "removable", removable, "keys", "name",
                     key, "type", "ed25519", "bits", 256, "label", "signing", "id", "01",
                     "certificates", "der", "AAAA", "fingerprint", key, "subject", "CN=Alice",
                     "emails", "alice@card.example");
}

static void
meet(struct memory *m, const char *label, const char *serial, const char *key, bool removable)
{
    json_t *list = card(label, serial, key, removable);

    memory_note(m, list);
    json_decref(list);
}

/* What it says of a key when nothing is connected. */
static int
ask_key(struct memory *m, const char *spec)
{
    struct snapshot *none = snap(NONE, 1);
    int rc;

    err_clear(&err);
    rc = memory_find_key(m, none, spec, &err);
    snapshot_unref(&none);
    return rc;
}

static struct memory *
remember(void)
{
    struct memory *m = memory_new(scratch_path("seen"));

    ck_assert_ptr_nonnull(m);
    return m;
}

START_TEST(says_which_card_after_a_restart)
{
    struct memory *m = remember();
    struct stat st;

    meet(m, "Alice's card", "77", KEY_A, true);
    memory_free(&m);
    ck_assert_int_eq(stat(scratch_path("seen"), &st), 0);
    ck_assert_int_eq(st.st_mode & 0777, 0600);
    m = remember();
    ck_assert_int_eq(ask_key(m, KEY_A), E_TOKEN_REMOVED);
    ck_assert_ptr_nonnull(strstr(err.text, "\"Alice's card\" (serial number 77)"));
    ck_assert_ptr_nonnull(strstr(err.text, "insert it"));
    ck_assert_int_eq(ask_key(m, "alice@card.example"), E_TOKEN_REMOVED);
    ck_assert_int_eq(ask_key(m, NULL), E_TOKEN_REMOVED);
    ck_assert_int_eq(ask_key(m, "bob@card.example"), 0);
    memory_free(&m);
}
END_TEST

START_TEST(tokens_by_label_and_serial)
{
    struct snapshot *none = snap(NONE, 1), *here = snap(ONE({0, 1, 0, "c", "77"}), 1);
    struct memory *m = remember();

    meet(m, "c", "77", KEY_A, true);
    ck_assert_int_eq(memory_find_token(m, none, "c", &err), E_TOKEN_REMOVED);
    ck_assert_int_eq(memory_find_token(m, none, "77", &err), E_TOKEN_REMOVED);
    ck_assert_ptr_nonnull(strstr(err.text, "insert it"));
    ck_assert_int_eq(memory_find_token(m, none, "d", &err), 0);
    /* It is here: what is missing is something else. */
    ck_assert_int_eq(memory_find_token(m, here, "c", &err), 0);
    ck_assert_int_eq(memory_find_key(m, here, KEY_A, &err), 0);
    snapshot_unref(&none);
    snapshot_unref(&here);
    memory_free(&m);
}
END_TEST

START_TEST(what_cannot_be_inserted_is_not_remembered)
{
    struct memory *m = remember();

    meet(m, "soft", "1", KEY_A, false);
    ck_assert_int_eq(ask_key(m, KEY_A), 0);
    memory_free(&m);
}
END_TEST

START_TEST(new_keys_take_the_place_of_old)
{
    struct memory *m = remember();

    meet(m, "c", "1", KEY_A, true);
    meet(m, "c", "1", KEY_B, true);
    memory_free(&m);
    m = remember();
    ck_assert_int_eq(ask_key(m, KEY_A), 0);
    ck_assert_int_eq(ask_key(m, KEY_B), E_TOKEN_REMOVED);
    memory_free(&m);
}
END_TEST

/* A look at the tokens writes only what is new. */
START_TEST(the_same_again_is_not_written)
{
    struct memory *m = remember();

    meet(m, "c", "1", KEY_A, true);
    ck_assert_int_eq(unlink(scratch_path("seen")), 0);
    meet(m, "c", "1", KEY_A, true);
    ck_assert_int_eq(scratch_entries(), 0);
    meet(m, "c", "1", KEY_B, true);
    ck_assert_int_eq(scratch_entries(), 1);
    memory_free(&m);
}
END_TEST

START_TEST(the_longest_unseen_is_forgotten)
{
    struct memory *m = remember();
    char serial[16], key[65], first[65];

    snprintf(first, sizeof first, "%064x", 0u);
    for (unsigned i = 0; i < MEMORY_TOKENS_MAX + 1; i++) {
        snprintf(serial, sizeof serial, "%u", i);
        snprintf(key, sizeof key, "%064x", i);
        meet(m, "c", serial, key, true);
        /* The first one is seen all the time. */
        if (i < MEMORY_TOKENS_MAX)
            meet(m, "c", "0", first, true);
    }
    ck_assert_int_eq(ask_key(m, first), E_TOKEN_REMOVED);
    snprintf(key, sizeof key, "%064x", 1u);
    ck_assert_int_eq(ask_key(m, key), 0);
    snprintf(key, sizeof key, "%064x", MEMORY_TOKENS_MAX);
    ck_assert_int_eq(ask_key(m, key), E_TOKEN_REMOVED);
    memory_free(&m);
}
END_TEST

START_TEST(damaged_file_is_ignored)
{
    static const char *const texts[] = {
        "", "{", "null", "[", "{}", "[1, \"x\", null, []]", "[{}]", "[{\"slot\":\"x\"}]",
        "[{\"slot\":1,\"label\":7,\"serial\":null,\"keys\":{}}]",
        "[{\"slot\":1,\"label\":\"l\",\"serial\":\"s\",\"keys\":[{\"name\":\"short\"}]}]",
        "[{\"slot\":1,\"label\":\"l\",\"serial\":\"s\",\"keys\":[{\"name\":\"" KEY_A "\","
        "\"certificates\":[7, {\"emails\":7}]}]}]",
        "[{\"slot\":1,\"label\":\"\\u0000\",\"serial\":\"\\ud800\",\"keys\":[]}]",
    };

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        scratch_write("seen", texts[i]);
        struct memory *m = remember();
        ck_assert_msg(ask_key(m, KEY_B) == 0, "%s", texts[i]);
        /* And it is written anew. */
        meet(m, "c", "1", KEY_B, true);
        memory_free(&m);
        m = remember();
        ck_assert_msg(ask_key(m, KEY_B) == E_TOKEN_REMOVED, "%s", texts[i]);
        memory_free(&m);
    }
}
END_TEST

START_TEST(half_of_a_good_file_is_ignored)
{
    struct memory *m = remember();
    char text[4096];

    meet(m, "c", "1", KEY_A, true);
    memory_free(&m);
    snprintf(text, sizeof text, "%s", scratch_read("seen"));
    for (size_t n = strlen(text) - 1; n > 0; n /= 2) {
        text[n] = '\0';
        scratch_write("seen", text);
        m = remember();
        ck_assert_int_eq(ask_key(m, KEY_A), 0);
        memory_free(&m);
    }
}
END_TEST

START_TEST(without_a_file_it_lasts_as_long_as_it_lives)
{
    struct memory *m = memory_new(NULL);

    meet(m, "c", "1", KEY_A, true);
    ck_assert_int_eq(ask_key(m, KEY_A), E_TOKEN_REMOVED);
    memory_free(&m);
    ck_assert_int_eq(scratch_entries(), 0);
}
END_TEST

int
main(void)
{
    TCase *cases[] = {tcase_create("changes"), tcase_create("memory")};
    TCase *c = cases[0];

    tcase_add_test(c, insertion_and_removal);
    tcase_add_test(c, swap_is_removal_first);
    tcase_add_test(c, away_in_between);
    tcase_add_test(c, new_host_is_no_change);
    tcase_add_test(c, same_card_at_two_hosts);
    tcase_add_test(c, silence_is_no_removal);
    tcase_add_test(c, empty_slots_are_passed_over);
    c = cases[1];
    tcase_add_checked_fixture(c, scratch_setup, scratch_teardown);
    tcase_add_test(c, says_which_card_after_a_restart);
    tcase_add_test(c, tokens_by_label_and_serial);
    tcase_add_test(c, what_cannot_be_inserted_is_not_remembered);
    tcase_add_test(c, new_keys_take_the_place_of_old);
    tcase_add_test(c, the_same_again_is_not_written);
    tcase_add_test(c, the_longest_unseen_is_forgotten);
    tcase_add_test(c, damaged_file_is_ignored);
    tcase_add_test(c, half_of_a_good_file_is_ignored);
    tcase_add_test(c, without_a_file_it_lasts_as_long_as_it_lives);
    return run_suite("agent-changes", cases, 2);
}
