/* test-completion.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "aioproc-test.h"
#include "core-test.h"
#include "core/aioproc-completion-private.h"

typedef struct {
  GObject         *object;       /* (owned) the source of tasks */
  guint            n_pushed;
  guint            n_done;
  guint            n_called;
  guint            last;         /* what was done last, counted from 1 */
  gboolean         in_order;
  guint            n_inside;     /* pushes under way */
  guint            depth;
  guint            max_batch;    /* most that was done without the other source */
  guint            batch;
} Test;

static Test *
test_new (void)
{
  Test *self = g_new0 (Test, 1);

  self->object = g_object_new (G_TYPE_OBJECT, NULL);
  self->in_order = TRUE;

  return self;
}

static void
test_free (Test *self)
{
  g_assert_cmpuint (self->n_done, ==, self->n_pushed);
  g_assert_cmpuint (self->n_called, ==, self->n_pushed);
  g_assert_finalize_object (self->object);
  g_free (self);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Test, test_free)

static void
called_cb (GObject      *source,
           GAsyncResult *result,
           gpointer      user_data)
{
  Test *self = user_data;

  g_assert_true (source == self->object);
  self->n_called++;
}

static void
done_cb (GTask    *task,
         gpointer  data)
{
  Test *self = g_task_get_task_data (task);
  guint number = GPOINTER_TO_UINT (data);

  g_assert_cmpuint (self->n_inside, ==, 0);
  self->in_order &= number == self->last + 1;
  self->last = number;
  self->n_done++;
  self->batch++;
  self->max_batch = MAX (self->max_batch, self->batch);
  g_task_return_boolean (task, TRUE);
}

static void
push_with (Test                  *self,
           AioprocCompletionFunc  func)
{
  GTask *task = g_task_new (self->object, NULL, called_cb, self);

  g_task_set_source_tag (task, push_with);
  g_task_set_task_data (task, self, NULL);
  self->n_inside++;
  self->n_pushed++;
  aioproc_completion_push (task, func, GUINT_TO_POINTER (self->n_pushed));
  self->n_inside--;
}

static void
push (Test *self)
{
  push_with (self, done_cb);
}

static void
test_completion_order (void)
{
  g_autoptr(Test) test = test_new ();

  g_test_summary ("Completions are done in their order, never inside the call");

  for (guint i = 0; i < 1000; i++)
    push (test);

  g_assert_cmpuint (test->n_done, ==, 0);
  aioproc_test_wait_until (test->n_called == 1000);
  g_assert_true (test->in_order);
}

static gboolean
other_cb (gpointer user_data)
{
  Test *self = user_data;

  self->batch = 0;

  return G_SOURCE_CONTINUE;
}

static void
test_completion_batch (void)
{
  g_autoptr(Test) test = test_new ();
  g_autoptr(GSource) other = g_idle_source_new ();

  g_test_summary ("Many completions are done in batches, between which other sources have a turn");

  g_source_set_priority (other, G_PRIORITY_DEFAULT);
  g_source_set_callback (other, other_cb, test, NULL);
  g_source_attach (other, NULL);

  for (guint i = 0; i < 1000; i++)
    push (test);

  aioproc_test_wait_until (test->n_called == 1000);
  g_assert_cmpuint (test->max_batch, >, 1);
  g_assert_cmpuint (test->max_batch, <=, 64);
  g_source_destroy (other);
}

static void
chain_cb (GTask    *task,
          gpointer  data)
{
  Test *self = g_task_get_task_data (task);

  done_cb (task, data);

  if (self->depth-- > 0)
    push_with (self, chain_cb);
}

static void
test_completion_chain (void)
{
  g_autoptr(Test) test = test_new ();
  g_autoptr(GSource) other = g_idle_source_new ();

  g_test_summary ("Completions that lead to others do not keep other sources from their turn");

  g_source_set_priority (other, G_PRIORITY_DEFAULT);
  g_source_set_callback (other, other_cb, test, NULL);
  g_source_attach (other, NULL);
  test->depth = 500;
  push_with (test, chain_cb);
  aioproc_test_wait_until (test->n_called == 501);
  g_assert_true (test->in_order);
  g_assert_cmpuint (test->max_batch, <=, 64);
  g_source_destroy (other);
}

static void
nested_cb (GTask    *task,
           gpointer  data)
{
  Test *self = g_task_get_task_data (task);
  guint n_pushed = self->n_pushed;

  done_cb (task, data);

  if (self->depth-- == 0)
    return;

  push_with (self, nested_cb);
  push (self);
  /* All that were there, and the two. */
  aioproc_test_wait_until (self->n_done >= n_pushed + 2);
}

static void
test_completion_nested (void)
{
  g_autoptr(Test) test = test_new ();

  g_test_summary ("A completion may iterate the context, which does the others meanwhile");

  test->depth = 20;
  push (test);
  push_with (test, nested_cb);

  for (guint i = 0; i < 200; i++)
    push (test);

  aioproc_test_wait_until (test->n_called == test->n_pushed);
  g_assert_cmpuint (test->n_pushed, ==, 202 + 40);
}

/* Tasks that the test's thread made, and this one completes. */
static gpointer
push_run (gpointer data)
{
  GAsyncQueue *tasks = data;
  GTask *task;
  guint number = 0;

  while (g_task_get_source_object (task = g_async_queue_pop (tasks)) != NULL)
    aioproc_completion_push (task, done_cb, GUINT_TO_POINTER (++number));

  g_object_unref (task);

  return NULL;
}

static void
test_completion_wakes (void)
{
  g_autoptr(Test) test = test_new ();
  g_autoptr(GAsyncQueue) tasks = g_async_queue_new ();
  GThread *thread = g_thread_new ("push", push_run, tasks);

  g_test_summary ("A context that is about to sleep, or sleeps, is woken by each completion");

  for (guint i = 0; i < 20000; i++)
    {
      GTask *task = g_task_new (test->object, NULL, called_cb, test);

      g_task_set_source_tag (task, test_completion_wakes);
      g_task_set_task_data (task, test, NULL);
      test->n_pushed++;
      g_async_queue_push (tasks, task);
      aioproc_test_wait_until (test->n_called == i + 1);
    }

  g_async_queue_push (tasks, g_task_new (NULL, NULL, NULL, NULL));
  g_thread_join (thread);
  g_assert_true (test->in_order);
}

#define N_THREADS 8

static gpointer
push_many_run (gpointer data)
{
  GPtrArray *tasks = data;

  for (guint i = 0; i < tasks->len; i++)
    aioproc_completion_push (g_object_ref (g_ptr_array_index (tasks, i)), done_cb, NULL);

  return NULL;
}

static void
test_completion_threads (void)
{
  g_autoptr(Test) test = test_new ();
  GThread *threads[N_THREADS];
  GPtrArray *tasks[N_THREADS];

  g_test_summary ("What many threads complete at once is done on the context of the tasks");

  for (guint i = 0; i < N_THREADS; i++)
    {
      tasks[i] = g_ptr_array_new_with_free_func (g_object_unref);

      for (guint j = 0; j < 5000; j++)
        {
          GTask *task = g_task_new (test->object, NULL, called_cb, test);

          g_task_set_source_tag (task, test_completion_threads);
          g_task_set_task_data (task, test, NULL);
          g_ptr_array_add (tasks[i], task);
        }
    }

  test->n_pushed = N_THREADS * 5000;

  for (guint i = 0; i < N_THREADS; i++)
    threads[i] = g_thread_new ("push", push_many_run, tasks[i]);

  aioproc_test_wait_until (test->n_called == test->n_pushed);

  for (guint i = 0; i < N_THREADS; i++)
    {
      g_thread_join (threads[i]);
      g_ptr_array_unref (tasks[i]);
    }

  g_assert_false (g_main_context_pending (NULL));
}

static gpointer
context_run (gpointer data)
{
  for (guint i = 0; i < 100; i++)
    {
      g_autoptr(Test) test = test_new ();
      g_autoptr(GMainContext) context = g_main_context_new ();

      g_main_context_push_thread_default (context);

      for (guint j = 0; j < 10; j++)
        push (test);

      aioproc_test_wait_until (test->n_called == 10);
      g_assert_true (test->in_order);
      g_main_context_pop_thread_default (context);
    }

  return NULL;
}

static void
test_completion_contexts (void)
{
  GThread *threads[N_THREADS];
  guint n_fds;

  g_test_summary ("Contexts come and go, in many threads, and each has what is its own");

  context_run (NULL);
  n_fds = aioproc_test_count_fds ();

  for (guint i = 0; i < N_THREADS; i++)
    threads[i] = g_thread_new ("context", context_run, NULL);

  for (guint i = 0; i < N_THREADS; i++)
    g_thread_join (threads[i]);

  /* Each context has a descriptor, so none was kept. */
  g_assert_cmpuint (aioproc_test_count_fds (), ==, n_fds);
}

static void
test_completion_context_left (void)
{
  g_autoptr(Test) test = test_new ();
  GMainContext *context = g_main_context_new ();

  g_test_summary ("A context that its thread has left keeps what is to be done until it runs");

  g_main_context_push_thread_default (context);
  push (test);
  g_main_context_pop_thread_default (context);

  while (g_main_context_iteration (NULL, FALSE))
    continue;

  g_assert_cmpuint (test->n_done, ==, 0);

  while (test->n_called == 0)
    g_main_context_iteration (context, TRUE);

  g_main_context_unref (context);
}

static gboolean
push_in_prepare (GSource *source,
                 int     *timeout)
{
  Test **test = (Test **) (source + 1);

  *timeout = -1;

  if ((*test)->n_pushed < 100)
    push (*test);

  return FALSE;
}

static gboolean
push_in_dispatch (GSource     *source,
                  GSourceFunc  callback,
                  gpointer     user_data)
{
  return G_SOURCE_CONTINUE;
}

static GSourceFuncs push_funcs = { .prepare = push_in_prepare, .dispatch = push_in_dispatch };

static void
test_completion_prepare (void)
{
  g_autoptr(Test) test = test_new ();
  GSource *sources[2];

  g_test_summary ("What is pushed while the context prepares to sleep keeps it from sleeping");

  /* Before and behind the source of completions. */
  for (guint i = 0; i < G_N_ELEMENTS (sources); i++)
    {
      sources[i] = g_source_new (&push_funcs, sizeof (GSource) + sizeof (Test *));
      *(Test **) (sources[i] + 1) = test;
      g_source_set_priority (sources[i], i == 0 ? G_PRIORITY_HIGH : G_PRIORITY_LOW);
      g_source_attach (sources[i], NULL);
    }

  aioproc_test_wait_until (test->n_called == 100);

  for (guint i = 0; i < G_N_ELEMENTS (sources); i++)
    {
      g_source_destroy (sources[i]);
      g_source_unref (sources[i]);
    }
}

int
main (int   argc,
      char *argv[])
{
  core_test_init (&argc, &argv);

  aioproc_test_add_func ("/aioproc/completion/order", test_completion_order);
  aioproc_test_add_func ("/aioproc/completion/batch", test_completion_batch);
  aioproc_test_add_func ("/aioproc/completion/chain", test_completion_chain);
  aioproc_test_add_func ("/aioproc/completion/nested", test_completion_nested);
  aioproc_test_add_func ("/aioproc/completion/wakes", test_completion_wakes);
  aioproc_test_add_func ("/aioproc/completion/threads", test_completion_threads);
  aioproc_test_add_func ("/aioproc/completion/contexts", test_completion_contexts);
  aioproc_test_add_func ("/aioproc/completion/context-left", test_completion_context_left);
  aioproc_test_add_func ("/aioproc/completion/prepare", test_completion_prepare);

  return g_test_run ();
}
