/* aioproc-random.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "platform/aioproc-random-private.h"

#include <errno.h>
#include <unistd.h>

void
aioproc_random_fill (guint8 *buffer,
                     gsize   length)
{
  g_assert (length <= 256);

  if (getentropy (buffer, length) != 0)
    g_error ("The kernel gives no random numbers: %s", g_strerror (errno));
}
