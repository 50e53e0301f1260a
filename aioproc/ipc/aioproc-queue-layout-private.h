/* aioproc-queue-layout-private.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <stdatomic.h>

#include <glib.h>

#include "core/aioproc-lock-word-private.h"
#include "core/aioproc-shm-private.h"

G_BEGIN_DECLS

/* What a queue looks like in its memory, which is a sparse file of a fixed size:
 *
 *   0         header of every shared object, header of the queue
 *   4 KiB     slots, one an item, as many as were ever needed at once
 *   - 128 KiB free map of the extents
 *   2 GiB     history: how the last deliveries of each slot's item have failed, if any
 *   3 GiB     extents: the payloads that do not fit into their slots
 *   16 GiB    end
 *
 * Truth is what the slots say: the state word of each is the one point at which an item comes and
 * goes. All lists, counts and maps are caches of that, which any process can make anew.
 */

#define AIOPROC_QUEUE_FILE_SIZE    (G_GUINT64_CONSTANT (1) << 34)
#define AIOPROC_QUEUE_SLOTS_OFFSET G_GUINT64_CONSTANT (4096)
#define AIOPROC_QUEUE_MAP_OFFSET   (AIOPROC_QUEUE_HISTORY_OFFSET - 128 * 1024)
#define AIOPROC_QUEUE_HISTORY_OFFSET (G_GUINT64_CONSTANT (2) << 30)
#define AIOPROC_QUEUE_DATA_OFFSET  (G_GUINT64_CONSTANT (3) << 30)

/* What is there at birth, so that a queue of small items needs 16 KiB. */
#define AIOPROC_QUEUE_BIRTH_SIZE  (16 * 1024)
#define AIOPROC_QUEUE_STATE_SIZE  (AIOPROC_QUEUE_BIRTH_SIZE - AIOPROC_SHM_HEADER_SIZE)
#define AIOPROC_QUEUE_BIRTH_SLOTS \
  ((AIOPROC_QUEUE_BIRTH_SIZE - AIOPROC_QUEUE_SLOTS_OFFSET) / sizeof (AioprocQueueSlot))
#define AIOPROC_QUEUE_MAX_SLOTS \
  ((AIOPROC_QUEUE_MAP_OFFSET - AIOPROC_QUEUE_SLOTS_OFFSET) / sizeof (AioprocQueueSlot))

/* Payloads up to this size lie in their slot. */
#define AIOPROC_QUEUE_INLINE_SIZE 80
/* Payloads up to this size are copied while the queue is locked, others beside the lock. */
#define AIOPROC_QUEUE_COPY_MAX    4096

/* Bytes that are copied beside the lock need not be copied out: who gets them has them where they
 * lie, as long as its process has less than this of a queue so. Each counts as this much at least,
 * since a sweep looks at every slot.
 */
#define AIOPROC_QUEUE_HELD_MAX    (256 * 1024 * 1024)
#define AIOPROC_QUEUE_HELD_MIN    (256 * 1024)

/* Extents. A slot keeps its extent when it becomes free, so that memory that is there, and
 * perhaps in a cache, is used again first. Classes: 0 is none; then sizes from 256 bytes to
 * 32 KiB, four steps to a doubling, cut from blocks of 64 KiB; then powers of two from 64 KiB to
 * 8 GiB, of which only the pages that were used are allocated.
 */
#define AIOPROC_QUEUE_SMALL_CLASSES 29
#define AIOPROC_QUEUE_SMALL_MAX     (32 * 1024)
#define AIOPROC_QUEUE_MIN_ORDER     16
#define AIOPROC_QUEUE_MAX_ORDER     33
#define AIOPROC_QUEUE_N_ORDERS      (AIOPROC_QUEUE_MAX_ORDER - AIOPROC_QUEUE_MIN_ORDER + 1)
#define AIOPROC_QUEUE_N_CLASSES     (1 + AIOPROC_QUEUE_SMALL_CLASSES + AIOPROC_QUEUE_N_ORDERS)
#define AIOPROC_QUEUE_BLOCK_SIZE    (G_GUINT64_CONSTANT (1) << AIOPROC_QUEUE_MIN_ORDER)
#define AIOPROC_QUEUE_EXTENT_UNIT   64
#define AIOPROC_QUEUE_PAYLOAD_MAX   (G_GUINT64_CONSTANT (1) << AIOPROC_QUEUE_MAX_ORDER)

/* The state word: what the slot is, and for FILLING, LEASED and HELD whose. A page of zeros is a
 * page of free slots.
 */
#define AIOPROC_QUEUE_STATE_MASK 0xc0000000u
#define AIOPROC_QUEUE_FREE       0x00000000u
#define AIOPROC_QUEUE_FILLING    0x40000000u
#define AIOPROC_QUEUE_READY      0x80000000u
#define AIOPROC_QUEUE_LEASED     0xc0000000u

/* READY, but on the list of what has failed too often, where gets do not look. */
#define AIOPROC_QUEUE_FAULTY     (AIOPROC_QUEUE_READY | 1u)

/* FREE, but with an owner, each of which has this bit: the item is gone, and its memory will be
 * free when the owner does not read it any more.
 */
#define AIOPROC_QUEUE_HELD       (AIOPROC_QUEUE_FREE | AIOPROC_OWNER_BIT)

G_STATIC_ASSERT ((AIOPROC_OWNER_MASK & AIOPROC_QUEUE_STATE_MASK) == 0);

typedef enum {
  AIOPROC_QUEUE_BYTES = 0,
  AIOPROC_QUEUE_VARIANT = 1,
} AioprocQueueKind;

/* A flag in the info word: the item was LEASED, so that its sequence number is its place. That of
 * an item which became READY outside of the lock is given when it is found.
 */
#define AIOPROC_QUEUE_INFO_PLACED 0x80u
/* The same: this delivery has failed, and counts among those that did, although the item is LEASED
 * yet. So who is killed before it is not counts once.
 */
#define AIOPROC_QUEUE_INFO_COUNTED 0x40u
/* The same: the slot was HELD, so that nothing counts it any more. */
#define AIOPROC_QUEUE_INFO_HELD 0x20u
/* The highest bit of the class of a FREE slot: the pages of its extent were given back. Who takes
 * it allocates them anew.
 */
#define AIOPROC_QUEUE_INFO_COLD 0x8000u
/* While it is FILLING, and READY after that: the item was made shorter than the room that it had,
 * outside of the lock, so that its length does not tell how many bytes it counts for.
 */
#define AIOPROC_QUEUE_INFO_SHORTENED 0x10u

typedef struct {
  _Atomic guint32 state;
  /* Of the list that it is in: index + 1, 0 for none. Caches. */
  _Atomic guint32 next;
  _Atomic guint32 previous;      /* of the busy and ready lists only */
  /* Of the item: kind (4 bits, from the lowest), flags (4); of the slot in all its states: class
   * of its extent (8); of the item: deliveries that failed (16).
   */
  _Atomic guint32 info;
  _Atomic guint64 sequence;
  _Atomic guint64 length;
  _Atomic guint32 extent;        /* offset / EXTENT_UNIT; only if it has a class */
  _Atomic guint32 n_pages;       /* of a large extent, how many pages are allocated at least */
  _Atomic guint32 holder;        /* LEASED: process id of the owner, as it sees itself; FREE with an
                                  * extent: the epoch in which it became so, or anything */
  _Atomic guint32 reserved;      /* 0; for what a later version keeps of an item */
  guint8          payload[AIOPROC_QUEUE_INLINE_SIZE];
} AioprocQueueSlot;

G_STATIC_ASSERT (sizeof (AioprocQueueSlot) == 128);
G_STATIC_ASSERT (G_STRUCT_OFFSET (AioprocQueueSlot, payload) == 48);

/* How one delivery of an item has failed. The last ones of an item lie in the history at the index
 * of its slot, the n-th failure at n modulo N_HISTORY. One that could not be written down is
 * missing: what lies there instead is of another item, by its tag, or zero.
 */
#define AIOPROC_QUEUE_N_HISTORY 4

typedef enum {
  AIOPROC_QUEUE_NACKED = 1,
  AIOPROC_QUEUE_DIED = 2,
} AioprocQueueCause;

typedef struct {
  guint32 pid;
  guint32 tag;                   /* cause (8 bits, from the lowest), of the sequence number (24) */
  gint64  time_usec;             /* since 1970 */
} AioprocQueueRecord;

G_STATIC_ASSERT (sizeof (AioprocQueueRecord) == 16);
G_STATIC_ASSERT (AIOPROC_QUEUE_HISTORY_OFFSET + (guint64) AIOPROC_QUEUE_MAX_SLOTS *
                 AIOPROC_QUEUE_N_HISTORY * sizeof (AioprocQueueRecord) <=
                 AIOPROC_QUEUE_DATA_OFFSET);

/* Words to sleep on: a count of changes, and two bits. SLEEPERS: there are some, so that who
 * changes the queue wakes one. MARKED: one of them has looked since the last change.
 */
#define AIOPROC_QUEUE_SLEEPERS 1u
#define AIOPROC_QUEUE_MARKED   2u
#define AIOPROC_QUEUE_CHANGE   4u

/* Bits of @closed. */
#define AIOPROC_QUEUE_SHUT    1u   /* nothing is put any more */
#define AIOPROC_QUEUE_DROPPED 2u   /* and nothing is got: no slot is READY for long */

/* Bits of @stale. */
#define AIOPROC_QUEUE_STALE_BUSY 1u   /* a slot of the busy list has changed its state */
#define AIOPROC_QUEUE_STALE_ALL  2u   /* a repair could not be finished */

typedef struct {
  /* What every operation changes, under @lock, but for @stale, which anybody may set. */
  AioprocLockWord lock;
  _Atomic guint32 stale;
  _Atomic guint32 swept;         /* the family's sequence word when dead owners were last sought */
  _Atomic guint32 n_ready;
  _Atomic guint32 n_used;        /* FILLING, READY and LEASED */
  _Atomic guint32 ready_first;   /* index + 1, 0 for none, as all of these */
  _Atomic guint32 ready_last;
  _Atomic guint32 busy_first;    /* FILLING, LEASED, HELD, and what has changed from these */
  _Atomic guint64 next_sequence;
  _Atomic guint32 n_slots;
  _Atomic guint32 free_first;    /* FREE without an extent */
  _Atomic guint64 n_bytes;       /* payloads of FILLING and READY */
  _Atomic guint32 n_leased;      /* of @n_used; they take no room */
  _Atomic guint32 peak_items;    /* the most that there ever were */

  /* What changes when somebody goes to sleep, if at all. */
  _Atomic guint32 items;         /* getters sleep on it */
  _Atomic guint32 room;          /* putters sleep on it */
  _Atomic guint32 closed;        /* the bits below, each set once, by anybody */
  _Atomic guint32 max_items;     /* 0: no limit; immutable */
  _Atomic guint32 idle;          /* who joins sleeps on it */
  _Atomic guint32 max_failures;  /* which make an item FAULTY, 0: no limit; immutable */
  _Atomic guint32 put_cpu;       /* where the last put and get ran: number + 1 */
  _Atomic guint32 get_cpu;
  _Atomic guint64 max_bytes;     /* 0: no limit; immutable */
  _Atomic guint64 peak_bytes;    /* the most that there ever were */
  _Atomic guint64 claim;         /* whose turn it is to put, 0 nobody's: owner, ticket */
  _Atomic gint64  claim_usec;    /* monotonic; since when */

  /* What the growth of the queue changes, under @lock. */
  _Atomic guint32 free_extents[AIOPROC_QUEUE_N_CLASSES];         /* FREE with one, by class */
  _Atomic guint64 next_piece[AIOPROC_QUEUE_SMALL_CLASSES + 1];   /* offset of what is cut next */
  _Atomic guint32 n_free_blocks[AIOPROC_QUEUE_N_ORDERS];         /* bits set in the free map */
  _Atomic guint32 map_valid;
  _Atomic guint32 n_faulty;      /* not of @n_used */
  _Atomic guint64 n_allocated;   /* bytes beyond those at birth, about */
  _Atomic gint64  empty_since;   /* monotonic; when memory was first idle */
  _Atomic guint32 faulty_first;
  _Atomic guint32 faulty_last;

  /* What gives memory back changes, under @lock. */
  _Atomic guint32 epoch;         /* some seconds, counted while somebody looks after the memory */
  _Atomic guint32 trim_owner;    /* who gives back, beside @lock, the pages of … */
  _Atomic guint64 trim_start;    /* … this range, which nobody uses meanwhile */
  _Atomic guint64 trim_end;
  _Atomic gint64  epoch_usec;    /* monotonic; since when it is this epoch */

  /* Who waits for an item without taking it sleeps on it, and marks @items along with it. */
  _Atomic guint32 watch;

  /* The rest of the page is zero, for what later versions add. */
} AioprocQueueHeader;

G_STATIC_ASSERT (G_STRUCT_OFFSET (AioprocQueueHeader, items) == 64);
G_STATIC_ASSERT (G_STRUCT_OFFSET (AioprocQueueHeader, free_extents) == 128);
G_STATIC_ASSERT (AIOPROC_SHM_HEADER_SIZE % 64 == 0);
G_STATIC_ASSERT (AIOPROC_SHM_HEADER_SIZE + sizeof (AioprocQueueHeader) <=
                 AIOPROC_QUEUE_SLOTS_OFFSET - 1024);

/* All shared scalars are read and written once, with these, unless an order matters. */
#define aioproc_queue_peek(field) atomic_load_explicit ((field), memory_order_relaxed)
#define aioproc_queue_poke(field, value) \
  atomic_store_explicit ((field), (value), memory_order_relaxed)

/* Whether the queue was closed at once: an item is gone when it becomes ready. */
static inline gboolean
aioproc_queue_is_dropped (AioprocQueueHeader *header)
{
  return (aioproc_queue_peek (&header->closed) & AIOPROC_QUEUE_DROPPED) != 0;
}

static inline AioprocQueueKind
aioproc_queue_info_get_kind (guint32 info)
{
  return info & 0xf;
}

static inline guint
aioproc_queue_info_get_class (guint32 info)
{
  return (info >> 8) & 0x7f;
}

/* Whether a FREE slot has an extent of @size_class, or none for 0, with its pages. */
static inline gboolean
aioproc_queue_info_is_warm (guint32 info,
                            guint   size_class)
{
  return (info & 0xff00u) == size_class << 8;
}

static inline guint
aioproc_queue_info_get_failures (guint32 info)
{
  return info >> 16;
}

static inline guint32
aioproc_queue_info (AioprocQueueKind kind,
                    guint            size_class,
                    guint            failures)
{
  return kind | size_class << 8 | MIN (failures, 0xffffu) << 16;
}

/* The class of the smallest extents that hold @length bytes, which is PAYLOAD_MAX at most. */
static inline guint
aioproc_queue_class_for_length (guint64 length)
{
  guint shift;

  if (length <= AIOPROC_QUEUE_INLINE_SIZE)
    return 0;

  if (length <= 256)
    return 1;

  shift = g_bit_storage (length - 1) - 1;

  if (length > AIOPROC_QUEUE_SMALL_MAX)
    return 1 + AIOPROC_QUEUE_SMALL_CLASSES +
           MAX (shift + 1, AIOPROC_QUEUE_MIN_ORDER) - AIOPROC_QUEUE_MIN_ORDER;

  /* A quarter of the power of two below, so and so often. */
  return 1 + 4 * (shift - 8) + ((length - 1) >> (shift - 2)) - 3;
}

static inline gboolean
aioproc_queue_class_is_small (guint size_class)
{
  return size_class <= AIOPROC_QUEUE_SMALL_CLASSES;
}

static inline guint
aioproc_queue_class_get_order (guint size_class)
{
  return size_class - 1 - AIOPROC_QUEUE_SMALL_CLASSES + AIOPROC_QUEUE_MIN_ORDER;
}

/* The size of an extent of @size_class, which is not 0. */
static inline guint64
aioproc_queue_class_get_size (guint size_class)
{
  if (!aioproc_queue_class_is_small (size_class))
    return G_GUINT64_CONSTANT (1) << aioproc_queue_class_get_order (size_class);

  return (guint64) (64 * (4 + (size_class - 1) % 4)) << (size_class - 1) / 4;
}

/* Whether an extent of @size_class may begin at @offset. */
static inline gboolean
aioproc_queue_extent_is_valid (guint   size_class,
                               guint64 offset)
{
  guint64 size;

  if (size_class == 0 || size_class >= AIOPROC_QUEUE_N_CLASSES)
    return FALSE;

  size = aioproc_queue_class_get_size (size_class);

  if (offset < AIOPROC_QUEUE_DATA_OFFSET || offset > AIOPROC_QUEUE_FILE_SIZE - size)
    return FALSE;

  if (aioproc_queue_class_is_small (size_class))
    {
      guint64 start = offset % AIOPROC_QUEUE_BLOCK_SIZE;

      return start % size == 0 && start + size <= AIOPROC_QUEUE_BLOCK_SIZE;
    }

  return offset % size == 0;
}

G_END_DECLS
