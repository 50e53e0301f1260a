/* barrier.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* Three parties meet twice, and each time something is done once before they go on. */

#include <aioproc.h>

#define N_PARTIES 3
#define N_ROUNDS  2

typedef struct {
  const char *name;
  GMainLoop  *loop;
  int        *n_left;     /* of all parties */
  int         n_rounds;
} Party;

static void
turn_the_page (AioprocBarrier  *barrier,
               gpointer         user_data,
               GError         **error)
{
  int *page = user_data;

  g_print ("All are there: page %d.\n", ++*page);
}

static void
wait_cb (GObject      *source,
         GAsyncResult *result,
         gpointer      user_data)
{
  Party *party = user_data;
  AioprocBarrier *barrier = AIOPROC_BARRIER (source);
  g_autoptr(GError) error = NULL;
  int index = aioproc_barrier_wait_finish (barrier, result, &error);

  if (index < 0)
    g_error ("%s", error->message);

  g_print ("%s goes on, and was number %d.\n", party->name, index);

  if (++party->n_rounds < N_ROUNDS)
    aioproc_barrier_wait_async (barrier, -1, NULL, wait_cb, party);
  else if (--*party->n_left == 0)
    g_main_loop_quit (party->loop);
}

int
main (void)
{
  g_autoptr(GMainLoop) loop = g_main_loop_new (NULL, FALSE);
  g_autoptr(GError) error = NULL;
  g_autoptr(AioprocBarrier) barrier = aioproc_barrier_new (N_PARTIES, &error);
  int n_left = N_PARTIES;
  int page = 0;
  Party parties[N_PARTIES] = {
    { "Ada", loop, &n_left, 0 }, { "Ben", loop, &n_left, 0 }, { "Cleo", loop, &n_left, 0 },
  };

  if (barrier == NULL)
    g_error ("%s", error->message);

  aioproc_barrier_set_action (barrier, turn_the_page, &page, NULL);

  for (int i = 0; i < N_PARTIES; i++)
    aioproc_barrier_wait_async (barrier, -1, NULL, wait_cb, &parties[i]);

  g_main_loop_run (loop);

  return 0;
}
