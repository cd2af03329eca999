// MCP over standard input and output: a message a line. A thread reads; answers are written by
// whichever thread has them, one at a time.
#pragma once

#include <memory>

#include "mcp/mcp.hpp"
#include "platform/caller.hpp"
#include "platform/database_workers.hpp"

namespace sidecar
{

class McpStdio
{
public:
    // Reads from one descriptor and writes to the other.
    McpStdio(Mcp &mcp, DatabaseWorkers &workers, Caller caller, int input = 0, int output = 1);

    // Lets go of the thread, which may wait for input.
    ~McpStdio();
    McpStdio(const McpStdio &) = delete;
    McpStdio &operator=(const McpStdio &) = delete;

    // Whether the input has ended.
    bool ended() const;

    // Whether every message has been answered.
    bool idle() const;

private:
    struct Shared;
    std::shared_ptr<Shared> shared_;
};

} // namespace sidecar
