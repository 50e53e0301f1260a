/* aioproc-child-private.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <sys/types.h>

#include <gio/gio.h>

#include "core/aioproc-codec-private.h"
#include "process/aioproc-child-spec-private.h"

G_BEGIN_DECLS

/* One worker process as the program that started it sees it: pid, pidfd, control channel, exit
 * status. Private; AioprocProcess (and later the pool) is built on it. Reference-counted,
 * thread-safe.
 *
 * All input and output on descriptors of workers and supervisors happens on one thread of the
 * library's pool, the monitor: log records, results and exit statuses arrive whatever the program's
 * main loops do.
 */
typedef struct _AioprocChild AioprocChild;

/* Each is called on the monitor thread with no lock held, perhaps before aioproc_child_start() has
 * returned. They must not wait for a lock under which another thread starts a FORK child.
 */
typedef struct {
  /* The process exists: pid is known. */
  void (*started) (AioprocChild           *child,
                   gpointer                user_data);
  /* A frame arrived. */
  void (*frame)   (AioprocChild           *child,
                   const AioprocFrameInfo *info,
                   AioprocMessage         *message,
                   gpointer                user_data);
  /* (nullable) The worker has closed its channel, and has not ended in all the time since:
   * nothing more will be heard of it but its end.
   */
  void (*hung_up) (AioprocChild           *child,
                   gpointer                user_data);
  /* Once, last: the process is gone, reaped, its channel read to the end. With @error either it
   * never came to be (the pid is 0), or it was killed because what it sent was not understood.
   */
  void (*ended)   (AioprocChild           *child,
                   const GError           *error,
                   gpointer                user_data);
  /* In the new process of a FORK child, instead of all others: serves the call that arrives on
   * @control_fd, and never returns. @hangup_fd: as in a worker.
   */
  void (*forked)  (int                     control_fd,
                   int                     hangup_fd);
} AioprocChildOps;

/* Never blocks, never fails: everything is told by @ops. Takes @start_frame, which is the first
 * thing the worker reads. A supervisor is started first where none lives. @destroy is called with
 * @user_data after ended. (Where not even the monitor thread can be started, ended and @destroy
 * are called by the calling thread, before this returns.)
 */
AioprocChild *aioproc_child_start           (AioprocChildSpec       *spec,
                                             AioprocFrame           *start_frame,
                                             const AioprocChildOps  *ops,
                                             gpointer                user_data,
                                             GDestroyNotify          destroy);
AioprocChild *aioproc_child_ref             (AioprocChild           *self);
void          aioproc_child_unref           (AioprocChild           *self);
/* 0 before started. */
pid_t         aioproc_child_get_pid         (AioprocChild           *self);
/* -1 before started; valid until finalized. */
int           aioproc_child_get_pidfd       (AioprocChild           *self);
/* Queues a frame for the worker; written by the monitor. Takes it. Dropped where the worker is
 * gone.
 */
void          aioproc_child_send            (AioprocChild           *self,
                                             AioprocFrame           *frame);
/* To the process alone, as soon as it exists; ended already is no error. SIGTERM and SIGKILL also
 * end a start that waits for a supervisor which has never served: with that signal as its status.
 */
gboolean      aioproc_child_send_signal     (AioprocChild           *self,
                                             int                     signum,
                                             GError                **error);
/* After ended: FALSE where the status went with its supervisor (STATUS_LOST) and the worker left
 * no record of its own.
 */
gboolean      aioproc_child_get_wait_status (AioprocChild           *self,
                                             int                    *wait_status);
/* Closes the channels of every worker, as the program's death would: called by the exit handler
 * once its patience ends.
 */
void          aioproc_child_kill_all        (void);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (AioprocChild, aioproc_child_unref)

G_END_DECLS
