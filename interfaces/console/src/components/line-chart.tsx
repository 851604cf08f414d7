// A line chart over time (uPlot), with its values as a table for those who cannot see it.
import { useEffect, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import { formatClock, formatClockSeconds, formatDateTime, formatDateTimeSeconds, formatNumber, formatWeekday } from "../format.ts";
import { axisSize } from "./axis-size.ts";
import { useColorScheme } from "./color-scheme.ts";

export interface Series {
  readonly label: string;
  /** One value for each time; null leaves a gap. */
  readonly values: readonly (number | null)[];
  readonly color?: string;
  /** Draw steps: the value holds until the next one. */
  readonly isStepped?: boolean;
}

interface LineChartProps {
  label: string;
  /** Seconds since 1970, ascending. */
  times: readonly number[];
  series: readonly Series[];
  height?: number;
  unit?: string;
  /** The axis of values begins at 0, and has room for 1 at least. */
  isFromZero?: boolean;
}

/** Draw the series; the table of values can be opened below. */
export function LineChart({ label, times, series, height = 220, unit = "", isFromZero = false }: LineChartProps) {
  const element = useRef<HTMLDivElement>(null);
  const chart = useRef<uPlot | null>(null);
  const scheme = useColorScheme();
  const lines = JSON.stringify(series.map(({ values: _, ...line }) => line));
  useEffect(() => {
    const parent = element.current;
    if (!parent) return undefined;
    const drawn = new uPlot(options(parent, series, { height, unit, isFromZero }), chartData(times, series), parent);
    chart.current = drawn;
    const observer = new ResizeObserver(() => drawn.setSize({ width: parent.clientWidth, height }));
    observer.observe(parent);
    return () => {
      observer.disconnect();
      drawn.destroy();
    };
  }, [lines, height, unit, scheme]);
  useEffect(
    () => chart.current?.setData(chartData(times, series)),
    [JSON.stringify(times), JSON.stringify(series)],
  );
  return (
    <figure class="chart">
      <div ref={element} role="img" aria-label={`${label}: chart of ${times.length} values`} />
      <figcaption>
        <ValueTable label={label} times={times} series={series} />
      </figcaption>
    </figure>
  );
}

function ValueTable({ label, times, series }: Pick<LineChartProps, "label" | "times" | "series">) {
  const [isOpen, setOpen] = useState(false);
  const isShort = (times.at(-1) ?? 0) - (times[0] ?? 0) < 7200;
  const timeOf = isShort ? formatDateTimeSeconds : formatDateTime;
  return (
    <details onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>{label} as a table</summary>
      {isOpen && (
        <div class="table-frame" role="group" aria-label={`${label}, values`} tabIndex={0}>
          <table>
            <caption class="sr">{label}</caption>
            <thead>
              <tr>
                <th scope="col">Time</th>
                {series.map((each) => (
                  <th scope="col" class="number">
                    {each.label}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {times.map((time, index) => (
                <tr key={time}>
                  <td data-title="Time">{timeOf(time * 1000)}</td>
                  {series.map(({ label: name, values }) => (
                    <td class="number" data-title={name}>
                      {valueText(values[index])}
                    </td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </details>
  );
}

const valueText = (value: number | null | undefined): string =>
  value === null || value === undefined ? "–" : formatNumber(value);

function chartData(times: readonly number[], series: readonly Series[]): uPlot.AlignedData {
  return [[...times], ...series.map(({ values }) => [...values])];
}

/** With more values than this, the points of a line would touch each other. */
const MAX_POINTS = 60;
const DAY_SECONDS = 86_400;
/** The distances between ticks of the time axis, in seconds: no fractions of a second. */
const TIME_STEPS: readonly number[] = [
  ...[1, 2, 5, 10, 15, 30],
  ...[1, 2, 5, 10, 15, 30].map((minutes) => 60 * minutes),
  ...[1, 2, 3, 6, 12].map((hours) => 3600 * hours),
  ...[1, 2, 3, 7, 14, 30, 60, 90, 180, 365].map((days) => DAY_SECONDS * days),
];

/** A single time is drawn in the middle of an hour. */
const aroundTimes = (_: uPlot, first: number, last: number): [number, number] =>
  first === last ? [first - 1800, last + 1800] : [first, last];

const fromZero = (_: uPlot, __: number, max: number): [number, number] => [0, Math.max(1, 1.1 * max)];

function options(
  parent: HTMLElement,
  series: readonly Series[],
  { height, unit, isFromZero }: Required<Pick<LineChartProps, "height" | "unit" | "isFromZero">>,
): uPlot.Options {
  const stroke = resolvedColor(parent, "--text-soft");
  const line = { stroke: resolvedColor(parent, "--line"), width: 1 };
  const axis = { stroke, grid: line, ticks: line };
  return {
    width: parent.clientWidth || 300,
    height,
    scales: { x: { time: true, range: aroundTimes }, ...(isFromZero && { y: { range: fromZero } }) },
    legend: { show: series.length > 1 },
    cursor: { drag: { x: false, y: false } },
    axes: [
      { ...axis, space: 80, incrs: [...TIME_STEPS], values: (_, ticks, __, ___, step) => ticks.map((tick) => timeText(tick, step)) },
      { ...axis, size: (_, texts) => axisSize(texts), values: (_, ticks) => ticks.map((tick) => `${formatNumber(tick)}${unit}`) },
    ],
    series: [
      { value: (_, time) => (time ? formatDateTime(time * 1000) : "–") },
      ...series.map(({ label, color, isStepped }, index) => ({
        label,
        stroke: color ?? resolvedColor(parent, series.length > 1 ? `--chart-${1 + (index % 8)}` : "--accent"),
        width: 2,
        points: { show: (chart: uPlot) => chart.data[0].length <= MAX_POINTS, size: 6 },
        spanGaps: true,
        ...(isStepped && uPlot.paths.stepped ? { paths: uPlot.paths.stepped({ align: 1 }) } : {}),
      })),
    ],
  };
}

/** The text of a tick of the time axis: the reader's clock, or the day for steps of a day or more. */
function timeText(seconds: number, step: number): string {
  if (step >= DAY_SECONDS) return formatWeekday(seconds * 1000);
  return step < 60 ? formatClockSeconds(seconds * 1000) : formatClock(seconds * 1000);
}

/** Return what a colour variable means in the present colour scheme: a canvas takes no `light-dark()`. */
function resolvedColor(parent: HTMLElement, name: string): string {
  const probe = document.createElement("span");
  probe.style.color = `var(${name})`;
  parent.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}
