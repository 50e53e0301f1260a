/* aioproc-pool-dispatch.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "pool/aioproc-pool-core-private.h"

#include "aioproc-error.h"

/* A worker is given so much work ahead that it does not have to wait for the next job, which takes
 * some wake-ups; but none that others could do earlier: jobs that last are worth to be handed out
 * one by one, in the order of their priorities.
 */
#define AHEAD_NSEC  (200 * 1000)
#define LONG_NSEC   (5 * 1000 * 1000)
#define MAX_AHEAD   32

/* How many jobs a worker may have. */
static guint
get_depth_locked (AioprocPoolCore *self)
{
  if (self->run_nsec >= LONG_NSEC)
    return 1;
  if (self->run_nsec == 0)
    return 2;

  return (guint) CLAMP (AHEAD_NSEC / self->run_nsec, 2, MAX_AHEAD);
}

guint64
aioproc_pool_seat_get_room_locked (AioprocPoolSeat *seat)
{
  const guint64 max_tasks = seat->core->config.max_tasks;
  const guint64 n_tasks = seat->n_results + g_queue_get_length (&seat->posted) +
                          (seat->sending != NULL);

  if (max_tasks == 0)
    return G_MAXUINT64;

  return max_tasks > n_tasks ? max_tasks - n_tasks : 0;
}

static gboolean
takes_jobs (AioprocPoolSeat *seat)
{
  return (seat->state == AIOPROC_POOL_SEAT_STARTING || seat->state == AIOPROC_POOL_SEAT_RUNNING) &&
         !seat->is_mute && aioproc_pool_seat_get_room_locked (seat) > 0;
}

void
aioproc_pool_seat_update_idle_locked (AioprocPoolSeat *seat)
{
  AioprocPoolCore *self = seat->core;
  const gboolean is_idle = takes_jobs (seat) && seat->sending == NULL &&
                           g_queue_is_empty (&seat->posted) && g_queue_is_empty (&seat->awaited);

  if (is_idle == seat->is_idle)
    return;

  seat->is_idle = is_idle;

  if (!is_idle)
    g_queue_unlink (&self->idle, &seat->idle_link);
  else if (seat->state == AIOPROC_POOL_SEAT_STARTING)
    g_queue_push_tail_link (&self->idle, &seat->idle_link);
  else
    g_queue_push_head_link (&self->idle, &seat->idle_link);
}

/* The latest first, which is the one whose memory and processor are warm. */
static AioprocPoolSeat *
find_idle_locked (AioprocPoolCore *self)
{
  for (GList *link = self->idle.head; link != NULL; link = link->next)
    {
      AioprocPoolSeat *seat = link->data;

      if (aioproc_pool_channel_begin_post (seat->channel) != NULL)
        return seat;
    }

  return NULL;
}

/* One that has not enough to do. */
static AioprocPoolSeat *
find_ahead_locked (AioprocPoolCore *self)
{
  AioprocPoolSeat *found = NULL;
  guint least = get_depth_locked (self);

  for (guint i = 0; i < self->n_seats; i++)
    {
      AioprocPoolSeat *seat = &self->seats[i];

      /* One that has to be killed perhaps, or sends much, is no good place. */
      if (takes_jobs (seat) && seat->sending == NULL && seat->kill_usec < 0 &&
          g_queue_is_empty (&seat->awaited) && g_queue_get_length (&seat->posted) < least &&
          aioproc_pool_channel_begin_post (seat->channel) != NULL)
        {
          found = seat;
          least = g_queue_get_length (&seat->posted);
        }
    }

  return found;
}

/* Takes @job. */
static void
post_locked (AioprocPoolSeat *seat,
             AioprocPoolJob  *job,
             guint32          flags,
             guint32          length)
{
  job->position = aioproc_pool_channel_post (seat->channel, job->serial,
                                             job->kind | job->flags | flags, length);
  job->seat = seat;
  job->is_started = FALSE;
  job->began_usec = 0;
  if (job->state != AIOPROC_POOL_JOB_ENDED)
    job->state = AIOPROC_POOL_JOB_POSTED;
  g_queue_push_tail_link (&seat->posted, &job->link);

  if (job->timeout_usec >= 0)
    aioproc_pool_service_hurry_locked (seat->core, g_get_monotonic_time () + job->timeout_usec);

  aioproc_pool_channel_wake (seat->channel);
}

/* Takes @job; there is room for it. */
static void
assign_locked (AioprocPoolSeat    *seat,
               AioprocPoolJob     *job,
               gsize               size,
               AioprocPoolActions *actions)
{
  if (size > 0)
    {
      job->is_sent = FALSE;
      aioproc_pool_job_store (job, aioproc_pool_channel_get_task_data (seat->channel));
      post_locked (seat, job, 0, (guint32) size);
    }
  else
    {
      job->seat = seat;
      job->state = AIOPROC_POOL_JOB_SENDING;
      seat->sending = job;
      g_queue_push_tail (&actions->sends, seat);
    }

  aioproc_pool_seat_update_idle_locked (seat);
}

/* What a busy worker has not begun, for those that have nothing to do. */
static gboolean
steal_locked (AioprocPoolCore *self)
{
  AioprocPoolSeat *victim = NULL;
  guint most = 1;
  gboolean has_stolen = FALSE;

  for (guint i = 0; i < self->n_seats; i++)
    {
      AioprocPoolSeat *seat = &self->seats[i];

      if (g_queue_get_length (&seat->posted) > most)
        {
          victim = seat;
          most = g_queue_get_length (&seat->posted);
        }
    }

  if (victim == NULL)
    return FALSE;

  for (guint n = most / 2; n > 0; n--)
    {
      AioprocPoolJob *job = victim->posted.tail->data;

      if (job->state != AIOPROC_POOL_JOB_POSTED ||
          !aioproc_pool_channel_take_back (victim->channel, job->position))
        break;

      g_queue_unlink (&victim->posted, &job->link);
      job->state = AIOPROC_POOL_JOB_QUEUED;
      aioproc_pool_backlog_push_front (&self->backlog, job);
      has_stolen = TRUE;
    }

  return has_stolen;
}

static void
hand_out_locked (AioprocPoolCore    *self,
                 AioprocPoolActions *actions)
{
  AioprocPoolJob *job;

  while ((job = aioproc_pool_backlog_peek (&self->backlog)) != NULL)
    {
      const gsize size = aioproc_pool_job_get_size (job);
      AioprocPoolSeat *seat = find_idle_locked (self);

      if (seat == NULL && size > 0)
        seat = find_ahead_locked (self);
      if (seat == NULL)
        return;

      assign_locked (seat, aioproc_pool_backlog_remove (&self->backlog, job), size, actions);
    }
}

/* Workers for the seats that have none. */
static void
fill_locked (AioprocPoolCore    *self,
             AioprocPoolActions *actions)
{
  const gint64 now_usec = g_get_monotonic_time ();

  if (self->n_live == self->n_seats ||
      !(self->state == AIOPROC_POOL_OPEN ||
        (self->state == AIOPROC_POOL_CLOSED && self->backlog.n_jobs > 0)))
    return;

  for (guint i = 0; i < self->n_seats; i++)
    {
      AioprocPoolSeat *seat = &self->seats[i];

      if (seat->state != AIOPROC_POOL_SEAT_EMPTY)
        continue;

      if (seat->retry_usec > now_usec)
        aioproc_pool_service_hurry_locked (self, seat->retry_usec);
      else if (!aioproc_pool_seat_prepare_locked (seat, actions))
        return;
    }
}

void
aioproc_pool_core_dispatch_locked (AioprocPoolCore    *self,
                                   AioprocPoolActions *actions)
{
  fill_locked (self, actions);
  hand_out_locked (self, actions);

  /* Each turn gives a job to one that is idle. */
  while (find_idle_locked (self) != NULL && steal_locked (self))
    hand_out_locked (self, actions);

  aioproc_pool_core_settle_locked (self, actions);
}

void
aioproc_pool_seat_recall_locked (AioprocPoolSeat *seat)
{
  AioprocPoolCore *self = seat->core;
  GList *previous;

  /* From the end, so that they come back in their order. */
  for (GList *link = seat->posted.tail; link != NULL; link = previous)
    {
      AioprocPoolJob *job = link->data;

      previous = link->prev;

      if (job->state == AIOPROC_POOL_JOB_POSTED &&
          aioproc_pool_channel_take_back (seat->channel, job->position))
        {
          g_queue_unlink (&seat->posted, link);
          job->state = AIOPROC_POOL_JOB_QUEUED;
          aioproc_pool_backlog_push_front (&self->backlog, job);
        }
    }
}

/* --- Jobs that are sent --- */

void
aioproc_pool_seat_unsend_locked (AioprocPoolSeat    *seat,
                                 AioprocPoolActions *actions)
{
  AioprocPoolJob *job = g_steal_pointer (&seat->sending);

  if (job == NULL)
    return;

  if (job->state == AIOPROC_POOL_JOB_ENDED)
    {
      aioproc_pool_seat_spare_locked (seat, job);
      g_queue_push_tail_link (&actions->dropped, &job->link);
      return;
    }

  job->state = AIOPROC_POOL_JOB_QUEUED;
  aioproc_pool_backlog_push_front (&seat->core->backlog, job);
}

/* What is being sent to a worker, by whoever does that. */
typedef struct {
  AioprocPoolCore   *core;         /* (owned) */
  AioprocPoolSeat   *seat;
  AioprocPoolJob    *job;          /* (owned) */
  AioprocConnection *connection;   /* (owned) that of the worker that was chosen */
  AioprocMessage    *message;      /* (owned) */
} Delivery;

static void
delivery_free (Delivery *self)
{
  g_object_unref (self->connection);
  g_object_unref (self->message);
  aioproc_pool_job_unref (self->job);
  aioproc_pool_core_unref (self->core);
  g_free (self);
}

/* FALSE: the worker that was chosen has ended, and the job was seen to. */
static gboolean
delivery_claim_locked (Delivery *self)
{
  return self->seat->connection == self->connection && self->seat->sending == self->job;
}

/* Whether the error tells of the end of the worker, rather than of what is sent. */
static gboolean
is_broken (AioprocPoolSeat *seat,
           const GError    *error)
{
  return atomic_load (&seat->has_ended) != 0 ||
         g_error_matches (error, G_IO_ERROR, G_IO_ERROR_BROKEN_PIPE) ||
         g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CONNECTION_CLOSED);
}

/* The end of a delivery. Takes it, and @error (nullable). */
static void
delivery_end (Delivery *self,
              GError   *error)
{
  AioprocPoolCore *core = self->core;
  AioprocPoolSeat *seat = self->seat;
  AioprocPoolActions actions = { 0 };

  aioproc_mutex_lock (&core->mutex);

  if (delivery_claim_locked (self))
    {
      AioprocPoolJob *job = seat->sending;

      if (error == NULL)
        {
          seat->sending = NULL;
          job->is_sent = TRUE;
          post_locked (seat, job, AIOPROC_POOL_PARCEL_SENT, 0);
          if (job->state == AIOPROC_POOL_JOB_ENDED)
            aioproc_pool_core_stop_job_locked (core, job);
        }
      else if (is_broken (seat, error))
        {
          aioproc_pool_seat_unsend_locked (seat, &actions);
          aioproc_pool_seat_kill_locked (seat, &actions);
        }
      else if (job->state == AIOPROC_POOL_JOB_ENDED)
        {
          aioproc_pool_seat_unsend_locked (seat, &actions);
        }
      else
        {
          seat->sending = NULL;
          aioproc_pool_core_end_job_locked (core, job, g_steal_pointer (&error), &actions);
        }

      aioproc_pool_seat_update_idle_locked (seat);
      aioproc_pool_core_dispatch_locked (core, &actions);
    }

  aioproc_pool_core_unlock (core, &actions);

  g_clear_error (&error);
  delivery_free (self);
}

static void
delivery_sent_cb (GObject      *source_object,
                  GAsyncResult *result,
                  gpointer      user_data)
{
  GError *error = NULL;

  aioproc_connection_send_finish (AIOPROC_CONNECTION (source_object), result, &error);
  delivery_end (user_data, error);
}

/* On the service's context. */
static gboolean
delivery_send_cb (gpointer user_data)
{
  Delivery *self = user_data;

  aioproc_connection_send_async (self->connection, self->message, -1, NULL, delivery_sent_cb, self);

  return G_SOURCE_REMOVE;
}

void
aioproc_pool_seat_send (AioprocPoolSeat *seat)
{
  AioprocPoolCore *core = seat->core;
  g_autoptr(GSource) source = NULL;
  Delivery *self = g_new0 (Delivery, 1);
  GError *error = NULL;

  self->core = aioproc_pool_core_ref (core);
  self->seat = seat;

  aioproc_mutex_lock (&core->mutex);

  if (seat->sending == NULL)
    {
      aioproc_mutex_unlock (&core->mutex);
      aioproc_pool_core_unref (core);
      g_free (self);
      return;
    }

  self->job = aioproc_pool_job_ref (seat->sending);
  self->connection = g_object_ref (seat->connection);
  aioproc_mutex_unlock (&core->mutex);

  self->message = aioproc_pool_job_make_message (self->job);

  if (aioproc_connection_try_send (self->connection, self->message, &error) ||
      !g_error_matches (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK))
    {
      delivery_end (self, error);
      return;
    }

  g_clear_error (&error);
  source = g_idle_source_new ();
  g_source_set_static_name (source, "[aioproc] pool message");
  g_source_set_priority (source, G_PRIORITY_DEFAULT);
  g_source_set_callback (source, delivery_send_cb, self, NULL);
  g_source_attach (source, core->service_context);
}
