/* aioproc-pool-job.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "pool/aioproc-pool-job-private.h"

#include <string.h>

#include "core/aioproc-message-private.h"
#include "pool/aioproc-pool-channel-private.h"

AioprocPoolJob *
aioproc_pool_job_new (const AioprocPoolJobOps *ops,
                      AioprocPoolTaskKind      kind,
                      char                    *function)
{
  AioprocPoolJob *self = g_malloc0 (ops->size);

  g_assert (ops->size >= sizeof *self);

  g_atomic_ref_count_init (&self->ref_count);
  self->ops = ops;
  self->kind = kind;
  self->function = g_ref_string_acquire (function);
  self->timeout_usec = -1;
  self->link.data = self;
  self->end_link.data = self;

  return self;
}

AioprocPoolJob *
aioproc_pool_job_ref (AioprocPoolJob *self)
{
  g_atomic_ref_count_inc (&self->ref_count);

  return self;
}

void
aioproc_pool_job_unref (AioprocPoolJob *self)
{
  if (!g_atomic_ref_count_dec (&self->ref_count))
    return;

  if (self->ops->clear != NULL)
    self->ops->clear (self);

  g_ref_string_release (self->function);
  g_clear_pointer (&self->arguments, g_variant_unref);
  g_clear_object (&self->message);
  g_clear_pointer (&self->items, g_bytes_unref);
  g_clear_pointer (&self->value, g_variant_unref);
  g_clear_object (&self->result);
  g_clear_pointer (&self->outcomes, g_bytes_unref);
  g_clear_error (&self->error);
  g_free (self);
}

gsize
aioproc_pool_job_get_size (AioprocPoolJob *self)
{
  gsize size = aioproc_pool_parcel_name_size (self->function);

  if (self->message != NULL)
    return 0;

  if (self->items != NULL)
    size += g_bytes_get_size (self->items);
  else
    size += aioproc_codec_variant_size (self->arguments);

  return size <= AIOPROC_POOL_CHANNEL_MAX ? size : 0;
}

void
aioproc_pool_job_store (AioprocPoolJob *self,
                        guint8         *to)
{
  aioproc_pool_parcel_store_name (self->function, to);
  to += aioproc_pool_parcel_name_size (self->function);

  if (self->items != NULL)
    {
      gsize length;
      gconstpointer data = g_bytes_get_data (self->items, &length);

      memcpy (to, data, length);
    }
  else
    {
      aioproc_codec_variant_store (self->arguments, to);
    }
}

AioprocMessage *
aioproc_pool_job_make_message (AioprocPoolJob *self)
{
  g_autoptr(AioprocMessage) message = aioproc_message_derive (self->message, NULL);
  g_autoptr(GVariant) arguments = NULL;

  if (self->items != NULL)
    arguments = g_variant_new_handle (aioproc_message_append_bytes (message, self->items));
  else if (self->arguments != NULL)
    arguments = g_variant_ref (self->arguments);
  else
    arguments = aioproc_message_dup_body (self->message);

  if (arguments == NULL)
    arguments = g_variant_new ("()");
  if (g_variant_is_floating (arguments))
    g_variant_ref_sink (arguments);

  aioproc_message_set_body (message, g_variant_new (AIOPROC_POOL_TASK_TYPE, self->serial,
                                                    self->function, arguments));

  return g_steal_pointer (&message);
}

void
aioproc_pool_job_take_error (AioprocPoolJob *self,
                             GError         *error)
{
  g_assert (!aioproc_pool_job_has_ended (self) && self->error == NULL);

  self->error = error;
}

/* TRUE: @kind is that of what a task of this kind results in. Else the error is set. */
static gboolean
check_kind (AioprocPoolJob *self,
            guint32         kind)
{
  const guint32 expected = self->kind == AIOPROC_POOL_TASK_CHUNK ? AIOPROC_POOL_RESULT_ITEMS
                                                                 : AIOPROC_POOL_RESULT_VALUE;

  if (kind == expected || kind == AIOPROC_POOL_RESULT_ERROR)
    return TRUE;

  g_set_error (&self->error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
               "The worker that ran “%s” returned a result of kind %u", self->function, kind);

  return FALSE;
}

static void
prefix_error (AioprocPoolJob *self)
{
  if (self->error != NULL)
    g_prefix_error (&self->error, "The result of “%s” is damaged: ", self->function);
}

void
aioproc_pool_job_load (AioprocPoolJob *self,
                       guint32         kind,
                       const guint8   *data,
                       gsize           length)
{
  g_autoptr(GVariant) value = NULL;

  if (!check_kind (self, kind))
    return;

  if (kind == AIOPROC_POOL_RESULT_ITEMS)
    {
      self->outcomes = g_bytes_new (data, length);
      return;
    }

  value = aioproc_pool_parcel_load_value (data, length, &self->error);

  if (value == NULL)
    prefix_error (self);
  else if (kind == AIOPROC_POOL_RESULT_ERROR)
    self->error = aioproc_codec_error_from_variant (value);
  else
    self->value = g_steal_pointer (&value);
}

void
aioproc_pool_job_load_message (AioprocPoolJob *self,
                               guint32         kind,
                               GVariant       *value,
                               AioprocMessage *message)
{
  if (!check_kind (self, kind))
    return;

  if (kind == AIOPROC_POOL_RESULT_ERROR)
    {
      self->error = aioproc_codec_error_from_variant (value);
    }
  else if (kind == AIOPROC_POOL_RESULT_VALUE)
    {
      self->result = aioproc_message_derive (message, value);
    }
  else if (!g_variant_is_of_type (value, G_VARIANT_TYPE_HANDLE))
    {
      g_set_error (&self->error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                   "The worker that ran “%s” returned no items, but a value of the type “%s”",
                   self->function, g_variant_get_type_string (value));
    }
  else
    {
      self->outcomes = aioproc_message_dup_bytes (message, g_variant_get_handle (value),
                                                  &self->error);
      prefix_error (self);
    }
}

void
aioproc_pool_job_set_ended (AioprocPoolJob *self)
{
  /* Partner: aioproc_pool_job_has_ended(). */
  atomic_store_explicit (&self->has_ended, 1, memory_order_release);
}
