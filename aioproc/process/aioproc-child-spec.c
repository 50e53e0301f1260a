/* aioproc-child-spec.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "process/aioproc-child-spec-private.h"

AioprocChildSpec *
aioproc_child_spec_new (AioprocChildMethod method)
{
  AioprocChildSpec *self = g_new0 (AioprocChildSpec, 1);

  g_atomic_ref_count_init (&self->ref_count);
  self->method = method;

  return self;
}

AioprocChildSpec *
aioproc_child_spec_ref (AioprocChildSpec *self)
{
  g_atomic_ref_count_inc (&self->ref_count);

  return self;
}

void
aioproc_child_spec_unref (AioprocChildSpec *self)
{
  if (!g_atomic_ref_count_dec (&self->ref_count))
    return;

  g_strfreev (self->argv);
  g_strfreev (self->environment);
  g_free (self->working_directory);
  g_strfreev (self->preload);
  g_free (self);
}

static gboolean
strv_equal0 (char **strv1,
             char **strv2)
{
  if (strv1 == NULL || strv2 == NULL)
    return strv1 == strv2;

  return g_strv_equal ((const char * const *) strv1, (const char * const *) strv2);
}

gboolean
aioproc_child_spec_shares_supervisor (const AioprocChildSpec *self,
                                      const AioprocChildSpec *other)
{
  if (self == other)
    return TRUE;

  if (self->method != other->method)
    return FALSE;

  if (self->method == AIOPROC_CHILD_SPAWN)
    return TRUE;

  return strv_equal0 (self->argv, other->argv) &&
         strv_equal0 (self->environment, other->environment) &&
         g_strcmp0 (self->working_directory, other->working_directory) == 0 &&
         strv_equal0 (self->preload, other->preload);
}
