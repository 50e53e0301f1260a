/* aioproc-context-private.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "aioproc-context.h"
#include "core/aioproc-mutex-private.h"
#include "process/aioproc-child-spec-private.h"

G_BEGIN_DECLS

typedef enum
{
  AIOPROC_CONTEXT_PROP_START_METHOD = 1,
  AIOPROC_CONTEXT_PROP_PROGRAM,
  AIOPROC_CONTEXT_PROP_MODULE,
  AIOPROC_CONTEXT_PROP_PRELOAD,
  AIOPROC_CONTEXT_PROP_ENVIRONMENT,
  AIOPROC_CONTEXT_PROP_WORKING_DIRECTORY,
  AIOPROC_CONTEXT_PROP_MEMORY_LIMIT,
  AIOPROC_CONTEXT_PROP_CPU_TIME_LIMIT,
  AIOPROC_CONTEXT_PROP_FILE_LIMIT,
  AIOPROC_CONTEXT_PROP_LOG_FORWARDING,
  AIOPROC_CONTEXT_PROP_LOG_FATAL,
  AIOPROC_CONTEXT_PROP_EXIT_TIMEOUT,
  AIOPROC_CONTEXT_N_PROPS
} AioprocContextProperty;

/* For aioproc-context.c and aioproc-context-settings.c only. */
struct _AioprocContext
{
  GObject             parent_instance;

  AioprocMutex        mutex;

  /* All protected by @mutex, and immutable once @is_used */
  gboolean            is_used;
  AioprocStartMethod  start_method;
  char              **program;             /* (owned) (nullable) */
  char               *module;              /* (owned) (nullable) */
  char              **preload;             /* (owned) (nullable) */
  char              **environment;         /* (owned) (nullable) */
  char               *working_directory;   /* (owned) (nullable) */
  guint64             memory_limit;
  guint64             cpu_time_limit;
  guint64             file_limit;
  GLogLevelFlags      log_levels;
  gboolean            log_fatal;
  gint64              exit_timeout_usec;
  AioprocChildSpec   *spec;                /* (owned) (nullable) made by the first start */
};

/* By AioprocContextProperty, once the class exists. */
extern GParamSpec *aioproc_context_props[AIOPROC_CONTEXT_N_PROPS];

/* What a start needs of a context. */
typedef struct
{
  AioprocChildSpec *spec;          /* (owned) */
  GLogLevelFlags    log_levels;
  gboolean          log_fatal;
  gint64            exit_timeout_usec;
} AioprocContextSettings;

/* Fills @settings. From the first call that succeeds on, the context cannot be changed any more.
 * AIOPROC_ERROR_NOT_INITIALIZED where workers would be this program, which never called
 * aioproc_init().
 */
gboolean aioproc_context_begin_start (AioprocContext          *self,
                                      AioprocContextSettings  *settings,
                                      GError                 **error);

G_END_DECLS
