/* aioproc-error.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#if !defined (AIOPROC_INSIDE) && !defined (AIOPROC_COMPILATION)
# error "Only <aioproc.h> can be included directly."
#endif

#include <gio/gio.h>

#include "aioproc-version-macros.h"

G_BEGIN_DECLS

/**
 * AIOPROC_ERROR:
 *
 * The error domain of Aioproc. Its codes are in [error@Aioproc.Error].
 *
 * Since: 0.1
 */
#define AIOPROC_ERROR      (aioproc_error_quark ())
#define AIOPROC_TYPE_ERROR (aioproc_error_get_type ())

/**
 * AioprocError:
 * @AIOPROC_ERROR_NOT_INITIALIZED: The worker program never called the function that serves a
 *   worker, so that no call can reach it.
 * @AIOPROC_ERROR_BOOTSTRAPPING: A worker tried to start a worker before its own bootstrap ended.
 * @AIOPROC_ERROR_NOT_FOUND: The worker program has no function of that name.
 * @AIOPROC_ERROR_INVALID_STATE: The object is in a state that does not allow the operation.
 * @AIOPROC_ERROR_NOT_OWNER: The object is held by another process, or by nobody.
 * @AIOPROC_ERROR_OWNER_DIED: The process that held the object died with it.
 * @AIOPROC_ERROR_WORKER_DIED: The worker died before it returned a result.
 * @AIOPROC_ERROR_STATUS_LOST: The worker has ended, but how it ended cannot be known.
 * @AIOPROC_ERROR_BROKEN_BARRIER: The barrier is broken: a party died, left or timed out.
 * @AIOPROC_ERROR_AUTHENTICATION_FAILED: The peer could not prove that it knows the key.
 * @AIOPROC_ERROR_REMOTE: The peer reported an error that has no domain in this process, as an
 *   exception of another language.
 * @AIOPROC_ERROR_FORK_REFUSED: This process has threads that a fork would break.
 * @AIOPROC_ERROR_NOT_SHAREABLE: The object cannot be shared with another process.
 *
 * The errors that are Aioproc's own.
 *
 * Where GIO has a code for what happened, as [error@Gio.IOErrorEnum]’s `CANCELLED`, `TIMED_OUT`
 * or `CLOSED`, the library uses that one.
 *
 * Since: 0.1
 */
typedef enum
{
  AIOPROC_ERROR_NOT_INITIALIZED,
  AIOPROC_ERROR_BOOTSTRAPPING,
  AIOPROC_ERROR_NOT_FOUND,
  AIOPROC_ERROR_INVALID_STATE,
  AIOPROC_ERROR_NOT_OWNER,
  AIOPROC_ERROR_OWNER_DIED,
  AIOPROC_ERROR_WORKER_DIED,
  AIOPROC_ERROR_STATUS_LOST,
  AIOPROC_ERROR_BROKEN_BARRIER,
  AIOPROC_ERROR_AUTHENTICATION_FAILED,
  AIOPROC_ERROR_REMOTE,
  AIOPROC_ERROR_FORK_REFUSED,
  AIOPROC_ERROR_NOT_SHAREABLE,
} AioprocError;

AIOPROC_AVAILABLE_IN_ALL
GType  aioproc_error_get_type (void);
AIOPROC_AVAILABLE_IN_ALL
GQuark aioproc_error_quark    (void);

G_END_DECLS
