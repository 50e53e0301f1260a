/* aioproc-codec.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "core/aioproc-codec-private.h"

#include <string.h>

#include "aioproc-error.h"
#include "core/aioproc-variant-scan-private.h"

/* Data follows its type string at a multiple of the largest alignment that a value can need. */
#define ALIGN(size) (((gsize) (size) + 7) & ~(gsize) 7)

static gboolean
check_scan (AioprocVariantScan   result,
            const char          *type,
            int                  code,
            GError             **error)
{
  switch (result)
    {
    case AIOPROC_VARIANT_SCAN_OK:
      return TRUE;

    case AIOPROC_VARIANT_SCAN_TOO_DEEP:
      g_set_error (error, G_IO_ERROR, code,
                   "A value of type “%.64s” is nested more than %d levels deep",
                   type, AIOPROC_VARIANT_MAX_DEPTH);
      return FALSE;

    case AIOPROC_VARIANT_SCAN_TOO_LONG:
      g_set_error (error, G_IO_ERROR, code,
                   "A value of type “%.64s” has a type of more than %d characters",
                   type, AIOPROC_VARIANT_MAX_TYPE_LENGTH);
      return FALSE;

    case AIOPROC_VARIANT_SCAN_NOT_NORMAL:
    default:
      g_set_error (error, G_IO_ERROR, code,
                   "A value of type “%.64s” is not in normal form", type);
      return FALSE;
    }
}

/* The size of a basic type of which any bit pattern is a value, or 0. */
static gsize
plain_size (char type)
{
  switch (type)
    {
    case 'y':
      return 1;

    case 'n':
    case 'q':
      return 2;

    case 'i':
    case 'u':
    case 'h':
      return 4;

    case 'x':
    case 't':
    case 'd':
      return 8;

    default:
      return 0;
    }
}

/* Whether any bytes, so many, are a value of this type in normal form. Data in bulk is of such a
 * type, and so is most of what comes in great numbers: g_variant_is_normal_form() would look at
 * each element of it (16 ns a byte), and make a value to look at.
 */
static gboolean
is_plain (const char *type,
          gsize       size)
{
  gsize offset = 0;
  gsize largest = 1;

  if (type[0] == 'a')
    {
      const gsize element_size = type[1] != '\0' && type[2] == '\0' ? plain_size (type[1]) : 0;

      return element_size != 0 && size % element_size == 0;
    }

  if (type[0] != '(')
    return type[1] == '\0' && plain_size (type[0]) != 0 && plain_size (type[0]) == size;

  /* A tuple without a gap, which would have to be zeros, between its members or at its end. */
  for (type++; *type != ')'; type++)
    {
      const gsize member_size = plain_size (*type);

      if (member_size == 0 || offset % member_size != 0)
        return FALSE;

      offset += member_size;
      largest = MAX (largest, member_size);
    }

  return offset > 0 && offset == size && offset % largest == 0;
}

GVariant *
aioproc_codec_variant_prepare (GVariant  *value,
                               gboolean   allow_handles,
                               GError   **error)
{
  const char *type = g_variant_get_type_string (value);
  g_autoptr(GVariant) normal = NULL;
  AioprocVariantScan result;
  gboolean variants = FALSE;
  gboolean handles = FALSE;

  result = aioproc_variant_scan_type (type, &variants, &handles);

  if (!check_scan (result, type, G_IO_ERROR_INVALID_ARGUMENT, error))
    return NULL;

  if (is_plain (type, g_variant_get_size (value)))
    normal = g_variant_ref (value);
  else
    normal = g_variant_get_normal_form (value);

  if (variants)
    {
      result = aioproc_variant_scan_data (type, g_variant_get_data (normal),
                                          g_variant_get_size (normal), &handles);

      if (!check_scan (result, type, G_IO_ERROR_INVALID_ARGUMENT, error))
        return NULL;
    }

  if (handles && !allow_handles)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
                   "A value of type “%s” has a handle in it, which has no meaning without a "
                   "message", type);
      return NULL;
    }

#if G_BYTE_ORDER == G_BIG_ENDIAN
  return g_variant_byteswap (normal);
#else
  return g_steal_pointer (&normal);
#endif
}

gsize
aioproc_codec_variant_size (GVariant *value)
{
  return ALIGN (strlen (g_variant_get_type_string (value)) + 1) + g_variant_get_size (value);
}

gsize
aioproc_codec_variant_store_type (GVariant *value,
                                  guint8   *to)
{
  const char *type = g_variant_get_type_string (value);
  gsize length = strlen (type);
  gsize size = ALIGN (length + 1);

  memcpy (to, type, length);
  memset (to + length, 0, size - length);

  return size;
}

void
aioproc_codec_variant_store (GVariant *value,
                             guint8   *to)
{
  g_assert (((gsize) to & 7) == 0);

  g_variant_store (value, to + aioproc_codec_variant_store_type (value, to));
}

/* Returns the type string at the beginning of @data, or NULL; nothing behind @length is read. */
static const char *
check_type (const guint8  *data,
            gsize          length,
            gsize         *offset,
            gboolean      *variants,
            GError       **error)
{
  const char *type = (const char *) data;
  const guint8 *end = NULL;
  gboolean handles;

  if (length > 0)
    end = memchr (data, '\0', MIN (length, AIOPROC_VARIANT_MAX_TYPE_LENGTH + 1));

  if (end == NULL)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                   "A value was received that does not begin with a type string of at most %d "
                   "characters", AIOPROC_VARIANT_MAX_TYPE_LENGTH);
      return NULL;
    }

  if (!g_variant_type_string_is_valid (type) ||
      !g_variant_type_is_definite ((const GVariantType *) type))
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                   "A value was received with an invalid type string of %u characters",
                   (guint) (end - data));
      return NULL;
    }

  /* Before the value is looked at: GLib's own limit of levels is much higher. */
  if (!check_scan (aioproc_variant_scan_type (type, variants, &handles), type,
                   G_IO_ERROR_INVALID_DATA, error))
    return NULL;

  *offset = ALIGN (end - data + 1);

  if (*offset > length)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                   "A value of type “%s” was received that ends after its type", type);
      return NULL;
    }

  for (const guint8 *padding = end; padding < data + *offset; padding++)
    if (*padding != 0)
      {
        g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                     "A value of type “%s” was received with padding that is not zero", type);
        return NULL;
      }

  return type;
}

/* Shares @owner's memory. */
static GVariant *
wrap_data (const char   *type,
           const guint8 *data,
           gsize         size,
           gboolean      trusted,
           GBytes       *owner)
{
  GVariant *value;

  value = g_variant_new_from_data ((const GVariantType *) type, data, size, trusted,
                                   (GDestroyNotify) g_bytes_unref, g_bytes_ref (owner));

  return g_variant_ref_sink (value);
}

GVariant *
aioproc_codec_variant_load_part (const guint8  *data,
                                 gsize          length,
                                 GBytes        *owner,
                                 GError       **error)
{
  g_autoptr(GVariant) value = NULL;
  g_autoptr(GBytes) copy = NULL;
  AioprocVariantScan result = AIOPROC_VARIANT_SCAN_OK;
  gboolean variants = FALSE;
  gboolean handles = FALSE;
  const char *type;
  gsize offset;
  gsize size;

  type = check_type (data, length, &offset, &variants, error);

  if (type == NULL)
    return NULL;

  data += offset;
  size = length - offset;

  /* GLib aligns what is not aligned, but does not see it in a container that is smaller than its
   * own alignment, and then aborts at the child.
   */
  if (((gsize) data & 7) != 0)
    {
      copy = g_bytes_new (data, size);
      owner = copy;
      data = g_bytes_get_data (copy, NULL);
    }

  if (!is_plain (type, size))
    {
      value = wrap_data (type, data, size, FALSE, owner);

      if (!g_variant_is_normal_form (value))
        result = AIOPROC_VARIANT_SCAN_NOT_NORMAL;
      else if (variants)
        result = aioproc_variant_scan_data (type, data, size, &handles);
    }

  if (!check_scan (result, type, G_IO_ERROR_INVALID_DATA, error))
    return NULL;

  /* Made anew as trusted: an untrusted value, even if found normal, checks all offsets before a
   * child's again for each child that is read.
   */
  g_clear_pointer (&value, g_variant_unref);
  value = wrap_data (type, data, size, TRUE, owner);

#if G_BYTE_ORDER == G_BIG_ENDIAN
  return g_variant_byteswap (value);
#else
  return g_steal_pointer (&value);
#endif
}

GVariant *
aioproc_codec_variant_load (GBytes  *bytes,
                            GError **error)
{
  gsize length;
  const guint8 *data = g_bytes_get_data (bytes, &length);

  return aioproc_codec_variant_load_part (data, length, bytes, error);
}

GVariant *
aioproc_codec_error_to_variant (const GError *error)
{
  g_autofree char *message = g_utf8_make_valid (error->message, -1);

  return g_variant_new ("(sis)", g_quark_to_string (error->domain), error->code, message);
}

/* A domain is known once its function has been called. Those of GLib and GIO are known to a peer
 * that used them, and have to be so here.
 */
static void
know_domains (void)
{
  static gsize initialized;

  if (!g_once_init_enter (&initialized))
    return;

  g_io_error_quark ();
  g_file_error_quark ();
  g_key_file_error_quark ();
  g_markup_error_quark ();
  g_convert_error_quark ();
  g_shell_error_quark ();
  g_spawn_error_quark ();
  g_spawn_exit_error_quark ();
  g_option_error_quark ();
  g_regex_error_quark ();
  g_variant_parse_error_quark ();
  g_number_parser_error_quark ();
  g_uri_error_quark ();
  g_bookmark_file_error_quark ();
  g_thread_error_quark ();
  g_dbus_error_quark ();
  g_resolver_error_quark ();
  g_resource_error_quark ();
  g_tls_error_quark ();
  g_tls_channel_binding_error_quark ();
  aioproc_error_quark ();

  g_once_init_leave (&initialized, 1);
}

GError *
aioproc_codec_error_from_variant (GVariant *value)
{
  const char *domain;
  const char *message;
  GQuark quark;
  int code;

  if (value == NULL || !g_variant_is_of_type (value, G_VARIANT_TYPE ("(sis)")))
    return g_error_new (AIOPROC_ERROR, AIOPROC_ERROR_REMOTE,
                        "The peer reported an error in an unknown form: %s instead of a value of "
                        "type “(sis)”", value != NULL ? g_variant_get_type_string (value)
                                                      : "nothing");

  g_variant_get (value, "(&si&s)", &domain, &code, &message);
  know_domains ();

  /* Only looked up: a peer must not be able to fill the table of quarks. */
  quark = g_quark_try_string (domain);

  if (quark == 0)
    return g_error_new (AIOPROC_ERROR, AIOPROC_ERROR_REMOTE, "%s (%s %d)", message, domain, code);

  return g_error_new_literal (quark, code, message);
}
