/* aioproc-context.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#if !defined (AIOPROC_INSIDE) && !defined (AIOPROC_COMPILATION)
# error "Only <aioproc.h> can be included directly."
#endif

#include <gio/gio.h>

#include "aioproc-version-macros.h"

G_BEGIN_DECLS

/**
 * AioprocStartMethod:
 * @AIOPROC_START_METHOD_SPAWN: Each worker is a fresh run of the worker program.
 * @AIOPROC_START_METHOD_FORKSERVER: A worker program is run once, runs the preload functions, and
 *   then forks a worker for each start: much faster than a fresh run, and what was preloaded is
 *   shared memory. This is the default.
 * @AIOPROC_START_METHOD_FORK: Each worker is a fork of this process. Refused, with
 *   `AIOPROC_ERROR_FORK_REFUSED`, while this process has threads that Aioproc did not start, as
 *   every program with a GTK window has.
 *
 * How workers come to be.
 *
 * Since: 0.1
 */
typedef enum
{
  AIOPROC_START_METHOD_SPAWN = 1,
  AIOPROC_START_METHOD_FORKSERVER,
  AIOPROC_START_METHOD_FORK,
} AioprocStartMethod;

#define AIOPROC_TYPE_START_METHOD (aioproc_start_method_get_type ())
#define AIOPROC_TYPE_CONTEXT      (aioproc_context_get_type ())

AIOPROC_AVAILABLE_IN_ALL
GType               aioproc_start_method_get_type         (void);

AIOPROC_AVAILABLE_IN_ALL
G_DECLARE_FINAL_TYPE (AioprocContext, aioproc_context, AIOPROC, CONTEXT, GObject)

AIOPROC_AVAILABLE_IN_ALL
AioprocContext     *aioproc_context_new                   (void) G_GNUC_WARN_UNUSED_RESULT;
AIOPROC_AVAILABLE_IN_ALL
AioprocContext     *aioproc_context_get_default           (void);

AIOPROC_AVAILABLE_IN_ALL
AioprocStartMethod  aioproc_context_get_start_method      (AioprocContext      *self);
AIOPROC_AVAILABLE_IN_ALL
void                aioproc_context_set_start_method      (AioprocContext      *self,
                                                           AioprocStartMethod   start_method);
AIOPROC_AVAILABLE_IN_ALL
char              **aioproc_context_dup_program           (AioprocContext      *self);
AIOPROC_AVAILABLE_IN_ALL
void                aioproc_context_set_program           (AioprocContext      *self,
                                                           const char * const  *program);
AIOPROC_AVAILABLE_IN_ALL
char               *aioproc_context_dup_module            (AioprocContext      *self);
AIOPROC_AVAILABLE_IN_ALL
void                aioproc_context_set_module            (AioprocContext      *self,
                                                           const char          *module);
AIOPROC_AVAILABLE_IN_ALL
char              **aioproc_context_dup_preload           (AioprocContext      *self);
AIOPROC_AVAILABLE_IN_ALL
void                aioproc_context_set_preload           (AioprocContext      *self,
                                                           const char * const  *preload);
AIOPROC_AVAILABLE_IN_ALL
char              **aioproc_context_dup_environment       (AioprocContext      *self);
AIOPROC_AVAILABLE_IN_ALL
void                aioproc_context_set_environment       (AioprocContext      *self,
                                                           const char * const  *environment);
AIOPROC_AVAILABLE_IN_ALL
char               *aioproc_context_dup_working_directory (AioprocContext      *self);
AIOPROC_AVAILABLE_IN_ALL
void                aioproc_context_set_working_directory (AioprocContext      *self,
                                                           const char          *directory);
AIOPROC_AVAILABLE_IN_ALL
guint64             aioproc_context_get_memory_limit      (AioprocContext      *self);
AIOPROC_AVAILABLE_IN_ALL
void                aioproc_context_set_memory_limit      (AioprocContext      *self,
                                                           guint64              bytes);
AIOPROC_AVAILABLE_IN_ALL
guint64             aioproc_context_get_cpu_time_limit    (AioprocContext      *self);
AIOPROC_AVAILABLE_IN_ALL
void                aioproc_context_set_cpu_time_limit    (AioprocContext      *self,
                                                           guint64              seconds);
AIOPROC_AVAILABLE_IN_ALL
guint64             aioproc_context_get_file_limit        (AioprocContext      *self);
AIOPROC_AVAILABLE_IN_ALL
void                aioproc_context_set_file_limit        (AioprocContext      *self,
                                                           guint64              n_files);
AIOPROC_AVAILABLE_IN_ALL
GLogLevelFlags      aioproc_context_get_log_forwarding    (AioprocContext      *self);
AIOPROC_AVAILABLE_IN_ALL
void                aioproc_context_set_log_forwarding    (AioprocContext      *self,
                                                           GLogLevelFlags       levels);
AIOPROC_AVAILABLE_IN_ALL
gboolean            aioproc_context_get_log_fatal         (AioprocContext      *self);
AIOPROC_AVAILABLE_IN_ALL
void                aioproc_context_set_log_fatal         (AioprocContext      *self,
                                                           gboolean             log_fatal);
AIOPROC_AVAILABLE_IN_ALL
gint64              aioproc_context_get_exit_timeout      (AioprocContext      *self);
AIOPROC_AVAILABLE_IN_ALL
void                aioproc_context_set_exit_timeout      (AioprocContext      *self,
                                                           gint64               timeout_usec);

AIOPROC_AVAILABLE_IN_ALL
gboolean            aioproc_set_start_method              (AioprocStartMethod   start_method,
                                                           GError             **error);
AIOPROC_AVAILABLE_IN_ALL
AioprocStartMethod  aioproc_get_start_method              (void);
AIOPROC_AVAILABLE_IN_ALL
guint               aioproc_get_processor_count           (void);

G_END_DECLS
