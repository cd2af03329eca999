// `appinfrad doctor`: looks at everything that an installation needs, changes nothing, and says of
// each thing whether it is well, and what to do if not. It goes on where it can: one thing that is
// broken hides no other that has nothing to do with it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/command_io.hpp"
#include "doctor/files.hpp"
#include "doctor/producer.hpp"

namespace sidecar
{

struct DoctorSettings {
    bool json = false;
    std::optional<UnitFile> unit;
    std::string trouble; // why the options cannot be used; nothing else of them counts then
    std::string database_trouble;
    std::string producer_trouble;
    std::vector<NamedFile> files;
    std::vector<std::string> folders;
    Secret database; // connection string
    Secret database_password;
    bool delivers = true;            // false: the unit, or its options, are of a gateway alone
    bool answers_requests = false;   // its login has to be an administrator's, too
    bool serves_sql = false;         // its login has to be a gateway's, too
    std::vector<std::string> unread; // variables that are set and not read, and what stands instead
    ProducerAccess producer;
};

// Looks at all of it and prints a line each, or a document of JSON; returns the exit code: 0 all is
// well, 1 there are warnings, 2 there are problems.
int run_doctor(const DoctorSettings &settings, const CommandIo &io);

} // namespace sidecar
