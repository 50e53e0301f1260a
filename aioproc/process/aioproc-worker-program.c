/* aioproc-worker-program.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <stdlib.h>

#include <aioproc.h>

/* The worker program of modules: its functions are the symbols of a shared library. */
int
main (int   argc,
      char *argv[])
{
  if (argc == 2)
    aioproc_worker_add_module (argv[1]);

  aioproc_worker_run ();

  g_printerr ("%s MODULE\nThis program is started by programs that use Aioproc.\n", argv[0]);

  return EXIT_FAILURE;
}
