/* pool.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* Counts primes in a pool of workers, while the main loop goes on. */

#include <aioproc.h>

#define N_RANGES   20
#define RANGE_SIZE 10000

static gboolean
is_prime (guint number)
{
  for (guint i = 2; i * i <= number; i++)
    if (number % i == 0)
      return FALSE;

  return number >= 2;
}

/* In a worker. */
static GVariant *
count_primes (AioprocCall  *call,
              GError      **error)
{
  guint first, n_primes = 0;

  if (!aioproc_call_get_arguments (call, error, "(u)", &first))
    return NULL;

  for (guint i = 0; i < RANGE_SIZE; i++)
    n_primes += is_prime (first + i);

  return g_variant_new_uint32 (n_primes);
}

static const AioprocFunctionEntry functions[] = { { "count-primes", count_primes } };

static void
joined_cb (GObject      *source,
           GAsyncResult *result,
           gpointer      user_data)
{
  g_autoptr(GError) error = NULL;

  if (!aioproc_pool_join_finish (AIOPROC_POOL (source), result, &error))
    g_error ("%s", error->message);

  g_main_loop_quit (user_data);
}

static void
mapped_cb (GObject      *source,
           GAsyncResult *result,
           gpointer      user_data)
{
  AioprocPool *pool = AIOPROC_POOL (source);
  g_autoptr(GError) error = NULL;
  g_autoptr(GPtrArray) counts = aioproc_pool_map_finish (pool, result, &error);
  guint n_primes = 0;

  if (counts == NULL)
    g_error ("%s", error->message);

  for (guint i = 0; i < counts->len; i++)
    n_primes += g_variant_get_uint32 (g_ptr_array_index (counts, i));

  g_print ("There are %u primes below %u.\n", n_primes, N_RANGES * RANGE_SIZE);

  aioproc_pool_close (pool);
  aioproc_pool_join_async (pool, -1, NULL, joined_cb, user_data);
}

int
main (void)
{
  g_autoptr(AioprocPool) pool = NULL;
  g_autoptr(GMainLoop) loop = NULL;
  g_autoptr(GError) error = NULL;
  GVariant *ranges[N_RANGES];

  aioproc_init (functions, G_N_ELEMENTS (functions));

  loop = g_main_loop_new (NULL, FALSE);
  pool = aioproc_pool_new (NULL, 0, &error);
  if (pool == NULL)
    g_error ("%s", error->message);

  for (guint i = 0; i < N_RANGES; i++)
    ranges[i] = g_variant_new ("(u)", i * RANGE_SIZE);

  aioproc_pool_map_async (pool, "count-primes", ranges, N_RANGES, 0, NULL, mapped_cb, loop);
  g_main_loop_run (loop);

  return 0;
}
