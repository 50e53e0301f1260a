/* backends.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "core/aioproc-shareable-private.h"
#include "party.h"
#include "platform/aioproc-fds-private.h"

static gpointer
local_create (GType       type,
              const char *first_property,
              ...)
{
  g_autoptr(GError) error = NULL;
  gpointer object;
  va_list properties;

  va_start (properties, first_property);
  object = g_initable_new_valist (type, first_property, properties, NULL, &error);
  va_end (properties);
  g_assert_no_error (error);

  return object;
}

static void
local_send (gpointer object,
            int      socket_fd)
{
  g_autoptr(GError) error = NULL;
  int fds[AIOPROC_SHAREABLE_MAX_FDS];
  guint32 kind;
  guint n_fds;
  gsize n_done;

  aioproc_shareable_export (object, &kind, fds, &n_fds, &error);
  g_assert_no_error (error);
  aioproc_fds_send (socket_fd, &kind, sizeof kind, fds, n_fds, FALSE, &n_done, &error);
  g_assert_no_error (error);
  aioproc_fds_close_all (fds, n_fds);
}

static gpointer
local_receive (int socket_fd)
{
  g_autoptr(GError) error = NULL;
  int fds[AIOPROC_SHAREABLE_MAX_FDS];
  gpointer object;
  guint32 kind;
  guint n_fds;
  gsize n_done;

  aioproc_fds_receive (socket_fd, &kind, sizeof kind, fds, G_N_ELEMENTS (fds), &n_fds, FALSE,
                       &n_done, &error);
  g_assert_no_error (error);
  object = aioproc_shareable_import (kind, fds, n_fds, &error);
  g_assert_no_error (error);

  return object;
}

/* All that the same cases are for. */
const Backend backends[] = {
  { "local", local_create, local_send, local_receive },
};

const guint n_backends = G_N_ELEMENTS (backends);
