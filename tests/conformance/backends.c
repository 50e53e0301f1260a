/* backends.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "core/aioproc-shareable-private.h"
#include "forward.h"
#include "party.h"
#include "platform/aioproc-fds-private.h"

static gpointer
local_create_valist (GType       type,
                     const char *first_property,
                     va_list     properties)
{
  g_autoptr(GError) error = NULL;
  gpointer object = g_initable_new_valist (type, first_property, properties, NULL, &error);

  g_assert_no_error (error);

  return object;
}

static gpointer
local_create (GType       type,
              const char *first_property,
              ...)
{
  gpointer object;
  va_list properties;

  va_start (properties, first_property);
  object = local_create_valist (type, first_property, properties);
  va_end (properties);

  return object;
}

static GError *
local_refuse (GType       type,
              const char *property,
              guint       value)
{
  GError *error = NULL;

  g_assert_null (g_initable_new (type, NULL, &error, property, value, NULL));

  return error;
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

/* The object that the work is left to is a local one. */
static gpointer
forward_create (GType       type,
                const char *first_property,
                ...)
{
  g_autoptr(GObject) inner = NULL;
  gpointer lock = NULL;
  va_list properties;

  va_start (properties, first_property);

  /* It is of the same backend, and the inner object is for the inner one. */
  if (g_strcmp0 (first_property, "lock") == 0)
    {
      lock = va_arg (properties, gpointer);
      inner = local_create (type, "lock", forward_get_inner (lock), NULL);
    }
  else
    {
      inner = local_create_valist (type, first_property, properties);
    }

  va_end (properties);

  return forward_new (inner, lock);
}

static void
forward_send (gpointer object,
              int      socket_fd)
{
  local_send (forward_get_inner (object), socket_fd);
}

static gpointer
forward_receive (int socket_fd)
{
  g_autoptr(GObject) inner = local_receive (socket_fd);
  g_autoptr(GObject) lock = NULL;

  if (AIOPROC_IS_CONDITION (inner))
    lock = forward_new (aioproc_condition_get_lock (AIOPROC_CONDITION (inner)), NULL);

  return forward_new (inner, lock);
}

/* All that the same cases are for. */
const Backend backends[] = {
  { "local", local_create, local_refuse, local_send, local_receive, TRUE },
  /* What there is no local one for there is not at all. */
  { "forward", forward_create, local_refuse, forward_send, forward_receive, FALSE },
};

const guint n_backends = G_N_ELEMENTS (backends);
