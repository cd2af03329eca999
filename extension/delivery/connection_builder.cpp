/* Makes credentials for callers. See handout.hpp. */
#include "delivery/connection_builder.hpp"

#include "base/scope.hpp"
#include "delivery/environment.hpp"
#include "delivery/publication.hpp"
#include "shmem/wakeup.hpp"

namespace appinfra::handout
{

static void show(Handout *handout, const environment::Login &login, Datum variables);

Handout
begin(MemoryContext caller, const char *db_id, const char *database, bool publish)
{
    Handout handout = {.caller = caller, .publish = publish, .connection = {}, .env = {}};

    in_context(caller, [&] {
        handout.connection.db_id = pstrdup(db_id);
        handout.connection.database = pstrdup(database);
        handout.connection.status = "ready";
        json::begin(&handout.env);
    });
    return handout;
}

credential::Credential
add(Handout *handout, const credential::Purpose &purpose, Datum variables, const Interval *grace,
    const Interval *deadline)
{
    secrets::Password password = {};
    credential::Credential made;

    if (handout->publish) {
        made = credential::create(purpose, nullptr);
        publication::enqueue(purpose.binding_id, made.id, grace, deadline);
    } else {
        ForceSyncCommit(); /* a password must not be out while its verifier can still be lost */
        secrets::mint(&password);
        made = credential::create(purpose, &password);
        shared::wake_at_commit(shared::work_credentials); /* its first login is to be seen */
    }
    in_context(handout->caller, [&] {
        show(handout,
             {.username = made.username,
              .password = handout->publish ? nullptr : password.text,
              .database = purpose.database,
              .is_service = purpose.service_id != nullptr},
             variables);
    });
    secrets::wipe(&password);
    return made;
}

void
mention(Handout *handout, const char *username, Datum variables)
{
    in_context(handout->caller, [&] {
        show(handout,
             {.username = username, .password = nullptr, .database = nullptr, .is_service = false},
             variables);
    });
}

Connection
end(Handout *handout)
{
    in_context(handout->caller, [&] { handout->connection.env = json::end(&handout->env); });
    return handout->connection;
}

Datum
one_variable(const char *name)
{
    Datum element = CStringGetTextDatum(name);

    return PointerGetDatum(construct_array(&element, 1, TEXTOID, -1, false, TYPALIGN_INT));
}

/* Puts a login into the connection, in the current memory context. */
static void
show(Handout *handout, const environment::Login &login, Datum variables)
{
    Connection *connection = &handout->connection;
    bool secret = login.password != nullptr;

    environment::append(&handout->env, variables, secret ? &login : nullptr);
    if (connection->username != nullptr)
        return;
    connection->username = pstrdup(login.username);
    connection->password = secret ? pstrdup(login.password) : nullptr;
    connection->url = secret ? environment::dsn(login) : nullptr;
}

} // namespace appinfra::handout
