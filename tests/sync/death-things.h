/* death-things.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <stdatomic.h>

#include <aioproc.h>

G_BEGIN_DECLS

typedef struct _Fixture Fixture;

/* What one dies with, and another waits for. */
typedef struct {
  const char *path;
  gpointer  (*make)   (void);
  /* In the victim, which has said so when it holds what there is, or is about to sleep. */
  void      (*hold)   (Fixture *self);
  /* In the victim, if it may go on. */
  void      (*let_go) (Fixture *self);
  /* In the one that waits: it says so, waits, and returns whether it was told that one died. */
  gboolean  (*wait)   (Fixture *self);
  gboolean    waiter_first;
  /* (nullable) In this process, when both stand. */
  void      (*amid)   (Fixture *self);
  /* (nullable) In this process, when the victim is stopped, and when it has ended. */
  void      (*check_stopped) (Fixture *self);
  void      (*after)  (Fixture *self);
  gboolean    tells;             /* the one that waits is told */
} Thing;

typedef enum {
  END_KILLED,
  END_EXITS,
  END_EXECUTES,
  END_ABORTS,
  END_CRASHES,
  END_DUMPS,
  END_STOPPED_KILLED,
  END_STOPPED_CONTINUES,
  END_NAMESPACE_KILLED,
  END_NAMESPACE_ENDED,
} End;

struct _Fixture {
  /* What the children inherit. */
  const Thing *thing;
  End          end;
  gboolean     async;            /* how the waiter waits */
  gpointer     object;           /* (owned) */
  const char  *folder;           /* (nullable) where the core goes */

  /* What they share. */
  struct {
    _Atomic guint32 held;
    _Atomic guint32 begun;
    _Atomic guint32 got;         /* 1: what it waits for; 2: and it was told that one died */
    _Atomic guint32 go;          /* 1: come to your end; 2: let go */
    _Atomic guint32 pid;         /* of the one to be killed in another namespace, or NO_NAMESPACE */
    _Atomic guint32 slot;        /* that was taken last */
  } *shared;
};

extern const Thing death_things[];
extern const guint n_death_things;

/* That nobody has anything of it, in this process. */
void death_things_check_free (gpointer object);

G_END_DECLS
