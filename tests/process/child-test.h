/* child-test.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <gio/gio.h>

#include "process/aioproc-child-private.h"

G_BEGIN_DECLS

/* A started child, and what it has told so far. */
typedef struct
{
  AioprocChild *child;      /* (owned) */
  GMutex        mutex;
  GCond         cond;

  /* All protected by @mutex */
  gboolean      is_started;
  gboolean      is_ended;
  gboolean      is_destroyed;
  GError       *error;      /* (owned) (nullable) of the end */
  GPtrArray    *frames;     /* (owned) (element-type AioprocTestFrame) */
} AioprocTestChild;

typedef struct
{
  AioprocFrameKind  kind;
  GVariant         *body;   /* (owned) (nullable) */
} AioprocTestFrame;

/* How often the preload function "count" has run in this process, or one it was forked from. */
extern int aioproc_test_preloaded;

extern const AioprocChildMethod aioproc_test_methods[3];

const char       *aioproc_test_method_name       (AioprocChildMethod  method);
/* Of the worker program of these tests. */
AioprocChildSpec *aioproc_test_child_spec_new    (AioprocChildMethod  method);
AioprocTestChild *aioproc_test_child_new         (AioprocChildSpec   *spec,
                                                  const char         *command,
                                                  gint64              number);
/* Waits for its end. */
void              aioproc_test_child_free        (AioprocTestChild   *self);
void              aioproc_test_child_send        (AioprocTestChild   *self,
                                                  GVariant           *body);
/* FALSE: it ended before. */
gboolean          aioproc_test_child_wait_started (AioprocTestChild  *self);
/* Waits for the first frame of @kind. FALSE: it ended before. @body: (nullable) (out) */
gboolean          aioproc_test_child_wait_frame  (AioprocTestChild   *self,
                                                  AioprocFrameKind    kind,
                                                  GVariant          **body);
void              aioproc_test_child_wait_ended  (AioprocTestChild   *self);
/* Waits for its end, which has to be without error, with a known status. */
int               aioproc_test_child_get_status  (AioprocTestChild   *self);
/* The process that is the parent of this one's child. */
pid_t             aioproc_test_child_get_parent  (AioprocTestChild   *self);
/* Its child is a zombie, or nothing anymore. */
void              aioproc_test_child_wait_exited (AioprocTestChild   *self);
/* Until the monitor thread has done all that it had been told before. */
void              aioproc_test_wait_for_monitor  (void);
/* Whether a process lives, and is no zombie. */
gboolean          aioproc_test_process_lives     (pid_t               pid);
/* Waits until it does not. */
void              aioproc_test_wait_for_death    (pid_t               pid);

G_END_DECLS
