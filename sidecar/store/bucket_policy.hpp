// The policy of a bucket of an app, as Ceph takes it, and the block of public access beside it.
// The policy depends on the bucket's name, its two principals and the platform's user alone: the
// same bytes each time, so that a late request that writes it again changes nothing.
// Its last statement is what makes public ACLs, grants to strangers and public copies harmless. It
// names the platform's user as well, who could not read or replace the policy otherwise.
#pragma once

#include <string>
#include <string_view>

#include "store/wanted_storage.hpp"

namespace sidecar
{

// The policy. Throws a give_up Failure when the storage has no principal of either access.
std::string bucket_policy(const WantedStorage &storage, const std::string &platform_user);

// Whether a policy names the principals of this storage: it was then written for this bucket.
bool names_principals(std::string_view policy, const WantedStorage &storage);

// Whether a policy names principals of ours at all, of whichever bucket.
bool names_any_bucket(std::string_view policy);

// The document that makes the store ignore public ACLs. The other three flags stay off: with them
// on the store refuses the policy, or the app's uploads.
extern const std::string_view public_access_block;

} // namespace sidecar
