# SPDX-FileCopyrightText: The Aioproc authors
# SPDX-License-Identifier: LGPL-2.1-or-later

"""Test cases with workers in Python, C and JavaScript, which have the same functions."""

import functools
import os
import shutil
import sys

from aioproc_test import BUILT, SOURCE, Aioproc, Case, GLib

PYTHON_WORKER = [sys.executable, os.path.join(SOURCE, 'worker.py')]

WORKERS = {
    'python': {'program': PYTHON_WORKER, 'start_method': Aioproc.StartMethod.FORKSERVER},
    'python_spawned': {'program': PYTHON_WORKER, 'start_method': Aioproc.StartMethod.SPAWN},
    'gjs': {'program': ['gjs', '-m', os.path.join(SOURCE, 'worker.js')],
            'start_method': Aioproc.StartMethod.SPAWN},
    'c': {'program': [os.path.join(BUILT, 'aioproc-test-bindings-worker')]},
    'c_module': {'module': os.path.join(BUILT, 'libaioproc-test-bindings-module.so')},
}


def with_each_worker(*names):
    """Makes a test case of each worker; those with no names of all of them."""
    def mark(method):
        method.workers = names or tuple(WORKERS)
        return method
    return mark


def expand(case):
    """Does what with_each_worker() asks for."""
    for name, method in list(vars(case).items()):
        for worker in getattr(method, 'workers', ()):
            def test(self, method=method, worker=worker):
                method(self, self.context(worker))
            functools.update_wrapper(test, method)
            test.__name__ = f'{name}_{worker}'
            del test.workers
            setattr(case, test.__name__, test)
        if hasattr(method, 'workers'):
            delattr(case, name)
    return case


class WorkerCase(Case):
    """A group of test cases with workers."""

    contexts = {}

    def context(self, worker):
        if worker == 'gjs' and not shutil.which('gjs'):
            self.skipTest('there is no gjs')
        if worker not in self.contexts:
            self.contexts[worker] = Aioproc.Context(**WORKERS[worker])
        return self.contexts[worker]

    def message(self, *objects):
        """A message whose body is a tuple of the handles of its objects."""
        message = Aioproc.Message.new()
        handles = [message.append_object(obj) for obj in objects]
        message.set_body(GLib.Variant(f'({"h" * len(handles)})', handles))
        return message
