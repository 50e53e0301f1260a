/* test-listener.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* Listeners and clients: the forms of their functions, and what they leave behind. */

#include <errno.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gio/gunixsocketaddress.h>
#include <glib/gstdio.h>

#include <aioproc.h>

#include "../platform/platform-test.h"
#include "aioproc-test.h"
#include "connection-test.h"
#include "listener-test.h"

#define KEY "of nobody but these tests, and long"

typedef struct {
  const char *name;
  gboolean    is_tcp;
  const char *key;
} Kind;

static const Kind kinds[] = {
  { "unix", FALSE, NULL },
  { "unix-key", FALSE, KEY },
  { "tcp", TRUE, NULL },
  { "tcp-key", TRUE, KEY },
};

static GSocketAddress *
new_address (const Kind *kind)
{
  return kind->is_tcp ? listener_test_new_tcp () : NULL;
}

static const char *
get_path (AioprocListener *listener)
{
  GSocketAddress *address = aioproc_listener_get_address (listener);

  g_assert_true (G_IS_UNIX_SOCKET_ADDRESS (address));

  return g_unix_socket_address_get_path (G_UNIX_SOCKET_ADDRESS (address));
}

static void
test_exchange (gconstpointer data)
{
  const Kind *kind = data;
  g_autoptr(GSocketAddress) address = new_address (kind);
  g_autoptr(AioprocSecurity) security = listener_test_new_security (kind->key);
  AioprocListener *listener;

  g_test_summary ("Both ends get a connection, again and again");

  listener = listener_test_new (address, security);
  g_assert_null (aioproc_listener_dup_last_accepted (listener));

  for (guint i = 0; i < 20; i++)
    {
      g_autoptr(GSocketAddress) last = NULL;
      AioprocConnection *ours, *theirs;

      listener_test_connect (listener, security, &ours, &theirs);
      last = aioproc_listener_dup_last_accepted (listener);
      g_assert_true (G_IS_SOCKET_ADDRESS (last));
      g_assert_cmpint (g_socket_address_get_family (last), ==,
                       kind->is_tcp ? G_SOCKET_FAMILY_IPV4 : G_SOCKET_FAMILY_UNIX);
      listener_test_exchange (ours, theirs);
    }

  g_assert_cmpuint (aioproc_listener_get_n_refused (listener), ==, 0);
  g_assert_null (aioproc_listener_dup_last_refusal (listener));
  g_assert_finalize_object (listener);
}

static gboolean
must_not_run_cb (gpointer user_data)
{
  g_assert_not_reached ();
}

static void
test_blocking (gconstpointer data)
{
  g_autoptr(GSocketAddress) address = new_address (data);
  AioprocListener *listener;
  guint id = g_idle_add (must_not_run_cb, NULL);

  g_test_summary ("Blocking forms need no context, and never iterate the caller's");

  listener = listener_test_new (address, NULL);

  for (guint i = 0; i < 20; i++)
    {
      g_autoptr(AioprocConnection) ours = NULL;
      g_autoptr(AioprocConnection) theirs = NULL;
      g_autoptr(GError) error = NULL;
      GThread *thread = g_thread_new ("client", listener_test_connect_thread, listener);

      ours = aioproc_listener_accept (listener, -1, NULL, &error);
      g_assert_no_error (error);
      theirs = g_thread_join (thread);
      connection_test_send_number (ours, i);
      g_assert_cmpuint (connection_test_recv_number (theirs), ==, i);
    }

  g_source_remove (id);
  g_assert_finalize_object (listener);
}

static void
test_fresh (void)
{
  g_autofree char *folder = NULL;
  g_autofree char *path = NULL;
  AioprocListener *listener;
  AioprocListener *other;
  struct stat info;

  g_test_summary ("A fresh socket is in a folder of its own, and goes with it");

  listener = listener_test_new (NULL, NULL);
  other = listener_test_new (NULL, NULL);
  path = g_strdup (get_path (listener));
  folder = g_path_get_dirname (path);
  g_assert_cmpstr (path, !=, get_path (other));
  g_assert_cmpint (stat (folder, &info), ==, 0);
  g_assert_cmpuint (info.st_mode & 07777, ==, 0700);
  g_assert_cmpuint (info.st_uid, ==, geteuid ());
  g_assert_true (g_str_has_prefix (folder, g_get_user_runtime_dir ()));
  g_assert_false (aioproc_listener_is_closed (listener));
  aioproc_listener_close (listener);
  aioproc_listener_close (listener);
  g_assert_true (aioproc_listener_is_closed (listener));
  g_assert_false (g_file_test (folder, G_FILE_TEST_EXISTS));
  listener_test_fail (listener, NULL, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);

  /* The end of the object is that of the socket, too. */
  g_free (path);
  path = g_strdup (get_path (other));
  g_assert_finalize_object (other);
  g_assert_false (g_file_test (path, G_FILE_TEST_EXISTS));
  g_assert_finalize_object (listener);
}

static void
test_no_listen (void)
{
  g_autofree char *path = g_build_filename (g_get_user_runtime_dir (), "chosen", NULL);
  g_autofree char *base = g_build_filename (g_get_user_runtime_dir (), "aioproc", NULL);
  g_autoptr(GSocketAddress) chosen = g_unix_socket_address_new (path);
  GSocketAddress *addresses[] = { NULL, chosen };

  g_test_summary ("A socket that has a name, and cannot listen, leaves nothing behind");

  if (!g_test_subprocess ())
    {
      g_test_trap_subprocess (NULL, 0, 0);
      g_test_trap_assert_passed ();
      return;
    }

  if (!platform_test_deny_syscall (SYS_listen, EACCES))
    return;

  for (guint i = 0; i < G_N_ELEMENTS (addresses); i++)
    {
      g_autoptr(GError) error = NULL;

      g_assert_null (aioproc_listener_new (addresses[i], NULL, &error));
      g_assert_error (error, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED);
    }

  g_assert_false (g_file_test (path, G_FILE_TEST_EXISTS));
  g_assert_cmpint (g_rmdir (base), ==, 0);
}

static void
test_not_private (void)
{
  g_autofree char *base = g_build_filename (g_get_user_runtime_dir (), "aioproc", NULL);
  g_autoptr(AioprocListener) listener = listener_test_new (NULL, NULL);
  g_autoptr(AioprocListener) refused = NULL;
  g_autoptr(GError) error = NULL;

  g_test_summary ("No socket is made where others could get at it");

  g_assert_cmpint (g_chmod (base, 0750), ==, 0);
  refused = aioproc_listener_new (NULL, NULL, &error);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED);
  g_assert_null (refused);
  g_clear_error (&error);

  /* A name that leads elsewhere is none of ours, either. */
  g_clear_object (&listener);
  g_assert_cmpint (g_rmdir (base), ==, 0);
  g_assert_cmpint (symlink (g_get_user_runtime_dir (), base), ==, 0);
  refused = aioproc_listener_new (NULL, NULL, &error);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED);
  g_assert_null (refused);
  g_assert_cmpint (g_unlink (base), ==, 0);
}

static void
test_path (void)
{
  g_autofree char *path = g_build_filename (g_get_user_runtime_dir (), "chosen", NULL);
  g_autoptr(GSocketAddress) address = g_unix_socket_address_new (path);
  g_autoptr(GError) error = NULL;
  AioprocConnection *ours, *theirs;
  AioprocListener *listener;
  AioprocListener *other;

  g_test_summary ("A chosen name is made, never taken over, and removed if it is still ours");

  listener = listener_test_new (address, NULL);
  g_assert_cmpstr (get_path (listener), ==, path);
  other = aioproc_listener_new (address, NULL, &error);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_ADDRESS_IN_USE);
  g_assert_null (other);
  listener_test_connect (listener, NULL, &ours, &theirs);
  listener_test_exchange (ours, theirs);

  /* Somebody removes it, and listens there instead. */
  g_assert_cmpint (g_unlink (path), ==, 0);
  other = listener_test_new (address, NULL);
  g_assert_finalize_object (listener);
  listener_test_connect (other, NULL, &ours, &theirs);
  listener_test_exchange (ours, theirs);
  g_assert_finalize_object (other);
  g_assert_false (g_file_test (path, G_FILE_TEST_EXISTS));

  /* And at once again. */
  listener = listener_test_new (address, NULL);
  g_assert_finalize_object (listener);
}

static void
test_abstract (void)
{
  g_autofree char *name = g_strdup_printf ("aioproc-test-%d", (int) getpid ());
  g_autoptr(GSocketAddress) address = NULL;
  g_autoptr(AioprocSecurity) security = NULL;
  AioprocConnection *ours, *theirs;
  AioprocListener *listener;

  g_test_summary ("A name that is not in the file system");

  security = listener_test_new_security (KEY);
  address = g_unix_socket_address_new_with_type (name, -1, G_UNIX_SOCKET_ADDRESS_ABSTRACT);
  listener = listener_test_new (address, security);
  listener_test_connect (listener, security, &ours, &theirs);
  listener_test_exchange (ours, theirs);
  g_assert_finalize_object (listener);
}

static void
test_port (void)
{
  g_autoptr(GSocketAddress) any = listener_test_new_tcp ();
  g_autoptr(GSocketAddress) address = NULL;
  g_autoptr(AioprocListener) refused = NULL;
  g_autoptr(GError) error = NULL;
  AioprocConnection *ours, *theirs;
  AioprocListener *listener;

  g_test_summary ("A port is chosen, in use while it is, and free at once after that");

  listener = listener_test_new (any, NULL);
  address = g_object_ref (aioproc_listener_get_address (listener));
  g_assert_cmpuint (g_inet_socket_address_get_port (G_INET_SOCKET_ADDRESS (address)), !=, 0);
  refused = aioproc_listener_new (address, NULL, &error);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_ADDRESS_IN_USE);
  g_assert_null (refused);

  for (guint i = 0; i < 50; i++)
    {
      listener_test_connect (listener, NULL, &ours, &theirs);
      aioproc_listener_close (listener);
      listener_test_fail (listener, NULL, G_IO_ERROR, G_IO_ERROR_CONNECTION_REFUSED);
      g_assert_finalize_object (listener);
      listener = listener_test_new (address, NULL);
      listener_test_exchange (ours, theirs);
    }

  g_assert_finalize_object (listener);
}

static void
test_passing (void)
{
  g_autoptr(AioprocSecurity) security = listener_test_new_security (KEY);
  g_autoptr(AioprocMessage) message = NULL;
  g_autoptr(AioprocMessage) received = NULL;
  g_autoptr(GError) error = NULL;
  AioprocConnection *ours, *theirs, *near, *far;
  AioprocListener *listener;
  GObject *passed;
  int handle;

  g_test_summary ("Objects travel over Unix sockets, and such a connection can be sent itself");

  listener = listener_test_new (NULL, security);
  listener_test_connect (listener, security, &ours, &theirs);
  connection_test_pipe (&near, &far);
  message = aioproc_message_new (NULL);
  handle = aioproc_message_append_object (message, G_OBJECT (ours), &error);
  g_assert_no_error (error);
  g_assert_true (aioproc_connection_send (near, message, -1, NULL, &error));
  g_assert_no_error (error);
  g_clear_object (&message);
  received = aioproc_connection_recv (far, -1, NULL, &error);
  g_assert_no_error (error);
  passed = aioproc_message_dup_object (received, handle, &error);
  g_assert_no_error (error);
  g_clear_object (&received);
  g_assert_finalize_object (ours);

  listener_test_exchange (AIOPROC_CONNECTION (passed), theirs);
  g_assert_finalize_object (near);
  g_assert_finalize_object (far);
  g_assert_finalize_object (listener);
}

static void
test_not_accepted (void)
{
  AioprocListener *listener = listener_test_new (NULL, NULL);
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  g_autoptr(GAsyncResult) late = NULL;
  g_autoptr(GAsyncResult) cancelled = NULL;
  g_autoptr(GAsyncResult) once = NULL;
  g_autoptr(GAsyncResult) before = NULL;
  g_autoptr(GError) error = NULL;
  AioprocConnection *ours, *theirs;

  g_test_summary ("An accept that is over before somebody comes takes nobody");

  g_assert_null (aioproc_listener_try_accept (listener, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK);
  g_clear_error (&error);
  g_assert_null (aioproc_listener_accept (listener, 0, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
  g_clear_error (&error);
  g_assert_null (aioproc_listener_accept (listener, 1000, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
  g_clear_error (&error);

  aioproc_listener_accept_async (listener, 0, NULL, aioproc_test_store_result, &once);
  aioproc_listener_accept_async (listener, 1000, NULL, aioproc_test_store_result, &late);
  aioproc_listener_accept_async (listener, -1, cancellable, aioproc_test_store_result, &cancelled);
  g_cancellable_cancel (cancellable);
  aioproc_listener_accept_async (listener, -1, cancellable, aioproc_test_store_result, &before);
  g_assert_null (once);
  g_assert_null (cancelled);
  aioproc_test_wait (&once);
  g_assert_null (aioproc_listener_accept_finish (listener, once, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
  g_clear_error (&error);
  aioproc_test_wait (&late);
  g_assert_null (aioproc_listener_accept_finish (listener, late, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
  g_clear_error (&error);
  aioproc_test_wait (&cancelled);
  g_assert_null (aioproc_listener_accept_finish (listener, cancelled, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_clear_error (&error);
  aioproc_test_wait (&before);
  g_assert_null (aioproc_listener_accept_finish (listener, before, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_clear_error (&error);
  g_assert_null (aioproc_listener_accept (listener, -1, cancellable, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);

  listener_test_connect (listener, NULL, &ours, &theirs);
  listener_test_exchange (ours, theirs);
  g_clear_object (&once);
  g_clear_object (&late);
  g_clear_object (&cancelled);
  g_clear_object (&before);
  g_assert_finalize_object (listener);
}

static void
test_order (void)
{
  AioprocListener *listener = listener_test_new (NULL, NULL);
  g_autoptr(AioprocClient) client = aioproc_client_new (NULL);
  GSocketAddress *address = aioproc_listener_get_address (listener);
  GAsyncResult *accepted[3] = { NULL };
  g_autoptr(GError) error = NULL;

  g_test_summary ("Accepts get connections in their order, and try_accept() what is left");

  for (guint i = 0; i < G_N_ELEMENTS (accepted); i++)
    aioproc_listener_accept_async (listener, -1, NULL, aioproc_test_store_result, &accepted[i]);

  for (guint32 i = 0; i < G_N_ELEMENTS (accepted); i++)
    {
      g_autoptr(AioprocConnection) ours = NULL;
      g_autoptr(AioprocConnection) theirs = NULL;

      theirs = aioproc_client_connect_to (client, G_SOCKET_CONNECTABLE (address), -1, NULL, &error);
      g_assert_no_error (error);
      connection_test_send_number (theirs, i);
      aioproc_test_wait (&accepted[i]);
      ours = aioproc_listener_accept_finish (listener, accepted[i], &error);
      g_assert_no_error (error);
      g_assert_cmpuint (connection_test_recv_number (ours), ==, i);
      g_clear_object (&accepted[i]);
    }

  for (guint32 i = 0; i < 5; i++)
    {
      g_autoptr(AioprocConnection) theirs = NULL;
      g_autoptr(AioprocConnection) ours = NULL;

      theirs = aioproc_client_connect_to (client, G_SOCKET_CONNECTABLE (address), -1, NULL, &error);
      g_assert_no_error (error);
      connection_test_send_number (theirs, i);

      /* The client may know first that the handshake is over. */
      while ((ours = aioproc_listener_try_accept (listener, NULL)) == NULL)
        g_thread_yield ();

      g_assert_cmpuint (connection_test_recv_number (ours), ==, i);
    }

  g_assert_finalize_object (listener);
}

static gpointer
accept_thread (gpointer data)
{
  g_autoptr(AioprocConnection) connection = NULL;
  GError *error = NULL;

  connection = aioproc_listener_accept (data, -1, NULL, &error);
  g_assert_null (connection);

  return error;
}

static void
test_close (void)
{
  AioprocListener *listener = listener_test_new (NULL, NULL);
  g_autoptr(GAsyncResult) accepted = NULL;
  g_autoptr(GError) error = NULL;
  g_autoptr(GError) thread_error = NULL;
  GThread *thread = g_thread_new ("accept", accept_thread, listener);

  g_test_summary ("Accepts that wait end with the listener");

  aioproc_listener_accept_async (listener, -1, NULL, aioproc_test_store_result, &accepted);
  aioproc_listener_close (listener);
  g_assert_null (accepted);
  thread_error = g_thread_join (thread);
  g_assert_error (thread_error, G_IO_ERROR, G_IO_ERROR_CLOSED);
  aioproc_test_wait (&accepted);
  g_assert_null (aioproc_listener_accept_finish (listener, accepted, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CLOSED);
  g_clear_error (&error);
  g_assert_null (aioproc_listener_try_accept (listener, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CLOSED);
  g_clear_object (&accepted);
  g_assert_finalize_object (listener);
}

static void
assert_hung_up (int fd)
{
  char byte;

  g_assert_cmpint (recv (fd, &byte, 1, 0), <=, 0);
  g_assert_cmpint (close (fd), ==, 0);
}

static void
test_close_others (void)
{
  AioprocListener *listener = listener_test_new (NULL, NULL);
  g_autoptr(AioprocConnection) theirs = NULL;
  int silent[10];

  g_test_summary ("Whoever was not accepted finds the connection closed");

  for (guint i = 0; i < G_N_ELEMENTS (silent); i++)
    silent[i] = listener_test_connect_raw (listener);

  theirs = listener_test_connect_thread (listener);

  while (!aioproc_waitable_is_ready (AIOPROC_WAITABLE (listener)))
    g_thread_yield ();

  aioproc_listener_close (listener);
  connection_test_assert_recv (theirs, G_IO_ERROR_CLOSED);

  for (guint i = 0; i < G_N_ELEMENTS (silent); i++)
    assert_hung_up (silent[i]);

  g_assert_cmpuint (aioproc_listener_get_n_refused (listener), ==, 0);
  g_assert_finalize_object (listener);
}

static void
test_waitable (void)
{
  AioprocListener *listener = listener_test_new (NULL, NULL);
  AioprocWaitable *waitable = AIOPROC_WAITABLE (listener);
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(GPtrArray) closed = NULL;
  g_autoptr(GError) error = NULL;

  g_test_summary ("A listener is ready when somebody has arrived, or it is closed");

  for (guint i = 0; i < 4; i++)
    {
      g_autoptr(AioprocConnection) ours = NULL;
      g_autoptr(AioprocConnection) theirs = NULL;
      g_autoptr(GPtrArray) found = NULL;
      GThread *thread;

      g_assert_false (aioproc_waitable_is_ready (waitable));
      aioproc_wait_async (&waitable, 1, -1, NULL, aioproc_test_store_result, &result);
      thread = g_thread_new ("client", listener_test_connect_thread, listener);

      if (i % 2 == 0)
        {
          aioproc_test_wait (&result);
          found = aioproc_wait_finish (result, &error);
        }
      else
        {
          found = aioproc_wait (&waitable, 1, -1, NULL, &error);
          aioproc_test_wait (&result);
        }

      g_assert_no_error (error);
      g_assert_cmpuint (found->len, ==, 1);
      g_clear_object (&result);
      theirs = g_thread_join (thread);
      ours = aioproc_listener_try_accept (listener, &error);
      g_assert_no_error (error);
    }

  aioproc_wait_async (&waitable, 1, -1, NULL, aioproc_test_store_result, &result);
  g_assert_false (g_main_context_iteration (NULL, FALSE) && result != NULL);
  aioproc_listener_close (listener);
  g_assert_true (aioproc_waitable_is_ready (waitable));
  aioproc_test_wait (&result);
  closed = aioproc_wait_finish (result, &error);
  g_assert_no_error (error);
  g_clear_pointer (&closed, g_ptr_array_unref);
  g_clear_object (&result);
  g_assert_finalize_object (listener);
}

static void
test_backlog (void)
{
  AioprocListener *listener;
  GThread *threads[12];
  g_autoptr(GError) error = NULL;
  g_autoptr(GPtrArray) connections = g_ptr_array_new_with_free_func (g_object_unref);

  g_test_summary ("Those for whom there is no place yet come in later");

  listener = g_initable_new (AIOPROC_TYPE_LISTENER, NULL, &error, "backlog", 2, NULL);
  g_assert_no_error (error);
  g_assert_cmpuint (aioproc_listener_get_backlog (listener), ==, 2);

  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = g_thread_new ("client", listener_test_connect_thread, listener);

  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    {
      AioprocConnection *connection = aioproc_listener_accept (listener, -1, NULL, &error);

      g_assert_no_error (error);
      g_ptr_array_add (connections, connection);
    }

  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    g_ptr_array_add (connections, g_thread_join (threads[i]));

  g_assert_finalize_object (listener);
}

static void
test_uninitialized (void)
{
  AioprocListener *listener = g_object_new (AIOPROC_TYPE_LISTENER, NULL);
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(GError) error = NULL;

  g_test_summary ("A listener that could not be made says so");

  g_assert_null (aioproc_listener_get_address (listener));
  g_assert_null (aioproc_listener_dup_last_accepted (listener));
  g_assert_null (aioproc_listener_dup_last_refusal (listener));
  g_assert_cmpuint (aioproc_listener_get_n_refused (listener), ==, 0);
  g_assert_false (aioproc_listener_is_closed (listener));
  g_assert_true (aioproc_waitable_is_ready (AIOPROC_WAITABLE (listener)));
  g_assert_null (aioproc_listener_try_accept (listener, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_INITIALIZED);
  g_clear_error (&error);
  g_assert_null (aioproc_listener_accept (listener, -1, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_INITIALIZED);
  g_clear_error (&error);
  aioproc_listener_accept_async (listener, -1, NULL, aioproc_test_store_result, &result);
  aioproc_test_wait (&result);
  g_assert_null (aioproc_listener_accept_finish (listener, result, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_INITIALIZED);
  g_clear_object (&result);
  aioproc_listener_close (listener);
  g_assert_finalize_object (listener);
}

static void
test_forked (void)
{
  AioprocListener *listener = listener_test_new (NULL, NULL);
  AioprocConnection *ours, *theirs;
  int status;
  pid_t pid;

  g_test_summary ("The copy that a forked child has ends without an end to the listener");

  listener_test_connect (listener, NULL, &ours, &theirs);
  pid = fork ();

  if (pid == 0)
    {
      aioproc_listener_close (listener);
      g_object_unref (listener);
      _exit (0);
    }

  g_assert_cmpint (waitpid (pid, &status, 0), ==, pid);
  g_assert_true (WIFEXITED (status));
  g_assert_cmpint (WEXITSTATUS (status), ==, 0);
  g_assert_true (g_file_test (get_path (listener), G_FILE_TEST_EXISTS));
  listener_test_exchange (ours, theirs);
  listener_test_connect (listener, NULL, &ours, &theirs);
  listener_test_exchange (ours, theirs);
  g_assert_finalize_object (listener);
}

static void
test_nothing_left (void)
{
  AioprocListener *listener = listener_test_new (NULL, NULL);
  AioprocConnection *ours, *theirs;
  guint n_fds;

  g_test_summary ("Connections leave no descriptor behind");

  listener_test_connect (listener, NULL, &ours, &theirs);
  listener_test_exchange (ours, theirs);
  n_fds = aioproc_test_count_fds ();

  for (guint i = 0; i < 200; i++)
    {
      listener_test_connect (listener, NULL, &ours, &theirs);
      listener_test_exchange (ours, theirs);
    }

  g_assert_cmpuint (aioproc_test_count_fds (), ==, n_fds);
  g_assert_finalize_object (listener);
}

int
main (int    argc,
      char **argv)
{
  listener_test_init (&argc, &argv);

  for (guint i = 0; i < G_N_ELEMENTS (kinds); i++)
    {
      g_autofree char *path = g_strdup_printf ("/aioproc/listener/exchange/%s", kinds[i].name);

      aioproc_test_add_data_func (path, &kinds[i], test_exchange);
    }

  aioproc_test_add_data_func ("/aioproc/listener/blocking/unix", &kinds[0], test_blocking);
  aioproc_test_add_data_func ("/aioproc/listener/blocking/tcp", &kinds[2], test_blocking);
  aioproc_test_add_func ("/aioproc/listener/new/fresh", test_fresh);
  aioproc_test_add_func ("/aioproc/listener/new/not-private", test_not_private);
  aioproc_test_add_func ("/aioproc/listener/new/no-listen", test_no_listen);
  aioproc_test_add_func ("/aioproc/listener/new/path", test_path);
  aioproc_test_add_func ("/aioproc/listener/new/abstract", test_abstract);
  aioproc_test_add_func ("/aioproc/listener/new/port", test_port);
  aioproc_test_add_func ("/aioproc/listener/accept/passing", test_passing);
  aioproc_test_add_func ("/aioproc/listener/accept/not-accepted", test_not_accepted);
  aioproc_test_add_func ("/aioproc/listener/accept/order", test_order);
  aioproc_test_add_func ("/aioproc/listener/accept/backlog", test_backlog);
  aioproc_test_add_func ("/aioproc/listener/accept/nothing-left", test_nothing_left);
  aioproc_test_add_func ("/aioproc/listener/close/accepts", test_close);
  aioproc_test_add_func ("/aioproc/listener/close/others", test_close_others);
  aioproc_test_add_func ("/aioproc/listener/close/forked", test_forked);
  aioproc_test_add_func ("/aioproc/listener/waitable/ready", test_waitable);
  aioproc_test_add_func ("/aioproc/listener/uninitialized/all", test_uninitialized);

  return listener_test_run ();
}
