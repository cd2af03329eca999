// See manuals.hpp.
#include "daemon/manuals.hpp"

#include "base/manual.hpp"
#include "daemon/commands.hpp"
#include "daemon/options.hpp"

namespace sidecar
{
namespace
{

constexpr const char *about_daemon =
    "appinfrad is the sidecar of appinfra. It delivers what the extension publishes, credentials "
    "of\n"
    "databases and buckets, to the environments of apps; with --listen or --socket it answers "
    "REST\n"
    "and MCP, with --gateway-listen SQL over HTTP. Options come from flags, the environment and a\n"
    "file, in this order; see appinfrad.conf(5). Secrets are never flags.\n";

constexpr const char *about_file =
    "The file that --config or APPINFRA_CONFIG names: lines of name = \"value\", the names those "
    "of\n"
    "the options without --. Flags and environment variables win over it. Secrets do not belong\n"
    "there. It is read by serve, publish, mcp, gateway, doctor and check-producer; each takes "
    "what\n"
    "concerns it.\n";

std::string
head_of_daemon()
{
    return manual_head("appinfrad", 8, "deliver database credentials to the environments of apps") +
           manual_heading("SYNOPSIS") + ".B appinfrad\nCOMMAND [OPTIONS]\n" +
           manual_heading("DESCRIPTION") + manual_verbatim(about_daemon) +
           manual_heading("SEE ALSO") + ".BR appinfra (1),\n.BR appinfrad.conf (5)\n" +
           manual_heading("COMMANDS");
}

std::string
page_of_file()
{
    return manual_head("appinfrad.conf", 5, "options of appinfrad") +
           manual_heading("DESCRIPTION") + manual_verbatim(about_file) + manual_heading("OPTIONS") +
           manual_of_file(syntax_of("serve")) + manual_heading("SEE ALSO") + ".BR appinfrad (8)\n";
}

} // namespace

std::string
manual_part(const std::string &argument)
{
    if (argument == "--manual")
        return head_of_daemon();
    if (argument == "--manual=file")
        return page_of_file();
    return argument == "--manual=commands" ? command_names() : "";
}

} // namespace sidecar
