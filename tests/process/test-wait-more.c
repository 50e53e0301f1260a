/* test-wait-more.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* The wait for the first of many: among other processes, for very many, and in need. */

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <aioproc.h>

#include "aioproc-test.h"
#include "process-functions.h"
#include "wait-kinds.h"

#define N_MANY  1000
#define N_ITEMS 2000

static const WaitForm forms[] = { wait_form_blocking, wait_form_async };

static AioprocQueue *
new_queue (void)
{
  g_autoptr(GError) error = NULL;
  AioprocQueue *queue = aioproc_queue_new (0, &error);

  g_assert_no_error (error);

  return queue;
}

static gpointer
dup_argument (AioprocCall  *call,
              GError      **error)
{
  int handle;

  if (!aioproc_call_get_arguments (call, error, "(h)", &handle))
    return NULL;

  return aioproc_call_dup_object (call, handle, error);
}

static AioprocMessage *
new_message (gpointer object)
{
  g_autoptr(AioprocMessage) message = aioproc_message_new (NULL);
  g_autoptr(GError) error = NULL;
  int handle = aioproc_message_append_object (message, G_OBJECT (object), &error);

  g_assert_no_error (error);
  aioproc_message_set_body (message, g_variant_new ("(h)", handle));

  return g_steal_pointer (&message);
}

/* --- In other processes --- */

static GVariant *
put_one (AioprocCall  *call,
         gpointer      user_data,
         GError      **error)
{
  g_autoptr(AioprocQueue) queue = dup_argument (call, error);

  if (queue == NULL ||
      !aioproc_queue_put (queue, g_variant_new_string ("x"), -1, NULL, error))
    return NULL;

  return g_variant_new ("()");
}

static GVariant *
keep (AioprocCall  *call,
      gpointer      user_data,
      GError      **error)
{
  g_autoptr(GObject) object = dup_argument (call, error);

  while (object != NULL)
    pause ();

  return NULL;
}

/* Leases an item, and keeps that. */
static GVariant *
lease_one (AioprocCall  *call,
           gpointer      user_data,
           GError      **error)
{
  g_autoptr(AioprocQueue) queue = dup_argument (call, error);
  g_autoptr(AioprocQueueLease) lease = NULL;

  if (queue != NULL)
    lease = aioproc_queue_get_leased (queue, -1, NULL, error);

  while (lease != NULL)
    pause ();

  return NULL;
}

/* Waits for a queue of which it never gets anything, for as long as it is not killed. */
static GVariant *
watch (AioprocCall  *call,
       gpointer      user_data,
       GError      **error)
{
  g_autoptr(AioprocQueue) queue = dup_argument (call, error);
  AioprocWaitable *waitable = AIOPROC_WAITABLE (queue);

  for (;;)
    {
      g_autoptr(GPtrArray) found = aioproc_wait (&waitable, 1, -1, NULL, error);

      if (found == NULL)
        return NULL;
    }
}

static void
test_wait_other_process (AioprocStartMethod method)
{
  g_autoptr(AioprocContext) context = test_context_new (method);

  g_test_summary ("A wait ends for what other processes do, and for how they end");

  for (guint i = 0; i < G_N_ELEMENTS (forms); i++)
    {
      AioprocQueue *queue = new_queue ();
      g_autoptr(AioprocMessage) message = new_message (queue);
      g_autoptr(AioprocMessage) given = NULL;
      AioprocConnection *ours, *theirs;
      g_autoptr(GVariant) value = NULL;
      g_autoptr(GError) error = NULL;
      AioprocProcess *process;

      process = test_start_with_message (context, "put-one", message);
      wait_assert_found (forms[i], AIOPROC_WAITABLE (queue), -1);
      wait_assert_found (forms[i], AIOPROC_WAITABLE (process), -1);
      test_release (process);

      /* What a killed process has leased comes back. */
      process = test_start_with_message (context, "lease-one", message);

      while (!aioproc_queue_is_empty (queue))
        g_thread_yield ();

      wait_assert_fails (forms[i], AIOPROC_WAITABLE (queue), 0, NULL, G_IO_ERROR_TIMED_OUT);
      g_assert_true (aioproc_process_kill (process, &error));
      wait_assert_found (forms[i], AIOPROC_WAITABLE (queue), -1);
      value = aioproc_queue_try_get (queue, &error);
      g_assert_no_error (error);
      test_release (process);

      /* And so does the end of a connection. */
      g_assert_true (aioproc_pipe (TRUE, &ours, &theirs, &error));
      given = new_message (theirs);
      process = test_start_with_message (context, "keep", given);
      g_assert_true (aioproc_connection_is_closed (theirs));
      wait_assert_fails (forms[i], AIOPROC_WAITABLE (ours), 1000, NULL, G_IO_ERROR_TIMED_OUT);
      g_assert_true (aioproc_process_kill (process, &error));
      wait_assert_found (forms[i], AIOPROC_WAITABLE (ours), -1);
      test_release (process);

      g_clear_object (&given);
      g_clear_object (&message);
      g_assert_finalize_object (ours);
      g_assert_finalize_object (theirs);
      g_assert_finalize_object (queue);
    }
}

typedef struct {
  AioprocQueue *queue;       /* not owned */
  int           n_got;       /* atomic */
  int           is_over;     /* atomic */
  gboolean      is_async;
} Crowd;

static gpointer
get_thread (gpointer data)
{
  Crowd *crowd = data;

  for (;;)
    {
      g_autoptr(GError) error = NULL;
      g_autoptr(GVariant) value = aioproc_queue_get (crowd->queue, -1, NULL, &error);

      if (value == NULL)
        {
          g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CLOSED);
          return NULL;
        }

      g_atomic_int_inc (&crowd->n_got);
    }
}

static gpointer
watch_thread (gpointer data)
{
  Crowd *crowd = data;
  AioprocWaitable *waitable = AIOPROC_WAITABLE (crowd->queue);
  g_autoptr(GMainContext) context = g_main_context_new ();

  g_main_context_push_thread_default (context);

  while (!g_atomic_int_get (&crowd->is_over))
    {
      g_autoptr(GError) error = NULL;
      g_autoptr(GPtrArray) found = NULL;

      found = forms[crowd->is_async] (&waitable, 1, -1, NULL, &error);
      g_assert_no_error (error);
    }

  g_main_context_pop_thread_default (context);

  return NULL;
}

static void
test_wait_takes_nothing (AioprocStartMethod method)
{
  g_autoptr(AioprocContext) context = test_context_new (method);
  AioprocQueue *queue = new_queue ();
  g_autoptr(AioprocMessage) message = new_message (queue);
  Crowd crowds[] = { { .queue = queue }, { .queue = queue, .is_async = TRUE } };
  AioprocProcess *watchers[3];
  GThread *watching[G_N_ELEMENTS (crowds)];
  GThread *getter;
  g_autoptr(GError) error = NULL;

  g_test_summary ("Who waits takes no item and no wake-up from who gets, killed or stopped or not");

  for (guint i = 0; i < G_N_ELEMENTS (watchers); i++)
    watchers[i] = test_start_with_message (context, "watch", message);

  for (guint i = 0; i < G_N_ELEMENTS (crowds); i++)
    watching[i] = g_thread_new ("watch", watch_thread, &crowds[i]);

  getter = g_thread_new ("get", get_thread, &crowds[0]);

  for (int i = 0; i < N_ITEMS; i++)
    {
      g_assert_true (aioproc_queue_put (queue, g_variant_new_int32 (i), -1, NULL, &error));
      g_assert_no_error (error);

      /* Nobody else would wake the getter. */
      while (g_atomic_int_get (&crowds[0].n_got) <= i)
        g_thread_yield ();

      if (i == N_ITEMS / 3)
        g_assert_true (aioproc_process_send_signal (watchers[0], SIGSTOP, &error));
      else if (i % (N_ITEMS / 10) == 0)
        {
          g_assert_true (aioproc_process_kill (watchers[1], &error));
          test_join (watchers[1]);
          test_release (watchers[1]);
          watchers[1] = test_start_with_message (context, "watch", message);
        }
    }

  for (guint i = 0; i < G_N_ELEMENTS (crowds); i++)
    g_atomic_int_set (&crowds[i].is_over, 1);

  g_assert_true (aioproc_queue_close (queue, FALSE, &error));
  g_thread_join (getter);

  for (guint i = 0; i < G_N_ELEMENTS (crowds); i++)
    g_thread_join (watching[i]);

  for (guint i = 0; i < G_N_ELEMENTS (watchers); i++)
    {
      g_assert_true (aioproc_process_kill (watchers[i], &error));
      test_release (watchers[i]);
    }

  g_clear_object (&message);
  g_assert_finalize_object (queue);
}

static void
test_wait_forked (void)
{
  g_autoptr(AioprocQueue) queue = new_queue ();
  AioprocWaitable *waitable = AIOPROC_WAITABLE (queue);
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(GPtrArray) found = NULL;
  g_autoptr(GError) error = NULL;
  int status;
  pid_t pid;

  g_test_summary ("A forked child waits for itself, and not for its parent");

  /* Under way when it forks. */
  aioproc_wait_async (&waitable, 1, -1, NULL, aioproc_test_store_result, &result);
  g_main_context_iteration (NULL, FALSE);
  g_main_context_iteration (NULL, FALSE);

  pid = fork ();
  g_assert_cmpint (pid, >=, 0);

  if (pid == 0)
    {
      g_autoptr(GPtrArray) childs = aioproc_wait (&waitable, 1, 1000, NULL, &error);

      if (childs != NULL || !g_error_matches (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT))
        _exit (1);

      if (!aioproc_queue_put (queue, g_variant_new_string ("x"), -1, NULL, NULL))
        _exit (2);

      childs = aioproc_wait (&waitable, 1, -1, NULL, NULL);
      _exit (childs != NULL ? 0 : 3);
    }

  aioproc_test_wait (&result);
  found = aioproc_wait_finish (result, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (found->len, ==, 1);
  g_assert_cmpint (waitpid (pid, &status, 0), ==, pid);
  g_assert_cmpint (status, ==, 0);
}

static int
use_forked_connection (AioprocConnection  *here,
                       AioprocConnection  *there,
                       GAsyncResult      **result)
{
  AioprocWaitable *waitable = AIOPROC_WAITABLE (here);
  g_autoptr(GPtrArray) found = NULL;
  g_autoptr(GPtrArray) again = NULL;
  g_autoptr(GBytes) bytes = g_bytes_new_static ("x", 1);
  g_autoptr(GBytes) received = NULL;

  if (!aioproc_connection_send_bytes (there, bytes, 0, -1, -1, NULL, NULL))
    return 1;

  /* The copy of its parent's wait. */
  aioproc_test_wait (result);
  found = aioproc_wait_finish (*result, NULL);

  if (found == NULL)
    return 2;

  g_clear_object (result);
  received = aioproc_connection_recv_bytes (here, -1, -1, NULL, NULL);

  if (received == NULL || aioproc_wait (&waitable, 1, 1000, NULL, NULL) != NULL)
    return 3;

  aioproc_connection_close_send (there, NULL);
  again = aioproc_wait (&waitable, 1, -1, NULL, NULL);

  return again != NULL ? 0 : 4;
}

static void
test_wait_forked_connection (void)
{
  g_autoptr(AioprocConnection) here = NULL;
  g_autoptr(AioprocConnection) there = NULL;
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(GPtrArray) found = NULL;
  g_autoptr(GError) error = NULL;
  int status;
  pid_t pid;

  g_test_summary ("The copy of a wait for a connection leaves nothing of its parent behind");

  g_assert_true (aioproc_pipe (TRUE, &here, &there, &error));
  g_assert_no_error (error);
  aioproc_wait_async ((AioprocWaitable **) &here, 1, -1, NULL, aioproc_test_store_result, &result);
  g_main_context_iteration (NULL, FALSE);
  g_main_context_iteration (NULL, FALSE);

  pid = fork ();
  g_assert_cmpint (pid, >=, 0);

  if (pid == 0)
    {
      status = use_forked_connection (here, there, &result);
      g_object_unref (here);
      g_object_unref (there);
      _exit (status);
    }

  g_assert_cmpint (waitpid (pid, &status, 0), ==, pid);
  g_assert_cmpint (status, ==, 0);

  /* The peer has closed its half, of which this process has the other end. */
  aioproc_test_wait (&result);
  found = aioproc_wait_finish (result, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (found->len, ==, 1);
}

static void
iterate_cb (GCancellable *cancellable,
            gpointer      user_data)
{
  GAsyncResult **result = user_data;

  aioproc_test_wait (result);
}

static void
test_wait_cancelled_nested (void)
{
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  g_autoptr(AioprocConnection) here = NULL;
  g_autoptr(AioprocConnection) there = NULL;
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(GError) error = NULL;

  g_test_summary ("A program may iterate its context inside of the handler of a cancellable");

  g_assert_true (aioproc_pipe (TRUE, &here, &there, &error));
  g_assert_no_error (error);
  aioproc_wait_async ((AioprocWaitable **) &here, 1, -1, cancellable, aioproc_test_store_result,
                      &result);

  /* Its first look. */
  while (g_main_context_iteration (NULL, FALSE))
    continue;

  g_cancellable_connect (cancellable, G_CALLBACK (iterate_cb), &result, NULL);
  g_cancellable_cancel (cancellable);
  g_assert_null (aioproc_wait_finish (result, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
}

static void
test_wait_context_gone (void)
{
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  g_autoptr(GMainContext) context = g_main_context_new ();
  g_autoptr(AioprocConnection) here = NULL;
  g_autoptr(AioprocConnection) there = NULL;
  g_autoptr(GError) error = NULL;

  g_test_summary ("A wait goes with its context, and keeps nothing by its cancellable");

  g_assert_true (aioproc_pipe (TRUE, &here, &there, &error));
  g_assert_no_error (error);
  g_main_context_push_thread_default (context);
  aioproc_wait_async ((AioprocWaitable **) &here, 1, -1, cancellable, NULL, NULL);

  while (g_main_context_iteration (context, FALSE))
    continue;

  g_main_context_pop_thread_default (context);
  g_clear_pointer (&context, g_main_context_unref);
  g_cancellable_cancel (cancellable);
}

/* --- Very many --- */

static void
test_wait_very_many (void)
{
  g_autoptr(GPtrArray) waitables = g_ptr_array_new_with_free_func (g_object_unref);
  g_autoptr(GPtrArray) peers = g_ptr_array_new_with_free_func (g_object_unref);
  g_autoptr(GBytes) bytes = g_bytes_new_static ("x", 1);
  g_autoptr(GError) error = NULL;
  struct rlimit limit;

  g_test_summary ("A thousand are waited for, each once");

  g_assert_cmpint (getrlimit (RLIMIT_NOFILE, &limit), ==, 0);
  limit.rlim_cur = limit.rlim_max;
  g_assert_cmpint (setrlimit (RLIMIT_NOFILE, &limit), ==, 0);

  if (limit.rlim_cur < 3 * N_MANY)
    {
      g_test_skip ("this process may not have as many descriptors");
      return;
    }

  for (guint i = 0; i < N_MANY / 2; i++)
    {
      AioprocConnection *here, *there;

      g_assert_true (aioproc_pipe (TRUE, &here, &there, &error));
      g_assert_no_error (error);
      g_ptr_array_add (waitables, here);
      g_ptr_array_add (peers, there);
      g_ptr_array_add (waitables, new_queue ());
    }

  for (guint i = 0; i < 2 * N_MANY; i += 97)
    {
      WaitForm form = forms[i % 2];
      guint index = i % N_MANY;
      gpointer waitable = g_ptr_array_index (waitables, index);
      g_autoptr(GPtrArray) found = NULL;

      found = form ((AioprocWaitable **) waitables->pdata, N_MANY, 0, NULL, &error);
      g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
      g_assert_null (found);
      g_clear_error (&error);
      found = form ((AioprocWaitable **) waitables->pdata, N_MANY, 2000, NULL, &error);
      g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
      g_assert_null (found);
      g_clear_error (&error);

      if (index % 2 == 0)
        g_assert_true (aioproc_connection_try_send_bytes (g_ptr_array_index (peers, index / 2),
                                                          bytes, 0, -1, &error));
      else
        g_assert_true (aioproc_queue_try_put_bytes (waitable, bytes, &error));

      g_assert_no_error (error);
      found = form ((AioprocWaitable **) waitables->pdata, N_MANY, -1, NULL, &error);
      g_assert_no_error (error);
      g_assert_cmpuint (found->len, ==, 1);
      g_assert_true (g_ptr_array_index (found, 0) == waitable);

      if (index % 2 == 0)
        g_bytes_unref (aioproc_connection_try_recv_bytes (waitable, -1, &error));
      else
        g_bytes_unref (aioproc_queue_try_get_bytes (waitable, &error));

      g_assert_no_error (error);
    }
}

/* --- In need --- */

static void
test_wait_no_descriptors (void)
{
  WaitSubject *subjects = g_new0 (WaitSubject, n_wait_kinds);
  struct rlimit saved, none;

  g_test_summary ("Without a descriptor only what has to sleep in a thread fails");

  for (guint i = 0; i < n_wait_kinds; i++)
    wait_subject_make (&subjects[i], &wait_kinds[i]);

  g_assert_cmpint (getrlimit (RLIMIT_NOFILE, &saved), ==, 0);
  none = (struct rlimit) { 0, saved.rlim_max };

  for (guint i = 0; i < n_wait_kinds; i++)
    {
      AioprocWaitable *waitable = subjects[i].waitable;
      g_autoptr(GPtrArray) found = NULL;
      g_autoptr(GPtrArray) none_found = NULL;
      g_autoptr(GAsyncResult) result = NULL;
      g_autoptr(GError) error = NULL;

      /* A limit of none is one that poll() has, too, for the number of descriptors. */
      if (subjects[i].peer != NULL || subjects[i].fds[0] >= 0)
        none.rlim_cur = 1;
      else
        none.rlim_cur = 0;

      g_assert_cmpint (setrlimit (RLIMIT_NOFILE, &none), ==, 0);
      none_found = aioproc_wait (&waitable, 1, -1, NULL, &error);
      g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TOO_MANY_OPEN_FILES);
      g_assert_null (none_found);
      g_clear_error (&error);
      g_assert_cmpint (setrlimit (RLIMIT_NOFILE, &saved), ==, 0);

      aioproc_wait_async (&waitable, 1, -1, NULL, aioproc_test_store_result, &result);
      g_main_context_iteration (NULL, FALSE);
      wait_kinds[i].signal (&subjects[i]);
      aioproc_test_wait (&result);
      found = aioproc_wait_finish (result, &error);
      g_assert_no_error (error);
      g_assert_cmpuint (found->len, ==, 1);
    }

  for (guint i = 0; i < n_wait_kinds; i++)
    wait_subject_clear (&subjects[i]);

  g_free (subjects);
}

static void
test_wait_leaves_nothing (void)
{
  WaitSubject *subjects = g_new0 (WaitSubject, n_wait_kinds);
  g_autofree AioprocWaitable **waitables = g_new0 (AioprocWaitable *, n_wait_kinds);
  guint n_fds = 0;
  guint n_threads = 0;

  g_test_summary ("Waits leave no descriptor and no thread behind");

  for (guint i = 0; i < n_wait_kinds; i++)
    {
      wait_subject_make (&subjects[i], &wait_kinds[i]);
      waitables[i] = subjects[i].waitable;
    }

  for (guint i = 0; i < 1000; i++)
    {
      g_autoptr(GCancellable) cancellable = g_cancellable_new ();
      g_autoptr(GAsyncResult) result = NULL;
      g_autoptr(GPtrArray) found = NULL;
      g_autoptr(GError) error = NULL;

      found = aioproc_wait (waitables, n_wait_kinds, 1, cancellable, &error);
      g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
      g_clear_error (&error);
      aioproc_wait_async (waitables, n_wait_kinds, -1, cancellable, aioproc_test_store_result,
                          &result);
      g_main_context_iteration (NULL, FALSE);
      g_cancellable_cancel (cancellable);
      aioproc_test_wait (&result);
      found = aioproc_wait_finish (result, &error);
      g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);

      if (i == 10)
        {
          n_fds = aioproc_test_count_fds ();
          n_threads = aioproc_test_count_threads ();
        }
    }

  g_assert_cmpuint (aioproc_test_count_fds (), <=, n_fds);
  g_assert_cmpuint (aioproc_test_count_threads (), <=, n_threads);

  for (guint i = 0; i < n_wait_kinds; i++)
    {
      wait_kinds[i].end (&subjects[i]);
      wait_subject_clear (&subjects[i]);
    }

  g_free (subjects);
}

/* Which is over before the context has made the first look. */
static void
test_wait_let_go (void)
{
  g_autoptr(GError) error = NULL;
  AioprocQueue *queue = new_queue ();
  AioprocWaitable *waitable = AIOPROC_WAITABLE (queue);
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(GPtrArray) found = NULL;

  g_test_summary ("Nobody else needs to keep what is waited for");

  aioproc_wait_async (&waitable, 1, -1, NULL, aioproc_test_store_result, &result);
  g_object_add_weak_pointer (G_OBJECT (queue), (gpointer *) &waitable);
  g_object_unref (queue);
  g_main_context_iteration (NULL, FALSE);
  g_assert_nonnull (waitable);
  g_object_run_dispose (G_OBJECT (waitable));
  aioproc_test_wait (&result);
  found = aioproc_wait_finish (result, &error);
  g_assert_no_error (error);
  g_clear_object (&result);
  g_clear_pointer (&found, g_ptr_array_unref);
  g_assert_null (waitable);
}

int
main (int   argc,
      char *argv[])
{
  aioproc_worker_add_function ("put-one", put_one, NULL, NULL);
  aioproc_worker_add_function ("keep", keep, NULL, NULL);
  aioproc_worker_add_function ("lease-one", lease_one, NULL, NULL);
  aioproc_worker_add_function ("watch", watch, NULL, NULL);
  test_functions_init ();
  aioproc_test_init (&argc, &argv);

  /* Before any other thread is there. */
  aioproc_test_add_func ("/aioproc/wait/forked", test_wait_forked);
  aioproc_test_add_func ("/aioproc/wait/forked-connection", test_wait_forked_connection);
  test_add_for_methods ("/aioproc/wait/other-process", test_wait_other_process);
  test_add_for_methods ("/aioproc/wait/takes-nothing", test_wait_takes_nothing);
  aioproc_test_add_func ("/aioproc/wait/no-descriptors", test_wait_no_descriptors);
  aioproc_test_add_func ("/aioproc/wait/leaves-nothing", test_wait_leaves_nothing);
  aioproc_test_add_func ("/aioproc/wait/let-go", test_wait_let_go);
  aioproc_test_add_func ("/aioproc/wait/cancelled-nested", test_wait_cancelled_nested);
  aioproc_test_add_func ("/aioproc/wait/context-gone", test_wait_context_gone);
  aioproc_test_add_func ("/aioproc/wait/very-many", test_wait_very_many);

  return g_test_run ();
}
