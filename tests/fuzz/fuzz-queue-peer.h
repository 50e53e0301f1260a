/* fuzz-queue-peer.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "fuzz.h"

#include "aioproc-queue.h"
#include "core/aioproc-shareable-private.h"

G_BEGIN_DECLS

/* The memory of one queue, as a hostile peer has it: mapped once more, to be written to at will.
 * There is one of each kind in the process, which is made new for each input.
 */

typedef struct {
  guint   max_items;
  guint   max_deliveries;
  guint64 max_bytes;
} PeerConfig;

/* @kind: of a queue or a joinable one. All of its memory is as at birth; nothing is armed, and the
 * clock is right.
 */
void          peer_begin        (AioprocShmKind     kind,
                                 const PeerConfig  *config);
/* What the input allocates is let go. All work must be done, and no object be left. */
void          peer_end          (void);

/* The queue, as a process has it that has received it. @anew: with a mapping of its own, after all
 * checks of descriptors and header. G_IO_ERROR_INVALID_DATA.
 */
AioprocQueue *peer_attach       (gboolean           anew,
                                 GError           **error);

/* One or more words, anywhere. */
void          peer_write        (FuzzInput         *input);
/* All words of a slot that say what is in it. */
void          peer_forge        (FuzzInput         *input);
/* One word, later: in the middle of an operation. */
void          peer_arm          (FuzzInput         *input);
/* Whether it has written anything. */
gboolean      peer_has_written  (void);

/* Does what the library's own threads are to do, which may sleep on the queue's lock, and as long
 * as a peer likes: this one lets go of it, and writes nothing meanwhile.
 */
void          peer_run_work     (void);
/* Time goes by. */
void          peer_pass_time    (guint64            usec);

/* What no operation may ask for, since no input has so much in it. */
#define PEER_MAX_ALLOCATED (G_GUINT64_CONSTANT (64) << 20)

/* Of the file. */
guint64       peer_count_allocated (void);

G_END_DECLS
