/* Looks the extension up, once a turn. See turn.hpp. */
#include "entry/turn.hpp"

#include "base/settings.hpp"

namespace appinfra::scheduler
{

static void tell_of_other(installation::Version found);

installation::Version
version(Turn &turn)
{
    if (!turn.asked) {
        turn.version = installation::current().version;
        tell_of_other(turn.version);
    }
    turn.asked = true;
    return turn.version;
}

bool
is_ours(Turn &turn)
{
    return version(turn) == installation::Version::ours;
}

/* Writes into the server's log, once, that nothing is done because of the extension's version. */
static void
tell_of_other(installation::Version found)
{
    static bool told;
    bool other = found == installation::Version::other;

    if (other && !told)
        ereport(WARNING,
                (errmsg("appinfra does nothing: the extension in database \"%s\" is not of "
                        "the version of its library",
                        settings::control_database),
                 errhint("Run ALTER EXTENSION appinfra UPDATE there.")));
    told = other;
}

} // namespace appinfra::scheduler
