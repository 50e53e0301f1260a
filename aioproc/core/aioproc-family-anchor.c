/* aioproc-family-anchor.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <gio/gio.h>

#include "core/aioproc-family-region-private.h"
#include "core/aioproc-thread-private.h"

/* How members learn of a death.
 *
 * Each member has one immortal thread, the anchor, whose robust list names the member's live
 * word and whose list_op_pending names the family's poke word. When the member dies, by whatever
 * cause, the kernel marks the live word and wakes one sleeper on each of the two. Sleepers are
 * the other members' anchors. An anchor that wakes waits until the dead member holds its byte
 * lock no more, which is when the last of its threads can write no more, then bumps the sequence
 * word and wakes all who sleep on it: those are the waits of the whole family, which look again.
 *
 * An anchor that is killed before it has announced announces itself by its own death. An anchor
 * that is about to sleep cannot miss a death either: it sleeps on the live words it has looked
 * at, and on the count of arrivals.
 */

/* Sleeps of an anchor while a member is dying: it looks again after 50 µs at first, every 100 ms in
 * the end, since a core dump may take seconds.
 */
#define DYING_MIN_USEC 50
#define DYING_MAX_USEC (100 * G_TIME_SPAN_MILLISECOND)

/* (atomic) */
static _Atomic guint n_anchors;

void
aioproc_family_announce (AioprocFamily *self)
{
  /* Partner: the acquire load of the sequence word before each wait. */
  atomic_fetch_add_explicit (&self->region->sequence, 1, memory_order_seq_cst);
  aioproc_futex_wake (&self->region->sequence, G_MAXUINT);
}

gboolean
aioproc_family_look_around (AioprocFamily    *self,
                            AioprocFutexWait *waits,
                            guint             max_waits,
                            guint            *n_waits,
                            gboolean         *all_watched)
{
  gboolean dying = FALSE;

  *n_waits = 0;
  *all_watched = TRUE;

  for (guint i = 0; i < N_SLOTS; i++)
    {
      FamilySlot *slot = &self->region->slots[i];
      guint32 life = atomic_load_explicit (&slot->life, memory_order_acquire);
      guint32 live;

      if (life_get_state (life) != SLOT_ATTACHED)
        continue;

      live = atomic_load_explicit (&slot->live, memory_order_acquire);

      if (!aioproc_robust_is_died (live))
        {
          if (*n_waits < max_waits)
            waits[(*n_waits)++] = (AioprocFutexWait) { &slot->live, live };
          else
            *all_watched = FALSE;

          continue;
        }

#ifndef AIOPROC_FAULT_EARLY_ANNOUNCEMENT
      if (aioproc_ofd_is_locked (self->own_fd, i))
        {
          dying = TRUE;
          continue;
        }
#endif

      /* First the announcement, then the mark that it was made: killed between, another does it
       * again. Refused the mark, another was faster, and the slot may have its next member.
       */
      aioproc_family_announce (self);

      if (!atomic_compare_exchange_strong_explicit (&slot->life, &life,
                                                    life_new (life_get_generation (life),
                                                              SLOT_ANNOUNCED),
                                                    memory_order_acq_rel, memory_order_relaxed))
        dying = TRUE;
    }

  return dying;
}

static gpointer
aioproc_family_anchor_main (gpointer data)
{
  AioprocFamily *self = data;
  AioprocFutexWait waits[AIOPROC_FUTEX_WAITV_MAX];
  FamilySlot *slot = &self->region->slots[self->slot];
  gint64 nap_usec = DYING_MIN_USEC;
  gboolean adopted;

  adopted = aioproc_robust_adopt (&self->mapping, &slot->live, &self->region->poke, NULL);
  atomic_store (&self->anchor_state, adopted ? ANCHOR_READY : ANCHOR_FAILED);
  aioproc_futex_wake (&self->anchor_state, G_MAXUINT);

  if (!adopted)
    return NULL;

  for (;;)
    {
      guint n_waits;
      gboolean all_watched;
      gboolean dying;
      gint64 deadline_usec;

#ifdef AIOPROC_FAULT_NO_ANNOUNCEMENT
      aioproc_futex_wait (&self->anchor_state, ANCHOR_READY, -1);
      continue;
#endif

      waits[0] = (AioprocFutexWait) { &self->region->poke, 0 };
      /* Partner: the release of a member that has attached. */
      waits[1] = (AioprocFutexWait) {
        &self->region->arrivals,
        atomic_load_explicit (&self->region->arrivals, memory_order_acquire)
      };
      dying = aioproc_family_look_around (self, waits + 2, G_N_ELEMENTS (waits) - 2, &n_waits,
                                          &all_watched);

      if (dying)
        {
          deadline_usec = g_get_monotonic_time () + nap_usec;
          nap_usec = MIN (nap_usec * 2, DYING_MAX_USEC);
        }
      else
        {
          deadline_usec = all_watched ? -1 : aioproc_family_get_backstop ();
          nap_usec = DYING_MIN_USEC;
        }

      if (aioproc_futex_has_waitv ())
        aioproc_futex_waitv (waits, n_waits + 2, deadline_usec);
      else
        aioproc_futex_wait (&self->region->poke, 0,
                            dying ? deadline_usec : aioproc_family_get_backstop ());
    }

  return NULL;
}

gboolean
aioproc_family_start_anchor (AioprocFamily  *self,
                             GError        **error)
{
  guint32 state = ANCHOR_STARTING;

  atomic_store (&self->anchor_state, state);

  if (!aioproc_thread_start ("aioproc-anchor", aioproc_family_anchor_main, self, error))
    return FALSE;

  while ((state = atomic_load (&self->anchor_state)) == ANCHOR_STARTING)
    aioproc_futex_wait (&self->anchor_state, ANCHOR_STARTING, -1);

  if (state == ANCHOR_FAILED)
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
                           "Could not join a family: the kernel has no robust futexes");
      return FALSE;
    }

  atomic_fetch_add (&n_anchors, 1);

  return TRUE;
}

void
aioproc_family_forget_anchors (void)
{
  atomic_store (&n_anchors, 0);
}

guint
aioproc_family_count_threads (void)
{
  return atomic_load (&n_anchors);
}
