// libFuzzer target for what check-env reads: environment files, URIs, keyword strings.
//   make -C test/fuzz run SECONDS=600
// Each input is an environment file, checked in both lanes. Beside not crashing it proves:
// - nothing of a value is printed but user, host, port and database of a DSN that libpq accepts;
// - our reading of a DSN's parameters is libpq's;
// - the output is clean text, the JSON parses, and it says what the exit code says;
// - what the environment-file sink writes is read back as it was.
#include <algorithm>
#include <cctype>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>

#include "base/failure.hpp"
#include "base/json.hpp"
#include "base/text.hpp"
#include "base/wipe.hpp"
#include "check_env/dsn_parameters.hpp"
#include "check_env/env_text.hpp"
#include "check_env/report.hpp"
#include "delivery/env_file.hpp"
#include "postgres/conninfo.hpp"

using namespace sidecar;

// Stands for wipe.cpp, which replaces operator new and delete and so AddressSanitizer's.
void
sidecar::wipe(void *data, std::size_t size) noexcept
{
    if (size > 0)
        explicit_bzero(data, size);
}

namespace
{

constexpr std::size_t window = 8; // the shortest piece of a value that counts as a leak

void
demand(bool holds, const char *what)
{
    if (holds)
        return;
    std::fprintf(stderr, "property violated: %s\n", what);
    std::abort();
}

std::string
output_of(const std::vector<Variable> &variables, Lane lane)
{
    EnvReport report;
    report.lane = lane;
    report.checked = check_contract(variables, {.lane = lane, .required = {}});
    const std::string text = text_of(report), json = json_of(report);
    const Json document = parse_json(json);
    demand(json_is_object(document.get()), "the JSON parses");
    const bool clean = json_array_size(json_object_get(document.get(), "violations")) == 0;
    demand(clean == (report.exit_code() == 0), "the JSON agrees with the exit code");
    std::string line = text;
    std::replace(line.begin(), line.end(), '\n', ' ');
    demand(clean_text(line) == line, "the text is clean");
    return text + json;
}

// Every word that messages have of their own.
std::string
vocabulary()
{
    std::string words;
    const char *const files[] = {
        "",
        "DATABASE_URL=''\nAPP_DB_X=1\nA=1\nA=2",
        "DATABASE_URL=x",
        "DATABASE_URL='\"'",
        "DATABASE_URL='a b='",
        "DATABASE_URL=postgres://%",
        "DATABASE_URL=postgres://[",
        "DATABASE_URL=postgres://a/b@c",
        "DATABASE_URL=user=a port=x",
        "DATABASE_URL=host=a@b",
        "DATABASE_URL=host=h,i port=1,2,3",
        "DATABASE_URL=host=h\nDATABASE_SERVICE_URL=user=ROOT",
        "DATABASE_URL=user=a user=b service=c\nDATABASE_SERVICE_URL=user=b host=d hostaddr=::2",
        "DATABASE_URL=user=a host=h\nDATABASE_SERVICE_URL=user=a dbname=i host=h",
        "DATABASE_ROOT_URL=user=a\nDATABASE_URL=user=a\nDATABASE_SERVICE_URL=user=a",
        "DATABASE_URL=user=a"};
    for (const char *file : files)
        for (const Lane lane : {Lane::runtime, Lane::provisioning})
            words += output_of(read_env_text(file), lane);
    const ConninfoOptions options = parse_conninfo("");
    for (const PQconninfoOption *option = options.get(); option->keyword != nullptr; option++)
        words += std::string(" ") + option->keyword;
    return words;
}

// What libpq has for the keywords of a DSN; nothing when it does not accept it.
std::map<std::string, std::string>
libpq_values(std::string_view dsn)
{
    std::map<std::string, std::string> values;
    const ConninfoOptions options = parse_conninfo(dsn);
    for (const PQconninfoOption *option = options.get();
         option != nullptr && option->keyword != nullptr; option++)
        if (option->val != nullptr)
            values[option->keyword] = option->val;
    return values;
}

bool
is_dsn_variable(const std::string &name)
{
    return name == variable::app || name == variable::service || name == variable::root;
}

// What the output may show of an environment.
std::string
showable(const std::vector<Variable> &variables)
{
    std::string text;
    for (const auto &[name, value] : variables) {
        text += " " + name;
        if (name.starts_with("PG"))
            text += " " + std::string(value.reveal()) + " " + clean_text(value.reveal());
        if (!is_dsn_variable(name))
            continue;
        const auto values = libpq_values(value.reveal());
        for (const char *keyword : {"user", "host", "hostaddr", "port", "dbname"})
            if (const auto found = values.find(keyword); found != values.end())
                text += " " + found->second + " " + clean_text(found->second);
    }
    return text;
}

// No piece of a secret is in the output that the output may not show anyway.
void
demand_hidden(std::string_view secret, const std::string &output, const std::string &allowed)
{
    static const std::string words = vocabulary();
    std::size_t run = 0;
    for (std::size_t at = 0; at < secret.size(); at++) {
        run = std::isalnum(static_cast<unsigned char>(secret[at])) != 0 ? run + 1 : 0;
        if (run < window)
            continue;
        const std::string_view piece = secret.substr(at + 1 - window, window);
        demand(output.find(piece) == std::string::npos ||
                   allowed.find(piece) != std::string::npos ||
                   words.find(piece) != std::string::npos,
               "nothing of a value is printed");
    }
}

void
check_dsn(std::string_view dsn, const std::string &output, const std::string &allowed)
{
    const auto libpq = libpq_values(dsn);
    if (const auto password = libpq.find("password"); password != libpq.end())
        demand_hidden(password->second, output, allowed);
    if (libpq.empty())
        return;
    std::map<std::string, std::string> ours;
    for (const DsnParameter &parameter : dsn_parameters(dsn))
        ours[parameter.keyword] = parameter.value.reveal();
    demand(ours == libpq, "our parameters are libpq's");
}

void
check_round_trip(std::string_view value)
{
    if (std::any_of(value.begin(), value.end(),
                    [](unsigned char c) { return std::iscntrl(c) != 0; }))
        return;
    EnvFile file("");
    file.set("A", Secret(value));
    const auto read = read_env_text(file.text().reveal());
    demand(read.size() == 1 && read[0].value.reveal() == value, "what is written is read back");
}

} // namespace

extern "C" int
LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
    std::vector<Variable> variables;
    try {
        variables = read_env_text({reinterpret_cast<const char *>(data), size});
    } catch (const Failure &) {
        return 0;
    }
    const std::string output =
        output_of(variables, Lane::runtime) + output_of(variables, Lane::provisioning);
    const std::string allowed = showable(variables);
    for (const auto &[name, value] : variables) {
        demand_hidden(value.reveal(), output, allowed);
        check_round_trip(value.reveal());
        if (is_dsn_variable(name))
            check_dsn(value.reveal(), output, allowed);
    }
    return 0;
}
