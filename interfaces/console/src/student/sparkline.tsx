// A small line that shows how a score has developed.
import type { Trend } from "./trend.ts";
import { differenceText } from "./words.ts";

const WIDTH = 72;
const HEIGHT = 24;
const MARGIN = 3;

export function Sparkline({ trend, label }: { trend: Trend; label: string }) {
  const { difference } = trend;
  if (difference === null) return <span class="fine">No change yet</span>;
  const kind = difference > 0 ? "good" : difference < 0 ? "bad" : "same";
  const text = differenceText(difference);
  return (
    <span class={`trend difference-${kind}`}>
      <svg
        width={WIDTH}
        height={HEIGHT}
        viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
        role="img"
        aria-label={`${label}: ${text} points since the first sync`}
      >
        <path d={stepsOf(trend)} />
      </svg>
      <span aria-hidden="true">{text}</span>
    </span>
  );
}

/** Return the path of the steps; time and score are fitted into the picture. */
export function stepsOf({ points }: Trend): string {
  const known = points.flatMap(({ time, score }) => (score === null ? [] : [{ time, score }]));
  const times = known.map(({ time }) => time);
  const scores = known.map(({ score }) => score);
  const [left, low] = [Math.min(...times), Math.min(...scores)];
  const xScale = (WIDTH - 2 * MARGIN) / (Math.max(...times) - left || 1);
  const yScale = (HEIGHT - 2 * MARGIN) / (Math.max(...scores) - low || 1);
  return known
    .map(({ time, score }, index) => {
      const x = Math.round(MARGIN + (time - left) * xScale);
      const y = Math.round(HEIGHT - MARGIN - (score - low) * yScale);
      return index ? `H${x}V${y}` : `M${x} ${y}`;
    })
    .join("");
}
