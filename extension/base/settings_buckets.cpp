/* Defines the settings of the object store. Part of settings.hpp. */
#include "base/settings.hpp"

namespace appinfra::settings
{

int s3_backend;
char *s3_endpoint;
char *s3_region;
int bucket_quota;
int buckets_per_app;

enum S3Backend : int { rgw, garage };

static const config_enum_entry backends[] = {
    {"rgw", rgw, false}, {"garage", garage, false}, {nullptr, 0, false}};

static bool check_region(char **value, void **extra, GucSource source);

void
define_buckets()
{
    DefineCustomEnumVariable("appinfra.s3_backend", "The object store of new buckets.", nullptr,
                             &s3_backend, rgw, backends, PGC_SUSET, GUC_SUPERUSER_ONLY, nullptr,
                             nullptr, nullptr);
    DefineCustomStringVariable("appinfra.s3_endpoint", "The URL by which apps reach that store.",
                               "Empty: there are no buckets.", &s3_endpoint, "", PGC_SUSET,
                               GUC_SUPERUSER_ONLY, check_url, nullptr, nullptr);
    DefineCustomStringVariable("appinfra.s3_region", "The region of new buckets.", nullptr,
                               &s3_region, "us-east-1", PGC_SUSET, GUC_SUPERUSER_ONLY, check_region,
                               nullptr, nullptr);
    DefineCustomIntVariable("appinfra.bucket_quota",
                            "How much a bucket without a quota of its own may hold.",
                            "0: no limit.", &bucket_quota, 0, 0, INT_MAX, PGC_SIGHUP,
                            GUC_UNIT_MB | GUC_SUPERUSER_ONLY, nullptr, nullptr, nullptr);
    DefineCustomIntVariable("appinfra.buckets_per_app", "How many buckets an app may have.",
                            nullptr, &buckets_per_app, 100, 0, INT_MAX, PGC_SUSET,
                            GUC_SUPERUSER_ONLY, nullptr, nullptr, nullptr);
}

const char *
s3_backend_name()
{
    return backends[s3_backend].name;
}

bool
check_url(char **value, void **, GucSource)
{
    const char *text = *value;

    if (*text == '\0')
        return true;
    bool good = strlen(text) <= 255 &&
                (strncmp(text, "https://", 8) == 0 || strncmp(text, "http://", 7) == 0) &&
                *(strstr(text, "://") + 3) != '\0';
    for (const char *at = text; good && *at != '\0'; at++)
        good = *at > ' ' && *at <= '~' && strchr("@?#'\"\\", *at) == nullptr;
    if (!good)
        GUC_check_errdetail("It is http:// or https:// and a host, of 255 printable ASCII "
                            "characters at most, without user, query and quotes.");
    return good;
}

static bool
check_region(char **value, void **, GucSource)
{
    const char *text = *value;
    bool good = *text != '\0' && strlen(text) <= 63 &&
                strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-") == strlen(text);

    if (!good)
        GUC_check_errdetail("A region is 1 to 63 lower-case letters, digits and hyphens.");
    return good;
}

} // namespace appinfra::settings
