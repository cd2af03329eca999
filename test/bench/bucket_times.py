#!/usr/bin/env python3
"""One bucket after another, by turns provisioned and made by the bare calls; then rotates the provisioned.

  bucket_times.py COUNT PSQL [ARGUMENT...]    prints "delivered MILLISECONDS", "bare ..." and "rotated ..."

PSQL and its arguments connect to the control database. Both sides keep their connection, and nothing else
is done while they work: what is owed is waited for within the database. The times of publications are the
registry's, from the order's transaction to the producer's answer.
"""
import subprocess
import sys

import bare_buckets

QUOTA = 1 << 30  # bytes, as the bare calls set it
WARM = 5  # of each, not counted: a backend's first calls plan its statements
WAIT = """DO $$ BEGIN
  FOR i IN 1..3000 LOOP
    EXIT WHEN NOT EXISTS (SELECT FROM appinfra.publication WHERE status IN ('pending', 'claimed'));
    COMMIT;
    PERFORM pg_sleep(0.02);
  END LOOP;
END $$;"""


class Host:
    """A connection to the control database."""

    def __init__(self, command):
        self.psql = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def run(self, statements):
        """Runs statements; returns the lines of their results."""
        self.psql.stdin.write(statements + "\n\\echo @\n")
        self.psql.stdin.flush()
        lines = []
        for line in self.psql.stdout:
            if line == "@\n":
                return lines
            lines.append(line.rstrip("\n"))
        sys.exit("psql ended: " + statements)

    def deliver(self, order):
        """Gives an order, and waits until it is delivered."""
        self.run(order + WAIT)


def main():
    """Measures."""
    count = int(sys.argv[1])
    host = Host(sys.argv[2:])
    connection = bare_buckets.connect()
    for number in range(-WARM, count):
        name = f"single-{number}" if number >= 0 else f"warm{number}"
        host.deliver(f"SELECT appinfra.provision_bucket('{name}', 'bench', 'single', quota => {QUOTA});")
        took = bare_buckets.make(connection, bare_buckets.calls("one", number + WARM))
        if number >= 0:
            print(f"bare {took:.2f}")
    for number in range(-WARM, count):
        name = f"single-{number}" if number >= 0 else f"warm{number}"
        host.deliver(f"SELECT appinfra.rotate_bucket_key(bucket_id) FROM appinfra.buckets WHERE app_id = '{name}';")
    for line in host.run("""SELECT concat_ws(' ', CASE row_number() OVER (PARTITION BY app_id ORDER BY publication_id)
                                     WHEN 1 THEN 'delivered' ELSE 'rotated' END,
                                   1000 * extract(epoch FROM ended_at - created_at))
                              FROM appinfra.publications WHERE app_id LIKE 'single-%' AND status = 'published';"""):
        print(line)


main()
