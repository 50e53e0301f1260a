/* listener-test.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "listener-test.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "aioproc-test.h"
#include "connection-test.h"

static char *runtime_folder;

void
listener_test_init (int    *argc,
                    char ***argv)
{
  g_autoptr(GError) error = NULL;

  runtime_folder = g_dir_make_tmp ("aioproc-test-XXXXXX", &error);
  g_assert_no_error (error);
  g_setenv ("XDG_RUNTIME_DIR", runtime_folder, TRUE);
  aioproc_test_init (argc, argv);
}

int
listener_test_end (int status)
{
  g_autofree char *base = g_build_filename (runtime_folder, "aioproc", NULL);

  g_rmdir (base);

  /* Else a listener has left something behind. */
  g_assert_cmpint (g_rmdir (runtime_folder), ==, 0);
  g_clear_pointer (&runtime_folder, g_free);

  return status;
}

int
listener_test_run (void)
{
  return listener_test_end (g_test_run ());
}

AioprocSecurity *
listener_test_new_security (const char *key)
{
  g_autoptr(GBytes) bytes = key != NULL ? g_bytes_new (key, strlen (key)) : NULL;

  return aioproc_security_new (bytes);
}

GSocketAddress *
listener_test_new_tcp (void)
{
  g_autoptr(GInetAddress) loopback = g_inet_address_new_loopback (G_SOCKET_FAMILY_IPV4);

  return g_inet_socket_address_new (loopback, 0);
}

AioprocListener *
listener_test_new (GSocketAddress  *address,
                   AioprocSecurity *security)
{
  g_autoptr(GError) error = NULL;
  AioprocListener *listener = aioproc_listener_new (address, security, &error);

  g_assert_no_error (error);
  g_assert_nonnull (listener);

  return listener;
}

void
listener_test_connect (AioprocListener    *listener,
                       AioprocSecurity    *security,
                       AioprocConnection **ours,
                       AioprocConnection **theirs)
{
  g_autoptr(AioprocClient) client = aioproc_client_new (security);
  g_autoptr(GAsyncResult) accepted = NULL;
  g_autoptr(GAsyncResult) connected = NULL;
  g_autoptr(GError) error = NULL;
  GSocketAddress *address = aioproc_listener_get_address (listener);

  aioproc_listener_accept_async (listener, -1, NULL, aioproc_test_store_result, &accepted);
  aioproc_client_connect_to_async (client, G_SOCKET_CONNECTABLE (address), -1, NULL,
                                   aioproc_test_store_result, &connected);
  aioproc_test_wait (&connected);
  *theirs = aioproc_client_connect_to_finish (client, connected, &error);
  g_assert_no_error (error);
  aioproc_test_wait (&accepted);
  *ours = aioproc_listener_accept_finish (listener, accepted, &error);
  g_assert_no_error (error);
}

gpointer
listener_test_connect_thread (gpointer data)
{
  AioprocListener *listener = data;
  g_autoptr(AioprocClient) client = aioproc_client_new (NULL);
  g_autoptr(GError) error = NULL;
  GSocketAddress *address = aioproc_listener_get_address (listener);
  AioprocConnection *connection;

  connection = aioproc_client_connect_to (client, G_SOCKET_CONNECTABLE (address), -1, NULL,
                                          &error);
  g_assert_no_error (error);

  return connection;
}

void
listener_test_exchange (AioprocConnection *ours,
                        AioprocConnection *theirs)
{
  g_autoptr(AioprocMessage) large = connection_test_new_large (2);
  g_autoptr(GAsyncResult) result = NULL;
  GAsyncResult *received = NULL;
  g_autoptr(GError) error = NULL;

  connection_test_send_number (ours, 1);
  g_assert_cmpuint (connection_test_recv_number (theirs), ==, 1);
  aioproc_connection_recv_async (ours, -1, NULL, aioproc_test_store_result, &received);
  aioproc_connection_send_async (theirs, large, -1, NULL, aioproc_test_store_result, &result);
  g_assert_cmpuint (connection_test_finish_number (ours, &received), ==, 2);
  aioproc_test_wait (&result);
  g_assert_true (aioproc_connection_send_finish (theirs, result, &error));
  g_assert_no_error (error);
  g_clear_object (&result);
  g_assert_finalize_object (ours);
  g_assert_finalize_object (theirs);
}

void
listener_test_fail (AioprocListener *listener,
                    AioprocSecurity *security,
                    GQuark           domain,
                    int              code)
{
  g_autoptr(AioprocClient) client = aioproc_client_new (security);
  g_autoptr(AioprocConnection) connection = NULL;
  g_autoptr(GAsyncResult) connected = NULL;
  g_autoptr(GError) error = NULL;
  GSocketAddress *address = aioproc_listener_get_address (listener);

  aioproc_client_connect_to_async (client, G_SOCKET_CONNECTABLE (address), -1, NULL,
                                   aioproc_test_store_result, &connected);
  aioproc_test_wait (&connected);
  connection = aioproc_client_connect_to_finish (client, connected, &error);
  g_assert_error (error, domain, code);
  g_assert_null (connection);
  g_clear_error (&error);

  /* The other form says the same. */
  connection = aioproc_client_connect_to (client, G_SOCKET_CONNECTABLE (address), -1, NULL,
                                          &error);
  g_assert_error (error, domain, code);
  g_assert_null (connection);
}

void
listener_test_connect_by (AioprocListener *listener,
                          int              fd)
{
  GSocketAddress *address = aioproc_listener_get_address (listener);
  gssize size = g_socket_address_get_native_size (address);
  g_autoptr(GError) error = NULL;
  struct sockaddr_storage native;

  g_assert_true (g_socket_address_to_native (address, &native, sizeof native, &error));
  g_assert_no_error (error);
  g_assert_cmpint (connect (fd, (struct sockaddr *) &native, (socklen_t) size), ==, 0);
}

int
listener_test_connect_raw (AioprocListener *listener)
{
  GSocketAddress *address = aioproc_listener_get_address (listener);
  int fd = socket (g_socket_address_get_family (address), SOCK_STREAM | SOCK_CLOEXEC, 0);

  g_assert_cmpint (fd, >=, 0);
  listener_test_connect_by (listener, fd);

  return fd;
}

void
listener_test_wait_refused (AioprocListener *listener,
                            guint64          n_refused,
                            GQuark           domain,
                            int              code)
{
  g_autoptr(GError) refusal = NULL;

  while (aioproc_listener_get_n_refused (listener) < n_refused)
    g_thread_yield ();

  g_assert_cmpuint (aioproc_listener_get_n_refused (listener), ==, n_refused);
  refusal = aioproc_listener_dup_last_refusal (listener);
  g_assert_error (refusal, domain, code);
}
