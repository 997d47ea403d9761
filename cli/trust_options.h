/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Whom a command trusts, from its command line and the configuration: anchors, the moment
 * as of which is judged, policies, and how the state of certificates is found out.
 *
 * Life: TRUST_OPTION_ROWS among the command's options; trust_open before anything is judged;
 * trust_path and trust_anchors for as many judgements as there are (a caller with another
 * purpose copies the path options and sets it); trust_free. A command that has only some of
 * the options, or none, gets the configuration's answers for the others.
 *
 * What is costly is made when it is needed: no process is started and no socket opened before
 * a certificate's state or an issuer has to be fetched, and SQLite is loaded only when there
 * is a store, or something is to be kept. A store that is damaged stops no verification, but
 * it is said that its marks are not heeded; with revocation hard it is a failure.
 *
 * Configuration: [trust] revocation; [fetch] offline, private, proxy, resolver,
 * dnssec-anchor, deadline. One thread.
 */
#ifndef SIGNET_CLI_TRUST_OPTIONS_H
#define SIGNET_CLI_TRUST_OPTIONS_H

#include "cli/cli.h"
#include "trust/path.h"
#include "trust/verdict.h"

/* Largest file of --crl, in bytes. */
#define TRUST_CRL_FILE_MAX (256u * 1024 * 1024)
/* Most --policy. */
#define TRUST_POLICIES_MAX 64

/* Rows for a command's table of options. */
#define TRUST_OPTION_ROWS \
    {.name = "anchor", .value = "FILE", .many = true, \
     .help = "trust the certificates in FILE (PEM or DER)"}, \
    {.name = "time", .value = "T", .help = "judge as of T (ISO 8601), not now"}, \
    {.name = "revocation", .value = "MODE", .choices = "off|soft|hard", \
     .help = "whether certificates were revoked is: not asked, asked, a must"}, \
    {.name = "crl", .value = "FILE", .many = true, \
     .help = "revocation lists (PEM or DER) to go by"}, \
    {.name = "policy", .value = "OID", .many = true, \
     .help = "the path has to be valid under one of these policies"}, \
    {.name = "require-policy", .help = "the path has to have a policy"}, \
    {.name = "no-policy-mapping", .help = "policies are not mapped to others"}, \
    {.name = "no-any-policy", .help = "anyPolicy does not match policies"}, \
    {.name = "allow-weak", .help = "accept weak algorithms, saying so"}, \
    {.name = "offline", .help = "fetch nothing from the network"}

/* The same for the usage line. */
#define TRUST_SYNOPSIS \
    "[--anchor FILE]... [--time T] [--revocation off|soft|hard]\n" \
    "         [--crl FILE]... [--policy OID]... [--require-policy]\n" \
    "         [--no-policy-mapping] [--no-any-policy] [--allow-weak] [--offline]"

struct trust;

/* E_USAGE, E_INPUT, E_CONFIG and those of what is opened, with sentences. */
int trust_open(struct trust **ret, struct cli *, const struct options *, struct err *err) must_check;
void trust_free(struct trust **);
#define autofree_trust __attribute__((cleanup(trust_free)))

/* Borrowed till trust_free. The purpose is PATH_SIGN_MAIL. */
const struct path_options *trust_path(const struct trust *);
const struct anchors *trust_anchors(const struct trust *);
struct store *trust_store(const struct trust *);     /* NULL: there is none */
struct fetcher *trust_fetcher(const struct trust *); /* NULL: nothing can be fetched */
bool trust_may_fetch(const struct trust *);          /* not offline */
const char *trust_label_policy(const struct trust *); /* the file, or NULL */
/* Sets anchors, path and label_policy; the rest stays. */
void trust_fill(const struct trust *, struct verdict_options *ret);

#endif
