// Runs the example of the README until its standard input ends.
import { showGrades } from "./app.ts";

const [url = "", token = ""] = process.argv.slice(2);
const stop = new AbortController();
process.stdin.on("end", () => stop.abort()).resume();
await showGrades(url, () => token, stop.signal);
