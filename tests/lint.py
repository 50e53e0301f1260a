#!/usr/bin/python3
# SPDX-FileCopyrightText: The Aioproc authors
# SPDX-License-Identifier: LGPL-2.1-or-later

"""Checks the rules of the house that no compiler knows.

A line that has to break a rule says so, with a reason, in a comment on the
same line or on the one above:  lint-allow: RULE, because ...
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile

# From the lowest to the highest: a file includes its own layer or a lower one.
LAYERS = ['', 'platform', 'core', 'sync', 'ipc', 'process', 'pool', 'manager']

MAX_COLUMNS = 100
MAX_LINES = 800

C_SUFFIXES = ('.c', '.h', '.c.in', '.h.in')
CODE_SUFFIXES = C_SUFFIXES + ('.vala', '.js')
SCRIPT_SUFFIXES = ('.py', '.sh', '.toml', '.toml.in')
SCRIPT_NAMES = ('meson.build', 'meson_options.txt', 'run')
TEXT_SUFFIXES = ('.md', '.json', '.symbols', '.supp', '.css', '.xml')

HEAD = ('/* {name}\n'
        ' *\n'
        ' * SPDX-FileCopyrightText: The Aioproc authors\n'
        ' * SPDX-License-Identifier: LGPL-2.1-or-later\n'
        ' */\n')
SCRIPT_HEAD = ('# SPDX-FileCopyrightText: The Aioproc authors\n'
               '# SPDX-License-Identifier: LGPL-2.1-or-later\n')

GUARD = ('#pragma once\n'
         '\n'
         '#if !defined (AIOPROC_INSIDE) && !defined (AIOPROC_COMPILATION)\n'
         '# error "Only <aioproc.h> can be included directly."\n'
         '#endif\n')


def in_library(path):
    return path.startswith('aioproc/')


def in_tests(path):
    return path.startswith('tests/')


def in_platform(path):
    return path.startswith('aioproc/platform/')


# rule, pattern (found in code, not in comments and strings), where, what to do instead
BANNED = [
    ('g_slice', r'\bg_slice_\w+', lambda p: True,
     'use g_new() and g_free()'),
    ('const', r'\bG_GNUC_CONST\b', lambda p: True,
     'compilers may move calls of get_type() before their side effects'),
    ('gint', r'\b(gint|gchar)\b', lambda p: True,
     'use int and char'),
    ('sleep', r'\b(sleep|usleep|nanosleep|clock_nanosleep|g_usleep|thrd_sleep)\s*\(',
     lambda p: not in_platform(p) and not p.startswith('docs/'),
     'wait for what you need'),
    ('fork', r'\b(fork|vfork|clone3?|posix_spawnp?)\s*\(',
     lambda p: not in_platform(p) and not in_tests(p),
     'use platform/'),
    ('syscall', r'\b(syscall|memfd_create|pidfd_\w+|process_vm_\w+)\s*\(',
     lambda p: in_library(p) and not in_platform(p),
     'kernel calls belong to platform/'),
    ('thread', r'\bg_thread_new\s*\(', in_library,
     'g_thread_new() aborts when threads run out: use g_thread_try_new()'),
    ('global-source', r'\bg_(idle|timeout)_add(_full|_seconds|_seconds_full|_once)?\s*\(',
     in_library, 'attach a GSource to the caller\'s context'),
    ('bit-field', r'^\s+(guint|unsigned|unsigned int|gboolean|int)\s+\w+\s*:\s*\d+\s*;', in_library,
     'neighbouring bits share one memory location'),
    ('g_assert', r'\bg_assert\s*\(', in_tests,
     'use g_assert_true() and its like, which cannot be compiled out'),
    ('cmpvariant', r'\bg_assert_cmpvariant\s*\(\w+, g_variant_new', in_tests,
     'nobody frees that: use aioproc_test_assert_variant()'),
    ('g_test_add', r'\bg_test_add(_func|_data_func|_data_func_full|_vtable)?\s*\(',
     lambda p: in_tests(p) and not p.endswith('/aioproc-test.c'),
     'use aioproc_test_add_func() and its like, which arm the watchdog'),
    ('g_test_init', r'\bg_test_init\s*\(',
     lambda p: in_tests(p) and not p.endswith('/aioproc-test.c'),
     'use aioproc_test_init()'),
    ('g_test_incomplete', r'\bg_test_incomplete\s*\(', in_tests,
     'finish it, or skip it with a reason'),
    ('isolate', r'\bG_TEST_OPTION_ISOLATE_DIRS\b', in_tests,
     'it leaks in GLib 2.74'),
]

MARKERS = re.compile(r'\b(TO' + r'DO|FIX' + r'ME|X' + r'XX)\b')


# What only those who wrote it can open.
ELSEWHERE = re.compile(r'/wor' + r'k/|/tm' + r'p/wt|\b(design|style|semantics|reliability)\.m' +
                       r'd\b')


def blank(match):
    return re.sub(r'[^\n]', ' ', match.group(0))


def blank_literal(match):
    text = match.group(0)
    if text.startswith('/'):
        return blank(match)
    return text[0] + re.sub(r'[^\n]', ' ', text[1:-1]) + text[-1]


LITERALS = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\'', re.S)


def strip_c(text):
    """Blanks comments and the inside of literals; lines and columns stay."""
    return LITERALS.sub(blank_literal, text)


def line_of(text, offset):
    return text.count('\n', 0, offset) + 1


class Lint:
    def __init__(self, root):
        self.root = root
        self.problems = []
        self.files = {}
        for path in self.walk():
            with open(os.path.join(root, path), 'rb') as stream:
                self.files[path] = stream.read()
        self.texts = {}
        self.series = self.read_series()
        self.headers = {}  # basename of a header of the library: its layer
        for path in self.files:
            if in_library(path) and re.search(r'\.h(\.in)?$', path):
                name = os.path.basename(path)
                name = name[:-3] if name.endswith('.in') else name
                layer = self.layer(path)
                if name in self.headers:
                    self.report(path, 1, 'name', 'another layer has a header of this name')
                self.headers[name] = layer

    def read_series(self):
        """The versions that add symbols, the first one first."""
        text = self.files.get('meson.build', b'').decode('utf-8', 'replace')
        match = re.search(r"^api_series = \[([^\]]*)\]", text, re.M)
        return re.findall(r"'([\d.]+)'", match.group(1)) if match else []

    def walk(self):
        for folder, folders, names in os.walk(self.root):
            relative = os.path.relpath(folder, self.root)
            relative = '' if relative == '.' else relative + '/'
            folders[:] = sorted(
                name for name in folders
                if name in ('.ci',) or not (name.startswith(('.', '_build', '__pycache__'))
                                            or (relative == '' and name.startswith('build'))
                                            or (relative == '' and name == 'subprojects')))
            for name in sorted(names):
                yield relative + name

    @staticmethod
    def layer(path):
        parts = path.split('/')
        return parts[1] if len(parts) > 2 else ''

    def report(self, path, line, rule, message):
        if line > 0 and path in self.texts:
            lines = self.texts[path].split('\n')
            for number in (line, line - 1):
                if 1 <= number <= len(lines):
                    allowed = re.search(r'lint-allow: ([\w-]+), because \w+', lines[number - 1])
                    if allowed and allowed.group(1) == rule:
                        return
        self.problems.append((path, line, rule, message))

    def run(self):
        for path, data in self.files.items():
            try:
                self.texts[path] = data.decode('utf-8')
            except UnicodeDecodeError:
                if path.endswith(CODE_SUFFIXES + SCRIPT_SUFFIXES + TEXT_SUFFIXES):
                    self.report(path, 1, 'encoding', 'not UTF-8')
        for path, text in self.texts.items():
            name = os.path.basename(path)
            code = name.endswith(CODE_SUFFIXES)
            script = name.endswith(SCRIPT_SUFFIXES) or name in SCRIPT_NAMES
            if not (code or script or name.endswith(TEXT_SUFFIXES)):
                continue
            self.check_text(path, text, code or script)
            if code:
                self.check_head(path, text)
            elif script:
                self.check_script_head(path, text)
            if name.endswith(C_SUFFIXES):
                self.check_c(path, text)
        return self.problems

    def check_text(self, path, text, is_code):
        lines = text.split('\n')
        if text and not text.endswith('\n'):
            self.report(path, len(lines), 'newline', 'no newline at the end of the file')
        if is_code and len(lines) - 1 > MAX_LINES:
            self.report(path, 0, 'length', f'more than {MAX_LINES} lines: split by responsibility')
        for number, line in enumerate(lines, 1):
            if '\r' in line:
                self.report(path, number, 'return', 'carriage return')
                line = line.rstrip('\r')
            if '\t' in line:
                self.report(path, number, 'tab', 'tab')
            if line != line.rstrip():
                self.report(path, number, 'space', 'space at the end of the line')
            if is_code and len(line) > MAX_COLUMNS:
                self.report(path, number, 'columns', f'more than {MAX_COLUMNS} columns')
            if MARKERS.search(line):
                self.report(path, number, 'marker', 'unfinished: finish it')
            if ELSEWHERE.search(line):
                self.report(path, number, 'elsewhere', 'no reader can follow this')

    def check_head(self, path, text):
        name = os.path.basename(path)
        name = name[:-3] if name.endswith('.in') else name
        if not text.startswith(HEAD.format(name=name)):
            self.report(path, 1, 'head', 'the head of the file is not that of the house')

    def check_script_head(self, path, text):
        if text.startswith('#!'):
            text = text.partition('\n')[2]
        if not text.startswith(SCRIPT_HEAD):
            self.report(path, 1, 'head', 'the head of the file is not that of the house')

    def check_c(self, path, text):
        code = strip_c(text)
        for rule, pattern, applies, advice in BANNED:
            if not applies(path):
                continue
            for match in re.finditer(pattern, code, re.M):
                what = ' '.join(match.group(0).split()).rstrip('( ')
                self.report(path, line_of(code, match.start()), rule, f'{what}: {advice}')
        self.check_includes(path, text)
        self.check_built(path)
        self.check_names(path, code)
        self.check_alignment(path, code)
        self.check_cleaned_up(path, code)
        if in_library(path):
            self.check_task_tags(path, code)
            self.check_sources(path, code)
            self.check_properties(path, code)
        if in_tests(path):
            self.check_summaries(path, code)
        if re.search(r'\.h(\.in)?$', path):
            self.check_header(path, text)
        if in_library(path):
            self.check_docs(path, text)

    def check_header(self, path, text):
        name = os.path.basename(path)
        body = text[text.find('*/') + 3:].lstrip('\n')
        if not body.startswith('#pragma once\n'):
            self.report(path, 6, 'guard', '#pragma once has to follow the head')
        if not in_library(path) or name == 'aioproc.h':
            return
        if name.endswith('-private.h'):
            if 'AIOPROC_AVAILABLE_IN_' in text:
                self.report(path, 0, 'export', 'a private header exports a symbol')
        elif not body.startswith(GUARD):
            self.report(path, 6, 'guard', 'a public header is only for <aioproc.h>')

    def own_headers(self, path):
        """The headers that a .c implements, as they have to be included."""
        base = os.path.basename(path)
        base = base[:-2]
        folder = os.path.dirname(path)
        own = []
        if f'{folder}/{base}.h' in self.files:
            own.append(f'{base}.h')
        if f'{folder}/{base}-private.h' in self.files:
            layer = self.layer(path)
            own.append(f'{layer}/{base}-private.h' if in_library(path) and layer
                       else f'{base}-private.h')
        return own

    def check_includes(self, path, text):
        includes = []
        blanked = re.sub(r'/\*.*?\*/', blank, text, flags=re.S)
        for match in re.finditer(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', blanked, re.M):
            includes.append((line_of(text, match.start()), match.group(1), match.group(2)))
        if path.endswith('.c'):
            self.check_include_order(path, includes)
        if in_library(path):
            for number, quote, name in includes:
                if quote == '"':
                    self.check_layer(path, number, name)

    def check_include_order(self, path, includes):
        own = self.own_headers(path)
        rest = list(includes)
        if rest and rest[0][2] == 'config.h':
            rest.pop(0)
        if own:
            if not rest or rest[0][1] != '"' or rest[0][2] not in own:
                self.report(path, rest[0][0] if rest else 1, 'include-order',
                            f'include "{own[0]}" first: it has to stand alone')
        while rest and rest[0][1] == '"' and rest[0][2] in own:
            rest.pop(0)
        seen_project = False
        for number, quote, name in rest:
            if quote == '"' or name == 'aioproc.h':
                seen_project = True
            elif seen_project:
                self.report(path, number, 'include-order',
                            f'<{name}> has to come before the headers of the project')

    def check_layer(self, path, number, name):
        folder, _, base = name.rpartition('/')
        if base not in self.headers:
            self.report(path, number, 'layer', f'no header of the library is named {base}')
            return
        layer = self.headers[base]
        if base.endswith('-private.h') and folder != layer:
            self.report(path, number, 'layer', f'include it as "{layer}/{base}"')
        if not base.endswith('-private.h') and folder:
            self.report(path, number, 'layer',
                        f'installed headers are flat: include it as "{base}"')
        if os.path.basename(path) == 'aioproc.h':
            return
        mine = self.layer(path)
        for known in (mine, layer):
            if known not in LAYERS:
                self.report(path, number, 'layer', f'unknown layer {known}')
                return
        if LAYERS.index(layer) > LAYERS.index(mine):
            self.report(path, number, 'layer', f'{mine or "the top"} may not include {layer}')

    def check_task_tags(self, path, code):
        lines = code.split('\n')
        for number, line in enumerate(lines, 1):
            if re.search(r'\bg_task_new\s*\(', line):
                if 'g_task_set_source_tag' not in '\n'.join(lines[number:number + 6]):
                    self.report(path, number, 'source-tag', 'no g_task_set_source_tag() beside it')

    def check_sources(self, path, code):
        lines = code.split('\n')
        for number, line in enumerate(lines, 1):
            match = re.search(r'\b(g_\w*source_new\w*)\s*\(', line)
            if match and match.group(1) != 'g_cancellable_source_new':
                after = '\n'.join(lines[number:number + 12])
                if not re.search(r'g_source_set_(static_)?name', after):
                    self.report(path, number, 'source-name',
                                'no g_source_set_static_name() beside it')

    def check_properties(self, path, code):
        for match in re.finditer(r'\bg_param_spec_(?!ref|unref|sink|get)\w+\s*\([^;]*;', code):
            if 'G_PARAM_STATIC_STRINGS' not in match.group(0):
                self.report(path, line_of(code, match.start()), 'property',
                            'no G_PARAM_STATIC_STRINGS')

    def check_summaries(self, path, code):
        if path.endswith('/aioproc-test.c'):
            return
        for match in re.finditer(
                r'^static void\n(test_\w+) \((?:void|gconstpointer \w+)\)\n\{\n.*?^\}',
                code, re.M | re.S):
            if 'g_test_summary (' not in match.group(0):
                self.report(path, line_of(code, match.start()), 'summary',
                            f'{match.group(1)} has no g_test_summary()')

    def check_names(self, path, code):
        for match in re.finditer(r'^_(?!Static_assert|_attribute__)\w+ \(', code, re.M):
            self.report(path, line_of(code, match.start()), 'underscore',
                        'names with a leading underscore are reserved')

    def check_alignment(self, path, code):
        definition = r'^(\w+ \()[^()\n]*,\n((?:[^()\n]*,\n)*[^()\n]*\)\n)\{'
        for match in re.finditer(definition, code, re.M):
            indent = ' ' * len(match.group(1))
            number = line_of(code, match.start())
            for offset, line in enumerate(match.group(2).splitlines(), 1):
                if not re.match(indent + r'\S', line):
                    self.report(path, number + offset, 'align',
                                'arguments have to be in one column')

    def check_cleaned_up(self, path, code):
        declaration = r'^ +g_auto(?:free [\w ]+\*|ptr ?\(\w+\)|\(\w+\)) ?(\w+)\b(?! G_GNUC_UNUSED)'
        for match in re.finditer(declaration, code, re.M):
            end = code.find('\n}', match.end())
            if not re.search(rf'(?<![>.])\b{match.group(1)}\b', code[match.end():end]):
                self.report(path, line_of(code, match.start()), 'unused',
                            f'{match.group(1)} is only cleaned up, of which Clang warns; '
                            'AIOPROC_MUTEX_AUTO_LOCK() and G_GNUC_UNUSED say that it is meant so')

    def check_built(self, path):
        """A source is on a list of the build, in its folder or above."""
        if not path.endswith('.c') or in_tests(path):
            return
        folder, _, name = path.rpartition('/')
        while folder:
            text = self.files.get(f'{folder}/meson.build', b'').decode('utf-8', 'replace')
            if re.search(r"['/]" + re.escape(name) + "'", text):
                return
            folder = folder.rpartition('/')[0]
        self.report(path, 0, 'not-built', 'no meson.build lists it')

    def check_docs(self, path, text):
        """Every documentation comment says since when."""
        if path.endswith('-private.h') or not self.is_public(path):
            return
        for match in re.finditer(r'/\*\*\n.*?\*/', text, re.S):
            if not re.search(r'^ +\* Since: \d+\.\d+$', match.group(0), re.M):
                self.report(path, line_of(text, match.start()), 'since', 'no Since: line')

    def is_public(self, path):
        name = os.path.basename(path)
        name = name[:-3] if name.endswith('.in') else name
        return not name.endswith('.c') or name[:-2] + '.h' in self.headers

    def exported(self):
        """Functions and types of the public headers: name, version, path and line."""
        pattern = re.compile(
            r'^AIOPROC_AVAILABLE_IN_(\w+)\s+'
            r'(?:G_DECLARE_(?:FINAL|DERIVABLE)_TYPE \((\w+),\s*(\w+)'
            r'|G_DECLARE_INTERFACE \(\w+,\s*(\w+)|[^;(]*?\b(\w+)\s*\()', re.M)
        for path, text in sorted(self.texts.items()):
            if (not in_library(path) or not re.search(r'\.h(\.in)?$', path)
                    or path.endswith('-private.h')):
                continue
            code = strip_c(text)
            for match in pattern.finditer(code):
                version = match.group(1).replace('_', '.')
                version = self.series[0] if version == 'ALL' else version
                number = line_of(code, match.start())
                if match.group(2):
                    yield match.group(2), version, path, number
                prefix = match.group(3) or match.group(4)
                if prefix:
                    yield prefix + '_get_type', version, path, number
                else:
                    yield match.group(5), version, path, number

    def check_since(self):
        """Every exported symbol is documented, since the version of its macro."""
        docs = {}
        for path, text in self.texts.items():
            if not in_library(path) or not path.endswith(C_SUFFIXES):
                continue
            for match in re.finditer(r'/\*\*\n \* (\w+):(?!:).*?\*/', text, re.S):
                docs[match.group(1)] = match.group(0)
        for name, version, path, number in self.exported():
            if name.endswith(('_get_type', '_quark')):
                continue
            if name[0].isupper() and name in docs:
                for section in ('Thread safety', 'Process safety'):
                    if not re.search(rf'^ \* #+ {section}$', docs[name], re.M):
                            self.report(path, number, 'safety',
                                    f'{name} has no section “{section}”')
            if name not in docs:
                self.report(path, number, 'docs', f'{name} has no documentation comment')
            elif f' * Since: {version}\n' not in docs[name]:
                self.report(path, number, 'since', f'{name} has to say "Since: {version}"')

    def check_quotes(self):
        """A whole program in README or docs/ is one of the examples, which are run."""
        examples = [text[text.index('#include'):].rstrip() for path, text in self.texts.items()
                    if path.startswith('docs/examples/') and path.endswith('.c')]
        for path, text in self.texts.items():
            if not path.endswith('.md'):
                continue
            for match in re.finditer(r'^```c\n(#include <aioproc.h>.*?)^```$', text, re.S | re.M):
                if match.group(1).rstrip() not in examples:
                    self.report(path, line_of(text, match.start()), 'quote',
                                'no example in docs/examples/ is this program')
            for match in re.finditer(r'^```(python|js|vala)\n(.*?)\n```$', text, re.S | re.M):
                suffix = {'python': '.py', 'js': '.js', 'vala': '.vala'}[match.group(1)]
                if 'worker_run' in match.group(2) and not any(
                        example.endswith(match.group(2) + '\n')
                        for name, example in self.texts.items()
                        if name.startswith('docs/examples/') and name.endswith(suffix)):
                    self.report(path, line_of(text, match.start()), 'quote',
                                f'no example in docs/examples/ is this program in {match.group(1)}')

    def check_symbols(self, library):
        """The library exports what is declared, and what is on the list."""
        output = subprocess.run(['nm', '-D', '--defined-only', library],
                                check=True, capture_output=True, text=True).stdout
        # Sanitizers and profilers add symbols with a leading underscore.
        built = {line.split()[-1].partition('@')[0] for line in output.splitlines()}
        built = {name for name in built if not name.startswith('_')}
        declared = {name for name, *_ in self.exported() if name.islower()}
        path = 'tests/aioproc-1.symbols'
        listed = self.texts[path].split()
        if listed != sorted(set(listed)):
            self.report(path, 1, 'symbols', 'not sorted, or a name twice')
        for name in sorted(built - set(listed)):
            self.report(path, 0, 'symbols', f'exported, but not on the list: {name}')
        for name in sorted(set(listed) - built):
            self.report(path, 0, 'symbols', f'on the list, but not exported: {name}')
        for name in sorted(declared - built):
            self.report(path, 0, 'symbols', f'declared, but not exported: {name}')


# Bad files, with the rule that has to catch each; None: no rule may catch it.
TASK = 'static void\nf (void)\n{\n  GTask *task = g_task_new (NULL, NULL, NULL, NULL);\n%s}\n'
SELF_TESTS = [
    (None, 'aioproc/core/aioproc-good.c', '{head}\n#include <gio/gio.h>\n'),
    (None, 'aioproc/sync/aioproc-user.c', '{head}\n#include "core/aioproc-own-private.h"\n'),
    (None, 'aioproc/core/aioproc-own.c',
     '{head}\n#include "core/aioproc-own-private.h"\n\n#include <glib.h>\n\n'
     '#include "aioproc-open.h"\n'),
    (None, 'aioproc/core/aioproc-text.c', '{head}\n/* sleep (1) */ "sleep (1)"\n'),
    (None, 'aioproc/core/aioproc-allow.c',
     '{head}\n/* lint-allow: sleep, because there is nothing to wait for */\n  sleep (1);\n'),
    (None, 'aioproc/platform/aioproc-low.c', '{head}\n  nanosleep (&t, NULL);\n  fork ();\n'),
    (None, 'aioproc/core/aioproc-tag.c',
     '{head}\n' + TASK % '  g_task_set_source_tag (task, f);\n'),
    ('quote', 'docs/page.md', 'Title: A\nSlug: a\n\n```c\n#include <aioproc.h>\n```\n'),
    ('quote', 'docs/page.md',
     'Title: A\nSlug: a\n\n```python\nimport gi\nAioproc.worker_run()\n```\n'),
    (None, 'tests/test-good.c', '{head}\n#include <aioproc.h>\n\n#include "aioproc-test.h"\n'),
    ('sleep', 'aioproc/core/aioproc-allow.c',
     '{head}\n/* lint-allow: sleep */\n  sleep (1);\n'),
    ('head', 'aioproc/core/aioproc-bad.c', '/* other.c */\n'),
    ('head', 'aioproc/core/meson.build', 'files()\n'),
    ('guard', 'aioproc/core/aioproc-bad.h', '{head}\n#pragma once\n'),
    ('guard', 'aioproc/core/aioproc-bad-private.h', '{head}\n#ifndef H\n#define H\n#endif\n'),
    ('guard', 'tests/bad.h', '{head}\n#ifndef H\n#define H\n#endif\n'),
    ('export', 'aioproc/core/aioproc-bad-private.h',
     '{head}\n#pragma once\n\nAIOPROC_AVAILABLE_IN_ALL\nint aioproc_f (void);\n'),
    ('layer', 'aioproc/platform/aioproc-bad.c', '{head}\n#include "core/aioproc-own-private.h"\n'),
    ('layer', 'aioproc/platform/aioproc-bad.c', '{head}\n#include "aioproc-open.h"\n'),
    ('layer', 'aioproc/sync/aioproc-bad.c', '{head}\n#include "aioproc-own-private.h"\n'),
    ('layer', 'aioproc/sync/aioproc-bad.c', '{head}\n#include "core/aioproc-open.h"\n'),
    ('layer', 'aioproc/sync/aioproc-bad.c', '{head}\n#include "aioproc-nowhere.h"\n'),
    ('include-order', 'aioproc/core/aioproc-own.c',
     '{head}\n#include <glib.h>\n\n#include "core/aioproc-own-private.h"\n'),
    ('include-order', 'aioproc/core/aioproc-bad.c',
     '{head}\n#include "aioproc-open.h"\n\n#include <glib.h>\n'),
    ('tab', 'aioproc/core/aioproc-bad.c', '{head}\n\tint x;\n'),
    ('space', 'aioproc/core/aioproc-bad.c', '{head}\nint x; \n'),
    ('newline', 'aioproc/core/aioproc-bad.c', '{head}\nint x;'),
    ('return', 'aioproc/core/aioproc-bad.c', '{head}\nint x;\r\n'),
    ('columns', 'aioproc/core/aioproc-bad.c', '{head}\n/* ' + 'x' * 98 + ' */\n'),
    ('length', 'aioproc/core/aioproc-bad.c', '{head}' + '\n' * 800),
    ('marker', 'aioproc/core/aioproc-bad.c', '{head}\n/* FIX' + 'ME */\n'),
    ('marker', 'docs/bad.md', 'TO' + 'DO\n'),
    ('g_slice', 'aioproc/core/aioproc-bad.c', '{head}\n  x = g_slice_new (X);\n'),
    ('const', 'aioproc/core/aioproc-bad.c', '{head}\nGType f (void) G_GNUC_CONST;\n'),
    ('gint', 'aioproc/core/aioproc-bad.c', '{head}\ngint x;\n'),
    ('sleep', 'aioproc/core/aioproc-bad.c', '{head}\n  g_usleep (10);\n'),
    ('sleep', 'tests/bad.c', '{head}\n  sleep (10);\n'),
    ('fork', 'aioproc/core/aioproc-bad.c', '{head}\n  pid = fork ();\n'),
    ('syscall', 'aioproc/core/aioproc-bad.c', '{head}\n  syscall (SYS_futex);\n'),
    ('thread', 'aioproc/core/aioproc-bad.c', '{head}\n  g_thread_new ("x", f, NULL);\n'),
    ('global-source', 'aioproc/core/aioproc-bad.c',
     '{head}\n  g_timeout_add (1, f, NULL);\n'),
    ('bit-field', 'aioproc/core/aioproc-bad.c', '{head}\n  guint closed : 1;\n'),
    ('g_assert', 'tests/bad.c', '{head}\n  g_assert (x);\n'),
    ('cmpvariant', 'tests/bad.c', '{head}\n  g_assert_cmpvariant (v, g_variant_new ("u", 1));\n'),
    ('g_test_add', 'tests/bad.c', '{head}\n  g_test_add_func ("/x", x);\n'),
    ('g_test_init', 'tests/bad.c', '{head}\n  g_test_init (&argc, &argv, NULL);\n'),
    ('g_test_incomplete', 'tests/bad.c', '{head}\n  g_test_incomplete ("x");\n'),
    ('isolate', 'tests/bad.c', '{head}\n  G_TEST_OPTION_ISOLATE_DIRS\n'),
    ('source-tag', 'aioproc/core/aioproc-bad.c', '{head}\n' + TASK % ''),
    ('not-built', 'aioproc/core/aioproc-bad.c', '{head}\n'),
    ('underscore', 'aioproc/core/aioproc-bad.c', '{head}\nstatic void\n_f (void)\n{\n}\n'),
    ('unused', 'aioproc/core/aioproc-bad.c',
     '{head}\nvoid\nf (void)\n{\n  g_autofree char *x = g->x;\n}\nvoid\nx (void)\n{\n}\n'),
    (None, 'aioproc/core/aioproc-good.c',
     '{head}\nvoid\nf (void)\n{\n  g_autoptr(GError) x = NULL;\n\n  g (&x);\n}\n'),
    ('align', 'aioproc/core/aioproc-bad.c',
     '{head}\nstatic void\nfoo (int x,\n    int y)\n{\n}\n'),
    ('property', 'aioproc/core/aioproc-bad.c',
     '{head}\n  props[1] = g_param_spec_uint ("x", NULL, NULL, 0, 1, 0,\n  G_PARAM_READABLE);\n'),
    ('source-name', 'aioproc/core/aioproc-bad.c',
     '{head}\n  source = g_unix_fd_source_new (fd, G_IO_IN);\n'),
    ('summary', 'tests/bad.c', '{head}\nstatic void\ntest_bad (void)\n{\n  f ();\n}\n'),
    ('elsewhere', 'docs/bad.md', 'See /wor' + 'k/x.\n'),
    ('safety', 'aioproc/core/aioproc-open.h',
     '{head}\n' + GUARD + '\n/**\n * AioprocOpen:\n *\n * Opens it.\n *\n'
     ' * # Thread safety\n *\n * None.\n *\n * Since: 0.1\n */\n\nAIOPROC_AVAILABLE_IN_ALL\n'
     'G_DECLARE_FINAL_TYPE (AioprocOpen, aioproc_open, AIOPROC, OPEN, GObject)\n'),
    ('since', 'aioproc/core/aioproc-open.c',
     '{head}\n#include "aioproc-open.h"\n\n/**\n * aioproc_open:\n *\n * Opens it.\n */\n'),
    ('docs', 'aioproc/core/aioproc-open.h',
     '{head}\n' + GUARD + '\nAIOPROC_AVAILABLE_IN_ALL\nint  aioproc_open (void);\n'),
    ('docs', 'aioproc/core/aioproc-open.h',
     '{head}\n' + GUARD + '\nAIOPROC_AVAILABLE_IN_ALL\n'
     'G_DECLARE_FINAL_TYPE (AioprocOpen, aioproc_open, AIOPROC, OPEN, GObject)\n'),
    ('since', 'aioproc/core/aioproc-open.h',
     '{head}\n' + GUARD + '\n/**\n * aioproc_open:\n *\n * Opens it.\n *\n * Since: 0.1\n */\n'
     'AIOPROC_AVAILABLE_IN_0_2\nint  aioproc_open (void);\n'),
]


def self_test():
    failures = 0
    for rule, path, content in SELF_TESTS:
        with tempfile.TemporaryDirectory() as root:
            files = {
                'aioproc/core/aioproc-open.h': '{head}\n' + GUARD,
                'meson.build': SCRIPT_HEAD + "api_series = ['0.1', '0.2']\n",
                'aioproc/core/aioproc-own-private.h': '{head}\n#pragma once\n',
                path: content,
            }
            if rule != 'not-built':
                files.setdefault('aioproc/meson.build', SCRIPT_HEAD + f"files('{path}')\n")
            for name, text in files.items():
                full = os.path.join(root, name)
                os.makedirs(os.path.dirname(full), exist_ok=True)
                head = HEAD.format(name=os.path.basename(name))
                with open(full, 'w', encoding='utf-8', newline='') as stream:
                    stream.write(text.replace('{head}', head))
            lint = Lint(root)
            lint.run()
            lint.check_since()
            lint.check_quotes()
        caught = sorted({problem[2] for problem in lint.problems})
        if caught != ([rule] if rule else []):
            failures += 1
            print(f'{path}: expected {rule}, caught {caught}: {content!r}')
    print(f'{len(SELF_TESTS)} snippets, {failures} wrong')
    return 1 if failures else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--source', default=os.path.dirname(os.path.dirname(
        os.path.abspath(__file__))), help='the source tree')
    parser.add_argument('--library', help='the built library, to check its symbols')
    parser.add_argument('--self-test', action='store_true', help='check the checks')
    args = parser.parse_args()
    if args.self_test:
        return self_test()
    lint = Lint(args.source)
    lint.run()
    lint.check_since()
    lint.check_quotes()
    if args.library:
        lint.check_symbols(args.library)
    for path, line, rule, message in sorted(lint.problems):
        print(f'{path}:{line}: {message} [{rule}]')
    print(f'{len(lint.files)} files, {len(lint.problems)} problems')
    return 1 if lint.problems else 0


if __name__ == '__main__':
    sys.exit(main())
