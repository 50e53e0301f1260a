/* child-test.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "child-test.h"

#include <errno.h>
#include <poll.h>
#include <semaphore.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "aioproc-test.h"
#include "child-worker.h"
#include "platform/aioproc-fds-private.h"
#include "process/aioproc-monitor-private.h"

int aioproc_test_preloaded = 0;

const AioprocChildMethod aioproc_test_methods[3] = {
  AIOPROC_CHILD_SPAWN,
  AIOPROC_CHILD_FORKSERVER,
  AIOPROC_CHILD_FORK,
};

static void
test_frame_free (gpointer data)
{
  AioprocTestFrame *frame = data;

  g_clear_pointer (&frame->body, g_variant_unref);
  g_free (frame);
}

const char *
aioproc_test_method_name (AioprocChildMethod method)
{
  switch (method)
    {
    case AIOPROC_CHILD_SPAWN:
      return "spawn";
    case AIOPROC_CHILD_FORKSERVER:
      return "forkserver";
    case AIOPROC_CHILD_FORK:
      return "fork";
    default:
      g_assert_not_reached ();
    }
}

AioprocChildSpec *
aioproc_test_child_spec_new (AioprocChildMethod method)
{
  AioprocChildSpec *spec = aioproc_child_spec_new (method);
  g_autofree char *self = g_file_read_link ("/proc/self/exe", NULL);
  g_autofree char *folder = g_path_get_dirname (self);

  /* Not g_test_build_filename(): a worker that starts workers is no test. */
  spec->argv = g_new0 (char *, 2);
  spec->argv[0] = g_build_filename (folder, "aioproc-test-child-worker", NULL);

  return spec;
}

static void
started_cb (AioprocChild *child,
            gpointer      user_data)
{
  AioprocTestChild *self = user_data;

  g_mutex_lock (&self->mutex);
  g_assert_false (self->is_started);
  g_assert_false (self->is_ended);
  g_assert_cmpint (aioproc_child_get_pid (child), >, 0);
  g_assert_cmpint (aioproc_child_get_pidfd (child), >=, 0);
  self->is_started = TRUE;
  g_cond_broadcast (&self->cond);
  g_mutex_unlock (&self->mutex);
}

static void
frame_cb (AioprocChild           *child,
          const AioprocFrameInfo *info,
          AioprocMessage         *message,
          gpointer                user_data)
{
  AioprocTestChild *self = user_data;
  AioprocTestFrame *frame = g_new0 (AioprocTestFrame, 1);

  frame->kind = info->kind;
  frame->body = aioproc_message_dup_body (message);

  g_mutex_lock (&self->mutex);
  g_assert_true (self->is_started);
  g_assert_false (self->is_ended);
  g_ptr_array_add (self->frames, frame);
  g_cond_broadcast (&self->cond);
  g_mutex_unlock (&self->mutex);
}

static void
ended_cb (AioprocChild *child,
          const GError *error,
          gpointer      user_data)
{
  AioprocTestChild *self = user_data;

  g_mutex_lock (&self->mutex);
  g_assert_false (self->is_ended);
  self->is_ended = TRUE;
  self->error = error != NULL ? g_error_copy (error) : NULL;
  g_mutex_unlock (&self->mutex);
}

static void
destroy_cb (gpointer user_data)
{
  AioprocTestChild *self = user_data;

  /* Whoever waits for the end may free @self after this. */
  g_mutex_lock (&self->mutex);
  g_assert_true (self->is_ended);
  g_assert_false (self->is_destroyed);
  self->is_destroyed = TRUE;
  g_cond_broadcast (&self->cond);
  g_mutex_unlock (&self->mutex);
}

static const AioprocChildOps ops = {
  .started = started_cb,
  .frame = frame_cb,
  .ended = ended_cb,
  .forked = aioproc_test_worker_serve,
};

AioprocTestChild *
aioproc_test_child_new (AioprocChildSpec *spec,
                        const char       *command,
                        gint64            number)
{
  AioprocTestChild *self = g_new0 (AioprocTestChild, 1);
  AioprocFrameInfo info = { .kind = AIOPROC_FRAME_START };
  g_autoptr(AioprocMessage) message = NULL;
  g_autoptr(GError) error = NULL;
  AioprocFrame *frame;

  g_mutex_init (&self->mutex);
  g_cond_init (&self->cond);
  self->frames = g_ptr_array_new_with_free_func (test_frame_free);

  message = aioproc_message_new (g_variant_new ("(sx)", command, number));
  frame = aioproc_frame_new (&info, message, &error);
  g_assert_no_error (error);

  self->child = aioproc_child_start (spec, frame, &ops, self, destroy_cb);

  return self;
}

void
aioproc_test_child_free (AioprocTestChild *self)
{
  aioproc_test_child_wait_ended (self);
  aioproc_child_unref (self->child);
  g_ptr_array_unref (self->frames);
  g_clear_error (&self->error);
  g_mutex_clear (&self->mutex);
  g_cond_clear (&self->cond);
  g_free (self);
}

void
aioproc_test_child_send (AioprocTestChild *self,
                         GVariant         *body)
{
  AioprocFrameInfo info = { .kind = AIOPROC_FRAME_MESSAGE };
  g_autoptr(AioprocMessage) message = aioproc_message_new (body);
  g_autoptr(GError) error = NULL;
  AioprocFrame *frame = aioproc_frame_new (&info, message, &error);

  g_assert_no_error (error);
  aioproc_child_send (self->child, frame);
}

gboolean
aioproc_test_child_wait_started (AioprocTestChild *self)
{
  gboolean is_started;

  g_mutex_lock (&self->mutex);
  while (!self->is_started && !self->is_destroyed)
    g_cond_wait (&self->cond, &self->mutex);
  is_started = self->is_started;
  g_mutex_unlock (&self->mutex);

  return is_started;
}

gboolean
aioproc_test_child_wait_frame (AioprocTestChild  *self,
                               AioprocFrameKind   kind,
                               GVariant         **body)
{
  gboolean is_found = FALSE;
  guint i = 0;

  g_mutex_lock (&self->mutex);

  for (;;)
    {
      for (; i < self->frames->len && !is_found; i++)
        {
          AioprocTestFrame *frame = g_ptr_array_index (self->frames, i);

          is_found = frame->kind == kind;
          if (is_found && body != NULL)
            *body = frame->body != NULL ? g_variant_ref (frame->body) : NULL;
        }

      if (is_found || self->is_destroyed)
        break;

      g_cond_wait (&self->cond, &self->mutex);
    }

  g_mutex_unlock (&self->mutex);

  return is_found;
}

void
aioproc_test_child_wait_ended (AioprocTestChild *self)
{
  g_mutex_lock (&self->mutex);
  while (!self->is_destroyed)
    g_cond_wait (&self->cond, &self->mutex);
  g_mutex_unlock (&self->mutex);
}

int
aioproc_test_child_get_status (AioprocTestChild *self)
{
  int wait_status = -1;

  aioproc_test_child_wait_ended (self);
  g_assert_no_error (self->error);
  g_assert_true (aioproc_child_get_wait_status (self->child, &wait_status));

  return wait_status;
}

static void
monitor_cb (gpointer data)
{
  sem_post (data);
}

void
aioproc_test_wait_for_monitor (void)
{
  static sem_t done;

  g_assert_cmpint (sem_init (&done, 0, 0), ==, 0);
  aioproc_monitor_run (monitor_cb, &done);

  while (sem_wait (&done) != 0)
    g_assert_cmpint (errno, ==, EINTR);
}

/* The state, or 0 if there is no such process. */
static char
read_state (pid_t  pid,
            pid_t *parent)
{
  g_autofree char *path = g_strdup_printf ("/proc/%d/stat", (int) pid);
  g_autofree char *text = NULL;
  const char *rest;
  char state;
  int number;

  if (!g_file_get_contents (path, &text, NULL, NULL))
    return 0;

  /* The name before it may have anything in it. */
  rest = strrchr (text, ')');
  g_assert_nonnull (rest);
  g_assert_cmpint (sscanf (rest, ") %c %d", &state, &number), ==, 2);
  *parent = number;

  return state;
}

pid_t
aioproc_test_child_get_parent (AioprocTestChild *self)
{
  pid_t parent = -1;

  g_assert_cmpint (read_state (aioproc_child_get_pid (self->child), &parent), !=, 0);

  return parent;
}

void
aioproc_test_child_wait_exited (AioprocTestChild *self)
{
  aioproc_fds_poll (aioproc_child_get_pidfd (self->child), POLLIN, -1);
}

gboolean
aioproc_test_process_lives (pid_t pid)
{
  pid_t parent;
  char state = read_state (pid, &parent);

  return state != 0 && state != 'Z' && state != 'X';
}

void
aioproc_test_wait_for_death (pid_t pid)
{
  while (aioproc_test_process_lives (pid))
    g_thread_yield ();
}
