/* Checks and makes names. See identifiers.hpp. */
#include "base/identifiers.hpp"

#include "base/secrets.hpp"

namespace appinfra::identifiers
{

static const Refusal *invalid(const char *what, const char *value, const char *rule);
static char *full_service_name(const char *service_id, const char *host_id);
static char *hashed(const char *full, std::string_view hash_of);
static bool printable_ascii(const char *text);
static bool has_control_character(const char *text);
static bool is_forbidden_variable(std::string_view name);

/* How much of a value an error message repeats. */
constexpr int quoted_limit = 64;

const Refusal *
check_app_id(const char *app_id)
{
    if (*app_id == '\0' || strlen(app_id) > app_id_limit || !printable_ascii(app_id))
        return invalid("app_id", app_id,
                       "An app_id is 1 to 128 printable ASCII characters without spaces.");
    return nullptr;
}

const Refusal *
check_owner(const char *owner_user_id)
{
    if (*owner_user_id == '\0' || strlen(owner_user_id) > owner_limit ||
        has_control_character(owner_user_id))
        return invalid("owner_user_id", owner_user_id,
                       "An owner_user_id is 1 to 320 bytes without control characters.");
    return nullptr;
}

const Refusal *
check_slug(const char *slug)
{
    size_t length = strlen(slug);
    bool good =
        length >= 1 && length <= 63 && slug[0] >= 'a' && slug[0] <= 'z' && slug[length - 1] != '-';

    for (const char *at = slug; good && *at != '\0'; at++)
        good = (*at >= 'a' && *at <= 'z') || (*at >= '0' && *at <= '9') || *at == '-';
    if (!good)
        return invalid("slug", slug,
                       "A slug is a DNS label: 1 to 63 lower-case letters, digits and hyphens, "
                       "beginning with a letter and not ending with a hyphen.");
    return nullptr;
}

const Refusal *
check_engine(const char *engine)
{
    if (strcmp(engine, "postgres") != 0)
        return refuse(ERRCODE_FEATURE_NOT_SUPPORTED,
                      psprintf("engine \"%s\" is not supported", excerpt(engine)), nullptr,
                      "The one engine is \"postgres\".");
    return nullptr;
}

const Refusal *
check_variable(const char *variable)
{
    size_t length = strlen(variable);
    bool good = length >= 1 && length <= 128 && !(variable[0] >= '0' && variable[0] <= '9');

    for (const char *at = variable; good && *at != '\0'; at++)
        good = (*at >= 'A' && *at <= 'Z') || (*at >= '0' && *at <= '9') || *at == '_';
    if (!good)
        return invalid("environment variable name", variable,
                       "A variable name matches ^[A-Z_][A-Z0-9_]{0,127}$.");
    if (is_forbidden_variable(variable))
        return refuse(ERRCODE_INVALID_PARAMETER_VALUE,
                      psprintf("environment variable \"%s\" may not be published", variable),
                      "It belongs to the provisioning lane or to the operating system.",
                      "Use DATABASE_URL, DATABASE_SERVICE_URL or a name of the app's own.");
    return nullptr;
}

/*
 * The name becomes a part of a target and of a file's name. "app" and "svc" are taken there: by the
 * app's own environment, and by the environments of services.
 */
const Refusal *
check_container(const char *container)
{
    bool good = *container != '\0' && strlen(container) <= container_limit && *container != '.' &&
                *container != '-';

    for (const char *at = container; good && *at != '\0'; at++)
        good = (*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z') ||
               (*at >= '0' && *at <= '9') || strchr("._-", *at) != nullptr;
    if (!good)
        return invalid("container", container,
                       "A container is 1 to 63 letters, digits, dots, underscores and hyphens, "
                       "beginning with a letter, a digit or an underscore.");
    if (strcmp(container, "app") == 0 || strcmp(container, "svc") == 0)
        return refuse(ERRCODE_INVALID_PARAMETER_VALUE,
                      psprintf("container \"%s\" has no environment of its own", container),
                      "That name stands for the app's own environment, or for its services.",
                      "container => NULL is the app's own environment.");
    return nullptr;
}

const Refusal *
check_idempotency_key(const char *key)
{
    if (*key == '\0' || strlen(key) > key_limit || !printable_ascii(key))
        return invalid("idempotency_key", key,
                       "An idempotency key is 1 to 255 printable ASCII characters without spaces.");
    return nullptr;
}

const Refusal *
check_service_id(const char *what, const char *id)
{
    if (*id == '\0' || strlen(id) > app_id_limit || has_control_character(id))
        return invalid(what, id, "It is 1 to 128 bytes without control characters.");
    return nullptr;
}

char *
base_of_slug(const char *slug)
{
    StringInfoData full;

    initStringInfo(&full);
    appendStringInfoString(&full, "app_");
    for (const char *at = slug; *at != '\0'; at++)
        if (*at != '-')
            appendStringInfoChar(&full, *at);
    if (full.len <= base_limit)
        return full.data;
    return psprintf("%.41s_%s", full.data,
                    secrets::sha256_hex({full.data, static_cast<size_t>(full.len)}, 8));
}

char *
base_with_suffix(const char *base)
{
    return psprintf("%.43s_%s", base, secrets::random_hex(3));
}

char *
group_role(const char *base, const char *access)
{
    return psprintf("%s_%s", base, access);
}

char *
numbered(const char *base, int n)
{
    char *suffix = psprintf("_%d", n);
    int room = identifier_limit - static_cast<int>(strlen(suffix));

    if (n == 1)
        return pstrdup(base);
    return psprintf("%.*s%s", pg_mbcliplen(base, strlen(base), room), base, suffix);
}

char *
service_user(const char *service_id, const char *host_id)
{
    const char *full = full_service_name(service_id, host_id);

    if (strlen(full) <= identifier_limit)
        return pstrdup(full);
    return hashed(full, full);
}

char *
service_user_of(const char *db_id, const char *service_id, const char *host_id)
{
    const char *full = full_service_name(service_id, host_id);

    return hashed(full, psprintf("%s:%s", db_id, full));
}

char *
app_target(const char *app_id)
{
    StringInfoData target;

    initStringInfo(&target);
    for (const char *at = app_id; *at != '\0'; at++) {
        if (*at == '/' || *at == '%')
            appendStringInfo(&target, "%%%02X", *at);
        else
            appendStringInfoChar(&target, *at);
    }
    return target.data;
}

char *
excerpt(const char *value)
{
    return pnstrdup(value, pg_mbcliplen(value, strlen(value), quoted_limit));
}

void
append_percent_encoded(StringInfo to, const char *text)
{
    for (const char *at = text; *at != '\0'; at++) {
        auto c = static_cast<unsigned char>(*at);

        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
            strchr("-._~", c) != nullptr)
            appendStringInfoChar(to, c);
        else
            appendStringInfo(to, "%%%02X", c);
    }
}

static char *
full_service_name(const char *service_id, const char *host_id)
{
    char *full = psprintf("svc_%s_%s", service_id, host_id);

    for (char *at = full; *at != '\0'; at++)
        if (*at == '-')
            *at = '_';
    return full;
}

/* Returns 4 bytes of "svc_" and at most 50 more, never half a character, and 8 digits of a hash. */
static char *
hashed(const char *full, std::string_view hash_of)
{
    return psprintf("%.*s_%s", pg_mbcliplen(full, strlen(full), 54), full,
                    secrets::sha256_hex(hash_of, 8));
}

/* Returns a 22023 that quotes at most the beginning of the value. */
static const Refusal *
invalid(const char *what, const char *value, const char *rule)
{
    const char *shown = excerpt(value);

    return refuse(
        ERRCODE_INVALID_PARAMETER_VALUE,
        psprintf("invalid %s \"%s%s\"", what, shown, strlen(shown) < strlen(value) ? "..." : ""),
        rule);
}

/* Tells whether the text is all of `!` to `~`. */
static bool
printable_ascii(const char *text)
{
    for (const char *at = text; *at != '\0'; at++)
        if (*at < '!' || *at > '~')
            return false;
    return true;
}

/* Tells whether the text has a byte below the space, or DEL. */
static bool
has_control_character(const char *text)
{
    for (const char *at = text; *at != '\0'; at++)
        if (static_cast<unsigned char>(*at) < ' ' || *at == 0x7f)
            return true;
    return false;
}

/* Tells whether the environment contract keeps the variable out of the runtime lane. */
static bool
is_forbidden_variable(std::string_view name)
{
    for (std::string_view whole :
         {"PATH", "DATABASE_ROOT_URL", "SHARED_POSTGRES_SUPERUSER_PASSWORD"})
        if (name == whole)
            return true;
    for (std::string_view prefix : {"LD_", "POSTGRES_ROOT_", "APP_DB_", "APPINFRA_S3_ADMIN_"})
        if (name.starts_with(prefix))
            return true;
    if (name.starts_with("APPINFRA_") && name.find("DATABASE_URL") != std::string_view::npos)
        return true;
    return name.find("_PRODUCER_TOKEN") != std::string_view::npos;
}

} // namespace appinfra::identifiers
