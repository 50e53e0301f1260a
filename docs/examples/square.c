/* square.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <aioproc.h>

static GVariant *
square (AioprocCall *call, GError **error)
{
  gint64 number;

  if (!aioproc_call_get_arguments (call, error, "(x)", &number))
    return NULL;

  return g_variant_new_int64 (number * number);
}

int
main (void)
{
  const AioprocFunctionEntry functions[] = { { "square", square } };
  g_autoptr(AioprocProcess) process = NULL;
  g_autoptr(GVariant) result = NULL;

  aioproc_init (functions, 1);   /* in a worker: runs the function, and never returns */

  process = aioproc_process_new (NULL, "square", g_variant_new ("(x)", G_GINT64_CONSTANT (12)));

  if (aioproc_process_start (process, NULL, NULL) && aioproc_process_join (process, -1, NULL, NULL))
    result = aioproc_process_dup_result (process, NULL);

  g_print ("%" G_GINT64_FORMAT "\n", result != NULL ? g_variant_get_int64 (result) : -1);

  return result == NULL;
}
