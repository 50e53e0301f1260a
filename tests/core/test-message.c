/* test-message.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <sys/resource.h>

#include "aioproc-error.h"
#include "core/aioproc-message-private.h"

#include "aioproc-test-frame.h"
#include "aioproc-test.h"

static void
test_message_body (void)
{
  AioprocMessage *message = aioproc_message_new (NULL);
  g_autoptr(GVariant) value = g_variant_ref_sink (g_variant_new_int32 (3));
  g_autoptr(GVariant) body = NULL;

  g_test_summary ("A message has a body or none, and takes a floating one");

  g_assert_null (aioproc_message_dup_body (message));

  aioproc_message_set_body (message, value);
  body = aioproc_message_dup_body (message);
  g_assert_true (body == value);
  g_clear_pointer (&body, g_variant_unref);

  aioproc_message_set_body (message, value);
  aioproc_message_set_body (message, g_variant_new_string ("floating"));
  body = aioproc_message_dup_body (message);
  g_assert_cmpstr (g_variant_get_string (body, NULL), ==, "floating");
  g_assert_false (g_variant_is_floating (body));

  aioproc_message_set_body (message, NULL);
  g_assert_null (aioproc_message_dup_body (message));
  g_assert_finalize_object (message);

  message = aioproc_message_new (g_variant_new_string ("floating"));
  g_clear_pointer (&body, g_variant_unref);
  body = aioproc_message_dup_body (message);
  g_assert_cmpstr (g_variant_get_string (body, NULL), ==, "floating");
  g_assert_finalize_object (message);
}

static void
test_message_bytes (void)
{
  AioprocMessage *message = aioproc_message_new (NULL);
  g_autoptr(GBytes) bytes = g_bytes_new_static ("abc", 3);
  g_autoptr(GBytes) copy = NULL;
  g_autoptr(GError) error = NULL;

  g_test_summary ("Bytes are numbered from 0 on, and are found by their number");

  g_assert_cmpuint (aioproc_message_get_n_handles (message), ==, 0);
  g_assert_cmpint (aioproc_message_append_bytes (message, bytes), ==, 0);
  g_assert_cmpint (aioproc_message_append_bytes (message, bytes), ==, 1);
  g_assert_cmpuint (aioproc_message_get_n_handles (message), ==, 2);

  copy = aioproc_message_dup_bytes (message, 1, &error);
  g_assert_no_error (error);
  g_assert_true (copy == bytes);
  g_assert_finalize_object (message);
}

static void
test_message_fd (void)
{
  guint n_fds = aioproc_test_count_fds ();
  AioprocMessage *message = aioproc_message_new (NULL);
  g_autoptr(GError) error = NULL;
  int fd = aioproc_test_frame_file ("content");
  int copy;

  g_test_summary ("A message has a descriptor of its own, and gives out others of their own");

  g_assert_cmpint (aioproc_message_append_fd (message, fd, &error), ==, 0);
  g_assert_no_error (error);
  close (fd);

  copy = aioproc_message_dup_fd (message, 0, &error);
  g_assert_no_error (error);
  g_assert_cmpint (fcntl (copy, F_GETFD) & FD_CLOEXEC, ==, FD_CLOEXEC);
  g_assert_finalize_object (message);
  aioproc_test_frame_assert_file (copy, "content");
  close (copy);
  g_assert_cmpuint (aioproc_test_count_fds (), ==, n_fds);
}

static void
test_message_fd_bad (void)
{
  AioprocMessage *message = aioproc_message_new (NULL);
  g_autoptr(GError) error = NULL;
  struct rlimit limit;
  struct rlimit full;
  int fd;

  g_test_summary ("A descriptor that is none, or one too many, is an error");

  g_assert_cmpint (aioproc_message_append_fd (message, -1, &error), ==, -1);
  g_assert_nonnull (error);
  g_assert_cmpuint (error->domain, ==, G_IO_ERROR);
  g_clear_error (&error);

  g_assert_cmpint (aioproc_message_append_fd (message, 1 << 20, &error), ==, -1);
  g_assert_nonnull (error);
  g_assert_cmpuint (error->domain, ==, G_IO_ERROR);
  g_clear_error (&error);

  fd = aioproc_test_frame_file ("content");
  g_assert_cmpint (aioproc_message_append_fd (message, fd, &error), ==, 0);
  g_assert_no_error (error);

  g_assert_cmpint (getrlimit (RLIMIT_NOFILE, &limit), ==, 0);
  full = limit;
  full.rlim_cur = fd + 1;
  g_assert_cmpint (setrlimit (RLIMIT_NOFILE, &full), ==, 0);
  g_assert_cmpint (aioproc_message_append_fd (message, fd, &error), ==, -1);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TOO_MANY_OPEN_FILES);
  g_clear_error (&error);
  g_assert_cmpint (aioproc_message_dup_fd (message, 0, &error), ==, -1);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TOO_MANY_OPEN_FILES);
  g_assert_cmpint (setrlimit (RLIMIT_NOFILE, &limit), ==, 0);

  g_assert_cmpuint (aioproc_message_get_n_handles (message), ==, 1);
  g_assert_finalize_object (message);
  close (fd);
}

static void
test_message_not_shareable (void)
{
  AioprocMessage *message = aioproc_message_new (NULL);
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  g_autoptr(GError) error = NULL;

  g_test_summary ("An object that cannot be shared is refused, by its type");

  g_assert_cmpint (aioproc_message_append_object (message, G_OBJECT (cancellable), &error), ==, -1);
  g_assert_error (error, AIOPROC_ERROR, AIOPROC_ERROR_NOT_SHAREABLE);
  g_assert_nonnull (strstr (error->message, "GCancellable"));
  g_assert_cmpuint (aioproc_message_get_n_handles (message), ==, 0);
  g_assert_finalize_object (message);
}

static void
test_message_wrong_handle (void)
{
  AioprocMessage *message = aioproc_message_new (NULL);
  g_autoptr(GBytes) bytes = g_bytes_new_static ("abc", 3);
  int fd = aioproc_test_frame_file ("content");
  const int missing[] = { -1, 2, G_MAXINT, G_MININT };

  g_test_summary ("A handle that is not there, or stands for something else, is an error");

  g_assert_cmpint (aioproc_message_append_bytes (message, bytes), ==, 0);
  g_assert_cmpint (aioproc_message_append_fd (message, fd, NULL), ==, 1);

  for (gsize i = 0; i < G_N_ELEMENTS (missing); i++)
    {
      g_autoptr(GError) object_error = NULL;
      g_autoptr(GError) bytes_error = NULL;
      g_autoptr(GError) fd_error = NULL;

      g_assert_null (aioproc_message_dup_object (message, missing[i], &object_error));
      g_assert_error (object_error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
      g_assert_null (aioproc_message_dup_bytes (message, missing[i], &bytes_error));
      g_assert_error (bytes_error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
      g_assert_cmpint (aioproc_message_dup_fd (message, missing[i], &fd_error), ==, -1);
      g_assert_error (fd_error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
    }

  for (int handle = 0; handle < 2; handle++)
    {
      g_autoptr(GError) object_error = NULL;
      g_autoptr(GError) error = NULL;

      g_assert_null (aioproc_message_dup_object (message, handle, &object_error));
      g_assert_error (object_error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT);

      if (handle == 0)
        g_assert_cmpint (aioproc_message_dup_fd (message, handle, &error), ==, -1);
      else
        g_assert_null (aioproc_message_dup_bytes (message, handle, &error));

      g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT);
      g_assert_nonnull (strstr (error->message, handle == 0 ? "is bytes" : "is a descriptor"));
    }

  g_assert_finalize_object (message);
  close (fd);
}

static void
test_message_derive (void)
{
  AioprocMessage *message = aioproc_message_new (g_variant_new_string ("one"));
  AioprocMessage *derived;
  g_autoptr(GBytes) bytes = g_bytes_new_static ("abc", 3);
  g_autoptr(GBytes) found = NULL;
  g_autoptr(GVariant) body = NULL;
  g_autoptr(GError) error = NULL;
  guint n_fds = aioproc_test_count_fds ();
  int fd = aioproc_test_frame_file ("content");
  int copy;

  g_test_summary ("A derived message has the handles of the first, and outlives it");

  aioproc_message_append_bytes (message, bytes);
  aioproc_message_append_fd (message, fd, &error);
  g_assert_no_error (error);
  close (fd);

  derived = aioproc_message_derive (message, g_variant_new_string ("two"));
  g_assert_cmpuint (aioproc_test_count_fds (), ==, n_fds + 1);

  /* What is appended to one is not in the other. */
  g_assert_cmpint (aioproc_message_append_bytes (derived, bytes), ==, 2);
  g_assert_cmpuint (aioproc_message_get_n_handles (message), ==, 2);
  g_assert_finalize_object (message);

  body = aioproc_message_dup_body (derived);
  g_assert_cmpstr (g_variant_get_string (body, NULL), ==, "two");
  found = aioproc_message_dup_bytes (derived, 0, &error);
  g_assert_no_error (error);
  g_assert_true (found == bytes);
  copy = aioproc_message_dup_fd (derived, 1, &error);
  aioproc_test_frame_assert_file (copy, "content");
  close (copy);
  g_assert_finalize_object (derived);
  g_assert_cmpuint (aioproc_test_count_fds (), ==, n_fds);

  derived = aioproc_message_derive (NULL, NULL);
  g_assert_null (aioproc_message_dup_body (derived));
  g_assert_cmpuint (aioproc_message_get_n_handles (derived), ==, 0);
  g_assert_finalize_object (derived);
}

int
main (int   argc,
      char *argv[])
{
  aioproc_test_init (&argc, &argv);

  aioproc_test_add_func ("/aioproc/message/body", test_message_body);
  aioproc_test_add_func ("/aioproc/message/bytes", test_message_bytes);
  aioproc_test_add_func ("/aioproc/message/fd", test_message_fd);
  aioproc_test_add_func ("/aioproc/message/fd-bad", test_message_fd_bad);
  aioproc_test_add_func ("/aioproc/message/not-shareable", test_message_not_shareable);
  aioproc_test_add_func ("/aioproc/message/wrong-handle", test_message_wrong_handle);
  aioproc_test_add_func ("/aioproc/message/derive", test_message_derive);

  return g_test_run ();
}
