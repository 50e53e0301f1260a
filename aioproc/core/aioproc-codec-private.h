/* aioproc-codec-private.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <gio/gio.h>

#include "aioproc-message.h"
#include "core/aioproc-carrier-private.h"
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
/* That of a message of kind MESSAGE and serial 0 that is nothing but these bytes, at the least
 * cost. NULL: they are too many for that.
 */
AioprocFrame       *aioproc_frame_new_for_bytes (GBytes                *bytes);
void                aioproc_frame_free        (AioprocFrame            *self);
/* Of the whole frame, with its header. */
guint64             aioproc_frame_get_length  (AioprocFrame            *self);
/* Whether a part of it was written: then the rest has to follow, or the stream is broken. */
gboolean            aioproc_frame_is_begun    (AioprocFrame            *self);
/* Writes what the socket takes. TRUE and *@done: all of it; TRUE and not *@done: would block
 * (@dont_wait only). FALSE: the socket failed, and can carry no other frame.
 */
gboolean            aioproc_frame_write       (AioprocFrame            *self,
                                               int                      socket_fd,
                                               gboolean                 dont_wait,
                                               gboolean                *done,
                                               GError                 **error);

/* The same to a carrier, without a wait. */
gboolean            aioproc_frame_write_to    (AioprocFrame            *self,
                                               AioprocCarrier          *carrier,
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
/* The same with at most @max_fds descriptors a frame, and from @carrier, if there is one, which is
 * not owned: then without @socket_fd, descriptors and waits.
 */
AioprocFrameReader *aioproc_frame_reader_new_full (int                  socket_fd,
                                               AioprocCarrier          *carrier,
                                               guint                    max_fds,
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

/* The two steps of that, for who has a large frame parsed elsewhere. Fill: _OK once a whole frame
 * is there. Without a wait it reads at most @max_turn bytes or a little more (0: no limit), then
 * says _AGAIN, so that a peer that is as fast as this process does not keep it. Parse: of a frame
 * that is there; FALSE is an _ERROR.
 */
AioprocIOStatus     aioproc_frame_reader_fill  (AioprocFrameReader      *self,
                                                gboolean                 dont_wait,
                                                gsize                    max_turn,
                                                GError                 **error);
gboolean            aioproc_frame_reader_parse (AioprocFrameReader      *self,
                                                AioprocFrameInfo        *info,
                                                AioprocMessage         **message,
                                                GError                 **error);
/* What was parsed is not what may come: the stream is useless from then on, and nothing is kept. */
void                aioproc_frame_reader_refuse (AioprocFrameReader     *self,
                                                const GError            *error);
/* Of the frame that is there, after its header. */
guint64             aioproc_frame_reader_get_length (AioprocFrameReader *self);
/* Of a frame that is there, instead of parse: what is in it if that is bytes, inline, and nothing
 * else. NULL: it is something else, or bad.
 */
GBytes             *aioproc_frame_reader_take_bytes (AioprocFrameReader *self);
/* Whether nothing of a next frame was read. */
gboolean            aioproc_frame_reader_is_idle    (AioprocFrameReader *self);
/* A read may take more than the frame that it needs, which saves calls: nobody else reads from the
 * socket, or waits for it to be ready. FALSE at first.
 */
void                aioproc_frame_reader_set_reads_ahead (AioprocFrameReader *self,
                                                          gboolean            reads_ahead);
/* Whether a frame, or the beginning of one, was read that nobody has asked for yet. */
gboolean            aioproc_frame_reader_is_ahead   (AioprocFrameReader *self);
/* A socket out of which what was read of frames to come can be read once more, for a reader in
 * another process; this one keeps it. -1: G_IO_ERROR_BUSY if that is too much, or no descriptor is
 * left. What a reader takes of such a socket, which it does not own, comes before all else; it
 * belongs to nobody it can trust. FALSE: G_IO_ERROR_INVALID_DATA.
 */
int                 aioproc_frame_reader_dup_unread  (AioprocFrameReader  *self,
                                                      GError             **error);
gboolean            aioproc_frame_reader_take_unread (AioprocFrameReader  *self,
                                                      int                  fd,
                                                      GError             **error);
/* For the frames to come. */
void                aioproc_frame_reader_set_max_length (AioprocFrameReader *self,
                                                         guint64             max_length);

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
