/* test-wait.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* The wait for the first of many: what holds for each kind, in both forms. */

#include <aioproc.h>

#include "aioproc-test.h"
#include "process-functions.h"
#include "wait-kinds.h"

#define N_ROUNDS 20

typedef struct {
  const WaitKind *kind;
  WaitForm        form;
} Case;

/* Of what is costly to make. */
static guint
get_n_rounds (const Case *self)
{
  return self->kind->take == NULL ? 3 : N_ROUNDS;
}

static void
test_wait_at_once (gconstpointer data)
{
  const Case *self = data;
  WaitSubject subject;

  g_test_summary ("What is ready is found at once, as often as one asks, and nothing is taken");

  wait_subject_make (&subject, self->kind);
  g_assert_false (aioproc_waitable_is_ready (subject.waitable));
  self->kind->signal (&subject);
  wait_assert_found (self->form, subject.waitable, -1);
  g_assert_true (aioproc_waitable_is_ready (subject.waitable));
  wait_assert_found (self->form, subject.waitable, 0);
  wait_assert_found (self->form, subject.waitable, G_MAXINT64);

  if (self->kind->take != NULL)
    {
      self->kind->take (&subject);
      g_assert_false (aioproc_waitable_is_ready (subject.waitable));
      wait_assert_fails (self->form, subject.waitable, 0, NULL, G_IO_ERROR_TIMED_OUT);
    }

  self->kind->end (&subject);
  wait_assert_found (self->form, subject.waitable, -1);
  wait_subject_clear (&subject);
}

static void
test_wait_timeout (gconstpointer data)
{
  const Case *self = data;
  gint64 began_usec = g_get_monotonic_time ();
  WaitSubject subject;

  g_test_summary ("A wait ends in time, and not before");

  wait_subject_make (&subject, self->kind);
  wait_assert_fails (self->form, subject.waitable, 0, NULL, G_IO_ERROR_TIMED_OUT);
  wait_assert_fails (self->form, subject.waitable, 1, NULL, G_IO_ERROR_TIMED_OUT);
  wait_assert_fails (self->form, subject.waitable, 20000, NULL, G_IO_ERROR_TIMED_OUT);
  g_assert_cmpint (g_get_monotonic_time () - began_usec, >=, 20000);

  self->kind->end (&subject);
  wait_assert_found (self->form, subject.waitable, -1);
  wait_subject_clear (&subject);
}

static void
cancel (gpointer data)
{
  g_cancellable_cancel (data);
}

static void
test_wait_cancelled (gconstpointer data)
{
  const Case *self = data;
  WaitSubject subject;

  g_test_summary ("A wait can be cancelled before and while it waits");

  wait_subject_make (&subject, self->kind);

  for (guint i = 0; i < N_ROUNDS; i++)
    {
      g_autoptr(GCancellable) cancellable = g_cancellable_new ();
      GThread *thread = wait_run_soon (cancel, cancellable);

      wait_assert_fails (self->form, subject.waitable, -1, cancellable, G_IO_ERROR_CANCELLED);
      wait_assert_fails (self->form, subject.waitable, -1, cancellable, G_IO_ERROR_CANCELLED);
      g_thread_join (thread);
    }

  self->kind->end (&subject);
  wait_assert_found (self->form, subject.waitable, -1);
  wait_subject_clear (&subject);
}

typedef struct {
  WaitSubject  subject;
  void       (*func) (WaitSubject *subject);
} Later;

static void
do_later (gpointer data)
{
  Later *later = data;

  later->func (&later->subject);
}

static void
test_wait_later (gconstpointer data)
{
  const Case *self = data;
  Later later = { .func = self->kind->signal };

  g_test_summary ("What becomes ready meanwhile ends the wait, again and again");

  wait_subject_make (&later.subject, self->kind);

  for (guint i = 0; i < get_n_rounds (self); i++)
    {
      GThread *thread = wait_run_soon (do_later, &later);

      wait_assert_found (self->form, later.subject.waitable, -1);
      g_thread_join (thread);

      if (self->kind->take != NULL)
        {
          self->kind->take (&later.subject);
          continue;
        }

      wait_subject_clear (&later.subject);
      wait_subject_make (&later.subject, self->kind);
    }

  self->kind->end (&later.subject);
  wait_assert_found (self->form, later.subject.waitable, -1);
  wait_subject_clear (&later.subject);
}

static void
test_wait_ended (gconstpointer data)
{
  const Case *self = data;
  Later later = { .func = self->kind->end };

  g_test_summary ("What comes to its end meanwhile ends the wait");

  for (guint i = 0; i < get_n_rounds (self); i++)
    {
      GThread *thread;

      wait_subject_make (&later.subject, self->kind);
      thread = wait_run_soon (do_later, &later);
      wait_assert_found (self->form, later.subject.waitable, -1);
      g_thread_join (thread);
      wait_assert_found (self->form, later.subject.waitable, 0);
      wait_subject_clear (&later.subject);
    }
}

typedef struct {
  const Case      *self;
  AioprocWaitable *waitable;
} Waiter;

static gpointer
waiter_thread (gpointer data)
{
  Waiter *waiter = data;
  g_autoptr(GMainContext) context = g_main_context_new ();

  g_main_context_push_thread_default (context);
  wait_assert_found (waiter->self->form, waiter->waitable, -1);
  g_main_context_pop_thread_default (context);

  return NULL;
}

static void
test_wait_many_threads (gconstpointer data)
{
  const Case *self = data;
  Later later = { .func = self->kind->signal };
  GThread *threads[8];

  g_test_summary ("One change ends the waits of all threads that wait for it");

  wait_subject_make (&later.subject, self->kind);

  for (guint i = 0; i < get_n_rounds (self); i++)
    {
      Waiter waiter = { self, later.subject.waitable };
      GThread *thread;

      for (guint j = 0; j < G_N_ELEMENTS (threads); j++)
        threads[j] = g_thread_new ("waiter", waiter_thread, &waiter);

      thread = wait_run_soon (do_later, &later);

      for (guint j = 0; j < G_N_ELEMENTS (threads); j++)
        g_thread_join (threads[j]);

      g_thread_join (thread);

      if (self->kind->take == NULL)
        break;

      self->kind->take (&later.subject);
    }

  self->kind->end (&later.subject);
  wait_subject_clear (&later.subject);
}

static void
test_wait_mixed (gconstpointer data)
{
  WaitForm form = ((const Case *) data)->form;
  g_autofree WaitSubject *subjects = g_new0 (WaitSubject, n_wait_kinds);
  g_autofree AioprocWaitable **waitables = g_new0 (AioprocWaitable *, n_wait_kinds);

  g_test_summary ("Of a mix all that are ready are found, in their order");

  for (guint i = 0; i < n_wait_kinds; i++)
    {
      wait_subject_make (&subjects[i], &wait_kinds[i]);
      waitables[i] = subjects[i].waitable;
    }

  /* From the last to the first: more and more of them. */
  for (guint i = n_wait_kinds; i > 0; i--)
    {
      g_autoptr(GPtrArray) found = NULL;
      g_autoptr(GError) error = NULL;

      wait_kinds[i - 1].signal (&subjects[i - 1]);

      do
        {
          g_clear_pointer (&found, g_ptr_array_unref);
          found = form (waitables, n_wait_kinds, -1, NULL, &error);
          g_assert_no_error (error);
          g_assert_cmpuint (found->len, >, 0);
        }
      while (g_ptr_array_index (found, 0) != waitables[i - 1]);

      g_assert_cmpuint (found->len, ==, n_wait_kinds - i + 1);

      for (guint j = 0; j < found->len; j++)
        g_assert_true (g_ptr_array_index (found, j) == waitables[i - 1 + j]);
    }

  for (guint i = 0; i < n_wait_kinds; i++)
    wait_subject_clear (&subjects[i]);
}

static void
test_wait_nothing (gconstpointer data)
{
  WaitForm form = ((const Case *) data)->form;
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  g_autoptr(GError) error = NULL;

  g_test_summary ("A wait for nothing would not end, and fails");

  g_assert_null (form (NULL, 0, -1, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT);
  g_clear_error (&error);
  g_assert_null (form (NULL, 0, 0, cancellable, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT);
}

static void
add (const Case    *self,
     const char    *form,
     const char    *name,
     GTestDataFunc  func)
{
  g_autofree char *path = NULL;

  path = g_strdup_printf ("/aioproc/wait/%s/%s%s%s", form, name, self->kind != NULL ? "/" : "",
                          self->kind != NULL ? self->kind->name : "");
  aioproc_test_add_data_func_full (path, g_memdup2 (self, sizeof (*self)), func, g_free);
}

int
main (int   argc,
      char *argv[])
{
  const struct {
    const char *name;
    WaitForm    form;
  } forms[] = { { "blocking", wait_form_blocking }, { "async", wait_form_async } };

  test_functions_init ();
  aioproc_test_init (&argc, &argv);

  for (guint i = 0; i < G_N_ELEMENTS (forms); i++)
    {
      Case self = { .form = forms[i].form };

      for (guint j = 0; j < n_wait_kinds; j++)
        {
          self.kind = &wait_kinds[j];
          add (&self, forms[i].name, "at-once", test_wait_at_once);
          add (&self, forms[i].name, "timeout", test_wait_timeout);
          add (&self, forms[i].name, "cancelled", test_wait_cancelled);
          add (&self, forms[i].name, "later", test_wait_later);
          add (&self, forms[i].name, "ended", test_wait_ended);
          add (&self, forms[i].name, "many-threads", test_wait_many_threads);
        }

      self.kind = NULL;
      add (&self, forms[i].name, "mixed", test_wait_mixed);
      add (&self, forms[i].name, "nothing", test_wait_nothing);
    }

  return g_test_run ();
}
