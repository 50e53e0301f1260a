/* aioproc-supervisor-private.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <sys/types.h>

#include <gio/gio.h>

#include "process/aioproc-child-spec-private.h"
#include "process/aioproc-parent-fd-private.h"

G_BEGIN_DECLS

/* The application's side of its supervisors, which are the parents of its workers: the launcher
 * (SPAWN), and one forkserver for each worker program. They are started when first needed and
 * replaced when they died. All on the monitor thread.
 */

typedef struct {
  /* Takes @pidfd. */
  void (*started) (gpointer  user_data,
                   pid_t     pid,
                   int       pidfd);
  /* Instead of it. Takes @error. */
  void (*failed)  (gpointer  user_data,
                   GError   *error);
  /* Last, after started: reaped by the supervisor. */
  void (*exited)  (gpointer  user_data,
                   int       wait_status);
  /* Instead of it: the supervisor died, and nobody can tell how the worker ends. */
  void (*lost)    (gpointer  user_data);
} AioprocSupervisorOps;

/* Asks for one worker; started or failed will be called. Takes the descriptors of @control and
 * @hangup, the ends of the worker. @environment: what @spec stands for. FALSE: nothing was asked
 * for, and none of @ops will be called.
 */
gboolean aioproc_supervisor_start_worker (AioprocChildSpec            *spec,
                                          char                       **environment,
                                          AioprocParentFd             *control,
                                          AioprocParentFd             *hangup,
                                          const AioprocSupervisorOps  *ops,
                                          gpointer                     user_data,
                                          GError                     **error);

/* Nobody wants the worker anymore that was asked for with @user_data. TRUE: no supervisor that has
 * ever served was asked, so there is no such process; none of the ops will be called. What a late
 * answer brings is killed, and so is a supervisor of which nothing else is wanted.
 */
gboolean aioproc_supervisor_withdraw_worker (gpointer                 user_data);

G_END_DECLS
