/*
 * A session as a row: what tenant_sessions() tells tenants and appinfra.sessions() tells the
 * platform.
 */
#pragma once

#include "base/label.hpp"

namespace appinfra::session_row
{

/* Adds the row of a session whose login has this label; with what it runs, if told to. */
void add(ReturnSetInfo *result, const PgBackendStatus *status, const label::Label &label,
         bool shows);

} // namespace appinfra::session_row
