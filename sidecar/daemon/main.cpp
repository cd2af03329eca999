// appinfrad: the sidecar. Reads the options, makes the parts, runs a command.
#include <cstdlib>
#include <exception>
#include <iostream>
#include <string>
#include <variant>
#include <vector>

#include "audit/commands.hpp"
#include "base/exit_code.hpp"
#include "base/failure.hpp"
#include "base/log.hpp"
#include "base/process.hpp"
#include "base/signals.hpp"
#include "base/wipe.hpp"
#include "check_env/check_env.hpp"
#include "daemon/options.hpp"
#include "daemon/porter.hpp"
#include "daemon/service.hpp"

namespace
{

using namespace sidecar;

// Runs the command the arguments name; returns its exit code.
int
run(const std::vector<std::string> &arguments)
{
    harden_process();
    install_wiping_allocators();
    if (!arguments.empty() && arguments.front() == "check-env") {
        // Before the secrets are taken: what this environment holds is what is checked.
        CheckEnvInput input = check_env_input();
        return check_env({arguments.begin() + 1, arguments.end()}, input);
    }
    const std::vector<std::string> rest(arguments.begin() + (arguments.empty() ? 0 : 1),
                                        arguments.end());
    if (!arguments.empty() && arguments.front() == "verify-audit")
        return verify_audit(rest, {std::cin, std::cout, std::cerr});
    if (!arguments.empty() && arguments.front() == "audit")
        return export_audit(rest, {std::cin, std::cout, std::cerr});
    const Signals signals;
    const InheritedSecrets inherited = take_inherited_secrets();
    auto answer = read_options(arguments, inherited);
    if (const int *code = std::get_if<int>(&answer))
        return *code;
    Options &options = std::get<Options>(answer);
    Log log(options.log_format, options.log_level);
    const auto reread = [&] {
        return std::get<Options>(read_options(arguments, inherited));
    };
    if (!options.delivers) {
        Porter porter(std::move(options), signals, log, reread);
        return porter.run();
    }
    Service service(std::move(options), signals, log, reread);
    return service.run();
}

} // namespace

int
main(int count, char **values)
{
    int code = exit_code::configuration;
    try {
        code = run(std::vector<std::string>(values + 1, values + count));
    } catch (const Failure &failure) {
        Log(LogFormat::text, LogLevel::info).error(failure.what());
        code = failure.kind() == Failure::Kind::configuration ? exit_code::configuration
                                                              : exit_code::failed;
    } catch (const std::exception &error) {
        Log(LogFormat::text, LogLevel::info).error(error.what());
        code = exit_code::failed;
    }
    // A connect may still be under way in its thread; exit handlers must not run under it.
    std::cout.flush();
    std::_Exit(code);
}
