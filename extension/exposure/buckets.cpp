/* Rules about buckets: what the last comparison with the object store has found, and how apps reach
 * it. See rules.hpp. */
#include "base/pg.hpp"

namespace appinfra::exposure
{

extern const char bucket_rows[];

const char bucket_rows[] = R"sql(
SELECT f.severity, f.rule, NULL, b.bucket_name, f.grantee, f.detail, f.remedy
  FROM appinfra.bucket b JOIN appinfra.bucket_work w USING (bucket_id)
 CROSS JOIN LATERAL (
       SELECT 'critical', 'bucket_public', NULL, 'Whoever knows its name has read it, without a key.',
              '-- remove what opens it at the store: its policy, an ACL'
        WHERE w.public
        UNION ALL
       SELECT 'high', 'bucket_drift', NULL, concat_ws('; ', nullif(array_to_string(w.drift, '; '), ''),
              CASE WHEN w.missing THEN 'the bucket is missing at the store' END,
              CASE WHEN w.keys_missing <> '{}' THEN 'keys are missing at the store: ' ||
                   array_to_string(w.keys_missing, ', ') END) || '.',
              CASE WHEN w.keys_missing <> '{}'
                   THEN format('SELECT appinfra.rotate_bucket_key(%L)', b.bucket_id) END
        WHERE w.drift <> '{}' OR w.missing OR w.keys_missing <> '{}'
        UNION ALL
       SELECT 'high', 'bucket_key_unknown', k, 'The store has a key that the registry does not know.',
              format('SELECT appinfra.forget_bucket_key(%L)', k)
         FROM unnest(w.unknown_keys) k
        WHERE NOT EXISTS (SELECT FROM appinfra.bucket_key o WHERE o.access_key = k)
        UNION ALL
       SELECT 'medium', 'bucket_plain', NULL,
              format('Apps reach it by %s: keys'' signatures and objects travel in clear.', b.endpoint_url),
              'ALTER SYSTEM SET appinfra.s3_endpoint = ''https://...'''
        WHERE b.endpoint_url ~ '^http://' AND b.endpoint_url !~ '^http://(localhost|127\.[0-9.]+|\[::1\])([:/]|$)'
        UNION ALL
       SELECT 'medium', 'bucket_work_stuck', NULL,
              format('The store is behind since %s%s.', w.since, coalesce(': ' || w.last_error, '')), NULL
        WHERE w.since < clock_timestamp() - interval '15 minutes'
       ) f (severity, rule, grantee, detail, remedy)
 WHERE $1 IS NULL AND b.status NOT IN ('dropped')
 UNION ALL
SELECT 'high', 'bucket_unknown', NULL, bucket_name, NULL,
       'The platform''s user has a bucket that the registry does not know.', '-- look at it, and remove it by hand'
  FROM appinfra.bucket_unknown WHERE $1 IS NULL
)sql";

} // namespace appinfra::exposure
