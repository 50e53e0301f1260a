/* aioproc-array.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "aioproc-array.h"

#include "core/aioproc-shareable-private.h"
#include "ipc/aioproc-cells-private.h"

/**
 * AioprocArray:
 *
 * Numbers of one type that several processes share.
 *
 * The type is one of the types of [struct@GLib.Variant] `b y n q i u x t d`. Each number is read
 * and written whole, without a lock and without a system call, and integers can be added to and
 * compared and swapped where they lie. In C the array is at an address,
 * [method@Array.get_data], as any array of its type.
 *
 * ```c
 * g_autoptr(AioprocArray) squares = aioproc_array_new ("x", N_NUMBERS, &error);
 * …
 *   numbers = aioproc_array_get_data (squares);
 * ```
 *
 * For all that is more than one step, as a slice that is to be of one moment, an array has a lock,
 * [property@Array:lock], which travels with it: a recursive one, unless it was given another or
 * told to have none. Nothing here acquires it.
 *
 * # Thread safety
 *
 * All functions may be called from any thread, and none waits. What a thread has written before it
 * sets a number is there for whoever reads that number.
 *
 * # Process safety
 *
 * An array is [iface@Shareable], and brings its lock along. A process that is killed has set each
 * number or not; of a slice it may have set some. If it held the lock, the next holder finds
 * `was-abandoned` set. A forked child has the same array.
 *
 * Since: 0.1
 */
struct _AioprocArray {
  GObject      parent_instance;

  /* Immutable after construction and initialisation. */
  AioprocCells cells;
  char        *name;       /* (owned) (nullable) */
  gboolean     unlocked;
  char        *type_string;   /* (owned) (nullable) what was asked for */
  guint64      length;        /* the same */
  GVariant    *values;        /* (owned) (nullable) until it is initialised */
};

static void aioproc_array_shareable_iface_init (AioprocShareableInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (AioprocArray, aioproc_array, G_TYPE_OBJECT,
  G_IMPLEMENT_INTERFACE (G_TYPE_INITABLE, aioproc_shareable_initable_iface_init)
  G_IMPLEMENT_INTERFACE (AIOPROC_TYPE_SHAREABLE, aioproc_array_shareable_iface_init))

typedef enum {
  PROP_LOCK = 1,
  PROP_NAME,
  PROP_UNLOCKED,
  PROP_TYPE_STRING,
  PROP_LENGTH,
  PROP_VALUES,
} AioprocArrayProperty;

static GParamSpec *props[PROP_VALUES + 1];

static AioprocShm *
aioproc_array_get_shm (AioprocShareable *shareable)
{
  return AIOPROC_ARRAY (shareable)->cells.shm;
}

static AioprocShareable *
aioproc_array_get_its_lock (AioprocShareable *shareable)
{
  return AIOPROC_ARRAY (shareable)->cells.lock;
}

static gboolean
aioproc_array_make (AioprocArray  *self,
                    GError       **error)
{
  const char *type = self->type_string != NULL ? self->type_string : "";
  gsize length = self->length;

  if (self->values != NULL)
    {
      const char *values_type = g_variant_get_type_string (self->values);

      if (values_type[0] != 'a')
        {
          g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                       "Could not make a shared array of a value of type “%s”", values_type);
          return FALSE;
        }

      type = values_type + 1;
      length = g_variant_n_children (self->values);
    }

  if (!aioproc_cells_make (&self->cells, AIOPROC_SHM_ARRAY, self->name, type, length, error))
    return FALSE;

  if (self->values != NULL)
    aioproc_cells_set_slice (&self->cells, 0, self->values, NULL);

  g_clear_pointer (&self->values, g_variant_unref);

  return TRUE;
}

static gboolean
aioproc_array_set_up (AioprocShareable  *shareable,
                      AioprocShm        *shm,
                      GError           **error)
{
  AioprocArray *self = AIOPROC_ARRAY (shareable);

  /* What came without a lock has none. */
  if (shm != NULL)
    return aioproc_cells_adopt (&self->cells, shm, error);

  return aioproc_cells_find_lock (&self->cells, self->unlocked, error) &&
         aioproc_array_make (self, error);
}

static AioprocShareable *
aioproc_array_import (AioprocShm  *shm,
                      GError     **error)
{
  return aioproc_shareable_new_for_shm (AIOPROC_TYPE_ARRAY, shm, error);
}

static AioprocShareable *
aioproc_array_import_with_lock (AioprocShm        *shm,
                                AioprocShareable  *lock,
                                GError           **error)
{
  return aioproc_shareable_new_with_lock (AIOPROC_TYPE_ARRAY, shm, lock, error);
}

__attribute__ ((constructor)) static void
aioproc_array_register (void)
{
  aioproc_shareable_register (AIOPROC_SHM_ARRAY, sizeof (AioprocCellsState), aioproc_array_import);
  aioproc_shareable_register_with_lock (AIOPROC_SHM_ARRAY, sizeof (AioprocCellsState),
                                        aioproc_array_import_with_lock);
}

static void
aioproc_array_shareable_iface_init (AioprocShareableInterface *iface)
{
  iface->get_lock = aioproc_array_get_its_lock;
  iface->get_shm = aioproc_array_get_shm;
  iface->set_up = aioproc_array_set_up;
}

static void
aioproc_array_get_property (GObject    *object,
                            guint       prop_id,
                            GValue     *value,
                            GParamSpec *pspec)
{
  AioprocArray *self = AIOPROC_ARRAY (object);

  switch ((AioprocArrayProperty) prop_id)
    {
    case PROP_LOCK:
      g_value_set_object (value, self->cells.lock);
      break;

    case PROP_NAME:
      g_value_set_string (value, self->name);
      break;

    case PROP_UNLOCKED:
      g_value_set_boolean (value, self->cells.lock == NULL);
      break;

    case PROP_TYPE_STRING:
      g_value_set_string (value, aioproc_array_get_type_string (self));
      break;

    case PROP_LENGTH:
      g_value_set_uint64 (value, aioproc_array_get_length (self));
      break;

    case PROP_VALUES:

    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
aioproc_array_set_property (GObject      *object,
                            guint         prop_id,
                            const GValue *value,
                            GParamSpec   *pspec)
{
  AioprocArray *self = AIOPROC_ARRAY (object);

  switch ((AioprocArrayProperty) prop_id)
    {
    case PROP_LOCK:
      self->cells.lock = g_value_dup_object (value);
      break;

    case PROP_NAME:
      self->name = g_value_dup_string (value);
      break;

    case PROP_UNLOCKED:
      self->unlocked = g_value_get_boolean (value);
      break;

    case PROP_TYPE_STRING:
      self->type_string = g_value_dup_string (value);
      break;

    case PROP_LENGTH:
      self->length = g_value_get_uint64 (value);
      break;

    case PROP_VALUES:
      self->values = g_value_dup_variant (value);
      break;

    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
aioproc_array_finalize (GObject *object)
{
  AioprocArray *self = AIOPROC_ARRAY (object);

  aioproc_cells_drop (&self->cells);
  g_clear_object (&self->cells.lock);
  g_clear_pointer (&self->values, g_variant_unref);
  g_free (self->type_string);
  g_free (self->name);

  G_OBJECT_CLASS (aioproc_array_parent_class)->finalize (object);
}

static void
aioproc_array_class_init (AioprocArrayClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->constructed = aioproc_shareable_constructed;
  object_class->get_property = aioproc_array_get_property;
  object_class->set_property = aioproc_array_set_property;
  object_class->finalize = aioproc_array_finalize;

  /**
   * AioprocArray:lock: (getter get_lock)
   *
   * The lock that goes with the array, a [class@Lock] or a [class@RLock].
   *
   * Without one, and without [property@Array:unlocked], a recursive lock is made.
   *
   * Since: 0.1
   */
  props[PROP_LOCK] =
    g_param_spec_object ("lock", NULL, NULL,
                         AIOPROC_TYPE_SHAREABLE,
                         G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS);

  /**
   * AioprocArray:name: (getter get_name)
   *
   * What messages about the array call it, in every process; at most 63 bytes, of which more are
   * cut off for other processes. It identifies nothing.
   *
   * Since: 0.1
   */
  props[PROP_NAME] =
    g_param_spec_string ("name", NULL, NULL,
                         NULL,
                         G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS);

  /**
   * AioprocArray:unlocked:
   *
   * Whether the array has no lock.
   *
   * Since: 0.1
   */
  props[PROP_UNLOCKED] =
    g_param_spec_boolean ("unlocked", NULL, NULL,
                          FALSE,
                          G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS);

  /**
   * AioprocArray:type-string: (getter get_type_string)
   *
   * The type of each number: one of `b y n q i u x t d`.
   *
   * Since: 0.1
   */
  props[PROP_TYPE_STRING] =
    g_param_spec_string ("type-string", NULL, NULL,
                         NULL,
                         G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS);

  /**
   * AioprocArray:length: (getter get_length)
   *
   * How many numbers there are. It never changes.
   *
   * Since: 0.1
   */
  props[PROP_LENGTH] =
    g_param_spec_uint64 ("length", NULL, NULL,
                         0, G_MAXUINT64, 0,
                         G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS);

  /**
   * AioprocArray:values:
   *
   * What the array begins with when it is made, which then tells its type and length: a value of
   * type `ab`, `ay` … `ad`.
   *
   * Since: 0.1
   */
  props[PROP_VALUES] =
    g_param_spec_variant ("values", NULL, NULL,
                          G_VARIANT_TYPE_ANY, NULL,
                          G_PARAM_WRITABLE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS);

  g_object_class_install_properties (object_class, G_N_ELEMENTS (props), props);
}

static void
aioproc_array_init (AioprocArray *self)
{
}

static gboolean
aioproc_array_check (AioprocArray  *self,
                     GError       **error)
{
  return G_LIKELY (self->cells.shm != NULL) ||
         aioproc_shareable_check_initialized (AIOPROC_SHAREABLE (self), error);
}

/**
 * aioproc_array_new:
 * @type_string: the type of each number: one of `b y n q i u x t d`
 * @length: how many
 * @error: return location for an error
 *
 * Makes a shared array of zeros, with a recursive lock of its own.
 *
 * Another lock, or none, is given by properties.
 *
 * Fails with:
 *
 * - [error@Gio.IOErrorEnum.INVALID_ARGUMENT] if @type_string is another type, or @length is
 *   more than can be
 * - [error@Gio.IOErrorEnum.NO_SPACE], [error@Gio.IOErrorEnum.TOO_MANY_OPEN_FILES] … where the
 *   system has no memory, address space, descriptor or thread for it
 *
 * Returns: (transfer full): a new array
 *
 * Since: 0.1
 */
AioprocArray *
aioproc_array_new (const char  *type_string,
                   gsize        length,
                   GError     **error)
{
  g_return_val_if_fail (type_string != NULL, NULL);

  return g_initable_new (AIOPROC_TYPE_ARRAY, NULL, error,
                         "type-string", type_string,
                         "length", (guint64) length,
                         NULL);
}

/**
 * aioproc_array_new_from_variant:
 * @values: the numbers, a value of type `ab`, `ay` … `ad`; consumed if floating
 * @error: return location for an error
 *
 * Makes a shared array with a content, and with a recursive lock of its own.
 *
 * Fails with:
 *
 * - [error@Gio.IOErrorEnum.INVALID_ARGUMENT] if @values is of another type
 * - [error@Gio.IOErrorEnum.NO_SPACE], [error@Gio.IOErrorEnum.TOO_MANY_OPEN_FILES] … where the
 *   system has no memory, address space, descriptor or thread for it
 *
 * Returns: (transfer full): a new array
 *
 * Since: 0.1
 */
AioprocArray *
aioproc_array_new_from_variant (GVariant  *values,
                                GError   **error)
{
  g_autoptr(GVariant) owned = NULL;

  g_return_val_if_fail (values != NULL, NULL);

  owned = g_variant_ref_sink (values);

  return g_initable_new (AIOPROC_TYPE_ARRAY, NULL, error, "values", owned, NULL);
}

/**
 * aioproc_array_get_name: (get-property name)
 * @self: an array
 *
 * Gets what messages call it.
 *
 * Returns: (nullable): the name, or `NULL` if it has none
 *
 * Since: 0.1
 */
const char *
aioproc_array_get_name (AioprocArray *self)
{
  g_return_val_if_fail (AIOPROC_IS_ARRAY (self), NULL);

  return self->name;
}

/**
 * aioproc_array_get_lock: (get-property lock)
 * @self: an array
 *
 * Gets the lock that goes with it.
 *
 * Returns: (transfer none) (nullable): a [class@Lock] or a [class@RLock], or `NULL` if it has none
 *
 * Since: 0.1
 */
AioprocShareable *
aioproc_array_get_lock (AioprocArray *self)
{
  g_return_val_if_fail (AIOPROC_IS_ARRAY (self), NULL);

  return self->cells.lock;
}

/**
 * aioproc_array_get_type_string: (get-property type-string)
 * @self: an array
 *
 * Gets the type of each number, which never changes.
 *
 * Returns: one of `b y n q i u x t d`; the empty string where the array could not be initialized
 *
 * Since: 0.1
 */
const char *
aioproc_array_get_type_string (AioprocArray *self)
{
  g_return_val_if_fail (AIOPROC_IS_ARRAY (self), NULL);

  return self->cells.type;
}

/**
 * aioproc_array_get_length: (get-property length)
 * @self: an array
 *
 * Gets how many numbers there are, which never changes.
 *
 * Returns: how many; 0 where the array could not be initialized
 *
 * Since: 0.1
 */
gsize
aioproc_array_get_length (AioprocArray *self)
{
  g_return_val_if_fail (AIOPROC_IS_ARRAY (self), 0);

  return self->cells.length;
}

/**
 * aioproc_array_get:
 * @self: an array
 * @index: which one, counted from 0
 * @error: return location for an error
 *
 * Reads one number.
 *
 * Fails with:
 *
 * - [error@Gio.IOErrorEnum.INVALID_ARGUMENT] if there is no such number
 * - [error@Gio.IOErrorEnum.NOT_INITIALIZED] if the array could not be initialized
 *
 * Returns: (transfer full): what it is at this moment
 *
 * Since: 0.1
 */
GVariant *
aioproc_array_get (AioprocArray  *self,
                   gsize          index,
                   GError       **error)
{
  g_return_val_if_fail (AIOPROC_IS_ARRAY (self), NULL);

  if (!aioproc_array_check (self, error))
    return NULL;

  return aioproc_cells_get (&self->cells, index, error);
}

/**
 * aioproc_array_set:
 * @self: an array
 * @index: which one, counted from 0
 * @value: what it is to be; consumed if floating
 * @error: return location for an error
 *
 * Writes one number.
 *
 * Fails with:
 *
 * - [error@Gio.IOErrorEnum.INVALID_ARGUMENT] if there is no such number, or @value is of another
 *   type
 * - [error@Gio.IOErrorEnum.NOT_INITIALIZED] if the array could not be initialized
 *
 * Returns: `TRUE` if it is set
 *
 * Since: 0.1
 */
gboolean
aioproc_array_set (AioprocArray  *self,
                   gsize          index,
                   GVariant      *value,
                   GError       **error)
{
  g_autoptr(GVariant) owned = NULL;

  g_return_val_if_fail (AIOPROC_IS_ARRAY (self), FALSE);
  g_return_val_if_fail (value != NULL, FALSE);

  owned = g_variant_ref_sink (value);

  return aioproc_array_check (self, error) &&
         aioproc_cells_set (&self->cells, index, owned, error);
}

/**
 * aioproc_array_get_slice:
 * @self: an array
 * @offset: the first one, counted from 0
 * @length: how many
 * @error: return location for an error
 *
 * Reads several numbers.
 *
 * Each is whole; they are of one moment only where nobody writes meanwhile.
 *
 * Fails with:
 *
 * - [error@Gio.IOErrorEnum.INVALID_ARGUMENT] if some of them are not there
 * - [error@Gio.IOErrorEnum.NO_SPACE] if there is no memory for the copy
 * - [error@Gio.IOErrorEnum.NOT_INITIALIZED] if the array could not be initialized
 *
 * Returns: (transfer full): a copy, of type `ab`, `ay` … `ad`
 *
 * Since: 0.1
 */
GVariant *
aioproc_array_get_slice (AioprocArray  *self,
                         gsize          offset,
                         gsize          length,
                         GError       **error)
{
  g_return_val_if_fail (AIOPROC_IS_ARRAY (self), NULL);

  if (!aioproc_array_check (self, error))
    return NULL;

  return aioproc_cells_get_slice (&self->cells, offset, length, error);
}

/**
 * aioproc_array_set_slice:
 * @self: an array
 * @offset: where the first one goes, counted from 0
 * @values: the numbers, of type `ab`, `ay` … `ad`; consumed if floating
 * @error: return location for an error
 *
 * Writes several numbers, in their order, all or none of them.
 *
 * Fails with:
 *
 * - [error@Gio.IOErrorEnum.INVALID_ARGUMENT] if there is no place for some of them, or @values are
 *   of another type
 * - [error@Gio.IOErrorEnum.NOT_INITIALIZED] if the array could not be initialized
 *
 * Returns: `TRUE` if they are set
 *
 * Since: 0.1
 */
gboolean
aioproc_array_set_slice (AioprocArray  *self,
                         gsize          offset,
                         GVariant      *values,
                         GError       **error)
{
  g_autoptr(GVariant) owned = NULL;

  g_return_val_if_fail (AIOPROC_IS_ARRAY (self), FALSE);
  g_return_val_if_fail (values != NULL, FALSE);

  owned = g_variant_ref_sink (values);

  return aioproc_array_check (self, error) &&
         aioproc_cells_set_slice (&self->cells, offset, owned, error);
}

/**
 * aioproc_array_add:
 * @self: an array
 * @index: which one, counted from 0
 * @delta: what to add
 * @old: (out) (optional): what it was before
 * @error: return location for an error
 *
 * Adds to an integer, in one step.
 *
 * What is more than the type holds, or less, wraps around. Numbers of type `t` are told as though
 * they were of type `x`.
 *
 * Fails with:
 *
 * - [error@Gio.IOErrorEnum.INVALID_ARGUMENT] if there is no such number
 * - [error@Gio.IOErrorEnum.NOT_SUPPORTED] if the type is `b` or `d`
 * - [error@Gio.IOErrorEnum.NOT_INITIALIZED] if the array could not be initialized
 *
 * Returns: `TRUE` if @delta was added
 *
 * Since: 0.1
 */
gboolean
aioproc_array_add (AioprocArray  *self,
                   gsize          index,
                   gint64         delta,
                   gint64        *old,
                   GError       **error)
{
  g_return_val_if_fail (AIOPROC_IS_ARRAY (self), FALSE);

  return aioproc_array_check (self, error) &&
         aioproc_cells_add (&self->cells, index, delta, old, error);
}

/**
 * aioproc_array_compare_and_swap:
 * @self: an array
 * @index: which one, counted from 0
 * @expected: what it has to be
 * @desired: what it is to be then
 * @old: (out) (optional): what it was before
 * @error: return location for an error
 *
 * Sets an integer if it is what it is thought to be, in one step.
 *
 * Fails with:
 *
 * - [error@Gio.IOErrorEnum.INVALID_ARGUMENT] if there is no such number, or @expected or @desired
 *   is none of the type
 * - [error@Gio.IOErrorEnum.NOT_SUPPORTED] if the type is `b` or `d`
 * - [error@Gio.IOErrorEnum.NOT_INITIALIZED] if the array could not be initialized
 *
 * Returns: `TRUE` if it was set; `FALSE`, without an error, if it was not @expected
 *
 * Since: 0.1
 */
gboolean
aioproc_array_compare_and_swap (AioprocArray  *self,
                                gsize          index,
                                gint64         expected,
                                gint64         desired,
                                gint64        *old,
                                GError       **error)
{
  g_return_val_if_fail (AIOPROC_IS_ARRAY (self), FALSE);

  return aioproc_array_check (self, error) &&
         aioproc_cells_compare_and_swap (&self->cells, index, expected, desired, old, error);
}

/**
 * aioproc_array_get_data: (skip)
 * @self: an array
 *
 * Gets the address of the first number, for C.
 *
 * It is aligned to 64 bytes, and valid as long as @self lives. A `b` is a byte, 0 or 1. Whoever
 * uses it without the lock should use atomic operations.
 *
 * Returns: (transfer none) (nullable): the address; `NULL` where the array could not be initialized
 *
 * Since: 0.1
 */
gpointer
aioproc_array_get_data (AioprocArray *self)
{
  g_return_val_if_fail (AIOPROC_IS_ARRAY (self), NULL);

  return self->cells.data;
}

static void
unref_shm (gpointer data)
{
  aioproc_shm_unref (data);
}

/**
 * aioproc_array_dup_bytes:
 * @self: an array
 * @error: return location for an error
 *
 * Gets bytes that lie in the array: nothing is copied.
 *
 * They may outlive @self, and change whenever somebody writes to the array. Numbers are in the byte
 * order of the machine.
 *
 * Fails with [error@Gio.IOErrorEnum.NOT_INITIALIZED] if the array could not be initialized.
 *
 * Returns: (transfer full): all of it
 *
 * Since: 0.1
 */
GBytes *
aioproc_array_dup_bytes (AioprocArray  *self,
                         GError       **error)
{
  g_return_val_if_fail (AIOPROC_IS_ARRAY (self), NULL);

  if (!aioproc_array_check (self, error))
    return NULL;

  return g_bytes_new_with_free_func (self->cells.data,
                                     self->cells.length * self->cells.element_size,
                                     unref_shm, aioproc_shm_ref (self->cells.shm));
}
