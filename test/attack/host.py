"""A private server with appinfra and the tenants that the suite attacks, and what happened to it."""
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import time

import wire

here = pathlib.Path(__file__).parent

CONF = """
shared_preload_libraries = 'appinfra'
appinfra.control_database = 'control'
appinfra.public_host = '127.0.0.1'
appinfra.public_port = {port}
appinfra.allow_unsafe_server = on
appinfra.pool_size = 2
listen_addresses = '127.0.0.1'
port = {port}
unix_socket_directories = '{socket}'
password_encryption = 'scram-sha-256'
max_connections = 60
max_worker_processes = 16
max_locks_per_transaction = 256
max_prepared_transactions = 10
wal_level = logical
fsync = off
jit = off
autovacuum_naptime = '10min'
log_min_error_statement = 'panic'
log_connections = off
"""

HBA = """
local all postgres,attack_watcher trust
local replication postgres trust
host all all 127.0.0.1/32 scram-sha-256
host replication all 127.0.0.1/32 scram-sha-256
"""


class Host:
    def __init__(self):
        self.bindir = pathlib.Path(os.environ["APPINFRA_BINDIR"])
        self.work = pathlib.Path(os.environ["APPINFRA_WORK"])
        self.data = self.work / "host" / "data"
        self.log = self.work / "host" / "log"
        self.markers = self.work / "markers"
        self.socket = self.work / "socket"
        self.port = free_port()

    def __enter__(self):
        for directory in (self.data.parent, self.socket, self.markers):
            directory.mkdir(parents=True)
        self._install_extensions()
        self._run("initdb", "-D", self.data, "-U", "postgres", "-E", "UTF8", "--locale=C.UTF-8",
                  "-A", "trust", "-N")
        with open(self.data / "postgresql.conf", "a", encoding="utf-8") as conf:
            conf.write(CONF.format(port=self.port, socket=self.socket))
        (self.data / "pg_hba.conf").write_text(HBA)
        self._run("pg_ctl", "-D", self.data, "-l", self.log, "-w", "start")
        with self.superuser("postgres") as session:
            session.need("CREATE DATABASE control")
        self.control = self.superuser("control")
        self.control.need("CREATE EXTENSION appinfra")
        self._allow_extensions()
        self.control.need("CREATE ROLE attack_watcher LOGIN IN ROLE pg_monitor, pg_read_all_data")
        self.started = self.control.need("SELECT pg_postmaster_start_time()")
        return self

    def __exit__(self, *unused):
        subprocess.run([self.bindir / "pg_ctl", "-D", self.data, "-m", "immediate", "-w", "stop"],
                       stdout=subprocess.DEVNULL, check=False)

    def superuser(self, database):
        return self.local("superuser", database)

    def local(self, who, database):
        """A session over the socket: of the superuser, or of a login that watches the host."""
        user = {"superuser": "postgres", "watcher": "attack_watcher"}[who]
        return wire.Session({"host": str(self.socket), "port": self.port, "user": user,
                             "database": database}, application_name=f"attack {who}")

    def provision(self, slug):
        """Returns a tenant: its names, and a DSN for every access."""
        env = {access.upper() + "_URL": access for access in ("owner", "writer", "reader", "service")}
        row = json.loads(self.control.need(
            f"SELECT row_to_json(t) FROM appinfra.provision_tenant('app-{slug}', 'user@example.com',"
            f" '{slug}', env => '{json.dumps(env)}', publish => false) t"))
        dsns = {access: row["env"][access.upper() + "_URL"] for access in env.values()}
        return {"database": row["database"], "group": row["database"], "dsns": dsns,
                "db_id": row["db_id"]}

    def wait_for_pool(self):
        deadline = time.monotonic() + 60
        while self.control.need("SELECT count(*) FILTER (WHERE status = 'ready') = 2 AND count(*) = 2 FROM appinfra.pool") != "t":
            if time.monotonic() > deadline:
                raise RuntimeError("the pool was not filled")
            time.sleep(0.05)

    def crashes(self):
        """Lines of the log that say that a process of the server ended badly."""
        bad = re.compile(r"terminated by signal|PANIC|was terminated|server process .* exited with")
        return [line for line in self.log.read_text(errors="replace").splitlines() if bad.search(line)]

    def _install_extensions(self):
        share = subprocess.run([self.bindir / "pg_config", "--sharedir"], check=True, text=True,
                               stdout=subprocess.PIPE).stdout.strip()
        for file in (here / "extensions").iterdir():
            shutil.copy(file, pathlib.Path(share) / "extension")

    # The suite's own extensions are allowed beside the default ones, but for the one that is to be denied.
    def _allow_extensions(self):
        allowed = self.control.need("SHOW appinfra.allowed_extensions")
        allowed += ",attack_script,attack_allowed,attack_present,attack_requires"
        self.control.need(f"ALTER SYSTEM SET appinfra.allowed_extensions = '{allowed}'")
        self.control.need("SELECT pg_reload_conf()")

    def _run(self, program, *arguments):
        log = self.work / f"{program}.log"
        with open(log, "w", encoding="utf-8") as out:
            done = subprocess.run([self.bindir / program, *arguments], stdout=out, stderr=out, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"{program} failed: {log.read_text()[-2000:]}")


def free_port():
    """A port that is free now, below the range for outgoing connections."""
    for port in range(20000 + os.getpid() % 9000, 32000):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                pass
    raise RuntimeError("no free port found")
