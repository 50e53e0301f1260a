/* worker-functions.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <aioproc.h>

G_BEGIN_DECLS

/* The functions of the workers in C, which worker.py and worker.js have as well, by the same names:
 * the table of a program, or the symbols of a module.
 */
GVariant *square         (AioprocCall  *call,
                          GError      **error);
GVariant *echo           (AioprocCall  *call,
                          GError      **error);
GVariant *fail           (AioprocCall  *call,
                          GError      **error);
GVariant *fail_aioproc   (AioprocCall  *call,
                          GError      **error);
GVariant *nothing        (AioprocCall  *call,
                          GError      **error);
GVariant *later          (AioprocCall  *call,
                          GError      **error);
GVariant *fail_later     (AioprocCall  *call,
                          GError      **error);
GVariant *progress       (AioprocCall  *call,
                          GError      **error);
GVariant *pause_halfway  (AioprocCall  *call,
                          GError      **error);
GVariant *wait_cancelled (AioprocCall  *call,
                          GError      **error);
GVariant *hold           (AioprocCall  *call,
                          GError      **error);
GVariant *produce        (AioprocCall  *call,
                          GError      **error);
GVariant *negate         (AioprocCall  *call,
                          GError      **error);
GVariant *whoami         (AioprocCall  *call,
                          GError      **error);
GVariant *remember       (AioprocCall  *call,
                          GError      **error);
GVariant *recall         (AioprocCall  *call,
                          GError      **error);

G_END_DECLS
