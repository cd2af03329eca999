/* Registers all hooks of the guard. See guard.hpp. */
#include "guard/guard.hpp"

#include "guard/catalog.hpp"
#include "guard/hook_function_call.hpp"
#include "guard/hook_object_access.hpp"
#include "guard/hook_parse.hpp"
#include "guard/login.hpp"
#include "guard/parallel_leader.hpp"
#include "guard/report.hpp"
#include "guard/setting.hpp"
#include "guard/snapshot_export.hpp"
#include "guard/statement.hpp"

namespace appinfra::guard
{

void
define()
{
    parallel_leader::define();
    define_login();
    define_settings();
    define_statements();
    define_snapshot_export();
    define_parse();
    define_object_access();
    define_function_calls();
    define_catalogs();
    define_report();
}

} // namespace appinfra::guard
