/* aioproc-value.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "aioproc-value.h"

#include "core/aioproc-shareable-private.h"
#include "ipc/aioproc-cells-private.h"

/**
 * AioprocValue:
 *
 * One number that several processes share.
 *
 * It has one of the types of [struct@GLib.Variant] `b y n q i u x t d`, that of its first content,
 * and keeps it. Whoever reads it gets a number that somebody has set, whole, without a lock and
 * without a system call; integers can be added to and compared and swapped, by any number of
 * processes at once, and none of that is lost.
 *
 * ```c
 * g_autoptr(AioprocValue) counter = aioproc_value_new (g_variant_new_int64 (0), &error);
 * …
 *   if (!aioproc_value_add (counter, 1, NULL, &error))
 * ```
 *
 * For all that is more than one step a value has a lock, [property@Value:lock], which travels with
 * it: a recursive one, unless it was given another or told to have none. Nothing here acquires it.
 * It guards the number from those who acquire it, as a lock does: who only wants to add need not.
 *
 * # Thread safety
 *
 * All functions may be called from any thread, and none waits. What a thread has written before it
 * sets a number is there for whoever reads that number.
 *
 * # Process safety
 *
 * A value is [iface@Shareable], and brings its lock along. A process that is killed has set a
 * number or not. If it held the lock, the next holder finds `was-abandoned` set. A forked child has
 * the same value.
 *
 * Since: 0.1
 */
struct _AioprocValue {
  GObject      parent_instance;

  /* Immutable after construction and initialisation. */
  AioprocCells cells;
  char        *name;       /* (owned) (nullable) */
  gboolean     unlocked;
  GVariant    *value;      /* (owned) (nullable) until it is initialised */
};

static void aioproc_value_shareable_iface_init (AioprocShareableInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (AioprocValue, aioproc_value, G_TYPE_OBJECT,
  G_IMPLEMENT_INTERFACE (G_TYPE_INITABLE, aioproc_shareable_initable_iface_init)
  G_IMPLEMENT_INTERFACE (AIOPROC_TYPE_SHAREABLE, aioproc_value_shareable_iface_init))

typedef enum {
  PROP_LOCK = 1,
  PROP_NAME,
  PROP_UNLOCKED,
  PROP_VALUE,
} AioprocValueProperty;

static GParamSpec *props[PROP_VALUE + 1];

static AioprocShm *
aioproc_value_get_shm (AioprocShareable *shareable)
{
  return AIOPROC_VALUE (shareable)->cells.shm;
}

static AioprocShareable *
aioproc_value_get_its_lock (AioprocShareable *shareable)
{
  return AIOPROC_VALUE (shareable)->cells.lock;
}

static gboolean
aioproc_value_make (AioprocValue  *self,
                    GError       **error)
{
  if (self->value == NULL)
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                           "Could not make a shared value without a first one");
      return FALSE;
    }

  if (!aioproc_cells_make (&self->cells, AIOPROC_SHM_VALUE, self->name,
                           g_variant_get_type_string (self->value), 1, error))
    return FALSE;

  aioproc_cells_set (&self->cells, 0, self->value, NULL);
  g_clear_pointer (&self->value, g_variant_unref);

  return TRUE;
}

static gboolean
aioproc_value_set_up (AioprocShareable  *shareable,
                      AioprocShm        *shm,
                      GError           **error)
{
  AioprocValue *self = AIOPROC_VALUE (shareable);

  /* What came without a lock has none. */
  if (shm != NULL)
    return aioproc_cells_adopt (&self->cells, shm, error);

  return aioproc_cells_find_lock (&self->cells, self->unlocked, error) &&
         aioproc_value_make (self, error);
}

static AioprocShareable *
aioproc_value_import (AioprocShm  *shm,
                      GError     **error)
{
  return aioproc_shareable_new_for_shm (AIOPROC_TYPE_VALUE, shm, error);
}

static AioprocShareable *
aioproc_value_import_with_lock (AioprocShm        *shm,
                                AioprocShareable  *lock,
                                GError           **error)
{
  return aioproc_shareable_new_with_lock (AIOPROC_TYPE_VALUE, shm, lock, error);
}

__attribute__ ((constructor)) static void
aioproc_value_register (void)
{
  aioproc_shareable_register (AIOPROC_SHM_VALUE, sizeof (AioprocCellsState), aioproc_value_import);
  aioproc_shareable_register_with_lock (AIOPROC_SHM_VALUE, sizeof (AioprocCellsState),
                                        aioproc_value_import_with_lock);
}

static void
aioproc_value_shareable_iface_init (AioprocShareableInterface *iface)
{
  iface->get_lock = aioproc_value_get_its_lock;
  iface->get_shm = aioproc_value_get_shm;
  iface->set_up = aioproc_value_set_up;
}

static void
aioproc_value_get_property (GObject    *object,
                            guint       prop_id,
                            GValue     *value,
                            GParamSpec *pspec)
{
  AioprocValue *self = AIOPROC_VALUE (object);

  switch ((AioprocValueProperty) prop_id)
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

    case PROP_VALUE:

    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
aioproc_value_set_property (GObject      *object,
                            guint         prop_id,
                            const GValue *value,
                            GParamSpec   *pspec)
{
  AioprocValue *self = AIOPROC_VALUE (object);

  switch ((AioprocValueProperty) prop_id)
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

    case PROP_VALUE:
      self->value = g_value_dup_variant (value);
      break;

    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
aioproc_value_finalize (GObject *object)
{
  AioprocValue *self = AIOPROC_VALUE (object);

  aioproc_cells_drop (&self->cells);
  g_clear_object (&self->cells.lock);
  g_clear_pointer (&self->value, g_variant_unref);
  g_free (self->name);

  G_OBJECT_CLASS (aioproc_value_parent_class)->finalize (object);
}

static void
aioproc_value_class_init (AioprocValueClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->constructed = aioproc_shareable_constructed;
  object_class->get_property = aioproc_value_get_property;
  object_class->set_property = aioproc_value_set_property;
  object_class->finalize = aioproc_value_finalize;

  /**
   * AioprocValue:lock: (getter get_lock)
   *
   * The lock that goes with the value, a [class@Lock] or a [class@RLock].
   *
   * Without one, and without [property@Value:unlocked], a recursive lock is made.
   *
   * Since: 0.1
   */
  props[PROP_LOCK] =
    g_param_spec_object ("lock", NULL, NULL,
                         AIOPROC_TYPE_SHAREABLE,
                         G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS);

  /**
   * AioprocValue:name: (getter get_name)
   *
   * What messages about the value call it, in every process; at most 63 bytes, of which more are
   * cut off for other processes. It identifies nothing.
   *
   * Since: 0.1
   */
  props[PROP_NAME] =
    g_param_spec_string ("name", NULL, NULL,
                         NULL,
                         G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS);

  /**
   * AioprocValue:unlocked:
   *
   * Whether the value has no lock.
   *
   * Since: 0.1
   */
  props[PROP_UNLOCKED] =
    g_param_spec_boolean ("unlocked", NULL, NULL,
                          FALSE,
                          G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS);

  /**
   * AioprocValue:value:
   *
   * What the value begins with when it is made, which also tells its type.
   *
   * Since: 0.1
   */
  props[PROP_VALUE] =
    g_param_spec_variant ("value", NULL, NULL,
                          G_VARIANT_TYPE_ANY, NULL,
                          G_PARAM_WRITABLE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS);

  g_object_class_install_properties (object_class, G_N_ELEMENTS (props), props);
}

static void
aioproc_value_init (AioprocValue *self)
{
}

static gboolean
aioproc_value_check (AioprocValue  *self,
                     GError       **error)
{
  return G_LIKELY (self->cells.shm != NULL) ||
         aioproc_shareable_check_initialized (AIOPROC_SHAREABLE (self), error);
}

/**
 * aioproc_value_new:
 * @value: the first value, of type `b y n q i u x t` or `d`; consumed if floating
 * @error: return location for an error
 *
 * Makes a shared value with a recursive lock of its own.
 *
 * Another lock, or none, is given by properties.
 *
 * Fails with:
 *
 * - [error@Gio.IOErrorEnum.INVALID_ARGUMENT] if @value is of another type
 * - [error@Gio.IOErrorEnum.NO_SPACE], [error@Gio.IOErrorEnum.TOO_MANY_OPEN_FILES] … where the
 *   system has no memory, address space, descriptor or thread for it
 *
 * Returns: (transfer full): a new value
 *
 * Since: 0.1
 */
AioprocValue *
aioproc_value_new (GVariant  *value,
                   GError   **error)
{
  g_autoptr(GVariant) owned = NULL;

  g_return_val_if_fail (value != NULL, NULL);

  owned = g_variant_ref_sink (value);

  return g_initable_new (AIOPROC_TYPE_VALUE, NULL, error, "value", owned, NULL);
}

/**
 * aioproc_value_get_name: (get-property name)
 * @self: a value
 *
 * Gets what messages call it.
 *
 * Returns: (nullable): the name, or `NULL` if it has none
 *
 * Since: 0.1
 */
const char *
aioproc_value_get_name (AioprocValue *self)
{
  g_return_val_if_fail (AIOPROC_IS_VALUE (self), NULL);

  return self->name;
}

/**
 * aioproc_value_get_lock: (get-property lock)
 * @self: a value
 *
 * Gets the lock that goes with it.
 *
 * Returns: (transfer none) (nullable): a [class@Lock] or a [class@RLock], or `NULL` if it has none
 *
 * Since: 0.1
 */
AioprocShareable *
aioproc_value_get_lock (AioprocValue *self)
{
  g_return_val_if_fail (AIOPROC_IS_VALUE (self), NULL);

  return self->cells.lock;
}

/**
 * aioproc_value_get_type_string:
 * @self: a value
 *
 * Gets the type, which never changes.
 *
 * Returns: one of `b y n q i u x t d`; the empty string where the value could not be initialized
 *
 * Since: 0.1
 */
const char *
aioproc_value_get_type_string (AioprocValue *self)
{
  g_return_val_if_fail (AIOPROC_IS_VALUE (self), NULL);

  return self->cells.type;
}

/**
 * aioproc_value_get:
 * @self: a value
 * @error: return location for an error
 *
 * Reads the number.
 *
 * Fails with [error@Gio.IOErrorEnum.NOT_INITIALIZED] if it could not be initialized.
 *
 * Returns: (transfer full): what it is at this moment
 *
 * Since: 0.1
 */
GVariant *
aioproc_value_get (AioprocValue  *self,
                   GError       **error)
{
  g_return_val_if_fail (AIOPROC_IS_VALUE (self), NULL);

  if (!aioproc_value_check (self, error))
    return NULL;

  return aioproc_cells_get (&self->cells, 0, error);
}

/**
 * aioproc_value_set:
 * @self: a value
 * @value: what it is to be; consumed if floating
 * @error: return location for an error
 *
 * Writes the number.
 *
 * Fails with:
 *
 * - [error@Gio.IOErrorEnum.INVALID_ARGUMENT] if @value is of another type than it was
 * - [error@Gio.IOErrorEnum.NOT_INITIALIZED] if it could not be initialized
 *
 * Returns: `TRUE` if it is set
 *
 * Since: 0.1
 */
gboolean
aioproc_value_set (AioprocValue  *self,
                   GVariant      *value,
                   GError       **error)
{
  g_autoptr(GVariant) owned = NULL;

  g_return_val_if_fail (AIOPROC_IS_VALUE (self), FALSE);
  g_return_val_if_fail (value != NULL, FALSE);

  owned = g_variant_ref_sink (value);

  return aioproc_value_check (self, error) && aioproc_cells_set (&self->cells, 0, owned, error);
}

/**
 * aioproc_value_add:
 * @self: a value
 * @delta: what to add
 * @old: (out) (optional): what it was before
 * @error: return location for an error
 *
 * Adds to an integer, in one step.
 *
 * What is more than the type holds, or less, wraps around. A @self of type `t` is told as though it
 * were one of type `x`.
 *
 * Fails with:
 *
 * - [error@Gio.IOErrorEnum.NOT_SUPPORTED] if it is of type `b` or `d`
 * - [error@Gio.IOErrorEnum.NOT_INITIALIZED] if it could not be initialized
 *
 * Returns: `TRUE` if @delta was added
 *
 * Since: 0.1
 */
gboolean
aioproc_value_add (AioprocValue  *self,
                   gint64         delta,
                   gint64        *old,
                   GError       **error)
{
  g_return_val_if_fail (AIOPROC_IS_VALUE (self), FALSE);

  return aioproc_value_check (self, error) &&
         aioproc_cells_add (&self->cells, 0, delta, old, error);
}

/**
 * aioproc_value_compare_and_swap:
 * @self: a value
 * @expected: what it has to be
 * @desired: what it is to be then
 * @old: (out) (optional): what it was before
 * @error: return location for an error
 *
 * Sets an integer if it is what it is thought to be, in one step.
 *
 * Fails with:
 *
 * - [error@Gio.IOErrorEnum.INVALID_ARGUMENT] if @expected or @desired is no number of the type
 * - [error@Gio.IOErrorEnum.NOT_SUPPORTED] if it is of type `b` or `d`
 * - [error@Gio.IOErrorEnum.NOT_INITIALIZED] if it could not be initialized
 *
 * Returns: `TRUE` if it was set; `FALSE`, without an error, if it was not @expected
 *
 * Since: 0.1
 */
gboolean
aioproc_value_compare_and_swap (AioprocValue  *self,
                                gint64         expected,
                                gint64         desired,
                                gint64        *old,
                                GError       **error)
{
  g_return_val_if_fail (AIOPROC_IS_VALUE (self), FALSE);

  return aioproc_value_check (self, error) &&
         aioproc_cells_compare_and_swap (&self->cells, 0, expected, desired, old, error);
}

/**
 * aioproc_value_get_data: (skip)
 * @self: a value
 *
 * Gets the address of the number, for C.
 *
 * It is aligned to 64 bytes, and valid as long as @self lives. A `b` is a byte, 0 or 1. Whoever
 * uses it without the lock should use atomic operations.
 *
 * Returns: (transfer none) (nullable): the address; `NULL` where the value could not be initialized
 *
 * Since: 0.1
 */
gpointer
aioproc_value_get_data (AioprocValue *self)
{
  g_return_val_if_fail (AIOPROC_IS_VALUE (self), NULL);

  return self->cells.data;
}
