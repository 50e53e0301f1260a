/* aioproc-cpu-private.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <sched.h>

#include <glib.h>

G_BEGIN_DECLS

/* A pause between two looks at a word that another processor is going to change. */
#if defined (__i386__) || defined (__x86_64__)
# define aioproc_cpu_relax() __builtin_ia32_pause ()
#elif defined (__aarch64__)
# define aioproc_cpu_relax() __asm__ volatile ("yield" ::: "memory")
#else
# define aioproc_cpu_relax() __asm__ volatile ("" ::: "memory")
#endif

/* The number of the processor that this runs on, or -1. No system call, as a rule. */
static inline int
aioproc_cpu_get_current (void)
{
  return sched_getcpu ();
}

G_END_DECLS
