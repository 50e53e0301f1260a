/* test-memory.vala
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* Shared memory, values, arrays and lists as a Vala program has them, and batches of a queue. */

void assert_content (Aioproc.SharedMemory memory, string content) throws Error {
  assert_true (memory.read_bytes (0, content.length).compare (new Bytes (content.data)) == 0);
}

void test_memory () throws Error {
  var memory = new Aioproc.SharedMemory (100);
  assert_true (memory is Aioproc.Shareable);
  assert_cmpuint ((uint) memory.get_size (), CompareOperator.EQ, 100);
  assert_true (memory.write_bytes (0, new Bytes ("content".data)));
  assert_content (memory, "content");

  // Those of dup_bytes() lie in the memory.
  var inside = memory.dup_bytes ();
  assert_true (memory.write_bytes (0, new Bytes ("CON".data)));
  assert_true (inside.slice (0, 7).compare (new Bytes ("CONtent".data)) == 0);

  memory = new Aioproc.SharedMemory.from_bytes (new Bytes ("text".data));
  assert_content (memory, "text");
  assert_cmpuint ((uint) memory.get_size (), CompareOperator.EQ, 4);
}

void test_memory_larger () throws Error {
  var memory = (Aioproc.SharedMemory) Initable.@new (typeof (Aioproc.SharedMemory), null,
                                                     "name", "frames",
                                                     "size", (uint64) 3,
                                                     "max-size", (uint64) 20000);
  assert_cmpstr (memory.name, CompareOperator.EQ, "frames");
  assert_true (memory.max_size >= 20000);
  assert_true (memory.write_bytes (0, new Bytes ("abc".data)));
  assert_true (memory.resize (20000));
  assert_true (memory.size == 20000);
  assert_content (memory, "abc");
  try {
    memory.read_bytes (19999, 2);
    assert_not_reached ();
  } catch (IOError.INVALID_ARGUMENT e) {
    assert_true ("frames" in e.message);
  }

  var reader = memory.dup_read_only ();
  assert_true (reader.read_only && !memory.read_only);
  assert_content (reader, "abc");
  try {
    reader.write_bytes (0, new Bytes ("x".data));
    assert_not_reached ();
  } catch (IOError.PERMISSION_DENIED e) {
  }
}

void test_value () throws Error {
  var value = new Aioproc.Value (new Variant.uint32 (7));
  int64 old;

  assert_cmpstr (value.get_type_string (), CompareOperator.EQ, "u");
  assert_true (value.get_lock () is Aioproc.RLock);
  assert_true (value.add (-3, out old));
  assert_true (old == 7);
  assert_false (value.compare_and_swap (3, 9, out old));
  assert_true (old == 4);
  assert_true (value.compare_and_swap (4, 9, out old));
  assert_cmpuint (value.@get ().get_uint32 (), CompareOperator.EQ, 9);
  assert_true (value.@set (new Variant.uint32 (1)));
  assert_cmpuint (value.@get ().get_uint32 (), CompareOperator.EQ, 1);

  var bare = (Aioproc.Value) Initable.@new (typeof (Aioproc.Value), null,
                                            "value", new Variant.double (0.5),
                                            "unlocked", true);
  assert_null (bare.get_lock ());
  try {
    bare.add (1, out old);
    assert_not_reached ();
  } catch (IOError.NOT_SUPPORTED e) {
  }
  try {
    new Aioproc.Value (new Variant.string ("text"));
    assert_not_reached ();
  } catch (IOError.INVALID_ARGUMENT e) {
  }
}

void test_array () throws Error {
  var array = new Aioproc.Array ("x", 3);
  int64 old;

  assert_cmpuint ((uint) array.get_length (), CompareOperator.EQ, 3);
  assert_true (array.set_slice (1, new Variant ("ax", null)));
  assert_true (array.@set (1, new Variant.int64 (-5)));
  assert_true (array.add (1, 2, out old));
  assert_true (old == -5);
  assert_true (array.compare_and_swap (1, -3, 6, out old));
  assert_cmpstr (array.get_slice (0, 3).print (false), CompareOperator.EQ, "[0, 6, 0]");
  assert_true (array.@get (1).get_int64 () == 6);
  assert_cmpuint ((uint) array.dup_bytes ().get_size (), CompareOperator.EQ, 24);
  try {
    array.@get (3);
    assert_not_reached ();
  } catch (IOError.INVALID_ARGUMENT e) {
  }

  array = new Aioproc.Array.from_variant (new Variant.parsed ("[true, false]"));
  assert_cmpstr (array.get_type_string (), CompareOperator.EQ, "b");
  assert_true (array.@get (0).get_boolean ());
}

void test_list () throws Error {
  var list = new Aioproc.SharedList (new Variant.parsed ("('idle', 0, 0.5)"));
  uint index;

  assert_cmpuint (list.get_length (), CompareOperator.EQ, 3);
  assert_true (list.@set (1, new Variant.string ("text")));
  assert_cmpstr (list.@get (1).get_string (), CompareOperator.EQ, "text");
  assert_true (list.find (new Variant.double (0.5), out index));
  assert_cmpuint (index, CompareOperator.EQ, 2);
  assert_false (list.find (new Variant.double (1), out index));
  assert_true (list.dup_items ().n_children () == 3);
  assert_cmpuint ((uint) list.get_room (1), CompareOperator.EQ, 16);
  try {
    list.@set (1, new Variant.string (string.nfill (100, 'x')));
    assert_not_reached ();
  } catch (IOError.MESSAGE_TOO_LARGE e) {
  }
  try {
    list.@get (3);
    assert_not_reached ();
  } catch (IOError.INVALID_ARGUMENT e) {
  }
}

async void test_batches () throws Error {
  var queue = new Aioproc.Queue (0);
  Variant[] values = { new Variant.int32 (1), new Variant.string ("two"), new Variant.int32 (3) };
  Bytes[] items = { new Bytes ("one".data), new Bytes ("two".data) };

  assert_cmpuint (queue.put_many (values, -1), CompareOperator.EQ, 3);
  var got = queue.get_many (2, -1);
  assert_cmpuint (got.length, CompareOperator.EQ, 2);
  assert_cmpint (got[0].get_int32 (), CompareOperator.EQ, 1);
  assert_cmpstr (got[1].get_string (), CompareOperator.EQ, "two");
  got = yield queue.get_many_async (10, -1, null);
  assert_cmpuint (got.length, CompareOperator.EQ, 1);

  assert_cmpuint (yield queue.put_many_bytes_async (items, -1, null), CompareOperator.EQ, 2);
  var bytes = queue.try_get_many_bytes (10);
  assert_cmpuint (bytes.length, CompareOperator.EQ, 2);
  assert_true (bytes[1].compare (items[1]) == 0);
  try {
    queue.try_get_many (1);
    assert_not_reached ();
  } catch (IOError.WOULD_BLOCK e) {
  }
}

int main (string[] args) {
  AioprocTest.init (ref args);

  add_case ("/aioproc/vala/memory/content", "Bytes go in and come out", test_memory);
  add_case ("/aioproc/vala/memory/larger", "Memory grows, and can be given away for reading",
            test_memory_larger);
  add_case ("/aioproc/vala/memory/value", "A number is changed in steps that nobody can be amid",
            test_value);
  add_case ("/aioproc/vala/memory/array", "Numbers by themselves, and in slices", test_array);
  add_case ("/aioproc/vala/memory/list", "Items are replaced, and found", test_list);
  add_case ("/aioproc/vala/memory/batches", "Several items at once", () => {
    var completion = new Completion ();
    test_batches.begin (completion.callback);
    test_batches.end (completion.wait ());
  });

  return Test.run ();
}
