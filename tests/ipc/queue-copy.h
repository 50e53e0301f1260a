/* queue-copy.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <aioproc.h>

G_BEGIN_DECLS

/* The queue as the others would find it, if the process with @owner had died here, which in fact is
 * stopped: what says something of it says it of @dead_owner, which is dead. A queue by itself.
 */
AioprocQueue *queue_copy_new (AioprocQueue *queue,
                              guint32       owner,
                              guint32       dead_owner);

G_END_DECLS
