/* test-shareable.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <unistd.h>

#include "aioproc-event.h"
#include "aioproc-lock.h"
#include "aioproc-test.h"
#include "core-test.h"
#include "core/aioproc-shareable-private.h"
#include "platform/aioproc-fds-private.h"

/* What crosses a socket. */
typedef struct {
  guint32 kind;
  int     fds[AIOPROC_SHAREABLE_MAX_FDS];
  guint   n_fds;
} Parcel;

static AioprocLock *
new_lock (void)
{
  g_autoptr(GError) error = NULL;
  AioprocLock *lock = aioproc_lock_new (&error);

  g_assert_no_error (error);

  return lock;
}

static Parcel
export_object (gpointer object)
{
  g_autoptr(GError) error = NULL;
  Parcel parcel = { 0 };

  g_assert_true (aioproc_shareable_export (object, &parcel.kind, parcel.fds, &parcel.n_fds,
                                           &error));
  g_assert_no_error (error);

  return parcel;
}

static gpointer
import_object (const Parcel *parcel)
{
  g_autoptr(GError) error = NULL;
  AioprocShareable *object = aioproc_shareable_import (parcel->kind, parcel->fds, parcel->n_fds,
                                                       &error);

  g_assert_no_error (error);
  g_assert_nonnull (object);

  return object;
}

static Parcel
copy_parcel (const Parcel *parcel)
{
  Parcel copy = *parcel;

  for (guint i = 0; i < copy.n_fds; i++)
    {
      g_autoptr(GError) error = NULL;

      copy.fds[i] = aioproc_fds_dup (parcel->fds[i], &error);
      g_assert_no_error (error);
    }

  return copy;
}

static void
clear_parcel (Parcel *parcel)
{
  aioproc_fds_close_all (parcel->fds, parcel->n_fds);
}

static void
test_shareable_same (void)
{
  g_autoptr(AioprocLock) lock = new_lock ();
  g_autofree char *id = aioproc_shareable_dup_id (AIOPROC_SHAREABLE (lock));
  guint n_fds = aioproc_test_count_fds ();

  g_test_summary ("An object that comes back is the same object");

  g_assert_cmpuint (strlen (id), ==, 32);

  for (guint i = 0; i < 3; i++)
    {
      Parcel parcel = export_object (lock);
      g_autoptr(AioprocLock) same = import_object (&parcel);

      g_assert_true (same == lock);
    }

  g_assert_cmpuint (aioproc_test_count_fds (), ==, n_fds);
  g_assert_finalize_object (g_steal_pointer (&lock));
}

static void
test_shareable_anew (void)
{
  AioprocLock *lock = new_lock ();
  g_autofree char *id = aioproc_shareable_dup_id (AIOPROC_SHAREABLE (lock));
  Parcel parcel = export_object (lock);
  guint n_fds;

  g_test_summary ("An object that comes back when it was let go is another, for the same memory");

  g_assert_true (aioproc_lock_try_acquire (lock, NULL));
  g_assert_finalize_object (lock);
  n_fds = aioproc_test_count_fds ();

  for (guint i = 0; i < 3; i++)
    {
      Parcel copy = copy_parcel (&parcel);
      g_autoptr(AioprocLock) other = import_object (&copy);
      g_autofree char *other_id = aioproc_shareable_dup_id (AIOPROC_SHAREABLE (other));

      g_assert_cmpstr (other_id, ==, id);
      g_assert_true (aioproc_lock_try_acquire (other, NULL));
      g_assert_finalize_object (g_steal_pointer (&other));
    }

  g_assert_cmpuint (aioproc_test_count_fds (), ==, n_fds);
  clear_parcel (&parcel);
}

static void
test_shareable_disposed (void)
{
  g_autoptr(AioprocLock) lock = new_lock ();
  g_autoptr(AioprocLock) other = NULL;
  g_autoptr(GError) error = NULL;
  Parcel parcel = export_object (lock);

  g_test_summary ("An object that comes back when it was disposed of is another, which works");

  g_object_run_dispose (G_OBJECT (lock));
  g_assert_false (aioproc_lock_try_acquire (lock, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CLOSED);
  g_clear_error (&error);

  other = import_object (&parcel);
  g_assert_true (other != lock);
  g_assert_true (aioproc_lock_try_acquire (other, &error));
  g_assert_no_error (error);

  /* Which does not own what the other one has acquired. */
  g_assert_finalize_object (g_steal_pointer (&lock));
  g_assert_true (aioproc_lock_is_locked (other));
  g_assert_true (aioproc_lock_release (other, &error));
  g_assert_no_error (error);

  parcel = export_object (other);
  lock = import_object (&parcel);
  g_assert_true (lock == other);
}

static void
test_shareable_not_initialized (void)
{
  g_autoptr(AioprocLock) lock = aioproc_test_new_uninitialized (AIOPROC_TYPE_LOCK);
  g_autoptr(GError) error = NULL;
  Parcel parcel;

  g_test_summary ("An object that could not be initialised cannot be sent");

  g_assert_null (aioproc_shareable_dup_id (AIOPROC_SHAREABLE (lock)));
  g_assert_false (aioproc_shareable_export (AIOPROC_SHAREABLE (lock), &parcel.kind, parcel.fds,
                                            &parcel.n_fds, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_INITIALIZED);
  g_assert_cmpuint (parcel.n_fds, ==, 0);
}

static void
test_shareable_wrong (void)
{
  g_autoptr(AioprocLock) lock = new_lock ();
  guint n_fds = aioproc_test_count_fds ();

  g_test_summary ("What is not what it is said to be is refused, and closed");

  for (guint i = 0; i < 6; i++)
    {
      g_autoptr(GError) error = NULL;
      Parcel parcel = export_object (lock);

      switch (i)
        {
        case 0:
          parcel.kind = 0;
          break;

        case 1:
          parcel.kind = 1000;
          break;

        case 2:
          parcel.kind = AIOPROC_SHM_EVENT;
          break;

        case 3:
          close (parcel.fds[--parcel.n_fds]);
          break;

        case 4:
          {
            int fd = parcel.fds[0];

            parcel.fds[0] = parcel.fds[1];
            parcel.fds[1] = fd;
          }
          break;

        case 5:
        default:
          clear_parcel (&parcel);
          parcel.n_fds = 0;
          break;
        }

      g_assert_null (aioproc_shareable_import (parcel.kind, parcel.fds, parcel.n_fds, &error));
      g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA);
      g_test_message ("%s", error->message);
    }

  g_assert_cmpuint (aioproc_test_count_fds (), ==, n_fds);
}

#define N_THREADS 8
#define N_ROUNDS  200

typedef struct {
  Parcel          parcel;
  _Atomic guint32 round;
  AioprocLock    *objects[N_THREADS];
} ImportRun;

typedef struct {
  ImportRun *run;
  guint      index;
} ImportThread;

static gpointer
import_run (gpointer data)
{
  ImportThread *thread = data;
  Parcel copy = copy_parcel (&thread->run->parcel);

  core_test_wait_for (&thread->run->round, 1);
  thread->run->objects[thread->index] = import_object (&copy);

  return NULL;
}

static void
test_shareable_concurrent (void)
{
  AioprocLock *lock = new_lock ();
  Parcel parcel = export_object (lock);

  g_test_summary ("Threads that receive the same object at the same time get the same one");

  g_assert_finalize_object (lock);

  for (guint round = 0; round < N_ROUNDS; round++)
    {
      ImportRun run = { .parcel = parcel };
      ImportThread contexts[N_THREADS];
      GThread *threads[N_THREADS];

      for (guint i = 0; i < N_THREADS; i++)
        {
          contexts[i] = (ImportThread) { &run, i };
          threads[i] = g_thread_new ("import", import_run, &contexts[i]);
        }

      core_test_store (&run.round, 1);

      for (guint i = 0; i < N_THREADS; i++)
        g_thread_join (threads[i]);

      for (guint i = 0; i < N_THREADS; i++)
        {
          g_assert_true (run.objects[i] == run.objects[0]);

          if (i > 0)
            g_object_unref (run.objects[i]);
        }

      g_assert_finalize_object (run.objects[0]);
    }

  clear_parcel (&parcel);
}

/* Receives, uses and lets go, so that imports meet the ends of objects. */
static gpointer
churn_run (gpointer data)
{
  ImportRun *run = data;

  for (guint i = 0; i < N_ROUNDS; i++)
    {
      Parcel copy = copy_parcel (&run->parcel);
      g_autoptr(AioprocLock) lock = import_object (&copy);
      g_autoptr(GError) error = NULL;

      g_assert_true (aioproc_lock_acquire (lock, -1, NULL, &error));
      g_assert_no_error (error);
      /* Nobody else holds it: also not one that is just finalized. */
      g_assert_cmpuint (atomic_fetch_add (&run->round, 1), ==, 0);
      g_thread_yield ();
      g_assert_cmpuint (atomic_fetch_sub (&run->round, 1), ==, 1);
      g_assert_true (aioproc_lock_release (lock, &error));
      g_assert_no_error (error);
    }

  return NULL;
}

static void
test_shareable_churn (void)
{
  AioprocLock *lock = new_lock ();
  ImportRun run = { .parcel = export_object (lock) };
  GThread *threads[4];
  guint n_fds;

  g_test_summary ("An object that is received while it is let go works, and excludes");

  g_assert_finalize_object (lock);
  n_fds = aioproc_test_count_fds ();

  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = g_thread_new ("churn", churn_run, &run);

  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    g_thread_join (threads[i]);

  g_assert_cmpuint (aioproc_test_count_fds (), ==, n_fds);
  clear_parcel (&run.parcel);
}

static void
test_shareable_kinds (void)
{
  g_autoptr(AioprocEvent) event = NULL;
  g_autoptr(AioprocLock) lock = NULL;
  g_autoptr(GError) error = NULL;
  Parcel parcel;

  g_test_summary ("Each kind of object comes back as what it is, with its name");

  event = g_initable_new (AIOPROC_TYPE_EVENT, NULL, &error, "name", "ready", NULL);
  g_assert_no_error (error);
  parcel = export_object (event);
  g_assert_finalize_object (g_steal_pointer (&event));
  event = AIOPROC_EVENT (import_object (&parcel));
  g_assert_cmpstr (aioproc_event_get_name (event), ==, "ready");

  lock = g_initable_new (AIOPROC_TYPE_LOCK, NULL, &error, "name", "jobs", "strict", TRUE, NULL);
  g_assert_no_error (error);
  parcel = export_object (lock);
  g_assert_finalize_object (g_steal_pointer (&lock));
  lock = AIOPROC_LOCK (import_object (&parcel));
  g_assert_cmpstr (aioproc_lock_get_name (lock), ==, "jobs");
  g_assert_false (aioproc_lock_get_strict (lock));
}

int
main (int   argc,
      char *argv[])
{
  core_test_init (&argc, &argv);

  aioproc_test_add_func ("/aioproc/shareable/same", test_shareable_same);
  aioproc_test_add_func ("/aioproc/shareable/anew", test_shareable_anew);
  aioproc_test_add_func ("/aioproc/shareable/disposed", test_shareable_disposed);
  aioproc_test_add_func ("/aioproc/shareable/not-initialized", test_shareable_not_initialized);
  aioproc_test_add_func ("/aioproc/shareable/wrong", test_shareable_wrong);
  aioproc_test_add_func ("/aioproc/shareable/concurrent", test_shareable_concurrent);
  aioproc_test_add_func ("/aioproc/shareable/churn", test_shareable_churn);
  aioproc_test_add_func ("/aioproc/shareable/kinds", test_shareable_kinds);

  return g_test_run ();
}
