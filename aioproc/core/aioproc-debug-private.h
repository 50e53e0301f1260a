/* aioproc-debug-private.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <stdatomic.h>

#include <glib.h>

G_BEGIN_DECLS

/* What the environment variable AIOPROC_DEBUG asks for. */
typedef enum {
  AIOPROC_DEBUG_BLOCKING = 1 << 0,
  AIOPROC_DEBUG_UNKNOWN  = 1 << 1,   /* it was not read yet */
} AioprocDebugFlags;

/* (atomic) */
extern G_GNUC_INTERNAL _Atomic guint aioproc_debug_flags;

void aioproc_debug_warn_blocking (const char *function);

/* What every blocking form of an operation calls, as AIOPROC_DEBUG_CHECK_BLOCKING (timeout_usec),
 * once its arguments are checked. With AIOPROC_DEBUG=blocking it warns, once for each function, of
 * a call from inside of a dispatch of the thread's main loop, which may wait there, and names the
 * form that does not: the same with "_async" behind its name. A timeout of 0 does not block.
 */
#define AIOPROC_DEBUG_CHECK_BLOCKING(timeout_usec)                                              \
  G_STMT_START                                                                                  \
    {                                                                                           \
      if (G_UNLIKELY (atomic_load_explicit (&aioproc_debug_flags, memory_order_relaxed) != 0)   \
          && (timeout_usec) != 0)                                                               \
        aioproc_debug_warn_blocking (G_STRFUNC);                                                \
    }                                                                                           \
  G_STMT_END

G_END_DECLS
