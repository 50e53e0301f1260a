/* pool-crash.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* Calls of which one kills its worker and one never ends: they fail, and the others do not. */

#include <signal.h>

#include <aioproc.h>

#define N_CALLS 20

/* In a worker. */
static GVariant *
invert (AioprocCall  *call,
        GError      **error)
{
  int number;

  if (!aioproc_call_get_arguments (call, error, "(i)", &number))
    return NULL;

  if (number == 0)
    raise (SIGKILL);

  while (number == 13)
    g_usleep (G_USEC_PER_SEC);

  return g_variant_new_double (1.0 / number);
}

static const AioprocFunctionEntry functions[] = { { "invert", invert } };

typedef struct {
  GMainLoop *loop;
  guint      n_pending;
  guint      n_inverted;
} Calls;

static void
inverted_cb (GObject      *source,
             GAsyncResult *result,
             gpointer      user_data)
{
  Calls *calls = user_data;
  g_autoptr(GVariant) value = NULL;
  g_autoptr(GError) error = NULL;

  value = aioproc_pool_apply_finish (AIOPROC_POOL (source), result, &error);

  calls->n_inverted += value != NULL;

  if (value != NULL)
    g_print ("%f\n", g_variant_get_double (value));
  else if (g_error_matches (error, AIOPROC_ERROR, AIOPROC_ERROR_WORKER_DIED))
    g_print ("It crashed. %s\n", error->message);
  else if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT))
    g_print ("It did not end. %s\n", error->message);
  else
    g_error ("%s", error->message);

  if (--calls->n_pending == 0)
    g_main_loop_quit (calls->loop);
}

int
main (void)
{
  Calls calls = { NULL, 0, 0 };
  g_autoptr(AioprocPool) pool = NULL;
  g_autoptr(GError) error = NULL;

  aioproc_init (functions, G_N_ELEMENTS (functions));

  calls.loop = g_main_loop_new (NULL, FALSE);
  pool = aioproc_pool_new (NULL, 2, &error);
  if (pool == NULL)
    g_error ("%s", error->message);

  aioproc_pool_set_task_timeout (pool, G_USEC_PER_SEC / 2);

  for (int number = 0; number < N_CALLS; number++)
    {
      aioproc_pool_apply_async (pool, "invert", g_variant_new ("(i)", number), NULL, inverted_cb,
                                &calls);
      calls.n_pending++;
    }

  g_main_loop_run (calls.loop);
  g_main_loop_unref (calls.loop);

  return calls.n_inverted != N_CALLS - 2;
}
