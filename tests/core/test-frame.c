/* test-frame.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "aioproc-event.h"
#include "aioproc-lock.h"
#include "core/aioproc-message-private.h"

#include "aioproc-test-frame.h"
#include "aioproc-test.h"

static const AioprocFrameInfo plain = { AIOPROC_FRAME_MESSAGE, 0 };

static void
test_frame_layout (void)
{
  static const guint8 expected[] = {
    'A', 'I', 'O', 1,   5, 0,   1, 0,   0x04, 0x03, 0x02, 0x01,   2, 0, 0, 0,
    0, 0, 0, 0,   12, 0, 0, 0,   56, 0, 0, 0, 0, 0, 0, 0,
    /* table */
    1, 0,   0, 0,   0, 0, 0, 0,   3, 0, 0, 0, 0, 0, 0, 0,
    3, 0,   1, 0,   0, 0, 0, 0,   0, 0, 0, 0, 0, 0, 0, 0,
    /* body */
    'i', 0, 0, 0, 0, 0, 0, 0,   0xfe, 0xff, 0xff, 0xff,   0, 0, 0, 0,
    /* bytes */
    'a', 'b', 'c', 0, 0, 0, 0, 0,
  };
  const AioprocFrameInfo info = { AIOPROC_FRAME_RESULT, 0x01020304 };
  g_autoptr(AioprocMessage) message = aioproc_message_new (g_variant_new_int32 (-2));
  g_autoptr(GBytes) bytes = g_bytes_new_static ("abc", 3);
  g_autoptr(GBytes) flat = NULL;
  g_autoptr(GError) error = NULL;
  int fds[AIOPROC_FDS_MAX];
  guint n_fds;

  g_test_summary ("The bytes are those that the documentation shows");

  aioproc_message_append_bytes (message, bytes);
  aioproc_message_append_fd (message, STDERR_FILENO, &error);
  g_assert_no_error (error);
  flat = aioproc_test_frame_flatten (aioproc_frame_new (&info, message, &error), fds, &n_fds);
  g_assert_cmpuint (n_fds, ==, 1);
  aioproc_fds_close_all (fds, n_fds);
  g_assert_cmpmem (g_bytes_get_data (flat, NULL), g_bytes_get_size (flat),
                   expected, sizeof expected);
}

static void
test_frame_kinds (void)
{
  g_test_summary ("Each kind crosses with its serial, and an empty frame is a header");

  for (int kind = 0; kind <= AIOPROC_FRAME_LAST; kind++)
    {
      const AioprocFrameInfo sent = { kind, G_MAXUINT32 - kind };
      AioprocFrameInfo info = { 0 };
      g_autoptr(AioprocMessage) received = NULL;
      g_autoptr(GError) error = NULL;
      AioprocFrame *frame;

      frame = aioproc_frame_new (&sent, NULL, &error);
      g_assert_no_error (error);
      g_assert_cmpuint (aioproc_frame_get_length (frame), ==, 32);
      received = aioproc_test_frame_transfer (frame, &info);
      g_assert_cmpint (info.kind, ==, kind);
      g_assert_cmpuint (info.serial, ==, G_MAXUINT32 - kind);
      g_assert_null (aioproc_message_dup_body (received));
      g_assert_cmpuint (aioproc_message_get_n_handles (received), ==, 0);
    }
}

static void
test_frame_body (void)
{
  static const gsize sizes[] = { 0, 1, 7, 8, 9, 1000, 32 * 1024 - 9, 32 * 1024 - 8, 32 * 1024 - 7,
                                 32 * 1024, 1024 * 1024 + 3 };

  g_test_summary ("Bodies of all sizes come back equal, in a copy or from where they are");

  for (gsize i = 0; i < G_N_ELEMENTS (sizes); i++)
    {
      g_autoptr(GBytes) bytes = aioproc_test_frame_pattern (sizes[i]);
      g_autoptr(GVariant) body = NULL;
      g_autoptr(GVariant) received_body = NULL;
      g_autoptr(AioprocMessage) message = NULL;
      g_autoptr(AioprocMessage) received = NULL;

      message = aioproc_message_new (
        g_variant_new ("(s@ayx)", "text",
                       g_variant_new_from_bytes (G_VARIANT_TYPE_BYTESTRING, bytes, TRUE),
                       (gint64) -1));
      aioproc_message_append_bytes (message, bytes);
      received = aioproc_test_frame_send (message);
      body = aioproc_message_dup_body (message);
      received_body = aioproc_message_dup_body (received);
      g_assert_cmpvariant (received_body, body);
    }
}

static void
test_frame_bytes (void)
{
  static const gsize sizes[] = {
    0, 1, 8, 4095, 32 * 1024, 32 * 1024 + 1, AIOPROC_FRAME_SEALED_MIN - 1, AIOPROC_FRAME_SEALED_MIN,
    AIOPROC_FRAME_SEALED_MIN + 1, 3 * 1024 * 1024 + 5, 2,
  };
  guint n_fds = aioproc_test_count_fds ();

  g_test_summary ("Bytes of all sizes come back equal, within the frame or as sealed memory");

  /* One by one, then all in one message. */
  for (gsize from = 0; from <= G_N_ELEMENTS (sizes); from++)
    {
      gsize first = from < G_N_ELEMENTS (sizes) ? from : 0;
      gsize last = from < G_N_ELEMENTS (sizes) ? from : G_N_ELEMENTS (sizes) - 1;
      g_autoptr(AioprocMessage) message = aioproc_message_new (g_variant_new_string ("body"));
      g_autoptr(AioprocMessage) received = NULL;

      for (gsize i = first; i <= last; i++)
        {
          g_autoptr(GBytes) bytes = aioproc_test_frame_pattern (sizes[i]);

          aioproc_message_append_bytes (message, bytes);
        }

      received = aioproc_test_frame_send (message);
      g_clear_object (&message);
      g_assert_cmpuint (aioproc_message_get_n_handles (received), ==, last - first + 1);

      for (gsize i = first; i <= last; i++)
        {
          g_autoptr(GBytes) bytes = aioproc_test_frame_pattern (sizes[i]);
          g_autoptr(GBytes) found = NULL;
          g_autoptr(GError) error = NULL;

          found = aioproc_message_dup_bytes (received, (int) (i - first), &error);
          g_assert_no_error (error);
          g_assert_true (g_bytes_equal (found, bytes));
          g_assert_cmpuint ((gsize) g_bytes_get_data (found, NULL) % 8, ==, 0);
        }

      g_assert_cmpuint (aioproc_test_count_fds (), ==, n_fds);
    }
}

static void
test_frame_bytes_forward (void)
{
  g_autoptr(AioprocMessage) message = aioproc_message_new (NULL);
  g_autoptr(GBytes) bytes = aioproc_test_frame_pattern (1024 * 1024);
  g_autoptr(GBytes) found = NULL;
  g_autoptr(GError) error = NULL;

  g_test_summary ("A message that was received can be sent on");

  aioproc_message_append_bytes (message, bytes);

  for (int i = 0; i < 3; i++)
    {
      AioprocMessage *received = aioproc_test_frame_send (message);

      g_object_unref (message);
      message = received;
    }

  found = aioproc_message_dup_bytes (message, 0, &error);
  g_assert_no_error (error);
  g_assert_true (g_bytes_equal (found, bytes));
}

static void
test_frame_fds (void)
{
  guint n_before = aioproc_test_count_fds ();
  AioprocMessage *message = aioproc_message_new (NULL);
  AioprocMessage *received;
  g_autoptr(GBytes) bytes = g_bytes_new_static ("abc", 3);

  g_test_summary ("As many descriptors as possible come in their order, among other parts");

  for (int i = 0; i < AIOPROC_FDS_MAX; i++)
    {
      g_autofree char *text = g_strdup_printf ("content %d", i);
      int fd = aioproc_test_frame_file (text);

      aioproc_message_take_fd (message, fd);

      if (i % 10 == 0)
        aioproc_message_append_bytes (message, bytes);
    }

  received = aioproc_test_frame_send (message);
  g_assert_finalize_object (message);

  for (int i = 0, handle = 0; i < AIOPROC_FDS_MAX; i++, handle++)
    {
      g_autofree char *text = g_strdup_printf ("content %d", i);
      g_autoptr(GError) error = NULL;
      int fd;

      fd = aioproc_message_dup_fd (received, handle, &error);
      g_assert_no_error (error);
      g_assert_cmpint (fcntl (fd, F_GETFD) & FD_CLOEXEC, ==, FD_CLOEXEC);
      aioproc_test_frame_assert_file (fd, text);
      close (fd);

      if (i % 10 == 0)
        handle++;
    }

  g_assert_finalize_object (received);
  g_assert_cmpuint (aioproc_test_count_fds (), ==, n_before);
}

static void
test_frame_too_many_fds (void)
{
  guint n_before = aioproc_test_count_fds ();
  g_autoptr(AioprocMessage) message = aioproc_message_new (NULL);
  g_autoptr(AioprocFrame) frame = NULL;
  g_autoptr(GError) error = NULL;

  g_test_summary ("One descriptor too many is an error of the sender");

  for (int i = 0; i <= AIOPROC_FDS_MAX; i++)
    {
      aioproc_message_append_fd (message, STDERR_FILENO, &error);
      g_assert_no_error (error);
    }

  frame = aioproc_frame_new (&plain, message, &error);
  g_assert_null (frame);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_MESSAGE_TOO_LARGE);
  g_clear_error (&error);

  g_clear_object (&message);
  message = aioproc_message_new (NULL);
  aioproc_message_append_fd (message, STDERR_FILENO, &error);
  frame = aioproc_frame_new_full (&plain, message, 0, &error);
  g_assert_null (frame);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED);
  g_clear_object (&message);
  g_assert_cmpuint (aioproc_test_count_fds (), ==, n_before);
}

static void
test_frame_objects (void)
{
  guint n_before;
  g_autoptr(AioprocLock) lock = NULL;
  g_autoptr(AioprocEvent) event = NULL;
  AioprocMessage *message = aioproc_message_new (NULL);
  AioprocMessage *received;
  g_autoptr(GBytes) bytes = g_bytes_new_static ("abc", 3);
  g_autoptr(GError) error = NULL;

  g_test_summary ("An object that comes back to its process is the same object");

  lock = aioproc_lock_new (&error);
  g_assert_no_error (error);
  event = aioproc_event_new (&error);
  g_assert_no_error (error);
  n_before = aioproc_test_count_fds ();

  g_assert_cmpint (aioproc_message_append_object (message, G_OBJECT (lock), &error), ==, 0);
  g_assert_cmpint (aioproc_message_append_bytes (message, bytes), ==, 1);
  g_assert_cmpint (aioproc_message_append_object (message, G_OBJECT (event), &error), ==, 2);
  g_assert_cmpint (aioproc_message_append_object (message, G_OBJECT (lock), &error), ==, 3);
  g_assert_no_error (error);

  received = aioproc_test_frame_send (message);
  g_assert_finalize_object (message);

  for (int handle = 0; handle < 4; handle++)
    {
      g_autoptr(GObject) object = NULL;

      if (handle == 1)
        continue;

      object = aioproc_message_dup_object (received, handle, &error);
      g_assert_no_error (error);
      g_assert_true (object == (handle == 2 ? G_OBJECT (event) : G_OBJECT (lock)));
    }

  g_assert_null (aioproc_message_dup_object (received, 1, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT);
  g_clear_error (&error);
  g_assert_null (aioproc_message_dup_bytes (received, 0, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT);
  g_assert_nonnull (strstr (error->message, "AioprocLock"));

  g_assert_finalize_object (received);
  g_assert_cmpuint (aioproc_test_count_fds (), ==, n_before);
}

static void
test_frame_object_not_initialized (void)
{
  guint n_before = aioproc_test_count_fds ();
  g_autoptr(AioprocMessage) message = aioproc_message_new (NULL);
  g_autoptr(AioprocLock) lock = aioproc_test_new_uninitialized (AIOPROC_TYPE_LOCK);
  g_autoptr(AioprocFrame) frame = NULL;
  g_autoptr(GError) error = NULL;

  g_test_summary ("An object that could not be initialised is an error of the sender");

  aioproc_message_append_fd (message, STDERR_FILENO, &error);
  aioproc_message_append_object (message, G_OBJECT (lock), &error);
  g_assert_no_error (error);
  frame = aioproc_frame_new (&plain, message, &error);
  g_assert_null (frame);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_INITIALIZED);
  g_clear_object (&message);
  g_assert_cmpuint (aioproc_test_count_fds (), ==, n_before);
}

static void
test_frame_no_fds_left (void)
{
  g_autoptr(AioprocMessage) message = aioproc_message_new (NULL);
  g_autoptr(AioprocLock) lock = NULL;
  g_autoptr(AioprocFrame) frame = NULL;
  g_autoptr(GBytes) large = aioproc_test_frame_pattern (AIOPROC_FRAME_SEALED_MIN);
  g_autoptr(GError) error = NULL;
  guint n_before;
  int n_free = 0;

  g_test_summary ("Descriptors that this process has no room for are an error of the sender");

  lock = aioproc_lock_new (&error);
  g_assert_no_error (error);
  aioproc_message_append_bytes (message, large);
  aioproc_message_append_object (message, G_OBJECT (lock), &error);
  aioproc_message_append_fd (message, STDERR_FILENO, &error);
  aioproc_message_append_object (message, G_OBJECT (lock), &error);
  g_assert_no_error (error);
  n_before = aioproc_test_count_fds ();

  /* One more each time, until there are enough. */
  for (; frame == NULL; n_free++)
    {
      struct rlimit limit;
      struct rlimit full;
      int next;

      g_clear_error (&error);
      next = aioproc_fds_dup (STDERR_FILENO, &error);
      g_assert_no_error (error);
      close (next);
      g_assert_cmpint (getrlimit (RLIMIT_NOFILE, &limit), ==, 0);
      full = limit;
      full.rlim_cur = next + n_free;
      g_assert_cmpint (setrlimit (RLIMIT_NOFILE, &full), ==, 0);
      frame = aioproc_frame_new (&plain, message, &error);
      g_assert_cmpint (setrlimit (RLIMIT_NOFILE, &limit), ==, 0);

      if (frame == NULL)
        {
          g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TOO_MANY_OPEN_FILES);
          g_assert_cmpuint (aioproc_test_count_fds (), ==, n_before);
        }
    }

  /* Two for each object, one for the bytes; what is only needed for a moment may come on top. */
  g_assert_cmpint (n_free, >=, 5);
  g_clear_pointer (&frame, aioproc_frame_free);
  g_assert_cmpuint (aioproc_test_count_fds (), ==, n_before);
}

/* Forked before the parent had a thread. Returns what is wrong, or 0. */
static int
run_child (int socket_fd)
{
  g_autoptr(AioprocFrameReader) reader = aioproc_frame_reader_new (socket_fd, G_MAXUINT64);
  g_autoptr(AioprocMessage) message = NULL;
  g_autoptr(GObject) lock = NULL;
  g_autoptr(GObject) same = NULL;
  g_autoptr(GObject) event = NULL;
  g_autoptr(GError) error = NULL;
  AioprocFrameInfo info;

  if (aioproc_frame_reader_read (reader, FALSE, &info, &message, &error) != AIOPROC_IO_OK)
    return 1;

  lock = aioproc_message_dup_object (message, 0, NULL);
  event = aioproc_message_dup_object (message, 1, NULL);
  same = aioproc_message_dup_object (message, 2, NULL);

  if (!AIOPROC_IS_LOCK (lock) || !AIOPROC_IS_EVENT (event) || same != lock)
    return 2;

  /* The parent holds it, until the event is set. */
  if (aioproc_lock_try_acquire (AIOPROC_LOCK (lock), &error))
    return 3;

  if (!aioproc_event_set (AIOPROC_EVENT (event), NULL))
    return 4;

  if (!aioproc_lock_acquire (AIOPROC_LOCK (lock), -1, NULL, NULL))
    return 5;

  return 0;
}

static void
test_frame_objects_across (void)
{
  g_autoptr(AioprocLock) lock = NULL;
  g_autoptr(AioprocEvent) event = NULL;
  g_autoptr(AioprocMessage) message = NULL;
  g_autoptr(AioprocFrame) frame = NULL;
  g_autoptr(GError) error = NULL;
  gboolean done;
  int sockets[2];
  int status;
  pid_t pid;

  g_test_summary ("Objects that reach another process are the same lock and event there");

  g_assert_true (aioproc_fds_socketpair (SOCK_STREAM, sockets, &error));
  pid = fork ();
  g_assert_cmpint (pid, >=, 0);

  if (pid == 0)
    {
      close (sockets[0]);
      _exit (run_child (sockets[1]));
    }

  aioproc_fds_close_all (sockets + 1, 1);
  lock = aioproc_lock_new (&error);
  g_assert_no_error (error);
  event = aioproc_event_new (&error);
  g_assert_no_error (error);
  g_assert_true (aioproc_lock_try_acquire (lock, &error));

  message = aioproc_message_new (g_variant_new ("(hhh)", 0, 1, 2));
  aioproc_message_append_object (message, G_OBJECT (lock), &error);
  aioproc_message_append_object (message, G_OBJECT (event), &error);
  aioproc_message_append_object (message, G_OBJECT (lock), &error);
  frame = aioproc_frame_new (&plain, message, &error);
  g_assert_no_error (error);
  g_assert_true (aioproc_frame_write (frame, sockets[0], FALSE, &done, &error));

  g_assert_true (aioproc_event_wait (event, -1, NULL, &error));
  g_assert_no_error (error);
  g_assert_true (aioproc_lock_release (lock, &error));
  g_assert_cmpint (waitpid (pid, &status, 0), ==, pid);
  g_assert_true (WIFEXITED (status));
  g_assert_cmpint (WEXITSTATUS (status), ==, 0);
  aioproc_fds_close_all (sockets, 1);
}

static void
test_frame_bytes_without_fds (void)
{
  static const guint budgets[] = { 0, 1, 3, AIOPROC_FDS_MAX };
  const guint n_parts = 4;
  g_autoptr(GBytes) bytes = aioproc_test_frame_pattern (AIOPROC_FRAME_SEALED_MIN);
  g_autoptr(AioprocMessage) message = aioproc_message_new (NULL);

  g_test_summary ("Large bytes for which no descriptor is left travel within the frame");

  for (guint i = 0; i < n_parts; i++)
    aioproc_message_append_bytes (message, bytes);

  for (gsize i = 0; i < G_N_ELEMENTS (budgets); i++)
    {
      guint n_inline = n_parts - MIN (n_parts, budgets[i]);
      g_autoptr(AioprocMessage) received = NULL;
      g_autoptr(GError) error = NULL;
      AioprocFrameInfo info;
      AioprocFrame *frame;

      frame = aioproc_frame_new_full (&plain, message, budgets[i], &error);
      g_assert_no_error (error);
      g_assert_cmpuint (aioproc_frame_get_length (frame), ==,
                        32 + n_parts * 16 + n_inline * AIOPROC_FRAME_SEALED_MIN);
      received = aioproc_test_frame_transfer (frame, &info);

      for (guint handle = 0; handle < n_parts; handle++)
        {
          g_autoptr(GBytes) found = aioproc_message_dup_bytes (received, (int) handle, &error);

          g_assert_no_error (error);
          g_assert_true (g_bytes_equal (found, bytes));
        }
    }
}

static void
test_frame_bytes_beside_fds (void)
{
  g_autoptr(GBytes) bytes = aioproc_test_frame_pattern (AIOPROC_FRAME_SEALED_MIN);
  g_autoptr(AioprocMessage) message = aioproc_message_new (NULL);
  g_autoptr(AioprocMessage) received = NULL;
  g_autoptr(GBytes) found = NULL;
  g_autoptr(GError) error = NULL;

  g_test_summary ("Large bytes leave the descriptors to what needs them");

  aioproc_message_append_bytes (message, bytes);

  for (int i = 0; i < AIOPROC_FDS_MAX; i++)
    {
      aioproc_message_append_fd (message, STDERR_FILENO, &error);
      g_assert_no_error (error);
    }

  received = aioproc_test_frame_send (message);
  found = aioproc_message_dup_bytes (received, 0, &error);
  g_assert_no_error (error);
  g_assert_true (g_bytes_equal (found, bytes));
}

static void
test_frame_too_large (void)
{
  g_autoptr(AioprocMessage) message = aioproc_message_new (NULL);
  g_autoptr(GBytes) bytes = aioproc_test_frame_pattern (8);
  g_autoptr(GBytes) large = aioproc_test_frame_pattern (1024 * 1024);
  g_autoptr(AioprocMessage) received = NULL;
  g_autoptr(AioprocFrame) frame = NULL;
  g_autoptr(GVariant) nested = NULL;
  g_autoptr(GError) error = NULL;

  g_test_summary ("What no receiver would take is an error of the sender");

  for (guint i = 0; i < AIOPROC_FRAME_MAX_PARTS; i++)
    aioproc_message_append_bytes (message, bytes);

  received = aioproc_test_frame_send (message);
  g_assert_cmpuint (aioproc_message_get_n_handles (received), ==, AIOPROC_FRAME_MAX_PARTS);

  aioproc_message_append_bytes (message, bytes);
  frame = aioproc_frame_new (&plain, message, &error);
  g_assert_null (frame);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_MESSAGE_TOO_LARGE);
  g_clear_error (&error);

  g_clear_object (&message);
  message = aioproc_message_new (NULL);
  for (guint i = 0; i < 1024; i++)
    aioproc_message_append_bytes (message, large);
  frame = aioproc_frame_new_full (&plain, message, 0, &error);
  g_assert_null (frame);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_MESSAGE_TOO_LARGE);
  g_clear_error (&error);

  g_clear_object (&message);
  nested = g_variant_ref_sink (g_variant_new_byte (1));
  for (int i = 0; i < 32; i++)
    {
      GVariant *outer = g_variant_ref_sink (g_variant_new_variant (nested));

      g_variant_unref (nested);
      nested = outer;
    }
  message = aioproc_message_new (nested);
  frame = aioproc_frame_new (&plain, message, &error);
  g_assert_null (frame);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT);
}

int
main (int   argc,
      char *argv[])
{
  aioproc_test_init (&argc, &argv);

  /* The first that makes objects: before there is a thread. */
  aioproc_test_add_func ("/aioproc/frame/objects/across", test_frame_objects_across);
  aioproc_test_add_func ("/aioproc/frame/objects/same", test_frame_objects);
  aioproc_test_add_func ("/aioproc/frame/objects/not-initialized",
                         test_frame_object_not_initialized);
  aioproc_test_add_func ("/aioproc/frame/objects/no-fds-left", test_frame_no_fds_left);
  aioproc_test_add_func ("/aioproc/frame/layout", test_frame_layout);
  aioproc_test_add_func ("/aioproc/frame/kinds", test_frame_kinds);
  aioproc_test_add_func ("/aioproc/frame/body", test_frame_body);
  aioproc_test_add_func ("/aioproc/frame/bytes", test_frame_bytes);
  aioproc_test_add_func ("/aioproc/frame/bytes-forward", test_frame_bytes_forward);
  aioproc_test_add_func ("/aioproc/frame/bytes-without-fds", test_frame_bytes_without_fds);
  aioproc_test_add_func ("/aioproc/frame/bytes-beside-fds", test_frame_bytes_beside_fds);
  aioproc_test_add_func ("/aioproc/frame/fds", test_frame_fds);
  aioproc_test_add_func ("/aioproc/frame/too-many-fds", test_frame_too_many_fds);
  aioproc_test_add_func ("/aioproc/frame/too-large", test_frame_too_large);

  return g_test_run ();
}
