/* Mints, rotates and revokes keys. See keys.hpp. */
#include "gateway/keys.hpp"

#include "audit/audit.hpp"
#include "base/lock.hpp"
#include "base/query.hpp"
#include "base/scope.hpp"
#include "base/secrets.hpp"
#include "base/settings.hpp"
#include "gateway/key_caller.hpp"
#include "registry/publication.hpp"
#include "registry/tenant.hpp"

namespace appinfra::keys
{

/* For whom a key is made, beside what is wanted of it. Null pointers: none. */
struct Origin {
    const char *created_by;
    const char *line = nullptr;
    const char *replaces = nullptr;
    const char *caller_line = nullptr;
    const char *idempotency_key = nullptr;
};

static Minted make(const tenant::Tenant &tenant, const Wanted &wanted, const Origin &origin);
static Minted succeed(const key::Key &key, const Interval *overlap, const char *created_by);
static void require_no_successor(const key::Key &key, bool replace_unused);
static void revoke_unused(const char *key_id, const Refusal *if_used);
static void take_away(const key::Key &key, const char *reason);

Minted
mint(const Wanted &wanted)
{
    Minted minted = {};

    require(check(wanted));
    with_spi([&](MemoryContext caller) {
        tenant::Tenant tenant = tenant::lock_ready(tenant::find_workspace(wanted.workspace));

        in_context(caller, [&] { minted = make(tenant, wanted, {.created_by = person()}); });
    });
    return minted;
}

Minted
mint_for(const char *caller_id, const Wanted &asked, const char *idempotency_key)
{
    Minted minted = {};

    with_spi([&](MemoryContext memory) {
        const key::Key caller = require_caller(caller_id);
        Wanted wanted = asked;

        require(check_dbadmin(caller));
        if (wanted.env == nullptr)
            wanted.env = caller.env;
        require(check(wanted));
        tenant::Tenant tenant = tenant::lock_ready(caller.db_id);
        if (idempotency_key != nullptr)
            if (const char *made = key::made_by(caller.line, idempotency_key))
                revoke_unused(made, refuse(ERRCODE_DUPLICATE_OBJECT,
                                           "the idempotency key has made a key that is in use",
                                           psprintf("That is key \"%s\".", made),
                                           "Use a new idempotency key for another key."));
        in_context(memory, [&] {
            minted = make(tenant, wanted,
                          {.created_by = psprintf("key:%s", caller.key_id),
                           .caller_line = caller.line,
                           .idempotency_key = idempotency_key});
        });
    });
    return minted;
}

Minted
rotate(const char *key_id, const Interval *overlap)
{
    Minted minted = {};

    require(check_overlap(overlap));
    with_spi([&](MemoryContext caller) {
        const key::Key *known = key::look(key_id);

        if (known == nullptr)
            key::raise_unknown(key_id);
        (void)tenant::lock_ready(known->db_id);
        const key::Key key = key::lock(key_id);
        if (!key.is_active)
            raise(refuse(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                         psprintf("key \"%s\" is not active", key.key_id),
                         "It has expired, or is revoked.", "appinfra.mint_key() makes another."));
        require_no_successor(key, false);
        in_context(caller, [&] { minted = succeed(key, overlap, person()); });
    });
    return minted;
}

Minted
rotate_for(const char *caller, const Interval *overlap)
{
    Minted minted = {};

    require(check_overlap(overlap));
    with_spi([&](MemoryContext memory) {
        (void)tenant::lock_ready(require_caller(caller).db_id);
        const key::Key key = key::lock(caller);

        require_no_successor(key, true);
        in_context(memory, [&] { minted = succeed(key, overlap, psprintf("key:%s", key.key_id)); });
    });
    return minted;
}

void
revoke(const char *key_id, const char *reason)
{
    with_spi([&](MemoryContext) {
        const key::Key *key = key::look(key_id);

        if (key == nullptr)
            key::raise_unknown(key_id);
        take_away(*key, reason);
    });
}

void
revoke_for(const char *caller_id, const char *key_id, const char *reason)
{
    with_spi([&](MemoryContext) {
        const key::Key caller = require_caller(caller_id);
        const key::Key *key = key::look(key_id);

        if (key == nullptr || strcmp(key->db_id, caller.db_id) != 0)
            key::raise_unknown(key_id);
        if (strcmp(key->key_id, caller.key_id) != 0)
            require(check_dbadmin(caller));
        take_away(*key, reason);
    });
}

const char *
workspace_of(const char *caller_id)
{
    const char *db_id = nullptr;

    with_spi([&](MemoryContext memory) {
        const key::Key caller = require_caller(caller_id);

        require(check_dbadmin(caller));
        in_context(memory, [&] { db_id = pstrdup(caller.db_id); });
    });
    return db_id;
}

void
require_room(const char *db_id)
{
    if (key::count_active(db_id) < settings::key_limit)
        return;
    raise(refuse(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED,
                 psprintf("database \"%s\" has too many keys", db_id),
                 psprintf("appinfra.key_limit is %d.", settings::key_limit),
                 "appinfra.revoke_key() takes those away that nobody needs."));
}

/* Makes a key of the locked tenant, unless it has as many as it may have. */
static Minted
make(const tenant::Tenant &tenant, const Wanted &wanted, const Origin &origin)
{
    char *key_id = static_cast<char *>(palloc(key::id_length + 1));
    char secret[key::secret_length + 1];

    require_room(tenant.db_id);
    ForceSyncCommit(); /* a key must not be out while its row can still be lost */
    secrets::mint_text(key_id, key::id_length);
    secrets::mint_text(secret, key::secret_length);
    const char *line = origin.line != nullptr ? origin.line : key_id;
    std::optional<TimestampTz> expires_at = key::add({.key_id = key_id,
                                                      .db_id = tenant.db_id,
                                                      .role = wanted.role,
                                                      .env = wanted.env,
                                                      .name = wanted.name,
                                                      .digest = secrets::sha256(secret),
                                                      .line = line,
                                                      .replaces = origin.replaces,
                                                      .created_by = origin.created_by,
                                                      .valid_for = wanted.valid_for,
                                                      .caller_line = origin.caller_line,
                                                      .idempotency_key = origin.idempotency_key});
    const char *token = key::text_of(wanted.env, key_id, secret);
    explicit_bzero(secret, sizeof(secret));
    const Jsonb *detail = audit::detail({{"role", wanted.role},
                                         {"env", wanted.env},
                                         {"name", wanted.name},
                                         {"replaces", origin.replaces},
                                         {"created_by", origin.created_by}});
    if (origin.replaces == nullptr)
        audit::record("mint_key", tenant.db_id, key_id, detail);
    else
        audit::record("rotate_key", tenant.db_id, key_id, detail);
    return {.key_id = key_id, .token = token, .expires_at = expires_at};
}

/* Makes the successor of the locked key. */
static Minted
succeed(const key::Key &key, const Interval *overlap, const char *created_by)
{
    key::expire_after(key.key_id, overlap);
    return make(tenant::lock_ready(key.db_id),
                {.workspace = key.db_id,
                 .role = key.role,
                 .name = key.name,
                 .env = key.env,
                 .valid_for = key.valid_for},
                {.created_by = created_by,
                 .line = key.line,
                 .replaces = key.key_id,
                 .caller_line = nullptr,
                 .idempotency_key = nullptr});
}

/* Refuses for a key that has a successor. One that was never used may be replaced. */
static void
require_no_successor(const key::Key &key, bool replace_unused)
{
    const char *successor = key::successor_of(key.key_id);

    if (successor == nullptr)
        return;
    const Refusal *refusal = refuse(
        ERRCODE_DUPLICATE_OBJECT, psprintf("key \"%s\" is rotated already", key.key_id),
        psprintf("Its successor is key \"%s\".", successor), "Rotate the successor, or revoke it.");
    if (!replace_unused)
        raise(refusal);
    revoke_unused(successor, refusal);
}

/* Revokes a key that was never used; raises the refusal for one that was. */
static void
revoke_unused(const char *key_id, const Refusal *if_used)
{
    lock::hold(lock::Kind::api_key, key_id);
    const key::Key key = key::lock(key_id);

    if (key.is_used)
        raise(if_used);
    take_away(key, "never used, made again");
}

/* Revokes a key. Calls that have been finished before have let go of the lock when it is taken. */
static void
take_away(const key::Key &key, const char *reason)
{
    lock::hold(lock::Kind::api_key, key.key_id);
    publication::cancel_of_key(key.key_id); /* before the key's row, as who acknowledges */
    if (!key::mark_revoked(key.key_id, reason))
        return;
    ForceSyncCommit(); /* whatever the caller's synchronous_commit is */
    audit::record("revoke_key", key.db_id, key.key_id, audit::detail({{"reason", reason}}));
}

const char *
person()
{
    return settings::end_user[0] != '\0' ? settings::end_user
                                         : GetUserNameFromId(GetAuthenticatedUserId(), false);
}

} // namespace appinfra::keys
