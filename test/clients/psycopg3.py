import os
import psycopg

with psycopg.connect(os.environ["DATABASE_URL"]) as connection:
    connection.execute("CREATE TABLE by_psycopg3 (id int)")
    connection.execute("INSERT INTO by_psycopg3 VALUES (1)")
    print(connection.execute("SELECT count(*) = 1 AS made FROM by_psycopg3").fetchone()[0])
