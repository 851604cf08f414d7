// The screens of this part, by their address.
import type { Screens } from "../app.tsx";
import { DeskPage } from "./desk-page.tsx";

export const deskScreens: Screens = { "": DeskPage };
