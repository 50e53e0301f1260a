/* aioproc-shm-private.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <gio/gio.h>

#include "core/aioproc-family-private.h"

G_BEGIN_DECLS

/* The memory of one shared object: a memfd with a header that names its kind, its identity and its
 * family. Reference-counted; the mapping lives as long as a reference does. Immutable, so that any
 * thread may use it.
 */
typedef struct _AioprocShm AioprocShm;

/* Numbers are part of the wire. */
typedef enum {
  AIOPROC_SHM_LOCK = 1,
  AIOPROC_SHM_EVENT = 2,
  AIOPROC_SHM_QUEUE = 3,
  AIOPROC_SHM_RLOCK = 4,
  AIOPROC_SHM_SEMAPHORE = 5,
  AIOPROC_SHM_BOUNDED_SEMAPHORE = 6,
  AIOPROC_SHM_CONDITION = 7,
  AIOPROC_SHM_BARRIER = 8,
  AIOPROC_SHM_MEMORY = 9,
  AIOPROC_SHM_VALUE = 10,
  AIOPROC_SHM_ARRAY = 11,
  AIOPROC_SHM_JOINABLE_QUEUE = 12,
  AIOPROC_SHM_SIMPLE_QUEUE = 13,
  AIOPROC_SHM_LIST = 14,
  AIOPROC_SHM_POOL_CHANNEL = 15,   /* from here on: private to one object */
  AIOPROC_SHM_POOL_BELL = 16,
} AioprocShmKind;

/* Of those that stand for a public object. */
#define AIOPROC_SHM_N_KINDS (AIOPROC_SHM_LIST + 1)

/* Bytes of UTF-8; longer names are cut at a character. */
#define AIOPROC_SHM_NAME_MAX    63
/* The object's own state begins here. */
#define AIOPROC_SHM_HEADER_SIZE 128

/* Makes the memory of a new object of the default family, which this process joins. @state_size
 * bytes after the header are there; up to @reservation bytes of the whole (0: none beyond the
 * state), anything beyond must be reserved with aioproc_memfd_reserve() before it is touched. All
 * of it reads as zeros. Size is sealed at birth.
 */
AioprocShm    *aioproc_shm_new             (AioprocShmKind   kind,
                                            const char      *name,
                                            gsize            state_size,
                                            guint64          reservation,
                                            GError         **error);
/* Makes the memory of an object of @size bytes, which may have been that of another one before:
 * what lies behind the header and @state_size bytes of zeros can be anything then, *@used. Else it
 * has no pages yet, which the caller reserves, or calls aioproc_shm_spoil().
 */
AioprocShm    *aioproc_shm_new_recycled    (AioprocShmKind   kind,
                                            const char      *name,
                                            gsize            state_size,
                                            guint64          size,
                                            gboolean        *used,
                                            GError         **error);
/* Maps the memory of an object that a peer sent; takes @fd. Its family must have been joined
 * before; this process attaches to it. Of the kind AIOPROC_SHM_MEMORY a descriptor will do that can
 * only be read.
 */
AioprocShm    *aioproc_shm_new_for_fd      (AioprocShmKind   kind,
                                            int              fd,
                                            gsize            state_size,
                                            GError         **error);
/* The same memory, which can only be read: another object, with an identity of its own. */
AioprocShm    *aioproc_shm_new_read_only   (AioprocShm      *shm,
                                            GError         **error);
AioprocShm    *aioproc_shm_ref             (AioprocShm      *self);
void           aioproc_shm_unref           (AioprocShm      *self);
gpointer       aioproc_shm_get_state       (AioprocShm      *self);
gpointer       aioproc_shm_get_base        (AioprocShm      *self);
/* Of the file. */
guint64        aioproc_shm_get_size        (AioprocShm      *self);
/* What lies at the base: the size, or less of it where address space is limited. */
gsize          aioproc_shm_get_mapped_size (AioprocShm      *self);
/* For calls on it. */
int            aioproc_shm_get_fd          (AioprocShm      *self);
/* Recycled memory is not to be used for another object. */
void           aioproc_shm_spoil           (AioprocShm      *self);
/* A descriptor for one receiver, or -1. */
int            aioproc_shm_open            (AioprocShm      *self,
                                            GError         **error);
gboolean       aioproc_shm_is_read_only    (AioprocShm      *self);
AioprocFamily *aioproc_shm_get_family      (AioprocShm      *self);
AioprocShmKind aioproc_shm_get_kind        (AioprocShm      *self);
const guint8  *aioproc_shm_get_id          (AioprocShm      *self);
const char    *aioproc_shm_get_name        (AioprocShm      *self);   /* (nullable) */
/* "lock “jobs”", or "lock" where it has no name: for messages. */
const char    *aioproc_shm_describe        (AioprocShm      *self);

/* Whether this process is a member of the family: what every operation on the memory asks first,
 * since a forked child is not, until now.
 */
static inline gboolean
aioproc_shm_attach (AioprocShm  *self,
                    GError     **error)
{
  AioprocFamily *family = aioproc_shm_get_family (self);

  return G_LIKELY (aioproc_family_get_owner (family) != 0) ||
         aioproc_family_attach (family, error) != 0;
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (AioprocShm, aioproc_shm_unref)

G_END_DECLS
