// What a command reads and writes: the process's standard streams, or a test's.
#pragma once

#include <istream>
#include <ostream>

namespace sidecar
{

struct CommandIo {
    std::istream &in;
    std::ostream &out;
    std::ostream &err;
};

} // namespace sidecar
