/* aioproc-other.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "aioproc-other.h"

#include <string.h>
#include <unistd.h>

BenchShared *bench_shared;
static int shared_fd = -1;

void
bench_other_begin (void)
{
  bench_shared = bench_share_fd (sizeof *bench_shared, &shared_fd);
}

static int
append_object (AioprocMessage *message,
               gpointer        object)
{
  g_autoptr(GError) error = NULL;
  int handle;

  if (object == NULL)
    return -1;

  handle = aioproc_message_append_object (message, object, &error);
  bench_check_error (handle >= 0, error);

  return handle;
}

AioprocProcess *
bench_other_start (const char *function,
                   gpointer    first,
                   gpointer    second)
{
  g_autoptr(AioprocMessage) message = aioproc_message_new (NULL);
  g_autoptr(GError) error = NULL;
  AioprocProcess *process;
  int shared;
  int handles[2];

  memset (&bench_shared->meeting, 0, sizeof bench_shared->meeting);
  shared = aioproc_message_append_fd (message, shared_fd, &error);
  bench_check_error (shared >= 0, error);
  handles[0] = append_object (message, first);
  handles[1] = append_object (message, second);
  aioproc_message_set_body (message, g_variant_new ("(ihii)", bench_get_other_cpu (), shared,
                                                    handles[0], handles[1]));

  process = aioproc_process_new_with_message (NULL, function, message);
  bench_check_error (aioproc_process_start (process, NULL, &error), error);

  return process;
}

void
bench_other_join (AioprocProcess *process)
{
  g_autoptr(GVariant) result = NULL;
  g_autoptr(GError) error = NULL;

  bench_check_error (aioproc_process_join (process, -1, NULL, &error), error);
  result = aioproc_process_dup_result (process, &error);
  bench_check_error (result != NULL, error);
  g_object_unref (process);
}

static gpointer
dup_object (AioprocCall *call,
            int          handle)
{
  g_autoptr(GError) error = NULL;
  gpointer object;

  if (handle < 0)
    return NULL;

  object = aioproc_call_dup_object (call, handle, &error);
  bench_check_error (object != NULL, error);

  return object;
}

void
bench_other_enter (AioprocCall *call,
                   gpointer    *first,
                   gpointer    *second)
{
  g_autoptr(GError) error = NULL;
  int cpu;
  int shared;
  int handles[2];
  int fd;

  bench_check_error (aioproc_call_get_arguments (call, &error, "(ihii)", &cpu, &shared,
                                                 &handles[0], &handles[1]), error);
  bench_pin (cpu);

  fd = aioproc_call_dup_fd (call, shared, &error);
  bench_check_error (fd >= 0, error);
  bench_shared = bench_map (fd, sizeof *bench_shared);
  close (fd);

  *first = dup_object (call, handles[0]);
  *second = dup_object (call, handles[1]);
}
