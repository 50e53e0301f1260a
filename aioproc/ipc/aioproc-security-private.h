/* aioproc-security-private.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "aioproc-security.h"

G_BEGIN_DECLS

struct _AioprocSecurity {
  GObject   parent_instance;

  /* All immutable after construction. */
  GBytes   *auth_key;            /* (owned) (nullable) */
  gint64    handshake_timeout;   /* in microseconds */
  gboolean  insecure;
  gboolean  other_users;

  /* Either no TLS, or a certificate and one or both of the others. */
  GTlsCertificate *tls_certificate;      /* (owned) (nullable) */
  GTlsDatabase    *tls_database;         /* (owned) (nullable) */
  GTlsCertificate *tls_peer_certificate; /* (owned) (nullable) */
};

/* Whether all that is sent is to be encrypted. */
static inline gboolean
aioproc_security_is_tls (AioprocSecurity *self)
{
  return self->tls_certificate != NULL;
}

/* @self, or where it is NULL one that demands nothing: a new reference. NULL: its settings are of
 * no use, G_IO_ERROR_INVALID_ARGUMENT; or GIO has no TLS, G_TLS_ERROR_UNAVAILABLE.
 */
AioprocSecurity *aioproc_security_ensure        (AioprocSecurity  *self,
                                                 GError          **error);
/* Whether @address may be listened at, or connected to: G_IO_ERROR_NOT_SUPPORTED,
 * G_IO_ERROR_PERMISSION_DENIED.
 */
gboolean         aioproc_security_check_address (AioprocSecurity  *self,
                                                 GSocketAddress   *address,
                                                 GError          **error);
/* Whether the peer of a socket, if that is a Unix one, is of a user that may be:
 * G_IO_ERROR_PERMISSION_DENIED.
 */
gboolean         aioproc_security_check_user    (AioprocSecurity  *self,
                                                 GSocket          *socket,
                                                 GError          **error);

G_END_DECLS
