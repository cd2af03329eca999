// See seal.hpp.
#include "audit/seal.hpp"

#include <array>
#include <charconv>

#include <openssl/evp.h>

#include "base/failure.hpp"
#include "base/hex.hpp"

namespace sidecar
{
namespace
{

std::string
bytes_of(const std::string &hex)
{
    std::string bytes;
    for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
        unsigned char byte = 0;
        std::from_chars(hex.data() + i, hex.data() + i + 2, byte, 16);
        bytes += static_cast<char>(byte);
    }
    return bytes;
}

} // namespace

SealHash::SealHash(const Seal &seal, const std::vector<std::string> &previous)
    : context_(EVP_MD_CTX_new())
{
    if (!context_ || EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr) != 1)
        throw Failure(Failure::Kind::give_up, "SHA-256 cannot be computed");
    for (const std::string &hash : previous)
        add(bytes_of(hash));
    add(std::to_string(seal.number) + " " + std::to_string(seal.after_id) + " " +
        std::to_string(seal.last_id) + " " + std::to_string(seal.rows) + " " +
        std::to_string(seal.sealed_at) + "\n");
}

void
SealHash::ContextRelease::operator()(EVP_MD_CTX *context) const
{
    EVP_MD_CTX_free(context);
}

void
SealHash::add_row(std::string_view json)
{
    add(json);
    add("\n");
}

std::string
SealHash::finish()
{
    std::array<unsigned char, 32> digest{};
    EVP_DigestFinal_ex(context_.get(), digest.data(), nullptr);
    return hex({reinterpret_cast<const char *>(digest.data()), digest.size()});
}

void
SealHash::add(std::string_view bytes)
{
    // cppcheck-suppress danglingTemporaryLifetime ; the context is the hash's own
    EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size());
}

std::vector<std::int64_t>
numbers_of(const std::string &array)
{
    std::vector<std::int64_t> numbers;
    const char *at = array.data();
    const char *end = at + array.size();
    while (at < end) {
        std::int64_t number = 0;
        const auto [rest, error] = std::from_chars(at, end, number);
        if (error == std::errc())
            numbers.push_back(number);
        at = error == std::errc() ? rest : at + 1;
    }
    return numbers;
}

} // namespace sidecar
