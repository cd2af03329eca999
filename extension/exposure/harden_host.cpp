/* Closes databases of the host that are open to everyone, or says how. See apply_hardening.hpp. */
#include "exposure/apply_hardening.hpp"

#include "audit/audit.hpp"
#include "base/identifiers.hpp"
#include "base/query.hpp"
#include "base/scope.hpp"
#include "exposure/rules.hpp"
#include "exposure/sql.hpp"
#include "tenant/readiness.hpp"

namespace appinfra::apply_hardening
{

/* A statement and why. */
struct Step {
    const char *statement;
    const char *reason;
};

static void collect(query::Query &query, int statement, int reason, List **steps);
static void emit(const Step &step, bool applied, ReturnSetInfo *result);

/*
 * Before PUBLIC loses CONNECT on databases that are not ours, each role that is no tenant's and has
 * it by PUBLIC alone gets it directly. $1 is not used.
 */
static query::Query keep_access = {WITH_TENANT_ROLES_AND_DATABASES R"sql(
SELECT format('GRANT %s ON DATABASE %I TO %s', p.list, d.datname,
              string_agg(quote_ident(o.rolname), ', ' ORDER BY o.rolname)),
       format('Roles that are no tenant''s keep what they have in "%s" by PUBLIC.', d.datname),
       $1
  FROM pg_catalog.pg_database d
 CROSS JOIN LATERAL (
       SELECT string_agg(a.privilege_type, ', ' ORDER BY a.privilege_type) AS list
         FROM aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) a
        WHERE a.grantee = 0) p
  JOIN pg_catalog.pg_authid o ON o.rolcanlogin AND NOT o.rolsuper AND o.oid <> d.datdba
   AND o.rolname <> ')sql" POOLER_ROLE R"sql('
   AND o.oid NOT IN (SELECT oid FROM role)
 WHERE d.datallowconn AND p.list IS NOT NULL AND d.oid NOT IN (SELECT oid FROM base)
   AND d.datname NOT IN (current_database(), 'template1')
   AND NOT EXISTS (SELECT FROM aclexplode(d.datacl) a
                    WHERE a.grantee = o.oid AND a.privilege_type = 'CONNECT')
 GROUP BY d.datname, p.list
)sql"};

void
host(bool apply, ReturnSetInfo *result)
{
    if (apply)
        require(readiness::check_transaction());
    with_spi([&](MemoryContext) {
        List *steps = NIL;
        ListCell *cell;

        collect(keep_access, 1, 2, &steps);
        for (std::span<exposure::Rule> rules : {exposure::database_rules(), exposure::role_rules()})
            for (exposure::Rule &rule : rules)
                if (rule.appliable)
                    collect(rule.query, 7, 6, &steps);
        foreach (cell, steps) {
            const Step &step = *static_cast<Step *>(lfirst(cell));

            if (apply)
                query::execute(step.statement);
            emit(step, apply, result);
        }
        if (apply)
            audit::record("harden_host", nullptr, nullptr,
                          audit::detail({{"statements", psprintf("%d", list_length(steps))}}));
    });
}

/* Appends a step for each row of the query, from two of its columns. */
static void
collect(query::Query &query, int statement, int reason, List **steps)
{
    query::Rows rows = query::run(query, {query::text(nullptr)});

    for (uint64 i = 0; i < rows.count; i++) {
        auto *step = static_cast<Step *>(palloc(sizeof(Step)));

        *step = {.statement = rows.text(i, statement), .reason = rows.text(i, reason)};
        *steps = lappend(*steps, step);
    }
}

static void
emit(const Step &step, bool applied, ReturnSetInfo *result)
{
    const Datum values[] = {CStringGetTextDatum(step.statement), CStringGetTextDatum(step.reason),
                            BoolGetDatum(applied)};
    const bool nulls[] = {false, false, false};

    tuplestore_putvalues(result->setResult, result->setDesc, const_cast<Datum *>(values),
                         const_cast<bool *>(nulls));
}

} // namespace appinfra::apply_hardening
