/* test-listener.vala
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* Listeners and clients as a Vala program has them. */

Aioproc.Security new_security (string key) {
  return new Aioproc.Security (new Bytes (key.data));
}

async void talk (SocketAddress? address) throws Error {
  var security = new_security ("of nobody but these tests, and long");
  var listener = new Aioproc.Listener (address, security);
  var client = new Aioproc.Client (security);
  Aioproc.Connection? ours = null;
  SourceFunc resume = talk.callback;
  bool is_waiting = false;

  listener.accept_async.begin (-1, null, (source, result) => {
    try {
      ours = listener.accept_async.end (result);
    } catch (Error e) {
      error ("%s", e.message);
    }
    if (is_waiting)
      resume ();
  });

  var theirs = yield client.connect_to_async (listener.get_address (), -1, null);
  if (ours == null) {
    is_waiting = true;
    yield;
  }

  var hello = new Aioproc.Message (new Variant ("s", "hello"));
  assert_true (yield theirs.send_async (hello, -1, null));
  var message = yield ours.recv_async (-1, null);
  assert_cmpstr (message.dup_body ().get_string (), CompareOperator.EQ, "hello");
  assert_nonnull (listener.dup_last_accepted ());
  listener.close ();
  assert_true (listener.closed);
}

void test_talk () throws Error {
  SocketAddress?[] addresses = { null, new InetSocketAddress.from_string ("127.0.0.1", 0) };

  foreach (var address in addresses) {
    var loop = new MainLoop ();

    talk.begin (address, (source, result) => {
      try {
        talk.end (result);
      } catch (Error e) {
        error ("%s", e.message);
      }
      loop.quit ();
    });
    loop.run ();
  }
}

void test_refused () throws Error {
  var listener = new Aioproc.Listener (null, new_security ("one"));
  var client = new Aioproc.Client (new_security ("another"));

  try {
    client.connect_to (listener.get_address (), -1, null);
    assert_not_reached ();
  } catch (Aioproc.Error.AUTHENTICATION_FAILED e) {
    assert_true (e.message != "");
  }
  while (listener.get_n_refused () == 0)
    Thread.yield ();
  assert_true (listener.dup_last_refusal () is Aioproc.Error.AUTHENTICATION_FAILED);

  try {
    listener.try_accept ();
    assert_not_reached ();
  } catch (IOError.WOULD_BLOCK e) {
    assert_true (e.message != "");
  }
}

int main (string[] args) {
  AioprocTest.init (ref args);

  add_case ("/aioproc/vala/listener/talk", "Both ends in one main loop", test_talk);
  add_case ("/aioproc/vala/listener/refused", "Keys that differ are an error", test_refused);

  return Test.run ();
}
