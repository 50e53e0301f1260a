/* peer-main.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "party.h"

/* Another process of a conformance test: BACKEND, and what it is there for. */
int
main (int   argc,
      char *argv[])
{
  const Backend *backend = NULL;

  g_assert_cmpint (argc, ==, 3);
  g_setenv ("AIOPROC_DISABLE_BACKSTOP", "1", TRUE);

  for (guint i = 0; i < n_backends; i++)
    {
      if (g_str_equal (backends[i].name, argv[1]))
        backend = &backends[i];
    }

  g_assert_nonnull (backend);

  if (g_str_equal (argv[2], "relay"))
    return party_relay (backend, PARTY_SOCKET_FD, argv[0]);

  if (g_str_equal (argv[2], "heir"))
    party_serve (backend, PARTY_SOCKET_FD, PARTY_OBJECT_FD, FALSE);
  else
    party_serve (backend, PARTY_SOCKET_FD, PARTY_SOCKET_FD, g_str_equal (argv[2], "blocking"));

  return 1;
}
