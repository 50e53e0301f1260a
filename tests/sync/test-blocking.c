/* test-blocking.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <string.h>

#include <aioproc.h>

#include "aioproc-test.h"
#include "blocking-test.h"

static void
objects_init (Objects *self)
{
  const char * const program[] = { "/bin/true", NULL };
  g_autoptr(GSocketAddress) address = g_inet_socket_address_new_from_string ("127.0.0.1", 0);
  g_autoptr(AioprocContext) context = aioproc_context_new ();
  g_autoptr(GError) error = NULL;

  self->lock = aioproc_lock_new (&error);
  g_assert_no_error (error);
  self->rlock = aioproc_rlock_new (&error);
  g_assert_no_error (error);
  self->semaphore = aioproc_semaphore_new (1, &error);
  g_assert_no_error (error);
  self->condition = aioproc_condition_new (AIOPROC_SHAREABLE (self->lock), &error);
  g_assert_no_error (error);
  self->barrier = aioproc_barrier_new (1, &error);
  g_assert_no_error (error);
  self->event = aioproc_event_new (&error);
  g_assert_no_error (error);
  self->queue = aioproc_queue_new (0, &error);
  g_assert_no_error (error);
  self->joinable_queue = aioproc_joinable_queue_new (0, &error);
  g_assert_no_error (error);
  self->simple_queue = aioproc_simple_queue_new (&error);
  g_assert_no_error (error);
  self->process = aioproc_process_new (NULL, "never-run", NULL);
  aioproc_context_set_program (context, program);
  self->pool = aioproc_pool_new (context, 1, &error);
  g_assert_no_error (error);
  g_assert_true (aioproc_pipe (TRUE, &self->here, &self->there, &error));
  g_assert_no_error (error);
  self->listener = aioproc_listener_new (address, NULL, &error);
  g_assert_no_error (error);
  self->client = aioproc_client_new (NULL);
}

static void
objects_clear (Objects *self)
{
  g_assert_finalize_object (self->condition);
  g_assert_finalize_object (self->lock);
  g_assert_finalize_object (self->rlock);
  g_assert_finalize_object (self->semaphore);
  g_assert_finalize_object (self->barrier);
  g_assert_finalize_object (self->event);
  g_assert_finalize_object (self->queue);
  g_assert_finalize_object (self->joinable_queue);
  g_assert_finalize_object (self->simple_queue);
  g_assert_finalize_object (self->process);
  g_assert_finalize_object (self->pool);
  g_assert_finalize_object (self->here);
  g_assert_finalize_object (self->there);
  g_assert_finalize_object (self->listener);
  g_assert_finalize_object (self->client);
}

/* --- What may block, though here none of it has to --- */

static void
block_lock_acquire (Objects *objects,
                    gint64   timeout_usec)
{
  g_autoptr(GError) error = NULL;

  g_assert_true (aioproc_lock_acquire (objects->lock, timeout_usec, NULL, &error));
  g_assert_no_error (error);
  g_assert_true (aioproc_lock_release (objects->lock, &error));
  g_assert_no_error (error);
}

static void
block_rlock_acquire (Objects *objects,
                     gint64   timeout_usec)
{
  g_autoptr(GError) error = NULL;

  g_assert_true (aioproc_rlock_acquire (objects->rlock, 1, timeout_usec, NULL, &error));
  g_assert_no_error (error);
  g_assert_true (aioproc_rlock_release (objects->rlock, 1, &error));
  g_assert_no_error (error);
}

static void
block_semaphore_acquire (Objects *objects,
                         gint64   timeout_usec)
{
  g_autoptr(GError) error = NULL;

  g_assert_true (aioproc_semaphore_acquire (objects->semaphore, timeout_usec, NULL, &error));
  g_assert_no_error (error);
  g_assert_true (aioproc_semaphore_release (objects->semaphore, &error));
  g_assert_no_error (error);
}

static void
block_barrier_wait (Objects *objects,
                    gint64   timeout_usec)
{
  g_autoptr(GError) error = NULL;

  g_assert_cmpint (aioproc_barrier_wait (objects->barrier, timeout_usec, NULL, &error), ==, 0);
  g_assert_no_error (error);
}

static void
hold_lock (Objects  *objects,
           gboolean  held)
{
  g_autoptr(GError) error = NULL;

  if (held)
    g_assert_true (aioproc_lock_try_acquire (objects->lock, &error));
  else
    g_assert_true (aioproc_lock_release (objects->lock, &error));

  g_assert_no_error (error);
}

/* To have the lock again may take longer than the wait: with a timeout of 0 too. */
static void
block_condition_wait (Objects *objects,
                      gint64   timeout_usec)
{
  g_autoptr(GError) error = NULL;

  hold_lock (objects, TRUE);
  g_assert_false (aioproc_condition_wait (objects->condition, 0, 0, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
  hold_lock (objects, FALSE);
}

static gboolean
true_cb (AioprocCondition *condition,
         gpointer          user_data)
{
  return TRUE;
}

static void
block_condition_wait_for (Objects *objects,
                          gint64   timeout_usec)
{
  g_autoptr(GError) error = NULL;

  hold_lock (objects, TRUE);
  g_assert_true (aioproc_condition_wait_for (objects->condition, 0, true_cb, NULL, timeout_usec,
                                             NULL, &error));
  g_assert_no_error (error);
  hold_lock (objects, FALSE);
}

static void
block_event_wait (Objects *objects,
                  gint64   timeout_usec)
{
  g_autoptr(GError) error = NULL;

  g_assert_true (aioproc_event_set (objects->event, &error));
  g_assert_no_error (error);
  g_assert_true (aioproc_event_wait (objects->event, timeout_usec, NULL, &error));
  g_assert_no_error (error);
}

static void
block_wait (Objects *objects,
            gint64   timeout_usec)
{
  AioprocWaitable *waitables[] = {
    AIOPROC_WAITABLE (objects->queue),
    AIOPROC_WAITABLE (objects->here),
    AIOPROC_WAITABLE (objects->simple_queue),
  };
  g_autoptr(GPtrArray) found = NULL;
  g_autoptr(GVariant) got = NULL;
  g_autoptr(GError) error = NULL;

  g_assert_true (aioproc_queue_try_put (objects->queue, g_variant_new_string ("x"), &error));
  g_assert_no_error (error);
  found = aioproc_wait (waitables, G_N_ELEMENTS (waitables), timeout_usec, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (found->len, ==, 1);
  got = aioproc_queue_try_get (objects->queue, &error);
  g_assert_no_error (error);
}

static void
block_process_join (Objects *objects,
                    gint64   timeout_usec)
{
  g_autoptr(GError) error = NULL;

  g_assert_false (aioproc_process_join (objects->process, timeout_usec, NULL, &error));
  g_assert_error (error, AIOPROC_ERROR, AIOPROC_ERROR_INVALID_STATE);
}

/* It has no timeout. */
static void
block_process_start (Objects *objects,
                     gint64   timeout_usec)
{
  g_autoptr(GCancellable) cancelled = g_cancellable_new ();
  g_autoptr(GError) error = NULL;

  g_cancellable_cancel (cancelled);
  g_assert_false (aioproc_process_start (objects->process, cancelled, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
}

/* One message there and back; who may block is told by the timeouts. */
static void
connection_use (Objects *objects,
                gint64   send_timeout_usec,
                gint64   poll_timeout_usec,
                gint64   recv_timeout_usec)
{
  g_autoptr(AioprocMessage) message = aioproc_message_new (NULL);
  g_autoptr(AioprocMessage) received = NULL;
  g_autoptr(GError) error = NULL;

  g_assert_true (aioproc_connection_send (objects->here, message, send_timeout_usec, NULL,
                                          &error));
  g_assert_no_error (error);
  g_assert_true (aioproc_connection_poll (objects->there, poll_timeout_usec, NULL, &error));
  g_assert_no_error (error);
  received = aioproc_connection_recv (objects->there, recv_timeout_usec, NULL, &error);
  g_assert_no_error (error);
  g_assert_nonnull (received);
}

static void
connection_use_bytes (Objects *objects,
                      gint64   send_timeout_usec,
                      gint64   recv_timeout_usec)
{
  g_autoptr(GBytes) bytes = g_bytes_new_static ("x", 1);
  g_autoptr(GBytes) received = NULL;
  g_autoptr(GError) error = NULL;

  g_assert_true (aioproc_connection_send_bytes (objects->here, bytes, 0, -1, send_timeout_usec,
                                                NULL, &error));
  g_assert_no_error (error);
  received = aioproc_connection_recv_bytes (objects->there, -1, recv_timeout_usec, NULL, &error);
  g_assert_no_error (error);
  g_assert_nonnull (received);
}

static void
block_connection_send (Objects *objects,
                       gint64   timeout_usec)
{
  connection_use (objects, timeout_usec, 0, 0);
}

static void
block_connection_poll (Objects *objects,
                       gint64   timeout_usec)
{
  connection_use (objects, 0, timeout_usec, 0);
}

static void
block_connection_recv (Objects *objects,
                       gint64   timeout_usec)
{
  connection_use (objects, 0, 0, timeout_usec);
}

static void
block_connection_send_bytes (Objects *objects,
                             gint64   timeout_usec)
{
  connection_use_bytes (objects, timeout_usec, 0);
}

static void
block_connection_recv_bytes (Objects *objects,
                             gint64   timeout_usec)
{
  connection_use_bytes (objects, 0, timeout_usec);
}

static gpointer
connect_run (gpointer data)
{
  Objects *objects = data;
  gpointer address = aioproc_listener_get_address (objects->listener);

  return aioproc_client_connect_to (objects->client, address, -1, NULL, NULL);
}

static void
accept_arrival (Objects *objects,
                gint64   timeout_usec)
{
  g_autoptr(AioprocConnection) ours G_GNUC_UNUSED = NULL;
  g_autoptr(GError) error = NULL;

  while (!aioproc_waitable_is_ready (AIOPROC_WAITABLE (objects->listener)))
    g_thread_yield ();

  ours = aioproc_listener_accept (objects->listener, timeout_usec, NULL, &error);
  g_assert_no_error (error);
}

/* Another thread may block. */
static void
block_listener_accept (Objects *objects,
                       gint64   timeout_usec)
{
  g_object_unref (g_thread_join (g_thread_new ("connect", connect_run, objects)));
  accept_arrival (objects, timeout_usec);
}

static void
block_client_connect_to (Objects *objects,
                         gint64   timeout_usec)
{
  g_object_unref (connect_run (objects));
  accept_arrival (objects, 0);
}

static void
block_pool_apply (Objects *objects,
                  gint64   timeout_usec)
{
  g_autoptr(GCancellable) cancelled = g_cancellable_new ();
  g_autoptr(GError) error = NULL;

  g_cancellable_cancel (cancelled);
  g_assert_null (aioproc_pool_apply (objects->pool, "never-run", NULL, cancelled, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
}

static void
block_pool_apply_message (Objects *objects,
                          gint64   timeout_usec)
{
  g_autoptr(GCancellable) cancelled = g_cancellable_new ();
  g_autoptr(AioprocMessage) message = aioproc_message_new (NULL);
  g_autoptr(GError) error = NULL;

  g_cancellable_cancel (cancelled);
  g_assert_null (aioproc_pool_apply_message (objects->pool, "never-run", message, cancelled,
                                             &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
}

static void
block_pool_map (Objects *objects,
                gint64   timeout_usec)
{
  g_autoptr(GCancellable) cancelled = g_cancellable_new ();
  g_autoptr(GError) error = NULL;

  g_cancellable_cancel (cancelled);
  g_assert_null (aioproc_pool_map (objects->pool, "never-run", NULL, 0, 0, cancelled, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
}

/* Of a task that nobody has. */
static void
block_task_wait (Objects *objects,
                 gint64   timeout_usec)
{
  g_autoptr(AioprocTask) task = aioproc_task_new ("never-run", NULL);
  g_autoptr(GError) error = NULL;

  g_assert_false (aioproc_task_wait (task, timeout_usec, NULL, &error));
  g_assert_error (error, AIOPROC_ERROR, AIOPROC_ERROR_INVALID_STATE);
}

static void
block_pool_join (Objects *objects,
                 gint64   timeout_usec)
{
  g_autoptr(GError) error = NULL;

  aioproc_pool_terminate (objects->pool);

  if (!aioproc_pool_join (objects->pool, timeout_usec, NULL, &error))
    g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
}

/* --- The table --- */

typedef struct {
  const char *function;
  void      (*block)   (Objects *objects,
                        gint64   timeout_usec);
  /* Not even with a timeout of 0 it is sure not to wait. */
  gboolean    always;
} Blocking;

static const Blocking blockings[] = {
  { "aioproc_barrier_wait", block_barrier_wait },
  { "aioproc_client_connect_to", block_client_connect_to, TRUE },
  { "aioproc_condition_wait", block_condition_wait, TRUE },
  { "aioproc_condition_wait_for", block_condition_wait_for, TRUE },
  { "aioproc_connection_poll", block_connection_poll },
  { "aioproc_connection_recv", block_connection_recv },
  { "aioproc_connection_recv_bytes", block_connection_recv_bytes },
  { "aioproc_connection_send", block_connection_send },
  { "aioproc_connection_send_bytes", block_connection_send_bytes },
  { "aioproc_event_wait", block_event_wait },
  { "aioproc_joinable_queue_join", block_joinable_queue_join },
  { "aioproc_listener_accept", block_listener_accept },
  { "aioproc_lock_acquire", block_lock_acquire },
  { "aioproc_pool_apply", block_pool_apply, TRUE },
  { "aioproc_pool_apply_message", block_pool_apply_message, TRUE },
  { "aioproc_pool_join", block_pool_join },
  { "aioproc_pool_map", block_pool_map, TRUE },
  { "aioproc_process_join", block_process_join },
  { "aioproc_process_start", block_process_start, TRUE },
  { "aioproc_queue_get", block_queue_get },
  { "aioproc_queue_get_bytes", block_queue_get_bytes },
  { "aioproc_queue_get_leased", block_queue_get_leased },
  { "aioproc_queue_get_many", block_queue_get_many },
  { "aioproc_queue_get_many_bytes", block_queue_get_many_bytes },
  { "aioproc_queue_loan", block_queue_loan },
  { "aioproc_queue_put", block_queue_put },
  { "aioproc_queue_put_bytes", block_queue_put_bytes },
  { "aioproc_queue_put_many", block_queue_put_many },
  { "aioproc_queue_put_many_bytes", block_queue_put_many_bytes },
  { "aioproc_rlock_acquire", block_rlock_acquire },
  { "aioproc_semaphore_acquire", block_semaphore_acquire },
  { "aioproc_simple_queue_get", block_simple_queue_get },
  { "aioproc_simple_queue_get_bytes", block_simple_queue_get_bytes },
  { "aioproc_simple_queue_put", block_simple_queue_put },
  { "aioproc_simple_queue_put_bytes", block_simple_queue_put_bytes },
  { "aioproc_task_wait", block_task_wait },
  { "aioproc_wait", block_wait },
};

static const Blocking *
find_blocking (const char *function)
{
  for (guint i = 0; i < G_N_ELEMENTS (blockings); i++)
    {
      if (g_str_equal (blockings[i].function, function))
        return &blockings[i];
    }

  return NULL;
}

/* One that is called in some way. */
typedef struct {
  const Blocking *blocking;
  Objects        *objects;
  gint64          timeout_usec;
} Call;

static gboolean
call_cb (gpointer user_data)
{
  const Call *call = user_data;

  call->blocking->block (call->objects, call->timeout_usec);

  return G_SOURCE_REMOVE;
}

static gpointer
call_run (gpointer user_data)
{
  call_cb (user_data);

  return NULL;
}

static void
call_in_callback (Call *call)
{
  g_autoptr(GMainContext) context = g_main_context_ref_thread_default ();
  g_autoptr(GSource) source = g_idle_source_new ();

  g_source_set_callback (source, call_cb, call, NULL);
  g_source_attach (source, context);

  while (!g_source_is_destroyed (source))
    g_main_context_iteration (context, TRUE);
}

static gpointer
call_in_callback_run (gpointer user_data)
{
  g_autoptr(GMainContext) context = g_main_context_new ();

  g_main_context_push_thread_default (context);
  call_in_callback (user_data);
  g_main_context_pop_thread_default (context);

  return NULL;
}

static void
expect_warning (const char *function)
{
  g_autofree char *pattern = g_strdup_printf ("*%s() was called by a callback of a main loop*"
                                              "use %s_async()", function, function);

  g_test_expect_message ("Aioproc", G_LOG_LEVEL_WARNING, pattern);
}

/* Warnings end the program, where they are not expected. */
static void
test_blocking_on (gconstpointer data)
{
  const Blocking *blocking = data;
  Objects objects;
  Call call = { blocking, &objects, -1 };

  g_test_summary ("A callback that blocks is warned of, once for each function");

  objects_init (&objects);

  /* Outside of callbacks, without a wait, and in other threads it is right. */
  call_cb (&call);
  g_thread_join (g_thread_new ("block", call_run, &call));

  if (!blocking->always)
    {
      call.timeout_usec = 0;
      call_in_callback (&call);
      call.timeout_usec = 1;
    }

  expect_warning (blocking->function);
  call_in_callback (&call);
  g_test_assert_expected_messages ();

  call_in_callback (&call);
  objects_clear (&objects);
}

static void
test_blocking_thread (void)
{
  const Blocking *blocking = find_blocking ("aioproc_event_wait");
  Objects objects;
  Call call = { blocking, &objects, -1 };

  g_test_summary ("The loop of another thread is a loop as well");

  if (g_test_subprocess ())
    {
      objects_init (&objects);
      expect_warning (blocking->function);
      g_thread_join (g_thread_new ("block", call_in_callback_run, &call));
      g_test_assert_expected_messages ();
      objects_clear (&objects);
      return;
    }

  /* Where it was not warned of yet. */
  g_test_trap_subprocess (NULL, 0, G_TEST_SUBPROCESS_DEFAULT);
  g_test_trap_assert_passed ();
}

static void
test_blocking_off (void)
{
  Objects objects;

  g_test_summary ("Nobody is warned who has not asked for it");

  if (g_test_subprocess ())
    {
      objects_init (&objects);

      for (guint i = 0; i < G_N_ELEMENTS (blockings); i++)
        {
          Call call = { &blockings[i], &objects, -1 };

          call_in_callback (&call);
        }

      objects_clear (&objects);
      return;
    }

  g_setenv ("AIOPROC_DEBUG", "", TRUE);
  g_test_trap_subprocess (NULL, 0, G_TEST_SUBPROCESS_DEFAULT);
  g_setenv ("AIOPROC_DEBUG", "blocking", TRUE);
  g_test_trap_assert_passed ();
  g_test_trap_assert_stderr_unmatched ("*_async()*");
}

/* Every function with an asynchronous form. */
static void
test_blocking_complete (void)
{
  g_autofree char *content = NULL;
  g_auto(GStrv) symbols = NULL;
  g_autoptr(GError) error = NULL;
  guint n_found = 0;

  g_test_summary ("No function that may block is missing here");

  g_file_get_contents (AIOPROC_TEST_SYMBOLS, &content, NULL, &error);
  g_assert_no_error (error);
  symbols = g_strsplit (content, "\n", -1);

  for (guint i = 0; symbols[i] != NULL; i++)
    {
      if (!g_str_has_suffix (symbols[i], "_async"))
        continue;

      symbols[i][strlen (symbols[i]) - strlen ("_async")] = '\0';

      if (find_blocking (symbols[i]) == NULL)
        g_error ("%s() is missing", symbols[i]);

      n_found++;
    }

  g_assert_cmpuint (n_found, ==, G_N_ELEMENTS (blockings));
}

int
main (int   argc,
      char *argv[])
{
  /* Before the first operation, and not over what the cases say. */
  g_setenv ("AIOPROC_DEBUG", "blocking", FALSE);
  aioproc_test_init (&argc, &argv);

  aioproc_test_add_func ("/aioproc/blocking/complete", test_blocking_complete);
  aioproc_test_add_func ("/aioproc/blocking/off", test_blocking_off);
  aioproc_test_add_func ("/aioproc/blocking/thread", test_blocking_thread);

  for (guint i = 0; i < G_N_ELEMENTS (blockings); i++)
    {
      g_autofree char *path = g_strdup_printf ("/aioproc/blocking/on/%s", blockings[i].function);

      aioproc_test_add_data_func (path, &blockings[i], test_blocking_on);
    }

  return g_test_run ();
}
