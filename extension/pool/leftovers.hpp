/*
 * Leftovers: databases and roles of ours that the registry does not know any more, because the
 * extension was dropped or an older registry was restored. Labels tell them from everybody else's;
 * nothing that is labelled as a tenant's is ever touched.
 */
#pragma once

namespace appinfra::leftovers
{

/* Drops unclaimed shells and templates that are in no registry. Outside a transaction. */
void sweep(bool installed);

} // namespace appinfra::leftovers
