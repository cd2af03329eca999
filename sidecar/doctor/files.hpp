// Whether the service can read the files and write the folders that its options name. With a unit
// this is judged for the service's user, who is another than the one that asks; without one, for
// the user of this process.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "doctor/results.hpp"
#include "doctor/unit_file.hpp"

namespace sidecar
{

struct NamedFile {
    std::string option; // that names it
    std::string path;   // as the service sees it
    bool is_secret;
};

// Judges each file; what a unit loads as a credential is judged where it comes from.
void look_at_files(const std::vector<NamedFile> &files, const std::optional<UnitFile> &unit,
                   CheckResults &results);

// Judges each folder that is written into.
void look_at_folders(const std::vector<std::string> &folders, const std::optional<UnitFile> &unit,
                     CheckResults &results);

} // namespace sidecar
