/* test-pool-bell.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "aioproc-test.h"
#include "platform/aioproc-futex-private.h"
#include "pool/aioproc-pool-bell-private.h"

#define N_RINGERS 4
#define N_RINGS   20000

static AioprocPoolBell *
new_bell (void)
{
  g_autoptr(GError) error = NULL;
  AioprocPoolBell *bell = aioproc_pool_bell_new (NULL, &error);

  g_assert_no_error (error);

  return bell;
}

static void
test_seats (void)
{
  g_autoptr(AioprocPoolBell) bell = new_bell ();

  g_test_summary ("Each seat that has rung is taken once, however often it has.");

  g_assert_false (aioproc_pool_bell_has_rung (bell));
  g_assert_cmpint (aioproc_pool_bell_take (bell), ==, -1);

  for (guint i = 0; i < AIOPROC_POOL_MAX_WORKERS; i++)
    {
      aioproc_pool_bell_ring (bell, i);
      aioproc_pool_bell_ring (bell, i);
    }

  g_assert_true (aioproc_pool_bell_has_rung (bell));

  for (guint i = 0; i < AIOPROC_POOL_MAX_WORKERS; i++)
    g_assert_cmpint (aioproc_pool_bell_take (bell), ==, (int) i);

  g_assert_cmpint (aioproc_pool_bell_take (bell), ==, -1);
  g_assert_false (aioproc_pool_bell_has_rung (bell));
}

static void
test_word (void)
{
  g_autoptr(AioprocPoolBell) bell = new_bell ();
  _Atomic guint32 *word = aioproc_pool_bell_get_word (bell);
  guint32 expected = 0;
  guint32 next = 0;

  g_test_summary ("Who is about to sleep sees what has happened since it looked.");

  g_assert_false (aioproc_pool_bell_look (bell, &expected));
  g_assert_cmpuint (atomic_load (word), ==, expected);
  aioproc_pool_bell_ring (bell, 3);
  g_assert_cmpuint (atomic_load (word), !=, expected);
  g_assert_true (aioproc_pool_bell_look (bell, &next));
  g_assert_cmpint (aioproc_pool_bell_take (bell), ==, 3);
  g_assert_cmpint (aioproc_pool_bell_take (bell), ==, -1);

  /* Also if another one has marked the word again. */
  g_assert_false (aioproc_pool_bell_look (bell, &next));
  g_assert_cmpuint (next, !=, expected);

  aioproc_pool_bell_wake (bell);
  g_assert_cmpuint (atomic_load (word), !=, next);
}

static void
test_end (void)
{
  g_autoptr(AioprocPoolBell) bell = new_bell ();

  g_test_summary ("The end is told once and for all.");

  g_assert_false (aioproc_pool_bell_has_ended (bell));
  g_assert_cmpuint (atomic_load (aioproc_pool_bell_get_end (bell)), ==, 0);
  aioproc_pool_bell_end (bell);
  g_assert_true (aioproc_pool_bell_has_ended (bell));
  g_assert_cmpuint (atomic_load (aioproc_pool_bell_get_end (bell)), ==, 1);
}

typedef struct {
  AioprocPoolBell *bell;
  guint            seat;
  _Atomic guint    n_rung;
} Ringer;

static gpointer
ring_thread (gpointer data)
{
  Ringer *self = data;

  for (guint i = 0; i < N_RINGS; i++)
    {
      atomic_fetch_add_explicit (&self->n_rung, 1, memory_order_relaxed);
      aioproc_pool_bell_ring (self->bell, self->seat);
    }

  return NULL;
}

static void
test_threads (void)
{
  g_autoptr(AioprocPoolBell) bell = new_bell ();
  Ringer ringers[N_RINGERS];
  GThread *threads[N_RINGERS];
  guint n_seen[N_RINGERS] = { 0 };
  guint n_over = 0;

  g_test_summary ("Who sleeps on the bell is woken for the last thing that was written, too.");

  for (guint i = 0; i < N_RINGERS; i++)
    {
      ringers[i] = (Ringer) { .bell = bell, .seat = i * 200 };
      threads[i] = g_thread_new ("ring", ring_thread, &ringers[i]);
    }

  while (n_over < N_RINGERS)
    {
      guint32 expected;
      int seat;

      if (!aioproc_pool_bell_look (bell, &expected))
        aioproc_futex_wait (aioproc_pool_bell_get_word (bell), expected, -1);

      while ((seat = aioproc_pool_bell_take (bell)) >= 0)
        {
          const guint i = (guint) seat / 200;
          const guint n = atomic_load_explicit (&ringers[i].n_rung, memory_order_relaxed);

          g_assert_cmpuint (n, >=, n_seen[i]);
          if (n == N_RINGS && n_seen[i] < N_RINGS)
            n_over++;
          n_seen[i] = n;
        }
    }

  for (guint i = 0; i < N_RINGERS; i++)
    g_thread_join (threads[i]);
}

int
main (int   argc,
      char *argv[])
{
  aioproc_test_init (&argc, &argv);

  aioproc_test_add_func ("/aioproc/pool-bell/bell/seats", test_seats);
  aioproc_test_add_func ("/aioproc/pool-bell/bell/word", test_word);
  aioproc_test_add_func ("/aioproc/pool-bell/bell/end", test_end);
  aioproc_test_add_func ("/aioproc/pool-bell/bell/threads", test_threads);

  return g_test_run ();
}
