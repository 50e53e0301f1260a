/* test-gapplication.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <signal.h>

#include <aioproc.h>

#include "aioproc-test.h"
#include "worker-functions.h"

#define N_ITEMS   100
#define N_WORKERS 10

static const AioprocFunctionEntry functions[] = {
  { "produce", produce },
  { "square", square },
  { "wait_cancelled", wait_cancelled },
};

/* An application, and what its workers share with it. */
typedef struct
{
  GApplication   *app;        /* (owned) */
  AioprocProcess *process;    /* (owned) (nullable) */
  AioprocLock    *lock;       /* (owned) */
  AioprocEvent   *event;      /* (owned) */
  AioprocQueue   *queue;      /* (owned) */
  guint           n_ticks;
  guint           tick_id;
  guint           n_items;
  guint           n_joined;
  gboolean        is_acquired;
} Fixture;

static gboolean
tick_cb (gpointer user_data)
{
  Fixture *fixture = user_data;

  fixture->n_ticks++;

  return G_SOURCE_CONTINUE;
}

static void
fixture_init (Fixture           *fixture,
              GApplicationFlags  flags)
{
  g_autoptr(GError) error = NULL;

  fixture->app = g_application_new (NULL, flags | G_APPLICATION_NON_UNIQUE);
  fixture->lock = aioproc_lock_new (&error);
  g_assert_no_error (error);
  fixture->event = aioproc_event_new (&error);
  g_assert_no_error (error);
  fixture->queue = aioproc_queue_new (2, &error);
  g_assert_no_error (error);
  fixture->tick_id = g_timeout_add (1, tick_cb, fixture);
}

static void
fixture_clear (Fixture *fixture)
{
  g_source_remove (fixture->tick_id);
  g_clear_object (&fixture->process);
  g_assert_finalize_object (g_steal_pointer (&fixture->app));
  g_assert_finalize_object (g_steal_pointer (&fixture->lock));
  g_assert_finalize_object (g_steal_pointer (&fixture->event));
  g_assert_finalize_object (g_steal_pointer (&fixture->queue));
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Fixture, fixture_clear)

static int
append_object (AioprocMessage *message,
               gpointer        object)
{
  g_autoptr(GError) error = NULL;
  int handle = aioproc_message_append_object (message, object, &error);

  g_assert_no_error (error);

  return handle;
}

/* --- A worker that shares everything --- */

static void
shared_joined_cb (GObject      *source,
                  GAsyncResult *result,
                  gpointer      user_data)
{
  Fixture *fixture = user_data;
  g_autoptr(GVariant) value = NULL;
  g_autoptr(GError) error = NULL;

  g_assert_true (aioproc_process_join_finish (fixture->process, result, &error));
  g_assert_no_error (error);
  value = aioproc_process_dup_result (fixture->process, &error);
  g_assert_no_error (error);
  aioproc_test_assert_variant (value, g_variant_new ("()"));

  g_application_release (fixture->app);
}

static void
shared_got_cb (GObject      *source,
               GAsyncResult *result,
               gpointer      user_data)
{
  Fixture *fixture = user_data;
  g_autoptr(GVariant) value = NULL;
  g_autoptr(GError) error = NULL;

  value = aioproc_queue_get_finish (fixture->queue, result, &error);
  g_assert_no_error (error);

  if (g_variant_is_of_type (value, G_VARIANT_TYPE_UNIT))
    {
      aioproc_process_join_async (fixture->process, -1, NULL, shared_joined_cb, fixture);
      return;
    }

  g_assert_cmpuint ((guint) g_variant_get_int32 (value), ==, fixture->n_items);
  fixture->n_items++;
  aioproc_queue_get_async (fixture->queue, -1, NULL, shared_got_cb, fixture);
}

static void
shared_acquired_cb (GObject      *source,
                    GAsyncResult *result,
                    gpointer      user_data)
{
  Fixture *fixture = user_data;
  g_autoptr(GError) error = NULL;

  fixture->is_acquired = aioproc_lock_acquire_finish (fixture->lock, result, &error);
  g_assert_no_error (error);
  g_assert_true (aioproc_lock_release (fixture->lock, &error));
  g_assert_no_error (error);
}

static void
shared_ready_cb (GObject      *source,
                 GAsyncResult *result,
                 gpointer      user_data)
{
  Fixture *fixture = user_data;
  g_autoptr(GError) error = NULL;

  g_assert_true (aioproc_event_wait_finish (fixture->event, result, &error));
  g_assert_no_error (error);

  /* The worker holds it until all items are got but two: this would block for ever. */
  aioproc_lock_acquire_async (fixture->lock, -1, NULL, shared_acquired_cb, fixture);
  aioproc_queue_get_async (fixture->queue, -1, NULL, shared_got_cb, fixture);
}

static void
shared_started_cb (GObject      *source,
                   GAsyncResult *result,
                   gpointer      user_data)
{
  Fixture *fixture = user_data;
  g_autoptr(GError) error = NULL;

  g_assert_true (aioproc_process_start_finish (fixture->process, result, &error));
  g_assert_no_error (error);
  aioproc_event_wait_async (fixture->event, -1, NULL, shared_ready_cb, fixture);
}

static void
shared_activate_cb (GApplication *app,
                    gpointer      user_data)
{
  Fixture *fixture = user_data;
  g_autoptr(AioprocMessage) message = aioproc_message_new (NULL);

  aioproc_message_set_body (message, g_variant_new ("(hhhi)",
                                                    append_object (message, fixture->lock),
                                                    append_object (message, fixture->event),
                                                    append_object (message, fixture->queue),
                                                    N_ITEMS));
  fixture->process = aioproc_process_new_with_message (NULL, "produce", message);
  g_application_hold (app);
  aioproc_process_start_async (fixture->process, NULL, shared_started_cb, fixture);
}

static void
test_gapplication_shared (void)
{
  g_auto(Fixture) fixture = { NULL };

  g_test_summary ("An application shares a lock, an event and a queue with its own executable");

  fixture_init (&fixture, G_APPLICATION_DEFAULT_FLAGS);
  g_signal_connect (fixture.app, "activate", G_CALLBACK (shared_activate_cb), &fixture);

  g_assert_cmpint (g_application_run (fixture.app, 0, NULL), ==, 0);
  g_assert_cmpuint (fixture.n_items, ==, N_ITEMS);
  aioproc_test_wait_until (fixture.is_acquired);
  g_assert_cmpuint (fixture.n_ticks, >, 0);
}

/* --- Many workers --- */

static void
many_joined_cb (GObject      *source,
                GAsyncResult *result,
                gpointer      user_data)
{
  Fixture *fixture = user_data;
  AioprocProcess *process = AIOPROC_PROCESS (source);
  g_autoptr(GVariant) value = NULL;
  g_autoptr(GError) error = NULL;

  g_assert_true (aioproc_process_join_finish (process, result, &error));
  g_assert_no_error (error);
  value = aioproc_process_dup_result (process, &error);
  g_assert_no_error (error);
  aioproc_test_assert_variant (value, g_variant_new ("(i)", 49));

  fixture->n_joined++;
  g_application_release (fixture->app);
}

static void
many_started_cb (GObject      *source,
                 GAsyncResult *result,
                 gpointer      user_data)
{
  AioprocProcess *process = AIOPROC_PROCESS (source);
  g_autoptr(GError) error = NULL;

  g_assert_true (aioproc_process_start_finish (process, result, &error));
  g_assert_no_error (error);
  aioproc_process_join_async (process, -1, NULL, many_joined_cb, user_data);
}

static int
many_command_line_cb (GApplication            *app,
                      GApplicationCommandLine *command_line,
                      gpointer                 user_data)
{
  g_auto(GStrv) arguments = g_application_command_line_get_arguments (command_line, NULL);

  g_assert_cmpstr (arguments[1], ==, "an-argument");

  for (guint i = 0; i < N_WORKERS; i++)
    {
      g_autoptr(AioprocProcess) process = NULL;

      process = aioproc_process_new (NULL, "square", g_variant_new ("(i)", 7));
      g_application_hold (app);
      aioproc_process_start_async (process, NULL, many_started_cb, user_data);
    }

  return 0;
}

static void
test_gapplication_many (void)
{
  char *argv[] = { (char *) "app", (char *) "an-argument", NULL };
  g_auto(Fixture) fixture = { NULL };

  g_test_summary ("An application with a command line runs until all its workers have ended");

  fixture_init (&fixture, G_APPLICATION_HANDLES_COMMAND_LINE);
  g_signal_connect (fixture.app, "command-line", G_CALLBACK (many_command_line_cb), &fixture);

  g_assert_cmpint (g_application_run (fixture.app, 2, argv), ==, 0);
  g_assert_cmpuint (fixture.n_joined, ==, N_WORKERS);
}

/* --- An application that quits --- */

static void
quit_ready_cb (GObject      *source,
               GAsyncResult *result,
               gpointer      user_data)
{
  Fixture *fixture = user_data;
  g_autoptr(GError) error = NULL;

  g_assert_true (aioproc_event_wait_finish (fixture->event, result, &error));
  g_assert_no_error (error);
  g_application_quit (fixture->app);
}

static void
quit_activate_cb (GApplication *app,
                  gpointer      user_data)
{
  Fixture *fixture = user_data;
  g_autoptr(AioprocMessage) message = aioproc_message_new (NULL);
  g_autoptr(GError) error = NULL;

  aioproc_message_set_body (message,
                            g_variant_new ("(h)", append_object (message, fixture->event)));
  fixture->process = aioproc_process_new_with_message (NULL, "wait_cancelled", message);
  g_assert_true (aioproc_process_start (fixture->process, NULL, &error));
  g_assert_no_error (error);

  g_application_hold (app);
  aioproc_event_wait_async (fixture->event, -1, NULL, quit_ready_cb, fixture);
}

static void
test_gapplication_quit (void)
{
  g_auto(Fixture) fixture = { NULL };
  g_autofree char *path = NULL;
  g_autofree char *own_path = NULL;
  g_autofree char *worker_path = NULL;
  g_autoptr(GError) error = NULL;
  int exit_code;

  g_test_summary ("An application quits though its worker, the same executable, is busy");

  fixture_init (&fixture, G_APPLICATION_DEFAULT_FLAGS);
  g_signal_connect (fixture.app, "activate", G_CALLBACK (quit_activate_cb), &fixture);

  g_assert_cmpint (g_application_run (fixture.app, 0, NULL), ==, 0);
  g_assert_true (aioproc_process_is_alive (fixture.process));

  path = g_strdup_printf ("/proc/%d/exe", aioproc_process_get_pid (fixture.process));
  worker_path = g_file_read_link (path, &error);
  g_assert_no_error (error);
  own_path = g_file_read_link ("/proc/self/exe", &error);
  g_assert_no_error (error);
  g_assert_cmpstr (worker_path, ==, own_path);

  g_assert_true (aioproc_process_terminate (fixture.process, &error));
  g_assert_true (aioproc_process_join (fixture.process, -1, NULL, &error));
  g_assert_no_error (error);
  g_assert_true (aioproc_process_get_exit_code (fixture.process, &exit_code));
  g_assert_cmpint (exit_code, ==, -SIGTERM);
}

int
main (int   argc,
      char *argv[])
{
  aioproc_init (functions, G_N_ELEMENTS (functions));
  aioproc_test_init (&argc, &argv);

  aioproc_test_add_func ("/aioproc/gapplication/shared", test_gapplication_shared);
  aioproc_test_add_func ("/aioproc/gapplication/many", test_gapplication_many);
  aioproc_test_add_func ("/aioproc/gapplication/quit", test_gapplication_quit);

  return g_test_run ();
}
