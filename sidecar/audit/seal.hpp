// A seal of the audit log: SHA-256 over the hashes of the seals before it, a line about itself, and
// the rows it takes in, each as a JSON array in a line. Computed here without asking the server, so
// that a server whose functions were replaced cannot answer for itself.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <openssl/types.h>

namespace sidecar
{

struct Seal {
    std::int64_t number = 0;
    std::vector<std::int64_t> previous;
    std::int64_t after_id = 0; // it takes in the rows above this id,
    std::int64_t last_id = 0;  // up to this
    std::int64_t rows = 0;
    std::int64_t sealed_at = 0; // microseconds since 1970
    std::string hash;           // lower case hex
};

// Computes a hash, fed with the rows in the order of their ids.
class SealHash
{
public:
    // previous: the hashes of seal.previous in hex, in their order.
    SealHash(const Seal &seal, const std::vector<std::string> &previous);

    void add_row(std::string_view json);

    // The hash in lower case hex. Called once.
    std::string finish();

private:
    void add(std::string_view bytes);

    struct ContextRelease {
        void operator()(EVP_MD_CTX *context) const;
    };

    std::unique_ptr<EVP_MD_CTX, ContextRelease> context_;
};

// Reads "{1,2}", as the server prints an array of numbers.
std::vector<std::int64_t> numbers_of(const std::string &array);

} // namespace sidecar
