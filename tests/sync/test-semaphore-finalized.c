/* test-semaphore-finalized.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <aioproc.h>

#include "aioproc-test.h"
#include "core/core-test.h"
#include "platform/platform-test.h"
#include "sync-test.h"

/* What becomes of the units that a process holds when it lets go of the last reference to the
 * object.
 */

static AioprocSemaphore *
new_semaphore (guint n_units)
{
  g_autoptr(GError) error = NULL;
  AioprocSemaphore *semaphore = aioproc_semaphore_new (n_units, &error);

  g_assert_no_error (error);

  return semaphore;
}

static void
acquire (AioprocSemaphore *semaphore)
{
  g_autoptr(GError) error = NULL;

  g_assert_true (aioproc_semaphore_acquire (semaphore, -1, NULL, &error));
  g_assert_no_error (error);
}

static void
assert_units (AioprocSemaphore *semaphore,
              guint             n_free,
              guint             n_held)
{
  g_assert_cmpuint (aioproc_semaphore_get_value (semaphore), ==, n_free);
  g_assert_cmpuint (aioproc_semaphore_get_held (semaphore), ==, n_held);
}

static void
test_semaphore_finalized_held (gconstpointer data)
{
  guint n_held = GPOINTER_TO_UINT (data);
  AioprocSemaphore *semaphore = new_semaphore (3);
  SyncParcel parcel = sync_test_export (semaphore);

  g_test_summary ("An object that is finalized gives back what its process holds, and no more");

  for (guint i = 0; i < 3; i++)
    {
      for (guint j = 0; j < n_held; j++)
        acquire (semaphore);

      assert_units (semaphore, 3 - n_held, n_held);
      g_assert_finalize_object (semaphore);
      semaphore = sync_test_import (&parcel);
      assert_units (semaphore, 3, 0);
    }

  /* Those that are posted and consumed stay so. */
  g_assert_true (aioproc_semaphore_post (semaphore, NULL));
  acquire (semaphore);
  acquire (semaphore);
  g_assert_true (aioproc_semaphore_consume (semaphore, NULL));
  g_assert_true (aioproc_semaphore_consume (semaphore, NULL));

  for (guint j = 0; j < MIN (n_held, 2); j++)
    acquire (semaphore);

  g_assert_finalize_object (semaphore);
  semaphore = sync_test_import (&parcel);
  assert_units (semaphore, 2, 0);

  g_assert_finalize_object (semaphore);
  sync_test_parcel_clear (&parcel);
}

typedef struct {
  AioprocSemaphore *semaphore;
  _Atomic guint32  *begun;
} Waiter;

static int
waiter_run (gpointer user_data)
{
  Waiter *self = user_data;

  core_test_attach (core_test_get_family ());
  core_test_store (self->begun, 1);
  acquire (self->semaphore);

  return 0;
}

static void
test_semaphore_finalized_waiter (void)
{
  Waiter waiter = { new_semaphore (1), platform_test_map_shared (sizeof *waiter.begun) };
  pid_t pid;

  g_test_summary ("A unit that is given back so goes to another process that waits for it");

  acquire (waiter.semaphore);
  pid = platform_test_fork (waiter_run, &waiter);
  core_test_wait_for (waiter.begun, 1);
  core_test_wait_for_sleep (pid);
  g_assert_finalize_object (waiter.semaphore);
  platform_test_wait_success (pid);
  platform_test_unmap ((gpointer) waiter.begun, sizeof *waiter.begun);
}

typedef struct {
  SyncParcel        parcel;
  AioprocSemaphore *heir;
} Inheritance;

/* Nobody can get the old object any more, and it has not let go of its units yet. */
static void
import_heir (gpointer  data,
             GObject  *where_the_object_was)
{
  Inheritance *self = data;

  self->heir = sync_test_import (&self->parcel);
  g_assert_true ((GObject *) self->heir != where_the_object_was);
}

static void
test_semaphore_finalized_heir (void)
{
  AioprocSemaphore *semaphore = new_semaphore (2);
  Inheritance inheritance = { sync_test_export (semaphore), NULL };
  g_autoptr(GError) error = NULL;

  g_test_summary ("Units stay held if the object has come again before it was finalized");

  acquire (semaphore);
  g_object_weak_ref (G_OBJECT (semaphore), import_heir, &inheritance);
  g_object_unref (semaphore);

  assert_units (inheritance.heir, 1, 1);
  g_assert_true (aioproc_semaphore_release (inheritance.heir, &error));
  g_assert_no_error (error);
  assert_units (inheritance.heir, 2, 0);
  acquire (inheritance.heir);
  g_assert_finalize_object (inheritance.heir);

  semaphore = sync_test_import (&inheritance.parcel);
  assert_units (semaphore, 2, 0);
  g_assert_finalize_object (semaphore);
  sync_test_parcel_clear (&inheritance.parcel);
}

int
main (int   argc,
      char *argv[])
{
  core_test_init (&argc, &argv);

  aioproc_test_add_data_func ("/aioproc/semaphore-finalized/held", GUINT_TO_POINTER (2),
                              test_semaphore_finalized_held);
  aioproc_test_add_data_func ("/aioproc/semaphore-finalized/not-held", GUINT_TO_POINTER (0),
                              test_semaphore_finalized_held);
  aioproc_test_add_func ("/aioproc/semaphore-finalized/waiter", test_semaphore_finalized_waiter);
  aioproc_test_add_func ("/aioproc/semaphore-finalized/heir", test_semaphore_finalized_heir);

  return g_test_run ();
}
