/* queue-batch-peer.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

/* What a queue-batch-peer puts at once: items of life 1, with numbers from this one on. */
#define QUEUE_BATCH_FIRST 4
#define QUEUE_BATCH_ITEMS 3
