/* aioproc-shareable-private.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "aioproc-shareable.h"
#include "core/aioproc-shm-private.h"

G_BEGIN_DECLS

/* Objects that are a descriptor and no memory have kinds from here on: of connections, which way
 * they go is in the last bits. Numbers are part of the wire.
 */
#define AIOPROC_SHAREABLE_FIRST_LENT 64
#define AIOPROC_SHAREABLE_N_LENT     4

/* The most descriptors that stand for one object on the wire. */
#define AIOPROC_SHAREABLE_MAX_FDS 4

struct _AioprocShareableInterface {
  GTypeInterface parent_iface;

  /* Not referenced; NULL where @self could not be initialised, or is not in memory of this machine.
   * Any thread.
   */
  AioprocShm *(*get_shm) (AioprocShareable  *self);
  /* Gives @self its memory: @shm, which it takes, or a new one where NULL. Its properties are set,
   * and nobody else has it yet.
   */
  gboolean    (*set_up)  (AioprocShareable  *self,
                          AioprocShm        *shm,
                          GError           **error);
  /* Gives @self another backend than that for memory of this machine, instead of set_up(): the
   * table of its class, and what belongs to it, which @self takes. Its properties are set, and
   * nobody else has it yet. (nullable) NULL where the class is its memory and nothing else.
   */
  void        (*set_backend) (AioprocShareable *self,
                              gconstpointer     backend,
                              gpointer          impl);
  /* (nullable) Not referenced: the other object that goes along, a Lock or a RLock. Any thread. */
  AioprocShareable *(*get_lock) (AioprocShareable *self);
  /* (nullable) For an object that is a descriptor, and is in one process at a time: its kind, and
   * how many of @fds are for a receiver: 1, a duplicate of it; 2, one more, of what belongs to it;
   * 0, with @error set. Until it is settled whether the receiver has got it, nobody can use @self.
   * Any thread.
   */
  guint       (*lend)    (AioprocShareable  *self,
                          guint32           *kind,
                          int               *fds,
                          GError           **error);
  /* After each lend() that did not fail. @is_gone: the receiver has it. Calls out. */
  void        (*settle)  (AioprocShareable  *self,
                          gboolean           is_gone);
};

/* How a class makes its object around memory that a peer sent. Takes @shm. */
typedef AioprocShareable *(*AioprocShareableImportFunc) (AioprocShm  *shm,
                                                         GError     **error);

/* The same, for a class whose objects have a lock, which came with the memory. */
typedef AioprocShareable *(*AioprocShareableImportWithLockFunc) (AioprocShm        *shm,
                                                                 AioprocShareable  *lock,
                                                                 GError           **error);

/* Each class, once, from a constructor function of its file: before main(), in one thread. */
void              aioproc_shareable_register (AioprocShmKind               kind,
                                              gsize                        state_size,
                                              AioprocShareableImportFunc   import);
/* Calls @func, unless another object stands for the identity by now; none comes while it runs. */
void              aioproc_shareable_let_go   (const guint8                *id,
                                              void                       (*func) (gpointer data),
                                              gpointer                     data);
void              aioproc_shareable_register_with_lock
                                             (AioprocShmKind                     kind,
                                              gsize                              state_size,
                                              AioprocShareableImportWithLockFunc import);
/* How a class that lends makes its object of one or two descriptors, which it takes. */
typedef AioprocShareable *(*AioprocShareableImportFdFunc) (guint32     kind,
                                                           const int  *fds,
                                                           guint       n_fds,
                                                           GError    **error);

/* All kinds from AIOPROC_SHAREABLE_FIRST_LENT on, once. */
void              aioproc_shareable_register_lent (AioprocShareableImportFdFunc import);
/* TRUE: what is exported has to be settled. */
gboolean          aioproc_shareable_is_lent  (AioprocShareable            *self);
void              aioproc_shareable_settle   (AioprocShareable            *self,
                                              gboolean                     is_gone);
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

/* The object of this process that stands for the memory, which it takes: the one there is, or a new
 * one. (nullable) @lock: what the object has beside its memory.
 */
AioprocShareable *aioproc_shareable_adopt    (AioprocShm                  *shm,
                                              AioprocShareable            *lock,
                                              GError                     **error);

/* What a class puts into its GObjectClass as constructed(), and gives G_IMPLEMENT_INTERFACE() for
 * G_TYPE_INITABLE. An object has its memory once it was constructed, so that whoever does not know
 * of GInitable need not call it: g_initable_init() only tells whether that has failed, and, called
 * after that, tries again.
 */
void              aioproc_shareable_constructed         (GObject           *object);
void              aioproc_shareable_initable_iface_init (GInitableIface    *iface);
/* How a class imports. Takes @shm. */
AioprocShareable *aioproc_shareable_new_for_shm         (GType              type,
                                                         AioprocShm        *shm,
                                                         GError           **error);
/* The same, with a property "lock". */
AioprocShareable *aioproc_shareable_new_with_lock       (GType              type,
                                                         AioprocShm        *shm,
                                                         AioprocShareable  *lock,
                                                         GError           **error);
/* An object of another backend than that for memory of this machine: see set_backend(). Properties
 * follow as in g_object_new(). It is in no memory that could be sent.
 */
AioprocShareable *aioproc_shareable_new_for_backend     (GType              type,
                                                         gconstpointer      backend,
                                                         gpointer           impl,
                                                         const char        *first_property,
                                                         ...);
/* What every operation asks of an object without a backend. G_IO_ERROR_NOT_INITIALIZED: it has
 * none, and why.
 */
gboolean          aioproc_shareable_check_initialized   (AioprocShareable  *self,
                                                         GError           **error);

G_END_DECLS
