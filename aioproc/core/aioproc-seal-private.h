/* aioproc-seal-private.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* One direction of a stream whose bytes nobody but the two ends can write. They travel in records,
 * each with its number and a code over both under a key of that direction; the last one is empty.
 * What was changed, left out, put in, sent again, sent back or cut off is found. It is not hidden
 * from who looks at it. docs/wire.md has the bytes. Not thread-safe.
 */
typedef struct _AioprocSeal AioprocSeal;

#define AIOPROC_SEAL_KEY_SIZE 32
/* Of the bytes in one record, and of what comes before and after them. */
#define AIOPROC_SEAL_MAX      (64 * 1024)
#define AIOPROC_SEAL_HEAD     12
#define AIOPROC_SEAL_TAIL     32
#define AIOPROC_SEAL_SIZE(length) (AIOPROC_SEAL_HEAD + (length) + AIOPROC_SEAL_TAIL)

AioprocSeal *aioproc_seal_new       (const guint8  *key);
void         aioproc_seal_free      (AioprocSeal   *self);

/* Makes the next record, around @length bytes that are there at AIOPROC_SEAL_HEAD; 0: the last
 * one. Returns AIOPROC_SEAL_SIZE (@length).
 */
gsize        aioproc_seal_close     (AioprocSeal   *self,
                                     guint8        *record,
                                     gsize          length);
/* The last record, of which nothing has been sent, is as if it had not been made. */
void         aioproc_seal_take_back (AioprocSeal   *self);

/* Checks what begins at @record. @length: of the bytes at AIOPROC_SEAL_HEAD, 0 for the last
 * record, or -1 while that is not known, since there are only @n_there bytes. FALSE,
 * G_IO_ERROR_INVALID_DATA: this is not what the peer sent next; then nothing more is to be asked.
 */
gboolean     aioproc_seal_open      (AioprocSeal   *self,
                                     const guint8  *record,
                                     gsize          n_there,
                                     gssize        *length,
                                     GError       **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (AioprocSeal, aioproc_seal_free)

G_END_DECLS
