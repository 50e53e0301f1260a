/* aioproc-pool-core.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "pool/aioproc-pool-core-private.h"

#include <unistd.h>

#include "aioproc-error.h"
#include "ipc/aioproc-stream-thread-private.h"

/* How deep pools of workers of pools may be, as in loky. */
#define MAX_DEPTH      10
/* How often the service looks for results if no thread can be had that watches. */
#define UNWATCHED_USEC 10000

/* What the thread that starts a watch is told by its end, if that comes inside the start. */
typedef struct {
  AioprocPoolCore *core;
  gboolean         has_ended;
} WatchStart;

static GPrivate watch_start_private;

static void start_watch (AioprocPoolCore *self);

char *
aioproc_pool_core_describe (AioprocPoolCore *self)
{
  if (self->config.name == NULL)
    return g_strdup ("the pool");

  return g_strdup_printf ("the pool “%s”", self->config.name);
}

static void
aioproc_pool_core_init_seats (AioprocPoolCore *self)
{
  self->n_seats = self->config.n_workers;
  self->seats = g_new0 (AioprocPoolSeat, self->n_seats);

  for (guint i = 0; i < self->n_seats; i++)
    {
      AioprocPoolSeat *seat = &self->seats[i];

      seat->core = self;
      seat->index = i;
      seat->kill_usec = -1;
      seat->idle_link.data = seat;
      g_queue_init (&seat->posted);
      g_queue_init (&seat->awaited);
    }
}

/* FALSE: it has failed. */
static gboolean
aioproc_pool_core_check_failed (AioprocPoolCore  *self,
                                GError          **error)
{
  AIOPROC_MUTEX_AUTO_LOCK (&self->mutex, locker);

  if (self->state != AIOPROC_POOL_FAILED)
    return TRUE;

  g_propagate_error (error, g_error_copy (self->failure));

  return FALSE;
}

/* FALSE: this process is too far down in the tree of processes to have workers of its own. */
static gboolean
check_depth (GError **error)
{
  const char *identity = aioproc_process_get_current ()->identity;
  guint depth = *identity == '\0' ? 0 : 1;

  for (const char *c = identity; *c != '\0'; c++)
    depth += *c == ':';

  if (depth < MAX_DEPTH)
    return TRUE;

  g_set_error (error, AIOPROC_ERROR, AIOPROC_ERROR_INVALID_STATE,
               "Could not make a pool %u processes below the program, which looks like one that "
               "makes itself again and again: %u are the most", depth, MAX_DEPTH);

  return FALSE;
}

AioprocPoolCore *
aioproc_pool_core_new (AioprocPoolConfig  *config,
                       GError            **error)
{
  g_autoptr(AioprocPoolCore) self = g_new0 (AioprocPoolCore, 1);
  AioprocPoolActions actions = { 0 };

  g_atomic_ref_count_init (&self->ref_count);
  aioproc_mutex_init (&self->mutex);
  self->config = *config;
  *config = (AioprocPoolConfig) { NULL };
  self->pid = getpid ();
  self->service_usec = -1;
  g_queue_init (&self->idle);
  aioproc_pool_core_init_seats (self);

  if (!check_depth (error))
    return NULL;

  self->bell = aioproc_pool_bell_new (self->config.name, error);
  if (self->bell == NULL)
    return NULL;

  self->rings = aioproc_wait_queue_new (aioproc_pool_bell_get_shm (self->bell),
                                        aioproc_pool_bell_get_word (self->bell), self);
  self->joins = aioproc_wait_queue_new (aioproc_pool_bell_get_shm (self->bell),
                                        aioproc_pool_bell_get_end (self->bell), self);

  self->service_context = aioproc_stream_thread_get_context (error);
  if (self->service_context == NULL)
    return NULL;

  aioproc_mutex_lock (&self->mutex);
  self->service = aioproc_pool_service_new (self);
  g_source_attach (self->service, self->service_context);
  aioproc_pool_core_dispatch_locked (self, &actions);
  aioproc_pool_core_unlock (self, &actions);

  /* What is wrong with the context, or with the program, is known by now. */
  if (!aioproc_pool_core_check_failed (self, error))
    return NULL;

  return g_steal_pointer (&self);
}

AioprocPoolCore *
aioproc_pool_core_ref (AioprocPoolCore *self)
{
  g_atomic_ref_count_inc (&self->ref_count);

  return self;
}

void
aioproc_pool_core_unref (AioprocPoolCore *self)
{
  if (!g_atomic_ref_count_dec (&self->ref_count))
    return;

  /* All its workers have ended: each of them, and the service, has a reference. */
  g_clear_pointer (&self->rings, aioproc_wait_queue_free);
  g_clear_pointer (&self->joins, aioproc_wait_queue_free);
  g_clear_pointer (&self->bell, aioproc_pool_bell_free);
  aioproc_pool_backlog_clear (&self->backlog);
  g_free (self->seats);
  g_clear_error (&self->failure);
  g_clear_object (&self->config.context);
  g_free (self->config.name);
  g_free (self->config.initializer);
  g_clear_pointer (&self->config.initializer_arguments, g_variant_unref);
  aioproc_mutex_clear (&self->mutex);
  g_free (self);
}

/* --- What is done without the mutex --- */

static void
signal_processes (GQueue    *processes,
                  gboolean (*signal) (AioprocProcess  *process,
                                      GError         **error))
{
  AioprocProcess *process;

  while ((process = g_queue_pop_head (processes)) != NULL)
    {
      /* One that has ended meanwhile is no error. */
      signal (process, NULL);
      g_object_unref (process);
    }
}

void
aioproc_pool_actions_warn (AioprocPoolActions *actions,
                           const char         *format,
                           ...)
{
  va_list args;

  if (actions->warning != NULL)
    return;

  va_start (args, format);
  actions->warning = g_strdup_vprintf (format, args);
  va_end (args);
}

void
aioproc_pool_core_unlock (AioprocPoolCore    *self,
                          AioprocPoolActions *actions)
{
  AioprocPoolStart *start;
  AioprocPoolSeat *seat;
  GList *link;

  if (self->n_unattended > 0 && !self->is_watched)
    {
      self->is_watched = TRUE;
      actions->watches = TRUE;
    }

  aioproc_mutex_unlock (&self->mutex);

  if (actions->warning != NULL)
    g_warning ("%s", actions->warning);
  g_clear_pointer (&actions->warning, g_free);

  if (actions->wakes)
    aioproc_pool_bell_wake (self->bell);

  while ((seat = g_queue_pop_head (&actions->starts)) != NULL)
    aioproc_pool_seat_start (seat);

  while ((seat = g_queue_pop_head (&actions->sends)) != NULL)
    aioproc_pool_seat_send (seat);

  signal_processes (&actions->terminated, aioproc_process_terminate);
  signal_processes (&actions->killed, aioproc_process_kill);

  while ((start = g_queue_pop_head (&actions->started)) != NULL)
    {
      start->job->ops->started (start->job, start->worker_pid, start->began_usec);
      aioproc_pool_job_unref (start->job);
      g_free (start);
    }

  while ((link = g_queue_pop_head_link (&actions->ended)) != NULL)
    {
      AioprocPoolJob *job = link->data;

      if (job->ops->ended != NULL)
        job->ops->ended (job);
      aioproc_pool_job_unref (job);
    }

  while ((link = g_queue_pop_head_link (&actions->dropped)) != NULL)
    aioproc_pool_job_unref (link->data);

  if (actions->watches)
    start_watch (self);

  if (actions->service != NULL)
    {
      aioproc_wait_queue_close (self->rings);
      aioproc_pool_bell_end (self->bell);
      aioproc_wait_queue_serve (self->joins);
      g_source_destroy (actions->service);
      g_source_unref (actions->service);
    }
}

/* --- Jobs that nobody waits for --- */

static gboolean
watch_attempt (gpointer            object,
               AioprocWaitRequest *request,
               guint32            *expected)
{
  AioprocPoolCore *self = object;

  return aioproc_pool_bell_look (self->bell, expected);
}

/* Each watch has a reference of the pool. */
static void
watch_ended (gpointer            object,
             AioprocWaitRequest *request)
{
  AioprocPoolCore *self = object;
  AioprocPoolActions actions = { 0 };
  WatchStart *start = g_private_get (&watch_start_private);
  gboolean goes_on;

  aioproc_mutex_lock (&self->mutex);
  aioproc_pool_core_drain_locked (self, &actions);
  self->is_watched = self->n_unattended > 0 && !self->is_over;
  goes_on = self->is_watched;
  aioproc_pool_core_unlock (self, &actions);

  if (goes_on)
    {
      if (start != NULL && start->core == self)
        start->has_ended = TRUE;
      else
        start_watch (self);
    }

  aioproc_pool_core_unref (self);
}

static const AioprocWaitOps watch_ops = {
  .verb = "wait for",
  .attempt = watch_attempt,
  .ended = watch_ended,
};

/* Watches, if @is_watched, which is the claim to do it. */
static void
start_watch (AioprocPoolCore *self)
{
  WatchStart start = { .core = self };
  gpointer outer = g_private_get (&watch_start_private);

  g_private_set (&watch_start_private, &start);

  do
    {
      start.has_ended = FALSE;
      self->watch_request = (AioprocWaitRequest) { 0 };
      aioproc_pool_core_ref (self);

      if (!aioproc_wait_queue_start_bare (self->rings, &watch_ops, &self->watch_request, NULL))
        {
          aioproc_pool_core_unref (self);
          aioproc_mutex_lock (&self->mutex);
          self->is_watched = FALSE;
          aioproc_pool_service_hurry_locked (self, g_get_monotonic_time () + UNWATCHED_USEC);
          aioproc_mutex_unlock (&self->mutex);
        }
    }
  while (start.has_ended);

  g_private_set (&watch_start_private, outer);
}

/* --- Jobs --- */

void
aioproc_pool_core_drain_locked (AioprocPoolCore    *self,
                                AioprocPoolActions *actions)
{
  int index;

  /* As many as there can be, and no more: a worker that rings without an end keeps nobody here.
   * What is left is there for the next look.
   */
  for (guint i = 0;
       i < AIOPROC_POOL_MAX_WORKERS && (index = aioproc_pool_bell_take (self->bell)) >= 0; i++)
    {
      if ((guint) index < self->n_seats)
        aioproc_pool_seat_drain_locked (&self->seats[index], actions);
    }

  aioproc_pool_core_dispatch_locked (self, actions);
}

gboolean
aioproc_pool_core_is_foreign (AioprocPoolCore  *self,
                              GError          **error)
{
  g_autofree char *description = NULL;

  if (self->pid == getpid ())
    return FALSE;

  description = aioproc_pool_core_describe (self);
  g_set_error (error, AIOPROC_ERROR, AIOPROC_ERROR_INVALID_STATE,
               "Could not use %s, which belongs to the process that this one was forked from",
               description);

  return TRUE;
}

static gboolean
check_open_locked (AioprocPoolCore  *self,
                   GError          **error)
{
  g_autofree char *description = NULL;

  if (self->state == AIOPROC_POOL_OPEN)
    return TRUE;

  if (self->state == AIOPROC_POOL_FAILED)
    {
      g_propagate_error (error, g_error_copy (self->failure));
      return FALSE;
    }

  description = aioproc_pool_core_describe (self);
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_CLOSED,
               "Could not submit a task to %s, which was %s", description,
               self->state == AIOPROC_POOL_CLOSED ? "closed" : "terminated");

  return FALSE;
}

gboolean
aioproc_pool_core_admit (AioprocPoolCore  *self,
                         GError          **error)
{
  gboolean is_open;

  if (aioproc_pool_core_is_foreign (self, error))
    return FALSE;

  aioproc_mutex_lock (&self->mutex);
  is_open = check_open_locked (self, error);
  if (is_open)
    self->n_admitted++;
  aioproc_mutex_unlock (&self->mutex);

  return is_open;
}

void
aioproc_pool_core_dismiss (AioprocPoolCore *self)
{
  AioprocPoolActions actions = { 0 };

  aioproc_mutex_lock (&self->mutex);
  self->n_admitted--;
  aioproc_pool_core_settle_locked (self, &actions);
  aioproc_pool_core_unlock (self, &actions);
}

gboolean
aioproc_pool_core_submit (AioprocPoolCore  *self,
                          AioprocPoolJob   *job,
                          GError          **error)
{
  AioprocPoolActions actions = { 0 };

  /* Before the mutex, which another thread may have had at the fork. */
  if (aioproc_pool_core_is_foreign (self, error))
    return FALSE;

  aioproc_mutex_lock (&self->mutex);

  if (!(job->is_admitted && self->state == AIOPROC_POOL_CLOSED) &&
      !check_open_locked (self, error))
    {
      aioproc_mutex_unlock (&self->mutex);
      return FALSE;
    }

  job->serial = ++self->last_serial;
  job->state = AIOPROC_POOL_JOB_QUEUED;
  self->n_jobs++;
  if (!job->is_waited_for)
    self->n_unattended++;

  aioproc_pool_backlog_push (&self->backlog, aioproc_pool_job_ref (job));
  aioproc_pool_core_dispatch_locked (self, &actions);
  aioproc_pool_service_sweep_locked (self);
  aioproc_pool_core_unlock (self, &actions);

  return TRUE;
}

void
aioproc_pool_core_end_job_locked (AioprocPoolCore    *self,
                                  AioprocPoolJob     *job,
                                  GError             *error,
                                  AioprocPoolActions *actions)
{
  g_assert (job->state != AIOPROC_POOL_JOB_ENDED);

  if (error != NULL)
    aioproc_pool_job_take_error (job, error);

  job->state = AIOPROC_POOL_JOB_ENDED;
  self->n_jobs--;
  if (job->is_waited_for)
    actions->wakes = TRUE;
  else
    self->n_unattended--;

  aioproc_pool_job_set_ended (job);
  g_queue_push_tail_link (&actions->ended, &job->end_link);
}

void
aioproc_pool_core_stop_job_locked (AioprocPoolCore *self,
                                   AioprocPoolJob  *job)
{
  AioprocPoolSeat *seat = job->seat;

  aioproc_pool_channel_cancel (seat->channel, job->serial);
  if (seat->kill_usec < 0)
    {
      seat->kill_usec = g_get_monotonic_time () + self->config.grace_usec;
      seat->stopping = job->serial;
    }
  aioproc_pool_service_hurry_locked (self, seat->kill_usec);
}

/* Ends @job if no worker has begun with it, or has its message, which it takes with the slot. */
static gboolean
withdraw_job_locked (AioprocPoolCore     *self,
                     AioprocPoolJob      *job,
                     GError             **error,
                     AioprocPoolActions  *actions)
{
  if (job->state == AIOPROC_POOL_JOB_QUEUED)
    {
      aioproc_pool_backlog_remove (&self->backlog, job);
    }
  else if (job->state == AIOPROC_POOL_JOB_POSTED && !job->is_sent &&
           aioproc_pool_channel_take_back (job->seat->channel, job->position))
    {
      g_queue_unlink (&job->seat->posted, &job->link);
      aioproc_pool_seat_update_idle_locked (job->seat);
    }
  else
    {
      return FALSE;
    }

  aioproc_pool_core_end_job_locked (self, job, g_steal_pointer (error), actions);

  return TRUE;
}

void
aioproc_pool_core_withdraw_job (AioprocPoolCore *self,
                                AioprocPoolJob  *job,
                                GError          *error)
{
  AioprocPoolActions actions = { 0 };

  aioproc_mutex_lock (&self->mutex);
  withdraw_job_locked (self, job, &error, &actions);
  aioproc_pool_core_dispatch_locked (self, &actions);
  aioproc_pool_core_unlock (self, &actions);

  g_clear_error (&error);
}

void
aioproc_pool_core_end_job (AioprocPoolCore *self,
                           AioprocPoolJob  *job,
                           GError          *error)
{
  AioprocPoolActions actions = { 0 };

  aioproc_mutex_lock (&self->mutex);

  /* What the worker is through with does not have to be stopped, nor what was before that. */
  if (job->state == AIOPROC_POOL_JOB_POSTED)
    aioproc_pool_seat_drain_locked (job->seat, &actions);

  if (job->state != AIOPROC_POOL_JOB_NEW && job->state != AIOPROC_POOL_JOB_ENDED &&
      !withdraw_job_locked (self, job, &error, &actions))
    {
      /* It has a worker, which may be stopped before it has taken all of the message, too. */
      aioproc_pool_core_stop_job_locked (self, job);

      /* It stays where it is until the worker is through with it. */
      aioproc_pool_core_end_job_locked (self, aioproc_pool_job_ref (job), g_steal_pointer (&error),
                                        &actions);
    }

  /* Others may have waited for its place. */
  aioproc_pool_core_dispatch_locked (self, &actions);
  aioproc_pool_core_unlock (self, &actions);

  g_clear_error (&error);
}

/* --- Jobs that a thread waits for --- */

typedef struct {
  AioprocWaitRequest     parent;
  const _Atomic guint32 *flag;
} FlagRequest;

static gboolean
is_set (AioprocWaitRequest *base_request)
{
  FlagRequest *request = (FlagRequest *) base_request;

  /* Acquire: what the flag stands for. Partner: aioproc_pool_job_set_ended(), and the like. */
  return atomic_load_explicit (request->flag, memory_order_acquire) != 0;
}

static gboolean
flag_attempt (gpointer            object,
              AioprocWaitRequest *request,
              guint32            *expected)
{
  AioprocPoolCore *self = object;

  return is_set (request) || aioproc_pool_bell_look (self->bell, expected) || is_set (request);
}

static guint
flag_peek (gpointer            object,
           AioprocWaitRequest *request)
{
  AioprocPoolCore *self = object;

  return is_set (request) || aioproc_pool_bell_has_rung (self->bell);
}

static const AioprocWaitOps flag_ops = {
  .verb = "wait for",
  .attempt = flag_attempt,
  .peek = flag_peek,
};

gboolean
aioproc_pool_core_wait (AioprocPoolCore        *self,
                        const _Atomic guint32  *flag,
                        GCancellable           *cancellable,
                        GError                **error)
{
  for (;;)
    {
      FlagRequest request = { .flag = flag };
      AioprocPoolActions actions = { 0 };

      if (!aioproc_wait_queue_wait (self->rings, &flag_ops, &request.parent, -1, cancellable,
                                    error))
        return FALSE;

      if (is_set (&request.parent))
        return TRUE;

      aioproc_mutex_lock (&self->mutex);
      aioproc_pool_core_drain_locked (self, &actions);
      aioproc_pool_core_unlock (self, &actions);
    }
}
