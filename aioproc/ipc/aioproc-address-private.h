/* aioproc-address-private.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* What both ends of a connection call an address, in bytes: the family, and the host and port or
 * the path. An IPv4 address in an IPv6 one is that; scopes and flow labels, which each host has its
 * own of, do not count.
 */
GBytes   *aioproc_address_to_bytes    (GSocketAddress *address);
gboolean  aioproc_address_is_unix     (GSocketAddress *address);
/* Whether nobody but processes of this machine can be at that address, or reach it. */
gboolean  aioproc_address_is_local    (GSocketAddress *address);
/* For messages. */
char     *aioproc_address_describe    (GSocketAddress *address) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
