/* test-condition-kill.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <signal.h>
#include <unistd.h>

#include <aioproc.h>

#include "aioproc-test.h"
#include "core/core-test.h"
#include "platform/platform-test.h"
#include "sync-torture.h"

/* Four cases. */
#ifdef AIOPROC_TEST_STRESS
# define N_KILLS 2500
#elif defined (AIOPROC_FAULT_NO_PASSING_ON)
/* Until it hangs. */
# define N_KILLS 10000
#else
# define N_KILLS 75
#endif

#define N_PLACES  32
#define MAX_DEPTH 3

/* What the lock guards. Those without atomics: by the lock alone. */
typedef struct {
  _Atomic guint32 inside;
  guint32         before;
  guint32         after;
  _Atomic guint32 n_abandoned;

  guint32         n_items;
  guint32         n_taken;

  guint32         round;
  struct {
    guint32 pid;                 /* 0: nobody's */
    guint32 round;               /* that it waits for the end of */
  } places[N_PLACES];
} State;

/* One process's thread, which holds the lock, but for a wait. */
typedef struct {
  AioprocCondition *condition;
  gpointer          lock;
  guint64           owner;
  gboolean          async;
  guint             depth;       /* how often it has acquired a recursive lock */
  State            *state;
  GRand            *random;
} Flow;

/* TRUE: somebody died while he held it, and may have changed something without a notification. So
 * everybody is told to look.
 */
static gboolean
enter (Flow *self)
{
  State *state = self->state;
  guint32 nobody = 0;
  gboolean abandoned = AIOPROC_IS_RLOCK (self->lock)
                         ? aioproc_rlock_get_was_abandoned (self->lock)
                         : aioproc_lock_get_was_abandoned (self->lock);

  if (abandoned)
    {
      g_autoptr(GError) error = NULL;

      atomic_fetch_add (&state->n_abandoned, 1);
      atomic_store (&state->inside, 0);
      state->after = state->before;
      g_assert_true (aioproc_condition_notify_all (self->condition, self->owner, &error));
      g_assert_no_error (error);
    }

  g_assert_true (atomic_compare_exchange_strong (&state->inside, &nobody, 1));
  g_assert_cmpuint (state->before, ==, state->after);
  state->before++;

  return abandoned;
}

static void
leave (Flow *self)
{
  State *state = self->state;

  state->after++;
  g_assert_cmpuint (state->before, ==, state->after);
  atomic_store (&state->inside, 0);
}

/* FALSE: it gave up, as some do. */
static gboolean
begin (Flow     *self,
       gpointer  object,
       gboolean  async,
       gpointer  state,
       GRand    *random)
{
  *self = (Flow) {
    .condition = object,
    .lock = aioproc_condition_get_lock (object),
    /* The thread itself, or by a number that no other thread has. */
    .owner = async ? GPOINTER_TO_SIZE (random) : 0,
    .async = async,
    .depth = 1,
    .state = state,
    .random = random,
  };

  if (!AIOPROC_IS_RLOCK (self->lock))
    {
      if (!torture_acquire (self->lock, async, random))
        return FALSE;
    }
  else
    {
      if (!torture_acquire_rlock (self->lock, self->owner, async, random))
        return FALSE;

      for (guint n = g_rand_int_range (random, 0, MAX_DEPTH); n > 0; n--, self->depth++)
        g_assert_true (aioproc_rlock_try_acquire (self->lock, self->owner, NULL));
    }

  enter (self);

  return TRUE;
}

static void
end (Flow *self)
{
  g_autoptr(GError) error = NULL;

  leave (self);

  if (!AIOPROC_IS_RLOCK (self->lock))
    g_assert_true (aioproc_lock_release (self->lock, &error));

  for (; AIOPROC_IS_RLOCK (self->lock) && self->depth > 0; self->depth--)
    g_assert_true (aioproc_rlock_release (self->lock, self->owner, &error));

  g_assert_no_error (error);
}

/* Some waits have a limit. Who has reached it, and was not notified, waits on without a look: if
 * there is something to see, then it is another one that was notified.
 */
static void
wait_for_notification (Flow *self)
{
  gboolean notified;
  gboolean repaired;

  do
    {
      leave (self);
      notified = torture_wait_notified (self->condition, self->owner, self->async, self->random);

      if (AIOPROC_IS_RLOCK (self->lock))
        g_assert_cmpuint (aioproc_rlock_get_depth (self->lock, self->owner), ==, self->depth);

      repaired = enter (self);
    }
  while (!notified && !repaired);
}

static void
notify (Flow  *self,
        guint  n_waiters)
{
  g_autoptr(GError) error = NULL;

  g_assert_true (aioproc_condition_notify_n (self->condition, self->owner, n_waiters, &error));
  g_assert_no_error (error);
}

/* --- One item at a time --- */

/* There is no next one, and no next notification, until it was taken: if nobody is told of it, then
 * all wait for ever.
 */
static void
make_item (gpointer  object,
           gboolean  async,
           gpointer  state,
           GRand    *random)
{
  gboolean made = FALSE;
  Flow flow;

  if (!begin (&flow, object, async, state, random))
    return;

  if (flow.state->n_items == 0)
    {
      flow.state->n_items = 1;
      notify (&flow, g_rand_int_range (random, 0, 8) == 0 ? G_MAXUINT : 1);
      made = TRUE;
    }

  end (&flow);

  if (!made)
    g_thread_yield ();
}

static void
take_item (gpointer  object,
           gboolean  async,
           gpointer  state,
           GRand    *random)
{
  Flow flow;

  if (!begin (&flow, object, async, state, random))
    return;

  while (flow.state->n_items == 0)
    wait_for_notification (&flow);

  flow.state->n_items--;
  flow.state->n_taken++;
  end (&flow);
}

/* --- Rounds --- */

static gboolean
is_dead (pid_t pid)
{
  return pid != getpid () && (kill (pid, 0) != 0 || platform_test_get_state (pid, pid) == 'Z');
}

/* A round ends for all who wait for that, and the next one does not before they know. */
static void
end_round (gpointer  object,
           gboolean  async,
           gpointer  state,
           GRand    *random)
{
  gboolean all_know = TRUE;
  Flow flow;

  if (!begin (&flow, object, async, state, random))
    return;

  for (guint i = 0; i < N_PLACES && all_know; i++)
    {
      all_know = flow.state->places[i].pid == 0 ||
                 flow.state->places[i].round == flow.state->round ||
                 is_dead (flow.state->places[i].pid);
    }

  if (all_know)
    {
      flow.state->round++;
      notify (&flow, G_MAXUINT);
    }

  end (&flow);

  if (!all_know)
    g_thread_yield ();
}

static void
wait_for_round (gpointer  object,
                gboolean  async,
                gpointer  state,
                GRand    *random)
{
  guint place = 0;
  guint32 round;
  Flow flow;

  if (!begin (&flow, object, async, state, random))
    return;

  while (flow.state->places[place].pid != 0 && !is_dead (flow.state->places[place].pid))
    g_assert_cmpuint (++place, <, N_PLACES);

  round = flow.state->round;
  flow.state->places[place].round = round;
  flow.state->places[place].pid = getpid ();

  while (flow.state->round == round)
    wait_for_notification (&flow);

  /* Not two: one waited for. */
  g_assert_cmpuint (flow.state->round, ==, round + 1);
  flow.state->places[place].pid = 0;
  end (&flow);
}

/* --- The cases --- */

static gpointer
make_with_rlock (void)
{
  g_autoptr(GError) error = NULL;
  AioprocCondition *condition = aioproc_condition_new (NULL, &error);

  g_assert_no_error (error);

  return condition;
}

static gpointer
make_with_lock (void)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(AioprocLock) lock = aioproc_lock_new (&error);
  AioprocCondition *condition;

  g_assert_no_error (error);
  condition = aioproc_condition_new (AIOPROC_SHAREABLE (lock), &error);
  g_assert_no_error (error);

  return condition;
}

static void
check_state (gconstpointer data)
{
  State *state = (State *) data;

  g_test_message ("%u taken, %u rounds, abandoned %u times", state->n_taken, state->round,
                  atomic_load (&state->n_abandoned));
  g_assert_cmpuint (state->n_taken + state->round, >, 0);
}

typedef struct {
  const char  *path;
  gpointer   (*make) (void);
  TortureStep  steps[2];
  gboolean     orphans;
} Case;

static const Case cases[] = {
  { "one/rlock", make_with_rlock, { make_item, take_item }, FALSE },
  { "one/lock", make_with_lock, { make_item, take_item }, FALSE },
  { "one/orphans", make_with_lock, { make_item, take_item }, TRUE },
  { "all/rlock", make_with_rlock, { end_round, wait_for_round }, FALSE },
};

static void
test_condition_kill (gconstpointer data)
{
  const Case *self = data;
  const TortureSetup setup = {
    .make = self->make,
    .state_size = sizeof (State),
    .n_processes = 4,
    .check_every = 2,
    .steps = { self->steps[0], self->steps[1] },
    .orphans = self->orphans,
    .check = check_state,
  };

  g_test_summary ("Processes are killed at random: no notification is lost to those who wait");

  torture (&setup, N_KILLS, 8, 1000);
}

int
main (int   argc,
      char *argv[])
{
  core_test_init (&argc, &argv);

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *path = g_strconcat ("/aioproc/condition-kill/", cases[i].path, NULL);

      aioproc_test_add_data_func (path, &cases[i], test_condition_kill);
    }

  return g_test_run ();
}
