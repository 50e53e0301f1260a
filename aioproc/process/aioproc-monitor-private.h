/* aioproc-monitor-private.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* One thread of the library's pool that waits for all descriptors of workers and supervisors, and
 * does what belongs to them. It begins with the first start of a worker and stays, without a
 * wake-up of its own: the death of an idle supervisor is noticed, too, and no start waits for a
 * thread.
 *
 * A program may close descriptors that are not its own, and then nobody wakes the monitor for them.
 * Whoever needs it notices, and has another thread take over. While there is a vigil, the monitor
 * looks by itself, from time to time. Watches whose descriptors are lost are told so, by
 * AIOPROC_MONITOR_LOST.
 */
typedef struct _AioprocMonitorWatch AioprocMonitorWatch;
typedef struct _AioprocMonitorTimer AioprocMonitorTimer;

/* What epoll never reports: the descriptor is not what it was, and must not be touched. */
#define AIOPROC_MONITOR_LOST 0x20u

/* Called on the monitor with what epoll reports of the descriptor. May remove any watch. */
typedef void (*AioprocMonitorFunc) (AioprocMonitorWatch *watch,
                                    guint32              events,
                                    gpointer             data);

/* Part of whatever it serves; all zeros while it watches nothing. Monitor thread only. */
struct _AioprocMonitorWatch {
  AioprocMonitorFunc func;   /* NULL: watches nothing */
  gpointer           data;
  int                fd;
  guint32            events;
  guint64            identity;   /* of what @fd is */
  guint              serial;     /* what epoll knows it by */
  gboolean           is_lost;    /* to be told so */
  GList              link;       /* in the list of all */
};

/* The same for a point in time. */
struct _AioprocMonitorTimer {
  void               (*func) (gpointer data);   /* NULL: not set */
  gpointer             data;
  gint64               due_usec;
  AioprocMonitorTimer *next;
};

/* Any thread. Once it has succeeded in a process, it fails only where descriptors were lost. */
gboolean aioproc_monitor_start        (GError             **error);
/* Before a wait for what the monitor tells: sees to it that it can. Any thread. */
void     aioproc_monitor_check        (void);
/* Runs @func once on the monitor, which has been started. Any thread. */
void     aioproc_monitor_run          (void               (*func) (gpointer data),
                                       gpointer             data);
gboolean aioproc_monitor_is_current   (void);

/* Monitor thread only, as what follows. @events: EPOLLIN…, level-triggered. */
gboolean aioproc_monitor_add_watch    (AioprocMonitorWatch *watch,
                                       int                  fd,
                                       guint32              events,
                                       AioprocMonitorFunc   func,
                                       gpointer             data,
                                       GError             **error);
void     aioproc_monitor_change_watch (AioprocMonitorWatch *watch,
                                       guint32              events);
/* Before the descriptor is closed. Nothing happens if it watches nothing. */
void     aioproc_monitor_remove_watch (AioprocMonitorWatch *watch);

/* Between these two calls somebody waits for what the monitor tells. They nest. */
void     aioproc_monitor_begin_vigil  (void);
void     aioproc_monitor_end_vigil    (void);

/* Once, after @delay_usec, unless it is removed before; which does nothing if it is not set. */
void     aioproc_monitor_add_timer    (AioprocMonitorTimer *timer,
                                       gint64               delay_usec,
                                       void               (*func) (gpointer data),
                                       gpointer             data);
void     aioproc_monitor_remove_timer (AioprocMonitorTimer *timer);

/* Between these two calls the monitor stands still, outside of everything: for a fork whose child
 * goes on. On the monitor itself they do nothing. In the child nothing is paused: it must not
 * resume.
 */
void     aioproc_monitor_pause        (void);
void     aioproc_monitor_resume       (void);

G_END_DECLS
