// See doctor.hpp.
#include "doctor/doctor.hpp"

#include <algorithm>

#include "base/failure.hpp"
#include "base/text.hpp"
#include "doctor/host.hpp"
#include "postgres/blocking_connection.hpp"

namespace sidecar
{
namespace
{

constexpr Duration patience = std::chrono::seconds(10);

const char *
name_of(Level level)
{
    return level == Level::ok ? "ok" : level == Level::warning ? "warning" : "problem";
}

double
seconds_now()
{
    return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch())
        .count();
}

// Judges the roles of the login, of which rows has the name, then whether it has each role that may
// be needed, and whether it is a superuser. Returns whether it has those that are.
bool
look_at_roles(const Rows &rows, const DoctorSettings &settings, CheckResults &results)
{
    struct Role {
        const char *name;
        bool needed;
        const char *why;
    };
    const Role roles[] = {
        {"appinfra_publisher", settings.delivers, ""},
        {"appinfra_admin", settings.answers_requests, ", which --listen needs"},
        {"appinfra_gateway", settings.serves_sql, ", which --gateway-listen needs"},
    };
    const std::string login = "\"" + std::string(text_at(rows, 0, 0)) + "\"";
    int column = 1;
    const char *first = nullptr;
    for (const Role &role : roles) {
        const bool has = text_at(rows, 0, column++) == "t";
        if (role.needed && first == nullptr)
            first = role.name;
        if (!role.needed || has)
            continue;
        results.fail("roles", login + " is no member of " + role.name + role.why,
                     std::string("GRANT ") + role.name + " TO the login of the sidecar");
        return false;
    }
    if (text_at(rows, 0, column) == "on")
        results.warn("roles", login + " is a superuser, which the sidecar need not be",
                     std::string("make a login IN ROLE ") + first + " for it");
    else
        results.ok("roles", login + " has the roles that it needs");
    return true;
}

// Judges what the login gets into; false when it may not ask for more.
bool
look_at_login(BlockingConnection &connection, const DoctorSettings &settings, CheckResults &results)
{
    const Rows rows = connection.query(
        "SELECT current_database(), current_setting('server_version'),"
        " coalesce((SELECT extversion FROM pg_extension WHERE extname = 'appinfra'), '')");
    const std::string database(text_at(rows, 0, 0)), version(text_at(rows, 0, 2));
    if (version.empty()) {
        results.fail("database", "\"" + database + "\" has no extension appinfra",
                     "run CREATE EXTENSION appinfra there, or connect to the control database");
        return false;
    }
    if (version != APPINFRA_VERSION) {
        results.fail("database",
                     "the extension is " + version + ", the sidecar is " APPINFRA_VERSION,
                     "install the same version of both, then ALTER EXTENSION appinfra UPDATE");
        return false;
    }
    results.ok("database", "\"" + database + "\" on PostgreSQL " +
                               std::string(text_at(rows, 0, 1)) + " has appinfra " + version);
    const Rows roles =
        connection.query("SELECT session_user,"
                         " coalesce(pg_has_role(to_regrole('appinfra_publisher'), 'USAGE'), false),"
                         " coalesce(pg_has_role(to_regrole('appinfra_admin'), 'USAGE'), false),"
                         " coalesce(pg_has_role(to_regrole('appinfra_gateway'), 'USAGE'), false),"
                         " current_setting('is_superuser')");
    return look_at_roles(roles, settings, results);
}

void
look_at_database(const DoctorSettings &settings, CheckResults &results)
{
    try {
        BlockingConnection connection(
            Conninfo(settings.database.reveal(), settings.database_password.reveal(), "any"),
            {"SELECT pg_catalog.set_config('search_path', 'pg_catalog', false)"}, patience);
        if (!look_at_login(connection, settings, results))
            return;
        if (!settings.delivers) { // a gateway may ask for nothing else
            const Rows guard = connection.query("SELECT appinfra.guard_state()");
            judge_guard(std::string(text_at(guard, 0, 0)), results);
            return;
        }
        const double before = seconds_now();
        const Rows rows = connection.query("SELECT appinfra.host_facts()");
        const Json facts = parse_json(text_at(rows, 0, 0));
        judge_clock(json_number_value(json_object_get(facts.get(), "now")), before, seconds_now(),
                    results);
        judge_host(facts, results);
    } catch (const Failure &failure) {
        results.fail("database", failure.what(), "mend what it says, and ask again");
    }
}

CheckResults
look_at_all(const DoctorSettings &settings)
{
    CheckResults results;
    if (settings.unit)
        results.ok("unit", settings.unit->path);
    if (!settings.trouble.empty()) {
        results.fail("options", settings.trouble, "correct them, and ask again");
        return results;
    }
    for (const std::string &line : settings.unread)
        results.warn("options", line, "unset it");
    look_at_files(settings.files, settings.unit, results);
    look_at_folders(settings.folders, settings.unit, results);
    if (!settings.database_trouble.empty())
        results.fail("database", settings.database_trouble, "mend that, and ask again");
    else
        look_at_database(settings, results);
    if (!settings.producer_trouble.empty())
        results.fail("producer", settings.producer_trouble, "mend that, and ask again");
    else if (!settings.producer.url.empty())
        look_at_producer(settings.producer, results);
    return results;
}

void
print_lines(const CheckResults &results, std::ostream &out)
{
    for (const CheckResult &one : results.all())
        out << name_of(one.level) << ": " << one.check << ": " << clean_text(one.detail)
            << (one.remedy.empty() ? "" : "; " + clean_text(one.remedy)) << '\n';
}

void
print_json(const CheckResults &results, Level worst, std::ostream &out)
{
    Json checks(json_array());
    for (const CheckResult &one : results.all()) {
        const Json entry =
            pack("{s:s, s:s, s:o, s:o}", "level", name_of(one.level), "check", one.check.c_str(),
                 "detail", json_of(clean_text(one.detail)).release(), "remedy",
                 json_of(clean_text(one.remedy)).release());
        json_array_append(checks.get(), entry.get());
    }
    out << json_text(pack("{s:s, s:o}", "status", name_of(worst), "checks", checks.release()))
        << '\n';
}

} // namespace

int
run_doctor(const DoctorSettings &settings, const CommandIo &io)
{
    const CheckResults results = look_at_all(settings);
    Level worst = Level::ok;
    for (const CheckResult &one : results.all())
        worst = std::max(worst, one.level);
    if (settings.json)
        print_json(results, worst, io.out);
    else
        print_lines(results, io.out);
    return static_cast<int>(worst);
}

} // namespace sidecar
