/* aioproc-shareable.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "core/aioproc-shareable-private.h"

#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "core/aioproc-mutex-private.h"
#include "platform/aioproc-fds-private.h"

/**
 * AioprocShareable:
 *
 * An object that several processes can use.
 *
 * Locks, semaphores, conditions, events, barriers, queues, and shared memory, values, arrays and
 * lists are shareable: they may be arguments of a process's function, and part of any message. What
 * travels is a descriptor of the object's memory; every process that receives it has an object of
 * its own that stands for the same lock, event or queue. A process that receives the same one twice
 * gets the same object again.
 *
 * A [class@Aioproc.Connection] can go along, too, but is not shared: it is in one process at a
 * time, and who sends it gives it away.
 *
 * The interface can only be implemented inside the library.
 *
 * # Thread safety
 *
 * All functions may be called from any thread.
 *
 * # Process safety
 *
 * An object exists as long as any process has it. It has no name in the system: nothing is left
 * when the last process is gone, however it ended.
 *
 * Since: 0.1
 */
G_DEFINE_INTERFACE (AioprocShareable, aioproc_shareable, G_TYPE_OBJECT)

typedef struct {
  gsize                      state_size;
  /* Both for a class whose objects may have a lock. */
  AioprocShareableImportFunc import;
  AioprocShareableImportWithLockFunc import_with_lock;
} ShareableKind;

/* Why an object has no memory. */
typedef struct {
  GError   *error;   /* (owned) */
  gboolean  told;    /* by g_initable_init() */
} Failure;

/* What the object that this thread is about to construct is to stand for; NULL: something new. */
static _Thread_local AioprocShm *adopted;

/* What does its work: a table of its class, and what belongs to that; NULL: memory. */
static _Thread_local gconstpointer given_backend;
static _Thread_local gpointer given_impl;

/* Written before main() only. */
static ShareableKind kinds[AIOPROC_SHM_N_KINDS];
static AioprocShareableImportFdFunc import_lent;

/* An object that stands for an identity. */
typedef struct {
  guint8   id[AIOPROC_ID_LENGTH];
  GWeakRef object;
} Remembered;

/* Guards @remembered. GWeakRef has a lock of its own, so that an object which is being disposed
 * of in another thread is never handed out.
 */
static AioprocMutex remembered_mutex;
/* Serialises imports. Taken before @remembered_mutex. */
static AioprocMutex import_mutex;
/* (element-type Remembered Remembered) */
static GHashTable *remembered;

static guint
id_hash (gconstpointer key)
{
  guint hash;

  /* Random already. */
  memcpy (&hash, key, sizeof (hash));

  return hash;
}

static gboolean
id_equal (gconstpointer a,
          gconstpointer b)
{
  return memcmp (a, b, AIOPROC_ID_LENGTH) == 0;
}

static void
remembered_free (gpointer data)
{
  Remembered *self = data;

  g_weak_ref_clear (&self->object);
  g_free (self);
}

static void
aioproc_shareable_forked_child (void)
{
  aioproc_mutex_init (&import_mutex);
  aioproc_mutex_init (&remembered_mutex);
}

static void
aioproc_shareable_default_init (AioprocShareableInterface *iface)
{
  pthread_atfork (NULL, NULL, aioproc_shareable_forked_child);
}

void
aioproc_shareable_register (AioprocShmKind             kind,
                            gsize                      state_size,
                            AioprocShareableImportFunc import)
{
  g_assert ((guint) kind < AIOPROC_SHM_N_KINDS && kinds[kind].import == NULL);

  kinds[kind].state_size = state_size;
  kinds[kind].import = import;
}

void
aioproc_shareable_register_with_lock (AioprocShmKind                     kind,
                                      gsize                              state_size,
                                      AioprocShareableImportWithLockFunc import)
{
  g_assert ((guint) kind < AIOPROC_SHM_N_KINDS && kinds[kind].import_with_lock == NULL);

  kinds[kind].state_size = state_size;
  kinds[kind].import_with_lock = import;
}

void
aioproc_shareable_register_lent (AioprocShareableImportFdFunc import)
{
  g_assert (import_lent == NULL);

  import_lent = import;
}

gboolean
aioproc_shareable_is_lent (AioprocShareable *self)
{
  return AIOPROC_SHAREABLE_GET_IFACE (self)->lend != NULL;
}

void
aioproc_shareable_settle (AioprocShareable *self,
                          gboolean          is_gone)
{
  AIOPROC_SHAREABLE_GET_IFACE (self)->settle (self, is_gone);
}

static AioprocShm *
aioproc_shareable_get_shm (AioprocShareable *self)
{
  if (aioproc_shareable_is_lent (self))
    return NULL;

  return AIOPROC_SHAREABLE_GET_IFACE (self)->get_shm (self);
}

static void
aioproc_shareable_gone_cb (gpointer  data,
                           GObject  *where_the_object_was)
{
  g_autofree guint8 *id = data;
  Remembered *entry;

  aioproc_mutex_lock (&remembered_mutex);
  entry = g_hash_table_lookup (remembered, id);

  /* Another object may stand for the identity by now, and this one may be disposed of but alive. */
  if (entry != NULL)
    {
      g_autoptr(GObject) object = g_weak_ref_get (&entry->object);

      if (object == NULL || object == where_the_object_was)
        g_hash_table_steal (remembered, id);
      else
        entry = NULL;

      aioproc_mutex_unlock (&remembered_mutex);
    }
  else
    {
      aioproc_mutex_unlock (&remembered_mutex);
    }

  if (entry != NULL)
    remembered_free (entry);
}

static void
aioproc_shareable_remember_locked (AioprocShareable *self)
{
  const guint8 *id = aioproc_shm_get_id (aioproc_shareable_get_shm (self));
  Remembered *entry = g_new0 (Remembered, 1);

  memcpy (entry->id, id, AIOPROC_ID_LENGTH);
  g_weak_ref_init (&entry->object, self);

  if (remembered == NULL)
    remembered = g_hash_table_new_full (id_hash, id_equal, NULL, remembered_free);

  g_hash_table_replace (remembered, entry->id, entry);
}

/* So that the same memory, received again, finds the object, until it is disposed of. */
static void
aioproc_shareable_remember (AioprocShareable *self)
{
  const guint8 *id = aioproc_shm_get_id (aioproc_shareable_get_shm (self));

  g_object_weak_ref (G_OBJECT (self), aioproc_shareable_gone_cb,
                     g_memdup2 (id, AIOPROC_ID_LENGTH));

  aioproc_mutex_lock (&remembered_mutex);
  aioproc_shareable_remember_locked (self);
  aioproc_mutex_unlock (&remembered_mutex);
}

/* --- Initialisation --- */

/* Bindings construct objects and know nothing of GInitable, so the memory is there, or is known to
 * be missing, when an object has been constructed. g_initable_init() tells which.
 */

static void
failure_free (gpointer data)
{
  Failure *self = data;

  g_error_free (self->error);
  g_free (self);
}

static GQuark
get_failure_quark (void)
{
  return g_quark_from_static_string ("aioproc-shareable-failure");
}

/* Takes @shm. */
static gboolean
aioproc_shareable_set_up (AioprocShareable *self,
                          AioprocShm       *shm)
{
  g_autoptr(GError) error = NULL;
  Failure *failure;

  if (AIOPROC_SHAREABLE_GET_IFACE (self)->set_up (self, shm, &error))
    {
      aioproc_shareable_remember (self);
      g_object_set_qdata (G_OBJECT (self), get_failure_quark (), NULL);
      return TRUE;
    }

  failure = g_new0 (Failure, 1);
  failure->error = g_steal_pointer (&error);
  g_object_set_qdata_full (G_OBJECT (self), get_failure_quark (), failure, failure_free);

  return FALSE;
}

/* FALSE: an error that g_initable_init() is to tell, unless it has told it already. */
static gboolean
aioproc_shareable_tell (AioprocShareable  *self,
                        GError           **error)
{
  Failure *failure = g_object_get_qdata (G_OBJECT (self), get_failure_quark ());

  if (failure == NULL || failure->told)
    return TRUE;

  failure->told = TRUE;
  g_propagate_error (error, g_error_copy (failure->error));

  return FALSE;
}

void
aioproc_shareable_constructed (GObject *object)
{
  /* Every class derives from this one, perhaps by way of another that has this function. */
  G_OBJECT_CLASS (g_type_class_peek (G_TYPE_OBJECT))->constructed (object);

  if (given_backend != NULL)
    {
      /* What is memory and nothing else has no other backend. */
      g_assert (AIOPROC_SHAREABLE_GET_IFACE (object)->set_backend != NULL);
      AIOPROC_SHAREABLE_GET_IFACE (object)->set_backend (AIOPROC_SHAREABLE (object),
                                                         g_steal_pointer (&given_backend),
                                                         g_steal_pointer (&given_impl));
      return;
    }

  aioproc_shareable_set_up (AIOPROC_SHAREABLE (object), g_steal_pointer (&adopted));
}

static gboolean
aioproc_shareable_initable_init (GInitable     *initable,
                                 GCancellable  *cancellable,
                                 GError       **error)
{
  AioprocShareable *self = AIOPROC_SHAREABLE (initable);

  if (g_cancellable_set_error_if_cancelled (cancellable, error) ||
      !aioproc_shareable_tell (self, error))
    return FALSE;

  /* Once more, since things may have changed after a failure. */
  return g_object_get_qdata (G_OBJECT (self), get_failure_quark ()) == NULL ||
         aioproc_shareable_set_up (self, NULL) ||
         aioproc_shareable_tell (self, error);
}

void
aioproc_shareable_initable_iface_init (GInitableIface *iface)
{
  iface->init = aioproc_shareable_initable_init;
}

AioprocShareable *
aioproc_shareable_new_for_shm (GType        type,
                               AioprocShm  *shm,
                               GError     **error)
{
  return aioproc_shareable_new_with_lock (type, shm, NULL, error);
}

AioprocShareable *
aioproc_shareable_new_with_lock (GType              type,
                                 AioprocShm        *shm,
                                 AioprocShareable  *lock,
                                 GError           **error)
{
  g_autoptr(AioprocShareable) self = NULL;

  adopted = shm;
  self = g_object_new (type,
                       "name", aioproc_shm_get_name (shm),
                       lock != NULL ? "lock" : NULL, lock,
                       NULL);

  if (!aioproc_shareable_tell (self, error))
    return NULL;

  return g_steal_pointer (&self);
}

AioprocShareable *
aioproc_shareable_new_for_backend (GType         type,
                                   gconstpointer backend,
                                   gpointer      impl,
                                   const char   *first_property,
                                   ...)
{
  AioprocShareable *self;
  va_list properties;

  given_backend = backend;
  given_impl = impl;
  va_start (properties, first_property);
  self = (AioprocShareable *) g_object_new_valist (type, first_property, properties);
  va_end (properties);

  return self;
}

gboolean
aioproc_shareable_check_initialized (AioprocShareable  *self,
                                     GError           **error)
{
  Failure *failure = g_object_get_qdata (G_OBJECT (self), get_failure_quark ());

  if (G_LIKELY (failure == NULL))
    return TRUE;

  g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_INITIALIZED,
               "This %s could not be initialized: %s",
               G_OBJECT_TYPE_NAME (self), failure->error->message);

  return FALSE;
}

static AioprocShareable *
aioproc_shareable_recall (const guint8 *id)
{
  AioprocShareable *object = NULL;
  Remembered *entry;

  aioproc_mutex_lock (&remembered_mutex);
  entry = remembered != NULL ? g_hash_table_lookup (remembered, id) : NULL;

  if (entry != NULL)
    object = g_weak_ref_get (&entry->object);

  aioproc_mutex_unlock (&remembered_mutex);

  return object;
}

void
aioproc_shareable_let_go (const guint8 *id,
                          void        (*func) (gpointer data),
                          gpointer      data)
{
  g_autoptr(AioprocShareable) other = NULL;

  aioproc_mutex_lock (&import_mutex);
  other = aioproc_shareable_recall (id);

  if (other == NULL)
    func (data);

  aioproc_mutex_unlock (&import_mutex);
}

static void
close_received (const int *fds,
                guint      n_fds)
{
  for (guint i = 0; i < n_fds; i++)
    close (fds[i]);
}

/* Two descriptors. */
static gboolean
aioproc_shareable_export_one (AioprocShareable  *self,
                              int               *fds,
                              GError           **error)
{
  AioprocShm *shm;

  if (!aioproc_shareable_check_initialized (self, error))
    return FALSE;

  shm = aioproc_shareable_get_shm (self);

  if (shm == NULL)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
                   "This %s is not in memory of this machine, and cannot be sent",
                   G_OBJECT_TYPE_NAME (self));
      return FALSE;
    }

  fds[0] = aioproc_shm_open (shm, error);

  if (fds[0] < 0)
    return FALSE;

  /* A description of the family for each receiver: it locks its byte there. */
  fds[1] = aioproc_family_open (aioproc_shm_get_family (shm), error);

  if (fds[1] < 0)
    {
      close (fds[0]);
      return FALSE;
    }

  return TRUE;
}

gboolean
aioproc_shareable_export (AioprocShareable  *self,
                          guint32           *kind,
                          int               *fds,
                          guint             *n_fds,
                          GError           **error)
{
  AioprocShareableInterface *iface = AIOPROC_SHAREABLE_GET_IFACE (self);
  AioprocShareable *lock;

  *n_fds = 0;

  if (iface->lend != NULL)
    {
      *n_fds = iface->lend (self, kind, fds, error);

      return *n_fds > 0;
    }

  if (!aioproc_shareable_export_one (self, fds, error))
    return FALSE;

  lock = iface->get_lock != NULL ? iface->get_lock (self) : NULL;

  if (lock != NULL && !aioproc_shareable_export_one (lock, fds + 2, error))
    {
      aioproc_fds_close_all (fds, 2);
      return FALSE;
    }

  *kind = aioproc_shm_get_kind (aioproc_shareable_get_shm (self));
  *n_fds = lock != NULL ? 4 : 2;

  return TRUE;
}

/* Takes @fds, two of them. */
static AioprocShm *
aioproc_shareable_import_shm (guint32      kind,
                              const int   *fds,
                              GError     **error)
{
  if (aioproc_family_join (fds[1], error) == NULL)
    {
      close (fds[0]);
      return NULL;
    }

  return aioproc_shm_new_for_fd (kind, fds[0], kinds[kind].state_size, error);
}

/* The lock that came with an object. Takes @fds, two of them. */
static AioprocShareable *
aioproc_shareable_import_lock (const int  *fds,
                               GError    **error)
{
  /* What it is, its memory says. */
  g_autoptr(GError) local_error = NULL;
  int copies[2];
  AioprocShareable *lock;

  for (guint i = 0; i < G_N_ELEMENTS (copies); i++)
    {
      copies[i] = aioproc_fds_dup (fds[i], error);

      if (copies[i] < 0)
        {
          aioproc_fds_close_all (copies, i);
          close_received (fds, 2);
          return NULL;
        }
    }

  lock = aioproc_shareable_import (AIOPROC_SHM_RLOCK, copies, 2, &local_error);

  /* Another kind of memory. */
  if (g_error_matches (local_error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA))
    return aioproc_shareable_import (AIOPROC_SHM_LOCK, fds, 2, error);

  close_received (fds, 2);

  if (lock == NULL)
    g_propagate_error (error, g_steal_pointer (&local_error));

  return lock;
}

AioprocShareable *
aioproc_shareable_adopt (AioprocShm        *shm,
                         AioprocShareable  *lock,
                         GError           **error)
{
  g_autoptr(AioprocShm) owned = shm;
  g_autoptr(AioprocMutexLocker) locker = NULL;
  const ShareableKind *kind = &kinds[aioproc_shm_get_kind (shm)];
  AioprocShareable *object;

  /* One at a time, so that two threads that receive the same object make one. */
  locker = aioproc_mutex_locker_new (&import_mutex);
  object = aioproc_shareable_recall (aioproc_shm_get_id (shm));

  if (object != NULL)
    return object;

  if (lock != NULL)
    return kind->import_with_lock (g_steal_pointer (&owned), lock, error);

  return kind->import (g_steal_pointer (&owned), error);
}

AioprocShareable *
aioproc_shareable_import (guint32      kind,
                          const int   *fds,
                          guint        n_fds,
                          GError     **error)
{
  g_autoptr(AioprocShm) shm = NULL;
  g_autoptr(AioprocShareable) lock = NULL;

  if (kind >= AIOPROC_SHAREABLE_FIRST_LENT && (n_fds == 1 || n_fds == 2) && import_lent != NULL &&
      kind < AIOPROC_SHAREABLE_FIRST_LENT + AIOPROC_SHAREABLE_N_LENT)
    return import_lent (kind, fds, n_fds, error);

  if (kind >= AIOPROC_SHM_N_KINDS ||
      !((kinds[kind].import != NULL && n_fds == 2) ||
        (kinds[kind].import_with_lock != NULL && n_fds == 4)))
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                   "Received an object of unknown kind %u with %u descriptors", kind, n_fds);
      close_received (fds, n_fds);
      return NULL;
    }

  shm = aioproc_shareable_import_shm (kind, fds, error);

  if (shm == NULL)
    {
      if (n_fds == 4)
        close_received (fds + 2, 2);

      return NULL;
    }

  if (n_fds == 4)
    {
      lock = aioproc_shareable_import_lock (fds + 2, error);

      if (lock == NULL)
        return NULL;
    }

  return aioproc_shareable_adopt (g_steal_pointer (&shm), lock, error);
}

/**
 * aioproc_shareable_dup_id:
 * @self: a shareable object
 *
 * Gets the identity of what @self stands for, the same in every process that has it.
 *
 * Returns: (transfer full) (nullable): 32 hexadecimal digits, or `NULL` if @self was not
 *   initialized, or is not in memory of this machine, or is a connection
 *
 * Since: 0.1
 */
char *
aioproc_shareable_dup_id (AioprocShareable *self)
{
  AioprocShm *shm;
  GString *text;

  g_return_val_if_fail (AIOPROC_IS_SHAREABLE (self), NULL);

  shm = aioproc_shareable_get_shm (self);

  if (shm == NULL)
    return NULL;

  text = g_string_sized_new (2 * AIOPROC_ID_LENGTH);

  for (guint i = 0; i < AIOPROC_ID_LENGTH; i++)
    g_string_append_printf (text, "%02x", aioproc_shm_get_id (shm)[i]);

  return g_string_free (text, FALSE);
}
