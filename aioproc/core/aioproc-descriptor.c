/* aioproc-descriptor.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "aioproc-descriptor.h"

#include <errno.h>
#include <poll.h>

#include "core/aioproc-waitable-private.h"

/**
 * AioprocDescriptor:
 *
 * A file descriptor as one of many that are waited for.
 *
 * It makes a socket, a pipe, a timer or whatever else can be polled an [iface@Waitable], for
 * [func@wait_async] and [func@wait]. The descriptor is not its own: it is neither closed nor
 * changed, and has to stay open while it is waited for.
 *
 * It is ready when the condition holds that it was made for. An error, a hang-up, and a descriptor
 * that is not open are always ready, since who uses it then need not wait to be told so.
 *
 * # Thread safety
 *
 * All functions may be called from any thread.
 *
 * # Process safety
 *
 * It is a number, which means in another process what that has under it.
 *
 * Since: 0.1
 */
struct _AioprocDescriptor {
  GObject      parent_instance;

  /* Immutable after construction. */
  int          fd;
  GIOCondition condition;
};

typedef enum {
  PROP_FD = 1,
  PROP_CONDITION,
} AioprocDescriptorProperty;

static GParamSpec *props[PROP_CONDITION + 1];

static void aioproc_descriptor_waitable_iface_init (AioprocWaitableInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (AioprocDescriptor, aioproc_descriptor, G_TYPE_OBJECT,
  G_IMPLEMENT_INTERFACE (AIOPROC_TYPE_WAITABLE, aioproc_descriptor_waitable_iface_init))

static gboolean
aioproc_descriptor_is_ready (AioprocWaitable *waitable)
{
  return aioproc_descriptor_check (AIOPROC_DESCRIPTOR (waitable)) != 0;
}

/* Nothing but the descriptor ever tells anything. */
static gboolean
aioproc_descriptor_watch (AioprocWaitable  *waitable,
                          AioprocWatch     *watch,
                          GError          **error)
{
  AioprocDescriptor *self = AIOPROC_DESCRIPTOR (waitable);

  watch->fd = self->fd;
  watch->events = (short) self->condition;

  return FALSE;
}

static void
aioproc_descriptor_unwatch (AioprocWaitable *waitable,
                            AioprocWatch    *watch)
{
}

static void
aioproc_descriptor_waitable_iface_init (AioprocWaitableInterface *iface)
{
  iface->is_ready = aioproc_descriptor_is_ready;
  iface->watch = aioproc_descriptor_watch;
  iface->unwatch = aioproc_descriptor_unwatch;
}

static void
aioproc_descriptor_get_property (GObject    *object,
                                 guint       prop_id,
                                 GValue     *value,
                                 GParamSpec *pspec)
{
  AioprocDescriptor *self = AIOPROC_DESCRIPTOR (object);

  switch ((AioprocDescriptorProperty) prop_id)
    {
    case PROP_FD:
      g_value_set_int (value, self->fd);
      break;

    case PROP_CONDITION:
      g_value_set_flags (value, self->condition);
      break;

    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
aioproc_descriptor_set_property (GObject      *object,
                                 guint         prop_id,
                                 const GValue *value,
                                 GParamSpec   *pspec)
{
  AioprocDescriptor *self = AIOPROC_DESCRIPTOR (object);

  switch ((AioprocDescriptorProperty) prop_id)
    {
    case PROP_FD:
      self->fd = g_value_get_int (value);
      break;

    case PROP_CONDITION:
      self->condition = g_value_get_flags (value);
      break;

    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
aioproc_descriptor_class_init (AioprocDescriptorClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->get_property = aioproc_descriptor_get_property;
  object_class->set_property = aioproc_descriptor_set_property;

  /**
   * AioprocDescriptor:fd: (getter get_fd)
   *
   * The descriptor. -1 is never ready.
   *
   * Since: 0.1
   */
  props[PROP_FD] =
    g_param_spec_int ("fd", NULL, NULL, -1, G_MAXINT, -1,
                      G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS);

  /**
   * AioprocDescriptor:condition: (getter get_condition)
   *
   * What it is to be ready for: any of [flags@GLib.IOCondition.IN],
   * [flags@GLib.IOCondition.OUT] and [flags@GLib.IOCondition.PRI].
   *
   * Since: 0.1
   */
  props[PROP_CONDITION] =
    g_param_spec_flags ("condition", NULL, NULL, G_TYPE_IO_CONDITION, G_IO_IN,
                        G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS);

  g_object_class_install_properties (object_class, G_N_ELEMENTS (props), props);
}

static void
aioproc_descriptor_init (AioprocDescriptor *self)
{
}

/**
 * aioproc_descriptor_new:
 * @fd: a descriptor that can be polled, which remains the caller's
 * @condition: what it is to be ready for: any of [flags@GLib.IOCondition.IN],
 *   [flags@GLib.IOCondition.OUT] and [flags@GLib.IOCondition.PRI]
 *
 * Makes something that can be waited for of a descriptor.
 *
 * Returns: (transfer full): a descriptor
 *
 * Since: 0.1
 */
AioprocDescriptor *
aioproc_descriptor_new (int          fd,
                        GIOCondition condition)
{
  g_return_val_if_fail (fd >= 0, NULL);

  return g_object_new (AIOPROC_TYPE_DESCRIPTOR,
                       "fd", fd,
                       "condition", condition,
                       NULL);
}

/**
 * aioproc_descriptor_get_fd: (get-property fd)
 * @self: a descriptor
 *
 * Gets the number that it was made of.
 *
 * Returns: a descriptor, which remains its owner's
 *
 * Since: 0.1
 */
int
aioproc_descriptor_get_fd (AioprocDescriptor *self)
{
  g_return_val_if_fail (AIOPROC_IS_DESCRIPTOR (self), -1);

  return self->fd;
}

/**
 * aioproc_descriptor_get_condition: (get-property condition)
 * @self: a descriptor
 *
 * Gets what it is to be ready for.
 *
 * Returns: the condition
 *
 * Since: 0.1
 */
GIOCondition
aioproc_descriptor_get_condition (AioprocDescriptor *self)
{
  g_return_val_if_fail (AIOPROC_IS_DESCRIPTOR (self), 0);

  return self->condition;
}

/**
 * aioproc_descriptor_check:
 * @self: a descriptor
 *
 * Tells what it is ready for now. Never blocks.
 *
 * Returns: the part of [property@Descriptor:condition] that holds, and
 *   [flags@GLib.IOCondition.ERR], [flags@GLib.IOCondition.HUP] or [flags@GLib.IOCondition.NVAL],
 *   the last if it is not open; 0 if it is not ready
 *
 * Since: 0.1
 */
GIOCondition
aioproc_descriptor_check (AioprocDescriptor *self)
{
  struct pollfd poll_fd;
  int n_ready;

  g_return_val_if_fail (AIOPROC_IS_DESCRIPTOR (self), 0);

  poll_fd = (struct pollfd) { .fd = self->fd, .events = (short) self->condition };

  do
    n_ready = poll (&poll_fd, 1, 0);
  while (n_ready < 0 && errno == EINTR);

  return n_ready > 0 ? (GIOCondition) poll_fd.revents : 0;
}
