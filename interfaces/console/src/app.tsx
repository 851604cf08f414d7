// Decides what is shown: the sign-in page, or the screen of the present address.
import { adminScreens } from "./admin/screens.tsx";
import { auditorScreens } from "./auditor/screens.tsx";
import { NotFound, RoleMissing } from "./components/notices.tsx";
import { homeOf, sectionsOf, type Screens } from "./components/sections.ts";
import { Shell } from "./components/shell.tsx";
import { deskScreens } from "./desk/screens.tsx";
import { ownOf } from "./fragment.ts";
import { route } from "./router.ts";
import { session } from "./session/session.ts";
import { SignInPage } from "./session/sign-in-page.tsx";
import { studentScreens } from "./student/screens.tsx";
import type { Role } from "./types.ts";

const SCREENS: Readonly<Record<string, Screens>> = {
  student: studentScreens,
  auditor: auditorScreens,
  admin: adminScreens,
  desk: deskScreens,
};

/** The parts of the console that need a role. */
const ROLES: Readonly<Record<string, Role>> = { auditor: "auditor", admin: "admin" };

export function App() {
  const current = session.value;
  if (!current) return <SignInPage />;
  const [section = homeOf(current), name = ""] = route.value.path;
  const Screen = ownOf(ownOf(SCREENS, section) ?? {}, name) ?? NotFound;
  const role = ownOf(ROLES, section);
  const isPermitted = !role || sectionsOf(current).some((each) => each.name === section);
  return (
    <Shell section={section} key={current.userId}>
      {isPermitted ? <Screen /> : <RoleMissing role={role} />}
    </Shell>
  );
}
