/* aioproc-supervision-private.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* What the application and its supervisors say to each other, in packets over a SOCK_SEQPACKET
 * socket, and the supervisor's side of it. No GLib: the launcher is linked with libc only.
 *
 * A supervisor is the parent of workers: the launcher (SPAWN), which executes their program, or a
 * forkserver, which forks itself. It has one thread, serves one application, is the only one to
 * reap, and ends when the application hangs up.
 */

#define AIOPROC_SUPERVISION_VERSION 1

/* The environment variable that makes a program a worker or a forkserver. */
#define AIOPROC_SUPERVISION_ENVIRONMENT "AIOPROC_WORKER"

/* A longer payload travels as a memfd. */
#define AIOPROC_SUPERVISION_MAX_PAYLOAD 65536

/* Where a supervisor finds its descriptors: the socket, and the peer of one that closes with the
 * application.
 */
#define AIOPROC_SUPERVISION_SOCKET_FD 3
#define AIOPROC_SUPERVISION_HANGUP_FD 4

/* Where a worker that was executed finds its own. */
#define AIOPROC_SUPERVISION_CONTROL_FD 3
#define AIOPROC_SUPERVISION_WORKER_HANGUP_FD 4

typedef enum {
  /* From the application. */
  AIOPROC_SUPERVISION_SETUP = 1,  /* once, first, to a forkserver: preloads, working directory */
  AIOPROC_SUPERVISION_LIMIT,      /* a resource limit that the application has now */
  AIOPROC_SUPERVISION_START,      /* descriptors: control, hang-up, directory, payload */
  /* From the supervisor. */
  AIOPROC_SUPERVISION_READY,      /* once, first: version; will serve */
  AIOPROC_SUPERVISION_REFUSED,    /* instead: cannot serve, and ends; payload: domain, message */
  AIOPROC_SUPERVISION_STARTED,    /* pid; descriptors: pidfd */
  AIOPROC_SUPERVISION_FAILED,     /* errno in status, stage; payload: text; serial 0: it ends */
  AIOPROC_SUPERVISION_EXITED,     /* pid, wait status */
} AioprocSupervisionKind;

typedef enum {
  AIOPROC_SUPERVISION_STDOUT_TO_STDERR = 1 << 0,
  AIOPROC_SUPERVISION_DIRECTORY        = 1 << 1,  /* the third descriptor is the directory */
  AIOPROC_SUPERVISION_PAYLOAD          = 1 << 2,  /* the last descriptor is the payload */
} AioprocSupervisionFlags;

/* What a supervisor was about to do when it failed. */
typedef enum {
  AIOPROC_SUPERVISION_STAGE_RECEIVE = 1,
  AIOPROC_SUPERVISION_STAGE_THREADS,
  AIOPROC_SUPERVISION_STAGE_FORK,
  AIOPROC_SUPERVISION_STAGE_PREPARE,
  AIOPROC_SUPERVISION_STAGE_DIRECTORY,
  AIOPROC_SUPERVISION_STAGE_LIMIT,
  AIOPROC_SUPERVISION_STAGE_EXECUTE,
} AioprocSupervisionStage;

/* Begins every packet. What a kind does not need is 0. */
typedef struct {
  uint32_t kind;
  uint32_t serial;             /* of the start, given by the application */
  int32_t  pid;
  int32_t  status;             /* EXITED: wait status; FAILED: errno; REFUSED: code;
                                * READY: version
                                */
  uint32_t stage;
  uint32_t flags;
  uint32_t resource;           /* LIMIT: RLIMIT_* */
  uint64_t memory_limit;       /* START: see AioprocChildSpec */
  uint64_t cpu_time_limit;
  uint64_t file_limit;
  uint64_t soft_limit;         /* LIMIT */
  uint64_t hard_limit;
  uint32_t n_arguments;        /* payload: so many strings, each with its NUL … */
  uint32_t n_environment;      /* … and so many. SETUP: arguments are preloads, the one of
                                * the environment is the directory
                                */
  uint64_t payload_length;
} AioprocSupervisionPacket;

/* A packet of the application, as the supervisor sees it. */
typedef struct {
  const AioprocSupervisionPacket *packet;
  const char                     *payload;       /* checked: as many strings as @packet says */
  int                             error;         /* 0, or the errno of what could not be received */
  int                             control_fd;    /* -1: none, as for all */
  int                             hangup_fd;
  int                             directory_fd;
  int                             payload_fd;
  void                           *mapping;       /* of it, or NULL */
} AioprocSupervisionRequest;

typedef struct {
  AioprocSupervisionStage  stage;
  int                      error;                /* errno */
  const char              *text;                 /* (nullable) not owned */
} AioprocSupervisionFailure;

/* Makes the process of a worker. Returns its pid and a pidfd, or -1 and why. */
typedef pid_t (*AioprocSupervisionStartFunc) (const AioprocSupervisionRequest *request,
                                              int                             *pidfd,
                                              AioprocSupervisionFailure       *failure);

/* Before anything else that a supervisor does: a process group of its own, no signals of the
 * terminal, /dev/null as standard input, SIGKILL when the application hangs up.
 */
bool aioproc_supervision_begin         (void);
/* Serves until the application hangs up, then kills all workers and ends the process. */
__attribute__ ((noreturn))
void aioproc_supervision_serve         (AioprocSupervisionStartFunc      start_func);
/* In the new process, async-signal-safe: all that is to be done before the worker's program.
 * @supervisor: its parent, or 0 if that is the application itself. False: see @failure.
 */
bool aioproc_supervision_become_worker (const AioprocSupervisionPacket  *packet,
                                        pid_t                            supervisor,
                                        int                              hangup_fd,
                                        int                              directory_fd,
                                        AioprocSupervisionFailure       *failure);

/* Ends the process, with all its workers, where the application has gone or sent nonsense. False:
 * nothing there (@dont_wait). Only one request at a time.
 */
bool aioproc_supervision_receive       (AioprocSupervisionRequest       *request,
                                        bool                             dont_wait);
/* Closes and unmaps what came with it. */
void aioproc_supervision_request_clear (AioprocSupervisionRequest       *request);
bool aioproc_supervision_send          (const AioprocSupervisionPacket  *packet,
                                        const char                      *payload,
                                        int                              fd);
