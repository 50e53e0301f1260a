/* test-suite.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* A test program, as a project that uses Aioproc has it, whose workers are the program itself. */

#include <aioproc.h>

static GVariant *
add (AioprocCall  *call,
     GError      **error)
{
  int a, b;

  if (!aioproc_call_get_arguments (call, error, "(ii)", &a, &b))
    return NULL;

  /* Neither of these lines disturbs the test. */
  g_print ("ok 99 this is not a line of the test\n");
  g_message ("Adding %d and %d", a, b);
  return g_variant_new ("(i)", a + b);
}

static GVariant *
crash (AioprocCall  *call,
       GError      **error)
{
  g_error ("Some crash");
  return NULL;
}

static const AioprocFunctionEntry functions[] = { { "add", add }, { "crash", crash } };

static void
store_result_cb (GObject      *source,
                 GAsyncResult *result,
                 gpointer      user_data)
{
  *(GAsyncResult **) user_data = g_object_ref (result);
}

/* Runs a function to its end, as a program with a main loop does. */
static GVariant *
run (const char  *function,
     GVariant    *arguments,
     GError     **error)
{
  g_autoptr(AioprocProcess) process = aioproc_process_new (NULL, function, arguments);
  g_autoptr(GAsyncResult) started = NULL;
  g_autoptr(GAsyncResult) joined = NULL;

  aioproc_process_start_async (process, NULL, store_result_cb, &started);
  while (started == NULL)
    g_main_context_iteration (NULL, TRUE);
  if (!aioproc_process_start_finish (process, started, error))
    return NULL;

  aioproc_process_join_async (process, -1, NULL, store_result_cb, &joined);
  while (joined == NULL)
    g_main_context_iteration (NULL, TRUE);
  if (!aioproc_process_join_finish (process, joined, error))
    return NULL;

  return aioproc_process_dup_result (process, error);
}

static void
test_add (void)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(GVariant) value = run ("add", g_variant_new ("(ii)", 2, 3), &error);

  g_assert_no_error (error);
  g_assert_cmpstr (g_variant_get_type_string (value), ==, "(i)");
}

static void
test_crash (void)
{
  g_autoptr(GError) error = NULL;

  g_assert_null (run ("crash", NULL, &error));
  g_assert_error (error, AIOPROC_ERROR, AIOPROC_ERROR_WORKER_DIED);
}

int
main (int   argc,
      char *argv[])
{
  aioproc_init (functions, G_N_ELEMENTS (functions));   /* before g_test_init() */
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/sums/add", test_add);
  g_test_add_func ("/sums/crash", test_crash);
  return g_test_run ();
}
