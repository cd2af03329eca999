/* Mints and withdraws keys for publications. See key_kind.hpp. */
#include "gateway/key_kind.hpp"

#include "base/settings.hpp"
#include "registry/published_key.hpp"
#include "registry/tenant.hpp"

namespace appinfra::key_kind
{

/* Locks the workspace. */
static bool
lock_owner(const binding::Binding &binding, kind::Wait wait, kind::Owner *owner)
{
    static query::Query lock = {"SELECT database::text, status FROM appinfra.tenant"
                                " WHERE db_id = $1 FOR NO KEY UPDATE"};
    static query::Query try_lock = {"SELECT database::text, status FROM appinfra.tenant"
                                    " WHERE db_id = $1 FOR NO KEY UPDATE SKIP LOCKED"};
    query::Rows rows =
        query::run(wait == kind::Wait::yes ? lock : try_lock, {query::text(binding.owner_id)});

    if (rows.count == 0)
        return false;
    bool ready = states::parse<tenant::Status>(rows.text(0, 2)) == tenant::Status::ready;
    *owner = {.id = binding.owner_id, .name = rows.text(0, 1), .ready = ready, .retriable = ready};
    return true;
}

static bool
is_ready(const kind::Owner &owner)
{
    return owner.ready;
}

/* The secret stands in the place of a password, which is longer. */
static void
mint(const kind::Owner &, const binding::Binding &binding, int64 number, kind::Minted *minted)
{
    static_assert(key::secret_length <= secrets::password_length);
    secrets::mint_text(minted->password.text, key::secret_length);
    const published_key::Key key =
        published_key::hand_over(binding, number, secrets::sha256(minted->password.text));

    minted->credential_id = key.number;
    minted->username = key.key_id;
}

static void
add_values(const kind::Owner &, const binding::Binding &, const kind::Minted &minted,
           json::Object *object)
{
    json::add(object, published_key::url_variable, settings::gateway_url);
    json::add(object, published_key::key_variable,
              key::text_of(published_key::env, minted.username, minted.password.text));
}

static void
mark_delivered(int64 binding_id, int64 number, const Interval *, const Interval *deadline)
{
    published_key::mark_delivered(binding_id, number, deadline);
}

const kind::Kind kind = {.name = "key",
                         .lock_owner = lock_owner,
                         .is_free = nullptr,
                         .is_ready = is_ready,
                         .mint = mint,
                         .describe = nullptr,
                         .add_values = add_values,
                         .withdraw = published_key::withdraw,
                         .before_failure = nullptr,
                         .before_retry = nullptr,
                         .mark_delivered = mark_delivered};

} // namespace appinfra::key_kind
