// What the gateway knows of PostgreSQL's types: how a value of each looks in JSON. The common ones
// are known beforehand, the others are looked up in pg_catalog once and kept.
#pragma once

#include <map>
#include <optional>

#include <libpq-fe.h>

#include "postgres/libpq.hpp"

namespace sidecar::gateway
{

struct Type {
    // How the text of a value is to be read.
    enum class Form { text, integer, number, boolean, json, bytes, instant, vector, array };

    Form form = Form::text;
    Oid element = 0;      // of an array
    char delimiter = ','; // between the elements of an array
};

class Types
{
public:
    // The type with this id; null when it has to be looked up.
    const Type *find(Oid id) const;

    // Says that of these types everything is known, with their elements.
    bool knows(Oid id) const;

    // Takes the rows that lookup_sql gave.
    void learn(const PGresult *rows);

    // Asks for the types in $1 (oid[]), and those that they are made of.
    static const char *const lookup_sql;

private:
    std::map<Oid, Type> learned_;
};

} // namespace sidecar::gateway
