#!/usr/bin/python3
# SPDX-FileCopyrightText: The Aioproc authors
# SPDX-License-Identifier: LGPL-2.1-or-later

"""A worker, and what it shares with the main program, in Python."""

import os
import sys
import time

import gi

gi.require_version('Aioproc', '1')
from gi.repository import Aioproc, GLib  # noqa: E402


def worker(call):
    """Runs in its own process, with plain blocking calls. The queue ends with a mark: nothing."""
    queue, event, lock = map(call.dup_object, call.dup_arguments().unpack())
    lock.acquire(-1)
    event.set()
    for item in range(1, 6):
        time.sleep(0.1)
        queue.put(GLib.Variant('mi', item + 5), -1)
    queue.put(GLib.Variant('mi', None), -1)
    lock.release()
    return GLib.Variant('()', ())


Aioproc.worker_add_function('worker', worker)
Aioproc.worker_run()  # in the worker: does not return

loop = GLib.MainLoop()
queue, event, lock = Aioproc.Queue.new(0), Aioproc.Event.new(), Aioproc.Lock.new()


def started(process, result):
    process.start_finish(result)
    event.wait_async(-1, None, ready)


def ready(event, result):
    event.wait_finish(result)
    print('Worker is ready.')
    lock.acquire_async(-1, None, acquired)


def acquired(lock, result):
    lock.acquire_finish(result)
    print('Lock acquired in main process (async).')
    queue.put_async(GLib.Variant('mi', 78), -1, None, put)


def put(queue, result):
    queue.put_finish(result)
    print('Put 78 into queue from main process.')
    lock.release()
    print('Collecting results from queue...')
    queue.get_async(-1, None, got)


def got(queue, result):
    item = queue.get_finish(result).unpack()
    if item is None:
        process.join_async(-1, None, joined)
    else:
        print(f'Got result: {item}')
        queue.get_async(-1, None, got)


def joined(process, result):
    process.join_finish(result)
    process.dup_result()
    print('Worker process finished.')
    loop.quit()


def fail(*error):
    """PyGObject prints an exception of a callback, and goes on: end the program instead."""
    sys.__excepthook__(*error)
    os._exit(1)


sys.excepthook = fail

# A handle in the arguments is the place of an object in the message.
message = Aioproc.Message.new()
handles = [message.append_object(obj) for obj in (queue, event, lock)]
message.set_body(GLib.Variant('(hhh)', handles))

print('Starting worker process...')
process = Aioproc.Process.new_with_message(None, 'worker', message)
process.start_async(None, started)
loop.run()
