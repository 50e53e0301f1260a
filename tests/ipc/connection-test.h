/* connection-test.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <aioproc.h>

G_BEGIN_DECLS

/* What does not fit into a socket: a body that is not bytes, so that it is streamed. */
#define CONNECTION_TEST_LARGE (600 * 1024)

void            connection_test_pipe          (AioprocConnection **a,
                                               AioprocConnection **b);
/* Both are to end with that. */
void            connection_test_release       (AioprocConnection  *a,
                                               AioprocConnection  *b);
AioprocMessage *connection_test_new_number    (guint32             number);
/* The same, with a body of more than CONNECTION_TEST_LARGE bytes. */
AioprocMessage *connection_test_new_large     (guint32             number);
/* Checks that all of it is there. Takes @message. */
guint32         connection_test_take_number   (AioprocMessage     *message);
/* Of the next message, which has come or will. */
guint32         connection_test_recv_number   (AioprocConnection  *connection);
void            connection_test_send_number   (AioprocConnection  *connection,
                                               guint32             number);
/* Numbers from @first on, until there is no room. How many. */
guint32         connection_test_fill          (AioprocConnection  *connection,
                                               guint32             first);
void            connection_test_assert_send   (AioprocConnection  *connection,
                                               int                 code);
void            connection_test_assert_recv   (AioprocConnection  *connection,
                                               int                 code);
/* Of the asynchronous forms; clears @result. */
guint32         connection_test_finish_number (AioprocConnection  *connection,
                                               GAsyncResult      **result);
void            connection_test_finish_recv   (AioprocConnection  *connection,
                                               GAsyncResult      **result,
                                               int                 code);
void            connection_test_finish_send   (AioprocConnection  *connection,
                                               GAsyncResult      **result,
                                               int                 code);

G_END_DECLS
