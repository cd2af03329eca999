// See table.hpp.
#include "cli/table.hpp"

#include <algorithm>
#include <iterator>
#include <string_view>

#include "base/json.hpp"
#include "base/text.hpp"

namespace sidecar::cli
{
namespace
{

constexpr int gap = 2;
constexpr int narrowest = 8; // a cut column
constexpr std::string_view ellipsis = "…";

struct Cells {
    std::vector<const Column *> columns;
    std::vector<std::vector<std::string>> rows; // by column, as columns
    std::vector<int> widths;
};

Cells
cells_of(const Table &table, const json_t *rows)
{
    Cells cells;
    for (const Column &column : table.columns) {
        cells.columns.push_back(&column);
        std::vector<std::string> texts;
        int width = columns_of(column.title);
        std::size_t index = 0;
        const json_t *row = nullptr;
        json_array_foreach(const_cast<json_t *>(rows), index, row)
        {
            texts.push_back(value_text(json_object_get(row, column.key)));
            width = std::max(width, columns_of(texts.back()));
        }
        cells.rows.push_back(std::move(texts));
        cells.widths.push_back(width);
    }
    return cells;
}

int
width_of(const Cells &cells)
{
    int total = -gap;
    for (const int width : cells.widths)
        total += width + gap;
    return total;
}

// Leaves out the column that matters least; false when each has to stay.
bool
leave_one_out(Cells &cells)
{
    const auto least = std::max_element(
        cells.columns.begin(), cells.columns.end(),
        [](const Column *one, const Column *other) { return one->rank < other->rank; });
    if (least == cells.columns.end() || (*least)->rank == 0)
        return false;
    const auto at = std::distance(cells.columns.begin(), least);
    cells.rows.erase(cells.rows.begin() + at);
    cells.widths.erase(cells.widths.begin() + at);
    cells.columns.erase(least);
    return true;
}

// Makes the table as narrow as the terminal, as far as that can be.
void
fit(Cells &cells, int width)
{
    while (width_of(cells) > width && leave_one_out(cells))
        ;
    for (int excess = width_of(cells) - width; excess > 0; excess = width_of(cells) - width) {
        const auto widest = std::max_element(cells.widths.begin(), cells.widths.end());
        if (*widest <= narrowest)
            return;
        *widest = std::max(narrowest, *widest - excess);
    }
}

// The beginning of a text in so many columns, with a sign when something is missing.
std::string
cut_to(const std::string &text, int width)
{
    if (columns_of(text) <= width)
        return text;
    std::string cut = text;
    while (!cut.empty() && columns_of(cut) > width - 1)
        cut = cut_text(cut, cut.size() - 1);
    return cut + std::string(ellipsis);
}

std::string
padding(const std::string &text, int width)
{
    return std::string(static_cast<std::size_t>(std::max(0, width - columns_of(text))), ' ');
}

// One line of the table: row, or the titles when it is -1.
std::string
line_of(const Terminal &terminal, const Cells &cells, int row)
{
    std::string line;
    for (std::size_t i = 0; i < cells.columns.size(); i++) {
        const bool last = i + 1 == cells.columns.size();
        const std::string &whole =
            row < 0 ? cells.columns[i]->title : cells.rows[i][static_cast<std::size_t>(row)];
        const std::string text = cut_to(whole, cells.widths[i]);
        line += terminal.in_tone(text, row < 0 ? Tone::heading : tone_of(whole));
        if (!last)
            line += padding(text, cells.widths[i] + gap);
    }
    return line + "\n";
}

// A time of JSON without its fractions: 2026-01-02T03:04:05.678+00:00 is 2026-01-02 03:04:05Z.
std::string
short_time(const std::string &text)
{
    const bool is_time = text.size() >= 20 && text[4] == '-' && text[7] == '-' && text[10] == 'T' &&
                         text[13] == ':' && text[16] == ':';
    const std::string zone = is_time ? text.substr(text.find_first_of("Z+-", 19)) : "";
    if (!is_time || (zone != "Z" && zone != "+00:00"))
        return text;
    return text.substr(0, 10) + " " + text.substr(11, 8) + "Z";
}

} // namespace

void
print_table(Terminal &terminal, const Table &table, const json_t *rows, bool wide)
{
    if (json_array_size(rows) == 0) {
        terminal.note(table.empty);
        return;
    }
    Cells cells = cells_of(table, rows);
    if (terminal.width() > 0 && !wide)
        fit(cells, terminal.width());
    std::string text = line_of(terminal, cells, -1);
    for (std::size_t row = 0; row < json_array_size(rows); row++)
        text += line_of(terminal, cells, static_cast<int>(row));
    terminal.print(text);
}

void
print_members(Terminal &terminal, std::span<const Column> members, const json_t *object)
{
    int width = 0;
    for (const Column &member : members)
        width = std::max(width, columns_of(member.title));
    std::string text;
    for (const Column &member : members) {
        const json_t *value = json_object_get(object, member.key);
        if (value == nullptr)
            continue;
        const std::string shown = value_text(value);
        text += terminal.in_tone(member.title, Tone::heading) + padding(member.title, width + gap) +
                terminal.in_tone(shown, tone_of(shown)) + "\n";
    }
    terminal.print(text);
}

std::string
value_text(const json_t *value)
{
    if (value == nullptr || json_is_null(value))
        return "-";
    if (json_is_string(value)) {
        const std::string text = clean_text({json_string_value(value), json_string_length(value)});
        return text.empty() ? "-" : short_time(text);
    }
    if (json_is_boolean(value))
        return json_is_true(value) ? "yes" : "no";
    if (!json_is_array(value))
        return clean_text(json_text(Json(json_incref(const_cast<json_t *>(value)))));
    std::string list;
    std::size_t index = 0;
    const json_t *item = nullptr;
    json_array_foreach(const_cast<json_t *>(value), index, item)
    {
        list += (list.empty() ? "" : ",") + value_text(item);
    }
    return list.empty() ? "-" : list;
}

Tone
tone_of(std::string_view word)
{
    constexpr std::string_view good[] = {"ready", "active", "published", "done", "ok"};
    constexpr std::string_view busy[] = {"planned",  "building", "waiting",  "pending", "claimed",
                                         "retiring", "retained", "revoking", "medium",  "medium"};
    constexpr std::string_view bad[] = {"failed",  "revoked",  "dropped",
                                        "refused", "critical", "high"};
    const auto is_in = [&](const auto &words) {
        return std::find(std::begin(words), std::end(words), word) != std::end(words);
    };
    return is_in(good)   ? Tone::good
           : is_in(busy) ? Tone::busy
           : is_in(bad)  ? Tone::bad
                         : Tone::plain;
}

} // namespace sidecar::cli
