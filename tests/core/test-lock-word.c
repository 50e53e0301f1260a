/* test-lock-word.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <string.h>
#include <unistd.h>

#include "aioproc-test.h"
#include "core-test.h"
#include "core/aioproc-lock-word-private.h"
#include "platform/platform-test.h"

/* What the tests know of a word. */
#define WAIT   0x80000000u
#define HUNGRY 0x40000000u
#define FAIR   0x40000000u
#define STAMPS 0x20000000u

#define FAIR_USEC (10 * G_TIME_SPAN_MILLISECOND)

typedef struct {
  AioprocLockWord word;
  _Atomic guint32 owner;
  _Atomic guint32 go;
  _Atomic guint32 done;
} Shared;

/* A word that was handed over @usec ago, or will be. */
static guint32
handed_over (gint64 usec)
{
  return WAIT | FAIR | ((guint32) ((g_get_monotonic_time () - usec) >> 8) & (STAMPS - 1));
}

static int
holder_run (gpointer user_data)
{
  Shared *shared = user_data;
  AioprocFamily *family = core_test_get_family ();

  core_test_store (&shared->owner, core_test_attach (family));
  g_assert_cmpint (aioproc_lock_word_try (&shared->word, family), ==, AIOPROC_LOCK_TAKEN);
  core_test_store (&shared->done, 1);
  core_test_wait_for (&shared->go, 1);
  g_assert_true (aioproc_lock_word_release (&shared->word, family));
  core_test_store (&shared->done, 2);
  core_test_wait_for (&shared->go, 2);

  return 0;
}

static pid_t
start_holder (Shared *shared)
{
  pid_t pid = platform_test_fork (holder_run, shared);

  core_test_wait_for (&shared->done, 1);

  return pid;
}

static void
test_lock_word_try (void)
{
  AioprocFamily *family = core_test_get_family ();
  AioprocLockWord word = 0;
  guint32 owner = core_test_attach (family);

  g_test_summary ("A free word is taken once, freed once, and is 0 then");

  for (guint i = 0; i < 3; i++)
    {
      g_assert_false (aioproc_lock_word_is_held (&word, family));
      g_assert_false (aioproc_lock_word_is_mine (&word, family));
      g_assert_false (aioproc_lock_word_release (&word, family));
      g_assert_false (aioproc_lock_word_release_fair (&word, family));

      g_assert_cmpint (aioproc_lock_word_try (&word, family), ==, AIOPROC_LOCK_TAKEN);
      g_assert_cmphex (word, ==, owner);
      g_assert_true (aioproc_lock_word_is_held (&word, family));
      g_assert_true (aioproc_lock_word_is_mine (&word, family));
      g_assert_false (aioproc_lock_word_has_waiters (&word));
      g_assert_cmpint (aioproc_lock_word_try (&word, family), ==, AIOPROC_LOCK_BUSY);
      g_assert_cmpint (aioproc_lock_word_spin (&word, family), ==, AIOPROC_LOCK_BUSY);
      g_assert_cmphex (word, ==, owner);

      if (i == 0)
        g_assert_true (aioproc_lock_word_release_fair (&word, family));
      else
        g_assert_true (aioproc_lock_word_release (&word, family));

      g_assert_cmphex (word, ==, 0);
    }
}

static void
test_lock_word_attempt (void)
{
  AioprocFamily *family = core_test_get_family ();
  AioprocLockWord word = 0;
  AioprocLockTicket ticket = { 0 };
  guint32 owner = core_test_attach (family);
  guint32 expected;
  gint64 deadline_usec;

  g_test_summary ("A refused waiter asks for a wake-up at once, and for its turn later");

  g_assert_cmpint (aioproc_lock_word_attempt (&word, family, &ticket, &expected, &deadline_usec),
                   ==, AIOPROC_LOCK_TAKEN);
  g_assert_cmphex (word, ==, owner);
  g_assert_cmpint (deadline_usec, ==, -1);
  g_assert_cmpint (ticket.since_usec, ==, 0);

  g_assert_cmpint (aioproc_lock_word_attempt (&word, family, &ticket, &expected, &deadline_usec),
                   ==, AIOPROC_LOCK_BUSY);
  g_assert_cmphex (word, ==, owner | WAIT);
  g_assert_cmphex (expected, ==, word);
  g_assert_cmpint (deadline_usec, ==, -1);
  g_assert_cmpint (ticket.since_usec, >, 0);
  g_assert_true (aioproc_lock_word_has_waiters (&word));
  g_assert_false (aioproc_lock_word_is_hungry (&word));

  ticket.since_usec -= 2 * G_TIME_SPAN_MILLISECOND;
  ticket.slept = TRUE;
  g_assert_cmpint (aioproc_lock_word_attempt (&word, family, &ticket, &expected, &deadline_usec),
                   ==, AIOPROC_LOCK_BUSY);
  g_assert_cmphex (word, ==, owner | WAIT | HUNGRY);
  g_assert_cmphex (expected, ==, word);
  g_assert_true (aioproc_lock_word_is_hungry (&word));
  g_assert_true (aioproc_lock_word_is_mine (&word, family));

  /* What others ask for is kept. */
  memset (&ticket, 0, sizeof ticket);
  g_assert_cmpint (aioproc_lock_word_attempt (&word, family, &ticket, &expected, &deadline_usec),
                   ==, AIOPROC_LOCK_BUSY);
  g_assert_cmphex (word, ==, owner | WAIT | HUNGRY);
}

static void
test_lock_word_hand_over (void)
{
  AioprocFamily *family = core_test_get_family ();
  guint32 owner = core_test_attach (family);

  g_test_summary ("A word that is handed over is for a thread that has slept, and keeps waiters");

  for (guint i = 0; i < 2; i++)
    {
      AioprocLockWord word = owner | WAIT | (i == 0 ? HUNGRY : 0);
      AioprocLockTicket ticket = { 0 };
      guint32 expected;
      gint64 deadline_usec;
      gint64 before_usec = g_get_monotonic_time ();

      if (i == 0)
        g_assert_true (aioproc_lock_word_release (&word, family));
      else
        g_assert_true (aioproc_lock_word_release_fair (&word, family));

      g_assert_cmphex (word & (WAIT | FAIR | AIOPROC_OWNER_BIT), ==, WAIT | FAIR);
      g_assert_false (aioproc_lock_word_is_held (&word, family));
      g_assert_false (aioproc_lock_word_is_mine (&word, family));
      g_assert_false (aioproc_lock_word_is_hungry (&word));
      g_assert_false (aioproc_lock_word_release (&word, family));

      /* Made anew, should it take longer to get here than the hand-over lasts. */
      word = handed_over (0);
      g_assert_cmpint (aioproc_lock_word_try (&word, family), ==, AIOPROC_LOCK_BUSY);
      word = handed_over (0);
      g_assert_cmpint (aioproc_lock_word_attempt (&word, family, &ticket, &expected,
                                                  &deadline_usec),
                       ==, AIOPROC_LOCK_BUSY);
      g_assert_cmphex (expected, ==, word);
      g_assert_cmpint (deadline_usec, >, before_usec);
      g_assert_cmpint (deadline_usec, <=, g_get_monotonic_time () + FAIR_USEC);

      ticket.slept = TRUE;
      g_assert_cmpint (aioproc_lock_word_attempt (&word, family, &ticket, &expected,
                                                  &deadline_usec),
                       ==, AIOPROC_LOCK_TAKEN);
      g_assert_cmphex (word, ==, owner | WAIT);
    }
}

static void
test_lock_word_hand_over_expired (void)
{
  AioprocFamily *family = core_test_get_family ();
  guint32 owner = core_test_attach (family);

  g_test_summary ("A hand-over that nobody takes ends, so that anybody may take the word");

  for (guint i = 0; i < 2; i++)
    {
      AioprocLockTicket ticket = { 0 };
      AioprocLockWord word = handed_over (FAIR_USEC + 256);
      guint32 expected;
      gint64 deadline_usec;

      if (i == 0)
        g_assert_cmpint (aioproc_lock_word_try (&word, family), ==, AIOPROC_LOCK_TAKEN);
      else
        g_assert_cmpint (aioproc_lock_word_attempt (&word, family, &ticket, &expected,
                                                    &deadline_usec),
                         ==, AIOPROC_LOCK_TAKEN);

      g_assert_cmphex (word, ==, owner | WAIT);
    }
}

static void
test_lock_word_stamp (void)
{
  AioprocFamily *family = core_test_get_family ();

  g_test_summary ("A stamp that is a little ahead is young, and one that has wrapped is old");

  core_test_attach (family);

  /* Another processor's stamp may be newer than the time that this one has just read. */
  for (gint64 ahead = 256; ahead <= 4 * 256; ahead += 256)
    {
      AioprocLockTicket ticket = { 0 };
      AioprocLockWord word = handed_over (-ahead);
      guint32 expected;
      gint64 deadline_usec;

      g_assert_cmpint (aioproc_lock_word_attempt (&word, family, &ticket, &expected,
                                                  &deadline_usec),
                       ==, AIOPROC_LOCK_BUSY);
      g_assert_cmpint (deadline_usec, <=, g_get_monotonic_time () + FAIR_USEC + ahead);
    }

  /* Of hours ago, or of a peer that garbles it. */
  for (guint i = 1; i < 64; i++)
    {
      AioprocLockWord word = handed_over ((gint64) i * STAMPS / 64 * 256);

      g_assert_cmpint (aioproc_lock_word_try (&word, family), ==, AIOPROC_LOCK_TAKEN);
    }
}

static void
test_lock_word_not_owner (void)
{
  AioprocFamily *family = core_test_get_family ();
  Shared *shared = platform_test_map_shared (sizeof *shared);
  guint32 owner;
  pid_t pid;

  g_test_summary ("A word that another process holds is left alone");

  core_test_attach (family);
  pid = start_holder (shared);
  owner = atomic_load (&shared->owner);
  g_assert_true (aioproc_lock_word_is_held (&shared->word, family));
  g_assert_false (aioproc_lock_word_is_mine (&shared->word, family));
  g_assert_false (aioproc_lock_word_release (&shared->word, family));
  g_assert_false (aioproc_lock_word_release_fair (&shared->word, family));
  g_assert_cmpint (aioproc_lock_word_try (&shared->word, family), ==, AIOPROC_LOCK_BUSY);
  g_assert_cmphex (shared->word, ==, owner);

  core_test_store (&shared->go, 1);
  core_test_wait_for (&shared->done, 2);
  g_assert_cmpint (aioproc_lock_word_try (&shared->word, family), ==, AIOPROC_LOCK_TAKEN);
  g_assert_true (aioproc_lock_word_release (&shared->word, family));
  core_test_store (&shared->go, 2);
  platform_test_wait_success (pid);
  platform_test_unmap (shared, sizeof *shared);
}

static void
test_lock_word_abandoned (void)
{
  AioprocFamily *family = core_test_get_family ();
  guint32 self = core_test_attach (family);

  g_test_summary ("A dead owner's word is taken over, and the taker is told, once");

  for (guint i = 0; i < 3; i++)
    {
      Shared *shared = platform_test_map_shared (sizeof *shared);
      AioprocLockTicket ticket = { 0 };
      AioprocLockResult result;
      guint32 expected;
      gint64 deadline_usec;
      pid_t pid = start_holder (shared);

      if (i == 1)
        g_assert_cmpint (aioproc_lock_word_attempt (&shared->word, family, &ticket, &expected,
                                                    &deadline_usec),
                         ==, AIOPROC_LOCK_BUSY);

      core_test_kill (pid);

      if (i != 2)
        core_test_wait_for_death (family, atomic_load (&shared->owner));

      g_assert_cmpint (i != 2 && aioproc_lock_word_is_held (&shared->word, family), ==, FALSE);

      if (i == 0)
        result = aioproc_lock_word_try (&shared->word, family);
      else if (i == 1)
        result = aioproc_lock_word_attempt (&shared->word, family, &ticket, &expected,
                                            &deadline_usec);
      else
        result = aioproc_lock_word_lock (&shared->word, family);

      g_assert_cmpint (result, ==, AIOPROC_LOCK_ABANDONED);
      g_assert_cmphex (shared->word, ==, self | WAIT);
      g_assert_true (aioproc_lock_word_release (&shared->word, family));
      g_assert_cmpint (aioproc_lock_word_lock (&shared->word, family), ==, AIOPROC_LOCK_TAKEN);
      platform_test_unmap (shared, sizeof *shared);
    }
}

static void
test_lock_word_stopped (void)
{
  AioprocFamily *family = core_test_get_family ();
  Shared *shared = platform_test_map_shared (sizeof *shared);
  pid_t pid;

  g_test_summary ("A stopped owner keeps the word, and who spins for it gives up");

  core_test_attach (family);
  pid = start_holder (shared);
  core_test_stop (pid);
  g_assert_cmpint (aioproc_lock_word_spin (&shared->word, family), ==, AIOPROC_LOCK_BUSY);
  g_assert_true (aioproc_lock_word_is_held (&shared->word, family));
  core_test_kill (pid);
  g_assert_cmpint (aioproc_lock_word_lock (&shared->word, family), ==, AIOPROC_LOCK_ABANDONED);
  platform_test_unmap (shared, sizeof *shared);
}

static void
test_lock_word_withdraw (void)
{
  AioprocFamily *family = core_test_get_family ();
  guint32 owner = core_test_attach (family);
  AioprocLockWord word;

  g_test_summary ("Who gives up leaves a free word free, and has an owner wake the next");

  word = 0;
  aioproc_lock_word_withdraw (&word);
  g_assert_cmphex (word, ==, 0);

  word = handed_over (0);
  aioproc_lock_word_withdraw (&word);
  g_assert_cmphex (word, ==, 0);

  word = owner;
  aioproc_lock_word_withdraw (&word);
  g_assert_cmphex (word, ==, owner | WAIT);

  word = owner | WAIT | HUNGRY;
  aioproc_lock_word_withdraw (&word);
  g_assert_cmphex (word, ==, owner | WAIT | HUNGRY);
}

typedef struct {
  AioprocLockWord *word;
  _Atomic guint32  tid;
} Sleeper;

static gpointer
sleeper_run (gpointer data)
{
  Sleeper *sleeper = data;
  AioprocFamily *family = core_test_get_family ();

  core_test_store (&sleeper->tid, gettid ());
  g_assert_cmpint (aioproc_lock_word_lock (sleeper->word, family), ==, AIOPROC_LOCK_TAKEN);
  g_assert_true (aioproc_lock_word_release (sleeper->word, family));

  return NULL;
}

static void
test_lock_word_withdraw_wakes (void)
{
  AioprocFamily *family = core_test_get_family ();

  g_test_summary ("A wake-up that one took who gives up is passed on to the next");

  for (guint i = 0; i < 20; i++)
    {
      AioprocLockWord word = core_test_attach (family);
      Sleeper sleeper = { &word, 0 };
      GThread *thread = g_thread_new ("sleeper", sleeper_run, &sleeper);
      pid_t tid = core_test_wait_for_any (&sleeper.tid);

      platform_test_wait_for_state (getpid (), tid, 'S');

      /* As though released, with a wake-up that has hit the one who gives up. */
      atomic_store (&word, i % 2 == 0 ? 0 : handed_over (0));
      aioproc_lock_word_withdraw (&word);
      g_thread_join (thread);
      g_assert_cmphex (word, ==, 0);
    }
}

#define N_ROUNDS 20000

typedef struct {
  AioprocLockWord word;
  gboolean        fair;
  guint           count;      /* plain: the word alone makes it right */
} Contest;

static gpointer
contest_run (gpointer data)
{
  Contest *contest = data;
  AioprocFamily *family = core_test_get_family ();

  for (guint i = 0; i < N_ROUNDS; i++)
    {
      g_assert_cmpint (aioproc_lock_word_lock (&contest->word, family), ==, AIOPROC_LOCK_TAKEN);
      contest->count++;

      if (contest->fair && i % 16 == 0)
        g_assert_true (aioproc_lock_word_release_fair (&contest->word, family));
      else
        g_assert_true (aioproc_lock_word_release (&contest->word, family));
    }

  return NULL;
}

static void
test_lock_word_contest (gconstpointer data)
{
  Contest contest = { .fair = data != NULL };
  GThread *threads[4];

  g_test_summary ("Threads that fight for a word get it one at a time, and all get it");

  core_test_attach (core_test_get_family ());

  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = g_thread_new ("contest", contest_run, &contest);

  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    g_thread_join (threads[i]);

  g_assert_cmpuint (contest.count, ==, G_N_ELEMENTS (threads) * N_ROUNDS);
  g_assert_cmphex (contest.word & AIOPROC_OWNER_BIT, ==, 0);
}

int
main (int   argc,
      char *argv[])
{
  core_test_init (&argc, &argv);

  aioproc_test_add_func ("/aioproc/lock-word/try", test_lock_word_try);
  aioproc_test_add_func ("/aioproc/lock-word/attempt", test_lock_word_attempt);
  aioproc_test_add_func ("/aioproc/lock-word/hand-over", test_lock_word_hand_over);
  aioproc_test_add_func ("/aioproc/lock-word/hand-over-expired",
                         test_lock_word_hand_over_expired);
  aioproc_test_add_func ("/aioproc/lock-word/stamp", test_lock_word_stamp);
  aioproc_test_add_func ("/aioproc/lock-word/not-owner", test_lock_word_not_owner);
  aioproc_test_add_func ("/aioproc/lock-word/abandoned", test_lock_word_abandoned);
  aioproc_test_add_func ("/aioproc/lock-word/stopped", test_lock_word_stopped);
  aioproc_test_add_func ("/aioproc/lock-word/withdraw/word", test_lock_word_withdraw);
  aioproc_test_add_func ("/aioproc/lock-word/withdraw/wakes", test_lock_word_withdraw_wakes);
  aioproc_test_add_data_func ("/aioproc/lock-word/contest/fast", NULL, test_lock_word_contest);
  aioproc_test_add_data_func ("/aioproc/lock-word/contest/fair", GINT_TO_POINTER (1),
                              test_lock_word_contest);

  return g_test_run ();
}
