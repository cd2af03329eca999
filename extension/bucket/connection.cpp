/* Reads how a bucket is reached. See connection.hpp. */
#include "bucket/connection.hpp"

#include "base/scope.hpp"

namespace appinfra::bucket_connection
{

Connection
read(MemoryContext caller, const char *bucket_id, const char *replaced)
{
    static query::Query select = {
        "SELECT bucket_id, status, bucket_name, endpoint_url, region, access_key, env_keys"
        "  FROM appinfra.buckets WHERE bucket_id = $1"};
    query::Rows rows = query::run(select, {query::text(bucket_id)});
    Connection connection = {};

    in_context(caller, [&] {
        connection = {.bucket_id = rows.text(0, 1),
                      .status = rows.text(0, 2),
                      .bucket_name = rows.text(0, 3),
                      .endpoint_url = rows.text(0, 4),
                      .region = rows.text(0, 5),
                      .access_key = rows.text(0, 6),
                      .env_keys = PointerGetDatum(DatumGetArrayTypePCopy(rows.datum(0, 7))),
                      .replaced_bucket_id = replaced != nullptr ? pstrdup(replaced) : nullptr};
    });
    return connection;
}

binding::Place
place_of(const bucket::Bucket &bucket)
{
    Datum names[5];
    int count = 0;

    for (const char *name : {"ENDPOINT", "BUCKET", "ACCESS_KEY", "SECRET_KEY", "REGION"})
        names[count++] = CStringGetTextDatum(psprintf("%s_%s", bucket.env_prefix, name));
    return binding::of_app(
        bucket.app_id,
        PointerGetDatum(construct_array(names, count, TEXTOID, -1, false, TYPALIGN_INT)), false);
}

int64
binding_of(const char *bucket_id)
{
    static query::Query select = {"SELECT max(binding_id) FROM appinfra.binding"
                                  " WHERE bucket_id = $1 AND NOT ended"};

    return query::run(select, {query::text(bucket_id)}).int8(0, 1);
}

int64
restorable_binding_of(const char *bucket_id)
{
    static query::Query select = {"SELECT max(binding_id) FROM appinfra.binding"
                                  " WHERE bucket_id = $1 AND restorable"};

    return query::run(select, {query::text(bucket_id)}).int8(0, 1);
}

} // namespace appinfra::bucket_connection
