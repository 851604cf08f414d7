// What stands in place of a student's data as long as no Canvas account is connected.
import type { ComponentChildren } from "preact";
import { Empty, Shown } from "../components/notices.tsx";
import { Card } from "../components/page.tsx";
import { href } from "../router.ts";
import { useConnections } from "./student-data.ts";

/** Draw a part of a screen if the student has a Canvas account; otherwise a link to connect one. */
export function WithAccount({ children }: { children: ComponentChildren }) {
  const connections = useConnections();
  return (
    <Shown loaded={connections}>{(accounts) => (accounts.length ? children : <NoAccount />)}</Shown>
  );
}

function NoAccount() {
  return (
    <Card>
      <Empty>
        No Canvas account is connected yet.{" "}
        <a href={href(["student", "connections"])}>Connect one to see your courses, due dates and grades.</a>
      </Empty>
    </Card>
  );
}
