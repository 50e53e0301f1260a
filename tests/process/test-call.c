/* test-call.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <aioproc.h>

#include "aioproc-test.h"
#include "process-functions.h"

static void
test_call_arguments (AioprocStartMethod method)
{
  g_autoptr(AioprocContext) context = test_context_new (method);
  g_autoptr(GVariant) arguments = NULL;
  g_autoptr(GVariant) value = NULL;
  g_autoptr(GError) error = NULL;

  g_test_summary ("Arguments and results of any type come through unchanged");

  arguments = g_variant_ref_sink (g_variant_new_parsed (
    "({'a': <1>, 'b': <[true, false]>}, [('x', 1.5)], just @ms nothing, <<'nested'>>, @ay [])"));
  value = test_run (context, "echo", arguments, &error);
  g_assert_no_error (error);
  g_assert_cmpvariant (value, arguments);
  g_clear_pointer (&value, g_variant_unref);

  /* Not a tuple, and none at all */
  value = test_run (context, "echo", g_variant_new_string ("alone"), &error);
  g_assert_no_error (error);
  aioproc_test_assert_variant (value, g_variant_new_string ("alone"));
  g_clear_pointer (&value, g_variant_unref);

  value = test_run (context, "echo", NULL, &error);
  g_assert_no_error (error);
  aioproc_test_assert_variant (value, g_variant_new ("()"));
}

static void
test_call_wrong_arguments (AioprocStartMethod method)
{
  g_autoptr(AioprocContext) context = test_context_new (method);
  g_autoptr(GError) error = NULL;

  g_test_summary ("Arguments of a wrong type are an error that names both types");

  g_assert_null (test_run (context, "square", g_variant_new ("(s)", "twelve"), &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT);
  g_assert_nonnull (strstr (error->message, "square"));
  g_assert_nonnull (strstr (error->message, "(i)"));
  g_assert_nonnull (strstr (error->message, "(s)"));
}

static void
test_call_errors (AioprocStartMethod method)
{
  g_autoptr(AioprocContext) context = test_context_new (method);
  g_autoptr(GError) error = NULL;

  g_test_summary ("An error keeps its domain, code and message, if this program knows the domain");

  g_assert_null (test_run (context, "fail", g_variant_new ("(s)", "Weg: 100 %s"), &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
  g_assert_cmpstr (error->message, ==, "Weg: 100 %s");
  g_clear_error (&error);

  g_assert_null (test_run (context, "fail-strangely", NULL, &error));
  g_assert_error (error, AIOPROC_ERROR, AIOPROC_ERROR_REMOTE);
  g_assert_nonnull (strstr (error->message, "Strange"));
  g_assert_nonnull (strstr (error->message, "nobody-knows-this-quark"));
  g_assert_cmpuint (g_quark_try_string ("nobody-knows-this-quark"), ==, 0);
  g_clear_error (&error);

  /* As a binding's exception arrives */
  g_assert_null (test_run (context, "nothing", NULL, &error));
  g_assert_error (error, AIOPROC_ERROR, AIOPROC_ERROR_REMOTE);
  g_assert_nonnull (strstr (error->message, "nothing"));
}

static void
test_call_unknown_function (AioprocStartMethod method)
{
  g_autoptr(AioprocContext) context = test_context_new (method);
  g_autoptr(AioprocProcess) process = aioproc_process_new (context, "no-such-function", NULL);
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(GError) error = NULL;
  g_autoptr(GError) again = NULL;

  g_test_summary ("The start tells of an unknown function, and which there are");

  aioproc_process_start_async (process, NULL, aioproc_test_store_result, &result);
  aioproc_test_wait (&result);
  g_assert_false (aioproc_process_start_finish (process, result, &error));
  g_assert_error (error, AIOPROC_ERROR, AIOPROC_ERROR_NOT_FOUND);
  g_assert_nonnull (strstr (error->message, "no-such-function"));
  g_assert_nonnull (strstr (error->message, "“square”"));
  g_assert_nonnull (strstr (error->message, "“block”"));

  /* It has ended, and says the same when asked later. */
  g_assert_false (aioproc_process_is_alive (process));
  test_join (process);
  g_assert_null (aioproc_process_dup_result (process, &again));
  g_assert_error (again, AIOPROC_ERROR, AIOPROC_ERROR_NOT_FOUND);
  g_assert_cmpstr (again->message, ==, error->message);
}

static void
test_call_objects (AioprocStartMethod method)
{
  g_autoptr(AioprocContext) context = test_context_new (method);
  g_autoptr(AioprocMessage) message = aioproc_message_new (NULL);
  g_autoptr(AioprocProcess) process = NULL;
  g_autoptr(AioprocEvent) event = NULL;
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(GVariant) value = NULL;
  g_autoptr(GError) error = NULL;
  int handle;

  g_test_summary ("A worker sets an event of this program, which waits for it");

  event = aioproc_event_new (&error);
  g_assert_no_error (error);
  handle = aioproc_message_append_object (message, G_OBJECT (event), &error);
  g_assert_no_error (error);
  aioproc_message_set_body (message, g_variant_new ("(h)", handle));

  aioproc_event_wait_async (event, -1, NULL, aioproc_test_store_result, &result);
  process = test_start_with_message (context, "set", message);
  aioproc_test_wait (&result);
  g_assert_true (aioproc_event_wait_finish (event, result, &error));
  g_assert_no_error (error);

  test_join (process);
  value = aioproc_process_dup_result (process, &error);
  g_assert_no_error (error);
  aioproc_test_assert_variant (value, g_variant_new ("(b)", TRUE));
}

static void
test_call_lock_of_killed (AioprocStartMethod method)
{
  g_autoptr(AioprocContext) context = test_context_new (method);
  g_autoptr(AioprocMessage) message = aioproc_message_new (NULL);
  g_autoptr(AioprocProcess) process = NULL;
  g_autoptr(AioprocEvent) event = NULL;
  g_autoptr(AioprocLock) lock = NULL;
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(GError) error = NULL;
  int lock_handle;
  int event_handle;

  g_test_summary ("The lock of a killed worker comes to this program, abandoned");

  event = aioproc_event_new (&error);
  g_assert_no_error (error);
  lock = aioproc_lock_new (&error);
  g_assert_no_error (error);
  lock_handle = aioproc_message_append_object (message, G_OBJECT (lock), &error);
  g_assert_no_error (error);
  event_handle = aioproc_message_append_object (message, G_OBJECT (event), &error);
  g_assert_no_error (error);
  aioproc_message_set_body (message, g_variant_new ("(hh)", lock_handle, event_handle));

  process = test_start_with_message (context, "hold", message);
  g_assert_true (aioproc_event_wait (event, -1, NULL, &error));
  g_assert_no_error (error);
  g_assert_false (aioproc_lock_try_acquire (lock, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK);
  g_clear_error (&error);

  aioproc_lock_acquire_async (lock, -1, NULL, aioproc_test_store_result, &result);
  g_assert_true (aioproc_process_kill (process, &error));
  g_assert_no_error (error);
  aioproc_test_wait (&result);
  g_assert_true (aioproc_lock_acquire_finish (lock, result, &error));
  g_assert_no_error (error);
  g_assert_true (aioproc_lock_get_was_abandoned (lock));
  g_assert_true (aioproc_lock_release (lock, &error));
  g_assert_no_error (error);

  test_join (process);
}

static void
test_call_not_shareable (void)
{
  g_autoptr(AioprocMessage) message = aioproc_message_new (NULL);
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  g_autoptr(GError) error = NULL;

  g_test_summary ("An object that cannot be shared is refused when it is appended");

  g_assert_cmpint (aioproc_message_append_object (message, G_OBJECT (cancellable), &error), <, 0);
  g_assert_error (error, AIOPROC_ERROR, AIOPROC_ERROR_NOT_SHAREABLE);
}

static void
test_call_bad_handle (AioprocStartMethod method)
{
  g_autoptr(AioprocContext) context = test_context_new (method);
  g_autoptr(GError) error = NULL;

  g_test_summary ("A handle that stands for nothing is an error of the function");

  for (int handle = -1; handle < 2; handle++)
    {
      g_assert_null (test_run (context, "set", g_variant_new ("(h)", handle), &error));
      g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
      g_clear_error (&error);
    }
}

static void
test_call_bytes (AioprocStartMethod method)
{
  const gsize sizes[] = { 0, 1, 4096, 100000, 3000001 };
  g_autoptr(AioprocContext) context = test_context_new (method);

  g_test_summary ("Bytes of any size go there and back, under the same handle");

  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++)
    {
      g_autoptr(AioprocMessage) message = aioproc_message_new (NULL);
      g_autoptr(AioprocMessage) result = NULL;
      g_autoptr(AioprocProcess) process = NULL;
      g_autoptr(GBytes) bytes = NULL;
      g_autoptr(GBytes) returned = NULL;
      g_autoptr(GVariant) body = NULL;
      g_autoptr(GError) error = NULL;
      guint8 *data = g_malloc (sizes[i]);
      int handle;

      if (sizes[i] > 0)
        memset (data, 'x', sizes[i]);

      bytes = g_bytes_new_take (data, sizes[i]);
      handle = aioproc_message_append_bytes (message, bytes);
      aioproc_message_set_body (message, g_variant_new ("(h)", handle));

      process = test_start_with_message (context, "echo", message);
      test_join (process);
      result = aioproc_process_dup_result_message (process, &error);
      g_assert_no_error (error);
      body = aioproc_message_dup_body (result);
      aioproc_test_assert_variant (body, g_variant_new ("(h)", handle));
      returned = aioproc_message_dup_bytes (result, handle, &error);
      g_assert_no_error (error);
      g_assert_true (g_bytes_equal (bytes, returned));
    }
}

static void
test_call_give (AioprocStartMethod method)
{
  g_autoptr(AioprocContext) context = test_context_new (method);
  g_autoptr(AioprocProcess) process = test_start (context, "give", NULL);
  g_autoptr(AioprocMessage) result = NULL;
  g_autoptr(GVariant) body = NULL;
  g_autoptr(GObject) event = NULL;
  g_autoptr(GBytes) bytes = NULL;
  g_autoptr(GError) error = NULL;
  int event_handle;
  int bytes_handle;
  int fd_handle;
  int fd;

  g_test_summary ("Objects, bytes and descriptors of a worker live on in the result");

  test_join (process);
  result = aioproc_process_dup_result_message (process, &error);
  g_assert_no_error (error);
  body = aioproc_message_dup_body (result);
  g_variant_get (body, "(hhh)", &event_handle, &bytes_handle, &fd_handle);

  event = aioproc_message_dup_object (result, event_handle, &error);
  g_assert_no_error (error);
  g_assert_true (AIOPROC_IS_EVENT (event));
  g_assert_true (aioproc_event_is_set (AIOPROC_EVENT (event)));
  bytes = aioproc_message_dup_bytes (result, bytes_handle, &error);
  g_assert_no_error (error);
  g_assert_cmpmem (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes), "given", 5);
  fd = aioproc_message_dup_fd (result, fd_handle, &error);
  g_assert_no_error (error);
  g_assert_cmpint (fcntl (fd, F_GETFD), ==, FD_CLOEXEC);
  close (fd);
}

static void
test_call_cancel (AioprocStartMethod method)
{
  g_autoptr(AioprocContext) context = test_context_new (method);
  g_autoptr(AioprocProcess) process = test_start (context, "wait-cancel", NULL);
  g_autoptr(AioprocProcess) early = NULL;
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(GError) error = NULL;

  g_test_summary ("A function is asked to stop through its cancellable");

  g_assert_true (aioproc_process_cancel (process, &error));
  g_assert_no_error (error);
  test_join (process);
  g_assert_null (aioproc_process_dup_result (process, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_clear_error (&error);

  /* Before there is anybody to be asked */
  early = aioproc_process_new (context, "wait-cancel", NULL);
  aioproc_process_start_async (early, NULL, aioproc_test_store_result, &result);
  g_assert_true (aioproc_process_cancel (early, &error));
  g_assert_no_error (error);
  aioproc_test_wait (&result);
  g_assert_true (aioproc_process_start_finish (early, result, &error));
  g_assert_no_error (error);
  test_join (early);
  g_assert_null (aioproc_process_dup_result (early, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
}

static void
test_call_defer (AioprocStartMethod method)
{
  const char *functions[] = { "defer", "defer-thread" };
  g_autoptr(AioprocContext) context = test_context_new (method);
  g_autoptr(GError) error = NULL;

  g_test_summary ("A call is returned later, from a source or another thread");

  for (guint i = 0; i < G_N_ELEMENTS (functions); i++)
    {
      g_autoptr(GVariant) value = NULL;

      value = test_run (context, functions[i], g_variant_new ("(i)", 33), &error);
      g_assert_no_error (error);
      aioproc_test_assert_variant (value, g_variant_new ("(i)", 33));
    }

  g_assert_null (test_run (context, "defer-error", NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_BUSY);
}

static void
test_call_twice (AioprocStartMethod method)
{
  g_autoptr(AioprocContext) context = test_context_new (method);
  g_autoptr(GVariant) value = NULL;
  g_autoptr(GError) error = NULL;

  g_test_summary ("The first of two returns counts, the other is a critical warning");

  value = test_run (context, "twice", NULL, &error);
  g_assert_no_error (error);
  aioproc_test_assert_variant (value, g_variant_new ("(s)", "first"));
}

static void
count_notify_cb (GObject    *object,
                 GParamSpec *pspec,
                 gpointer    user_data)
{
  GMainContext *expected = g_object_get_data (object, "context");
  guint *count = user_data;

  g_assert_true (g_main_context_is_owner (expected));
  (*count)++;
}

static void
test_call_progress (AioprocStartMethod method)
{
  g_autoptr(AioprocContext) context = test_context_new (method);
  g_autoptr(AioprocProcess) process = aioproc_process_new (context, "progress", NULL);
  g_autoptr(GMainContext) main_context = g_main_context_new ();
  g_autofree char *text = NULL;
  g_autoptr(GError) error = NULL;
  guint n_notified = 0;

  g_test_summary ("Progress arrives in the context of the start, its last value always");

  g_main_context_push_thread_default (main_context);
  g_object_set_data (G_OBJECT (process), "context", main_context);
  g_signal_connect (process, "notify::progress", G_CALLBACK (count_notify_cb), &n_notified);

  g_assert_cmpfloat (aioproc_process_get_progress (process), ==, -1.0);
  g_assert_null (aioproc_process_dup_progress_text (process));

  g_assert_true (aioproc_process_start (process, NULL, &error));
  g_assert_no_error (error);
  test_join (process);

  /* Nobody is told before the context runs; the values are there at once. */
  g_assert_cmpuint (n_notified, ==, 0);
  g_assert_cmpfloat (aioproc_process_get_progress (process), ==, 1.0);
  text = aioproc_process_dup_progress_text (process);
  g_assert_cmpstr (text, ==, "Working");

  aioproc_test_wait_until (n_notified > 0);
  while (g_main_context_iteration (main_context, FALSE))
    ;
  /* Not one for each of a thousand reports */
  g_assert_cmpuint (n_notified, ==, 1);

  g_main_context_pop_thread_default (main_context);
}

static void
test_call_progress_unheard (void)
{
  g_autoptr(AioprocContext) context = test_context_new (AIOPROC_START_METHOD_FORKSERVER);
  AioprocProcess *process = test_start (context, "progress", NULL);

  g_test_summary ("Progress that no main loop ever delivers does not keep the process");

  test_join (process);
  test_release (process);
}

static void
test_call_too_big (void)
{
  g_autoptr(AioprocContext) context = test_context_new (AIOPROC_START_METHOD_FORKSERVER);
  g_autoptr(GError) error = NULL;

  g_test_summary ("A result that no frame can carry is an error of the function");

  g_assert_null (test_run (context, "huge", NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_MESSAGE_TOO_LARGE);
  g_assert_nonnull (strstr (error->message, "huge"));
}

int
main (int   argc,
      char *argv[])
{
  test_functions_init ();
  aioproc_test_init (&argc, &argv);

  test_add_for_methods ("/aioproc/call/arguments", test_call_arguments);
  test_add_for_methods ("/aioproc/call/arguments/wrong", test_call_wrong_arguments);
  test_add_for_methods ("/aioproc/call/errors", test_call_errors);
  test_add_for_methods ("/aioproc/call/unknown-function", test_call_unknown_function);
  test_add_for_methods ("/aioproc/call/objects", test_call_objects);
  test_add_for_methods ("/aioproc/call/objects/lock-of-killed", test_call_lock_of_killed);
  aioproc_test_add_func ("/aioproc/call/objects/not-shareable", test_call_not_shareable);
  test_add_for_methods ("/aioproc/call/objects/bad-handle", test_call_bad_handle);
  test_add_for_methods ("/aioproc/call/bytes", test_call_bytes);
  test_add_for_methods ("/aioproc/call/give", test_call_give);
  test_add_for_methods ("/aioproc/call/cancel", test_call_cancel);
  test_add_for_methods ("/aioproc/call/defer", test_call_defer);
  test_add_for_methods ("/aioproc/call/twice", test_call_twice);
  test_add_for_methods ("/aioproc/call/progress", test_call_progress);
  aioproc_test_add_func ("/aioproc/call/progress/unheard", test_call_progress_unheard);
  aioproc_test_add_func ("/aioproc/call/too-big", test_call_too_big);

  return g_test_run ();
}
