/* aioproc-greeting.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "ipc/aioproc-greeting-private.h"

#include <string.h>
#include <sys/socket.h>

#include "ipc/aioproc-address-private.h"
#include "ipc/aioproc-connection-private.h"
#include "ipc/aioproc-greeting-tls-private.h"
#include "ipc/aioproc-sealed-stream-private.h"
#include "ipc/aioproc-stream-thread-private.h"
#include "ipc/aioproc-tls-turn-private.h"
#include "platform/aioproc-fds-private.h"

/* The most that is read at a time. */
#define IN_MAX 64

/* How soon a hello is looked at again of which less is there than the system says. */
#define EARLY_USEC (20 * 1000)

/* All of the streams' thread only. */
struct _AioprocGreeting {
  AioprocHandshakeRole  role;
  GSocketConnection    *base;          /* (owned) */
  GIOStream            *tls;           /* (owned) (nullable) over it */
  GSocketConnectable   *identity;      /* (owned) (nullable) of the listener, for a client */
  AioprocSecurity      *security;      /* (owned) */
  AioprocGreetingFunc   func;
  gpointer              data;
  AioprocHandshake     *handshake;     /* (owned) */
  GCancellable         *cancellable;   /* (owned) */
  GSource              *timeout;       /* (owned) */
  gboolean              is_sealed;     /* what comes after the handshake */
  GSocketAddress       *remote;        /* (owned) (nullable) until it has begun */
  GError               *error;         /* (owned) (nullable) why it was given up */
  AioprocTlsTurn       *turn;          /* (owned) (nullable) of a listener's, until TLS is over */
  gboolean              is_in_tls;     /* a thread of GIO has the handshake of TLS */
  guint                 stage;
  gsize                 n_in;          /* of what is in @in; of TLS that is waited for */
  guint8                in[IN_MAX];
};

static void aioproc_greeting_step (AioprocGreeting *self);
static void aioproc_greeting_wait_for_hello (AioprocGreeting *self);

static GIOStream *
get_stream (AioprocGreeting *self)
{
  return self->tls != NULL ? self->tls : G_IO_STREAM (self->base);
}

static void
finish (AioprocGreeting   *self,
        AioprocConnection *connection,
        GError            *error)
{
  g_source_destroy (self->timeout);

  if (connection == NULL)
    g_socket_close (g_socket_connection_get_socket (self->base), NULL);

  self->func (self, connection, error, self->data);
}

/* Takes @error, of what was under way. */
static void
fail (AioprocGreeting *self,
      GError          *error)
{
  if (self->error != NULL)
    {
      g_error_free (error);
      error = g_steal_pointer (&self->error);
    }

  finish (self, NULL, error);
}

/* What the handshake tells a peer that has failed. */
static void
say_last_words (AioprocGreeting *self)
{
  GOutputStream *output = g_io_stream_get_output_stream (get_stream (self));
  gsize length;
  const guint8 *data = aioproc_handshake_peek_output (self->handshake, &length);

  if (data != NULL)
    g_pollable_output_stream_write_nonblocking (G_POLLABLE_OUTPUT_STREAM (output), data, length,
                                                NULL, NULL);
}

static GIOStream *
seal (AioprocGreeting *self)
{
  guint8 send_key[AIOPROC_HANDSHAKE_KEY_SIZE];
  guint8 receive_key[AIOPROC_HANDSHAKE_KEY_SIZE];
  GIOStream *stream;

  aioproc_handshake_get_keys (self->handshake, send_key, receive_key);
  stream = aioproc_sealed_stream_new (get_stream (self), send_key, receive_key);
  explicit_bzero (send_key, sizeof send_key);
  explicit_bzero (receive_key, sizeof receive_key);

  return stream;
}

static void
succeed (AioprocGreeting *self)
{
  GSocket *socket = g_socket_connection_get_socket (self->base);
  g_autoptr(GIOStream) sealed = NULL;
  AioprocConnection *connection;
  GError *error = NULL;

  if (self->is_sealed)
    sealed = seal (self);

  if (g_socket_get_family (socket) == G_SOCKET_FAMILY_UNIX)
    connection = aioproc_connection_new_for_socket (self->base);
  else if (sealed != NULL)
    connection = aioproc_connection_new_for_stream (sealed, &error);
  else
    connection = aioproc_connection_new_for_stream (get_stream (self), &error);

  if (connection == NULL)
    fail (self, error);
  else
    finish (self, connection, NULL);
}

static void
aioproc_greeting_read_cb (GObject      *source,
                          GAsyncResult *result,
                          gpointer      user_data)
{
  AioprocGreeting *self = user_data;
  GError *error = NULL;
  gssize n_read = g_input_stream_read_finish (G_INPUT_STREAM (source), result, &error);

  if (n_read == 0)
    error = g_error_new (G_IO_ERROR, G_IO_ERROR_CONNECTION_CLOSED,
                         "The peer has closed the connection before the handshake was over");

  if (n_read <= 0)
    {
      fail (self, error);
      return;
    }

  self->n_in += (gsize) n_read;

  if (self->n_in == aioproc_handshake_get_wanted (self->handshake))
    {
      self->n_in = 0;
      self->stage++;

      if (!aioproc_handshake_receive (self->handshake, self->in,
                                      aioproc_handshake_get_wanted (self->handshake), &error))
        {
          say_last_words (self);
          fail (self, error);
          return;
        }
    }

  aioproc_greeting_step (self);
}

static void
aioproc_greeting_write_cb (GObject      *source,
                           GAsyncResult *result,
                           gpointer      user_data)
{
  AioprocGreeting *self = user_data;
  GError *error = NULL;

  if (!g_output_stream_write_all_finish (G_OUTPUT_STREAM (source), result, NULL, &error))
    {
      fail (self, error);
      return;
    }

  aioproc_handshake_sent (self->handshake);
  aioproc_greeting_step (self);
}

static void
aioproc_greeting_step (AioprocGreeting *self)
{
  const guint8 *data;
  gsize length;

  if (self->error != NULL)
    {
      finish (self, NULL, g_steal_pointer (&self->error));
      return;
    }

  if (aioproc_handshake_is_over (self->handshake))
    {
      succeed (self);
      return;
    }

  data = aioproc_handshake_peek_output (self->handshake, &length);

  if (data != NULL)
    {
      g_output_stream_write_all_async (g_io_stream_get_output_stream (get_stream (self)), data,
                                       length, G_PRIORITY_DEFAULT, self->cancellable,
                                       aioproc_greeting_write_cb, self);
      return;
    }

  length = aioproc_handshake_get_wanted (self->handshake);
  g_assert (length > self->n_in && length <= IN_MAX);
  g_input_stream_read_async (g_io_stream_get_input_stream (get_stream (self)),
                             self->in + self->n_in, length - self->n_in, G_PRIORITY_DEFAULT,
                             self->cancellable, aioproc_greeting_read_cb, self);
}

static gboolean
aioproc_greeting_late_cb (gpointer user_data)
{
  AioprocGreeting *self = user_data;

  aioproc_greeting_give_up (self, g_error_new (G_IO_ERROR, G_IO_ERROR_TIMED_OUT,
                                               "The peer took too long for the handshake"));

  return G_SOURCE_REMOVE;
}

/* @binding (nullable): of TLS. */
static void
aioproc_greeting_begin (AioprocGreeting *self,
                        GBytes          *binding)
{
  GSocket *socket = g_socket_connection_get_socket (self->base);
  gboolean is_client = self->role == AIOPROC_HANDSHAKE_CLIENT;
  g_autoptr(GSocketAddress) local = NULL;
  g_autoptr(GBytes) local_bytes = NULL;
  g_autoptr(GBytes) remote_bytes = NULL;
  GError *error = NULL;

  local = g_socket_get_local_address (socket, &error);
  self->remote = local != NULL ? g_socket_get_remote_address (socket, &error) : NULL;

  if (self->remote == NULL)
    {
      fail (self, error);
      return;
    }

  local_bytes = aioproc_address_to_bytes (local);
  remote_bytes = aioproc_address_to_bytes (self->remote);
  self->is_sealed = self->security->auth_key != NULL && binding == NULL &&
                    !aioproc_address_is_unix (self->remote);
  self->handshake = aioproc_handshake_new (self->role, self->security->auth_key,
                                           self->is_sealed ? AIOPROC_HANDSHAKE_FLAGS_SEALED
                                                           : AIOPROC_HANDSHAKE_FLAGS_NONE,
                                           binding,
                                           is_client ? local_bytes : remote_bytes,
                                           is_client ? remote_bytes : local_bytes);
  aioproc_greeting_step (self);
}

/* --- With TLS, that is first --- */

static void
aioproc_greeting_tls_cb (GObject      *source,
                         GAsyncResult *result,
                         gpointer      user_data)
{
  AioprocGreeting *self = user_data;
  g_autoptr(GBytes) binding = NULL;
  GError *error = NULL;

  self->is_in_tls = FALSE;
  g_clear_pointer (&self->turn, aioproc_tls_turn_free);

  if (g_tls_connection_handshake_finish (G_TLS_CONNECTION (source), result, &error))
    binding = aioproc_greeting_tls_verify (self->tls, self->security, &error);

  if (binding == NULL)
    {
      fail (self, error);
      return;
    }

  self->stage++;
  aioproc_greeting_begin (self, binding);
}

static void
aioproc_greeting_begin_tls (AioprocGreeting *self)
{
  GError *error = NULL;

  /* GIO reads a database when it is used: without a descriptor for that it warns, and goes on. One
   * more may be taken meanwhile.
   */
  if (self->security->tls_database == NULL || aioproc_fds_check_free (2, &error))
    self->tls = aioproc_greeting_tls_new (self->role, G_IO_STREAM (self->base), self->identity,
                                          self->security, &error);

  if (self->tls == NULL)
    {
      fail (self, error);
      return;
    }

  /* With a cancellable GIO's thread would need a descriptor when it waits for the peer, and GLib
   * ends the program where there is none. What ends its wait instead is the end of the socket.
   */
  self->is_in_tls = TRUE;
  g_tls_connection_handshake_async (G_TLS_CONNECTION (self->tls), G_PRIORITY_DEFAULT, NULL,
                                    aioproc_greeting_tls_cb, self);
}

/* Its turn has come, or it was given up. */
static void
begin_turn (gpointer data)
{
  AioprocGreeting *self = data;

  if (self->error != NULL)
    finish (self, NULL, g_steal_pointer (&self->error));
  else
    aioproc_greeting_begin_tls (self);
}

static void
give_up_turn (gpointer data)
{
  aioproc_greeting_give_up (data, g_error_new (G_IO_ERROR, G_IO_ERROR_BUSY,
                                               "The peer took too long for its part of a handshake "
                                               "that others waited for"));
}

static const AioprocTlsTurnFuncs turn_funcs = { begin_turn, give_up_turn };

static gboolean
aioproc_greeting_hello_again_cb (gpointer user_data)
{
  aioproc_greeting_wait_for_hello (user_data);

  return G_SOURCE_REMOVE;
}

static gboolean
aioproc_greeting_hello_cb (GSocket      *socket,
                           GIOCondition  condition,
                           gpointer      user_data)
{
  AioprocGreeting *self = user_data;
  g_autoptr(GSource) again = NULL;
  GError *error = NULL;

  if (self->error != NULL)
    {
      finish (self, NULL, g_steal_pointer (&self->error));
      return G_SOURCE_REMOVE;
    }

  switch (aioproc_greeting_tls_peek_hello (socket, &self->n_in, &error))
    {
    case AIOPROC_GREETING_HELLO_WHOLE:
      self->n_in = 0;
      self->stage++;
      self->turn = aioproc_tls_turn_new (socket, &turn_funcs, self);
      return G_SOURCE_REMOVE;

    case AIOPROC_GREETING_HELLO_EARLY:
      again = aioproc_stream_thread_new_timeout (EARLY_USEC, "[aioproc] an early hello of TLS");
      g_source_set_callback (again, aioproc_greeting_hello_again_cb, self, NULL);
      g_source_attach (again, g_main_context_get_thread_default ());
      return G_SOURCE_REMOVE;

    case AIOPROC_GREETING_HELLO_BAD:
      fail (self, error);
      return G_SOURCE_REMOVE;

    case AIOPROC_GREETING_HELLO_PART:
    default:
      return G_SOURCE_CONTINUE;
    }
}

static void
aioproc_greeting_wait_for_hello (AioprocGreeting *self)
{
  GSocket *socket = g_socket_connection_get_socket (self->base);
  g_autoptr(GSource) source = g_socket_create_source (socket, G_IO_IN, self->cancellable);

  g_source_set_static_name (source, "[aioproc] a hello of TLS");
  g_source_set_callback (source, G_SOURCE_FUNC (aioproc_greeting_hello_cb), self, NULL);
  g_source_attach (source, g_main_context_get_thread_default ());
}

static gboolean
aioproc_greeting_begin_cb (gpointer user_data)
{
  AioprocGreeting *self = user_data;

  if (!aioproc_security_is_tls (self->security))
    aioproc_greeting_begin (self, NULL);
  else if (self->role == AIOPROC_HANDSHAKE_CLIENT)
    aioproc_greeting_begin_tls (self);
  else
    aioproc_greeting_wait_for_hello (self);

  return G_SOURCE_REMOVE;
}

AioprocGreeting *
aioproc_greeting_new (AioprocHandshakeRole  role,
                      GSocketConnection    *base,
                      GSocketConnectable   *identity,
                      AioprocSecurity      *security,
                      AioprocGreetingFunc   func,
                      gpointer              data)
{
  AioprocGreeting *self = g_new0 (AioprocGreeting, 1);
  GMainContext *context = g_main_context_get_thread_default ();
  g_autoptr(GSource) begin = g_idle_source_new ();

  g_source_set_static_name (begin, "[aioproc] a handshake begins");
  self->role = role;
  self->base = g_object_ref (base);
  g_set_object (&self->identity, identity);
  self->security = g_object_ref (security);
  self->func = func;
  self->data = data;
  self->cancellable = g_cancellable_new ();
  self->timeout = aioproc_stream_thread_new_timeout (security->handshake_timeout,
                                                     "[aioproc] a handshake is late");
  g_source_set_callback (self->timeout, aioproc_greeting_late_cb, self, NULL);
  g_source_attach (self->timeout, context);

  g_source_set_priority (begin, G_PRIORITY_DEFAULT);
  g_source_set_callback (begin, aioproc_greeting_begin_cb, self, NULL);
  g_source_attach (begin, context);

  return self;
}

void
aioproc_greeting_free (AioprocGreeting *self)
{
  g_clear_pointer (&self->turn, aioproc_tls_turn_free);
  g_clear_object (&self->tls);
  g_object_unref (self->base);
  g_clear_object (&self->identity);
  g_object_unref (self->security);
  g_object_unref (self->cancellable);
  g_source_unref (self->timeout);
  g_clear_pointer (&self->handshake, aioproc_handshake_free);
  g_clear_object (&self->remote);
  g_clear_error (&self->error);
  g_free (self);
}

void
aioproc_greeting_give_up (AioprocGreeting *self,
                          GError          *error)
{
  if (self->error != NULL)
    {
      g_error_free (error);
      return;
    }

  self->error = error;
  g_cancellable_cancel (self->cancellable);

  if (self->is_in_tls)
    shutdown (g_socket_get_fd (g_socket_connection_get_socket (self->base)), SHUT_RDWR);
  else if (self->turn != NULL)
    aioproc_tls_turn_wake (self->turn);
}

guint
aioproc_greeting_get_stage (AioprocGreeting *self)
{
  return self->stage;
}

GSocketAddress *
aioproc_greeting_get_remote (AioprocGreeting *self)
{
  return self->remote;
}
