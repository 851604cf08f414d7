// The shapes of the API, by short names. They are generated from the OpenAPI document.
import type { components } from "../../http/typescript/openapi.d.ts";

export type Schemas = components["schemas"];
export type Assignment = Schemas["Assignment"];
export type Connection = Schemas["Connection"];
export type Course = Schemas["Course"];
export type Grade = Schemas["Grade"];
export type GradeChange = Schemas["GradeChange"];
export type LiveMessage = Schemas["LiveMessage"];
export type Stats = Schemas["Stats"];
export type Sync = Schemas["Sync"];
export type ConnectionSync = Schemas["ConnectionSync"];
export type Role = "student" | "auditor" | "admin";
