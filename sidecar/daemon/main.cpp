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
#include "daemon/check_producer_options.hpp"
#include "daemon/commands.hpp"
#include "daemon/daemon.hpp"
#include "daemon/doctor_options.hpp"
#include "daemon/gateway_mcp_options.hpp"
#include "daemon/manuals.hpp"
#include "daemon/options.hpp"
#include "gateway/key_commands.hpp"

namespace
{

using namespace sidecar;

// Runs a command that reads the audit log.
int
run_audit(const std::string &command, const std::vector<std::string> &arguments)
{
    const CommandIo io{std::cin, std::cout, std::cerr};
    return command == "audit" ? export_audit(arguments, io) : verify_audit(arguments, io);
}

// Looks at this host; returns the exit code.
int
run_doctor_command(const std::vector<std::string> &arguments)
{
    auto answer = read_doctor_options(arguments, take_inherited_secrets());
    if (const std::string *help = std::get_if<std::string>(&answer)) {
        std::cout << *help;
        return exit_code::done;
    }
    return run_doctor(std::get<DoctorSettings>(answer), {std::cin, std::cout, std::cerr});
}

// Runs serve, publish or mcp; returns its exit code.
int
run_daemon(const std::vector<std::string> &arguments)
{
    const Signals signals;
    const InheritedSecrets inherited = take_inherited_secrets();
    auto answer = read_options(arguments, inherited);
    if (const std::string *help = std::get_if<std::string>(&answer)) {
        std::cout << *help;
        return exit_code::done;
    }
    Options &options = std::get<Options>(answer);
    Log log(options.log_format, options.log_level);
    const auto reread = [&] {
        return std::get<Options>(read_options(arguments, inherited));
    };
    return Daemon(std::move(options), signals, log, reread).run();
}

// Runs the command the arguments name; returns its exit code.
int
run(const std::vector<std::string> &arguments)
{
    harden_process();
    install_wiping_allocators();
    if (arguments.empty()) {
        std::cerr << overview();
        return exit_code::configuration;
    }
    const std::string &command = arguments.front();
    const std::vector<std::string> rest(arguments.begin() + 1, arguments.end());
    if (command == "--help" || command == "-h") {
        std::cout << overview();
        return exit_code::done;
    }
    if (command == "--version") {
        std::cout << "appinfrad " APPINFRA_VERSION << std::endl;
        return exit_code::done;
    }
    if (const std::string part = manual_part(command); !part.empty()) {
        std::cout << part;
        return exit_code::done;
    }
    if (command == "check-env") {
        // Before the secrets are taken: what this environment holds is what is checked.
        CheckEnvInput input = check_env_input();
        return check_env(rest, input);
    }
    if (command == "doctor")
        return run_doctor_command(rest);
    if (command == "verify-audit" || command == "audit")
        return run_audit(command, rest);
    if (command == "check-producer")
        return run_check_producer(arguments);
    if (gateway::is_key_command(command))
        return gateway::run_key_command(command, rest, {std::cin, std::cout, std::cerr});
    if (command == "gateway-mcp")
        return run_gateway_mcp(arguments);
    return run_daemon(arguments);
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
