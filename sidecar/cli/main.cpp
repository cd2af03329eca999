// appinfra: the command for people. Reads the command line, runs a command, says what was refused.
#include <clocale>
#include <csignal>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <string>
#include <variant>
#include <vector>

#include "base/option_values.hpp"
#include "base/failure.hpp"
#include "base/process.hpp"
#include "base/text.hpp"
#include "base/wipe.hpp"
#include "cli/commands.hpp"
#include "cli/exit_codes.hpp"
#include "cli/generate.hpp"
#include "cli/settings.hpp"

namespace
{

using namespace sidecar;
using namespace sidecar::cli;

// Says what the server refused; as it came, with --json.
int
tell(const Refusal &refusal, bool json)
{
    if (json && !refusal.document.empty()) {
        std::cerr << refusal.document << std::endl;
        return refusal.exit_code;
    }
    std::cerr << "appinfra: " << refusal.what() << std::endl;
    if (!refusal.hint.empty())
        std::cerr << "hint: " << refusal.hint << std::endl;
    return refusal.exit_code;
}

int
run_command(const std::vector<std::string> &arguments, Secret token)
{
    const Found found = find_command(arguments);
    const auto words = static_cast<std::ptrdiff_t>(found.words);
    auto answer =
        parse_command_line(syntax_of(*found.command), {arguments.begin() + words, arguments.end()});
    if (const std::string *help = std::get_if<std::string>(&answer)) {
        std::cout << *help << std::flush;
        return exit_codes::done;
    }
    const CommandLine &line = std::get<CommandLine>(answer);
    check_operands(*found.command, line);
    if (const auto timeout = line.values.find("timeout"); timeout != line.values.end())
        duration_of("timeout", timeout->second); // before anything is done
    try {
        Client client(server_of(line.values, std::move(token)));
        Terminal terminal({std::cin, std::cout, std::cerr});
        return found.command->run({client, terminal, line});
    } catch (const Refusal &refusal) {
        return tell(refusal, !line.values.at("json").empty());
    }
}

// Runs what the arguments name; returns the exit code.
int
run(const std::vector<std::string> &arguments)
{
    harden_process();
    std::signal(SIGPIPE, SIG_DFL); // whoever reads the list may have seen enough of it
    install_wiping_allocators();
    std::setlocale(LC_CTYPE, "C.UTF-8");
    Secret token = take_token();
    if (arguments.empty()) {
        std::cerr << overview("");
        return exit_codes::usage;
    }
    const std::string &first = arguments.front();
    const bool helps = arguments.back() == "--help" || arguments.back() == "-h";
    if (helps && (arguments.size() == 1 || (arguments.size() == 2 && is_noun(first)))) {
        std::cout << overview(arguments.size() == 1 ? "" : first);
        return exit_codes::done;
    }
    if (first == "--version") {
        std::cout << "appinfra " APPINFRA_VERSION << std::endl;
        return exit_codes::done;
    }
    if (first == "--generate") {
        std::cout << generated(arguments.size() == 2 ? arguments[1] : "") << std::flush;
        return exit_codes::done;
    }
    return run_command(arguments, std::move(token));
}

} // namespace

int
main(int count, char **values)
{
    try {
        return run(std::vector<std::string>(values + 1, values + count));
    } catch (const Failure &failure) {
        std::cerr << "appinfra: " << failure.what() << std::endl;
        return failure.kind() == Failure::Kind::configuration ? exit_codes::usage
                                                              : exit_codes::unreachable;
    } catch (const std::exception &error) {
        std::cerr << "appinfra: " << clean_text(error.what()) << std::endl;
        return exit_codes::refused;
    }
}
