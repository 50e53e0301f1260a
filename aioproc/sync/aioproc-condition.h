/* aioproc-condition.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#if !defined (AIOPROC_INSIDE) && !defined (AIOPROC_COMPILATION)
# error "Only <aioproc.h> can be included directly."
#endif

#include <gio/gio.h>

#include "aioproc-shareable.h"
#include "aioproc-version-macros.h"

G_BEGIN_DECLS

#define AIOPROC_TYPE_CONDITION (aioproc_condition_get_type ())

AIOPROC_AVAILABLE_IN_ALL
G_DECLARE_FINAL_TYPE (AioprocCondition, aioproc_condition, AIOPROC, CONDITION, GObject)

/**
 * AioprocConditionFunc:
 * @condition: a condition, whose lock the caller of this function holds
 * @user_data: the data that came with the function
 *
 * Tells whether there is what is waited for.
 *
 * Returns: `TRUE` if the wait is over
 *
 * Since: 0.1
 */
typedef gboolean (*AioprocConditionFunc)        (AioprocCondition     *condition,
                                                 gpointer              user_data);

AIOPROC_AVAILABLE_IN_ALL
AioprocCondition *aioproc_condition_new         (AioprocShareable     *lock,
                                                 GError              **error)
                                                 G_GNUC_WARN_UNUSED_RESULT;

AIOPROC_AVAILABLE_IN_ALL
const char       *aioproc_condition_get_name    (AioprocCondition     *self);
AIOPROC_AVAILABLE_IN_ALL
AioprocShareable *aioproc_condition_get_lock    (AioprocCondition     *self);

AIOPROC_AVAILABLE_IN_ALL
gboolean          aioproc_condition_wait        (AioprocCondition     *self,
                                                 guint64               owner,
                                                 gint64                timeout_usec,
                                                 GCancellable         *cancellable,
                                                 GError              **error);
AIOPROC_AVAILABLE_IN_ALL
void              aioproc_condition_wait_async  (AioprocCondition     *self,
                                                 guint64               owner,
                                                 gint64                timeout_usec,
                                                 GCancellable         *cancellable,
                                                 GAsyncReadyCallback   callback,
                                                 gpointer              user_data);
AIOPROC_AVAILABLE_IN_ALL
gboolean          aioproc_condition_wait_finish (AioprocCondition     *self,
                                                 GAsyncResult         *result,
                                                 GError              **error);

AIOPROC_AVAILABLE_IN_ALL
gboolean          aioproc_condition_wait_for    (AioprocCondition     *self,
                                                 guint64               owner,
                                                 AioprocConditionFunc  func,
                                                 gpointer              user_data,
                                                 gint64                timeout_usec,
                                                 GCancellable         *cancellable,
                                                 GError              **error);

AIOPROC_AVAILABLE_IN_ALL
void              aioproc_condition_wait_for_async
                                                (AioprocCondition     *self,
                                                 guint64               owner,
                                                 AioprocConditionFunc  func,
                                                 gpointer              data,
                                                 GDestroyNotify        func_destroy,
                                                 gint64                timeout_usec,
                                                 GCancellable         *cancellable,
                                                 GAsyncReadyCallback   callback,
                                                 gpointer              user_data);
AIOPROC_AVAILABLE_IN_ALL
gboolean          aioproc_condition_wait_for_finish
                                                (AioprocCondition     *self,
                                                 GAsyncResult         *result,
                                                 GError              **error);

AIOPROC_AVAILABLE_IN_ALL
gboolean          aioproc_condition_notify_n    (AioprocCondition     *self,
                                                 guint64               owner,
                                                 guint                 n_waiters,
                                                 GError              **error);
AIOPROC_AVAILABLE_IN_ALL
gboolean          aioproc_condition_notify_all  (AioprocCondition     *self,
                                                 guint64               owner,
                                                 GError              **error);

G_END_DECLS
