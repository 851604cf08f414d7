// The chart of how far each read model is behind, in seconds or in events.
import { Choice } from "../components/form.tsx";
import { LineChart } from "../components/line-chart.tsx";
import { Card } from "../components/page.tsx";
import { route, setParameters } from "../router.ts";
import { KEPT_MINUTES, lagSamples } from "./lag-samples.ts";

const UNITS = [
  ["seconds", "Seconds"],
  ["events", "Events"],
] as const;

export function LagChart({ names }: { names: readonly string[] }) {
  const unit = route.value.query.get("unit") === "events" ? "events" : "seconds";
  const samples = lagSamples.value;
  return (
    <Card
      title="Lag"
      actions={
        <Choice
          label="Lag in"
          value={unit}
          options={UNITS}
          onChange={(value) => setParameters({ unit: value === "seconds" ? undefined : value })}
        />
      }
    >
      <LineChart
        label={`Lag in ${unit}`}
        isFromZero
        times={samples.map(({ time }) => time)}
        series={names.map((name) => ({
          label: name,
          values: samples.map(({ lags }) => lags[name]?.[unit] ?? null),
        }))}
      />
      <p class="fine">
        Measured every 2 seconds while this screen is open, for the last {KEPT_MINUTES} minutes.
      </p>
    </Card>
  );
}
