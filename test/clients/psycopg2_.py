import os
import psycopg2

with psycopg2.connect(os.environ["DATABASE_URL"]) as connection:
    cursor = connection.cursor()
    cursor.execute("CREATE TABLE by_psycopg2 (id int)")
    cursor.execute("INSERT INTO by_psycopg2 VALUES (1)")
    cursor.execute("SELECT count(*) = 1 AS made FROM by_psycopg2")
    print(cursor.fetchone()[0])
