// See spelling.hpp. The word that was meant is the one with the fewest changed letters.
#include "base/spelling.hpp"

#include <algorithm>
#include <utility>

namespace sidecar
{
namespace
{

constexpr std::size_t max_changes = 3; // beyond them it is another word

// Counts the letters that have to be changed, left out or put in.
std::size_t
distance(const std::string &one, const std::string &other)
{
    std::vector<std::size_t> row(other.size() + 1);
    for (std::size_t j = 0; j <= other.size(); j++)
        row[j] = j;
    for (std::size_t i = 1; i <= one.size(); i++) {
        std::size_t diagonal = std::exchange(row[0], i);
        for (std::size_t j = 1; j <= other.size(); j++) {
            const std::size_t change = diagonal + (one[i - 1] == other[j - 1] ? 0 : 1);
            diagonal = std::exchange(row[j], std::min({row[j] + 1, row[j - 1] + 1, change}));
        }
    }
    return row.back();
}

} // namespace

std::string
nearest_word(const std::string &word, const std::vector<std::string> &known)
{
    std::size_t least = max_changes + 1;
    std::string found;
    for (const std::string &one : known)
        if (const std::size_t changes = distance(word, one); changes < least) {
            least = changes;
            found = one;
        }
    return found;
}

} // namespace sidecar
