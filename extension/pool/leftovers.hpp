/*
 * Leftovers: databases and roles of ours that the registry does not know any more, because the
 * extension was dropped or an older registry was restored. Labels tell them from everybody else's;
 * what is labelled a tenant's is never touched.
 */
#pragma once

namespace appinfra::leftovers
{

/* Drops unclaimed shells and templates that are in no registry. Outside a transaction. */
void sweep(bool installed);

} // namespace appinfra::leftovers
