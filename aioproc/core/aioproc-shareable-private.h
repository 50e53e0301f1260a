/* aioproc-shareable-private.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "aioproc-shareable.h"
#include "core/aioproc-shm-private.h"

G_BEGIN_DECLS

/* The most descriptors that stand for one object on the wire. */
#define AIOPROC_SHAREABLE_MAX_FDS 4

struct _AioprocShareableInterface {
  GTypeInterface parent_iface;

  /* Not referenced; NULL where @self was never initialised. Any thread. */
  AioprocShm *(*get_shm) (AioprocShareable *self);
};

/* How a class makes its object around memory that a peer sent. Takes @shm. */
typedef AioprocShareable *(*AioprocShareableImportFunc) (AioprocShm  *shm,
                                                         GError     **error);

/* Each class, once, from a constructor function of its file: before main(), in one thread. */
void              aioproc_shareable_register (AioprocShmKind               kind,
                                              gsize                        state_size,
                                              AioprocShareableImportFunc   import);
/* Each object, once it has its memory: so that the same memory, received again, finds it. Forgotten
 * when the object is disposed of.
 */
void              aioproc_shareable_remember (AioprocShareable            *self);
/* Descriptors for one receiver, which the caller closes once they are sent, and the number on the
 * wire that says what they are. @fds has AIOPROC_SHAREABLE_MAX_FDS places.
 */
gboolean          aioproc_shareable_export   (AioprocShareable            *self,
                                              guint32                     *kind,
                                              int                         *fds,
                                              guint                       *n_fds,
                                              GError                     **error);
/* Takes all @fds, also when it fails. The same object, where this process has it already. */
AioprocShareable *aioproc_shareable_import   (guint32                      kind,
                                              const int                   *fds,
                                              guint                        n_fds,
                                              GError                     **error);

/* How every shareable class starts. G_IO_ERROR_NOT_INITIALIZED: it has no memory, since
 * g_initable_init() was not called or failed.
 */
gboolean          aioproc_shareable_check_initialized (AioprocShareable   *self,
                                                       GError            **error);

G_END_DECLS
