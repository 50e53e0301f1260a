/* process-helpers.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "aioproc-test.h"
#include "process-functions.h"

AioprocContext *
test_context_new (AioprocStartMethod method)
{
  AioprocContext *context = aioproc_context_new ();
  g_auto(GStrv) environment = g_get_environ ();

  /* Else warnings are fatal in workers too. */
  environment = g_environ_unsetenv (environment, "G_DEBUG");
  aioproc_context_set_environment (context, (const char * const *) environment);
  aioproc_context_set_start_method (context, method);

  return context;
}

AioprocProcess *
test_start (AioprocContext *context,
            const char     *function,
            GVariant       *arguments)
{
  AioprocProcess *process = aioproc_process_new (context, function, arguments);
  g_autoptr(GError) error = NULL;

  aioproc_process_start (process, NULL, &error);
  g_assert_no_error (error);
  g_assert_true (aioproc_process_get_pid (process) > 0);

  return process;
}

AioprocProcess *
test_start_with_message (AioprocContext *context,
                         const char     *function,
                         AioprocMessage *message)
{
  AioprocProcess *process = aioproc_process_new_with_message (context, function, message);
  g_autoptr(GError) error = NULL;

  aioproc_process_start (process, NULL, &error);
  g_assert_no_error (error);

  return process;
}

void
test_join (AioprocProcess *process)
{
  g_autoptr(GError) error = NULL;

  g_assert_true (aioproc_process_join (process, -1, NULL, &error));
  g_assert_no_error (error);
  g_assert_false (aioproc_process_is_alive (process));
}

void
test_release (AioprocProcess *process)
{
  GWeakRef weak_ref;
  GObject *object;

  g_weak_ref_init (&weak_ref, process);
  g_object_unref (process);

  while ((object = g_weak_ref_get (&weak_ref)) != NULL)
    {
      g_object_unref (object);
      g_thread_yield ();
    }

  g_weak_ref_clear (&weak_ref);
}

GVariant *
test_run (AioprocContext  *context,
          const char      *function,
          GVariant        *arguments,
          GError         **error)
{
  g_autoptr(AioprocProcess) process = aioproc_process_new (context, function, arguments);

  if (!aioproc_process_start (process, NULL, error))
    return NULL;

  test_join (process);

  return aioproc_process_dup_result (process, error);
}

typedef void (*MethodFunc) (AioprocStartMethod);

typedef struct
{
  MethodFunc         func;
  AioprocStartMethod method;
} MethodCase;

static void
run_method_case (gconstpointer data)
{
  const MethodCase *method_case = data;

  method_case->func (method_case->method);
}

void
test_add_for_methods (const char *path,
                      MethodFunc  func)
{
  for (guint i = AIOPROC_START_METHOD_SPAWN; i <= AIOPROC_START_METHOD_FORKSERVER; i++)
    {
      g_autofree char *full_path =
        g_strconcat (path, i == AIOPROC_START_METHOD_SPAWN ? "/spawn" : "/forkserver", NULL);
      MethodCase *method_case = g_new (MethodCase, 1);

      method_case->func = func;
      method_case->method = (AioprocStartMethod) i;
      aioproc_test_add_data_func_full (full_path, method_case, run_method_case, g_free);
    }
}
