/* aioproc-queue-trim.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "ipc/aioproc-queue-trim-private.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ipc/aioproc-queue-enter-private.h"
#include "ipc/aioproc-queue-grow-private.h"
#include "platform/aioproc-memfd-private.h"

#define peek(field)        aioproc_queue_peek (field)
#define poke(field, value) aioproc_queue_poke (field, value)

#define PAGE_SIZE   4096
#define BLOCK_PAGES (AIOPROC_QUEUE_BLOCK_SIZE / PAGE_SIZE)
#define MAX_PIECES  (AIOPROC_QUEUE_BLOCK_SIZE / 256)

/* What was free for so many epochs was so for one at least. */
#define OLD_EPOCHS 2
/* It is worth it for so much, or for so large a part of what there is. */
#define WORTH_MIN  (1024 * 1024)
#define WORTH_PART 8
/* The kernel locks the file for each call. */
#define PUNCH_SIZE (256 * 1024)
/* Slots that are read at a time. */
#define READ_SLOTS 512
/* Small extents that are allocated together. */
#define WARM_PIECES 16

/* One round. */
typedef struct {
  AioprocQueueSlots *slots;
  guint32            epoch;
  /* What one who is dead has not given back, although it is said to be. */
  guint64            redo_start;
  guint64            redo_end;

  /* What was found. Nothing of that needs to be true any more. */
  guint64           *pieces;      /* (owned) (nullable) small extents: its place << 32 | link */
  gsize              n_pieces;
  gsize              max_pieces;
  guint32           *larges;      /* (owned) (nullable) links of slots with large ones */
  gsize              n_larges;
  gsize              max_larges;
  guint64            n_old;       /* bytes that can go */
  guint64            n_young;     /* bytes that are free */
} Trim;

/* A range whose pages are to be given back, and which of them. */
typedef struct {
  guint64 start;
  guint64 end;
  guint32 pages;       /* of a block of small extents: a bit each; 0: all */
} TrimRange;

/* --- Under the lock --- */

gboolean
aioproc_queue_is_trimmed (AioprocQueueSlots *self,
                          guint64            start,
                          guint64            end)
{
  AioprocQueueHeader *header = self->header;
  guint32 owner = peek (&header->trim_owner);

  return owner != 0 && start < peek (&header->trim_end) && end > peek (&header->trim_start) &&
         !aioproc_family_is_dead (self->family, owner);
}

static guint64
get_extent (AioprocQueueSlot *slot)
{
  return (guint64) peek (&slot->extent) * AIOPROC_QUEUE_EXTENT_UNIT;
}

gboolean
aioproc_queue_is_slot_trimmed (AioprocQueueSlots *self,
                               AioprocQueueSlot  *slot)
{
  guint size_class = aioproc_queue_info_get_class (peek (&slot->info));
  guint64 offset = get_extent (slot);

  return aioproc_queue_extent_is_valid (size_class, offset) &&
         aioproc_queue_is_trimmed (self, offset,
                                   offset + aioproc_queue_class_get_size (size_class));
}

static void
set_warm (AioprocQueueSlot *slot)
{
  poke (&slot->info, peek (&slot->info) & ~AIOPROC_QUEUE_INFO_COLD);
}

gboolean
aioproc_queue_warm_up (AioprocQueueSlots  *self,
                       AioprocQueueSlot   *slot,
                       guint               size_class,
                       AioprocQueueWakes  *wakes,
                       GError            **error)
{
  AioprocQueueSlot *slots[WARM_PIECES] = { slot };
  guint64 start = get_extent (slot);
  guint64 end;
  guint64 size;
  guint n_slots = 1;

  /* No extent, or one that a peer wrote: then it is found out next. */
  if (!aioproc_queue_extent_is_valid (size_class, start))
    {
      set_warm (slot);
      return TRUE;
    }

  size = aioproc_queue_class_get_size (size_class);
  end = start + size;

  if (aioproc_queue_is_trimmed (self, start, end))
    return aioproc_queue_grow (self, size_class, wakes, error);

  /* Those that follow on the list are often its neighbours. */
  while (aioproc_queue_class_is_small (size_class) && n_slots < WARM_PIECES)
    {
      AioprocQueueSlot *next = aioproc_queue_slots_at (self, peek (&slots[n_slots - 1]->next));
      guint64 offset = next != NULL ? get_extent (next) : 0;

      if (next == NULL || !aioproc_queue_is_slot_cold (next, size_class) ||
          !aioproc_queue_extent_is_valid (size_class, offset) ||
          (offset + size != start && offset != end) ||
          aioproc_queue_is_trimmed (self, offset, offset + size))
        break;

      start = MIN (start, offset);
      end = MAX (end, offset + size);
      slots[n_slots++] = next;
    }

  /* The pages of a large one come when it is filled. */
  if (aioproc_queue_class_is_small (size_class) &&
      !aioproc_queue_allocate (self, start, end - start, error))
    return FALSE;

  for (guint i = 0; i < n_slots; i++)
    set_warm (slots[i]);

  return TRUE;
}

/* Sleeps on the lock. */
static gboolean
aioproc_queue_slots_enter_asleep (AioprocQueueSlots *self,
                                  AioprocQueueWakes *wakes)
{
  AioprocLockResult result;

  if (aioproc_family_attach (self->family, NULL) == 0)
    return FALSE;

  result = aioproc_lock_word_lock (&self->header->lock, self->family);

  return aioproc_queue_slots_catch_up (self, result == AIOPROC_LOCK_ABANDONED, wakes, NULL);
}

/* --- An empty queue --- */

void
aioproc_queue_slots_trim (AioprocQueueSlots *self)
{
  AioprocQueueWakes wakes = { 0 };

  if (!aioproc_queue_slots_enter_asleep (self, &wakes))
    return;

  aioproc_queue_slots_drop (self, &wakes);

  if (aioproc_queue_slots_can_trim (self))
    aioproc_queue_shrink (self);

  aioproc_queue_slots_leave (self, &wakes);
}

/* --- What is there --- */

static gboolean
is_old (Trim             *self,
        AioprocQueueSlot *slot)
{
  return self->epoch - peek (&slot->holder) >= OLD_EPOCHS;
}

/* Whether a free slot says that its pages were given back, and they were. */
static gboolean
is_cold (Trim             *self,
         AioprocQueueSlot *slot)
{
  guint64 offset = get_extent (slot);

  return (peek (&slot->info) & AIOPROC_QUEUE_INFO_COLD) != 0 &&
         (offset < self->redo_start || offset >= self->redo_end);
}

/* FALSE: no memory. */
static gboolean
make_room (gpointer *array,
           gsize     element_size,
           gsize     n,
           gsize    *max)
{
  gsize new_max = MAX (1024, 2 * *max);
  gpointer new_array;

  if (n < *max)
    return TRUE;

  new_array = g_try_realloc_n (*array, new_max, element_size);

  if (new_array == NULL)
    return FALSE;

  *array = new_array;
  *max = new_max;

  return TRUE;
}

/* @slot is a copy. */
static gboolean
trim_look (Trim             *self,
           guint32           link,
           AioprocQueueSlot *slot)
{
  guint size_class = aioproc_queue_info_get_class (peek (&slot->info));
  gboolean cold = is_cold (self, slot);
  guint64 n_bytes;

  if (peek (&slot->state) != AIOPROC_QUEUE_FREE ||
      !aioproc_queue_extent_is_valid (size_class, get_extent (slot)))
    return TRUE;

  if (aioproc_queue_class_is_small (size_class))
    n_bytes = aioproc_queue_class_get_size (size_class);
  else
    n_bytes = MIN ((guint64) peek (&slot->n_pages) * PAGE_SIZE,
                   aioproc_queue_class_get_size (size_class));

  if (!cold && !is_old (self, slot))
    {
      self->n_young += n_bytes;
      return TRUE;
    }

  if (!cold)
    self->n_old += n_bytes;

  if (aioproc_queue_class_is_small (size_class))
    {
      if (!make_room ((gpointer *) &self->pieces, sizeof (guint64), self->n_pieces,
                      &self->max_pieces))
        return FALSE;

      self->pieces[self->n_pieces++] = (guint64) peek (&slot->extent) << 32 | link;
    }
  else if (!cold)
    {
      if (!make_room ((gpointer *) &self->larges, sizeof (guint32), self->n_larges,
                      &self->max_larges))
        return FALSE;

      self->larges[self->n_larges++] = link;
    }

  return TRUE;
}

static int
compare_pieces (gconstpointer a,
                gconstpointer b)
{
  guint64 piece_a = *(const guint64 *) a;
  guint64 piece_b = *(const guint64 *) b;

  return piece_a < piece_b ? -1 : piece_a > piece_b;
}

/* Reads the index beside the lock, and not through the mapping: what a peer says of its length may
 * be wrong, and a look at what is not there would allocate it.
 */
static void
trim_collect (Trim *self)
{
  int fd = aioproc_shm_get_fd (self->slots->memory.shm);
  guint32 n_slots = MIN (peek (&self->slots->header->n_slots), AIOPROC_QUEUE_MAX_SLOTS);
  g_autofree AioprocQueueSlot *copies = g_new (AioprocQueueSlot, READ_SLOTS);
  guint32 link = 1;

  while (link <= n_slots)
    {
      ssize_t n_read = pread (fd, copies, READ_SLOTS * sizeof (AioprocQueueSlot),
                              (off_t) (AIOPROC_QUEUE_SLOTS_OFFSET +
                                       (guint64) (link - 1) * sizeof (AioprocQueueSlot)));

      if (n_read < 0 && errno == EINTR)
        continue;

      if (n_read < (ssize_t) sizeof (AioprocQueueSlot))
        break;

      for (gsize i = 0; i < n_read / sizeof (AioprocQueueSlot) && link <= n_slots; i++)
        {
          if (!trim_look (self, link++, &copies[i]))
            return;
        }
    }
}

/* --- To give it back --- */

static void
trim_punch (Trim            *self,
            const TrimRange *range)
{
  int fd = aioproc_shm_get_fd (self->slots->memory.shm);

  if (range->pages == 0)
    {
      for (guint64 offset = range->start; offset < range->end; offset += PUNCH_SIZE)
        aioproc_memfd_punch (fd, offset, MIN (PUNCH_SIZE, range->end - offset), NULL);

      return;
    }

  for (guint first = 0; first < BLOCK_PAGES; first++)
    {
      guint n = 0;

      while (first + n < BLOCK_PAGES && (range->pages >> (first + n) & 1) != 0)
        n++;

      if (n > 0)
        aioproc_memfd_punch (fd, range->start + first * PAGE_SIZE, n * PAGE_SIZE, NULL);

      first += n;
    }
}

/* Says that this process gives the pages of @range back: before any slot says that it was done, so
 * that the next one does what a process that dies in between has not.
 */
static void
trim_begin (Trim            *self,
            const TrimRange *range)
{
  AioprocQueueHeader *header = self->slots->header;

  poke (&header->trim_start, range->start);
  poke (&header->trim_end, range->end);
  atomic_store_explicit (&header->trim_owner, aioproc_queue_slots_get_owner (self->slots),
                         memory_order_release);
}

static void
set_cold (AioprocQueueSlot *slot)
{
  poke (&slot->n_pages, 0);
  atomic_store_explicit (&slot->info, peek (&slot->info) | AIOPROC_QUEUE_INFO_COLD,
                         memory_order_release);
}

/* A slot that can be given memory back of, as it is now, or NULL. What peers write is read once. */
static AioprocQueueSlot *
trim_check (Trim    *self,
            guint32  link,
            guint   *size_class,
            guint64 *offset)
{
  AioprocQueueSlot *slot = aioproc_queue_slots_at (self->slots, link);

  /* Acquire: who made it free has read or written all that it wanted to. */
  if (slot == NULL ||
      atomic_load_explicit (&slot->state, memory_order_acquire) != AIOPROC_QUEUE_FREE ||
      !(is_cold (self, slot) || is_old (self, slot)))
    return NULL;

  *size_class = aioproc_queue_info_get_class (peek (&slot->info));
  *offset = get_extent (slot);

  return aioproc_queue_extent_is_valid (*size_class, *offset) ? slot : NULL;
}

static gboolean
trim_take_large (Trim      *self,
                 guint32    link,
                 TrimRange *range)
{
  guint size_class;
  AioprocQueueSlot *slot = trim_check (self, link, &size_class, &range->start);

  if (slot == NULL || aioproc_queue_class_is_small (size_class) || is_cold (self, slot))
    return FALSE;

  range->end = range->start + aioproc_queue_class_get_size (size_class);
  range->pages = 0;
  trim_begin (self, range);
  set_cold (slot);

  return TRUE;
}

static void
count_in (guint16 *filled,
          guint64  start,
          guint64  end)
{
  while (start < end)
    {
      guint64 page_end = MIN (end, (start / PAGE_SIZE + 1) * PAGE_SIZE);

      filled[start / PAGE_SIZE] += page_end - start;
      start = page_end;
    }
}

static guint32
get_pages (guint32 start,
           guint32 size)
{
  guint first = start / PAGE_SIZE;
  guint end = (start + size - 1) / PAGE_SIZE + 1;

  return (1u << end) - (1u << first);
}

/* The pages of a block in which there is nothing but small extents of free slots. */
static gboolean
trim_take_pieces (Trim          *self,
                  const guint64 *pieces,
                  gsize          n_pieces,
                  TrimRange     *range)
{
  AioprocQueueSlot *slots[MAX_PIECES];
  guint32 starts[MAX_PIECES];
  guint16 filled[BLOCK_PAGES] = { 0 };
  guint32 filled_pages = 0;
  guint block_class = 0;
  guint32 size = 0;
  guint n_slots = 0;

  range->start = (pieces[0] >> 32) * AIOPROC_QUEUE_EXTENT_UNIT;
  range->start -= range->start % AIOPROC_QUEUE_BLOCK_SIZE;
  range->end = range->start + AIOPROC_QUEUE_BLOCK_SIZE;
  range->pages = 0;

  for (gsize i = 0; i < n_pieces && n_slots < MAX_PIECES; i++)
    {
      guint64 found_offset = (pieces[i] >> 32) * AIOPROC_QUEUE_EXTENT_UNIT;
      guint64 offset;
      guint size_class;
      AioprocQueueSlot *slot = trim_check (self, pieces[i] & G_MAXUINT32, &size_class, &offset);

      if (slot == NULL || offset != found_offset || !aioproc_queue_class_is_small (size_class) ||
          (n_slots > 0 && (size_class != block_class ||
                           offset - range->start < starts[n_slots - 1] + size)))
        continue;

      block_class = size_class;
      size = aioproc_queue_class_get_size (size_class);
      slots[n_slots] = slot;
      starts[n_slots] = offset - range->start;
      count_in (filled, starts[n_slots], starts[n_slots] + size);
      n_slots++;
    }

  if (n_slots == 0)
    return FALSE;

  /* What is left behind the last one is nobody's. */
  count_in (filled, AIOPROC_QUEUE_BLOCK_SIZE / size * size, AIOPROC_QUEUE_BLOCK_SIZE);

  for (guint page = 0; page < BLOCK_PAGES; page++)
    filled_pages |= (filled[page] == PAGE_SIZE ? 1u : 0u) << page;

  for (guint i = 0; i < n_slots; i++)
    {
      if (!is_cold (self, slots[i]))
        range->pages |= get_pages (starts[i], size) & filled_pages;
    }

  if (range->pages == 0)
    return FALSE;

  trim_begin (self, range);

  for (guint i = 0; i < n_slots; i++)
    {
      if ((get_pages (starts[i], size) & range->pages) != 0)
        set_cold (slots[i]);
    }

  return TRUE;
}

/* Chooses and begins what goes next. @n_done: how many were looked at before. */
static gboolean
trim_take (Trim      *self,
           gsize     *n_done,
           TrimRange *range)
{
  gsize first = *n_done;
  gsize n = 1;

  if (first < self->n_larges)
    {
      *n_done += 1;
      return trim_take_large (self, self->larges[first], range);
    }

  first -= self->n_larges;

  while (first + n < self->n_pieces &&
         self->pieces[first + n] >> 42 == self->pieces[first] >> 42)
    n++;

  *n_done += n;

  return trim_take_pieces (self, &self->pieces[first], n, range);
}

/* The largest first. */
static void
trim_run (Trim *self)
{
  AioprocQueueHeader *header = self->slots->header;
  gsize n_found = self->n_larges + self->n_pieces;
  gboolean begun = FALSE;
  gsize n_done = 0;

  G_STATIC_ASSERT (AIOPROC_QUEUE_BLOCK_SIZE / AIOPROC_QUEUE_EXTENT_UNIT == 1 << 10);

  if (self->n_pieces > 1)
    qsort (self->pieces, self->n_pieces, sizeof (guint64), compare_pieces);

  while (begun || n_done < n_found)
    {
      AioprocQueueWakes wakes = { 0 };
      TrimRange range;

      if (!aioproc_queue_slots_enter_asleep (self->slots, &wakes))
        return;

      if (begun)
        poke (&header->trim_owner, 0);

      /* Somebody else is at it: what is left is for them. */
      if (aioproc_queue_is_trimmed (self->slots, 0, AIOPROC_QUEUE_FILE_SIZE))
        n_done = n_found;

      begun = n_done < n_found && trim_take (self, &n_done, &range);
      aioproc_queue_slots_leave (self->slots, &wakes);

      if (begun)
        trim_punch (self, &range);
    }
}

/* --- A round --- */

/* DONE, or BUSY: somebody else has begun one in this epoch, or is at it yet. */
static AioprocQueueStatus
trim_enter_epoch (Trim *self)
{
  AioprocQueueHeader *header = self->slots->header;
  AioprocQueueWakes wakes = { 0 };
  gint64 now_usec;
  gint64 age_usec;
  gboolean entered;

  if (!aioproc_queue_slots_enter_asleep (self->slots, &wakes))
    return AIOPROC_QUEUE_FAILED;

  now_usec = g_get_monotonic_time ();
  age_usec = now_usec - peek (&header->epoch_usec);
  entered = (age_usec < 0 || age_usec >= AIOPROC_QUEUE_IDLE_USEC) &&
            !aioproc_queue_is_trimmed (self->slots, 0, AIOPROC_QUEUE_FILE_SIZE);

  if (entered)
    {
      self->epoch = peek (&header->epoch) + 1;
      poke (&header->epoch, self->epoch);
      poke (&header->epoch_usec, now_usec);

      if (peek (&header->trim_owner) != 0)
        {
          self->redo_start = peek (&header->trim_start);
          self->redo_end = peek (&header->trim_end);
          poke (&header->trim_owner, 0);
        }
    }

  aioproc_queue_slots_leave (self->slots, &wakes);

  return entered ? AIOPROC_QUEUE_DONE : AIOPROC_QUEUE_BUSY;
}

/* What the queue has is counted by all who allocate something, and not quite exactly. */
static void
count_allocated (AioprocQueueSlots *self)
{
  guint64 before = peek (&self->header->n_allocated);
  struct stat buffer;
  guint64 now;

  if (fstat (aioproc_shm_get_fd (self->memory.shm), &buffer) != 0)
    return;

  now = (guint64) buffer.st_blocks * 512;
  now -= MIN (now, AIOPROC_QUEUE_BIRTH_SIZE);
  /* Others go on counting. */
  atomic_fetch_add_explicit (&self->header->n_allocated, now - before, memory_order_relaxed);
}

gboolean
aioproc_queue_slots_tend (AioprocQueueSlots *self)
{
  Trim trim = { .slots = self };
  AioprocQueueStatus status;
  guint64 worth;

  if (peek (&self->header->n_allocated) <= AIOPROC_QUEUE_IDLE_KEEP)
    return FALSE;

  status = trim_enter_epoch (&trim);

  if (status != AIOPROC_QUEUE_DONE)
    return status == AIOPROC_QUEUE_BUSY;

  count_allocated (self);
  worth = MAX (WORTH_MIN, peek (&self->header->n_allocated) / WORTH_PART);
  trim_collect (&trim);

  if (trim.n_old >= worth || trim.redo_end != 0)
    {
      trim_run (&trim);
      count_allocated (self);
    }
  else
    {
      trim.n_young += trim.n_old;
    }

  g_free (trim.pieces);
  g_free (trim.larges);

  return trim.n_young >= worth && peek (&self->header->n_allocated) > AIOPROC_QUEUE_IDLE_KEEP;
}
