// See wipe.hpp.
#include "base/wipe.hpp"

#include <cstdlib>
#include <cstring>
#include <malloc.h>
#include <new>

#include <curl/curl.h>
#include <jansson.h>
#include <openssl/crypto.h>

#include "base/failure.hpp"

namespace sidecar
{

void
wipe(void *data, std::size_t size) noexcept
{
    if (data != nullptr && size > 0)
        explicit_bzero(data, size);
}

namespace
{

void
wiping_free(void *data) noexcept
{
    if (data == nullptr)
        return;
    wipe(data, malloc_usable_size(data));
    std::free(data);
}

// A realloc that moves would leave the old copy behind, so this one always moves by hand.
void *
wiping_realloc(void *data, std::size_t size) noexcept
{
    if (data == nullptr)
        return std::malloc(size);
    const std::size_t held = malloc_usable_size(data);
    if (size <= held && size > held / 2)
        return data;
    void *moved = std::malloc(size);
    if (moved == nullptr)
        return nullptr;
    std::memcpy(moved, data, held < size ? held : size);
    wiping_free(data);
    return moved;
}

void *
openssl_malloc(std::size_t size, const char *, int)
{
    return std::malloc(size);
}

void *
openssl_realloc(void *data, std::size_t size, const char *, int)
{
    if (size == 0) {
        wiping_free(data);
        return nullptr;
    }
    return wiping_realloc(data, size);
}

void
openssl_free(void *data, const char *, int)
{
    wiping_free(data);
}

void *
new_bytes(std::size_t size)
{
    void *data = std::malloc(size > 0 ? size : 1);
    if (data == nullptr)
        throw std::bad_alloc();
    return data;
}

} // namespace

void
install_wiping_allocators()
{
    // 0x00 as the complement of 0xff: freed memory becomes 0xff, new memory 0x00.
    mallopt(M_PERTURB, 0xff);
    CRYPTO_set_mem_functions(openssl_malloc, openssl_realloc, openssl_free);
    json_set_alloc_funcs(std::malloc, wiping_free);
    if (curl_global_init_mem(CURL_GLOBAL_DEFAULT, std::malloc, wiping_free, wiping_realloc, strdup,
                             std::calloc) != CURLE_OK)
        throw Failure(Failure::Kind::give_up, "libcurl cannot be initialised");
}

} // namespace sidecar

// The whole family that goes through malloc is replaced together; over-aligned ones stay as they
// are, because nothing here holds a secret in over-aligned memory.
void *
operator new(std::size_t size)
{
    return sidecar::new_bytes(size);
}

void *
operator new[](std::size_t size)
{
    return sidecar::new_bytes(size);
}

void
operator delete(void *data) noexcept
{
    sidecar::wiping_free(data);
}

void
operator delete[](void *data) noexcept
{
    sidecar::wiping_free(data);
}

void
operator delete(void *data, std::size_t) noexcept
{
    sidecar::wiping_free(data);
}

void
operator delete[](void *data, std::size_t) noexcept
{
    sidecar::wiping_free(data);
}
