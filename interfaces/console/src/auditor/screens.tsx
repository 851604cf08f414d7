// The screens of this part, by their address.
import type { Screens } from "../components/sections.ts";
import { ConnectionList } from "./connection-list.tsx";
import { EventStream } from "./event-stream.tsx";
import { ProofsScreen } from "./proofs-screen.tsx";
import { withPurpose } from "./purpose-gate.tsx";
import { ReadingList } from "./reading-list.tsx";
import { TimeMachine } from "./time-machine.tsx";

export const auditorScreens: Screens = {
  "": withPurpose(ConnectionList),
  connection: withPurpose(TimeMachine),
  events: withPurpose(EventStream),
  readings: withPurpose(ReadingList),
  proofs: withPurpose(ProofsScreen),
};
