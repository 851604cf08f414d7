// The shapes of the API that only auditors get, by short names.
import type { Schemas } from "../types.ts";

export type AuditedConnection = Schemas["AuditedConnection"];
export type AuditedEvent = Schemas["AuditedEvent"];
export type RecordedReading = Schemas["RecordedReading"];
export type SignedCheckpoint = Schemas["SignedCheckpoint"];
export type VerificationReport = Schemas["VerificationReport"];
export type ViewChange = Schemas["ViewChange"];
export type ViewDiff = Schemas["ViewDiff"];
export type ViewThen = Schemas["ViewThen"];

/** What each line of the events needs to show its causes. */
export interface EventContext {
  connectionId: string;
  /** All loaded events, among which causes are searched. */
  known: readonly AuditedEvent[];
  onCauses: (events: readonly AuditedEvent[]) => void;
}
