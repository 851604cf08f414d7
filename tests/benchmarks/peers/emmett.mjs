// Emmett's PostgreSQL event store: reads one command a line, answers with one line of JSON.
import { createInterface } from "node:readline";
import { randomUUID } from "node:crypto";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [url, folder] = process.argv.slice(2);
const require = createRequire(`${folder}/package.json`);
const { getPostgreSQLEventStore } = await import(
  pathToFileURL(require.resolve("@event-driven-io/emmett-postgresql")).href
);
const store = getPostgreSQLEventStore(url);
await store.schema.migrate();
const detail = "Canvas did not respond in time. ".repeat(5);

const newEvents = (count) =>
  Array.from({ length: count }, () => ({
    type: "CourseFetchFailed",
    data: {
      connection_id: randomUUID(), sync_id: randomUUID(), course_id: "104857",
      code: "canvas-timeout", detail, progress: { total: 40, done: 17, failed: 1 },
    },
  }));

const append = async ({ writers, size, total }) => {
  let left = total / size;
  const write = async () => {
    while (left-- > 0) await store.appendToStream(randomUUID(), newEvents(size));
  };
  await Promise.all(Array.from({ length: writers }, write));
};

const fill = async ({ stream, total }) => {
  for (let done = 0; done < total; done += 50) await store.appendToStream(stream, newEvents(50));
};

const readStream = async ({ stream, repeats }) => {
  for (let nth = 0; nth < repeats; nth++) await store.readStream(stream);
};

const operations = { append, fill, read_stream: readStream };
console.log(JSON.stringify({ ready: true }));
for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line);
  const [wall, cpu] = [performance.now(), process.cpuUsage()];
  await operations[command.operation](command);
  const used = process.cpuUsage(cpu);
  console.log(JSON.stringify({
    wall: (performance.now() - wall) / 1e3, cpu: (used.user + used.system) / 1e6,
  }));
}
await store.close();
