// A client of the SQL gateway with nothing but fetch.
//
// Every call has an Idempotency-Key of its own, so it may be repeated: a broken connection, 429 and 5xx
// are repeated with the same key, after what Retry-After says; 409 and all else never.
import { randomUUID } from "node:crypto";

export type Json = null | boolean | number | string | Json[] | { [name: string]: Json };
export type Row = { [column: string]: Json };

export interface Answer {
  command: string;
  columns: string[];
  rows: Json[][];
  rows_affected: number;
  duration_ms: number;
  notice?: string;
}

export interface Me {
  workspace_id: string;
  key_id: string;
  role: "dbadmin" | "dbuser" | "reader";
  env: "dev" | "live" | "test";
  server: { version: string; commit: string; build_date: string };
}

export interface NewKey {
  new_key_id: string;
  token: string;
  notice: string;
}

export interface VectorRow {
  id: string;
  metadata: { [name: string]: Json };
  vector: number[];
}

export interface Options {
  apiKey: string;
  attempts?: number;
  pause?: number; // milliseconds before the first repetition
}

interface Problem {
  title: string;
  detail: string;
  sqlstate?: string;
  hint?: string;
}

// An answer that is a problem.
export class GatewayError extends Error {
  readonly status: number;
  readonly problem: Problem;

  constructor(status: number, problem: Problem) {
    super(`${status} ${problem.title}: ${problem.detail}`);
    this.status = status;
    this.problem = problem;
  }
}

// Writes that are one statement: each but the last is a WITH query of it.
class Transaction {
  readonly statements: string[] = [];
  readonly params: Json[] = [];

  execute(sql: string, params: Json[] = []): void {
    const before = this.params.length;
    this.statements.push(sql.replace(/\$(\d+)/g, (_, n: string) => `$${Number(n) + before}`).replace(/\s*;?\s*$/, ""));
    this.params.push(...params);
  }

  get sql(): string {
    const parts = this.statements.slice(0, -1).map((sql, i) => `step_${i} AS (${sql})`);
    return (parts.length ? `WITH ${parts.join(", ")} ` : "") + this.statements.at(-1);
  }
}

export class Database {
  readonly url: string;
  apiKey: string;
  readonly attempts: number;
  readonly pause: number;

  constructor(url: string, { apiKey, attempts = 8, pause = 50 }: Options) {
    this.url = url;
    this.apiKey = apiKey;
    this.attempts = attempts;
    this.pause = pause;
  }

  // Runs a statement and returns the answer.
  execute(sql: string, params: Json[] = [], idempotencyKey?: string): Promise<Answer> {
    return this.#call<Answer>("POST", "/v1/sql/execute", { sql, params }, idempotencyKey);
  }

  // Runs a query and returns its rows as objects.
  async select(sql: string, params: Json[] = []): Promise<Row[]> {
    const { columns, rows } = await this.execute(sql, params);
    return rows.map((row) => Object.fromEntries(columns.map((column, i) => [column, row[i] ?? null])));
  }

  // Runs the writes that work has given, together or not at all.
  async transaction(work: (transaction: Transaction) => void): Promise<Answer> {
    const transaction = new Transaction();
    work(transaction);
    return this.execute(transaction.sql, transaction.params);
  }

  async rpcCall(procedure: string, args: { [name: string]: Json } = {}): Promise<Json> {
    return (await this.#call<{ result: Json }>("POST", "/v1/rpc/call", { procedure, args })).result;
  }

  // Stores rows, in place of those that have their ids.
  vectorUpsert(table: string, rows: VectorRow[], { id = "id", vector = "embedding" } = {}): Promise<Answer> {
    const values = rows.map((_, i) => `($${3 * i + 1}, $${3 * i + 2}::jsonb, $${3 * i + 3}::vector)`);
    return this.execute(
      `INSERT INTO "${table}" ("${id}", metadata, "${vector}") VALUES ${values.join(", ")} ` +
        `ON CONFLICT ("${id}") DO UPDATE SET metadata = EXCLUDED.metadata, "${vector}" = EXCLUDED."${vector}"`,
      rows.flatMap((row) => [row.id, row.metadata, row.vector]),
    );
  }

  // Returns the k nearest rows with their distance.
  vectorSearch(table: string, query: number[], { k = 5, vector = "embedding" } = {}): Promise<Row[]> {
    return this.select(`SELECT *, "${vector}" <=> $1::vector AS distance FROM "${table}" ORDER BY distance LIMIT $2`, [query, k]);
  }

  // Replaces the key, which lives on for a while, and returns the new one.
  async rotateKey(): Promise<NewKey> {
    const answer = await this.#call<NewKey>("POST", "/v1/auth/keys/rotate", {});
    this.apiKey = answer.token;
    return answer;
  }

  me(): Promise<Me> {
    return this.#call<Me>("GET", "/v1/me");
  }

  async #call<Result>(method: string, path: string, body?: object, idempotencyKey: string = randomUUID()): Promise<Result> {
    const headers = { Authorization: `Bearer ${this.apiKey}`, "Content-Type": "application/json", "Idempotency-Key": idempotencyKey };
    const request: RequestInit = { method, headers, ...(body ? { body: JSON.stringify(body) } : {}) };
    for (let attempt = 1; ; attempt++) {
      const { status, text, after } = await this.#send(path, request, attempt === this.attempts);
      if (status >= 200 && status < 300) return JSON.parse(text) as Result;
      if (status !== 0 && (attempt === this.attempts || (status !== 429 && status < 500)))
        throw new GatewayError(status, JSON.parse(text) as Problem);
      await new Promise((done) => setTimeout(done, after ? Number(after) * 1000 : this.pause * 2 ** (attempt - 1)));
    }
  }

  // Sends a request; status 0: the connection broke, which is thrown at the last attempt.
  async #send(path: string, request: RequestInit, last: boolean): Promise<{ status: number; text: string; after: string | null }> {
    try {
      const response = await fetch(this.url + path, request);
      return { status: response.status, text: await response.text(), after: response.headers.get("Retry-After") };
    } catch (error) {
      if (last) throw error;
      return { status: 0, text: "", after: null };
    }
  }
}

export const connect = (url: string, options: Options): Database => new Database(url, options);
