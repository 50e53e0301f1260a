/* tls-certificates.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Of nobody but these tests, until 2126. All but the first with their private key. */
extern const char tls_ca_pem[];         /* has signed the next two */
extern const char tls_listener_pem[];   /* for 127.0.0.1 and localhost */
extern const char tls_client_pem[];     /* for another name */
extern const char tls_stranger_pem[];   /* for 127.0.0.1, signed by itself */

G_END_DECLS
