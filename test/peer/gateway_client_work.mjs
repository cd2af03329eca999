// What an agent does with the client of JavaScript, told as a JSON array of what came of it. Arguments: the URL
// of the gateway, one of a user's keys, one of an administrator, one of another workspace.
import { connect, GatewayError } from "./agentcoopdb.mjs";

const [url, userKey, adminKey, otherKey] = process.argv.slice(2);
const admin = connect(url, { apiKey: adminKey });
const db = connect(url, { apiKey: userKey });
const told = [];

const refused = async (work) => {
  try {
    await work();
    return "done";
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    return `${error.status} ${error.title}`;
  }
};

await admin.execute("CREATE TABLE work_js (id int PRIMARY KEY, body text)");
told.push((await db.me()).role);
told.push((await db.execute("INSERT INTO work_js VALUES ($1, $2) RETURNING id", [1, "hi"])).rows);
told.push(await db.select("SELECT * FROM work_js WHERE body = $1", ["hi"]));
await db.transaction((tx) => {
  tx.execute("INSERT INTO work_js VALUES ($1, $2)", [2, "start"]);
  tx.execute("UPDATE work_js SET body = $1 WHERE id = $2", ["running", 1]);
});
told.push((await db.select("SELECT * FROM work_js ORDER BY id")).map((row) => [row.id, row.body]));
told.push(await refused(() => db.execute("INSERT INTO work_js VALUES (1, 'twice')")));
const attempts = ["SELECT set_config('role', 'postgres', false)", "SET ROLE postgres", "SELECT 1; DELETE FROM work_js", "COMMIT", "CREATE TABLE x ()"];
const refusals = [];
for (const sql of attempts) refusals.push(await refused(() => db.execute(sql)));
told.push(refusals);
told.push(await refused(() => connect(url, { apiKey: otherKey }).select("SELECT * FROM work_js")));
told.push(await refused(() => db.vectorSearch("work_js", "body", [1, 2])));
told.push(await db.rpcCall("double", { n: 21 }));
const old = db.apiKey;
await db.rotateKey();
told.push([db.apiKey !== old, (await db.select("SELECT count(*) AS n FROM work_js"))[0].n]);
console.log(JSON.stringify(told));
