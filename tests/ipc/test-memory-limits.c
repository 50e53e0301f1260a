/* test-memory-limits.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <sys/resource.h>

#include <aioproc.h>

#include "aioproc-test.h"

#define LARGE_LENGTH (32 * 1024 * 1024)
#define SLACK        (100 * 1024)
#define MAX_OBJECTS  1000

/* Not allocated when there is no room for it. */
static const guint8 zeros[LARGE_LENGTH];

/* What is in typed memory, @large or small. */
typedef struct {
  const char *name;
  GObject    *(*make)  (gboolean   large,
                        GError   **error);
  /* Writes @number, and reads it. */
  void        (*check) (GObject   *object,
                        int        number);
  gboolean    has_large;
} Kind;

static GObject *
make_value (gboolean   large,
            GError   **error)
{
  g_assert_false (large);

  return (GObject *) aioproc_value_new (g_variant_new_int32 (1), error);
}

static void
check_value (GObject *object,
             int      number)
{
  AioprocValue *value = AIOPROC_VALUE (object);
  g_autoptr(GVariant) got = NULL;
  g_autoptr(GError) error = NULL;

  aioproc_value_set (value, g_variant_new_int32 (number), &error);
  g_assert_no_error (error);
  got = aioproc_value_get (value, &error);
  g_assert_no_error (error);
  g_assert_cmpint (g_variant_get_int32 (got), ==, number);
}

static GObject *
make_array (gboolean   large,
            GError   **error)
{
  return (GObject *) aioproc_array_new ("i", large ? LARGE_LENGTH / sizeof (gint32) : 10, error);
}

static void
check_array (GObject *object,
             int      number)
{
  AioprocArray *array = AIOPROC_ARRAY (object);
  gsize last = aioproc_array_get_length (array) - 1;
  g_autoptr(GVariant) got = NULL;
  g_autoptr(GError) error = NULL;

  aioproc_array_set (array, last, g_variant_new_int32 (number), &error);
  g_assert_no_error (error);
  got = aioproc_array_get (array, last, &error);
  g_assert_no_error (error);
  g_assert_cmpint (g_variant_get_int32 (got), ==, number);
}

static GObject *
make_list (gboolean   large,
           GError   **error)
{
  GVariant *bytes = g_variant_new_from_data (G_VARIANT_TYPE_BYTESTRING, zeros,
                                             large ? LARGE_LENGTH : 10, TRUE, NULL, NULL);

  return (GObject *) aioproc_shared_list_new (g_variant_new ("(i@ay)", 1, bytes), error);
}

static void
check_list (GObject *object,
            int      number)
{
  AioprocSharedList *list = AIOPROC_SHARED_LIST (object);
  g_autoptr(GVariant) got = NULL;
  g_autoptr(GError) error = NULL;

  aioproc_shared_list_set (list, 0, g_variant_new_int32 (number), &error);
  g_assert_no_error (error);
  got = aioproc_shared_list_get (list, 0, &error);
  g_assert_no_error (error);
  g_assert_cmpint (g_variant_get_int32 (got), ==, number);
}

static const Kind kinds[] = {
  { "value", make_value, check_value, FALSE },
  { "array", make_array, check_array, TRUE },
  { "list", make_list, check_list, TRUE },
};

static void
set_limit (__rlimit_resource_t resource,
           rlim_t              soft_limit)
{
  struct rlimit limit;

  g_assert_no_errno (getrlimit (resource, &limit));
  limit.rlim_cur = soft_limit;
  g_assert_no_errno (setrlimit (resource, &limit));
}

static rlim_t
get_address_space (void)
{
  g_autofree char *content = NULL;
  g_autoptr(GError) error = NULL;

  g_file_get_contents ("/proc/self/statm", &content, NULL, &error);
  g_assert_no_error (error);

  return g_ascii_strtoull (content, NULL, 10) * 4096;
}

static void
assert_not_made (const Kind *kind,
                 gboolean    large)
{
  g_autoptr(GError) error = NULL;

  g_assert_null (kind->make (large, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NO_SPACE);
}

/* FALSE: in the process that runs the test of this name, where the limits end with it. */
static gboolean
run_apart (void)
{
  if (g_test_subprocess ())
    return FALSE;

  g_test_trap_subprocess (NULL, 0, G_TEST_SUBPROCESS_INHERIT_STDERR);
  g_test_trap_assert_passed ();

  return TRUE;
}

static void
test_file_size (gconstpointer data)
{
  const Kind *kind = data;
  g_autoptr(GObject) object = NULL;
  g_autoptr(GObject) other = NULL;
  g_autoptr(GError) error = NULL;

  g_test_summary ("A limit of the file size is an error, no signal, and nothing else suffers");

  if (run_apart ())
    return;

  object = kind->make (FALSE, &error);
  g_assert_no_error (error);

  if (kind->has_large)
    {
      set_limit (RLIMIT_FSIZE, LARGE_LENGTH / 2);
      assert_not_made (kind, TRUE);
      other = kind->make (FALSE, &error);
      g_assert_no_error (error);
      kind->check (other, 2);
    }

  set_limit (RLIMIT_FSIZE, 0);
  assert_not_made (kind, FALSE);
  kind->check (object, 3);

  /* A list has room for two of each of its items. */
  set_limit (RLIMIT_FSIZE, LARGE_LENGTH * 3);
  g_clear_object (&other);
  other = kind->make (kind->has_large, &error);
  g_assert_no_error (error);
  kind->check (other, 4);
}

static void
test_address_space (gconstpointer data)
{
  const Kind *kind = data;
  g_autoptr(GPtrArray) objects = g_ptr_array_new_full (MAX_OBJECTS, g_object_unref);
  g_autoptr(GError) error = NULL;
  g_autoptr(GError) large_error = NULL;
  GObject *object;

#ifdef HAVE_SANITIZER
  g_test_skip ("A sanitizer needs more address space than any limit");
  return;
#endif

  g_test_summary ("Without address space an object is not made, and nothing else suffers");

  if (run_apart ())
    return;

  /* What GLib cannot allocate ends the process: it gets what it needs for errors and the like. */
  g_free (g_malloc (SLACK));

  if (kind->has_large)
    {
      set_limit (RLIMIT_AS, get_address_space () + LARGE_LENGTH / 2);
      g_assert_null (kind->make (TRUE, &large_error));
      g_assert_error (large_error, G_IO_ERROR, G_IO_ERROR_NO_SPACE);
    }

  object = kind->make (FALSE, &error);
  g_assert_no_error (error);
  g_ptr_array_add (objects, object);

  set_limit (RLIMIT_AS, get_address_space ());

  while ((object = kind->make (FALSE, &error)) != NULL)
    {
      g_assert_cmpuint (objects->len, <, MAX_OBJECTS);
      g_ptr_array_add (objects, object);
    }

  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NO_SPACE);

  for (guint i = 0; i < objects->len; i++)
    kind->check (objects->pdata[i], i);

  set_limit (RLIMIT_AS, RLIM_INFINITY);
  g_clear_error (&error);
  object = kind->make (kind->has_large, &error);
  g_assert_no_error (error);
  g_ptr_array_add (objects, object);
  kind->check (object, 5);
}

int
main (int   argc,
      char *argv[])
{
  aioproc_test_init (&argc, &argv);

  for (guint i = 0; i < G_N_ELEMENTS (kinds); i++)
    {
      g_autofree char *size_path = g_strdup_printf ("/aioproc/memory-limits/%s/file-size",
                                                    kinds[i].name);
      g_autofree char *space_path = g_strdup_printf ("/aioproc/memory-limits/%s/address-space",
                                                     kinds[i].name);

      aioproc_test_add_data_func (size_path, &kinds[i], test_file_size);
      aioproc_test_add_data_func (space_path, &kinds[i], test_address_space);
    }

  return g_test_run ();
}
