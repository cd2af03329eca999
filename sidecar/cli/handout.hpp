// What several verbs show alike: an answer that may hand out a secret, and a list of credentials.
#pragma once

#include "cli/session.hpp"

namespace sidecar::cli::verbs
{

// Shows a database's answer: with --json as it came; else what it is about, to standard error, and
// each variable with its DSN, to standard output, where it hands them out.
void show_handed_out(const Session &session, const Json &answer);

// Issues a credential as --access and --valid-for say; the answer has its password.
Json issued_credential(const Session &session, const std::string &db_id);

// Shows a document with the list "credentials".
void show_credentials(const Session &session, const Json &document);

} // namespace sidecar::cli::verbs
