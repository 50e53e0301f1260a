/* forward.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <aioproc.h>

G_BEGIN_DECLS

/* A second backend of every class: it does its work by the public functions of another object,
 * as one does that has its object in another process. So it shows that a public class uses
 * nothing of an object but the table of its backend.
 */

/* An object of the class of @inner, that leaves everything to @inner, and disposes of it. @lock is
 * that of a condition, which does so with the lock of @inner.
 */
gpointer forward_new       (gpointer inner,
                            gpointer lock);
gpointer forward_get_inner (gpointer outer);

/* (nullable) The functions of backends that this process has called since it was asked last. */
char    *forward_dup_calls (void) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
