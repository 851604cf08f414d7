// Decides what is shown: the sign-in page, or the screen of the present address.
import type { ComponentType } from "preact";
import { adminScreens } from "./admin/screens.tsx";
import { auditorScreens } from "./auditor/screens.tsx";
import { NotFound } from "./components/notices.tsx";
import { Shell } from "./components/shell.tsx";
import { deskScreens } from "./desk/screens.tsx";
import { route } from "./router.ts";
import { session } from "./session/session.ts";
import { SignInPage } from "./session/sign-in-page.tsx";
import { studentScreens } from "./student/screens.tsx";
import { homeOf } from "./components/sections.ts";

/** The screens of a part of the console, by the second part of their address; "" is the first. */
export type Screens = Readonly<Record<string, ComponentType>>;

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
