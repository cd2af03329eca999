/*
 * Role removal: dropping a role that databases still know. For the janitor.
 */
#pragma once

namespace appinfra::role_removal
{

/*
 * Releases the role wherever something depends on it, and drops it; a role that is gone is none.
 * Its heir gets what it owns, its successor takes its place in policies; null pointers or empty
 * names: nobody. Raises what stands in the way.
 */
void remove(const char *role_name, const char *own_database, const char *heir,
            const char *successor);

} // namespace appinfra::role_removal
