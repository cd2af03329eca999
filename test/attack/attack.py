#!/usr/bin/env python3
"""Runs the attack suite: vectors × contexts × accesses, every function and every setting that is closed
to tenants, random statements; then looks whether anything happened after all. See contexts.py.

Two processes work at a time, each on a tenant of its own, so that they do not wait for each other's locks.
"""
import argparse
import multiprocessing
import pathlib
import signal
import sys
import time

import effects
import fuzz
import functions
import host as hosts
import pooler
import processes
import settings
import siege
import statements
from report import Report

here = pathlib.Path(__file__).parent


def prepare(host, slug):
    """Provisions a tenant, and lets a superuser and its owner make what the attacks need."""
    tenant = host.provision(slug)
    with host.superuser(tenant["database"]) as session:
        session.need((here / "fixtures_superuser.sql").read_text())
    statements.make_fixtures(host, tenant)
    statements.make_key(host, tenant)
    return tenant


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", default="", help="only vectors whose class or statement has this text")
    parser.add_argument("--siege", action="store_true", help="only print what each statement of siege.tsv does")
    arguments = parser.parse_args()
    began = time.monotonic()
    report = Report()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # the server has to go as well
    with hosts.Host() as host:
        other = host.provision("other")
        host.other = other
        if arguments.siege:
            siege.show(report, host, prepare(host, "sieged"))
            report.print()
            return 0
        first, second, mistaken, fuzzed, broken, sieged, processed, restored, pooled = (
            prepare(host, slug) for slug in ("first", "second", "mistaken", "fuzzed", "broken", "sieged", "processed",
                                             "restored", "pooled"))
        host.broken = broken["database"]  # a superuser breaks that one
        statements.make_mistakes(host, mistaken)
        siege.make_fixtures(host, sieged)
        pooler.make_fixtures(host, pooled)
        pooler.let_in(host)
        with host.superuser(other["database"]) as session:
            session.need("BEGIN; CREATE TABLE in_doubt (); PREPARE TRANSACTION 'attack_prepared'")
        host.control.need("SELECT pg_replication_origin_create('attack_origin')")
        host.wait_for_pool()  # which makes roles and databases
        before = effects.take(host, ("control", "postgres", other["database"]))
        report.note(f"prepared after {time.monotonic() - began:.1f} s")
        jobs = [
            (statements.run, host, first, ("owner",), arguments.only),
            (statements.run, host, second, ("writer", "reader", "service"), arguments.only),
            (statements.run_mistaken, host, mistaken, arguments.only),
        ]
        if not arguments.only:
            jobs += [(functions.run, host, first), (functions.run, host, mistaken), (settings.run, host, second),
                     (fuzz.run, host, fuzzed), (fuzz.run_broken, host, broken),
                     (siege.run, host, sieged), (processes.run, host, processed, restored), (pooler.run, host, pooled)]
        run_jobs(report, host, jobs)
        report.note(f"attacks ended after {time.monotonic() - began:.1f} s")
        look_at_host(report, host, before, other)
    report.print()
    return 1 if report.failed else 0


def run_jobs(report, host, jobs):
    """Runs every job in a process of its own, two at a time, and adds what they report."""
    host.control.close()
    host.control = None  # a job gets a copy of the host
    # A worker that is ended in the midst of its queue must not run our handler, which would wait for that queue.
    with multiprocessing.Pool(2, signal.signal, (signal.SIGTERM, signal.SIG_DFL)) as pool:
        running = [pool.apply_async(run_job, job) for job in jobs]
        for job, result in zip(jobs, running):
            try:
                report.add(result.get())
            except Exception as error:  # the others' results are still worth having
                report.check("the suite", "ran", False, f"{job[0].__module__}.{job[0].__name__}", repr(error))
        pool.close()
        pool.join()
    host.control = host.superuser("control")


def run_job(function, *arguments):
    began = time.monotonic()
    report = Report()
    function(report, *arguments)
    report.note(f"{function.__module__}.{function.__name__} took {time.monotonic() - began:.1f} s")
    return report


def look_at_host(report, host, before, other):
    """Nothing happened: no effect, no restart, no crash."""
    after = effects.take(host, ("control", "postgres", other["database"]))
    for place in sorted(before.keys() | after.keys()):
        changed = effects.differences({place: before.get(place, {})}, {place: after.get(place, {})})
        report.check("effects", "unchanged", not changed, place, "\n    ".join(changed[:10]))
    report.check("server", "start time", host.control.need("SELECT pg_postmaster_start_time()") == host.started,
                 "the server was restarted")
    report.check("server", "log", not host.crashes(), "crashes", "\n    ".join(host.crashes()[:10]))


if __name__ == "__main__":
    sys.exit(main())
