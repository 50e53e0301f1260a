/* application-main.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* A program with workers of all sorts, to be killed: application-main MODE. It writes a line
 * whenever it has got one step further.
 */

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <aioproc.h>

#define N_WORKERS 6

/* --- What workers do --- */

static GVariant *
idle (AioprocCall  *call,
      GError      **error)
{
  for (;;)
    pause ();

  return NULL;
}

static GVariant *
spin (AioprocCall  *call,
      GError      **error)
{
  volatile guint64 n = 0;

  for (;;)
    n++;

  return NULL;
}

static GVariant *
stop (AioprocCall  *call,
      GError      **error)
{
  kill (getpid (), SIGSTOP);

  return g_variant_new ("()");
}

/* Leaves processes behind in its group that have nothing of Aioproc, and ends or not. */
static GVariant *
leave (AioprocCall  *call,
       GError      **error)
{
  gboolean is_ending;

  if (!aioproc_call_get_arguments (call, error, "(b)", &is_ending))
    return NULL;

  for (guint i = 0; i < 2; i++)
    {
      pid_t pid = fork ();

      if (pid == 0)
        {
          for (int fd = STDERR_FILENO + 1; fd < 256; fd++)
            close (fd);
          signal (SIGTERM, SIG_IGN);
          signal (SIGHUP, SIG_IGN);

          if (i > 0)
            kill (getpid (), SIGSTOP);

          for (;;)
            pause ();
        }
    }

  return is_ending ? g_variant_new ("()") : idle (call, error);
}

static GVariant *
end (AioprocCall  *call,
     GError      **error)
{
  return g_variant_new ("()");
}

/* Logs for ever, also when nobody listens any more. */
static GVariant *
chatter (AioprocCall  *call,
         GError      **error)
{
  for (;;)
    g_message ("%s", "Still here");

  return NULL;
}

static void start_some (AioprocContext *context);

/* Has workers itself. */
static GVariant *
nest (AioprocCall  *call,
      GError      **error)
{
  int method;

  if (!aioproc_call_get_arguments (call, error, "(i)", &method))
    return NULL;

  {
    g_autoptr(AioprocContext) context = aioproc_context_new ();

    aioproc_context_set_start_method (context, (AioprocStartMethod) method);
    start_some (context);
  }

  return idle (call, error);
}

static const AioprocFunctionEntry functions[] = {
  { "idle", idle },
  { "spin", spin },
  { "stop", stop },
  { "leave", leave },
  { "end", end },
  { "chatter", chatter },
  { "nest", nest },
};

/* --- What the program does --- */

static void
tell (const char *word)
{
  printf ("%s\n", word);
  fflush (stdout);
}

static AioprocProcess *
new_process (AioprocContext *context,
             const char     *function,
             GVariant       *arguments)
{
  return aioproc_process_new (context, function, arguments);
}

static void
start (AioprocProcess *process)
{
  g_autoptr(GError) error = NULL;

  if (!aioproc_process_start (process, NULL, &error))
    g_error ("%s", error->message);
}

static void
start_some (AioprocContext *context)
{
  start (new_process (context, "idle", NULL));
  start (new_process (context, "stop", NULL));
}

static AioprocProcess *
new_random_process (AioprocContext *context,
                    gboolean        may_leave)
{
  switch (g_random_int_range (0, may_leave ? 9 : 7))
    {
    case 0:
      return new_process (context, "idle", NULL);

    case 1:
      return new_process (context, "spin", NULL);

    case 2:
      return new_process (context, "stop", NULL);

    case 3:
      return new_process (context, "chatter", NULL);

    case 4:
      return new_process (context, "nest",
                          g_variant_new ("(i)", g_random_int_range (AIOPROC_START_METHOD_SPAWN,
                                                                    AIOPROC_START_METHOD_FORK)));

    case 5:
    case 6:
      return new_process (context, "end", NULL);

    case 7:
      return new_process (context, "leave", g_variant_new ("(b)", FALSE));

    default:
      return new_process (context, "leave", g_variant_new ("(b)", TRUE));
    }
}

static void
started_cb (GObject      *source,
            GAsyncResult *result,
            gpointer      user_data)
{
  guint *n_pending = user_data;

  if (aioproc_process_start_finish (AIOPROC_PROCESS (source), result, NULL))
    tell ("started");

  (*n_pending)--;
}

static void
joined_cb (GObject      *source,
           GAsyncResult *result,
           gpointer      user_data)
{
  guint *n_pending = user_data;

  if (aioproc_process_join_finish (AIOPROC_PROCESS (source), result, NULL))
    tell ("joined");

  (*n_pending)--;
}

/* Starts, kills and joins without a pause. */
G_NORETURN static void
run_busily (gboolean may_leave)
{
  AioprocContext *contexts[2];
  AioprocProcess *processes[N_WORKERS] = { NULL };
  guint n_pending = 0;

  for (guint i = 0; i < G_N_ELEMENTS (contexts); i++)
    {
      contexts[i] = aioproc_context_new ();
      aioproc_context_set_start_method (contexts[i], i == 0 ? AIOPROC_START_METHOD_SPAWN
                                                            : AIOPROC_START_METHOD_FORKSERVER);
      aioproc_context_set_log_forwarding (contexts[i], G_LOG_LEVEL_MASK);
    }

  for (guint round = 0;; round++)
    {
      guint i = round % N_WORKERS;
      AioprocContext *context = contexts[g_random_int_range (0, G_N_ELEMENTS (contexts))];

      if (processes[i] != NULL)
        {
          aioproc_process_kill (processes[i], NULL);
          n_pending++;
          aioproc_process_join_async (processes[i], -1, NULL, joined_cb, &n_pending);
          g_object_unref (processes[i]);
        }

      processes[i] = new_random_process (context, may_leave);
      n_pending++;
      aioproc_process_start_async (processes[i], NULL, started_cb, &n_pending);

      while (n_pending > N_WORKERS)
        g_main_context_iteration (NULL, TRUE);
    }
}

/* Has one worker of each sort. */
G_NORETURN static void
run_quietly (void)
{
  const char *sorts[] = { "idle", "spin", "stop", "chatter" };

  for (int method = AIOPROC_START_METHOD_SPAWN; method <= AIOPROC_START_METHOD_FORKSERVER; method++)
    {
      AioprocContext *context = aioproc_context_new ();
      AioprocProcess *leaving;

      aioproc_context_set_start_method (context, (AioprocStartMethod) method);

      for (guint i = 0; i < G_N_ELEMENTS (sorts); i++)
        start (new_process (context, sorts[i], NULL));

      leaving = new_process (context, "leave", g_variant_new ("(b)", TRUE));
      start (leaving);
      aioproc_process_join (leaving, -1, NULL, NULL);

      start (new_process (context, "leave", g_variant_new ("(b)", FALSE)));
      start (new_process (context, "nest", g_variant_new ("(i)", method)));
    }

  tell ("ready");

  for (;;)
    g_main_context_iteration (NULL, TRUE);
}

static GLogWriterOutput
drop_record_cb (GLogLevelFlags   level,
                const GLogField *fields,
                gsize            n_fields,
                gpointer         user_data)
{
  return G_LOG_WRITER_HANDLED;
}

int
main (int   argc,
      char *argv[])
{
  aioproc_init (functions, G_N_ELEMENTS (functions));

  g_assert_cmpint (argc, ==, 2);
  g_log_set_writer_func (drop_record_cb, NULL, NULL);

  if (g_str_equal (argv[1], "quiet"))
    run_quietly ();
  if (g_str_equal (argv[1], "busy"))
    run_busily (FALSE);
  if (g_str_equal (argv[1], "busy-leaving"))
    run_busily (TRUE);

  return EXIT_FAILURE;
}
