/* aioproc-shared-memory.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "ipc/aioproc-shared-memory-private.h"

#include <string.h>

#include "core/aioproc-segment-private.h"
#include "core/aioproc-shareable-private.h"
#include "platform/aioproc-memfd-private.h"

/**
 * AioprocSharedMemory:
 *
 * Bytes that several processes map at once.
 *
 * What one process writes, the others read, without a copy and without a system call. Memory is
 * zeroed when it is made, or has the content of [struct@GLib.Bytes], and lives as long as any
 * process has it. It guards nothing: when several processes write, or one reads what another is
 * writing, a [class@Lock] that is passed along, or the like, must keep them apart.
 *
 * ```c
 * g_autoptr(AioprocSharedMemory) memory = NULL;
 * g_autoptr(GError) error = NULL;
 * double *samples;
 *
 * memory = aioproc_shared_memory_new (N_SAMPLES * sizeof (double), &error);
 *
 * if (memory == NULL)
 *   g_error ("%s", error->message);
 *
 * samples = aioproc_shared_memory_map (memory, NULL);
 * samples[0] = 0.5;
 * ```
 *
 * All the memory is there from the start: making it fails where there is not enough, and writing to
 * it never does. [method@SharedMemory.resize] makes it larger, up to
 * [property@SharedMemory:max-size], where it lies: addresses stay valid.
 *
 * # Thread safety
 *
 * All functions may be called from any thread. They order nothing that is written to the memory.
 *
 * # Process safety
 *
 * Shared memory is [iface@Shareable]. A process that receives what
 * [method@SharedMemory.dup_read_only] made can read it and not write to it. That guards against
 * mistakes: a process of the same user that means to write can open the memory again. Processes
 * that share memory trust each other with its content, and with nothing else: none can make it
 * smaller, nor move it.
 *
 * A forked child has the same memory.
 *
 * Since: 0.1
 */

static void aioproc_shared_memory_shareable_iface_init (AioprocShareableInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (AioprocSharedMemory, aioproc_shared_memory, G_TYPE_OBJECT,
  G_IMPLEMENT_INTERFACE (G_TYPE_INITABLE, aioproc_shareable_initable_iface_init)
  G_IMPLEMENT_INTERFACE (AIOPROC_TYPE_SHAREABLE, aioproc_shared_memory_shareable_iface_init))

typedef enum {
  PROP_NAME = 1,
  PROP_SIZE,
  PROP_MAX_SIZE,
  PROP_READ_ONLY,
  PROP_CONTENT,
} AioprocSharedMemoryProperty;

static GParamSpec *props[PROP_CONTENT + 1];

/* --- Initialisation --- */

static AioprocShm *
aioproc_shared_memory_get_shm (AioprocShareable *shareable)
{
  return AIOPROC_SHARED_MEMORY (shareable)->shm;
}

/* Where address space is limited, less may be mapped than there is. */
static gboolean
check_mapped (AioprocShm  *shm,
              GError     **error)
{
  if (aioproc_shm_get_mapped_size (shm) >= aioproc_shm_get_size (shm))
    return TRUE;

  g_set_error (error, G_IO_ERROR, G_IO_ERROR_NO_SPACE,
               "Could not map all %" G_GUINT64_FORMAT " bytes of %s: the address space of this "
               "process is limited", aioproc_shm_get_size (shm), aioproc_shm_describe (shm));

  return FALSE;
}

static gboolean
fill (AioprocShm  *shm,
      GBytes      *content,
      guint64      size,
      GError     **error)
{
  int fd = aioproc_shm_get_fd (shm);
  gsize length = 0;
  gconstpointer data = content != NULL ? g_bytes_get_data (content, &length) : NULL;
  g_autoptr(GError) local_error = NULL;

  if (length > 0 &&
      !aioproc_memfd_write (fd, AIOPROC_MEMORY_CONTENT_OFFSET, data, length, &local_error))
    {
      if (local_error != NULL)
        {
          g_propagate_error (error, g_steal_pointer (&local_error));
          return FALSE;
        }

      /* The limit of the file size forbids to write, but not to do without. */
      if (!aioproc_memfd_reserve (fd, AIOPROC_MEMORY_CONTENT_OFFSET, length, error))
        return FALSE;

      memcpy ((guint8 *) aioproc_shm_get_base (shm) + AIOPROC_MEMORY_CONTENT_OFFSET, data, length);
    }

  return aioproc_memfd_reserve (fd, AIOPROC_MEMORY_CONTENT_OFFSET + length, size - length, error);
}

/* Memory that keeps its size, and may have been another one before. */
static AioprocShm *
aioproc_shared_memory_recycle (AioprocSharedMemory  *self,
                               guint64               size,
                               GError              **error)
{
  g_autoptr(AioprocShm) shm = NULL;
  guint8 *data;
  gsize room;
  gsize length = 0;
  gconstpointer content = NULL;
  gboolean used;

  shm = aioproc_shm_new_recycled (AIOPROC_SHM_MEMORY, self->name, sizeof (AioprocMemoryState),
                                  AIOPROC_MEMORY_CONTENT_OFFSET + size, &used, error);

  if (shm == NULL)
    return NULL;

  if (self->content != NULL)
    content = g_bytes_get_data (self->content, &length);

  data = (guint8 *) aioproc_shm_get_base (shm) + AIOPROC_MEMORY_CONTENT_OFFSET;
  room = aioproc_shm_get_size (shm) - AIOPROC_MEMORY_CONTENT_OFFSET;

  if (used)
    {
      if (length > 0)
        memcpy (data, content, length);

      memset (data + length, 0, room - length);
    }
  else if (!fill (shm, self->content, room, error))
    {
      aioproc_shm_spoil (shm);
      return NULL;
    }

  ((AioprocMemoryState *) aioproc_shm_get_state (shm))->size = size;

  return g_steal_pointer (&shm);
}

static AioprocShm *
aioproc_shared_memory_make (AioprocSharedMemory  *self,
                            GError              **error)
{
  g_autoptr(AioprocShm) shm = NULL;
  guint64 size = self->content != NULL ? g_bytes_get_size (self->content) : 0;
  guint64 max_size;

  size = MAX (size, self->size);
  max_size = self->max_size != 0 ? self->max_size : size;

  if (size == 0 || size > max_size || max_size > G_MAXSSIZE - AIOPROC_MEMORY_CONTENT_OFFSET)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                   "Could not make shared memory of %" G_GUINT64_FORMAT " bytes and at most %"
                   G_GUINT64_FORMAT ": the size must be from 1 up to that",
                   size, max_size);
      return NULL;
    }

  if (max_size == size && size >= AIOPROC_SEGMENT_MIN)
    return aioproc_shared_memory_recycle (self, size, error);

  shm = aioproc_shm_new (AIOPROC_SHM_MEMORY, self->name, sizeof (AioprocMemoryState),
                         AIOPROC_MEMORY_CONTENT_OFFSET + max_size, error);

  if (shm == NULL || !check_mapped (shm, error) || !fill (shm, self->content, size, error))
    return NULL;

  ((AioprocMemoryState *) aioproc_shm_get_state (shm))->size = size;

  return g_steal_pointer (&shm);
}

static gboolean
aioproc_shared_memory_set_up (AioprocShareable  *shareable,
                              AioprocShm        *shm,
                              GError           **error)
{
  AioprocSharedMemory *self = AIOPROC_SHARED_MEMORY (shareable);

  self->shm = shm != NULL ? shm : aioproc_shared_memory_make (self, error);

  if (self->shm == NULL)
    return FALSE;

  g_clear_pointer (&self->content, g_bytes_unref);

  return TRUE;
}

static AioprocShareable *
aioproc_shared_memory_import (AioprocShm  *shm,
                              GError     **error)
{
  g_autoptr(AioprocShm) owned = shm;

  if (!check_mapped (owned, error))
    return NULL;

  return aioproc_shareable_new_for_shm (AIOPROC_TYPE_SHARED_MEMORY, g_steal_pointer (&owned),
                                        error);
}

__attribute__ ((constructor)) static void
aioproc_shared_memory_register (void)
{
  aioproc_shareable_register (AIOPROC_SHM_MEMORY, sizeof (AioprocMemoryState),
                              aioproc_shared_memory_import);
}

static void
aioproc_shared_memory_shareable_iface_init (AioprocShareableInterface *iface)
{
  iface->get_shm = aioproc_shared_memory_get_shm;
  iface->set_up = aioproc_shared_memory_set_up;
}

/* --- The object --- */

static void
aioproc_shared_memory_get_property (GObject    *object,
                                    guint       prop_id,
                                    GValue     *value,
                                    GParamSpec *pspec)
{
  AioprocSharedMemory *self = AIOPROC_SHARED_MEMORY (object);

  switch ((AioprocSharedMemoryProperty) prop_id)
    {
    case PROP_NAME:
      g_value_set_string (value, self->name);
      break;

    case PROP_SIZE:
      g_value_set_uint64 (value, aioproc_shared_memory_get_size (self));
      break;

    case PROP_MAX_SIZE:
      g_value_set_uint64 (value, aioproc_shared_memory_get_max_size (self));
      break;

    case PROP_READ_ONLY:
      g_value_set_boolean (value, aioproc_shared_memory_get_read_only (self));
      break;

    case PROP_CONTENT:
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
aioproc_shared_memory_set_property (GObject      *object,
                                    guint         prop_id,
                                    const GValue *value,
                                    GParamSpec   *pspec)
{
  AioprocSharedMemory *self = AIOPROC_SHARED_MEMORY (object);

  switch ((AioprocSharedMemoryProperty) prop_id)
    {
    case PROP_NAME:
      self->name = g_value_dup_string (value);
      break;

    case PROP_SIZE:
      self->size = g_value_get_uint64 (value);
      break;

    case PROP_MAX_SIZE:
      self->max_size = g_value_get_uint64 (value);
      break;

    case PROP_CONTENT:
      self->content = g_value_dup_boxed (value);
      break;

    case PROP_READ_ONLY:
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
aioproc_shared_memory_finalize (GObject *object)
{
  AioprocSharedMemory *self = AIOPROC_SHARED_MEMORY (object);

  g_clear_pointer (&self->shm, aioproc_shm_unref);
  g_clear_pointer (&self->content, g_bytes_unref);
  g_free (self->name);

  G_OBJECT_CLASS (aioproc_shared_memory_parent_class)->finalize (object);
}

static void
aioproc_shared_memory_class_init (AioprocSharedMemoryClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->get_property = aioproc_shared_memory_get_property;
  object_class->set_property = aioproc_shared_memory_set_property;
  object_class->constructed = aioproc_shareable_constructed;
  object_class->finalize = aioproc_shared_memory_finalize;

  /**
   * AioprocSharedMemory:name: (getter get_name)
   *
   * What messages about the memory call it, in every process; at most 63 bytes, of which more are
   * cut off for other processes. It identifies nothing.
   *
   * Since: 0.1
   */
  props[PROP_NAME] =
    g_param_spec_string ("name", NULL, NULL,
                         NULL,
                         G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS);

  /**
   * AioprocSharedMemory:size: (getter get_size)
   *
   * The bytes there are: at first what the memory was made with, at least 1, or, where that is
   * more, those of [property@SharedMemory:content].
   *
   * Changes when any process resizes the memory, without notification.
   *
   * Since: 0.1
   */
  props[PROP_SIZE] =
    g_param_spec_uint64 ("size", NULL, NULL,
                         0, G_MAXUINT64, 0,
                         G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS);

  /**
   * AioprocSharedMemory:max-size: (getter get_max_size)
   *
   * The bytes there can be, for which address space is kept in every process; no memory.
   *
   * When memory is made, 0 stands for its size. It is rounded up to whole pages.
   *
   * Since: 0.1
   */
  props[PROP_MAX_SIZE] =
    g_param_spec_uint64 ("max-size", NULL, NULL,
                         0, G_MAXUINT64, 0,
                         G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS);

  /**
   * AioprocSharedMemory:read-only: (getter get_read_only)
   *
   * Whether this object cannot write.
   *
   * Since: 0.1
   */
  props[PROP_READ_ONLY] =
    g_param_spec_boolean ("read-only", NULL, NULL,
                          FALSE,
                          G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);

  /**
   * AioprocSharedMemory:content:
   *
   * What the memory begins with when it is made.
   *
   * Since: 0.1
   */
  props[PROP_CONTENT] =
    g_param_spec_boxed ("content", NULL, NULL,
                        G_TYPE_BYTES,
                        G_PARAM_WRITABLE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS);

  g_object_class_install_properties (object_class, G_N_ELEMENTS (props), props);
}

static void
aioproc_shared_memory_init (AioprocSharedMemory *self)
{
}

gboolean
aioproc_shared_memory_check (AioprocSharedMemory  *self,
                             GError              **error)
{
  return G_LIKELY (self->shm != NULL) ||
         aioproc_shareable_check_initialized (AIOPROC_SHAREABLE (self), error);
}

/**
 * aioproc_shared_memory_new:
 * @size: bytes, at least 1
 * @error: return location for an error
 *
 * Makes shared memory of @size bytes, all 0.
 *
 * It keeps this size: to make it larger later, give it a [property@SharedMemory:max-size].
 *
 * Fails with an error of the domain [error@Gio.IOErrorEnum]:
 *
 * - `INVALID_ARGUMENT` if @size is 0, or more than can be addressed
 * - `NO_SPACE` if there is not enough memory, or a limit of the process forbids it
 * - `TOO_MANY_OPEN_FILES` … where the system has no descriptor or thread for it
 *
 * Returns: (transfer full): new shared memory
 *
 * Since: 0.1
 */
AioprocSharedMemory *
aioproc_shared_memory_new (gsize    size,
                           GError **error)
{
  return g_initable_new (AIOPROC_TYPE_SHARED_MEMORY, NULL, error, "size", (guint64) size, NULL);
}

/**
 * aioproc_shared_memory_new_from_bytes:
 * @bytes: the content, at least 1 byte
 * @error: return location for an error
 *
 * Makes shared memory with the content of @bytes, which are copied.
 *
 * Fails as [ctor@SharedMemory.new] does.
 *
 * Returns: (transfer full): new shared memory
 *
 * Since: 0.1
 */
AioprocSharedMemory *
aioproc_shared_memory_new_from_bytes (GBytes  *bytes,
                                      GError **error)
{
  g_return_val_if_fail (bytes != NULL, NULL);

  return g_initable_new (AIOPROC_TYPE_SHARED_MEMORY, NULL, error, "content", bytes, NULL);
}

/**
 * aioproc_shared_memory_dup_read_only:
 * @self: shared memory
 * @error: return location for an error
 *
 * Makes an object for the same memory that can only read, and be passed to other processes for
 * reading.
 *
 * It has an identity of its own. Of an object that can only read already it is another reference.
 *
 * Fails with:
 *
 * - [error@Gio.IOErrorEnum.NOT_FOUND] if `/proc` is not there
 * - [error@Gio.IOErrorEnum.TOO_MANY_OPEN_FILES] … where the system has no descriptor or memory
 * - [error@Gio.IOErrorEnum.NOT_INITIALIZED] if @self could not be initialized
 *
 * Returns: (transfer full): the memory, for reading
 *
 * Since: 0.1
 */
AioprocSharedMemory *
aioproc_shared_memory_dup_read_only (AioprocSharedMemory  *self,
                                     GError              **error)
{
  g_autoptr(AioprocShm) shm = NULL;

  g_return_val_if_fail (AIOPROC_IS_SHARED_MEMORY (self), NULL);

  if (!aioproc_shared_memory_check (self, error))
    return NULL;

  if (aioproc_shm_is_read_only (self->shm))
    return g_object_ref (self);

  shm = aioproc_shm_new_read_only (self->shm, error);

  if (shm == NULL)
    return NULL;

  return AIOPROC_SHARED_MEMORY (aioproc_shareable_adopt (g_steal_pointer (&shm), NULL, error));
}

/**
 * aioproc_shared_memory_get_name: (get-property name)
 * @self: shared memory
 *
 * Gets what messages about the memory call it.
 *
 * Returns: (nullable): the name, or `NULL` if it has none
 *
 * Since: 0.1
 */
const char *
aioproc_shared_memory_get_name (AioprocSharedMemory *self)
{
  g_return_val_if_fail (AIOPROC_IS_SHARED_MEMORY (self), NULL);

  return self->name;
}

/**
 * aioproc_shared_memory_get_size: (get-property size)
 * @self: shared memory
 *
 * Gets how many bytes there are, at this moment.
 *
 * Returns: bytes; 0 only where the memory could not be initialized
 *
 * Since: 0.1
 */
gsize
aioproc_shared_memory_get_size (AioprocSharedMemory *self)
{
  guint64 size;

  g_return_val_if_fail (AIOPROC_IS_SHARED_MEMORY (self), 0);

  if (self->shm == NULL)
    return 0;

  /* Acquire: whoever sees it may look at the pages. */
  size = __atomic_load_n (&aioproc_shared_memory_get_state (self)->size, __ATOMIC_ACQUIRE);

  return MIN (size, aioproc_shared_memory_get_max_size (self));
}

/**
 * aioproc_shared_memory_get_max_size: (get-property max-size)
 * @self: shared memory
 *
 * Gets how many bytes there can be.
 *
 * Returns: bytes; 0 only where the memory could not be initialized
 *
 * Since: 0.1
 */
gsize
aioproc_shared_memory_get_max_size (AioprocSharedMemory *self)
{
  g_return_val_if_fail (AIOPROC_IS_SHARED_MEMORY (self), 0);

  return self->shm != NULL ? aioproc_shm_get_size (self->shm) - AIOPROC_MEMORY_CONTENT_OFFSET : 0;
}

/**
 * aioproc_shared_memory_get_read_only: (get-property read-only)
 * @self: shared memory
 *
 * Gets whether this object cannot write.
 *
 * Returns: `TRUE` if the memory can only be read through @self
 *
 * Since: 0.1
 */
gboolean
aioproc_shared_memory_get_read_only (AioprocSharedMemory *self)
{
  g_return_val_if_fail (AIOPROC_IS_SHARED_MEMORY (self), FALSE);

  return self->shm != NULL && aioproc_shm_is_read_only (self->shm);
}
