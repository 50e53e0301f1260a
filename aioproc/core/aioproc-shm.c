/* aioproc-shm.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "core/aioproc-shm-private.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "core/aioproc-segment-private.h"
#include "platform/aioproc-fds-private.h"
#include "platform/aioproc-memfd-private.h"
#include "platform/aioproc-random-private.h"

#define SHM_MAGIC   0x534f5041u /* "APOS" */
#define SHM_VERSION 1
#define SHM_SEALS   (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)

/* What is mapped of a reservation where address space is limited. */
#define MIN_MAPPED (16 * 1024 * 1024)

/* In shared memory; written once, before the descriptor leaves its process. */
typedef struct {
  guint32 magic;
  guint32 version;
  guint32 kind;
  guint32 reserved[3];
  guint64 state_size;
  guint8  id[AIOPROC_ID_LENGTH];
  guint8  family_id[AIOPROC_ID_LENGTH];
  char    name[AIOPROC_SHM_NAME_MAX + 1];
} ShmHeader;

G_STATIC_ASSERT (sizeof (ShmHeader) == AIOPROC_SHM_HEADER_SIZE);

struct _AioprocShm {
  gatomicrefcount  ref_count;

  /* Immutable after construction. */
  AioprocFamily   *family;
  AioprocSegment  *segment;       /* (owned) (nullable) of which the descriptor and mapping are */
  int              fd;            /* (owned) unless it is of a segment */
  gpointer         base;
  gsize            mapped_size;
  guint64          size;
  AioprocShmKind   kind;
  guint8           id[AIOPROC_ID_LENGTH];
  char            *name;          /* (owned) (nullable) */
  char            *description;   /* (owned) */
  gboolean         read_only;
};

static const char *
get_noun (AioprocShmKind kind)
{
  switch (kind)
    {
    case AIOPROC_SHM_LOCK:
      return "lock";

    case AIOPROC_SHM_EVENT:
      return "event";

    case AIOPROC_SHM_QUEUE:
      return "queue";

    case AIOPROC_SHM_RLOCK:
      return "recursive lock";

    case AIOPROC_SHM_CONDITION:
      return "condition";

    case AIOPROC_SHM_SEMAPHORE:
      return "semaphore";

    case AIOPROC_SHM_BOUNDED_SEMAPHORE:
      return "bounded semaphore";

    case AIOPROC_SHM_BARRIER:
      return "barrier";

    case AIOPROC_SHM_MEMORY:
      return "shared memory";

    case AIOPROC_SHM_VALUE:
      return "value";

    case AIOPROC_SHM_ARRAY:
      return "array";

    case AIOPROC_SHM_JOINABLE_QUEUE:
      return "joinable queue";

    case AIOPROC_SHM_SIMPLE_QUEUE:
      return "simple queue";

    case AIOPROC_SHM_LIST:
      return "list";

    case AIOPROC_SHM_POOL_CHANNEL:
      return "pool channel";

    case AIOPROC_SHM_POOL_BELL:
      return "pool";

    default:
      g_assert_not_reached ();
    }
}

static char *
describe (AioprocShmKind  kind,
          const char     *name)
{
  if (name == NULL)
    return g_strdup (get_noun (kind));

  return g_strdup_printf ("%s “%s”", get_noun (kind), name);
}

static guint64
round_to_pages (guint64 size)
{
  guint64 page_size = (guint64) sysconf (_SC_PAGESIZE);

  return (size + page_size - 1) / page_size * page_size;
}

/* Maps all of it, or the start where the limits of this process do not allow that. Not as much as
 * they do allow: that would leave none for what comes next.
 */
static gboolean
aioproc_shm_map (AioprocShm  *self,
                 gsize        least,
                 GError     **error)
{
  guint64 size = MIN (self->size, (guint64) G_MAXSSIZE);
  g_autoptr(GError) local_error = NULL;

  self->base = aioproc_memfd_map (self->fd, 0, size, !self->read_only, &local_error);

  if (self->base == NULL && size > MAX (least, MIN_MAPPED))
    {
      g_clear_error (&local_error);
      size = round_to_pages (MAX (least, MIN_MAPPED));
      self->base = aioproc_memfd_map (self->fd, 0, size, !self->read_only, &local_error);
    }

  if (self->base == NULL)
    {
      g_propagate_prefixed_error (error, g_steal_pointer (&local_error), "Could not map %s: ",
                                  self->description);
      return FALSE;
    }

  self->mapped_size = size;

  return TRUE;
}

static AioprocShm *
aioproc_shm_alloc (AioprocShmKind  kind,
                   const char     *name,
                   int             fd,
                   guint64         size)
{
  AioprocShm *self = g_new0 (AioprocShm, 1);

  g_atomic_ref_count_init (&self->ref_count);
  self->kind = kind;
  self->fd = fd;
  self->size = size;
  self->name = g_strdup (name);
  self->description = describe (kind, name);

  return self;
}

static char *
shorten_name (const char *name)
{
  char *valid;

  if (name == NULL || *name == '\0')
    return NULL;

  /* First, since it may make the name longer. */
  valid = g_utf8_make_valid (name, -1);

  if (strlen (valid) > AIOPROC_SHM_NAME_MAX)
    *g_utf8_find_prev_char (valid, valid + AIOPROC_SHM_NAME_MAX + 1) = '\0';

  return valid;
}

/* Who the memory is, once and for all. */
static void
aioproc_shm_write_header (AioprocShm *self,
                          gsize       state_size)
{
  ShmHeader *header = self->base;

  aioproc_random_fill (self->id, sizeof (self->id));

  header->magic = SHM_MAGIC;
  header->version = SHM_VERSION;
  header->kind = self->kind;
  header->state_size = state_size;
  memcpy (header->id, self->id, sizeof (self->id));
  memcpy (header->family_id, aioproc_family_get_id (self->family), AIOPROC_ID_LENGTH);

  if (self->name != NULL)
    g_strlcpy (header->name, self->name, sizeof (header->name));
}

AioprocShm *
aioproc_shm_new (AioprocShmKind   kind,
                 const char      *name,
                 gsize            state_size,
                 guint64          reservation,
                 GError         **error)
{
  g_autoptr(AioprocShm) self = NULL;
  g_autofree char *short_name = shorten_name (name);
  AioprocFamily *family;
  guint64 needed = round_to_pages (AIOPROC_SHM_HEADER_SIZE + state_size);
  guint64 size = MAX (needed, round_to_pages (reservation));
  int fd;

  family = aioproc_family_get_default (error);

  if (family == NULL || aioproc_family_attach (family, error) == 0)
    return NULL;

  fd = aioproc_memfd_new (get_noun (kind), size, error);

  if (fd < 0)
    return NULL;

  self = aioproc_shm_alloc (kind, short_name, fd, size);
  self->family = family;

  if (!aioproc_memfd_reserve (fd, 0, needed, error) ||
      !aioproc_memfd_seal (fd, SHM_SEALS, error) ||
      !aioproc_shm_map (self, needed, error))
    return NULL;

  aioproc_shm_write_header (self, state_size);

  return g_steal_pointer (&self);
}

AioprocShm *
aioproc_shm_new_recycled (AioprocShmKind   kind,
                          const char      *name,
                          gsize            state_size,
                          guint64          size,
                          gboolean        *used,
                          GError         **error)
{
  g_autoptr(AioprocShm) self = NULL;
  g_autofree char *short_name = shorten_name (name);
  AioprocFamily *family;
  AioprocSegment *segment;

  family = aioproc_family_get_default (error);

  if (family == NULL || aioproc_family_attach (family, error) == 0)
    return NULL;

  segment = aioproc_segment_new_bare (get_noun (kind), size, used, error);

  if (segment == NULL)
    return NULL;

  self = aioproc_shm_alloc (kind, short_name, aioproc_segment_get_fd (segment),
                            aioproc_segment_get_size (segment));
  self->segment = segment;
  self->family = family;
  self->base = aioproc_segment_get_base (segment);
  self->mapped_size = self->size;

  if (!aioproc_memfd_reserve (self->fd, 0, AIOPROC_SHM_HEADER_SIZE + state_size, error))
    {
      aioproc_shm_spoil (self);
      return NULL;
    }

  memset (self->base, 0, AIOPROC_SHM_HEADER_SIZE + state_size);
  aioproc_shm_write_header (self, state_size);

  return g_steal_pointer (&self);
}

/* What can only be read is another object than what can be written, with the other identity of the
 * two that differ in this bit.
 */
static void
aioproc_shm_set_id (AioprocShm   *self,
                    const guint8 *id)
{
  memcpy (self->id, id, sizeof (self->id));

  if (self->read_only)
    self->id[0] ^= 1;
}

static gboolean
check_header (const ShmHeader  *header,
              AioprocShmKind    kind,
              gsize             state_size,
              GError          **error)
{
  if (header->magic != SHM_MAGIC || header->version != SHM_VERSION)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                   "Could not receive a %s: its memory is not of this version of Aioproc",
                   get_noun (kind));
      return FALSE;
    }

  if (header->kind != kind || header->state_size != state_size)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                   "Could not receive a %s: its memory is of kind %u with %" G_GUINT64_FORMAT
                   " bytes of state", get_noun (kind), header->kind, header->state_size);
      return FALSE;
    }

  return TRUE;
}

AioprocShm *
aioproc_shm_new_for_fd (AioprocShmKind   kind,
                        int              fd,
                        gsize            state_size,
                        GError         **error)
{
  g_autoptr(AioprocShm) self = NULL;
  g_autoptr(GError) local_error = NULL;
  g_autofree char *name = NULL;
  ShmHeader header;
  gsize needed = AIOPROC_SHM_HEADER_SIZE + state_size;

  self = aioproc_shm_alloc (kind, NULL, fd, 0);

  if (!aioproc_memfd_check (fd, SHM_SEALS, &self->size, error))
    return NULL;

  self->read_only = kind == AIOPROC_SHM_MEMORY && (fcntl (fd, F_GETFL) & O_ACCMODE) == O_RDONLY;

  if (self->size < needed)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                   "Could not receive a %s: its memory has %" G_GUINT64_FORMAT " bytes, not %"
                   G_GSIZE_FORMAT, get_noun (kind), self->size, needed);
      return NULL;
    }

  if (!aioproc_shm_map (self, needed, &local_error))
    {
      /* A descriptor that cannot be written to, or memory that is sealed against it. */
      if (g_error_matches (local_error, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED))
        local_error->code = G_IO_ERROR_INVALID_DATA;

      g_propagate_error (error, g_steal_pointer (&local_error));
      return NULL;
    }

  /* One copy, which is checked and then used: the peer may write to the original. */
  memcpy (&header, self->base, sizeof (header));

  if (!check_header (&header, kind, state_size, error))
    return NULL;

  self->family = aioproc_family_lookup (header.family_id);

  if (self->family == NULL)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                   "Could not receive a %s: its family did not come with it", get_noun (kind));
      return NULL;
    }

  if (aioproc_family_attach (self->family, error) == 0)
    return NULL;

  aioproc_shm_set_id (self, header.id);
  header.name[AIOPROC_SHM_NAME_MAX] = '\0';

  if (header.name[0] != '\0')
    {
      name = g_utf8_make_valid (header.name, -1);
      g_free (self->description);
      self->description = describe (kind, name);
      self->name = g_steal_pointer (&name);
    }

  return g_steal_pointer (&self);
}

AioprocShm *
aioproc_shm_new_read_only (AioprocShm  *shm,
                           GError     **error)
{
  g_autoptr(AioprocShm) self = NULL;
  int fd;

  g_assert (!shm->read_only);

  /* Not every kernel counts those that can only read. */
  aioproc_shm_spoil (shm);

  fd = aioproc_memfd_reopen_readonly (shm->fd, error);

  if (fd < 0)
    return NULL;

  self = aioproc_shm_alloc (shm->kind, shm->name, fd, shm->size);
  self->read_only = TRUE;
  self->family = shm->family;

  if (!aioproc_shm_map (self, AIOPROC_SHM_HEADER_SIZE, error))
    return NULL;

  aioproc_shm_set_id (self, shm->id);

  return g_steal_pointer (&self);
}

AioprocShm *
aioproc_shm_ref (AioprocShm *self)
{
  g_atomic_ref_count_inc (&self->ref_count);

  return self;
}

void
aioproc_shm_unref (AioprocShm *self)
{
  if (!g_atomic_ref_count_dec (&self->ref_count))
    return;

  if (self->segment != NULL)
    {
      aioproc_segment_unref (self->segment);
    }
  else
    {
      if (self->base != NULL)
        aioproc_memfd_unmap (self->base, self->mapped_size);

      close (self->fd);
    }

  g_free (self->name);
  g_free (self->description);
  g_free (self);
}

gpointer
aioproc_shm_get_state (AioprocShm *self)
{
  return (guint8 *) self->base + AIOPROC_SHM_HEADER_SIZE;
}

gpointer
aioproc_shm_get_base (AioprocShm *self)
{
  return self->base;
}

guint64
aioproc_shm_get_size (AioprocShm *self)
{
  return self->size;
}

gsize
aioproc_shm_get_mapped_size (AioprocShm *self)
{
  return self->mapped_size;
}

int
aioproc_shm_get_fd (AioprocShm *self)
{
  return self->fd;
}

void
aioproc_shm_spoil (AioprocShm *self)
{
  if (self->segment != NULL)
    aioproc_segment_spoil (self->segment);
}

int
aioproc_shm_open (AioprocShm  *self,
                  GError     **error)
{
  if (self->segment != NULL)
    return aioproc_segment_open (self->segment, error);

  return aioproc_fds_dup (self->fd, error);
}

gboolean
aioproc_shm_is_read_only (AioprocShm *self)
{
  return self->read_only;
}

AioprocFamily *
aioproc_shm_get_family (AioprocShm *self)
{
  return self->family;
}

AioprocShmKind
aioproc_shm_get_kind (AioprocShm *self)
{
  return self->kind;
}

const guint8 *
aioproc_shm_get_id (AioprocShm *self)
{
  return self->id;
}

const char *
aioproc_shm_get_name (AioprocShm *self)
{
  return self->name;
}

const char *
aioproc_shm_describe (AioprocShm *self)
{
  return self->description;
}
