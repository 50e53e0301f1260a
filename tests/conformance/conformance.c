/* conformance.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "conformance.h"

#include "aioproc-test.h"

static const struct {
  const char *name;
  PartyKind   a;
  PartyKind   b;
} casts[] = {
  { "flows", PARTY_FLOW, PARTY_FLOW },
  { "threads", PARTY_THREAD, PARTY_THREAD },
  { "processes", PARTY_PROCESS, PARTY_PROCESS },
  { "flow-process", PARTY_FLOW, PARTY_PROCESS },
  { "process-flow", PARTY_PROCESS, PARTY_FLOW },
  { "thread-blocked", PARTY_THREAD, PARTY_BLOCKED },
  { "flow-grandchild", PARTY_FLOW, PARTY_GRANDCHILD },
};

typedef struct {
  const ConformanceCase *item;
  const Backend         *backend;
  gpointer             (*create) (const Backend *backend);
  guint                  cast;
} Run;

static void
test_conformance (gconstpointer data)
{
  const Run *run = data;
  gpointer object = run->create (run->backend);
  Cast cast;

  g_test_summary (run->item->summary);

  cast.a = party_new (casts[run->cast].a, run->backend, object);
  cast.b = party_new (casts[run->cast].b, run->backend, object);
  cast.c = party_new (PARTY_FLOW, run->backend, object);

  run->item->run (&cast);

  g_clear_pointer (&cast.a, party_free);
  g_clear_pointer (&cast.b, party_free);
  g_clear_pointer (&cast.c, party_free);
  g_assert_finalize_object (object);
}

static gboolean
is_process (PartyKind kind)
{
  return kind != PARTY_FLOW && kind != PARTY_THREAD;
}

static gboolean
is_possible (guint           cast,
             ConformanceNeed need)
{
  switch (need)
    {
    case NEEDS_CANCEL:
      return casts[cast].b != PARTY_BLOCKED;

    case NEEDS_PROCESS:
      return is_process (casts[cast].a) || is_process (casts[cast].b);

    case NEEDS_NOTHING:
    default:
      return TRUE;
    }
}

static void
add_for (const Backend         *backend,
         const char            *concept,
         gpointer             (*create) (const Backend *backend),
         const ConformanceCase *cases,
         guint                  n_cases)
{
  for (guint i = 0; i < G_N_ELEMENTS (casts); i++)
    {
      for (guint j = 0; j < n_cases; j++)
        {
          g_autofree char *path = NULL;
          Run *run;

          if (!is_possible (i, cases[j].need))
            continue;

          path = g_strdup_printf ("/aioproc/conformance/%s/%s/%s/%s", concept, backend->name,
                                  casts[i].name, cases[j].name);
          run = g_new (Run, 1);
          *run = (Run) { &cases[j], backend, create, i };
          aioproc_test_add_data_func_full (path, run, test_conformance, g_free);
        }
    }
}

void
conformance_add (const char            *concept,
                 gpointer             (*create) (const Backend *backend),
                 const ConformanceCase *cases,
                 guint                  n_cases)
{
  for (guint i = 0; i < n_backends; i++)
    add_for (&backends[i], concept, create, cases, n_cases);
}

void
conformance_add_memory (const char            *concept,
                        gpointer             (*create) (const Backend *backend),
                        const ConformanceCase *cases,
                        guint                  n_cases)
{
  for (guint i = 0; i < n_backends; i++)
    {
      if (backends[i].has_memory)
        add_for (&backends[i], concept, create, cases, n_cases);
    }
}

typedef struct {
  const Backend *backend;
  GType          type;
  const char    *property;
  guint          value;
} Refused;

static void
test_conformance_refused (gconstpointer data)
{
  const Refused *refused = data;
  g_autoptr(GError) error = NULL;

  g_test_summary ("What cannot be is refused when it is made");

  error = refused->backend->refuse (refused->type, refused->property, refused->value);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT);
}

void
conformance_add_refused (const char *concept,
                         GType       type,
                         const char *property,
                         guint       value)
{
  for (guint i = 0; i < n_backends; i++)
    {
      g_autofree char *path = g_strdup_printf ("/aioproc/conformance/%s/%s/refused/%s/%u", concept,
                                               backends[i].name, property, value);
      Refused *refused = g_new (Refused, 1);

      *refused = (Refused) { &backends[i], type, property, value };
      aioproc_test_add_data_func_full (path, refused, test_conformance_refused, g_free);
    }
}
