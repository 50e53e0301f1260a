/* worker-main.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "worker-functions.h"

static const AioprocFunctionEntry functions[] = {
  { "square", square },
  { "echo", echo },
  { "fail", fail },
  { "fail_aioproc", fail_aioproc },
  { "nothing", nothing },
  { "later", later },
  { "fail_later", fail_later },
  { "progress", progress },
  { "pause_halfway", pause_halfway },
  { "wait_cancelled", wait_cancelled },
  { "hold", hold },
  { "produce", produce },
  { "negate", negate },
  { "whoami", whoami },
  { "remember", remember },
  { "recall", recall },
};

int
main (int   argc,
      char *argv[])
{
  aioproc_init (functions, G_N_ELEMENTS (functions));

  g_printerr ("%s is a worker program\n", argv[0]);

  return 1;
}
