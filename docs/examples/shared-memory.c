/* shared-memory.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* A worker doubles numbers where they lie: nothing is copied. */

#include <aioproc.h>

#define N_SAMPLES 1000

static GVariant *
double_them (AioprocCall  *call,
             GError      **error)
{
  g_autoptr(GObject) memory = NULL;
  double *samples;
  gsize size;
  int handle;

  if (!aioproc_call_get_arguments (call, error, "(h)", &handle) ||
      (memory = aioproc_call_dup_object (call, handle, error)) == NULL)
    return NULL;

  samples = aioproc_shared_memory_map (AIOPROC_SHARED_MEMORY (memory), &size);

  for (gsize i = 0; i < size / sizeof (double); i++)
    samples[i] *= 2;

  return g_variant_new ("()");
}

int
main (void)
{
  static const AioprocFunctionEntry functions[] = { { "double-them", double_them } };
  g_autoptr(AioprocProcess) process = NULL;
  g_autoptr(AioprocMessage) message = NULL;
  g_autoptr(AioprocSharedMemory) memory = NULL;
  g_autoptr(GError) error = NULL;
  double *samples;
  int handle;

  aioproc_init (functions, G_N_ELEMENTS (functions));
  memory = aioproc_shared_memory_new (N_SAMPLES * sizeof (double), &error);

  if (memory == NULL)
    g_error ("%s", error->message);

  samples = aioproc_shared_memory_map (memory, NULL);
  samples[0] = 0.5;

  message = aioproc_message_new (NULL);
  handle = aioproc_message_append_object (message, G_OBJECT (memory), &error);

  if (handle < 0)
    g_error ("%s", error->message);

  aioproc_message_set_body (message, g_variant_new ("(h)", handle));
  process = aioproc_process_new_with_message (NULL, "double-them", message);

  if (!aioproc_process_start (process, NULL, &error) ||
      !aioproc_process_join (process, -1, NULL, &error))
    g_error ("%s", error->message);

  g_print ("%g\n", samples[0]);

  return samples[0] == 1 ? 0 : 1;
}
