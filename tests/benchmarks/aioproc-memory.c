/* aioproc-memory.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <string.h>
#include <unistd.h>

#include "aioproc-other.h"

/* Milliseconds until another process has looked at every page of a large payload. */

#define SIZE ((gsize) 256 * 1024 * 1024)

static guint8 *payload;
static guint64 sum;

/* Keeps the reads. */
static void
look (AioprocSharedMemory *memory)
{
  gsize size;
  const guint8 *data = aioproc_shared_memory_map (memory, &size);

  for (gsize i = 0; i < size; i += 4096)
    sum += data[i];

  bench_check (size == SIZE, "The payload is of another size");
}

static GVariant *
receive (AioprocCall  *call,
         GError      **error)
{
  AioprocSharedMemory *memory;
  gpointer none;

  bench_other_enter (call, (gpointer *) &memory, &none);
  look (memory);
  g_object_unref (memory);

  return g_variant_new ("(t)", sum);
}

static void
begin (void)
{
  bench_other_begin ();
  payload = g_malloc (SIZE);
  memset (payload, 1, SIZE);

  /* What starts processes is there. */
  {
    g_autoptr(AioprocSharedMemory) memory = aioproc_shared_memory_new (SIZE, NULL);

    bench_other_join (bench_other_start ("receive", memory, NULL));
  }
}

/* --- memory-in-place: built where it is handed over --- */

static double
in_place (void)
{
  gint64 began = bench_now_nsec ();
  g_autoptr(GError) error = NULL;
  g_autoptr(AioprocSharedMemory) memory = aioproc_shared_memory_new (SIZE, &error);

  bench_check_error (memory != NULL, error);
  memset (aioproc_shared_memory_map (memory, NULL), 1, SIZE);
  bench_other_join (bench_other_start ("receive", memory, NULL));

  return (bench_now_nsec () - began) / 1e6;
}

/* --- memory-copy: copied into new memory --- */

static double
copied (void)
{
  gint64 began = bench_now_nsec ();
  g_autoptr(GBytes) bytes = g_bytes_new_static (payload, SIZE);
  g_autoptr(GError) error = NULL;
  g_autoptr(AioprocSharedMemory) memory = aioproc_shared_memory_new_from_bytes (bytes, &error);

  bench_check_error (memory != NULL, error);
  bench_other_join (bench_other_start ("receive", memory, NULL));

  return (bench_now_nsec () - began) / 1e6;
}

/* --- memory-again: copied into memory that both have --- */

static AioprocSharedMemory *kept;
static AioprocValue *turns;   /* how many payloads are there; the other one counts down */

static void
wait_for (gint64 *turn,
          gint64  expected)
{
  while (__atomic_load_n (turn, __ATOMIC_ACQUIRE) != expected)
    g_thread_yield ();
}

static GVariant *
receive_again (AioprocCall  *call,
               GError      **error)
{
  AioprocSharedMemory *memory;
  AioprocValue *value;
  gint64 *turn;

  bench_other_enter (call, (gpointer *) &memory, (gpointer *) &value);
  turn = aioproc_value_get_data (value);

  for (;;)
    {
      while (__atomic_load_n (turn, __ATOMIC_ACQUIRE) == 0)
        g_thread_yield ();

      if (__atomic_load_n (turn, __ATOMIC_ACQUIRE) < 0)
        return g_variant_new ("(t)", sum);

      look (memory);
      __atomic_store_n (turn, 0, __ATOMIC_RELEASE);
    }
}

static AioprocProcess *receiver;

static void
again_begin (void)
{
  g_autoptr(GError) error = NULL;

  begin ();
  kept = aioproc_shared_memory_new (SIZE, &error);
  bench_check_error (kept != NULL, error);
  turns = aioproc_value_new (g_variant_new_int64 (0), &error);
  bench_check_error (turns != NULL, error);
  receiver = bench_other_start ("receive-again", kept, turns);
}

static double
again (void)
{
  gint64 *turn = aioproc_value_get_data (turns);
  gint64 began = bench_now_nsec ();
  g_autoptr(GBytes) bytes = g_bytes_new_static (payload, SIZE);
  g_autoptr(GError) error = NULL;

  bench_check_error (aioproc_shared_memory_write_bytes (kept, 0, bytes, &error), error);
  __atomic_store_n (turn, 1, __ATOMIC_RELEASE);
  wait_for (turn, 0);

  return (bench_now_nsec () - began) / 1e6;
}

static void
again_end (void)
{
  __atomic_store_n ((gint64 *) aioproc_value_get_data (turns), -1, __ATOMIC_RELEASE);
  bench_other_join (receiver);
  g_clear_object (&kept);
  g_clear_object (&turns);
}

static const BenchCase cases[] = {
  { "memory-in-place", begin, in_place, NULL },
  { "memory-copy", begin, copied, NULL },
  { "memory-again", again_begin, again, again_end },
  { NULL, NULL, NULL, NULL },
};

static const AioprocFunctionEntry functions[] = {
  { "receive", receive },
  { "receive-again", receive_again },
};

int
main (int   argc,
      char *argv[])
{
  aioproc_init (functions, G_N_ELEMENTS (functions));

  return bench_main (argc, argv, cases);
}
