/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "machine.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "control.h"
#include "reader.h"

/* How often a card that has no reader yet looks for it, in ms. */
#define KNOCK_MS 50

long long
machine_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (long long)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int
machine_init(struct machine *m, const struct card_ops *ops, void *card, uint16_t port,
             const char *control_path)
{
    memset(m, 0, sizeof *m);
    m->ops = ops;
    m->card = card;
    m->port = port;
    m->reader = -1;
    m->control = control_listen(control_path);
    return m->control < 0 ? -1 : 0;
}

void
machine_out(struct machine *m, unsigned long back_ms)
{
    if (m->reader >= 0)
        close(m->reader);
    m->reader = -1;
    m->wanted_in = false;
    m->holding = m->hung = m->powered = m->seen = false;
    m->in_due = back_ms > 0 ? machine_now() + (long long)back_ms : 0;
    m->ops->power(m->card, false);
}

void
machine_in(struct machine *m)
{
    m->wanted_in = true;
    m->in_due = 0;
}

/* The fault that is due for this instruction, taken off the list. */
static struct fault
due_fault(struct machine *m, uint8_t ins)
{
    struct fault due = {.kind = FAULT_NONE};

    for (size_t i = 0; i < FAULTS_MAX; i++) {
        struct fault *f = &m->faults[i];
        if (f->kind == FAULT_NONE || (f->ins != INS_ANY && f->ins != ins))
            continue;
        if (--f->at > 0 || due.kind != FAULT_NONE) {
            f->at += f->at == 0;
            continue;
        }
        due = *f;
        f->kind = FAULT_NONE;
    }
    return due;
}

static void
spoil(struct machine *m, enum fault_kind kind)
{
    size_t data = m->out_len - 2;

    switch (kind) {
    case FAULT_GARBAGE:
        for (size_t i = 0; i < data; i++)
            m->out[i] = (uint8_t)rand();
        if (data == 0)
            apdu_status(0x1234, m->out);
        else
            apdu_status(SW_OK, m->out + data);
        break;
    case FAULT_TRUNCATE:
        memmove(m->out + data / 2, m->out + data, 2);
        m->out_len = data / 2 + 2;
        break;
    case FAULT_SHORT:
        m->out_len = 1;
        break;
    default:
        break;
    }
}

static void
log_bytes(struct machine *m, char way, const uint8_t *data, size_t n)
{
    if (m->log == NULL)
        return;
    fprintf(m->log, "%c ", way);
    for (size_t i = 0; i < n; i++)
        fprintf(m->log, "%02x", data[i]);
    fputc('\n', m->log);
    fflush(m->log);
}

static void
swap(struct machine *m, const struct fault *f)
{
    void *other = m->ops->open(f->folder);

    machine_out(m, f->value);
    if (other != NULL)
        m->card = other;
}

static void
on_command(struct machine *m, size_t n)
{
    struct fault f = due_fault(m, n > 1 ? m->in[1] : 0);

    m->apdus++;
    m->by_ins[n > 1 ? m->in[1] : 0]++;
    log_bytes(m, '>', m->in, n);
    if (f.kind == FAULT_OUT) {
        machine_out(m, f.value);
        return;
    }
    if (f.kind == FAULT_SWAP) {
        swap(m, &f);
        return;
    }
    if (f.kind == FAULT_LOSE)
        m->ops->power(m->card, true);
    if (f.kind == FAULT_SW)
        m->out_len = apdu_status((uint16_t)f.value, m->out);
    else
        m->out_len = m->ops->transmit(m->card, m->in, n, m->out);
    spoil(m, f.kind);
    log_bytes(m, '<', m->out, m->out_len);
    m->holding = true;
    m->hung = f.kind == FAULT_HANG;
    m->answer_due = machine_now() + (long long)(f.kind == FAULT_SLOW ? f.value : m->slow);
}

static void
on_control_byte(struct machine *m, uint8_t byte)
{
    size_t n;
    const uint8_t *atr;

    if (byte == READER_ATR) {
        atr = m->ops->atr(m->card, &n);
        m->seen = true;
        if (reader_write(m->reader, atr, n) != 0)
            machine_out(m, 0);
        return;
    }
    m->resets += byte == READER_RESET;
    m->powered = byte != READER_OFF;
    m->ops->power(m->card, m->powered);
}

static void
on_reader(struct machine *m)
{
    ssize_t n = reader_read(m->reader, m->in, sizeof m->in);

    if (n < 0) {
        /* The reader went away; another may come on the same port. */
        machine_out(m, 0);
        machine_in(m);
    } else if (n == 1) {
        on_control_byte(m, m->in[0]);
    } else if (n > 1) {
        on_command(m, (size_t)n);
    }
}

/* What has become due; how long poll may wait for the next, or -1. */
static int
see_to_time(struct machine *m)
{
    long long now = machine_now(), wait = -1;

    if (m->in_due != 0 && now >= m->in_due)
        machine_in(m);
    if (m->wanted_in && m->reader < 0)
        m->reader = reader_connect(m->port);
    if (m->holding && !m->hung && now >= m->answer_due) {
        m->holding = false;
        if (reader_write(m->reader, m->out, m->out_len) != 0) {
            machine_out(m, 0);
            machine_in(m);
        }
    }
    if (m->in_due != 0)
        wait = m->in_due - now;
    if (m->wanted_in && m->reader < 0)
        wait = KNOCK_MS;
    if (m->holding && !m->hung)
        wait = m->answer_due - now;
    return wait < 0 ? -1 : (int)wait;
}

int
machine_run(struct machine *m)
{
    while (!m->quit) {
        int wait = see_to_time(m);
        struct pollfd p[2] = {
            {.fd = m->control, .events = POLLIN},
            /* No command is taken while an answer is owed. */
            {.fd = m->holding ? -1 : m->reader, .events = POLLIN},
        };
        if (m->reader >= 0 && !m->holding)
            reader_quick(m->reader);
        if (poll(p, 2, wait) <= 0)
            continue;
        if (p[0].revents != 0)
            control_serve(m);
        if (p[1].revents != 0 && m->reader == p[1].fd)
            on_reader(m);
    }
    close(m->control);
    if (m->reader >= 0)
        close(m->reader);
    return 0;
}
