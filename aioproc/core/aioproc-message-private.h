/* aioproc-message-private.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "aioproc-message.h"
#include "aioproc-shareable.h"

G_BEGIN_DECLS

typedef enum {
  AIOPROC_PART_OBJECT = 1,
  AIOPROC_PART_BYTES,
  AIOPROC_PART_FD,
} AioprocPartKind;

/* What one handle stands for. Immutable, and shared by the messages that are derived from one. */
typedef struct {
  AioprocPartKind kind;

  union {
    AioprocShareable *object;   /* (owned) */
    GBytes           *bytes;    /* (owned) */
    int               fd;       /* (owned) */
  };
} AioprocPart;

/* A new message with another body and the same handles, of which nothing is copied. NULL as @self:
 * no handles.
 */
AioprocMessage    *aioproc_message_derive     (AioprocMessage    *self,
                                               GVariant          *body);
/* Lets go of all handles from @n_handles on. */
void               aioproc_message_truncate   (AioprocMessage    *self,
                                               guint              n_handles);
GVariant          *aioproc_message_peek_body  (AioprocMessage    *self);
const AioprocPart *aioproc_message_peek_part  (AioprocMessage    *self,
                                               guint              index);
/* Like append, for who gives away what is appended. */
int                aioproc_message_take_object (AioprocMessage   *self,
                                                AioprocShareable *object);
int                aioproc_message_take_bytes  (AioprocMessage   *self,
                                                GBytes           *bytes);
int                aioproc_message_take_fd     (AioprocMessage   *self,
                                                int               fd);

G_END_DECLS
