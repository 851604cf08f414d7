// The screens of this part, by their address.
import type { Screens } from "../components/sections.ts";
import { DeskPage } from "./desk-page.tsx";

export const deskScreens: Screens = { "": DeskPage };
