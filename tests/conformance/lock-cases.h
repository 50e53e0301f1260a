/* lock-cases.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "conformance.h"

G_BEGIN_DECLS

/* What holds for every lock, and a semaphore of one unit, and what its cases are made of. */
extern const ConformanceCase lock_cases[];
extern const guint           n_lock_cases;

void lock_case_assert_locked (Cast    *cast,
                              Outcome  expected);
/* Not abandoned. */
void lock_case_acquire       (Party   *party);
void lock_case_release       (Party   *party);

/* Of those locks that tell. */
void lock_case_holder_dies   (Cast    *cast);

#define LOCK_CASE_HOLDER_DIES \
  { "holder-dies", "Who waits gets the lock of a holder that is killed, and is told", \
    lock_case_holder_dies, NEEDS_PROCESS }

G_END_DECLS
