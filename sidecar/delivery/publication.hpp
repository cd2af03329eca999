// A claimed publication: what is to be delivered where, under which claim. It holds the only copy
// of the secret; when it dies, the secret is gone.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/secret.hpp"
#include "base/variable.hpp"
#include "delivery/lease.hpp"

namespace sidecar
{

struct Publication {
    std::string host_id;
    std::int64_t id = 0;
    std::string claim;
    std::string target;
    std::string ref; // what the variables belong to: a db_id
    std::string app_id;
    std::string producer;
    std::int64_t version = 0;
    int attempt = 0;
    std::vector<Variable> set;
    std::vector<std::string> unset;
    std::string defect;  // why it cannot be delivered at all; empty when it can
    std::string storage; // of a bucket: what the store is to look like, as JSON; empty: no bucket's
    bool keyed = false;  // of a bucket: the key was made, and set has its secret
    std::shared_ptr<const Lease> lease{}; // of the claim; null: nobody has said

    // "DATABASE_URL,-OLD_URL": the names for a log line, unset ones with a minus.
    std::string variable_names() const;
};

// Reads the variables of a "set" document, a JSON object of strings. Throws a give_up Failure that
// quotes nothing of it when it is something else.
std::vector<Variable> read_set(std::string_view document);

// The request body of the producer API.
Secret request_body(const Publication &publication);

} // namespace sidecar
