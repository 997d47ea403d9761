/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The sandbox of commands that read what strangers wrote (base/sandbox.h).
 *
 * Called when inputs, outputs and anchors are open, and the agent is connected where it may be
 * needed, before the first byte of a message is looked at by a parser. From there on the process
 * writes in the state folder, where the output goes and in TMPDIR; reads these, the
 * configuration, the files named by trust options, and /etc, /usr and /opt; has no sockets but
 * AF_UNIX and starts no program. When certificates, CRLs or OCSP answers may be fetched it may
 * start signet-fetch, and no other program, and keeps the sockets that signet-fetch needs.
 *
 * A command that may have to start the agent later (`agent` CONFINE_AGENT_LATER), or runs the
 * site's label policy, keeps what these need: then only what nobody needs is given up.
 */
#ifndef SIGNET_CLI_CONFINE_H
#define SIGNET_CLI_CONFINE_H

#include "cli/cli.h"
#include "cli/trust_options.h"

enum confine_agent { CONFINE_NO_AGENT, CONFINE_AGENT_HERE, CONFINE_AGENT_LATER };

/* For commands that may need the agent: connects to it, when `start` after starting it;
 * what failed is said by who needs it. */
enum confine_agent confine_meet_agent(struct cli *, bool start);

/* trust, o: NULL where there are none. Never fails: what a kernel cannot do is told by
 * signet agent status. */
void confine_parser(const struct cli *, const struct options *o, const struct trust *trust,
                    enum confine_agent agent);

#endif
