// Starts the console: loads the settings, follows sessions, and draws the page.
import { render } from "preact";
import { App } from "./app.tsx";
import { followSessions } from "./live.ts";
import { loadSettings } from "./session/settings.ts";

followSessions();
void loadSettings();
const root = document.getElementById("console");
if (root) render(<App />, root);
