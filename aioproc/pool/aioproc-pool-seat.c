/* aioproc-pool-seat.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "pool/aioproc-pool-core-private.h"

#include "aioproc-error.h"
#include "core/aioproc-message-private.h"

/* After so many workers in a row that ended without ever having been at a job, there is no point in
 * starting another one.
 */
#define MAX_IN_VAIN         5
/* From a start that failed for want of something to the next one: doubled each time. */
#define MIN_START_DELAY     (10 * 1000)
#define MAX_START_DELAY     (1000 * 1000)
/* More than a socket holds; who sends on after the end of the worker is another process. */
#define MAX_LAST_MESSAGES   4096
/* From the end of its connection to that of a worker, before it is killed. */
#define MUTE_USEC           G_USEC_PER_SEC
/* What the latest job counts in the average. */
#define RUN_WEIGHT          8
/* A run that is too short for the clock. */
#define SHORT_RUN_NSEC      500

/* --- The start --- */

/* Whether it may go better later: the system, or the program's limits, have run out of something.
 */
static gboolean
is_shortage (const GError *error)
{
  return g_error_matches (error, G_IO_ERROR, G_IO_ERROR_TOO_MANY_OPEN_FILES) ||
         g_error_matches (error, G_IO_ERROR, G_IO_ERROR_NO_SPACE) ||
         g_error_matches (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK) ||
         g_error_matches (error, G_IO_ERROR, G_IO_ERROR_BUSY);
}

/* Its worker has gone, or has never been. Its own references go to the caller by the arguments. */
static void
empty_locked (AioprocPoolSeat     *seat,
              AioprocProcess     **process,
              AioprocConnection  **connection,
              AioprocConnection  **their_end)
{
  g_assert (seat->sending == NULL && g_queue_is_empty (&seat->posted) &&
            g_queue_is_empty (&seat->awaited));

  seat->state = AIOPROC_POOL_SEAT_EMPTY;
  aioproc_pool_seat_update_idle_locked (seat);
  seat->core->n_live--;
  seat->kill_usec = -1;
  seat->stopping = 0;
  seat->is_mute = FALSE;
  seat->n_results = 0;
  atomic_store (&seat->has_ended, 0);
  *process = g_steal_pointer (&seat->process);
  *connection = g_steal_pointer (&seat->connection);
  *their_end = g_steal_pointer (&seat->their_end);
  g_clear_pointer (&seat->channel, aioproc_pool_channel_unref);
}

/* Nothing can be done but to wait, or to give up. Takes @error. */
static void
start_failed_locked (AioprocPoolSeat    *seat,
                     GError             *error,
                     AioprocPoolActions *actions)
{
  AioprocPoolCore *self = seat->core;

  if (!is_shortage (error))
    {
      g_prefix_error (&error, "Could not start a worker: ");
      aioproc_pool_core_fail_locked (self, error, actions);
      return;
    }

  self->start_delay = CLAMP (self->start_delay * 2, MIN_START_DELAY, MAX_START_DELAY);
  seat->retry_usec = g_get_monotonic_time () + self->start_delay;
  aioproc_pool_service_hurry_locked (self, seat->retry_usec);
  g_error_free (error);
}

gboolean
aioproc_pool_seat_prepare_locked (AioprocPoolSeat    *seat,
                                  AioprocPoolActions *actions)
{
  AioprocPoolCore *self = seat->core;
  g_autoptr(AioprocPoolChannel) channel = NULL;
  GError *error = NULL;

  channel = aioproc_pool_channel_new (self->config.name, &error);

  if (channel == NULL ||
      !aioproc_pipe (TRUE, &seat->connection, &seat->their_end, &error))
    {
      start_failed_locked (seat, error, actions);
      return FALSE;
    }

  /* Results may be as large as they can be. */
  aioproc_connection_set_max_message_size (seat->connection, AIOPROC_FRAME_MAX_LENGTH);
  seat->channel = g_steal_pointer (&channel);
  seat->state = AIOPROC_POOL_SEAT_STARTING;
  self->n_live++;
  aioproc_pool_seat_update_idle_locked (seat);
  g_queue_push_tail (&actions->starts, seat);

  return TRUE;
}

/* By the thread that watches processes: nothing but a note for the service. */
static void
process_notify (AioprocWatch *watch)
{
  gpointer address = (char *) watch - G_STRUCT_OFFSET (AioprocPoolSeat, watch);
  AioprocPoolSeat *seat = address;

  atomic_store (&seat->has_ended, 1);
  aioproc_pool_service_poke (seat->core);
}

static AioprocMessage *
make_start_message (AioprocPoolSeat     *seat,
                    AioprocPoolChannel  *channel,
                    AioprocConnection   *their_end,
                    GError             **error)
{
  AioprocPoolCore *self = seat->core;
  g_autoptr(AioprocMessage) message = aioproc_message_new (NULL);
  g_auto(GVariantDict) options = G_VARIANT_DICT_INIT (NULL);
  int handle;
  int fd;

  fd = aioproc_pool_channel_open (channel, error);
  if (fd < 0)
    return NULL;
  g_variant_dict_insert (&options, "channel", "h", aioproc_message_take_fd (message, fd));

  fd = aioproc_pool_bell_open (self->bell, error);
  if (fd < 0)
    return NULL;
  g_variant_dict_insert (&options, "bell", "h", aioproc_message_take_fd (message, fd));

  handle = aioproc_message_append_object (message, G_OBJECT (their_end), error);
  if (handle < 0)
    return NULL;
  g_variant_dict_insert (&options, "connection", "h", handle);
  g_variant_dict_insert (&options, "seat", "u", seat->index);

  if (self->config.initializer != NULL)
    {
      g_variant_dict_insert (&options, "initializer", "s", self->config.initializer);
      if (self->config.initializer_arguments != NULL)
        g_variant_dict_insert_value (&options, "initializer-arguments",
                                     self->config.initializer_arguments);
    }

  aioproc_message_set_body (message, g_variant_dict_end (&options));

  return g_steal_pointer (&message);
}

static AioprocProcess *
start_process (AioprocPoolSeat     *seat,
               AioprocPoolChannel  *channel,
               AioprocConnection   *their_end,
               GError             **error)
{
  AioprocPoolCore *self = seat->core;
  g_autoptr(AioprocMessage) message = NULL;
  g_autoptr(AioprocProcess) process = NULL;
  g_autofree char *name = NULL;

  message = make_start_message (seat, channel, their_end, error);
  if (message == NULL)
    return NULL;

  name = g_strdup_printf ("PoolWorker-%u", seat->index + 1);
  process = aioproc_process_new_with_message (self->config.context, aioproc_pool_worker_function,
                                              message);
  aioproc_process_set_name (process, name);
  aioproc_process_set_daemon (process, TRUE, NULL);

  if (!aioproc_process_begin_start (process, error))
    return NULL;

  return g_steal_pointer (&process);
}

/* Its worker could not be started. Takes @error. */
static void
start_failed (AioprocPoolSeat *seat,
              GError          *error)
{
  AioprocPoolCore *self = seat->core;
  AioprocPoolActions actions = { 0 };
  g_autoptr(AioprocProcess) process = NULL;
  g_autoptr(AioprocConnection) connection = NULL;
  g_autoptr(AioprocConnection) their_end = NULL;

  aioproc_mutex_lock (&self->mutex);

  aioproc_pool_seat_recall_locked (seat);

  aioproc_pool_seat_unsend_locked (seat, &actions);

  /* Only what nobody wants any more is left. */
  while (!g_queue_is_empty (&seat->posted))
    {
      AioprocPoolJob *job = g_queue_pop_head_link (&seat->posted)->data;

      g_queue_push_tail_link (&actions.dropped, &job->link);
    }

  empty_locked (seat, &process, &connection, &their_end);
  start_failed_locked (seat, error, &actions);
  aioproc_pool_core_dispatch_locked (self, &actions);
  aioproc_pool_core_unlock (self, &actions);
}

void
aioproc_pool_seat_start (AioprocPoolSeat *seat)
{
  AioprocPoolCore *self = seat->core;
  AioprocPoolActions actions = { 0 };
  g_autoptr(AioprocPoolChannel) channel = NULL;
  g_autoptr(AioprocConnection) their_end = NULL;
  g_autoptr(AioprocProcess) process = NULL;
  GError *error = NULL;
  gboolean is_wanted;

  /* A seat that is STARTING belongs to this thread in so far as nobody else ends that. */
  aioproc_mutex_lock (&self->mutex);
  channel = aioproc_pool_channel_ref (seat->channel);
  their_end = g_steal_pointer (&seat->their_end);
  aioproc_mutex_unlock (&self->mutex);

  process = start_process (seat, channel, their_end, &error);

  if (process == NULL)
    {
      start_failed (seat, error);
      return;
    }

  aioproc_mutex_lock (&self->mutex);

  seat->process = g_object_ref (process);
  is_wanted = seat->state == AIOPROC_POOL_SEAT_STARTING;
  if (is_wanted)
    seat->state = AIOPROC_POOL_SEAT_RUNNING;
  else
    g_queue_push_tail (&actions.killed, g_object_ref (process));

  seat->watch.notify = process_notify;
  if (aioproc_waitable_watch (AIOPROC_WAITABLE (process), &seat->watch, NULL))
    atomic_store (&seat->has_ended, 1);

  /* It watches the connection from now on, too. */
  aioproc_pool_service_poke (self);
  /* The worker may have been faster than this thread. */
  aioproc_pool_seat_drain_locked (seat, &actions);
  aioproc_pool_core_dispatch_locked (self, &actions);
  aioproc_pool_core_unlock (self, &actions);
}

/* --- Results --- */

static void
learn_run_locked (AioprocPoolCore *self,
                  guint32          run_usec)
{
  const gint64 run_nsec = run_usec > 0 ? (gint64) run_usec * 1000 : SHORT_RUN_NSEC;

  if (self->run_nsec == 0)
    self->run_nsec = run_nsec;
  else
    self->run_nsec += (run_nsec - self->run_nsec) / RUN_WEIGHT;
}

/* The process itself does not know it before its start is confirmed, which may come behind the
 * first result.
 */
static int
get_worker_pid_locked (AioprocPoolSeat *seat)
{
  const int pid = aioproc_process_get_pid (seat->process);

  return pid > 0 ? pid : aioproc_pool_channel_get_pid (seat->channel);
}

/* A worker was at @job, whose end is to tell of that. One that has ended is read by others by now.
 */
static void
note_run_locked (AioprocPoolSeat *seat,
                 AioprocPoolJob  *job,
                 guint32          run_usec)
{
  if (job->ops->started == NULL || job->state == AIOPROC_POOL_JOB_ENDED)
    return;

  job->worker_pid = get_worker_pid_locked (seat);
  job->run_usec = run_usec;
}

/* The job at whose turn it is, once the worker is at it. */
static void
note_start_locked (AioprocPoolSeat    *seat,
                   AioprocPoolActions *actions)
{
  AioprocPoolJob *job = g_queue_peek_head (&seat->posted);
  AioprocPoolStart *start;
  gint64 began_usec;

  if (job == NULL || job->ops->started == NULL || job->is_started ||
      job->state != AIOPROC_POOL_JOB_POSTED)
    return;

  began_usec = aioproc_pool_channel_get_began (seat->channel, job->position);
  if (began_usec < 0)
    return;

  job->is_started = TRUE;

  start = g_new (AioprocPoolStart, 1);
  start->job = aioproc_pool_job_ref (job);
  start->worker_pid = get_worker_pid_locked (seat);
  start->began_usec = began_usec;
  g_queue_push_tail (&actions->started, start);
}

void
aioproc_pool_seat_spare_locked (AioprocPoolSeat *seat,
                                AioprocPoolJob  *job)
{
  if (job->serial != seat->stopping)
    return;

  seat->stopping = 0;
  seat->kill_usec = -1;
}

/* Its result is on the way, the worker says. */
static void
await_job_locked (AioprocPoolSeat *seat,
                  AioprocPoolJob  *job)
{
  g_queue_push_tail_link (&seat->awaited, &job->link);

  if (job->state == AIOPROC_POOL_JOB_ENDED)
    return;

  job->state = AIOPROC_POOL_JOB_AWAITED;
  job->began_usec = g_get_monotonic_time ();
  if (job->timeout_usec >= 0)
    aioproc_pool_service_hurry_locked (seat->core, job->began_usec + job->timeout_usec);
}

void
aioproc_pool_seat_drain_locked (AioprocPoolSeat    *seat,
                                AioprocPoolActions *actions)
{
  AioprocPoolCore *self = seat->core;
  AioprocPoolSlotContent content;

  /* Its process is not known yet, or it has none: who starts it comes back to this. */
  if (seat->process == NULL)
    return;

  while (!g_queue_is_empty (&seat->posted))
    {
      AioprocPoolJob *job = seat->posted.head->data;
      g_autoptr(GError) error = NULL;

      if (!aioproc_pool_channel_take_result (seat->channel, job->position, job->serial, &content,
                                             &error))
        {
          if (error != NULL)
            {
              aioproc_pool_actions_warn (actions, "%s", error->message);
              aioproc_pool_seat_kill_locked (seat, actions);
            }
          break;
        }

      g_queue_unlink (&seat->posted, &job->link);
      note_run_locked (seat, job, content.run_usec);
      learn_run_locked (self, content.run_usec);
      seat->n_results++;
      self->n_in_vain = 0;
      self->start_delay = 0;

      if ((content.kind & AIOPROC_POOL_PARCEL_SENT) != 0)
        {
          await_job_locked (seat, job);
          continue;
        }

      aioproc_pool_seat_spare_locked (seat, job);

      if (job->state == AIOPROC_POOL_JOB_ENDED)
        {
          g_queue_push_tail_link (&actions->dropped, &job->link);
        }
      else
        {
          aioproc_pool_job_load (job, content.kind, content.data, content.length);
          aioproc_pool_core_end_job_locked (self, job, NULL, actions);
        }
    }

  note_start_locked (seat, actions);
  aioproc_pool_seat_update_idle_locked (seat);

  /* It has done its part, and makes room for another one. */
  if (seat->state == AIOPROC_POOL_SEAT_RUNNING && aioproc_pool_seat_get_room_locked (seat) == 0 &&
      seat->sending == NULL && g_queue_is_empty (&seat->posted) &&
      g_queue_is_empty (&seat->awaited))
    aioproc_pool_seat_dismiss_locked (seat);
}

static AioprocPoolJob *
find_job (GQueue  *jobs,
          guint64  serial)
{
  for (GList *link = jobs->head; link != NULL; link = link->next)
    {
      AioprocPoolJob *job = link->data;

      if (job->serial == serial)
        return job;
    }

  return NULL;
}

static void
handle_result (AioprocPoolSeat *seat,
               GVariant        *body,
               AioprocMessage  *message)
{
  AioprocPoolCore *self = seat->core;
  AioprocPoolActions actions = { 0 };
  g_autoptr(GVariant) value = NULL;
  AioprocPoolJob *job;
  guint64 serial;
  guint32 kind;

  g_variant_get (body, "(tuv)", &serial, &kind, &value);

  aioproc_mutex_lock (&self->mutex);

  /* The slot was left before this was sent. */
  aioproc_pool_seat_drain_locked (seat, &actions);
  job = find_job (&seat->awaited, serial);

  if (job == NULL)
    {
      aioproc_pool_actions_warn (&actions,
                                 "The worker in seat %u of a pool sent a result of task %"
                                 G_GUINT64_FORMAT ", which it does not have", seat->index, serial);
      aioproc_pool_seat_kill_locked (seat, &actions);
    }
  else
    {
      g_queue_unlink (&seat->awaited, &job->link);
      aioproc_pool_seat_spare_locked (seat, job);

      if (job->state == AIOPROC_POOL_JOB_ENDED)
        {
          g_queue_push_tail_link (&actions.dropped, &job->link);
        }
      else
        {
          aioproc_pool_job_load_message (job, kind, value, message);
          aioproc_pool_core_end_job_locked (self, job, NULL, &actions);
        }
    }

  aioproc_pool_seat_update_idle_locked (seat);
  aioproc_pool_core_dispatch_locked (self, &actions);
  aioproc_pool_core_unlock (self, &actions);
}

static void
handle_progress (AioprocPoolSeat *seat,
                 GVariant        *body)
{
  AioprocPoolCore *self = seat->core;
  g_autoptr(AioprocPoolJob) job = NULL;
  const char *text;
  double fraction;
  guint64 serial;

  g_variant_get (body, "(td&s)", &serial, &fraction, &text);

  aioproc_mutex_lock (&self->mutex);
  job = find_job (&seat->posted, serial);
  if (job == NULL)
    job = find_job (&seat->awaited, serial);
  if (job != NULL && job->state != AIOPROC_POOL_JOB_ENDED)
    aioproc_pool_job_ref (job);
  else
    job = NULL;
  aioproc_mutex_unlock (&self->mutex);

  /* What is out of range was not reported by a call. */
  if (job != NULL && job->ops->progress != NULL &&
      (fraction == -1.0 || (fraction >= 0.0 && fraction <= 1.0)))
    job->ops->progress (job, fraction, text);
}

static void
handle_message (AioprocPoolSeat *seat,
                AioprocMessage  *message)
{
  AioprocPoolCore *self = seat->core;
  AioprocPoolActions actions = { 0 };
  g_autoptr(GVariant) body = aioproc_message_dup_body (message);

  if (body != NULL && g_variant_is_of_type (body, G_VARIANT_TYPE (AIOPROC_POOL_RESULT_TYPE)))
    {
      handle_result (seat, body, message);
      return;
    }

  if (body != NULL && g_variant_is_of_type (body, G_VARIANT_TYPE (AIOPROC_POOL_PROGRESS_TYPE)))
    {
      handle_progress (seat, body);
      return;
    }

  g_warning ("The worker in seat %u of a pool sent what is no result", seat->index);
  aioproc_mutex_lock (&self->mutex);
  aioproc_pool_seat_kill_locked (seat, &actions);
  aioproc_pool_core_unlock (self, &actions);
}

gboolean
aioproc_pool_seat_receive (AioprocPoolSeat *seat,
                           guint            max_messages)
{
  /* The service alone replaces it. */
  AioprocConnection *connection = seat->connection;

  for (guint i = 0; i < max_messages; i++)
    {
      g_autoptr(GError) error = NULL;
      g_autoptr(AioprocMessage) message = aioproc_connection_try_recv (connection, &error);

      if (message == NULL)
        return g_error_matches (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK);

      handle_message (seat, message);
    }

  return TRUE;
}

/* --- The end --- */

void
aioproc_pool_seat_dismiss_locked (AioprocPoolSeat *seat)
{
  AioprocPoolCore *self = seat->core;
  AioprocContext *context = self->config.context;
  gint64 timeout_usec;

  /* A ring that is full of what was taken back has room when the worker comes by, which it says;
   * one that stays full has its time, too.
   */
  if (aioproc_pool_channel_begin_post (seat->channel) != NULL)
    {
      seat->state = AIOPROC_POOL_SEAT_LEAVING;
      aioproc_pool_seat_update_idle_locked (seat);
      aioproc_pool_channel_post (seat->channel, 0, AIOPROC_POOL_TASK_EXIT, 0);
      aioproc_pool_channel_wake (seat->channel);
    }
  else if (seat->kill_usec >= 0)
    {
      return;
    }

  timeout_usec = aioproc_context_get_exit_timeout (context != NULL
                                                   ? context : aioproc_context_get_default ());
  if (timeout_usec >= 0)
    {
      seat->stopping = 0;
      seat->kill_usec = g_get_monotonic_time () + timeout_usec;
      aioproc_pool_service_hurry_locked (self, seat->kill_usec);
    }
}

void
aioproc_pool_seat_kill_locked (AioprocPoolSeat    *seat,
                               AioprocPoolActions *actions)
{
  seat->kill_usec = -1;
  seat->state = AIOPROC_POOL_SEAT_LEAVING;
  aioproc_pool_seat_update_idle_locked (seat);
  aioproc_pool_seat_recall_locked (seat);

  /* One that has no process yet is killed by the thread that starts it. */
  if (seat->process != NULL)
    g_queue_push_tail (&actions->killed, g_object_ref (seat->process));
}

void
aioproc_pool_seat_mute (AioprocPoolSeat *seat)
{
  AioprocPoolCore *self = seat->core;
  AioprocPoolActions actions = { 0 };

  aioproc_mutex_lock (&self->mutex);

  /* One that was told to end does so in its time. */
  if (seat->state == AIOPROC_POOL_SEAT_RUNNING)
    {
      seat->is_mute = TRUE;
      seat->stopping = 0;
      seat->kill_usec = g_get_monotonic_time () + MUTE_USEC;
      aioproc_pool_seat_update_idle_locked (seat);
      aioproc_pool_seat_recall_locked (seat);
      aioproc_pool_service_hurry_locked (self, seat->kill_usec);
      aioproc_pool_core_dispatch_locked (self, &actions);
    }

  aioproc_pool_core_unlock (self, &actions);
}

/* What the program is told of a job that was begun. */
static GError *
make_death_error (AioprocPoolSeat *seat,
                  AioprocPoolJob  *job,
                  const GError    *reason)
{
  GError *error;

  if (reason != NULL)
    error = g_error_new (AIOPROC_ERROR, AIOPROC_ERROR_WORKER_DIED,
                         "The call of “%s” was lost: %s", job->function, reason->message);
  else
    error = g_error_new (AIOPROC_ERROR, AIOPROC_ERROR_WORKER_DIED,
                         "The call of “%s” was lost: its worker in seat %u has ended",
                         job->function, seat->index);

  return error;
}

/* A job that the worker has not brought to its end. Takes it. */
static void
lose_job_locked (AioprocPoolSeat    *seat,
                 AioprocPoolJob     *job,
                 const GError       *reason,
                 AioprocPoolActions *actions)
{
  AioprocPoolCore *self = seat->core;

  note_run_locked (seat, job, 0);

  if (job->state == AIOPROC_POOL_JOB_ENDED)
    {
      g_queue_push_tail_link (&actions->dropped, &job->link);
    }
  else if (job->n_retries < job->max_retries)
    {
      job->n_retries++;
      job->state = AIOPROC_POOL_JOB_QUEUED;
      aioproc_pool_backlog_push_front (&self->backlog, job);
    }
  else
    {
      aioproc_pool_core_end_job_locked (self, job, make_death_error (seat, job, reason), actions);
    }
}

/* Whether it has lost any. */
static gboolean
lose_jobs_locked (AioprocPoolSeat    *seat,
                  const GError       *reason,
                  AioprocPoolActions *actions)
{
  gboolean has_lost = FALSE;
  GList *link;

  /* From the last one on, so that those that are run again come back in their order. */
  aioproc_pool_seat_recall_locked (seat);

  while ((link = g_queue_pop_tail_link (&seat->posted)) != NULL)
    {
      lose_job_locked (seat, link->data, reason, actions);
      has_lost = TRUE;
    }

  while ((link = g_queue_pop_tail_link (&seat->awaited)) != NULL)
    {
      lose_job_locked (seat, link->data, reason, actions);
      has_lost = TRUE;
    }

  aioproc_pool_seat_unsend_locked (seat, actions);

  return has_lost;
}

/* A worker that ends without having been at a job is one too many of these, at some point. */
static void
count_end_locked (AioprocPoolSeat    *seat,
                  gboolean            was_busy,
                  const GError       *reason,
                  AioprocPoolActions *actions)
{
  AioprocPoolCore *self = seat->core;
  GError *error;

  if (self->state >= AIOPROC_POOL_TERMINATED || seat->state == AIOPROC_POOL_SEAT_LEAVING ||
      was_busy || seat->n_results > 0)
    return;

  /* What an initializer fails with is no shortage, whatever it is called. */
  if (reason != NULL && is_shortage (reason) && !aioproc_pool_channel_is_up (seat->channel))
    {
      start_failed_locked (seat, g_error_copy (reason), actions);
      return;
    }

  if (++self->n_in_vain < MAX_IN_VAIN)
    return;

  error = g_error_new (AIOPROC_ERROR, AIOPROC_ERROR_WORKER_DIED,
                       "%u workers in a row ended without having been at a task, the last one so: "
                       "%s", self->n_in_vain,
                       reason != NULL ? reason->message : "it returned");
  aioproc_pool_core_fail_locked (self, error, actions);
}

void
aioproc_pool_seat_bury (AioprocPoolSeat *seat)
{
  AioprocPoolCore *self = seat->core;
  AioprocPoolActions actions = { 0 };
  g_autoptr(AioprocProcess) process = NULL;
  g_autoptr(AioprocConnection) connection = NULL;
  g_autoptr(AioprocConnection) their_end = NULL;
  g_autoptr(AioprocMessage) result = NULL;
  g_autoptr(GError) reason = NULL;
  gboolean was_busy;

  aioproc_pool_seat_receive (seat, MAX_LAST_MESSAGES);

  result = aioproc_process_dup_result_message (seat->process, &reason);

  aioproc_mutex_lock (&self->mutex);

  aioproc_pool_seat_drain_locked (seat, &actions);
  was_busy = lose_jobs_locked (seat, reason, &actions);
  count_end_locked (seat, was_busy, reason, &actions);
  empty_locked (seat, &process, &connection, &their_end);
  aioproc_pool_core_dispatch_locked (self, &actions);
  aioproc_pool_core_unlock (self, &actions);

  aioproc_process_close (process, NULL);
}
