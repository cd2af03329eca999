// The lines of an export on their way to an ExportCheck: rows become what was sealed, by the server
// that is to be changed by them, and seals become seals.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "audit/export_check.hpp"
#include "audit/replay.hpp"
#include "postgres/blocking_connection.hpp"

namespace sidecar
{

class SealedExport final : public ExportVisitor
{
public:
    SealedExport(BlockingConnection &connection, ExportCheck check)
        : connection_(connection), check_(std::move(check))
    {
    }

    void seal(const json_t *seal) override;
    void row(std::int64_t id, const std::string &time, const std::string &line) override;

    // Looks at what is missing in the end; returns whether there was anything to check against.
    bool finish();

private:
    void flush();

    struct Line {
        std::int64_t id;
        std::string time;
        std::string text;
    };

    BlockingConnection &connection_;
    ExportCheck check_;
    std::vector<Line> lines_; // not checked yet
    bool has_rows_ = false;
};

// Returns the heads of a host with sealed_at as a number.
std::vector<Head> timed_heads(BlockingConnection &connection, const std::vector<Head> &heads,
                              const std::string &host_id);

} // namespace sidecar
