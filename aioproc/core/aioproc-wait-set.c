/* aioproc-wait-set.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "core/aioproc-wait-set-private.h"

#include <errno.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <time.h>


static void
aioproc_wait_member_notify (AioprocWatch *watch)
{
  AioprocWaitMember *member = (AioprocWaitMember *) watch;
  AioprocWaitSet *self = member->set;

  /* Before the flag of the set. Partner: aioproc_wait_set_look(), which clears that first. */
  atomic_store (&member->must_look, 1);

  if (atomic_exchange (&self->is_woken, 1) == 0)
    self->wake (self->wake_data);
}

void
aioproc_wait_set_init (AioprocWaitSet   *self,
                       AioprocWaitable **waitables,
                       guint             n_waitables,
                       void            (*wake) (gpointer data),
                       gpointer          wake_data)
{
  g_autoptr(GHashTable) seen = g_hash_table_new (NULL, NULL);

  self->members = g_new0 (AioprocWaitMember, n_waitables);
  self->n_members = 0;
  self->wake = wake;
  self->wake_data = wake_data;
  self->poll_fds = g_new0 (struct pollfd, n_waitables + 1);
  atomic_store (&self->is_woken, 0);

  for (guint i = 0; i < n_waitables; i++)
    {
      AioprocWaitMember *member = &self->members[self->n_members];

      if (!g_hash_table_add (seen, waitables[i]))
        continue;

      member->watch.notify = aioproc_wait_member_notify;
      member->watch.fd = -1;
      member->set = self;
      member->waitable = g_object_ref (waitables[i]);
      atomic_store (&member->must_look, 1);
      self->n_members++;
    }
}

void
aioproc_wait_set_clear (AioprocWaitSet *self)
{
  for (guint i = 0; i < self->n_members; i++)
    {
      AioprocWaitMember *member = &self->members[i];

      /* What a forked child has may be a copy, which no waitable knows there. */
      if (aioproc_watch_is_linked (&member->watch))
        aioproc_waitable_unwatch (member->waitable, &member->watch);

      g_clear_object (&member->waitable);
    }

  self->n_members = 0;
  g_clear_pointer (&self->members, g_free);
  g_clear_pointer (&self->poll_fds, g_free);
}

/* Looks at those who ask for it. FALSE: with an error. */
static gboolean
look_at_notified (AioprocWaitSet  *self,
                  guint           *n_ready,
                  GError         **error)
{
  /* Who notifies from here on wakes. */
  atomic_store (&self->is_woken, 0);

  for (guint i = 0; i < self->n_members; i++)
    {
      AioprocWaitMember *member = &self->members[i];
      GError *local_error = NULL;

      if (atomic_load (&member->must_look) == 0)
        continue;

      atomic_store (&member->must_look, 0);
      member->is_ready = aioproc_waitable_watch (member->waitable, &member->watch, &local_error);

      if (local_error != NULL)
        {
          g_propagate_error (error, local_error);
          return FALSE;
        }

      *n_ready += member->is_ready;
    }

  return TRUE;
}

/* Descriptors of all that is not known to be ready. */
static guint
collect_descriptors (AioprocWaitSet *self)
{
  guint n_fds = 0;

  for (guint i = 0; i < self->n_members; i++)
    {
      AioprocWaitMember *member = &self->members[i];

      member->n_poll_fd = 0;

      if (member->is_ready || member->watch.fd < 0)
        continue;

      self->poll_fds[n_fds] = (struct pollfd) {
        .fd = member->watch.fd,
        .events = member->watch.events,
      };
      member->n_poll_fd = ++n_fds;
    }

  return n_fds;
}

static int
poll_until (struct pollfd *fds,
            guint          n_fds,
            gint64         deadline_usec)
{
  struct timespec timeout = { 0, 0 };

  if (deadline_usec >= 0)
    {
      gint64 left_usec = MAX (deadline_usec - g_get_monotonic_time (), 0);

      timeout.tv_sec = left_usec / G_USEC_PER_SEC;
      timeout.tv_nsec = (left_usec % G_USEC_PER_SEC) * 1000;
    }

  return ppoll (fds, n_fds, deadline_usec >= 0 ? &timeout : NULL, NULL);
}

/* A descriptor only says that it is worth to look. */
static guint
look_at_descriptors (AioprocWaitSet *self)
{
  guint n_ready = 0;

  for (guint i = 0; i < self->n_members; i++)
    {
      AioprocWaitMember *member = &self->members[i];

      if (member->n_poll_fd == 0 || self->poll_fds[member->n_poll_fd - 1].revents == 0)
        continue;

      member->is_ready = aioproc_waitable_is_ready (member->waitable);
      n_ready += member->is_ready;
    }

  return n_ready;
}

gboolean
aioproc_wait_set_look (AioprocWaitSet  *self,
                       int              wake_fd,
                       gint64           deadline_usec,
                       GPtrArray      **found,
                       GError         **error)
{
  guint n_ready = 0;
  guint n_fds;
  int n_events;

  *found = NULL;

  if (!look_at_notified (self, &n_ready, error))
    return FALSE;

  n_fds = collect_descriptors (self);
  self->poll_fds[n_fds] = (struct pollfd) { .fd = wake_fd, .events = POLLIN };
  n_events = poll_until (self->poll_fds, n_fds + (wake_fd >= 0 ? 1 : 0),
                         n_ready > 0 ? 0 : deadline_usec);

  if (n_events < 0 && errno != EINTR)
    {
      int saved_errno = errno;

      g_set_error (error, G_IO_ERROR, g_io_error_from_errno (saved_errno),
                   "Could not wait for %u descriptors: %s", n_fds, g_strerror (saved_errno));
      return FALSE;
    }

  if (n_events > 0)
    {
      eventfd_t value;

      n_ready += look_at_descriptors (self);

      if (wake_fd >= 0 && self->poll_fds[n_fds].revents != 0)
        eventfd_read (wake_fd, &value);
    }

  if (n_ready == 0)
    return TRUE;

  *found = g_ptr_array_new_full (n_ready, g_object_unref);

  for (guint i = 0; i < self->n_members; i++)
    {
      if (self->members[i].is_ready)
        g_ptr_array_add (*found, g_object_ref (self->members[i].waitable));
    }

  return TRUE;
}
