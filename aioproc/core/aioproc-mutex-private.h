/* aioproc-mutex-private.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <glib.h>

/* Every mutex of the library is one of these: a GMutex that ThreadSanitizer understands although
 * the distribution's GLib is not instrumented.
 */

#if defined (__SANITIZE_THREAD__)
# define AIOPROC_TSAN 1
#elif defined (__has_feature)
# if __has_feature (thread_sanitizer)
#  define AIOPROC_TSAN 1
# endif
#endif

#ifdef AIOPROC_TSAN
void __tsan_acquire (void *address);
void __tsan_release (void *address);
# define AIOPROC_TSAN_ACQUIRE(address) __tsan_acquire (address)
# define AIOPROC_TSAN_RELEASE(address) __tsan_release (address)
#else
# define AIOPROC_TSAN_ACQUIRE(address) ((void) (address))
# define AIOPROC_TSAN_RELEASE(address) ((void) (address))
#endif

G_BEGIN_DECLS

typedef struct {
  GMutex mutex;
} AioprocMutex;

static inline void
aioproc_mutex_init (AioprocMutex *self)
{
  g_mutex_init (&self->mutex);
}

static inline void
aioproc_mutex_clear (AioprocMutex *self)
{
  g_mutex_clear (&self->mutex);
}

static inline void
aioproc_mutex_lock (AioprocMutex *self)
{
  g_mutex_lock (&self->mutex);
  AIOPROC_TSAN_ACQUIRE (self);
}

static inline gboolean
aioproc_mutex_trylock (AioprocMutex *self)
{
  if (!g_mutex_trylock (&self->mutex))
    return FALSE;

  AIOPROC_TSAN_ACQUIRE (self);

  return TRUE;
}

static inline void
aioproc_mutex_unlock (AioprocMutex *self)
{
  AIOPROC_TSAN_RELEASE (self);
  g_mutex_unlock (&self->mutex);
}

/* Holds a mutex until the end of the scope. Clang warns of a variable that only is cleaned up. */
#define AIOPROC_MUTEX_AUTO_LOCK(mutex, var) \
  g_autoptr(AioprocMutexLocker) var G_GNUC_UNUSED = aioproc_mutex_locker_new (mutex)

typedef void AioprocMutexLocker;

static inline AioprocMutexLocker *
aioproc_mutex_locker_new (AioprocMutex *self)
{
  aioproc_mutex_lock (self);

  return self;
}

static inline void
aioproc_mutex_locker_free (AioprocMutexLocker *locker)
{
  if (locker != NULL)
    aioproc_mutex_unlock ((AioprocMutex *) locker);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (AioprocMutexLocker, aioproc_mutex_locker_free)

G_END_DECLS
