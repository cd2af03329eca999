// See env_versions.hpp.
#include "delivery/env_versions.hpp"

#include "base/failure.hpp"

namespace sidecar
{

EnvVersions::EnvVersions(std::string_view text, const std::string &file)
    : records_(text.empty() ? Json(json_object()) : parse_json(text))
{
    if (!json_is_object(records_.get()))
        throw Failure(Failure::Kind::retry, "\"" + file + "\" is damaged; mend or remove it");
}

EnvVersions::Rank
EnvVersions::rank(const std::string &name, const Publication &publication) const
{
    const Json record(json_incref(json_object_get(records_.get(), name.c_str())));
    if (!record)
        return Rank::current;
    if (string_member(record, "host_id") != publication.host_id)
        return Rank::foreign;
    const std::int64_t version = integer_member(record, "version").value_or(0);
    if (version != publication.version)
        return version > publication.version ? Rank::stale : Rank::current;
    // The same publication claimed again carries another credential; the later claim counts.
    return integer_member(record, "attempt").value_or(0) > publication.attempt ? Rank::stale
                                                                               : Rank::current;
}

void
EnvVersions::record(const std::string &name, const Publication &publication)
{
    Json record(json_object());
    json_object_set_new(record.get(), "host_id", json_of(publication.host_id).release());
    json_object_set_new(record.get(), "publication_id", json_integer(publication.id));
    json_object_set_new(record.get(), "version", json_integer(publication.version));
    json_object_set_new(record.get(), "attempt", json_integer(publication.attempt));
    json_object_set_new(records_.get(), name.c_str(), record.release());
}

std::string
EnvVersions::text() const
{
    return json_text(records_) + "\n";
}

} // namespace sidecar
