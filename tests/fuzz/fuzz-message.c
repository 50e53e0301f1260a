/* fuzz-message.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* What a peer says in a message: frames with descriptors, in one piece and in several, values, and
 * what looks through values. What can be read is written again, to the same bytes.
 */

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "aioproc-lock.h"
#include "aioproc-queue.h"
#include "aioproc-shared-memory.h"
#include "core/aioproc-frame-private.h"
#include "core/aioproc-message-private.h"
#include "core/aioproc-sealed-bytes-private.h"
#include "core/aioproc-shareable-private.h"
#include "core/aioproc-variant-scan-private.h"
#include "fuzz-frame.h"
#include "platform/aioproc-memfd-private.h"

#define MAX_FDS    8
/* The most that a frame may say. */
#define MAX_LENGTH (1024 * 1024)

/* What comes with frames. */
static int samples[9];
static gboolean has_samples;

/* What is written again is something else. */
gboolean fuzz_has_fault;

/* --- Descriptors --- */

static void
export_sample (gpointer  object,
               int      *fds)
{
  int exported[AIOPROC_SHAREABLE_MAX_FDS];
  g_autoptr(AioprocShareable) shareable = object;
  g_autoptr(GError) error = NULL;
  guint32 kind;
  guint n_fds;

  g_assert_nonnull (shareable);
  g_assert_true (aioproc_shareable_export (shareable, &kind, exported, &n_fds, &error));
  g_assert_cmpuint (n_fds, ==, 2);
  memcpy (fds, exported, 2 * sizeof (int));
}

static void
make_samples (void)
{
  g_autofree guint8 *zeros = g_malloc0 (4096);
  int pair[2];

  if (has_samples)
    return;

  has_samples = TRUE;
  /* The family comes with each object, and is always the same. */
  export_sample (aioproc_lock_new (NULL), pair);
  samples[0] = pair[0];
  samples[1] = pair[1];
  export_sample (aioproc_queue_new (0, NULL), pair);
  samples[2] = pair[0];
  close (pair[1]);
  export_sample (aioproc_shared_memory_new (4096, NULL), pair);
  samples[3] = pair[0];
  close (pair[1]);
  samples[4] = aioproc_sealed_bytes_new (zeros, 4096, NULL);
  samples[5] = aioproc_memfd_new ("not sealed", 4096, NULL);
  samples[6] = open ("/dev/null", O_RDWR | O_CLOEXEC);
  g_assert_true (aioproc_fds_socketpair (SOCK_STREAM, pair, NULL));
  samples[7] = pair[0];
  samples[8] = pair[1];

  for (guint i = 0; i < G_N_ELEMENTS (samples); i++)
    g_assert_cmpint (samples[i], >=, 0);
}

static void
take_fds (FuzzInput *input,
          int       *fds,
          guint      n_fds)
{
  for (guint i = 0; i < n_fds; i++)
    {
      int sample = samples[fuzz_input_take_byte (input) % G_N_ELEMENTS (samples)];

      fds[i] = fcntl (sample, F_DUPFD_CLOEXEC, 3);
      g_assert_cmpint (fds[i], >=, 0);
    }
}

/* The number that a new descriptor has: the same as before, unless one was left open or closed. */
static int
find_next_fd (void)
{
  int fd = fcntl (samples[0], F_DUPFD_CLOEXEC, 3);

  g_assert_cmpint (fd, >=, 0);
  close (fd);

  return fd;
}

/* --- Values --- */

static void
look_at_value (GVariant *value)
{
  g_autoptr(GVariant) prepared = NULL;
  g_autoptr(GBytes) stored = NULL;
  g_autoptr(GVariant) loaded = NULL;
  g_autoptr(GError) error = NULL;
  g_autoptr(GError) outcome = NULL;
  g_autofree char *text = g_variant_print (value, TRUE);
  gsize size = aioproc_codec_variant_size (value);
  guint8 *data = g_malloc (size);

  g_assert_nonnull (text);
  g_assert_false (g_variant_is_floating (value));
  g_assert_true (g_variant_is_normal_form (value));

  /* It was taken, so it can be sent, and comes back as it is. */
  prepared = aioproc_codec_variant_prepare (value, TRUE, &error);
  g_assert_no_error (error);
  aioproc_codec_variant_store (prepared, data);
  stored = g_bytes_new_take (data, size);
  loaded = aioproc_codec_variant_load (stored, &error);
  g_assert_no_error (error);
  g_assert_true (g_variant_equal (loaded, value));

  outcome = aioproc_codec_error_from_variant (value);
  g_assert_nonnull (outcome);
}

static void
fuzz_value (FuzzInput *input)
{
  guint shift = fuzz_input_take_byte (input) % 16;
  gsize length = input->left;
  g_autoptr(GVariant) value = NULL;
  g_autoptr(GBytes) bytes = NULL;
  g_autoptr(GError) error = NULL;
  guint8 *data;

  /* Of just this size, so that a read beyond it is found. */
  data = g_malloc (MAX (shift + length, 1));
  memset (data, 0xee, shift);
  fuzz_input_take (input, data + shift, length);
  bytes = g_bytes_new_take (data, shift + length);
  value = aioproc_codec_variant_load_part (data + shift, length, bytes, &error);
  g_assert_true ((value == NULL) == (error != NULL));

  if (value == NULL)
    {
      g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA);
      return;
    }

  look_at_value (value);
}

/* What aioproc_variant_scan_data() looks for, as GLib tells it. */
static void
search_value (GVariant *value,
              guint     depth,
              guint    *max_depth,
              gboolean *long_type,
              gboolean *handles)
{
  if (g_variant_is_of_type (value, G_VARIANT_TYPE_HANDLE))
    *handles = TRUE;

  if (!g_variant_is_container (value))
    return;

  *max_depth = MAX (*max_depth, depth + 1);

  for (gsize i = 0; i < g_variant_n_children (value); i++)
    {
      g_autoptr(GVariant) child = g_variant_get_child_value (value, i);

      if (g_variant_is_of_type (value, G_VARIANT_TYPE_VARIANT) &&
          strlen (g_variant_get_type_string (child)) > AIOPROC_VARIANT_MAX_TYPE_LENGTH)
        *long_type = TRUE;

      search_value (child, depth + 1, max_depth, long_type, handles);
    }
}

static void
fuzz_scan (FuzzInput *input)
{
  g_autoptr(GVariant) value = NULL;
  g_autoptr(GBytes) bytes = NULL;
  g_autofree char *type = NULL;
  AioprocVariantScan result;
  gboolean variants = FALSE;
  gboolean handles = FALSE;
  gboolean real_handles = FALSE;
  gboolean long_type = FALSE;
  guint max_depth = 0;
  guint8 *data;
  gsize size;

  type = g_strndup ((const char *) input->data, input->left);
  input->left -= MIN (strlen (type) + 1, input->left);
  size = input->left;
  input->data += strlen (type) + 1;

  if (!g_variant_type_string_is_valid (type) ||
      !g_variant_type_is_definite ((const GVariantType *) type) ||
      aioproc_variant_scan_type (type, &variants, &handles) != AIOPROC_VARIANT_SCAN_OK)
    return;

  handles = FALSE;
  data = g_malloc (MAX (size, 1));
  fuzz_input_take (input, data, size);
  bytes = g_bytes_new_take (data, size);
  result = aioproc_variant_scan_data (type, data, size, &handles);
  value = g_variant_new_from_bytes ((const GVariantType *) type, bytes, FALSE);
  g_variant_ref_sink (value);

  /* Its caller asks for what is in normal form and has variants, and no more can be expected. */
  if (!variants || !g_variant_is_normal_form (value))
    return;

  search_value (value, 0, &max_depth, &long_type, &real_handles);

  switch (result)
    {
    case AIOPROC_VARIANT_SCAN_OK:
      g_assert_cmpuint (max_depth, <=, AIOPROC_VARIANT_MAX_DEPTH);
      g_assert_false (long_type);

      /* Of what lies in no variant the type has told. An array of handles without any counts. */
      if (real_handles && !handles)
        g_assert_nonnull (strchr (type, 'h'));

      break;

    case AIOPROC_VARIANT_SCAN_TOO_LONG:
      g_assert_true (long_type);
      break;

    case AIOPROC_VARIANT_SCAN_TOO_DEEP:
      break;

    /* GLib takes a tuple of no bytes for normal that would have offsets. */
    case AIOPROC_VARIANT_SCAN_NOT_NORMAL:
      break;

    default:
      g_assert_not_reached ();
    }
}

/* --- Frames --- */

static void
look_at_handle (AioprocMessage *message,
                int             handle)
{
  g_autoptr(GObject) object = NULL;
  g_autoptr(GBytes) bytes = NULL;
  g_autoptr(GError) object_error = NULL;
  g_autoptr(GError) bytes_error = NULL;
  g_autoptr(GError) fd_error = NULL;
  guint n_there = 0;
  int fd;

  object = aioproc_message_dup_object (message, handle, &object_error);
  bytes = aioproc_message_dup_bytes (message, handle, &bytes_error);
  fd = aioproc_message_dup_fd (message, handle, &fd_error);
  g_assert_true ((object == NULL) == (object_error != NULL));
  g_assert_true ((bytes == NULL) == (bytes_error != NULL));
  g_assert_true ((fd < 0) == (fd_error != NULL));

  n_there = (object != NULL) + (bytes != NULL) + (fd >= 0);
  g_assert_cmpuint (n_there, ==, handle >= 0 &&
                                 (guint) handle < aioproc_message_get_n_handles (message));

  if (fd >= 0)
    close (fd);
}

/* All bytes of a frame, as they are written. */
static GBytes *
flatten (AioprocFrame *frame)
{
  g_autoptr(GByteArray) bytes = g_byte_array_new ();
  g_autoptr(GError) error = NULL;
  gboolean done = FALSE;
  int sockets[2];

  g_assert_true (aioproc_fds_socketpair (SOCK_STREAM, sockets, &error));

  while (!done || bytes->len < aioproc_frame_get_length (frame))
    {
      int fds[AIOPROC_FDS_MAX];
      guint8 buffer[4096];
      gsize n_done;
      guint n_fds;

      if (!done)
        g_assert_true (aioproc_frame_write (frame, sockets[0], TRUE, &done, &error));

      if (aioproc_fds_receive (sockets[1], buffer, sizeof buffer, fds, AIOPROC_FDS_MAX, &n_fds,
                               TRUE, &n_done, &error) == AIOPROC_IO_OK)
        {
          g_byte_array_append (bytes, buffer, n_done);
          aioproc_fds_close_all (fds, n_fds);
        }

      g_assert_no_error (error);
    }

  g_assert_cmpuint (bytes->len, ==, aioproc_frame_get_length (frame));
  bytes->data[0] ^= fuzz_has_fault;
  aioproc_fds_close_all (sockets, 2);

  return g_byte_array_free_to_bytes (g_steal_pointer (&bytes));
}

/* @frame: (nullable) what it was read from, if it has to be written so again. */
static void
look_at_message (AioprocMessage         *message,
                 const AioprocFrameInfo *info,
                 GBytes                 *frame)
{
  g_autoptr(GVariant) body = aioproc_message_dup_body (message);
  g_autoptr(AioprocMessage) derived = NULL;
  g_autoptr(AioprocFrame) written = NULL;
  g_autoptr(GBytes) bytes = NULL;
  g_autoptr(GError) error = NULL;
  guint n_handles = aioproc_message_get_n_handles (message);

  g_assert_cmpint (info->kind, <=, AIOPROC_FRAME_LAST);

  if (body != NULL)
    look_at_value (body);

  for (guint i = 0; i < MIN (n_handles, 4); i++)
    look_at_handle (message, i);

  look_at_handle (message, n_handles);
  look_at_handle (message, -1);

  written = aioproc_frame_new (info, message, &error);
  g_assert_no_error (error);
  bytes = flatten (written);

  if (frame != NULL)
    g_assert_true (g_bytes_equal (bytes, frame));

  derived = aioproc_message_derive (message, NULL);
  aioproc_message_truncate (derived, n_handles / 2);
  g_assert_cmpuint (aioproc_message_get_n_handles (derived), ==, n_handles / 2);
}

static void
assert_frame_error (GError *error)
{
  g_assert_nonnull (error);

  if (!g_error_matches (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA) &&
      !g_error_matches (error, G_IO_ERROR, G_IO_ERROR_PARTIAL_INPUT) &&
      !g_error_matches (error, G_IO_ERROR, G_IO_ERROR_MESSAGE_TOO_LARGE))
    g_error ("Unexpected error: %s", error->message);
}

static void
fuzz_frame (FuzzInput *input)
{
  guint n_fds = fuzz_input_take_byte (input) % (MAX_FDS + 1);
  g_autoptr(AioprocMessage) message = NULL;
  g_autoptr(GBytes) frame = NULL;
  g_autoptr(GError) error = NULL;
  AioprocFrameInfo info;
  int fds[MAX_FDS];

  take_fds (input, fds, n_fds);
  frame = fuzz_frame_take (input, n_fds);

  if (aioproc_frame_parse (frame, fds, n_fds, MAX_LENGTH, &info, &message, &error))
    {
      g_assert_no_error (error);
      look_at_message (message, &info, n_fds == 0 ? frame : NULL);
    }
  else
    {
      g_assert_null (message);
      assert_frame_error (error);
    }
}

/* What is there to be read. FALSE: nothing more will come. */
static gboolean
read_messages (AioprocFrameReader *reader)
{
  for (;;)
    {
      g_autoptr(AioprocMessage) message = NULL;
      g_autoptr(GError) error = NULL;
      AioprocFrameInfo info;

      switch (aioproc_frame_reader_read (reader, TRUE, &info, &message, &error))
        {
        case AIOPROC_IO_OK:
          look_at_message (message, &info, NULL);
          break;

        case AIOPROC_IO_AGAIN:
          return TRUE;

        case AIOPROC_IO_ERROR:
          assert_frame_error (error);
          return FALSE;

        case AIOPROC_IO_EOF:
        default:
          return FALSE;
        }
    }
}

static void
send_piece (int            socket_fd,
            const guint8  *data,
            gsize          length,
            const int     *fds,
            guint          n_fds)
{
  while (length > 0)
    {
      gsize n_done;

      if (aioproc_fds_send (socket_fd, data, length, fds, n_fds, TRUE, &n_done, NULL) !=
          AIOPROC_IO_OK)
        return;

      data += n_done;
      length -= n_done;
      n_fds = 0;
    }
}

/* Two frames on one stream, of which each begins with its descriptors, in pieces. */
static void
fuzz_stream (FuzzInput *input)
{
  g_autoptr(AioprocFrameReader) reader = NULL;
  gsize cuts[2];
  int sockets[2];
  gboolean more = TRUE;

  cuts[0] = fuzz_input_take_byte (input);
  cuts[1] = fuzz_input_take_byte (input) * 4;
  g_assert_true (aioproc_fds_socketpair (SOCK_STREAM, sockets, NULL));
  reader = aioproc_frame_reader_new (sockets[1], MAX_LENGTH);

  for (guint i = 0; i < 2 && more; i++)
    {
      guint8 how = fuzz_input_take_byte (input);
      guint n_fds = how % (MAX_FDS + 1);
      gsize length = fuzz_input_take_uint16 (input);
      FuzzInput part = { input->data, MIN (length, input->left) };
      g_autoptr(GBytes) frame = NULL;
      const guint8 *data;
      int fds[MAX_FDS];
      gsize cut;

      input->data += part.left;
      input->left -= part.left;
      take_fds (&part, fds, n_fds);
      frame = fuzz_frame_take (&part, n_fds);
      data = g_bytes_get_data (frame, &length);
      cut = MIN (cuts[i], length);

      /* Who reads ahead may find several pieces at once. */
      aioproc_frame_reader_set_reads_ahead (reader, (how & 128) != 0);
      send_piece (sockets[0], data, cut, fds, n_fds);
      more = (how & 64) != 0 || read_messages (reader);
      send_piece (sockets[0], data + cut, length - cut, fds, cut > 0 ? 0 : n_fds);
      aioproc_fds_close_all (fds, n_fds);
      more = more && ((how & 32) != 0 || read_messages (reader));
    }

  close (sockets[0]);
  read_messages (reader);
  close (sockets[1]);
}

int
LLVMFuzzerTestOneInput (const guint8 *data,
                        gsize         size)
{
  FuzzInput input = { data, size };
  int next_fd;

  make_samples ();
  next_fd = find_next_fd ();

  switch (fuzz_input_take_byte (&input) % 4)
    {
    case 0:
      fuzz_frame (&input);
      break;

    case 1:
      fuzz_stream (&input);
      break;

    case 2:
      fuzz_value (&input);
      break;

    default:
      fuzz_scan (&input);
      break;
    }

  g_assert_cmpint (find_next_fd (), ==, next_fd);

  return 0;
}
