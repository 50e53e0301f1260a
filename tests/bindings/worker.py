#!/usr/bin/python3
# SPDX-FileCopyrightText: The Aioproc authors
# SPDX-License-Identifier: LGPL-2.1-or-later

"""A worker program in Python, with the functions of worker-functions.c and some more."""

import sys
import traceback

import gi

gi.require_version('Aioproc', '1')
# pylint: disable=wrong-import-position
from gi.repository import Aioproc, Gio, GLib  # noqa: E402


def function(target):
    """Lets processes call a function. Its exceptions arrive with their traceback."""
    def call_target(call):
        try:
            return target(call)
        except GLib.Error:
            raise
        except Exception as error:
            raise GLib.Error.new_literal(Aioproc.error_quark(), traceback.format_exc(),
                                         Aioproc.Error.REMOTE) from error

    Aioproc.worker_add_function(target.__name__, call_target)
    return target


@function
def square(call):
    call.check_arguments('(i)')
    number, = call.dup_arguments().unpack()
    return GLib.Variant('(i)', (number * number,))


@function
def echo(call):
    call.return_message(call.dup_message())


@function
def fail(call):
    raise GLib.Error.new_literal(Gio.io_error_quark(), 'There is no such thing',
                                 Gio.IOErrorEnum.NOT_FOUND)


@function
def fail_aioproc(call):
    raise GLib.Error.new_literal(Aioproc.error_quark(), 'It is broken',
                                 Aioproc.Error.BROKEN_BARRIER)


@function
def nothing(call):
    return None


@function
def later(call):
    def return_it():
        call.return_value(GLib.Variant('(s)', ('later',)))

    call.defer()
    GLib.idle_add(return_it)


@function
def fail_later(call):
    def return_it():
        call.return_error(GLib.Error.new_literal(Gio.io_error_quark(), 'Too late',
                                                 Gio.IOErrorEnum.BUSY))

    call.defer()
    GLib.idle_add(return_it)


@function
def progress(call):
    call.report_progress(0.25, 'begins')
    call.report_progress(0.75, 'goes on')
    return GLib.Variant('()', ())


@function
def pause_halfway(call):
    handle, = call.dup_arguments().unpack()
    call.report_progress(0.5, 'half-way')
    call.dup_object(handle).wait(-1)
    return GLib.Variant('()', ())


@function
def wait_cancelled(call):
    handle, = call.dup_arguments().unpack()
    call.dup_object(handle).set()
    Aioproc.Event.new().wait(-1, call.get_cancellable())
    return GLib.Variant('()', ())


@function
def hold(call):
    lock, held, go = map(call.dup_object, call.dup_arguments().unpack())
    lock.acquire(-1)
    held.set()
    go.wait(-1)
    lock.release()
    return GLib.Variant('()', ())


@function
def produce(call):
    *handles, n = call.dup_arguments().unpack()
    lock, ready, queue = map(call.dup_object, handles)
    lock.acquire(-1)
    ready.set()
    for number in range(n):
        queue.put(GLib.Variant('i', number), -1)
    queue.put(GLib.Variant('()', ()), -1)
    lock.release()
    return GLib.Variant('()', ())


@function
def negate(call):
    source, target = map(call.dup_object, call.dup_arguments().unpack())
    try:
        while True:
            target.put(GLib.Variant('i', -source.get(-1).unpack()), -1)
    except GLib.Error as error:
        if not error.matches(Gio.io_error_quark(), Gio.IOErrorEnum.CLOSED):
            raise
    return GLib.Variant('()', ())


@function
def fill(call):
    memory = call.dup_object(call.dup_arguments().unpack()[0])
    memory.write_bytes(0, GLib.Bytes.new(b'x' * memory.get_size()))
    return GLib.Variant('(t)', (memory.get_size(),))


@function
def count(call):
    counter, array = map(call.dup_object, call.dup_arguments().unpack())
    for _ in range(100):
        counter.add(1)
    place = 0
    while not array.compare_and_swap(place, 0, place + 1)[0]:
        place += 1
    return GLib.Variant('()', ())


@function
def whoami(call):
    current = Aioproc.Process.get_current()
    return GLib.Variant('(sii)', (current.dup_name(), current.get_pid(),
                                  Aioproc.Process.get_parent().get_pid()))


REMEMBERED = []


@function
def remember(call):
    REMEMBERED[:] = call.dup_arguments().unpack()
    return GLib.Variant('()', ())


@function
def recall(call):
    return GLib.Variant('(i)', REMEMBERED)


@function
def throw(call):
    raise ValueError('from the worker')


def throw_plainly(call):
    raise ValueError('from the worker')


def wrong_type(call):
    return 'no variant'


@function
def speak(call):
    print('What a worker says')
    return GLib.Variant('()', ())


for plain in (throw_plainly, wrong_type):
    Aioproc.worker_add_function(plain.__name__, plain)

# A worker ends without the end of the interpreter, which would have done it.
Aioproc.worker_add_exit_handler(sys.stdout.flush)

Aioproc.worker_run()
sys.exit('This is a worker program')
