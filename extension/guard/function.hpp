/* The guard's judgement of functions: by source, language and library. */
#pragma once

#include "guard/guard.hpp"

namespace appinfra::guard
{

/* What was found about a function. */
struct Verdict {
    Oid function;        /* key */
    bool denied;         /* to tenants, by the rule */
    bool shows_activity; /* of other sessions, to whoever may read all statistics */
    bool runs_text;      /* as SQL, with the rights of whoever calls it */
    Rule rule;
};

/* Returns what is known of the function, finding it out if need be. */
const Verdict *verdict_on(Oid function);

/*
 * Returns the rule by which no such function is called by what others come by: in what is stored,
 * under an aggregate or an operator. Null: it may be.
 */
const Rule *rule_for_others(const Verdict *found);

/* Tells whether no tenant may execute the function. */
bool is_denied_function(Oid function);

/* Tells whether functions of the language can do what the server can (`lanpltrusted`). */
bool is_untrusted_language(Oid language);

/* Tells whether that is what CREATE TYPE … AS RANGE makes the functions of the new type from. */
bool is_range_constructor(const char *source);

/* Tells whether the script of an extension that tenants may create is being run. */
bool is_in_allowed_extension();

/* Returns the name of that extension, or null. */
const char *extension_at_work();

/* Tells whether the library is that of the extension whose script is being run. */
bool is_own_module(const char *library);

/* Returns what the extension's control file says of the item, or null. */
const char *control_item(const char *extension, const char *item);

/* The rule for functions that show what other sessions run, and for those that run text. */
extern const Rule activity_rule;
extern const Rule text_rule;

} // namespace appinfra::guard
