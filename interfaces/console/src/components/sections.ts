// The parts of the console and the screens in them, as the navigation lists them.
import type { ComponentType } from "preact";
import { settings } from "../session/settings.ts";
import type { Session } from "../session/session.ts";

export interface Link {
  readonly path: readonly string[];
  readonly label: string;
}

export interface Section {
  readonly name: string;
  readonly label: string;
  readonly links: readonly Link[];
}

/** The screens of a part of the console, by the second part of their address; "" is the first. */
export type Screens = Readonly<Record<string, ComponentType>>;

const STUDENT: Section = {
  name: "student",
  label: "Student",
  links: [
    { path: ["student"], label: "Overview" },
    { path: ["student", "courses"], label: "Courses" },
    { path: ["student", "assignments"], label: "Assignments" },
    { path: ["student", "grades"], label: "Grade history" },
    { path: ["student", "connections"], label: "Canvas accounts" },
    { path: ["student", "privacy"], label: "Your data" },
  ],
};

const AUDITOR: Section = {
  name: "auditor",
  label: "Auditor",
  links: [
    { path: ["auditor"], label: "Connections" },
    { path: ["auditor", "readings"], label: "Who read what" },
    { path: ["auditor", "proofs"], label: "Proofs" },
  ],
};

const ADMIN: Section = {
  name: "admin",
  label: "Admin",
  links: [
    { path: ["admin"], label: "What is wrong" },
    { path: ["admin", "connections"], label: "Connections" },
    { path: ["admin", "hosts"], label: "Hosts" },
    { path: ["admin", "runs"], label: "Runs" },
    { path: ["admin", "workers"], label: "Processes" },
    { path: ["admin", "projections"], label: "Read models" },
    { path: ["admin", "schedule"], label: "Next 24 hours" },
    { path: ["admin", "people"], label: "Erase a person" },
    { path: ["admin", "runbook"], label: "Runbook" },
  ],
};

const DESK: Section = {
  name: "desk",
  label: "Teacher's desk",
  links: [{ path: ["desk"], label: "Teacher's desk" }],
};

/** The parts that a person with these roles can use; the teacher's desk exists in the demo only. */
export function sectionsOf({ roles }: Session): Section[] {
  const isAdmin = roles.includes("admin");
  const sections = [STUDENT];
  if (isAdmin || roles.includes("auditor")) sections.push(AUDITOR);
  if (isAdmin) sections.push(ADMIN);
  if (settings.value?.demo) sections.push(DESK);
  return sections;
}

/** The part with which a person begins. */
export function homeOf({ roles }: Session): string {
  if (roles.includes("admin")) return "admin";
  return roles.includes("auditor") ? "auditor" : "student";
}
