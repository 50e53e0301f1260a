/* test-listener-tls.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* Listeners and clients with TLS: whose certificates are good, and that nobody does without. In the
 * stress suite with figures.
 */

#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include <aioproc.h>

#include "../platform/platform-test.h"
#include "aioproc-test.h"
#include "connection-test.h"
#include "listener-test.h"
#include "tls-certificates.h"

#define KEY "of nobody but these tests, and long"

#ifdef TLS_ALL
# define N_STRANGERS 1000
#else
# define N_STRANGERS 50
#endif

/* What a side has, and what it demands. */
typedef struct {
  const char *certificate;
  gboolean    has_database;
  const char *peer_certificate;
  const char *key;
} Side;

typedef struct {
  const char *name;
  Side        listener;
  Side        client;
} Pair;

static char *ca_path;

static GTlsCertificate *
new_certificate (const char *pem)
{
  g_autoptr(GError) error = NULL;
  GTlsCertificate *certificate;

  if (pem == NULL)
    return NULL;

  certificate = g_tls_certificate_new_from_pem (pem, -1, &error);
  g_assert_no_error (error);

  return certificate;
}

static AioprocSecurity *
new_security_full (const Side *side,
                   gint64      handshake_timeout)
{
  g_autoptr(GTlsCertificate) certificate = new_certificate (side->certificate);
  g_autoptr(GTlsCertificate) peer_certificate = new_certificate (side->peer_certificate);
  g_autoptr(GTlsDatabase) database = NULL;
  g_autoptr(GBytes) key = NULL;
  g_autoptr(GError) error = NULL;

  if (side->has_database)
    database = g_tls_file_database_new (ca_path, &error);

  g_assert_no_error (error);

  if (side->key != NULL)
    key = g_bytes_new_static (side->key, strlen (side->key));

  return g_object_new (AIOPROC_TYPE_SECURITY,
                       "auth-key", key,
                       "handshake-timeout", handshake_timeout,
                       "tls-certificate", certificate,
                       "tls-database", database,
                       "tls-peer-certificate", peer_certificate,
                       NULL);
}

static AioprocSecurity *
new_security (const Side *side)
{
  return new_security_full (side, 5 * G_USEC_PER_SEC);
}

static AioprocListener *
new_listener (AioprocSecurity *security)
{
  g_autoptr(GSocketAddress) address = listener_test_new_tcp ();

  return listener_test_new (address, security);
}

static const Pair good_pairs[] = {
  { "database", { tls_listener_pem, TRUE, NULL, NULL }, { tls_client_pem, TRUE, NULL, NULL } },
  { "database-key", { tls_listener_pem, TRUE, NULL, KEY }, { tls_client_pem, TRUE, NULL, KEY } },
  { "pinned", { tls_stranger_pem, FALSE, tls_client_pem, NULL },
              { tls_client_pem, FALSE, tls_stranger_pem, NULL } },
  { "pinned-key", { tls_stranger_pem, FALSE, tls_client_pem, KEY },
                  { tls_client_pem, FALSE, tls_stranger_pem, KEY } },
  { "both", { tls_listener_pem, TRUE, tls_client_pem, KEY },
            { tls_client_pem, TRUE, tls_listener_pem, KEY } },
};

static void
test_good (gconstpointer data)
{
  const Pair *pair = data;
  g_autoptr(AioprocSecurity) ours = new_security (&pair->listener);
  g_autoptr(AioprocSecurity) theirs = new_security (&pair->client);
  AioprocListener *listener = new_listener (ours);

  g_test_summary ("Who has the right certificate gets in, again and again");

  for (guint i = 0; i < 5; i++)
    {
      AioprocConnection *near, *far;

      listener_test_connect (listener, theirs, &near, &far);
      listener_test_exchange (near, far);
    }

  g_assert_cmpuint (aioproc_listener_get_n_refused (listener), ==, 0);
  g_assert_finalize_object (listener);
}

static const Pair bad_pairs[] = {
  { "stranger-to-listener", { tls_listener_pem, TRUE, NULL, KEY },
                            { tls_stranger_pem, TRUE, NULL, KEY } },
  { "stranger-to-client", { tls_stranger_pem, TRUE, NULL, KEY },
                          { tls_client_pem, TRUE, NULL, KEY } },
  { "wrong-name", { tls_client_pem, TRUE, NULL, KEY }, { tls_listener_pem, TRUE, NULL, KEY } },
  /* Signed by the right one, and not the one. */
  { "not-the-pinned-client", { tls_listener_pem, TRUE, tls_stranger_pem, KEY },
                             { tls_client_pem, TRUE, NULL, KEY } },
  { "not-the-pinned-listener", { tls_listener_pem, TRUE, NULL, KEY },
                               { tls_client_pem, TRUE, tls_stranger_pem, KEY } },
  { "no-tls-in-client", { tls_listener_pem, TRUE, NULL, KEY }, { NULL, FALSE, NULL, KEY } },
  { "no-tls-in-listener", { NULL, FALSE, NULL, KEY }, { tls_client_pem, TRUE, NULL, KEY } },
  { "no-tls-no-key-in-client", { tls_listener_pem, TRUE, NULL, NULL },
                               { NULL, FALSE, NULL, NULL } },
  { "wrong-key", { tls_listener_pem, TRUE, NULL, KEY }, { tls_client_pem, TRUE, NULL, "guessed" } },
  { "no-key-in-client", { tls_listener_pem, TRUE, NULL, KEY },
                        { tls_client_pem, TRUE, NULL, NULL } },
  { "no-key-in-listener", { tls_listener_pem, TRUE, NULL, NULL },
                          { tls_client_pem, TRUE, NULL, KEY } },
};

static void
test_bad (gconstpointer data)
{
  const Pair *pair = data;
  static const Side honest = { tls_client_pem, TRUE, NULL, NULL };
  g_autoptr(AioprocSecurity) ours = new_security (&pair->listener);
  g_autoptr(AioprocSecurity) theirs = new_security (&pair->client);
  g_autoptr(AioprocSecurity) right = NULL;
  AioprocListener *listener = new_listener (ours);
  g_autoptr(AioprocClient) client = aioproc_client_new (theirs);
  GSocketAddress *address = aioproc_listener_get_address (listener);
  Side side = honest;

  g_test_summary ("Who has not, or does without TLS, does not, and disturbs nobody");

  for (guint i = 1; i <= 3; i++)
    {
      g_autoptr(AioprocConnection) connection = NULL;
      g_autoptr(GError) error = NULL;

      connection = aioproc_client_connect_to (client, G_SOCKET_CONNECTABLE (address), -1, NULL,
                                              &error);
      g_assert_null (connection);
      g_assert_nonnull (error);
      g_assert_false (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT));

      while (aioproc_listener_get_n_refused (listener) < i)
        g_thread_yield ();
    }

  if (strstr (pair->name, "client") != NULL && strstr (pair->name, "pinned") == NULL &&
      pair->listener.certificate == tls_listener_pem)
    {
      AioprocConnection *near, *far;

      side.key = pair->listener.key;
      right = new_security (&side);
      listener_test_connect (listener, right, &near, &far);
      listener_test_exchange (near, far);
    }

  g_assert_finalize_object (listener);
}

static void
test_settings (void)
{
  static const Side sides[] = {
    { tls_client_pem, FALSE, NULL, NULL },
    { NULL, TRUE, NULL, NULL },
    { NULL, FALSE, tls_client_pem, NULL },
  };
  static const Side side = { tls_client_pem, TRUE, NULL, NULL };
  g_autoptr(AioprocSecurity) security = new_security (&side);
  g_autoptr(AioprocListener) refused = NULL;
  g_autoptr(AioprocListener) listener = listener_test_new (NULL, NULL);
  g_autoptr(GError) error = NULL;

  g_test_summary ("TLS that verifies nobody is refused, and so is TLS over a Unix socket");

  for (guint i = 0; i < G_N_ELEMENTS (sides); i++)
    {
      g_autoptr(AioprocSecurity) weak = new_security (&sides[i]);

      refused = aioproc_listener_new (NULL, weak, &error);
      g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT);
      g_clear_error (&error);
      listener_test_fail (listener, weak, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT);
    }

  refused = aioproc_listener_new (NULL, security, &error);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED);
  g_assert_null (refused);
  listener_test_fail (listener, security, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED);
}

static void
test_beyond (void)
{
  static const Side side = { tls_listener_pem, TRUE, NULL, NULL };
  g_autoptr(AioprocSecurity) security = new_security (&side);
  g_autoptr(GSocketAddress) everywhere = g_inet_socket_address_new_from_string ("0.0.0.0", 0);
  g_autoptr(GSocketConnectable) name = NULL;
  g_autoptr(AioprocClient) client = aioproc_client_new (security);
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(GError) error = NULL;
  AioprocConnection *ours, *theirs;
  AioprocListener *listener;

  g_test_summary ("With TLS a listener may listen to other machines, and is known by its name");

  listener = listener_test_new (everywhere, security);
  name = g_network_address_new ("localhost", g_inet_socket_address_get_port (
    G_INET_SOCKET_ADDRESS (aioproc_listener_get_address (listener))));
  aioproc_client_connect_to_async (client, name, -1, NULL, aioproc_test_store_result, &result);
  ours = aioproc_listener_accept (listener, -1, NULL, &error);
  g_assert_no_error (error);
  aioproc_test_wait (&result);
  theirs = aioproc_client_connect_to_finish (client, result, &error);
  g_assert_no_error (error);
  listener_test_exchange (ours, theirs);
  g_assert_finalize_object (listener);
}

/* All of what a client of TLS says first. Nothing of it is open any more, in any thread. */
static GBytes *
record_hello (void)
{
  g_autoptr(GSocket) socket = NULL;
  g_autoptr(GSocketConnection) base = NULL;
  g_autoptr(GIOStream) stream = NULL;
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(GError) error = NULL;
  g_autofree guint8 *data = g_malloc (5 + 65535);
  gsize length;
  guint8 byte;
  int fds[2];

  g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
  socket = g_socket_new_from_fd (fds[0], &error);
  g_assert_no_error (error);
  base = g_socket_connection_factory_create_connection (socket);
  stream = g_tls_client_connection_new (G_IO_STREAM (base), NULL, &error);
  g_assert_no_error (error);
  g_tls_connection_handshake_async (G_TLS_CONNECTION (stream), G_PRIORITY_DEFAULT, NULL,
                                    aioproc_test_store_result, &result);

  /* A record: five bytes, of which the last two are the length of the rest. */
  g_assert_cmpint (recv (fds[1], data, 5, MSG_WAITALL), ==, 5);
  length = ((gsize) data[3] << 8) + data[4];
  g_assert_cmpint (recv (fds[1], data + 5, length, MSG_WAITALL), ==, (gssize) length);

  g_assert_cmpint (shutdown (fds[1], SHUT_WR), ==, 0);
  aioproc_test_wait (&result);
  g_assert_false (g_tls_connection_handshake_finish (G_TLS_CONNECTION (stream), result, NULL));
  g_clear_object (&result);
  g_clear_object (&stream);
  g_clear_object (&base);
  g_clear_object (&socket);

  /* A thread of GIO may keep them for a moment. */
  while (recv (fds[1], &byte, 1, 0) > 0)
    ;

  close (fds[1]);

  return g_bytes_new (data, 5 + length);
}

static void
send_hello (int     fd,
            GBytes *hello)
{
  gsize length;
  gconstpointer data = g_bytes_get_data (hello, &length);

  g_assert_cmpint (send (fd, data, length, MSG_NOSIGNAL), ==, (gssize) length);
}

/* One who says hello, and no more, when there is one descriptor: for the socket that it is. */
static void
fail_without_descriptors (AioprocListener *listener,
                          int              code)
{
  g_autoptr(GBytes) hello = record_hello ();
  guint64 n_refused = aioproc_listener_get_n_refused (listener);
  int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  struct rlimit saved;

  g_assert_cmpint (fd, >=, 0);
  g_assert_cmpint (getrlimit (RLIMIT_NOFILE, &saved), ==, 0);
  platform_test_leave_fds (1);
  listener_test_connect_by (listener, fd);
  send_hello (fd, hello);
  listener_test_wait_refused (listener, n_refused + 1, G_IO_ERROR, code);
  g_assert_cmpint (setrlimit (RLIMIT_NOFILE, &saved), ==, 0);
  close (fd);
}

static void
test_descriptors (void)
{
  /* Without a database, which is read from a file. */
  static const Side near = { tls_stranger_pem, FALSE, tls_client_pem, KEY };
  static const Side far = { tls_client_pem, FALSE, tls_stranger_pem, KEY };
  g_autoptr(AioprocSecurity) impatient = new_security_full (&near, G_USEC_PER_SEC / 5);
  g_autoptr(AioprocSecurity) ours_security = new_security (&near);
  g_autoptr(AioprocSecurity) theirs_security = new_security (&far);
  AioprocListener *refusing = new_listener (impatient);
  AioprocListener *listener = new_listener (ours_security);
  AioprocConnection *ours, *theirs;

  g_test_summary ("A handshake of TLS needs no descriptor but that of its socket, and has an end");

  for (guint i = 0; i < 3; i++)
    fail_without_descriptors (refusing, G_IO_ERROR_TIMED_OUT);

  listener_test_connect (listener, theirs_security, &ours, &theirs);
  listener_test_exchange (ours, theirs);
  g_assert_finalize_object (refusing);
  g_assert_finalize_object (listener);
}

static void
test_descriptors_database (void)
{
  static const Side side = { tls_listener_pem, TRUE, NULL, KEY };
  g_autoptr(AioprocSecurity) security = new_security (&side);
  AioprocListener *listener = new_listener (security);
  AioprocConnection *ours, *theirs;

  g_test_summary ("Where a database cannot be read for lack of a descriptor, that is the error");

  fail_without_descriptors (listener, G_IO_ERROR_TOO_MANY_OPEN_FILES);
  listener_test_connect (listener, security, &ours, &theirs);
  listener_test_exchange (ours, theirs);
  g_assert_finalize_object (listener);
}

static void
test_silent (void)
{
  static const Side side = { tls_listener_pem, TRUE, NULL, KEY };
  /* The first bytes of a record of a handshake, which says that there is more. */
  const guint8 begin[] = { 22, 3, 1, 2, 0, 1, 0 };
  g_autoptr(AioprocSecurity) security = new_security (&side);
  AioprocListener *listener = new_listener (security);
  AioprocConnection *ours, *theirs;
  int fds[40];

  g_test_summary ("Who says nothing, or not all of a hello, keeps no thread and no one waiting");

  for (guint i = 0; i < G_N_ELEMENTS (fds); i++)
    {
      fds[i] = listener_test_connect_raw (listener);
      g_assert_cmpint (send (fds[i], begin, i % sizeof begin, MSG_NOSIGNAL), ==,
                       (gssize) (i % sizeof begin));
    }

  listener_test_connect (listener, security, &ours, &theirs);
  listener_test_exchange (ours, theirs);

  for (guint i = 0; i < G_N_ELEMENTS (fds); i++)
    close (fds[i]);

  listener_test_wait_refused (listener, G_N_ELEMENTS (fds), G_IO_ERROR,
                              G_IO_ERROR_CONNECTION_CLOSED);
  g_assert_finalize_object (listener);
}

/* The other end of a socket, in this process; -1: there is none. */
static int
find_peer (int fd)
{
  struct sockaddr_storage ours, theirs;
  socklen_t ours_length = sizeof ours;

  g_assert_cmpint (getsockname (fd, (struct sockaddr *) &ours, &ours_length), ==, 0);

  for (int peer = 0; peer < 1024; peer++)
    {
      socklen_t theirs_length = sizeof theirs;

      if (peer != fd && getpeername (peer, (struct sockaddr *) &theirs, &theirs_length) == 0 &&
          theirs_length == ours_length && memcmp (&ours, &theirs, ours_length) == 0)
        return peer;
    }

  return -1;
}

/* As many as it has been waiting for have come by @fd, whether they have or not. */
static void
pretend_readable (int fd,
                  int length)
{
  const int at_all = 1;
  int wanted = -1;

  while (wanted != length)
    {
      socklen_t size = sizeof wanted;
      int peer = find_peer (fd);

      /* Not taken yet. */
      if (peer < 0)
        continue;

      g_assert_cmpint (getsockopt (peer, SOL_SOCKET, SO_RCVLOWAT, &wanted, &size), ==, 0);

      if (wanted == length)
        g_assert_cmpint (setsockopt (peer, SOL_SOCKET, SO_RCVLOWAT, &at_all, sizeof at_all), ==, 0);
    }
}

static void
test_early (void)
{
  static const Side side = { tls_listener_pem, TRUE, NULL, KEY };
  g_autoptr(AioprocSecurity) security = new_security_full (&side, G_MAXINT64);
  g_autoptr(GBytes) hello = record_hello ();
  AioprocListener *listener = new_listener (security);
  int fd = listener_test_connect_raw (listener);
  const guint8 *data;
  guint8 byte;
  gsize length;

  g_test_summary ("A socket that is readable too early, as in want of memory, is not at its end");

  data = g_bytes_get_data (hello, &length);
  g_assert_cmpint (send (fd, data, 10, MSG_NOSIGNAL), ==, 10);

  for (guint i = 0; i < 3; i++)
    pretend_readable (fd, (int) length);

  g_assert_cmpint (send (fd, data + 10, length - 10, MSG_NOSIGNAL), ==, (gssize) (length - 10));

  /* It has been heard. */
  g_assert_cmpint (recv (fd, &byte, 1, 0), ==, 1);
  g_assert_cmpuint (aioproc_listener_get_n_refused (listener), ==, 0);
  close (fd);
  g_assert_finalize_object (listener);
}

/* Those of the pool in which GIO does what blocks, and has ten at once. */
static guint
count_pool_threads (void)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(GDir) dir = g_dir_open ("/proc/self/task", 0, &error);
  const char *name;
  guint n = 0;

  g_assert_no_error (error);

  while ((name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *path = g_build_filename ("/proc/self/task", name, "comm", NULL);
      g_autofree char *comm = NULL;

      /* It may be gone. */
      if (g_file_get_contents (path, &comm, NULL, NULL))
        n += g_str_has_prefix (comm, "pool") && !g_str_has_prefix (comm, "pool-spawner");
    }

  return n;
}

static void
test_strangers (void)
{
  static const Side side = { tls_listener_pem, TRUE, NULL, KEY };
  g_autoptr(AioprocSecurity) security = new_security_full (&side, G_MAXINT64);
  g_autoptr(GBytes) hello = record_hello ();
  g_autoptr(GError) refusal = NULL;
  AioprocListener *listener = new_listener (security);
  AioprocConnection *ours, *theirs;
  gint64 begin_usec;
  struct rlimit saved;
  struct rlimit limit;
  int fds[N_STRANGERS];

  g_test_summary ("Who says a whole hello, and no more, keeps few threads, and no one waiting");

  g_assert_cmpint (getrlimit (RLIMIT_NOFILE, &saved), ==, 0);
  limit = saved;
  limit.rlim_cur = MIN (limit.rlim_max, N_STRANGERS + 500);
  g_assert_cmpint (setrlimit (RLIMIT_NOFILE, &limit), ==, 0);

  if (limit.rlim_cur < N_STRANGERS + 300)
    {
      g_test_skip ("This process may not have as many descriptors");
      g_assert_finalize_object (listener);
      return;
    }

  for (guint i = 0; i < N_STRANGERS; i++)
    {
      fds[i] = listener_test_connect_raw (listener);
      send_hello (fds[i], hello);
    }

  begin_usec = g_get_monotonic_time ();
  listener_test_connect (listener, security, &ours, &theirs);
  begin_usec = g_get_monotonic_time () - begin_usec;
  g_test_message ("%" G_GINT64_FORMAT " µs, %u threads in the pool", begin_usec,
                  count_pool_threads ());
#ifdef TLS_ALL
  g_assert_cmpint (begin_usec, <, G_USEC_PER_SEC);
#endif
  g_assert_cmpuint (count_pool_threads (), <, 10);
  listener_test_exchange (ours, theirs);
  g_assert_cmpuint (count_pool_threads (), <, 10);
  refusal = aioproc_listener_dup_last_refusal (listener);
  g_assert_error (refusal, G_IO_ERROR, G_IO_ERROR_BUSY);

  for (guint i = 0; i < N_STRANGERS; i++)
    close (fds[i]);

  g_assert_finalize_object (listener);
  g_assert_cmpint (setrlimit (RLIMIT_NOFILE, &saved), ==, 0);
}

/* Fewer than there may be at a time. */
static void
test_few_strangers (void)
{
  static const Side side = { tls_listener_pem, TRUE, NULL, KEY };
  g_autoptr(AioprocSecurity) security = new_security_full (&side, G_MAXINT64);
  g_autoptr(GBytes) hello = record_hello ();
  AioprocListener *listener = new_listener (security);
  AioprocConnection *ours, *theirs;
  int fds[3];

  g_test_summary ("Who takes long, and keeps nobody waiting, may");

  for (guint i = 0; i < G_N_ELEMENTS (fds); i++)
    {
      fds[i] = listener_test_connect_raw (listener);
      send_hello (fds[i], hello);
    }

  listener_test_connect (listener, security, &ours, &theirs);
  listener_test_exchange (ours, theirs);
  g_assert_cmpuint (aioproc_listener_get_n_refused (listener), ==, 0);

  for (guint i = 0; i < G_N_ELEMENTS (fds); i++)
    close (fds[i]);

  /* What they have not read resets their connections, which GIO takes for something else. */
  listener_test_wait_refused (listener, G_N_ELEMENTS (fds), G_TLS_ERROR, G_TLS_ERROR_NOT_TLS);
  g_assert_finalize_object (listener);
}

int
main (int    argc,
      char **argv)
{
  g_autoptr(GError) error = NULL;
  int status;

  listener_test_init (&argc, &argv);

  if (!g_tls_backend_supports_tls (g_tls_backend_get_default ()))
    {
      g_print ("1..0 # SKIP GIO has no TLS here: glib-networking is not installed\n");
      return listener_test_end (0);
    }

  /* It faults at the thread-local variables of what GIO loads for TLS. */
  aioproc_test_ignore_leaks ();
  ca_path = g_build_filename (g_getenv ("XDG_RUNTIME_DIR"), "ca.pem", NULL);
  g_assert_true (g_file_set_contents (ca_path, tls_ca_pem, -1, &error));
  g_assert_no_error (error);

  for (guint i = 0; i < G_N_ELEMENTS (good_pairs); i++)
    {
      g_autofree char *path = g_strdup_printf ("/aioproc/listener/tls/%s", good_pairs[i].name);

      aioproc_test_add_data_func (path, &good_pairs[i], test_good);
    }

  for (guint i = 0; i < G_N_ELEMENTS (bad_pairs); i++)
    {
      g_autofree char *path = g_strdup_printf ("/aioproc/listener/tls-bad/%s", bad_pairs[i].name);

      aioproc_test_add_data_func (path, &bad_pairs[i], test_bad);
    }

  aioproc_test_add_func ("/aioproc/listener/tls-settings/refused", test_settings);
  aioproc_test_add_func ("/aioproc/listener/tls-address/beyond", test_beyond);
  aioproc_test_add_func ("/aioproc/listener/tls-bad/silent", test_silent);
  aioproc_test_add_func ("/aioproc/listener/tls-bad/early", test_early);
  aioproc_test_add_func ("/aioproc/listener/tls-bad/strangers", test_strangers);
  aioproc_test_add_func ("/aioproc/listener/tls-bad/few-strangers", test_few_strangers);
  aioproc_test_add_func ("/aioproc/listener/tls-bad/no-descriptor", test_descriptors);
  aioproc_test_add_func ("/aioproc/listener/tls-bad/no-database", test_descriptors_database);
  status = g_test_run ();
  g_assert_cmpint (g_unlink (ca_path), ==, 0);
  g_free (ca_path);

  return listener_test_end (status);
}
