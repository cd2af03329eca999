/* Mints and withdraws logins for publications. See kind.hpp. */
#include "delivery/database_kind.hpp"

#include "delivery/environment.hpp"
#include "registry/credential.hpp"
#include "shmem/wakeup.hpp"

namespace appinfra::database_kind
{

bool
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

static void
mint(const kind::Owner &owner, const binding::Binding &binding, int64 credential_id,
     kind::Minted *minted)
{
    credential::Credential login = credential::find_deliverable(binding.id, credential_id);

    secrets::mint(&minted->password);
    if (login.id != 0)
        credential::hand_over(login, minted->password);
    else
        login = credential::create({.db_id = owner.id,
                                    .database = owner.name,
                                    .access = binding.access,
                                    .binding_id = binding.id,
                                    .service_id = binding.service_id,
                                    .host_id = binding.host_id,
                                    .pooled = binding.pooled},
                                   &minted->password);
    minted->credential_id = login.id;
    minted->username = login.username;
}

static void
add_values(const kind::Owner &owner, const binding::Binding &binding, const kind::Minted &minted,
           json::Object *object)
{
    const environment::Login login = {.username = minted.username,
                                      .password = minted.password.text,
                                      .database = owner.name,
                                      .is_service = binding.service_id != nullptr,
                                      .pooled = binding.pooled};

    environment::append(object, binding.variables, &login);
}

static void
mark_delivered(int64 binding_id, int64 credential_id, const Interval *grace,
               const Interval *deadline)
{
    credential::mark_published(credential_id);
    credential::retire_older(binding_id, credential_id, grace, deadline);
    wakeup::wake_at_commit(wakeup::Work::credentials);
}

const kind::Kind kind = {.name = "postgres",
                         .lock_owner = lock_owner,
                         .is_free = nullptr,
                         .mint = mint,
                         .describe = nullptr,
                         .add_values = add_values,
                         .withdraw = credential::withdraw_password,
                         .before_failure = nullptr,
                         .before_retry = nullptr,
                         .mark_delivered = mark_delivered};

} // namespace appinfra::database_kind
