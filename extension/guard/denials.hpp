/*
 * Denials: what in a utility statement makes a rule apply.
 *
 * Each looks at one kind of statement and returns true when the guard's rule is broken. None
 * changes anything; names that do not resolve are left to core, which reports them.
 */
#pragma once

#include "base/pg.hpp"

namespace appinfra::guard::denials
{

bool copies_file(const Node *statement);
bool copies_program(const Node *statement);
bool makes_untrusted_function(const Node *statement);
bool makes_privileged_function(const Node *statement);
bool runs_untrusted_language(const Node *statement);
bool makes_other_extension(const Node *statement);
bool changes_other_extension(const Node *statement);
bool makes_base_type(const Node *statement);
bool makes_internal_aggregate(const Node *statement);
bool makes_text_search_code(const Node *statement);
bool casts_system_types(const Node *statement);
bool truncates_foreign_table(const Node *statement);
bool publishes_everything(const Node *statement);
bool prepares_transaction(const Node *statement);
bool is_about_host_object(const Node *statement);
bool grants_on_host_object(const Node *statement);
bool grants_on_system_object(const Node *statement);
bool changes_system_relation(const Node *statement);
bool reads_secret_setting(const Node *statement);
bool locks_catalog(const Node *statement);
bool reindexes_system(const Node *statement);
bool triggers_denied_function(const Node *statement);

/* Of roles: naming one that is no group of the tenant. */
bool grants_to_outsider(const Node *statement);
bool defaults_for_outsider(const Node *statement);
bool names_outsider_in_policy(const Node *statement);
bool gives_to_outsider(const Node *statement);

} // namespace appinfra::guard::denials
