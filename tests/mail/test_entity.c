/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The MIME splitter. Each mail is told as a line of events, the same however
 * it is cut, with LF and with CRLF; and the bytes of all events are the mail.
 *
 *   (TYPE   begin; then, by event: b[text] body, p[text] preamble, d[text] delimiter,
 *   e[text] epilogue; and )  end, with ! when unclosed, ? when broken
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mail/entity.h"
#include "tests/mail/pieces.h"

struct log {
    struct buf *text, *bytes;
    char last; /* the event that is being written */
    bool parts;
};

static void
put(struct buf *b, const void *data, size_t len)
{
    /* Not ck_assert, which tells the parent each time. */
    if (buf_put(b, data, len) != 0)
        ck_abort();
}

static void
end_event(struct log *l)
{
    if (l->last != '\0')
        put(l->text, "]", 1);
    l->last = '\0';
}

static void
piece(struct log *l, char event, const uint8_t *data, size_t len)
{
    put(l->bytes, data, len);
    if (l->last != event) {
        end_event(l);
        put(l->text, &event, 1);
        put(l->text, "[", 1);
        l->last = event;
    }
    for (size_t i = 0; i < len; i++)
        if (data[i] == '\n')
            put(l->text, "/", 1);
        else if (data[i] != '\r')
            put(l->text, data + i, 1);
    if (event == 'd')
        end_event(l);
}

static int
on_begin(void *arg, struct entity *e, struct err *err)
{
    struct log *l = arg;
    const uint8_t *bytes;
    size_t len;

    (void)err;
    end_event(l);
    ck_assert_int_eq(buf_putf(l->text, "(%s", e->media == NULL ? "" : media_subtype(e->media)), 0);
    put(l->text, " ", 1);
    if (e->header != NULL) {
        bytes = header_bytes_view(e->header, &len);
        put(l->bytes, bytes, len);
    }
    if (l->parts && e->kind == ENTITY_MULTIPART)
        e->kind = ENTITY_PARTS;
    return 0;
}

static int
on_body(void *arg, const struct entity *e, const uint8_t *data, size_t len, struct err *err)
{
    (void)err;
    if (e->kind != ENTITY_LEAF)
        ck_abort();
    piece(arg, 'b', data, len);
    return 0;
}

static int
on_gap(void *arg, const struct entity *e, enum entity_gap gap, const uint8_t *data, size_t len,
       struct err *err)
{
    (void)e;
    (void)err;
    piece(arg, "pde"[gap], data, len);
    return 0;
}

static int
on_end(void *arg, const struct entity *e, struct err *err)
{
    struct log *l = arg;

    (void)err;
    end_event(l);
    if (e->unclosed)
        put(l->text, "!", 1);
    if (e->broken)
        put(l->text, "?", 1);
    put(l->text, ")", 1);
    return 0;
}

static int
update(void *arg, const uint8_t *data, size_t len, struct err *err)
{
    return entity_reader_update(arg, data, len, err);
}

static void
check_one(const char *mail, size_t len, const char *events, bool parts, size_t way)
{
    struct log l = {.text = buf_new(), .bytes = buf_new(), .parts = parts};
    struct entity_handler handler = {
        .begin = on_begin, .body = on_body, .gap = on_gap, .end = on_end, .arg = &l,
    };
    struct entity_reader *r;

    ck_assert_int_eq(entity_reader_new(&r, &handler, true), 0);
    ck_assert_int_eq(pieces_feed(update, r, mail, len, way, NULL), 0);
    ck_assert_int_eq(entity_reader_finish(r, NULL), 0);
    if (events != NULL)
        ck_assert_msg(strcmp(buf_cstr(l.text), events) == 0, "way %zu of\n%s\ngave %s\nnot  %s",
                      way, mail, buf_cstr(l.text), events);
    ck_assert_uint_eq(buf_len(l.bytes), len);
    ck_assert_int_eq(memcmp(buf_data(l.bytes), mail, len), 0);
    entity_reader_free(&r);
    buf_free(&l.text);
    buf_free(&l.bytes);
}

static void
check_mail(const char *mail, const char *events, bool parts)
{
    char *crlf = pieces_crlf(mail);

    EVERY_WAY(way, strlen(mail))
        check_one(mail, strlen(mail), events, parts, way);
    EVERY_WAY(way, strlen(crlf))
        check_one(crlf, strlen(crlf), events, parts, way);
    free(crlf);
}

#define M(b) "Content-Type: multipart/mixed; boundary=" b "\n"

static const struct {
    const char *mail, *events;
} rows[] = {
    {"", "( )"},
    {"A: b\n", "( )"},
    {"A: b\n\n", "( )"},
    {"\n", "( )"},
    {"\nbody", "( b[body])"},
    {"A: b\n\nbody\n--x\n", "( b[body/--x/])"},
    {"no header\n\nbody", "( b[no header//body])"},
    {"A: b\n\n\n\nbody\n\n", "( b[//body//])"},
    {M("b") "\npre\n--b\nX: y\n\none\n\n--b\n\ntwo\n--b--\nepi\n",
     "(mixed p[pre]d[/--b/]( b[one/])d[/--b/]( b[two])d[/--b--/]e[epi/])"},
    /* No preamble, no last line end, blanks behind a delimiter, empty parts. */
    {M("b") "\n--b\n\none\n--b--", "(mixed d[--b/]( b[one])d[/--b--])"},
    {M("b") "\n--b \t \n\none\n--b--  \n", "(mixed d[--b \t /]( b[one])d[/--b--  /])"},
    {M("b") "\n--b\n\n--b\n\n\n--b--\n", "(mixed d[--b/]( )d[--b/]( )d[/--b--/])"},
    {M("b") "\n--b\n--b--\n", "(mixed d[--b/]( )d[--b--/])"},
    {M("b") "\n--b\nX: y\n--b--\n", "(mixed d[--b/]( )d[--b--/])"},
    /* A part without a header or an empty line. */
    {M("b") "\n--b\nhello there\n--b--\n", "(mixed d[--b/]( b[hello there])d[/--b--/])"},
    {M("b") "\n--b\n--bb\n--b--\n", "(mixed d[--b/]( b[--bb])d[/--b--/])"},
    {M("b") "\n--b\nhello there", "(mixed d[--b/]( b[hello there])!)"},
    {M("b") "\n--b\n--hello", "(mixed d[--b/]( b[--hello])!)"},
    /* Lines that only start like a delimiter. */
    {M("b") "\n--b\n\n--bb\n-b\n--\n-- b\n--b-\n--b---\n--b x\n --b\n---b\n\n--b--\n",
     "(mixed d[--b/]( b[--bb/-b/--/-- b/--b-/--b---/--b x/ --b/---b/])d[/--b--/])"},
    {M("\"a b=?\"") "\n--a b=?\n\none\n--a b\n--a b=?--\n",
     "(mixed d[--a b=?/]( b[one/--a b])d[/--a b=?--/])"},
    /* Nested, with the inner's boundary a longer or shorter one. */
    {M("b") "\n--b\n" M("bb") "\n--bb\n\nin\n--bb--\nepi\n--b\n\nout\n--b--\n",
     "(mixed d[--b/](mixed d[--bb/]( b[in])d[/--bb--/]e[epi])d[/--b/]( b[out])d[/--b--/])"},
    {M("bb") "\n--bb\n" M("b") "\n--b\n\nin\n--b--\n--bb--\n",
     "(mixed d[--bb/](mixed d[--b/]( b[in])d[/--b--/])d[--bb--/])"},
    {M("b") "\n--b\n" M("i") "\n--i\n\nin\n--b--\n",
     "(mixed d[--b/](mixed d[--i/]( b[in])!)d[/--b--/])"},
    {M("b") "\n--b\n" M("i") "\npre\n--b--\n", "(mixed d[--b/](mixed p[pre]!)d[/--b--/])"},
    /* No end. */
    {M("b") "\n--b\n\none\n", "(mixed d[--b/]( b[one/])!)"},
    {M("b") "\nonly\n", "(mixed p[only/]!)"},
    {M("b") "\n--b\nX: y", "(mixed d[--b/]( )!)"},
    /* After the final delimiter it is text. */
    {M("b") "\n--b\n\none\n--b--\n--b\n\ntwo\n--b--\n",
     "(mixed d[--b/]( b[one])d[/--b--/]e[--b//two/--b--/])"},
    /* Messages within. */
    {"Content-Type: message/rfc822\n\n" M("b") "\n--b\n\none\n--b--\n",
     "(rfc822 (mixed d[--b/]( b[one])d[/--b--/]))"},
    {M("b") "\n--b\nContent-Type: message/rfc822\n\nSubject: x\n\nbody\n--b--\n",
     "(mixed d[--b/](rfc822 ( b[body]))d[/--b--/])"},
    {M("b") "\n--b\nContent-Type: message/rfc822\n\nno header\n--b--\n",
     "(mixed d[--b/](rfc822 ( b[no header]))d[/--b--/])"},
    {M("b") "\n--b\nContent-Type: message/rfc822\n--b--\n",
     "(mixed d[--b/](rfc822 ( ))d[--b--/])"},
    {"Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\nAAAA\n",
     "(rfc822 b[AAAA/])"},
    /* Broken ones are leaves. */
    {"Content-Type: multipart/mixed\n\n--b\n\none\n--b--\n", "(mixed b[--b//one/--b--/]?)"},
    {M("a; boundary=b") "\n--b\n\n--b--\n", "(mixed b[--b//--b--/]?)"},
    {M("b") M("b") "\n--b\n\n--b--\n", "(mixed b[--b//--b--/]?)"},
    {"Content-Type: multipart/mixed; boundary=b\nContent-Transfer-Encoding: base64\n\n--b\n",
     "(mixed b[--b/]?)"},
    {"Content-Type: multipart/mixed; boundary=\"\"\n\n--\n", "(mixed b[--/]?)"},
    {"Content-Type: text\n\nx", "( b[x]?)"},
};

START_TEST(structures)
{
    check_mail(rows[_i].mail, rows[_i].events, false);
}
END_TEST

START_TEST(parts_are_whole)
{
    check_mail(M("b") "\npre\n--b\nX: y\n\none\n\n--b\n\ntwo\n--b\n--b--\nepi\n",
               "(mixed p[pre]d[/--b/]( b[X: y//one/])d[/--b/]( b[/two])d[/--b/]( )d[--b--/]e[epi/])",
               true);
    check_mail(M("b") "\n--b\n" M("i") "\n--i\n\nx\n--i--\n--b--\n",
               "(mixed d[--b/]( b[Content-Type: multipart/mixed; boundary=i//--i//x/--i--])"
               "d[/--b--/])", true);
}
END_TEST

START_TEST(bare_cr_and_nul)
{
    static const char mail[] = M("b") "\n--b\n\n\r\ra\0b\r\r\n--b\r\r\n\r\n--b\rx\n\r--b\n--b--\r\r";

    EVERY_WAY(way, sizeof mail - 1)
        check_one(mail, sizeof mail - 1, NULL, false, way);
}
END_TEST

START_TEST(deep_nesting_is_bounded)
{
    struct buf *mail = buf_new();

    for (int i = 0; i < 200; i++)
        ck_assert_int_eq(buf_putf(mail, "Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n",
                                  i, i), 0);
    check_one(buf_cstr(mail), buf_len(mail), NULL, false, 0);
    check_one(buf_cstr(mail), buf_len(mail), NULL, false, buf_len(mail));
    buf_reset(mail);
    for (int i = 0; i < 200; i++)
        ck_assert_int_eq(buf_put_str(mail, "Content-Type: message/rfc822\n\n"), 0);
    check_one(buf_cstr(mail), buf_len(mail), NULL, false, 0);
    check_one(buf_cstr(mail), buf_len(mail), NULL, false, buf_len(mail));
    buf_free(&mail);
}
END_TEST

START_TEST(long_lines)
{
    struct buf *mail = buf_new();
    uint8_t *p;

    ck_assert_int_eq(buf_put_str(mail, M("b") "\n--b\n\n"), 0);
    ck_assert_int_eq(buf_reserve(mail, 20000, &p), 0);
    memset(p, '-', 20000);
    ck_assert_int_eq(buf_put_str(mail, "\n--b--\n"), 0);
    for (size_t way = 0; way < 900; way += way < 100 || (way > 480 && way < 620) ? 1 : 11)
        check_one(buf_cstr(mail), buf_len(mail), NULL, false, way);
    check_one(buf_cstr(mail), buf_len(mail), NULL, false, buf_len(mail));
    buf_free(&mail);
}
END_TEST

START_TEST(a_boundary_too_long_is_broken)
{
    char mail[3000];
    int n = sprintf(mail, "Content-Type: multipart/mixed; boundary=");

    memset(mail + n, 'x', 2500);
    snprintf(mail + n + 2500, 100, "\n\n--x\n");
    check_mail(mail, "(mixed b[--x/]?)", false);
}
END_TEST

int
main(void)
{
    Suite *s = suite_create("mail entity");
    TCase *t = tcase_create("entity");
    SRunner *r;
    int failed;

    tcase_set_timeout(t, 120);
    tcase_add_loop_test(t, structures, 0, sizeof rows / sizeof *rows);
    tcase_add_test(t, parts_are_whole);
    tcase_add_test(t, bare_cr_and_nul);
    tcase_add_test(t, deep_nesting_is_bounded);
    tcase_add_test(t, long_lines);
    tcase_add_test(t, a_boundary_too_long_is_broken);
    suite_add_tcase(s, t);
    r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
