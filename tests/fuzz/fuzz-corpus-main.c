/* fuzz-corpus-main.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* Runs a fuzz target without libFuzzer: on each file of its corpus, and on some thousands of
 * changed ones, always the same. Or on those that are given as arguments.
 */

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "aioproc-test.h"
#include "fuzz.h"

#define N_MUTATIONS 4000
#define MAX_SIZE    4096
#define INPUT_SECONDS 30

static GPtrArray *corpus;        /* (owned) (element-type GBytes) */
static GPtrArray *corpus_names;  /* (owned) (element-type utf8) */

/* What is being run: told by the handler of signals. */
static const guint8 *volatile current_data;
static volatile gsize current_size;

/* Async-signal-safe. */
static void
tell_input_cb (int signum)
{
  static const char digits[] = "0123456789abcdef";
  static const char head[] = "\nThe input, for xxd -r -p:\n";
  ssize_t written = write (STDERR_FILENO, head, sizeof head - 1);

  for (gsize i = 0; i < current_size; i++)
    {
      const char pair[] = {
        digits[current_data[i] >> 4], digits[current_data[i] & 0xf], i % 32 == 31 ? '\n' : ' ',
      };

      written = write (STDERR_FILENO, pair, i % 32 == 31 ? 3 : 2);
    }

  written = write (STDERR_FILENO, "\n", 1);
  (void) written;

  signal (signum, SIG_DFL);
  raise (signum);
}

static void
run_input (const guint8 *data,
           gsize         size)
{
  /* Of just this size, so that a read beyond it is found. */
  g_autofree guint8 *copy = g_malloc (MAX (size, 1));

  if (size > 0)
    memcpy (copy, data, size);

  current_data = copy;
  current_size = size;
  aioproc_test_arm_watchdog (INPUT_SECONDS);
  g_assert_cmpint (LLVMFuzzerTestOneInput (copy, size), ==, 0);
  current_size = 0;
}

static void
test_corpus (void)
{
  g_test_summary ("What has once been of interest, or was wrong, is handled");

  for (guint i = 0; i < corpus->len; i++)
    {
      gsize size;
      const guint8 *data = g_bytes_get_data (corpus->pdata[i], &size);

      g_test_message ("%s", (const char *) corpus_names->pdata[i]);
      run_input (data, size);
    }
}

static void
test_fault (void)
{
  if (g_test_subprocess ())
    {
      fuzz_has_fault = TRUE;
      test_corpus ();
      return;
    }

  g_test_summary ("The corpus finds a fault, if there is one");
  g_test_trap_subprocess (NULL, 0, 0);
  g_test_trap_assert_failed ();
  g_test_trap_assert_stderr ("*Aioproc-Test:ERROR*");
}

/* --- Mutations --- */

static guint32 random_state = 1;

static guint32
get_random (guint32 limit)
{
  /* xorshift32 */
  random_state ^= random_state << 13;
  random_state ^= random_state >> 17;
  random_state ^= random_state << 5;

  return random_state % limit;
}

static void
mutate (GByteArray *input)
{
  guint at = get_random (input->len + 1);
  guint n = 1 + get_random (16);
  GBytes *other;
  const guint8 *data;
  gsize size;
  guint8 byte;

  n = MIN (n, input->len - at);

  switch (get_random (6))
    {
    case 0:
      if (n > 0)
        input->data[at] ^= 1u << get_random (8);
      break;

    case 1:
      if (n > 0)
        input->data[at] = get_random (256);
      break;

    case 2:
      byte = get_random (256);
      g_byte_array_append (input, &byte, 1);
      memmove (input->data + at + 1, input->data + at, input->len - 1 - at);
      input->data[at] = byte;
      break;

    case 3:
      if (n > 0)
        g_byte_array_remove_range (input, at, n);
      break;

    case 4:
      if (n > 0)
        memmove (input->data + get_random (input->len - n + 1), input->data + at, n);
      break;

    default:
      /* The rest is that of another one. */
      other = corpus->pdata[get_random (corpus->len)];
      data = g_bytes_get_data (other, &size);
      at = MIN (at, size);
      g_byte_array_set_size (input, MIN (at, input->len));
      g_byte_array_append (input, data + at, size - at);
      break;
    }
}

static void
test_mutations (void)
{
  g_test_summary ("Some thousands of inputs that are nearly those are handled");

  for (guint i = 0; i < N_MUTATIONS; i++)
    {
      g_autoptr(GByteArray) input = g_byte_array_new ();
      GBytes *original = corpus->pdata[get_random (corpus->len)];
      guint n_changes = 1 + get_random (8);

      g_byte_array_append (input, g_bytes_get_data (original, NULL),
                           g_bytes_get_size (original));

      for (guint j = 0; j < n_changes; j++)
        mutate (input);

      run_input (input->data, MIN (input->len, MAX_SIZE));
    }
}

/* --- Files --- */

static void
load_file (const char *path)
{
  g_autoptr(GError) error = NULL;
  char *content;
  gsize size;

  g_file_get_contents (path, &content, &size, &error);
  g_assert_no_error (error);
  g_ptr_array_add (corpus, g_bytes_new_take (content, size));
  g_ptr_array_add (corpus_names, g_path_get_basename (path));
}

static int
compare_names (gconstpointer a,
               gconstpointer b)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

static void
load_folder (const char *path)
{
  g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  g_autoptr(GError) error = NULL;
  g_autoptr(GDir) dir = g_dir_open (path, 0, &error);
  const char *name;

  g_assert_no_error (error);

  while ((name = g_dir_read_name (dir)) != NULL)
    g_ptr_array_add (names, g_build_filename (path, name, NULL));

  /* The mutations go by the order. */
  g_ptr_array_sort (names, compare_names);

  for (guint i = 0; i < names->len; i++)
    load_file (names->pdata[i]);

  g_assert_cmpuint (corpus->len, >, 0);
}

int
main (int   argc,
      char *argv[])
{
  int result;

  aioproc_test_init (&argc, &argv);
  corpus = g_ptr_array_new_with_free_func ((GDestroyNotify) g_bytes_unref);
  corpus_names = g_ptr_array_new_with_free_func (g_free);

  for (int i = 1; i < argc; i++)
    load_file (argv[i]);

  if (argc <= 1)
    load_folder (FUZZ_CORPUS);

  signal (SIGABRT, tell_input_cb);
  signal (SIGSEGV, tell_input_cb);
  signal (SIGBUS, tell_input_cb);

  aioproc_test_add_func ("/aioproc/fuzz/" FUZZ_NAME "/corpus", test_corpus);

  if (argc <= 1)
    {
      aioproc_test_add_func ("/aioproc/fuzz/" FUZZ_NAME "/fault", test_fault);
      aioproc_test_add_func ("/aioproc/fuzz/" FUZZ_NAME "/mutations", test_mutations);
    }

  result = g_test_run ();
  g_ptr_array_unref (corpus);
  g_ptr_array_unref (corpus_names);

  return result;
}
