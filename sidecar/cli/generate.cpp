// See generate.hpp.
#include "cli/generate.hpp"

#include <set>
#include <vector>

#include "base/failure.hpp"
#include "base/manual.hpp"
#include "cli/commands.hpp"

namespace sidecar::cli
{
namespace
{

constexpr const char *about_connecting =
    "Where the API is comes from --url, APPINFRA_URL, a profile, or is unix:/run/appinfra/socket,\n"
    "where root and the members of the server's --socket-admin-group are administrators. "
    "Elsewhere\n"
    "a token says who asks: APPINFRA_TOKEN, or a file that --token-file or APPINFRA_TOKEN_FILE\n"
    "names; never a flag. Profiles are sections of ~/.config/appinfra/config:\n"
    "\n"
    "  [default]\n"
    "  url = \"https://appinfra.example\"\n"
    "  token-file = \"~/.config/appinfra/token\"\n";

constexpr const char *about_output =
    "With --json each command prints one line, the answer of the API as its OpenAPI document\n"
    "(/openapi.json) describes it; audit prints a line a row. What is said beside that goes to\n"
    "standard error. Colours are used on a terminal only, and not where NO_COLOR is set.\n";

constexpr const char *about_codes =
    "0 done; 1 refused; 2 wrong usage; 3 no server, or it cannot work now; 4 not done in time, "
    "and\n"
    "going on; 5 not let in; 6 not found. db psql has those of psql.\n";

std::string
manual()
{
    std::string page = manual_head("appinfra", 1, "databases, buckets and keys of apps");
    page += manual_heading("SYNOPSIS") + ".B appinfra\nCOMMAND [OPTIONS] [OPERANDS]\n";
    page += manual_heading("SERVER") + manual_verbatim(about_connecting);
    page += manual_heading("OUTPUT") + manual_verbatim(about_output);
    page += manual_heading("EXIT STATUS") + manual_verbatim(about_codes);
    page += manual_heading("COMMANDS");
    for (const Command &command : commands()) {
        CommandSyntax syntax = syntax_of(command);
        syntax.footer = command.footer; // without the exit codes, which stand above
        std::erase_if(syntax.rows, [](const OptionRow &row) {
            return std::string(row.group) == "Server" || std::string(row.group) == "Output";
        });
        page += manual_section(syntax);
    }
    page += manual_heading("OPTIONS OF ALL COMMANDS");
    const CommandSyntax any = syntax_of(commands().front());
    for (const OptionRow &row : any.rows)
        if (std::string(row.group) == "Server" || std::string(row.group) == "Output")
            page += manual_option(row);
    return page + manual_heading("SEE ALSO") +
           ".BR appinfrad (8),\n.BR appinfrad.conf (5),\n.BR psql (1)\n";
}

// The flags of a command, as they are typed: --flag, or --flag= where a value follows.
std::string
flags_of(const Command &command)
{
    const CommandSyntax syntax = syntax_of(command);
    std::string flags = "--help";
    for (const OptionRow &row : syntax.rows)
        if (takes(syntax, row))
            flags += std::string(" --") + row.flag + (row.is_switch ? "" : "=");
    return flags;
}

// The first words, and the second ones behind a noun.
std::string
words_behind(const std::string &noun)
{
    std::vector<std::string> words;
    std::set<std::string> seen;
    for (const Command &command : commands()) {
        const std::string shown = command.shown;
        const std::size_t blank = shown.find(' ');
        const std::string first = shown.substr(0, blank);
        const std::string word = noun.empty()                 ? first
                                 : blank == std::string::npos ? ""
                                                              : shown.substr(blank + 1);
        if (!word.empty() && (noun.empty() || first == noun) && seen.insert(word).second)
            words.push_back(word);
    }
    std::string list;
    for (const std::string &word : words)
        list += (list.empty() ? "" : " ") + word;
    return list;
}

std::string
nouns_as_cases()
{
    std::string cases;
    std::set<std::string> seen;
    for (const Command &command : commands()) {
        const std::string shown = command.shown;
        const std::string noun = shown.substr(0, shown.find(' '));
        if (is_noun(noun) && seen.insert(noun).second)
            cases += "    " + noun + ") echo '" + words_behind(noun) + "' ;;\n";
    }
    return cases;
}

// A shell function that prints what may stand behind the words typed so far. Both shells have it.
std::string
words_function()
{
    std::string text =
        "_appinfra_words() { # the words behind the program, without the one that is being typed\n"
        "  if [ $# = 0 ]; then\n    echo '" +
        words_behind("") +
        " --help --version'\n    return\n  fi\n  if [ $# = 1 ]; then\n    case $1 in\n" +
        nouns_as_cases() +
        "    *) _appinfra_flags \"$1\" ;;\n    esac\n    return\n  fi\n"
        "  _appinfra_flags \"$1 $2\" || _appinfra_flags \"$1\"\n}\n";
    text += "_appinfra_flags() {\n  case $1 in\n";
    for (const Command &command : commands())
        text += std::string("  '") + command.shown + "') echo '" + flags_of(command) + "' ;;\n";
    return text + "  *) return 1 ;;\n  esac\n}\n";
}

std::string
bash_completion()
{
    return "# Completion of appinfra for bash, made by `appinfra --generate bash`.\n" +
           words_function() +
           "_appinfra() {\n"
           "  local typed words=() i\n"
           "  COMPREPLY=()\n"
           "  typed=${COMP_WORDS[COMP_CWORD]}\n"
           "  for ((i = 1; i < COMP_CWORD; i++)); do words+=(\"${COMP_WORDS[i]}\"); done\n"
           "  COMPREPLY=($(compgen -W \"$(_appinfra_words \"${words[@]}\")\" -- \"$typed\"))\n"
           "  if [ \"${#COMPREPLY[@]}\" = 1 ] && [ \"${COMPREPLY[0]%=}\" != \"${COMPREPLY[0]}\" ]; "
           "then\n"
           "    compopt -o nospace\n"
           "  fi\n"
           "}\n"
           "complete -F _appinfra appinfra\n";
}

std::string
zsh_completion()
{
    return "#compdef appinfra\n# Completion of appinfra for zsh, made by `appinfra --generate "
           "zsh`.\n" +
           words_function() +
           "_appinfra() {\n"
           "  local -a found with_value\n"
           "  found=(${=\"$(_appinfra_words ${words[2,CURRENT-1]})\"})\n"
           "  with_value=(${(M)found:#*=})\n"
           "  found=(${found:#*=})\n"
           "  compadd -- $found\n"
           "  compadd -S '' -- $with_value\n"
           "}\n"
           "if [ \"$funcstack[1]\" = _appinfra ]; then _appinfra \"$@\"; else compdef _appinfra "
           "appinfra; fi\n";
}

} // namespace

std::string
generated(const std::string &what)
{
    if (what == "man")
        return manual();
    if (what == "bash")
        return bash_completion();
    if (what == "zsh")
        return zsh_completion();
    refuse("--generate wants man, bash or zsh");
}

} // namespace sidecar::cli
