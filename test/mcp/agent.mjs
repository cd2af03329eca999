// One session of an agent with the MCP server, through the protocol's own client library: does the
// steps that a specification (JSON on standard input) lists, and prints what came of each and every
// message that went over the wire, as JSON.
//
//   {"command": "appinfrad", "args": ["mcp"], "env": {...}, "steps": [STEP, ...]}   over stdio, or
//   {"url": "http://127.0.0.1:1/mcp", "headers": {...}, "steps": [STEP, ...]}       over HTTP
// A STEP has "do": "list" | "ping" | "call" (name, arguments, cancel_after: milliseconds)
//   | "request" (method, params: as they are).
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { text } from 'node:stream/consumers';
import * as z from 'zod';

const specification = JSON.parse(await text(process.stdin));
const transcript = [];

// The transport, which notes all that goes through it.
function transportOf(it) {
	const transport = it.url
		? new StreamableHTTPClientTransport(new URL(it.url), { requestInit: { headers: it.headers } })
		: new StdioClientTransport({ command: it.command, args: it.args, env: it.env, stderr: 'pipe' });
	const send = transport.send.bind(transport);
	transport.send = (message, options) => {
		transcript.push({ sent: message });
		return send(message, options);
	};
	return transport;
}

// Notes what is received, before the client sees it.
function listen(transport) {
	const receive = transport.onmessage;
	transport.onmessage = (message, extra) => {
		transcript.push({ received: message });
		return receive(message, extra);
	};
}

async function call(client, step) {
	const cancel = new AbortController();
	const options = { signal: cancel.signal, timeout: 60000 };
	if (step.cancel_after !== undefined)
		setTimeout(() => cancel.abort('changed my mind'), step.cancel_after);
	return client.callTool({ name: step.name, arguments: step.arguments }, undefined, options);
}

async function perform(client, step) {
	switch (step.do) {
		case 'list': return client.listTools();
		case 'ping': return client.ping();
		case 'call': return call(client, step);
		case 'request': return client.request({ method: step.method, params: step.params }, z.looseObject({}));
		default: throw new Error(`no such step: ${step.do}`);
	}
}

async function main() {
	const client = new Client({ name: 'appinfra-test', version: '1.0.0' });
	const transport = transportOf(specification);
	await client.connect(transport);
	listen(transport);
	const results = [];
	for (const step of specification.steps) {
		try {
			results.push({ ok: await perform(client, step) });
		} catch (error) {
			results.push({ error: { code: error.code, message: String(error.message ?? error) } });
		}
	}
	const server = { info: client.getServerVersion(), capabilities: client.getServerCapabilities(),
		instructions: client.getInstructions(), session: transport.sessionId };
	await client.close();
	process.stdout.write(JSON.stringify({ server, results, transcript }));
}

try {
	await main();
} catch (error) {
	process.stdout.write(JSON.stringify({ failed: String(error), code: error.code, transcript }));
	process.exitCode = 1;
}
