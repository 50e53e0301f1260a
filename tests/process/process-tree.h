/* process-tree.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <stdio.h>
#include <sys/types.h>

#include <glib.h>

G_BEGIN_DECLS

/* What a test sees of processes from outside. */

/* The children of a process, zombies included, and all that come from it, itself not. */
GArray  *test_tree_list_children     (pid_t         pid);
GArray  *test_tree_list_descendants  (pid_t         pid);
guint    test_tree_count_children    (pid_t         pid);
/* 'Z' for a zombie, 'T' for a stopped process, …, or 0 for none. */
char     test_tree_get_state         (pid_t         pid);
/* 0 for a process that is gone. */
pid_t    test_tree_get_parent        (pid_t         pid);
guint    test_tree_count_fds         (pid_t         pid);
guint    test_tree_count_threads     (pid_t         pid);
/* In KiB. */
guint64  test_tree_get_memory        (pid_t         pid);

/* A program under test: whatever it leaves behind when it ends becomes a child of this process,
 * which must have no other children.
 */
typedef struct
{
  pid_t  pid;
  FILE  *output;
} TestProgram;

/* Runs the helper program @name; @arguments end with NULL. */
void     test_program_start          (TestProgram  *self,
                                      const char   *name,
                                      const char   *first_argument,
                                      ...) G_GNUC_NULL_TERMINATED;
/* The next line that it writes, without its end mark; NULL: it has closed its output. */
char    *test_program_read_line      (TestProgram  *self);
/* Waits for its end; returns its wait status. */
int      test_program_wait           (TestProgram  *self);
/* Waits until nothing that came from any program is left, and returns how many had to end first. */
guint    test_program_wait_for_rest  (void);

G_END_DECLS
