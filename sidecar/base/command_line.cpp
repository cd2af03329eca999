// See command_line.hpp. This is the only file that includes CLI11, which takes long to compile.
#include "base/command_line.hpp"

#include <algorithm>
#include <cstdlib>

#include <CLI/CLI.hpp>

#include "base/failure.hpp"
#include "base/manual.hpp"
#include "base/readable.hpp"
#include "base/spelling.hpp"
#include "base/text.hpp"

namespace sidecar
{
namespace
{

using Rows = std::vector<OptionRow>;
using FlagOptions = std::map<std::string, CLI::Option *>;

// Returns the row of an option; null when no command has it.
const OptionRow *
find_row(const Rows &rows, const std::string &flag)
{
    const auto row = std::find_if(rows.begin(), rows.end(),
                                  [&](const OptionRow &one) { return one.flag == flag; });
    return row == rows.end() ? nullptr : &*row;
}

// What CLI11 calls the operands: it takes one word.
std::string
positional_name(const CommandSyntax &syntax)
{
    const std::string name = syntax.operands_name;
    return name.find_first_of(" []=/.") == std::string::npos ? name : "OPERANDS";
}

// How the person gets at the help of the command.
std::string
help_of(const CommandSyntax &syntax)
{
    return std::string(syntax.program) + " " + syntax.name() + " --help";
}

// The commands that have the option, as a person types them: rows name those of two words with a
// hyphen between them.
std::string
commands_of(const CommandSyntax &syntax, const OptionRow &row)
{
    const bool two_words = syntax.name().find(' ') != std::string::npos;
    std::string commands;
    for (const char *c = row.commands; *c != '\0'; c++)
        if (*c == ' ')
            commands += ", ";
        else
            commands += two_words && *c == '-' ? ' ' : *c;
    return commands;
}

// Refuses a flag that the command does not have, and says where it belongs or what was meant.
[[noreturn]] void
refuse_flag(const CommandSyntax &syntax, const std::string &flag)
{
    if (const OptionRow *row = find_row(syntax.rows, flag))
        refuse("--" + flag + " is an option of " + commands_of(syntax, *row) + ", not of " +
               syntax.name());
    std::vector<std::string> known = {"help"};
    for (const OptionRow &row : syntax.rows)
        if (takes(syntax, row))
            known.emplace_back(row.flag);
    const std::string meant = nearest_word(flag, known);
    refuse(syntax.name() + " has no " +
           (syntax.names_unknown ? "option --" + clean_text(flag) : "such option") +
           (meant.empty() ? "; see " + help_of(syntax) : "; did you mean --" + meant + "?"));
}

// Refuses what CLI11 would refuse in words that quote a value, or would take.
void
check_flags(const CommandSyntax &syntax, const std::vector<std::string> &arguments)
{
    for (const std::string &argument : arguments) {
        if (argument == "--")
            return;
        if (!argument.starts_with("--"))
            continue;
        const std::string flag = argument.substr(2, argument.find('=') - 2);
        const OptionRow *row = find_row(syntax.rows, flag);
        if (flag != "help" && (row == nullptr || !takes(syntax, *row)))
            refuse_flag(syntax, flag);
        if (row != nullptr && row->is_switch && argument.size() > flag.size() + 2)
            refuse("--" + flag + " takes no value");
    }
}

// Adds the option to the parser. What it is set to is read from its results, which spares CLI11's
// conversions.
CLI::Option *
add_row(CLI::App &app, const OptionRow &row, bool last_wins)
{
    std::string help = row.help;
    if (row.variable[0] != '\0')
        help += std::string(" (") + row.variable + ")";
    const auto keep = [](const CLI::results_t &) {
        return true;
    };
    CLI::Option *option = app.add_option(std::string("--") + row.flag, keep, help);
    option->group(row.group)->default_str(row.fallback);
    option->type_name(row.is_switch ? "" : "TEXT")->expected(row.is_switch ? 0 : 1);
    if (row.is_list)
        option->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    else if (last_wins)
        option->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
    return option;
}

// Parses the arguments into the options of app. Returns whether --help was asked for.
bool
parse_flags(CLI::App &app, const CommandSyntax &syntax, std::vector<std::string> arguments)
{
    std::reverse(arguments.begin(), arguments.end()); // as CLI11 wants them
    try {
        app.parse(arguments);
    } catch (const CLI::CallForHelp &) {
        return true;
    } catch (const CLI::ArgumentMismatch &error) { // names the option and quotes no value
        refuse(std::string(error.what()) + "; see " + help_of(syntax));
    } catch (const CLI::ParseError &) {
        refuse("an argument belongs to no option; see " + help_of(syntax));
    }
    return false;
}

// Returns what an option was set to by its flags.
std::string
value_of(const OptionRow &row, const std::vector<std::string> &results)
{
    if (row.is_switch)
        return "1";
    if (!row.is_list)
        return results.back();
    std::string joined;
    for (const std::string &result : results)
        joined += (joined.empty() ? "" : ",") + result;
    return joined;
}

// Reads the file of options, name = "value".
OptionValues
read_file(const CommandSyntax &syntax, const std::string &path)
{
    OptionValues values;
    check_readable("file of options", path);
    try {
        for (const CLI::ConfigItem &item : CLI::ConfigTOML().from_file(path)) {
            const OptionRow *row = find_row(syntax.rows, item.name);
            if (row == nullptr || row->is_switch || !item.parents.empty() || item.inputs.empty())
                refuse("\"" + path + "\" sets \"" + clean_text(item.fullname()) +
                       "\", which is no option with a value");
            values[item.name] = item.inputs.back();
        }
    } catch (const CLI::FileError &error) {
        refuse(clean_text(error.what()));
    }
    return values;
}

// Fills in what no flag has set. CLI11 can read variables and files itself, but would let the file
// win over the variables.
void
add_other_sources(const CommandSyntax &syntax, CommandLine &line)
{
    OptionValues file;
    const auto set = [&](const OptionRow &row) {
        if (line.flags.contains(row.flag) || !takes(syntax, row))
            return;
        const char *variable = row.variable[0] != '\0' ? std::getenv(row.variable) : nullptr;
        if (variable != nullptr && variable[0] != '\0')
            line.values[row.flag] = variable;
        else if (const auto found = file.find(row.flag); found != file.end())
            line.values[row.flag] = found->second;
    };
    if (const OptionRow *config = find_row(syntax.rows, "config")) {
        set(*config);
        if (const std::string &path = line.values["config"]; !path.empty())
            file = read_file(syntax, path);
    }
    for (const OptionRow &row : syntax.rows)
        set(row);
}

} // namespace

std::map<std::string, OptionValues>
read_sections(const std::string &path)
{
    std::map<std::string, OptionValues> sections;
    check_readable("file", path);
    try {
        for (const CLI::ConfigItem &item : CLI::ConfigTOML().from_file(path)) {
            const bool is_mark = item.name == "++" || item.name == "--"; // of a section
            if (!is_mark && (item.parents.size() > 1 || item.inputs.empty()))
                refuse("\"" + path + "\": \"" + clean_text(item.fullname()) +
                       "\" stands in a section of a section, or has no value");
            // The library takes [default] and no section at all for the same.
            if (!is_mark)
                sections[item.parents.empty() ? "default" : item.parents.front()][item.name] =
                    item.inputs.back();
        }
    } catch (const CLI::FileError &error) {
        refuse(clean_text(error.what()));
    }
    return sections;
}

std::variant<CommandLine, std::string>
parse_command_line(const CommandSyntax &syntax, const std::vector<std::string> &arguments)
{
    if (!arguments.empty() && arguments.back() == "--manual")
        return manual_section(syntax);
    check_flags(syntax, arguments);
    CLI::App app(syntax.description, syntax.program + (" " + syntax.name()));
    app.footer(syntax.footer);
    FlagOptions options;
    CommandLine line;
    for (const OptionRow &row : syntax.rows) {
        line.values[row.flag] = row.fallback;
        if (takes(syntax, row))
            options[row.flag] = add_row(app, row, syntax.last_wins);
    }
    app.set_help_flag("-h,--help", "print this")->group("Help");
    if (syntax.operands_help[0] != '\0')
        app.add_option_function<std::vector<std::string>>(
            positional_name(syntax), [&](const auto &all) { line.operands = all; },
            syntax.operands_help);
    if (parse_flags(app, syntax, arguments))
        return app.help();
    for (const auto &[flag, option] : options)
        if (option->count() > 0) {
            line.flags.insert(flag);
            line.values[flag] = value_of(*find_row(syntax.rows, flag), option->results());
        }
    add_other_sources(syntax, line);
    return line;
}

} // namespace sidecar
