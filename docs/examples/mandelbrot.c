/* mandelbrot.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* Has workers draw the tiles of a picture, whose bytes come back without a copy. */

#include <complex.h>

#include <aioproc.h>

#define WIDTH      512
#define ROWS       64
#define N_TILES    8
#define STEP       (3.0 / WIDTH)
#define MAX_ROUNDS 100

/* In a worker. */
static GVariant *
draw_tile (AioprocCall  *call,
           GError      **error)
{
  guint8 *pixels = g_malloc0 (WIDTH * ROWS);
  g_autoptr(GBytes) bytes = g_bytes_new_take (pixels, WIDTH * ROWS);
  g_autoptr(AioprocMessage) message = aioproc_message_new (NULL);
  guint tile;

  if (!aioproc_call_get_arguments (call, error, "(u)", &tile))
    return NULL;

  for (guint i = 0; i < WIDTH * ROWS; i++)
    {
      const double im = (tile * ROWS + i / WIDTH) * STEP - 1.5;
      const double complex c = (i % WIDTH) * STEP - 2.25 + im * I;
      double complex z = 0.0;

      while (pixels[i] < MAX_ROUNDS && creal (z) * creal (z) + cimag (z) * cimag (z) < 4.0)
        {
          z = z * z + c;
          pixels[i]++;
        }
    }

  aioproc_message_append_bytes (message, bytes);
  aioproc_call_return_message (call, message);

  return NULL;
}

static const AioprocFunctionEntry functions[] = { { "draw-tile", draw_tile } };

static void
drawn_cb (GObject      *source,
          GAsyncResult *result,
          gpointer      user_data)
{
  g_autoptr(AioprocMessage) message = NULL;
  g_autoptr(GBytes) bytes = NULL;
  g_autoptr(GError) error = NULL;
  static guint n_drawn;

  message = aioproc_pool_apply_message_finish (AIOPROC_POOL (source), result, &error);
  if (message != NULL)
    bytes = aioproc_message_dup_bytes (message, 0, &error);
  if (bytes == NULL)
    g_error ("%s", error->message);

  g_print ("A tile of %" G_GSIZE_FORMAT " bytes.\n", g_bytes_get_size (bytes));

  if (++n_drawn == N_TILES)
    g_main_loop_quit (user_data);
}

int
main (void)
{
  g_autoptr(AioprocPool) pool = NULL;
  g_autoptr(GMainLoop) loop = NULL;
  g_autoptr(GError) error = NULL;

  aioproc_init (functions, G_N_ELEMENTS (functions));

  loop = g_main_loop_new (NULL, FALSE);
  pool = aioproc_pool_new (NULL, 0, &error);
  if (pool == NULL)
    g_error ("%s", error->message);

  for (guint i = 0; i < N_TILES; i++)
    {
      g_autoptr(AioprocMessage) message = aioproc_message_new (g_variant_new ("(u)", i));

      aioproc_pool_apply_message_async (pool, "draw-tile", message, NULL, drawn_cb, loop);
    }

  g_main_loop_run (loop);

  return 0;
}
