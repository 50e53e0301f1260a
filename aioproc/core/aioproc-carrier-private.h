/* aioproc-carrier-private.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "platform/aioproc-fds-private.h"

G_BEGIN_DECLS

/* What carries frames where it is no descriptor: two functions, which never wait and never call
 * the program. Descriptors do not travel over it.
 */
typedef struct _AioprocCarrier AioprocCarrier;

struct _AioprocCarrier {
  AioprocIOStatus (*receive) (AioprocCarrier  *self,
                              void            *data,
                              gsize            length,
                              gsize           *n_done,
                              GError         **error);
  /* _AGAIN: the carrier is at work on the first bytes, and may have passed on any of them. The
   * next that is sent must be the same again, until it says _OK.
   */
  AioprocIOStatus (*send)    (AioprocCarrier  *self,
                              const void      *data,
                              gsize            length,
                              gsize           *n_done,
                              GError         **error);
};

G_END_DECLS
