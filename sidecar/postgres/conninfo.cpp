// See conninfo.hpp.
#include "postgres/conninfo.hpp"

#include <cstdlib>
#include <cstring>

#include "base/failure.hpp"
#include "base/wipe.hpp"

namespace sidecar
{
namespace
{

struct WipingRelease {
    void
    operator()(char *text) const
    {
        wipe(text, std::strlen(text));
        PQfreemem(text);
    }
};

bool
is_secret(const PQconninfoOption &option)
{
    return option.dispchar != nullptr && option.dispchar[0] == '*';
}

} // namespace

void
ConninfoOptionsRelease::operator()(PQconninfoOption *options) const
{
    for (PQconninfoOption *option = options; option->keyword != nullptr; option++)
        if (option->val != nullptr)
            wipe(option->val, std::strlen(option->val));
    PQconninfoFree(options);
}

ConninfoOptions
parse_conninfo(std::string_view text)
{
    const Secret copy(text);
    char *reason = nullptr;
    ConninfoOptions options(PQconninfoParse(copy.c_str(), &reason));
    const std::unique_ptr<char, WipingRelease> error(reason); // quotes parts of the string
    return options;
}

Conninfo::Conninfo(std::string_view text, std::string_view password, const char *session_attrs)
{
    const ConninfoOptions options = parse_conninfo(text);
    if (!options)
        throw Failure(Failure::Kind::configuration,
                      "the database connection string cannot be parsed (it is not shown, because "
                      "it may hold a password)");
    for (const PQconninfoOption *option = options.get(); option->keyword != nullptr; option++)
        if (option->val != nullptr)
            settings_.push_back({option->keyword, Secret(option->val)});
    if (!password.empty() && value_of("password").empty())
        settings_.push_back({"password", Secret(password)});
    if (std::getenv("PGTARGETSESSIONATTRS") == nullptr)
        set_default("target_session_attrs", session_attrs);
    if (std::getenv("PGCONNECT_TIMEOUT") == nullptr)
        set_default("connect_timeout", "5");
    if (std::getenv("PGAPPNAME") == nullptr)
        set_default("application_name", "appinfrad");
    // A silent network is noticed within about 20 s.
    set_default("keepalives_idle", "10");
    set_default("keepalives_interval", "5");
    set_default("keepalives_count", "2");
    set_default("tcp_user_timeout", "20000");
    set_default("client_encoding", "UTF8");
}

void
Conninfo::set(const char *keyword, std::string_view value)
{
    for (Setting &setting : settings_)
        if (setting.keyword == keyword) {
            setting.value = Secret(value);
            return;
        }
    settings_.push_back({keyword, Secret(value)});
}

void
Conninfo::set_default(const char *keyword, const char *value)
{
    if (value_of(keyword).empty())
        settings_.push_back({keyword, Secret(value)});
}

std::string_view
Conninfo::value_of(std::string_view keyword) const
{
    for (const Setting &setting : settings_)
        if (setting.keyword == keyword)
            return setting.value.reveal();
    return {};
}

std::vector<const char *>
Conninfo::keywords() const
{
    std::vector<const char *> keywords;
    for (const Setting &setting : settings_)
        keywords.push_back(setting.keyword.c_str());
    keywords.push_back(nullptr);
    return keywords;
}

std::vector<const char *>
Conninfo::values() const
{
    std::vector<const char *> values;
    for (const Setting &setting : settings_)
        values.push_back(setting.value.c_str());
    values.push_back(nullptr);
    return values;
}

bool
carries_password(std::string_view text)
{
    const ConninfoOptions options = parse_conninfo(text);
    if (!options)
        return true;
    for (const PQconninfoOption *option = options.get(); option->keyword != nullptr; option++)
        if (option->val != nullptr && option->val[0] != '\0' && is_secret(*option))
            return true;
    return false;
}

} // namespace sidecar
