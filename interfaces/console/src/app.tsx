// Decides what is shown: the sign-in page, or the screen of the present address.
import { adminScreens } from "./admin/screens.tsx";
import { auditorScreens } from "./auditor/screens.tsx";
import { NotFound } from "./components/notices.tsx";
import { homeOf, type Screens } from "./components/sections.ts";
import { Shell } from "./components/shell.tsx";
import { deskScreens } from "./desk/screens.tsx";
import { route } from "./router.ts";
import { session } from "./session/session.ts";
import { SignInPage } from "./session/sign-in-page.tsx";
import { studentScreens } from "./student/screens.tsx";

const SCREENS: Readonly<Record<string, Screens>> = {
  student: studentScreens,
  auditor: auditorScreens,
  admin: adminScreens,
  desk: deskScreens,
};

export function App() {
  const current = session.value;
  if (!current) return <SignInPage />;
  const [section = homeOf(current), name = ""] = route.value.path;
  const Screen = SCREENS[section]?.[name] ?? NotFound;
  return (
    <Shell section={section} key={current.userId}>
      <Screen />
    </Shell>
  );
}
