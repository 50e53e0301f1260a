/* test-pool-channel.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <string.h>
#include <unistd.h>

#include "aioproc-test.h"
#include "pool/aioproc-pool-channel-private.h"

/* Both ends of a channel in one process: each has the memory for itself. */

#define N_TASKS 100000

typedef struct {
  AioprocPoolChannel *program;
  AioprocPoolChannel *worker;
} Ends;

static Ends
ends_new (void)
{
  g_autoptr(GError) error = NULL;
  Ends ends;
  int fd;

  ends.program = aioproc_pool_channel_new ("test", &error);
  g_assert_no_error (error);
  fd = aioproc_pool_channel_open (ends.program, &error);
  g_assert_no_error (error);
  ends.worker = aioproc_pool_channel_new_for_fd (fd, &error);
  g_assert_no_error (error);

  return ends;
}

static void
ends_clear (Ends *ends)
{
  aioproc_pool_channel_unref (ends->program);
  aioproc_pool_channel_unref (ends->worker);
}

static guint32
post (Ends    *ends,
      guint64  serial)
{
  guint8 *data = aioproc_pool_channel_begin_post (ends->program);

  g_assert_nonnull (data);
  memcpy (data, &serial, sizeof serial);

  return aioproc_pool_channel_post (ends->program, serial, 7, sizeof serial);
}

/* Runs one task, which gives back what it got, plus 1. */
static void
run (AioprocPoolChannel           *worker,
     const AioprocPoolSlotContent *task)
{
  guint64 number;

  g_assert_cmpuint (task->kind, ==, 7);
  g_assert_cmpuint (task->length, ==, sizeof number);
  memcpy (&number, task->data, sizeof number);
  g_assert_cmpuint (number, ==, task->serial);
  number++;
  memcpy (aioproc_pool_channel_get_result_data (worker), &number, sizeof number);
  aioproc_pool_channel_finish (worker, 8, sizeof number, 9);
}

static void
check_result (const AioprocPoolSlotContent *result,
              guint64                       serial)
{
  guint64 number;

  g_assert_cmpuint (result->kind, ==, 8);
  g_assert_cmpuint (result->run_usec, ==, 9);
  g_assert_cmpuint (result->length, ==, sizeof number);
  memcpy (&number, result->data, sizeof number);
  g_assert_cmpuint (number, ==, serial + 1);
}

static gboolean
next (Ends                   *ends,
      AioprocPoolSlotContent *task)
{
  return aioproc_pool_channel_next (ends->worker, FALSE, 0, task);
}

static void
test_in_turn (void)
{
  Ends ends = ends_new ();
  AioprocPoolSlotContent content;
  g_autoptr(GError) error = NULL;

  g_test_summary ("A task goes there, and its result comes back, in the same slot.");

  for (guint64 serial = 1; serial < 1000; serial++)
    {
      guint32 position;

      g_assert_false (next (&ends, &content));
      position = post (&ends, serial);
      g_assert_cmpint (aioproc_pool_channel_get_stage (ends.program, position), ==,
                       AIOPROC_POOL_SLOT_READY);
      g_assert_cmpint (aioproc_pool_channel_get_began (ends.program, position), ==, -1);

      g_assert_true (next (&ends, &content));
      g_assert_cmpint (aioproc_pool_channel_get_stage (ends.program, position), ==,
                       AIOPROC_POOL_SLOT_RUNNING);
      g_assert_cmpint (aioproc_pool_channel_get_began (ends.program, position), >, 0);
      g_assert_cmpint (aioproc_pool_channel_get_began (ends.program, position), <=,
                       g_get_monotonic_time ());
      g_assert_false (aioproc_pool_channel_take_back (ends.program, position));
      g_assert_false (aioproc_pool_channel_take_result (ends.program, position, serial, &content,
                                                        &error));
      g_assert_no_error (error);

      content.serial = serial;
      run (ends.worker, &content);
      g_assert_true (aioproc_pool_channel_take_result (ends.program, position, serial, &content,
                                                       &error));
      check_result (&content, serial);
    }

  ends_clear (&ends);
}

static void
test_full (void)
{
  Ends ends = ends_new ();
  AioprocPoolSlotContent content;
  g_autoptr(GError) error = NULL;

  g_test_summary ("A ring takes as many tasks as it has slots, until results are taken.");

  for (guint64 serial = 1; serial <= AIOPROC_POOL_CHANNEL_N_SLOTS; serial++)
    post (&ends, serial);

  g_assert_null (aioproc_pool_channel_begin_post (ends.program));
  g_assert_true (next (&ends, &content));
  run (ends.worker, &content);
  g_assert_null (aioproc_pool_channel_begin_post (ends.program));
  g_assert_true (aioproc_pool_channel_take_result (ends.program, 0, 1, &content, &error));
  post (&ends, AIOPROC_POOL_CHANNEL_N_SLOTS + 1);
  g_assert_null (aioproc_pool_channel_begin_post (ends.program));

  ends_clear (&ends);
}

static void
test_take_back (void)
{
  Ends ends = ends_new ();
  AioprocPoolSlotContent content;
  guint32 positions[AIOPROC_POOL_CHANNEL_N_SLOTS];

  g_test_summary ("What was taken back is passed over by the worker, which says so if it can.");

  for (guint i = 0; i < G_N_ELEMENTS (positions); i++)
    positions[i] = post (&ends, i + 1);

  for (guint i = 0; i < G_N_ELEMENTS (positions); i++)
    {
      if (i != 5)
        g_assert_true (aioproc_pool_channel_take_back (ends.program, positions[i]));
    }

  g_assert_false (aioproc_pool_channel_take_back (ends.program, positions[0]));
  g_assert_null (aioproc_pool_channel_begin_post (ends.program));

  g_assert_true (next (&ends, &content));
  g_assert_cmpuint (content.serial, ==, 6);
  g_assert_nonnull (aioproc_pool_channel_begin_post (ends.program));
  run (ends.worker, &content);

  /* A worker that finds nothing else would sleep here, for ever, but for the slots it has freed. */
  g_assert_false (aioproc_pool_channel_next (ends.worker, TRUE, -1, &content));
  g_assert_cmpint (aioproc_pool_channel_get_stage (ends.program, positions[63]), ==,
                   AIOPROC_POOL_SLOT_FREE);

  ends_clear (&ends);
}

static void
test_bad_result (void)
{
  Ends ends = ends_new ();
  AioprocPoolSlotContent content;
  g_autoptr(GError) error = NULL;

  g_test_summary ("A result that is too long, or of another task, is refused.");

  post (&ends, 1);
  post (&ends, 2);
  g_assert_true (next (&ends, &content));
  aioproc_pool_channel_finish (ends.worker, 8, AIOPROC_POOL_CHANNEL_MAX + 1, 0);
  g_assert_true (next (&ends, &content));
  aioproc_pool_channel_finish (ends.worker, 8, 0, 0);

  g_assert_false (aioproc_pool_channel_take_result (ends.program, 0, 1, &content, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA);
  g_clear_error (&error);
  g_assert_false (aioproc_pool_channel_take_result (ends.program, 1, 3, &content, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA);

  ends_clear (&ends);
}

static void
test_cancel (void)
{
  Ends ends = ends_new ();

  g_test_summary ("The worker learns which task is to be cancelled.");

  g_assert_cmpuint (aioproc_pool_channel_get_cancelled (ends.worker), ==, 0);
  aioproc_pool_channel_cancel (ends.program, 7);
  g_assert_cmpuint (aioproc_pool_channel_wait_cancel (ends.worker, 0), ==, 1);
  g_assert_cmpuint (aioproc_pool_channel_get_cancelled (ends.worker), ==, 7);

  g_assert_false (aioproc_pool_channel_is_up (ends.program));
  aioproc_pool_channel_set_up (ends.worker);
  g_assert_true (aioproc_pool_channel_is_up (ends.program));
  g_assert_cmpint (aioproc_pool_channel_get_pid (ends.program), ==, getpid ());

  ends_clear (&ends);
}

static gpointer
worker_thread (gpointer data)
{
  AioprocPoolChannel *worker = data;
  AioprocPoolSlotContent task;
  guint n_tasks = 0;

  for (;;)
    {
      if (!aioproc_pool_channel_next (worker, n_tasks % 2 == 0, -1, &task))
        continue;
      if (task.length == 0)
        break;

      run (worker, &task);
      n_tasks++;
    }

  return GUINT_TO_POINTER (n_tasks);
}

static void
test_threads (void)
{
  Ends ends = ends_new ();
  GThread *thread = g_thread_new ("worker", worker_thread, ends.worker);
  guint32 positions[AIOPROC_POOL_CHANNEL_N_SLOTS];
  guint64 serials[AIOPROC_POOL_CHANNEL_N_SLOTS];
  AioprocPoolSlotContent content;
  g_autoptr(GError) error = NULL;
  guint64 serial = 0;
  guint n_posted = 0;
  guint n_done = 0;
  guint n_taken = 0;
  guint head = 0;

  g_test_summary ("No task is lost or done twice while both sides go for them.");

  while (n_done + n_taken < N_TASKS)
    {
      while (n_posted < N_TASKS && n_posted - head < AIOPROC_POOL_CHANNEL_N_SLOTS &&
             aioproc_pool_channel_begin_post (ends.program) != NULL)
        {
          const guint i = n_posted++ % AIOPROC_POOL_CHANNEL_N_SLOTS;

          serials[i] = ++serial;
          positions[i] = post (&ends, serial);
        }

      aioproc_pool_channel_wake (ends.program);

      /* Now and then the latest one is wanted back. */
      if (n_posted > head + 1 && n_posted % 3 == 0)
        {
          const guint i = (n_posted - 1) % AIOPROC_POOL_CHANNEL_N_SLOTS;

          if (aioproc_pool_channel_take_back (ends.program, positions[i]))
            {
              n_taken++;
              serials[i] = 0;
            }
        }

      while (head < n_posted)
        {
          const guint i = head % AIOPROC_POOL_CHANNEL_N_SLOTS;

          if (serials[i] != 0)
            {
              if (!aioproc_pool_channel_take_result (ends.program, positions[i], serials[i],
                                                     &content, &error))
                {
                  g_assert_no_error (error);
                  break;
                }

              check_result (&content, serials[i]);
              n_done++;
            }

          head++;
        }
    }

  while (aioproc_pool_channel_begin_post (ends.program) == NULL)
    g_thread_yield ();
  aioproc_pool_channel_post (ends.program, ++serial, 7, 0);
  aioproc_pool_channel_wake (ends.program);
  g_assert_cmpuint (GPOINTER_TO_UINT (g_thread_join (thread)), ==, n_done);

  ends_clear (&ends);
}

int
main (int   argc,
      char *argv[])
{
  aioproc_test_init (&argc, &argv);

  aioproc_test_add_func ("/aioproc/pool-channel/slots/in-turn", test_in_turn);
  aioproc_test_add_func ("/aioproc/pool-channel/slots/full", test_full);
  aioproc_test_add_func ("/aioproc/pool-channel/slots/take-back", test_take_back);
  aioproc_test_add_func ("/aioproc/pool-channel/slots/bad-result", test_bad_result);
  aioproc_test_add_func ("/aioproc/pool-channel/slots/cancel", test_cancel);
  aioproc_test_add_func ("/aioproc/pool-channel/slots/threads", test_threads);

  return g_test_run ();
}
