// The read models: how far each is behind the log, why, and what an admin can do with it.
import { api, unwrap, useLoaded } from "../api.ts";
import { Shown } from "../components/notices.tsx";
import { Figure, Page } from "../components/page.tsx";
import { formatNumber } from "../format.ts";
import { route, setParameters } from "../router.ts";
import { DeadLetters } from "./dead-letters.tsx";
import { isInStep } from "./in-step.ts";
import { LagChart } from "./lag-chart.tsx";
import { recordLag, SAMPLE_SECONDS } from "./lag-samples.ts";
import { ReadModelCard } from "./read-model-card.tsx";
import { LagTable } from "./lag-table.tsx";
import { lagText } from "./read-model-state.tsx";
import type { Projection } from "./shapes.ts";

async function loadProjections(signal: AbortSignal): Promise<Projection[]> {
  const { items } = await unwrap(api.GET("/api/v1/admin/projections", { signal }));
  recordLag(items);
  return items;
}

export function ReadModelsPage() {
  const loaded = useLoaded(loadProjections, [], { everySeconds: SAMPLE_SECONDS });
  const letters = route.value.query.get("letters");
  return (
    <Page title="Read models" lead="How far each read model is behind the event log, and what to do about it.">
      <Shown loaded={loaded}>
        {(projections) => (
          <>
            <Figures projections={projections} />
            <LagTable projections={projections} />
            <LagChart names={projections.map(({ name }) => name)} />
            <div class="grid read-models">
              {projections.map((projection) => (
                <ReadModelCard key={projection.name} projection={projection} onChange={loaded.reload} />
              ))}
            </div>
          </>
        )}
      </Shown>
      {letters && (
        <DeadLetters
          name={letters}
          onClose={() => setParameters({ letters: undefined })}
          onChange={loaded.reload}
        />
      )}
    </Page>
  );
}

function Figures({ projections }: { projections: readonly Projection[] }) {
  const inStep = projections.filter(isInStep).length;
  const furthest = projections.reduce<Projection | undefined>(
    (one, other) => (other.lag_events > (one?.lag_events ?? 0) ? other : one),
    undefined,
  );
  const letters = projections.reduce((sum, { dead_letters }) => sum + dead_letters, 0);
  return (
    <div class="figures">
      <Figure
        label="In step"
        value={`${inStep} of ${projections.length}`}
        kind={inStep === projections.length ? "good" : "warn"}
      />
      <Figure
        label="Furthest behind"
        value={furthest ? <small>{`${furthest.name}: ${lagText(furthest)}`}</small> : "None"}
        kind={furthest ? "warn" : "good"}
      />
      <Figure label="Dead letters" value={formatNumber(letters)} kind={letters ? "bad" : "good"} />
    </div>
  );
}
