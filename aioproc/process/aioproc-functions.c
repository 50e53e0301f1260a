/* aioproc-functions.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "process/aioproc-functions-private.h"

#include <stdlib.h>
#include <string.h>

#include <gmodule.h>

#include "aioproc-error.h"

/* How many names an error message lists. */
#define MAX_LISTED_NAMES 32

typedef struct
{
  char    *path;      /* (owned) immutable */
  GModule *module;    /* (owned) (nullable) once loaded; never closed: its code may be in use */
  GError  *error;     /* (owned) (nullable) why it could not be loaded */
} FunctionModule;

/* What the library itself needs in workers. */
#define MAX_INTERNAL 4

typedef struct
{
  const char      *name;
  AioprocFunction  function;
} InternalFunction;

/* Written before main(). */
static InternalFunction internals[MAX_INTERNAL];

/* (atomic) */
static int are_known;
/* All written by the main thread before the program is a worker, or starts one. */
static GHashTable *functions;   /* (owned) (nullable) (element-type utf8 AioprocFunctionRecord) */
static GPtrArray *modules;      /* (owned) (nullable) (element-type FunctionModule) */

static void
function_record_free (gpointer data)
{
  AioprocFunctionRecord *record = data;

  if (record->destroy != NULL)
    record->destroy (record->user_data);
  g_free (record);
}

void
aioproc_functions_declare (void)
{
  g_atomic_int_set (&are_known, TRUE);
}

gboolean
aioproc_functions_are_known (void)
{
  return g_atomic_int_get (&are_known);
}

void
aioproc_functions_add (const char                  *name,
                       const AioprocFunctionRecord *record)
{
  if (functions == NULL)
    functions = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, function_record_free);

  if (g_hash_table_contains (functions, name))
    g_critical ("The function “%s” of the worker program is given twice", name);

  g_hash_table_replace (functions, g_strdup (name), g_memdup2 (record, sizeof *record));
}

void
aioproc_functions_add_internal (const char      *name,
                                AioprocFunction  function)
{
  guint i = 0;

  while (i < MAX_INTERNAL && internals[i].name != NULL)
    i++;

  g_assert (i < MAX_INTERNAL);

  internals[i].name = name;
  internals[i].function = function;
}

void
aioproc_functions_add_module (const char *path)
{
  FunctionModule *module = g_new0 (FunctionModule, 1);

  module->path = g_strdup (path);

  if (modules == NULL)
    modules = g_ptr_array_new ();
  g_ptr_array_add (modules, module);
}

static void
function_module_load (FunctionModule *self)
{
  g_autoptr(GError) error = NULL;

  if (self->module != NULL || self->error != NULL)
    return;

  self->module = g_module_open_full (self->path, G_MODULE_BIND_LOCAL, &error);
  if (self->module == NULL)
    self->error = g_error_new (AIOPROC_ERROR, AIOPROC_ERROR_NOT_FOUND,
                               "Could not load the module “%s”: %s", self->path, error->message);
}

void
aioproc_functions_load (void)
{
  if (modules == NULL)
    return;

  for (guint i = 0; i < modules->len; i++)
    function_module_load (g_ptr_array_index (modules, i));
}

/* A symbol that every program would find is no function of the module, but of a library that it
 * uses: calling exit(), say, as if it were one would be wrong in any case.
 */
static gboolean
is_global_symbol (const char *name,
                  gpointer    symbol)
{
  GModule *program = g_module_open (NULL, 0);
  gpointer global = NULL;

  if (program == NULL)
    return FALSE;

  if (!g_module_symbol (program, name, &global))
    global = NULL;
  g_module_close (program);

  return global == symbol;
}

static gboolean
function_module_lookup (FunctionModule         *self,
                        const char             *name,
                        AioprocFunctionRecord  *record,
                        GError                **error)
{
  gpointer symbol = NULL;

  function_module_load (self);

  if (self->error != NULL)
    {
      g_propagate_error (error, g_error_copy (self->error));
      return FALSE;
    }

  if (!g_module_symbol (self->module, name, &symbol)
      || symbol == NULL
      || is_global_symbol (name, symbol))
    {
      g_set_error (error, AIOPROC_ERROR, AIOPROC_ERROR_NOT_FOUND,
                   "The module “%s” exports no function “%s”", self->path, name);
      return FALSE;
    }

  *record = (AioprocFunctionRecord) { .plain = (AioprocFunction) symbol };

  return TRUE;
}

static int
compare_names (gconstpointer a,
               gconstpointer b)
{
  return strcmp (*(const char * const *) a, *(const char * const *) b);
}

static char *
list_names (void)
{
  g_autoptr(GString) string = g_string_new (NULL);
  g_autofree const char **names = NULL;
  guint n_names = 0;

  if (functions == NULL || g_hash_table_size (functions) == 0)
    return g_strdup ("it has none at all");

  names = (const char **) g_hash_table_get_keys_as_array (functions, &n_names);
  qsort (names, n_names, sizeof *names, compare_names);

  g_string_append (string, "there is ");
  for (guint i = 0; i < n_names && i < MAX_LISTED_NAMES; i++)
    g_string_append_printf (string, "%s“%s”", i == 0 ? "" : ", ", names[i]);
  if (n_names > MAX_LISTED_NAMES)
    g_string_append_printf (string, " and %u more", n_names - MAX_LISTED_NAMES);

  return g_string_free (g_steal_pointer (&string), FALSE);
}

gboolean
aioproc_functions_lookup (const char             *name,
                          AioprocFunctionRecord  *record,
                          GError                **error)
{
  const AioprocFunctionRecord *found = NULL;
  g_autofree char *names = NULL;

  for (guint i = 0; i < MAX_INTERNAL && internals[i].name != NULL; i++)
    {
      if (g_str_equal (name, internals[i].name))
        {
          *record = (AioprocFunctionRecord) { .plain = internals[i].function };
          return TRUE;
        }
    }

  if (functions != NULL)
    found = g_hash_table_lookup (functions, name);

  if (found != NULL)
    {
      *record = *found;
      return TRUE;
    }

  if (modules != NULL)
    {
      /* The last one says what is wrong. */
      for (guint i = 0; i + 1 < modules->len; i++)
        {
          if (function_module_lookup (g_ptr_array_index (modules, i), name, record, NULL))
            return TRUE;
        }

      return function_module_lookup (g_ptr_array_index (modules, modules->len - 1),
                                     name, record, error);
    }

  names = list_names ();
  g_set_error (error, AIOPROC_ERROR, AIOPROC_ERROR_NOT_FOUND,
               "The worker program has no function “%s”: %s", name, names);

  return FALSE;
}

GVariant *
aioproc_functions_call (const AioprocFunctionRecord  *record,
                        AioprocCall                  *call,
                        GError                      **error)
{
  if (record->plain != NULL)
    return record->plain (call, error);

  return record->function (call, record->user_data, error);
}
