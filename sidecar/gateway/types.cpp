// See types.hpp.
#include "gateway/types.hpp"

#include <algorithm>
#include <cstdlib>
#include <iterator>
#include <string_view>

namespace sidecar::gateway
{
namespace
{

using Form = Type::Form;

constexpr std::size_t max_learned =
    10'000; // of a workspace; who makes more has them looked up anew

struct BuiltIn {
    Oid id;
    Oid array;
    Form form;
};

// From pg_type.dat. Sorted by nothing: the first ones are asked for most.
constexpr BuiltIn built_ins[] = {
    {23, 1007, Form::integer},   {25, 1009, Form::text},     {20, 1016, Form::integer},
    {16, 1000, Form::boolean},   {3802, 3807, Form::json},   {114, 199, Form::json},
    {1184, 1185, Form::instant}, {1700, 1231, Form::number}, {701, 1022, Form::number},
    {2950, 2951, Form::text},    {1043, 1015, Form::text},   {21, 1005, Form::integer},
    {17, 1001, Form::bytes},     {1082, 1182, Form::text},   {1114, 1115, Form::text},
    {700, 1021, Form::number},   {1042, 1014, Form::text},   {19, 1003, Form::text},
    {26, 1028, Form::integer},   {18, 1002, Form::text},     {1083, 1183, Form::text},
    {1266, 1270, Form::text},    {1186, 1187, Form::text},   {869, 1041, Form::text},
    {650, 651, Form::text},      {2205, 2210, Form::text},   {705, 0, Form::text},
    {2278, 0, Form::text},       {2249, 2287, Form::text},   {28, 1011, Form::text},
    {5069, 271, Form::text},
};

Form
form_of(std::string_view name, char kind, Oid element, char category)
{
    if (kind == 'b' && category == 'A' && element != 0)
        return Form::array;
    return kind == 'b' && name == "vector" ? Form::vector : Form::text;
}

} // namespace

const char *const Types::lookup_sql =
    "WITH RECURSIVE wanted(id) AS ("
    " SELECT pg_catalog.unnest($1::pg_catalog.oid[])"
    " UNION"
    " SELECT p.id FROM wanted w JOIN pg_catalog.pg_type t ON t.oid OPERATOR(pg_catalog.=) w.id,"
    "  LATERAL (VALUES (t.typelem), (t.typbasetype)) AS p(id)"
    "  WHERE p.id OPERATOR(pg_catalog.<>) 0::pg_catalog.oid)"
    " SELECT t.oid, t.typname, t.typtype, t.typelem, t.typcategory, t.typbasetype, e.typdelim"
    " FROM wanted w JOIN pg_catalog.pg_type t ON t.oid OPERATOR(pg_catalog.=) w.id"
    " LEFT JOIN pg_catalog.pg_type e ON e.oid OPERATOR(pg_catalog.=) t.typelem"
    " ORDER BY t.typbasetype USING OPERATOR(pg_catalog.<)";

const Type *
Types::find(Oid id) const
{
    static const std::map<Oid, Type> known = [] {
        std::map<Oid, Type> all;
        for (const BuiltIn &type : built_ins) {
            all[type.id] = Type{type.form, 0, ','};
            if (type.array != 0)
                all[type.array] = Type{Form::array, type.id, ','};
        }
        return all;
    }();
    if (const auto found = known.find(id); found != known.end())
        return &found->second;
    const auto found = learned_.find(id);
    return found == learned_.end() ? nullptr : &found->second;
}

bool
Types::knows(Oid id) const
{
    const Type *type = find(id);
    return type != nullptr && (type->element == 0 || find(type->element) != nullptr);
}

void
Types::learn(const PGresult *rows)
{
    if (learned_.size() > max_learned)
        learned_.clear();
    const auto text = [&](int row, int column) {
        return std::string_view(PQgetvalue(rows, row, column));
    };
    const auto id = [&](int row, int column) {
        return static_cast<Oid>(std::strtoul(PQgetvalue(rows, row, column), nullptr, 10));
    };
    std::map<Oid, Oid> domains;
    for (int row = 0; row < PQntuples(rows); row++) {
        const Oid element = id(row, 3);
        const Form form = form_of(text(row, 1), text(row, 2)[0], element, text(row, 4)[0]);
        if (text(row, 2) == "d")
            domains[id(row, 0)] = id(row, 5);
        else
            learned_[id(row, 0)] =
                form == Form::array
                    ? Type{form, element, text(row, 6).empty() ? ',' : text(row, 6)[0]}
                    : Type{form, 0, ','};
    }
    for (const auto &domain : domains) {
        Oid base = domain.second;
        while (domains.contains(base))
            base = domains[base];
        const Type *type = find(base);
        learned_[domain.first] = type != nullptr ? *type : Type();
    }
}

} // namespace sidecar::gateway
