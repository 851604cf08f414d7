// Sends requests with the client, and prints one JSON document with what it received and sent.
import { allItems, createEaseboard, ProblemError, unwrap } from "./client.ts";

const [url = "", token = "", otherUrl = ""] = process.argv.slice(2);
const sent: { method: string; key: string | null; consistency: string | null }[] = [];
let mustDamageToken = false;
const send = globalThis.fetch;
globalThis.fetch = (input, init) => {
  const request = new Request(input, init);
  const [key, consistency] = [request.headers.get("Idempotency-Key"), request.headers.get("Consistency-Token")];
  sent.push({ method: request.method, key, consistency });
  if (mustDamageToken) request.headers.set("Consistency-Token", "damaged");
  mustDamageToken = false;
  return send(request);
};

const renewals: boolean[] = [];
const getToken = (renew: boolean): string => {
  renewals.push(renew);
  return renewals.includes(true) ? token : "not-a-token";
};
const api = createEaseboard({ url: `${url}/`, getToken });
const courses = await unwrap(api.GET("/api/v1/canvas/courses"));
const names: (string | null)[] = [];
for await (const { name } of allItems((cursor) =>
  api.GET("/api/v1/canvas/assignments", { params: { query: { limit: 5, ...cursor } } }),
)) {
  names.push(name);
}
const connection_id = courses.items[0]?.connection_id ?? "";
const path = { connection_id };
const started = await api.POST("/api/v1/canvas/connections/{connection_id}/sync", { params: { path } });
const commandToken = started.response.headers.get("Consistency-Token");
await unwrap(
  api.POST("/api/v1/canvas/courses/{course_id}/what-if", {
    params: { path: { course_id: courses.items.find(({ role }) => role === "student")?.id ?? "" } },
    body: { scores: {} },
  }),
);
const runs = await unwrap(api.GET("/api/v1/sync/logs"));
mustDamageToken = true;
const afterDamage = await unwrap(api.GET("/api/v1/sync/status"));
const unknown = "00000000-0000-4000-8000-000000000000";
const refused = await api.GET("/api/v1/canvas/courses/{course_id}", {
  params: { path: { course_id: unknown } },
});
const thrown: unknown = await unwrap(
  api.GET("/api/v1/canvas/grades/history", { params: { query: { limit: 0 } } }),
).catch((error: unknown) => error);
const other = createEaseboard({ url: otherUrl, getToken: () => token });
const foreign = await other.GET("/api/v1/dashboard/stats");
console.log(
  JSON.stringify({
    courses: courses.items.length,
    names,
    renewals: renewals.filter((renew) => renew).length,
    started: started.data?.id,
    runs: runs.items.map(({ id }) => id),
    commandToken,
    afterDamage: afterDamage.items.length,
    refused: refused.error,
    thrown: thrown instanceof ProblemError ? thrown.problem : String(thrown),
    foreign: foreign.error,
    sent,
  }),
);
