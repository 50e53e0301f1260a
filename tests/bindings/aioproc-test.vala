/* aioproc-test.vala
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* Test cases that may throw, under the watchdog of the tests in C. */
[CCode (lower_case_cprefix = "aioproc_test_", cheader_filename = "aioproc-test.h")]
namespace AioprocTest {
  [CCode (has_type_id = false)]
  public delegate void Func () throws Error;
  public extern void init ([CCode (array_length_pos = 0.9)] ref unowned string[] args);
  extern void add_data_func_full (string path,
                                  [CCode (delegate_target_pos = 1.9, destroy_notify_pos = 2.9)]
                                  owned TestDataFunc func);
}

void add_case (string path, string summary, owned AioprocTest.Func func) {
  AioprocTest.add_data_func_full (path, () => {
    Test.summary (summary);
    try {
      func ();
    } catch (Error e) {
      error ("%s: %s", path, e.message);
    }
  });
}

/* What an asynchronous function is begun and ended with. */
public class Completion {
  AsyncResult? result = null;

  public void callback (Object? source, AsyncResult result) {
    this.result = result;
  }

  public AsyncResult wait () {
    while (result == null)
      MainContext.@default ().iteration (true);
    return result;
  }
}
