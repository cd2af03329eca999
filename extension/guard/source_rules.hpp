/*
 * Source rules: which functions no tenant may execute, by the name of their C source.
 *
 * By source, not by OID or name: an alias made with LANGUAGE internal has another OID and any name.
 * Used twice: the guard refuses them at execution, and hardening takes EXECUTE from PUBLIC. A name
 * that a major lacks does no harm.
 */
#pragma once

#include "base/pg.hpp"

namespace appinfra::guard
{

struct SourceRule {
    const char *rule;                     /* the rule's name, as refusals and audit carry it */
    const char *reason;                   /* a sentence: why a tenant is refused */
    std::span<const char *const> sources; /* values of pg_proc.prosrc */
};

/* All source rules. */
std::span<const SourceRule> source_rules();

/* Returns the rule that denies functions of this source, or null. */
const SourceRule *rule_of_source(const char *source);

/* Functions that show queries of others to whoever may read all statistics. */
std::span<const char *const> activity_sources();
bool is_activity_source(const char *source);

/* Functions that run what they are given as SQL, with the rights of whoever calls them. */
std::span<const char *const> text_sources();
bool is_text_source(const char *source);

constexpr size_t stored_sources_limit = 60; /* more than there are of both kinds */

} // namespace appinfra::guard
