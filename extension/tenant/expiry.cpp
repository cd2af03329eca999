/* Follows the ends that tenants were given. See expiry.hpp. */
#include "tenant/expiry.hpp"

#include "audit/audit.hpp"
#include "base/query.hpp"
#include "base/scope.hpp"
#include "base/settings.hpp"
#include "tenant/retention.hpp"

namespace appinfra::expiry
{

/* What is to be done about a tenant: to be told for the first or second time, or taken away. */
struct Step {
    const char *db_id;
    int warned; /* which warning this is */
    bool over;
};

constexpr int batch = 20;

static void take(const Step &step);
static void deprovision(const char *db_id);

/* One that fails, because somebody holds the tenant's row just now, is tried again later. */
bool
follow()
{
    static query::Query due = {
        "SELECT t.db_id, w.warned, t.expires_at <= clock_timestamp() FROM appinfra.tenant t"
        " CROSS JOIN LATERAL (SELECT CASE"
        "         WHEN t.expires_at <= clock_timestamp() + interval '1 hour' THEN 2"
        "         WHEN t.expires_at <= clock_timestamp() + interval '24 hours' THEN 1"
        "         ELSE 0 END AS warned) w"
        " WHERE t.expires_at IS NOT NULL AND t.status IN ('ready', 'revoked')"
        "   AND (w.warned > t.expiry_warned OR t.expires_at <= clock_timestamp())"
        " ORDER BY t.expires_at LIMIT $1"};
    bool failed = false;
    uint64 count = 0;

    in_transaction([&](MemoryContext) {
        query::Rows rows = query::run(due, {query::int4(batch)});
        std::span<Step> steps = query::collect<Step>(rows, [&](uint64 i) {
            return Step{
                .db_id = rows.text(i, 1), .warned = rows.int4(i, 2), .over = rows.boolean(i, 3)};
        });

        count = steps.size();
        for (const Step &step : steps)
            failed |= attempt_part([&] { take(step); }) != nullptr;
    });
    return count == batch && !failed;
}

static void
take(const Step &step)
{
    const char *expires_at = tenant::warn_of_expiry(step.db_id, step.warned);
    const Jsonb *detail = audit::detail({{"expires_at", expires_at}});

    if (step.over) {
        audit::record("expire_tenant", step.db_id, nullptr, detail);
        deprovision(step.db_id);
    } else
        audit::record("warn_expiry", step.db_id, nullptr, detail);
}

/* Keeps the tenant for as long as the host says. */
static void
deprovision(const char *db_id)
{
    const Interval retain = {
        .time = static_cast<TimeOffset>(settings::retention) * USECS_PER_SEC, .day = 0, .month = 0};

    retention::deprovision(db_id, &retain);
}

} // namespace appinfra::expiry
