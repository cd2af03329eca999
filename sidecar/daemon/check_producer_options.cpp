// See check_producer_options.hpp.
#include "daemon/check_producer_options.hpp"

#include <iostream>
#include <utility>

#include "base/exit_code.hpp"
#include "base/failure.hpp"
#include "base/signals.hpp"
#include "base/text.hpp"
#include "check_producer/check_producer.hpp"
#include "check_producer/http_producer.hpp"
#include "base/option_values.hpp"

namespace sidecar
{
namespace
{

// Returns the app that was named, or one that there has never been.
std::string
app_of(const std::string &named)
{
    if (named.empty())
        return checked_app_prefix + random_uuid().substr(24);
    if (!named.starts_with(checked_app_prefix))
        refuse("--app must begin with " + std::string(checked_app_prefix) +
               ", so that no other app's variables are touched");
    return named;
}

// Says whether a producer's URL is allowed by --allow-plaintext only.
bool
is_in_clear(const CheckProducerOptions &options)
{
    try {
        check_url(options.url, "", false);
    } catch (const Failure &) {
        return true;
    }
    return false;
}

int
check(CheckProducerOptions options)
{
    const ProducerUrl url(options.url, options.path, options.allow_plaintext);
    const CommandIo io{std::cin, std::cout, std::cerr};
    if (!options.yes && !ask_to_check(url.for_app(options.app_id), options.app_id, io)) {
        io.err << "appinfrad check-producer: nobody said yes; --yes goes without asking"
               << std::endl;
        return exit_code::configuration;
    }
    // Not before: until something was sent, a signal ends the process.
    const Signals signals;
    HttpProducer producer({url, options.token.clone(), options.ca_file, options.connect_timeout,
                           options.call_timeout},
                          signals);
    const auto now = std::chrono::duration_cast<std::chrono::microseconds>(
        SystemClock().wall().time_since_epoch());
    TrialSettings settings;
    settings.app_id = options.app_id;
    settings.token = std::move(options.token);
    settings.first_version = now.count();
    settings.call_timeout = options.call_timeout;
    settings.in_clear = is_in_clear(options);
    return check_producer(producer, std::move(settings), io);
}

} // namespace

std::variant<CheckProducerOptions, std::string>
read_check_producer_options(const std::vector<std::string> &arguments,
                            const InheritedSecrets &inherited)
{
    auto answer =
        parse_command_line(syntax_of(arguments.front()), {arguments.begin() + 1, arguments.end()});
    if (std::string *help = std::get_if<std::string>(&answer))
        return std::move(*help);
    const OptionValues &values = std::get<CommandLine>(answer).values;
    CheckProducerOptions options;
    options.app_id = app_of(values.at("app"));
    options.yes = !values.at("yes").empty();
    options.url = values.at("producer-url");
    options.path = values.at("producer-path");
    options.ca_file = values.at("producer-ca");
    options.allow_plaintext = switch_of(values, "allow-plaintext");
    options.connect_timeout = duration_of("connect-timeout", values.at("connect-timeout"));
    options.call_timeout = duration_of("call-timeout", values.at("call-timeout"));
    if (options.url.empty())
        refuse("no producer: give --producer-url, or set APPINFRA_PRODUCER_URL");
    options.token = producer_token(values, inherited);
    if (options.token.empty())
        refuse(no_token);
    return options;
}

int
run_check_producer(const std::vector<std::string> &arguments)
{
    const InheritedSecrets inherited = take_inherited_secrets();
    auto answer = read_check_producer_options(arguments, inherited);
    if (const std::string *help = std::get_if<std::string>(&answer)) {
        std::cout << *help;
        return exit_code::done;
    }
    return check(std::move(std::get<CheckProducerOptions>(answer)));
}

} // namespace sidecar
