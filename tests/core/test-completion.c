/* test-completion.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <gio/gio.h>

#include "aioproc-test.h"
#include "core/aioproc-completion-private.h"

/* Of the thread of @context. */
typedef struct {
  GMainContext *context;
  guint         n_pushed;
  guint         n_done;
  guint         n_called_back;
  gboolean      in_order;
} Fixture;

static void
fixture_init (Fixture *fixture)
{
  *fixture = (Fixture) { .context = g_main_context_new (), .in_order = TRUE };
  g_main_context_push_thread_default (fixture->context);
}

static void
fixture_clear (Fixture *fixture)
{
  g_main_context_pop_thread_default (fixture->context);
  g_main_context_unref (fixture->context);
}

static void
called_back_cb (GObject      *source,
                GAsyncResult *result,
                gpointer      user_data)
{
  Fixture *fixture = user_data;

  g_assert_true (g_task_propagate_boolean (G_TASK (result), NULL));
  fixture->n_called_back++;
}

static void
complete_cb (GTask    *task,
             gpointer  data)
{
  Fixture *fixture = g_task_get_task_data (task);

  g_assert_true (g_main_context_is_owner (fixture->context));
  fixture->in_order &= GPOINTER_TO_UINT (data) == fixture->n_done;
  fixture->n_done++;
  g_task_return_boolean (task, TRUE);
}

static GTask *
new_task (Fixture *fixture)
{
  GTask *task = g_task_new (NULL, NULL, called_back_cb, fixture);

  g_task_set_source_tag (task, new_task);
  g_task_set_task_data (task, fixture, NULL);

  return task;
}

static void
push (Fixture *fixture)
{
  guint number = fixture->n_pushed++;

  aioproc_completion_push (new_task (fixture), complete_cb, GUINT_TO_POINTER (number));
}

static void
test_completion_order (void)
{
  Fixture fixture;

  g_test_summary ("Completions are done later, on the context, in their order, all of them");

  fixture_init (&fixture);

  for (guint round = 0; round < 3; round++)
    {
      for (guint i = 0; i < 1000; i++)
        push (&fixture);

      g_assert_cmpuint (fixture.n_done, ==, round * 1000);
      aioproc_test_wait_until (fixture.n_called_back == fixture.n_pushed);
      g_assert_true (fixture.in_order);
      g_assert_false (g_main_context_pending (fixture.context));
    }

  fixture_clear (&fixture);
}

static gboolean
tick_cb (gpointer user_data)
{
  guint *n_ticks = user_data;

  (*n_ticks)++;

  return G_SOURCE_CONTINUE;
}

static void
test_completion_batch (void)
{
  g_autoptr(GSource) tick = g_idle_source_new ();
  guint n_ticks = 0;
  Fixture fixture;

  g_test_summary ("Other sources of the context have their turn between many completions");

  fixture_init (&fixture);
  g_source_set_priority (tick, G_PRIORITY_DEFAULT);
  g_source_set_callback (tick, tick_cb, &n_ticks, NULL);
  g_source_attach (tick, fixture.context);

  for (guint i = 0; i < 10000; i++)
    push (&fixture);

  aioproc_test_wait_until (fixture.n_called_back == fixture.n_pushed);
  g_assert_cmpuint (n_ticks, >=, 10);

  g_source_destroy (tick);
  fixture_clear (&fixture);
}

static void
nested_cb (GTask    *task,
           gpointer  data)
{
  Fixture *fixture = g_task_get_task_data (task);

  push (fixture);
  aioproc_test_wait_until (fixture->n_called_back == 1);
  g_task_return_boolean (task, TRUE);
}

static void
test_completion_nested (void)
{
  Fixture fixture;

  g_test_summary ("A completion may run a loop of its own, and wait there for the next one");

  fixture_init (&fixture);
  aioproc_completion_push (new_task (&fixture), nested_cb, NULL);
  aioproc_test_wait_until (fixture.n_called_back == 2);
  fixture_clear (&fixture);
}

static void
test_completion_contexts (void)
{
  Fixture fixture;

  g_test_summary ("Contexts come and go, also where another one has been");

  for (guint round = 0; round < 100; round++)
    {
      fixture_init (&fixture);
      push (&fixture);
      aioproc_test_wait_until (fixture.n_called_back == 1);
      fixture_clear (&fixture);
    }
}

static gpointer
pusher_main (gpointer data)
{
  GPtrArray *tasks = data;

  for (guint i = 0; i < tasks->len; i++)
    aioproc_completion_push (g_object_ref (g_ptr_array_index (tasks, i)), complete_cb, NULL);

  return NULL;
}

static gpointer
echo_main (gpointer data)
{
  GAsyncQueue *queue = data;
  GTask *task;

  while ((task = g_async_queue_pop (queue)) != data)
    aioproc_completion_push (task, complete_cb, NULL);

  return NULL;
}

static void
test_completion_threads (void)
{
  GThread *threads[4];
  GPtrArray *tasks[G_N_ELEMENTS (threads)];
  Fixture fixture;

  g_test_summary ("What several threads complete at once is done on the context of the tasks");

  fixture_init (&fixture);

  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    {
      tasks[i] = g_ptr_array_new_with_free_func (g_object_unref);

      for (guint n = 0; n < 5000; n++)
        g_ptr_array_add (tasks[i], new_task (&fixture));
    }

  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = g_thread_new ("pusher", pusher_main, tasks[i]);

  aioproc_test_wait_until (fixture.n_called_back == G_N_ELEMENTS (threads) * 5000);

  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    {
      g_thread_join (threads[i]);
      g_ptr_array_unref (tasks[i]);
    }

  fixture_clear (&fixture);
}

static void
test_completion_wakes (void)
{
  g_autoptr(GAsyncQueue) queue = g_async_queue_new ();
  GThread *thread;
  Fixture fixture;

  g_test_summary ("A context that is just about to sleep, or sleeps, is woken every time");

  fixture_init (&fixture);
  thread = g_thread_new ("echo", echo_main, queue);

  for (guint i = 0; i < 20000; i++)
    {
      g_async_queue_push (queue, new_task (&fixture));
      aioproc_test_wait_until (fixture.n_called_back == i + 1);
    }

  g_async_queue_push (queue, queue);
  g_thread_join (thread);
  fixture_clear (&fixture);
}

int
main (int   argc,
      char *argv[])
{
  aioproc_test_init (&argc, &argv);

  aioproc_test_add_func ("/aioproc/completion/order", test_completion_order);
  aioproc_test_add_func ("/aioproc/completion/batch", test_completion_batch);
  aioproc_test_add_func ("/aioproc/completion/nested", test_completion_nested);
  aioproc_test_add_func ("/aioproc/completion/contexts", test_completion_contexts);
  aioproc_test_add_func ("/aioproc/completion/threads", test_completion_threads);
  aioproc_test_add_func ("/aioproc/completion/wakes", test_completion_wakes);

  return g_test_run ();
}
