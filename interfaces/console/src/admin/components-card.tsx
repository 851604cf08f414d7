// The components of the service as `/health/ready` reports them.
import { api, problemOf, unwrap, useLoaded } from "../api.ts";
import { Shown } from "../components/notices.tsx";
import { Card } from "../components/page.tsx";
import { Badge } from "../components/text.tsx";

type Components = Readonly<Record<string, string>>;

/** Load the status of each component, also when one that is required fails. */
async function loadComponents(): Promise<Components> {
  try {
    return (await unwrap(api.GET("/health/ready"))).components;
  } catch (error) {
    const { components } = problemOf(error) as { components?: Components };
    if (components) return components;
    throw error;
  }
}

const isFine = (status: string): boolean => status === "ok";

export function ComponentsCard() {
  const loaded = useLoaded(loadComponents, [], { everySeconds: 10 });
  return (
    <Card title="Components">
      <Shown loaded={loaded}>
        {(components) => (
          <ul class="list component-list">
            {Object.entries(components)
              .sort(([, one], [, other]) => Number(isFine(one)) - Number(isFine(other)))
              .map(([name, status]) => (
                <li key={name}>
                  <span>{name.replaceAll("_", " ")}</span>
                  {isFine(status) ? <Badge kind="good">ok</Badge> : <span class="error">{status}</span>}
                </li>
              ))}
          </ul>
        )}
      </Shown>
    </Card>
  );
}
