/* scale-kinds.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <aioproc.h>

G_BEGIN_DECLS

/* What an object is waited on for, by any number of operations. */
typedef struct {
  const char *name;
  guint       n_objects;   /* how many there can be at a time */
  guint       n_fds;       /* of one */
  gboolean    breaks;      /* where one operation ends without, all others are let through */

  /* An object that lets nothing through. */
  gpointer  (*make)    (void);
  /* (nullable) What has to be done before each start, and may call back operations that have
   * ended.
   */
  void      (*prepare) (gpointer              object);
  /* @owner: another one for each operation. */
  void      (*start)   (gpointer              object,
                        guint64               owner,
                        GCancellable         *cancellable,
                        GAsyncReadyCallback   callback,
                        gpointer              user_data);
  /* Where it was let through, it is done with the object, too. */
  gboolean  (*finish)  (gpointer              object,
                        guint64               owner,
                        GAsyncResult         *result,
                        GError              **error);
  /* Lets @n_operations through at least. */
  void      (*let)     (gpointer              object,
                        guint                 n_operations);
  /* (nullable) Of @n_operations that could go through @n_let did, and nobody holds anything. */
  void      (*check)   (gpointer              object,
                        guint                 n_operations,
                        guint                 n_let);
  /* (nullable) Lets go of what an object may still hold that was not let through. */
  void      (*end)     (gpointer              object);
} ScaleKind;

extern const ScaleKind scale_kinds[];
extern const guint     n_scale_kinds;

G_END_DECLS
