/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tokens that come and go, noticed with modules that wait, lie, hang or cannot wait.
 * SoftHSM, whose token the test can take out. */
#include <check.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pkcs11/events.h"
#include "tests/base/run.h"
#include "tests/pkcs11/rig.h"

/* More than the lies that are believed, and one under way. */
#define LIES_ENOUGH 11
#define LIES_AT_MOST 12
#define LISTINGS_OF_TWO_LOOKS 10

static struct bed bed;
static struct events *events;
static struct err err;
static int pipes[2];
static bool ready;

static atomic_bool hidden, removable, hangs;
static atomic_uint listed, waits, asks;
static sem_t happened, waited, looked;
static enum { WAIT_HONEST, WAIT_LIES, WAIT_REFUSES, WAIT_HANGS } manner;

static void
stop_if_hanging(void)
{
    while (atomic_load(&hangs))
        pause();
}

static CK_RV
get_slot_list(CK_BBOOL present, CK_SLOT_ID *ids, CK_ULONG *count)
{
    CK_RV rv;

    stop_if_hanging();
    rv = real_calls.C_GetSlotList(present, ids, count);
    if (present && atomic_load(&hidden) && rv == CKR_OK)
        *count = 0;
    /* Last: what is changed after it is not in this answer. */
    if (present) {
        atomic_fetch_add(&listed, 1);
        sem_post(&looked);
    }
    return rv;
}

static CK_RV
get_slot_info(CK_SLOT_ID id, CK_SLOT_INFO *info)
{
    CK_RV rv = real_calls.C_GetSlotInfo(id, info);

    if (atomic_load(&removable))
        info->flags |= CKF_REMOVABLE_DEVICE;
    return rv;
}

static CK_RV
get_token_info(CK_SLOT_ID id, CK_TOKEN_INFO *info)
{
    return atomic_load(&hidden) ? CKR_TOKEN_NOT_PRESENT : real_calls.C_GetTokenInfo(id, info);
}

static CK_RV
wait_for_event(CK_FLAGS flags, CK_SLOT_ID *id, void *reserved)
{
    (void)reserved;
    *id = bed.slot;
    if (flags & CKF_DONT_BLOCK) {
        atomic_fetch_add(&asks, 1);
        return CKR_NO_EVENT;
    }
    atomic_fetch_add(&waits, 1);
    sem_post(&waited);
    switch (manner) {
    case WAIT_HONEST:
        while (sem_wait(&happened) != 0)
            ;
        return CKR_OK;
    case WAIT_LIES:
        return CKR_OK;
    case WAIT_REFUSES:
        return CKR_FUNCTION_NOT_SUPPORTED;
    default:
        atomic_store(&hangs, true);
        stop_if_hanging();
        return CKR_GENERAL_ERROR;
    }
}

static void
hook(struct ck_calls *ck)
{
    ck->C_GetSlotList = get_slot_list;
    ck->C_GetSlotInfo = get_slot_info;
    ck->C_GetTokenInfo = get_token_info;
    ck->C_WaitForSlotEvent = wait_for_event;
}

static void
hook_without_wait(struct ck_calls *ck)
{
    hook(ck);
    ck->C_WaitForSlotEvent = NULL;
}

static void
setup(void)
{
    scratch_setup();
    ck_assert_int_eq(pipe(pipes), 0);
    sem_init(&happened, 0, 0);
    sem_init(&waited, 0, 0);
    sem_init(&looked, 0, 0);
    atomic_store(&removable, true);
}

static void
teardown(void)
{
    events_stop(&events);
    if (ready)
        bed_close(&bed);
    close(pipes[0]);
    close(pipes[1]);
    scratch_teardown();
}

/* False: no SoftHSM. */
static bool
begin(void (*change)(struct ck_calls *), bool may_wait)
{
    ready = bed_open_calls(&bed, change);
    if (!ready)
        return false;
    ck_assert_int_eq(module_refresh(bed.module, &err), 0);
    atomic_store(&listed, 0);
    while (sem_trywait(&looked) == 0)
        ;
    ck_assert_int_eq(events_start(&events, bed.module, pipes[1], may_wait, &err), 0);
    return true;
}

/* The next line the agent would get. */
static void
hears(const char *line)
{
    char text[32] = "";
    size_t n = 0;

    do
        ck_assert_int_eq(read(pipes[0], text + n, 1), 1);
    while (text[n] != '\n' && ++n < sizeof text - 1);
    ck_assert_str_eq(text, line);
}

/* The first look of the poller is over: what changes now, changes after it. */
static void
await_first_look(void)
{
    /* Its size, and the list. */
    for (int i = 0; i < 2; i++)
        while (sem_wait(&looked) != 0)
            ;
}

static void
out_and_in(void)
{
    atomic_store(&hidden, true);
    hears(EVENTS_CHANGED);
    atomic_store(&hidden, false);
    hears(EVENTS_CHANGED);
}

START_TEST(what_cannot_go_is_not_watched)
{
    atomic_store(&removable, false);
    if (!begin(hook, true))
        return;
    events_stop(&events);
    ck_assert_ptr_null(events);
    ck_assert_uint_eq(atomic_load(&listed), 0);
    ck_assert_uint_eq(atomic_load(&waits) + atomic_load(&asks), 0);
}
END_TEST

START_TEST(noticed_without_waiting)
{
    if (!begin(hook, false))
        return;
    await_first_look();
    out_and_in();
    out_and_in();
    ck_assert_uint_eq(atomic_load(&waits), 0);
    ck_assert_uint_gt(atomic_load(&asks), 0);
}
END_TEST

START_TEST(noticed_where_there_is_no_such_function)
{
    if (!begin(hook_without_wait, true))
        return;
    await_first_look();
    out_and_in();
}
END_TEST

START_TEST(noticed_by_an_honest_wait)
{
    if (!begin(hook, true))
        return;
    while (sem_wait(&waited) != 0)
        ;
    await_first_look();
    /* The first one proves it, the second is believed without a look at the list. */
    for (int i = 0; i < 4; i++) {
        atomic_store(&hidden, i % 2 == 0);
        sem_post(&happened);
        hears(EVENTS_CHANGED);
        while (sem_wait(&waited) != 0)
            ;
    }
    events_stop(&events);
}
END_TEST

START_TEST(refused_wait_is_not_repeated)
{
    manner = WAIT_REFUSES;
    if (!begin(hook, true))
        return;
    while (sem_wait(&waited) != 0)
        ;
    await_first_look();
    out_and_in();
    ck_assert_uint_eq(atomic_load(&waits), 1);
}
END_TEST

START_TEST(liar_is_soon_not_believed)
{
    manner = WAIT_LIES;
    if (!begin(hook, true))
        return;
    for (int i = 0; i < LIES_ENOUGH; i++)
        while (sem_wait(&waited) != 0)
            ;
    /* Two looks later the last one has been judged, too. */
    while (sem_trywait(&looked) == 0)
        ;
    for (int i = 0; i < LISTINGS_OF_TWO_LOOKS; i++)
        while (sem_wait(&looked) != 0)
            ;
    out_and_in();
    ck_assert_uint_le(atomic_load(&waits), LIES_AT_MOST);
}
END_TEST

/* The module answers nothing while it waits: the host ends, saying why. */
START_TEST(wait_that_holds_all_else)
{
    int status;
    pid_t pid = fork();

    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        manner = WAIT_HANGS;
        if (!begin(hook, true))
            _exit(77);
        for (;;)
            pause();
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert(WIFEXITED(status));
    if (WEXITSTATUS(status) == 77)
        return;
    ck_assert_int_eq(WEXITSTATUS(status), 1);
    hears(EVENTS_NO_WAIT);
}
END_TEST

int
main(void)
{
    TCase *c = tcase_create("events");

    if (!rig_module(&rigs[RIG_SOFTHSM]))
        return 77;
    tcase_set_timeout(c, 60);
    tcase_add_checked_fixture(c, setup, teardown);
    tcase_add_test(c, what_cannot_go_is_not_watched);
    tcase_add_test(c, noticed_without_waiting);
    tcase_add_test(c, noticed_where_there_is_no_such_function);
    tcase_add_test(c, noticed_by_an_honest_wait);
    tcase_add_test(c, refused_wait_is_not_repeated);
    tcase_add_test(c, liar_is_soon_not_believed);
    tcase_add_test(c, wait_that_holds_all_else);
    return run_suite("pkcs11-events", &c, 1);
}
