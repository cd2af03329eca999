// A client of the SQL gateway with nothing but fetch.
//
// Every call has an Idempotency-Key of its own, so it may be repeated: a broken connection, 429 and 5xx
// are repeated with the same key, after what Retry-After says; 409 and all else never.
import { randomUUID } from "node:crypto";

export class GatewayError extends Error {
  constructor(status, problem) {
    super(`${status} ${problem.title}: ${problem.detail}`);
    Object.assign(this, { status, ...problem });
  }
}

// Writes that are one statement: each but the last is a WITH query of it.
class Transaction {
  statements = [];
  params = [];

  execute(sql, params = []) {
    const before = this.params.length;
    this.statements.push(sql.replace(/\$(\d+)/g, (_, n) => `$${Number(n) + before}`).replace(/\s*;?\s*$/, ""));
    this.params.push(...params);
  }

  get sql() {
    const parts = this.statements.slice(0, -1).map((sql, i) => `step_${i} AS (${sql})`);
    return (parts.length ? `WITH ${parts.join(", ")} ` : "") + this.statements.at(-1);
  }
}

export class Database {
  constructor(url, { apiKey, attempts = 8, pause = 50 }) {
    Object.assign(this, { url, apiKey, attempts, pause });
  }

  // Runs a statement and returns the answer: command, columns, rows, rows_affected, ...
  execute(sql, params = [], idempotencyKey) {
    return this.#call("POST", "/v1/sql/execute", { sql, params }, idempotencyKey);
  }

  // Runs a query and returns its rows as objects.
  async select(sql, params = []) {
    const { columns, rows } = await this.execute(sql, params);
    return rows.map((row) => Object.fromEntries(row.map((value, i) => [columns[i], value])));
  }

  async transaction(work) {
    const transaction = new Transaction();
    await work(transaction);
    return this.execute(transaction.sql, transaction.params);
  }

  async rpcCall(procedure, args = {}) {
    return (await this.#call("POST", "/v1/rpc/call", { procedure, args })).result;
  }

  vectorSearch(table, column, query, k = 5) {
    return this.select(`SELECT *, "${column}" <=> $1::vector AS distance FROM "${table}" ORDER BY distance LIMIT $2`, [query, k]);
  }

  // Replaces the key, which lives on for a while, and returns the new one.
  async rotateKey() {
    const answer = await this.#call("POST", "/v1/auth/keys/rotate", {});
    this.apiKey = answer.token;
    return answer;
  }

  me() {
    return this.#call("GET", "/v1/me");
  }

  async #call(method, path, body, idempotencyKey = randomUUID()) {
    const headers = { Authorization: `Bearer ${this.apiKey}`, "Content-Type": "application/json", "Idempotency-Key": idempotencyKey };
    for (let attempt = 1; ; attempt++) {
      let response, text;
      try {
        response = await fetch(this.url + path, { method, headers, body: body && JSON.stringify(body) });
        text = await response.text();
      } catch (error) {
        if (attempt === this.attempts) throw error;
        response = undefined;
      }
      if (response?.ok) return JSON.parse(text);
      if (response && (attempt === this.attempts || (response.status !== 429 && response.status < 500)))
        throw new GatewayError(response.status, JSON.parse(text));
      const after = response?.headers.get("Retry-After");
      await new Promise((done) => setTimeout(done, after ? Number(after) * 1000 : this.pause * 2 ** (attempt - 1)));
    }
  }
}

export const connect = (url, options) => new Database(url, options);
