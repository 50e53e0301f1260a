/* child-worker.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "child-worker.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "child-test.h"
#include "core/aioproc-codec-private.h"

static int control;

static void
send_frame (AioprocFrameKind  kind,
            GVariant         *body)
{
  AioprocFrameInfo info = { .kind = kind };
  g_autoptr(AioprocMessage) message = aioproc_message_new (body);
  g_autoptr(AioprocFrame) frame = NULL;
  g_autoptr(GError) error = NULL;
  gboolean done;

  frame = aioproc_frame_new (&info, message, &error);
  g_assert_no_error (error);

  /* The application may have gone. */
  if (!aioproc_frame_write (frame, control, FALSE, &done, &error))
    _exit (99);
}

G_NORETURN static void
hang (void)
{
  for (;;)
    pause ();
}

G_NORETURN static void
end (int status)
{
  send_frame (AIOPROC_FRAME_EXIT, g_variant_new ("(i)", status));
  _exit (status);
}

static guint64
read_status_number (const char *key,
                    guint       base)
{
  g_autofree char *text = NULL;
  const char *line;

  g_file_get_contents ("/proc/self/status", &text, NULL, NULL);
  g_assert_nonnull (text);
  line = strstr (text, key);
  g_assert_nonnull (line);

  return g_ascii_strtoull (line + strlen (key), NULL, base);
}

static void
add_limit (GVariantDict *dict,
           const char   *key,
           int           resource)
{
  struct rlimit limit;

  g_assert_cmpint (getrlimit (resource, &limit), ==, 0);
  g_variant_dict_insert (dict, key, "(tt)", (guint64) limit.rlim_cur, (guint64) limit.rlim_max);
}

static GVariant *
describe (int hangup_fd)
{
  g_auto(GVariantDict) dict = G_VARIANT_DICT_INIT (NULL);
  g_autofree char *input = g_file_read_link ("/proc/self/fd/0", NULL);
  g_autofree char *directory = g_get_current_dir ();
  g_autofree char *environment = g_strjoinv ("\n", environ);
  const char *name;
  guint n_fds = 0;
  struct stat output;
  struct stat errors;
  int death_signal;
  GDir *folder;

  g_assert_cmpint (prctl (PR_GET_PDEATHSIG, &death_signal), ==, 0);
  g_assert_cmpint (fstat (STDOUT_FILENO, &output), ==, 0);
  g_assert_cmpint (fstat (STDERR_FILENO, &errors), ==, 0);

  folder = g_dir_open ("/proc/self/fd", 0, NULL);
  while ((name = g_dir_read_name (folder)) != NULL)
    n_fds++;
  g_dir_close (folder);

  g_variant_dict_insert (&dict, "pid", "i", (int) getpid ());
  g_variant_dict_insert (&dict, "parent", "i", (int) getppid ());
  g_variant_dict_insert (&dict, "group", "i", (int) getpgid (0));
  g_variant_dict_insert (&dict, "death-signal", "i", death_signal);
  g_variant_dict_insert (&dict, "blocked", "t", read_status_number ("\nSigBlk:", 16));
  g_variant_dict_insert (&dict, "ignored", "t", read_status_number ("\nSigIgn:", 16));
  g_variant_dict_insert (&dict, "caught", "t", read_status_number ("\nSigCgt:", 16));
  g_variant_dict_insert (&dict, "threads", "t", read_status_number ("\nThreads:", 10));
  /* Without the folder itself. */
  g_variant_dict_insert (&dict, "fds", "u", n_fds - 1);
  g_variant_dict_insert (&dict, "input", "s", input);
  g_variant_dict_insert (&dict, "same-output", "b",
                         output.st_dev == errors.st_dev && output.st_ino == errors.st_ino);
  g_variant_dict_insert (&dict, "directory", "s", directory);
  g_variant_dict_insert (&dict, "environment", "s", environment);
  g_variant_dict_insert (&dict, "preloaded", "i", aioproc_test_preloaded);
  add_limit (&dict, "memory", RLIMIT_AS);
  add_limit (&dict, "cpu", RLIMIT_CPU);
  add_limit (&dict, "files", RLIMIT_NOFILE);

  return g_variant_dict_end (&dict);
}

static void
echo (AioprocFrameReader *reader)
{
  for (;;)
    {
      g_autoptr(AioprocMessage) message = NULL;
      g_autoptr(GVariant) body = NULL;
      AioprocFrameInfo info;

      if (aioproc_frame_reader_read (reader, FALSE, &info, &message, NULL) != AIOPROC_IO_OK)
        return;

      body = aioproc_message_dup_body (message);

      if (g_variant_is_of_type (body, G_VARIANT_TYPE ("(i)")))
        return;

      send_frame (AIOPROC_FRAME_MESSAGE, body);
    }
}

static int
leave (void)
{
  int pid = fork ();

  if (pid == 0)
    hang ();

  return pid;
}

static int
nest (int method)
{
  g_autoptr(AioprocChildSpec) spec = aioproc_test_child_spec_new (method);
  AioprocTestChild *child = aioproc_test_child_new (spec, "exit", 17);
  int wait_status;

  aioproc_test_child_wait_ended (child);
  wait_status = aioproc_test_child_get_status (child);
  aioproc_test_child_free (child);

  return wait_status;
}

static void
nest_hang (int method)
{
  g_autoptr(AioprocChildSpec) spec = aioproc_test_child_spec_new (method);

  aioproc_test_child_wait_frame (aioproc_test_child_new (spec, "hang", 0), AIOPROC_FRAME_READY,
                                 NULL);
}

void
aioproc_test_worker_serve (int control_fd,
                           int hangup_fd)
{
  g_autoptr(AioprocFrameReader) reader = NULL;
  g_autoptr(AioprocMessage) message = NULL;
  g_autoptr(GVariant) body = NULL;
  g_autoptr(GError) error = NULL;
  AioprocFrameInfo info;
  const char *command;
  gint64 number;
  char rest[1024] = { 0 };

  control = control_fd;
  reader = aioproc_frame_reader_new (control, AIOPROC_FRAME_MAX_LENGTH);

  if (aioproc_frame_reader_read (reader, FALSE, &info, &message, &error) != AIOPROC_IO_OK)
    _exit (98);

  g_assert_cmpint (info.kind, ==, AIOPROC_FRAME_START);
  body = aioproc_message_dup_body (message);
  g_variant_get (body, "(&sx)", &command, &number);

  if (g_str_equal (command, "unready"))
    hang ();

  if (g_str_equal (command, "silent"))
    _exit (number);

  if (g_str_equal (command, "lie"))
    {
      send_frame (AIOPROC_FRAME_EXIT, g_variant_new ("(i)", (int) number));
      raise (SIGKILL);
    }

  send_frame (AIOPROC_FRAME_READY, NULL);

  if (g_str_equal (command, "hang"))
    hang ();

  if (g_str_equal (command, "signal"))
    raise (number);

  if (g_str_equal (command, "echo"))
    echo (reader);

  if (g_str_equal (command, "describe"))
    send_frame (AIOPROC_FRAME_RESULT, describe (hangup_fd));

  if (g_str_equal (command, "leave"))
    {
      send_frame (AIOPROC_FRAME_RESULT, g_variant_new ("(i)", leave ()));

      if (number < 0)
        hang ();
    }

  if (g_str_equal (command, "garbage"))
    {
      memset (rest, 'x', sizeof rest);

      if (write (control, rest, sizeof rest) > 0)
        hang ();
    }

  if (g_str_equal (command, "close"))
    {
      close (control);
      hang ();
    }

  if (g_str_equal (command, "cut"))
    {
      /* The first bytes of a header. */
      if (write (control, "AIO\1", 4) == 4)
        _exit (5);
    }

  if (g_str_equal (command, "nest"))
    {
      send_frame (AIOPROC_FRAME_RESULT, g_variant_new ("(i)", nest (number)));
      number = 0;
    }

  if (g_str_equal (command, "nest-hang"))
    {
      nest_hang (number);
      send_frame (AIOPROC_FRAME_RESULT, NULL);
      hang ();
    }

  if (g_str_equal (command, "exit"))
    send_frame (AIOPROC_FRAME_RESULT, g_variant_new ("(x)", number));

  end (number);
}
