/* aioproc-worker-log.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "process/aioproc-worker-log-private.h"

#include <string.h>

#include "process/aioproc-worker-channel-private.h"

/* (atomic) GLogLevelFlags */
static int forwarded_levels;
/* Levels that end the process, besides errors: G_DEBUG=fatal-warnings. Immutable once installed. */
static GLogLevelFlags fatal_levels;

/* `(ua(say))`: the level, and the fields, of which a text has no end mark. */
static GVariant *
record_to_variant (GLogLevelFlags   log_level,
                   const GLogField *fields,
                   gsize            n_fields)
{
  g_auto(GVariantBuilder) builder = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE ("a(say)"));

  for (gsize i = 0; i < n_fields; i++)
    {
      const char *value = fields[i].value != NULL ? fields[i].value : "";
      gsize length = fields[i].length < 0 ? strlen (value) : (gsize) fields[i].length;

      g_variant_builder_add (&builder, "(s@ay)", fields[i].key,
                             g_variant_new_fixed_array (G_VARIANT_TYPE_BYTE, value, length, 1));
    }

  return g_variant_new ("(ua(say))", log_level & G_LOG_LEVEL_MASK, &builder);
}

/* Records of g_log() and its macros: GLib itself ends the process after those that are fatal. */
static gboolean
is_old_api (const GLogField *fields,
            gsize            n_fields)
{
  return n_fields > 0 && g_strcmp0 (fields[0].key, "GLIB_OLD_LOG_API") == 0;
}

static GLogWriterOutput
write_record_cb (GLogLevelFlags   log_level,
                 const GLogField *fields,
                 gsize            n_fields,
                 gpointer         user_data)
{
  GLogLevelFlags levels = (GLogLevelFlags) g_atomic_int_get (&forwarded_levels);

  if ((log_level & levels) == 0
      || !aioproc_worker_channel_is_usable ()
      || !aioproc_worker_channel_send_body (AIOPROC_FRAME_LOG,
                                            record_to_variant (log_level, fields, n_fields)))
    return g_log_writer_default (log_level, fields, n_fields, user_data);

  /* As the default writer does. */
  if ((log_level & fatal_levels) != 0 && !is_old_api (fields, n_fields))
    G_BREAKPOINT ();

  return G_LOG_WRITER_HANDLED;
}

void
aioproc_worker_log_install (void)
{
  fatal_levels = g_log_set_always_fatal (G_LOG_FATAL_MASK);
  g_log_set_always_fatal (fatal_levels);

  g_log_set_writer_func (write_record_cb, NULL, NULL);
}

void
aioproc_worker_log_set_levels (GLogLevelFlags levels)
{
  g_atomic_int_set (&forwarded_levels, (int) levels);
}
