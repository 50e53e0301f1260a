/* conformance.h
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "party.h"

G_BEGIN_DECLS

/* Two parties with one object, and a third one that is a flow of the test itself. */
typedef struct {
  Party *a;
  Party *b;
  Party *c;
} Cast;

typedef enum {
  NEEDS_NOTHING,
  NEEDS_CANCEL,      /* that b can be cancelled */
  NEEDS_PROCESS,     /* that a or b can be killed */
} ConformanceNeed;

typedef struct {
  const char     *name;
  const char     *summary;
  void          (*run)     (Cast *cast);
  ConformanceNeed need;
} ConformanceCase;

/* Adds every case for every backend, and for every cast that it makes sense for. @create makes the
 * object of each, through what the backend has for that.
 */
void conformance_add (const char            *concept,
                      gpointer             (*create) (const Backend *backend),
                      const ConformanceCase *cases,
                      guint                  n_cases);
/* The same, for a class that is memory and has no other backend. */
void conformance_add_memory
                     (const char            *concept,
                      gpointer             (*create) (const Backend *backend),
                      const ConformanceCase *cases,
                      guint                  n_cases);

/* Adds, for every backend, that an object with @property of @value is an invalid argument. */
void conformance_add_refused (const char            *concept,
                              GType                  type,
                              const char            *property,
                              guint                  value);

G_END_DECLS
