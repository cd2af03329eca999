// See manual.hpp.
#include "base/manual.hpp"

namespace sidecar
{
namespace
{

// How an option is written: --flag=VALUE, or --flag for a switch.
std::string
usage_of(const OptionRow &row)
{
    return std::string("--") + row.flag + (row.is_switch ? "" : "=VALUE");
}

// What an option does, with its default and its variable.
std::string
about_option(const OptionRow &row, bool with_variable)
{
    std::string about = row.help;
    if (row.fallback[0] != '\0' && !row.is_switch)
        about += std::string("; ") + row.fallback + " by default";
    if (with_variable && row.variable[0] != '\0')
        about += std::string(" (") + row.variable + ")";
    return about;
}

} // namespace

std::string
troff_text(std::string_view text)
{
    std::string escaped;
    bool line_begins = true;
    for (const char c : text) {
        if (line_begins && (c == '.' || c == '\''))
            escaped += "\\&";
        if (c == '\\')
            escaped += "\\e";
        else if (c == '-')
            escaped += "\\-";
        else if (c == '\'')
            escaped += "\\(aq";
        else if (c == '`')
            escaped += "\\(ga";
        else
            escaped += c;
        line_begins = c == '\n';
    }
    return escaped;
}

std::string
manual_head(std::string_view name, int section, std::string_view summary)
{
    const std::string number = std::to_string(section);
    return ".TH \"" + troff_text(name) + "\" " + number +
           " \"\" \"appinfra " APPINFRA_VERSION "\" \"appinfra\"\n.SH NAME\n" + troff_text(name) +
           " \\- " + troff_text(summary) + "\n";
}

std::string
manual_heading(std::string_view title)
{
    return ".SH " + troff_text(title) + "\n";
}

std::string
manual_verbatim(std::string_view text)
{
    std::string lines = troff_text(text);
    while (lines.ends_with('\n'))
        lines.pop_back();
    return ".PP\n.nf\n" + lines + "\n.fi\n";
}

std::string
manual_term(std::string_view term, std::string_view about)
{
    return ".TP\n.B " + troff_text(term) + "\n" + troff_text(about) + "\n";
}

std::string
manual_option(const OptionRow &row)
{
    return manual_term(usage_of(row), about_option(row, true));
}

std::string
manual_section(const CommandSyntax &syntax)
{
    std::string usage = syntax.program + (" " + syntax.name()) + " [OPTIONS]";
    if (syntax.operands_help[0] != '\0')
        usage += std::string(" ") + syntax.operands_name;
    std::string text = ".SS " + troff_text(usage) + "\n" + troff_text(syntax.description) + ".\n";
    if (syntax.operands_help[0] != '\0')
        text += manual_term(syntax.operands_name, syntax.operands_help);
    for (const OptionRow &row : syntax.rows)
        if (takes(syntax, row))
            text += manual_option(row);
    return text + (syntax.footer.empty() ? "" : manual_verbatim(syntax.footer));
}

std::string
manual_of_file(const CommandSyntax &syntax)
{
    std::string text;
    std::string group;
    for (const OptionRow &row : syntax.rows) {
        if (row.is_switch || std::string_view(row.flag) == "config")
            continue;
        if (group != row.group)
            text += ".SS " + troff_text(row.group) + "\n";
        group = row.group;
        text += manual_term(std::string(row.flag) + " = \"VALUE\"", about_option(row, false));
    }
    return text;
}

} // namespace sidecar
