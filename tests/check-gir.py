#!/usr/bin/python3
# SPDX-FileCopyrightText: The Aioproc authors
# SPDX-License-Identifier: LGPL-2.1-or-later

"""Checks what other languages see: the rules that the scanner does not know."""

import argparse
import sys
from xml.etree import ElementTree

CORE = '{http://www.gtk.org/introspection/core/1.0}'


def visible(element, tag):
    return [child for child in element.findall(CORE + tag)
            if child.get('introspectable', '1') != '0' and not child.get('shadowed-by')]


def has_plain_type(parameter):
    """A bare pointer: a language without pointers has nothing to pass."""
    kind = parameter.find(CORE + 'type')
    return kind is not None and kind.get('name') == 'gpointer'


def check_class(element):
    name = element.get('name')
    methods = {method.get('shadows', method.get('name')): method
               for method in visible(element, 'method')}

    # JavaScript and Vala have one namespace for both: one of them is lost.
    for prop in visible(element, 'property'):
        if prop.get('name').replace('-', '_') in methods:
            yield f"{name}: the property and the method “{prop.get('name')}” hide each other"

    functions = dict(methods)
    functions.update((function.get('name'), function)
                     for tag in ('function', 'constructor') for function in visible(element, tag))
    for function_name, function in functions.items():
        if function_name.endswith('_async') and function_name[:-5] + 'finish' not in functions:
            yield f'{name}.{function_name}: has no {function_name[:-5]}finish'
        if function_name.endswith('_finish') and function.get('throws') != '1':
            yield f'{name}.{function_name}: cannot fail, not even by cancellation'
        for parameter in function.iterfind(f'{CORE}parameters/{CORE}parameter'):
            if (has_plain_type(parameter)
                    and parameter.get('name') not in ('user_data', 'data')
                    and parameter.get('closure') is None):
                yield (f"{name}.{function_name}: no language can pass the pointer "
                       f"“{parameter.get('name')}”")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('gir')
    args = parser.parse_args()
    namespace = ElementTree.parse(args.gir).getroot().find(CORE + 'namespace')

    problems = []
    n_classes = 0
    for tag in ('class', 'interface', 'record'):
        for element in visible(namespace, tag):
            n_classes += 1
            problems += check_class(element)
    for problem in problems:
        print(problem)
    print(f'{n_classes} types, {len(problems)} problems')
    return 1 if problems or not n_classes else 0


if __name__ == '__main__':
    sys.exit(main())
