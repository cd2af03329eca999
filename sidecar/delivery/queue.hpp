// The publications of the host, behind an interface so that tests can make it fail. Every call
// returns at once; its answer comes through the callback, which gets a Failure when there is none.
// Mostly that is later; without a connection it is before the call returns.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/clock.hpp"
#include "base/failure.hpp"
#include "delivery/publication.hpp"

namespace sidecar
{

template <typename T> using Answer = std::function<void(std::variant<T, Failure>)>;

// The end of a claim, as the extension is told. It holds no secret.
struct Report {
    std::int64_t publication_id = 0;
    std::string claim;
    bool complete = false;
    std::string response{};    // complete: JSON or empty
    std::string error{};       // fail: redacted
    bool maybe_stored = false; // fail: delivered 'unknown' instead of 'no'
    bool retry_now = false;    // fail: pending again after the pause, for any sidecar
    Duration retry_pause{};
};

// What the extension made of a report.
struct Receipt {
    bool held = true;   // false: the claim was no longer ours
    std::string status; // fail: the publication's new status
};

class Queue
{
public:
    virtual ~Queue() = default;

    // Whether calls have a chance now; without it they fail at once.
    virtual bool connected() const = 0;

    // Claims publications of one producer.
    virtual void claim(const std::string &producer, int batch, Duration lease,
                       Answer<std::vector<Publication>> done) = 0;
    virtual void extend(std::int64_t publication_id, const std::string &claim, Duration lease,
                        Answer<bool> done) = 0;
    virtual void report(const Report &report, Answer<Receipt> done) = 0;

    // Says that a bucket's key is at the store; false: the claim is no longer ours.
    virtual void record_key(std::int64_t publication_id, const std::string &claim,
                            const std::string &access_key, Answer<bool> done) = 0;
};

} // namespace sidecar
