/* peer-main.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "party.h"

/* Another process of a conformance test: BACKEND, "async" or "blocking", and a socket as
 * descriptor 3.
 */
int
main (int   argc,
      char *argv[])
{
  g_assert_cmpint (argc, ==, 3);
  g_setenv ("AIOPROC_DISABLE_BACKSTOP", "1", TRUE);

  for (guint i = 0; i < n_backends; i++)
    {
      if (g_str_equal (backends[i].name, argv[1]))
        party_serve (&backends[i], 3, g_str_equal (argv[2], "blocking"));
    }

  return 1;
}
