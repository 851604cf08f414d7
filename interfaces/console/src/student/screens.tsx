// The screens of this part, by their address.
import type { Screens } from "../components/sections.ts";
import { Assignments } from "./assignments.tsx";
import { CanvasAccounts } from "./canvas-accounts.tsx";
import { CoursesOrCourse } from "./course-page.tsx";
import { Grades } from "./grades.tsx";
import { Overview } from "./overview.tsx";
import { Privacy } from "./privacy.tsx";

export const studentScreens: Screens = {
  "": Overview,
  courses: CoursesOrCourse,
  assignments: Assignments,
  grades: Grades,
  connections: CanvasAccounts,
  privacy: Privacy,
};
