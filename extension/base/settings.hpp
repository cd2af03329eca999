/*
 * Settings: every appinfra.* parameter, its default, unit and meaning.
 *
 * Read-only for everyone but PostgreSQL's own settings machinery.
 */
#pragma once

#include "base/refusal.hpp"

namespace appinfra::settings
{

extern char *control_database; /* the database the extension lives in */
extern int pool_size;          /* shells kept ready */
extern int provision_timeout;  /* milliseconds to wait for a shell */
extern char *public_host;      /* host name in DSNs; empty: not set */
extern int public_port;        /* port in DSNs; 0: the server's own */
extern char *pooler_host;      /* of a pooler in front of the server; empty: there is none */
extern int pooler_port;
extern char *public_ca_file;     /* of the authorities that apps are to trust; empty: none */
extern char *public_ca_variable; /* in which they are published */
extern char *public_sslrootcert; /* where apps find them; empty: not said */
extern int s3_backend;           /* an S3Backend */
extern char *s3_endpoint;        /* what buckets' apps are told; empty: no buckets */
extern char *s3_region;
extern int bucket_quota; /* MB of a bucket without one of its own; 0: none */
extern int buckets_per_app;
extern int exposures_interval;   /* seconds that a look into a database is kept; 0: not at all */
extern int retention;            /* seconds that a deprovisioned tenant is kept */
extern int rotate_after;         /* seconds after which credentials are rotated; 0: never */
extern int republish_rate;       /* publications a second after a failover or a restore */
extern int event_ring_size;      /* events that can wait to be written */
extern int audit_retention;      /* seconds after which audit rows are removed; 0: never */
extern bool audit_logins;        /* write successful logins of tenants, too */
extern char *end_user;           /* for whom a session of the lane acts; empty: not said */
extern bool allow_unsafe_server; /* provision below the security floor, for test machines */
extern char *tenant_encoding;    /* of new shells; empty: template0's */
extern char *tenant_locale;      /* of new shells; empty: template0's */
extern int tenant_connection_limit;
extern int tenant_statement_timeout;
extern int tenant_idle_in_transaction_timeout;
extern int tenant_temp_file_limit;
extern int tenant_lock_limit;       /* locks of any kind that a tenant's sessions hold together */
extern int tenant_xid_age_limit;    /* transaction ids that a tenant's session may keep */
extern int tenant_xid_rate;         /* those a tenant's sessions may take per second */
extern int tenant_parallel_workers; /* upper limit of a session's max_parallel_workers… */
extern int reserved_connections;    /* of the host, not for tenants */
extern char *allowed_extensions;    /* that tenants may create; names separated by commas */
extern unsigned allowed_extensions_generation; /* grows with each change of it */

extern int usage_interval;    /* seconds between two records of what tenants use */
extern int tenant_disk_limit; /* MB; 0: none */

/* After what everything is published again: nothing; what may have lost commits; each start. */
enum Republish : int { republish_never, republish_promotion, republish_always };
extern int republish;

/* What the guard does with what a tenant may not do: nothing, record it, or refuse it. */
enum Guard : int { guard_off, guard_observe, guard_enforce };
extern int guard;

/* Defines the settings. Called once, by _PG_init. */
void define();
void define_public_address(); /* a part of it */
void define_buckets();        /* another */
void define_certificates();   /* a part of that */
void define_guard();          /* another */
void define_usage();          /* another */
void define_watchdog();       /* and another */
void define_gateway();        /* and the last */

/* Of gateways, keys and calls; times in milliseconds, but for the lifetime and the retention. */
extern int gateway_login_lifetime; /* seconds */
extern int gateway_commit_wait;
extern int gateway_statement_timeout;
extern int key_limit;      /* active keys of a workspace */
extern int call_retention; /* seconds */
extern char *gateway_url;  /* by which apps reach the gateway; empty: no key is published */
extern char *key_id;       /* for which this session runs statements; empty: none */

/* Tells whether the extension is one that tenants may create. */
bool is_allowed_extension(const char *name);

/* Returns why no tenant gets the extension, though it is listed, or null. */
const char *forbidden_extension(const char *name);

/* Returns the names of those that tenants may have, separated by a comma and a space. */
const char *effective_extensions();

/* Returns the word for the store of new buckets. */
const char *s3_backend_name();

/* Where a login is to log in, and the sslmode that is right for that. */
struct Address {
    const char *host;
    int port;
    const char *sslmode;
};

/* Returns the address that DSNs carry: that of the server, or of the pooler in front of it. */
Address address(bool pooled);

/* Refuses while no pooler is set: nothing can go through it. */
const Refusal *check_pooler();

/* Returns the sslrootcert that DSNs carry, or null: none. */
const char *effective_public_sslrootcert();

/* Returns what DSNs begin with. */
const char *public_scheme_name();

/* Returns the certificates of public_ca_file in PEM, or an empty text. */
const char *public_ca_certificates();

/* Tells whether public_host is this machine by its own name for itself. */
bool is_public_host_near();

/* Refuses settings of TLS that make no DSN together. */
const Refusal *check_public_tls();

/* Checks a URL that goes into environments: http or https, a host, no user and no space. */
bool check_url(char **value, void **extra, GucSource source);

} // namespace appinfra::settings
