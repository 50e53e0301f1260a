/* aioproc-error.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "aioproc-error.h"

/**
 * aioproc_error_quark:
 *
 * Gets the error domain of Aioproc.
 *
 * Returns: the quark of “aioproc-error-quark”
 *
 * Since: 0.1
 */
G_DEFINE_QUARK (aioproc-error-quark, aioproc_error)

G_DEFINE_ENUM_TYPE (AioprocError, aioproc_error,
  G_DEFINE_ENUM_VALUE (AIOPROC_ERROR_NOT_INITIALIZED, "not-initialized"),
  G_DEFINE_ENUM_VALUE (AIOPROC_ERROR_BOOTSTRAPPING, "bootstrapping"),
  G_DEFINE_ENUM_VALUE (AIOPROC_ERROR_NOT_FOUND, "not-found"),
  G_DEFINE_ENUM_VALUE (AIOPROC_ERROR_INVALID_STATE, "invalid-state"),
  G_DEFINE_ENUM_VALUE (AIOPROC_ERROR_NOT_OWNER, "not-owner"),
  G_DEFINE_ENUM_VALUE (AIOPROC_ERROR_OWNER_DIED, "owner-died"),
  G_DEFINE_ENUM_VALUE (AIOPROC_ERROR_WORKER_DIED, "worker-died"),
  G_DEFINE_ENUM_VALUE (AIOPROC_ERROR_STATUS_LOST, "status-lost"),
  G_DEFINE_ENUM_VALUE (AIOPROC_ERROR_BROKEN_BARRIER, "broken-barrier"),
  G_DEFINE_ENUM_VALUE (AIOPROC_ERROR_AUTHENTICATION_FAILED, "authentication-failed"),
  G_DEFINE_ENUM_VALUE (AIOPROC_ERROR_REMOTE, "remote"),
  G_DEFINE_ENUM_VALUE (AIOPROC_ERROR_FORK_REFUSED, "fork-refused"),
  G_DEFINE_ENUM_VALUE (AIOPROC_ERROR_NOT_SHAREABLE, "not-shareable"))
