/*
 * Wraps the check hooks of settings. See setting.hpp.
 *
 * A check hook sees every way to a setting: SET, set_config(), SET clauses of functions, ALTER ROLE
 * and ALTER DATABASE, options of the connection. But it is not told which setting it is called for.
 * So each wrapped setting gets a slot, and a hook of its own that knows the slot.
 */
#include "guard/setting.hpp"

#include "base/settings.hpp"
#include "guard/guard.hpp"
#include "guard/hint.hpp"
#include "guard/identity.hpp"

#include <utility>

namespace appinfra::guard
{

static constexpr Rule library = {"setting_library",
                                 "It makes the server load a library, or says from where."};
static constexpr Rule session_start = {"setting_session",
                                       "It takes effect as a session starts, before the guard."};
static constexpr Rule superuser_only = {"setting_superuser", "Only a superuser may change it."};
static constexpr Rule log_level = superuser_only; /* CREATE EXTENSION sets it to warning */
static constexpr Rule role_rule = {"setting_role",
                                   "A tenant's session takes on its own group role only."};
static constexpr Rule parallel = {"setting_parallel",
                                  "It is above appinfra.tenant_parallel_workers."};

static constexpr Rule key_rule = {"setting_session",
                                  "Only a gateway's login has it, from the start of its session."};

/* Settings with a rule of their own. The rest goes by who may change them. */
static constexpr struct {
    const char *name;
    const Rule &rule;
} named_rules[] = {
    {"local_preload_libraries", library},
    {"session_preload_libraries", library},
    {"dynamic_library_path", library},
    {"extension_control_path", library},
    {"log_min_messages", log_level},
    {"role", role_rule},
    {"session_authorization", role_rule},
    {"appinfra.key_id", key_rule},
    {"max_parallel_workers", parallel},
    {"max_parallel_workers_per_gather", parallel},
    {"max_parallel_maintenance_workers", parallel},
};

static const Rule *rule_for(const config_generic *setting);
static bool is_from_outside(GucSource source);
static bool is_permitted(const Rule *rule, bool value);
static bool is_permitted(const Rule *rule, int value);
static bool is_permitted(const Rule *rule, double value);
static bool is_permitted(const Rule *rule, const char *value);
static bool is_others_identity(const Rule *rule);
static bool records_setting(const Rule *rule, const char *name);

/* The wrapped settings of one type. */
template <typename Config, typename Value, size_t limit> struct Wrapped {
    using Check = bool (*)(Value *, void **, GucSource);

    struct Slot {
        const Config *setting;
        const Rule *rule;
        Check next;
    };
    static inline Slot slots[limit];
    static inline size_t used;

    template <size_t slot>
    static bool
    check(Value *value, void **extra, GucSource source)
    {
        const Slot &mine = slots[slot];

        if (is_from_outside(source) && is_active() && !is_permitted(mine.rule, *value) &&
            records_setting(mine.rule, mine.setting->gen.name))
            return false;
        return mine.next == nullptr || mine.next(value, extra, source);
    }

    template <size_t... indexes>
    static constexpr std::array<Check, limit>
    all_checks(std::index_sequence<indexes...>)
    {
        return {check<indexes>...};
    }

    static void
    wrap(config_generic *generic, const Rule *rule)
    {
        static constexpr std::array<Check, limit> checks =
            all_checks(std::make_index_sequence<limit>());
        auto *setting = reinterpret_cast<Config *>(generic);

        if (used == limit)
            elog(FATAL, "too many settings for the guard");
        slots[used] = {.setting = setting, .rule = rule, .next = setting->check_hook};
        setting->check_hook = checks.data()[used++];
    }
};

/* More slots than 15 to 18 have settings of the kind. */
using Bools = Wrapped<config_bool, bool, 96>;
using Ints = Wrapped<config_int, int, 96>;
using Reals = Wrapped<config_real, double, 32>;
using Strings = Wrapped<config_string, char *, 48>;
using Enums = Wrapped<config_enum, int, 48>;

/*
 * Texts that only superusers may read (files, commands, connection strings). SHOW is refused; what
 * current_setting() gives to a superuser's SECURITY DEFINER function that a tenant calls is empty.
 */
struct Secrets {
    static constexpr size_t limit = 64;
    static inline config_string *settings[limit];
    static inline GucShowHook next[limit];
    static inline size_t used;

    template <size_t slot>
    static const char *
    show()
    {
        const char *value = *settings[slot]->variable;

        if (is_active() && settings::guard == settings::guard_enforce)
            return "";
        if (next[slot] != nullptr)
            return next[slot]();
        return value != nullptr ? value : "";
    }

    template <size_t... indexes>
    static constexpr std::array<GucShowHook, limit>
    all_shows(std::index_sequence<indexes...>)
    {
        return {show<indexes>...};
    }

    static void
    wrap(config_string *setting)
    {
        static constexpr std::array<GucShowHook, limit> shows =
            all_shows(std::make_index_sequence<limit>());

        if (used == limit)
            elog(FATAL, "too many settings for the guard");
        settings[used] = setting;
        next[used] = setting->show_hook;
        setting->show_hook = shows.data()[used++];
    }
};

void
define_settings()
{
    for (config_generic *setting : pg::all_settings()) {
        const Rule *rule = rule_for(setting);

        if (setting->vartype == PGC_STRING && (setting->flags & GUC_SUPERUSER_ONLY) != 0)
            Secrets::wrap(reinterpret_cast<config_string *>(setting));
        if (rule == nullptr)
            continue;
        switch (setting->vartype) {
        case PGC_BOOL:
            Bools::wrap(setting, rule);
            break;
        case PGC_INT:
            Ints::wrap(setting, rule);
            break;
        case PGC_REAL:
            Reals::wrap(setting, rule);
            break;
        case PGC_STRING:
            Strings::wrap(setting, rule);
            break;
        case PGC_ENUM:
            Enums::wrap(setting, rule);
            break;
        }
    }
}

void
check_setting_of_superusers(const char *name)
{
    if (name == nullptr || superuser() ||
        pg_parameter_aclcheck(name, GetUserId(), ACL_SET) == ACLCHECK_OK)
        return;
    for (const config_generic *setting : pg::all_settings())
        if (setting->context == PGC_SUSET && pg_strcasecmp(setting->name, name) == 0)
            refuse_always(*rule_for(setting), nullptr, psprintf("setting \"%s\"", setting->name));
}

bool
is_secret_setting(const char *name)
{
    for (const config_string *setting : std::span(Secrets::settings, Secrets::used))
        if (pg_strcasecmp(setting->gen.name, name) == 0)
            return true;
    return false;
}

void
hide_secret_settings(bool hidden)
{
    for (config_string *setting : std::span(Secrets::settings, Secrets::used))
        setting->gen.flags =
            hidden ? setting->gen.flags | GUC_NO_SHOW_ALL : setting->gen.flags & ~GUC_NO_SHOW_ALL;
}

/* Returns the rule for a setting, or null when tenants may change it. */
static const Rule *
rule_for(const config_generic *setting)
{
    for (const auto &[name, rule] : named_rules)
        if (strcmp(name, setting->name) == 0)
            return &rule;
    switch (setting->context) {
    case PGC_BACKEND:
    case PGC_SU_BACKEND:
        return &session_start;
    case PGC_SUSET:
        return &superuser_only;
    default:
        return nullptr;
    }
}

/* Tells whether a value comes from a session rather than from the host's configuration. */
static bool
is_from_outside(GucSource source)
{
    return source == PGC_S_CLIENT || source == PGC_S_TEST || source == PGC_S_INTERACTIVE ||
           source == PGC_S_SESSION;
}

static bool
is_permitted(const Rule *, bool)
{
    return false;
}

static bool
is_permitted(const Rule *rule, int value)
{
    if (rule == &parallel)
        return value <= settings::tenant_parallel_workers;
    return rule == &log_level && value == WARNING;
}

static bool
is_permitted(const Rule *, double)
{
    return false;
}

/*
 * A tenant's session may take on its own login and its group. What is no role is core's to refuse.
 * In other sessions it depends on who asks for the change.
 */
static bool
is_permitted(const Rule *rule, const char *value)
{
    if (rule == &key_rule)
        return true; /* its own check hook asks for a gateway's login */
    if (rule != &role_rule || value == nullptr)
        return value == nullptr;
    if (is_others_identity(rule))
        return false;
    if (!is_tenant_session() && identity::client_changes)
        return true;
    if (strcmp(value, "none") == 0 || !IsTransactionState())
        return true;
    Oid role = get_role_oid(value, true);
    return !OidIsValid(role) || role == GetAuthenticatedUserId() || is_own_group(role);
}

/* Tells whether code asks for what only the client may change in a session that is no tenant's. */
static bool
is_others_identity(const Rule *rule)
{
    return rule == &role_rule && !is_tenant_session() && !identity::may_change();
}

/* Records the refusal; true when it is enforced, with the error prepared. */
static bool
records_setting(const Rule *rule, const char *name)
{
    if (is_others_identity(rule))
        rule = &identity::rule;
    if (!records_refusal(*rule, name))
        return false;
    GUC_check_errcode(ERRCODE_INSUFFICIENT_PRIVILEGE);
    GUC_check_errmsg("permission denied to tenants: setting \"%s\"", name);
    GUC_check_errdetail("Rule \"%s\": %s", rule->name, rule->reason);
    GUC_check_errhint("%s", hint::of(rule->name, name));
    return true;
}

} // namespace appinfra::guard
