// See host.hpp.
#include "doctor/host.hpp"

#include <algorithm>
#include <cmath>

#include "base/loopback.hpp"
#include "base/text.hpp"

namespace sidecar
{
namespace
{

constexpr const char *reload = "reload the server";
constexpr double far_apart = 2; // seconds between two clocks

const json_t *
member(const Json &facts, const char *name)
{
    return json_object_get(facts.get(), name);
}

std::string
text_of(const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);
    return json_is_string(value) ? json_string_value(value) : "";
}

std::string
setting(const Json &facts, const char *name)
{
    return text_of(member(facts, "settings"), name);
}

// The words of a list in a setting.
std::vector<std::string>
listed(const std::string &setting)
{
    std::vector<std::string> words = words_of(setting);
    for (std::string &word : words)
        std::erase_if(word, [](char c) { return c == ' ' || c == '"'; });
    return words;
}

bool
array_has(const json_t *array, const char *wanted)
{
    std::size_t index;
    json_t *value;
    json_array_foreach(const_cast<json_t *>(array), index,
                       value) if (json_is_string(value) &&
                                  json_string_value(value) == std::string(wanted)) return true;
    return false;
}

void
judge_settings(const Json &facts, CheckResults &results)
{
    const auto libraries = listed(setting(facts, "shared_preload_libraries"));
    if (std::find(libraries.begin(), libraries.end(), "appinfra") != libraries.end())
        results.ok("preload", "shared_preload_libraries has appinfra");
    else
        results.fail("preload", "shared_preload_libraries has no appinfra",
                     "add it, last, and restart the server");
    judge_guard(setting(facts, "appinfra.guard"), results);
    const std::string host = setting(facts, "appinfra.public_host");
    if (host.empty())
        results.fail("public host", "appinfra.public_host is not set, so nothing is provisioned",
                     "set it to the name by which apps reach this server, and reload the server");
    else
        results.ok("public host", host);
}

bool
is_near(const Json &facts)
{
    return is_loopback(setting(facts, "appinfra.public_host"));
}

// Apps are elsewhere: then the server has to listen there.
void
judge_addresses(const Json &facts, CheckResults &results)
{
    const std::string addresses = setting(facts, "listen_addresses");
    bool listens = is_near(facts);
    for (const std::string &word : listed(addresses))
        listens = listens || (!word.empty() && !is_loopback(word));
    if (listens)
        results.ok("addresses", "the server listens on " + addresses);
    else
        results.fail("addresses", "apps are elsewhere, and the server listens on " + addresses,
                     "set listen_addresses = '*' and restart the server");
}

// What the lines of pg_hba.conf have been found to do.
struct HbaSeen {
    bool lets_in = false;      // apps, by password and TLS
    bool lets_in_bare = false; // apps, by password, in clear
};

void
judge_line(const Json &facts, const json_t *line, HbaSeen &seen, CheckResults &results)
{
    const std::string where =
        setting(facts, "hba_file") + ", line " +
        std::to_string(json_integer_value(json_object_get(line, "line_number")));
    if (const std::string error = text_of(line, "error"); !error.empty())
        return results.fail("pg_hba.conf", where + ": " + error,
                            std::string("correct it and ") + reload);
    const std::string type = text_of(line, "type");
    const std::string method = text_of(line, "auth_method");
    const std::string address = text_of(line, "address");
    const bool for_all = array_has(json_object_get(line, "user_name"), "all") &&
                         array_has(json_object_get(line, "database"), "all");
    if (method == "trust" && for_all)
        return results.fail("pg_hba.conf", where + ": everybody gets in without a password",
                            std::string("use scram-sha-256 and ") + reload);
    const bool is_far = type != "local" && !is_loopback_address(address) && address != "samehost" &&
                        address != "localhost";
    if (!for_all || method != "scram-sha-256" || !(is_far || is_near(facts)))
        return;
    seen.lets_in = true;
    if (type == "host" || type == "hostnossl")
        seen.lets_in_bare = true;
}

void
judge_hba(const Json &facts, CheckResults &results)
{
    const std::size_t before = results.all().size();
    HbaSeen seen;
    std::size_t index;
    json_t *line;
    json_array_foreach(const_cast<json_t *>(member(facts, "hba")), index, line)
        judge_line(facts, line, seen, results);
    if (!seen.lets_in)
        results.fail("pg_hba.conf", "no line lets tenants in from where apps are",
                     "add \"hostssl all all NETWORK scram-sha-256\" and reload the server");
    else if (seen.lets_in_bare && !is_near(facts))
        results.warn("pg_hba.conf", "a line lets tenants in without TLS",
                     "write hostssl in the place of host, and reload the server");
    if (!results.any_bad_since(before))
        results.ok("pg_hba.conf", is_near(facts) ? "tenants get in by password"
                                                 : "tenants get in by password, over TLS");
}

void
judge_certificate(const Json &facts, CheckResults &results)
{
    const json_t *certificate = member(facts, "certificate");
    const std::string file = text_of(certificate, "file");
    const json_t *days = json_object_get(certificate, "days");
    const std::size_t before = results.all().size();
    const char *renew = "put the next one there and reload the server";
    if (is_near(facts))
        return results.ok("certificate", "apps are on this machine and need none");
    if (file.empty())
        return results.fail("certificate", "the server has no TLS: ssl is off",
                            "set ssl, ssl_cert_file and ssl_key_file, and reload the server");
    if (!json_is_number(days))
        return results.fail("certificate", file + " cannot be read", renew);
    const auto left = static_cast<int>(json_number_value(days));
    const std::string until = text_of(certificate, "not_after");
    if (left < 0)
        results.fail("certificate", file + " has expired on " + until, renew);
    else if (left < 30)
        results.warn("certificate", file + " expires on " + until, renew);
    if (json_is_false(json_object_get(certificate, "is_for_public_host")))
        results.warn("certificate", file + " is not for " + setting(facts, "appinfra.public_host"),
                     "have one made for that name");
    if (json_is_true(json_object_get(certificate, "is_untrusted")))
        results.warn("certificate", file + " is signed by itself: Node's clients refuse it",
                     "have one made by an authority, and name that in appinfra.public_ca_file");
    else if (setting(facts, "appinfra.public_ca_file").empty())
        results.warn("certificate", "apps are not told which authority to trust",
                     "set appinfra.public_ca_file and reload the server");
    if (!results.any_bad_since(before))
        results.ok("certificate", file + " is good until " + until);
}

void
judge_service(const Json &facts, CheckResults &results)
{
    const auto ready = json_integer_value(member(facts, "pool_ready"));
    const json_t *error = member(facts, "pool_error");
    if (json_is_true(member(facts, "in_recovery")))
        results.warn("recovery", "this server is a standby, which provisions nothing",
                     "name all nodes in the connection string, so that the primary is found");
    if (ready > 0 || setting(facts, "appinfra.pool_size") == "0")
        results.ok("pool", std::to_string(ready) + " databases are ready");
    else
        results.warn("pool",
                     "no database is ready" + (json_is_string(error)
                                                   ? ": " + std::string(json_string_value(error))
                                                   : std::string()),
                     "look at appinfra.pool, and in the server's log for \"appinfra\"");
    if (const json_t *held = member(facts, "held_because"); json_is_string(held))
        results.warn("recovery", "nothing is published: " + std::string(json_string_value(held)),
                     "follow \"After a restore\" in docs/operations.md");
}

} // namespace

void
judge_guard(const std::string &guard, CheckResults &results)
{
    if (guard == "enforce")
        results.ok("guard", "it refuses what no tenant may do");
    else if (guard == "observe")
        results.warn("guard", "it only records what no tenant may do",
                     "set appinfra.guard = enforce and reload the server");
    else
        results.fail("guard", "it is off: tenants can get out of their databases",
                     "set appinfra.guard = enforce and reload the server");
}

void
judge_host(const Json &facts, CheckResults &results)
{
    judge_settings(facts, results);
    judge_addresses(facts, results);
    judge_hba(facts, results);
    judge_certificate(facts, results);
    judge_service(facts, results);
}

void
judge_clock(double server, double before, double after, CheckResults &results)
{
    const double apart = server < before ? before - server : std::max(0.0, server - after);
    if (apart > far_apart)
        results.warn("clock",
                     "the server's is " + std::to_string(std::lround(apart)) +
                         " s off from this machine's",
                     "set both by NTP");
    else
        results.ok("clock", "the server's is this machine's");
}

} // namespace sidecar
