/* test-wait.vala
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* The wait for the first of many as a Vala program has it. */

void test_blocking () throws Error {
  Aioproc.Connection here, there;
  Aioproc.pipe (true, out here, out there);
  var queue = new Aioproc.Queue (0);

  try {
    Aioproc.wait ({ here, queue }, 1000);
    assert_not_reached ();
  } catch (IOError.TIMED_OUT e) {
  }

  queue.try_put (new Variant.int32 (1));
  var found = Aioproc.wait ({ here, queue, queue }, -1);
  assert_cmpuint (found.length, CompareOperator.EQ, 1);
  assert_true (found[0] == queue);
  there.close ();
  found = Aioproc.wait ({ here, queue }, -1);
  assert_cmpuint (found.length, CompareOperator.EQ, 2);
  assert_true (found[0] == here);
}

async void test_async () throws Error {
  Aioproc.Connection here, there;
  Aioproc.pipe (true, out here, out there);
  var descriptor = new Aioproc.Descriptor (there.get_fd (), IOCondition.OUT);
  assert_true (descriptor.check () == IOCondition.OUT);
  assert_cmpint (descriptor.fd, CompareOperator.EQ, there.get_fd ());

  var found = yield Aioproc.wait_async ({ here, descriptor }, -1, null);
  assert_cmpuint (found.length, CompareOperator.EQ, 1);
  assert_true (found[0] == descriptor);
}

int main (string[] args) {
  AioprocTest.init (ref args);

  add_case ("/aioproc/vala/wait/blocking", "A mix, of which more and more are ready",
    test_blocking);
  add_case ("/aioproc/vala/wait/async", "A wait that yields", () => {
    var done = new Completion ();
    test_async.begin (done.callback);
    test_async.end (done.wait ());
  });

  return Test.run ();
}
