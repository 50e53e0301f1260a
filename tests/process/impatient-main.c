/* impatient-main.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <stdlib.h>

#include <aioproc.h>

/* A program that starts a process before it has called aioproc_init(), which would start one, and
 * so on; and, with an argument, one that never calls it.
 */

static int early_code = -1;

static GVariant *
get_early_code (AioprocCall  *call,
                GError      **error)
{
  return g_variant_new ("(i)", early_code);
}

static const AioprocFunctionEntry functions[] = {
  { "get-early-code", get_early_code },
};

int
main (int   argc,
      char *argv[])
{
  g_autoptr(AioprocProcess) process = aioproc_process_new (NULL, "get-early-code", NULL);
  g_autoptr(GError) error = NULL;

  if (aioproc_process_start (process, NULL, &error) || error->domain != AIOPROC_ERROR)
    return EXIT_FAILURE;

  early_code = error->code;

  if (argc > 1)
    {
      g_print ("%d %s\n", error->code, error->message);
      return EXIT_SUCCESS;
    }

  aioproc_init (functions, G_N_ELEMENTS (functions));

  return EXIT_FAILURE;
}
