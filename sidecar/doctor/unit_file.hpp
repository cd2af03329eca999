// The systemd unit of a service, as far as it decides what the service can read and write: which
// files it gets as credentials, its environment, its file of options, whose user it is. Nothing is
// asked of systemd, so the service need not run, nor be one that systemd takes.
#pragma once

#include <map>
#include <string>
#include <vector>

namespace sidecar
{

struct UnitFile {
    std::string path;
    std::string name;                               // such as appinfrad.service
    std::string command;                            // of appinfrad, such as serve
    std::string config;                             // what ExecStart names by --config; "": nothing
    std::string user;                               // of User=; "": made at each start
    std::map<std::string, std::string> credentials; // LoadCredential=: where each id comes from
    std::map<std::string, std::string> environment; // with %d as it stands there
    std::vector<std::string> writable;              // folders below which the service may write

    // Returns the file of the host that the service sees at a path of its credentials; "" when the
    // path is no such one.
    std::string source_of(const std::string &path_seen) const;
};

// Reads a unit with its drop-ins; a name without a slash is looked for where systemd looks. Throws
// a configuration Failure when it cannot be read.
UnitFile read_unit(const std::string &name);

// Returns where `make install` or an administrator has put the unit of this service; "": nowhere.
std::string find_unit();

} // namespace sidecar
