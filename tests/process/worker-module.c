/* worker-module.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <gmodule.h>

#include <aioproc.h>

/* A module of functions, for aioproc-worker. */

GVariant *cube            (AioprocCall  *call,
                           GError      **error);
GVariant *module_preload  (AioprocCall  *call,
                           GError      **error);
GVariant *module_preloads (AioprocCall  *call,
                           GError      **error);

static guint n_preloads;

G_MODULE_EXPORT GVariant *
cube (AioprocCall  *call,
      GError      **error)
{
  int number;

  if (!aioproc_call_get_arguments (call, error, "(i)", &number))
    return NULL;

  return g_variant_new ("(i)", number * number * number);
}

G_MODULE_EXPORT GVariant *
module_preload (AioprocCall  *call,
                GError      **error)
{
  n_preloads++;

  return g_variant_new ("()");
}

G_MODULE_EXPORT GVariant *
module_preloads (AioprocCall  *call,
                 GError      **error)
{
  return g_variant_new ("(u)", n_preloads);
}
