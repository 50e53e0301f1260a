/* aioproc-security.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "aioproc-security.h"
#include "ipc/aioproc-security-private.h"

#include <unistd.h>

#include "ipc/aioproc-address-private.h"

/**
 * AioprocSecurity:
 *
 * What a [class@Listener] and a [class@Client] demand of each other.
 *
 * With an auth key both ends prove to each other that they know it, before anything else is said.
 * The key itself is never sent, and what is sent is of no use to anybody who listens, repeats it
 * later, or passes it on to another address. Both ends need the same key: one that has none is
 * refused by one that has one, and the other way round.
 *
 * ```c
 *   g_autoptr(GBytes) key = g_bytes_new (secret, 32);
 *   g_autoptr(AioprocSecurity) security = aioproc_security_new (key);
 * ```
 *
 * Without a key, or an object of this class, whoever can reach a listener is let in: with a Unix
 * socket, processes of the same user; with TCP, all of this machine.
 *
 * # TCP
 *
 * Everything that is sent over TCP with a key is sealed: it carries a number and a code that nobody
 * makes without the key, so that nothing can be changed, left out, added or repeated on the way. It
 * can be read, though. So an address that is not of this machine alone is refused, unless there is
 * TLS, or [property@Security:insecure] says that the network is safe in another way.
 *
 * # TLS
 *
 * With [property@Security:tls-certificate] everything is encrypted. Both ends need a certificate,
 * and verify that of the other: by [property@Security:tls-database], or because it is
 * [property@Security:tls-peer-certificate]. A key may be demanded besides; its proof is bound to
 * the encrypted channel. There is no way back: an end with TLS never talks to one without it.
 *
 * GIO keeps one of its threads for each handshake of TLS. A listener does not begin it before all
 * of what a client says first has come.
 *
 * # Thread safety
 *
 * An object never changes, and may be used for any number of listeners and clients, in any thread.
 *
 * # Process safety
 *
 * An object is of its process. A forked child has a copy.
 *
 * Since: 0.1
 */

typedef enum {
  PROP_AUTH_KEY = 1,
  PROP_HANDSHAKE_TIMEOUT,
  PROP_INSECURE,
  PROP_OTHER_USERS,
  PROP_TLS_CERTIFICATE,
  PROP_TLS_DATABASE,
  PROP_TLS_PEER_CERTIFICATE,
} AioprocSecurityProperty;

static GParamSpec *props[PROP_TLS_PEER_CERTIFICATE + 1];

G_DEFINE_FINAL_TYPE (AioprocSecurity, aioproc_security, G_TYPE_OBJECT)

static gboolean
check_tls (AioprocSecurity  *self,
           GError          **error)
{
  if (self->tls_certificate == NULL && self->tls_database == NULL &&
      self->tls_peer_certificate == NULL)
    return TRUE;

  if (self->tls_certificate == NULL ||
      (self->tls_database == NULL && self->tls_peer_certificate == NULL))
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                   "TLS needs a certificate, and something that verifies that of the peer");
      return FALSE;
    }

  if (!g_tls_backend_supports_tls (g_tls_backend_get_default ()))
    {
      g_set_error (error, G_TLS_ERROR, G_TLS_ERROR_UNAVAILABLE,
                   "GIO has no TLS here: glib-networking is not installed");
      return FALSE;
    }

  return TRUE;
}

AioprocSecurity *
aioproc_security_ensure (AioprocSecurity  *self,
                         GError          **error)
{
  if (self == NULL)
    return aioproc_security_new (NULL);

  if (self->auth_key != NULL && g_bytes_get_size (self->auth_key) == 0)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                   "An auth key cannot be empty: anybody knows that one");
      return NULL;
    }

  return check_tls (self, error) ? g_object_ref (self) : NULL;
}

gboolean
aioproc_security_check_address (AioprocSecurity  *self,
                                GSocketAddress   *address,
                                GError          **error)
{
  g_autofree char *text = NULL;

  if (!aioproc_address_is_unix (address) && !G_IS_INET_SOCKET_ADDRESS (address))
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
                   "Connections are made over Unix sockets and TCP only");
      return FALSE;
    }

  if (aioproc_security_is_tls (self) && aioproc_address_is_unix (address))
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
                   "There is no TLS over Unix sockets, which nobody can listen in to");
      return FALSE;
    }

  if (aioproc_security_is_tls (self) || aioproc_address_is_local (address) || self->insecure)
    return TRUE;

  text = aioproc_address_describe (address);
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED,
               "Refused to use %s: what is sent there without encryption can be read beyond this "
               "machine",
               text);

  return FALSE;
}

gboolean
aioproc_security_check_user (AioprocSecurity  *self,
                             GSocket          *socket,
                             GError          **error)
{
  g_autoptr(GCredentials) credentials = NULL;
  uid_t user;

  if (self->other_users || g_socket_get_family (socket) != G_SOCKET_FAMILY_UNIX)
    return TRUE;

  credentials = g_socket_get_credentials (socket, error);

  if (credentials == NULL)
    return FALSE;

  user = g_credentials_get_unix_user (credentials, error);

  if (user == geteuid ())
    return TRUE;

  if (user != (uid_t) -1)
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED,
                 "The peer is a process of user %u, and not of this one", (guint) user);

  return FALSE;
}

static void
aioproc_security_get_property (GObject    *object,
                               guint       prop_id,
                               GValue     *value,
                               GParamSpec *pspec)
{
  AioprocSecurity *self = AIOPROC_SECURITY (object);

  switch ((AioprocSecurityProperty) prop_id)
    {
    case PROP_HANDSHAKE_TIMEOUT:
      g_value_set_int64 (value, self->handshake_timeout);
      break;

    case PROP_INSECURE:
      g_value_set_boolean (value, self->insecure);
      break;

    case PROP_OTHER_USERS:
      g_value_set_boolean (value, self->other_users);
      break;

    case PROP_TLS_CERTIFICATE:
      g_value_set_object (value, self->tls_certificate);
      break;

    case PROP_TLS_DATABASE:
      g_value_set_object (value, self->tls_database);
      break;

    case PROP_TLS_PEER_CERTIFICATE:
      g_value_set_object (value, self->tls_peer_certificate);
      break;

    case PROP_AUTH_KEY:
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
aioproc_security_set_property (GObject      *object,
                               guint         prop_id,
                               const GValue *value,
                               GParamSpec   *pspec)
{
  AioprocSecurity *self = AIOPROC_SECURITY (object);

  switch ((AioprocSecurityProperty) prop_id)
    {
    case PROP_AUTH_KEY:
      self->auth_key = g_value_dup_boxed (value);
      break;

    case PROP_HANDSHAKE_TIMEOUT:
      self->handshake_timeout = g_value_get_int64 (value);
      break;

    case PROP_INSECURE:
      self->insecure = g_value_get_boolean (value);
      break;

    case PROP_OTHER_USERS:
      self->other_users = g_value_get_boolean (value);
      break;

    case PROP_TLS_CERTIFICATE:
      self->tls_certificate = g_value_dup_object (value);
      break;

    case PROP_TLS_DATABASE:
      self->tls_database = g_value_dup_object (value);
      break;

    case PROP_TLS_PEER_CERTIFICATE:
      self->tls_peer_certificate = g_value_dup_object (value);
      break;

    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
aioproc_security_finalize (GObject *object)
{
  AioprocSecurity *self = AIOPROC_SECURITY (object);

  g_clear_pointer (&self->auth_key, g_bytes_unref);
  g_clear_object (&self->tls_certificate);
  g_clear_object (&self->tls_database);
  g_clear_object (&self->tls_peer_certificate);

  G_OBJECT_CLASS (aioproc_security_parent_class)->finalize (object);
}

static void
aioproc_security_class_init (AioprocSecurityClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->get_property = aioproc_security_get_property;
  object_class->set_property = aioproc_security_set_property;
  object_class->finalize = aioproc_security_finalize;

  /**
   * AioprocSecurity:auth-key:
   *
   * What both ends know, and nobody else: 32 random bytes or more. `NULL`: no key is asked for.
   *
   * It cannot be read again. An empty one is refused where it is to be used.
   *
   * Since: 0.1
   */
  props[PROP_AUTH_KEY] =
    g_param_spec_boxed ("auth-key", NULL, NULL,
                        G_TYPE_BYTES,
                        G_PARAM_WRITABLE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS);

  /**
   * AioprocSecurity:handshake-timeout:
   *
   * How long the peer may take for all of the handshake, in microseconds: five seconds, unless it
   * is changed.
   *
   * Since: 0.1
   */
  props[PROP_HANDSHAKE_TIMEOUT] =
    g_param_spec_int64 ("handshake-timeout", NULL, NULL,
                        1, G_MAXINT64, 5 * G_USEC_PER_SEC,
                        G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS);

  /**
   * AioprocSecurity:insecure:
   *
   * Whether addresses that other machines can reach, or that are of other machines, may be used
   * without encryption.
   *
   * For a network that is safe by itself, as inside a VPN.
   *
   * Since: 0.1
   */
  props[PROP_INSECURE] =
    g_param_spec_boolean ("insecure", NULL, NULL,
                          FALSE,
                          G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS);

  /**
   * AioprocSecurity:other-users:
   *
   * Whether the process at the other end of a Unix socket may be another user's, on this side.
   *
   * Else it is refused before anything is read or sent, even where it is of the superuser.
   *
   * If both sides allow it, another user who gets hold of the path that clients look for can pass
   * on, read and change all that is said between them and the listener, even with an auth key: both
   * ends then see the address that they expect, and nothing is sealed. So put the socket into a
   * folder that no other user can write to, nor any above it; and allow other users only on the
   * side that needs it.
   *
   * Since: 0.1
   */
  props[PROP_OTHER_USERS] =
    g_param_spec_boolean ("other-users", NULL, NULL,
                          FALSE,
                          G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS);

  /**
   * AioprocSecurity:tls-certificate:
   *
   * The certificate of this end, with its private key. `NULL`: there is no TLS.
   *
   * TLS is for TCP. With this, a Unix socket is refused.
   *
   * Since: 0.1
   */
  props[PROP_TLS_CERTIFICATE] =
    g_param_spec_object ("tls-certificate", NULL, NULL,
                         G_TYPE_TLS_CERTIFICATE,
                         G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS);

  /**
   * AioprocSecurity:tls-database:
   *
   * Who may have signed the certificate of the peer.
   *
   * That of a listener has to be valid for the name or address that the client connects to, too.
   *
   * Since: 0.1
   */
  props[PROP_TLS_DATABASE] =
    g_param_spec_object ("tls-database", NULL, NULL,
                         G_TYPE_TLS_DATABASE,
                         G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS);

  /**
   * AioprocSecurity:tls-peer-certificate:
   *
   * The only certificate that the peer may have. Who has signed it, until when it is valid and
   * what names are in it does not matter then.
   *
   * Since: 0.1
   */
  props[PROP_TLS_PEER_CERTIFICATE] =
    g_param_spec_object ("tls-peer-certificate", NULL, NULL,
                         G_TYPE_TLS_CERTIFICATE,
                         G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS);

  g_object_class_install_properties (object_class, G_N_ELEMENTS (props), props);
}

static void
aioproc_security_init (AioprocSecurity *self)
{
}

/**
 * aioproc_security_new:
 * @auth_key: (nullable): what both ends know, 32 random bytes or more; or `NULL`
 *
 * Makes an object with an auth key, and nothing else that is not the default.
 *
 * Returns: (transfer full): a new object
 *
 * Since: 0.1
 */
AioprocSecurity *
aioproc_security_new (GBytes *auth_key)
{
  return g_object_new (AIOPROC_TYPE_SECURITY,
                       "auth-key", auth_key,
                       NULL);
}
