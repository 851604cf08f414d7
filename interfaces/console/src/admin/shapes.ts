// The shapes of the admin routes, by short names.
import type { paths } from "../../../http/typescript/openapi.d.ts";
import type { Schemas } from "../types.ts";

export type ActiveRun = Schemas["ActiveRun"];
export type AdminConnection = Schemas["AdminConnection"];
export type AdminStatus = Schemas["AdminStatus"];
export type CanvasHost = Schemas["CanvasHost"];
export type DeadLetter = Schemas["DeadLetter"];
export type Finding = Schemas["StatusFinding"];
export type LiveProcess = Schemas["LiveProcess"];
export type Projection = Schemas["Projection"];
export type RoleProcesses = Schemas["RoleProcesses"];
export type ScheduledHour = Schemas["ScheduledHour"];

type QueryOf<Path extends "/api/v1/admin/connections" | "/api/v1/admin/runs"> = NonNullable<
  paths[Path]["get"]["parameters"]["query"]
>;
/** The filters of a list; what the address has and the API does not know is refused by the API. */
export type ConnectionFilters = Omit<QueryOf<"/api/v1/admin/connections">, "limit" | "cursor">;
export type RunStatus = NonNullable<QueryOf<"/api/v1/admin/runs">["status"]>;
