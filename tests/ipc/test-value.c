/* test-value.c
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
#include "ipc/aioproc-cells-private.h"
#include "platform/aioproc-fds-private.h"
#include "platform/aioproc-memfd-private.h"

/* Values and arrays, which are made of the same. */

#define N_CHILDREN 4
#define N_ADDS     20000
#define N_KILLS    20

/* What crosses a socket. */
typedef struct {
  guint32 kind;
  int     fds[AIOPROC_SHAREABLE_MAX_FDS];
  guint   n_fds;
} Parcel;

static const struct {
  const char *type;
  const char *values[3];
} types[] = {
  { "b", { "true", "false", "true" } },
  { "y", { "byte 0x00", "byte 0xff", "byte 0x07" } },
  { "n", { "int16 -32768", "int16 32767", "int16 0" } },
  { "q", { "uint16 65535", "uint16 0", "uint16 1" } },
  { "i", { "-2147483648", "2147483647", "5" } },
  { "u", { "uint32 4294967295", "uint32 0", "uint32 7" } },
  { "x", { "int64 -9223372036854775808", "int64 9223372036854775807", "int64 1" } },
  { "t", { "uint64 18446744073709551615", "uint64 0", "uint64 9" } },
  { "d", { "0.5", "-1e300", "0.0" } },
};

static GVariant *
parse (const char *text)
{
  return g_variant_ref_sink (g_variant_new_parsed (text));
}

static AioprocValue *
new_value (GVariant *first)
{
  g_autoptr(GError) error = NULL;
  AioprocValue *value = aioproc_value_new (first, &error);

  g_assert_no_error (error);

  return value;
}

static AioprocArray *
new_array (const char *type,
           gsize       length)
{
  g_autoptr(GError) error = NULL;
  AioprocArray *array = aioproc_array_new (type, length, &error);

  g_assert_no_error (error);

  return array;
}

static gint64
get_int64 (AioprocArray *array,
           gsize         index)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(GVariant) value = aioproc_array_get (array, index, &error);

  g_assert_no_error (error);

  return g_variant_get_int64 (value);
}

static void
export_object (gpointer  object,
               Parcel   *parcel)
{
  g_autoptr(GError) error = NULL;

  g_assert_true (aioproc_shareable_export (object, &parcel->kind, parcel->fds, &parcel->n_fds,
                                           &error));
  g_assert_no_error (error);
}

static gpointer
import_object (const Parcel *parcel)
{
  g_autoptr(GError) error = NULL;
  AioprocShareable *object;

  object = aioproc_shareable_import (parcel->kind, parcel->fds, parcel->n_fds, &error);
  g_assert_no_error (error);

  return object;
}

/* --- Content --- */

static void
test_types (void)
{
  g_test_summary ("Numbers of every type come out as they went in");

  for (guint i = 0; i < G_N_ELEMENTS (types); i++)
    {
      g_autoptr(GVariant) first = parse (types[i].values[0]);
      g_autoptr(AioprocValue) value = new_value (first);
      g_autoptr(AioprocArray) array = new_array (types[i].type, 3);

      g_assert_cmpstr (aioproc_value_get_type_string (value), ==, types[i].type);
      g_assert_cmpstr (aioproc_array_get_type_string (array), ==, types[i].type);
      g_assert_cmpuint (aioproc_array_get_length (array), ==, 3);

      for (guint j = 0; j < G_N_ELEMENTS (types[i].values); j++)
        {
          g_autoptr(GVariant) in = parse (types[i].values[j]);
          g_autoptr(GVariant) out = NULL;
          g_autoptr(GVariant) element = NULL;
          g_autoptr(GError) error = NULL;

          g_assert_true (aioproc_value_set (value, in, &error));
          g_assert_no_error (error);
          out = aioproc_value_get (value, &error);
          g_assert_no_error (error);
          g_assert_false (g_variant_is_floating (out));
          g_assert_cmpvariant (out, in);

          g_assert_true (aioproc_array_set (array, j, in, &error));
          element = aioproc_array_get (array, j, &error);
          g_assert_cmpvariant (element, in);
        }
    }
}

static void
test_first (void)
{
  g_autoptr(AioprocValue) value = new_value (g_variant_new_double (0.25));
  g_autoptr(GVariant) first = aioproc_value_get (value, NULL);
  g_autoptr(GVariant) numbers = parse ("[int64 3, -4, 5]");
  g_autoptr(GError) error = NULL;
  g_autoptr(AioprocArray) array = aioproc_array_new_from_variant (numbers, &error);
  g_autoptr(AioprocArray) zeros = new_array ("d", 1000);
  g_autoptr(GVariant) all = NULL;
  const double *doubles = aioproc_array_get_data (zeros);

  g_test_summary ("What is made has its first content, or zeros");

  g_assert_no_error (error);
  g_assert_cmpfloat (g_variant_get_double (first), ==, 0.25);
  g_assert_cmpfloat (*(double *) aioproc_value_get_data (value), ==, 0.25);
  all = aioproc_array_get_slice (array, 0, 3, NULL);
  g_assert_cmpvariant (all, numbers);
  g_assert_cmpint (((gint64 *) aioproc_array_get_data (array))[1], ==, -4);
  g_assert_cmpuint ((guintptr) doubles % 64, ==, 0);

  for (guint i = 0; i < 1000; i++)
    g_assert_cmpfloat (doubles[i], ==, 0);
}

static void
test_slices (void)
{
  g_test_summary ("Slices go in and come out at their place");

  for (guint i = 0; i < G_N_ELEMENTS (types); i++)
    {
      g_autofree char *text = g_strdup_printf ("[%s, %s]", types[i].values[0],
                                               strrchr (types[i].values[1], ' ') != NULL
                                                 ? strrchr (types[i].values[1], ' ') + 1
                                                 : types[i].values[1]);
      g_autoptr(GVariant) pair = parse (text);
      g_autoptr(AioprocArray) array = new_array (types[i].type, 5);
      g_autoptr(GVariant) zero = aioproc_array_get (array, 0, NULL);
      g_autoptr(GVariant) before = NULL;
      g_autoptr(GVariant) middle = NULL;
      g_autoptr(GVariant) after = NULL;
      g_autoptr(GVariant) none = NULL;
      g_autoptr(GError) error = NULL;

      g_assert_true (aioproc_array_set_slice (array, 2, pair, &error));
      g_assert_no_error (error);
      middle = aioproc_array_get_slice (array, 2, 2, &error);
      g_assert_no_error (error);
      g_assert_cmpvariant (middle, pair);
      before = aioproc_array_get (array, 1, NULL);
      after = aioproc_array_get (array, 4, NULL);
      g_assert_cmpvariant (before, zero);
      g_assert_cmpvariant (after, zero);
      none = aioproc_array_get_slice (array, 5, 0, &error);
      g_assert_no_error (error);
      g_assert_cmpuint (g_variant_n_children (none), ==, 0);
    }
}

static void
test_dup_bytes (void)
{
  AioprocArray *array = new_array ("q", 3);
  g_autoptr(GBytes) bytes = aioproc_array_dup_bytes (array, NULL);

  g_test_summary ("Bytes without a copy see what is written, and outlive the array");

  g_assert_true (aioproc_array_set (array, 1, g_variant_new_uint16 (77), NULL));
  g_assert_cmpuint (g_bytes_get_size (bytes), ==, 6);
  g_assert_finalize_object (array);
  g_assert_cmpuint (((const guint16 *) g_bytes_get_data (bytes, NULL))[1], ==, 77);
}

/* --- Errors --- */

static void
test_bad (void)
{
  static const struct {
    const char *type;
    gsize       length;
  } cases[] = {
    { "", 1 }, { "s", 1 }, { "h", 1 }, { "v", 1 }, { "ii", 1 }, { "ai", 1 }, { "(", 1 },
    { "x", (gsize) 1 << 62 }, { "x", G_MAXSIZE }, { "y", G_MAXSIZE },
  };
  g_autoptr(GVariant) text = parse ("'text'");
  g_autoptr(GVariant) texts = parse ("['text']");

  g_test_summary ("What cannot be is an error, and makes nothing");

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr(GError) error = NULL;

      g_assert_null (aioproc_array_new (cases[i].type, cases[i].length, &error));
      g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT);
    }

  for (guint i = 0; i < 2; i++)
    {
      g_autoptr(GError) value_error = NULL;
      g_autoptr(GError) array_error = NULL;

      g_assert_null (aioproc_value_new (i == 0 ? text : texts, &value_error));
      g_assert_error (value_error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT);
      g_assert_null (aioproc_array_new_from_variant (i == 0 ? text : texts, &array_error));
      g_assert_error (array_error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT);
    }
}

static void
assert_invalid (gboolean   result,
                GError   **error)
{
  g_assert_false (result);
  g_assert_error (*error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT);
  g_assert_nonnull (strstr ((*error)->message, "“numbers”"));
  g_clear_error (error);
}

static void
test_errors (void)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(AioprocArray) array = NULL;
  const gsize bad[] = { 3, 4, (gsize) 1 << 62, G_MAXSIZE };

  g_test_summary ("What does not fit is an error, and changes nothing");

  array = g_initable_new (AIOPROC_TYPE_ARRAY, NULL, &error,
                          "name", "numbers",
                          "type-string", "i",
                          "length", (guint64) 3,
                          NULL);
  g_assert_no_error (error);

  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      assert_invalid (aioproc_array_get (array, bad[i], &error) != NULL, &error);
      assert_invalid (aioproc_array_set (array, bad[i], g_variant_new_int32 (1), &error), &error);
      assert_invalid (aioproc_array_add (array, bad[i], 1, NULL, &error), &error);
      assert_invalid (aioproc_array_compare_and_swap (array, bad[i], 0, 1, NULL, &error), &error);
      assert_invalid (aioproc_array_get_slice (array, 1, bad[i], &error) != NULL, &error);
      assert_invalid (aioproc_array_set_slice (array, bad[i], g_variant_new_parsed ("[5]"),
                                               &error), &error);
    }

  assert_invalid (aioproc_array_set_slice (array, 2, g_variant_new_parsed ("[5, 6]"), &error),
                  &error);
  assert_invalid (aioproc_array_set_slice (array, 0, g_variant_new_parsed ("[int64 5]"), &error),
                  &error);
  assert_invalid (aioproc_array_set (array, 0, g_variant_new_int64 (1), &error), &error);
  assert_invalid (aioproc_array_compare_and_swap (array, 0, G_MAXINT64, 1, NULL, &error), &error);
  assert_invalid (aioproc_array_compare_and_swap (array, 0, 0, G_MININT64, NULL, &error), &error);

  for (guint i = 0; i < 3; i++)
    g_assert_cmpint (((const gint32 *) aioproc_array_get_data (array))[i], ==, 0);
}

static void
test_not_normal (void)
{
  g_autoptr(AioprocArray) array = new_array ("b", 2);
  g_autoptr(AioprocValue) value = new_value (g_variant_new_int32 (5));
  g_autoptr(GVariant) booleans = NULL;
  g_autoptr(GVariant) small = NULL;
  g_autoptr(GVariant) got = NULL;
  g_autoptr(GVariant) slice = NULL;

  g_test_summary ("What is not in normal form is made so, on its way in and out");

  booleans = g_variant_ref_sink (g_variant_new_from_data (G_VARIANT_TYPE ("ab"), "\5\1", 2, FALSE,
                                                          NULL, NULL));
  g_assert_true (aioproc_array_set_slice (array, 0, booleans, NULL));
  g_assert_cmpuint (((guint8 *) aioproc_array_get_data (array))[0], <=, 1);

  small = g_variant_ref_sink (g_variant_new_from_data (G_VARIANT_TYPE ("i"), "\5\1", 2, FALSE,
                                                       NULL, NULL));
  g_assert_true (aioproc_value_set (value, small, NULL));
  got = aioproc_value_get (value, NULL);
  g_assert_cmpint (g_variant_get_int32 (got), ==, 0);

  /* A peer. */
  ((guint8 *) aioproc_array_get_data (array))[1] = 200;
  slice = aioproc_array_get_slice (array, 1, 1, NULL);
  g_assert_true (g_variant_is_normal_form (slice));
  g_clear_pointer (&got, g_variant_unref);
  got = aioproc_array_get (array, 1, NULL);
  g_assert_true (g_variant_get_boolean (got));
}

static void
test_uninitialized (void)
{
  g_autoptr(AioprocValue) value = aioproc_test_new_uninitialized (AIOPROC_TYPE_VALUE);
  g_autoptr(AioprocArray) array = aioproc_test_new_uninitialized (AIOPROC_TYPE_ARRAY);
  g_autoptr(GError) error = NULL;
  gboolean results[10];

  g_test_summary ("What could not be made answers with errors");

  for (guint i = 0; i < G_N_ELEMENTS (results); i++)
    {
      switch (i)
        {
        case 0:
          results[i] = aioproc_value_get (value, &error) != NULL;
          break;

        case 1:
          results[i] = aioproc_value_set (value, g_variant_new_int32 (1), &error);
          break;

        case 2:
          results[i] = aioproc_value_add (value, 1, NULL, &error);
          break;

        case 3:
          results[i] = aioproc_value_compare_and_swap (value, 1, 2, NULL, &error);
          break;

        case 4:
          results[i] = aioproc_array_get (array, 0, &error) != NULL;
          break;

        case 5:
          results[i] = aioproc_array_set (array, 0, g_variant_new_int32 (1), &error);
          break;

        case 6:
          results[i] = aioproc_array_get_slice (array, 0, 0, &error) != NULL;
          break;

        case 7:
          results[i] = aioproc_array_add (array, 0, 1, NULL, &error);
          break;

        case 8:
          results[i] = aioproc_array_compare_and_swap (array, 0, 1, 2, NULL, &error);
          break;

        default:
          results[i] = aioproc_array_dup_bytes (array, &error) != NULL;
        }

      g_assert_false (results[i]);
      g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_INITIALIZED);
      g_clear_error (&error);
    }

  g_assert_null (aioproc_value_get_data (value));
  g_assert_cmpstr (aioproc_value_get_type_string (value), ==, "");
  g_assert_cmpuint (aioproc_array_get_length (array), ==, 0);
}

/* --- Integers --- */

static void
test_add (void)
{
  static const struct {
    const char *start;
    gint64      delta;
    gint64      old;
    const char *sum;
  } cases[] = {
    { "byte 0xff", 2, 255, "byte 0x01" },
    { "int16 32767", 1, 32767, "int16 -32768" },
    { "uint16 0", -1, 0, "uint16 65535" },
    { "-5", -6, -5, "-11" },
    { "uint32 4294967295", 1, G_MAXUINT32, "uint32 0" },
    { "int64 9223372036854775807", 1, G_MAXINT64, "int64 -9223372036854775808" },
    { "uint64 18446744073709551615", 3, -1, "uint64 2" },
    { "7", G_MAXINT64, 7, "6" },
  };

  g_test_summary ("Sums wrap around, and tell what was there");

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr(GVariant) start = parse (cases[i].start);
      g_autoptr(GVariant) expected = parse (cases[i].sum);
      g_autoptr(AioprocValue) value = new_value (start);
      g_autoptr(GVariant) sum = NULL;
      g_autoptr(GError) error = NULL;
      gint64 old;

      g_assert_true (aioproc_value_add (value, cases[i].delta, &old, &error));
      g_assert_no_error (error);
      g_assert_cmpint (old, ==, cases[i].old);
      sum = aioproc_value_get (value, NULL);
      g_assert_cmpvariant (sum, expected);
    }
}

static void
test_compare_and_swap (void)
{
  g_autoptr(AioprocValue) value = new_value (g_variant_new_int16 (-3));
  g_autoptr(GVariant) got = NULL;
  g_autoptr(GError) error = NULL;
  gint64 old;

  g_test_summary ("Only what is as expected is swapped");

  g_assert_false (aioproc_value_compare_and_swap (value, 4, 5, &old, &error));
  g_assert_no_error (error);
  g_assert_cmpint (old, ==, -3);
  g_assert_true (aioproc_value_compare_and_swap (value, -3, 5, &old, &error));
  g_assert_no_error (error);
  g_assert_cmpint (old, ==, -3);
  got = aioproc_value_get (value, NULL);
  g_assert_cmpint (g_variant_get_int16 (got), ==, 5);
}

static void
test_no_integer (void)
{
  static const char * const texts[] = { "true", "0.5" };

  g_test_summary ("Booleans and floating numbers are not added to");

  for (guint i = 0; i < G_N_ELEMENTS (texts); i++)
    {
      g_autoptr(GVariant) first = parse (texts[i]);
      g_autoptr(AioprocValue) value = new_value (first);
      g_autoptr(GError) add_error = NULL;
      g_autoptr(GError) swap_error = NULL;

      g_assert_false (aioproc_value_add (value, 1, NULL, &add_error));
      g_assert_error (add_error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED);
      g_assert_false (aioproc_value_compare_and_swap (value, 0, 1, NULL, &swap_error));
      g_assert_error (swap_error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED);
    }
}

/* --- The lock --- */

static void
test_lock (void)
{
  g_autoptr(AioprocLock) lock = aioproc_lock_new (NULL);
  g_autoptr(AioprocEvent) event = aioproc_event_new (NULL);
  g_autoptr(AioprocValue) own = new_value (g_variant_new_int32 (1));
  g_autoptr(AioprocValue) given = NULL;
  g_autoptr(AioprocArray) none = NULL;
  g_autoptr(GError) error = NULL;

  g_test_summary ("The lock is a recursive one, the one given, or none");

  g_assert_true (AIOPROC_IS_RLOCK (aioproc_value_get_lock (own)));

  given = g_initable_new (AIOPROC_TYPE_VALUE, NULL, &error,
                          "value", g_variant_new_int32 (1),
                          "lock", lock,
                          NULL);
  g_assert_no_error (error);
  g_assert_true (aioproc_value_get_lock (given) == AIOPROC_SHAREABLE (lock));

  none = g_initable_new (AIOPROC_TYPE_ARRAY, NULL, &error,
                         "type-string", "d",
                         "length", (guint64) 2,
                         "unlocked", TRUE,
                         NULL);
  g_assert_no_error (error);
  g_assert_null (aioproc_array_get_lock (none));

  g_assert_null (g_initable_new (AIOPROC_TYPE_VALUE, NULL, &error,
                                 "value", g_variant_new_int32 (1),
                                 "lock", event,
                                 NULL));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT);
}

/* --- Other processes --- */

static void
test_passing (void)
{
  g_autoptr(AioprocValue) value = new_value (g_variant_new_int64 (5));
  g_autoptr(AioprocArray) array = NULL;
  g_autoptr(AioprocValue) same = NULL;
  g_autoptr(GError) error = NULL;
  Parcel parcel;

  g_test_summary ("What comes back is the same, with its lock, or with none");

  export_object (value, &parcel);
  g_assert_cmpuint (parcel.n_fds, ==, 4);
  same = import_object (&parcel);
  g_assert_true (same == value);
  g_clear_object (&same);

  export_object (value, &parcel);
  g_assert_finalize_object (g_steal_pointer (&value));
  value = import_object (&parcel);
  g_assert_true (AIOPROC_IS_RLOCK (aioproc_value_get_lock (value)));
  g_assert_cmpint (*(gint64 *) aioproc_value_get_data (value), ==, 5);

  array = g_initable_new (AIOPROC_TYPE_ARRAY, NULL, &error,
                          "values", g_variant_new_parsed ("[0.5, 1.5]"),
                          "name", "numbers",
                          "unlocked", TRUE,
                          NULL);
  g_assert_no_error (error);
  export_object (array, &parcel);
  g_assert_cmpuint (parcel.n_fds, ==, 2);
  g_assert_finalize_object (g_steal_pointer (&array));
  array = import_object (&parcel);
  g_assert_null (aioproc_array_get_lock (array));
  g_assert_cmpstr (aioproc_array_get_name (array), ==, "numbers");
  g_assert_cmpuint (aioproc_array_get_length (array), ==, 2);
  g_assert_cmpfloat (((double *) aioproc_array_get_data (array))[1], ==, 1.5);
}

static void
test_hostile (void)
{
  static const struct {
    guint64 length;
    guint8  type;
  } cases[] = {
    { G_MAXUINT64, 'x' }, { (guint64) 1 << 61, 'x' }, { 4096, 'y' }, { 1, 's' }, { 1, 0 },
  };

  g_test_summary ("Memory that a peer has damaged is refused");

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr(AioprocArray) array = new_array ("x", 4);
      g_autoptr(GError) error = NULL;
      Parcel parcel;

      export_object (array, &parcel);
      g_assert_finalize_object (g_steal_pointer (&array));
      g_assert_cmpint (pwrite (parcel.fds[0], &cases[i].length, 8, AIOPROC_SHM_HEADER_SIZE), ==, 8);
      g_assert_cmpint (pwrite (parcel.fds[0], &cases[i].type, 1, AIOPROC_SHM_HEADER_SIZE + 8), ==,
                       1);
      g_assert_null (aioproc_shareable_import (parcel.kind, parcel.fds, parcel.n_fds, &error));
      g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA);
    }
}

static void
add_many (AioprocArray *array)
{
  for (guint i = 0; i < N_ADDS; i++)
    {
      if (!aioproc_array_add (array, 0, 1, NULL, NULL))
        _exit (1);
    }

  _exit (0);
}

static void
test_add_processes (void)
{
  g_autoptr(AioprocArray) array = new_array ("x", 1);
  pid_t pids[N_CHILDREN];

  g_test_summary ("No sum of several processes is lost");

  for (guint i = 0; i < N_CHILDREN; i++)
    {
      pids[i] = fork ();
      g_assert_cmpint (pids[i], >=, 0);

      if (pids[i] == 0)
        add_many (array);
    }

  for (guint i = 0; i < N_CHILDREN; i++)
    {
      int status;

      g_assert_cmpint (waitpid (pids[i], &status, 0), ==, pids[i]);
      g_assert_cmpint (status, ==, 0);
    }

  g_assert_cmpint (get_int64 (array, 0), ==, N_CHILDREN * N_ADDS);
}

static void
add_for_ever (AioprocArray *array)
{
  for (;;)
    {
      if (!aioproc_array_add (array, 0, 1, NULL, NULL) ||
          !aioproc_array_add (array, 1, 1, NULL, NULL))
        _exit (1);
    }
}

static void
test_add_killed (void)
{
  g_autoptr(AioprocArray) array = new_array ("x", 2);
  gint64 before = 0;

  g_test_summary ("A process that is killed has added or not");

  for (guint i = 0; i < N_KILLS; i++)
    {
      int status;
      pid_t pid = fork ();

      g_assert_cmpint (pid, >=, 0);

      if (pid == 0)
        add_for_ever (array);

      while (get_int64 (array, 1) < before + 100)
        g_thread_yield ();

      kill (pid, SIGKILL);
      g_assert_cmpint (waitpid (pid, &status, 0), ==, pid);
      g_assert_true (WIFSIGNALED (status));
      before = get_int64 (array, 1);
      g_assert_cmpint (get_int64 (array, 0) - before, >=, 0);
      g_assert_cmpint (get_int64 (array, 0) - before, <=, i + 1);
    }
}

static void
hold_for_ever (AioprocValue *value)
{
  if (!aioproc_rlock_acquire (AIOPROC_RLOCK (aioproc_value_get_lock (value)), 0, -1, NULL, NULL) ||
      !aioproc_value_add (value, 1, NULL, NULL))
    _exit (1);

  for (;;)
    pause ();
}

static void
test_lock_killed (void)
{
  g_autoptr(AioprocValue) value = new_value (g_variant_new_int32 (0));
  AioprocRLock *lock = AIOPROC_RLOCK (aioproc_value_get_lock (value));
  const gint32 *number = aioproc_value_get_data (value);
  g_autoptr(GError) error = NULL;
  int status;
  pid_t pid;

  g_test_summary ("Who gets the lock of a process that was killed is told");

  pid = fork ();
  g_assert_cmpint (pid, >=, 0);

  if (pid == 0)
    hold_for_ever (value);

  while (g_atomic_int_get (number) == 0)
    g_thread_yield ();

  g_assert_false (aioproc_rlock_try_acquire (lock, 0, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK);
  g_clear_error (&error);
  kill (pid, SIGKILL);
  g_assert_true (aioproc_rlock_acquire (lock, 0, -1, NULL, &error));
  g_assert_no_error (error);
  g_assert_true (aioproc_rlock_get_was_abandoned (lock));
  g_assert_true (aioproc_rlock_release (lock, 0, NULL));
  g_assert_cmpint (waitpid (pid, &status, 0), ==, pid);
}

int
main (int    argc,
      char **argv)
{
  aioproc_test_init (&argc, &argv);

  aioproc_test_add_func ("/aioproc/value/types", test_types);
  aioproc_test_add_func ("/aioproc/value/first", test_first);
  aioproc_test_add_func ("/aioproc/value/slices", test_slices);
  aioproc_test_add_func ("/aioproc/value/dup-bytes", test_dup_bytes);
  aioproc_test_add_func ("/aioproc/value/bad", test_bad);
  aioproc_test_add_func ("/aioproc/value/errors", test_errors);
  aioproc_test_add_func ("/aioproc/value/not-normal", test_not_normal);
  aioproc_test_add_func ("/aioproc/value/uninitialized", test_uninitialized);
  aioproc_test_add_func ("/aioproc/value/add", test_add);
  aioproc_test_add_func ("/aioproc/value/compare-and-swap", test_compare_and_swap);
  aioproc_test_add_func ("/aioproc/value/no-integer", test_no_integer);
  aioproc_test_add_func ("/aioproc/value/lock", test_lock);
  aioproc_test_add_func ("/aioproc/value/passing", test_passing);
  aioproc_test_add_func ("/aioproc/value/hostile", test_hostile);
  aioproc_test_add_func ("/aioproc/value/add-processes", test_add_processes);
  aioproc_test_add_func ("/aioproc/value/add-killed", test_add_killed);
  aioproc_test_add_func ("/aioproc/value/lock-killed", test_lock_killed);

  return g_test_run ();
}
