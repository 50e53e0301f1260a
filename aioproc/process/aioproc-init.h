/* aioproc-init.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#if !defined (AIOPROC_INSIDE) && !defined (AIOPROC_COMPILATION)
# error "Only <aioproc.h> can be included directly."
#endif

#include <gio/gio.h>

#include "aioproc-call.h"
#include "aioproc-version-macros.h"

G_BEGIN_DECLS

/**
 * AioprocFunction: (skip)
 * @call: the call: arguments, shared objects, cancellable, progress
 * @error: the return location for a [type@GLib.Error]
 *
 * A function that a worker can run.
 *
 * It runs in the main thread of a worker process. What it returns, a value or an error, is what
 * [method@Aioproc.Process.dup_result] gives in the program that started the process. A function
 * that has nothing to say returns the empty tuple, `g_variant_new ("()")`.
 *
 * A function that only begins something asynchronous calls [method@Aioproc.Call.defer] and returns
 * `NULL`: the worker then iterates its main context until [method@Aioproc.Call.return_value] or
 * one of its like was called. `NULL` without an error, and without that, is an error of its own:
 * `AIOPROC_ERROR_REMOTE`.
 *
 * Returns: (transfer full) (nullable): the result, which may be floating, or `NULL`
 *
 * Since: 0.1
 */
typedef GVariant *(*AioprocFunction) (AioprocCall  *call,
                                      GError      **error);

/**
 * AioprocFunctionEntry: (skip)
 * @name: the name by which processes ask for the function
 * @function: the function
 *
 * One line of a table of functions for [func@Aioproc.init].
 *
 * Since: 0.1
 */
typedef struct
{
  const char      *name;
  AioprocFunction  function;
} AioprocFunctionEntry;

/**
 * AioprocWorkerFunc:
 * @call: the call: arguments, shared objects, cancellable, progress
 * @user_data: the data given to [func@Aioproc.worker_add_function]
 * @error: the return location for a [type@GLib.Error]
 *
 * A function that a worker can run, with data of its own: the form for bindings.
 *
 * It is like the functions of [func@Aioproc.init] in all else.
 *
 * Returns: (transfer full) (nullable): the result, which may be floating, or `NULL`
 *
 * Since: 0.1
 */
typedef GVariant *(*AioprocWorkerFunc) (AioprocCall  *call,
                                        gpointer      user_data,
                                        GError      **error);

/**
 * AioprocExitFunc:
 * @user_data: the data given to [func@Aioproc.worker_add_exit_handler]
 *
 * Is called once at the end of a process.
 *
 * Since: 0.1
 */
typedef void (*AioprocExitFunc) (gpointer user_data);

AIOPROC_AVAILABLE_IN_ALL
void     aioproc_init                    (const AioprocFunctionEntry *functions,
                                          guint                       n_functions);

AIOPROC_AVAILABLE_IN_ALL
void     aioproc_worker_add_function     (const char                 *name,
                                          AioprocWorkerFunc           function,
                                          gpointer                    user_data,
                                          GDestroyNotify              destroy);
AIOPROC_AVAILABLE_IN_ALL
void     aioproc_worker_add_module       (const char                 *path);
AIOPROC_AVAILABLE_IN_ALL
gboolean aioproc_worker_run              (void);
AIOPROC_AVAILABLE_IN_ALL
void     aioproc_worker_add_exit_handler (AioprocExitFunc             function,
                                          gpointer                    user_data,
                                          GDestroyNotify              destroy);

G_END_DECLS
