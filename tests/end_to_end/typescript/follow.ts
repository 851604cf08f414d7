// Prints what `follow` reports, one JSON document a line, until its standard input ends.
import { createEaseboard, unwrap } from "./client.ts";

const [url = "", expiringToken = "", nextToken = ""] = process.argv.slice(2);
const print = (document: object): void => console.log(JSON.stringify(document));
let token = expiringToken;
const api = createEaseboard({
  url,
  getToken(renew) {
    if (renew) {
      token = nextToken;
      print({ renewed: true });
    }
    return token;
  },
});

async function printNewestScore(): Promise<void> {
  const query = { sort: "-changed_at", baseline: false } as const;
  const changes = await unwrap(api.GET("/api/v1/canvas/grades/history", { params: { query } }));
  const newest = changes.items.find(({ subject }) => subject === "assignment");
  print({ newest: newest?.current?.score ?? null });
}

let wasWaiting = false;
const stop = new AbortController();
process.stdin.on("end", () => stop.abort()).resume();
await api.follow(
  (message) => {
    if (message.type === "grade") print({ grade: message.change.current?.score ?? null });
    if (message.type === "snapshot") {
      print({ missed: message.missed ?? false });
      if (wasWaiting) void printNewestScore();
    }
  },
  {
    signal: stop.signal,
    onState(state) {
      print({ state });
      wasWaiting ||= state === "waiting";
    },
  },
);
