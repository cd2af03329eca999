/*
 * Environments: what stands in a variable.
 *
 * A variable of an app holds a DSN. The six PG* variables of a service user hold the parts of one.
 * Whatever is made of a password here is a secret as well.
 */
#pragma once

#include "base/json.hpp"

namespace appinfra::environment
{

/* A login with its password, as an app or a service is to use it. */
struct Login {
    const char *username;
    const char *password;
    const char *database;
    bool is_service;
    bool pooled; /* it goes through the pooler */
};

/* Returns the DSN of a login. 55000 for one through the pooler where none is set. */
char *dsn(const Login &login);

/* Adds the variables (a text[]) to a JSON object; their values are null without a login. */
void append(json::Object *object, Datum variables, const Login *login);

} // namespace appinfra::environment
