// What a person can do with their own data: see who looked, take it along, and erase it.
import { Card, Page } from "../components/page.tsx";
import { CalendarAddress } from "./calendar-address.tsx";
import { Disclosures } from "./disclosures.tsx";
import { EraseEverything } from "./erase-everything.tsx";
import { TakeOut } from "./take-out.tsx";

export function Privacy() {
  return (
    <Page title="Your data" lead="Who looked at it, how to take it along, and how to erase it.">
      <Card title="Who looked">
        <Disclosures />
      </Card>
      <div class="grid">
        <Card title="Take your data along">
          <TakeOut />
        </Card>
        <Card title="Calendar address">
          <CalendarAddress />
        </Card>
        <Card title="Erase everything">
          <EraseEverything />
        </Card>
      </div>
    </Page>
  );
}
