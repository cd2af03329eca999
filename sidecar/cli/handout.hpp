// What several verbs show alike: an answer that may hand out a secret, and a list of credentials.
#pragma once

#include "cli/session.hpp"

namespace sidecar::cli::verbs
{

// Shows a database's answer: with --json as it came; else what it is about, to standard error, and
// each variable with its DSN, to standard output, where it hands them out.
void show_handed_out(const Session &session, const Json &answer);

// Calls a method of a database whose answer may hand out a secret, shows that, and waits for the
// delivery; with --no-publish there is none. Returns the exit code.
int hand_over(const Session &session, const std::string &db_id, const char *method,
              const std::string &path, const Json &body);

// Says what was deleted, and until when it can be restored.
void show_deleted(const Session &session, const Json &deleted, const std::string &id);

// Issues a credential as --access and --valid-for say; the answer has its password.
Json issued_credential(const Session &session, const std::string &db_id);

// Shows a document with the list "credentials".
void show_credentials(const Session &session, const Json &document);

} // namespace sidecar::cli::verbs
