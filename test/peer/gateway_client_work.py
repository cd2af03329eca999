"""What an agent does with the client of Python, told as a JSON array of what came of it. Arguments: the URL of
the gateway, one of a user's keys, one of an administrator, one of another workspace."""
import json
import sys

import agentcoopdb

url, user_key, admin_key, other_key = sys.argv[1:]
admin = agentcoopdb.connect(url, admin_key)
db = agentcoopdb.connect(url, user_key)
told = []


def refused(work):
    try:
        work()
        return "done"
    except agentcoopdb.GatewayError as error:
        return f"{error.status} {error.title}"


admin.execute("CREATE TABLE work_py (id int PRIMARY KEY, body text)")
told.append(db.me()["role"])
told.append(db.execute("INSERT INTO work_py VALUES ($1, $2) RETURNING id", [1, "hi"])["rows"])
told.append(db.select("SELECT * FROM work_py WHERE body = $1", ["hi"]))
with db.transaction() as tx:
    tx.execute("INSERT INTO work_py VALUES ($1, $2)", [2, "start"])
    tx.execute("UPDATE work_py SET body = $1 WHERE id = $2", ["running", 1])
told.append([[row["id"], row["body"]] for row in db.select("SELECT * FROM work_py ORDER BY id")])
told.append(refused(lambda: db.execute("INSERT INTO work_py VALUES (1, 'twice')")))
told.append([refused(lambda sql=sql: db.execute(sql)) for sql in (
    "SELECT set_config('role', 'postgres', false)", "SET ROLE postgres", "SELECT 1; DELETE FROM work_py", "COMMIT",
    "CREATE TABLE x ()")])
told.append(refused(lambda: agentcoopdb.connect(url, other_key).select("SELECT * FROM work_py")))
admin.execute("CREATE TABLE vectors_py (id text PRIMARY KEY, metadata jsonb, embedding vector)")
east = {"id": "east", "metadata": {"n": 1}, "vector": [1, 0]}
told.append(db.vector_upsert("vectors_py", [east, {"id": "north", "metadata": {}, "vector": [0, 1]}])["rows_affected"])
told.append(db.vector_upsert("vectors_py", [{**east, "metadata": {"n": 2}}])["rows_affected"])
told.append([[row["id"], row["metadata"]] for row in db.vector_search("vectors_py", [1, 0.5])])
told.append([[row["id"], row["distance"]] for row in db.vector_search("vectors_py", [0, 2], k=1)])
told.append(db.rpc_call("double", {"n": 21}))
old = db.api_key
db.rotate_key()
told.append([db.api_key != old, db.select("SELECT count(*) AS n FROM work_py")[0]["n"]])
print(json.dumps(told))
