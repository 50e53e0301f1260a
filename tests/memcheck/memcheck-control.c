/* memcheck-control.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <stdio.h>
#include <string.h>

#include <glib.h>

/* Does what memcheck has to find. */

static void *volatile block;

int
main (int   argc,
      char *argv[])
{
  block = g_malloc (16);

  if (argc == 2 && strcmp (argv[1], "read") == 0)
    {
      /* Never written. */
      if (((volatile char *) block)[3] == 'x')
        puts ("An x");

      g_free (block);
    }

  block = NULL;

  return 0;
}
