/* test-process-life.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include <aioproc.h>

#include "aioproc-test.h"
#include "process-functions.h"

/* What a process needs, and leaves, from its start to its end. */

#define N_ITEMS   100
#define ITEM_SIZE 100000

/* --- In the worker --- */

/* (h): puts much more than a pipe takes into the queue, and ends. */
static GVariant *
put_much (AioprocCall  *call,
          gpointer      user_data,
          GError      **error)
{
  g_autoptr(GObject) queue = NULL;
  int handle;

  if (!aioproc_call_get_arguments (call, error, "(h)", &handle))
    return NULL;

  queue = aioproc_call_dup_object (call, handle, error);
  if (queue == NULL)
    return NULL;

  for (guint i = 0; i < N_ITEMS; i++)
    {
      guint8 *data = g_malloc (ITEM_SIZE);
      g_autoptr(GBytes) bytes = NULL;

      memset (data, (int) i, ITEM_SIZE);
      bytes = g_bytes_new_take (data, ITEM_SIZE);
      if (!aioproc_queue_put_bytes (AIOPROC_QUEUE (queue), bytes, -1, NULL, error))
        return NULL;
    }

  return g_variant_new ("()");
}

/* (h): puts the pid of a child of its own into the queue, and waits for ever. */
static GVariant *
have_child (AioprocCall  *call,
            gpointer      user_data,
            GError      **error)
{
  g_autoptr(AioprocProcess) child = aioproc_process_new (NULL, "block", NULL);
  g_autoptr(GObject) queue = NULL;
  int handle;

  if (!aioproc_call_get_arguments (call, error, "(h)", &handle))
    return NULL;

  queue = aioproc_call_dup_object (call, handle, error);
  if (queue == NULL || !aioproc_process_start (child, NULL, error) ||
      !aioproc_queue_put (AIOPROC_QUEUE (queue),
                          g_variant_new_int32 (aioproc_process_get_pid (child)), -1, NULL, error))
    return NULL;

  for (;;)
    pause ();

  return NULL;
}

static void
remove_file_cb (gpointer path)
{
  g_unlink (path);
}

/* (sh): sets the event once its exit handler would remove the file, and waits for ever. */
static GVariant *
have_handler (AioprocCall  *call,
              gpointer      user_data,
              GError      **error)
{
  g_autoptr(GObject) event = NULL;
  const char *path;
  int handle;

  if (!aioproc_call_get_arguments (call, error, "(&sh)", &path, &handle))
    return NULL;

  aioproc_worker_add_exit_handler (remove_file_cb, g_strdup (path), g_free);

  event = aioproc_call_dup_object (call, handle, error);
  if (event == NULL || !aioproc_event_set (AIOPROC_EVENT (event), error))
    return NULL;

  for (;;)
    pause ();

  return NULL;
}

/* --- In the program --- */

static AioprocMessage *
new_message (gpointer     object,
             const char  *format,
             const char  *argument)
{
  g_autoptr(AioprocMessage) message = aioproc_message_new (NULL);
  g_autoptr(GError) error = NULL;
  int handle = aioproc_message_append_object (message, object, &error);

  g_assert_no_error (error);
  aioproc_message_set_body (message, argument != NULL ? g_variant_new (format, argument, handle)
                                                      : g_variant_new (format, handle));

  return g_steal_pointer (&message);
}

static AioprocQueue *
new_queue (void)
{
  g_autoptr(GError) error = NULL;
  AioprocQueue *queue = aioproc_queue_new (0, &error);

  g_assert_no_error (error);

  return queue;
}

static void
test_process_life_unread (AioprocStartMethod method)
{
  g_autoptr(AioprocContext) context = test_context_new (method);
  g_autoptr(AioprocQueue) queue = new_queue ();
  g_autoptr(AioprocMessage) message = new_message (queue, "(h)", NULL);
  g_autoptr(AioprocProcess) process = NULL;
  g_autoptr(GVariant) value = NULL;
  g_autoptr(GError) error = NULL;

  g_test_summary ("The end of a worker does not wait for readers, and what it has put is there");

  process = test_start_with_message (context, "put-much", message);
  test_join (process);
  value = aioproc_process_dup_result (process, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (aioproc_queue_get_size (queue), ==, N_ITEMS);

  for (guint i = 0; i < N_ITEMS; i++)
    {
      g_autoptr(GBytes) bytes = aioproc_queue_get_bytes (queue, 0, NULL, &error);
      const guint8 *data;
      gsize size;

      g_assert_no_error (error);
      data = g_bytes_get_data (bytes, &size);
      g_assert_cmpuint (size, ==, ITEM_SIZE);
      g_assert_cmpuint (data[0], ==, i);
      g_assert_cmpuint (data[size - 1], ==, i);
    }

  g_assert_true (aioproc_queue_is_empty (queue));
}

static void
test_process_life_arguments (AioprocStartMethod method)
{
  g_autoptr(AioprocContext) context = test_context_new (method);
  g_autoptr(AioprocProcess) process = NULL;
  AioprocMessage *message;
  AioprocEvent *event;
  g_autoptr(GError) error = NULL;
  GWeakRef weak_ref;
  GObject *object;

  g_test_summary ("A running process no longer has the arguments that it was started with");

  event = aioproc_event_new (&error);
  g_assert_no_error (error);
  g_weak_ref_init (&weak_ref, event);
  message = new_message (event, "(h)", NULL);
  process = test_start_with_message (context, "block", message);
  g_object_unref (message);
  g_object_unref (event);

  /* A thread of the library may be about to let go of what it has sent. */
  while ((object = g_weak_ref_get (&weak_ref)) != NULL)
    {
      g_object_unref (object);
      g_thread_yield ();
    }

  g_weak_ref_clear (&weak_ref);
  g_assert_true (aioproc_process_is_alive (process));
  g_assert_true (aioproc_process_kill (process, &error));
  g_assert_no_error (error);
  test_join (process);
}

static gboolean
count_cb (gpointer data)
{
  guint *count = data;

  (*count)++;

  return G_SOURCE_CONTINUE;
}

static void
test_process_life_large_arguments (void)
{
  const char * const program[] = { "sleep", "3600", NULL };
  const gsize size = 16 * 1024 * 1024;
  g_autoptr(AioprocContext) context = test_context_new (AIOPROC_START_METHOD_SPAWN);
  g_autoptr(AioprocProcess) process = NULL;
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  g_autoptr(GSource) ticker = g_timeout_source_new (1);
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(GError) error = NULL;
  gpointer data = g_malloc0 (size);
  GVariant *value;
  guint n_ticks = 0;

  g_test_summary ("Arguments that nobody reads hold up neither the main loop nor the cancellation");

  value = g_variant_new_from_data (G_VARIANT_TYPE_BYTESTRING, data, size, TRUE, g_free, data);
  g_source_set_callback (ticker, count_cb, &n_ticks, NULL);
  g_source_attach (ticker, NULL);

  /* It is no worker program, and has the channel nevertheless. */
  aioproc_context_set_program (context, program);
  process = aioproc_process_new (context, "any", value);
  aioproc_process_start_async (process, cancellable, aioproc_test_store_result, &result);
  aioproc_test_wait_until (n_ticks > 50 && aioproc_process_get_pid (process) != 0);
  g_assert_null (result);

  g_cancellable_cancel (cancellable);
  aioproc_test_wait (&result);
  g_assert_false (aioproc_process_start_finish (process, result, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  test_join (process);
  g_source_destroy (ticker);
}

static void
test_process_life_bad_arguments (AioprocStartMethod method)
{
  g_autoptr(AioprocContext) context = test_context_new (method);
  g_autoptr(AioprocProcess) process = NULL;
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(GError) error = NULL;
  GVariant *value = g_variant_new_string ("deep");

  g_test_summary ("Arguments that cannot be sent are an error of the start, which starts nothing");

  for (guint i = 0; i < 40; i++)
    value = g_variant_new_variant (value);

  process = aioproc_process_new (context, "square", value);
  g_assert_false (aioproc_process_start (process, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT);
  g_clear_error (&error);
  aioproc_process_start_async (process, NULL, aioproc_test_store_result, &result);
  aioproc_test_wait (&result);
  g_assert_false (aioproc_process_start_finish (process, result, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT);
  g_clear_error (&error);

  g_assert_cmpint (aioproc_process_get_pid (process), ==, 0);
  g_assert_false (aioproc_process_is_alive (process));
  g_assert_false (aioproc_process_join (process, -1, NULL, &error));
  g_assert_error (error, AIOPROC_ERROR, AIOPROC_ERROR_INVALID_STATE);
}

static void
test_process_life_child (AioprocStartMethod method)
{
  g_autoptr(AioprocContext) context = test_context_new (method);
  g_autoptr(AioprocQueue) queue = new_queue ();
  g_autoptr(AioprocMessage) message = new_message (queue, "(h)", NULL);
  g_autoptr(AioprocProcess) process = NULL;
  g_autoptr(GVariant) value = NULL;
  g_autoptr(GError) error = NULL;
  struct pollfd poll_fd = { .events = POLLIN };

  g_test_summary ("The children of a worker that is killed end with it");

  process = test_start_with_message (context, "have-child", message);
  value = aioproc_queue_get (queue, -1, NULL, &error);
  g_assert_no_error (error);

  poll_fd.fd = (int) syscall (SYS_pidfd_open, g_variant_get_int32 (value), 0);
  g_assert_cmpint (poll_fd.fd, >=, 0);
  g_assert_cmpint (poll (&poll_fd, 1, 0), ==, 0);

  g_assert_true (aioproc_process_kill (process, &error));
  g_assert_no_error (error);
  g_assert_cmpint (poll (&poll_fd, 1, -1), ==, 1);
  close (poll_fd.fd);
  test_join (process);
}

static void
test_process_life_no_handlers (AioprocStartMethod method)
{
  g_autoptr(AioprocContext) context = test_context_new (method);
  g_autoptr(GError) error = NULL;
  const int signals[] = { SIGTERM, SIGKILL };

  g_test_summary ("A process that a signal ends runs no exit handlers");

  for (guint i = 0; i < G_N_ELEMENTS (signals); i++)
    {
      g_autoptr(AioprocProcess) process = NULL;
      g_autoptr(AioprocMessage) message = NULL;
      g_autoptr(AioprocEvent) event = NULL;
      g_autofree char *path = NULL;
      int exit_code = 0;
      int fd = g_file_open_tmp ("aioproc-test-XXXXXX", &path, &error);

      g_assert_no_error (error);
      close (fd);
      event = aioproc_event_new (&error);
      g_assert_no_error (error);
      message = new_message (event, "(sh)", path);
      process = test_start_with_message (context, "have-handler", message);
      g_assert_true (aioproc_event_wait (event, -1, NULL, &error));
      g_assert_no_error (error);
      g_assert_true (aioproc_process_send_signal (process, signals[i], &error));
      g_assert_no_error (error);
      test_join (process);
      g_assert_true (aioproc_process_get_exit_code (process, &exit_code));
      g_assert_cmpint (exit_code, ==, -signals[i]);
      g_assert_true (g_file_test (path, G_FILE_TEST_EXISTS));
      g_unlink (path);
    }
}

static void
test_process_life_dispose (void)
{
  g_autoptr(AioprocContext) context = test_context_new (AIOPROC_START_METHOD_FORKSERVER);
  g_autoptr(AioprocProcess) process = test_start (context, "block", NULL);
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(GError) error = NULL;

  g_test_summary ("Joins of a process object that is disposed of end with the process");

  aioproc_process_join_async (process, -1, NULL, aioproc_test_store_result, &result);
  g_object_run_dispose (G_OBJECT (process));
  g_assert_true (aioproc_process_is_alive (process));
  g_assert_true (aioproc_process_kill (process, &error));
  g_assert_no_error (error);
  aioproc_test_wait (&result);
  g_assert_true (aioproc_process_join_finish (process, result, &error));
  g_assert_no_error (error);
}

static gint64
get_cpu_usec (void)
{
  struct timespec time;

  g_assert_cmpint (clock_gettime (CLOCK_PROCESS_CPUTIME_ID, &time), ==, 0);

  return (gint64) time.tv_sec * G_USEC_PER_SEC + time.tv_nsec / 1000;
}

static gboolean
set_cb (gpointer data)
{
  gboolean *flag = data;

  *flag = TRUE;

  return G_SOURCE_REMOVE;
}

/* Whatever waits, in all ways, while there is not one descriptor left. */
static void
check_starved (AioprocStartMethod method)
{
  const struct rlimit limit = { 128, 128 };
  g_autoptr(AioprocContext) context = test_context_new (method);
  g_autoptr(AioprocProcess) process = test_start (context, "block", NULL);
  g_autoptr(AioprocQueue) queue = new_queue ();
  g_autoptr(GArray) fds = g_array_new (FALSE, FALSE, sizeof (int));
  g_autoptr(GAsyncResult) joined = NULL;
  g_autoptr(GAsyncResult) got = NULL;
  g_autoptr(GVariant) value = NULL;
  g_autoptr(GError) error = NULL;
  gboolean is_over = FALSE;
  gint64 wall_usec;
  gint64 cpu_usec;
  int fd;

  aioproc_process_join_async (process, -1, NULL, aioproc_test_store_result, &joined);
  aioproc_queue_get_async (queue, -1, NULL, aioproc_test_store_result, &got);

  g_assert_cmpint (setrlimit (RLIMIT_NOFILE, &limit), ==, 0);
  while ((fd = dup (STDERR_FILENO)) >= 0)
    g_array_append_val (fds, fd);
  g_assert_null (test_run (context, "square", g_variant_new ("(i)", 3), &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TOO_MANY_OPEN_FILES);
  g_clear_error (&error);

  wall_usec = g_get_monotonic_time ();
  cpu_usec = get_cpu_usec ();
  g_timeout_add (500, set_cb, &is_over);
  aioproc_test_wait_until (is_over);
  cpu_usec = get_cpu_usec () - cpu_usec;
  wall_usec = g_get_monotonic_time () - wall_usec;
  g_assert_cmpint (cpu_usec * 20, <, wall_usec);
  g_assert_null (joined);
  g_assert_null (got);

  /* What waits goes on as it was, and what could not be had can be had again. */
  g_assert_true (aioproc_queue_try_put (queue, g_variant_new_int32 (7), &error));
  g_assert_no_error (error);
  aioproc_test_wait (&got);
  value = aioproc_queue_get_finish (queue, got, &error);
  g_assert_no_error (error);
  g_assert_true (aioproc_process_kill (process, &error));
  g_assert_no_error (error);
  aioproc_test_wait (&joined);
  g_assert_true (aioproc_process_join_finish (process, joined, &error));
  g_assert_no_error (error);

  for (guint i = 0; i < fds->len; i++)
    close (g_array_index (fds, int, i));
  g_clear_pointer (&value, g_variant_unref);
  value = test_run (context, "square", g_variant_new ("(i)", 3), &error);
  g_assert_no_error (error);
}

static void
test_process_life_starved (AioprocStartMethod method)
{
  g_test_summary ("A program without descriptors waits idly, and works once it has some");

  if (g_test_subprocess ())
    {
      check_starved (method);
      return;
    }

  g_test_trap_subprocess (NULL, 0, G_TEST_SUBPROCESS_DEFAULT);
  g_test_trap_assert_passed ();
}

int
main (int   argc,
      char *argv[])
{
  aioproc_worker_add_function ("put-much", put_much, NULL, NULL);
  aioproc_worker_add_function ("have-child", have_child, NULL, NULL);
  aioproc_worker_add_function ("have-handler", have_handler, NULL, NULL);
  test_functions_init ();
  aioproc_test_init (&argc, &argv);

  test_add_for_methods ("/aioproc/process-life/unread", test_process_life_unread);
  test_add_for_methods ("/aioproc/process-life/arguments", test_process_life_arguments);
  aioproc_test_add_func ("/aioproc/process-life/large-arguments",
                         test_process_life_large_arguments);
  test_add_for_methods ("/aioproc/process-life/bad-arguments", test_process_life_bad_arguments);
  test_add_for_methods ("/aioproc/process-life/child", test_process_life_child);
  test_add_for_methods ("/aioproc/process-life/no-handlers", test_process_life_no_handlers);
  test_add_for_methods ("/aioproc/process-life/starved", test_process_life_starved);
  aioproc_test_add_func ("/aioproc/process-life/dispose", test_process_life_dispose);

  return g_test_run ();
}
