/* fuzz-queue-peer.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "fuzz-queue-peer.h"

#include <sys/stat.h>
#include <unistd.h>

#include "aioproc-joinable-queue.h"
#include "ipc/aioproc-queue-lists-private.h"
#include "ipc/aioproc-queue-repair-private.h"
#include "platform/aioproc-fds-private.h"
#include "platform/aioproc-memfd-private.h"

/* In the middle of an operation means: where it calls one of the functions below, by turns before
 * and after what the function does. They lie between the looks at the memory and the use of what
 * was seen. Unlike a thread that writes at random, this does the same each time.
 */
#define N_ARMED 8

typedef struct {
  AioprocShm *shm;
  guint8     *base;        /* of the mapping that the peer writes to */
  int         family_fd;
  guint8      birth[AIOPROC_QUEUE_BIRTH_SIZE];
} PeerMemory;

typedef struct {
  guint64 offset;
  guint64 value;
  guint   size;            /* 4 or 8 */
  guint   n_calls;         /* until then */
} PeerWrite;

static PeerMemory memories[AIOPROC_SHM_N_KINDS];
static PeerMemory *memory;          /* of this input */
static gboolean has_written;
static PeerWrite armed[N_ARMED];
static guint n_armed;
static _Atomic gint64 passed_usec;  /* (atomic) other threads look at the clock, too */

/* What the library has left to its own threads. */
static void (*work) (gpointer data);
static gpointer work_data;

/* --- Memory --- */

static void
peer_memory_init (PeerMemory     *self,
                  AioprocShmKind  kind)
{
  GType type = kind == AIOPROC_SHM_QUEUE ? AIOPROC_TYPE_QUEUE : AIOPROC_TYPE_JOINABLE_QUEUE;
  int fds[AIOPROC_SHAREABLE_MAX_FDS];
  g_autoptr(AioprocShareable) queue = NULL;
  g_autoptr(GError) error = NULL;
  guint32 wire_kind;
  guint n_fds;

  queue = g_initable_new (type, NULL, &error, "name", "fuzz", NULL);
  g_assert_no_error (error);
  g_assert_true (aioproc_shareable_export (queue, &wire_kind, fds, &n_fds, &error));
  g_assert_cmpuint (wire_kind, ==, kind);
  g_assert_cmpuint (n_fds, ==, 2);

  self->base = aioproc_memfd_map (fds[0], 0, AIOPROC_QUEUE_FILE_SIZE, TRUE, &error);
  g_assert_no_error (error);
  memcpy (self->birth, self->base, sizeof self->birth);
  self->shm = aioproc_shm_ref (AIOPROC_SHAREABLE_GET_IFACE (queue)->get_shm (queue));
  self->family_fd = fds[1];
  close (fds[0]);
}

static AioprocQueueHeader *
get_header (void)
{
  return (AioprocQueueHeader *) (gpointer) (memory->base + AIOPROC_SHM_HEADER_SIZE);
}

guint64
peer_count_allocated (void)
{
  struct stat buffer;

  g_assert_cmpint (fstat (aioproc_shm_get_fd (memory->shm), &buffer), ==, 0);

  return (guint64) buffer.st_blocks * 512;
}

void
peer_begin (AioprocShmKind    kind,
            const PeerConfig *config)
{
  memory = &memories[kind];

  if (memory->shm == NULL)
    peer_memory_init (memory, kind);

  memcpy (memory->base, memory->birth, sizeof memory->birth);
  atomic_store (&get_header ()->max_items, config->max_items);
  atomic_store (&get_header ()->max_failures, config->max_deliveries);
  atomic_store (&get_header ()->max_bytes, config->max_bytes);
  has_written = FALSE;
  n_armed = 0;
  atomic_store (&passed_usec, 0);
}

void
peer_end (void)
{
  g_assert_null (work);
  g_assert_cmpuint (peer_count_allocated (), <=, PEER_MAX_ALLOCATED);
  n_armed = 0;

  if (peer_count_allocated () > AIOPROC_QUEUE_BIRTH_SIZE)
    aioproc_memfd_punch (aioproc_shm_get_fd (memory->shm), AIOPROC_QUEUE_BIRTH_SIZE,
                         AIOPROC_QUEUE_FILE_SIZE - AIOPROC_QUEUE_BIRTH_SIZE, NULL);
}

AioprocQueue *
peer_attach (gboolean   anew,
             GError   **error)
{
  AioprocShareable *queue;
  int fds[2];

  if (!anew)
    {
      queue = aioproc_shareable_adopt (aioproc_shm_ref (memory->shm), NULL, error);
    }
  else
    {
      fds[0] = aioproc_fds_dup (aioproc_shm_get_fd (memory->shm), error);
      fds[1] = aioproc_fds_dup (memory->family_fd, error);
      g_assert_true (fds[0] >= 0 && fds[1] >= 0);
      queue = aioproc_shareable_import (aioproc_shm_get_kind (memory->shm), fds, 2, error);
    }

  return queue != NULL ? AIOPROC_QUEUE (queue) : NULL;
}

/* --- Writes --- */

#define LARGEST_CLASS (AIOPROC_QUEUE_N_CLASSES - 1)

static guint32
take_word (FuzzInput *input)
{
  const guint32 own = aioproc_family_get_owner (aioproc_shm_get_family (memory->shm));
  /* Of nobody. */
  const guint32 other = AIOPROC_OWNER_BIT | ((own & AIOPROC_OWNER_MASK) ^ 0x155);
  const guint32 words[] = {
    0, 1, G_MAXUINT32, G_MAXINT32, AIOPROC_QUEUE_READY, AIOPROC_QUEUE_FAULTY, AIOPROC_QUEUE_FREE,
    AIOPROC_QUEUE_FREE | own, AIOPROC_QUEUE_FREE | other, AIOPROC_QUEUE_READY | own,
    AIOPROC_QUEUE_FILLING | own, AIOPROC_QUEUE_FILLING | other,
    AIOPROC_QUEUE_LEASED | own, AIOPROC_QUEUE_LEASED | other, AIOPROC_QUEUE_LEASED,
    AIOPROC_QUEUE_BIRTH_SLOTS, AIOPROC_QUEUE_BIRTH_SLOTS + 1, AIOPROC_QUEUE_MAX_SLOTS,
    AIOPROC_QUEUE_MAX_SLOTS + 1, 128, 160,
    aioproc_queue_info (AIOPROC_QUEUE_BYTES, 1, 0),
    aioproc_queue_info (AIOPROC_QUEUE_VARIANT, 0, 0),
    aioproc_queue_info (AIOPROC_QUEUE_BYTES, 0, 0xffff),
    aioproc_queue_info (AIOPROC_QUEUE_BYTES, LARGEST_CLASS, 0),
    aioproc_queue_info (AIOPROC_QUEUE_BYTES, AIOPROC_QUEUE_N_CLASSES, 1),
    aioproc_queue_info (AIOPROC_QUEUE_BYTES, AIOPROC_QUEUE_SMALL_CLASSES + 1, 1),
    aioproc_queue_info (2, 0, 0), AIOPROC_QUEUE_INFO_PLACED, AIOPROC_QUEUE_INFO_COUNTED,
    AIOPROC_QUEUE_DATA_OFFSET / AIOPROC_QUEUE_EXTENT_UNIT,
    AIOPROC_QUEUE_FILE_SIZE / AIOPROC_QUEUE_EXTENT_UNIT - 1,
  };

  return words[fuzz_input_take_byte (input) % G_N_ELEMENTS (words)];
}

static guint64
take_length (FuzzInput *input)
{
  static const guint64 lengths[] = {
    0, 1, AIOPROC_QUEUE_INLINE_SIZE, AIOPROC_QUEUE_INLINE_SIZE + 1, 256, 257,
    AIOPROC_QUEUE_COPY_MAX, AIOPROC_QUEUE_COPY_MAX + 1, AIOPROC_QUEUE_SMALL_MAX,
    AIOPROC_QUEUE_SMALL_MAX + 1, 65536, 65537, AIOPROC_QUEUE_PAYLOAD_MAX,
    AIOPROC_QUEUE_PAYLOAD_MAX - 1, AIOPROC_QUEUE_PAYLOAD_MAX + 1, AIOPROC_QUEUE_DATA_OFFSET,
    AIOPROC_QUEUE_FILE_SIZE, AIOPROC_QUEUE_HISTORY_OFFSET, G_GUINT64_CONSTANT (1) << 62,
    G_MAXINT64, G_MAXUINT64, G_MAXUINT64 - 7, G_MAXUINT32, G_GUINT64_CONSTANT (1) << 32,
    G_GUINT64_CONSTANT (64) << 20,
  };

  return lengths[fuzz_input_take_byte (input) % G_N_ELEMENTS (lengths)];
}

static guint64
take_slot_offset (FuzzInput *input)
{
  return AIOPROC_QUEUE_SLOTS_OFFSET +
         fuzz_input_take_byte (input) % 160 * sizeof (AioprocQueueSlot);
}

/* A multiple of 4, and most often of something that means something. */
static guint64
take_offset (FuzzInput *input)
{
  const guint map_size = AIOPROC_QUEUE_HISTORY_OFFSET - AIOPROC_QUEUE_MAP_OFFSET;
  guint64 offset;

  switch (fuzz_input_take_byte (input) % 8)
    {
    case 0:
      return AIOPROC_SHM_HEADER_SIZE +
             4 * (fuzz_input_take_byte (input) % (sizeof (AioprocQueueHeader) / 4));

    case 1:
      offset = take_slot_offset (input);

      return offset + 4 * (fuzz_input_take_byte (input) % 12);

    case 2:
      offset = take_slot_offset (input);

      return offset + 4 * (fuzz_input_take_byte (input) % 32);

    case 3:
      return AIOPROC_QUEUE_MAP_OFFSET + 8 * (fuzz_input_take_uint16 (input) % (map_size / 8));

    case 4:
      return AIOPROC_QUEUE_HISTORY_OFFSET + 4 * fuzz_input_take_uint16 (input);

    case 5:
      return AIOPROC_QUEUE_DATA_OFFSET + 64 * (guint64) fuzz_input_take_uint16 (input);

    case 6:
      return 4 * (fuzz_input_take_byte (input) % (AIOPROC_SHM_HEADER_SIZE / 4));

    default:
      return 4 * (guint64) fuzz_input_take_uint32 (input) % AIOPROC_QUEUE_FILE_SIZE;
    }
}

static guint32
read_word (guint64 offset)
{
  guint32 word;

  memcpy (&word, memory->base + offset, sizeof word);

  return word;
}

static PeerWrite
take_write (FuzzInput *input)
{
  PeerWrite self = { .offset = take_offset (input), .size = 4 };

  switch (fuzz_input_take_byte (input) % 8)
    {
    case 0:
      self.value = fuzz_input_take_byte (input);
      break;

    case 1:
      self.value = fuzz_input_take_uint32 (input);
      break;

    case 2:
      self.value = fuzz_input_take_uint64 (input);
      self.size = 8;
      break;

    case 3:
      self.value = take_word (input);
      break;

    case 4:
      self.value = read_word (self.offset) + (guint32) (gint8) fuzz_input_take_byte (input);
      break;

    case 5:
      self.value = read_word (self.offset) ^ 1u << fuzz_input_take_byte (input) % 32;
      break;

    case 6:
      self.value = take_length (input);
      self.size = 8;
      break;

    default:
      self.value = 0;
      break;
    }

  if (self.offset % 8 != 0)
    self.size = 4;

  return self;
}

static void
do_write (const PeerWrite *write)
{
  gpointer to = memory->base + write->offset;

  if (write->size == 8)
    atomic_store ((_Atomic guint64 *) to, write->value);
  else
    atomic_store ((_Atomic guint32 *) to, (guint32) write->value);

  has_written = TRUE;
}

void
peer_write (FuzzInput *input)
{
  guint n_writes = 1 + fuzz_input_take_byte (input) % 4;

  for (guint i = 0; i < n_writes; i++)
    {
      PeerWrite write = take_write (input);

      do_write (&write);
    }
}

/* One that looks as if it were good, but for what is in the input. */
void
peer_forge (FuzzInput *input)
{
  AioprocQueueHeader *header = get_header ();
  guint64 offset = take_slot_offset (input);
  AioprocQueueSlot *slot = (gpointer) (memory->base + offset);
  guint32 link = 1 + (guint32) ((offset - AIOPROC_QUEUE_SLOTS_OFFSET) / sizeof (AioprocQueueSlot));
  guint8 what = fuzz_input_take_byte (input);
  guint size_class = fuzz_input_take_byte (input);
  guint64 place = fuzz_input_take_byte (input);
  guint64 size;

  if ((what & 3) != 0)
    size_class %= AIOPROC_QUEUE_N_CLASSES;

  size = size_class > 0 && size_class < AIOPROC_QUEUE_N_CLASSES
         ? aioproc_queue_class_get_size (size_class) : AIOPROC_QUEUE_INLINE_SIZE;

  atomic_store (&slot->state, take_word (input));
  atomic_store (&slot->info, aioproc_queue_info ((what >> 2) & 3, size_class, what >> 4));
  atomic_store (&slot->length, (what & 4) != 0 ? take_length (input)
                                               : size - fuzz_input_take_byte (input) % 4);
  atomic_store (&slot->extent, (AIOPROC_QUEUE_DATA_OFFSET + size - 1) / size * size /
                               AIOPROC_QUEUE_EXTENT_UNIT + place * size /
                               AIOPROC_QUEUE_EXTENT_UNIT);
  atomic_store (&slot->next, fuzz_input_take_byte (input));

  /* And it is in a list, too. */
  switch (fuzz_input_take_byte (input) % 6)
    {
    case 0:
      atomic_store (&header->ready_first, link);
      atomic_store (&header->ready_last, link);
      atomic_fetch_add (&header->n_ready, 1);
      atomic_fetch_add (&header->n_used, 1);
      break;

    case 1:
      atomic_store (&header->faulty_first, link);
      atomic_store (&header->faulty_last, link);
      atomic_fetch_add (&header->n_faulty, 1);
      break;

    case 2:
      atomic_store (&header->busy_first, link);
      atomic_store (&header->stale, AIOPROC_QUEUE_STALE_BUSY);
      break;

    case 3:
      atomic_store (&header->stale, AIOPROC_QUEUE_STALE_ALL);
      break;

    case 4:
      atomic_store (&header->free_extents[size_class % AIOPROC_QUEUE_N_CLASSES], link);
      break;

    default:
      break;
    }

  has_written = TRUE;
}

void
peer_arm (FuzzInput *input)
{
  guint n_calls = fuzz_input_take_byte (input) % 32;
  PeerWrite write = take_write (input);

  write.n_calls = n_calls;

  if (n_armed < N_ARMED)
    armed[n_armed++] = write;
}

gboolean
peer_has_written (void)
{
  return has_written;
}

/* --- In the middle of an operation --- */

static void
fire (void)
{
  guint n_left = 0;

  for (guint i = 0; i < n_armed; i++)
    {
      PeerWrite write = armed[i];

      if (write.n_calls-- == 0)
        do_write (&write);
      else
        armed[n_left++] = write;
    }

  n_armed = n_left;
}

/* The linker gives these to who calls the functions that they are named after. */
#define REAL(name) __real_ ## name
#define WRAP(name) __wrap_ ## name

#define WRAPPED(type, name, parameters) \
  type REAL (name) parameters;          \
  type WRAP (name) parameters;          \
                                        \
  type                                  \
  WRAP (name) parameters

#define WRAPPED_VALUE(type, name, parameters, arguments) \
  WRAPPED (type, name, parameters)                       \
  {                                                      \
    type result;                                         \
                                                         \
    fire ();                                             \
    result = REAL (name) arguments;                      \
    fire ();                                             \
                                                         \
    return result;                                       \
  }

WRAPPED_VALUE (guint64, aioproc_memfd_find_hole, (int fd, guint64 offset), (fd, offset))
WRAPPED_VALUE (gboolean, aioproc_memfd_write,
               (int fd, guint64 offset, gconstpointer data, gsize length, GError **error),
               (fd, offset, data, length, error))
WRAPPED_VALUE (AioprocLockResult, aioproc_lock_word_spin,
               (AioprocLockWord *word, AioprocFamily *family), (word, family))
WRAPPED_VALUE (gboolean, aioproc_queue_repair,
               (AioprocQueueSlots *slots, AioprocQueueWakes *wakes, GError **error),
               (slots, wakes, error))
WRAPPED_VALUE (gboolean, aioproc_queue_slots_link_busy,
               (AioprocQueueSlots *self, guint32 link, AioprocQueueSlot *slot),
               (self, link, slot))
WRAPPED_VALUE (gboolean, aioproc_queue_slots_unlink_busy,
               (AioprocQueueSlots *self, guint32 link, AioprocQueueSlot *slot),
               (self, link, slot))

WRAPPED (gboolean, aioproc_memfd_reserve,
         (int fd, guint64 offset, guint64 length, GError **error))
{
  gboolean result;

  g_assert_cmpuint (length, <=, PEER_MAX_ALLOCATED);
  fire ();
  result = REAL (aioproc_memfd_reserve) (fd, offset, length, error);
  fire ();

  return result;
}

WRAPPED (gpointer, g_try_malloc, (gsize size))
{
  gpointer result;

  g_assert_cmpuint (size, <=, PEER_MAX_ALLOCATED);
  fire ();
  result = REAL (g_try_malloc) (size);
  fire ();

  return result;
}

/* --- Threads and time --- */

/* A queue has one thing at most that it leaves to other threads, and that only once at a time. */
WRAPPED (gboolean, aioproc_waiter_run_work, (void (*func) (gpointer data), gpointer data))
{
  if (work != NULL)
    return FALSE;

  work = func;
  work_data = data;

  return TRUE;
}

void
peer_run_work (void)
{
  void (*func) (gpointer data) = work;

  if (func == NULL)
    return;

  work = NULL;
  n_armed = 0;

  if (atomic_exchange (&get_header ()->lock, 0) != 0)
    has_written = TRUE;

  func (work_data);
}

WRAPPED (gint64, g_get_monotonic_time, (void))
{
  return REAL (g_get_monotonic_time) () + atomic_load (&passed_usec);
}

void
peer_pass_time (guint64 usec)
{
  atomic_fetch_add (&passed_usec, usec);
}
