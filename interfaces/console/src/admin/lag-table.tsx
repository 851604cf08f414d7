// The answer to "how far behind is each read model?", a line each; it stays a table on narrow screens.
import { formatNumber } from "../format.ts";
import { href } from "../router.ts";
import type { Projection } from "./shapes.ts";
import { lagText, StateBadge } from "./read-model-state.tsx";

export function LagTable({ projections }: { projections: readonly Projection[] }) {
  return (
    <table class="lag-table">
      <caption class="sr">How far behind is each read model</caption>
      <thead>
        <tr>
          <th scope="col">Read model</th>
          <th scope="col">State</th>
          <th scope="col">Behind</th>
          <th scope="col" class="number if-wide">
            Events a second
          </th>
          <th scope="col" class="number if-wide">
            Dead letters
          </th>
          <th scope="col" class="number if-wide">
            Version
          </th>
          <th scope="col" class="if-wide">
            Owner
          </th>
        </tr>
      </thead>
      <tbody>
        {projections.map((projection) => (
          <LagLine key={projection.name} projection={projection} />
        ))}
      </tbody>
    </table>
  );
}

function LagLine({ projection }: { projection: Projection }) {
  const { name, error, events_per_second, dead_letters, version, owner } = projection;
  return (
    <tr class={error ? "row-bad" : undefined}>
      <th scope="row">{name}</th>
      <td>
        <StateBadge projection={projection} />
      </td>
      <td>{lagText(projection)}</td>
      <td class="number if-wide">{events_per_second === null ? "–" : formatNumber(events_per_second)}</td>
      <td class="number if-wide">
        {dead_letters ? (
          <a href={href(["admin", "projections"], { letters: name })}>{formatNumber(dead_letters)}</a>
        ) : (
          "0"
        )}
      </td>
      <td class="number if-wide">{version}</td>
      <td class="if-wide">{owner ? <code class="fine">{owner}</code> : "None"}</td>
    </tr>
  );
}
