/* test-process-passing.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <aioproc.h>

#include "aioproc-test.h"
#include "process-functions.h"

/* Each kind of object goes to a worker, and from there on to a worker of that, where it is used
 * together with this program.
 */

#define FLOW 5

typedef struct {
  const char   *name;
  gpointer    (*make)   (void);
  /* (nullable) In this program, before the object goes on its way. */
  void        (*before) (gpointer        object,
                         GAsyncResult  **result);
  /* In the worker of the worker. */
  void        (*use)    (gpointer        object);
  /* In this program, when both workers have ended. */
  void        (*after)  (gpointer        object,
                         GAsyncResult  **result);
} Thing;

/* --- Locks: the worker ends with the lock in its hands --- */

static gpointer
make_lock (void)
{
  return aioproc_lock_new (NULL);
}

static void
use_lock (gpointer object)
{
  g_autoptr(GError) error = NULL;

  g_assert_true (aioproc_lock_acquire (object, -1, NULL, &error));
  g_assert_no_error (error);
  g_assert_false (aioproc_lock_get_was_abandoned (object));
}

static void
after_lock (gpointer       object,
            GAsyncResult **result)
{
  g_autoptr(GError) error = NULL;

  g_assert_true (aioproc_lock_acquire (object, -1, NULL, &error));
  g_assert_no_error (error);
  g_assert_true (aioproc_lock_get_was_abandoned (object));
  g_assert_true (aioproc_lock_release (object, &error));
}

static void
before_held_lock (gpointer       object,
                  GAsyncResult **result)
{
  g_assert_true (aioproc_lock_acquire (object, -1, NULL, NULL));
}

static void
use_held_lock (gpointer object)
{
  g_autoptr(GError) error = NULL;

  g_assert_true (aioproc_lock_is_locked (object));
  g_assert_false (aioproc_lock_try_acquire (object, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK);
  g_clear_error (&error);
  g_assert_false (aioproc_lock_release (object, &error));
  g_assert_error (error, AIOPROC_ERROR, AIOPROC_ERROR_NOT_OWNER);
}

static void
after_held_lock (gpointer       object,
                 GAsyncResult **result)
{
  g_assert_true (aioproc_lock_release (object, NULL));
}

static gpointer
make_rlock (void)
{
  return aioproc_rlock_new (NULL);
}

static void
use_rlock (gpointer object)
{
  g_autoptr(GError) error = NULL;

  for (guint i = 0; i < 2; i++)
    {
      g_assert_true (aioproc_rlock_acquire (object, FLOW, -1, NULL, &error));
      g_assert_no_error (error);
    }
}

static void
after_rlock (gpointer       object,
             GAsyncResult **result)
{
  g_autoptr(GError) error = NULL;

  g_assert_true (aioproc_rlock_acquire (object, FLOW, -1, NULL, &error));
  g_assert_no_error (error);
  g_assert_true (aioproc_rlock_get_was_abandoned (object));
  g_assert_cmpuint (aioproc_rlock_get_depth (object, FLOW), ==, 1);
  g_assert_true (aioproc_rlock_release (object, FLOW, &error));
}

/* --- Event --- */

static gpointer
make_event (void)
{
  return aioproc_event_new (NULL);
}

static void
before_event (gpointer       object,
              GAsyncResult **result)
{
  aioproc_event_wait_async (object, -1, NULL, aioproc_test_store_result, result);
}

static void
use_event (gpointer object)
{
  g_assert_true (aioproc_event_set (object, NULL));
}

static void
after_event (gpointer       object,
             GAsyncResult **result)
{
  aioproc_test_wait (result);
  g_assert_true (aioproc_event_wait_finish (object, *result, NULL));
}

/* --- Semaphores: of two units one is held here --- */

static gpointer
make_semaphore (void)
{
  return aioproc_semaphore_new (2, NULL);
}

static gpointer
make_bounded_semaphore (void)
{
  return aioproc_bounded_semaphore_new (2, NULL);
}

static void
before_semaphore (gpointer       object,
                  GAsyncResult **result)
{
  g_assert_true (aioproc_semaphore_acquire (object, -1, NULL, NULL));
}

static void
use_semaphore (gpointer object)
{
  g_autoptr(GError) error = NULL;

  g_assert_cmpuint (aioproc_semaphore_get_value (object), ==, 1);
  g_assert_true (aioproc_semaphore_acquire (object, -1, NULL, &error));
  g_assert_no_error (error);
  g_assert_false (aioproc_semaphore_try_acquire (object, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK);
  g_clear_error (&error);
  g_assert_cmpuint (aioproc_semaphore_get_held (object), ==, 1);

  if (AIOPROC_IS_BOUNDED_SEMAPHORE (object))
    {
      g_assert_false (aioproc_semaphore_post (object, &error));
      g_assert_error (error, AIOPROC_ERROR, AIOPROC_ERROR_INVALID_STATE);
    }
  else
    {
      g_assert_true (aioproc_semaphore_post (object, &error));
      g_assert_no_error (error);
    }
}

static void
after_semaphore (gpointer       object,
                 GAsyncResult **result)
{
  guint n_units = AIOPROC_IS_BOUNDED_SEMAPHORE (object) ? 2 : 3;

  for (guint i = 1; i < n_units; i++)
    g_assert_true (aioproc_semaphore_acquire (object, -1, NULL, NULL));

  g_assert_cmpuint (aioproc_semaphore_get_held (object), ==, n_units);
  g_assert_cmpuint (aioproc_semaphore_get_value (object), ==, 0);
}

/* --- Conditions --- */

static gpointer
make_condition (void)
{
  g_autoptr(AioprocLock) lock = aioproc_lock_new (NULL);

  return aioproc_condition_new (AIOPROC_SHAREABLE (lock), NULL);
}

static gpointer
make_condition_of_rlock (void)
{
  return aioproc_condition_new (NULL, NULL);
}

static void
acquire_lock_of (gpointer condition)
{
  gpointer lock = aioproc_condition_get_lock (condition);

  if (AIOPROC_IS_RLOCK (lock))
    g_assert_true (aioproc_rlock_acquire (lock, FLOW, -1, NULL, NULL));
  else
    g_assert_true (aioproc_lock_acquire (lock, -1, NULL, NULL));
}

static void
release_lock_of (gpointer condition)
{
  gpointer lock = aioproc_condition_get_lock (condition);

  if (AIOPROC_IS_RLOCK (lock))
    g_assert_true (aioproc_rlock_release (lock, FLOW, NULL));
  else
    g_assert_true (aioproc_lock_release (lock, NULL));
}

static void
before_condition (gpointer       object,
                  GAsyncResult **result)
{
  acquire_lock_of (object);
  aioproc_condition_wait_async (object, FLOW, -1, NULL, aioproc_test_store_result, result);
}

static void
use_condition (gpointer object)
{
  g_autoptr(GError) error = NULL;

  acquire_lock_of (object);
  g_assert_true (aioproc_condition_notify_n (object, FLOW, 1, &error));
  g_assert_no_error (error);
  release_lock_of (object);
}

static void
after_condition (gpointer       object,
                 GAsyncResult **result)
{
  aioproc_test_wait (result);
  g_assert_true (aioproc_condition_wait_finish (object, *result, NULL));
  release_lock_of (object);
}

/* --- Barrier: this program and the worker are its parties --- */

static gpointer
make_barrier (void)
{
  return aioproc_barrier_new (2, NULL);
}

static void
before_barrier (gpointer       object,
                GAsyncResult **result)
{
  aioproc_barrier_wait_async (object, -1, NULL, aioproc_test_store_result, result);
}

static void
use_barrier (gpointer object)
{
  g_autoptr(GError) error = NULL;

  g_assert_cmpuint (aioproc_barrier_get_parties (object), ==, 2);
  g_assert_cmpint (aioproc_barrier_wait (object, -1, NULL, &error), ==, 1);
  g_assert_no_error (error);
}

static void
after_barrier (gpointer       object,
               GAsyncResult **result)
{
  aioproc_test_wait (result);
  g_assert_cmpint (aioproc_barrier_wait_finish (object, *result, NULL), ==, 0);
}

/* --- Queue --- */

static gpointer
make_queue (void)
{
  return aioproc_queue_new (0, NULL);
}

static void
before_queue (gpointer       object,
              GAsyncResult **result)
{
  g_assert_true (aioproc_queue_put (object, g_variant_new ("s", "question"), -1, NULL, NULL));
}

static void
use_queue (gpointer object)
{
  g_autoptr(GVariant) item = aioproc_queue_get (object, -1, NULL, NULL);

  aioproc_test_assert_variant (item, g_variant_new ("s", "question"));
  g_assert_true (aioproc_queue_put (object, g_variant_new ("s", "answer"), -1, NULL, NULL));
}

static void
after_queue (gpointer       object,
             GAsyncResult **result)
{
  g_autoptr(GVariant) item = aioproc_queue_get (object, -1, NULL, NULL);

  aioproc_test_assert_variant (item, g_variant_new ("s", "answer"));
}

static gpointer
make_joinable_queue (void)
{
  return aioproc_joinable_queue_new (0, NULL);
}

static void
use_joinable_queue (gpointer object)
{
  g_autoptr(GVariant) item = aioproc_queue_get (object, -1, NULL, NULL);
  g_autoptr(GError) error = NULL;

  aioproc_test_assert_variant (item, g_variant_new ("s", "question"));
  g_assert_true (aioproc_joinable_queue_task_done (object, &error));
  g_assert_no_error (error);
}

static void
after_joinable_queue (gpointer       object,
                      GAsyncResult **result)
{
  g_autoptr(GError) error = NULL;

  g_assert_true (aioproc_joinable_queue_join (object, -1, NULL, &error));
  g_assert_no_error (error);
}

static gpointer
make_simple_queue (void)
{
  return aioproc_simple_queue_new (NULL);
}

static void
before_simple_queue (gpointer       object,
                     GAsyncResult **result)
{
  g_assert_true (aioproc_simple_queue_put (object, g_variant_new ("s", "question"), -1, NULL,
                                           NULL));
}

static void
use_simple_queue (gpointer object)
{
  g_autoptr(GVariant) item = aioproc_simple_queue_get (object, -1, NULL, NULL);

  aioproc_test_assert_variant (item, g_variant_new ("s", "question"));
  g_assert_true (aioproc_simple_queue_put (object, g_variant_new ("s", "answer"), -1, NULL,
                                           NULL));
}

static void
after_simple_queue (gpointer       object,
                    GAsyncResult **result)
{
  g_autoptr(GVariant) item = aioproc_simple_queue_get (object, -1, NULL, NULL);

  aioproc_test_assert_variant (item, g_variant_new ("s", "answer"));
}

/* --- Shared memory --- */

static gpointer
make_memory (void)
{
  g_autoptr(GBytes) bytes = g_bytes_new_static ("question", 8);

  return aioproc_shared_memory_new_from_bytes (bytes, NULL);
}

static gpointer
make_memory_for_reading (void)
{
  g_autoptr(AioprocSharedMemory) memory = make_memory ();

  return aioproc_shared_memory_dup_read_only (memory, NULL);
}

static void
assert_memory (gpointer    object,
               const char *expected)
{
  g_autoptr(GBytes) bytes = aioproc_shared_memory_dup_bytes (object, NULL);

  g_assert_cmpmem (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes), expected, 8);
}

static void
use_memory (gpointer object)
{
  g_autoptr(GBytes) bytes = g_bytes_new_static ("response", 8);
  g_autoptr(GError) error = NULL;

  assert_memory (object, "question");

  if (aioproc_shared_memory_get_read_only (object))
    {
      g_assert_false (aioproc_shared_memory_write_bytes (object, 0, bytes, &error));
      g_assert_error (error, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED);
    }
  else
    {
      g_assert_true (aioproc_shared_memory_write_bytes (object, 0, bytes, &error));
      g_assert_no_error (error);
    }
}

static void
after_memory (gpointer       object,
              GAsyncResult **result)
{
  assert_memory (object, aioproc_shared_memory_get_read_only (object) ? "question" : "response");
}

/* --- Value and array: the worker ends with the lock in its hands --- */

static gpointer
make_value (void)
{
  return aioproc_value_new (g_variant_new_int64 (5), NULL);
}

static void
use_value (gpointer object)
{
  AioprocShareable *lock = aioproc_value_get_lock (object);

  g_assert_true (aioproc_rlock_acquire (AIOPROC_RLOCK (lock), FLOW, -1, NULL, NULL));
  g_assert_true (aioproc_value_add (object, 6, NULL, NULL));
}

static void
after_value (gpointer       object,
             GAsyncResult **result)
{
  g_autoptr(GVariant) number = aioproc_value_get (object, NULL);

  g_assert_cmpint (g_variant_get_int64 (number), ==, 11);
  after_rlock (aioproc_value_get_lock (object), result);
}

static gpointer
make_array (void)
{
  return g_initable_new (AIOPROC_TYPE_ARRAY, NULL, NULL,
                         "type-string", "d",
                         "length", (guint64) 1000,
                         "unlocked", TRUE,
                         NULL);
}

static void
use_array (gpointer object)
{
  g_assert_null (aioproc_array_get_lock (object));
  g_assert_true (aioproc_array_set (object, 999, g_variant_new_double (0.5), NULL));
}

static void
after_array (gpointer       object,
             GAsyncResult **result)
{
  const double *numbers = aioproc_array_get_data (object);

  g_assert_cmpfloat (numbers[0], ==, 0);
  g_assert_cmpfloat (numbers[999], ==, 0.5);
}

/* --- List --- */

static gpointer
make_list (void)
{
  return aioproc_shared_list_new (g_variant_new ("(si)", "question", 5), NULL);
}

static void
use_list (gpointer object)
{
  g_autoptr(GVariant) item = aioproc_shared_list_get (object, 0, NULL);

  aioproc_test_assert_variant (item, g_variant_new ("s", "question"));
  g_assert_true (aioproc_shared_list_set (object, 0, g_variant_new_string ("answer"), NULL));
}

static void
after_list (gpointer       object,
            GAsyncResult **result)
{
  g_autoptr(GVariant) item = aioproc_shared_list_get (object, 0, NULL);

  aioproc_test_assert_variant (item, g_variant_new ("s", "answer"));
}

static const Thing things[] = {
  { "lock", make_lock, NULL, use_lock, after_lock },
  { "lock/held", make_lock, before_held_lock, use_held_lock, after_held_lock },
  { "rlock", make_rlock, NULL, use_rlock, after_rlock },
  { "event", make_event, before_event, use_event, after_event },
  { "semaphore", make_semaphore, before_semaphore, use_semaphore, after_semaphore },
  { "bounded-semaphore", make_bounded_semaphore, before_semaphore, use_semaphore,
    after_semaphore },
  { "condition/lock", make_condition, before_condition, use_condition, after_condition },
  { "condition/rlock", make_condition_of_rlock, before_condition, use_condition,
    after_condition },
  { "barrier", make_barrier, before_barrier, use_barrier, after_barrier },
  { "queue", make_queue, before_queue, use_queue, after_queue },
  { "joinable-queue", make_joinable_queue, before_queue, use_joinable_queue,
    after_joinable_queue },
  { "simple-queue", make_simple_queue, before_simple_queue, use_simple_queue,
    after_simple_queue },
  { "shared-memory", make_memory, NULL, use_memory, after_memory },
  { "shared-list", make_list, NULL, use_list, after_list },
  { "value", make_value, NULL, use_value, after_value },
  { "array", make_array, NULL, use_array, after_array },
  { "shared-memory/read-only", make_memory_for_reading, NULL, use_memory, after_memory },
};

/* --- The way --- */

/* (iuhh): the start method, what it is, and the object twice. */
static AioprocMessage *
new_message (AioprocStartMethod   method,
             guint                index,
             gpointer             object,
             GError             **error)
{
  g_autoptr(AioprocMessage) message = aioproc_message_new (NULL);
  int handles[2];

  for (guint i = 0; i < 2; i++)
    {
      handles[i] = aioproc_message_append_object (message, object, error);

      if (handles[i] < 0)
        return NULL;
    }

  aioproc_message_set_body (message, g_variant_new ("(iuhh)", method, index, handles[0],
                                                    handles[1]));

  return g_steal_pointer (&message);
}

/* The object, which came twice. */
static GObject *
receive (AioprocCall         *call,
         AioprocStartMethod  *method,
         guint32             *index,
         GError             **error)
{
  g_autoptr(GObject) object = NULL;
  g_autoptr(GObject) same = NULL;
  int handles[2];
  int number;

  if (!aioproc_call_get_arguments (call, error, "(iuhh)", &number, index, &handles[0],
                                   &handles[1]))
    return NULL;

  *method = (AioprocStartMethod) number;
  object = aioproc_call_dup_object (call, handles[0], error);
  same = object != NULL ? aioproc_call_dup_object (call, handles[1], error) : NULL;

  if (same == NULL)
    return NULL;

  g_assert_true (object == same);

  return g_steal_pointer (&object);
}

static GObject *kept;      /* (owned) in the worker */

static GVariant *
use (AioprocCall  *call,
     gpointer      user_data,
     GError      **error)
{
  g_autoptr(GObject) object = NULL;
  AioprocStartMethod method;
  guint32 index;

  object = receive (call, &method, &index, error);

  if (object == NULL)
    return NULL;

  /* What it holds, it holds to its end. */
  kept = g_object_ref (object);
  things[index].use (object);

  return g_variant_new ("(i)", method);
}

/* Gives it to a worker of its own; and, when that has ended, back to where it came from. */
static GVariant *
pass_on (AioprocCall  *call,
         gpointer      user_data,
         GError      **error)
{
  g_autoptr(GObject) object = NULL;
  g_autoptr(AioprocContext) context = NULL;
  g_autoptr(AioprocProcess) process = NULL;
  g_autoptr(AioprocMessage) message = NULL;
  g_autoptr(GVariant) value = NULL;
  AioprocStartMethod method;
  guint32 index;

  object = receive (call, &method, &index, error);

  if (object == NULL)
    return NULL;

  context = test_context_new (method);
  message = new_message (method, index, object, error);

  if (message == NULL)
    return NULL;

  process = aioproc_process_new_with_message (context, "use", message);

  if (!aioproc_process_start (process, NULL, error) ||
      !aioproc_process_join (process, -1, NULL, error))
    return NULL;

  value = aioproc_process_dup_result (process, error);
  g_clear_object (&message);
  message = value != NULL ? new_message (method, index, object, error) : NULL;

  if (message != NULL)
    aioproc_call_return_message (call, message);

  return NULL;
}

static void
check_same (AioprocMessage *message,
            gpointer        object)
{
  g_autoptr(GVariant) body = aioproc_message_dup_body (message);
  int handles[2];

  g_variant_get (body, "(iuhh)", NULL, NULL, &handles[0], &handles[1]);

  for (guint i = 0; i < 2; i++)
    {
      g_autoptr(GError) error = NULL;
      g_autoptr(GObject) same = aioproc_message_dup_object (message, handles[i], &error);

      g_assert_no_error (error);
      g_assert_true (same == object);
    }
}

typedef struct {
  guint              index;
  AioprocStartMethod method;
} Case;

static void
test_process_passing (gconstpointer data)
{
  const Case *self = data;
  const Thing *thing = &things[self->index];
  g_autoptr(AioprocContext) context = test_context_new (self->method);
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(AioprocMessage) message = NULL;
  g_autoptr(AioprocMessage) answer = NULL;
  g_autoptr(AioprocProcess) process = NULL;
  g_autoptr(GError) error = NULL;
  g_autoptr(GObject) object = NULL;

  g_test_summary ("An object goes on to a worker’s worker, and is used there, and is one object");

  object = thing->make ();
  g_assert_nonnull (object);
  message = new_message (self->method, self->index, object, &error);
  g_assert_no_error (error);

  if (thing->before != NULL)
    thing->before (object, &result);

  process = test_start_with_message (context, "pass-on", message);
  test_join (process);
  answer = aioproc_process_dup_result_message (process, &error);
  g_assert_no_error (error);
  check_same (answer, object);
  thing->after (object, &result);
}

int
main (int   argc,
      char *argv[])
{
  aioproc_worker_add_function ("pass-on", pass_on, NULL, NULL);
  aioproc_worker_add_function ("use", use, NULL, NULL);
  test_functions_init ();
  aioproc_test_init (&argc, &argv);

  for (guint i = 0; i < 2 * G_N_ELEMENTS (things); i++)
    {
      gboolean spawn = i % 2 == 0;
      g_autofree char *path = g_strdup_printf ("/aioproc/process-passing/%s/%s",
                                               things[i / 2].name,
                                               spawn ? "spawn" : "forkserver");
      Case *test_case = g_new (Case, 1);

      *test_case = (Case) {
        .index = i / 2,
        .method = spawn ? AIOPROC_START_METHOD_SPAWN : AIOPROC_START_METHOD_FORKSERVER,
      };
      aioproc_test_add_data_func_full (path, test_case, test_process_passing, g_free);
    }

  return g_test_run ();
}
