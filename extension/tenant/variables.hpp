/*
 * Variables of a database that is there already: binding more of them.
 *
 * They stand in the app's own environment, in that of one of its containers, or in another app of
 * the same owner. Each has a login of its own.
 */
#pragma once

#include "delivery/connection_builder.hpp"
#include "tenant/wanted.hpp"

namespace appinfra::variables
{

/* The arguments of bind_variables() and bind_app(), none of them checked yet but for NULL. */
struct Request {
    const char *db_id;
    wanted::Environment environment;
    const Jsonb *env;
    bool publish;
};

/*
 * Gives the environment these variables of the database. One that has the same access already stays
 * as it is; one of another access is rotated to the one asked for. An app that is named is
 * registered where it is new, and must be the owner's. The result lives in the caller's memory
 * context.
 */
connection_builder::Connection bind(const Request &request);

} // namespace appinfra::variables
