/* connection-kinds.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "connection-kinds.h"

#include <fcntl.h>
#include <sys/socket.h>

#include <glib-unix.h>
#include <gio/gunixinputstream.h>
#include <gio/gunixoutputstream.h>

#include "aioproc-test.h"
#include "connection-test.h"
#include "core/aioproc-seal-private.h"
#include "ipc/aioproc-sealed-stream-private.h"

/* Of nobody but these tests. */
static const char certificate_pem[] =
  "-----BEGIN CERTIFICATE-----\n"
  "MIIBgDCCASWgAwIBAgIUMzLmM3WHhTkU/UG+xHlotxDl7z4wCgYIKoZIzj0EAwIw\n"
  "FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyODIxMTc0M1oYDzIxMjYxMTA0\n"
  "MjExNzQzWjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO\n"
  "PQMBBwNCAASNDgMp7BaX6PJlj7tufEqGN/GJ5wVaNZKzW1JVIjZuHBRalnquz19J\n"
  "PQ5S3mzRc53gC16Rp/1nKtSiwdkbbRz+o1MwUTAdBgNVHQ4EFgQU8t9Wb1K82gtV\n"
  "89GfGiRgM32flTcwHwYDVR0jBBgwFoAU8t9Wb1K82gtV89GfGiRgM32flTcwDwYD\n"
  "VR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNJADBGAiEApkNm8fwmmnahik5SEV85\n"
  "ABM/qHLsEzvlMFHz48KrGC8CIQCxTWYSNjcYgQVy/En1ZhiDI5ULbmV5BJL76ESB\n"
  "07aX+Q==\n"
  "-----END CERTIFICATE-----\n"
  "-----BEGIN PRIVATE KEY-----\n"
  "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgeC5uZEgS9CTDHW4Y\n"
  "JpiSSSn4ReFBRsLkzL4Ym7K4i+ChRANCAASNDgMp7BaX6PJlj7tufEqGN/GJ5wVa\n"
  "NZKzW1JVIjZuHBRalnquz19JPQ5S3mzRc53gC16Rp/1nKtSiwdkbbRz+\n"
  "-----END PRIVATE KEY-----\n";

static GIOStream *
new_for_socket (int fd)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(GSocket) socket = g_socket_new_from_fd (fd, &error);

  g_assert_no_error (error);

  return G_IO_STREAM (g_socket_connection_factory_create_connection (socket));
}

static void
make_unix (GIOStream **a,
           GIOStream **b)
{
  int fds[2];

  g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
  *a = new_for_socket (fds[0]);
  *b = new_for_socket (fds[1]);
}

static void
make_tcp (GIOStream **a,
          GIOStream **b)
{
  g_autoptr(GSocketListener) listener = g_socket_listener_new ();
  g_autoptr(GSocketClient) client = g_socket_client_new ();
  g_autoptr(GInetAddress) loopback = g_inet_address_new_loopback (G_SOCKET_FAMILY_IPV4);
  g_autoptr(GSocketAddress) address = g_inet_socket_address_new (loopback, 0);
  g_autoptr(GSocketAddress) bound = NULL;
  g_autoptr(GError) error = NULL;

  g_socket_client_set_enable_proxy (client, FALSE);
  g_assert_true (g_socket_listener_add_address (listener, address, G_SOCKET_TYPE_STREAM,
                                                G_SOCKET_PROTOCOL_TCP, NULL, &bound, &error));
  g_assert_no_error (error);
  *a = G_IO_STREAM (g_socket_client_connect (client, G_SOCKET_CONNECTABLE (bound), NULL, &error));
  g_assert_no_error (error);
  *b = G_IO_STREAM (g_socket_listener_accept (listener, NULL, NULL, &error));
  g_assert_no_error (error);
}

static void
make_pipe (GInputStream  **input,
           GOutputStream **output)
{
  g_autoptr(GError) error = NULL;
  int fds[2];

  g_assert_true (g_unix_open_pipe (fds, FD_CLOEXEC, &error));
  *input = g_unix_input_stream_new (fds[0], TRUE);
  *output = g_unix_output_stream_new (fds[1], TRUE);
}

static void
make_simple (gboolean    is_buffered,
             GIOStream **a,
             GIOStream **b)
{
  GInputStream *inputs[2];
  GOutputStream *outputs[2];
  GIOStream *streams[2];

  make_pipe (&inputs[0], &outputs[1]);
  make_pipe (&inputs[1], &outputs[0]);

  for (guint i = 0; i < 2; i++)
    {
      g_autoptr(GInputStream) input = inputs[i];
      g_autoptr(GOutputStream) output = outputs[i];
      g_autoptr(GInputStream) buffered_input = g_buffered_input_stream_new (input);
      g_autoptr(GOutputStream) buffered_output = g_buffered_output_stream_new (output);

      streams[i] = g_simple_io_stream_new (is_buffered ? buffered_input : input,
                                           is_buffered ? buffered_output : output);

      /* Else they would close what they are not used for. */
      g_filter_input_stream_set_close_base_stream (G_FILTER_INPUT_STREAM (buffered_input),
                                                   is_buffered);
      g_filter_output_stream_set_close_base_stream (G_FILTER_OUTPUT_STREAM (buffered_output),
                                                    is_buffered);
    }

  *a = streams[0];
  *b = streams[1];
}

static void
make_pipes (GIOStream **a,
            GIOStream **b)
{
  make_simple (FALSE, a, b);
}

/* Not to be polled, and to be flushed. */
static void
make_buffered (GIOStream **a,
               GIOStream **b)
{
  make_simple (TRUE, a, b);
}

static gboolean
accept_certificate_cb (GTlsConnection       *connection,
                       GTlsCertificate      *certificate,
                       GTlsCertificateFlags  errors,
                       gpointer              user_data)
{
  return TRUE;
}

static void
make_tls (GIOStream **a,
          GIOStream **b)
{
  g_autoptr(GTlsCertificate) certificate = NULL;
  g_autoptr(GIOStream) client_base = NULL;
  g_autoptr(GIOStream) server_base = NULL;
  g_autoptr(GError) error = NULL;

  certificate = g_tls_certificate_new_from_pem (certificate_pem, -1, &error);
  g_assert_no_error (error);
  /* It faults at the thread-local variables of what GIO loads for TLS. */
  aioproc_test_ignore_leaks ();
  make_unix (&client_base, &server_base);
  *a = g_tls_client_connection_new (client_base, NULL, &error);
  g_assert_no_error (error);
  g_signal_connect (*a, "accept-certificate", G_CALLBACK (accept_certificate_cb), NULL);
  *b = g_tls_server_connection_new (server_base, certificate, &error);
  g_assert_no_error (error);
}

/* Nobody between the two can write to it. */
static void
make_sealed (GIOStream **a,
             GIOStream **b)
{
  static const guint8 keys[2][AIOPROC_SEAL_KEY_SIZE] = { "one way", "the other way" };
  g_autoptr(GIOStream) a_base = NULL;
  g_autoptr(GIOStream) b_base = NULL;

  make_tcp (&a_base, &b_base);
  *a = aioproc_sealed_stream_new (a_base, keys[0], keys[1]);
  *b = aioproc_sealed_stream_new (b_base, keys[1], keys[0]);
}

const ConnectionKind connection_kinds[] = {
  { "descriptor", NULL, FALSE },
  { "unix", make_unix, FALSE },
  { "tcp", make_tcp, FALSE },
  { "pipes", make_pipes, FALSE },
  { "buffered", make_buffered, FALSE },
  { "sealed", make_sealed, FALSE },
  { "tls", make_tls, TRUE },
};

const guint n_connection_kinds = G_N_ELEMENTS (connection_kinds);

const char *
connection_kind_get_lack (const ConnectionKind *kind)
{
  if (kind->is_tls && !g_tls_backend_supports_tls (g_tls_backend_get_default ()))
    return "GIO has no TLS here: glib-networking is not installed";

  return NULL;
}

void
connection_kind_make (const ConnectionKind  *kind,
                      AioprocConnection    **a,
                      AioprocConnection    **b)
{
  g_autoptr(GIOStream) a_stream = NULL;
  g_autoptr(GIOStream) b_stream = NULL;
  g_autoptr(GError) error = NULL;

  if (kind->make_streams == NULL)
    {
      connection_test_pipe (a, b);
      return;
    }

  kind->make_streams (&a_stream, &b_stream);
  *a = aioproc_connection_new_for_stream (a_stream, &error);
  g_assert_no_error (error);
  *b = aioproc_connection_new_for_stream (b_stream, &error);
  g_assert_no_error (error);
}
