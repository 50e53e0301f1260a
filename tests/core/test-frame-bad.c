/* test-frame-bad.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <sys/resource.h>
#include <sys/socket.h>

#include "core/aioproc-message-private.h"
#include "core/aioproc-sealed-bytes-private.h"
#include "core/aioproc-shareable-private.h"
#include "platform/aioproc-memfd-private.h"

#include "aioproc-test-frame.h"
#include "aioproc-test.h"

#define ALL_SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL)

/* A frame, and what is wrong with it: the numbers of its header are those that they have to be,
 * plus what is added here.
 */
typedef struct {
  guint32          magic_added;
  guint16          kind;
  guint16          n_fds_added;
  guint32          reserved_added;
  guint32          n_parts_added;
  guint32          body_added;
  guint64          length_added;
  const char      *body;          /* with its type */
  gsize            body_length;
  guint            n_parts;
  AioprocFramePart parts[4];
} Nonsense;

static GBytes *
build (const Nonsense *nonsense,
       guint           n_fds)
{
  static const guint8 zeros[8] = { 0 };
  gsize padding = AIOPROC_FRAME_ALIGN (nonsense->body_length) - nonsense->body_length;
  GByteArray *bytes = g_byte_array_new ();
  AioprocFrameHeader header = { 0 };

  header.magic = GUINT32_TO_LE (AIOPROC_FRAME_MAGIC + nonsense->magic_added);
  header.kind = GUINT16_TO_LE (nonsense->kind);
  header.n_fds = GUINT16_TO_LE ((guint16) (n_fds + nonsense->n_fds_added));
  header.reserved = GUINT32_TO_LE (nonsense->reserved_added);
  header.n_parts = GUINT32_TO_LE (nonsense->n_parts + nonsense->n_parts_added);
  header.body_length = GUINT32_TO_LE ((guint32) nonsense->body_length + nonsense->body_added);
  header.length = GUINT64_TO_LE (nonsense->n_parts * 16 + nonsense->body_length + padding +
                                 nonsense->length_added);
  g_byte_array_append (bytes, (const guint8 *) &header, sizeof header);

  for (guint i = 0; i < nonsense->n_parts; i++)
    {
      AioprocFramePart part = nonsense->parts[i];

      part.type = GUINT16_TO_LE (part.type);
      part.n_fds = GUINT16_TO_LE (part.n_fds);
      part.object_kind = GUINT32_TO_LE (part.object_kind);
      part.size = GUINT64_TO_LE (part.size);
      g_byte_array_append (bytes, (const guint8 *) &part, sizeof part);
    }

  if (nonsense->body_length > 0)
    g_byte_array_append (bytes, (const guint8 *) nonsense->body, nonsense->body_length);

  g_byte_array_append (bytes, zeros, padding);

  return g_byte_array_free_to_bytes (bytes);
}

/* Sends bytes and duplicates of descriptors to a reader, which has to answer with @code and to
 * leave no descriptor behind.
 */
static void
assert_read_error_limited (GBytes    *bytes,
                           const int *fds,
                           guint      n_fds,
                           guint64    max_length,
                           int        code)
{
  guint n_before = aioproc_test_count_fds ();
  g_autoptr(AioprocFrameReader) reader = NULL;
  g_autoptr(AioprocMessage) message = NULL;
  g_autoptr(GError) error = NULL;
  AioprocFrameInfo info;
  int sockets[2];

  g_assert_true (aioproc_fds_socketpair (SOCK_STREAM, sockets, &error));
  reader = aioproc_frame_reader_new (sockets[1], max_length);
  aioproc_test_frame_send_raw (sockets[0], g_bytes_get_data (bytes, NULL),
                               g_bytes_get_size (bytes), fds, n_fds);
  aioproc_fds_close_all (sockets, 1);

  for (int i = 0; i < 2; i++)
    {
      g_assert_cmpint (aioproc_frame_reader_read (reader, FALSE, &info, &message, &error), ==,
                       AIOPROC_IO_ERROR);
      g_assert_error (error, G_IO_ERROR, code);
      g_assert_null (message);
      g_clear_error (&error);
    }

  aioproc_fds_close_all (sockets, 2);
  g_assert_cmpuint (aioproc_test_count_fds (), ==, n_before);
}

static void
assert_read_error (GBytes    *bytes,
                   const int *fds,
                   guint      n_fds,
                   int        code)
{
  assert_read_error_limited (bytes, fds, n_fds, G_MAXUINT64, code);
}

static void
assert_nonsense (const Nonsense *nonsense,
                 const int      *fds,
                 guint           n_fds)
{
  g_autoptr(GBytes) bytes = build (nonsense, n_fds);

  assert_read_error (bytes, fds, n_fds, G_IO_ERROR_INVALID_DATA);
}

static void
test_bad_header (void)
{
  static const Nonsense cases[] = {
    { .magic_added = 1 },
    { .magic_added = 1u << 24 },
    { .magic_added = 0u - AIOPROC_FRAME_MAGIC },
    { .reserved_added = 1 },
    { .reserved_added = 0x80000000 },
    { .kind = AIOPROC_FRAME_LAST + 1 },
    { .kind = 0xffff },
    { .n_fds_added = 1 },
    { .n_fds_added = AIOPROC_FDS_MAX + 1 },
    { .n_fds_added = 0xffff },
    { .n_parts_added = 1 },
    { .n_parts_added = AIOPROC_FRAME_MAX_PARTS + 1 },
    { .n_parts_added = G_MAXUINT32 },
    { .n_parts_added = 1u << 28 },         /* times 16 is 2^32 */
    { .body_added = 1 },
    { .body_added = G_MAXUINT32 },
    { .length_added = 8 },                 /* and no part that could have them */
    { .length_added = 1 },
  };

  g_test_summary ("A header that cannot be is refused by itself");

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    assert_nonsense (&cases[i], NULL, 0);
}

static void
test_bad_length (void)
{
  static const guint64 lengths[] = {
    AIOPROC_FRAME_MAX_LENGTH + 1, G_GUINT64_CONSTANT (1) << 32, G_GUINT64_CONSTANT (1) << 62,
    G_MAXUINT64, G_MAXUINT64 - 31, G_MAXINT64,
  };
  Nonsense nonsense = { 0 };
  g_autoptr(GBytes) limited = NULL;

  g_test_summary ("A huge length is refused before anything is allocated");

  for (gsize i = 0; i < G_N_ELEMENTS (lengths); i++)
    {
      g_autoptr(GBytes) bytes = NULL;

      nonsense.length_added = lengths[i];
      bytes = build (&nonsense, 0);
      assert_read_error (bytes, NULL, 0, G_IO_ERROR_MESSAGE_TOO_LARGE);
    }

  /* The largest that is possible is only an announcement, until it comes. */
  nonsense.length_added = AIOPROC_FRAME_MAX_LENGTH - 16;
  nonsense.n_parts = 1;
  nonsense.parts[0].type = AIOPROC_FRAME_PART_INLINE;
  nonsense.parts[0].size = nonsense.length_added;
  limited = build (&nonsense, 0);
  assert_read_error (limited, NULL, 0, G_IO_ERROR_PARTIAL_INPUT);
  assert_read_error_limited (limited, NULL, 0, AIOPROC_FRAME_MAX_LENGTH - 1,
                             G_IO_ERROR_MESSAGE_TOO_LARGE);
}

static void
test_limit (void)
{
  g_autoptr(GBytes) bytes = NULL;
  const Nonsense sense = { .body = "y\0\0\0\0\0\0\0\1", .body_length = 9 };
  g_autoptr(AioprocFrameReader) reader = NULL;
  g_autoptr(AioprocMessage) message = NULL;
  g_autoptr(GError) error = NULL;
  AioprocFrameInfo info;
  int sockets[2];

  g_test_summary ("A frame of the length that the reader allows is read, a longer one is not");

  bytes = build (&sense, 0);
  assert_read_error_limited (bytes, NULL, 0, 15, G_IO_ERROR_MESSAGE_TOO_LARGE);
  assert_read_error_limited (bytes, NULL, 0, 0, G_IO_ERROR_MESSAGE_TOO_LARGE);

  g_assert_true (aioproc_fds_socketpair (SOCK_STREAM, sockets, &error));
  reader = aioproc_frame_reader_new (sockets[1], 16);
  aioproc_test_frame_send_raw (sockets[0], g_bytes_get_data (bytes, NULL),
                               g_bytes_get_size (bytes), NULL, 0);
  g_assert_cmpint (aioproc_frame_reader_read (reader, FALSE, &info, &message, &error), ==,
                   AIOPROC_IO_OK);
  g_assert_no_error (error);
  aioproc_fds_close_all (sockets, 2);
}

static void
test_bad_parts (void)
{
  static const struct {
    guint            n_fds;
    AioprocFramePart part;
  } cases[] = {
    /* Types that are none. */
    { 0, { 0, 0, 0, 0 } },
    { 0, { 5, 0, 0, 0 } },
    { 1, { 0xffff, 1, 0, 0 } },
    /* Bytes within the frame. */
    { 1, { AIOPROC_FRAME_PART_INLINE, 1, 0, 0 } },
    { 0, { AIOPROC_FRAME_PART_INLINE, 0, 1, 0 } },
    { 0, { AIOPROC_FRAME_PART_INLINE, 0, 0, 1 } },
    { 0, { AIOPROC_FRAME_PART_INLINE, 0, 0, G_MAXUINT64 } },
    { 0, { AIOPROC_FRAME_PART_INLINE, 0, 0, G_MAXUINT64 - 7 } },
    { 0, { AIOPROC_FRAME_PART_INLINE, 0, 0, G_GUINT64_CONSTANT (1) << 62 } },
    { 0, { AIOPROC_FRAME_PART_INLINE, 0, 0, G_MAXINT64 } },
    /* Sealed bytes. */
    { 0, { AIOPROC_FRAME_PART_SEALED, 0, 0, 1 } },
    { 0, { AIOPROC_FRAME_PART_SEALED, 1, 0, 1 } },
    { 1, { AIOPROC_FRAME_PART_SEALED, 1, 0, 0 } },
    { 1, { AIOPROC_FRAME_PART_SEALED, 1, 1, 1 } },
    { 2, { AIOPROC_FRAME_PART_SEALED, 2, 0, 1 } },
    { 1, { AIOPROC_FRAME_PART_SEALED, 1, 0, 7 } },
    /* Descriptors. */
    { 0, { AIOPROC_FRAME_PART_FD, 0, 0, 0 } },
    { 0, { AIOPROC_FRAME_PART_FD, 1, 0, 0 } },
    { 2, { AIOPROC_FRAME_PART_FD, 2, 0, 0 } },
    { 1, { AIOPROC_FRAME_PART_FD, 1, 1, 0 } },
    { 1, { AIOPROC_FRAME_PART_FD, 1, 0, 1 } },
    { 2, { AIOPROC_FRAME_PART_FD, 1, 0, 0 } },
    /* Objects. */
    { 0, { AIOPROC_FRAME_PART_OBJECT, 0, 1, 0 } },
    { 0, { AIOPROC_FRAME_PART_OBJECT, 1, 1, 0 } },
    { 2, { AIOPROC_FRAME_PART_OBJECT, 2, 0, 0 } },
    { 2, { AIOPROC_FRAME_PART_OBJECT, 2, AIOPROC_SHM_N_KINDS, 0 } },
    { 2, { AIOPROC_FRAME_PART_OBJECT, 2, G_MAXUINT32, 0 } },
    { 2, { AIOPROC_FRAME_PART_OBJECT, 2, 1, 8 } },
    { 5, { AIOPROC_FRAME_PART_OBJECT, 5, 1, 0 } },
    { 2, { AIOPROC_FRAME_PART_OBJECT, 2, 1, 0 } },
    { 1, { AIOPROC_FRAME_PART_OBJECT, 1, 1, 0 } },
    { 4, { AIOPROC_FRAME_PART_OBJECT, 4, 1, 0 } },
    { 3, { AIOPROC_FRAME_PART_OBJECT, 0xffff, 1, 0 } },
  };
  int fds[5];

  g_test_summary ("An entry of the table that cannot be is refused, with all descriptors closed");

  for (gsize i = 0; i < G_N_ELEMENTS (fds); i++)
    fds[i] = aioproc_test_frame_file ("no shared object");

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      Nonsense nonsense = { .n_parts = 1 };

      g_test_message ("Part %" G_GSIZE_FORMAT, i);
      nonsense.parts[0] = cases[i].part;
      assert_nonsense (&nonsense, fds, cases[i].n_fds);

      /* After a part that is as it has to be, and has been taken. */
      if (cases[i].n_fds < G_N_ELEMENTS (fds))
        {
          nonsense.n_parts = 2;
          nonsense.parts[1] = cases[i].part;
          nonsense.parts[0] = (AioprocFramePart) { AIOPROC_FRAME_PART_FD, 1, 0, 0 };
          assert_nonsense (&nonsense, fds, cases[i].n_fds + 1);
        }
    }

  aioproc_fds_close_all (fds, G_N_ELEMENTS (fds));
}

static void
test_bad_body (void)
{
  static const Nonsense cases[] = {
    { .body = "y", .body_length = 1 },
    { .body = "y\0\0\0\0\0\0\0", .body_length = 8 },
    { .body = "y\0\0\0\0\0\0\0\1\1", .body_length = 10 },
    { .body = "y\0\0\0\0\0\0\1\1", .body_length = 9 },
    { .body = "b\0\0\0\0\0\0\0\2", .body_length = 9 },
    { .body = "s\0\0\0\0\0\0\0ab", .body_length = 10 },
    { .body = "z\0\0\0\0\0\0\0\1", .body_length = 9 },
    { .body = "\0\0\0\0\0\0\0\0\1", .body_length = 9 },
    { .body = "v\0\0\0\0\0\0\0\1", .body_length = 9 },
    /* Its padding is not zero. */
    { .body = "y\0\0\0\0\0\0\0\1\1\0\0\0\0\0\0", .body_length = 16,
      .body_added = (guint32) -7 },
  };

  g_test_summary ("A body that is not in order is refused");

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    assert_nonsense (&cases[i], NULL, 0);
}

static void
test_bad_fds (void)
{
  const Nonsense two = {
    .n_fds_added = 2, .n_parts = 2,
    .parts = { { AIOPROC_FRAME_PART_FD, 1, 0, 0 }, { AIOPROC_FRAME_PART_FD, 1, 0, 0 } },
  };
  guint n_before = aioproc_test_count_fds ();
  g_autoptr(GBytes) bytes = build (&two, 0);
  const guint8 *data = g_bytes_get_data (bytes, NULL);
  gsize length = g_bytes_get_size (bytes);
  int fds[4];

  g_test_summary ("Descriptors that are missing, too many or late end the stream");

  for (gsize i = 0; i < G_N_ELEMENTS (fds); i++)
    fds[i] = aioproc_test_frame_file ("content");

  for (guint n_fds = 0; n_fds <= 4; n_fds++)
    if (n_fds != 2)
      assert_read_error (bytes, fds, n_fds, G_IO_ERROR_INVALID_DATA);

  /* Beside a later piece of the frame: the right number in two parts, and too many. */
  for (gsize at = 1; at < length; at++)
    for (guint n_first = at < 32 ? 2 : 1; n_first <= 2; n_first++)
      {
        g_autoptr(AioprocFrameReader) reader = NULL;
        g_autoptr(AioprocMessage) message = NULL;
        g_autoptr(GError) error = NULL;
        AioprocFrameInfo info;
        int sockets[2];

        g_assert_true (aioproc_fds_socketpair (SOCK_STREAM, sockets, &error));
        reader = aioproc_frame_reader_new (sockets[1], G_MAXUINT64);
        aioproc_test_frame_send_raw (sockets[0], data, at, fds, n_first);
        aioproc_test_frame_send_raw (sockets[0], data + at, length - at, fds, 1);
        g_assert_cmpint (aioproc_frame_reader_read (reader, FALSE, &info, &message, &error), ==,
                         AIOPROC_IO_ERROR);
        g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA);
        aioproc_fds_close_all (sockets, 2);
      }

  aioproc_fds_close_all (fds, G_N_ELEMENTS (fds));
  g_assert_cmpuint (aioproc_test_count_fds (), ==, n_before);
}

static void
test_no_fds_left (void)
{
  const Nonsense three = {
    .n_parts = 3,
    .parts = { { AIOPROC_FRAME_PART_FD, 1, 0, 0 }, { AIOPROC_FRAME_PART_FD, 1, 0, 0 },
               { AIOPROC_FRAME_PART_FD, 1, 0, 0 } },
  };
  guint n_before = aioproc_test_count_fds ();
  g_autoptr(GBytes) bytes = build (&three, 3);

  g_test_summary ("Descriptors that this process has no room for end the stream, and none leaks");

  for (int n_free = 0; n_free < 3; n_free++)
    {
      g_autoptr(AioprocFrameReader) reader = NULL;
      g_autoptr(AioprocMessage) message = NULL;
      g_autoptr(GError) error = NULL;
      AioprocFrameInfo info;
      AioprocIOStatus status;
      struct rlimit limit;
      struct rlimit full;
      const int fds[3] = { STDERR_FILENO, STDERR_FILENO, STDERR_FILENO };
      int sockets[2];
      int next;

      g_assert_true (aioproc_fds_socketpair (SOCK_STREAM, sockets, &error));
      reader = aioproc_frame_reader_new (sockets[1], G_MAXUINT64);
      aioproc_test_frame_send_raw (sockets[0], g_bytes_get_data (bytes, NULL),
                                   g_bytes_get_size (bytes), fds, 3);

      next = aioproc_fds_dup (STDERR_FILENO, &error);
      g_assert_no_error (error);
      close (next);
      g_assert_cmpint (getrlimit (RLIMIT_NOFILE, &limit), ==, 0);
      full = limit;
      full.rlim_cur = next + n_free;
      g_assert_cmpint (setrlimit (RLIMIT_NOFILE, &full), ==, 0);
      status = aioproc_frame_reader_read (reader, FALSE, &info, &message, &error);
      g_assert_cmpint (setrlimit (RLIMIT_NOFILE, &limit), ==, 0);

      g_assert_cmpint (status, ==, AIOPROC_IO_ERROR);
      g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA);
      aioproc_fds_close_all (sockets, 2);
      g_assert_cmpuint (aioproc_test_count_fds (), ==, n_before);
    }
}

static void
assert_bad_sealed (int     fd,
                   guint64 size)
{
  const Nonsense nonsense = {
    .n_parts = 1, .parts = { { AIOPROC_FRAME_PART_SEALED, 1, 0, size } },
  };

  g_assert_cmpint (fd, >=, 0);
  assert_nonsense (&nonsense, &fd, 1);
  close (fd);
}

static int
make_memfd (gsize size,
            gsize filled,
            int   seals)
{
  g_autoptr(GBytes) bytes = aioproc_test_frame_pattern (filled);
  g_autoptr(GError) error = NULL;
  int fd;

  fd = aioproc_memfd_new ("aioproc-test", size, &error);
  g_assert_no_error (error);
  g_assert_cmpint (write (fd, g_bytes_get_data (bytes, NULL), filled), ==, filled);
  g_assert_true (aioproc_memfd_seal (fd, seals, &error));

  return fd;
}

static void
test_bad_sealed (void)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(GBytes) good = NULL;
  int pipe_fds[2];
  int fd;

  g_test_summary ("Bytes whose memory may change, or is not as announced, are refused");

  /* The control: with all seals, the size and the pages. */
  fd = make_memfd (100000, 100000, ALL_SEALS);
  good = aioproc_sealed_bytes_map (fd, 100000, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (g_bytes_get_size (good), ==, 100000);
  assert_bad_sealed (fd, 99999);

  assert_bad_sealed (make_memfd (100000, 100000, 0), 100000);
  assert_bad_sealed (make_memfd (100000, 100000, ALL_SEALS & ~F_SEAL_WRITE), 100000);
  assert_bad_sealed (make_memfd (100000, 100000, ALL_SEALS & ~F_SEAL_SHRINK), 100000);
  assert_bad_sealed (make_memfd (100000, 100000, ALL_SEALS & ~F_SEAL_GROW), 100000);
  assert_bad_sealed (make_memfd (100000, 100000, ALL_SEALS), 100001);
  assert_bad_sealed (make_memfd (100000, 100000, ALL_SEALS), G_MAXUINT64);
  assert_bad_sealed (make_memfd (0, 0, ALL_SEALS), 1);

  /* Holes, which the receiver would have to pay for. */
  assert_bad_sealed (make_memfd (100000, 4096, ALL_SEALS), 100000);
  assert_bad_sealed (make_memfd (G_GUINT64_CONSTANT (1) << 40, 4096, ALL_SEALS),
                     G_GUINT64_CONSTANT (1) << 40);

  assert_bad_sealed (open ("/dev/null", O_RDONLY | O_CLOEXEC), 1);
  assert_bad_sealed (open ("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC), 4096);
  assert_bad_sealed (open ("/proc/self/exe", O_RDONLY | O_CLOEXEC), 4096);
  g_assert_cmpint (pipe2 (pipe_fds, O_CLOEXEC), ==, 0);
  assert_bad_sealed (pipe_fds[0], 1);
  assert_bad_sealed (pipe_fds[1], 1);
}

static void
test_sealed_new (void)
{
  g_autoptr(GBytes) bytes = aioproc_test_frame_pattern (100000);
  g_autoptr(GBytes) mapped = NULL;
  g_autoptr(GError) error = NULL;
  guint64 size;
  int fd;

  g_test_summary ("Nobody can change bytes that were sealed");

  fd = aioproc_sealed_bytes_new (g_bytes_get_data (bytes, NULL), 100000, &error);
  g_assert_no_error (error);
  g_assert_true (aioproc_memfd_check (fd, ALL_SEALS, &size, &error));
  g_assert_cmpuint (size, ==, 100000);
  g_assert_cmpint (pwrite (fd, "x", 1, 0), <, 0);
  g_assert_cmpint (ftruncate (fd, 0), <, 0);
  g_assert_false (aioproc_memfd_punch (fd, 0, 4096, NULL));

  mapped = aioproc_sealed_bytes_map (fd, 100000, &error);
  g_assert_no_error (error);
  close (fd);
  g_assert_true (g_bytes_equal (mapped, bytes));
}

static void
test_sealed_file_size_limit (void)
{
  g_autoptr(GBytes) bytes = aioproc_test_frame_pattern (100000);
  g_autoptr(GError) error = NULL;
  struct rlimit limit;
  struct rlimit small;
  guint n_before = aioproc_test_count_fds ();
  int fd;

  g_test_summary ("The file size limit of the process is an error, and no signal");

  g_assert_cmpint (getrlimit (RLIMIT_FSIZE, &limit), ==, 0);
  small = limit;
  small.rlim_cur = 4096;
  g_assert_cmpint (setrlimit (RLIMIT_FSIZE, &small), ==, 0);
  fd = aioproc_sealed_bytes_new (g_bytes_get_data (bytes, NULL), 100000, &error);
  g_assert_cmpint (setrlimit (RLIMIT_FSIZE, &limit), ==, 0);
  g_assert_cmpint (fd, ==, -1);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NO_SPACE);
  g_assert_cmpuint (aioproc_test_count_fds (), ==, n_before);
}

static GBytes *
make_frame (int   *fds,
            guint *n_fds)
{
  const AioprocFrameInfo info = { AIOPROC_FRAME_RESULT, 9 };
  g_autoptr(AioprocMessage) message = NULL;
  g_autoptr(GBytes) small = g_bytes_new_static ("abcdefghijk", 11);
  g_autoptr(GBytes) large = aioproc_test_frame_pattern (AIOPROC_FRAME_SEALED_MIN);
  g_autoptr(GError) error = NULL;

  message = aioproc_message_new (g_variant_new_parsed (
    "('text', [<handle 0>, <{'a': <[1, 2]>}>])"));
  aioproc_message_append_bytes (message, small);
  aioproc_message_take_fd (message, aioproc_test_frame_file ("content"));
  aioproc_message_append_bytes (message, large);
  aioproc_message_append_bytes (message, small);

  return aioproc_test_frame_flatten (aioproc_frame_new (&info, message, &error), fds, n_fds);
}

/* Looks at everything that the message has. */
static void
use_message (AioprocMessage *message)
{
  g_autoptr(GVariant) body = aioproc_message_dup_body (message);

  if (body != NULL)
    {
      g_autofree char *text = g_variant_print (body, TRUE);

      g_assert_nonnull (text);
      g_assert_true (g_variant_is_normal_form (body));
    }

  for (guint i = 0; i < aioproc_message_get_n_handles (message); i++)
    {
      const AioprocPart *part = aioproc_message_peek_part (message, i);
      gsize size;

      switch (part->kind)
        {
        case AIOPROC_PART_BYTES:
          size = g_bytes_get_size (part->bytes);

          if (size > 0)
            {
              const volatile guint8 *data = g_bytes_get_data (part->bytes, NULL);

              (void) (data[0] + data[size / 2] + data[size - 1]);
            }
          break;

        case AIOPROC_PART_FD:
          g_assert_cmpint (fcntl (part->fd, F_GETFD), >=, 0);
          break;

        case AIOPROC_PART_OBJECT:
          g_assert_true (AIOPROC_IS_SHAREABLE (part->object));
          break;

        default:
          g_assert_not_reached ();
        }
    }
}

/* Parses a frame of exactly @length bytes, so that a sanitizer sees each byte read behind it. */
static gboolean
parse_copy (const guint8 *data,
            gsize         length,
            const int    *fds,
            guint         n_fds)
{
  g_autoptr(GBytes) bytes = g_bytes_new (data, length);
  g_autoptr(AioprocMessage) message = NULL;
  g_autoptr(GError) error = NULL;
  AioprocFrameInfo info;
  int copies[AIOPROC_FDS_MAX];

  for (guint i = 0; i < n_fds; i++)
    {
      copies[i] = aioproc_fds_dup (fds[i], &error);
      g_assert_no_error (error);
    }

  if (aioproc_frame_parse (bytes, copies, n_fds, G_MAXUINT64, &info, &message, &error))
    {
      g_assert_no_error (error);
      use_message (message);
      return TRUE;
    }

  g_assert_null (message);
  g_assert_nonnull (error);
  g_assert_cmpuint (error->domain, ==, G_IO_ERROR);

  return FALSE;
}

static void
test_garbled (void)
{
  static const guint8 bytes[] = { 0, 1, 'a', '(', 'v', 0x7f, 0xff };
  int fds[AIOPROC_FDS_MAX];
  guint n_fds;
  g_autoptr(GBytes) frame = make_frame (fds, &n_fds);
  gsize length = g_bytes_get_size (frame);
  g_autofree guint8 *data = g_memdup2 (g_bytes_get_data (frame, NULL), length);
  guint n_before = aioproc_test_count_fds ();
  guint n_valid = 0;

  g_test_summary ("A frame garbled at any bit, or at any byte, is refused or another frame");

  g_assert_true (parse_copy (data, length, fds, n_fds));

  for (gsize at = 0; at < length; at++)
    {
      guint8 right = data[at];

      for (guint bit = 0; bit < 8; bit++)
        {
          data[at] = right ^ (1 << bit);
          n_valid += parse_copy (data, length, fds, n_fds);
        }

      for (gsize i = 0; i < G_N_ELEMENTS (bytes); i++)
        {
          data[at] = bytes[i];
          n_valid += parse_copy (data, length, fds, n_fds);
        }

      data[at] = right;
      g_assert_cmpuint (aioproc_test_count_fds (), ==, n_before);
    }

  /* Letters of the text and the bytes, numbers, the kind, the serial. */
  g_assert_cmpuint (n_valid, >, length);

  for (gsize at = 0; at < length; at++)
    g_assert_false (parse_copy (data, at, fds, n_fds));

  g_assert_cmpuint (aioproc_test_count_fds (), ==, n_before);
  aioproc_fds_close_all (fds, n_fds);
}

static void
test_garbled_at_random (void)
{
  int fds[AIOPROC_FDS_MAX];
  guint n_fds;
  g_autoptr(GBytes) frame = make_frame (fds, &n_fds);
  gsize length = g_bytes_get_size (frame);
  g_autofree guint8 *data = g_malloc (length);
  guint n_before = aioproc_test_count_fds ();

  g_test_summary ("A frame garbled at several places, cut and with other descriptors, never harms");

  for (int round = 0; round < 20000; round++)
    {
      int n_changes = g_test_rand_int_range (1, 6);
      gsize cut = g_test_rand_bit () ? length : (gsize) g_test_rand_int_range (0, length + 1);
      guint n_some = g_test_rand_bit () ? n_fds : (guint) g_test_rand_int_range (0, n_fds + 1);

      memcpy (data, g_bytes_get_data (frame, NULL), length);

      for (int i = 0; i < n_changes; i++)
        {
          gsize at = g_test_rand_int_range (0, length);

          /* Numbers of the header and the table, whole, and bytes of all else. */
          if (g_test_rand_bit () && at + 8 <= length)
            memset (data + (at & ~(gsize) 7), g_test_rand_bit () ? 0xff : 0, 8);
          else
            data[at] = (guint8) g_test_rand_int_range (0, 256);
        }

      /* Past what a header by itself is refused for. */
      if (round % 2 == 0)
        memcpy (data, g_bytes_get_data (frame, NULL), sizeof (AioprocFrameHeader));

      parse_copy (data, cut, fds, n_some);
    }

  g_assert_cmpuint (aioproc_test_count_fds (), ==, n_before);
  aioproc_fds_close_all (fds, n_fds);
}

int
main (int   argc,
      char *argv[])
{
  aioproc_test_init (&argc, &argv);

  aioproc_test_add_func ("/aioproc/frame/bad/header", test_bad_header);
  aioproc_test_add_func ("/aioproc/frame/bad/length", test_bad_length);
  aioproc_test_add_func ("/aioproc/frame/bad/limit", test_limit);
  aioproc_test_add_func ("/aioproc/frame/bad/parts", test_bad_parts);
  aioproc_test_add_func ("/aioproc/frame/bad/body", test_bad_body);
  aioproc_test_add_func ("/aioproc/frame/bad/fds", test_bad_fds);
  aioproc_test_add_func ("/aioproc/frame/bad/no-fds-left", test_no_fds_left);
  aioproc_test_add_func ("/aioproc/frame/bad/sealed", test_bad_sealed);
  aioproc_test_add_func ("/aioproc/frame/bad/garbled", test_garbled);
  aioproc_test_add_func ("/aioproc/frame/bad/garbled-at-random", test_garbled_at_random);
  aioproc_test_add_func ("/aioproc/sealed-bytes/new", test_sealed_new);
  aioproc_test_add_func ("/aioproc/sealed-bytes/file-size-limit", test_sealed_file_size_limit);

  return g_test_run ();
}
