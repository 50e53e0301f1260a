/* queue-loan.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* Draws frames into the memory of a queue, so that none of them is copied into it. */

#include <string.h>

#include <aioproc.h>

#define FRAME_SIZE (640 * 480)
#define N_FRAMES   3

typedef struct {
  GMainLoop *loop;
  guint      n_drawn;
} Camera;

/* How much of the room it has needed. */
static gsize
draw_frame (Camera *camera,
            guint8 *pixels,
            gsize   size)
{
  camera->n_drawn++;
  memset (pixels, 'a' + camera->n_drawn, size);

  return size / camera->n_drawn;
}

static void
lent_cb (GObject      *source,
         GAsyncResult *result,
         gpointer      user_data)
{
  AioprocQueue *frames = AIOPROC_QUEUE (source);
  Camera *camera = user_data;
  g_autoptr(AioprocQueueLoan) loan = NULL;
  g_autoptr(GError) error = NULL;
  gpointer pixels;
  gsize size;

  loan = aioproc_queue_loan_finish (frames, result, &error);

  if (loan == NULL)
    g_error ("%s", error->message);

  pixels = aioproc_queue_loan_get_data (loan, &size);

  if (!aioproc_queue_loan_commit (loan, draw_frame (camera, pixels, size), &error))
    g_error ("%s", error->message);

  if (camera->n_drawn < N_FRAMES)
    aioproc_queue_loan_async (frames, FRAME_SIZE, -1, NULL, lent_cb, camera);
  else
    g_main_loop_quit (camera->loop);
}

int
main (void)
{
  Camera camera = { g_main_loop_new (NULL, FALSE), 0 };
  g_autoptr(GError) error = NULL;
  g_autoptr(AioprocQueue) frames = aioproc_queue_new (0, &error);

  if (frames == NULL)
    g_error ("%s", error->message);

  aioproc_queue_loan_async (frames, FRAME_SIZE, -1, NULL, lent_cb, &camera);
  g_main_loop_run (camera.loop);

  /* Another process would do this. */
  for (guint i = 0; i < N_FRAMES; i++)
    {
      g_autoptr(GBytes) frame = aioproc_queue_get_bytes (frames, -1, NULL, &error);

      if (frame == NULL)
        g_error ("%s", error->message);

      g_print ("A frame of %" G_GSIZE_FORMAT " bytes.\n", g_bytes_get_size (frame));
    }

  g_main_loop_unref (camera.loop);

  return 0;
}
