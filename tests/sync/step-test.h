/* step-test.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <stdatomic.h>

#include <aioproc.h>

#include "core/aioproc-family-private.h"

G_BEGIN_DECLS

/* Operations of which a process is killed after the first instruction, the second, the third… Then
 * the others have to find everything as it should be.
 */

typedef enum {
  STEP_TO_SLEEP,        /* or to its end, where it does not sleep */
  STEP_WOKEN,           /* from its wake-up on */
  STEP_WOKEN_TWICE,     /* from its second one on */
} StepPart;

typedef struct {
  const char  *path;
  /* (nullable) In this process, before the victim comes. */
  void       (*begin)  (void);
  /* (nullable) In the victim, freely. */
  void       (*before) (void);
  /* (nullable) In this process, before the operation. */
  void       (*amid)   (void);
  /* In the victim, step by step. */
  void       (*step)   (void);
  StepPart     part;
  /* (nullable) In this process, each time that the victim sleeps: what wakes it. */
  void       (*wake[2]) (void);
  /* In this process, when the victim is dead. Whether it had the lock when it was killed. */
  void       (*check)  (gboolean owned);
} StepOperation;

/* Before anything is made that the victims inherit. This process becomes a member. */
AioprocFamily *step_test_init     (void);
/* The word of @object, which is an owner's. */
_Atomic guint32 *step_test_get_word (gpointer object);
/* Kills at each instruction, or in the default suite, at one of @stride. @word: of the lock. */
void           step_test_run      (const StepOperation *operation,
                                   guint                stride,
                                   _Atomic guint32     *word);

/* One that does as it is told, by a number, and in the end sleeps. */
typedef struct _StepHelper StepHelper;

/* Forks it. @func: is called in it, with each command, and calls step_test_helper_begin() at the
 * point from which on it will sleep.
 */
StepHelper    *step_test_helper_new   (void       (*func) (StepHelper *self,
                                                           guint32     command));
/* In the helper. */
void           step_test_helper_begin (StepHelper  *self);
/* Returns when it sleeps. */
void           step_test_helper_start (StepHelper  *self,
                                       guint32      command);
/* Returns when it has done it. */
void           step_test_helper_end   (StepHelper  *self);
gboolean       step_test_helper_is_up (StepHelper  *self);

G_END_DECLS
