/* test-queue-steps.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* What becomes of a queue when a process is killed after any single instruction of an operation?
 *
 * In one way the process is killed. Since that takes a process for each point, and all the steps
 * up to it, it is done for every 37th instruction or so.
 *
 * In the other way the process is stopped after each instruction, the memory of the queue is
 * copied, and the copy is looked at: what it says of the process is changed to say it of one
 * that is dead. This is done for all instructions.
 */

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <aioproc.h>

#include "aioproc-test.h"
#include "core/aioproc-shareable-private.h"
#include "ipc/aioproc-queue-private.h"
#include "platform/aioproc-memfd-private.h"
#include "queue-steps.h"
#include "queue-test.h"
#include "queue-torture.h"

#define MAX_ITEMS 4

/* Of the points at which a process is really killed. */
#define STRIDE      37
#define LONG_STRIDE 4001   /* of an operation that takes 100,000 instructions */

/* Peers need this long at most to see what is free. */
#define WAIT_USEC (20 * G_TIME_SPAN_SECOND)

typedef enum {
  BEGIN_CLEAN,        /* the queue has items, and is whole */
  BEGIN_ABANDONED,    /* another process was killed while it held the lock, after it had put one */
  BEGIN_FILLING,      /* another process was killed while it filled a slot */
  BEGIN_LEASED,       /* another process was killed while it copied an item out */
  BEGIN_HELD,         /* another process was killed when it had got an item that is not copied */
  BEGIN_LOCKED,       /* the lock is held by somebody who does not run */
} Begin;

typedef struct {
  const char *name;
  const char *what;      /* for the peer */
  Begin       begin;
  guint32     size;      /* of all items */
  guint       n_items;   /* there before */
  gboolean    naive;
} Setup;

typedef struct {
  guint n_points;
  guint n_put;           /* points from which on the item of the victim is there */
  guint n_got;           /* points from which on the first item is gone */
  guint n_lost;
  guint n_doubled;
  guint n_torn;
  guint n_leaked;        /* room that did not come back */
  guint n_miscounted;    /* failures of a delivery, not one of a nack, or more of a lease */
} Outcome;

typedef struct {
  const Setup   *setup;
  Outcome        outcome;
  AioprocQueue  *queue;        /* (owned) */
  QueueLog      *log;
  int            log_fd;
  guint64        large_offset; /* of the extent that is to be given back */
  guint32        dead_owner;   /* the owner word of a process that is dead */
  AioprocQueue  *copy;         /* (owned) (nullable) of the queue, and of a naive one */
  NaiveQueue     naive_copy;
} Steps;

static AioprocFamily *
steps_get_family (Steps *self)
{
  return aioproc_shm_get_family (queue_test_get_shm (self->queue));
}

/* Item 0 of life 1 is what a victim puts, and item n + 1 what is there before. */
static GBytes *
steps_make_item (Steps   *self,
                 guint32  number)
{
  return queue_log_make_item (1, number, self->setup->size);
}

static NaiveQueue *
steps_get_naive (Steps *self)
{
  return self->copy != NULL ? &self->naive_copy : &self->log->naive;
}

static gboolean
steps_put (Steps  *self,
           GBytes *item,
           gint64  timeout_usec)
{
  if (self->setup->naive)
    return naive_queue_put (steps_get_naive (self), steps_get_family (self), item);

  return aioproc_queue_put_bytes (self->copy != NULL ? self->copy : self->queue, item,
                                  timeout_usec, NULL, NULL);
}

static GBytes *
steps_get (Steps *self)
{
  if (self->setup->naive)
    return naive_queue_get (steps_get_naive (self), steps_get_family (self));

  return aioproc_queue_get_bytes (self->copy != NULL ? self->copy : self->queue, 0, NULL, NULL);
}

/* --- The victim --- */

static pid_t
steps_start (Steps      *self,
             const char *what)
{
  g_autofree char *full = g_strconcat (self->setup->naive ? "naive-" : "", what, NULL);

  return queue_steps_start (self->queue, self->log_fd, full, self->setup->size);
}

/* --- Before --- */

static gboolean
is_in_state (guint32 state,
             guint32 wanted)
{
  if (wanted == AIOPROC_QUEUE_HELD)
    return state != AIOPROC_QUEUE_FREE && (state & AIOPROC_QUEUE_STATE_MASK) == AIOPROC_QUEUE_FREE;

  return (state & AIOPROC_QUEUE_STATE_MASK) == wanted;
}

/* Kills a process as soon as a slot of the queue is in a state: READY while the lock is held,
 * others while it is free.
 */
static void
steps_kill_at_state (Steps      *self,
                     const char *what,
                     guint32     state)
{
  AioprocQueueHeader *header = queue_test_get_header (self->queue);
  pid_t pid = steps_start (self, what);
  gboolean there = FALSE;

  while (!there)
    {
      g_assert_true (queue_steps_step (pid));

      if ((atomic_load (&header->lock) != 0) != (state == AIOPROC_QUEUE_READY))
        continue;

      for (guint i = 0; i < AIOPROC_QUEUE_BIRTH_SLOTS && !there; i++)
        there = is_in_state (atomic_load (&queue_test_get_slot (self->queue, i)->state), state);
    }

  queue_steps_kill (self->queue, pid);
}

static gboolean
is_about_memory (const Setup *setup)
{
  return g_str_equal (setup->what, "step-trim");
}

static void
steps_begin (Steps *self)
{
  const Setup *setup = self->setup;

  self->queue = queue_test_new (MAX_ITEMS);
  memset (&self->log->naive, 0, sizeof (self->log->naive));

  if (setup->begin == BEGIN_HELD)
    {
      g_autoptr(GBytes) item = steps_make_item (self, MAX_ITEMS);

      g_assert_true (steps_put (self, item, WAIT_USEC));
    }

  if (is_about_memory (setup))
    self->large_offset = queue_steps_leave_memory (self->queue);

  /* In an abandoned queue the first item is that of the process which was killed. */
  for (guint i = 0; setup->begin != BEGIN_ABANDONED && i < setup->n_items; i++)
    {
      g_autoptr(GBytes) item = steps_make_item (self, i + 1);

      g_assert_true (steps_put (self, item, WAIT_USEC));
    }

  if (setup->begin == BEGIN_ABANDONED)
    steps_kill_at_state (self, "step-put", AIOPROC_QUEUE_READY);
  else if (setup->begin == BEGIN_FILLING)
    steps_kill_at_state (self, "step-put", AIOPROC_QUEUE_FILLING);
  else if (setup->begin == BEGIN_LEASED)
    steps_kill_at_state (self, "step-lease", AIOPROC_QUEUE_LEASED);
  else if (setup->begin == BEGIN_HELD)
    steps_kill_at_state (self, "step-get", AIOPROC_QUEUE_HELD);
}

/* --- After --- */

static gboolean
is_about_lease (const Setup *setup)
{
  return g_str_equal (setup->what, "step-lease") || g_str_equal (setup->what, "step-nack");
}

/* Whether the victim puts an item of its own. */
static gboolean
puts_own (const Setup *setup)
{
  return g_str_equal (setup->what, "step-put") || g_str_has_prefix (setup->what, "step-commit");
}

/* Whether its room comes to nothing, or the item to no end, or it only looks. */
static gboolean
only_lends (const Setup *setup)
{
  return g_str_equal (setup->what, "step-loan") || g_str_equal (setup->what, "step-write") ||
         g_str_equal (setup->what, "step-abort") || g_str_equal (setup->what, "step-watch");
}

/* Whether the victim may have taken the first item. */
static gboolean
takes_first (const Setup *setup)
{
  return g_str_equal (setup->what, "step-get") || g_str_equal (setup->what, "step-ack") ||
         g_str_equal (setup->what, "step-release");
}

/* The next item, as steps_get() has it; of the first one the failed deliveries are counted. */
static GBytes *
steps_take (Steps *self)
{
  const Setup *setup = self->setup;
  g_autoptr(AioprocQueueLease) lease = NULL;
  guint32 life;
  guint32 number;
  guint n_failures;
  GBytes *item;

  if (!is_about_lease (setup))
    return steps_get (self);

  lease = aioproc_queue_get_leased (self->copy != NULL ? self->copy : self->queue, 0, NULL, NULL);

  if (lease == NULL)
    return NULL;

  item = g_bytes_ref (aioproc_queue_lease_get_bytes (lease));
  n_failures = aioproc_queue_lease_get_n_failures (lease);
  queue_log_read_item (item, &life, &number);
  g_assert_true (aioproc_queue_lease_ack (lease, NULL));

  /* A nack and a death are one. */
  if (number != 1)
    self->outcome.n_miscounted += n_failures != 0;
  else if (g_str_equal (setup->what, "step-nack"))
    self->outcome.n_miscounted += n_failures != 1;
  else
    self->outcome.n_miscounted += n_failures > 1;

  return item;
}

/* Which items are there? Every one is whole, and they are in their order. */
static void
steps_drain (Steps *self,
             guint *seen)
{
  guint32 last = 0;
  GBytes *item;

  while ((item = steps_take (self)) != NULL)
    {
      guint32 life;
      guint32 number;

      queue_log_read_item (item, &life, &number);

      if (!queue_log_check_item (item) || life != 1 || number > MAX_ITEMS)
        {
          self->outcome.n_torn++;
        }
      else
        {
          seen[number]++;

          if (number != 0 && number < last)
            self->outcome.n_torn++;

          last = MAX (last, number);
        }

      g_bytes_unref (item);
    }
}

/* A close drops all items, or it has not come to that yet. */
static void
steps_check_dropped (Steps       *self,
                     const guint *seen)
{
  AioprocQueue *queue = self->copy != NULL ? self->copy : self->queue;
  guint n_seen = 0;

  for (guint number = 1; number <= self->setup->n_items; number++)
    n_seen += seen[number];

  if (n_seen == 0)
    self->outcome.n_got++;
  else if (n_seen != self->setup->n_items)
    self->outcome.n_torn++;

  if (atomic_load (&queue_test_get_header (queue)->n_used) != 0)
    self->outcome.n_leaked++;
}

/* Whether the victim has the item: a copy, or the memory of the queue. */
static gboolean
steps_has_item (Steps  *self,
                pid_t   pid,
                GBytes *item)
{
  guint32 n_slots = atomic_load (&queue_test_get_header (self->queue)->n_slots);

  /* It had it, and may have let it go. */
  if (g_str_equal (self->setup->what, "step-release"))
    return TRUE;

  for (guint32 i = 0; i < n_slots; i++)
    {
      if (atomic_load (&queue_test_get_slot (self->queue, i)->state) ==
          atomic_load (&self->log->owner))
        return TRUE;
    }

  return queue_steps_has_in_memory (pid, item);
}

static gboolean
steps_is_taken (Steps  *self,
                pid_t   pid,
                GBytes *first)
{
  return first == NULL || (pid != 0 && steps_has_item (self, pid, first));
}

/* Slots that no item has and that nobody can use. */
static guint
count_held (AioprocQueue *queue)
{
  guint32 n_slots = atomic_load (&queue_test_get_header (queue)->n_slots);
  guint n_held = 0;

  for (guint32 i = 0; i < n_slots; i++)
    {
      n_held += is_in_state (atomic_load (&queue_test_get_slot (queue, i)->state),
                             AIOPROC_QUEUE_HELD);
    }

  return n_held;
}

/* @pid: the victim, if it lives yet; @first: what it was getting, NULL if it was found in its
 * memory before it was killed.
 */
static void
steps_check (Steps  *self,
             pid_t   pid,
             GBytes *first)
{
  const Setup *setup = self->setup;
  guint seen[MAX_ITEMS + 1] = { 0 };
  gboolean abandoned = setup->begin == BEGIN_ABANDONED;
  guint n_expected = abandoned ? 0 : setup->n_items;
  guint max_own = only_lends (setup) ? 0 : 1;
  guint n_filled = 0;
  AioprocQueue *queue = self->copy != NULL ? self->copy : self->queue;

  /* One more is that of the other process. */
  if (abandoned && (puts_own (setup) || only_lends (setup)))
    max_own++;

  steps_drain (self, seen);

  if (!setup->naive && atomic_load (&queue_test_get_header (queue)->n_bytes) != 0)
    self->outcome.n_leaked++;

  if (is_about_memory (setup) && !queue_steps_give_back (queue, self->large_offset))
    self->outcome.n_leaked++;

  if (g_str_equal (setup->what, "step-close-now"))
    {
      steps_check_dropped (self, seen);
      return;
    }

  for (guint number = 1; number <= n_expected; number++)
    {
      if (seen[number] > 1)
        self->outcome.n_doubled++;

      if (seen[number] == 0 && number == 1 && takes_first (setup))
        {
          self->outcome.n_got++;

          if (!steps_is_taken (self, pid, first))
            self->outcome.n_lost++;
        }
      else if (seen[number] == 0)
        {
          self->outcome.n_lost++;
        }
    }

  if (seen[0] > max_own)
    self->outcome.n_doubled++;

  if (abandoned && seen[0] == 0)
    {
      if (!g_str_equal (setup->what, "step-get") || !steps_is_taken (self, pid, first))
        self->outcome.n_lost++;
      else
        self->outcome.n_got++;
    }

  if (puts_own (setup) && seen[0] == max_own)
    self->outcome.n_put++;

  /* The room of what is gone, or never came, is there. */
  if (!g_str_equal (setup->what, "step-close"))
    {
      guint n_room = setup->naive ? NAIVE_QUEUE_N_ITEMS : MAX_ITEMS;
      g_autoptr(GBytes) item = steps_make_item (self, 1);

      while (n_filled < n_room && steps_put (self, item, WAIT_USEC))
        n_filled++;

      if (n_filled < n_room || steps_put (self, item, 0))
        self->outcome.n_leaked++;
    }

  if (!setup->naive && count_held (queue) != 0)
    self->outcome.n_leaked++;
}

/* --- Copies --- */

static guint32
bury (Steps   *self,
      guint32  word,
      guint32  owner)
{
  return (word & AIOPROC_OWNER_MASK) == owner ? (word & ~AIOPROC_OWNER_MASK) | self->dead_owner
                                              : word;
}

/* The queue as the others would find it, if the process with @owner had died here. */
static void
steps_make_copy (Steps   *self,
                 guint32  owner)
{
  AioprocShm *shm = queue_test_get_shm (self->queue);
  g_autoptr(GError) error = NULL;
  AioprocQueueHeader *header;
  guint32 n_slots;
  int fd;

  fd = aioproc_memfd_new ("copy", aioproc_shm_get_size (shm), &error);
  g_assert_no_error (error);
  queue_steps_copy_file (aioproc_shm_get_fd (shm), fd);
  aioproc_memfd_seal (fd, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL, &error);
  g_assert_no_error (error);

  shm = aioproc_shm_new_for_fd (AIOPROC_SHM_QUEUE, fd, AIOPROC_QUEUE_STATE_SIZE, &error);
  g_assert_no_error (error);
  self->copy = AIOPROC_QUEUE (aioproc_shareable_new_for_shm (AIOPROC_TYPE_QUEUE, shm, &error));
  g_assert_no_error (error);

  header = queue_test_get_header (self->copy);
  n_slots = atomic_load (&header->n_slots);
  atomic_store (&header->lock, bury (self, atomic_load (&header->lock), owner));
  atomic_store (&header->trim_owner, bury (self, atomic_load (&header->trim_owner), owner));

  if (self->setup->begin == BEGIN_LOCKED)
    atomic_store (&header->lock, 0);

  /* The death was announced. */
  atomic_store (&header->swept, atomic_load (&header->swept) - 1);

  for (guint32 i = 0; i < n_slots; i++)
    {
      AioprocQueueSlot *slot = queue_test_get_slot (self->copy, i);

      atomic_store (&slot->state, bury (self, atomic_load (&slot->state), owner));
    }

  self->naive_copy = self->log->naive;
  atomic_store (&self->naive_copy.lock, bury (self, atomic_load (&self->naive_copy.lock), owner));
}

/* The owner word of a process that was killed while it filled a slot. */
static guint32
find_dead_owner (Steps *self)
{
  static const Setup filling = { "dead", "step-put", BEGIN_CLEAN, 4200, 0, FALSE };
  const Setup *setup = self->setup;
  guint32 owner = 0;

  self->setup = &filling;

  self->queue = queue_test_new (MAX_ITEMS);
  steps_kill_at_state (self, "step-put", AIOPROC_QUEUE_FILLING);

  for (guint i = 0; i < AIOPROC_QUEUE_BIRTH_SLOTS && owner == 0; i++)
    owner = atomic_load (&queue_test_get_slot (self->queue, i)->state) & AIOPROC_OWNER_MASK;

  g_assert_cmpuint (owner, !=, 0);
  g_assert_true (aioproc_family_is_dead (steps_get_family (self), owner));
  g_assert_finalize_object (g_steal_pointer (&self->queue));
  self->setup = setup;

  return owner;
}

/* --- Runs --- */

static void
steps_open (Steps       *self,
            const Setup *setup)
{
  g_autoptr(GError) error = NULL;

  *self = (Steps) { .setup = setup };
  self->log_fd = aioproc_memfd_new ("log", sizeof (QueueLog), &error);
  g_assert_no_error (error);
  self->log = queue_log_map (self->log_fd);
}

static void
steps_close (Steps      *self,
             const char *way)
{
  const Outcome *outcome = &self->outcome;

  g_test_message ("%s, %s: at %u points: put %u, got %u, lost %u, doubled %u, torn %u, leaked %u",
                  self->setup->name, way, outcome->n_points, outcome->n_put, outcome->n_got,
                  outcome->n_lost, outcome->n_doubled, outcome->n_torn, outcome->n_leaked);
  munmap (self->log, sizeof (QueueLog));
  close (self->log_fd);
}

/* The item that a get takes. */
static GBytes *
steps_make_first (Steps *self)
{
  return steps_make_item (self, self->setup->begin == BEGIN_ABANDONED ? 0 : 1);
}

/* This process has the lock, and does not run while the victim does, until that is dead. */
static void
steps_lock (Steps *self)
{
  AioprocQueueHeader *header = queue_test_get_header (self->queue);

  if (self->setup->begin == BEGIN_LOCKED)
    g_assert_cmpint (aioproc_lock_word_lock (&header->lock, steps_get_family (self)), ==,
                     AIOPROC_LOCK_TAKEN);
}

static void
steps_unlock (Steps *self)
{
  AioprocQueueHeader *header = queue_test_get_header (self->queue);

  if (self->setup->begin == BEGIN_LOCKED)
    aioproc_lock_word_release (&header->lock, steps_get_family (self));
}

/* One crash point. FALSE: the operation is shorter. */
static gboolean
steps_kill_at_point (Steps *self,
                     guint  n_steps)
{
  g_autoptr(GBytes) first = steps_make_first (self);
  gboolean done = FALSE;
  pid_t pid;

  steps_begin (self);
  pid = steps_start (self, self->setup->what);
  steps_lock (self);

  for (guint i = 0; i < n_steps && !done; i++)
    done = !queue_steps_step (pid);

  if (takes_first (self->setup) && steps_has_item (self, pid, first))
    g_clear_pointer (&first, g_bytes_unref);

  queue_steps_kill (self->queue, pid);
  steps_unlock (self);
  steps_check (self, 0, first);
  g_assert_finalize_object (g_steal_pointer (&self->queue));

  return !done;
}

static Outcome
steps_run_kills (const Setup *setup,
                 guint        stride)
{
  Steps self;
  guint n_steps = 0;

  steps_open (&self, setup);

  while (steps_kill_at_point (&self, n_steps))
    {
      aioproc_test_arm_watchdog (60);
      self.outcome.n_points++;
      n_steps += stride;
    }

  steps_close (&self, "killed");

  return self.outcome;
}

static Outcome
steps_run_copies (const Setup *setup)
{
  Steps self;
  g_autoptr(GBytes) first = NULL;
  guint32 owner;
  pid_t pid;

  steps_open (&self, setup);
  self.dead_owner = find_dead_owner (&self);
  first = steps_make_first (&self);
  steps_begin (&self);
  pid = steps_start (&self, setup->what);
  steps_lock (&self);
  owner = atomic_load (&self.log->owner);

  do
    {
      steps_make_copy (&self, owner);
      steps_check (&self, pid, first);
      g_assert_finalize_object (g_steal_pointer (&self.copy));
      self.outcome.n_points++;
      aioproc_test_arm_watchdog (60);
    }
  while (queue_steps_step (pid));

  queue_steps_kill (self.queue, pid);
  steps_unlock (&self);
  g_assert_finalize_object (self.queue);
  steps_close (&self, "copied");

  return self.outcome;
}

static void
assert_outcome (const Setup   *setup,
                const Outcome *outcome)
{
  g_assert_cmpuint (outcome->n_points, >, 0);
  g_assert_cmpuint (outcome->n_lost, ==, 0);
  g_assert_cmpuint (outcome->n_doubled, ==, 0);
  g_assert_cmpuint (outcome->n_torn, ==, 0);
  g_assert_cmpuint (outcome->n_leaked, ==, 0);
  g_assert_cmpuint (outcome->n_miscounted, ==, 0);

  /* It did what it is about. */
  if (puts_own (setup))
    g_assert_cmpuint (outcome->n_put, >, 0);
  else if (takes_first (setup) || g_str_equal (setup->what, "step-close-now"))
    g_assert_cmpuint (outcome->n_got, >, 0);
}

static void
test_queue_steps (gconstpointer data)
{
  const Setup *setup = data;
  Outcome outcome;

  g_test_summary ("Whoever dies after whichever instruction, nothing is lost, doubled or torn");

  outcome = steps_run_copies (setup);
  assert_outcome (setup, &outcome);
  outcome = steps_run_kills (setup, is_about_memory (setup) ? LONG_STRIDE : STRIDE);
  assert_outcome (setup, &outcome);
}

static void
test_queue_steps_control (void)
{
  static const Setup put = { "put/naive", "step-put", BEGIN_CLEAN, 64, 3, TRUE };
  static const Setup get = { "get/naive", "step-get", BEGIN_CLEAN, 64, 3, TRUE };
  Outcome outcome;

  g_test_summary ("The same finds what is wrong with a naive queue");

  outcome = steps_run_copies (&put);
  g_assert_cmpuint (outcome.n_torn + outcome.n_doubled + outcome.n_leaked, >, 0);
  outcome = steps_run_copies (&get);
  g_assert_cmpuint (outcome.n_lost, >, 0);
  outcome = steps_run_kills (&put, STRIDE);
  g_assert_cmpuint (outcome.n_torn + outcome.n_doubled + outcome.n_leaked, >, 0);
  outcome = steps_run_kills (&get, STRIDE);
  g_assert_cmpuint (outcome.n_lost, >, 0);
}

static const Setup setups[] = {
  { "put/inline", "step-put", BEGIN_CLEAN, 64, 3, FALSE },
  { "get/inline", "step-get", BEGIN_CLEAN, 64, 3, FALSE },
  { "close", "step-close", BEGIN_CLEAN, 64, 3, FALSE },
  { "watch", "step-watch", BEGIN_CLEAN, 64, 3, FALSE },
  { "lease/inline", "step-lease", BEGIN_CLEAN, 64, 3, FALSE },
  { "ack/inline", "step-ack", BEGIN_CLEAN, 64, 3, FALSE },
  { "nack/inline", "step-nack", BEGIN_CLEAN, 64, 3, FALSE },
  { "get/beside", "step-get", BEGIN_CLEAN, 4200, 2, FALSE },
  { "release", "step-release", BEGIN_CLEAN, 4200, 2, FALSE },
  { "loan/inline", "step-loan", BEGIN_CLEAN, 64, 3, FALSE },
  { "commit-part/inline", "step-commit-part", BEGIN_CLEAN, 64, 3, FALSE },
#ifdef STEPS_ALL
  { "close-now", "step-close-now", BEGIN_CLEAN, 64, 3, FALSE },
  { "put/small", "step-put", BEGIN_CLEAN, 1000, 3, FALSE },
  { "put/beside", "step-put", BEGIN_CLEAN, 4200, 3, FALSE },
  { "put/large", "step-put", BEGIN_CLEAN, 40000, 1, FALSE },
  { "put/first-small", "step-put", BEGIN_CLEAN, 1000, 0, FALSE },
  { "put/first-large", "step-put", BEGIN_CLEAN, 40000, 0, FALSE },
  { "get/small", "step-get", BEGIN_CLEAN, 1000, 3, FALSE },
  { "get/large", "step-get", BEGIN_CLEAN, 40000, 1, FALSE },
  { "release/large", "step-release", BEGIN_CLEAN, 40000, 1, FALSE },
  { "lease/small", "step-lease", BEGIN_CLEAN, 1000, 3, FALSE },
  { "lease/beside", "step-lease", BEGIN_CLEAN, 4200, 3, FALSE },
  { "ack/beside", "step-ack", BEGIN_CLEAN, 4200, 3, FALSE },
  { "nack/beside", "step-nack", BEGIN_CLEAN, 4200, 3, FALSE },
  { "loan/small", "step-loan", BEGIN_CLEAN, 1000, 3, FALSE },
  { "loan/large", "step-loan", BEGIN_CLEAN, 40000, 1, FALSE },
  { "loan/first-large", "step-loan", BEGIN_CLEAN, 40000, 0, FALSE },
  { "write/inline", "step-write", BEGIN_CLEAN, 64, 3, FALSE },
  { "write/beside", "step-write", BEGIN_CLEAN, 4200, 3, FALSE },
  { "commit/inline", "step-commit", BEGIN_CLEAN, 64, 3, FALSE },
  { "commit/beside", "step-commit", BEGIN_CLEAN, 4200, 3, FALSE },
  { "commit-part/beside", "step-commit-part", BEGIN_CLEAN, 4200, 3, FALSE },
  { "abort/inline", "step-abort", BEGIN_CLEAN, 64, 3, FALSE },
  { "abort/beside", "step-abort", BEGIN_CLEAN, 4200, 3, FALSE },
  { "locked/commit", "step-commit", BEGIN_LOCKED, 4200, 3, FALSE },
  { "locked/commit-part", "step-commit-part", BEGIN_LOCKED, 4200, 3, FALSE },
  { "locked/abort", "step-abort", BEGIN_LOCKED, 4200, 3, FALSE },
  { "repair/loan", "step-loan", BEGIN_ABANDONED, 64, 1, FALSE },
  { "sweep-filling/loan", "step-loan", BEGIN_FILLING, 4200, 2, FALSE },
  { "repair/put", "step-put", BEGIN_ABANDONED, 64, 1, FALSE },
  { "repair/get", "step-get", BEGIN_ABANDONED, 64, 1, FALSE },
  { "sweep-filling/put", "step-put", BEGIN_FILLING, 4200, 2, FALSE },
  { "sweep-leased/get", "step-get", BEGIN_LEASED, 4200, 2, FALSE },
  { "sweep-held/get", "step-get", BEGIN_HELD, 4200, 2, FALSE },
  { "sweep-held/put", "step-put", BEGIN_HELD, 4200, 2, FALSE },
  { "trim/inline", "step-trim", BEGIN_CLEAN, 64, 3, FALSE },
  { "trim/beside", "step-trim", BEGIN_CLEAN, 5000, 1, FALSE },
#endif
};

int
main (int   argc,
      char *argv[])
{
  queue_steps_init ();
  aioproc_test_init (&argc, &argv);

  for (guint i = 0; i < G_N_ELEMENTS (setups); i++)
    {
      g_autofree char *path = g_strdup_printf ("/aioproc/queue/steps/%s", setups[i].name);

      aioproc_test_add_data_func (path, &setups[i], test_queue_steps);
    }

  aioproc_test_add_func ("/aioproc/queue/steps/control", test_queue_steps_control);

  return g_test_run ();
}
