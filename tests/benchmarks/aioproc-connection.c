/* aioproc-connection.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "aioproc-other.h"

#define N_TRIPS 1000
#define TRIP_SIZE 64

/* One of them is given away to the other process, so each repetition has a new pair. */
static AioprocConnection *connection;

static AioprocProcess *
start_other (const char *function)
{
  g_autoptr(AioprocConnection) far = NULL;
  g_autoptr(GError) error = NULL;

  bench_check_error (aioproc_pipe (TRUE, &connection, &far, &error), error);

  return bench_other_start (function, far, NULL);
}

static void
join_other (AioprocProcess *other)
{
  bench_other_join (other);
  g_clear_object (&connection);
}

static void
enter (AioprocCall *call)
{
  gpointer none;

  bench_other_enter (call, (gpointer *) &connection, &none);
}

static GVariant *
leave (void)
{
  g_clear_object (&connection);

  return g_variant_new ("()");
}

static GBytes *
make_message (gsize size)
{
  return g_bytes_new_take (g_malloc0 (size), size);
}

/* --- connection-64, connection-1m: messages a second from another process --- */

static GVariant *
produce (AioprocCall  *call,
         GError      **error)
{
  g_autoptr(GBytes) message = NULL;

  enter (call);
  message = make_message (bench_shared->size);
  bench_meet_other (&bench_shared->meeting);

  for (int i = 0; i < bench_shared->n_messages; i++)
    {
      if (!aioproc_connection_send_bytes (connection, message, 0, -1, -1, NULL, error))
        return NULL;
    }

  return leave ();
}

/* The peers have copied a message when they have received it: here its pages are looked at. */
static int
look_at (GBytes *message)
{
  gsize size;
  const guint8 *data = g_bytes_get_data (message, &size);
  int sum = 0;

  for (gsize i = 0; i < size; i += 4096)
    sum += data[i];

  return sum;
}

static double
stream (gsize size,
        int   n_messages)
{
  g_autoptr(GError) error = NULL;
  AioprocProcess *other;
  gint64 began;
  gint64 took;

  bench_shared->size = size;
  bench_shared->n_messages = n_messages;
  other = start_other ("produce");
  bench_meet_own (&bench_shared->meeting);
  began = bench_now_nsec ();

  for (int i = 0; i < n_messages; i++)
    {
      g_autoptr(GBytes) message = aioproc_connection_recv_bytes (connection, -1, -1, NULL, &error);

      bench_check_error (message != NULL && g_bytes_get_size (message) == size &&
                         look_at (message) == 0, error);
    }

  took = bench_now_nsec () - began;
  join_other (other);

  return n_messages * 1e9 / took;
}

static double
connection_64 (void)
{
  return stream (64, 100000);
}

static double
connection_1m (void)
{
  return stream (1024 * 1024, 300);
}

/* --- connection-round-trip: microseconds for a message to another process, and its answer --- */

static GVariant *
answer (AioprocCall  *call,
        GError      **error)
{
  enter (call);

  for (int i = 0; i < N_TRIPS; i++)
    {
      g_autoptr(GBytes) message = aioproc_connection_recv_bytes (connection, -1, -1, NULL, error);

      if (message == NULL ||
          !aioproc_connection_send_bytes (connection, message, 0, -1, -1, NULL, error))
        return NULL;
    }

  return leave ();
}

static double
measure_trips (void)
{
  g_autoptr(GBytes) message = make_message (TRIP_SIZE);
  g_autoptr(GError) error = NULL;
  double values[N_TRIPS];

  for (int i = 0; i < N_TRIPS; i++)
    {
      g_autoptr(GBytes) received = NULL;
      gint64 began = bench_now_nsec ();

      bench_check_error (aioproc_connection_send_bytes (connection, message, 0, -1, -1, NULL,
                                                        &error), error);
      received = aioproc_connection_recv_bytes (connection, -1, -1, NULL, &error);
      values[i] = (bench_now_nsec () - began) / 1e3;
      bench_check_error (received != NULL, error);
    }

  return bench_median (values, N_TRIPS);
}

static double
round_trip (void)
{
  AioprocProcess *other = start_other ("answer");
  double value = measure_trips ();

  join_other (other);

  return value;
}

/* --- connection-round-trip-tcp: the same over the loopback device --- */

static AioprocConnection *
connect_stream (GSocketConnection *stream)
{
  g_autoptr(GError) error = NULL;
  AioprocConnection *result = aioproc_connection_new_for_stream (G_IO_STREAM (stream), &error);

  bench_check_error (result != NULL, error);

  return result;
}

static GVariant *
answer_tcp (AioprocCall  *call,
            GError      **error)
{
  g_autoptr(GSocketClient) client = g_socket_client_new ();
  g_autoptr(GSocketConnection) stream = NULL;
  g_autoptr(AioprocMessage) message = NULL;
  g_autoptr(AioprocConnection) pipe = NULL;
  g_autoptr(GVariant) port = NULL;
  gpointer none;

  bench_other_enter (call, (gpointer *) &pipe, &none);
  message = aioproc_connection_recv (pipe, -1, NULL, error);

  if (message == NULL)
    return NULL;

  port = aioproc_message_dup_body (message);
  stream = g_socket_client_connect_to_host (client, "127.0.0.1", g_variant_get_uint16 (port), NULL,
                                            error);

  if (stream == NULL)
    return NULL;

  connection = connect_stream (stream);

  for (int i = 0; i < N_TRIPS; i++)
    {
      g_autoptr(GBytes) trip = aioproc_connection_recv_bytes (connection, -1, -1, NULL, error);

      if (trip == NULL || !aioproc_connection_send_bytes (connection, trip, 0, -1, -1, NULL, error))
        return NULL;
    }

  return leave ();
}

static double
round_trip_tcp (void)
{
  g_autoptr(GSocketListener) listener = g_socket_listener_new ();
  g_autoptr(GInetAddress) host = g_inet_address_new_loopback (G_SOCKET_FAMILY_IPV4);
  g_autoptr(GSocketAddress) address = g_inet_socket_address_new (host, 0);
  g_autoptr(GSocketAddress) effective = NULL;
  g_autoptr(GSocketConnection) stream = NULL;
  g_autoptr(AioprocMessage) message = NULL;
  g_autoptr(GError) error = NULL;
  AioprocProcess *other;
  double value;

  bench_check_error (g_socket_listener_add_address (listener, address, G_SOCKET_TYPE_STREAM,
                                                    G_SOCKET_PROTOCOL_TCP, NULL, &effective,
                                                    &error), error);
  other = start_other ("answer-tcp");
  message = aioproc_message_new (g_variant_new_uint16 (
    g_inet_socket_address_get_port (G_INET_SOCKET_ADDRESS (effective))));
  bench_check_error (aioproc_connection_send (connection, message, -1, NULL, &error), error);
  g_clear_object (&connection);
  stream = g_socket_listener_accept (listener, NULL, NULL, &error);
  bench_check_error (stream != NULL, error);
  connection = connect_stream (stream);
  value = measure_trips ();
  join_other (other);

  return value;
}

/* --- connection-round-trip-async: in a main loop of each process, with a callback for each message
 * that was sent, too
 */

static GMainLoop *loop;
static gint64 began;
static double trips[N_TRIPS];
static int n_received;
static int n_sent;

static void
quit_if_over (void)
{
  if (n_received == N_TRIPS && n_sent == N_TRIPS)
    g_main_loop_quit (loop);
}

static void
sent_cb (GObject      *source,
         GAsyncResult *result,
         gpointer      user_data)
{
  g_autoptr(GError) error = NULL;

  bench_check_error (aioproc_connection_send_bytes_finish (connection, result, &error), error);
  n_sent++;
  quit_if_over ();
}

static void
send_async (GBytes *message)
{
  aioproc_connection_send_bytes_async (connection, message, 0, -1, -1, NULL, sent_cb, NULL);
}

static void
receive_async (GAsyncReadyCallback callback)
{
  aioproc_connection_recv_bytes_async (connection, -1, -1, NULL, callback, NULL);
}

static void
run (void)
{
  loop = g_main_loop_new (NULL, FALSE);
  g_main_loop_run (loop);
  g_main_loop_unref (loop);
}

static GBytes *
receive_finish (GAsyncResult *result)
{
  g_autoptr(GError) error = NULL;
  GBytes *message = aioproc_connection_recv_bytes_finish (connection, result, &error);

  bench_check_error (message != NULL, error);
  n_received++;

  return message;
}

static void
answer_cb (GObject      *source,
           GAsyncResult *result,
           gpointer      user_data)
{
  g_autoptr(GBytes) message = receive_finish (result);

  send_async (message);

  if (n_received < N_TRIPS)
    receive_async (answer_cb);
}

static GVariant *
answer_async (AioprocCall  *call,
              GError      **error)
{
  enter (call);
  receive_async (answer_cb);
  run ();

  return leave ();
}

static void
answered_cb (GObject      *source,
             GAsyncResult *result,
             gpointer      user_data)
{
  g_autoptr(GBytes) message = receive_finish (result);

  trips[n_received - 1] = (bench_now_nsec () - began) / 1e3;

  if (n_received < N_TRIPS)
    {
      began = bench_now_nsec ();
      send_async (message);
      receive_async (answered_cb);
    }

  quit_if_over ();
}

static double
round_trip_async (void)
{
  AioprocProcess *other = start_other ("answer-async");
  g_autoptr(GBytes) message = make_message (TRIP_SIZE);

  n_received = 0;
  n_sent = 0;
  began = bench_now_nsec ();
  send_async (message);
  receive_async (answered_cb);
  run ();
  join_other (other);

  return bench_median (trips, N_TRIPS);
}

static const BenchCase cases[] = {
  { "connection-64", bench_other_begin, connection_64, NULL },
  { "connection-1m", bench_other_begin, connection_1m, NULL },
  { "connection-round-trip", bench_other_begin, round_trip, NULL },
  { "connection-round-trip-tcp", bench_other_begin, round_trip_tcp, NULL },
  { "connection-round-trip-async", bench_other_begin, round_trip_async, NULL },
  { NULL }
};

static const AioprocFunctionEntry functions[] = {
  { "produce", produce },
  { "answer", answer },
  { "answer-tcp", answer_tcp },
  { "answer-async", answer_async },
};

int
main (int   argc,
      char *argv[])
{
  aioproc_init (functions, G_N_ELEMENTS (functions));

  return bench_main (argc, argv, cases);
}
