# SPDX-FileCopyrightText: The Aioproc authors
# SPDX-License-Identifier: LGPL-2.1-or-later

"""Runs test cases under a watchdog, and tells as TAP how they went.

Every method of a Case is one test case. One that hangs for a minute (times
AIOPROC_TEST_TIMEOUT_MULTIPLIER) has the stacks of its threads printed, and ends
the program. An exception in a callback, which no caller gets to see, fails the
case it happened in.
"""

import contextlib
import faulthandler
import os
import resource
import sys
import threading
import traceback
import unittest

try:
    import gi
except ImportError as missing:
    print(f'1..0 # SKIP {missing}')
    sys.exit(0)

gi.require_version('Aioproc', '1')
# pylint: disable=wrong-import-position
from gi.repository import Aioproc, Gio, GLib  # noqa: E402

SOURCE = os.path.dirname(os.path.abspath(__file__))
# Where the helper programs of the tests are.
BUILT = os.path.abspath(os.path.join(os.environ['AIOPROC_LIBEXECDIR'], os.pardir, 'tests'))

WATCHDOG_SECONDS = 60 * float(os.environ.get('AIOPROC_TEST_TIMEOUT_MULTIPLIER', '1'))

AIOPROC_ERROR = Aioproc.error_quark()
IO_ERROR = Gio.io_error_quark()


def iterate_until(condition):
    """Iterates the main context of the program until condition() holds."""
    context = GLib.MainContext.default()
    while not condition():
        context.iteration(True)


def drain():
    """Dispatches what is ready in the main context of the program."""
    context = GLib.MainContext.default()
    while context.iteration(False):
        pass


@contextlib.contextmanager
def no_descriptors():
    """Lets nothing that needs a descriptor succeed meanwhile."""
    saved = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, saved[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, saved)


class Callback:
    """A Gio.AsyncReadyCallback that keeps the result."""

    def __init__(self):
        self.source = None
        self.result = None
        self.thread = None

    def __call__(self, source, result):
        assert self.result is None, 'called twice'
        self.source = source
        self.result = result
        self.thread = threading.current_thread()

    @property
    def called(self):
        return self.result is not None

    def wait(self):
        """Runs the main loop until the operation is complete; returns its result."""
        iterate_until(lambda: self.called)
        return self.result


class Case(unittest.TestCase):
    """A group of test cases."""

    def setUp(self):
        self.uncaught = []
        sys.excepthook = lambda kind, error, stack: self.uncaught.append(error)
        self.addCleanup(setattr, sys, 'excepthook', sys.__excepthook__)

    def tearDown(self):
        for error in self.uncaught:
            traceback.print_exception(error)
        self.assertEqual(self.uncaught, [], 'exceptions in callbacks')

    def take_uncaught(self):
        """The exceptions that callbacks have raised, which are expected then."""
        uncaught, self.uncaught = self.uncaught, []
        return uncaught

    @contextlib.contextmanager
    def raises(self, domain, code, message=''):
        """Expects a GLib.Error with this code, with a part of its message."""
        try:
            yield
        except GLib.Error as error:
            if not error.matches(domain, code):
                raise
            self.assertIn(message, error.message)
            self.assertEqual(error.domain, GLib.quark_to_string(domain))
            self.assertEqual(error.code, code)
        else:
            self.fail(f'no error {code}')


class Watched:
    """Whether an object is there, without keeping it."""

    def __init__(self, obj):
        self.gone = False
        obj.weak_ref(self._gone_cb)

    def _gone_cb(self):
        self.gone = True


class _Result(unittest.TestResult):
    def __init__(self, prefix):
        super().__init__()
        self._prefix = prefix
        self._number = 0

    def startTest(self, test):
        super().startTest(test)
        self._number += 1
        self._outcome = 'ok'
        self._skipped = ''
        print(f'# {self._path(test)}: {test.shortDescription()}', flush=True)
        faulthandler.dump_traceback_later(WATCHDOG_SECONDS, exit=True)

    def _path(self, test):
        return f'{self._prefix}/{test._testMethodName.removeprefix("test_").replace("_", "-")}'

    def stopTest(self, test):
        super().stopTest(test)
        number, skip = self._number, f' # SKIP {self._skipped}' if self._skipped else ''
        print(f'{self._outcome} {number} {self._path(test)}{skip}', flush=True)
        faulthandler.dump_traceback_later(WATCHDOG_SECONDS, exit=True)

    def _fail(self, test, error):
        self._outcome = 'not ok'
        print(self._exc_info_to_string(error, test), file=sys.stderr)

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self._fail(test, err)

    def addError(self, test, err):
        super().addError(test, err)
        self._fail(test, err)

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err:
            print(subtest, file=sys.stderr)
            self._fail(test, err)

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self._skipped = reason


def run(prefix, case):
    """Runs the test cases of a class, and ends the program."""
    suite = unittest.defaultTestLoader.loadTestsFromTestCase(case)
    result = _Result(prefix)
    print(f'1..{suite.countTestCases()}', flush=True)
    suite.run(result)
    faulthandler.cancel_dump_traceback_later()
    sys.exit(0 if result.wasSuccessful() else 1)
