/*
 * The watermark: up to which id the audit log will never change any more.
 *
 * Ids are taken when a row is written and rows appear when their transactions commit, in any order.
 * Whoever has taken an id holds a lock on the table until the transaction ends: when all who held
 * one at the time an id was the highest have let go of it, every lower row is there or never comes.
 * Nobody waits for that; the watermark just stays where it is. Tenants cannot hold it up.
 */
#pragma once

#include "base/pg.hpp"

namespace appinfra::watermark
{

/* Looks once and returns the id. In a transaction; what is read after it sees all those rows. */
int64 look();

} // namespace appinfra::watermark
