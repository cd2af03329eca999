/* Rules about failovers and restores: a host that may be a copy, and what is not healed. See
 * rules.hpp. */
#include "base/pg.hpp"

namespace appinfra::exposure
{

extern const char recovery_rows[];

/* What is healed within minutes is no more than good to know. */
const char recovery_rows[] = R"sql(
SELECT 'critical', 'restore_not_accepted', NULL, NULL, NULL,
       format('This server may be a copy (%s): it hands out no publication since %s.',
              held_because, held_since),
       '-- where it takes the place of the original: '
       'SELECT appinfra.accept_restore(''the time to which it was restored'')'
  FROM appinfra.host WHERE held_since IS NOT NULL
 UNION ALL
SELECT CASE WHEN u.status = 'failed' OR u.since < clock_timestamp() - interval '15 minutes'
            THEN 'medium' ELSE 'notice' END,
       'not_healed', t.database::text, u.target, NULL,
       format('%s of %s may be lost or stale since a failover or a restore, %s: its publication is '
              '%s%s.', array_to_string(u.variables, ', '), u.app_id, u.since, u.status,
              coalesce(' (' || u.error || ')', '')),
       CASE WHEN u.status = 'failed'
            THEN format('SELECT appinfra.retry_publication(%s)', u.publication_id) END
  FROM appinfra.unhealed u JOIN appinfra.tenant t USING (db_id)
 WHERE $1 IS NULL OR u.db_id = $1
)sql";

} // namespace appinfra::exposure
