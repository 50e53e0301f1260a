/* lock-cases.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "conformance.h"

G_BEGIN_DECLS

/* What holds for every lock, and what its cases are made of. */
extern const ConformanceCase lock_cases[];
extern const guint           n_lock_cases;

void lock_case_assert_locked (Cast    *cast,
                              Outcome  expected);
/* Not abandoned. */
void lock_case_acquire       (Party   *party);
void lock_case_release       (Party   *party);

G_END_DECLS
