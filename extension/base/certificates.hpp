/*
 * Certificates: what stands in a file of them, and whether one is good for a server.
 *
 * Nothing here looks at a catalog, raises an error or keeps anything: it also runs in the
 * postmaster, which checks settings.
 */
#pragma once

#include "base/pg.hpp"

namespace appinfra::certificates
{

constexpr int bundle_limit = 32 * 1024; /* bytes of a file that becomes a variable */

/*
 * Returns the certificates of a file, written anew in PEM. Null, with a sentence in *problem, when
 * it cannot be read or has anything but CERTIFICATE blocks, be it a comment or a private key.
 */
const char *read_bundle(const char *path, const char **problem);

/* What a server shows, as those see it who verify it. */
struct Shown {
    bool found;       /* false: the file has no certificate that can be read */
    bool self_signed; /* nobody vouches for it but itself */
    bool trusted;     /* it stands among the authorities itself */
    bool named;       /* it is for the host */
    int64 expires;    /* seconds since 1970 */
};

/* Looks at the first certificate of a server's file, for a host's name or address. */
Shown look_at(const char *path, const char *host, const char *authorities);

/* Returns when the first of these certificates expires, in seconds since 1970; 0: there is none. */
int64 first_expiry(const char *authorities);

} // namespace appinfra::certificates
