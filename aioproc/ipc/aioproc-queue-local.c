/* aioproc-queue-local.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "ipc/aioproc-queue-local-private.h"

#include "core/aioproc-wait-group-private.h"
#include "ipc/aioproc-queue-lists-private.h"
#include "platform/aioproc-cpu-private.h"

/* A look costs what its pauses cost, since each takes the cache line of the queue's counters from
 * the process that changes them: more and more, up to half a microsecond or so. All of them take
 * somewhat longer than it takes to wake a sleeper, 20 to 30 µs.
 */
#define LOOK_PAUSES_MIN 2
#define LOOK_PAUSES_MAX 16
#define MAX_LOOKS       64
#define MIN_LOOKS       8
/* Who sees a change lets the one who makes them go on for a fraction of a microsecond, and for
 * twice as long as before while there are more: else the queue goes from one processor to the
 * other for each single item. Who answers each item is not kept waiting.
 */
#define LINGER_PAUSES_MIN 16
#define LINGER_PAUSES_MAX 128
/* So often as many looks as can be are granted, whatever has happened: two processes that answer
 * each other would else go on to sleep for each answer, since each finds the other one slow.
 */
#define PROBE_INTERVAL 32

/* The lock of a queue is held for less than a microsecond: who holds it so long that it is BUSY is
 * not running. It will be in a while, unless it was stopped.
 */
#define RETRY_USEC_MIN 50
#define RETRY_USEC_MAX (10 * G_TIME_SPAN_MILLISECOND)

LocalQueue *
local_queue_ref (LocalQueue *self)
{
  g_atomic_ref_count_inc (&self->ref_count);

  return self;
}

void
local_queue_unref (LocalQueue *self)
{
  if (!g_atomic_ref_count_dec (&self->ref_count))
    return;

  g_clear_pointer (&self->getters, aioproc_wait_queue_free);
  g_clear_pointer (&self->putters, aioproc_wait_queue_free);
  g_clear_pointer (&self->joiners, aioproc_wait_queue_free);
  g_clear_pointer (&self->watch, aioproc_word_watch_free);
  aioproc_mutex_clear (&self->tasks_mutex);
  g_clear_error ((GError **) &self->dropped);
  aioproc_queue_slots_clear (&self->slots);
  aioproc_shm_unref (self->shm);
  g_free (self);
}

void
local_queue_keep (gpointer object)
{
  local_queue_ref (object);
}

void
local_queue_let_go (gpointer object)
{
  local_queue_unref (object);
}

gint64
local_queue_get_retry (guint n_busy)
{
  gint64 wait_usec = n_busy < 8 ? RETRY_USEC_MIN << n_busy : RETRY_USEC_MAX;

  return g_get_monotonic_time () + MIN (wait_usec, RETRY_USEC_MAX);
}

gboolean
local_queue_try (LocalQueue           *self,
                 const AioprocWaitOps *ops,
                 AioprocWaitRequest   *request,
                 const guint          *n_busy)
{
  guint32 expected;

  for (guint n_yields = 0; ; n_yields++)
    {
      guint n_busy_before = *n_busy;

      if (ops->attempt (self, request, &expected))
        return TRUE;

      if (*n_busy == n_busy_before || n_yields == LOCAL_QUEUE_MAX_YIELDS)
        return FALSE;

      g_thread_yield ();
    }
}

static guint
count_items (gpointer            object,
             AioprocWaitRequest *request)
{
  LocalQueue *self = object;
  guint n_ready = aioproc_queue_peek (&self->slots.header->n_ready);

  return n_ready > 0 ? n_ready : aioproc_queue_peek (&self->slots.header->closed) != 0;
}

static guint
count_room (gpointer            object,
            AioprocWaitRequest *request)
{
  LocalQueue *self = object;
  AioprocQueueHeader *header = self->slots.header;
  guint n_taken = aioproc_queue_count_room_taken (header);

  if (aioproc_queue_peek (&header->closed) != 0)
    return 1;

  if (self->slots.max_bytes != 0)
    return (self->slots.max_items == 0 || n_taken < self->slots.max_items) &&
           aioproc_queue_peek (&header->n_bytes) < self->slots.max_bytes;

  return self->slots.max_items > n_taken ? self->slots.max_items - n_taken
                                         : self->slots.max_items == 0;
}

static void
local_queue_linger (_Atomic guint32 *count)
{
  guint32 value = aioproc_queue_peek (count);

  for (guint n_pauses = LINGER_PAUSES_MIN; n_pauses <= LINGER_PAUSES_MAX; n_pauses *= 2)
    {
      guint32 previous = value;

      for (guint i = 0; i < n_pauses; i++)
        aioproc_cpu_relax ();

      value = aioproc_queue_peek (count);

      if (value == previous)
        break;
    }
}

/* The other side runs on another processor: to be woken would take longer than it takes.
 *
 * @count: what changes with each item. @looks: how many looks were granted last time; more when one
 * finds what it waits for, fewer when none does.
 */
static gboolean
local_queue_look_out (LocalQueue          *self,
                      AioprocWaitPeekFunc  changed,
                      _Atomic guint32     *count,
                      _Atomic guint32     *looks)
{
  guint32 n_looks = atomic_load_explicit (looks, memory_order_relaxed);
  guint n_pauses = LOOK_PAUSES_MIN;

  if (atomic_fetch_add_explicit (&self->n_waits, 1, memory_order_relaxed) % PROBE_INTERVAL == 0)
    n_looks = MAX_LOOKS;

  for (guint32 i = 0; i < n_looks; i++)
    {
      for (guint j = 0; j < n_pauses; j++)
        aioproc_cpu_relax ();

      n_pauses = MIN (2 * n_pauses, LOOK_PAUSES_MAX);

      if (changed (self, NULL) > 0)
        {
          local_queue_linger (count);
          atomic_store_explicit (looks, MIN (2 * n_looks, MAX_LOOKS), memory_order_relaxed);
          return TRUE;
        }
    }

  atomic_store_explicit (looks, MAX (n_looks / 2, MIN_LOOKS), memory_order_relaxed);

  return FALSE;
}

static gboolean
runs_here (_Atomic guint32 *cpu)
{
  return aioproc_queue_peek (cpu) == (guint32) (aioproc_cpu_get_current () + 1);
}

gboolean
local_queue_get_defers (gpointer object)
{
  LocalQueue *self = object;

  return runs_here (&self->slots.header->put_cpu);
}

gboolean
local_queue_put_defers (gpointer object)
{
  LocalQueue *self = object;

  return runs_here (&self->slots.header->get_cpu);
}

/* @peer_cpu: where the other side ran last. On our processor it runs when we let it, and then fills
 * or empties the queue as far as it can. Who sleeps instead is woken for the first item, often at
 * once, and the processor goes to and fro for each of them.
 */
static gboolean
local_queue_stay_awake (LocalQueue          *self,
                        AioprocWaitQueue    *waiters,
                        AioprocWaitPeekFunc  changed,
                        gint64               timeout_usec,
                        _Atomic guint32     *count,
                        _Atomic guint32     *looks,
                        _Atomic guint32     *peer_cpu)
{
  if (aioproc_queue_peek (peer_cpu) == 0 || timeout_usec == 0)
    return FALSE;

  if (runs_here (peer_cpu))
    return aioproc_wait_queue_stay_awake (waiters, changed, NULL, timeout_usec);

  return local_queue_look_out (self, changed, count, looks);
}

gboolean
local_queue_await_item (LocalQueue *self,
                        gint64      timeout_usec)
{
  return local_queue_stay_awake (self, self->getters, count_items, timeout_usec,
                                 &self->slots.header->n_ready, &self->get_looks,
                                 &self->slots.header->put_cpu);
}

gboolean
local_queue_await_room (LocalQueue *self,
                        gint64      timeout_usec)
{
  return local_queue_stay_awake (self, self->putters, count_room, timeout_usec,
                                 &self->slots.header->n_used, &self->put_looks,
                                 &self->slots.header->get_cpu);
}

void
local_queue_set_closed (LocalQueue  *self,
                        const char  *verb,
                        GError     **error)
{
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_CLOSED, "Could not %s %s: it was closed", verb,
               self->slots.description);
}

void
local_queue_set_would_block (LocalQueue  *self,
                             const char  *reason,
                             GError     **error)
{
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK, "The %s is %s",
               self->slots.description, reason);
}

void
local_queue_set_mismatch (LocalQueue  *self,
                          GError     **error)
{
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
               "The first item of %s is a value, not bytes, and stays there",
               self->slots.description);
}

void
local_queue_check_fork (LocalQueue *self)
{
  guint generation = aioproc_wait_group_get_fork_generation ();
  guint known = atomic_load (&self->fork_generation);

  if (G_LIKELY (known == generation) ||
      !atomic_compare_exchange_strong (&self->fork_generation, &known, generation))
    return;

  atomic_store (&self->put_works, 0);
  atomic_store (&self->get_works, 0);
  atomic_store (&self->trims, 0);
  /* They forget what was pending. */
  aioproc_wait_queue_serve (self->putters);
  aioproc_wait_queue_serve (self->getters);
}

gboolean
local_queue_check (LocalQueue  *self,
                   GError     **error)
{
  if (G_UNLIKELY (aioproc_wait_queue_is_closed (self->getters)))
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_CLOSED,
                   "Could not use %s: it was closed in this process", self->slots.description);
      return FALSE;
    }

  return aioproc_shm_attach (self->shm, error);
}

static gboolean
local_queue_shut (gpointer   impl,
                  gboolean   immediate,
                  GError   **error)
{
  LocalQueue *self = impl;

  if (immediate && !local_queue_check (self, error))
    return FALSE;

  aioproc_queue_slots_close (&self->slots, immediate);
  aioproc_wait_queue_serve (self->putters);
  aioproc_wait_queue_serve (self->getters);

  /* Who holds the lock now may be stopped, and there may be much memory. */
  if (immediate)
    local_queue_start_trim (self);

  return TRUE;
}

static gboolean
local_queue_is_shut (gpointer impl)
{
  LocalQueue *self = impl;

  return aioproc_queue_slots_is_closed (&self->slots);
}

static guint
local_queue_get_max_items (gpointer impl)
{
  LocalQueue *self = impl;

  return self->slots.max_items;
}

static guint
local_queue_get_max_deliveries (gpointer impl)
{
  LocalQueue *self = impl;

  return self->slots.max_failures;
}

static guint64
local_queue_get_max_bytes (gpointer impl)
{
  LocalQueue *self = impl;

  return self->slots.max_bytes;
}

static void
local_queue_count (gpointer             impl,
                   AioprocQueueFigures *figures)
{
  LocalQueue *self = impl;

  aioproc_queue_slots_count (&self->slots, figures);
}

static AioprocShm *
local_queue_get_shm (gpointer impl)
{
  LocalQueue *self = impl;

  return self->shm;
}

static void
local_queue_close (gpointer impl)
{
  LocalQueue *self = impl;

  local_queue_end_tending (self);
  aioproc_wait_queue_close (self->getters);
  aioproc_wait_queue_close (self->putters);
  aioproc_word_watch_close (self->watch);

  if (self->joiners != NULL)
    {
      aioproc_wait_queue_close (self->joiners);
      local_queue_give_tasks_back (self);
    }
}

static void
local_queue_free (gpointer impl)
{
  local_queue_close (impl);
  local_queue_unref (impl);
}

static const AioprocQueueBackend local_backend = {
  .try_put = local_queue_try_put,
  .put = local_queue_put,
  .put_start = local_queue_put_start,
  .try_loan = local_queue_try_loan,
  .loan = local_queue_loan,
  .loan_start = local_queue_loan_start,
  .try_get = local_queue_try_get,
  .get = local_queue_get,
  .get_start = local_queue_get_start,
  .put_many = local_queue_put_many,
  .put_many_start = local_queue_put_many_start,
  .get_many = local_queue_get_many,
  .get_many_start = local_queue_get_many_start,
  .is_ready = local_queue_is_ready,
  .watch = local_queue_watch,
  .unwatch = local_queue_unwatch,
  .shut = local_queue_shut,
  .is_shut = local_queue_is_shut,
  .get_max_items = local_queue_get_max_items,
  .get_max_deliveries = local_queue_get_max_deliveries,
  .get_max_bytes = local_queue_get_max_bytes,
  .count = local_queue_count,
  .try_get_failed = local_queue_try_get_failed,
  .count_failed = local_queue_count_failed,
  .task_done = local_queue_task_done,
  .try_join = local_queue_try_join,
  .join = local_queue_join,
  .join_start = local_queue_join_start,
  .get_shm = local_queue_get_shm,
  .close = local_queue_close,
  .free = local_queue_free,
};

gboolean
aioproc_queue_local_new (AioprocShm                 *shm,
                         const AioprocQueueConfig   *config,
                         const AioprocQueueBackend **backend,
                         gpointer                   *impl,
                         GError                    **error)
{
  g_autoptr(AioprocShm) owned = shm;
  LocalQueue *self;

  if (owned == NULL)
    owned = aioproc_shm_new (config->kind, config->name, AIOPROC_QUEUE_STATE_SIZE,
                             AIOPROC_QUEUE_FILE_SIZE, error);

  if (owned == NULL)
    return FALSE;

  self = g_new0 (LocalQueue, 1);

  if (!aioproc_queue_slots_init (&self->slots, owned, shm == NULL, config->max_items,
                                 config->max_deliveries, config->max_bytes, error))
    {
      aioproc_queue_slots_clear (&self->slots);
      g_free (self);
      return FALSE;
    }

  g_atomic_ref_count_init (&self->ref_count);
  atomic_store (&self->fork_generation, aioproc_wait_group_get_fork_generation ());
  self->shm = g_steal_pointer (&owned);
  self->getters = aioproc_wait_queue_new (self->shm, &self->slots.header->items, self);
  self->putters = aioproc_wait_queue_new (self->shm, &self->slots.header->room, self);
  self->watch = local_queue_watch_new (self);
  aioproc_mutex_init (&self->tasks_mutex);
  self->tasks_generation = aioproc_wait_group_get_fork_generation ();

  if (config->kind == AIOPROC_SHM_JOINABLE_QUEUE)
    self->joiners = aioproc_wait_queue_new (self->shm, &self->slots.header->idle, self);

  self->pending_gets = aioproc_wait_queue_peek_pending (self->getters);
  self->pending_puts = aioproc_wait_queue_peek_pending (self->putters);
  atomic_store (&self->get_looks, MAX_LOOKS);
  atomic_store (&self->put_looks, MAX_LOOKS);

  *backend = &local_backend;
  *impl = self;

  return TRUE;
}
