/* test-message.vala
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* Messages as a Vala program has them: values, objects, bytes and descriptors. */

void test_body () throws Error {
  var message = new Aioproc.Message (null);
  assert_null (message.dup_body ());
  message.set_body (new Variant ("(si)", "thumbnail", 3));

  string name;
  int number;
  message.dup_body ().@get ("(si)", out name, out number);
  assert_cmpstr (name, CompareOperator.EQ, "thumbnail");
  assert_cmpint (number, CompareOperator.EQ, 3);

  var kept = new Variant.string ("kept");
  message = new Aioproc.Message (kept);
  message = null;
  assert_cmpstr (kept.get_string (), CompareOperator.EQ, "kept");
}

void test_object () throws Error {
  var mutex = new Aioproc.Lock ();
  var message = new Aioproc.Message (null);
  var handle = message.append_object (mutex);

  message.set_body (new Variant.handle (handle));
  unowned var before = mutex;
  mutex = null;
  mutex = message.dup_object (message.dup_body ().get_handle ()) as Aioproc.Lock;
  assert_true (mutex == before);
  assert_true (mutex.try_acquire ());

  try {
    message.append_object (new Cancellable ());
    assert_not_reached ();
  } catch (Aioproc.Error.NOT_SHAREABLE e) {
    assert_true ("GCancellable" in e.message);
  }
  assert_cmpuint (message.get_n_handles (), CompareOperator.EQ, 1);
}

void test_bytes () throws Error {
  var message = new Aioproc.Message (null);
  var bytes = new Bytes ({ 1, 2, 3 });
  var handle = message.append_bytes (bytes);

  assert_true (message.dup_bytes (handle).compare (bytes) == 0);
  try {
    message.dup_bytes (handle + 1);
    assert_not_reached ();
  } catch (IOError.NOT_FOUND e) {
  }
  try {
    message.dup_object (handle);
    assert_not_reached ();
  } catch (IOError.INVALID_ARGUMENT e) {
  }
}

void test_fd () throws Error {
  FileIOStream stream;
  var file = File.new_tmp (null, out stream);
  var message = new Aioproc.Message (null);
  var handle = message.append_fd (((FileDescriptorBased) stream.output_stream).get_fd ());

  stream.close ();
  var output = new UnixOutputStream (message.dup_fd (handle), true);
  output.write_all ("through the descriptor".data, null);
  output.close ();

  string contents;
  FileUtils.get_contents (file.get_path (), out contents);
  assert_cmpstr (contents, CompareOperator.EQ, "through the descriptor");
  file.@delete ();

  try {
    message.append_fd (-1);
    assert_not_reached ();
  } catch (IOError e) {
  }
}

int main (string[] args) {
  AioprocTest.init (ref args);

  add_case ("/aioproc/vala/message/body", "A body is a variant, or there is none", test_body);
  add_case ("/aioproc/vala/message/object", "An object is found by its handle", test_object);
  add_case ("/aioproc/vala/message/bytes", "Bytes are found by their handle", test_bytes);
  add_case ("/aioproc/vala/message/fd", "A descriptor is duplicated, in and out", test_fd);

  return Test.run ();
}
