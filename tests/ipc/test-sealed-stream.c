/* test-sealed-stream.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* Somebody sits between the two ends of a sealed stream, and carries the bytes as he likes. */

#include <string.h>
#include <sys/socket.h>

#include <aioproc.h>

#include "aioproc-test.h"
#include "connection-test.h"
#include "core/aioproc-seal-private.h"
#include "ipc/aioproc-sealed-stream-private.h"

#define N_MESSAGES 4

static const guint8 keys[2][AIOPROC_SEAL_KEY_SIZE] = { "there", "back" };

/* Returns the end of it that lies open before whoever is between. */
static GIOStream *
make_end (guint       side,
          GIOStream **sealed)
{
  GIOStream *ends[2];
  g_autoptr(GIOStream) base = NULL;
  g_autoptr(GError) error = NULL;
  int fds[2];

  g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);

  for (guint i = 0; i < 2; i++)
    {
      g_autoptr(GSocket) socket = g_socket_new_from_fd (fds[i], &error);

      g_assert_no_error (error);
      ends[i] = G_IO_STREAM (g_socket_connection_factory_create_connection (socket));
    }

  base = ends[0];
  *sealed = aioproc_sealed_stream_new (base, keys[side], keys[!side]);

  return ends[1];
}

static GIOStream *
make_connection (guint               side,
                 AioprocConnection **connection)
{
  g_autoptr(GIOStream) sealed = NULL;
  g_autoptr(GError) error = NULL;
  GIOStream *between = make_end (side, &sealed);

  *connection = aioproc_connection_new_for_stream (sealed, &error);
  g_assert_no_error (error);

  return between;
}

/* Reads the next record, or NULL at the end. */
static GBytes *
carry_record (GIOStream *between)
{
  GInputStream *input = g_io_stream_get_input_stream (between);
  g_autofree guint8 *record = g_malloc (AIOPROC_SEAL_SIZE (AIOPROC_SEAL_MAX));
  g_autoptr(GError) error = NULL;
  guint32 length;
  gsize n_read;

  g_assert_true (g_input_stream_read_all (input, record, AIOPROC_SEAL_HEAD, &n_read, NULL,
                                          &error));

  if (n_read == 0)
    return NULL;

  g_assert_cmpuint (n_read, ==, AIOPROC_SEAL_HEAD);
  memcpy (&length, record, sizeof length);
  length = GUINT32_FROM_LE (length);
  g_assert_cmpuint (length, <=, AIOPROC_SEAL_MAX);
  g_assert_true (g_input_stream_read_all (input, record + AIOPROC_SEAL_HEAD,
                                          length + AIOPROC_SEAL_TAIL, &n_read, NULL, &error));
  g_assert_cmpuint (n_read, ==, length + AIOPROC_SEAL_TAIL);

  return g_bytes_new (record, AIOPROC_SEAL_SIZE (length));
}

/* What a sender sends that sends numbers from 0 on, and then closes. */
static GPtrArray *
record_numbers (void)
{
  GPtrArray *records = g_ptr_array_new_with_free_func ((GDestroyNotify) g_bytes_unref);
  AioprocConnection *sender;
  g_autoptr(GIOStream) between = make_connection (0, &sender);
  GBytes *record;

  for (guint i = 0; i < N_MESSAGES; i++)
    connection_test_send_number (sender, i);

  aioproc_connection_close (sender);
  g_assert_finalize_object (sender);

  while ((record = carry_record (between)) != NULL)
    g_ptr_array_add (records, record);

  /* One for each message, since none waited for another, and the end. */
  g_assert_cmpuint (records->len, ==, N_MESSAGES + 1);

  return records;
}

static void
put (GByteArray *bytes,
     GPtrArray  *records,
     guint       index)
{
  GBytes *record = records->pdata[index];

  g_byte_array_append (bytes, g_bytes_get_data (record, NULL), g_bytes_get_size (record));
}

/* A receiver gets those bytes, and then the end of the stream below. It has to receive just @n_good
 * messages, and then @code for ever.
 */
static void
assert_received (GByteArray *bytes,
                 guint       n_good,
                 int         code)
{
  AioprocConnection *receiver;
  g_autoptr(GIOStream) between = make_connection (1, &receiver);
  g_autoptr(GError) error = NULL;

  /* It fits into the socket. */
  g_output_stream_write_all (g_io_stream_get_output_stream (between), bytes->data, bytes->len,
                             NULL, NULL, &error);
  g_assert_no_error (error);
  g_assert_true (g_socket_shutdown (g_socket_connection_get_socket (G_SOCKET_CONNECTION (between)),
                                    FALSE, TRUE, &error));

  for (guint i = 0; i < n_good; i++)
    g_assert_cmpuint (connection_test_recv_number (receiver), ==, i);

  connection_test_assert_recv (receiver, code);
  connection_test_assert_recv (receiver, code);
  g_assert_finalize_object (receiver);
}

static void
test_carried (void)
{
  g_autoptr(GPtrArray) records = record_numbers ();
  g_autoptr(GByteArray) bytes = g_byte_array_new ();

  g_test_summary ("What is carried as it is is received, and what comes after the end is nothing");

  for (guint i = 0; i < records->len; i++)
    put (bytes, records, i);

  assert_received (bytes, N_MESSAGES, G_IO_ERROR_CLOSED);
  put (bytes, records, 0);
  g_byte_array_append (bytes, (const guint8 *) "garbage", 7);
  assert_received (bytes, N_MESSAGES, G_IO_ERROR_CLOSED);
}

static void
test_flipped (void)
{
  g_autoptr(GPtrArray) records = record_numbers ();
  g_autoptr(GByteArray) bytes = g_byte_array_new ();
  guint first_size = g_bytes_get_size (records->pdata[0]);

  g_test_summary ("No byte can be changed: nothing of its record is received, nor after it");

  for (guint i = 0; i < records->len; i++)
    put (bytes, records, i);

  for (guint at = 0; at < bytes->len; at++)
    {
      guint n_good = MIN (at / first_size, N_MESSAGES);
      guint in_record = at - n_good * first_size;
      guint8 change = (guint8) (1u << at % 8);
      int code = G_IO_ERROR_INVALID_DATA;

      /* A record that is said to be longer, but not too long, is waited for. */
      if (in_record == 0 && n_good < N_MESSAGES)
        change = 1u << g_bit_nth_lsf (bytes->data[at], -1);
      else if (in_record <= 1)
        code = G_IO_ERROR_PARTIAL_INPUT;

      if (in_record == 1)
        change = 0x80;

      bytes->data[at] ^= change;
      assert_received (bytes, n_good, code);
      bytes->data[at] ^= change;
    }
}

static void
test_truncated (void)
{
  g_autoptr(GPtrArray) records = record_numbers ();
  g_autoptr(GByteArray) bytes = g_byte_array_new ();
  guint first_size = g_bytes_get_size (records->pdata[0]);

  g_test_summary ("An end that the peer has not sealed is told from one that it has");

  for (guint i = 0; i < records->len; i++)
    put (bytes, records, i);

  while (bytes->len > 0)
    {
      g_byte_array_set_size (bytes, bytes->len - 1);
      assert_received (bytes, MIN (bytes->len / first_size, N_MESSAGES), G_IO_ERROR_PARTIAL_INPUT);
    }
}

static void
test_reordered (void)
{
  g_autoptr(GPtrArray) records = record_numbers ();

  g_test_summary ("No record can be left out, come twice, early, late or in another's place");

  for (guint i = 0; i < records->len; i++)
    for (guint j = 0; j < records->len; j++)
      {
        g_autoptr(GByteArray) moved = g_byte_array_new ();
        g_autoptr(GByteArray) replaced = g_byte_array_new ();
        g_autoptr(GByteArray) repeated = g_byte_array_new ();

        if (i == j)
          continue;

        for (guint k = 0; k < records->len; k++)
          {
            put (moved, records, k == i ? j : k == j ? i : k);
            put (replaced, records, k == i ? j : k);

            if (k == i)
              put (repeated, records, j);

            put (repeated, records, k);
          }

        assert_received (moved, MIN (i, j), G_IO_ERROR_INVALID_DATA);
        assert_received (replaced, i, G_IO_ERROR_INVALID_DATA);
        assert_received (repeated, i, G_IO_ERROR_INVALID_DATA);
      }

  for (guint left_out = 0; left_out < N_MESSAGES; left_out++)
    {
      g_autoptr(GByteArray) bytes = g_byte_array_new ();

      for (guint k = 0; k < records->len; k++)
        if (k != left_out)
          put (bytes, records, k);

      assert_received (bytes, left_out, G_IO_ERROR_INVALID_DATA);
    }
}

static void
test_inserted (void)
{
  /* The first claims to be the end, the second has a length of nearly 2³². */
  static const guint8 forged[][AIOPROC_SEAL_SIZE (0)] = {
    { 0, 0, 0, 0, 1 }, { 0xff, 0xff, 0xff, 0xff, 1 }, { 1, 0, 0, 0, 1 },
  };
  g_autoptr(GPtrArray) records = record_numbers ();

  g_test_summary ("Nothing can be put in between, not even an end");

  for (guint i = 0; i < G_N_ELEMENTS (forged); i++)
    {
      g_autoptr(GByteArray) bytes = g_byte_array_new ();

      put (bytes, records, 0);
      g_byte_array_append (bytes, forged[i], sizeof forged[i]);
      put (bytes, records, 1);
      put (bytes, records, 2);
      assert_received (bytes, 1, G_IO_ERROR_INVALID_DATA);
    }
}

static void
test_reflected (void)
{
  g_autoptr(GIOStream) between = NULL;
  g_autoptr(GBytes) record = NULL;
  g_autoptr(GError) error = NULL;
  AioprocConnection *sender;

  g_test_summary ("What is sent back to its sender is not what the other end has sent");

  between = make_connection (0, &sender);
  connection_test_send_number (sender, 0);
  record = carry_record (between);
  g_output_stream_write_all (g_io_stream_get_output_stream (between),
                             g_bytes_get_data (record, NULL), g_bytes_get_size (record),
                             NULL, NULL, &error);
  g_assert_no_error (error);
  connection_test_assert_recv (sender, G_IO_ERROR_INVALID_DATA);
  g_assert_finalize_object (sender);
}

/* --- The stream itself --- */

static void
test_pieces (void)
{
  g_autoptr(GIOStream) a = NULL;
  g_autoptr(GIOStream) b = NULL;
  g_autoptr(GIOStream) a_between = make_end (0, &a);
  g_autoptr(GIOStream) b_between = make_end (1, &b);
  GOutputStream *output = g_io_stream_get_output_stream (b_between);
  GInputStream *input = g_io_stream_get_input_stream (b);
  g_autoptr(GError) error = NULL;
  gssize n_read;

  g_test_summary ("A record that comes a byte at a time is read once it is there, in any portions");

  for (guint8 i = 0; i < 100; i++)
    {
      g_autoptr(GAsyncResult) result = NULL;
      g_autoptr(GBytes) record = NULL;
      guint8 sent[2] = { i, (guint8) (i + 1) };
      guint8 received[3] = { 0 };
      gsize size;
      const guint8 *data;

      g_output_stream_write_all (g_io_stream_get_output_stream (a), sent, sizeof sent, NULL, NULL,
                                 &error);
      g_assert_no_error (error);
      record = carry_record (a_between);
      data = g_bytes_get_data (record, &size);
      g_input_stream_read_async (input, received, 1 + i % 3, G_PRIORITY_DEFAULT, NULL,
                                 aioproc_test_store_result, &result);

      for (gsize at = 0; at < size; at++)
        {
          g_assert_null (result);
          g_output_stream_write_all (output, data + at, 1, NULL, NULL, &error);
          g_assert_no_error (error);

          while (g_main_context_iteration (NULL, FALSE))
            continue;
        }

      aioproc_test_wait (&result);
      n_read = g_input_stream_read_finish (input, result, &error);
      g_assert_no_error (error);
      g_assert_cmpint (n_read, ==, MIN (1 + i % 3, 2));

      if (n_read == 1)
        {
          g_assert_cmpint (g_input_stream_read (input, received + 1, 2, NULL, &error), ==, 1);
          g_assert_no_error (error);
        }

      g_assert_cmpmem (received, 2, sent, 2);
    }
}

typedef struct {
  GSocket      *socket;
  GCancellable *cancellable;
} Full;

static gboolean
cancel_when_full_cb (gpointer user_data)
{
  Full *full = user_data;

  if (g_socket_condition_check (full->socket, G_IO_OUT) != 0)
    return G_SOURCE_CONTINUE;

  g_cancellable_cancel (full->cancellable);

  return G_SOURCE_REMOVE;
}

static GSocket *
peek_socket (GIOStream *sealed)
{
  GIOStream *base = aioproc_sealed_stream_peek_base (AIOPROC_SEALED_STREAM (sealed));

  return g_socket_connection_get_socket (G_SOCKET_CONNECTION (base));
}

/* Fills @sealed and the sockets behind it, until one write has been given up half-way. Returns how
 * many bytes have been written.
 */
static gsize
fill (GIOStream    *sealed,
      const guint8 *data,
      gsize         length,
      gboolean      is_async)
{
  GOutputStream *output = g_io_stream_get_output_stream (sealed);
  int code = is_async ? G_IO_ERROR_CANCELLED : G_IO_ERROR_TIMED_OUT;
  gsize n_written = 0;

  for (;;)
    {
      g_autoptr(GCancellable) cancellable = g_cancellable_new ();
      g_autoptr(GSource) source = g_idle_source_new ();
      Full full = { peek_socket (sealed), cancellable };
      g_autoptr(GAsyncResult) result = NULL;
      g_autoptr(GError) error = NULL;
      gssize n;

      /* A piece of the size of a record, of which the socket takes a part. */
      g_assert_cmpuint (n_written + AIOPROC_SEAL_MAX, <=, length);

      if (is_async)
        {
          g_output_stream_write_async (output, data + n_written, AIOPROC_SEAL_MAX,
                                       G_PRIORITY_DEFAULT, cancellable, aioproc_test_store_result,
                                       &result);
          g_source_set_callback (source, cancel_when_full_cb, &full, NULL);
          g_source_attach (source, NULL);
          aioproc_test_wait (&result);
          g_source_destroy (source);
          n = g_output_stream_write_finish (output, result, &error);
        }
      else
        {
          /* It has a timeout instead. */
          n = g_output_stream_write (output, data + n_written, AIOPROC_SEAL_MAX, cancellable,
                                     &error);
        }

      if (n < 0)
        {
          g_assert_error (error, G_IO_ERROR, code);
          return n_written;
        }

      g_assert_cmpint (n, ==, AIOPROC_SEAL_MAX);
      n_written += (gsize) n;
    }
}

static gpointer
carry_thread (gpointer data)
{
  GIOStream **between = data;

  g_output_stream_splice (g_io_stream_get_output_stream (between[1]),
                          g_io_stream_get_input_stream (between[0]),
                          G_OUTPUT_STREAM_SPLICE_CLOSE_SOURCE |
                          G_OUTPUT_STREAM_SPLICE_CLOSE_TARGET, NULL, NULL);
  g_socket_shutdown (g_socket_connection_get_socket (G_SOCKET_CONNECTION (between[1])), FALSE,
                     TRUE, NULL);

  return NULL;
}

/* The rest first, then what is new, and the end. */
static void
end (GIOStream *sealed,
     gboolean   is_async)
{
  GOutputStream *output = g_io_stream_get_output_stream (sealed);
  g_autoptr(GAsyncResult) write_result = NULL;
  g_autoptr(GAsyncResult) close_result = NULL;
  g_autoptr(GError) error = NULL;

  if (is_async)
    {
      g_output_stream_write_all_async (output, "the end", 7, G_PRIORITY_DEFAULT, NULL,
                                       aioproc_test_store_result, &write_result);
      aioproc_test_wait (&write_result);
      g_output_stream_write_all_finish (output, write_result, NULL, &error);
      g_assert_no_error (error);
      g_io_stream_close_async (sealed, G_PRIORITY_DEFAULT, NULL, aioproc_test_store_result,
                               &close_result);
      aioproc_test_wait (&close_result);
      g_io_stream_close_finish (sealed, close_result, &error);
    }
  else
    {
      g_output_stream_write_all (output, "the end", 7, NULL, NULL, &error);
      g_assert_no_error (error);
      g_io_stream_close (sealed, NULL, &error);
    }

  g_assert_no_error (error);
}

typedef struct {
  GIOStream *stream;
  guint8    *to;
  gsize      length;
  gsize      n_read;
} Reader;

static gpointer
read_thread (gpointer data)
{
  Reader *reader = data;
  g_autoptr(GError) error = NULL;

  g_input_stream_read_all (g_io_stream_get_input_stream (reader->stream), reader->to,
                           reader->length, &reader->n_read, NULL, &error);
  g_assert_no_error (error);

  return NULL;
}

static void
test_cancelled (gconstpointer data)
{
  gboolean is_async = GPOINTER_TO_INT (data);
  const gsize length = 4 * 1024 * 1024;
  g_autofree guint8 *sent = g_malloc (length);
  g_autofree guint8 *received = g_malloc (length);
  g_autoptr(GIOStream) a = NULL;
  g_autoptr(GIOStream) b = NULL;
  g_autoptr(GIOStream) a_between = make_end (0, &a);
  g_autoptr(GIOStream) b_between = make_end (1, &b);
  GIOStream *between[2] = { a_between, b_between };
  Reader reader = { b, received, length, 0 };
  GThread *carry;
  GThread *read;
  gsize n_written;

  g_test_summary ("A write that is given up half-way is finished by the next, and nothing is lost");

  for (gsize i = 0; i < length; i++)
    sent[i] = (guint8) (i * 31 + i / 251);

  g_socket_set_timeout (peek_socket (a), is_async ? 0 : 1);
  n_written = fill (a, sent, length, is_async);
  g_assert_cmpuint (n_written, >, 0);
  g_assert_cmpuint (n_written, <, length - 7);
  g_socket_set_timeout (peek_socket (a), 0);

  carry = g_thread_new ("carry", carry_thread, between);
  read = g_thread_new ("read", read_thread, &reader);
  end (a, is_async);
  g_thread_join (read);
  g_thread_join (carry);

  /* What its own asynchronous form has written GIO does not tell, once the cancellable fires. */
  if (is_async && reader.n_read > n_written + 7)
    n_written += AIOPROC_SEAL_MAX;

  memcpy (sent + n_written, "the end", 7);
  g_assert_cmpmem (received, reader.n_read, sent, n_written + 7);
}

static void
test_cancelled_before (void)
{
  g_autoptr(GIOStream) a = NULL;
  g_autoptr(GIOStream) between = make_end (0, &a);
  GOutputStream *output = g_io_stream_get_output_stream (a);
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  g_autoptr(AioprocSeal) seal = aioproc_seal_new (keys[0]);

  g_test_summary ("A write that was cancelled before it began has written nothing");
  g_cancellable_cancel (cancellable);

  for (guint i = 0; i < 4; i++)
    {
      g_autoptr(GAsyncResult) result = NULL;
      g_autoptr(GBytes) record = NULL;
      g_autoptr(GError) error = NULL;
      gssize length;

      if (i % 2 == 0)
        {
          g_output_stream_write_async (output, "never", 5, G_PRIORITY_DEFAULT, cancellable,
                                       aioproc_test_store_result, &result);
          aioproc_test_wait (&result);
          g_assert_cmpint (g_output_stream_write_finish (output, result, &error), ==, -1);
        }
      else
        {
          g_assert_cmpint (g_output_stream_write (output, "never", 5, cancellable, &error), ==, -1);
        }

      g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
      g_clear_error (&error);
      g_assert_cmpint (g_output_stream_write (output, "sent", 4, NULL, &error), ==, 4);
      g_assert_no_error (error);
      record = carry_record (between);
      g_assert_true (aioproc_seal_open (seal, g_bytes_get_data (record, NULL),
                                        g_bytes_get_size (record), &length, &error));
      g_assert_no_error (error);
      g_assert_cmpint (length, ==, 4);
    }
}

static void
test_broken (void)
{
  g_autoptr(GIOStream) a = NULL;
  g_autoptr(GIOStream) between = make_end (0, &a);
  GOutputStream *output = g_io_stream_get_output_stream (a);
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(GError) error = NULL;
  GIOStream *base;

  g_test_summary ("Where nobody reads any more a write fails, and so does the close, once");
  g_assert_true (g_io_stream_close (between, NULL, &error));
  g_assert_cmpint (g_output_stream_write (output, "text", 4, NULL, &error), ==, -1);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_BROKEN_PIPE);
  g_clear_error (&error);
  g_io_stream_close_async (a, G_PRIORITY_DEFAULT, NULL, aioproc_test_store_result, &result);
  aioproc_test_wait (&result);
  g_assert_false (g_io_stream_close_finish (a, result, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_BROKEN_PIPE);
  g_assert_true (g_io_stream_is_closed (a));
  base = aioproc_sealed_stream_peek_base (AIOPROC_SEALED_STREAM (a));
  g_assert_true (g_io_stream_is_closed (base));
}

/* The first of this program: a thread that GIO has started once may be there for long. */
static void
test_threads (void)
{
  g_autoptr(GIOStream) sealed = NULL;
  g_autoptr(GIOStream) between G_GNUC_UNUSED = make_end (0, &sealed);
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(GError) error = NULL;
  guint n_threads;

  g_test_summary ("To close a sealed stream over a socket takes no thread");

  /* All tasks have one that starts threads. */
  g_type_ensure (G_TYPE_TASK);
  n_threads = aioproc_test_count_threads ();

  g_io_stream_close_async (sealed, G_PRIORITY_DEFAULT, NULL, aioproc_test_store_result, &result);
  aioproc_test_wait (&result);
  g_assert_true (g_io_stream_close_finish (sealed, result, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (aioproc_test_count_threads (), ==, n_threads);
}

int
main (int   argc,
      char *argv[])
{
  aioproc_test_init (&argc, &argv);

  aioproc_test_add_func ("/aioproc/sealed-stream/threads", test_threads);
  aioproc_test_add_func ("/aioproc/sealed-stream/carried", test_carried);
  aioproc_test_add_func ("/aioproc/sealed-stream/flipped", test_flipped);
  aioproc_test_add_func ("/aioproc/sealed-stream/truncated", test_truncated);
  aioproc_test_add_func ("/aioproc/sealed-stream/reordered", test_reordered);
  aioproc_test_add_func ("/aioproc/sealed-stream/inserted", test_inserted);
  aioproc_test_add_func ("/aioproc/sealed-stream/reflected", test_reflected);
  aioproc_test_add_func ("/aioproc/sealed-stream/pieces", test_pieces);
  aioproc_test_add_data_func ("/aioproc/sealed-stream/cancelled/async", GINT_TO_POINTER (TRUE),
                              test_cancelled);
  aioproc_test_add_data_func ("/aioproc/sealed-stream/cancelled/blocking", GINT_TO_POINTER (FALSE),
                              test_cancelled);
  aioproc_test_add_func ("/aioproc/sealed-stream/cancelled/before", test_cancelled_before);
  aioproc_test_add_func ("/aioproc/sealed-stream/broken", test_broken);

  return g_test_run ();
}
