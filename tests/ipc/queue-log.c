/* queue-log.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "queue-log.h"

#include <string.h>
#include <sys/mman.h>

typedef struct {
  guint32 life;
  guint32 number;
} ItemHead;

static void
fill (guint8         *data,
      gsize           size,
      const ItemHead *head)
{
  guint64 state = (guint64) head->life << 32 | head->number;

  for (gsize i = 0; i < size; i += sizeof (state))
    {
      state = state * G_GUINT64_CONSTANT (6364136223846793005) + size;
      memcpy (data + i, &state, MIN (sizeof (state), size - i));
    }
}

GBytes *
queue_log_make_item (guint32 life,
                     guint32 number,
                     gsize   size)
{
  ItemHead head = { life, number };
  guint8 *data;

  size = MAX (size, sizeof (head));
  data = g_malloc (size);
  memcpy (data, &head, sizeof (head));
  fill (data + sizeof (head), size - sizeof (head), &head);

  return g_bytes_new_take (data, size);
}

void
queue_log_read_item (GBytes  *item,
                     guint32 *life,
                     guint32 *number)
{
  ItemHead head = { G_MAXUINT32, G_MAXUINT32 };
  gsize size;
  const guint8 *data = g_bytes_get_data (item, &size);

  if (size >= sizeof (head))
    memcpy (&head, data, sizeof (head));

  *life = head.life;
  *number = head.number;
}

gboolean
queue_log_check_item (GBytes *item)
{
  g_autoptr(GBytes) expected = NULL;
  guint32 life;
  guint32 number;

  queue_log_read_item (item, &life, &number);

  if (life >= QUEUE_LOG_MAX_LIVES)
    return FALSE;

  expected = queue_log_make_item (life, number, g_bytes_get_size (item));

  return g_bytes_equal (item, expected);
}

QueueLog *
queue_log_map (int fd)
{
  QueueLog *log = mmap (NULL, sizeof (QueueLog), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

  if (log == MAP_FAILED)
    g_error ("Could not map the log: %s", g_strerror (errno));

  return log;
}
