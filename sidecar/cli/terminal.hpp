// The person's side: what is written where, in how many columns and which colours, and questions.
// What came from a server is cleaned before it gets here: no text may steer the terminal.
#pragma once

#include <string>
#include <string_view>

#include "base/command_io.hpp"

namespace sidecar::cli
{

enum class Tone { plain, heading, good, busy, bad, faint };

class Terminal
{
public:
    // Looks at standard input, output and error, TERM, NO_COLOR and COLUMNS.
    explicit Terminal(const CommandIo &io);

    // Writes a text to standard output.
    void print(std::string_view text);

    // Writes a line to standard error: what is under way, what is missing.
    void note(std::string_view line);

    // Replaces the line that stands where it is waited, on a terminal; elsewhere writes nothing.
    void progress(std::string_view line);

    // Asks, and returns whether the answer is yes. Throws a configuration Failure, which names
    // --yes, when nobody is there to answer.
    bool ask(const std::string &question);

    // A text in a tone, where standard output is a terminal that has colours.
    std::string in_tone(std::string_view text, Tone tone) const;

    // Columns of the terminal; 0: standard output is none, and nothing is cut.
    int
    width() const
    {
        return width_;
    }

private:
    CommandIo io_;
    bool asks_;    // standard input and error are a person's
    bool watched_; // standard error is a terminal
    bool colours_;
    bool in_progress_ = false;
    int width_ = 0;
};

// How many columns a text takes.
int columns_of(std::string_view text);

} // namespace sidecar::cli
