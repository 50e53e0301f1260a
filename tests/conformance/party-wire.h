/* party-wire.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "party.h"

G_BEGIN_DECLS

/* What crosses to the process that is a party, and back. */

typedef struct {
  guint32 operation;
  guint32 pad;
  guint64 value;
  gint64  timeout_usec;
} Command;

typedef enum {
  REPLY_BEGUN,
  REPLY_ENDED,
} ReplyKind;

typedef struct {
  guint32 kind;
  guint32 outcome;
  guint64 value;
} Reply;

G_END_DECLS
