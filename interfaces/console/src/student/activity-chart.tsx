// The work of the last 28 days as bars, with the numbers as a table.
import { formatCount, formatWeekday } from "../format.ts";
import type { Stats } from "../types.ts";

type Days = Stats["activity"];
const HEIGHT = 72;
const STEP = 10;
const BAR = 7;

export function ActivityChart({ days }: { days: Days }) {
  const highest = Math.max(1, ...days.map(({ submitted, graded }) => submitted + graded));
  const submitted = days.reduce((sum, day) => sum + day.submitted, 0);
  const graded = days.reduce((sum, day) => sum + day.graded, 0);
  const scale = HEIGHT / highest;
  const sentence = `${formatCount(submitted, "submission")} and ${formatCount(graded, "grade")} in 28 days`;
  return (
    <figure class="chart activity">
      <svg
        viewBox={`0 0 ${days.length * STEP} ${HEIGHT}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={sentence}
      >
        {days.map((day, index) => (
          <g key={day.date}>
            <rect class="base" x={index * STEP} y={HEIGHT - 1} width={BAR} height={1} />
            <rect
              class="submitted"
              x={index * STEP}
              y={HEIGHT - day.submitted * scale}
              width={BAR}
              height={day.submitted * scale}
            />
            <rect
              class="graded"
              x={index * STEP}
              y={HEIGHT - (day.submitted + day.graded) * scale}
              width={BAR}
              height={day.graded * scale}
            />
          </g>
        ))}
      </svg>
      <figcaption>
        <p class="fine activity-legend">
          <span class="key submitted">Submitted {submitted}</span>
          <span class="key graded">Graded {graded}</span>
        </p>
        <details>
          <summary>Activity as a table</summary>
          <ActivityTable days={days} />
        </details>
      </figcaption>
    </figure>
  );
}

function ActivityTable({ days }: { days: Days }) {
  return (
    <table>
      <caption class="sr">Activity by day, in UTC</caption>
      <thead>
        <tr>
          <th scope="col">Day</th>
          <th scope="col" class="number">
            Submitted
          </th>
          <th scope="col" class="number">
            Graded
          </th>
        </tr>
      </thead>
      <tbody>
        {days
          .filter(({ submitted, graded }) => submitted + graded > 0)
          .map(({ date, submitted, graded }) => (
            <tr key={date}>
              <td>{formatWeekday(`${date}T12:00`)}</td>
              <td class="number">{submitted}</td>
              <td class="number">{graded}</td>
            </tr>
          ))}
      </tbody>
    </table>
  );
}
