// Memory that held a secret is overwritten when it is given back. This covers every copy on the
// heap, also those the libraries make: C++ through the replaced operator delete, libcurl, OpenSSL
// and jansson through their allocator hooks, libpq's larger buffers through M_PERTURB.
// What is left is libpq's input buffer, which holds the last rows until others come: pg_queue and
// pg_database have them overwritten at once (filler_sql).
#pragma once

#include <cstddef>

namespace sidecar
{

// Overwrites size bytes in a way the compiler may not drop.
void wipe(void *data, std::size_t size) noexcept;

// Makes the libraries wipe what they free. Call once, before any of them is used.
void install_wiping_allocators();

} // namespace sidecar
