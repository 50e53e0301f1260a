/* aioproc.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <gio/gio.h>

#define AIOPROC_INSIDE

#include "aioproc-array.h"
#include "aioproc-barrier.h"
#include "aioproc-bounded-semaphore.h"
#include "aioproc-call.h"
#include "aioproc-client.h"
#include "aioproc-condition.h"
#include "aioproc-connection.h"
#include "aioproc-context.h"
#include "aioproc-descriptor.h"
#include "aioproc-error.h"
#include "aioproc-event.h"
#include "aioproc-init.h"
#include "aioproc-joinable-queue.h"
#include "aioproc-listener.h"
#include "aioproc-lock.h"
#include "aioproc-message.h"
#include "aioproc-pool.h"
#include "aioproc-process.h"
#include "aioproc-queue-failure.h"
#include "aioproc-queue-lease.h"
#include "aioproc-queue-loan.h"
#include "aioproc-queue.h"
#include "aioproc-rlock.h"
#include "aioproc-security.h"
#include "aioproc-semaphore.h"
#include "aioproc-shareable.h"
#include "aioproc-shared-list.h"
#include "aioproc-shared-memory.h"
#include "aioproc-simple-queue.h"
#include "aioproc-task.h"
#include "aioproc-value.h"
#include "aioproc-version.h"
#include "aioproc-version-macros.h"
#include "aioproc-wait.h"
#include "aioproc-waitable.h"

#undef AIOPROC_INSIDE
