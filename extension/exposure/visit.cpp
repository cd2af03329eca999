/* Looks into databases. See visit.hpp. */
#include "exposure/visit.hpp"

#include "exposure/rules.hpp"

namespace appinfra::exposure
{

/* A round of visits. */
struct Round {
    std::span<const Look> looks;
    const Definitions *wanted;
    const Visitor *visitor;
};

static void on_row(void *self, size_t which, std::span<const char *const> fields);
static void compare(const Round &round, size_t which, const Definition &found);
static void on_failure(void *self, size_t which, int code, const char *message);

void
visit(std::span<Look> looks, const Definitions &wanted, const Visitor &visitor)
{
    auto *tasks = static_cast<database_task::Task *>(
        palloc((looks.size() + 1) * sizeof(database_task::Task)));
    size_t count = 0;
    Round round = {.looks = looks, .wanted = &wanted, .visitor = &visitor};

    for (Look &look : looks) {
        if (look.db_id[0] != '\0' && wanted.digest != nullptr)
            strlcpy(look.system_digest, wanted.digest, sizeof(look.system_digest));
        tasks[count++] = task_of(look);
    }
    database_task::run_all({tasks, count}, {.row = on_row, .failure = on_failure, .self = &round});
}

static void
on_row(void *self, size_t which, std::span<const char *const> fields)
{
    const auto *round = static_cast<Round *>(self);

    if (strcmp(fields[0], not_compared) == 0)
        compare(*round, which, {fields[1], fields[2], nullptr, nullptr});
    else
        round->visitor->row(round->visitor->self, which, fields);
}

/* Reports a function or a view of the server's that is not what it is in the template. */
static void
compare(const Round &round, size_t which, const Definition &found)
{
    const Definition *wanted = definition_of(*round.wanted, found.key);
    const Look &look = round.looks[which];

    if (wanted == nullptr || strcmp(wanted->digest, found.digest) == 0)
        return;
    const std::array<const char *, columns> fields = {
        "critical",
        "system_definition",
        look.name,
        wanted->name,
        nullptr,
        "Superusers rely on it, and it is not what it is in the template.",
        psprintf("SELECT appinfra.harden_tenant('%s')", look.db_id)};
    round.visitor->row(round.visitor->self, which, fields);
}

/* Passes on that a database could not be looked at, unless it was dropped meanwhile. */
static void
on_failure(void *self, size_t which, int code, const char *message)
{
    const auto *round = static_cast<Round *>(self);

    if (OidIsValid(get_database_oid(round->looks[which].name, true)))
        round->visitor->failure(round->visitor->self, which, code, message);
}

} // namespace appinfra::exposure
