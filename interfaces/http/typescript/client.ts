/**
 * A typed client of easeboard, for browsers and for Node.js 22 or newer.
 *
 * Requests are those of openapi-fetch: `await api.GET("/api/v1/canvas/courses")` returns
 * `{ data, error, response }`, where `error` is an RFC 9457 problem. `follow` receives live messages.
 */
import createClient from "openapi-fetch";
import type { Client, Middleware } from "openapi-fetch";
import type { components, paths } from "./openapi.d.ts";

export type Schemas = components["schemas"];
export type LiveMessage = Schemas["LiveMessage"];
export type Problem = Schemas["ProblemDocument"];
/** `waiting`: the connection was lost, and the next attempt is due; `closed`: there is none. */
export type LiveState = "connecting" | "open" | "waiting" | "closed";

type Answer<Data> = Promise<{ data?: Data; error?: Problem; response: Response }>;
type Page<Item> = { items: Item[]; next_cursor: string | null };

export interface EaseboardOptions {
  /** The address of the service without a path, such as `https://easeboard.example`. */
  url: string;
  /** Return the access token. `renew` is true if the service has refused the last one. */
  getToken: (renew: boolean) => string | Promise<string>;
}

export interface FollowOptions {
  /** Ends the connection when it is aborted. */
  signal?: AbortSignal;
  onState?: (state: LiveState) => void;
}

export interface Easeboard extends Client<paths> {
  /**
   * Receive live messages until the signal is aborted; the promise is then resolved.
   *
   * Each connection begins with a snapshot. After a reconnection it has `missed: true`: read again
   * what you show. The promise is also resolved when the data of the user was erased.
   */
  follow: (onMessage: (message: LiveMessage) => void, options?: FollowOptions) => Promise<void>;
}

/** A problem as an exception; see `unwrap`. */
export class ProblemError extends Error {
  readonly problem: Problem;

  constructor(problem: Problem) {
    super(problem.detail);
    this.name = "ProblemError";
    this.problem = problem;
  }
}

/** Return the data of a response, or throw its problem as a ProblemError. */
export async function unwrap<Data>(answer: Answer<Data>): Promise<Data> {
  const { data, error } = await answer;
  if (error) throw new ProblemError(error);
  return data as Data;
}

/** Yield the items of all pages; `read` requests the page of a cursor. */
export async function* allItems<Item>(
  read: (cursor: { cursor?: string }) => Answer<Page<Item>>,
): AsyncGenerator<Item> {
  for (let cursor: string | null = ""; cursor !== null; ) {
    const page: Page<Item> = await unwrap(read(cursor ? { cursor } : {}));
    yield* page.items;
    cursor = page.next_cursor;
  }
}

const TRIES = 4;
const MAX_RETRY_AFTER_SECONDS = 5;
const FIRST_RECONNECTION_MS = 500;
const MAX_RECONNECTION_MS = 30_000;
const CLOSE_UNAUTHORIZED = 4401;
const CLOSE_ERASED = 4410;
const CLOSE_ABNORMAL = 1006;
const PROBLEM_TYPE = "application/problem+json";
const TOKEN_HEADER = "Consistency-Token";

/** Make a client for one user. */
export function createEaseboard({ url, getToken }: EaseboardOptions): Easeboard {
  const baseUrl = url.replace(/\/$/, "");
  let consistencyToken: string | null = null;
  let isOfCommand = false;

  /** A late response to an older request must not replace the token of a newer command. */
  function remember(token: string | null, sent: string | null, isCommand: boolean): void {
    if (token && (isCommand || sent === consistencyToken)) {
      consistencyToken = token;
      isOfCommand = isCommand;
    }
  }

  const headers: Middleware = {
    async onRequest({ request }) {
      request.headers.set("Authorization", `Bearer ${await getToken(false)}`);
      if (request.method === "POST" && !request.headers.has("Idempotency-Key")) {
        request.headers.set("Idempotency-Key", newKey());
      }
    },
    async onResponse({ response }) {
      const isProblem = response.headers.get("Content-Type")?.startsWith(PROBLEM_TYPE);
      return response.status < 400 || isProblem ? undefined : foreignProblem(response);
    },
  };

  /** Send a request; send it again if that can succeed within seconds, or with a new token. */
  async function send(request: Request): Promise<Response> {
    const isCommand = request.method !== "GET" && !isCalculation(request);
    for (let tries = 1; ; tries++) {
      const attempt = request.clone();
      const sent = isCommand ? null : consistencyToken;
      if (sent) attempt.headers.set(TOKEN_HEADER, sent);
      const response = await fetch(attempt);
      remember(response.headers.get(TOKEN_HEADER), sent, isCommand);
      const seconds = Number(response.headers.get("Retry-After") ?? Infinity);
      if (response.ok || tries === TRIES) return response;
      if (response.status === 401 && tries === 1) {
        request.headers.set("Authorization", `Bearer ${await getToken(true)}`);
      } else if (response.status === 400 && sent && (await isBadToken(response))) {
        if (consistencyToken === sent) consistencyToken = null;
      } else if (response.status >= 409 && seconds <= MAX_RETRY_AFTER_SECONDS) {
        await pause(seconds * 1000, request.signal);
      } else return response;
    }
  }

  /** Hold one WebSocket, and return the code with which it was closed. */
  function listen(token: string, onMessage: (message: LiveMessage) => void, signal?: AbortSignal) {
    return new Promise<number>((resolve) => {
      const socket = new WebSocket(`${baseUrl.replace(/^http/, "ws")}/ws/sync-status`);
      const close = (): void => socket.close();
      signal?.addEventListener("abort", close);
      const end = (code: number): void => {
        signal?.removeEventListener("abort", close);
        resolve(code);
      };
      socket.onopen = () => socket.send(JSON.stringify({ type: "auth", token }));
      socket.onmessage = ({ data }) => {
        if (!signal?.aborted) onMessage(JSON.parse(String(data)) as LiveMessage);
      };
      socket.onclose = ({ code }) => end(code);
      socket.onerror = () => end(CLOSE_ABNORMAL);
    });
  }

  const follow: Easeboard["follow"] = async (onMessage, { signal, onState } = {}) => {
    let failures = 0;
    let mustRenew = false;
    let wasOpen = false;
    const receive = (message: LiveMessage): void => {
      const isSnapshot = message.type === "snapshot";
      const mayHaveMissed = isSnapshot && wasOpen;
      wasOpen = true;
      if (!isOfCommand) consistencyToken = message.consistency_token;
      if (isSnapshot) {
        failures = 0;
        mustRenew = false;
        onState?.("open");
      }
      onMessage(mayHaveMissed ? { ...message, missed: true } : message);
    };
    while (!signal?.aborted) {
      onState?.("connecting");
      const token: string | null = await Promise.resolve(mustRenew).then(getToken).catch(() => null);
      if (signal?.aborted) break;
      const code: number =
        token === null ? CLOSE_ABNORMAL : await listen(token, receive, signal);
      if (code === CLOSE_ERASED || signal?.aborted) break;
      const isFirstRefusal = code === CLOSE_UNAUTHORIZED && !mustRenew;
      mustRenew = code === CLOSE_UNAUTHORIZED;
      if (isFirstRefusal) continue;
      onState?.("waiting");
      const limit = Math.min(MAX_RECONNECTION_MS, FIRST_RECONNECTION_MS * 2 ** failures++);
      await pause(limit * (0.5 + Math.random() / 2), signal);
    }
    onState?.("closed");
  };

  const client = createClient<paths>({ baseUrl, fetch: send });
  client.use(headers);
  return Object.assign(client, { follow });
}

/** A what-if calculation is a POST that changes nothing: its token is that of a read. */
function isCalculation({ url }: Request): boolean {
  return new URL(url).pathname.endsWith("/what-if");
}

async function isBadToken(response: Response): Promise<boolean> {
  const problem = (await response.clone().json().catch(() => null)) as Problem | null;
  return problem?.type?.endsWith("/bad-consistency-token") ?? false;
}

/** A proxy between the client and easeboard sends errors that are no problem documents. */
function foreignProblem(response: Response): Response {
  const { status, statusText, url } = response;
  const title = statusText || `HTTP ${status}`;
  const detail = `${title}: this response is not from easeboard but from a server before it.`;
  const instance = URL.canParse(url) ? new URL(url).pathname : "";
  const problem: Problem = { type: "about:blank", title, status, detail, instance, request_id: null };
  const headers = new Headers(response.headers);
  headers.set("Content-Type", PROBLEM_TYPE);
  headers.delete("Content-Length");
  return new Response(JSON.stringify(problem), { status, headers });
}

/** `crypto.randomUUID` is missing in pages that are not served over HTTPS. */
function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function pause(milliseconds: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, milliseconds);
    signal?.addEventListener("abort", end);
  });
}
