// Rows of JSON as a table that fits the terminal: what matters least is left out first, then the
// widest column is cut. Where standard output is no terminal, all columns are whole.
#pragma once

#include <span>
#include <string>
#include <vector>

#include <jansson.h>

#include "cli/terminal.hpp"

namespace sidecar::cli
{

struct Column {
    const char *title;
    const char *key; // of the row's object
    int rank = 0;    // 0: never left out; of the others the highest first
};

struct Table {
    std::span<const Column> columns;
    const char *empty; // what is said, to standard error, when there are no rows
};

// Writes the rows of a JSON array; wide: as where it is no terminal.
void print_table(Terminal &terminal, const Table &table, const json_t *rows, bool wide);

// Writes members of an object, a line each: its columns' titles and what stands there.
void print_members(Terminal &terminal, std::span<const Column> members, const json_t *object);

// A value as a person reads it, on one line: "-" for nothing, lists with commas, times to the
// second.
std::string value_text(const json_t *value);

// The tone of a word that says how something is: ready, pending, failed.
Tone tone_of(std::string_view word);

} // namespace sidecar::cli
