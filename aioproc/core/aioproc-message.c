/* aioproc-message.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "aioproc-message.h"
#include "core/aioproc-message-private.h"

#include "aioproc-error.h"
#include "platform/aioproc-fds-private.h"

/**
 * AioprocMessage:
 *
 * What travels between processes: a value, with objects, bytes and descriptors beside it.
 *
 * The body of a message is one [struct@GLib.Variant]. What a variant cannot hold, or holds badly,
 * is appended to the message, and the body names it by its *handle*: the index that appending it
 * returned, written into the body as a value of type `h`, as in D-Bus.
 *
 * - An **object** is anything that implements [iface@Aioproc.Shareable]: a lock, an event, a
 *   queue. The receiver gets an object of the same class that is the same lock, event or queue;
 *   received twice, it is the same instance. Only a [class@Aioproc.Connection] is given away.
 * - **Bytes** are for data in bulk. They cost no check of their contents, large ones travel as
 *   memory that the receiver maps instead of copying, and no language binding takes them apart
 *   byte by byte, as it would an `ay` in the body.
 * - A **descriptor** is an open file, a socket, or whatever else has one. The receiver gets a
 *   descriptor of its own for the same thing.
 *
 * ```c
 * static AioprocMessage *
 * build_request (AioprocEvent  *done,
 *                GBytes        *image,
 *                GError       **error)
 * {
 *   g_autoptr(AioprocMessage) message = aioproc_message_new (NULL);
 *   int done_handle = aioproc_message_append_object (message, G_OBJECT (done), error);
 *   int image_handle = aioproc_message_append_bytes (message, image);
 *
 *   if (done_handle < 0)
 *     return NULL;
 *
 *   aioproc_message_set_body (message,
 *                             g_variant_new ("(shh)", "thumbnail", done_handle, image_handle));
 *
 *   return g_steal_pointer (&message);
 * }
 * ```
 *
 * The receiver takes them out by the same handles:
 *
 * ```c
 * static gboolean
 * serve_request (AioprocMessage  *message,
 *                GError         **error)
 * {
 *   g_autoptr(GVariant) body = aioproc_message_dup_body (message);
 *   g_autoptr(GObject) done = NULL;
 *   g_autoptr(GBytes) image = NULL;
 *   const char *name;
 *   int done_handle, image_handle;
 *
 *   if (body == NULL || !g_variant_is_of_type (body, G_VARIANT_TYPE ("(shh)")))
 *     {
 *       g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, "This is no request");
 *       return FALSE;
 *     }
 *
 *   g_variant_get (body, "(&shh)", &name, &done_handle, &image_handle);
 *   done = aioproc_message_dup_object (message, done_handle, error);
 *   image = done != NULL ? aioproc_message_dup_bytes (message, image_handle, error) : NULL;
 *
 *   if (image == NULL)
 *     return FALSE;
 *
 *   if (!AIOPROC_IS_EVENT (done))
 *     {
 *       g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, "This is no event");
 *       return FALSE;
 *     }
 *
 *   g_print ("A %s of %zu bytes\n", name, g_bytes_get_size (image));
 *
 *   return aioproc_event_set (AIOPROC_EVENT (done), error);
 * }
 * ```
 *
 * The body of a received message is in order, but its type and its values are those that the
 * sender chose: check the type with [method@GLib.Variant.is_of_type] before taking it apart. Who
 * sends a body whose type has more than 255 characters, or that is nested more than 32 levels
 * deep, gets an error.
 *
 * # Thread safety
 *
 * A message is built by one thread at a time. From the moment on when it was sent or received it
 * is not changed any more, and any thread may read it or send it again.
 *
 * # Process safety
 *
 * A message belongs to its process; sending it makes an equal one in the receiver, and leaves the
 * sender's as it is. What was appended lives at least as long as the message: the receiver may
 * die at any time without harm to it. A descriptor appended is duplicated at once, so that the
 * caller may close its own; duplicates are not inherited by programs that this process starts.
 *
 * Since: 0.1
 */
struct _AioprocMessage {
  GObject    parent_instance;

  /* Owner thread only while it is built, immutable after that. */
  GVariant  *body;    /* (owned) (nullable) */
  GPtrArray *parts;   /* (owned) (nullable) (element-type AioprocPart) by handle */
};

G_DEFINE_FINAL_TYPE (AioprocMessage, aioproc_message, G_TYPE_OBJECT)

static void
aioproc_part_clear (gpointer data)
{
  AioprocPart *part = data;

  switch (part->kind)
    {
    case AIOPROC_PART_OBJECT:
      g_clear_object (&part->object);
      break;

    case AIOPROC_PART_BYTES:
      g_clear_pointer (&part->bytes, g_bytes_unref);
      break;

    case AIOPROC_PART_FD:
      aioproc_fds_close_all (&part->fd, 1);
      break;

    default:
      g_assert_not_reached ();
    }
}

static void
aioproc_part_unref (gpointer data)
{
  g_atomic_rc_box_release_full (data, aioproc_part_clear);
}

static gpointer
aioproc_part_copy (gconstpointer data,
                   gpointer      user_data)
{
  return g_atomic_rc_box_acquire ((gpointer) data);
}

static const char *
aioproc_part_describe (const AioprocPart *part)
{
  switch (part->kind)
    {
    case AIOPROC_PART_OBJECT:
      return G_OBJECT_TYPE_NAME (part->object);

    case AIOPROC_PART_BYTES:
      return "bytes";

    case AIOPROC_PART_FD:
      return "a descriptor";

    default:
      g_assert_not_reached ();
    }
}

/* Returns the new part's handle; the caller fills it. */
static int
append_part (AioprocMessage   *self,
             AioprocPartKind   kind,
             AioprocPart     **part)
{
  if (self->parts == NULL)
    self->parts = g_ptr_array_new_with_free_func (aioproc_part_unref);

  *part = g_atomic_rc_box_new0 (AioprocPart);
  (*part)->kind = kind;
  g_ptr_array_add (self->parts, *part);

  return (int) self->parts->len - 1;
}

static const AioprocPart *
find_part (AioprocMessage   *self,
           int               handle,
           AioprocPartKind   kind,
           const char       *wanted,
           GError          **error)
{
  guint n_parts = aioproc_message_get_n_handles (self);
  const AioprocPart *part;

  if (handle < 0 || (guint) handle >= n_parts)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND,
                   "The message has no handle %d, but %u handles from 0 on", handle, n_parts);
      return NULL;
    }

  part = aioproc_message_peek_part (self, handle);

  if (part->kind != kind)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                   "Handle %d of the message is %s, not %s",
                   handle, aioproc_part_describe (part), wanted);
      return NULL;
    }

  return part;
}

static void
aioproc_message_finalize (GObject *object)
{
  AioprocMessage *self = AIOPROC_MESSAGE (object);

  g_clear_pointer (&self->body, g_variant_unref);
  g_clear_pointer (&self->parts, g_ptr_array_unref);

  G_OBJECT_CLASS (aioproc_message_parent_class)->finalize (object);
}

static void
aioproc_message_class_init (AioprocMessageClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->finalize = aioproc_message_finalize;
}

static void
aioproc_message_init (AioprocMessage *self)
{
}

/**
 * aioproc_message_new:
 * @body: (nullable): a value, or `NULL` for none
 *
 * Makes a message.
 *
 * If @body is floating, it is sunk.
 *
 * Returns: (transfer full): a message
 *
 * Since: 0.1
 */
AioprocMessage *
aioproc_message_new (GVariant *body)
{
  AioprocMessage *self = g_object_new (AIOPROC_TYPE_MESSAGE, NULL);

  if (body != NULL)
    self->body = g_variant_ref_sink (body);

  return self;
}

/**
 * aioproc_message_dup_body:
 * @self: a message
 *
 * Gets the value of a message.
 *
 * Returns: (transfer full) (nullable): the body, or `NULL` if it has none
 *
 * Since: 0.1
 */
GVariant *
aioproc_message_dup_body (AioprocMessage *self)
{
  g_return_val_if_fail (AIOPROC_IS_MESSAGE (self), NULL);

  return self->body != NULL ? g_variant_ref (self->body) : NULL;
}

/**
 * aioproc_message_set_body:
 * @self: a message
 * @body: (nullable): a value, or `NULL` for none
 *
 * Sets the value of a message.
 *
 * This is for a body that names handles, which are known only after something was appended. If
 * @body is floating, it is sunk.
 *
 * Since: 0.1
 */
void
aioproc_message_set_body (AioprocMessage *self,
                          GVariant       *body)
{
  GVariant *old;

  g_return_if_fail (AIOPROC_IS_MESSAGE (self));

  old = g_steal_pointer (&self->body);

  if (body != NULL)
    self->body = g_variant_ref_sink (body);

  g_clear_pointer (&old, g_variant_unref);
}

/**
 * aioproc_message_append_object:
 * @self: a message
 * @object: an object that implements [iface@Aioproc.Shareable]
 * @error: return location for an error
 *
 * Appends an object that processes can share.
 *
 * The message keeps a reference to @object.
 *
 * It fails with
 *
 * - `AIOPROC_ERROR_NOT_SHAREABLE` if @object is not one that can be shared.
 *
 * Returns: the handle of @object in this message, or -1 on error
 *
 * Since: 0.1
 */
int
aioproc_message_append_object (AioprocMessage  *self,
                               GObject         *object,
                               GError         **error)
{
  g_return_val_if_fail (AIOPROC_IS_MESSAGE (self), -1);
  g_return_val_if_fail (G_IS_OBJECT (object), -1);

  if (!AIOPROC_IS_SHAREABLE (object))
    {
      g_set_error (error, AIOPROC_ERROR, AIOPROC_ERROR_NOT_SHAREABLE,
                   "An object of type %s cannot be shared with another process: append a lock, an "
                   "event or a queue, or send what is in it as a value, bytes or a descriptor",
                   G_OBJECT_TYPE_NAME (object));
      return -1;
    }

  return aioproc_message_take_object (self, AIOPROC_SHAREABLE (g_object_ref (object)));
}

/**
 * aioproc_message_append_bytes:
 * @self: a message
 * @bytes: bytes of any size
 *
 * Appends bytes.
 *
 * The message keeps a reference to @bytes; nothing is copied before it is sent.
 *
 * Returns: the handle of @bytes in this message
 *
 * Since: 0.1
 */
int
aioproc_message_append_bytes (AioprocMessage *self,
                              GBytes         *bytes)
{
  g_return_val_if_fail (AIOPROC_IS_MESSAGE (self), -1);
  g_return_val_if_fail (bytes != NULL, -1);

  return aioproc_message_take_bytes (self, g_bytes_ref (bytes));
}

/**
 * aioproc_message_append_fd:
 * @self: a message
 * @fd: a descriptor
 * @error: return location for an error
 *
 * Appends a descriptor.
 *
 * The message keeps a duplicate: the caller still owns @fd, and may close it.
 *
 * It fails with
 *
 * - `G_IO_ERROR_TOO_MANY_OPEN_FILES` if this process cannot have one more descriptor
 * - another [error@Gio.IOErrorEnum] if @fd is not an open descriptor.
 *
 * Returns: the handle of the descriptor in this message, or -1 on error
 *
 * Since: 0.1
 */
int
aioproc_message_append_fd (AioprocMessage  *self,
                           int              fd,
                           GError         **error)
{
  int copy;

  g_return_val_if_fail (AIOPROC_IS_MESSAGE (self), -1);

  copy = aioproc_fds_dup (fd, error);

  if (copy < 0)
    return -1;

  return aioproc_message_take_fd (self, copy);
}

/**
 * aioproc_message_get_n_handles:
 * @self: a message
 *
 * Gets how many objects, bytes and descriptors have been appended to a message.
 *
 * Handles are numbered from 0 on, in the order in which they were appended.
 *
 * Returns: the number of handles
 *
 * Since: 0.1
 */
guint
aioproc_message_get_n_handles (AioprocMessage *self)
{
  g_return_val_if_fail (AIOPROC_IS_MESSAGE (self), 0);

  return self->parts != NULL ? self->parts->len : 0;
}

/**
 * aioproc_message_dup_object:
 * @self: a message
 * @handle: a handle, as found in the body
 * @error: return location for an error
 *
 * Gets the object that a handle stands for.
 *
 * It fails with
 *
 * - `G_IO_ERROR_NOT_FOUND` if the message has no such handle
 * - `G_IO_ERROR_INVALID_ARGUMENT` if the handle stands for something else than an object.
 *
 * Returns: (transfer full): the object, which implements [iface@Aioproc.Shareable]
 *
 * Since: 0.1
 */
GObject *
aioproc_message_dup_object (AioprocMessage  *self,
                            int              handle,
                            GError         **error)
{
  const AioprocPart *part;

  g_return_val_if_fail (AIOPROC_IS_MESSAGE (self), NULL);

  part = find_part (self, handle, AIOPROC_PART_OBJECT, "an object", error);

  return part != NULL ? G_OBJECT (g_object_ref (part->object)) : NULL;
}

/**
 * aioproc_message_dup_bytes:
 * @self: a message
 * @handle: a handle, as found in the body
 * @error: return location for an error
 *
 * Gets the bytes that a handle stands for.
 *
 * It fails with
 *
 * - `G_IO_ERROR_NOT_FOUND` if the message has no such handle
 * - `G_IO_ERROR_INVALID_ARGUMENT` if the handle stands for something else than bytes.
 *
 * Returns: (transfer full): the bytes, aligned to at least 8 bytes in a received message
 *
 * Since: 0.1
 */
GBytes *
aioproc_message_dup_bytes (AioprocMessage  *self,
                           int              handle,
                           GError         **error)
{
  const AioprocPart *part;

  g_return_val_if_fail (AIOPROC_IS_MESSAGE (self), NULL);

  part = find_part (self, handle, AIOPROC_PART_BYTES, "bytes", error);

  return part != NULL ? g_bytes_ref (part->bytes) : NULL;
}

/**
 * aioproc_message_dup_fd:
 * @self: a message
 * @handle: a handle, as found in the body
 * @error: return location for an error
 *
 * Gets a duplicate of the descriptor that a handle stands for.
 *
 * Programs that this process starts do not inherit it (`O_CLOEXEC`).
 *
 * It fails with
 *
 * - `G_IO_ERROR_NOT_FOUND` if the message has no such handle
 * - `G_IO_ERROR_INVALID_ARGUMENT` if the handle stands for something else than a descriptor
 * - `G_IO_ERROR_TOO_MANY_OPEN_FILES` if this process cannot have one more descriptor.
 *
 * Returns: a new descriptor, which the caller closes, or -1 on error
 *
 * Since: 0.1
 */
int
aioproc_message_dup_fd (AioprocMessage  *self,
                        int              handle,
                        GError         **error)
{
  const AioprocPart *part;

  g_return_val_if_fail (AIOPROC_IS_MESSAGE (self), -1);

  part = find_part (self, handle, AIOPROC_PART_FD, "a descriptor", error);

  return part != NULL ? aioproc_fds_dup (part->fd, error) : -1;
}

AioprocMessage *
aioproc_message_derive (AioprocMessage *self,
                        GVariant       *body)
{
  AioprocMessage *derived = aioproc_message_new (body);

  if (self != NULL && self->parts != NULL)
    derived->parts = g_ptr_array_copy (self->parts, aioproc_part_copy, NULL);

  return derived;
}

void
aioproc_message_truncate (AioprocMessage *self,
                          guint           n_handles)
{
  if (self->parts != NULL && self->parts->len > n_handles)
    g_ptr_array_set_size (self->parts, (int) n_handles);
}

GVariant *
aioproc_message_peek_body (AioprocMessage *self)
{
  return self->body;
}

const AioprocPart *
aioproc_message_peek_part (AioprocMessage *self,
                           guint           index)
{
  return g_ptr_array_index (self->parts, index);
}

int
aioproc_message_take_object (AioprocMessage   *self,
                             AioprocShareable *object)
{
  AioprocPart *part;
  int handle = append_part (self, AIOPROC_PART_OBJECT, &part);

  part->object = object;

  return handle;
}

int
aioproc_message_take_bytes (AioprocMessage *self,
                            GBytes         *bytes)
{
  AioprocPart *part;
  int handle = append_part (self, AIOPROC_PART_BYTES, &part);

  part->bytes = bytes;

  return handle;
}

int
aioproc_message_take_fd (AioprocMessage *self,
                         int             fd)
{
  AioprocPart *part;
  int handle = append_part (self, AIOPROC_PART_FD, &part);

  part->fd = fd;

  return handle;
}
