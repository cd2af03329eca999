// The verb that prints a database's DSN.
#include "base/text.hpp"
#include "cli/exit_codes.hpp"
#include "cli/handout.hpp"
#include "cli/names.hpp"
#include "cli/verbs.hpp"

namespace sidecar::cli::verbs
{
namespace
{

std::string
plain_member(const Json &document, const char *name)
{
    return string_member(document, name).value_or("");
}

// The DSN of the newest login of the app, without its password.
std::string
url_of(const Json &database)
{
    std::string host = plain_member(database, "host");
    if (host.find(':') != std::string::npos)
        host = "[" + host + "]";
    const std::string user = plain_member(database, "username");
    if (user.empty())
        throw Refusal(exit_codes::refused,
                      "it has no login: it is " + member_text(database, "status"));
    return "postgresql://" + percent_encode(user) + "@" + host + ":" +
           member_text(database, "port") + "/" + percent_encode(plain_member(database, "database"));
}

} // namespace

int
print_url(const Session &session)
{
    const std::string id = database_named(session.client, session.operand(0));
    if (session.is_on("issue")) {
        show_handed_out(session, issued_credential(session, id));
        return exit_codes::done;
    }
    const Json database = session.client.get(api_path({"databases", id}));
    const std::string url = url_of(database);
    if (session.json())
        print_json(session, pack("{s:s}", "url", url.c_str()));
    else
        session.terminal.print(url + "\n");
    return exit_codes::done;
}

} // namespace sidecar::cli::verbs
