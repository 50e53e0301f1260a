/* aioproc-pool-channel.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "pool/aioproc-pool-channel-private.h"

#include <string.h>
#include <unistd.h>

#include "platform/aioproc-cpu-private.h"
#include "platform/aioproc-futex-private.h"

/* How long a worker that has just ended a task stays awake for the next one: about what it takes to
 * wake it on another processor.
 */
#define AWAKE_USEC 50
/* Looks between two looks at the clock. */
#define N_LOOKS    64

/* In shared memory. */
typedef struct {
  _Atomic guint32 stage;
  guint32         kind;
  guint32         length;
  guint32         run_usec;
  guint64         serial;
  _Atomic guint64 began_usec;
  guint64         reserved;
  guint8          data[AIOPROC_POOL_CHANNEL_MAX];
} Slot;

/* What the two sides write has cache lines of its own. */
typedef struct {
  _Atomic guint32 asleep;      /* a futex: the worker sleeps, or is about to */
  guint32         pad0[15];
  _Atomic guint32 pid;         /* the worker's, once it is up */
  guint32         pad1[15];
  _Atomic guint32 n_cancels;   /* a futex, the program's */
  guint32         pad2;
  _Atomic guint64 cancelled;   /* the last serial */
  guint32         pad3[12];
  Slot            slots[AIOPROC_POOL_CHANNEL_N_SLOTS];
} ChannelState;

G_STATIC_ASSERT (sizeof (Slot) == 512);
G_STATIC_ASSERT (G_STRUCT_OFFSET (Slot, data) == 40);
G_STATIC_ASSERT (G_STRUCT_OFFSET (ChannelState, slots) == 192);

struct _AioprocPoolChannel {
  gatomicrefcount  ref_count;

  /* Immutable. */
  AioprocShm      *shm;        /* (owned) */
  ChannelState    *state;

  guint32          position;   /* of the next slot; of the side that has this object */
};

static AioprocPoolChannel *
channel_new (AioprocShm *shm)
{
  AioprocPoolChannel *self;

  if (shm == NULL)
    return NULL;

  self = g_new0 (AioprocPoolChannel, 1);
  g_atomic_ref_count_init (&self->ref_count);
  self->shm = shm;
  self->state = aioproc_shm_get_state (shm);

  return self;
}

AioprocPoolChannel *
aioproc_pool_channel_new (const char  *name,
                          GError     **error)
{
  return channel_new (aioproc_shm_new (AIOPROC_SHM_POOL_CHANNEL, name, sizeof (ChannelState), 0,
                                       error));
}

AioprocPoolChannel *
aioproc_pool_channel_new_for_fd (int      fd,
                                 GError **error)
{
  return channel_new (aioproc_shm_new_for_fd (AIOPROC_SHM_POOL_CHANNEL, fd, sizeof (ChannelState),
                                              error));
}

AioprocPoolChannel *
aioproc_pool_channel_ref (AioprocPoolChannel *self)
{
  g_atomic_ref_count_inc (&self->ref_count);

  return self;
}

void
aioproc_pool_channel_unref (AioprocPoolChannel *self)
{
  if (!g_atomic_ref_count_dec (&self->ref_count))
    return;

  aioproc_shm_unref (self->shm);
  g_free (self);
}

int
aioproc_pool_channel_open (AioprocPoolChannel  *self,
                           GError             **error)
{
  return aioproc_shm_open (self->shm, error);
}

static Slot *
get_slot (AioprocPoolChannel *self,
          guint32             position)
{
  return &self->state->slots[position % AIOPROC_POOL_CHANNEL_N_SLOTS];
}

/* --- The program --- */

guint8 *
aioproc_pool_channel_begin_post (AioprocPoolChannel *self)
{
  Slot *slot = get_slot (self, self->position);

  /* Acquire: the worker has read what was there. Partner: begin_next(), which frees what was taken
   * back; a result is freed by this side.
   */
  if (atomic_load_explicit (&slot->stage, memory_order_acquire) != AIOPROC_POOL_SLOT_FREE)
    return NULL;

  return slot->data;
}

guint8 *
aioproc_pool_channel_get_task_data (AioprocPoolChannel *self)
{
  return get_slot (self, self->position)->data;
}

guint32
aioproc_pool_channel_post (AioprocPoolChannel *self,
                           guint64             serial,
                           guint32             kind,
                           guint32             length)
{
  Slot *slot = get_slot (self, self->position);

  slot->serial = serial;
  slot->kind = kind;
  slot->length = length;
  atomic_store_explicit (&slot->began_usec, 0, memory_order_relaxed);
  /* Partner: begin_next(). */
  atomic_store_explicit (&slot->stage, AIOPROC_POOL_SLOT_READY, memory_order_release);

  return self->position++;
}

void
aioproc_pool_channel_wake (AioprocPoolChannel *self)
{
  /* The posts before this look. Partner: the fence of a worker that goes to sleep. */
  atomic_thread_fence (memory_order_seq_cst);

  if (atomic_load_explicit (&self->state->asleep, memory_order_relaxed) != 0)
    {
      atomic_store_explicit (&self->state->asleep, 0, memory_order_relaxed);
      aioproc_futex_wake (&self->state->asleep, 1);
    }
}

gboolean
aioproc_pool_channel_take_back (AioprocPoolChannel *self,
                                guint32             position)
{
  guint32 stage = AIOPROC_POOL_SLOT_READY;

  return atomic_compare_exchange_strong_explicit (&get_slot (self, position)->stage, &stage,
                                                  AIOPROC_POOL_SLOT_TAKEN, memory_order_relaxed,
                                                  memory_order_relaxed);
}

AioprocPoolSlotStage
aioproc_pool_channel_get_stage (AioprocPoolChannel *self,
                                guint32             position)
{
  /* Acquire: of what has run. Partner: aioproc_pool_channel_finish(). */
  return (AioprocPoolSlotStage) atomic_load_explicit (&get_slot (self, position)->stage,
                                                      memory_order_acquire);
}

gint64
aioproc_pool_channel_get_began (AioprocPoolChannel *self,
                                guint32             position)
{
  Slot *slot = get_slot (self, position);
  guint64 began_usec;

  if (aioproc_pool_channel_get_stage (self, position) != AIOPROC_POOL_SLOT_RUNNING)
    return -1;

  began_usec = atomic_load_explicit (&slot->began_usec, memory_order_relaxed);

  /* It is written just after the stage: until then it begins now. */
  return began_usec == 0 || began_usec > G_MAXINT64 ? g_get_monotonic_time () : (gint64) began_usec;
}

gboolean
aioproc_pool_channel_take_result (AioprocPoolChannel      *self,
                                  guint32                  position,
                                  guint64                  serial,
                                  AioprocPoolSlotContent  *result,
                                  GError                 **error)
{
  Slot *slot = get_slot (self, position);

  if (aioproc_pool_channel_get_stage (self, position) != AIOPROC_POOL_SLOT_DONE)
    return FALSE;

  result->kind = slot->kind;
  result->length = slot->length;
  result->run_usec = slot->run_usec;
  result->serial = slot->serial;

  if (result->length > AIOPROC_POOL_CHANNEL_MAX || result->serial != serial)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                   "The worker of %s left a result of %u bytes for task %" G_GUINT64_FORMAT
                   ", not for task %" G_GUINT64_FORMAT,
                   aioproc_shm_describe (self->shm), result->length, result->serial, serial);
      return FALSE;
    }

  memcpy (result->data, slot->data, result->length);
  /* This side alone writes to a slot that is free. */
  atomic_store_explicit (&slot->stage, AIOPROC_POOL_SLOT_FREE, memory_order_relaxed);

  return TRUE;
}

gboolean
aioproc_pool_channel_is_up (AioprocPoolChannel *self)
{
  return atomic_load_explicit (&self->state->pid, memory_order_relaxed) != 0;
}

int
aioproc_pool_channel_get_pid (AioprocPoolChannel *self)
{
  const guint32 pid = atomic_load_explicit (&self->state->pid, memory_order_relaxed);

  /* Numbers that mean something else to kill() are no worker's. */
  return pid > 1 && pid <= G_MAXINT32 ? (int) pid : 0;
}

void
aioproc_pool_channel_cancel (AioprocPoolChannel *self,
                             guint64             serial)
{
  atomic_store_explicit (&self->state->cancelled, serial, memory_order_relaxed);
  /* Partner: aioproc_pool_channel_wait_cancel(). */
  atomic_fetch_add_explicit (&self->state->n_cancels, 1, memory_order_release);
  aioproc_futex_wake (&self->state->n_cancels, G_MAXUINT);
}

/* --- The worker --- */

void
aioproc_pool_channel_set_up (AioprocPoolChannel *self)
{
  atomic_store_explicit (&self->state->pid, (guint32) getpid (), memory_order_relaxed);
}

/* Begins the next task, if there is one. *@has_passed: slots became free. */
static gboolean
begin_next (AioprocPoolChannel     *self,
            AioprocPoolSlotContent *task,
            gboolean               *has_passed)
{
  for (;;)
    {
      Slot *slot = get_slot (self, self->position);
      guint32 stage = AIOPROC_POOL_SLOT_READY;

      /* A look first, which leaves the cache line where it is. Acquire: what was posted. Partner:
       * aioproc_pool_channel_post(). Release: who sees it run sees the results before it, and the
       * pid. Partner: aioproc_pool_channel_get_stage().
       */
      if (atomic_load_explicit (&slot->stage, memory_order_relaxed) == AIOPROC_POOL_SLOT_FREE)
        return FALSE;

      if (atomic_compare_exchange_strong_explicit (&slot->stage, &stage,
                                                   AIOPROC_POOL_SLOT_RUNNING,
                                                   memory_order_acq_rel, memory_order_acquire))
        {
          atomic_store_explicit (&slot->began_usec, (guint64) g_get_monotonic_time (),
                                 memory_order_relaxed);
          task->serial = slot->serial;
          task->kind = slot->kind;
          task->length = MIN (slot->length, AIOPROC_POOL_CHANNEL_MAX);
          task->run_usec = 0;
          memcpy (task->data, slot->data, task->length);
          return TRUE;
        }

      if (stage != AIOPROC_POOL_SLOT_TAKEN)
        return FALSE;

      /* Partner: aioproc_pool_channel_begin_post(). */
      atomic_store_explicit (&slot->stage, AIOPROC_POOL_SLOT_FREE, memory_order_release);
      self->position++;
      *has_passed = TRUE;
    }
}

static gboolean
next_awake (AioprocPoolChannel     *self,
            AioprocPoolSlotContent *task,
            gboolean               *has_passed)
{
  gint64 end_usec = g_get_monotonic_time () + AWAKE_USEC;

  do
    {
      for (guint i = 0; i < N_LOOKS; i++)
        {
          if (begin_next (self, task, has_passed))
            return TRUE;

          aioproc_cpu_relax ();
        }
    }
  while (g_get_monotonic_time () < end_usec);

  return FALSE;
}

gboolean
aioproc_pool_channel_next (AioprocPoolChannel     *self,
                           gboolean                stays_awake,
                           gint64                  deadline_usec,
                           AioprocPoolSlotContent *task)
{
  gboolean has_passed = FALSE;

  if (begin_next (self, task, &has_passed) || (stays_awake && next_awake (self, task, &has_passed)))
    return TRUE;

  for (;;)
    {
      atomic_store_explicit (&self->state->asleep, 1, memory_order_relaxed);
      /* The word before the look at the slot. Partner: aioproc_pool_channel_wake(). */
      atomic_thread_fence (memory_order_seq_cst);

      if (begin_next (self, task, &has_passed))
        {
          atomic_store_explicit (&self->state->asleep, 0, memory_order_relaxed);
          return TRUE;
        }

      if (has_passed || (deadline_usec >= 0 && g_get_monotonic_time () >= deadline_usec))
        {
          atomic_store_explicit (&self->state->asleep, 0, memory_order_relaxed);
          return FALSE;
        }

      aioproc_futex_wait (&self->state->asleep, 1, deadline_usec);
    }
}

guint8 *
aioproc_pool_channel_get_result_data (AioprocPoolChannel *self)
{
  return get_slot (self, self->position)->data;
}

void
aioproc_pool_channel_finish (AioprocPoolChannel *self,
                             guint32             kind,
                             guint32             length,
                             guint32             run_usec)
{
  Slot *slot = get_slot (self, self->position);

  slot->kind = kind;
  slot->length = length;
  slot->run_usec = run_usec;
  /* Partner: aioproc_pool_channel_get_stage(). */
  atomic_store_explicit (&slot->stage, AIOPROC_POOL_SLOT_DONE, memory_order_release);
  self->position++;
}

guint64
aioproc_pool_channel_get_cancelled (AioprocPoolChannel *self)
{
  return atomic_load_explicit (&self->state->cancelled, memory_order_relaxed);
}

guint32
aioproc_pool_channel_wait_cancel (AioprocPoolChannel *self,
                                  guint32             n_cancels)
{
  guint32 value;

  /* Partner: aioproc_pool_channel_cancel(). */
  while ((value = atomic_load_explicit (&self->state->n_cancels, memory_order_acquire)) ==
         n_cancels)
    aioproc_futex_wait (&self->state->n_cancels, n_cancels, -1);

  return value;
}
