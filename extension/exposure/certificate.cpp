/* Rules about what verifies the server to apps: its certificate, and the authorities they trust. */
#include "exposure/certificate.hpp"

#include "base/certificates.hpp"
#include "base/settings.hpp"

namespace appinfra::exposure
{

constexpr int64 soon = 30 * int64{24} * 60 * 60; /* seconds: before that a certificate is renewed */

using Add = void (*)(void *, const Row &);

static void look_at_sslmode(Add add, void *self);
static void look_at_shown(Add add, void *self);
static void add_expiry(Add add, void *self, const char *file, int64 expires);
static void add_certificate(Add add, void *self, const char *severity, const char *file,
                            const char *detail);

void
look_at_certificate(Add add, void *self)
{
    const char *authorities = settings::public_ca_certificates();

    if (settings::is_public_host_near())
        return;
    look_at_sslmode(add, self);
    if (strcmp(GetConfigOption("ssl", false, false), "on") == 0)
        look_at_shown(add, self);
    if (*authorities != '\0')
        add_expiry(add, self, settings::public_ca_file, certificates::first_expiry(authorities));
}

/* Without an authority an app encrypts what it sends to whoever answers. */
static void
look_at_sslmode(Add add, void *self)
{
    const char *root = settings::effective_public_sslrootcert();

    if (*settings::public_ca_certificates() != '\0' || root != nullptr)
        return;
    add(self, {.severity = "high",
               .rule = "sslmode_without_ca",
               .database = nullptr,
               .object = "appinfra.public_ca_file",
               .grantee = nullptr,
               .detail = "Apps are given no authority by which they could tell this server from "
                         "another one.",
               .remedy = "ALTER SYSTEM SET appinfra.public_ca_file = '/path/of/ca.pem'; SELECT "
                         "pg_reload_conf()"});
}

/* The path is relative to the data directory, in which a server process works. */
static void
look_at_shown(Add add, void *self)
{
    const char *file = GetConfigOption("ssl_cert_file", false, false);
    certificates::Shown shown =
        certificates::look_at(file, settings::public_host, settings::public_ca_certificates());

    if (!shown.found)
        return;
    if (shown.self_signed && !shown.trusted)
        add_certificate(add, self, "medium", file,
                        "It is self-signed, and not among what apps are given to trust.");
    if (!shown.named)
        add_certificate(
            add, self, "medium", file,
            psprintf("It is not for appinfra.public_host, \"%s\".", settings::public_host));
    add_expiry(add, self, file, shown.expires);
}

static void
add_expiry(Add add, void *self, const char *file, int64 expires)
{
    const auto now = static_cast<int64>(time(nullptr));

    if (expires > now + soon)
        return;
    bool is_over = expires <= now;
    const char *day = timestamptz_to_str(time_t_to_timestamptz(static_cast<pg_time_t>(expires)));
    add_certificate(add, self, is_over ? "high" : "medium", file,
                    psprintf("It %s on %s.", is_over ? "has expired" : "expires", day));
}

static void
add_certificate(Add add, void *self, const char *severity, const char *file, const char *detail)
{
    add(self, {.severity = severity,
               .rule = "server_certificate",
               .database = nullptr,
               .object = file,
               .grantee = nullptr,
               .detail = detail,
               .remedy = "-- install a certificate for appinfra.public_host, of an authority in "
                         "appinfra.public_ca_file; SELECT pg_reload_conf()"});
}

} // namespace appinfra::exposure
