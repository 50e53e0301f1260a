/* aioproc-init.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "aioproc-init.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "process/aioproc-forkserver-private.h"
#include "process/aioproc-functions-private.h"
#include "process/aioproc-own-program-private.h"
#include "process/aioproc-supervision-private.h"
#include "process/aioproc-worker-log-private.h"
#include "process/aioproc-worker-private.h"

/* (atomic) AioprocRole */
static int worker_role;

AioprocRole
aioproc_worker_get_role (void)
{
  return (AioprocRole) g_atomic_int_get (&worker_role);
}

void
aioproc_worker_set_role (AioprocRole role)
{
  g_atomic_int_set (&worker_role, (int) role);
}

/* An inherited socket; not inherited any further. */
static gboolean
adopt_socket (int fd)
{
  struct stat buf;

  return fstat (fd, &buf) == 0
         && S_ISSOCK (buf.st_mode)
         && fcntl (fd, F_SETFD, FD_CLOEXEC) == 0;
}

/* FALSE: this program was not started by Aioproc. */
static gboolean
take_marker (AioprocRole *role,
             int         *socket_fd,
             int         *hangup_fd)
{
  g_autofree char *marker = g_strdup (g_getenv (AIOPROC_SUPERVISION_ENVIRONMENT));

  if (marker == NULL)
    return FALSE;

  /* Programs that this one starts are not workers, whatever becomes of it. */
  g_unsetenv (AIOPROC_SUPERVISION_ENVIRONMENT);

  if (sscanf (marker, "worker:%d:%d", socket_fd, hangup_fd) == 2)
    *role = AIOPROC_ROLE_BOOTSTRAP;
  else if (sscanf (marker, "forkserver:%d:%d", socket_fd, hangup_fd) == 2)
    *role = AIOPROC_ROLE_FORKSERVER;
  else
    *socket_fd = *hangup_fd = -1;

  if (!adopt_socket (*socket_fd) || !adopt_socket (*hangup_fd))
    {
      /* It was meant for another program, which left it for this one to inherit. */
      g_printerr ("%s: “%s=%s” does not name sockets of this process\n",
                  g_get_prgname (), AIOPROC_SUPERVISION_ENVIRONMENT, marker);
      exit (EXIT_FAILURE);
    }

  return TRUE;
}

/* Returns in a program that was not started by Aioproc. */
static void
serve_if_worker (void)
{
  AioprocRole role = AIOPROC_ROLE_PROGRAM;
  int socket_fd = -1;
  int hangup_fd = -1;

  aioproc_functions_declare ();

  if (!take_marker (&role, &socket_fd, &hangup_fd))
    return;

  aioproc_worker_set_role (role);
  aioproc_worker_log_install ();

  /* Else the lines of several workers would come in pieces wherever their output is no terminal. */
  setvbuf (stdout, NULL, _IOLBF, 0);

  aioproc_functions_load ();

  if (role == AIOPROC_ROLE_FORKSERVER)
    {
      aioproc_worker_rehearse ();
      aioproc_forkserver_main (socket_fd, hangup_fd, aioproc_worker_preload,
                               aioproc_worker_main_served);
    }

  aioproc_worker_main_spawned (socket_fd, hangup_fd);
}

/**
 * aioproc_init: (skip)
 * @functions: (array length=n_functions): the functions that workers can run
 * @n_functions: how many
 *
 * Makes this program its own worker program.
 *
 * A worker is another run of the program, or a fork of one. This function has to be called first in
 * `main()`: in a worker it runs the function that is asked for, and never returns. In all other
 * cases it returns at once.
 *
 * ```c
 * static const AioprocFunctionEntry functions[] = { { "count-primes", count_primes } };
 * …
 * int
 * main (int   argc,
 *       char *argv[])
 * {
 *   g_autoptr(GApplication) app = NULL;
 *
 *   aioproc_init (functions, G_N_ELEMENTS (functions));
 *   …
 *   return g_application_run (app, argc, argv);
 * }
 * ```
 *
 * A name that is given twice is a critical warning, and stands for the later function.
 *
 * What is done before it is done in each worker too: it should be little, and must not start
 * threads. A worker writes its log to the program that started it, so that
 * [func@GLib.log_set_writer_func] has to come after this function; so have `g_test_init()` and
 * `gtk_init()`.
 *
 * Since: 0.1
 */
void
aioproc_init (const AioprocFunctionEntry *functions,
              guint                       n_functions)
{
  g_return_if_fail (functions != NULL || n_functions == 0);

  for (guint i = 0; i < n_functions; i++)
    {
      const AioprocFunctionRecord record = { .plain = functions[i].function };

      g_return_if_fail (functions[i].name != NULL && functions[i].function != NULL);

      aioproc_functions_add (functions[i].name, &record);
    }

  serve_if_worker ();
}

/**
 * aioproc_worker_add_function:
 * @name: the name by which processes ask for the function
 * @function: (scope notified) (closure user_data) (destroy destroy): the function
 * @user_data: data for @function
 * @destroy: (nullable): what to do with @user_data if the function is replaced
 *
 * Adds a function that workers can run, before [func@Aioproc.worker_run].
 *
 * This is for the worker programs of bindings; in C, [func@Aioproc.init] does it all.
 *
 * Since: 0.1
 */
void
aioproc_worker_add_function (const char        *name,
                             AioprocWorkerFunc  function,
                             gpointer           user_data,
                             GDestroyNotify     destroy)
{
  const AioprocFunctionRecord record = {
    .function = function,
    .user_data = user_data,
    .destroy = destroy,
  };

  g_return_if_fail (name != NULL);
  g_return_if_fail (function != NULL);

  aioproc_functions_add (name, &record);
}

/**
 * aioproc_worker_add_module:
 * @path: the file name of a shared library; a name without a slash is looked for as `dlopen()` does
 *
 * Adds a shared library to the functions that workers can run.
 *
 * Its exported symbols are the functions: each that is asked for has to be an
 * [callback@Aioproc.Function]. It is loaded by [func@Aioproc.worker_run], in a worker or
 * forkserver; if that fails, each start of a process gets the error. The installed program
 * `aioproc-worker` consists of this.
 *
 * Since: 0.1
 */
void
aioproc_worker_add_module (const char *path)
{
  g_return_if_fail (path != NULL);

  aioproc_functions_add_module (path);
}

/**
 * aioproc_worker_run:
 *
 * Serves as a worker, if this program was started as one.
 *
 * In a worker it runs the function that is asked for, and never returns. It has to come first in a
 * program, as soon as its functions are added. In C, [func@Aioproc.init] does both.
 *
 * A program that calls this is its own worker program, be it an executable or a script: if its
 * [class@Aioproc.Context] says nothing else, its workers are run with the command line of the
 * program itself, where the names of files that exist are made absolute.
 *
 * Returns: `FALSE`, in a program that was not started by Aioproc
 *
 * Since: 0.1
 */
gboolean
aioproc_worker_run (void)
{
  aioproc_own_program_remember ();
  serve_if_worker ();

  return FALSE;
}
