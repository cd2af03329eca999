/* Mints and withdraws keys for publications. See key_kind.hpp. */
#include "gateway/key_kind.hpp"

#include "base/settings.hpp"
#include "delivery/database_kind.hpp"
#include "registry/published_key.hpp"

namespace appinfra::key_kind
{

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
                         .lock_owner = database_kind::lock_owner,
                         .is_free = nullptr,
                         .mint = mint,
                         .describe = nullptr,
                         .add_values = add_values,
                         .withdraw = published_key::withdraw,
                         .before_failure = nullptr,
                         .before_retry = nullptr,
                         .mark_delivered = mark_delivered};

} // namespace appinfra::key_kind
