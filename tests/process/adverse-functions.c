/* adverse-functions.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "adverse-functions.h"

#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <aioproc.h>

#include "process-functions.h"

static GVariant *
close_all (AioprocCall  *call,
           gpointer      user_data,
           GError      **error)
{
  gboolean lives_on;

  if (!aioproc_call_get_arguments (call, error, "(b)", &lives_on))
    return NULL;

  for (int fd = STDERR_FILENO + 1; fd < 256; fd++)
    close (fd);

  while (lives_on)
    pause ();

  return g_variant_new ("()");
}

static GVariant *
scribble (AioprocCall  *call,
          gpointer      user_data,
          GError      **error)
{
  static const char text[] = "This is no frame, and it is longer than the head of one would be";

  for (;;)
    {
      for (int fd = STDERR_FILENO + 1; fd < 16; fd++)
        send (fd, text, sizeof text, MSG_NOSIGNAL | MSG_DONTWAIT);
    }

  return NULL;
}

/* Takes memory until there is no more, by the function that fails or the one that does not. */
static GVariant *
eat (AioprocCall  *call,
     gpointer      user_data,
     GError      **error)
{
  gboolean may_abort;
  guint64 total = 0;

  if (!aioproc_call_get_arguments (call, error, "(b)", &may_abort))
    return NULL;

  for (;;)
    {
      gsize size = 1 << 20;
      gpointer memory = may_abort ? g_malloc (size) : g_try_malloc (size);

      if (memory == NULL)
        break;

      memset (memory, 1, size);
      total += size;
    }

  return g_variant_new ("(t)", total);
}

static GVariant *
log_for_ever (AioprocCall  *call,
              gpointer      user_data,
              GError      **error)
{
  for (guint i = 0;; i++)
    g_log ("Worker-Domain", G_LOG_LEVEL_MESSAGE, "Number %u", i);

  return NULL;
}

/* Which is no child of the worker's. */
static GVariant *
await_end (AioprocCall  *call,
           gpointer      user_data,
           GError      **error)
{
  int pid;

  if (!aioproc_call_get_arguments (call, error, "(i)", &pid))
    return NULL;

  while (kill (pid, 0) == 0)
    g_thread_yield ();

  return g_variant_new ("()");
}

void
test_adverse_functions_init (void)
{
  aioproc_worker_add_function ("close-all", close_all, NULL, NULL);
  aioproc_worker_add_function ("scribble", scribble, NULL, NULL);
  aioproc_worker_add_function ("eat", eat, NULL, NULL);
  aioproc_worker_add_function ("log-for-ever", log_for_ever, NULL, NULL);
  aioproc_worker_add_function ("await-end", await_end, NULL, NULL);

  test_functions_init ();
}
