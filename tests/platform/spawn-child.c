/* spawn-child.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/* Writes what it was born with to descriptor REPORT_FD of its environment, one fact a line, and
 * ends with exit code EXIT_CODE, if that is set; else when its standard input ends.
 */

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void
report_fds (FILE *report)
{
  DIR *dir = opendir ("/proc/self/fd");
  struct dirent *entry;

  if (dir == NULL)
    exit (100);

  while ((entry = readdir (dir)) != NULL)
    {
      struct stat stat_buffer;
      int fd = atoi (entry->d_name);

      if (entry->d_name[0] == '.' || fd == dirfd (dir) || fd == fileno (report))
        continue;

      if (fstat (fd, &stat_buffer) != 0)
        exit (101);

      fprintf (report, "fd %d %llu\n", fd, (unsigned long long) stat_buffer.st_ino);
    }

  closedir (dir);
}

static void
report_signals (FILE *report)
{
  FILE *status = fopen ("/proc/self/status", "re");
  char line[256];

  if (status == NULL)
    exit (102);

  while (fgets (line, sizeof line, status) != NULL)
    {
      if (strncmp (line, "SigBlk:", 7) == 0 || strncmp (line, "SigIgn:", 7) == 0)
        fprintf (report, "%.6s %s", line, line + 8);
    }

  fclose (status);
}

int
main (int   argc,
      char *argv[])
{
  const char *report_fd = getenv ("REPORT_FD");
  const char *exit_code = getenv ("EXIT_CODE");
  FILE *report;
  char byte;

  if (report_fd == NULL || (report = fdopen (atoi (report_fd), "w")) == NULL)
    return 103;

  report_fds (report);
  report_signals (report);

  for (int i = 0; i < argc; i++)
    fprintf (report, "arg %s\n", argv[i]);

  for (char **variable = environ; *variable != NULL; variable++)
    fprintf (report, "env %s\n", *variable);

  if (fclose (report) != 0)
    return 104;

  if (exit_code != NULL)
    return atoi (exit_code);

  while (read (STDIN_FILENO, &byte, 1) > 0)
    continue;

  return 0;
}
