/*
 * Setup: what is done inside a database that admits nobody yet.
 *
 * The template gets the first layer of hardening: revokes, and the functions by which a tenant sees
 * its own sessions. A shell gets its schema, grants and default privileges. Everything is recorded
 * as initial privileges, so that a tenant's dump does not carry it.
 */
#pragma once

#include "pg.hpp"

namespace appinfra::setup
{

/* The hardening that new templates and shells get. Grows with every change to it. */
constexpr int hardening = 1;

enum class Job : int { harden_template = 1, dress_shell = 2 };

/* What a setup worker is to do; travels in bgw_extra. */
struct Order {
    Oid database;
    Job job;
    char name[NAMEDATALEN]; /* of the shell: prefix of its group roles */
};

static_assert(sizeof(Order) <= BGW_EXTRALEN);

} // namespace appinfra::setup
