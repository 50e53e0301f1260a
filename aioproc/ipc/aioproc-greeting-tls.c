/* aioproc-greeting-tls.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "ipc/aioproc-greeting-tls-private.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

/* A record: its type, two bytes of version, two of length. */
#define RECORD_HEADER    5
#define RECORD_HANDSHAKE 22
#define RECORD_MAX       (16 * 1024)

/* The socket is readable when so many have come, or no more will, as a rule. */
static void
wait_for (GSocket *socket,
          gsize    length)
{
  g_socket_set_option (socket, SOL_SOCKET, SO_RCVLOWAT, (int) length, NULL);
}

static AioprocGreetingHello
refuse_hello (GError **error)
{
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
               "What the peer has sent is no TLS, which this listener demands");

  return AIOPROC_GREETING_HELLO_BAD;
}

static AioprocGreetingHello
miss_hello (GError **error)
{
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_CONNECTION_CLOSED,
               "The peer has closed the connection before the handshake was over");

  return AIOPROC_GREETING_HELLO_BAD;
}

static gboolean
has_ended (GSocket *socket)
{
  struct pollfd fd = { .fd = g_socket_get_fd (socket), .events = POLLRDHUP };

  return poll (&fd, 1, 0) > 0;
}

/* Fewer than were waited for are no end: where memory is short, Linux says that a TCP socket is
 * readable whatever is there. It would say so again at once.
 */
static AioprocGreetingHello
want (GSocket  *socket,
      gsize     n_there,
      gsize     length,
      gsize    *wanted,
      GError  **error)
{
  gboolean is_early = n_there < *wanted;

  if (has_ended (socket))
    return miss_hello (error);

  *wanted = length;
  wait_for (socket, length);

  return is_early ? AIOPROC_GREETING_HELLO_EARLY : AIOPROC_GREETING_HELLO_PART;
}

AioprocGreetingHello
aioproc_greeting_tls_peek_hello (GSocket  *socket,
                                 gsize    *wanted,
                                 GError  **error)
{
  guint8 data[RECORD_HEADER + RECORD_MAX];
  gssize n_there;
  gsize length;

  n_there = recv (g_socket_get_fd (socket), data, sizeof data, MSG_PEEK | MSG_DONTWAIT);

  if (n_there < 0 && (errno == EAGAIN || errno == EINTR))
    return AIOPROC_GREETING_HELLO_PART;

  if (n_there <= 0)
    return miss_hello (error);

  if (data[0] != RECORD_HANDSHAKE)
    return refuse_hello (error);

  if (n_there < RECORD_HEADER)
    return want (socket, (gsize) n_there, RECORD_HEADER, wanted, error);

  length = RECORD_HEADER + ((gsize) data[3] << 8) + data[4];

  if (length > sizeof data)
    return refuse_hello (error);

  if ((gsize) n_there < length)
    return want (socket, (gsize) n_there, length, wanted, error);

  wait_for (socket, 1);

  return AIOPROC_GREETING_HELLO_WHOLE;
}

static void
security_unref (gpointer  data,
                GClosure *closure)
{
  g_object_unref (data);
}

/* A listener is asked of every certificate, a client of those that something is wrong with. */
static gboolean
accept_certificate_cb (GTlsConnection       *connection,
                       GTlsCertificate      *certificate,
                       GTlsCertificateFlags  errors,
                       gpointer              user_data)
{
  AioprocSecurity *security = user_data;

  if (security->tls_peer_certificate != NULL)
    return g_tls_certificate_is_same (certificate, security->tls_peer_certificate);

  return errors == 0;
}

GIOStream *
aioproc_greeting_tls_new (AioprocHandshakeRole   role,
                          GIOStream             *base,
                          GSocketConnectable    *identity,
                          AioprocSecurity       *security,
                          GError               **error)
{
  GIOStream *stream;

  if (role == AIOPROC_HANDSHAKE_CLIENT)
    stream = g_tls_client_connection_new (base, identity, error);
  else
    stream = g_tls_server_connection_new (base, security->tls_certificate, error);

  if (stream == NULL)
    return NULL;

  if (role == AIOPROC_HANDSHAKE_CLIENT)
    g_tls_connection_set_certificate (G_TLS_CONNECTION (stream), security->tls_certificate);
  else
    g_object_set (stream, "authentication-mode", G_TLS_AUTHENTICATION_REQUIRED, NULL);

  /* Not that of the system where there is none. */
  g_tls_connection_set_database (G_TLS_CONNECTION (stream), security->tls_database);
  /* The stream may end in another thread, while one with the same security begins here: what ties a
   * handler to an object's life is not made for that.
   */
  g_signal_connect_data (stream, "accept-certificate", G_CALLBACK (accept_certificate_cb),
                         g_object_ref (security), security_unref, 0);

  return stream;
}

GBytes *
aioproc_greeting_tls_verify (GIOStream        *stream,
                             AioprocSecurity  *security,
                             GError          **error)
{
  GTlsConnection *connection = G_TLS_CONNECTION (stream);
  GTlsCertificate *certificate = g_tls_connection_get_peer_certificate (connection);
  g_autoptr(GByteArray) binding = g_byte_array_new ();

  if (certificate == NULL ||
      (security->tls_peer_certificate != NULL &&
       !g_tls_certificate_is_same (certificate, security->tls_peer_certificate)))
    {
      g_set_error (error, G_TLS_ERROR, G_TLS_ERROR_BAD_CERTIFICATE,
                   "The peer has another certificate than the one that it has to have");
      return NULL;
    }

  /* Before 1.3 it may not be unique. What is there instead names the certificate of the listener,
   * whose private key nobody else has.
   */
  if (g_tls_connection_get_protocol_version (connection) < G_TLS_PROTOCOL_VERSION_TLS_1_3 ||
      !g_tls_connection_get_channel_binding_data (connection, G_TLS_CHANNEL_BINDING_TLS_EXPORTER,
                                                  binding, NULL))
    {
      g_byte_array_set_size (binding, 0);

      if (!g_tls_connection_get_channel_binding_data (connection,
                                                      G_TLS_CHANNEL_BINDING_TLS_SERVER_END_POINT,
                                                      binding, error))
        return NULL;
    }

  return g_byte_array_free_to_bytes (g_steal_pointer (&binding));
}
