/* connection-kinds.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <aioproc.h>

G_BEGIN_DECLS

/* A program has either that kind alone or all others. */
#ifndef WITH_TLS
# define WITH_TLS FALSE
#endif

/* All that a connection may be over, for cases that must hold whatever it is. */
typedef struct {
  const char *name;
  /* Two streams to each other; NULL: connections of descriptors. */
  void      (*make_streams) (GIOStream **a,
                             GIOStream **b);
  gboolean    is_tls;
} ConnectionKind;

extern const ConnectionKind connection_kinds[];
extern const guint n_connection_kinds;

/* Why a kind cannot be had here, or NULL. */
const char *connection_kind_get_lack (const ConnectionKind  *kind);
void        connection_kind_make     (const ConnectionKind  *kind,
                                      AioprocConnection    **a,
                                      AioprocConnection    **b);

G_END_DECLS
