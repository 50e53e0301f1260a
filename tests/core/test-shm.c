/* test-shm.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "aioproc-test.h"
#include "core-test.h"
#include "core/aioproc-shm-private.h"
#include "platform/aioproc-fds-private.h"
#include "platform/aioproc-memfd-private.h"
#include "platform/platform-test.h"

/* What the tests know of the header. */
#define OFFSET_VERSION    4
#define OFFSET_KIND       8
#define OFFSET_STATE_SIZE 24
#define OFFSET_ID         32
#define OFFSET_FAMILY_ID  48
#define OFFSET_NAME       64
#define ALL_SEALS         (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)

static AioprocShm *
new_shm (const char *name,
         gsize       state_size,
         guint64     reservation)
{
  g_autoptr(GError) error = NULL;
  AioprocShm *shm = aioproc_shm_new (AIOPROC_SHM_EVENT, name, state_size, reservation, &error);

  g_assert_no_error (error);
  g_assert_nonnull (shm);

  return shm;
}

static int
dup_fd (int fd)
{
  g_autoptr(GError) error = NULL;
  int copy = aioproc_fds_dup (fd, &error);

  g_assert_no_error (error);

  return copy;
}

static void
test_shm_new (void)
{
  g_autoptr(AioprocShm) shm = NULL;
  g_autoptr(AioprocShm) other = NULL;
  AioprocFamily *family;
  const guint8 *state;

  g_test_summary ("New memory is zero, mapped, sealed, of the default family, and unique");

  shm = new_shm ("first", 100, 0);
  family = core_test_get_family ();
  g_assert_true (aioproc_shm_get_family (shm) == family);
  g_assert_cmphex (aioproc_family_get_owner (family), !=, 0);
  g_assert_cmpint (aioproc_shm_get_kind (shm), ==, AIOPROC_SHM_EVENT);
  g_assert_cmpstr (aioproc_shm_get_name (shm), ==, "first");
  g_assert_cmpstr (aioproc_shm_describe (shm), ==, "event “first”");
  g_assert_cmpuint (aioproc_shm_get_size (shm), ==, sysconf (_SC_PAGESIZE));
  g_assert_cmpuint (aioproc_shm_get_mapped_size (shm), ==, sysconf (_SC_PAGESIZE));
  g_assert_cmpint (fcntl (aioproc_shm_get_fd (shm), F_GET_SEALS) & ALL_SEALS, ==, ALL_SEALS);
  g_assert_cmpint (fcntl (aioproc_shm_get_fd (shm), F_GETFD), ==, FD_CLOEXEC);

  state = aioproc_shm_get_state (shm);
  g_assert_true (state == (guint8 *) aioproc_shm_get_base (shm) + AIOPROC_SHM_HEADER_SIZE);

  for (guint i = 0; i < 100; i++)
    g_assert_cmphex (state[i], ==, 0);

  other = new_shm (NULL, 100, 0);
  g_assert_null (aioproc_shm_get_name (other));
  g_assert_cmpstr (aioproc_shm_describe (other), ==, "event");
  g_assert_cmpmem (aioproc_shm_get_id (shm), AIOPROC_ID_LENGTH,
                   aioproc_shm_get_id (shm), AIOPROC_ID_LENGTH);
  g_assert_cmpint (memcmp (aioproc_shm_get_id (shm), aioproc_shm_get_id (other),
                           AIOPROC_ID_LENGTH), !=, 0);
}

static void
test_shm_seals (void)
{
  g_autoptr(AioprocShm) shm = new_shm (NULL, 100, 0);
  int fd = aioproc_shm_get_fd (shm);

  g_test_summary ("Nobody can change the size of an object's memory, or what is sealed");

  g_assert_cmpint (ftruncate (fd, 0), ==, -1);
  g_assert_cmpint (errno, ==, EPERM);
  g_assert_cmpint (ftruncate (fd, 1024 * 1024), ==, -1);
  g_assert_cmpint (errno, ==, EPERM);
  g_assert_cmpint (fcntl (fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE), ==, -1);
  g_assert_cmpint (errno, ==, EPERM);
}

static void
test_shm_reservation (void)
{
  g_autoptr(AioprocShm) shm = new_shm (NULL, 5000, G_GUINT64_CONSTANT (4) << 30);
  g_autoptr(AioprocShm) peer = NULL;
  g_autoptr(GError) error = NULL;
  gsize offset = 1024 * 1024 * 1024;
  guint8 *base = aioproc_shm_get_base (shm);

  g_test_summary ("A reservation is mapped at once, and usable where it was allocated");

  g_assert_cmpuint (aioproc_shm_get_size (shm), ==, G_GUINT64_CONSTANT (4) << 30);
  g_assert_cmpuint (aioproc_shm_get_mapped_size (shm), ==, aioproc_shm_get_size (shm));
  g_assert_true (aioproc_memfd_reserve (aioproc_shm_get_fd (shm), offset, 4096, &error));
  g_assert_no_error (error);
  base[offset] = 42;

  peer = aioproc_shm_new_for_fd (AIOPROC_SHM_EVENT, dup_fd (aioproc_shm_get_fd (shm)), 5000,
                                 &error);
  g_assert_no_error (error);
  g_assert_cmpuint (aioproc_shm_get_size (peer), ==, aioproc_shm_get_size (shm));
  g_assert_cmpuint (((guint8 *) aioproc_shm_get_base (peer))[offset], ==, 42);
}

#if defined (__SANITIZE_ADDRESS__) || defined (__SANITIZE_THREAD__)
# define HAS_SANITIZER 1
#elif defined (__has_feature)
# if __has_feature (address_sanitizer) || __has_feature (thread_sanitizer)
#  define HAS_SANITIZER 1
# endif
#endif

/* A sanitizer needs the address space. */
#ifndef HAS_SANITIZER
#define MORE_SPACE (64 * 1024 * 1024)

static int
limited_run (gpointer user_data)
{
  g_autoptr(AioprocShm) shm = NULL;
  g_autoptr(GError) error = NULL;
  g_autofree char *statm = NULL;
  struct rlimit limit;

  core_test_attach (core_test_get_family ());
  g_assert_true (g_file_get_contents ("/proc/self/statm", &statm, NULL, NULL));
  limit.rlim_cur = g_ascii_strtoull (statm, NULL, 10) * sysconf (_SC_PAGESIZE) + MORE_SPACE;
  limit.rlim_max = limit.rlim_cur;
  g_assert_no_errno (setrlimit (RLIMIT_AS, &limit));
  shm = new_shm (NULL, 5000, G_GUINT64_CONSTANT (16) << 30);
  g_assert_cmpuint (aioproc_shm_get_size (shm), ==, G_GUINT64_CONSTANT (16) << 30);
  g_assert_cmpuint (aioproc_shm_get_mapped_size (shm), >=, 16 * 1024 * 1024);
  g_assert_cmpuint (aioproc_shm_get_mapped_size (shm), <=, MORE_SPACE);

  /* What has to be there all at once. */
  g_assert_null (aioproc_shm_new (AIOPROC_SHM_EVENT, "big", 2 * MORE_SPACE, 0, &error));
  g_assert_nonnull (error);

  return 0;
}

static void
test_shm_limited (void)
{
  g_test_summary ("Where address space is limited, as much of a reservation is mapped as can be");

  core_test_get_family ();
  platform_test_wait_success (platform_test_fork (limited_run, NULL));
}
#endif

static void
test_shm_received (void)
{
  g_autoptr(AioprocShm) shm = new_shm ("sent", 100, 0);
  g_autoptr(AioprocShm) peer = NULL;
  g_autoptr(GError) error = NULL;

  g_test_summary ("Memory that was received is the same memory, with the same identity");

  peer = aioproc_shm_new_for_fd (AIOPROC_SHM_EVENT, dup_fd (aioproc_shm_get_fd (shm)), 100,
                                 &error);
  g_assert_no_error (error);
  g_assert_cmpmem (aioproc_shm_get_id (shm), AIOPROC_ID_LENGTH,
                   aioproc_shm_get_id (peer), AIOPROC_ID_LENGTH);
  g_assert_cmpstr (aioproc_shm_get_name (peer), ==, "sent");
  g_assert_cmpstr (aioproc_shm_describe (peer), ==, "event “sent”");
  g_assert_true (aioproc_shm_get_family (peer) == aioproc_shm_get_family (shm));
  ((guint8 *) aioproc_shm_get_state (shm))[99] = 7;
  g_assert_cmpuint (((guint8 *) aioproc_shm_get_state (peer))[99], ==, 7);
}

/* Memory with a copy of @shm's header, and @bytes at @offset. */
static int
new_copy (AioprocShm *shm,
          gsize       size,
          gsize       offset,
          const char *bytes,
          int         seals)
{
  g_autoptr(GError) error = NULL;
  int fd = aioproc_memfd_new ("not an object", size, &error);
  gsize n_copied = MIN (size, AIOPROC_SHM_HEADER_SIZE);

  g_assert_no_error (error);
  g_assert_cmpint (pwrite (fd, aioproc_shm_get_base (shm), n_copied, 0), ==, n_copied);

  if (bytes != NULL)
    g_assert_cmpint (pwrite (fd, bytes, strlen (bytes), offset), ==, strlen (bytes));

  g_assert_no_errno (fcntl (fd, F_ADD_SEALS, seals));

  return fd;
}

static void
test_shm_garbled (void)
{
  g_autoptr(AioprocShm) shm = new_shm ("original", 100, 0);
  guint n_fds = aioproc_test_count_fds ();
  const int fds[] = {
    open ("/dev/zero", O_RDWR | O_CLOEXEC),
    new_copy (shm, 4096, 0, NULL, F_SEAL_SHRINK),
    new_copy (shm, 4096, 0, NULL, F_SEAL_GROW | F_SEAL_SEAL),
    new_copy (shm, 0, 0, NULL, ALL_SEALS),
    new_copy (shm, AIOPROC_SHM_HEADER_SIZE + 99, 0, NULL, ALL_SEALS),
    new_copy (shm, 4096, 0, "no", ALL_SEALS),
    new_copy (shm, 4096, OFFSET_VERSION, "\x7f", ALL_SEALS),
    new_copy (shm, 4096, OFFSET_KIND, "\x7f", ALL_SEALS),
    new_copy (shm, 4096, OFFSET_STATE_SIZE, "\x7f", ALL_SEALS),
    new_copy (shm, 4096, OFFSET_FAMILY_ID, "another's", ALL_SEALS),
    new_copy (shm, 4096, 0, "", ALL_SEALS | F_SEAL_WRITE),
    aioproc_memfd_reopen_readonly (aioproc_shm_get_fd (shm), NULL),
  };

  g_test_summary ("What is not an object's memory is refused, and closed");

  for (guint i = 0; i < G_N_ELEMENTS (fds); i++)
    {
      g_autoptr(GError) error = NULL;

      g_assert_null (aioproc_shm_new_for_fd (AIOPROC_SHM_EVENT, fds[i], 100, &error));
      g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA);
      g_test_message ("%s", error->message);
    }

  g_assert_cmpuint (aioproc_test_count_fds (), ==, n_fds);
}

static void
test_shm_wrong_kind (void)
{
  g_autoptr(AioprocShm) shm = new_shm (NULL, 100, 0);
  g_autoptr(GError) error = NULL;

  g_test_summary ("Memory of another kind, or with a state of another size, is refused");

  g_assert_null (aioproc_shm_new_for_fd (AIOPROC_SHM_LOCK, dup_fd (aioproc_shm_get_fd (shm)), 100,
                                         &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA);
  g_clear_error (&error);
  g_assert_null (aioproc_shm_new_for_fd (AIOPROC_SHM_EVENT, dup_fd (aioproc_shm_get_fd (shm)), 104,
                                         &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA);
}

static void
test_shm_foreign_name (void)
{
  g_autoptr(AioprocShm) shm = new_shm (NULL, 100, 0);
  g_autofree char *name = g_strnfill (AIOPROC_SHM_HEADER_SIZE - OFFSET_NAME, '\xe2');
  g_autoptr(AioprocShm) peer = NULL;
  g_autoptr(GError) error = NULL;

  g_test_summary ("A name that a peer garbled ends, and is UTF-8 nevertheless");

  peer = aioproc_shm_new_for_fd (AIOPROC_SHM_EVENT,
                                 new_copy (shm, 4096, OFFSET_NAME, name, ALL_SEALS), 100, &error);
  g_assert_no_error (error);
  g_assert_true (g_utf8_validate (aioproc_shm_get_name (peer), -1, NULL));
  g_assert_cmpuint (g_utf8_strlen (aioproc_shm_get_name (peer), -1), ==, AIOPROC_SHM_NAME_MAX);
}

static const struct {
  const char *name;
  const char *kept;       /* NULL: all */
} names[] = {
  { "a", NULL },
  { "naïve “ñandú”", NULL },
  { "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", NULL },
  { "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" },
  { "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa€", NULL },
  { "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa€€",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa€" },
  { "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa€",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" },
  { "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaé",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" },
  { "bad \xff\xfe", "bad \xef\xbf\xbd\xef\xbf\xbd" },
  { "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\xff\xff",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" },
};

static void
test_shm_name (void)
{
  g_autoptr(AioprocShm) empty = new_shm ("", 1, 0);

  g_test_summary ("A name is cut at a character, and the same in every process");

  g_assert_null (aioproc_shm_get_name (empty));

  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autoptr(AioprocShm) shm = new_shm (names[i].name, 1, 0);
      g_autoptr(AioprocShm) peer = NULL;
      g_autoptr(GError) error = NULL;
      const char *kept = names[i].kept != NULL ? names[i].kept : names[i].name;

      peer = aioproc_shm_new_for_fd (AIOPROC_SHM_EVENT, dup_fd (aioproc_shm_get_fd (shm)), 1,
                                     &error);
      g_assert_no_error (error);
      g_assert_cmpstr (aioproc_shm_get_name (shm), ==, kept);
      g_assert_cmpstr (aioproc_shm_get_name (peer), ==, kept);
    }
}

static int
no_descriptors_run (gpointer user_data)
{
  g_autoptr(GError) error = NULL;

  core_test_attach (core_test_get_family ());
  platform_test_leave_fds (0);
  g_assert_null (aioproc_shm_new (AIOPROC_SHM_EVENT, "late", 100, 0, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TOO_MANY_OPEN_FILES);

  return 0;
}

static void
test_shm_no_descriptor (void)
{
  g_test_summary ("Where no descriptor is left, there is an error");

  core_test_get_family ();
  platform_test_wait_success (platform_test_fork (no_descriptors_run, NULL));
}

int
main (int   argc,
      char *argv[])
{
  core_test_init (&argc, &argv);

  aioproc_test_add_func ("/aioproc/shm/new", test_shm_new);
  aioproc_test_add_func ("/aioproc/shm/seals", test_shm_seals);
  aioproc_test_add_func ("/aioproc/shm/reservation", test_shm_reservation);
#ifndef HAS_SANITIZER
  aioproc_test_add_func ("/aioproc/shm/limited", test_shm_limited);
#endif
  aioproc_test_add_func ("/aioproc/shm/received", test_shm_received);
  aioproc_test_add_func ("/aioproc/shm/garbled", test_shm_garbled);
  aioproc_test_add_func ("/aioproc/shm/wrong-kind", test_shm_wrong_kind);
  aioproc_test_add_func ("/aioproc/shm/foreign-name", test_shm_foreign_name);
  aioproc_test_add_func ("/aioproc/shm/name", test_shm_name);
  aioproc_test_add_func ("/aioproc/shm/no-descriptor", test_shm_no_descriptor);

  return g_test_run ();
}
