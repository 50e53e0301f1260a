/* array.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* Workers take one number after another, and write its square to its place in an array. */

#include <aioproc.h>

#define N_NUMBERS 100
#define N_WORKERS 2

static GVariant *
square_some (AioprocCall  *call,
             GError      **error)
{
  g_autoptr(GObject) array = NULL;
  g_autoptr(GObject) value = NULL;
  AioprocValue *counter;
  gint64 *numbers;
  gint64 i;

  if ((value = aioproc_call_dup_object (call, 0, error)) == NULL ||
      (array = aioproc_call_dup_object (call, 1, error)) == NULL)
    return NULL;

  counter = AIOPROC_VALUE (value);
  numbers = aioproc_array_get_data (AIOPROC_ARRAY (array));

  /* Each number is somebody's, and nobody waits for that. */
  while (aioproc_value_add (counter, 1, &i, error) && i < N_NUMBERS)
    numbers[i] = i * i;

  return i >= N_NUMBERS ? g_variant_new ("()") : NULL;
}

int
main (void)
{
  static const AioprocFunctionEntry functions[] = { { "square-some", square_some } };
  AioprocProcess *processes[N_WORKERS];
  g_autoptr(AioprocMessage) message = NULL;
  g_autoptr(GError) error = NULL;
  g_autoptr(AioprocValue) counter = NULL;
  g_autoptr(AioprocArray) squares = NULL;
  const gint64 *numbers;

  aioproc_init (functions, G_N_ELEMENTS (functions));

  counter = aioproc_value_new (g_variant_new_int64 (0), &error);

  if (counter == NULL)
    g_error ("%s", error->message);

  squares = aioproc_array_new ("x", N_NUMBERS, &error);

  if (squares == NULL)
    g_error ("%s", error->message);

  message = aioproc_message_new (NULL);

  if (aioproc_message_append_object (message, G_OBJECT (counter), &error) < 0 ||
      aioproc_message_append_object (message, G_OBJECT (squares), &error) < 0)
    g_error ("%s", error->message);

  aioproc_message_set_body (message, g_variant_new ("(hh)", 0, 1));

  for (int i = 0; i < N_WORKERS; i++)
    {
      processes[i] = aioproc_process_new_with_message (NULL, "square-some", message);

      if (!aioproc_process_start (processes[i], NULL, &error))
        g_error ("%s", error->message);
    }

  for (int i = 0; i < N_WORKERS; i++)
    {
      if (!aioproc_process_join (processes[i], -1, NULL, &error))
        g_error ("%s", error->message);

      g_object_unref (processes[i]);
    }

  numbers = aioproc_array_get_data (squares);
  g_print ("%d squared is %" G_GINT64_FORMAT "\n", N_NUMBERS - 1, numbers[N_NUMBERS - 1]);

  return numbers[N_NUMBERS - 1] == (N_NUMBERS - 1) * (N_NUMBERS - 1) ? 0 : 1;
}
