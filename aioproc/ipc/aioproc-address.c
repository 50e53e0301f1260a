/* aioproc-address.c
 *
 * SPDX-FileCopyrightText: The Aioproc authors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "ipc/aioproc-address-private.h"

#include <string.h>

#include <gio/gunixsocketaddress.h>

/* The families, on the wire. */
#define FAMILY_UNIX 1
#define FAMILY_IPV4 4
#define FAMILY_IPV6 6

#define IPV4_SIZE   4
#define IPV6_SIZE   16

/* @address, or the IPv4 address that is in it. */
static GInetAddress *
unmap (GInetAddress *address)
{
  static const guint8 prefix[12] = { [10] = 0xff, [11] = 0xff };
  const guint8 *bytes = g_inet_address_to_bytes (address);

  if (g_inet_address_get_family (address) == G_SOCKET_FAMILY_IPV6 &&
      memcmp (bytes, prefix, sizeof prefix) == 0)
    return g_inet_address_new_from_bytes (bytes + sizeof prefix, G_SOCKET_FAMILY_IPV4);

  return g_object_ref (address);
}

GBytes *
aioproc_address_to_bytes (GSocketAddress *address)
{
  GByteArray *bytes = g_byte_array_new ();

  if (G_IS_INET_SOCKET_ADDRESS (address))
    {
      GInetSocketAddress *inet_address = G_INET_SOCKET_ADDRESS (address);
      g_autoptr(GInetAddress) host = unmap (g_inet_socket_address_get_address (inet_address));
      guint16 port = GUINT16_TO_BE (g_inet_socket_address_get_port (inet_address));
      gboolean is_ipv4 = g_inet_address_get_family (host) == G_SOCKET_FAMILY_IPV4;
      guint8 family = is_ipv4 ? FAMILY_IPV4 : FAMILY_IPV6;

      g_byte_array_append (bytes, &family, 1);
      g_byte_array_append (bytes, g_inet_address_to_bytes (host), is_ipv4 ? IPV4_SIZE : IPV6_SIZE);
      g_byte_array_append (bytes, (const guint8 *) &port, sizeof port);
    }
  else if (aioproc_address_is_unix (address))
    {
      GUnixSocketAddress *unix_address = G_UNIX_SOCKET_ADDRESS (address);
      GUnixSocketAddressType type = g_unix_socket_address_get_address_type (unix_address);
      guint8 family = FAMILY_UNIX;

      g_byte_array_append (bytes, &family, 1);

      /* The null byte that the abstract ones begin with. */
      if (type == G_UNIX_SOCKET_ADDRESS_ABSTRACT || type == G_UNIX_SOCKET_ADDRESS_ABSTRACT_PADDED)
        g_byte_array_append (bytes, (const guint8 *) "", 1);

      g_byte_array_append (bytes, (const guint8 *) g_unix_socket_address_get_path (unix_address),
                           g_unix_socket_address_get_path_len (unix_address));
    }

  return g_byte_array_free_to_bytes (bytes);
}

gboolean
aioproc_address_is_unix (GSocketAddress *address)
{
  return G_IS_UNIX_SOCKET_ADDRESS (address);
}

gboolean
aioproc_address_is_local (GSocketAddress *address)
{
  g_autoptr(GInetAddress) host = NULL;

  if (aioproc_address_is_unix (address))
    return TRUE;

  if (!G_IS_INET_SOCKET_ADDRESS (address))
    return FALSE;

  host = unmap (g_inet_socket_address_get_address (G_INET_SOCKET_ADDRESS (address)));

  return g_inet_address_get_is_loopback (host);
}

char *
aioproc_address_describe (GSocketAddress *address)
{
  g_autofree char *text = NULL;

  if (!G_IS_SOCKET_CONNECTABLE (address))
    return g_strdup ("an unknown address");

  text = g_socket_connectable_to_string (G_SOCKET_CONNECTABLE (address));

  return *text != '\0' ? g_steal_pointer (&text) : g_strdup ("a socket without a name");
}
