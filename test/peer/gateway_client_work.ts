// What an agent does with the client of TypeScript, told as a JSON array of what came of it. Arguments: the URL
// of the gateway, one of a user's keys, one of an administrator, one of another workspace.
import { connect, GatewayError } from "./agentcoopdb.ts";
import type { Json } from "./agentcoopdb.ts";

const [url, userKey, adminKey, otherKey] = process.argv.slice(2) as [string, string, string, string];
const admin = connect(url, { apiKey: adminKey });
const db = connect(url, { apiKey: userKey });
const told: Json[] = [];

const refused = async (work: () => Promise<unknown>): Promise<string> => {
  try {
    await work();
    return "done";
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    return `${error.status} ${error.problem.title}`;
  }
};

await admin.execute("CREATE TABLE work_ts (id int PRIMARY KEY, body text)");
told.push((await db.me()).role);
told.push((await db.execute("INSERT INTO work_ts VALUES ($1, $2) RETURNING id", [1, "hi"])).rows);
told.push(await db.select("SELECT * FROM work_ts WHERE body = $1", ["hi"]));
await db.transaction((tx) => {
  tx.execute("INSERT INTO work_ts VALUES ($1, $2)", [2, "start"]);
  tx.execute("UPDATE work_ts SET body = $1 WHERE id = $2", ["running", 1]);
});
told.push((await db.select("SELECT * FROM work_ts ORDER BY id")).map((row) => [row.id ?? null, row.body ?? null]));
told.push(await refused(() => db.execute("INSERT INTO work_ts VALUES (1, 'twice')")));
const attempts = ["SELECT set_config('role', 'postgres', false)", "SET ROLE postgres", "SELECT 1; DELETE FROM work_ts", "COMMIT", "CREATE TABLE x ()"];
const refusals: string[] = [];
for (const sql of attempts) refusals.push(await refused(() => db.execute(sql)));
told.push(refusals);
told.push(await refused(() => connect(url, { apiKey: otherKey }).select("SELECT * FROM work_ts")));
await admin.execute("CREATE TABLE vectors_ts (id text PRIMARY KEY, metadata jsonb, embedding vector)");
const east = { id: "east", metadata: { n: 1 }, vector: [1, 0] };
told.push((await db.vectorUpsert("vectors_ts", [east, { id: "north", metadata: {}, vector: [0, 1] }])).rows_affected);
told.push((await db.vectorUpsert("vectors_ts", [{ ...east, metadata: { n: 2 } }])).rows_affected);
told.push((await db.vectorSearch("vectors_ts", [1, 0.5])).map((row) => [row.id ?? null, row.metadata ?? null]));
told.push((await db.vectorSearch("vectors_ts", [0, 2], { k: 1 })).map((row) => [row.id ?? null, row.distance ?? null]));
told.push(await db.rpcCall("double", { n: 21 }));
const old = db.apiKey;
await db.rotateKey();
told.push([db.apiKey !== old, (await db.select("SELECT count(*) AS n FROM work_ts"))[0]?.n ?? null]);
console.log(JSON.stringify(told));
