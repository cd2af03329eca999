// A session with the MCP server by the official client library: what each step answered goes to
// standard output, a JSON document a line, for the test to look at.
//   node session.mjs stdio COMMAND...            the environment is the server's
//   node session.mjs http URL TOKEN
// The steps come on standard input, a JSON array: {"tool": ..., "arguments": ...}, {"list": true},
// {"ping": true}, {"tool": ..., "cancel_after": milliseconds}.
import { readFileSync } from "node:fs";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";

const [kind, ...rest] = process.argv.slice(2);
const steps = JSON.parse(readFileSync(0, "utf8"));

function tell(value) {
  process.stdout.write(JSON.stringify(value) + "\n");
}

function transport() {
  if (kind === "stdio")
    return new StdioClientTransport({ command: rest[0], args: rest.slice(1), env: { ...process.env }, stderr: "inherit" });
  return new StreamableHTTPClientTransport(new URL(rest[0]), {
    requestInit: { headers: { Authorization: `Bearer ${rest[1]}` } },
  });
}

async function take(client, step) {
  if (step.list) return await client.listTools();
  if (step.ping) return await client.ping();
  const options = {};
  if (step.cancel_after) {
    const controller = new AbortController();
    options.signal = controller.signal;
    setTimeout(() => controller.abort("enough"), step.cancel_after);
  }
  return await client.callTool({ name: step.tool, arguments: step.arguments ?? {} }, undefined, options);
}

const client = new Client({ name: "test", version: "1" });
await client.connect(transport());
tell({ server: client.getServerVersion(), capabilities: client.getServerCapabilities() });
for (const step of steps) {
  try {
    tell({ result: await take(client, step) });
  } catch (error) {
    tell({ error: { code: error.code ?? null, message: String(error.message ?? error) } });
  }
}
await client.close();
