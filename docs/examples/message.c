/* message.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* Puts an object and bytes into a message, and takes them out again. */

#include <aioproc.h>

static AioprocMessage *
build_request (AioprocEvent  *done,
               GBytes        *image,
               GError       **error)
{
  g_autoptr(AioprocMessage) message = aioproc_message_new (NULL);
  int done_handle = aioproc_message_append_object (message, G_OBJECT (done), error);
  int image_handle = aioproc_message_append_bytes (message, image);

  if (done_handle < 0)
    return NULL;

  aioproc_message_set_body (message,
                            g_variant_new ("(shh)", "thumbnail", done_handle, image_handle));

  return g_steal_pointer (&message);
}

static gboolean
serve_request (AioprocMessage  *message,
               GError         **error)
{
  g_autoptr(GVariant) body = aioproc_message_dup_body (message);
  g_autoptr(GObject) done = NULL;
  g_autoptr(GBytes) image = NULL;
  const char *name;
  int done_handle, image_handle;

  if (body == NULL || !g_variant_is_of_type (body, G_VARIANT_TYPE ("(shh)")))
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, "This is no request");
      return FALSE;
    }

  g_variant_get (body, "(&shh)", &name, &done_handle, &image_handle);
  done = aioproc_message_dup_object (message, done_handle, error);
  image = done != NULL ? aioproc_message_dup_bytes (message, image_handle, error) : NULL;

  if (image == NULL)
    return FALSE;

  if (!AIOPROC_IS_EVENT (done))
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, "This is no event");
      return FALSE;
    }

  g_print ("A %s of %zu bytes\n", name, g_bytes_get_size (image));

  return aioproc_event_set (AIOPROC_EVENT (done), error);
}

int
main (void)
{
  g_autoptr(GBytes) image = g_bytes_new_static ("not really an image", 19);
  g_autoptr(AioprocEvent) done = NULL;
  g_autoptr(AioprocMessage) message = NULL;
  g_autoptr(GError) error = NULL;

  done = aioproc_event_new (&error);

  if (done == NULL)
    g_error ("%s", error->message);

  message = build_request (done, image, &error);

  if (message == NULL || !serve_request (message, &error))
    g_error ("%s", error->message);

  return aioproc_event_is_set (done) ? 0 : 1;
}
