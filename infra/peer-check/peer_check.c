/* Makes Kamailio ask for a server's name before it says anything to it: loaded into it with LD_PRELOAD.
 *
 * Kamailio verifies the chain of a server's certificate and compares no name; the router's script sees the certificate with the
 * first reply, when one request has been read (docs/adr/0026-a-server-is-named-in-the-handshake.md). Two doors are closed here:
 *
 * - A connection that this edge opens. The names that the peer at that address must bear (`cn=` in its line of
 *   data/address.list) are given to OpenSSL before the handshake begins, and it fails with any other certificate.
 * - A connection that comes from a peer with a name. Kamailio would take it for its own way to that peer if it came from the
 *   port on which the peer listens, before the first message has proved anything. So a port on which anybody could listen is
 *   told to Kamailio as NO_PORT: what is heard is answered on the connection it came by, and nothing that begins here goes
 *   there. An ephemeral port stays: a phone without a listener has it in its Contact.
 *
 * The file is read anew for each handshake that begins and each connection that is accepted, so a reload needs nothing.
 * What cannot be known is refused. Nothing is logged: Kamailio logs the handshake that failed.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { LINE = 4096, NO_PORT = 1, EPHEMERAL = 32768, NO_WILDCARDS = 0x2 };     /* X509_CHECK_FLAG_NO_WILDCARDS */
enum { NOBODY = -1, UNNAMED = 0, NAMED = 1 };

typedef struct ssl_st SSL;

static __thread struct sockaddr_storage last;       /* where this process connected to, last */

/* The address in network order, its length in bits; 0 when it is none of IP. */
static int bits_of(const struct sockaddr *address, const uint8_t **bytes)
{
    if (address->sa_family == AF_INET) {
        *bytes = (const uint8_t *)&((const struct sockaddr_in *)address)->sin_addr;
        return 32;
    }
    if (address->sa_family != AF_INET6)
        return 0;
    *bytes = (const uint8_t *)&((const struct sockaddr_in6 *)address)->sin6_addr;
    return 128;
}

static int within(const uint8_t *address, const uint8_t *network, int mask)
{
    for (int bit = 0; bit < mask; bit++)
        if ((address[bit / 8] ^ network[bit / 8]) & (0x80 >> bit % 8))
            return 0;
    return 1;
}

/* Who is at that address: NAMED with its names, comma separated; UNNAMED; NOBODY, also when the file cannot be read. */
static int who(const struct sockaddr *address, char names[LINE])
{
    const char *path = getenv("CALLSEAL_PEERS");
    const uint8_t *bytes = NULL;
    const int bits = bits_of(address, &bytes);
    FILE *file = bits ? fopen(path ? path : "/run/callseal/data/address.list", "re") : NULL;
    char line[LINE], network[64], tag[LINE];
    int found = NOBODY, mask;

    names[0] = '\0';
    while (file && found == NOBODY && fgets(line, sizeof line, file)) {
        uint8_t of[16];
        if (sscanf(line, "%*d %63s %d %*d %4095s", network, &mask, tag) != 3 || mask < 0 || mask > bits
                || inet_pton(bits == 32 ? AF_INET : AF_INET6, network, of) != 1 || !within(bytes, of, mask))
            continue;
        const char *given = strstr(tag, ";cn=");
        found = given ? NAMED : UNNAMED;
        if (given)
            sscanf(given + 4, "%4095[^;]", names);
    }
    if (file)
        fclose(file);
    return found;
}

int connect(int fd, const struct sockaddr *address, socklen_t length)
{
    static int (*real)(int, const struct sockaddr *, socklen_t);
    int kind = 0;
    socklen_t size = sizeof kind;

    if (!real)
        real = (int (*)(int, const struct sockaddr *, socklen_t))dlsym(RTLD_NEXT, "connect");
    if (address && length <= sizeof last && getsockopt(fd, SOL_SOCKET, SO_TYPE, &kind, &size) == 0 && kind == SOCK_STREAM) {
        memset(&last, 0, sizeof last);
        memcpy(&last, address, length);
    }
    return real(fd, address, length);
}

/* A function of the libssl that the caller is linked with: a module of Kamailio, or a program. */
static void *of_libssl(const char *name, void *caller)
{
    Dl_info info;
    void *found = dlsym(RTLD_NEXT, name);
    void *module = !found && dladdr(caller, &info) ? dlopen(info.dli_fname, RTLD_NOW | RTLD_NOLOAD) : NULL;
    if (module)
        found = dlsym(module, name);
    if (module)
        dlclose(module);
    return found;
}

/* Called for every step of a handshake, by whichever process reads; the first one is in the process that has just connected. */
int SSL_connect(SSL *ssl)
{
    static int (*real)(SSL *), (*before)(const SSL *), (*one)(SSL *, const char *), (*more)(SSL *, const char *);
    static void (*flags)(SSL *, unsigned int);
    char names[LINE];

    if (!real) {
        void *caller = __builtin_return_address(0);
        before = (int (*)(const SSL *))of_libssl("SSL_in_before", caller);
        one = (int (*)(SSL *, const char *))of_libssl("SSL_set1_host", caller);
        more = (int (*)(SSL *, const char *))of_libssl("SSL_add1_host", caller);
        flags = (void (*)(SSL *, unsigned int))of_libssl("SSL_set_hostflags", caller);
        if (before && one && more && flags)
            real = (int (*)(SSL *))of_libssl("SSL_connect", caller);
        if (!real)
            return -1;
    }
    if (before(ssl)) {
        const int known = who((const struct sockaddr *)&last, names);
        if (known == NOBODY)
            return -1;
        if (known == NAMED) {
            char *rest = names;
            int told = 0;
            flags(ssl, NO_WILDCARDS);
            for (char *name; (name = strsep(&rest, ",")) != NULL; told = 1)
                if ((told ? more : one)(ssl, name) != 1)
                    return -1;
        }
    }
    return real(ssl);
}

int accept(int fd, struct sockaddr *address, socklen_t *length)
{
    static int (*real)(int, struct sockaddr *, socklen_t *);
    char names[LINE];

    if (!real)
        real = (int (*)(int, struct sockaddr *, socklen_t *))dlsym(RTLD_NEXT, "accept");
    const int taken = real(fd, address, length);
    if (taken < 0 || !address)
        return taken;
    const int failed = errno;
    in_port_t *port = address->sa_family == AF_INET ? &((struct sockaddr_in *)address)->sin_port
        : address->sa_family == AF_INET6 ? &((struct sockaddr_in6 *)address)->sin6_port : NULL;
    if (port && ntohs(*port) < EPHEMERAL && who(address, names) == NAMED)
        *port = htons(NO_PORT);
    errno = failed;
    return taken;
}
