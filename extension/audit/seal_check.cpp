/* Checks the audit log against its seals. The other half of seals.hpp. */
#include "audit/seals.hpp"

#include "base/query.hpp"

namespace appinfra::seals
{

static void find_bad_batch(Verdict *verdict);
static void find_bad_row(Verdict *verdict);

Verdict
verify()
{
    static query::Query counts = {
        "SELECT coalesce((SELECT sum(rows) FROM appinfra.audit_seal), 0)::bigint,"
        "       (SELECT count(*) FROM appinfra.audit_log"
        "         WHERE id > coalesce((SELECT max(last_id) FROM appinfra.audit_seal), 0))"};
    Verdict verdict = {.ok = true, .sealed = 0, .unsealed = 0, .first_bad = 0, .detail = nullptr};

    find_bad_batch(&verdict);
    if (verdict.ok)
        find_bad_row(&verdict);
    query::Rows rows = query::run(counts);
    verdict.sealed = rows.int8(0, 1);
    verdict.unsealed = rows.int8(0, 2);
    return verdict;
}

/*
 * Looks for the first seal that does not fit its rows, or the seals around it. `before` is the last
 * row of the seal that comes before it by its rows, f the numbers that a seal follows.
 */
static void
find_bad_batch(Verdict *verdict)
{
    static query::Query select = {
        "SELECT s.number, s.after_id, p.problem, (SELECT count(*) FROM appinfra.audit_log a"
        "         WHERE a.id > s.after_id AND a.id <= s.last_id), s.rows,"
        "       coalesce((SELECT min(id) FROM appinfra.audit_log WHERE id > s.after_id),"
        "                s.last_id)"
        "  FROM (SELECT *, lag(last_id) OVER (ORDER BY last_id, number) AS before,"
        "               max(number) OVER () AS newest FROM appinfra.audit_seal) s"
        "  LEFT JOIN (SELECT DISTINCT unnest(previous) AS number FROM appinfra.audit_seal) f"
        "    USING (number)"
        " CROSS JOIN LATERAL (SELECT CASE"
        "       WHEN s.before > s.after_id THEN 'takes in rows of another seal'"
        "       WHEN EXISTS (SELECT FROM unnest(s.previous) n WHERE NOT EXISTS ("
        "            SELECT FROM appinfra.audit_seal e WHERE e.number = n))"
        "         THEN 'follows a seal that is gone'"
        "       WHEN f.number IS NULL AND s.number < s.newest"
        "         THEN 'is followed by none, though it is not the newest'"
        /* all its rows were removed, and the log says that retention did it: nothing to compare */
        "       WHEN s.rows > 0 AND s.last_id <= (SELECT max((detail->>'through')::bigint)"
        "            FROM appinfra.audit_log WHERE action = 'remove_audit' AND outcome = 'done')"
        "        AND NOT EXISTS (SELECT FROM appinfra.audit_log a"
        "                         WHERE a.id > s.after_id AND a.id <= s.last_id) THEN NULL"
        "       WHEN s.hash <> appinfra.audit_hash(s.number, s.previous, s.after_id, s.last_id,"
        "            s.rows, s.sealed_at) THEN 'does not fit its rows'"
        "       END) p (problem)"
        " WHERE p.problem IS NOT NULL ORDER BY s.number LIMIT 1"};

    query::Rows bad = query::run(select);
    if (bad.count == 0)
        return;
    verdict->ok = false;
    verdict->first_bad = bad.int8(0, 6);
    verdict->detail =
        psprintf("Seal " INT64_FORMAT " %s: it was made of " INT64_FORMAT
                 " rows after id " INT64_FORMAT ", and " INT64_FORMAT " are there.",
                 bad.int8(0, 1), bad.text(0, 3), bad.int8(0, 5), bad.int8(0, 2), bad.int8(0, 4));
}

/* Looks for a row below the newest that no seal has taken in. */
static void
find_bad_row(Verdict *verdict)
{
    static query::Query select = {
        "SELECT min(a.id) FROM (SELECT after_id, coalesce(lag(last_id) OVER"
        "          (ORDER BY last_id, number), 0) AS before FROM appinfra.audit_seal) s"
        " CROSS JOIN LATERAL (SELECT id FROM appinfra.audit_log"
        "        WHERE id > s.before AND id <= s.after_id ORDER BY id LIMIT 1) a"
        " WHERE s.before < s.after_id"};

    query::Rows oldest = query::run(select);
    if (oldest.is_null(0, 1))
        return;
    verdict->ok = false;
    verdict->first_bad = oldest.int8(0, 1);
    verdict->detail = psprintf("Row " INT64_FORMAT " is older than the newest seal, and in none.",
                               verdict->first_bad);
}

} // namespace appinfra::seals
