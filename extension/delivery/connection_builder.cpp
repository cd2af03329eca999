/* Makes credentials for callers. See connection_builder.hpp. */
#include "delivery/connection_builder.hpp"

#include "base/scope.hpp"
#include "base/settings.hpp"
#include "delivery/environment.hpp"
#include "registry/publication.hpp"
#include "shmem/wakeup.hpp"

namespace appinfra::connection_builder
{

static void show(Builder *builder, const environment::Login &login, Datum variables);

Builder
begin(MemoryContext caller, const char *db_id, const char *database, bool publish)
{
    Builder builder = {.caller = caller, .publish = publish, .connection = {}, .env = {}};

    in_context(caller, [&] {
        builder.connection.db_id = pstrdup(db_id);
        builder.connection.database = pstrdup(database);
        builder.connection.status = "ready";
        json::begin(&builder.env);
    });
    return builder;
}

credential::Credential
add(Builder *builder, const credential::Purpose &purpose, Datum variables, const Interval *grace,
    const Interval *deadline)
{
    secrets::Password password = {};
    credential::Credential made;

    if (purpose.pooled)
        require(settings::check_pooler());
    if (builder->publish) {
        made = credential::create(purpose, nullptr);
        publication::enqueue(purpose.binding_id, made.id, grace, deadline);
    } else {
        ForceSyncCommit(); /* a password must not be out while its verifier can still be lost */
        secrets::mint(&password);
        made = credential::create(purpose, &password);
        wakeup::wake_at_commit(wakeup::Work::credentials); /* its first login is to be seen */
    }
    in_context(builder->caller, [&] {
        show(builder,
             {.username = made.username,
              .password = builder->publish ? nullptr : password.text,
              .database = purpose.database,
              .is_service = purpose.service_id != nullptr,
              .pooled = purpose.pooled},
             variables);
    });
    secrets::wipe(&password);
    return made;
}

void
add_binding(Builder *builder, const binding::Place &place, const char *access, Datum shown)
{
    const Connection &connection = builder->connection;
    int64 id = binding::create(place, connection.db_id, access);

    add(builder,
        {.db_id = connection.db_id,
         .database = connection.database,
         .access = access,
         .binding_id = id,
         .service_id = place.service_id,
         .host_id = place.host_id,
         .pooled = place.pooled},
        shown != 0 ? shown : place.variables);
}

void
add_existing(Builder *builder, const char *username, const binding::Binding &binding)
{
    in_context(builder->caller, [&] {
        show(builder,
             {.username = username,
              .password = nullptr,
              .database = nullptr,
              .is_service = false,
              .pooled = binding.pooled},
             binding.variables);
    });
}

Connection
end(Builder *builder)
{
    in_context(builder->caller, [&] { builder->connection.env = json::end(&builder->env); });
    return builder->connection;
}

/* Puts a login into the connection, in the current memory context. */
static void
show(Builder *builder, const environment::Login &login, Datum variables)
{
    Connection *connection = &builder->connection;
    bool secret = login.password != nullptr;

    environment::append(&builder->env, variables, secret ? &login : nullptr);
    if (connection->username != nullptr)
        return;
    connection->pooled = login.pooled;
    connection->username = login.username ? pstrdup(login.username) : nullptr;
    connection->password = secret ? pstrdup(login.password) : nullptr;
    connection->url = secret ? environment::dsn(login) : nullptr;
}

} // namespace appinfra::connection_builder
