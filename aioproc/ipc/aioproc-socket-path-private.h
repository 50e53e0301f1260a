/* aioproc-socket-path-private.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* The name of a Unix socket in the file system, and what is to be removed with it. */
typedef struct _AioprocSocketPath AioprocSocketPath;

/* A name that nobody else can use, in a fresh folder that only this user may enter: below the
 * user's runtime folder, or, if that cannot be used, the one for temporary files.
 * G_IO_ERROR_PERMISSION_DENIED: what is there already is open to others; else as the system says.
 */
AioprocSocketPath *aioproc_socket_path_new_private (GError            **error);
/* One that the program has chosen. */
AioprocSocketPath *aioproc_socket_path_new         (const char         *name);
const char        *aioproc_socket_path_get_name    (AioprocSocketPath  *self);
/* A socket was bound to it: this one is removed in the end, and no other. */
void               aioproc_socket_path_set_bound   (AioprocSocketPath  *self);
/* Removes what was made, and frees. */
void               aioproc_socket_path_remove      (AioprocSocketPath  *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (AioprocSocketPath, aioproc_socket_path_remove)

G_END_DECLS
