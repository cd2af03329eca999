// See file_sink.hpp.
#include "delivery/file_sink.hpp"

#include <algorithm>
#include <utility>

#include "base/failure.hpp"
#include "base/json.hpp"
#include "base/safe_directory.hpp"
#include "delivery/redactor.hpp"

namespace sidecar
{
namespace
{

constexpr const char *certificates_name = "ca.pem";

Outcome
refusal(Verdict verdict, const std::string &error)
{
    Outcome outcome;
    outcome.verdict = verdict;
    outcome.error = error;
    return outcome;
}

std::vector<std::string>
names_of(const Publication &publication)
{
    std::vector<std::string> names = publication.unset;
    for (const Variable &variable : publication.set)
        names.push_back(variable.name);
    return names;
}

std::string
response_of(const Publication &publication)
{
    Json keys(json_array());
    for (const Variable &variable : publication.set)
        json_array_append_new(keys.get(), json_of(variable.name).release());
    Json response(json_object());
    json_object_set_new(response.get(), "env_keys", keys.release());
    json_object_set_new(response.get(), "version", json_integer(publication.version));
    return json_text(response);
}

// Brings the file of this name to the certificates that the environment holds.
void
write_certificates(const EnvFile &env, const SafeDirectory &folder, const std::string &name)
{
    const std::string wanted = env.certificates();
    const std::optional<Secret> old = folder.read(name);
    bool renamed = false;
    if (wanted.empty() && old)
        folder.remove(name);
    else if (!wanted.empty() && (!old || old->reveal() != wanted))
        folder.replace(name, wanted, renamed);
}

// Writes versions, then certificates, then the file; sets maybe_stored when the file took its name
// and then failed.
Outcome
write(const Publication &publication, const SafeDirectory &folder, const std::string &certificates,
      bool &maybe_stored)
{
    const std::string versions_name = folder.helper("versions");
    const std::optional<Secret> old_env = folder.read(folder.file());
    const std::optional<Secret> old_versions = folder.read(versions_name);
    EnvFile env(old_env ? old_env->reveal() : "");
    EnvVersions versions(old_versions ? old_versions->reveal() : "", versions_name);
    for (const std::string &name : names_of(publication)) {
        const EnvVersions::Rank rank = versions.rank(name, publication);
        if (rank == EnvVersions::Rank::stale)
            return refusal(Verdict::stale, "stale_version: \"" + name + "\" is newer");
        if (rank == EnvVersions::Rank::foreign && env.has(name))
            return refusal(Verdict::refused, "foreign_owner: another host set \"" + name + "\"");
    }
    for (const std::string &name : publication.unset)
        env.unset(name);
    for (const Variable &variable : publication.set)
        env.set(variable.name, variable.value);
    for (const std::string &name : names_of(publication))
        versions.record(name, publication);
    bool renamed = false;
    folder.replace(versions_name, versions.text(), renamed);
    write_certificates(env, folder, certificates);
    const Secret text = env.text();
    folder.replace(folder.file(), text.reveal(), maybe_stored);
    Outcome outcome;
    outcome.verdict = Verdict::stored;
    outcome.response = response_of(publication);
    return outcome;
}

// An app id as it stands in a target, where slashes separate.
std::string
target_of(std::string_view app_id)
{
    std::string target;
    for (const char c : app_id)
        target += c == '/' ? "%2F" : c == '%' ? "%25" : std::string(1, c);
    return target;
}

} // namespace

std::string
container_of(const Publication &publication)
{
    const std::string before = target_of(publication.app_id) + "/";
    if (before.size() == 1 || !publication.target.starts_with(before))
        return "";
    const std::string name = publication.target.substr(before.size());
    // app.env is the app's own file; below svc are its services.
    const bool is_taken = name == "app" || name == "svc";
    return is_taken || name.find('/') != std::string::npos ? "" : name;
}

std::vector<std::string>
folders_of(const Publication &publication)
{
    std::vector<std::string> folders = {file_name_for(publication.app_id)};
    const std::string app = target_of(publication.app_id);
    std::string_view target = publication.target;
    if (app.empty() || !target.starts_with(app + "/svc/")) {
        if (target != app && container_of(publication).empty())
            folders = {file_name_for(target)};
        return folders;
    }
    target.remove_prefix(app.size() + 1);
    for (;;) {
        const std::size_t slash = target.find('/');
        folders.push_back(file_name_for(target.substr(0, slash)));
        if (slash == std::string_view::npos)
            break;
        target.remove_prefix(slash + 1);
    }
    if (std::find(folders.begin(), folders.end(), "") != folders.end())
        throw Failure(Failure::Kind::give_up, "the target has an empty part");
    return folders;
}

Outcome
FileSink::deliver(const Publication &publication) const
{
    bool maybe_stored = false;
    try {
        if (publication.target.empty())
            throw Failure(Failure::Kind::give_up, "the publication has no target");
        const std::string container = file_name_for(container_of(publication));
        const auto path = paths_.find(publication.target);
        const bool is_below = path == paths_.end();
        SafeDirectory folder = is_below
                                   ? SafeDirectory(root_, folders_of(publication),
                                                   (container.empty() ? "app" : container) + ".env")
                                   : SafeDirectory::of_file(path->second);
        folder.lock();
        // A ca.pem in a folder that is not ours may be somebody else's.
        const std::string owner = is_below ? container : folder.file();
        return write(publication, folder, (owner.empty() ? "" : owner + ".") + certificates_name,
                     maybe_stored);
    } catch (const Failure &failure) {
        Outcome outcome =
            refusal(failure.kind() == Failure::Kind::give_up ? Verdict::refused : Verdict::again,
                    Redactor(publication).redact(failure.what()));
        outcome.maybe_stored = maybe_stored;
        return outcome;
    }
}

void
FileSink::start(Publication &publication)
{
    finished_.push_back({publication.id, deliver(publication)});
}

bool
FileSink::abort(std::int64_t publication_id)
{
    // Delivered already, only not collected.
    const auto ours = [&](const Finished &done) {
        return done.publication_id == publication_id;
    };
    const auto found = std::find_if(finished_.begin(), finished_.end(), ours);
    if (found == finished_.end())
        return false;
    const Outcome &outcome = found->outcome;
    const bool maybe_stored = outcome.verdict == Verdict::stored || outcome.maybe_stored;
    finished_.erase(found);
    return maybe_stored;
}

std::vector<Finished>
FileSink::collect()
{
    return std::exchange(finished_, {});
}

void
FileSink::wait(std::span<pollfd> fds, Duration limit)
{
    const auto millis = std::clamp<Duration::rep>(limit.count(), 0, 60'000);
    ::poll(fds.data(), fds.size(), finished_.empty() ? static_cast<int>(millis) : 0);
}

} // namespace sidecar
