/* test-suite.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* A test program, as a project that uses Aioproc has it, whose workers are the program itself. */

#include <aioproc.h>

static int n_warnings;   /* (atomic) of workers */

static GVariant *
add (AioprocCall  *call,
     GError      **error)
{
  int a, b;

  if (!aioproc_call_get_arguments (call, error, "(ii)", &a, &b))
    return NULL;

  /* Neither of these lines disturbs the test. */
  g_print ("ok 99 this is not a line of the test\n");
  g_warning ("Adding %d and %d", a, b);
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

static GLogWriterOutput
writer (GLogLevelFlags   level,
        const GLogField *fields,
        gsize            n_fields,
        gpointer         user_data)
{
  for (gsize i = 0; i < n_fields; i++)
    {
      if (level == G_LOG_LEVEL_WARNING && g_str_equal (fields[i].key, "AIOPROC_WORKER_NAME"))
        g_atomic_int_inc (&n_warnings);
    }

  return g_log_writer_default (level, fields, n_fields, user_data);
}

static GVariant *
run (const char  *function,
     GVariant    *arguments,
     GError     **error)
{
  g_autoptr(AioprocProcess) process = aioproc_process_new (NULL, function, arguments);

  if (!aioproc_process_start (process, NULL, error) ||
      !aioproc_process_join (process, 60 * G_TIME_SPAN_SECOND, NULL, error))
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
  g_assert_cmpint (g_atomic_int_get (&n_warnings), ==, 1);
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
  g_log_set_writer_func (writer, NULL, NULL);
  g_test_add_func ("/sums/add", test_add);
  g_test_add_func ("/sums/crash", test_crash);
  return g_test_run ();
}
