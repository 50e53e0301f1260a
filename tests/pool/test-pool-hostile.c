/* test-pool-hostile.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "pool-test.h"

/* Workers that write into the memory that they have in common with the program what no worker of
 * ours does. The places are those of aioproc-pool-bell.c and aioproc-pool-channel.c, after a header
 * of 128 bytes.
 */
#define BELL_END      (128 + 64)
#define CHANNEL_SLOTS (128 + 192)
#define SLOT_SIZE     512
#define N_SLOTS       64
#define RUNNING       3
#define DONE          4
#define SENT          (1u << 8)

/* The memory of this name in this process. */
static gpointer
find_memory (const char *name)
{
  g_autofree char *text = NULL;
  g_auto(GStrv) lines = NULL;

  g_file_get_contents ("/proc/self/maps", &text, NULL, NULL);
  lines = g_strsplit (text, "\n", -1);

  for (guint i = 0; lines[i] != NULL; i++)
    {
      if (strstr (lines[i], "memfd:") != NULL && g_str_has_suffix (lines[i], name))
        return GSIZE_TO_POINTER (g_ascii_strtoull (lines[i], NULL, 16));
    }

  g_error ("There is no memory “%s” in: %s", name, text);
}

/* Of a slot. */
typedef struct {
  _Atomic guint32 stage;
  guint32         kind;
  guint64         between[2];
  _Atomic guint64 began_usec;
} Slot;

/* That of the task that runs. */
static Slot *
find_slot (void)
{
  char *slots = (char *) find_memory ("pool channel (deleted)") + CHANNEL_SLOTS;

  for (guint i = 0; i < N_SLOTS; i++)
    {
      gpointer slot = slots + i * SLOT_SIZE;

      if (atomic_load (&((Slot *) slot)->stage) == RUNNING)
        return slot;
    }

  g_assert_not_reached ();
}

static void
set_first (AioprocCall *call)
{
  g_autoptr(AioprocEvent) first = NULL;
  GError *error = NULL;
  int handles[2];

  aioproc_call_get_arguments (call, &error, "(hh)", &handles[0], &handles[1]);
  g_assert_no_error (error);
  first = AIOPROC_EVENT (aioproc_call_dup_object (call, handles[0], &error));
  g_assert_no_error (error);
  aioproc_event_set (first, &error);
  g_assert_no_error (error);
}

/* Says that it has sent a result, and does not. */
static GVariant *
promise (AioprocCall  *call,
         gpointer      user_data,
         GError      **error)
{
  Slot *slot = find_slot ();

  slot->kind = SENT | 1;
  atomic_store (&slot->stage, DONE);
  set_first (call);

  for (;;)
    pause ();

  return NULL;
}

/* Says that it was begun at a time that will never come. */
static GVariant *
postpone (AioprocCall  *call,
          gpointer      user_data,
          GError      **error)
{
  atomic_store (&find_slot ()->began_usec, G_MAXINT64);
  set_first (call);

  for (;;)
    pause ();

  return NULL;
}

/* Leaves something as its result, and does not say so. */
static GVariant *
be_silent (AioprocCall  *call,
           gpointer      user_data,
           GError      **error)
{
  Slot *slot = find_slot ();

  slot->kind = 1;
  atomic_store (&slot->stage, DONE);

  for (;;)
    pause ();

  return NULL;
}

/* Says that the pool has ended. */
static GVariant *
end_early (AioprocCall  *call,
           gpointer      user_data,
           GError      **error)
{
  gpointer end = (char *) find_memory ("pool (deleted)") + BELL_END;

  atomic_store ((_Atomic guint32 *) end, 1);

  return g_variant_new ("()");
}

/* Lets nothing more out of any of its sockets, and returns what does not fit into a slot. */
static GVariant *
hang_up (AioprocCall  *call,
         gpointer      user_data,
         GError      **error)
{
  for (int fd = 3; fd < 1024; fd++)
    shutdown (fd, SHUT_WR);

  return g_variant_new_take_string (g_strnfill (100000, 'x'));
}

static void
test_promise (void)
{
  AioprocPool *pool = test_pool_new_with ("n-workers", 1, "cancel-grace", G_GINT64_CONSTANT (1000),
                                          NULL);
  g_autoptr(AioprocEvent) second = test_event_new ();
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  GAsyncResult *result = NULL;
  g_autoptr(GVariant) pid = NULL;
  g_autoptr(GError) error = NULL;

  g_test_summary ("A worker that does not send the result that it promised is stopped.");

  test_pool_begin (pool, "promise", second, cancellable, &result);
  g_cancellable_cancel (cancellable);
  error = test_pool_fail (pool, &result);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);

  /* The same, by the limit of time. */
  g_clear_error (&error);
  aioproc_pool_set_task_timeout (pool, 500000);
  test_pool_begin (pool, "promise", second, NULL, &result);
  error = test_pool_fail (pool, &result);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
  aioproc_pool_set_task_timeout (pool, -1);

  pid = test_pool_apply (pool, "pid", NULL);
  g_assert_nonnull (pid);
  test_pool_end (pool);
}

static void
test_postpone (void)
{
  AioprocPool *pool = test_pool_new_with ("n-workers", 1, "cancel-grace", G_GINT64_CONSTANT (1000),
                                          "task-timeout", G_GINT64_CONSTANT (500000), NULL);
  g_autoptr(AioprocEvent) second = test_event_new ();
  GAsyncResult *result = NULL;
  g_autoptr(GError) error = NULL;

  g_test_summary ("A limit of time holds, whatever the worker says about its beginning.");

  test_pool_begin (pool, "postpone", second, NULL, &result);
  error = test_pool_fail (pool, &result);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);

  test_pool_end (pool);
}

static void
test_be_silent (void)
{
  AioprocPool *pool = test_pool_new_with ("n-workers", 1, "cancel-grace", G_GINT64_CONSTANT (1000),
                                          NULL);
  g_autoptr(GVariant) result = NULL;
  g_autoptr(GError) error = NULL;

  g_test_summary ("What a worker has left is found, though it did not ring for it.");

  result = aioproc_pool_apply (pool, "be-silent", NULL, NULL, &error);
  g_assert_null (result);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA);

  aioproc_pool_terminate (pool);
  g_clear_error (&error);
  g_assert_true (aioproc_pool_join (pool, -1, NULL, &error));
  g_assert_no_error (error);
  g_assert_finalize_object (pool);
}

static void
test_end_early (void)
{
  AioprocPool *pool = test_pool_new (1);
  g_autoptr(AioprocEvent) go = test_event_new ();
  g_autoptr(GVariant) result = NULL;
  g_autoptr(AioprocMessage) answer = NULL;
  g_autoptr(GError) error = NULL;
  GAsyncResult *meeting = NULL;

  g_test_summary ("A pool is joined when it has ended, whatever a worker says.");

  result = test_pool_apply (pool, "end-early", NULL);
  g_assert_nonnull (result);
  test_pool_begin (pool, "meet", go, NULL, &meeting);
  aioproc_pool_close (pool);
  g_assert_false (aioproc_pool_join (pool, 0, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
  g_clear_error (&error);

  aioproc_event_set (go, &error);
  g_assert_no_error (error);
  aioproc_test_wait (&meeting);
  answer = aioproc_pool_apply_message_finish (pool, meeting, &error);
  g_assert_no_error (error);
  g_clear_object (&meeting);

  test_pool_end (pool);
}

static void
test_hang_up (void)
{
  AioprocPool *pool = test_pool_new (1);
  g_autoptr(GVariant) result = NULL;
  g_autoptr(GVariant) pid = NULL;
  g_autoptr(GError) error = NULL;

  g_test_summary ("A worker that has closed its connection is replaced.");

  result = aioproc_pool_apply (pool, "hang-up", NULL, NULL, &error);
  g_assert_null (result);
  g_assert_error (error, AIOPROC_ERROR, AIOPROC_ERROR_WORKER_DIED);

  pid = test_pool_apply (pool, "pid", NULL);
  g_assert_nonnull (pid);
  test_pool_end (pool);
}

int
main (int   argc,
      char *argv[])
{
  aioproc_worker_add_function ("promise", promise, NULL, NULL);
  aioproc_worker_add_function ("postpone", postpone, NULL, NULL);
  aioproc_worker_add_function ("be-silent", be_silent, NULL, NULL);
  aioproc_worker_add_function ("end-early", end_early, NULL, NULL);
  aioproc_worker_add_function ("hang-up", hang_up, NULL, NULL);
  test_pool_init ();
  aioproc_test_init (&argc, &argv);

  aioproc_test_add_func ("/aioproc/pool/hostile/be-silent", test_be_silent);
  aioproc_test_add_func ("/aioproc/pool/hostile/end-early", test_end_early);
  aioproc_test_add_func ("/aioproc/pool/hostile/hang-up", test_hang_up);
  aioproc_test_add_func ("/aioproc/pool/hostile/promise", test_promise);
  aioproc_test_add_func ("/aioproc/pool/hostile/postpone", test_postpone);

  return g_test_run ();
}
