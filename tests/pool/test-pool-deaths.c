/* test-pool-deaths.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "pool-test.h"

/* Workers die in all ways, and at all times, while calls keep coming: each call ends once, with its
 * own result, or with a reason that it can have.
 */

#ifdef AIOPROC_TEST_STRESS
# define N_DEATHS 10000
#else
# define N_DEATHS 150
#endif

#define N_WORKERS   3
/* Calls on their way at a time. */
#define N_CALLS     40

typedef enum {
  CALL_WORK,        /* nothing happens to it but with its worker */
  CALL_LARGE,       /* the same, beside the slots */
  CALL_DIE,         /* kills its worker */
  CALL_EXIT,        /* so does this */
  CALL_CANCELLED,   /* is cancelled at some time */
  CALL_BLOCKED,     /* the same, and its worker has to be killed for it */
} CallKind;

typedef struct {
  AioprocPool  *pool;
  GHashTable   *pids;       /* of workers, as calls have told */
  guint         n_deaths;   /* that were caused */
  guint         n_pending;
  guint64       n_ended;
  guint64       n_lost;     /* calls that died of another one's death, or of a kill */
} Load;

typedef struct {
  Load         *load;
  CallKind      kind;
  gint64        number;
  GCancellable *cancellable;
  guint         n_ends;
} Call;

static void start_call (Load *load);

static void
check_end (Call     *call,
           GVariant *result,
           GError   *error)
{
  if (g_error_matches (error, AIOPROC_ERROR, AIOPROC_ERROR_WORKER_DIED))
    {
      call->load->n_lost++;
      return;
    }

  switch (call->kind)
    {
    case CALL_WORK:
      g_assert_no_error (error);
      aioproc_test_assert_variant (result, g_variant_new ("(x)", call->number + 1));
      break;

    case CALL_LARGE:
      g_assert_no_error (error);
      g_assert_cmpuint (strlen (g_variant_get_string (result, NULL)), ==, (guint) call->number);
      break;

    case CALL_CANCELLED:
      if (error == NULL)
        aioproc_test_assert_variant (result, g_variant_new ("(x)", call->number + 1));
      else
        g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
      break;

    case CALL_BLOCKED:
      g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
      break;

    case CALL_DIE:
    case CALL_EXIT:
    default:
      g_assert_not_reached ();
    }
}

static void
call_ended_cb (GObject      *source_object,
               GAsyncResult *async_result,
               gpointer      user_data)
{
  Call *call = user_data;
  Load *load = call->load;
  g_autoptr(GVariant) result = NULL;
  g_autoptr(GError) error = NULL;

  g_assert_cmpuint (++call->n_ends, ==, 1);
  result = aioproc_pool_apply_finish (AIOPROC_POOL (source_object), async_result, &error);
  g_assert_true ((result == NULL) == (error != NULL));
  check_end (call, result, error);

  g_object_unref (call->cancellable);
  g_free (call);
  load->n_pending--;
  load->n_ended++;

  if (load->n_deaths < N_DEATHS)
    start_call (load);
}

static CallKind
choose_kind (void)
{
  const int number = g_test_rand_int_range (0, 100);

  if (number < 60)
    return CALL_WORK;
  if (number < 75)
    return CALL_LARGE;
  if (number < 83)
    return CALL_CANCELLED;
  if (number < 87)
    return CALL_BLOCKED;

  return number < 94 ? CALL_DIE : CALL_EXIT;
}

static void
start_call (Load *load)
{
  static const int signals[] = { SIGKILL, SIGTERM, SIGABRT, SIGSEGV };
  Call *call = g_new0 (Call, 1);
  const char *function = "work";
  GVariant *arguments;

  call->load = load;
  call->kind = choose_kind ();
  call->number = g_test_rand_int_range (0, 200000);
  call->cancellable = g_cancellable_new ();
  load->n_pending++;

  switch (call->kind)
    {
    case CALL_LARGE:
      function = "grow";
      arguments = g_variant_new ("(u)", (guint32) call->number);
      break;

    case CALL_DIE:
      function = "die";
      arguments = g_variant_new ("(i)", signals[g_test_rand_int_range (0, 4)]);
      load->n_deaths++;
      break;

    case CALL_EXIT:
      function = "exit";
      arguments = g_variant_new ("(i)", g_test_rand_int_range (0, 3));
      load->n_deaths++;
      break;

    case CALL_BLOCKED:
      function = "block";
      arguments = NULL;
      load->n_deaths++;
      break;

    case CALL_WORK:
    case CALL_CANCELLED:
    default:
      arguments = g_variant_new ("(x)", call->number);
      break;
    }

  aioproc_pool_apply_async (load->pool, function, arguments, call->cancellable, call_ended_cb,
                            call);

  if (call->kind == CALL_BLOCKED ||
      (call->kind == CALL_CANCELLED && g_test_rand_bit ()))
    g_cancellable_cancel (call->cancellable);
}

static void
pid_cb (GObject      *source_object,
        GAsyncResult *async_result,
        gpointer      user_data)
{
  Load *load = user_data;
  g_autoptr(GError) error = NULL;
  g_autoptr(GVariant) result = aioproc_pool_apply_finish (load->pool, async_result, &error);
  int pid;

  load->n_pending--;

  /* It may die of another call. */
  if (result == NULL)
    {
      g_assert_error (error, AIOPROC_ERROR, AIOPROC_ERROR_WORKER_DIED);
      return;
    }

  /* From outside, at any time: perhaps it has gone by now, as all its children have. */
  g_variant_get (result, "(i)", &pid);
  if (load->n_deaths < N_DEATHS)
    {
      kill (pid, SIGKILL);
      load->n_deaths++;
    }
}

static void
run_load (AioprocPool *pool)
{
  Load load = { .pool = pool };

  for (guint i = 0; i < N_CALLS; i++)
    start_call (&load);

  while (load.n_pending > 0)
    {
      const guint64 n_ended = load.n_ended;

      g_main_context_iteration (NULL, TRUE);

      if (load.n_ended != n_ended && load.n_ended % 10 == 0 && load.n_deaths < N_DEATHS)
        {
          load.n_pending++;
          aioproc_pool_apply_async (pool, "pid", NULL, NULL, pid_cb, &load);
        }
    }

  g_test_message ("%" G_GUINT64_FORMAT " calls ended, of which %" G_GUINT64_FORMAT
                  " were lost with a worker", load.n_ended, load.n_lost);
  g_assert_cmpuint (load.n_lost, <=, load.n_deaths);
}

static void
test_deaths (void)
{
  g_autoptr(AioprocContext) context = test_context_new (AIOPROC_START_METHOD_FORKSERVER);
  AioprocPool *pool;
  guint n_fds;
  guint n_threads;

  g_test_summary ("Each call ends once while workers die, and nothing is left of those.");

  aioproc_test_arm_watchdog (60 + N_DEATHS / 20);

  /* What all pools have in common is there after the first one. */
  pool = test_pool_new (N_WORKERS);
  g_variant_unref (test_pool_apply (pool, "grow", g_variant_new ("(u)", 100000)));
  test_pool_end (pool);
  n_fds = aioproc_test_count_fds ();

  pool = test_pool_new_with ("context", context, "n-workers", N_WORKERS, "cancel-grace",
                             G_GINT64_CONSTANT (100), "max-tasks-per-worker",
                             G_GUINT64_CONSTANT (50), NULL);
  run_load (pool);
  n_threads = aioproc_test_count_threads ();
  run_load (pool);
  test_pool_end (pool);

  while (aioproc_test_count_fds () > n_fds)
    g_thread_yield ();
  while (aioproc_test_count_threads () > n_threads)
    g_thread_yield ();
}

int
main (int   argc,
      char *argv[])
{
  test_pool_init ();
  aioproc_test_init (&argc, &argv);

  aioproc_test_add_func ("/aioproc/pool/deaths/load", test_deaths);

  return g_test_run ();
}
