/* aioproc-shared-list.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "aioproc-shared-list.h"

#include "core/aioproc-shareable-private.h"
#include "ipc/aioproc-slots-private.h"

/**
 * AioprocSharedList:
 *
 * A list of a fixed length whose items several processes replace.
 *
 * Each item is any value of [struct@GLib.Variant] without handles, and has room for as much as it
 * began with, or [property@SharedList:least-room]. Another value can take its place, of whatever
 * type, if it fits there. Nothing else in the list changes by that.
 *
 * ```c
 * g_autoptr(AioprocSharedList) list = NULL;
 * …
 * list = aioproc_shared_list_new (g_variant_new ("(sid)", "idle", 0, 0.5), &error);
 * ```
 *
 * Who gets an item gets a value that somebody has set, whole, whatever others do meanwhile. Two
 * items are of the same moment only if a lock sees to that.
 *
 * # Thread safety
 *
 * All functions may be called from any thread. None sleeps: reading needs no lock, and writing
 * holds an internal one for as long as it takes to copy the value. Who finds it held tries for 10
 * milliseconds at most.
 *
 * # Process safety
 *
 * A list is [iface@Shareable]. A process that is killed while it sets an item has set it, or the
 * former value is there. One that is stopped there keeps others from setting items, but not from
 * getting them. A forked child has the same list.
 *
 * Since: 0.1
 */
struct _AioprocSharedList {
  GObject       parent_instance;

  /* Immutable after construction and initialisation. */
  AioprocSlots  slots;
  char         *name;         /* (owned) (nullable) */
  guint64       least_room;   /* what was asked for */
  GVariant     *items;        /* (owned) (nullable) until it is initialised */
};

static void aioproc_shared_list_shareable_iface_init (AioprocShareableInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (AioprocSharedList, aioproc_shared_list, G_TYPE_OBJECT,
  G_IMPLEMENT_INTERFACE (G_TYPE_INITABLE, aioproc_shareable_initable_iface_init)
  G_IMPLEMENT_INTERFACE (AIOPROC_TYPE_SHAREABLE, aioproc_shared_list_shareable_iface_init))

typedef enum {
  PROP_ITEMS = 1,
  PROP_LEAST_ROOM,
  PROP_LENGTH,
  PROP_NAME,
} AioprocSharedListProperty;

static GParamSpec *props[PROP_NAME + 1];

static AioprocShm *
aioproc_shared_list_get_shm (AioprocShareable *shareable)
{
  return AIOPROC_SHARED_LIST (shareable)->slots.shm;
}

static gboolean
aioproc_shared_list_make (AioprocSharedList  *self,
                          GError            **error)
{
  g_autoptr(GPtrArray) values = g_ptr_array_new_with_free_func ((GDestroyNotify) g_variant_unref);

  if (self->items == NULL || !g_variant_is_container (self->items) ||
      g_variant_is_of_type (self->items, G_VARIANT_TYPE_MAYBE) ||
      g_variant_is_of_type (self->items, G_VARIANT_TYPE_VARIANT))
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                           "Could not make a shared list: its items must be an array or a tuple");
      return FALSE;
    }

  for (gsize i = 0; i < g_variant_n_children (self->items); i++)
    {
      GVariant *item = g_variant_get_child_value (self->items, i);

      /* Of an array of variants the items are what is in them. */
      if (g_variant_is_of_type (item, G_VARIANT_TYPE_VARIANT))
        {
          GVariant *inner = g_variant_get_variant (item);

          g_variant_unref (item);
          item = inner;
        }

      g_ptr_array_add (values, item);
    }

  return aioproc_slots_make (&self->slots, self->name, values, self->least_room, error);
}

static gboolean
aioproc_shared_list_set_up (AioprocShareable  *shareable,
                            AioprocShm        *shm,
                            GError           **error)
{
  AioprocSharedList *self = AIOPROC_SHARED_LIST (shareable);

  if (shm != NULL)
    return aioproc_slots_adopt (&self->slots, shm, error);

  if (!aioproc_shared_list_make (self, error))
    return FALSE;

  g_clear_pointer (&self->items, g_variant_unref);

  return TRUE;
}

static AioprocShareable *
aioproc_shared_list_import (AioprocShm  *shm,
                            GError     **error)
{
  return aioproc_shareable_new_for_shm (AIOPROC_TYPE_SHARED_LIST, shm, error);
}

__attribute__ ((constructor)) static void
aioproc_shared_list_register (void)
{
  aioproc_shareable_register (AIOPROC_SHM_LIST, sizeof (AioprocSlotsState),
                              aioproc_shared_list_import);
}

static void
aioproc_shared_list_shareable_iface_init (AioprocShareableInterface *iface)
{
  iface->get_shm = aioproc_shared_list_get_shm;
  iface->set_up = aioproc_shared_list_set_up;
}

static void
aioproc_shared_list_get_property (GObject    *object,
                                  guint       prop_id,
                                  GValue     *value,
                                  GParamSpec *pspec)
{
  AioprocSharedList *self = AIOPROC_SHARED_LIST (object);

  switch ((AioprocSharedListProperty) prop_id)
    {
    case PROP_LENGTH:
      g_value_set_uint (value, self->slots.length);
      break;

    case PROP_NAME:
      g_value_set_string (value, self->name);
      break;

    case PROP_ITEMS:
    case PROP_LEAST_ROOM:
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
aioproc_shared_list_set_property (GObject      *object,
                                  guint         prop_id,
                                  const GValue *value,
                                  GParamSpec   *pspec)
{
  AioprocSharedList *self = AIOPROC_SHARED_LIST (object);

  switch ((AioprocSharedListProperty) prop_id)
    {
    case PROP_ITEMS:
      self->items = g_value_dup_variant (value);
      break;

    case PROP_LEAST_ROOM:
      self->least_room = g_value_get_uint64 (value);
      break;

    case PROP_NAME:
      self->name = g_value_dup_string (value);
      break;

    case PROP_LENGTH:
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
aioproc_shared_list_finalize (GObject *object)
{
  AioprocSharedList *self = AIOPROC_SHARED_LIST (object);

  aioproc_slots_drop (&self->slots);
  g_clear_pointer (&self->items, g_variant_unref);
  g_free (self->name);

  G_OBJECT_CLASS (aioproc_shared_list_parent_class)->finalize (object);
}

static void
aioproc_shared_list_class_init (AioprocSharedListClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->constructed = aioproc_shareable_constructed;
  object_class->get_property = aioproc_shared_list_get_property;
  object_class->set_property = aioproc_shared_list_set_property;
  object_class->finalize = aioproc_shared_list_finalize;

  /**
   * AioprocSharedList:items:
   *
   * What the list begins with when it is made: an array or a tuple. Of variants in it the items are
   * what they hold.
   *
   * Since: 0.1
   */
  props[PROP_ITEMS] =
    g_param_spec_variant ("items", NULL, NULL,
                          G_VARIANT_TYPE_ANY, NULL,
                          G_PARAM_WRITABLE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS);

  /**
   * AioprocSharedList:least-room:
   *
   * The bytes that each item gets at least when the list is made: at most 1 GiB. It takes twice of
   * that.
   *
   * A value takes what its type string and its serialised data take, each rounded up to 8 bytes.
   *
   * Since: 0.1
   */
  props[PROP_LEAST_ROOM] =
    g_param_spec_uint64 ("least-room", NULL, NULL,
                         0, G_MAXUINT64, 0,
                         G_PARAM_WRITABLE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS);

  /**
   * AioprocSharedList:length: (getter get_length)
   *
   * How many items there are. It never changes.
   *
   * Since: 0.1
   */
  props[PROP_LENGTH] =
    g_param_spec_uint ("length", NULL, NULL,
                       0, G_MAXUINT, 0,
                       G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);

  /**
   * AioprocSharedList:name: (getter get_name)
   *
   * What messages about the list call it, in every process; at most 63 bytes, of which more are cut
   * off for other processes. It identifies nothing.
   *
   * Since: 0.1
   */
  props[PROP_NAME] =
    g_param_spec_string ("name", NULL, NULL,
                         NULL,
                         G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS);

  g_object_class_install_properties (object_class, G_N_ELEMENTS (props), props);
}

static void
aioproc_shared_list_init (AioprocSharedList *self)
{
}

static gboolean
aioproc_shared_list_check (AioprocSharedList  *self,
                           GError            **error)
{
  return G_LIKELY (self->slots.shm != NULL) ||
         aioproc_shareable_check_initialized (AIOPROC_SHAREABLE (self), error);
}

/**
 * aioproc_shared_list_new:
 * @items: an array or a tuple, of variants perhaps; consumed if floating
 * @error: return location for an error
 *
 * Makes a shared list.
 *
 * Each item has room for a value as large as its first one, or any number.
 *
 * Fails with:
 *
 * - [error@Gio.IOErrorEnum.INVALID_ARGUMENT] if @items is something else, or holds a value that
 *   cannot be sent: see [class@Message]
 * - [error@Gio.IOErrorEnum.NOT_SUPPORTED] if there is a handle among the items
 * - [error@Gio.IOErrorEnum.MESSAGE_TOO_LARGE] if an item has more than 1 GiB
 * - [error@Gio.IOErrorEnum.NO_SPACE], [error@Gio.IOErrorEnum.TOO_MANY_OPEN_FILES] … where the
 *   system has no memory, address space or descriptor for it
 *
 * Returns: (transfer full): a new list
 *
 * Since: 0.1
 */
AioprocSharedList *
aioproc_shared_list_new (GVariant  *items,
                         GError   **error)
{
  g_autoptr(GVariant) owned = NULL;

  g_return_val_if_fail (items != NULL, NULL);

  owned = g_variant_ref_sink (items);

  return g_initable_new (AIOPROC_TYPE_SHARED_LIST, NULL, error, "items", owned, NULL);
}

/**
 * aioproc_shared_list_get_name: (get-property name)
 * @self: a list
 *
 * Gets what messages about the list call it.
 *
 * Returns: (nullable): the name, or `NULL` if it has none
 *
 * Since: 0.1
 */
const char *
aioproc_shared_list_get_name (AioprocSharedList *self)
{
  g_return_val_if_fail (AIOPROC_IS_SHARED_LIST (self), NULL);

  return self->name;
}

/**
 * aioproc_shared_list_get_length: (get-property length)
 * @self: a list
 *
 * Gets how many items there are, which never changes.
 *
 * Returns: how many; 0 where the list could not be initialized
 *
 * Since: 0.1
 */
guint
aioproc_shared_list_get_length (AioprocSharedList *self)
{
  g_return_val_if_fail (AIOPROC_IS_SHARED_LIST (self), 0);

  return self->slots.length;
}

/**
 * aioproc_shared_list_get_room:
 * @self: a list
 * @index: which item, counted from 0
 *
 * Gets how large a value may be that takes the place of an item.
 *
 * Returns: bytes; 0 if there is no such item
 *
 * Since: 0.1
 */
gsize
aioproc_shared_list_get_room (AioprocSharedList *self,
                              guint              index)
{
  g_return_val_if_fail (AIOPROC_IS_SHARED_LIST (self), 0);

  return index < self->slots.length ? self->slots.slots[index].room : 0;
}

/**
 * aioproc_shared_list_get:
 * @self: a list
 * @index: which item, counted from 0
 * @error: return location for an error
 *
 * Gets an item.
 *
 * Fails with:
 *
 * - [error@Gio.IOErrorEnum.INVALID_ARGUMENT] if there is no such item
 * - [error@Gio.IOErrorEnum.WOULD_BLOCK] if others set it again and again meanwhile
 * - [error@Gio.IOErrorEnum.INVALID_DATA] if a process has damaged the list
 * - [error@Gio.IOErrorEnum.NO_SPACE] if there is no memory for the copy
 * - [error@Gio.IOErrorEnum.NOT_INITIALIZED] if the list could not be initialized
 *
 * Returns: (transfer full): the value that is there at this moment
 *
 * Since: 0.1
 */
GVariant *
aioproc_shared_list_get (AioprocSharedList  *self,
                         guint               index,
                         GError            **error)
{
  g_return_val_if_fail (AIOPROC_IS_SHARED_LIST (self), NULL);

  if (!aioproc_shared_list_check (self, error))
    return NULL;

  return aioproc_slots_get (&self->slots, index, error);
}

/**
 * aioproc_shared_list_set:
 * @self: a list
 * @index: which item, counted from 0
 * @value: what takes its place; consumed if floating
 * @error: return location for an error
 *
 * Replaces an item, by a value of any type.
 *
 * Fails with:
 *
 * - [error@Gio.IOErrorEnum.INVALID_ARGUMENT] if there is no such item, or @value cannot be sent:
 *   see [class@Message]
 * - [error@Gio.IOErrorEnum.MESSAGE_TOO_LARGE] if there is not enough room for @value
 * - [error@Gio.IOErrorEnum.NOT_SUPPORTED] if @value holds a handle
 * - [error@Gio.IOErrorEnum.WOULD_BLOCK] if a process is setting an item, and does not end that
 * - [error@Gio.IOErrorEnum.NOT_INITIALIZED] if the list could not be initialized
 *
 * Returns: `TRUE` if it is set
 *
 * Since: 0.1
 */
gboolean
aioproc_shared_list_set (AioprocSharedList  *self,
                         guint               index,
                         GVariant           *value,
                         GError            **error)
{
  g_autoptr(GVariant) owned = NULL;

  g_return_val_if_fail (AIOPROC_IS_SHARED_LIST (self), FALSE);
  g_return_val_if_fail (value != NULL, FALSE);

  owned = g_variant_ref_sink (value);

  return aioproc_shared_list_check (self, error) &&
         aioproc_slots_set (&self->slots, index, owned, error);
}

/**
 * aioproc_shared_list_dup_items:
 * @self: a list
 * @error: return location for an error
 *
 * Gets all items.
 *
 * Each is whole; they are of one moment only where nobody sets any meanwhile. Fails as
 * [method@SharedList.get] does.
 *
 * Returns: (transfer full): an `av` [struct@GLib.Variant]
 *
 * Since: 0.1
 */
GVariant *
aioproc_shared_list_dup_items (AioprocSharedList  *self,
                               GError            **error)
{
  g_auto(GVariantBuilder) builder = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE ("av"));

  g_return_val_if_fail (AIOPROC_IS_SHARED_LIST (self), NULL);

  if (!aioproc_shared_list_check (self, error))
    return NULL;

  for (guint i = 0; i < self->slots.length; i++)
    {
      g_autoptr(GVariant) item = aioproc_slots_get (&self->slots, i, error);

      if (item == NULL)
        return NULL;

      g_variant_builder_add (&builder, "v", item);
    }

  return g_variant_ref_sink (g_variant_builder_end (&builder));
}

/**
 * aioproc_shared_list_find:
 * @self: a list
 * @value: what to look for; consumed if floating
 * @index: (out) (optional): the first item that is equal to @value
 * @error: return location for an error
 *
 * Looks for an item of the type and content of @value.
 *
 * Fails as [method@SharedList.get] does.
 *
 * Returns: `TRUE` if there is one; `FALSE`, without an error, if there is none
 *
 * Since: 0.1
 */
gboolean
aioproc_shared_list_find (AioprocSharedList  *self,
                          GVariant           *value,
                          guint              *index,
                          GError            **error)
{
  g_autoptr(GVariant) owned = NULL;

  g_return_val_if_fail (AIOPROC_IS_SHARED_LIST (self), FALSE);
  g_return_val_if_fail (value != NULL, FALSE);

  owned = g_variant_ref_sink (value);

  if (!aioproc_shared_list_check (self, error))
    return FALSE;

  for (guint i = 0; i < self->slots.length; i++)
    {
      g_autoptr(GVariant) item = aioproc_slots_get (&self->slots, i, error);

      if (item == NULL)
        return FALSE;

      if (g_variant_equal (item, owned))
        {
          if (index != NULL)
            *index = i;

          return TRUE;
        }
    }

  return FALSE;
}
