/* fuzz-queue.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* A queue in shared memory, by turns used by this process and written to by a hostile one. As long
 * as that has written nothing, all that is put comes out once and whole; later each function
 * returns, with a result or an error that it is documented to have.
 */

#include "fuzz.h"

#include "aioproc-error.h"
#include "aioproc-joinable-queue.h"
#include "fuzz-queue-peer.h"

#define MAX_ITEMS  256
#define MAX_OPS    256
#define MAX_LEASES 8
#define MAX_HELD   8
/* Payloads of one input. */
#define MAX_BYTES  (1024 * 1024)

/* Too small to be told from others of its size. */
#define NO_SERIAL  G_MAXUINT
#define SERIAL_MIN sizeof (guint32)

typedef struct {
  AioprocQueue      *queue;       /* (owned) */
  gboolean           joinable;
  AioprocQueueLease *leases[MAX_LEASES];   /* (owned) (nullable) */
  guint              serials[MAX_LEASES];  /* of what they lease */
  GBytes            *held[MAX_HELD];       /* (owned) (nullable) bytes that are kept */
  guint8             held_sums[MAX_HELD];  /* of what is in them */
  guint              tasks[MAX_ITEMS];     /* got from a joinable queue and not done, in order */
  guint              n_tasks;

  /* What there should be. */
  gboolean           is_in[MAX_ITEMS];
  gsize              sizes[MAX_ITEMS];
  guint              n_serials;
  guint              n_in;
  gboolean           dropped;

  gsize              n_bytes;     /* put, ever */
} FuzzQueue;

static const gsize sizes[] = {
  0, 3, 4, 8, 16, 64, 79, 80, 81, 255, 256, 257, 320, 321, 4000, 4095, 4096, 4097, 8192, 32768,
  32769, 65535, 65536, 65537, 70000, 131072, 131073, 140000,
};

/* The writes of the peer are not known of. */
gboolean fuzz_has_fault;

static gboolean
is_touched (void)
{
  return peer_has_written () && !fuzz_has_fault;
}

/* --- Items --- */

static guint8
get_filler (guint serial)
{
  return serial == NO_SERIAL ? 0xa5 : (guint8) (37 * serial + 1);
}

static GBytes *
make_payload (FuzzQueue *self,
              gsize      size,
              guint     *serial)
{
  guint8 *data;

  if (self->n_bytes + size > MAX_BYTES || (size >= SERIAL_MIN && self->n_serials == MAX_ITEMS))
    size = SERIAL_MIN - 1;

  *serial = size < SERIAL_MIN ? NO_SERIAL : self->n_serials++;
  data = g_malloc (MAX (size, 1));
  memset (data, get_filler (*serial), size);

  if (*serial != NO_SERIAL)
    {
      memcpy (data, serial, SERIAL_MIN);
      self->sizes[*serial] = size;
    }

  self->n_bytes += size;

  return g_bytes_new_take (data, size);
}

/* From this size on no values that GLib checks byte by byte. */
#define LARGE_MIN 5000

/* The same as a value of one of three types, of which one is bytes to a queue. */
static GVariant *
make_value (FuzzQueue *self,
            gsize      size,
            guint     *serial)
{
  g_autoptr(GBytes) bytes = make_payload (self, size, serial);
  gboolean large = g_bytes_get_size (bytes) >= LARGE_MIN;
  GVariant *array;

  if (large && size % 8 == 0)
    return g_variant_new_from_bytes (G_VARIANT_TYPE ("at"), bytes, TRUE);

  array = g_variant_new_from_bytes (G_VARIANT_TYPE_BYTESTRING, bytes, TRUE);

  return large || size % 3 == 0 ? array : g_variant_new ("(uv)", *serial, array);
}

static void
came_in (FuzzQueue *self,
         guint      serial)
{
  self->n_in++;

  if (serial == NO_SERIAL)
    return;

  if (!is_touched ())
    g_assert_false (self->is_in[serial]);

  self->is_in[serial] = TRUE;
}

/* Checks what came out, as far as anything can be said of it. Returns its serial. */
static guint
came_out (FuzzQueue    *self,
          const guint8 *data,
          gsize         size)
{
  guint serial = NO_SERIAL;
  guint8 filler;

  self->n_in -= self->n_in > 0;

  if (size >= SERIAL_MIN)
    memcpy (&serial, data, SERIAL_MIN);

  if (is_touched ())
    return serial < self->n_serials ? serial : NO_SERIAL;

  filler = get_filler (serial);

  if (serial == NO_SERIAL)
    {
      g_assert_cmpuint (size, <, SERIAL_MIN);
    }
  else
    {
      g_assert_cmpuint (serial, <, self->n_serials);
      g_assert_true (self->is_in[serial]);
      g_assert_cmpuint (size, ==, self->sizes[serial]);
      self->is_in[serial] = FALSE;
      data += SERIAL_MIN;
      size -= SERIAL_MIN;
    }

  if (size > 0)
    g_assert_true (data[0] == filler && memcmp (data, data + 1, size - 1) == 0);

  return serial;
}

static guint
value_came_out (FuzzQueue *self,
                GVariant  *value)
{
  g_autoptr(GVariant) array = NULL;
  g_autofree char *text = NULL;
  guint serial;

  if (g_variant_is_of_type (value, G_VARIANT_TYPE ("(uv)")))
    g_variant_get (value, "(uv)", &serial, &array);
  else
    array = g_variant_ref (value);

  if (g_variant_is_of_type (array, G_VARIANT_TYPE_BYTESTRING) ||
      g_variant_is_of_type (array, G_VARIANT_TYPE ("at")))
    return came_out (self, g_variant_get_data (array), g_variant_get_size (array));

  /* A peer made something else of it, which is a value nevertheless. */
  g_assert_true (is_touched ());
  g_assert_true (g_variant_is_normal_form (value));
  text = g_variant_print (value, TRUE);
  g_assert_nonnull (text);

  return NO_SERIAL;
}

static guint
bytes_came_out (FuzzQueue *self,
                GBytes    *bytes)
{
  gsize size;
  gconstpointer data = g_bytes_get_data (bytes, &size);

  return came_out (self, data, size);
}

/* --- Outcomes --- */

static void
assert_outcome (gboolean  success,
                GError   *error,
                gboolean  may_be_invalid)
{
  g_assert_true (success == (error == NULL));

  if (success)
    return;

  if (error->domain == AIOPROC_ERROR)
    {
      g_assert_true (error->code == AIOPROC_ERROR_NOT_OWNER ||
                     error->code == AIOPROC_ERROR_INVALID_STATE);
      return;
    }

  g_assert_cmpstr (g_quark_to_string (error->domain), ==, g_quark_to_string (G_IO_ERROR));

  switch (error->code)
    {
    case G_IO_ERROR_WOULD_BLOCK:
    case G_IO_ERROR_CLOSED:
    case G_IO_ERROR_NO_SPACE:
    case G_IO_ERROR_MESSAGE_TOO_LARGE:
      break;

    case G_IO_ERROR_INVALID_DATA:
      g_assert_true (may_be_invalid || is_touched ());
      break;

    default:
      g_error ("Unexpected error: %s", error->message);
    }
}

/* --- Operations --- */

static gsize
take_size (FuzzInput *input)
{
  guint8 byte = fuzz_input_take_byte (input);

  return byte < 128 ? sizes[byte % G_N_ELEMENTS (sizes)] : byte;
}

static void
put (FuzzQueue *self,
     FuzzInput *input,
     gboolean   as_bytes)
{
  g_autoptr(GError) error = NULL;
  gsize size = take_size (input);
  gboolean success;
  guint serial;

  if (as_bytes)
    {
      g_autoptr(GBytes) bytes = make_payload (self, size, &serial);

      success = aioproc_queue_try_put_bytes (self->queue, bytes, &error);
    }
  else
    {
      success = aioproc_queue_try_put (self->queue, make_value (self, size, &serial), &error);
    }

  assert_outcome (success, error, FALSE);

  if (success)
    came_in (self, serial);
}

static void
put_many (FuzzQueue *self,
          FuzzInput *input,
          gboolean   as_bytes)
{
  g_autoptr(GPtrArray) items = NULL;
  g_autoptr(GError) error = NULL;
  guint n_items = 1 + fuzz_input_take_byte (input) % 12;
  guint serials[12];
  guint n_put;

  items = g_ptr_array_new_with_free_func (as_bytes ? (GDestroyNotify) g_bytes_unref
                                                   : (GDestroyNotify) g_variant_unref);

  for (guint i = 0; i < n_items; i++)
    {
      gsize size = take_size (input);

      if (as_bytes)
        g_ptr_array_add (items, make_payload (self, size, &serials[i]));
      else
        g_ptr_array_add (items, g_variant_ref_sink (make_value (self, size, &serials[i])));
    }

  if (as_bytes)
    n_put = aioproc_queue_try_put_many_bytes (self->queue, (GBytes **) items->pdata, n_items,
                                              &error);
  else
    n_put = aioproc_queue_try_put_many (self->queue, (GVariant **) items->pdata, n_items, &error);

  g_assert_cmpuint (n_put, <=, n_items);
  /* What stops a batch half-way is told to the next. */
  assert_outcome (n_put > 0, error, FALSE);

  for (guint i = 0; i < n_put; i++)
    came_in (self, serials[i]);
}

/* What was got; a joinable queue waits until it is done. */
static void
add_task (FuzzQueue *self,
          guint      serial)
{
  if (!is_touched ())
    g_assert_false (self->dropped);

  if (self->joinable && self->n_tasks < MAX_ITEMS)
    self->tasks[self->n_tasks++] = serial;
}

/* Large bytes lie in the memory of the queue, where nobody but the peer may write to them. */
static guint8
add_up (GBytes *bytes)
{
  gsize size;
  const guint8 *data = g_bytes_get_data (bytes, &size);
  guint8 sum = 0;

  for (gsize i = 0; i < size; i++)
    sum += data[i];

  return sum;
}

static void
let_go (FuzzQueue *self,
        guint      index)
{
  if (self->held[index] == NULL)
    return;

  if (!is_touched ())
    g_assert_cmpuint (add_up (self->held[index]), ==, self->held_sums[index]);

  g_clear_pointer (&self->held[index], g_bytes_unref);
}

/* In place of those that were kept so before. */
static void
keep (FuzzQueue *self,
      FuzzInput *input,
      GBytes    *bytes)
{
  guint index = fuzz_input_take_byte (input) % (2 * MAX_HELD);

  if (index >= MAX_HELD)
    return;

  let_go (self, index);

  if (g_bytes_get_size (bytes) > MAX_BYTES)
    return;

  self->held_sums[index] = add_up (bytes);
  self->held[index] = g_bytes_ref (bytes);
}

static void
get (FuzzQueue *self,
     FuzzInput *input,
     gboolean   as_bytes)
{
  g_autoptr(GVariant) value = NULL;
  g_autoptr(GBytes) bytes = NULL;
  g_autoptr(GError) error = NULL;

  if (as_bytes)
    bytes = aioproc_queue_try_get_bytes (self->queue, &error);
  else
    value = aioproc_queue_try_get (self->queue, &error);

  assert_outcome (value != NULL || bytes != NULL, error, as_bytes);

  if (bytes != NULL)
    {
      add_task (self, bytes_came_out (self, bytes));
      keep (self, input, bytes);
    }
  else if (value != NULL)
    {
      add_task (self, value_came_out (self, value));
    }
}

static void
get_many (FuzzQueue *self,
          FuzzInput *input,
          gboolean   as_bytes)
{
  guint max_items = 1 + fuzz_input_take_byte (input) % 300;
  g_autoptr(GPtrArray) items = NULL;
  g_autoptr(GError) error = NULL;

  if (as_bytes)
    items = aioproc_queue_try_get_many_bytes (self->queue, max_items, &error);
  else
    items = aioproc_queue_try_get_many (self->queue, max_items, &error);

  assert_outcome (items != NULL, error, as_bytes);

  if (items == NULL)
    return;

  g_assert_true (items->len > 0 && items->len <= max_items);

  for (guint i = 0; i < items->len; i++)
    add_task (self, as_bytes ? bytes_came_out (self, items->pdata[i])
                             : value_came_out (self, items->pdata[i]));
}

static void
get_leased (FuzzQueue *self,
            FuzzInput *input)
{
  guint index = fuzz_input_take_byte (input) % MAX_LEASES;
  g_autoptr(GError) error = NULL;
  AioprocQueueLease *lease;

  if (self->leases[index] != NULL)
    return;

  lease = aioproc_queue_try_get_leased (self->queue, &error);
  assert_outcome (lease != NULL, error, FALSE);

  if (lease == NULL)
    return;

  g_assert_true (aioproc_queue_lease_is_open (lease));
  self->serials[index] = value_came_out (self, aioproc_queue_lease_get_value (lease));
  self->leases[index] = lease;
}

static void
drop_lease (FuzzQueue *self,
            guint      index)
{
  gboolean open = aioproc_queue_lease_is_open (self->leases[index]);

  g_clear_object (&self->leases[index]);

  if (open)
    came_in (self, self->serials[index]);
}

static void
end_lease (FuzzQueue *self,
           FuzzInput *input)
{
  guint8 byte = fuzz_input_take_byte (input);
  guint index = byte % MAX_LEASES;
  AioprocQueueLease *lease = self->leases[index];
  g_autoptr(GError) error = NULL;
  gboolean ended;
  gboolean open;

  if (lease == NULL)
    return;

  open = aioproc_queue_lease_is_open (lease);

  switch (byte / MAX_LEASES % 3)
    {
    case 0:
      ended = aioproc_queue_lease_ack (lease, &error);
      break;

    case 1:
      ended = aioproc_queue_lease_nack (lease, &error);

      if (ended)
        came_in (self, self->serials[index]);

      break;

    default:
      drop_lease (self, index);
      return;
    }

  assert_outcome (ended, error, FALSE);

  /* Nothing else can have become of it. */
  if (!is_touched ())
    g_assert_true (open == ended);
}

static void
get_failed (FuzzQueue *self)
{
  g_autoptr(AioprocQueueFailure) failure = NULL;
  g_autoptr(GError) error = NULL;

  failure = aioproc_queue_try_get_failed (self->queue, &error);
  assert_outcome (failure != NULL, error, FALSE);

  if (failure == NULL)
    return;

  g_assert_cmpuint (g_variant_n_children (aioproc_queue_failure_get_history (failure)), <=, 4);
  g_assert_cmpuint (aioproc_queue_failure_get_n_failures (failure), <=, 65535);
  value_came_out (self, aioproc_queue_failure_get_value (failure));
}

static void
task_done (FuzzQueue *self)
{
  g_autoptr(GError) error = NULL;
  gboolean done;

  if (!self->joinable)
    return;

  done = aioproc_joinable_queue_task_done (AIOPROC_JOINABLE_QUEUE (self->queue), &error);
  assert_outcome (done, error, FALSE);

  if (!is_touched ())
    g_assert_true (done == (self->n_tasks > 0));

  if (self->n_tasks > 0)
    memmove (self->tasks, self->tasks + 1, --self->n_tasks * sizeof (self->tasks[0]));
}

static void
try_join (FuzzQueue *self)
{
  g_autoptr(GError) error = NULL;
  gboolean joined;

  if (!self->joinable)
    return;

  joined = aioproc_joinable_queue_try_join (AIOPROC_JOINABLE_QUEUE (self->queue), &error);
  assert_outcome (joined, error, FALSE);
}

static void
count (FuzzQueue *self)
{
  guint n_items = aioproc_queue_get_size (self->queue);
  guint n_failed = aioproc_queue_get_n_failed (self->queue);
  gboolean empty = aioproc_queue_is_empty (self->queue);

  aioproc_queue_get_n_bytes (self->queue);
  aioproc_queue_is_full (self->queue);
  aioproc_queue_is_closed (self->queue);
  aioproc_queue_get_peak_items (self->queue);
  aioproc_queue_get_peak_bytes (self->queue);

  if (is_touched ())
    return;

  g_assert_true (empty == (n_items == 0));

  if (!self->dropped)
    g_assert_cmpuint (n_items + n_failed, ==, self->n_in);
  else
    g_assert_cmpuint (n_items, ==, 0);
}

static void
close_queue (FuzzQueue *self,
             FuzzInput *input)
{
  gboolean immediate = fuzz_input_take_byte (input) % 2;
  g_autoptr(GError) error = NULL;
  gboolean closed = aioproc_queue_close (self->queue, immediate, &error);

  assert_outcome (closed, error, FALSE);
  self->dropped |= immediate;
}

/* --- The object --- */

static gboolean
attach (FuzzQueue *self,
        gboolean   anew)
{
  g_autoptr(GError) error = NULL;

  self->queue = peer_attach (anew, &error);
  assert_outcome (self->queue != NULL, error, FALSE);

  return self->queue != NULL;
}

static void
detach (FuzzQueue *self)
{
  /* The tasks of the object come back. */
  for (guint i = 0; i < self->n_tasks; i++)
    came_in (self, self->tasks[i]);

  self->n_tasks = 0;
  g_assert_finalize_object (g_steal_pointer (&self->queue));
}

static void
run_op (FuzzQueue *self,
        FuzzInput *input)
{
  guint8 op = fuzz_input_take_byte (input);

  switch (op % 20)
    {
    case 0:
      peer_write (input);
      break;

    case 1:
      peer_forge (input);
      break;

    case 2:
      peer_arm (input);
      break;

    case 3:
      put (self, input, TRUE);
      break;

    case 4:
      put (self, input, FALSE);
      break;

    case 5:
      put_many (self, input, TRUE);
      break;

    case 6:
      put_many (self, input, FALSE);
      break;

    case 7:
      get (self, input, TRUE);
      break;

    case 8:
      get (self, input, FALSE);
      break;

    case 9:
      get_many (self, input, TRUE);
      break;

    case 10:
      get_many (self, input, FALSE);
      break;

    case 11:
      get_leased (self, input);
      break;

    case 12:
      end_lease (self, input);
      break;

    case 13:
      get_failed (self);
      break;

    case 14:
      task_done (self);
      break;

    case 15:
      try_join (self);
      break;

    case 16:
      count (self);
      break;

    case 17:
      close_queue (self, input);
      break;

    case 18:
      peer_pass_time ((guint64) fuzz_input_take_byte (input) * 20 * G_TIME_SPAN_MILLISECOND);
      peer_run_work ();
      break;

    default:
      detach (self);
      attach (self, fuzz_input_take_byte (input) % 4 == 0);
      break;
    }
}

int
LLVMFuzzerTestOneInput (const guint8 *data,
                        gsize         size)
{
  static const guint64 max_bytes[] = { 0, 0, 1000, 100000 };
  FuzzInput input = { data, size };
  FuzzQueue self = { 0 };
  guint8 flags = fuzz_input_take_byte (&input);
  PeerConfig config;

  self.joinable = (flags & 1) != 0;
  config.max_items = (flags & 2) != 0 ? 1 + fuzz_input_take_byte (&input) : 0;
  config.max_deliveries = (flags >> 2) & 3;
  config.max_bytes = max_bytes[(flags >> 4) & 3];
  peer_begin (self.joinable ? AIOPROC_SHM_JOINABLE_QUEUE : AIOPROC_SHM_QUEUE, &config);

  /* Before anybody has looked at it. */
  if ((flags & 0x80) != 0)
    peer_write (&input);

  if (attach (&self, (flags & 0x40) != 0))
    {
      for (guint i = 0; i < MAX_OPS && input.left > 0 && self.queue != NULL; i++)
        run_op (&self, &input);

      for (guint i = 0; i < MAX_LEASES; i++)
        if (self.leases[i] != NULL)
          drop_lease (&self, i);

      if (self.queue != NULL)
        {
          count (&self);
          detach (&self);
        }

      /* What is left of the queue in this process. */
      for (guint i = 0; i < MAX_HELD; i++)
        let_go (&self, i);
    }

  peer_run_work ();
  peer_end ();

  return 0;
}
