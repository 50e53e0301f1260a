/* test-process-log.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <stdlib.h>
#include <string.h>

#include <aioproc.h>

#include "aioproc-test.h"
#include "process-functions.h"

/* What the log writer of this program got from workers. */
typedef struct
{
  GLogLevelFlags  level;
  char           *message;
  char           *domain;
  char           *worker_name;
  char           *priority;
  int             worker_pid;
  gboolean        is_first_old_api;
  guint           n_old_api;
  guint           n_pids;
  gboolean        has_bad_key;
  gboolean        was_fatal;
  GBytes         *binary;
} Record;

static GMutex mutex;
static gboolean is_collecting;   /* protected by @mutex, as is @records */
static GPtrArray *records;

static void
record_free (gpointer data)
{
  Record *record = data;

  g_free (record->message);
  g_free (record->domain);
  g_free (record->worker_name);
  g_free (record->priority);
  g_clear_pointer (&record->binary, g_bytes_unref);
  g_free (record);
}

static Record *
record_new (GLogLevelFlags   level,
            const GLogField *fields,
            gsize            n_fields)
{
  Record *record = g_new0 (Record, 1);

  record->level = level;
  record->is_first_old_api = g_str_equal (fields[0].key, "GLIB_OLD_LOG_API");

  for (gsize i = 0; i < n_fields; i++)
    {
      const char *key = fields[i].key;
      const char *value = fields[i].value;

      if (g_str_equal (key, "MESSAGE"))
        record->message = g_strdup (value);
      else if (g_str_equal (key, "GLIB_DOMAIN"))
        record->domain = g_strdup (value);
      else if (g_str_equal (key, "PRIORITY"))
        record->priority = g_strdup (value);
      else if (g_str_equal (key, "AIOPROC_WORKER_NAME"))
        record->worker_name = g_strdup (value);
      else if (g_str_equal (key, "AIOPROC_WORKER_FATAL"))
        record->was_fatal = TRUE;
      else if (g_str_equal (key, "GLIB_OLD_LOG_API"))
        record->n_old_api++;
      else if (g_str_equal (key, "MY_BINARY"))
        record->binary = g_bytes_new (value, fields[i].length);
      else if (strchr (key, ' ') != NULL)
        record->has_bad_key = TRUE;

      if (g_str_equal (key, "AIOPROC_WORKER_PID"))
        {
          record->worker_pid = atoi (value);
          record->n_pids++;
        }
    }

  return record;
}

static GLogWriterOutput
write_record_cb (GLogLevelFlags   level,
                 const GLogField *fields,
                 gsize            n_fields,
                 gpointer         user_data)
{
  Record *record = record_new (level, fields, n_fields);
  gboolean is_taken;

  g_mutex_lock (&mutex);
  is_taken = is_collecting && record->n_pids > 0;
  if (is_taken)
    g_ptr_array_add (records, record);
  g_mutex_unlock (&mutex);

  if (is_taken)
    return G_LOG_WRITER_HANDLED;

  record_free (record);

  return g_log_writer_default (level, fields, n_fields, user_data);
}

static void
begin_collecting (void)
{
  g_mutex_lock (&mutex);
  is_collecting = TRUE;
  g_ptr_array_set_size (records, 0);
  g_mutex_unlock (&mutex);
}

/* The processes have ended, and with them what they had to say. */
static void
end_collecting (void)
{
  g_mutex_lock (&mutex);
  is_collecting = FALSE;
  g_mutex_unlock (&mutex);
}

static void
test_process_log_forwarded (AioprocStartMethod method)
{
  const struct {
    const char     *function;
    GLogLevelFlags  level;
    const char     *priority;
  } cases[] = {
    { "log", G_LOG_LEVEL_MESSAGE, "5" },
    { "log", G_LOG_LEVEL_WARNING, "4" },
    { "log", G_LOG_LEVEL_CRITICAL, "4" },
    { "log-structured", G_LOG_LEVEL_MESSAGE, NULL },
    { "log-structured", G_LOG_LEVEL_WARNING, NULL },
  };
  g_autoptr(AioprocContext) context = test_context_new (method);

  g_test_summary ("What a worker logs reaches the log writer, with its name and pid");

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr(AioprocProcess) process = NULL;
      const Record *record;
      g_autoptr(GError) error = NULL;

      begin_collecting ();
      process = aioproc_process_new (context, cases[i].function,
                                     g_variant_new ("(us)", cases[i].level, "Ärger: 100 %s\n2"));
      aioproc_process_set_name (process, "Logger");
      g_assert_true (aioproc_process_start (process, NULL, &error));
      g_assert_no_error (error);
      test_join (process);
      end_collecting ();

      g_assert_cmpuint (records->len, ==, 1);
      record = g_ptr_array_index (records, 0);
      g_assert_cmpint (record->level, ==, cases[i].level);
      g_assert_cmpstr (record->message, ==, "Ärger: 100 %s\n2");
      g_assert_cmpstr (record->domain, ==, "Worker-Domain");
      g_assert_cmpstr (record->worker_name, ==, "Logger");
      g_assert_cmpint (record->worker_pid, ==, aioproc_process_get_pid (process));
      g_assert_cmpuint (record->n_pids, ==, 1);
      g_assert_cmpuint (record->n_old_api, ==, 1);
      g_assert_true (record->is_first_old_api);
      g_assert_false (record->has_bad_key);
      g_assert_false (record->was_fatal);
      if (cases[i].priority != NULL)
        g_assert_cmpstr (record->priority, ==, cases[i].priority);
      else
        g_assert_cmpmem (g_bytes_get_data (record->binary, NULL),
                         g_bytes_get_size (record->binary), "a\0b", 3);
    }
}

static guint
count_records (AioprocContext *context,
               GLogLevelFlags  level)
{
  g_autoptr(GVariant) value = NULL;
  g_autoptr(GError) error = NULL;

  begin_collecting ();
  value = test_run (context, "log", g_variant_new ("(us)", level, "Hello"), &error);
  g_assert_no_error (error);
  end_collecting ();

  return records->len;
}

static void
test_process_log_levels (AioprocStartMethod method)
{
  g_autoptr(AioprocContext) by_default = test_context_new (method);
  g_autoptr(AioprocContext) all = test_context_new (method);
  g_autoptr(AioprocContext) none = test_context_new (method);
  g_autoptr(AioprocContext) warnings = test_context_new (method);

  g_test_summary ("Only levels that are asked for are forwarded");

  aioproc_context_set_log_forwarding (all, G_LOG_LEVEL_MASK);
  aioproc_context_set_log_forwarding (none, 0);
  aioproc_context_set_log_forwarding (warnings, G_LOG_LEVEL_WARNING);

  g_assert_cmpuint (count_records (by_default, G_LOG_LEVEL_MESSAGE), ==, 1);
  g_assert_cmpuint (count_records (by_default, G_LOG_LEVEL_INFO), ==, 0);
  g_assert_cmpuint (count_records (by_default, G_LOG_LEVEL_DEBUG), ==, 0);
  g_assert_cmpuint (count_records (all, G_LOG_LEVEL_INFO), ==, 1);
  g_assert_cmpuint (count_records (all, G_LOG_LEVEL_DEBUG), ==, 1);
  g_assert_cmpuint (count_records (all, 1 << G_LOG_LEVEL_USER_SHIFT), ==, 1);
  g_assert_cmpuint (count_records (none, G_LOG_LEVEL_MESSAGE), ==, 0);
  g_assert_cmpuint (count_records (warnings, G_LOG_LEVEL_WARNING), ==, 1);
  g_assert_cmpuint (count_records (warnings, G_LOG_LEVEL_MESSAGE), ==, 0);
}

static void
test_process_log_error (AioprocStartMethod method)
{
  g_autoptr(AioprocContext) context = test_context_new (method);
  const char *functions[] = { "log", "log-structured" };

  g_test_summary ("The last words of a worker that ends by g_error() arrive, and do not end this");

  for (guint i = 0; i < G_N_ELEMENTS (functions); i++)
    {
      g_autoptr(GError) error = NULL;
      const Record *record;

      begin_collecting ();
      g_assert_null (test_run (context, functions[i],
                               g_variant_new ("(us)", G_LOG_LEVEL_ERROR, "The end"), &error));
      g_assert_error (error, AIOPROC_ERROR, AIOPROC_ERROR_WORKER_DIED);
      end_collecting ();

      g_assert_cmpuint (records->len, ==, 1);
      record = g_ptr_array_index (records, 0);
      g_assert_cmpint (record->level, ==, G_LOG_LEVEL_CRITICAL);
      g_assert_cmpstr (record->message, ==, "The end");
      g_assert_true (record->was_fatal);
    }
}

static void
test_process_log_not_fatal (void)
{
  g_test_summary ("A worker's warning does not abort a test program, although its own do");

  if (g_test_subprocess ())
    {
      const char *functions[] = { "log", "log-structured" };
      const GLogLevelFlags levels[] = {
        G_LOG_LEVEL_WARNING, G_LOG_LEVEL_CRITICAL, G_LOG_LEVEL_ERROR
      };
      g_autoptr(AioprocContext) context = test_context_new (AIOPROC_START_METHOD_FORKSERVER);

      for (guint i = 0; i < G_N_ELEMENTS (functions); i++)
        {
          for (guint j = 0; j < G_N_ELEMENTS (levels); j++)
            {
              g_autoptr(GVariant) value = NULL;

              value = test_run (context, functions[i],
                                g_variant_new ("(us)", levels[j], "Take heed"), NULL);
              g_assert_true ((value != NULL) == (levels[j] != G_LOG_LEVEL_ERROR));
            }
        }

      return;
    }

  g_test_trap_subprocess (NULL, 0, G_TEST_SUBPROCESS_DEFAULT);
  g_test_trap_assert_passed ();
  g_test_trap_assert_stderr ("*Worker-Domain-WARNING*Take heed*Worker-Domain-CRITICAL*Take heed*"
                             "Worker-Domain-CRITICAL*Take heed*");
}

static void
test_process_log_fatal (void)
{
  g_test_summary ("A worker's warning aborts a test program that asked for it");

  if (g_test_subprocess ())
    {
      g_autoptr(AioprocContext) context = test_context_new (AIOPROC_START_METHOD_FORKSERVER);
      g_autoptr(GVariant) value = NULL;

      aioproc_context_set_log_fatal (context, TRUE);
      value = test_run (context, "log", g_variant_new ("(us)", G_LOG_LEVEL_WARNING, "Fatal"),
                        NULL);
      return;
    }

  g_test_trap_subprocess (NULL, 0, G_TEST_SUBPROCESS_DEFAULT);
  g_test_trap_assert_failed ();
  g_test_trap_assert_stderr ("*Worker-Domain-WARNING*Fatal*");
}

static void
test_process_log_much (AioprocStartMethod method)
{
  g_autoptr(AioprocContext) context = test_context_new (method);
  g_autoptr(GVariant) value = NULL;
  g_autoptr(GError) error = NULL;

  g_test_summary ("No record is lost or out of order, however many there are");

  begin_collecting ();
  value = test_run (context, "log-much", NULL, &error);
  g_assert_no_error (error);
  end_collecting ();

  g_assert_cmpuint (records->len, ==, 20000);
  for (guint i = 0; i < records->len; i++)
    {
      const Record *record = g_ptr_array_index (records, i);
      g_autofree char *expected = g_strdup_printf ("Number %u", i);

      g_assert_cmpstr (record->message, ==, expected);
    }
}

static void
test_process_log_output (void)
{
  g_test_summary ("A worker of a test program writes nothing to its standard output");

  if (g_test_subprocess ())
    {
      for (guint i = AIOPROC_START_METHOD_SPAWN; i <= AIOPROC_START_METHOD_FORKSERVER; i++)
        {
          g_autoptr(AioprocContext) context = test_context_new ((AioprocStartMethod) i);
          g_autoptr(GVariant) value = NULL;
          g_autoptr(GError) error = NULL;

          aioproc_context_set_log_forwarding (context, G_LOG_LEVEL_MASK);
          value = test_run (context, "print", g_variant_new ("(s)", "not ok 1\n"), &error);
          g_assert_no_error (error);
          g_clear_pointer (&value, g_variant_unref);

          value = test_run (context, "log",
                            g_variant_new ("(us)", G_LOG_LEVEL_INFO, "Info\nnot ok 2\n"), &error);
          g_assert_no_error (error);
        }

      return;
    }

  g_setenv ("G_MESSAGES_DEBUG", "Worker-Domain", TRUE);
  g_test_trap_subprocess (NULL, 0, G_TEST_SUBPROCESS_DEFAULT);
  g_unsetenv ("G_MESSAGES_DEBUG");
  g_test_trap_assert_passed ();
  g_test_trap_assert_stderr ("*not ok 1\nnot ok 1\nnot ok 1\nnot ok 1\n*");
  g_test_trap_assert_stdout_unmatched ("*not ok 1*");
  g_test_trap_assert_stdout ("*Info\n# not ok 2\n*");
  g_test_trap_assert_stdout_unmatched ("*\nnot ok 2*");
}

static void
test_process_log_lines (void)
{
  const char *letters[] = { "a", "b", "c", "d" };

  g_test_summary ("Lines that workers print at the same time stay whole");

  if (g_test_subprocess ())
    {
      g_autoptr(AioprocContext) context = test_context_new (AIOPROC_START_METHOD_FORKSERVER);
      AioprocProcess *processes[G_N_ELEMENTS (letters)];

      for (guint i = 0; i < G_N_ELEMENTS (letters); i++)
        processes[i] = test_start (context, "print-lines", g_variant_new ("(s)", letters[i]));

      for (guint i = 0; i < G_N_ELEMENTS (letters); i++)
        {
          test_join (processes[i]);
          g_object_unref (processes[i]);
        }

      return;
    }

  g_test_trap_subprocess (NULL, 0, G_TEST_SUBPROCESS_DEFAULT);
  g_test_trap_assert_passed ();
  g_test_trap_assert_stderr ("*aaaa\n*");

  for (guint i = 0; i < G_N_ELEMENTS (letters); i++)
    {
      for (guint j = 0; j < G_N_ELEMENTS (letters); j++)
        {
          g_autofree char *pattern = g_strdup_printf ("*%s%s*", letters[i], letters[j]);

          if (i != j)
            g_test_trap_assert_stderr_unmatched (pattern);
        }
    }
}

int
main (int   argc,
      char *argv[])
{
  int result;

  test_functions_init ();
  aioproc_test_init (&argc, &argv);

  records = g_ptr_array_new_with_free_func (record_free);
  g_log_set_writer_func (write_record_cb, NULL, NULL);

  test_add_for_methods ("/aioproc/process-log/forwarded", test_process_log_forwarded);
  test_add_for_methods ("/aioproc/process-log/levels", test_process_log_levels);
  test_add_for_methods ("/aioproc/process-log/error", test_process_log_error);
  aioproc_test_add_func ("/aioproc/process-log/not-fatal", test_process_log_not_fatal);
  aioproc_test_add_func ("/aioproc/process-log/fatal", test_process_log_fatal);
  test_add_for_methods ("/aioproc/process-log/much", test_process_log_much);
  aioproc_test_add_func ("/aioproc/process-log/output", test_process_log_output);
  aioproc_test_add_func ("/aioproc/process-log/lines", test_process_log_lines);

  result = g_test_run ();
  g_ptr_array_unref (records);

  return result;
}
