/* test-shared-list.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <aioproc.h>

#include "aioproc-test.h"
#include "core/aioproc-shareable-private.h"
#include "ipc/aioproc-slots-private.h"

#define N_KILLS   20
#define N_READS   2000
#define TEXT_SIZE 5000

/* What crosses a socket. */
typedef struct {
  guint32 kind;
  int     fds[AIOPROC_SHAREABLE_MAX_FDS];
  guint   n_fds;
} Parcel;

static AioprocSharedList *
new_list (const char *text)
{
  g_autoptr(GError) error = NULL;
  AioprocSharedList *list;

  list = g_initable_new (AIOPROC_TYPE_SHARED_LIST, NULL, &error,
                         "items", g_variant_new_parsed (text),
                         "name", "things",
                         NULL);
  g_assert_no_error (error);

  return list;
}

/* Others may be at it. */
static void
set_item (AioprocSharedList *list,
          guint              index,
          GVariant          *floating)
{
  g_autoptr(GVariant) value = g_variant_ref_sink (floating);

  for (;;)
    {
      g_autoptr(GError) error = NULL;

      if (aioproc_shared_list_set (list, index, value, &error))
        return;

      g_assert_error (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK);
    }
}

static GVariant *
get_item (AioprocSharedList *list,
          guint              index)
{
  for (;;)
    {
      g_autoptr(GError) error = NULL;
      GVariant *value = aioproc_shared_list_get (list, index, &error);

      if (value != NULL)
        return value;

      g_assert_error (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK);
    }
}

static void
assert_item (AioprocSharedList *list,
             guint              index,
             const char        *expected)
{
  g_autoptr(GVariant) value = get_item (list, index);
  g_autoptr(GVariant) parsed = g_variant_ref_sink (g_variant_new_parsed (expected));

  g_assert_cmpvariant (value, parsed);
}

static void
export_list (AioprocSharedList *list,
             Parcel            *parcel)
{
  g_autoptr(GError) error = NULL;

  g_assert_true (aioproc_shareable_export (AIOPROC_SHAREABLE (list), &parcel->kind, parcel->fds,
                                           &parcel->n_fds, &error));
  g_assert_no_error (error);
}

static void
test_new (void)
{
  g_autoptr(AioprocSharedList) list = new_list ("('text', 5, 0.5, true, [1, 2], @ms nothing)");
  g_autoptr(AioprocSharedList) variants = new_list ("[<'text'>, <5>]");
  g_autoptr(AioprocSharedList) numbers = new_list ("[1, 2, 3]");
  g_autoptr(AioprocSharedList) empty = new_list ("@av []");
  g_autoptr(GVariant) all = NULL;
  g_autoptr(GVariant) none = NULL;
  g_autoptr(GVariant) expected = NULL;

  g_test_summary ("A list holds the items of a tuple or an array");

  g_assert_cmpuint (aioproc_shared_list_get_length (list), ==, 6);
  g_assert_cmpstr (aioproc_shared_list_get_name (list), ==, "things");
  assert_item (list, 0, "'text'");
  assert_item (list, 4, "[1, 2]");
  assert_item (list, 5, "@ms nothing");
  assert_item (variants, 1, "5");
  assert_item (numbers, 2, "3");
  all = aioproc_shared_list_dup_items (variants, NULL);
  expected = g_variant_ref_sink (g_variant_new_parsed ("[<'text'>, <5>]"));
  g_assert_cmpvariant (all, expected);
  g_assert_cmpuint (aioproc_shared_list_get_length (empty), ==, 0);
  none = aioproc_shared_list_dup_items (empty, NULL);
  g_assert_cmpuint (g_variant_n_children (none), ==, 0);
}

static void
test_set (void)
{
  g_autoptr(AioprocSharedList) list = new_list ("(1, 'some text', 2)");

  g_test_summary ("An item is replaced by a value of any type, and its neighbours stay");

  g_assert_cmpuint (aioproc_shared_list_get_room (list, 0), ==, 16);
  set_item (list, 0, g_variant_new_parsed ("int64 -5"));
  assert_item (list, 0, "int64 -5");
  set_item (list, 0, g_variant_new_parsed ("'short'"));
  assert_item (list, 0, "'short'");
  set_item (list, 0, g_variant_new_parsed ("1e300"));
  assert_item (list, 0, "1e300");

  /* Bytes that end with NUL keep them. */
  set_item (list, 1, g_variant_new_parsed ("[byte 1, 0, 0]"));
  assert_item (list, 1, "[byte 1, 0, 0]");
  set_item (list, 1, g_variant_new_parsed ("''"));
  assert_item (list, 1, "''");
  assert_item (list, 0, "1e300");
  assert_item (list, 2, "2");
}

static void
test_room (void)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(AioprocSharedList) roomy = NULL;
  g_autoptr(AioprocSharedList) list = new_list ("(1, 'text', 2)");
  g_autofree char *text = g_strnfill (TEXT_SIZE, 'x');

  g_test_summary ("What is too large for its place is an error, and changes nothing");

  g_assert_false (aioproc_shared_list_set (list, 1, g_variant_new_string (text), &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_MESSAGE_TOO_LARGE);
  g_assert_nonnull (strstr (error->message, "“things”"));
  g_clear_error (&error);
  assert_item (list, 0, "1");
  assert_item (list, 1, "'text'");
  assert_item (list, 2, "2");

  roomy = g_initable_new (AIOPROC_TYPE_SHARED_LIST, NULL, &error,
                          "items", g_variant_new_parsed ("['', '']"),
                          "least-room", (guint64) TEXT_SIZE + 9,
                          NULL);
  g_assert_no_error (error);
  g_assert_cmpuint (aioproc_shared_list_get_room (roomy, 1), >=, TEXT_SIZE + 9);
  set_item (roomy, 0, g_variant_new_string (text));
  assert_item (roomy, 1, "''");
}

static void
test_find (void)
{
  g_autoptr(AioprocSharedList) list = new_list ("(1, 'text', 2, 'text')");
  g_autoptr(GError) error = NULL;
  guint index;

  g_test_summary ("The first item that is equal is found");

  g_assert_true (aioproc_shared_list_find (list, g_variant_new_string ("text"), &index, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (index, ==, 1);
  g_assert_false (aioproc_shared_list_find (list, g_variant_new_int64 (1), &index, &error));
  g_assert_no_error (error);
}

static void
test_errors (void)
{
  static const char * const bad[] = { "5", "'text'", "<5>", "@mas nothing" };
  g_autoptr(AioprocSharedList) list = new_list ("(1, 2)");
  g_autoptr(GError) error = NULL;

  g_test_summary ("What cannot be is an error");

  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_assert_null (aioproc_shared_list_new (g_variant_new_parsed (bad[i]), &error));
      g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT);
      g_clear_error (&error);
    }

  g_assert_null (aioproc_shared_list_new (g_variant_new ("(h)", 0), &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED);
  g_clear_error (&error);
  g_assert_null (g_initable_new (AIOPROC_TYPE_SHARED_LIST, NULL, &error,
                                 "items", g_variant_new_parsed ("[1]"),
                                 "least-room", (guint64) 1 << 62,
                                 NULL));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_MESSAGE_TOO_LARGE);
  g_clear_error (&error);

  g_assert_null (aioproc_shared_list_get (list, 2, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT);
  g_clear_error (&error);
  g_assert_false (aioproc_shared_list_set (list, G_MAXUINT, g_variant_new_int32 (1), &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT);
  g_clear_error (&error);
  g_assert_false (aioproc_shared_list_set (list, 0, g_variant_new_handle (0), &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED);
  g_assert_cmpuint (aioproc_shared_list_get_room (list, 2), ==, 0);
}

static void
test_uninitialized (void)
{
  g_autoptr(AioprocSharedList) list = aioproc_test_new_uninitialized (AIOPROC_TYPE_SHARED_LIST);
  g_autoptr(GError) get_error = NULL;
  g_autoptr(GError) set_error = NULL;
  g_autoptr(GError) find_error = NULL;
  g_autoptr(GError) dup_error = NULL;

  g_test_summary ("What could not be made answers with errors");

  g_assert_cmpuint (aioproc_shared_list_get_length (list), ==, 0);
  g_assert_null (aioproc_shared_list_get (list, 0, &get_error));
  g_assert_error (get_error, G_IO_ERROR, G_IO_ERROR_NOT_INITIALIZED);
  g_assert_false (aioproc_shared_list_set (list, 0, g_variant_new_int32 (1), &set_error));
  g_assert_error (set_error, G_IO_ERROR, G_IO_ERROR_NOT_INITIALIZED);
  g_assert_false (aioproc_shared_list_find (list, g_variant_new_int32 (1), NULL, &find_error));
  g_assert_error (find_error, G_IO_ERROR, G_IO_ERROR_NOT_INITIALIZED);
  g_assert_null (aioproc_shared_list_dup_items (list, &dup_error));
  g_assert_error (dup_error, G_IO_ERROR, G_IO_ERROR_NOT_INITIALIZED);
}

static void
test_passing (void)
{
  AioprocSharedList *list = new_list ("('text', 5)");
  g_autoptr(AioprocShareable) received = NULL;
  g_autoptr(GError) error = NULL;
  Parcel parcel;

  g_test_summary ("A list lives as long as anybody has it");

  export_list (list, &parcel);
  set_item (list, 1, g_variant_new_parsed ("'six'"));
  g_assert_finalize_object (list);
  received = aioproc_shareable_import (parcel.kind, parcel.fds, parcel.n_fds, &error);
  g_assert_no_error (error);
  assert_item (AIOPROC_SHARED_LIST (received), 0, "'text'");
  assert_item (AIOPROC_SHARED_LIST (received), 1, "'six'");
  g_assert_cmpstr (aioproc_shared_list_get_name (AIOPROC_SHARED_LIST (received)), ==, "things");
}

static void
test_hostile (void)
{
  static const struct {
    gsize   offset;   /* behind the header */
    guint64 lie;
    guint   size;
  } cases[] = {
    { 0, G_MAXUINT32, 4 },
    { 0, 127, 4 },
    { 64 + 8, G_MAXUINT64, 8 },
    { 64 + 8, 4096 - 8, 8 },
    { 64 + 8, 201, 8 },
    { 64 + 16, G_MAXUINT64 - 7, 8 },
    { 64 + 16, (guint64) 1 << 63, 8 },
    { 64 + 16, 4096, 8 },
    { 64 + 16, 12, 8 },
  };
  g_autoptr(AioprocSharedList) list = NULL;
  g_autoptr(GError) error = NULL;
  AioprocSlotState *slot;

  g_test_summary ("Memory that a peer has damaged is refused, or stays within its bounds");

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr(GError) import_error = NULL;
      Parcel parcel;

      list = new_list ("('text', 5)");
      export_list (list, &parcel);
      g_assert_finalize_object (g_steal_pointer (&list));
      g_assert_cmpint (pwrite (parcel.fds[0], &cases[i].lie, cases[i].size,
                               AIOPROC_SHM_HEADER_SIZE + cases[i].offset), ==, cases[i].size);
      g_assert_null (aioproc_shareable_import (parcel.kind, parcel.fds, parcel.n_fds,
                                               &import_error));
      g_assert_error (import_error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA);
    }

  /* Later. */
  list = new_list ("('text', 5)");
  slot = (gpointer) ((guint8 *) aioproc_shm_get_base (
                       AIOPROC_SHAREABLE_GET_IFACE (list)->get_shm (AIOPROC_SHAREABLE (list)))
                     + AIOPROC_SHM_HEADER_SIZE + sizeof (AioprocSlotsState));
  slot->state = (guint64) G_MAXINT32 << 1;
  g_assert_null (aioproc_shared_list_get (list, 0, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA);
  g_clear_error (&error);
  slot->state = (guint64) 3 << 1;
  g_assert_null (aioproc_shared_list_get (list, 0, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA);
  assert_item (list, 1, "5");
  set_item (list, 0, g_variant_new_parsed ("'new'"));
  assert_item (list, 0, "'new'");
}

/* A text of one letter, which is torn if there are two in it. */
static void
set_text (AioprocSharedList *list,
          char               letter)
{
  g_autofree char *text = g_strnfill (TEXT_SIZE, letter);

  set_item (list, 0, g_variant_new_string (text));
}

static void
assert_whole (AioprocSharedList *list)
{
  g_autoptr(GVariant) value = get_item (list, 0);
  const char *text = g_variant_get_string (value, NULL);

  g_assert_cmpuint (strlen (text), ==, TEXT_SIZE);
  g_assert_cmpuint (strspn (text, (const char[]) { text[0], '\0' }), ==, TEXT_SIZE);
}

static AioprocSharedList *
new_text_list (void)
{
  g_autofree char *text = g_strnfill (TEXT_SIZE, 'a');
  g_autoptr(GError) error = NULL;
  AioprocSharedList *list = aioproc_shared_list_new (g_variant_new ("(sx)", text, (gint64) 0),
                                                     &error);

  g_assert_no_error (error);

  return list;
}

static void
set_for_ever (AioprocSharedList *list)
{
  for (gint64 i = 0; ; i++)
    {
      set_text (list, 'a' + i % 26);
      set_item (list, 1, g_variant_new_int64 (i + 1));
    }
}

static void
test_killed (void)
{
  g_autoptr(AioprocSharedList) list = new_text_list ();

  g_test_summary ("A process that is killed leaves a whole item, and no lock");

  for (guint i = 0; i < N_KILLS; i++)
    {
      gint64 n_set = 0;
      int status;
      pid_t pid;

      set_item (list, 1, g_variant_new_int64 (0));
      pid = fork ();
      g_assert_cmpint (pid, >=, 0);

      if (pid == 0)
        set_for_ever (list);

      while (n_set < 20)
        {
          g_autoptr(GVariant) value = get_item (list, 1);

          n_set = g_variant_get_int64 (value);
        }

      kill (pid, SIGKILL);
      g_assert_cmpint (waitpid (pid, &status, 0), ==, pid);
      g_assert_true (WIFSIGNALED (status));
      assert_whole (list);
      set_text (list, 'Z');
      assert_whole (list);
    }
}

static gboolean over;   /* (atomic) */

static gpointer
write_thread (gpointer data)
{
  for (guint i = 0; !g_atomic_int_get (&over); i++)
    set_text (data, 'A' + i % 26);

  return NULL;
}

static void
test_readers (void)
{
  g_autoptr(AioprocSharedList) list = new_text_list ();
  GThread *threads[2];

  g_test_summary ("Who reads while others write gets a whole item");

  g_atomic_int_set (&over, FALSE);

  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = g_thread_new ("write", write_thread, list);

  for (guint i = 0; i < N_READS; i++)
    assert_whole (list);

  g_atomic_int_set (&over, TRUE);

  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    g_thread_join (threads[i]);
}

int
main (int    argc,
      char **argv)
{
  aioproc_test_init (&argc, &argv);

  aioproc_test_add_func ("/aioproc/shared-list/new", test_new);
  aioproc_test_add_func ("/aioproc/shared-list/set", test_set);
  aioproc_test_add_func ("/aioproc/shared-list/room", test_room);
  aioproc_test_add_func ("/aioproc/shared-list/find", test_find);
  aioproc_test_add_func ("/aioproc/shared-list/errors", test_errors);
  aioproc_test_add_func ("/aioproc/shared-list/uninitialized", test_uninitialized);
  aioproc_test_add_func ("/aioproc/shared-list/passing", test_passing);
  aioproc_test_add_func ("/aioproc/shared-list/hostile", test_hostile);
  aioproc_test_add_func ("/aioproc/shared-list/killed", test_killed);
  aioproc_test_add_func ("/aioproc/shared-list/readers", test_readers);

  return g_test_run ();
}
