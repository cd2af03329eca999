/* Makes the values of variables. See environment.hpp. */
#include "delivery/environment.hpp"

#include "base/identifiers.hpp"
#include "base/settings.hpp"
#include "registry/binding.hpp"

namespace appinfra::environment
{

static const char *value(std::string_view variable, const Login &login);

char *
dsn(const Login &login)
{
    StringInfoData url;
    const settings::Address at = settings::address(login.pooled);
    bool ipv6 = strchr(at.host, ':') != nullptr;

    initStringInfo(&url);
    require(settings::check_public_tls());
    if (login.pooled)
        require(settings::check_pooler());
    appendStringInfo(&url, "%s://", settings::public_scheme_name());
    identifiers::append_percent_encoded(&url, login.username);
    appendStringInfoChar(&url, ':');
    identifiers::append_percent_encoded(&url, login.password);
    appendStringInfoChar(&url, '@');
    if (ipv6)
        appendStringInfo(&url, "[%s]", at.host);
    else
        identifiers::append_percent_encoded(&url, at.host);
    appendStringInfo(&url, ":%d/", at.port);
    identifiers::append_percent_encoded(&url, login.database);
    appendStringInfo(&url, "?sslmode=%s", at.sslmode);
    if (settings::effective_public_sslrootcert() != nullptr) {
        appendStringInfoString(&url, "&sslrootcert=");
        identifiers::append_percent_encoded(&url, settings::effective_public_sslrootcert());
    }
    return url.data;
}

void
append(json::Object *object, Datum variables, const Login *login)
{
    Datum *names;
    int count;

    deconstruct_array(DatumGetArrayTypeP(variables), TEXTOID, -1, false, TYPALIGN_INT, &names,
                      nullptr, &count);
    for (Datum name : std::span(names, count)) {
        const char *variable = TextDatumGetCString(name);

        json::add(object, variable, login != nullptr ? value(variable, *login) : nullptr);
    }
}

/* Returns what stands in one variable. */
static const char *
value(std::string_view variable, const Login &login)
{
    if (!login.is_service)
        return dsn(login);
    const settings::Address at = settings::address(login.pooled);
    const char *const parts[] = {login.username,          login.password, at.host,
                                 psprintf("%d", at.port), login.database, at.sslmode};

    static_assert(lengthof(parts) == binding::service_variables.size());
    for (size_t i = 0; i < lengthof(parts); i++)
        if (variable == binding::service_variables[i])
            return parts[i];
    elog(ERROR, "variable \"%s\" is none of a service user", variable.data());
}

} // namespace appinfra::environment
