// What stands in an environment file, by version: one record per variable, without its value.
// It is written before the file itself. After a crash between the two the record may be newer than
// the file, never older: then a late, lower write is still refused, and the publication that
// crashed comes again with the same version or a higher one.
#pragma once

#include <string>
#include <string_view>

#include "base/json.hpp"
#include "delivery/publication.hpp"

namespace sidecar
{

class EnvVersions
{
public:
    enum class Rank {
        current, // as new as the record, or newer, or there is none
        stale,   // the record is newer
        foreign, // the record is another host's
    };

    // Reads the text of the file of this name; an empty text has no records. Throws a retry Failure
    // when it is damaged, since a person may mend it.
    EnvVersions(std::string_view text, const std::string &file);

    // How a publication stands to the record of a variable.
    Rank rank(const std::string &name, const Publication &publication) const;

    // Writes the publication down for a variable.
    void record(const std::string &name, const Publication &publication);

    std::string text() const;

private:
    Json records_;
};

} // namespace sidecar
