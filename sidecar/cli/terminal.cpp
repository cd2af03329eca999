// See terminal.hpp.
#include "cli/terminal.hpp"

#include <cstdlib>
#include <algorithm>
#include <cwchar>

#include <sys/ioctl.h>
#include <unistd.h>

#include "base/failure.hpp"
#include "cli/environment.hpp"

namespace sidecar::cli
{
namespace
{

constexpr int usual_width = 80;
constexpr std::string_view erase_line = "\r\x1b[K";

// Columns of the terminal on standard output; 0 when it is none.
int
width_of_output()
{
    if (isatty(STDOUT_FILENO) == 0)
        return 0;
    winsize size{};
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        return size.ws_col;
    const int given = std::atoi(environment("COLUMNS").c_str());
    return given > 0 ? given : usual_width;
}

const char *
code_of(Tone tone)
{
    switch (tone) {
    case Tone::heading:
        return "1";
    case Tone::good:
        return "32";
    case Tone::busy:
        return "33";
    case Tone::bad:
        return "31";
    case Tone::faint:
        return "2";
    default:
        return "";
    }
}

} // namespace

Terminal::Terminal(const CommandIo &io)
    : io_(io), asks_(isatty(STDIN_FILENO) != 0 && isatty(STDERR_FILENO) != 0),
      watched_(isatty(STDERR_FILENO) != 0),
      colours_(isatty(STDOUT_FILENO) != 0 && environment("NO_COLOR").empty() &&
               environment("TERM") != "dumb"),
      width_(width_of_output())
{
}

void
Terminal::print(std::string_view text)
{
    progress("");
    io_.out << text << std::flush;
    if (!io_.out)
        throw Failure(Failure::Kind::give_up, "standard output cannot be written to");
}

void
Terminal::note(std::string_view line)
{
    progress("");
    io_.err << line << std::endl;
}

void
Terminal::progress(std::string_view line)
{
    if (!watched_ || (line.empty() && !in_progress_))
        return;
    io_.err << erase_line << line << std::flush;
    in_progress_ = !line.empty();
}

bool
Terminal::ask(const std::string &question)
{
    if (!asks_)
        refuse("this asks before it destroys something, and nobody is there to answer; --yes says "
               "that it may");
    progress("");
    io_.err << question << " [y/N] " << std::flush;
    std::string answer;
    std::getline(io_.in, answer);
    return answer == "y" || answer == "Y" || answer == "yes";
}

std::string
Terminal::in_tone(std::string_view text, Tone tone) const
{
    if (!colours_ || tone == Tone::plain)
        return std::string(text);
    return std::string("\x1b[") + code_of(tone) + "m" + std::string(text) + "\x1b[0m";
}

int
columns_of(std::string_view text)
{
    int columns = 0;
    std::mbstate_t state{};
    while (!text.empty()) {
        wchar_t character = 0;
        std::size_t size = std::mbrtowc(&character, text.data(), text.size(), &state);
        if (size == 0 || size > text.size()) { // not of this locale: a byte, a column
            state = {};
            size = 1;
            columns++;
        } else {
            columns += std::max(wcwidth(character), 0);
        }
        text.remove_prefix(size);
    }
    return columns;
}

} // namespace sidecar::cli
