/* sync-test.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <stdatomic.h>

#include <aioproc.h>

G_BEGIN_DECLS

/* What crosses a socket instead of an object. */
typedef struct {
  guint32 kind;
  guint   n_fds;
  int     fds[4];      /* (owned) @n_fds of them */
} SyncParcel;

/* Of a new object, whose maker, and so the first member of its family, is dead already. This
 * process is not a member, has no thread for it, and can fork.
 */
SyncParcel sync_test_create        (GType               type);
/* The same, with one property, if @property is not NULL. */
SyncParcel sync_test_create_with   (GType               type,
                                    const char         *property,
                                    guint               value);
/* The same, of what @make makes there. */
SyncParcel sync_test_create_by     (gpointer          (*make) (void));
void       sync_test_parcel_clear  (SyncParcel         *parcel);
/* The object, in this process, which becomes a member. */
gpointer   sync_test_import        (const SyncParcel   *parcel);
/* A parcel of an object of this process. */
SyncParcel sync_test_export        (gpointer            object);

/* A process of which nobody hears by SIGCHLD: its parent is dead. It ends with this one. */
pid_t      sync_test_fork_orphan   (int               (*func) (gpointer data),
                                    gpointer            data);
/* Kills it; it may not be quite dead yet. */
void       sync_test_kill_orphan   (pid_t               pid);

G_END_DECLS
