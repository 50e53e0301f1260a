/* aioproc-pool-service.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "pool/aioproc-pool-core-private.h"

/* How long a result may be there without a ring. */
#define SWEEP_USEC   G_USEC_PER_SEC
/* Messages of one worker at a time: the others, and what else the thread has to do, take turns. */
#define MAX_MESSAGES 16

/* The source of a pool on the thread of the streams. It is ready when a worker has ended, when a
 * message has come, and when a limit of time is due: all that is asked of the seats, one by one.
 */
typedef struct {
  GSource          source;
  AioprocPoolCore *core;      /* (owned) until it is destroyed */
} ServiceSource;

/* Of what the connection of a seat says, and of its worker's end. */
static void
serve_seat (AioprocPoolSeat *seat,
            GSource         *source)
{
  AioprocPoolCore *core = seat->core;
  AioprocConnection *connection;
  gboolean is_over = FALSE;
  gboolean has_ended;

  aioproc_mutex_lock (&core->mutex);

  connection = seat->process != NULL ? seat->connection : NULL;
  has_ended = connection != NULL && atomic_exchange (&seat->has_ended, 0) != 0;
  /* It may be told too early; then it is told again. */
  if (has_ended)
    has_ended = aioproc_waitable_watch (AIOPROC_WAITABLE (seat->process), &seat->watch, NULL);
  if (has_ended)
    aioproc_waitable_unwatch (AIOPROC_WAITABLE (seat->process), &seat->watch);

  aioproc_mutex_unlock (&core->mutex);

  if (connection == NULL)
    return;

  if (seat->fd_tag == NULL && !seat->is_hung_up)
    seat->fd_tag = g_source_add_unix_fd (source, aioproc_connection_get_fd (connection), G_IO_IN);
  else if (seat->fd_tag != NULL && g_source_query_unix_fd (source, seat->fd_tag) != 0)
    is_over = !aioproc_pool_seat_receive (seat, MAX_MESSAGES);

  if ((is_over || has_ended) && seat->fd_tag != NULL)
    {
      g_source_remove_unix_fd (source, seat->fd_tag);
      seat->fd_tag = NULL;
      seat->is_hung_up = TRUE;
    }

  if (has_ended)
    {
      seat->is_hung_up = FALSE;
      aioproc_pool_seat_bury (seat);
    }
  else if (is_over)
    {
      aioproc_pool_seat_mute (seat);
    }
}

/* When @job was begun: not later than it was seen to be, whatever the worker says. */
static gint64
get_began_locked (AioprocPoolSeat *seat,
                  AioprocPoolJob  *job,
                  gint64           now_usec)
{
  const gint64 began_usec = aioproc_pool_channel_get_began (seat->channel, job->position);

  if (began_usec >= 0 && (job->began_usec == 0 || began_usec < job->began_usec))
    job->began_usec = MIN (began_usec, now_usec);

  return job->began_usec != 0 ? job->began_usec : now_usec;
}

/* A job that runs, or whose result is on its way, has a limit. @next_usec: when this is to be
 * looked at again.
 */
static AioprocPoolJob *
check_limits_locked (AioprocPoolSeat *seat,
                     gint64           now_usec,
                     gint64          *next_usec)
{
  const GQueue *queues[] = { &seat->awaited, &seat->posted };

  for (guint i = 0; i < G_N_ELEMENTS (queues); i++)
    {
      for (GList *link = queues[i]->head; link != NULL; link = link->next)
        {
          AioprocPoolJob *job = link->data;
          gint64 began_usec = now_usec;

          if (job->timeout_usec < 0 || job->state == AIOPROC_POOL_JOB_ENDED)
            continue;

          if (job->state == AIOPROC_POOL_JOB_AWAITED)
            began_usec = job->began_usec;
          else if (link == seat->posted.head)
            began_usec = get_began_locked (seat, job, now_usec);

          if (now_usec - began_usec >= job->timeout_usec && began_usec < now_usec)
            return aioproc_pool_job_ref (job);

          *next_usec = aioproc_wait_earlier (*next_usec, began_usec + job->timeout_usec);
        }
    }

  return NULL;
}

static void
check_times (AioprocPoolSeat *seat)
{
  AioprocPoolCore *core = seat->core;
  AioprocPoolActions actions = { 0 };
  const gint64 now_usec = g_get_monotonic_time ();
  g_autoptr(AioprocPoolJob) late = NULL;
  gint64 next_usec = -1;

  aioproc_mutex_lock (&core->mutex);

  /* What it is to be killed for may have come to its end just now, or without a ring. */
  aioproc_pool_seat_drain_locked (seat, &actions);

  if (seat->kill_usec >= 0 && now_usec >= seat->kill_usec)
    aioproc_pool_seat_kill_locked (seat, &actions);
  else if (seat->kill_usec >= 0)
    next_usec = seat->kill_usec;

  late = check_limits_locked (seat, now_usec, &next_usec);

  if (next_usec >= 0)
    aioproc_pool_service_hurry_locked (core, next_usec);

  aioproc_pool_core_unlock (core, &actions);

  if (late != NULL)
    aioproc_pool_core_end_job (core, late,
                               g_error_new (G_IO_ERROR, G_IO_ERROR_TIMED_OUT,
                                            "The call of “%s” has run for more than %.3f seconds",
                                            late->function,
                                            (double) late->timeout_usec / G_USEC_PER_SEC));
}

/* What a time or a descriptor cannot tell: see aioproc_pool_service_poke(). */
static gboolean
service_check (GSource *source)
{
  return atomic_load (&((ServiceSource *) source)->core->is_poked) != 0;
}

static gboolean
service_prepare (GSource *source,
                 int     *timeout)
{
  *timeout = -1;

  return service_check (source);
}

static gboolean
service_dispatch (GSource     *source,
                  GSourceFunc  callback,
                  gpointer     user_data)
{
  g_autoptr(AioprocPoolCore) core = aioproc_pool_core_ref (((ServiceSource *) source)->core);
  AioprocPoolActions actions = { 0 };

  atomic_store (&core->is_poked, 0);
  aioproc_mutex_lock (&core->mutex);
  core->service_usec = -1;
  g_source_set_ready_time (source, -1);
  aioproc_mutex_unlock (&core->mutex);

  for (guint i = 0; i < core->n_seats; i++)
    {
      serve_seat (&core->seats[i], source);
      check_times (&core->seats[i]);
    }

  aioproc_mutex_lock (&core->mutex);
  aioproc_pool_core_drain_locked (core, &actions);
  aioproc_pool_service_sweep_locked (core);
  aioproc_pool_core_unlock (core, &actions);

  return G_SOURCE_CONTINUE;
}

static void
service_finalize (GSource *source)
{
  ServiceSource *self = (ServiceSource *) source;

  g_clear_pointer (&self->core, aioproc_pool_core_unref);
}

static GSourceFuncs service_funcs = {
  .prepare = service_prepare,
  .check = service_check,
  .dispatch = service_dispatch,
  .finalize = service_finalize,
};

GSource *
aioproc_pool_service_new (AioprocPoolCore *core)
{
  GSource *source = g_source_new (&service_funcs, sizeof (ServiceSource));
  ServiceSource *self = (ServiceSource *) source;

  g_source_set_static_name (source, "[aioproc] pool");
  self->core = aioproc_pool_core_ref (core);

  return source;
}

void
aioproc_pool_service_hurry_locked (AioprocPoolCore *core,
                                   gint64           usec)
{
  if (core->service == NULL || (core->service_usec >= 0 && core->service_usec <= usec))
    return;

  core->service_usec = usec;
  g_source_set_ready_time (core->service, usec);
}

void
aioproc_pool_service_sweep_locked (AioprocPoolCore *core)
{
  /* Most often there is a time already, and that is all there is to this. */
  if (core->n_jobs > 0 && core->service_usec < 0)
    aioproc_pool_service_hurry_locked (core, g_get_monotonic_time () + SWEEP_USEC);
}

void
aioproc_pool_service_poke (AioprocPoolCore *core)
{
  atomic_store (&core->is_poked, 1);
  g_main_context_wakeup (core->service_context);
}
