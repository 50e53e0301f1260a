/* aioproc-process-log.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "process/aioproc-process-log-private.h"

#include <string.h>

/* Its own fields, and those that say whether a record may be fatal, are ours to set. */
static gboolean
is_reserved_key (const char *key)
{
  return g_str_equal (key, "GLIB_OLD_LOG_API") || g_str_has_prefix (key, "AIOPROC_WORKER_");
}

/* What the journal takes as the name of a field. */
static gboolean
is_valid_key (const char *key)
{
  if (!g_ascii_isupper (*key))
    return FALSE;

  return strspn (key, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == strlen (key);
}

/* A copy, with an end mark that is not part of it. */
static char *
dup_value (const char     *key,
           const char     *bytes,
           gsize           length,
           GLogLevelFlags  level)
{
  g_autofree char *value = g_malloc (length + 1);

  if (length > 0)
    memcpy (value, bytes, length);
  value[length] = '\0';

  /* GLib's default writer puts these levels on standard output, of which a test program makes TAP:
   * no line of a worker may look as though it was one of that.
   */
  if (g_test_initialized ()
      && (level & (G_LOG_LEVEL_INFO | G_LOG_LEVEL_DEBUG)) != 0
      && g_str_equal (key, "MESSAGE"))
    {
      g_auto(GStrv) lines = g_strsplit (value, "\n", -1);

      return g_strjoinv ("\n# ", lines);
    }

  return g_steal_pointer (&value);
}

static void
append_field (GArray     *fields,
              const char *key,
              const char *value,
              gssize      length)
{
  GLogField field = { key, value, length };

  g_array_append_val (fields, field);
}

gboolean
aioproc_process_log_emit (GVariant   *record,
                          const char *name,
                          int         pid,
                          gboolean    may_be_fatal)
{
  g_autoptr(GArray) fields = g_array_new (FALSE, FALSE, sizeof (GLogField));
  g_autoptr(GPtrArray) values = g_ptr_array_new_with_free_func (g_free);
  g_autoptr(GVariantIter) iter = NULL;
  g_autoptr(GVariant) data = NULL;
  g_autofree char *pid_string = g_strdup_printf ("%d", pid);
  guint32 wire_level;
  GLogLevelFlags level;
  const char *key;

  if (record == NULL || !g_variant_is_of_type (record, G_VARIANT_TYPE ("(ua(say))")))
    return FALSE;

  g_variant_get (record, "(ua(say))", &wire_level, &iter);
  level = (GLogLevelFlags) wire_level & G_LOG_LEVEL_MASK;
  if (level == 0)
    return FALSE;

  /* It has to come first: GLib's default writer takes a record for fatal only without it. */
  if (!may_be_fatal)
    append_field (fields, "GLIB_OLD_LOG_API", "1", -1);

  while (g_variant_iter_loop (iter, "(&s@ay)", &key, &data))
    {
      const char *bytes;
      gsize length = 0;
      char *value;

      if (!is_valid_key (key) || is_reserved_key (key))
        continue;

      bytes = g_variant_get_fixed_array (data, &length, 1);
      value = dup_value (key, bytes, length, level);
      g_ptr_array_add (values, value);

      append_field (fields, key, value,
                    length > 0 && memchr (bytes, '\0', length) != NULL ? (gssize) length : -1);
    }

  append_field (fields, "AIOPROC_WORKER_PID", pid_string, -1);
  append_field (fields, "AIOPROC_WORKER_NAME", name, -1);

  /* GLib ends the program after every record of this level. */
  if ((level & G_LOG_LEVEL_ERROR) != 0 && !may_be_fatal)
    {
      level = (level & ~G_LOG_LEVEL_ERROR) | G_LOG_LEVEL_CRITICAL;
      append_field (fields, "AIOPROC_WORKER_FATAL", "1", -1);
    }

  g_log_structured_array (level, (const GLogField *) (gpointer) fields->data, fields->len);

  return TRUE;
}
