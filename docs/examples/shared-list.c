/* shared-list.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* A worker keeps a list up to date that tells how far it is: a state, a number and a share. */

#include <aioproc.h>

static GVariant *
work (AioprocCall  *call,
      GError      **error)
{
  g_autoptr(GObject) object = aioproc_call_dup_object (call, 0, error);
  AioprocSharedList *list;

  if (object == NULL)
    return NULL;

  list = AIOPROC_SHARED_LIST (object);

  for (int i = 1; i <= 4; i++)
    {
      if (!aioproc_shared_list_set (list, 1, g_variant_new_int32 (i), error) ||
          !aioproc_shared_list_set (list, 2, g_variant_new_double (i / 4.), error))
        return NULL;
    }

  if (!aioproc_shared_list_set (list, 0, g_variant_new_string ("done"), error))
    return NULL;

  return g_variant_new ("()");
}

int
main (void)
{
  static const AioprocFunctionEntry functions[] = { { "work", work } };
  g_autoptr(AioprocProcess) process = NULL;
  g_autoptr(AioprocMessage) message = NULL;
  g_autoptr(GVariant) items = NULL;
  g_autoptr(GVariant) state = NULL;
  g_autoptr(GError) error = NULL;
  g_autoptr(AioprocSharedList) list = NULL;
  g_autofree char *text = NULL;

  aioproc_init (functions, G_N_ELEMENTS (functions));

  list = aioproc_shared_list_new (g_variant_new ("(sid)", "idle", 0, 0.5), &error);

  if (list == NULL)
    g_error ("%s", error->message);

  message = aioproc_message_new (NULL);

  if (aioproc_message_append_object (message, G_OBJECT (list), &error) < 0)
    g_error ("%s", error->message);

  aioproc_message_set_body (message, g_variant_new ("(h)", 0));
  process = aioproc_process_new_with_message (NULL, "work", message);

  if (!aioproc_process_start (process, NULL, &error) ||
      !aioproc_process_join (process, -1, NULL, &error))
    g_error ("%s", error->message);

  items = aioproc_shared_list_dup_items (list, &error);
  state = aioproc_shared_list_get (list, 0, &error);

  if (items == NULL || state == NULL)
    g_error ("%s", error->message);

  text = g_variant_print (items, FALSE);
  g_print ("%s\n", text);

  return g_str_equal (g_variant_get_string (state, NULL), "done") ? 0 : 1;
}
