/*
 * Parts of SQL that several rules of exposures share. See exposure.hpp.
 */
#pragma once

#include "base/label.hpp"

// clang-format off
/*
 * All roles that are tenants', with the words of their labels. Not materialized: in no database but
 * by chance has PostgreSQL statistics of shared catalogs, and it would take them for a few rows.
 */
#define WITH_TENANT_ROLES                                                                          \
    "WITH role AS NOT MATERIALIZED (SELECT a.*, " LABEL_DB_ID("l.label") " AS db_id,"                               \
    "         " LABEL_GROUP_OR_LOGIN("l.label") " AS kind, " LABEL_DETAIL("l.label") " AS access"  \
    "    FROM ONLY pg_catalog.pg_authid a"                                                         \
    "    JOIN ONLY pg_catalog.pg_shseclabel l ON l.objoid = a.oid"                                 \
    "     AND l.classoid = 'pg_catalog.pg_authid'::regclass AND l.provider = 'appinfra') "

/* The same, and all databases of ours. */
#define WITH_TENANT_ROLES_AND_DATABASES                                                            \
    WITH_TENANT_ROLES                                                                              \
    ", base AS NOT MATERIALIZED (SELECT d.*, " LABEL_DB_ID("l.label") " AS db_id,"                                  \
    "         " LABEL_KIND("l.label") " AS kind"                                                   \
    "    FROM ONLY pg_catalog.pg_database d"                                                       \
    "    JOIN ONLY pg_catalog.pg_shseclabel l ON l.objoid = d.oid"                                 \
    "     AND l.classoid = 'pg_catalog.pg_database'::regclass AND l.provider = 'appinfra') "
// clang-format on

/* How a grantee is written in GRANT and REVOKE; 0 is PUBLIC. */
#define GRANTEE(oid, name) "CASE " oid " WHEN 0 THEN 'PUBLIC' ELSE quote_ident(" name ") END"

/* What a setting, an option or a comment looks like that holds a secret. */
#define SECRET_VALUE                                                                               \
    "'(password|passwd|pwd|secret|token|api_?key|access_?key)[a-z_]*\\s*[=:]\\s*[^\\s''\"]"        \
    "|[a-z][a-z0-9+.-]*://[^/\\s:@]+:[^/\\s@]+@'"
#define SECRET_NAME "'(password|passwd|secret|token|api_?key|access_?key|credential)'"

/* A setting's name as ALTER … SET and RESET take it. */
#define SETTING_NAME(name)                                                                         \
    "(SELECT string_agg(quote_ident(part), '.') FROM regexp_split_to_table(" name ", '\\.') part)"
