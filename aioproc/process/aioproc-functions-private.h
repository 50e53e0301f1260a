/* aioproc-functions-private.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "aioproc-init.h"

G_BEGIN_DECLS

/* The functions that this program can run as a worker, by name. They are added by its main thread
 * before it can be a worker, or start one: what follows only reads them.
 */

/* One function: either @plain, or @function with @user_data. */
typedef struct
{
  AioprocFunction    plain;
  AioprocWorkerFunc  function;
  gpointer           user_data;
  GDestroyNotify     destroy;
} AioprocFunctionRecord;

/* Says that the program can serve as a worker, with whatever functions it has. */
void      aioproc_functions_declare    (void);
gboolean  aioproc_functions_are_known  (void);

void      aioproc_functions_add        (const char                  *name,
                                        const AioprocFunctionRecord *record);
void      aioproc_functions_add_module (const char                  *path);
/* Loads the modules; what fails is told by each lookup that needs them. */
void      aioproc_functions_load       (void);
/* One that workers of this library run, before main(). @name is static. */
void      aioproc_functions_add_internal (const char                *name,
                                          AioprocFunction            function);
/* AIOPROC_ERROR_NOT_FOUND: with the names that exist, or what the module lacks. */
gboolean  aioproc_functions_lookup     (const char                  *name,
                                        AioprocFunctionRecord       *record,
                                        GError                     **error);
GVariant *aioproc_functions_call       (const AioprocFunctionRecord *record,
                                        AioprocCall                 *call,
                                        GError                     **error);

G_END_DECLS
