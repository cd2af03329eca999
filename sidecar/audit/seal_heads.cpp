// See seal_heads.hpp.
#include "audit/seal_heads.hpp"

#include <charconv>
#include <ctime>
#include <optional>

#include "base/failure.hpp"
#include "base/input_file.hpp"
#include "base/json.hpp"
#include "base/text.hpp"

namespace sidecar
{
namespace
{

// The word after name= or "name": in a line, quoted or not; empty when there is none.
std::string
value_of(const std::string &line, const std::string &name)
{
    for (std::size_t at = line.find(name); at != std::string::npos; at = line.find(name, at + 1)) {
        const char before = at > 0 ? line[at - 1] : ' ';
        std::size_t begin = at + name.size();
        if (before == '"' && line.compare(begin, 2, "\":") == 0)
            begin += 2;
        else if ((before == ' ' || before == '\t') && line.compare(begin, 1, "=") == 0)
            begin += 1;
        else
            continue;
        begin = line.find_first_not_of(" \"", begin);
        if (begin == std::string::npos)
            return {};
        const char *stops = line[begin - 1] == '"' ? "\"" : " \",}";
        return line.substr(begin, line.find_first_of(stops, begin) - begin);
    }
    return {};
}

// The same of a number; 0 when there is none.
std::int64_t
number_of(const std::string &line, const std::string &name)
{
    const std::string text = value_of(line, name);
    std::int64_t number = 0;
    std::from_chars(text.data(), text.data() + text.size(), number);
    return number;
}

std::optional<Head>
head_of(const std::string &line)
{
    Head head;
    std::string number = value_of(line, "accepted_seal");
    head.is_accepted = !number.empty();
    if (!head.is_accepted)
        number = value_of(line, "seal");
    const auto [end, error] =
        std::from_chars(number.data(), number.data() + number.size(), head.number);
    head.hash = value_of(line, "hash");
    head.host = value_of(line, "host_id");
    head.last_id = number_of(line, "last_id");
    head.rows = number_of(line, "rows");
    head.sealed_at_text = value_of(line, "sealed_at");
    if (number.empty() || error != std::errc() || end != number.data() + number.size() ||
        head.hash.size() != 64 ||
        head.hash.find_first_not_of("0123456789abcdef") != std::string::npos)
        return std::nullopt;
    return head;
}

} // namespace

std::vector<Head>
read_heads(std::istream &in)
{
    std::vector<Head> heads;
    std::string line;
    while (std::getline(in, line))
        if (auto head = head_of(line))
            heads.push_back(std::move(*head));
    return heads;
}

std::vector<Head>
heads_of(const std::string &file, std::istream &standard_input)
{
    if (file.empty())
        return {};
    std::vector<Head> heads;
    if (file == "-") {
        heads = read_heads(standard_input);
    } else {
        std::ifstream in = open_input(file);
        heads = read_heads(in);
    }
    if (heads.empty())
        refuse("there is no head in \"" + clean_text(file) + "\"");
    return heads;
}

std::string
acceptance_of(const Head &head, const std::string &by, const std::string &reason)
{
    const Json line =
        pack("{s:s, s:I, s:s, s:s, s:s, s:I}", "host_id", head.host.c_str(), "accepted_seal",
             static_cast<json_int_t>(head.number), "hash", head.hash.c_str(), "by",
             clean_text(by).c_str(), "reason", clean_text(reason).c_str(), "accepted_at",
             static_cast<json_int_t>(std::time(nullptr)));
    return json_text(line) + "\n";
}

} // namespace sidecar
