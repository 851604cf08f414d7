// The screens of this part, by their address.
import type { Screens } from "../components/sections.ts";
import { ConnectionsPage } from "./connections-page.tsx";
import { ErasePage } from "./erase-page.tsx";
import { HostsPage } from "./hosts-page.tsx";
import { ProcessesPage } from "./processes-page.tsx";
import { ReadModelsPage } from "./read-models-page.tsx";
import { RunbookPage } from "./runbook-page.tsx";
import { RunsPage } from "./runs-page.tsx";
import { SchedulePage } from "./schedule-page.tsx";
import { WhatIsWrongPage } from "./what-is-wrong-page.tsx";

export const adminScreens: Screens = {
  "": WhatIsWrongPage,
  connections: ConnectionsPage,
  hosts: HostsPage,
  runs: RunsPage,
  workers: ProcessesPage,
  projections: ReadModelsPage,
  schedule: SchedulePage,
  people: ErasePage,
  runbook: RunbookPage,
};
