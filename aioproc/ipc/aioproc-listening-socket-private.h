/* aioproc-listening-socket-private.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* A socket that listens, O_CLOEXEC and not blocking, and where: with the port that the system has
 * chosen. -1: G_IO_ERROR_ADDRESS_IN_USE and others, as the system says.
 */
int aioproc_listening_socket_new (GSocketAddress  *address,
                                  GSocketAddress **bound_address,
                                  GError         **error);

G_END_DECLS
