// What a command works with: the server, the terminal, and what it was told.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "base/command_line.hpp"
#include "cli/client.hpp"
#include "cli/table.hpp"
#include "cli/terminal.hpp"

namespace sidecar::cli
{

struct Session {
    Client &client;
    Terminal &terminal;
    const CommandLine &line;

    // What an option is set to, "" when it is not.
    const std::string &
    option(const char *name) const
    {
        return line.values.at(name);
    }

    // Whether a switch is on.
    bool
    is_on(const char *name) const
    {
        return !line.values.at(name).empty();
    }

    // The operand at a place; the command's table says how many there are.
    const std::string &
    operand(std::size_t at) const
    {
        return line.operands.at(at);
    }

    bool
    json() const
    {
        return is_on("json");
    }
};

// Writes a document on one line.
void print_json(const Session &session, const Json &document);

// Says what was done: with --json the document as it came, else this sentence.
void show_done(const Session &session, const Json &document, const std::string &sentence);

// Shows a list of a document: with --json the document as it came, else a table.
void show_list(const Session &session, const Json &document, const char *list, const Table &table);

// Shows a document: with --json as it came, else a line for each of these members.
void show_members(const Session &session, const Json &document, std::span<const Column> members);

// Asks before something is destroyed, unless --yes says that it may; false: it is not to be.
bool may_destroy(const Session &session, const std::string &question);

// Sets a member of a request to a text, unless it is empty.
void put_text(const Json &body, const char *name, const std::string &text);

// Sets a member of a request to true or false.
void put_flag(const Json &body, const char *name, bool value);

// A member of a document as a clean text on one line; "-" where there is nothing.
std::string member_text(const Json &document, const char *name);

} // namespace sidecar::cli
