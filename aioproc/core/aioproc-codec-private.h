/* aioproc-codec-private.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <gio/gio.h>

#include "aioproc-message.h"
#include "platform/aioproc-fds-private.h"

G_BEGIN_DECLS

/* The wire form of messages, the same on the channels of workers and on connections: a fixed
 * little-endian header, the parts' table, the body's type and data, inline byte sections;
 * descriptors beside. docs/wire.md has every byte of it.
 */
typedef enum {
  AIOPROC_FRAME_MESSAGE = 0,
  AIOPROC_FRAME_START,        /* application to worker: the call to run */
  AIOPROC_FRAME_CANCEL,       /* application to worker: be so kind as to stop */
  AIOPROC_FRAME_READY,        /* worker to application: bootstrap done, the function is found */
  AIOPROC_FRAME_FAILED,       /* worker to application: bootstrap failed, an error body */
  AIOPROC_FRAME_RESULT,
  AIOPROC_FRAME_ERROR,        /* the function failed: an error body */
  AIOPROC_FRAME_LOG,
  AIOPROC_FRAME_PROGRESS,
  AIOPROC_FRAME_EXIT,         /* the worker's own record of its exit status */
  AIOPROC_FRAME_LAST = AIOPROC_FRAME_EXIT
} AioprocFrameKind;

typedef struct {
  AioprocFrameKind kind;
  guint32          serial;
} AioprocFrameInfo;

/* The longest frame, without what travels as descriptors. Who sends more gets the error, so that
 * no receiver with this limit ever has to break off a stream for it.
 */
#define AIOPROC_FRAME_MAX_LENGTH (G_GUINT64_CONSTANT (1) << 30)

/* The most handles of a message that is sent. */
#define AIOPROC_FRAME_MAX_PARTS 65536

/* An encoded frame, ready to be written once, by one thread at a time. It keeps what it needs of
 * the message, and owns the descriptors that were made for it.
 */
typedef struct _AioprocFrame AioprocFrame;

/* @message: (nullable) a frame without a body. Fails with what the message cannot be sent for:
 * NOT_INITIALIZED of an object, MESSAGE_TOO_LARGE, INVALID_ARGUMENT of a body, an errno.
 */
AioprocFrame       *aioproc_frame_new         (const AioprocFrameInfo  *info,
                                               AioprocMessage          *message,
                                               GError                 **error);
/* The same for a peer that takes at most @max_fds descriptors a frame (0: no Unix socket). */
AioprocFrame       *aioproc_frame_new_full    (const AioprocFrameInfo  *info,
                                               AioprocMessage          *message,
                                               guint                    max_fds,
                                               GError                 **error);
void                aioproc_frame_free        (AioprocFrame            *self);
/* Of the whole frame, with its header. */
guint64             aioproc_frame_get_length  (AioprocFrame            *self);
/* Writes what the socket takes. TRUE and *@done: all of it; TRUE and not *@done: would block
 * (@dont_wait only). FALSE: the socket failed, and can carry no other frame.
 */
gboolean            aioproc_frame_write       (AioprocFrame            *self,
                                               int                      socket_fd,
                                               gboolean                 dont_wait,
                                               gboolean                *done,
                                               GError                 **error);

/* Reads frames off one stream socket, in any pieces; one thread at a time. Limits are checked
 * before anything is allocated.
 */
typedef struct _AioprocFrameReader AioprocFrameReader;

/* @socket_fd is not owned. @max_length: of a frame after its header, and never more than
 * AIOPROC_FRAME_MAX_LENGTH; a longer one is G_IO_ERROR_MESSAGE_TOO_LARGE.
 */
AioprocFrameReader *aioproc_frame_reader_new  (int                      socket_fd,
                                               guint64                  max_length);
void                aioproc_frame_reader_free (AioprocFrameReader      *self);
/* AIOPROC_IO_OK: one whole frame: @info, and @message, which is never NULL (one without body and
 * handles for a frame without). _AGAIN: would block (@dont_wait only). _EOF: between frames only.
 * _ERROR: G_IO_ERROR_PARTIAL_INPUT for an end inside a frame, G_IO_ERROR_INVALID_DATA for a bad
 * one, G_IO_ERROR_CONNECTION_CLOSED if the peer went with frames unread, or another error of the
 * socket. The stream is useless then: every later read returns the same error.
 */
AioprocIOStatus     aioproc_frame_reader_read (AioprocFrameReader      *self,
                                               gboolean                 dont_wait,
                                               AioprocFrameInfo        *info,
                                               AioprocMessage         **message,
                                               GError                 **error);

/* Values in shared memory or in a frame: type string, NUL, zeros up to a multiple of 8, data in
 * little-endian normal form.
 *
 * Only what was prepared is stored: checks the limits (a type of 255 characters, 32 levels of
 * containers and variants), and returns the value in normal form and in the byte order of the wire
 * (@value itself, as a rule). G_IO_ERROR_INVALID_ARGUMENT; without @allow_handles,
 * G_IO_ERROR_NOT_SUPPORTED for a value that has an `h` in it. @value is not floating.
 */
GVariant           *aioproc_codec_variant_prepare (GVariant            *value,
                                                   gboolean             allow_handles,
                                                   GError             **error);
gsize               aioproc_codec_variant_size    (GVariant            *value);
/* @to: aligned to 8 bytes, room for aioproc_codec_variant_size(). */
void                aioproc_codec_variant_store   (GVariant            *value,
                                                   guint8              *to);
/* Only the type and its padding; returns their size. */
gsize               aioproc_codec_variant_store_type (GVariant         *value,
                                                      guint8           *to);
/* Checks type, limits and normal form of a private copy, which is kept by the result: nothing is
 * copied where @bytes is aligned to 8 bytes. The result is trusted, and not floating. Else
 * G_IO_ERROR_INVALID_DATA.
 */
GVariant           *aioproc_codec_variant_load    (GBytes              *bytes,
                                                   GError             **error);
/* The same for a part of @owner. */
GVariant           *aioproc_codec_variant_load_part (const guint8      *data,
                                                     gsize              length,
                                                     GBytes            *owner,
                                                     GError           **error);

/* Errors are `(sis)`: domain, code, message. The value is floating. What is read is always an
 * error: one of a domain that this process does not know, or of another form, is
 * AIOPROC_ERROR_REMOTE.
 */
GVariant           *aioproc_codec_error_to_variant   (const GError     *error);
GError             *aioproc_codec_error_from_variant (GVariant         *value);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (AioprocFrame, aioproc_frame_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (AioprocFrameReader, aioproc_frame_reader_free)

G_END_DECLS
